# SPDX-License-Identifier: Apache-2.0
# Registration of tests. Names in CTest read unit/<folder>, mpi/<name>@<ranks>, e2e/<name>, lint/<name>.
find_package(GTest REQUIRED)
find_package(Python3 REQUIRED COMPONENTS Interpreter)
# scripts/setup.sh puts what the tests need into .venv.
set(ENAS_PYTHON ${Python3_EXECUTABLE})
if(EXISTS ${PROJECT_SOURCE_DIR}/.venv/bin/python)
  set(ENAS_PYTHON ${PROJECT_SOURCE_DIR}/.venv/bin/python)
endif()

# More ranks than cores are normal in tests. `timeout` stands outside, since mpirun itself can hang.
set(ENAS_MPIRUN timeout -k 5 120 ${MPIEXEC_EXECUTABLE})
execute_process(COMMAND ${MPIEXEC_EXECUTABLE} --version OUTPUT_VARIABLE ENAS_MPIRUN_VERSION ERROR_QUIET)
if(ENAS_MPIRUN_VERSION MATCHES "OpenRTE|Open MPI|open-mpi")
  list(APPEND ENAS_MPIRUN --oversubscribe --bind-to none --mca mpi_yield_when_idle 1)
endif()
# The leaks that a sanitizer sees in MPI programs are the MPI library's own. The library of file faults is
# loaded before the sanitizer's.
set(ENAS_MPI_ENVIRONMENT
    "OMPI_ALLOW_RUN_AS_ROOT=1;OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1;OMP_NUM_THREADS=1;ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0")
if(ENAS_SANITIZE)
  list(APPEND ENAS_MPI_ENVIRONMENT ENAS_SANITIZED=1)
endif()

# enas_test_program(<target>): a program of the tests. A test build/<target> brings it up to date; tests that run it
# name it in FIXTURES_REQUIRED. So testing starts while most programs are not compiled yet. One build at a
# time: two in one folder would disturb each other.
function(enas_test_program target)
  add_test(NAME build/${target} COMMAND ${CMAKE_COMMAND} --build ${CMAKE_BINARY_DIR} --target ${target})
  set_tests_properties(build/${target} PROPERTIES LABELS build FIXTURES_SETUP ${target} RESOURCE_LOCK build
                                                  PROCESSORS 2 TIMEOUT 1800)
endfunction()

# enas_unit_test(<folder> SOURCES ... [LINK targets...] [TORCH]): one binary for one folder, no MPI.
function(enas_unit_test folder)
  cmake_parse_arguments(ARG "TORCH" "" "SOURCES;LINK" ${ARGN})
  set(target unit_${folder})
  add_executable(${target} ${ARG_SOURCES})
  target_link_libraries(${target} PRIVATE ${ARG_LINK} enas_warnings GTest::gtest GTest::gtest_main)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  if(ARG_TORCH)
    enas_use_torch(${target})
  endif()
  enas_test_program(${target})
  add_test(NAME unit/${folder} COMMAND ${target})
  set_tests_properties(unit/${folder} PROPERTIES LABELS unit TIMEOUT 300 ENVIRONMENT "OMP_NUM_THREADS=1"
                                                  FIXTURES_REQUIRED ${target})
endfunction()

# enas_mpi_test(<name> SOURCES ... RANKS 1 2 ... [LINK targets...] [CHECKED_BY script args...] [TORCH]):
# one binary, one CTest entry a rank count. A script gets its args, then the command line to run.
function(enas_mpi_test name)
  cmake_parse_arguments(ARG "TORCH" "" "SOURCES;LINK;RANKS;CHECKED_BY" ${ARGN})
  set(target mpi_${name})
  add_executable(${target} ${ARG_SOURCES} ${PROJECT_SOURCE_DIR}/tests/support/mpi_main.cpp)
  target_link_libraries(${target} PRIVATE ${ARG_LINK} enas::comm enas_mpi enas_warnings GTest::gtest)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  if(ARG_TORCH)
    enas_use_torch(${target})
  endif()
  enas_test_program(${target})
  foreach(ranks IN LISTS ARG_RANKS)
    set(test mpi/${name}@${ranks})
    add_test(NAME ${test} COMMAND ${ARG_CHECKED_BY} ${ENAS_MPIRUN} -np ${ranks} $<TARGET_FILE:${target}>)
    set_tests_properties(${test} PROPERTIES LABELS "mpi;ranks${ranks}" TIMEOUT 150 PROCESSORS ${ranks}
                                            ENVIRONMENT "${ENAS_MPI_ENVIRONMENT}" FIXTURES_REQUIRED ${target})
  endforeach()
endfunction()
