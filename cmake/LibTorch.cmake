# SPDX-License-Identifier: Apache-2.0
# LibTorch: the one that CMAKE_PREFIX_PATH leads to, else the one in .venv (scripts/setup.sh puts it there).
#
# LibTorch's CMake package for CUDA wants the CUDA toolkit with its compiler, which nothing here needs: a
# build for CUDA is linked by its libraries' paths instead.
file(GLOB ENAS_VENV_TORCH ${PROJECT_SOURCE_DIR}/.venv/lib/python3*/site-packages/torch/share/cmake)
list(APPEND CMAKE_PREFIX_PATH ${ENAS_VENV_TORCH})
find_file(ENAS_TORCH_CONFIG TorchConfig.cmake PATH_SUFFIXES Torch share/cmake/Torch lib/cmake/Torch
          NO_CMAKE_FIND_ROOT_PATH)
cmake_path(GET ENAS_TORCH_CONFIG PARENT_PATH ENAS_TORCH_ROOT)
get_filename_component(ENAS_TORCH_ROOT "${ENAS_TORCH_ROOT}/../../.." ABSOLUTE)

if(EXISTS ${ENAS_TORCH_ROOT}/lib/libtorch_cuda.so)
  set(TORCH_INSTALL_PREFIX ${ENAS_TORCH_ROOT})
  set(TORCH_LIBRARY ${ENAS_TORCH_ROOT}/lib/libtorch.so)
  set(TORCH_INCLUDE_DIRS ${ENAS_TORCH_ROOT}/include ${ENAS_TORCH_ROOT}/include/torch/csrc/api/include)
  foreach(name IN ITEMS torch torch_cpu torch_cuda c10 c10_cuda)
    list(APPEND ENAS_TORCH_PATHS ${ENAS_TORCH_ROOT}/lib/lib${name}.so)
  endforeach()
  # The devices' libraries register themselves when they are loaded; nothing calls them by name. One item,
  # since CMake may move or merge several; the paths again for the search path of the program.
  list(JOIN ENAS_TORCH_PATHS "," ENAS_TORCH_ITEM)
  set(TORCH_LIBRARIES "-Wl,--push-state,--no-as-needed,${ENAS_TORCH_ITEM},--pop-state" ${ENAS_TORCH_PATHS})
  message(STATUS "LibTorch for CUDA: ${ENAS_TORCH_ROOT}")
else()
  find_package(Torch REQUIRED)
endif()
