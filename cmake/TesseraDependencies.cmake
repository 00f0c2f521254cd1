# What the project needs from the system, all of it packaged in Debian 12.

find_package(Threads REQUIRED)
find_package(Protobuf REQUIRED)
find_package(ONNX CONFIG REQUIRED)
find_package(Boost 1.74 REQUIRED COMPONENTS program_options iostreams)
find_package(ZLIB REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(PkgConfig REQUIRED)

# Debian's SystemC has no CMake package and is compiled for C++17: the kernel checks at link time that
# the model was compiled for the same standard, so C++20 code has to state the library's standard.
pkg_check_modules(SystemC REQUIRED IMPORTED_TARGET GLOBAL systemc)
target_compile_definitions(PkgConfig::SystemC INTERFACE SC_CPLUSPLUS=201703L)
