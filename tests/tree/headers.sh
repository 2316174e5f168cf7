#!/bin/sh
# headers.sh BUILD PROGRAM HEADER... - checks that each public header compiles by itself, as C11 and as C++17, with each
# compiler that is installed, and that a C++ program links with the libraries of BUILD, runs, and gets the version that
# PROGRAM prints.
set -u
LC_ALL=C
export LC_ALL
[ $# -ge 3 ] || { echo "usage: headers.sh BUILD PROGRAM HEADER..." >&2; exit 2; }
build=$(cd "$1" && pwd) || exit 2
version=$("$2" --version | sed -n 's/^palindrome //p')
shift 2
source=$(cd "$(dirname "$0")/../.." && pwd) || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
passed=0
failed=0
pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); echo "FAILED: $*"; }

warnings='-Wall -Wextra -pedantic -Werror'
for compiler in gcc clang g++ clang++; do
    command -v $compiler >"$work/where" || { echo "no $compiler: left out"; continue; }
    case $compiler in
    *++) ending=cpp standard=c++17 ;;
    *) ending=c standard=c11 ;;
    esac
    for header in "$@"; do
        echo "#include \"$header\"" >"$work/alone.$ending"
        # shellcheck disable=SC2086
        if $compiler -std=$standard $warnings -I "$source" -fsyntax-only "$work/alone.$ending" 2>"$work/said"; then pass
        else
            fail "$header does not compile by itself with $compiler -std=$standard"
            head -n 5 "$work/said"
        fi
    done
    [ $ending = cpp ] && [ -e "$build/libpalindrome-tools.so" ] || continue
    # shellcheck disable=SC2086
    if $compiler -std=$standard $warnings -I "$source" "$source/tests/abi/linked.cpp" -o "$work/linked" -L "$build" \
        -lpalindrome-tools -lpalindrome "-Wl,-rpath,$build" 2>"$work/said" && "$work/linked" "$version" 2>"$work/said"; then pass
    else
        fail "tests/abi/linked.cpp with $compiler"
        head -n 5 "$work/said"
    fi
done
[ $passed -ge $# ] || fail "no compiler was found"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
