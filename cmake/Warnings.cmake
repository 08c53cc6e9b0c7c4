# SPDX-License-Identifier: Apache-2.0
# One interface target carries the warnings and sanitizers of our own code.
add_library(enas_warnings INTERFACE)
target_compile_options(enas_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
                                               -Woverloaded-virtual)
if(ENAS_NATIVE)
  target_compile_options(enas_warnings INTERFACE -march=native)
endif()
if(ENAS_SANITIZE)
  target_compile_options(enas_warnings INTERFACE -fsanitize=${ENAS_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(enas_warnings INTERFACE -fsanitize=${ENAS_SANITIZE})
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(enas_warnings INTERFACE -include ${PROJECT_SOURCE_DIR}/cmake/source_location.hpp)
endif()
