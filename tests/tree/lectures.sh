#!/bin/sh
# lectures.sh [--refresh] - checks or corrects the line numbers of the references in docs/lectures.md.
#
# Every reference [`NAME`, FILE:LINE](../FILE#LLINE) must name the line where FILE defines NAME. That is the line where
# a function or a test of that name begins. If there is none, it is the table row that begins with the name, or else the
# first line that contains the name as a word.
#
# Without --refresh, each wrong reference is printed, and the exit status is 1 if there is one. With --refresh, the
# numbers are corrected, and references that cannot be corrected are printed. The last line of the output is
# "N references, N wrong".
set -u
LC_ALL=C
export LC_ALL
cd "$(dirname "$0")/../.." || exit 2
page=docs/lectures.md
case "$#${1-}" in
0) out=/dev/null ;;
1--refresh)
    out=$(mktemp "$page.XXXXXX") || exit 2
    trap 'rm -f "$out"' EXIT ;;
*) echo "usage: lectures.sh [--refresh]" >&2; exit 2 ;;
esac

awk -v page="$page" -v out="$out" '
# The position of name in text as a whole word; 0: not found.
function word(text, name,    before, at) {
    at = 0
    while ((before = index(substr(text, at + 1), name)) > 0) {
        at += before
        if (substr(" " text, at, 1) !~ /[A-Za-z0-9_]/ && substr(text, at + length(name), 1) !~ /[A-Za-z0-9_]/) return at
    }
    return 0
}
# The number of the line of path that defines name; 0: no line contains the word; -1: the file does not exist.
function find(path, name,    key, line, n, at, best, rank, r, status) {
    key = path "\t" name
    if (key in found) return found[key]
    best = 0
    rank = 9
    while ((status = (getline line < path)) > 0) {
        n++
        if (!(at = word(line, name))) continue
        r = 4
        if (line ~ /^ ?\*|^\/\*/) r = 5
        else if (line ~ /^[a-z][^;]*[^;]$|^[a-z].*}$/ && index(line, "(") == at + length(name)) r = 1
        else if (index(line, "START_TEST(" name ")") == 1) r = 1
        else if (index(line, "{\"" name "\"") || index(line, "(" name ",")) r = 2
        if (r < rank) {
            rank = r
            best = n
        }
    }
    close(path)
    return found[key] = status < 0 ? -1 : best
}
{
    rest = $0
    done = ""
    while (match(rest, /\[`[^`]+`, [^]: ]+:[0-9]+\]\(\.\.\/[^)#]+#L[0-9]+\)/)) {
        reference = substr(rest, RSTART, RLENGTH)
        done = done substr(rest, 1, RSTART - 1)
        rest = substr(rest, RSTART + RLENGTH)
        split(reference, part, "`")
        name = part[2]
        path = part[3]
        sub(/^, /, "", path)
        sub(/:.*/, "", path)
        line = find(path, name)
        right = "[`" name "`, " path ":" line "](../" path "#L" line ")"
        references++
        if (line <= 0) {
            printf "%s:%d: %s %s\n", page, NR, path, line < 0 ? "is no file" : "has no " name
            missing++
            right = reference
        } else if (right != reference) {
            if (out == "/dev/null") printf "%s:%d: %s is at %s:%d: %s\n", page, NR, name, path, line, reference
            wrong++
        }
        done = done right
    }
    print done rest > out
    if (rest ~ /\.\.\/[^)]*#L/) {
        printf "%s:%d: not a reference that can be checked: %s\n", page, NR, rest
        missing++
    }
}
END {
    if (!references) print page ": no references"
    if (out != "/dev/null") printf "%d put right; ", wrong
    printf "%d references, %d wrong\n", references, missing + (out == "/dev/null" ? wrong : 0)
    exit missing || !references || (wrong && out == "/dev/null") ? 1 : 0
}' "$page"
status=$?
if [ "$out" != /dev/null ]; then cat "$out" > "$page" || exit 2; fi
exit $status
