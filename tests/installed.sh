#!/bin/sh
# Installs into a folder of its own and there compiles and runs the README's program, shared and static, through
# pkg-config. $1: the build folder; $2: the source folder.
set -eu
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
DESTDIR=$stage meson install -C "$1" --no-rebuild >/dev/null
prefix=$(find "$stage" -name palindrome.pc -printf '%h\n' -quit)
export PKG_CONFIG_PATH="$prefix" PKG_CONFIG_SYSROOT_DIR="$stage"
libdir=$(dirname "$prefix")

# The program is the README's own text: the C block.
awk '/^```c$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$2/README.md" >"$stage/variant.c"
grep -q 'int main' "$stage/variant.c"
# shellcheck disable=SC2046
${CC:-cc} -std=c11 -Wall -Wextra "$stage/variant.c" -o "$stage/shared" $(pkg-config --cflags --libs palindrome)
LD_LIBRARY_PATH=$libdir "$stage/shared"
# The archive, with the libraries that its pkg-config file names as private, themselves shared.
private=$(sed -n 's/^Requires.private: *//p' "$prefix/palindrome.pc" | tr ',' ' ')
# shellcheck disable=SC2046,SC2086
${CC:-cc} -std=c11 "$stage/variant.c" -o "$stage/static" $(pkg-config --cflags palindrome) "$libdir/libpalindrome.a" \
    $(env -u PKG_CONFIG_SYSROOT_DIR pkg-config --libs $private) -lm -lpthread -ldl
"$stage/static"
# shellcheck disable=SC2046
${CC:-cc} -std=c11 -Wall -Wextra "$2/examples/operation.c" -o "$stage/operation" $(pkg-config --cflags --libs palindrome)
LD_LIBRARY_PATH=$libdir "$stage/operation"
program=$(find "$stage" -name palindrome -type f -perm -u+x | head -n 1)
LD_LIBRARY_PATH=$libdir "$program" --version
# A model that the installed program trains, served by the installed library: a line a number of the code.
awk 'BEGIN { for (i = 0; i < 48; i++) print i % 2 "," i % 3 / 2 "," i % 5 / 4 }' >"$stage/data.csv"
LD_LIBRARY_PATH=$libdir "$program" train basic --data "$stage/data.csv" --batch 8 --epochs 1 --hidden 4 --quiet --out "$stage/run"
# shellcheck disable=SC2046
${CC:-cc} -std=c11 -Wall -Wextra "$2/examples/inference.c" -o "$stage/inference" $(pkg-config --cflags --libs palindrome)
LD_LIBRARY_PATH=$libdir "$stage/inference" "$stage/run/checkpoint.safetensors" >"$stage/code"
[ "$(grep -c '^0\.[0-9]*$' "$stage/code")" -eq 4 ]
echo "5 passed, 0 failed"
