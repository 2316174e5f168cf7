#!/bin/sh
# floors.sh BUILD SOURCE - checks that no file includes or calls what is on a higher floor, and that no more than three
# files call each other in a circle.
#
# The floors are the lines of floors.txt. Includes are read from the sources. Calls are read from the objects of BUILD
# with nm: a file calls the file that defines a symbol which it leaves undefined. Prints the circles of two and three
# files. Ends with "N passed, N failed"; each failure is one line.
set -eu
LC_ALL=C
export LC_ALL
[ $# -eq 2 ] || { echo "usage: floors.sh BUILD SOURCE" >&2; exit 2; }
build=$(cd "$1" && pwd)
cd "$2"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

sed '/^#/d' tests/tree/floors.txt >"$work/list"
sed -n '/^```floors$/,/^```$/p' docs/design.md | sed '1d;$d' | cmp -s - "$work/list" ||
    { echo "FAILED: docs/design.md does not quote tests/tree/floors.txt: put its lines between \`\`\`floors and \`\`\`"; bad=1; }

find autograd ops optim models data plot train analysis mpi cli -name '*.[ch]' -o -name '*.def' | sort >"$work/files"
# Lines: include FILE HEADER
xargs grep -H '^#include "' <"$work/files" | sed 's/^\([^:]*\):#include "\([^"]*\)".*/include \1 \2/' >"$work/edges"
# Lines: defines OBJECT SYMBOL, needs OBJECT SYMBOL. Meson names an object after its source, with _ for /.
find "$build" -name '*.c.o' \( -path '*/libpalindrome*.p/*' -o -path '*/libkernels-*.p/*' -o -path '*/cli/palindrome.p/*' \) \
    -exec nm -A {} + | sed 's/:/ /' | awk '{
        name = $1
        sub(/.*\//, "", name)
        sub(/\.o$/, "", name)
        if ($1 ~ /\/cli\/palindrome\.p\//) name = "cli_" name
        if (NF == 3 && $2 == "U") print "needs", name, $3
        if (NF == 4 && $3 ~ /^[TDRBVWC]$/) print "defines", name, $4
    }' >>"$work/edges"

awk -v failed="$bad" '
function floor_of(path,    i, best, length_of, at) {
    length_of = 0
    for (i = 1; i <= entries; i++)
        if (index(path, entry[i]) == 1 && length(entry[i]) > length_of) {
            length_of = length(entry[i])
            at = level[i]
        }
    if (!length_of) fail(path " is on no floor: add it to floors.txt")
    return at
}
function fail(what) { print "FAILED: " what; failed++ }
FILENAME ~ /floors.txt$/ {
    if ($0 ~ /^#/) next
    first = 1
    if ($1 ~ /:$/) { floors++; name[floors] = substr($1, 1, length($1) - 1); first = 2 }
    for (i = first; i <= NF; i++) { entry[++entries] = $i; level[entries] = floors }
    next
}
FILENAME ~ /files$/ { at[$1] = floor_of($1); mangled = $1; gsub("/", "_", mangled); path[mangled] = $1; next }
$1 == "include" {
    passed++
    if ($3 in at && at[$3] > at[$2]) { passed--; fail($2 " (" name[at[$2]] ") includes " $3 " (" name[at[$3]] ")") }
    next
}
$1 == "defines" { owner[$3] = path[$2]; next }
$1 == "needs" { need[path[$2] " " $3] = 1 }
END {
    for (n in need) {
        split(n, part, " ")
        from = part[1]
        if (!(part[2] in owner) || owner[part[2]] == from || from == "" || owner[part[2]] == "") continue
        to = owner[part[2]]
        if (at[to] > at[from]) fail(from " (" name[at[from]] ") calls " part[2] " of " to " (" name[at[to]] ")")
        else passed++
        if (!((from, to) in edge)) { edge[from, to] = 1; next_of[from] = next_of[from] " " to }
    }
    for (from in next_of) { # all that can be reached from a file
        count = split(next_of[from], queue, " ")
        for (i = 1; i <= count; i++) {
            if ((from, queue[i]) in reach) continue
            reach[from, queue[i]] = 1
            more = split(next_of[queue[i]], part, " ")
            for (k = 1; k <= more; k++) if (!((from, part[k]) in reach)) queue[++count] = part[k]
        }
        delete queue
    }
    circles = 0
    for (from in next_of) {
        if (from in seen) continue
        members = from
        n = 1
        for (to in next_of)
            if (to != from && (from, to) in reach && (to, from) in reach) { members = members " " to; seen[to] = 1; n++ }
        if (n == 1) continue
        circles++
        split(from, part, "/")
        across = 0
        split(members, list, " ")
        for (i = 1; i <= n; i++) { f = list[i]; sub("/[^/]*$", "", f); g = from; sub("/[^/]*$", "", g); across += f != g }
        print "circle of " n ": " members
        if (n > 3) fail("a circle of more than three files: " members)
        else if (across) fail("a circle across folders: " members)
        else passed++
    }
    if (passed < 1000) fail("only " passed + 0 " includes and calls were found: is this a build folder?")
    print circles " circles"
    print passed + 0 " passed, " failed + 0 " failed"
    exit failed > 0
}' tests/tree/floors.txt "$work/files" "$work/edges"
