# SPDX-License-Identifier: Apache-2.0
# enas_library(<folder> SOURCES ... [LINK targets...] [PRIVATE_LINK targets...] [TORCH])
#
# One static library for one folder of src, linked only to what its row of the table in CONTRIBUTING.md
# allows. TORCH folders see all of LibTorch and share one precompiled header; folders that need only narrow
# headers (ATen/core/Tensor.h, ATen/ops/*.h) get LibTorch from the folders they link.
function(enas_library folder)
  cmake_parse_arguments(ARG "TORCH" "" "SOURCES;LINK;PRIVATE_LINK" ${ARGN})
  set(target enas_${folder})
  add_library(${target} STATIC ${ARG_SOURCES})
  add_library(enas::${folder} ALIAS ${target})
  target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(${target} PUBLIC ${ARG_LINK} PRIVATE enas_warnings ${ARG_PRIVATE_LINK})
  if(ARG_TORCH)
    enas_use_torch(${target})
  endif()
endfunction()

# Lets a target include LibTorch through the shared precompiled header.
function(enas_use_torch target)
  target_link_libraries(${target} PUBLIC enas_torch)
  target_precompile_headers(${target} REUSE_FROM enas_torch_pch)
  # The header's owner is compiled with exactly these options; a precompiled header must match.
  target_compile_options(${target} PRIVATE -Winvalid-pch)
endfunction()

file(WRITE ${CMAKE_BINARY_DIR}/torch_pch.cpp "// Exists to own the precompiled header.\n")
add_library(enas_torch_pch OBJECT ${CMAKE_BINARY_DIR}/torch_pch.cpp)
target_link_libraries(enas_torch_pch PRIVATE enas_warnings enas_torch)
target_compile_options(enas_torch_pch PRIVATE -Winvalid-pch)
target_precompile_headers(enas_torch_pch PRIVATE <torch/torch.h>)
