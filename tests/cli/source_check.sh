#!/bin/sh
# source_check.sh PROGRAM - tests the verb check on models that are files of C code. Works in a temporary folder, with a home
# of its own. Its last line is "N passed, N failed".
. "$(dirname "$0")/helpers.sh"
unset CC XDG_CACHE_HOME
HOME=$work/home
export HOME
mkdir "$HOME"
works "a new variant" new mine
works "new from basic" new my-basic --from basic

works "check" check ./my-basic.c
check "a verdict a line" [ "$(grep -c '^pass  ' out)" -ge 11 ]
works "check as JSON" check ./my-basic.c --json
check "JSON parses" is_json out
check "JSON says that it passed" grep -q '"passed": true' out
works "check of a model of the library" check linear
fails() { # WHAT NAME MENTIONED SED...: check of mine.c, so edited, fails at NAME with a line that contains MENTIONED
    what=$1 name=$2 word=$3
    sed "$4" mine.c > bad.c
    COLUMNS=1000 "$program" check ./bad.c > out 2> err
    status=$?
    if [ $status -ne 1 ]; then fail "$what: exit status $status: $(cat err)"
    elif ! tail -n 1 err | grep -q '^palindrome: ./bad.c: [1-9][0-9]* of [1-9][0-9]* checks failed$'; then fail "$what: $(cat err)"
    elif ! grep "^FAIL  $name" out | grep -q "$word"; then fail "$what: $(cat out)"
    else pass
    fi
}
fails "a warning" compiles 'with warnings' 's/pal_var x = b->inputs,/int unused; &/'
fails "a held gradient" 'first derivatives' 'derivatives' 's/pal_abs(h)/pal_stop_gradient(pal_mul(h, h))/'
fails "a loss that is no number" images 'the loss is -inf' 's/return pal_add(nll, /return pal_add(pal_log(pal_scale(nll, 0)), /'
fails "a code of two samples in a row" images 'not taken: .*matmul: \[2,1\]' 's/\.encode = pal_encode_layers/.encode = first_two/;s/^static const pal_option/static pal_var first_two(pal_model *m, pal_var x) { return pal_slice(pal_encode_layers(m, x), (const int64_t[]){0, 0}, (const int64_t[]){2, 1}, (const int64_t[]){1, 1}); }\n&/'
fails "a static value" recording 'static variable' 's/pal_option_real(m, "lambda")/(counted += 0.1)/;s/^static pal_var loss/static double counted;\n&/'
fails "a penalty with the wrong sign" learns 'sign of each penalty' 's/pal_option_real(m, "lambda")/-1e5/'
sed '/\.formula\|\.source/d' mine.c > bare.c
"$program" check ./bare.c > out 2> err
check "a note is no failure" [ "$? $(grep -c '^note  description' out)" = "0 1" ]
refused "check without a model" 'no model given' check
refused "check of nothing" 'no model is called nosuch' check nosuch

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
