# Installs the program, the libraries with their headers, presets and zoo, and a CMake package:
# find_package(tessera) then link tessera::sim. The package says in tessera_DATA_DIR where presets, zoo
# and devices are, for programs that are not installed beside them.
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/tessera")
set(data_dir "${CMAKE_INSTALL_DATADIR}/tessera")

get_property(libraries GLOBAL PROPERTY TESSERA_LIBRARIES)
install(TARGETS ${libraries} EXPORT tesseraTargets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT tesseraTargets NAMESPACE tessera:: DESTINATION ${package_dir})

# Written headers and generated ones keep the path by which they are included. Folders without headers
# are named so that they do not appear empty.
foreach(folder sim hw_models noc mapping workloads validation)
  install(DIRECTORY "${PROJECT_SOURCE_DIR}/${folder}"
          DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/tessera FILES_MATCHING PATTERN "*.h"
          PATTERN "zoo" EXCLUDE PATTERN "presets" EXCLUDE PATTERN "devices" EXCLUDE
          PATTERN "reference" EXCLUDE)
  install(DIRECTORY "${PROJECT_BINARY_DIR}/${folder}"
          DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/tessera FILES_MATCHING PATTERN "*.pb.h"
          PATTERN "CMakeFiles" EXCLUDE)
endforeach()

configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/tesseraConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/tesseraConfig.cmake"
  INSTALL_DESTINATION ${package_dir} PATH_VARS data_dir)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/tesseraConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/tesseraConfig.cmake"
              "${PROJECT_BINARY_DIR}/tesseraConfigVersion.cmake"
              "${PROJECT_SOURCE_DIR}/cmake/TesseraDependencies.cmake"
        DESTINATION ${package_dir})
