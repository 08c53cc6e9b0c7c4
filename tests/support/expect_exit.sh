#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# expect_exit.sh CODE PATTERN COMMAND...: succeeds when the command ends with exactly this code and
# prints a line that matches the extended regular expression.
set -euo pipefail
expected=$1
pattern=$2
shift 2
code=0
output=$("$@" </dev/null 2>&1) || code=$?
printf '%s\n' "$output"
if [[ $code -ne $expected ]]; then
  echo "expect_exit: exit code $code, expected $expected: $*" >&2
  exit 1
fi
if ! grep -Eq -- "$pattern" <<<"$output"; then
  echo "expect_exit: no line matches '$pattern': $*" >&2
  exit 1
fi
