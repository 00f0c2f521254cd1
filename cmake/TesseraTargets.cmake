# protobuf_generate of CMake 3.25 puts the including folder on protoc's path first, so that equal file names
# of two folders would clash; here a schema's name is its path from the project root.
function(tessera_generate_protobuf target proto)
  file(RELATIVE_PATH path "${PROJECT_SOURCE_DIR}" "${CMAKE_CURRENT_SOURCE_DIR}/${proto}")
  string(REGEX REPLACE "\\.proto$" ".pb" stem "${PROJECT_BINARY_DIR}/${path}")
  add_custom_command(OUTPUT "${stem}.cc" "${stem}.h"
    COMMAND protobuf::protoc "--cpp_out=${PROJECT_BINARY_DIR}" -I "${PROJECT_SOURCE_DIR}"
            "${PROJECT_SOURCE_DIR}/${path}"
    DEPENDS "${PROJECT_SOURCE_DIR}/${path}" VERBATIM)
  target_sources(${target} PRIVATE "${stem}.cc" "${stem}.h")
endfunction()

# tessera_library(NAME [SOURCES ...] [PROTOS ...] [LINK ...])
# One library per folder, alias tessera::NAME. PROTOS are compiled with includes relative to the project root.
function(tessera_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PROTOS;LINK" ${ARGN})
  set(target tessera_${name})
  add_library(${target} ${ARG_SOURCES} ${ARG_PROTOS})
  add_library(tessera::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  target_compile_features(${target} PUBLIC cxx_std_20)
  # GCC 12 reports -Wrestrict inside std::string concatenation (GCC bug 105651).
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wno-restrict)
  target_include_directories(${target}
    PUBLIC "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>"
           "$<BUILD_INTERFACE:${PROJECT_BINARY_DIR}>"
           "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/tessera>")
  target_link_libraries(${target} PUBLIC ${ARG_LINK})
  if(ARG_PROTOS)
    foreach(proto ${ARG_PROTOS})
      tessera_generate_protobuf(${target} ${proto})
    endforeach()
    target_link_libraries(${target} PUBLIC protobuf::libprotobuf)
  endif()
  set_property(GLOBAL APPEND PROPERTY TESSERA_LIBRARIES ${target})
endfunction()

# tessera_test(NAME [SYSTEMC] [SOURCES ...] [LINK ...] [TIMEOUT seconds])
# A GoogleTest program whose cases CTest runs each in a process of its own. SYSTEMC programs get their
# main from the kernel library and start in sc_main.
function(tessera_test name)
  cmake_parse_arguments(ARG "SYSTEMC" "TIMEOUT" "SOURCES;LINK" ${ARGN})
  set(target test_${name})
  add_executable(${target} ${ARG_SOURCES})
  target_compile_options(${target} PRIVATE -Wall -Wextra)
  target_link_libraries(${target} PRIVATE ${ARG_LINK} GTest::gtest)
  if(ARG_SYSTEMC)
    target_sources(${target} PRIVATE "${PROJECT_SOURCE_DIR}/tests/support/sc_main.cpp")
    target_link_libraries(${target} PRIVATE PkgConfig::SystemC)
  else()
    target_link_libraries(${target} PRIVATE GTest::gtest_main)
  endif()
  target_compile_definitions(${target} PRIVATE TESSERA_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 600)
  endif()
  gtest_discover_tests(${target} DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT ${ARG_TIMEOUT})
endfunction()
