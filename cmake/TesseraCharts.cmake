# Fetches the chart library of the HTML report with npm, as pinned with its hash in package-lock.json, into the build
# folder. Third-party code is never part of the source tree. Where npm or its registry is out of reach, the program
# is built without reports and says so.
function(tessera_fetch_charts web_dir out_dir)
  set(TESSERA_CHARTS OFF PARENT_SCOPE)
  set(lock "${web_dir}/package-lock.json")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${lock}" "${web_dir}/package.json")
  file(SHA256 "${lock}" wanted)
  set(present "")
  if(EXISTS "${out_dir}/fetched")
    file(READ "${out_dir}/fetched" present)
  endif()
  if(NOT present STREQUAL wanted)
    find_program(TESSERA_NPM npm)
    if(NOT TESSERA_NPM)
      message(WARNING "npm not found: building without HTML reports (scripts/install-packages installs it)")
      return()
    endif()
    file(REMOVE_RECURSE "${out_dir}")
    file(COPY "${web_dir}/package.json" "${lock}" DESTINATION "${out_dir}")
    execute_process(COMMAND "${TESSERA_NPM}" ci --ignore-scripts --no-audit --no-fund
      WORKING_DIRECTORY "${out_dir}" RESULT_VARIABLE failed OUTPUT_VARIABLE output ERROR_VARIABLE output)
    if(failed)
      message(WARNING "npm could not fetch the chart library: building without HTML reports\n${output}")
      return()
    endif()
    file(WRITE "${out_dir}/fetched" "${wanted}")
  endif()
  set(modules "${out_dir}/node_modules")
  execute_process(
    COMMAND "${CMAKE_COMMAND}" -E cat "${modules}/echarts/NOTICE" "${modules}/echarts/LICENSE"
            "${modules}/echarts/licenses/LICENSE-d3" "${modules}/zrender/LICENSE" "${modules}/tslib/LICENSE.txt"
    OUTPUT_FILE "${out_dir}/licences.txt" COMMAND_ERROR_IS_FATAL ANY)
  set(TESSERA_CHARTS ON PARENT_SCOPE)
endfunction()
