#!/bin/sh
# Installs into a folder of its own and there compiles and runs the examples, shared and static, through
# pkg-config. $1: the build folder; $2: the source folder.
set -eu
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
DESTDIR=$stage meson install -C "$1" --no-rebuild >/dev/null
prefix=$(find "$stage" -name palindrome.pc -printf '%h\n' -quit)
export PKG_CONFIG_PATH="$prefix" PKG_CONFIG_SYSROOT_DIR="$stage"
libdir=$(dirname "$prefix")

# shellcheck disable=SC2046
${CC:-cc} -std=c11 -Wall -Wextra "$2/examples/training.c" -o "$stage/shared" $(pkg-config --cflags --libs palindrome)
LD_LIBRARY_PATH=$libdir "$stage/shared"
# The archive, with the libraries that its pkg-config file names as private, themselves shared.
private=$(sed -n 's/^Requires.private: *//p' "$prefix/palindrome.pc" | tr ',' ' ')
# shellcheck disable=SC2046,SC2086
${CC:-cc} -std=c11 "$2/examples/training.c" -o "$stage/static" $(pkg-config --cflags palindrome) "$libdir/libpalindrome.a" \
    $(env -u PKG_CONFIG_SYSROOT_DIR pkg-config --libs $private) -lm -lpthread -ldl
"$stage/static"
# shellcheck disable=SC2046
${CC:-cc} -std=c11 -Wall -Wextra "$2/examples/operation.c" -o "$stage/operation" $(pkg-config --cflags --libs palindrome)
LD_LIBRARY_PATH=$libdir "$stage/operation"
program=$(find "$stage" -name palindrome -type f -perm -u+x | head -n 1)
LD_LIBRARY_PATH=$libdir "$program" --version
# The README's variant, which is examples/variant.c, loaded by the program: listed, checked, trained, evaluated.
awk '/^```c$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$2/README.md" | cmp - "$2/examples/variant.c"
# shellcheck disable=SC2046
${CC:-cc} -std=c11 -Wall -Wextra -shared -fPIC "$2/examples/variant.c" -o "$stage/absolute.so" $(pkg-config --cflags --libs palindrome)
with() { LD_LIBRARY_PATH=$libdir "$program" --load "$stage/absolute.so" "$@"; }
with models | grep -q '^absolute '
with gradcheck absolute | grep -q '^PASS'
# A model that the installed program trains, served by the installed library: a line a number of the code.
awk 'BEGIN { for (i = 0; i < 48; i++) print i % 2 "," i % 3 / 2 "," i % 5 / 4 }' >"$stage/data.csv"
LD_LIBRARY_PATH=$libdir "$program" train basic --data "$stage/data.csv" --batch 8 --epochs 1 --hidden 4 --quiet --out "$stage/run"
with train absolute --data "$stage/data.csv" --batch 8 --epochs 2 --hidden 4 --quiet --out "$stage/absolute"
with evaluate "$stage/absolute" --json | grep -q '"squared_error"'
if LD_LIBRARY_PATH=$libdir "$program" evaluate "$stage/absolute" 2>"$stage/line"; then exit 1; fi
[ "$(grep -c -- --load "$stage/line")" -eq 1 ]
if LD_LIBRARY_PATH=$libdir "$program" --load "$stage/shared" models 2>"$stage/line"; then exit 1; fi
[ "$(wc -l <"$stage/line")" -eq 1 ]
# shellcheck disable=SC2046
${CC:-cc} -std=c11 -Wall -Wextra "$2/examples/inference.c" -o "$stage/inference" $(pkg-config --cflags --libs palindrome)
LD_LIBRARY_PATH=$libdir "$stage/inference" "$stage/run/checkpoint.safetensors" >"$stage/code"
[ "$(grep -c '^0\.[0-9]*$' "$stage/code")" -eq 4 ]
echo "10 passed, 0 failed"
