# SPDX-License-Identifier: Apache-2.0
# What talks to NCCL, run on the stand-in for it; and the real library on a machine without a GPU.
add_subdirectory(${PROJECT_SOURCE_DIR}/tests/support/nccl_stand_in nccl_stand_in)

enas_mpi_test(nccl SOURCES comm/nccl_reducer_test.cpp comm/reducer_contract_test.cpp
              LINK nccl_stand_in RANKS 1 2 4)

# The same tests on the real library, for tests/gpu/run.sh.
add_executable(nccl_contract_real comm/nccl_reducer_test.cpp comm/reducer_contract_test.cpp
                                  ${PROJECT_SOURCE_DIR}/tests/support/mpi_main.cpp)
target_link_libraries(nccl_contract_real PRIVATE enas::comm enas_warnings GTest::gtest)
target_include_directories(nccl_contract_real PRIVATE ${PROJECT_SOURCE_DIR}/tests)

add_executable(nccl_program comm/nccl_program.cpp)
target_link_libraries(nccl_program PRIVATE nccl_stand_in enas::comm enas_warnings)
add_executable(nccl_program_real comm/nccl_program.cpp)
target_link_libraries(nccl_program_real PRIVATE enas::comm enas_warnings)
enas_test_program(nccl_program)
enas_test_program(nccl_program_real)

# nccl_program_test(<name> <program> <ranks> <exit code> <pattern of a line> [VARIABLE=value...])
function(nccl_program_test name program ranks code pattern)
  set(test mpi/nccl_${name}@${ranks})
  add_test(NAME ${test} COMMAND ${PROJECT_SOURCE_DIR}/tests/support/expect_exit.sh ${code} ${pattern}
                                ${ENAS_MPIRUN} -np ${ranks} $<TARGET_FILE:${program}>)
  set_tests_properties(${test} PROPERTIES LABELS "mpi;fault;ranks${ranks}" TIMEOUT 150 PROCESSORS ${ranks}
                                          FIXTURES_REQUIRED ${program} ENVIRONMENT "${ENAS_MPI_ENVIRONMENT};${ARGN}")
endfunction()

# A fault of NCCL must end all ranks within 10 s; four times that on a machine with other work.
set(in_time ENAS_WITHIN_S=40)
foreach(ranks IN ITEMS 1 2 4)
  nccl_program_test(works nccl_program ${ranks} 0 "three sums are right")
  math(EXPR last "${ranks} - 1")
  nccl_program_test(error nccl_program ${ranks} 79 "NCCL failed on rank ${last} .*remote process exited"
                    ENAS_STAND_IN_FAULT=${last}:2:error ${in_time})
  nccl_program_test(never_ends nccl_program ${ranks} 79 "NCCL failed on rank .*has not ended within 2.0 s"
                    ENAS_STAND_IN_FAULT=${last}:3:hang ${in_time})
  nccl_program_test(abort_hangs nccl_program ${ranks} 79 "NCCL failed on rank .*its abort hangs too"
                    ENAS_STAND_IN_FAULT=0:1:hang ENAS_STAND_IN_ABORT=hang ${in_time})
  nccl_program_test(start_fails nccl_program ${ranks} 74 "rank ${last}: NCCL cannot start: .*system error"
                    ENAS_STAND_IN_FAULT=${last}:0:start)
  nccl_program_test(no_device nccl_program ${ranks} 66 "rank 0: there is no CUDA device"
                    ENAS_STAND_IN_DEVICES=0)
  nccl_program_test(other_version nccl_program ${ranks} 66 "was loaded is 2.29.3" ENAS_STAND_IN_NCCL_VERSION=22903)
endforeach()
nccl_program_test(two_ranks_on_one_gpu nccl_program 2 66 "ranks 0 and 1 both have the GPU 0000:01:00.0"
                  ENAS_STAND_IN_PCI=same)
nccl_program_test(two_ranks_one_visible nccl_program 2 66 "ranks 0 and 1 both have the GPU 0000:01:00.0"
                  ENAS_STAND_IN_DEVICES=1)
nccl_program_test(too_few_devices nccl_program 4 66 "has 2 CUDA devices and more ranks than that"
                  ENAS_STAND_IN_DEVICES=2)
if(NOT EXISTS /dev/nvidiactl)
  foreach(ranks IN ITEMS 1 2)
    nccl_program_test(real_library_without_gpu nccl_program_real ${ranks} 66 "rank 0: there is no CUDA device: ")
  endforeach()
endif()
