#!/bin/sh
# gradcheck_functions.sh PROGRAM OBJECT - tests what `palindrome gradcheck` says about functions that an object registers.
# OBJECT: the shared object made of checked_functions.c.
[ -f "${2-}" ] || { echo "usage: $0 PROGRAM OBJECT" >&2; exit 2; }
object=$(cd "$(dirname "$2")" && pwd)/$(basename "$2") || exit 2
set -- "$1"
# shellcheck source=tests/cli/helpers.sh
. "$(dirname "$0")/helpers.sh"
n='[0-9][0-9]*'

# ---- Without a name: what is registered, and nothing else
verdict 1 "^FAIL: 7 checks, worst .* at order 1, .* at order 2, 0 kinks, 3 failed$"
check "a gradient" line '^cube  *float64  *1 .* pass$'
check "a product of the Hessian" line '^cube  *float64  *2 .* pass$'
check "float32" line '^sine  *float32  *1 .* pass$'
check "a wrong sign" line '^    gradient of x: the sign is flipped: at \['
check "where it was written" line '^    source: checked_functions.c$'
check "a wrong product" line '^cube/product  *float64  *2 .* fail$'
check "its gradient is right" line '^cube/product  *float64  *1 .* pass$'
check "a function that gives up" line '^never .* error$'
check "no operation" [ "$(grep -c '^exp ' out)" -eq 0 ]

# ---- Names and orders
verdict 0 "^PASS: 1 checks, worst .* at order 1, 0 kinks, 0 failed$" sine
verdict 0 "^PASS: 1 checks, worst .* at order 2, 0 kinks, 0 failed$" cube --order 2
verdict 0 "^PASS: 1 checks, worst .* at order 1, 0 kinks, 0 failed$" cube/product --order 1
verdict 1 "^FAIL: $n checks" exp cube/negated --order 1
check "beside an operation" line '^exp  .* pass$'
refused "a name that is none" 'no operation or model or function is called cubes.*did you mean cube?' \
    gradcheck --load "$object" cubes
refused "two forms" 'give one' gradcheck --load "$object" --json --tap

# ---- JSON and TAP
"$program" gradcheck --load "$object" cube/negated --json > out 2> err
check "json: exit status" [ $? -eq 1 ]
check "json: a document" is_json out
for word in '"kind": "function"' '"mistake": "the sign is flipped"' '"verdict": "fail"' '"case": "float64"'; do
    check "json: $word" line "$word"
done
"$program" gradcheck --load "$object" --tap > out 2> err
check "tap: exit status" [ $? -eq 1 ]
check "tap: version and plan" [ "$(sed -n 1,2p out | tr '\n' ' ')" = "TAP version 13 1..7 " ]
check "tap: one line a check" [ "$(grep -c '^ok \|^not ok ' out)" -eq 7 ]
check "tap: right" line '^ok 1 - cube float64 order 1$'
check "tap: wrong" line '^not ok 3 - cube/negated float64 order 1$'
check "tap: why" line '^  mistake: "the sign is flipped"$'
check "tap: operations" [ "$("$program" gradcheck exp --order 1 --tap | grep -c '^ok [0-9]* - exp ')" -gt 3 ]

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
