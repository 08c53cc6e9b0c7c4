#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the program against the CUDA build of LibTorch (5 GB, in .venv-cuda) into build/cuda and shows
# that it starts. No GPU, nvcc or CUDA toolkit is needed. scripts/setup.sh comes first.
#
#   scripts/build_cuda.sh [CMAKE ARGUMENTS...]
#
# ENAS_CUDA_TORCH   another pip requirement or index options for LibTorch (torch==2.14.1)
# ENAS_CUDA_JOBS    compilers at once (as many as there are cores)
#
# A disk with less than 12 GB free is left alone: the script says so and ends with 0. In continuous
# integration, scripts/test.sh calls it when ENAS_CI_CUDA is 1.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly needed_gb=12 venv=.venv-cuda build=build/cuda
torch_requirement=${ENAS_CUDA_TORCH:-torch==2.14.1}

free_gb=$(df --output=avail -BG . | tail -1 | tr -dc 0-9)
if ((free_gb < needed_gb)) && [[ ! -d $venv ]]; then
  echo "build_cuda: skipped: $free_gb GB are free here, the CUDA build of LibTorch needs $needed_gb GB"
  exit 0
fi

if [[ ! -x $venv/bin/python ]]; then python3 -m venv "$venv"; fi
if ! "$venv/bin/python" -c 'import importlib.metadata as m; m.version("torch")' 2>/dev/null; then
  echo "build_cuda: installing $torch_requirement into $venv"
  read -r -a arguments <<<"$torch_requirement"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
    "${arguments[@]}" nvidia-cuda-crt==13.0.88 nvidia-cuda-cccl==13.0.85 </dev/null
fi
torch_config=("$venv"/lib/python3*/site-packages/torch/share/cmake)

cmake --preset cuda -DCMAKE_PREFIX_PATH="$PWD/${torch_config[0]}" -DENAS_BUILD_TESTS=OFF "$@"
cmake --build --preset cuda --parallel "${ENAS_CUDA_JOBS:-$(nproc)}"
"$build/src/app/enas_hpc" --version
