#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# check_hang_report.sh COMMAND...: the command must end with 79, in time, name rank, operation and
# step in one line, and leave a report.
set -u
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1

start=$SECONDS
"$@" </dev/null >stdout 2>stderr
code=$?
seconds=$((SECONDS - start))
cat stderr >&2

failed=0
check() {
  local what=$1
  shift
  if ! "$@"; then
    echo "check_hang_report: $what" >&2
    failed=1
  fi
}
check "exit code $code, expected 79" test "$code" -eq 79
check "took $seconds s, the sleeping rank was waited for" test "$seconds" -lt 45
check "no line names rank, operation and step" \
  grep -Eq 'rank [0-9]+ made no progress for [0-9.]+ s in exchange at step 17' stderr
check "no report was left" compgen -G 'hang-rank*.json' >/dev/null
check "a report does not hold the operation" grep -q '"operation": "exchange"' hang-rank*.json
exit $failed
