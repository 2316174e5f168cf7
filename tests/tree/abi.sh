#!/bin/sh
# abi.sh [--refresh] BUILD - checks that each library of the folder BUILD exports the names of its list and no others.
#
# The lists are tests/abi/LIBRARY.symbols, one name a line. docs/abi.md says what an added or a removed name means. With
# --refresh the lists are written instead.
set -u
LC_ALL=C
export LC_ALL
refresh=
if [ "${1-}" = --refresh ]; then refresh=1; shift; fi
[ $# -eq 1 ] || { echo "usage: abi.sh [--refresh] BUILD" >&2; exit 2; }
build=$(cd "$1" && pwd) || exit 2
cd "$(dirname "$0")/../abi" || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
passed=0
failed=0
pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); echo "FAILED: $*"; }

for library in libpalindrome libpalindrome-tools libpalindrome-mpi; do
    object=$build/$library.so
    if [ $library = libpalindrome-mpi ] && ! [ -e "$object" ]; then echo "no MPI: $library is left out"; continue; fi
    [ -e "$object" ] || { echo "skipped: this build has no $library.so"; exit 77; }
    nm -D --defined-only "$object" | awk '{ print $3 }' | sort >"$work/exported"
    [ -s "$work/exported" ] || fail "nm finds no name in $object"
    if grep -v '^pal_[a-z0-9]' "$work/exported" >"$work/wrong"; then
        fail "$library exports names that do not begin with pal_: $(tr '\n' ' ' <"$work/wrong")"
    else pass
    fi
    if [ "$refresh" ]; then cp "$work/exported" $library.symbols; fi
    if diff $library.symbols "$work/exported" >"$work/diff"; then pass
    else
        fail "$library does not export what tests/abi/$library.symbols lists: < is missing, > is new"
        grep '^[<>]' "$work/diff"
        echo "Read docs/abi.md, then run: tests/tree/abi.sh --refresh BUILD"
    fi
    # A program that holds libpalindrome.a loads it: what it took from libpalindrome.so would be a second one.
    if [ $library = libpalindrome-mpi ]; then
        if nm -D --undefined-only "$object" | grep ' pal' >"$work/needs"; then
            fail "$library needs names of libpalindrome: $(awk '{ print $2 }' "$work/needs" | tr '\n' ' ')"
        else pass
        fi
    fi
    # The number in the SONAME is that of the file's link.
    name=$(readelf -d "$object" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')
    case $name in
    $library.so.[0-9]*) if [ -e "$build/$name" ]; then pass; else fail "$name is not in the build"; fi ;;
    *) fail "$library has the SONAME '$name'" ;;
    esac
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
