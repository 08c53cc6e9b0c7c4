#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# All checks that need a GPU, for a machine that has one or more:
#
#   scripts/build_cuda.sh -DENAS_BUILD_TESTS=ON && tests/gpu/run.sh
#
#   1. the tests of sums over NCCL, where they were built, with the real library
#   2. parity with the CPU: five steps of each of the three spaces, on one GPU and on all
#   3. whether the same search twice on all GPUs with NCCL_ALGO=Ring has the same bits (told, not demanded:
#      some of LibTorch's operations have no deterministic way on GPUs)
#   4. throughput of each space on one GPU and on all, as `enas_hpc bench` gives it
#
# --rehearse does the same on the CPU, to see that this script works. It ends with 1 when a check fails
# and with 66 when there is no GPU.
#
# ENAS_HPC      the program (build/cuda/src/app/enas_hpc)
# ENAS_PYTHON   a Python with h5py and numpy (.venv/bin/python)
# ENAS_MPIRUN   how ranks are started (mpirun --bind-to none)
# ENAS_GPU_OUT  where runs and tables go (build/gpu)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly tolerance=1e-3 # of float32 sums in another order, relative; a wrong gradient is off by far more
program=${ENAS_HPC:-build/cuda/src/app/enas_hpc}
python=${ENAS_PYTHON:-.venv/bin/python}
out=${ENAS_GPU_OUT:-build/gpu}
read -r -a mpirun <<<"${ENAS_MPIRUN:-mpirun --bind-to none}"
declare -A config=([recurrent]=tests/e2e/tiny.toml [macro]=tests/e2e/tiny_macro.toml
  [micro]=tests/e2e/tiny_micro.toml)
spaces=(recurrent macro micro)
slots=4 # of these configurations
failed=0

die() {
  printf 'tests/gpu: %s\n' "$1" >&2
  exit "$2"
}

[[ $# == 0 || "$*" == --rehearse ]] || die 'usage: tests/gpu/run.sh [--rehearse]' 64
[[ -x $program ]] || die "$program is not there: scripts/build_cuda.sh builds it (or set ENAS_HPC)" 66

if [[ ${1:-} == --rehearse ]]; then
  device=cpu gpus=2
else
  device=cuda
  seen=$("$program" doctor --json --run-dir "${TMPDIR:-/tmp}" </dev/null | sed -n 's/.*"gpus": "\(.*\)".*/\1/p')
  [[ $seen =~ ^([0-9]+)\ CUDA ]] || die "there is no GPU to test: ${seen:-doctor says nothing of GPUs}" 66
  gpus=${BASH_REMATCH[1]}
fi
ranks=$((gpus < slots ? gpus : slots))
mkdir -p "$out"

# search NAME SPACE DEVICE RANKS: five steps into $out/NAME
search() {
  rm -rf "${out:?}/$1"
  "${mpirun[@]}" -np "$4" "$program" --config "${config[$2]}" --run-dir "$out/$1" --device "$3" \
    --max-steps 5 --set checkpoint.every_steps=5 </dev/null >"$out/$1.log" 2>&1 ||
    { cat "$out/$1.log" >&2; die "the search $1 failed" 1; }
}

# check TEXT COMMAND...
check() {
  local text=$1
  shift
  printf '%-58s ' "$text"
  if "$@"; then return; fi
  echo "FAILED: $text"
  failed=1
}

same_hash() {
  local first second
  first=$("$program" state-hash "$1"/checkpoints/step-*5.h5 </dev/null)
  second=$("$program" state-hash "$2"/checkpoints/step-*5.h5 </dev/null)
  [[ $first == "$second" ]]
}

nccl=$(dirname "$program")/../../tests/mpi/nccl_contract_real
if [[ $device == cuda && -x $nccl ]]; then
  for ((count = 1; count <= ranks; ++count)); do
    check "sums over NCCL, $count ranks" env NCCL_ALGO=Ring "${mpirun[@]}" -np "$count" "$nccl" </dev/null
  done
fi

for space in "${spaces[@]}"; do
  search "$space-cpu" "$space" cpu 1
  search "$space-one" "$space" "$device" 1
  search "$space-all" "$space" "$device" "$ranks"
  check "$space: one $device device as the CPU" \
    "$python" tests/gpu/parity.py "$out/$space-cpu" "$out/$space-one" "$tolerance"
  check "$space: $ranks $device devices as the CPU" \
    "$python" tests/gpu/parity.py "$out/$space-cpu" "$out/$space-all" "$tolerance"
done

export NCCL_ALGO=Ring
for space in "${spaces[@]}"; do
  search "$space-ring1" "$space" "$device" "$ranks"
  search "$space-ring2" "$space" "$device" "$ranks"
  same_hash "$out/$space-ring1" "$out/$space-ring2" && verdict=the\ same || verdict=different
  echo "$space: twice on $ranks $device device(s): $verdict bits"
done
unset NCCL_ALGO

# Timings of a rehearsal mean nothing: one shows that it works.
[[ $device == cuda ]] || { spaces=(recurrent) ranks=1; }
for space in "${spaces[@]}"; do
  for count in $(printf '%s\n' 1 "$ranks" | sort -nu); do
    echo "== throughput: $space on $count $device device(s)"
    "${mpirun[@]}" -np "$count" "$program" bench --config "${config[$space]}" --device "$device" \
      --steps 5 --repeats 3 --phase weights </dev/null | tee "$out/bench-$space-$count.txt"
  done
done
((failed == 0)) || die 'some checks failed' 1
echo "tests/gpu: all checks passed on up to $((gpus < slots ? gpus : slots)) $device device(s)"
