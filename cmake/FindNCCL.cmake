# SPDX-License-Identifier: Apache-2.0
# NCCL and the CUDA runtime that it needs, headers and libraries: of LibTorch's Python environment or of
# .venv, where pip puts them (without the plain .so links), else of the system. No nvcc is needed.
#
#   NCCL_FOUND   and the target NCCL::NCCL
cmake_path(GET TORCH_INSTALL_PREFIX PARENT_PATH ENAS_TORCH_SITE)
file(GLOB ENAS_NVIDIA_WHEELS ${ENAS_TORCH_SITE}/nvidia/*
     ${PROJECT_SOURCE_DIR}/.venv/lib/python3*/site-packages/nvidia/*)
set(ENAS_CUDA_PLACES $ENV{CUDA_HOME} $ENV{CUDA_PATH} /usr/local/cuda)

find_path(NCCL_INCLUDE_DIR nccl.h HINTS ${ENAS_NVIDIA_WHEELS} PATHS ${ENAS_CUDA_PLACES} PATH_SUFFIXES include)
find_library(NCCL_LIBRARY NAMES nccl libnccl.so.2 NAMES_PER_DIR HINTS ${ENAS_NVIDIA_WHEELS}
             PATHS ${ENAS_CUDA_PLACES} PATH_SUFFIXES lib lib64)
find_path(NCCL_CUDART_INCLUDE_DIR cuda_runtime_api.h HINTS ${ENAS_NVIDIA_WHEELS} PATHS ${ENAS_CUDA_PLACES}
          PATH_SUFFIXES include)
find_library(NCCL_CUDART_LIBRARY NAMES cudart libcudart.so.13 libcudart.so.12 NAMES_PER_DIR
             HINTS ${ENAS_NVIDIA_WHEELS} PATHS ${ENAS_CUDA_PLACES} PATH_SUFFIXES lib lib64)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(NCCL REQUIRED_VARS NCCL_LIBRARY NCCL_INCLUDE_DIR NCCL_CUDART_LIBRARY
                                                     NCCL_CUDART_INCLUDE_DIR)
mark_as_advanced(NCCL_INCLUDE_DIR NCCL_LIBRARY NCCL_CUDART_INCLUDE_DIR NCCL_CUDART_LIBRARY)
if(NCCL_FOUND AND NOT TARGET NCCL::NCCL)
  add_library(NCCL::NCCL INTERFACE IMPORTED)
  target_include_directories(NCCL::NCCL INTERFACE ${NCCL_INCLUDE_DIR} ${NCCL_CUDART_INCLUDE_DIR})
  target_link_libraries(NCCL::NCCL INTERFACE ${NCCL_LIBRARY} ${NCCL_CUDART_LIBRARY})
endif()
