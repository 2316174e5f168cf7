#!/bin/sh
# printed.sh PROGRAM PAGE MARK [ARGUMENT...] - the blocks of PAGE that are marked ```MARK, one after the other with an
# empty line between them, are what PROGRAM prints when it is run with the arguments. To bring the page up to date, paste
# the program's output into the blocks.
set -eu
[ $# -ge 3 ] || { echo "usage: printed.sh PROGRAM PAGE MARK [ARGUMENT...]" >&2; exit 2; }
program=$1 page=$2 mark=$3
shift 3
blocks=$(mktemp)
trap 'rm -f "$blocks"' EXIT
awk -v mark="\`\`\`$mark" '$0 == mark { if (n++) print ""; inside = 1; next } /^```$/ { inside = 0 } inside' "$page" >"$blocks"
[ -s "$blocks" ] || { echo "$page has no block marked $mark"; exit 1; }
if "$program" "$@" | diff "$blocks" -; then echo "1 passed, 0 failed"; else echo "0 passed, 1 failed"; exit 1; fi
