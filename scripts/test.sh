#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Sets up, builds with warnings as errors, and runs every test. The programs of the tests are built by
# tests of their own (build/...), each before the first test that needs it. The exit code is CTest's.
# Arguments go to ctest: scripts/test.sh -R unit
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/setup.sh --for test
# The CUDA build of LibTorch is large: only where it is asked for.
if [[ ${ENAS_CI_CUDA:-0} == 1 ]]; then scripts/build_cuda.sh -DENAS_WERROR=ON; fi
cmake --preset ci -DENAS_BUILD_TESTS=ON -DPython3_EXECUTABLE="$PWD/.venv/bin/python"
cmake --build --preset ci --target enas_hpc
echo "test: the program is built after $SECONDS s"

results=$PWD/build/release/tests.xml code=0
rm -f "$results"
ctest --preset ci --output-on-failure --output-junit "$results" -j2 "$@" </dev/null || code=$?
.venv/bin/python scripts/test_times.py "$results" "$SECONDS"
exit "$code"
