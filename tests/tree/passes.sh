#!/bin/sh
# passes.sh PROGRAM PAGE - the worked example of PAGE, its blocks marked ```passes one after the other, is what PROGRAM
# (examples/passes.c) prints. To bring the page up to date, paste the program's output into the blocks.
set -eu
[ $# -eq 2 ] || { echo "usage: passes.sh PROGRAM PAGE" >&2; exit 2; }
awk '/^```passes$/ { if (n++) print ""; inside = 1; next } /^```$/ { inside = 0 } inside' "$2" >"${TMPDIR:-/tmp}/passes.$$"
trap 'rm -f "${TMPDIR:-/tmp}/passes.$$"' EXIT
if "$1" | diff "${TMPDIR:-/tmp}/passes.$$" -; then echo "1 passed, 0 failed"; else echo "0 passed, 1 failed"; exit 1; fi
