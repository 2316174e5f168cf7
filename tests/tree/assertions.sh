#!/bin/sh
# assertions.sh BUILD - tests autograd/gradcheck_macros.h in programs as people write them (assertions.c), linked with the
# libpalindrome.so of BUILD: Check, cmocka (a stand-in of a few lines has its two macros), plain C, and TAP; C++ too.
set -u
LC_ALL=C
export LC_ALL
build=$(cd "$1" && pwd) || exit 2
source=$(cd "$(dirname "$0")/../.." && pwd) || exit 2
[ -e "$build/libpalindrome.so" ] || { echo "no shared library: left out"; echo "0 passed, 0 failed"; exit 0; }
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
passed=0
failed=0
check() { # WHAT COMMAND...
    what=$1
    shift
    if "$@" >said 2>&1; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        echo "FAILED: $what"
        cat out err said 2>/dev/null
    fi
}
made() { # COMPILER STANDARD OPTIONS...: makes and runs the program; $status is its exit status
    compiler=$1
    standard=$2
    shift 2
    name=$source/tests/tree/assertions.c
    case $compiler in *++*) cp "$name" assertions.cpp && name=assertions.cpp ;; esac
    # shellcheck disable=SC2086
    check "compiles: $compiler $*" $compiler -std=$standard -Wall -Wextra -pedantic -Werror -I "$source" -I . "$name" \
        -o program -L "$build" -lpalindrome "-Wl,-rpath,$build" "$@"
    ./program >out 2>err
    status=$?
}
line=$(sed -n '/PAL_ASSERT_GRADIENT(&wrong);/=' "$source/tests/tree/assertions.c") # of the assertions that fail
cat >cmocka.h <<'END'
#include <stdio.h>
#include <stdlib.h>
#define fail() (fprintf(stderr, "%s:%d: error: Failure!\n", __FILE__, __LINE__), exit(3))
#define fail_msg(format, ...) (fprintf(stderr, "ERROR: " format "\n", __VA_ARGS__), fail())
END

made "${CC:-cc}" c11
check "plain: the right one holds" grep -q '^the right one holds$' out
check "plain: the wrong one does not" [ "$(grep -c 'the wrong one' out)" -eq 0 ]
check "plain: it aborts" [ $status -eq 134 ]
check "plain: file, line, name and mistake" grep -q "assertions.c:$(echo "$line" | tail -n 1): square # \"wrong\": .*sign is flipped" err
made "${CC:-cc}" c11 -DNDEBUG
check "plain: NDEBUG changes nothing" [ $status -eq 134 ]

made "${CC:-cc}" c11 -DWITH_CMOCKA
check "cmocka: fail_msg" grep -q '^ERROR: square # "wrong": .*sign is flipped' err
check "cmocka: its line" grep -q "assertions.c:$(echo "$line" | tail -n 1): error" err
check "cmocka: it ends the test" [ $status -eq 3 ]

made "${CC:-cc}" c11 -DWITH_TAP
check "tap: exit status" [ $status -eq 1 ]
check "tap: version and plan" [ "$(sed -n 1,2p out)" = "TAP version 13
1..2" ]
check "tap: ok" grep -q '^ok 1 - square$' out
check "tap: not ok, and # is no remark" grep -q '^not ok 2 - square \\# "wrong"$' out
check "tap: the block ends" [ "$(grep -c '^  ---$\|^  \.\.\.$' out)" -eq 2 ]
check "tap: the mistake" grep -q '^  mistake: "the sign is flipped"$' out
check "tap: numbers" grep -q '^  numeric: -*[0-9]' out
check "tap: text in quotes" grep -q '^  source: "the \\"file\\".c"$' out
if python3 -c 'import yaml' 2>said; then
    sed -n '/^  ---$/,/^  \.\.\.$/s/^  //p' out >block
    check "tap: the block is YAML" python3 -c 'import sys, yaml
assert yaml.safe_load(open("block"))["source"] == "the \"file\".c"'
fi

if pkg-config --exists check; then
    # shellcheck disable=SC2046
    made "${CC:-cc}" c11 -DWITH_CHECK -Wno-pedantic -Wno-error $(pkg-config --cflags --libs check)
    check "Check: one of two fails" grep -q '50%.*Checks: 2, Failures: 1, Errors: 0' out
    check "Check: its line and the message" grep -q "assertions.c:$(echo "$line" | head -n 1):F:.*: square # \"wrong\": .*sign is flipped" out
fi
# The first program of docs/gradcheck.md, whose derivative lacks a minus sign in an exponent.
awk '/^```c$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$source/docs/gradcheck.md" >softplus.c
# shellcheck disable=SC2086
check "the page's program compiles" ${CC:-cc} -std=c11 -Wall -Wextra -pedantic -Werror -I "$source" softplus.c -o program \
    -L "$build" -lpalindrome "-Wl,-rpath,$build" -lm
./program >out 2>err
check "it says what the page says" grep -q '^softplus.c:16: softplus: gradient of x: it is wrong: at \[' err
check "the page shows it" grep -q '^softplus.c:16: softplus: gradient of x: it is wrong: at \[' "$source/docs/gradcheck.md"
for compiler in g++ clang++; do
    command -v $compiler >said || continue
    made $compiler c++17 -DWITH_TAP
    check "tap with $compiler" grep -q '^not ok 2 ' out
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
