#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# expect_exit.sh CODE PATTERN COMMAND...: succeeds when the command ends with exactly this code and
# prints a line that matches the extended regular expression; within ENAS_WITHIN_S seconds, where that is set.
set -euo pipefail
expected=$1
pattern=$2
shift 2
code=0
output=$("$@" </dev/null 2>&1) || code=$?
seconds=$SECONDS
printf '%s\n' "$output"
if [[ -n ${ENAS_WITHIN_S:-} && $seconds -gt $ENAS_WITHIN_S ]]; then
  echo "expect_exit: ended after $seconds s, expected $ENAS_WITHIN_S s at most: $*" >&2
  exit 1
fi
if [[ $code -ne $expected ]]; then
  echo "expect_exit: exit code $code, expected $expected: $*" >&2
  exit 1
fi
if ! grep -Eq -- "$pattern" <<<"$output"; then
  echo "expect_exit: no line matches '$pattern': $*" >&2
  exit 1
fi
