#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# build.sh CLANG++ PYTHON: brings build/checks up to date.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
cmake --preset checks -DCMAKE_CXX_COMPILER="$1" -DCMAKE_C_COMPILER="${1/clang++/clang}" -DPython3_EXECUTABLE="$2"
cmake --build build/checks --target sanitized -j2
