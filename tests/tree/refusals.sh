#!/bin/sh
# refusals.sh - checks that the suite refusals calls every public function of the tape and of the operations.
#
# A function that autograd.h, communicator.h, operation.h, gradcheck.h or ops.h declares must have a row
# OPERATION(name, ...) in tests/ops/operand_calls.def, or a row KIND(pal_name, ...) in tests/ops/argument_calls.def. A
# function that takes an array, a text or another pointer must have a row in argument_calls.def. The functions of
# elementwise.def have their rows there, and the suite includes it. Each function that is missing is printed, and the
# exit status is then 1.
set -u
LC_ALL=C
export LC_ALL
cd "$(dirname "$0")/../.." || exit 2

awk '
FILENAME ~ /\.def$/ {
    if (match($0, /^OPERATION\([a-z0-9_]+/)) called["pal_" substr($0, 11, RLENGTH - 10)] = 1
    else if (match($0, /^[A-Z]+\(pal_[a-z0-9_]+/)) {
        name = substr($0, RSTART, RLENGTH)
        sub(/^[A-Z]+\(/, "", name)
        called[name] = given[name] = 1
    }
    next
}
# The headers: without comments and directives, cut into declarations at each semicolon.
{
    line = $0
    while (match(line, /\/\*([^*]|\*+[^*\/])*\*+\//))
        line = substr(line, 1, RSTART - 1) " " substr(line, RSTART + RLENGTH)
    if (inside) {
        if (!(at = index(line, "*/"))) next
        line = substr(line, at + 2)
        inside = 0
    }
    if (at = index(line, "/*")) {
        inside = 1
        line = substr(line, 1, at - 1)
    }
    if (directive || line ~ /^ *#/) {
        directive = line ~ /\\$/
        next
    }
    text = text " " line
    while (at = index(text, ";")) {
        declared(substr(text, 1, at))
        text = substr(text, at + 1)
    }
}
# Options may be NULL everywhere, so they are no pointer that needs a row.
function declared(text,    name, rest) {
    if (text ~ /typedef|template/ || !match(text, /pal_[a-z0-9_]+\(/)) return
    name = substr(text, RSTART, RLENGTH - 1)
    rest = substr(text, RSTART + RLENGTH)
    gsub(/const pal_[a-z0-9_]+_options \*/, "", rest)
    if (name in seen) return
    seen[name] = 1
    functions++
    if (!(name in called)) {
        print name ": has no row in tests/ops/operand_calls.def or argument_calls.def: add a row"
        missing++
    } else if (rest ~ /\*/ && !(name in given)) {
        print name ": takes a pointer, and has no row in tests/ops/argument_calls.def: add a row that gives it NULL"
        missing++
    }
}
END {
    printf "%d functions, %d without a row\n", functions, missing
    exit missing || functions < 200
}' tests/ops/operand_calls.def tests/ops/argument_calls.def autograd/autograd.h autograd/communicator.h \
    autograd/operation.h autograd/gradcheck.h ops/ops.h
