#!/bin/sh
# installed.sh - installs into a temporary folder, then compiles the examples against the installed library through
# pkg-config, shared and static, and runs them. $1: the build folder; $2: the source folder.
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
# The static library. The libraries that its pkg-config file lists as private are linked as shared ones.
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
# The C files in README.md must equal examples/tape.c and examples/variant.c.
awk '/^```c$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$2/README.md" >"$stage/blocks"
cat "$2/examples/tape.c" "$2/examples/variant.c" | cmp - "$stage/blocks"
# shellcheck disable=SC2046
${CC:-cc} -std=c11 -Wall -Wextra "$2/examples/tape.c" -o "$stage/tape" $(pkg-config --cflags --libs palindrome)
LD_LIBRARY_PATH=$libdir sh "$2/tests/tree/printed.sh" "$stage/tape" "$2/README.md" tape
# The program loads the variant, lists, checks, trains and evaluates it.
# shellcheck disable=SC2046
${CC:-cc} -std=c11 -Wall -Wextra -shared -fPIC "$2/examples/variant.c" -o "$stage/absolute.so" $(pkg-config --cflags --libs palindrome)
with() { LD_LIBRARY_PATH=$libdir "$program" --load "$stage/absolute.so" "$@"; }
with models | grep -q '^absolute '
with gradcheck absolute | grep -q '^PASS'
# The installed program trains a model; examples/inference.c, below, prints its code through the installed library.
awk 'BEGIN { for (i = 0; i < 48; i++) print i % 2 "," i % 3 / 2 "," i % 5 / 4 }' >"$stage/data.csv"
LD_LIBRARY_PATH=$libdir "$program" train basic --data "$stage/data.csv" --batch 8 --epochs 1 --hidden 4 --quiet --out "$stage/run"
with train absolute --data "$stage/data.csv" --batch 8 --epochs 2 --hidden 4 --quiet --out "$stage/absolute"
with evaluate "$stage/absolute" --json | grep -q '"squared_error"'
if LD_LIBRARY_PATH=$libdir "$program" evaluate "$stage/absolute" 2>"$stage/line"; then exit 1; fi
[ "$(grep -c -- --load "$stage/line")" -eq 1 ]
# examples/hierarchical.c has two stochastic layers: check its bound's derivatives and terms, and samples of its prior.
# shellcheck disable=SC2046
${CC:-cc} -std=c11 -Wall -Wextra -shared -fPIC "$2/examples/hierarchical.c" -o "$stage/hierarchical.so" $(pkg-config --cflags --libs palindrome)
two() { LD_LIBRARY_PATH=$libdir "$program" --load "$stage/hierarchical.so" "$@"; }
two gradcheck hierarchical --seed 3 | grep -q '^PASS'
two train hierarchical --data "$stage/data.csv" --batch 8 --epochs 2 --layers 5,2 --samples 3 --quiet --out "$stage/hierarchical"
two evaluate "$stage/hierarchical" --json | grep -q '"divergence-2"'
if two evaluate "$stage/hierarchical" --importance 5 2>"$stage/line"; then exit 1; fi
[ "$(grep -c 'not drawn from one distribution' "$stage/line")" -eq 1 ]
two sample "$stage/hierarchical" >"$stage/line"
[ -s "$stage/hierarchical/sample.png" ]
if two train hierarchical --data "$stage/data.csv" --batch 8 --layers 5 --out "$stage/new" 2>"$stage/line"; then exit 1; fi
[ "$(grep -c 'layers: give two' "$stage/line")" -eq 1 ]
if LD_LIBRARY_PATH=$libdir "$program" --load "$stage/shared" models 2>"$stage/line"; then exit 1; fi
[ "$(wc -l <"$stage/line")" -eq 1 ]
# shellcheck disable=SC2046
${CC:-cc} -std=c11 -Wall -Wextra "$2/examples/inference.c" -o "$stage/inference" $(pkg-config --cflags --libs palindrome)
LD_LIBRARY_PATH=$libdir "$stage/inference" "$stage/run/checkpoint.safetensors" >"$stage/code"
[ "$(grep -c '^0\.[0-9]*$' "$stage/code")" -eq 4 ]
# examples/one_class.c, compiled through palindrome-tools.pc, separates two classes: 8 x 8 images of a horizontal or a
# vertical bar.
# shellcheck disable=SC2059
split() { # NAME COUNT
    awk -v n="$2" 'BEGIN {
        printf "\\0\\0\\010\\003\\0\\0\\0\\%03o\\0\\0\\0\\010\\0\\0\\0\\010", n
        for (i = 0; i < n; i++) for (y = 0; y < 8; y++) for (x = 0; x < 8; x++)
            printf "\\%03o", (i % 2 ? x : y) == int(i / 2) % 8 ? 200 + i % 50 : 0 }' >"$stage/text"
    printf "$(cat "$stage/text")" >"$stage/bars/$1-images-idx3-ubyte"
    awk -v n="$2" 'BEGIN {
        printf "\\0\\0\\010\\001\\0\\0\\0\\%03o", n
        for (i = 0; i < n; i++) printf "\\%03o", i % 2 }' >"$stage/text"
    printf "$(cat "$stage/text")" >"$stage/bars/$1-labels-idx1-ubyte"
}
mkdir "$stage/bars"
split train 200
split t10k 60
# shellcheck disable=SC2046
${CC:-cc} -std=c11 -Wall -Wextra "$2/examples/one_class.c" -o "$stage/one_class" $(pkg-config --cflags --libs palindrome-tools)
detect() { LD_LIBRARY_PATH=$libdir "$stage/one_class" "$@"; }
detect linear --data "$stage/bars" --hidden 7 >"$stage/table"
[ "$(wc -l <"$stage/table")" -eq 4 ]
awk 'NR == 2 || NR == 3 { if ($2 != 100 || $3 != 30 || $4 != 30) exit 1 } END { exit $1 != "mean" || $2 < 0.95 }' "$stage/table"
detect convolutional --data "$stage/bars" --channels 4 --epochs 2 --limit 50 --seed 3 | grep -q '^1  *50  *30  *30  *[01]\.[0-9]*$'
if detect linear --data "$stage/data.csv" 2>"$stage/line"; then exit 1; fi
[ "$(grep -c 'no labels' "$stage/line")" -eq 1 ] && [ "$(wc -l <"$stage/line")" -eq 1 ]
# shellcheck disable=SC2046
${CC:-cc} -std=c11 -Wall -Wextra "$2/examples/kl_sparsity.c" -o "$stage/kl" $(pkg-config --cflags --libs palindrome-tools) -lm
LD_LIBRARY_PATH=$libdir "$stage/kl" "$stage/kl.svg" >"$stage/line"
[ -s "$stage/kl.svg" ]
if LD_LIBRARY_PATH=$libdir "$stage/kl" "$stage/none/kl.svg" 2>"$stage/line" >"$stage/table"; then exit 1; fi
[ "$(grep -c 'none/kl' "$stage/line")" -eq 1 ]
echo "20 passed, 0 failed"
