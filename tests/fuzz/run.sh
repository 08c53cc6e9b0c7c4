#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run.sh BUILD READER [SECONDS [SEED]]: fuzzes the reader of configurations, architectures or
# checkpoints (config, architecture, checkpoint), or what libhdf5 makes of a forged image (image; 1.10.8
# does not survive it: docs/reliability.md). SEED 0 is another one each time. A crash, a hang of 10 s or
# an allocation above 1 GB fails, and the input that did it stays in BUILD/fuzz-READER-*.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$1 reader=$2 seconds=${3:-60} seed=${4:-0} limit=1024

corpus=$(mktemp -d)
trap 'rm -rf "$corpus"' EXIT
case $reader in
  config) cp "$here"/../../configs/*.toml "$corpus" ;;
  architecture) cp "$here"/../../configs/architectures/*.json "$corpus" ;;
  checkpoint) "$build/tests/fuzz/fuzz_seeds" "$corpus" ;;
  image)
    "$build/tests/fuzz/fuzz_seeds" "$corpus"
    # Inside libhdf5 a damaged size may ask for any amount of memory: it gets none above 1 GB and must
    # cope. What it had opened of a file that it then refuses it forgets.
    export ASAN_OPTIONS=${ASAN_OPTIONS:-}:allocator_may_return_null=1:max_allocation_size_mb=1024:detect_leaks=0
    limit=0
    ;;
  *)
    echo "run.sh: no reader '$reader'" >&2
    exit 64
    ;;
esac
if [[ -d $here/corpus/$reader ]]; then cp "$here/corpus/$reader"/* "$corpus"; fi

export ASAN_OPTIONS=${ASAN_OPTIONS:-}:quarantine_size_mb=64
"$build/tests/fuzz/fuzz_$reader" -max_total_time="$seconds" -seed="$seed" -timeout=10 -rss_limit_mb=1024 \
  -malloc_limit_mb=$limit -max_len=65536 -print_final_stats=1 -verbosity=1 \
  -artifact_prefix="$build/fuzz-$reader-" "$corpus"
