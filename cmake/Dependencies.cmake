# SPDX-License-Identifier: Apache-2.0
# Everything comes from the system or from CMAKE_PREFIX_PATH; configuring never downloads.
find_program(ENAS_CCACHE ccache)
if(ENAS_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # The precompiled header needs the sloppiness; without it ccache refuses every file that uses the header.
  # Paths are relative to the checkout, so that another clone of it finds what this one compiled.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env "CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime"
      CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${ENAS_CCACHE})
endif()
if(ENAS_WERROR)
  # Not by -Werror: the compiler's options, and with them what ccache holds, stay those of a build without.
  list(PREPEND CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_CURRENT_LIST_DIR}/warnings_are_errors.sh)
endif()

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(MPI REQUIRED COMPONENTS CXX)
find_package(HDF5 REQUIRED COMPONENTS C)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(hwy REQUIRED IMPORTED_TARGET libhwy)
find_path(ENAS_RANDOM123_INCLUDE Random123/philox.h REQUIRED)
find_path(ENAS_TOMLPLUSPLUS_INCLUDE toml++/toml.h REQUIRED)

include(LibTorch)

if(ENAS_NCCL STREQUAL "AUTO")
  find_package(NCCL)
elseif(ENAS_NCCL)
  find_package(NCCL REQUIRED)
endif()

add_library(enas_mpi INTERFACE)
target_include_directories(enas_mpi SYSTEM INTERFACE ${MPI_CXX_INCLUDE_DIRS})
target_compile_definitions(enas_mpi INTERFACE OMPI_SKIP_MPICXX=1 MPICH_SKIP_MPICXX=1)
target_link_libraries(enas_mpi INTERFACE ${MPI_CXX_LIBRARIES})

add_library(enas_hdf5 INTERFACE)
target_include_directories(enas_hdf5 SYSTEM INTERFACE ${HDF5_C_INCLUDE_DIRS})
target_link_libraries(enas_hdf5 INTERFACE ${HDF5_C_LIBRARIES})

add_library(enas_torch INTERFACE)
target_include_directories(enas_torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
separate_arguments(ENAS_TORCH_FLAGS UNIX_COMMAND "${TORCH_CXX_FLAGS}")
target_compile_options(enas_torch INTERFACE ${ENAS_TORCH_FLAGS})
target_link_libraries(enas_torch INTERFACE ${TORCH_LIBRARIES})
# LibTorch's parallel loops are templates that stay on one thread unless the file that includes them is
# compiled with OpenMP. The runtime must be the one that LibTorch brings, where it brings one.
get_filename_component(ENAS_TORCH_FOLDER ${TORCH_LIBRARY} DIRECTORY)
if(NOT ENAS_FOLDERS OR nn IN_LIST ENAS_FOLDERS)
  find_package(OpenMP REQUIRED COMPONENTS CXX)
endif()
target_compile_options(enas_torch INTERFACE ${OpenMP_CXX_FLAGS})
find_library(ENAS_TORCH_OPENMP NAMES libgomp.so.1 libomp.so libiomp5.so PATHS ${ENAS_TORCH_FOLDER}
             NO_DEFAULT_PATH)
if(ENAS_TORCH_OPENMP)
  target_link_libraries(enas_torch INTERFACE ${ENAS_TORCH_OPENMP})
else()
  target_link_libraries(enas_torch INTERFACE OpenMP::OpenMP_CXX)
endif()

# MKL inside LibTorch asks a function of its own whose processor it runs on. Is it one that a program can
# answer in its place?
execute_process(COMMAND ${CMAKE_NM} --dynamic --defined-only ${ENAS_TORCH_FOLDER}/libtorch_cpu.so
                OUTPUT_VARIABLE ENAS_TORCH_SYMBOLS ERROR_QUIET)
string(FIND "${ENAS_TORCH_SYMBOLS}" " mkl_serv_intel_cpu_true\n" ENAS_MKL_SWITCH_PLACE)
unset(ENAS_TORCH_SYMBOLS)
if(ENAS_MKL_FAST_PATH AND ENAS_MKL_SWITCH_PLACE LESS 0)
  message(STATUS "LibTorch has no MKL that can be switched: ENAS_MKL_FAST_PATH has no effect")
endif()
