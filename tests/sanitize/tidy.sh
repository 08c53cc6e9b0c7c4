#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tidy.sh CLANG_TIDY BUILD [FOLDER...]: the checks of .clang-tidy over the sources of folders; without
# any, of those that the preset `checks` builds. Two files at a time.
set -euo pipefail
tidy=$1 build=$2
shift 2
if (($#)); then
  pattern="/src/($(IFS='|' && echo "$*"))/"
else
  pattern='/src/(core|space|io|app)/'
fi
mapfile -t files < <(grep -o '"file": "[^"]*"' "$build/compile_commands.json" | cut -d'"' -f4 |
  grep -E "$pattern" | grep -v '/generated/' | sort -u)
((${#files[@]})) || { echo "tidy.sh: no sources that match $pattern in $build" >&2; exit 1; }
echo "clang-tidy over ${#files[@]} files"
# The compile commands may be those of another compiler.
printf '%s\0' "${files[@]}" | xargs -0 -n 1 -P 2 "$tidy" -p "$build" --quiet --warnings-as-errors='*' \
  --extra-arg=-include"$(dirname "$0")/../../cmake/source_location.hpp"
