#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Sets up, builds with warnings as errors, and runs every test. CTest's closing line is the verdict and
# its exit code is ours. Arguments go to ctest: scripts/test.sh -R unit
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/setup.sh --for test
# The CUDA build of LibTorch is large: only where it is asked for.
if [[ ${ENAS_CI_CUDA:-0} == 1 ]]; then scripts/build_cuda.sh -DENAS_WERROR=ON; fi
cmake --preset ci -DENAS_BUILD_TESTS=ON -DPython3_EXECUTABLE="$PWD/.venv/bin/python"
cmake --build --preset ci
exec ctest --preset ci --output-on-failure -j2 "$@" </dev/null
