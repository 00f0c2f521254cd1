# Installs into a fresh prefix, moves the prefix, builds the consumer against it and compares the
# consumer's simulation with that of the installed program.

# Runs a command and gives its standard output to the caller; stops the test when it fails.
function(run output)
  execute_process(COMMAND ${ARGN} OUTPUT_VARIABLE text ERROR_VARIABLE errors RESULT_VARIABLE code)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "exit ${code} of: ${ARGN}\n${text}\n${errors}")
  endif()
  set(${output} "${text}" PARENT_SCOPE)
endfunction()

function(expect_equal what left right)
  if(NOT left STREQUAL right)
    message(FATAL_ERROR "${what}: consumer '${left}', installed program '${right}'")
  endif()
endfunction()

# The source tree may hold data files too: these must come from the installation, and an installation
# must survive a move.
unset(ENV{TESSERA_DATA_DIR})
file(REMOVE_RECURSE "${work}")
file(MAKE_DIRECTORY "${work}")
run(ignored ${CMAKE_COMMAND} --install "${build}" --config "${config}" --prefix "${work}/first")
file(RENAME "${work}/first" "${work}/prefix")

run(ignored ${CMAKE_COMMAND} -S "${consumer}" -B "${work}/build" -G "${generator}"
    "-DCMAKE_BUILD_TYPE=${config}" "-DCMAKE_CXX_FLAGS=${cxx_flags}"
    "-DCMAKE_PREFIX_PATH=${work}/prefix" -DCMAKE_FIND_USE_PACKAGE_REGISTRY=OFF)
run(ignored ${CMAKE_COMMAND} --build "${work}/build" --config "${config}")
run(simulated "${work}/build/consumer")

set(tessera "${work}/prefix/bin/tessera")
run(ignored "${tessera}" run --accelerator tangram-4x4 --network tiny_mlp --functional
    --out "${work}/out")
file(READ "${work}/out/result.json" expected)
foreach(key cycles macs functional_match cycle_stack energy_pj)
  string(JSON left GET "${simulated}" ${key})
  string(JSON right GET "${expected}" ${key})
  expect_equal(${key} "${left}" "${right}")
endforeach()

# The message names the folder that was searched.
execute_process(COMMAND "${tessera}" run --accelerator tangram-4x4 --network tiny_mpl
                ERROR_VARIABLE errors RESULT_VARIABLE code)
if(NOT code EQUAL 2 OR NOT errors MATCHES "${work}/prefix/share/tessera/zoo")
  message(FATAL_ERROR "exit ${code}, zoo not looked up in the installation: ${errors}")
endif()
