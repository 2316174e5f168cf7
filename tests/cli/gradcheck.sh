#!/bin/sh
# gradcheck.sh PROGRAM OBJECT - tests what `palindrome gradcheck` says about models that are right, wrong, or cannot be
# decided. OBJECT: the shared object made of checked_variants.c.
[ -f "${2-}" ] || { echo "usage: $0 PROGRAM OBJECT" >&2; exit 2; }
object=$(cd "$(dirname "$2")" && pwd)/$(basename "$2") || exit 2
set -- "$1"
# shellcheck source=tests/cli/helpers.sh
. "$(dirname "$0")/helpers.sh"

# A model is checked with each choice of the options that all models share, too. Some choices some models do not accept.
n='[0-9][0-9]*'
checks="$n checks, worst .* at order 1"
refused="; $n settings not accepted by a model"

# ---- Right
verdict 0 "^PASS: $n checks, worst .* at order 1, .* at order 2, 0 kinks, 0 failed$refused\$" right
verdict 0 "^PASS: $n checks, worst .* at order 2, 0 kinks, 0 failed" right --order 2
verdict 0 "^PASS: $checks, 0 kinks, 0 failed" phased --order 1
check "a phase with a loss of its own is a case" line '^phased  *first  *1 '
check "with each of the settings" line '^phased  *init he, first  *1 '
verdict 0 "^PASS: $n checks, worst .* at order 2, 0 kinks, 0 failed" many --order 2
check "parts of many parameters are one row" [ "$(grep -c '^many  *init he ' out)" -eq 1 ]

# ---- Wrong
verdict 1 "^FAIL: $checks, 0 kinks, $n failed" wrong --order 1
check "no row passes" [ "$(grep -c '^wrong .*  pass$' out)" -eq 0 ]
check "the rows say FAIL" line '^wrong .*  fail$'
check "where, and both numbers" line '^    encoder/.*\[.*\]: analytic .*, numeric .*, error .* (allowed 1e-07)$'
check "how exact the numeric one is" line '^    numeric: error bar .*, differences of step .*, of observed order .* (2 is correct)$'
check "where it can be used" line '^    usable domain: \[.*, .*\]$'
check "the rate of the remainder" line '^    the first-order Taylor remainder falls at rate 1\.[0-9]*, not 2$'
verdict 1 "^FAIL: $checks, 0 kinks, $n failed" right wrong --order 1 exp
check "failures come first" [ "$(sed -n 2p out | cut -c 1-5)" = wrong ]
check "what passes comes last" [ "$(grep -c '^\(right\|exp\) .*  pass$' out)" -gt 10 ]
verdict 1 "^FAIL: " many-wrong --order 2
check "the worst of the parts is named" line '^    p39/W \[.*\]: analytic '

# ---- At a kink, and where nothing can be decided
verdict 0 "^PASS: $checks, 0 kinks, 0 failed" kinked --order 1
verdict 0 "^PASS: $checks, $n kinks, 0 failed" bent --order 1
check "a model at a kink is no failure" line '^bent .*  kink$'
verdict 1 "^NOT DECIDED: $checks, 0 kinks, 0 failed, $n not decided" undecided --order 1
check "the rows say so" line '^undecided .*  not decided$'
check "and why" line '^    not decided: input .* at \[0\], x = 0, usable from 0 to 0: derivative .*; numeric does not exist: the values beside x are not finite$'
verdict 1 "^FAIL: $checks, 0 kinks, $n failed, $n not decided" undecided wrong --order 1
check "what failed comes before what is not decided" [ "$(sed -n 2p out | cut -c 1-5)" = wrong ]

# ---- Settings that a model does not accept
verdict 1 "^FAIL: $n checks, .*, 2 failed$refused\$" choosy
check "what is an error of the model fails" line '^choosy  *way broken .*  error$'
check "and says why" line '^    choosy: matmul: \[2,30\] x \[2,30\] in loss'
check "without numbers" line '^choosy  *way broken  *1  *-  *-  *-  *-  *-  *-  *error$'
check "what is refused has no row" [ "$(grep -c '^choosy  *way refused' out)" -eq 0 ]
check "but it has a name" grep -q 'not checked, because.*choosy (way refused)' out

# ---- JSON
"$program" --load "$object" gradcheck wrong choosy --order 1 --json > out 2> err
check "json: exit status" [ $? -eq 1 ]
check "json: a document" is_json out
for word in fail error pass; do check "json: $word" grep -q "\"verdict\": \"$word\"" out; done
check "json: an error has no number" grep -q '"relative_error": null' out
check "json: the reason" grep -q '"message": "input .*: derivative .*; the first-order Taylor' out

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
