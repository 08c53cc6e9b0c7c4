#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every shell script must parse; shellcheck, where it is installed, must be silent. Scripts other than batch
# scripts, which handle failures themselves, must be in strict mode.
#   shell.sh ROOT
set -euo pipefail
cd "$1"
shopt -s nullglob
scripts=(scripts/*.sh .ci/run slurm/*.sh tests/*/*.sh)
failed=0
for script in "${scripts[@]}"; do
  bash -n "$script" || failed=1
  [[ $script == slurm/* ]] || grep -q '^set -euo pipefail$' "$script" || {
    echo "$script: no 'set -euo pipefail'"
    failed=1
  }
done
if command -v shellcheck >/dev/null; then
  shellcheck "${scripts[@]}" || failed=1
else
  echo "shellcheck is not installed: checked with bash -n alone"
fi
exit "$failed"
