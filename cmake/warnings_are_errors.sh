#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the compiler command that it is given; a warning makes it fail. It stands before ccache, so that a
# build with and one without this rule share what they compiled, and a warning out of the cache counts too.
set -u
messages=$("$@" 2>&1 >/dev/null)
code=$?
[ -z "$messages" ] || printf '%s\n' "$messages" >&2
case $messages in
  *'warning: '*)
    [ $code != 0 ] || echo 'error: warnings are errors here (ENAS_WERROR)' >&2
    [ $code != 0 ] || code=1
    ;;
esac
exit $code
