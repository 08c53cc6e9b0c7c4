# SPDX-License-Identifier: Apache-2.0
# Everything comes from the system or from CMAKE_PREFIX_PATH; configuring never downloads.
find_program(ENAS_CCACHE ccache)
if(ENAS_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # The precompiled header needs these; without them ccache refuses every file that uses it.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env "CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime"
      ${ENAS_CCACHE})
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
find_path(ENAS_RANDOM123_INCLUDE Random123/philox.h REQUIRED)
find_path(ENAS_TOMLPLUSPLUS_INCLUDE toml++/toml.h REQUIRED)

# A LibTorch in .venv (scripts/setup.sh puts it there) is found without being named.
file(GLOB ENAS_VENV_TORCH ${PROJECT_SOURCE_DIR}/.venv/lib/python3*/site-packages/torch/share/cmake)
list(APPEND CMAKE_PREFIX_PATH ${ENAS_VENV_TORCH})
find_package(Torch REQUIRED)

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
