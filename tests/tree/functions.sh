#!/bin/sh
# functions.sh - docs/functions.md is what scripts/functions makes of the headers, and the script leaves no function out: one
# that stands under no heading or has no comment is refused by name, and a new one under a heading is on the page.
set -u
LC_ALL=C
export LC_ALL
cd "$(dirname "$0")/../.." || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
passed=0
failed=0
check() { # what, command...
    what=$1
    shift
    if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED: $what"; fi
}
headers="models/models.h ops/ops.h autograd/autograd.h"

./scripts/functions >"$work/page" 2>"$work/said"
check "the script works" [ ! -s "$work/said" ]
check "docs/functions.md is up to date: run ./scripts/functions > docs/functions.md" cmp docs/functions.md "$work/page"
# shellcheck disable=SC2086
# Each name that begins a declaration is on the page, or below a heading for the host. This does not rely on the script.
awk '/^\/\* ----/ { host = /^\/\* ---- Host:/ } !host && /^[a-z].*[ *]pal_[a-z0-9_]+\(/ && !/^typedef|^template/ {
    sub(/\(.*/, ""); sub(/.*[ *]/, ""); print }' $headers | sort -u >"$work/names"
check "there are many names" [ "$(wc -l <"$work/names")" -gt 200 ]
while read -r name; do check "$name is on the page" grep -q "$name(" docs/functions.md; done <"$work/names"
# shellcheck disable=SC2046
for name in abs clip atan2 $(sed -n 's/^[A-Z_]*(\([a-z0-9_]*\), .*"[^"]*")$/\1/p' ops/elementwise.def); do
    check "$name is on the page" grep -q "\`$name\`" docs/functions.md
done
check "nothing of the host is on the page" [ "$(grep -c 'pal_compile\|pal_model_new\|pal_tape_new\|pal_run(' docs/functions.md)" -eq 0 ]

for field in 'pal_var (\*corrupt)(pal_model \*m, pal_var x);' 'PAL_OPTION_REALS,' 'double low, high;' 'PAL_TRAIN, PAL_EVALUATE'; do
    check "$field is on the page" grep -q "^.*$field" docs/functions.md
done

# Headers with one more function.
for file in $headers ops/elementwise.def; do
    mkdir -p "$work/$(dirname "$file")"
    cp "$file" "$work/$file"
done
try() { # WHERE LINE: the line is put below the first line that contains WHERE
    awk -v where="$1" -v line="$2" '{ print } index($0, where) && !done { print line; done = 1 }' ops/ops.h >"$work/ops/ops.h"
    ./scripts/functions "$work" >"$work/page" 2>"$work/said"
    status=$?
}
try '#define PAL_OPS_H' 'pal_var pal_lost(pal_var x); /* it is lost */'
check "a function under no heading" [ "$status $(cat "$work/said")" = "1 functions: ops/ops.h: pal_lost is under no heading" ]
try '---- Indexing' '
pal_var pal_silent(pal_var x);'
check "a function without a comment" [ "$status $(cat "$work/said")" = "1 functions: ops/ops.h: pal_silent has no comment" ]
try '---- Indexing' '
pal_var pal_new(pal_var x,
                int axis); /* it is et al. 2 of them. And more. */'
check "a new function" [ "$status $(grep -c '^- `pal_var pal_new(pal_var x, int axis)`: it is et al. 2 of them$' "$work/page")" = "0 1" ]
try '---- Host: the registry' '
pal_var pal_host(pal_var x); /* it is of the host */'
check "a new function of the host" [ "$status $(grep -c pal_host "$work/page")" = "0 0" ]

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
