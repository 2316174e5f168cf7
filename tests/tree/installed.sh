#!/bin/sh
# installed.sh - installs into a temporary folder, then compiles the examples against the installed library through
# pkg-config, shared and static, and runs them. Then it moves the installed tree. $1: the build folder; $2: the source
# folder.
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
# The program finds its libraries by its run path, and the manual page is there.
program=$(find "$stage" -name palindrome -type f -perm -u+x | head -n 1)
unset LD_LIBRARY_PATH
"$program" --version
# The C files in README.md must equal examples/tape.c and examples/variant.c.
awk '/^```c$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$2/README.md" >"$stage/blocks"
cat "$2/examples/tape.c" "$2/examples/variant.c" | cmp - "$stage/blocks"
# shellcheck disable=SC2046
${CC:-cc} -std=c11 -Wall -Wextra "$2/examples/tape.c" -o "$stage/tape" $(pkg-config --cflags --libs palindrome)
LD_LIBRARY_PATH=$libdir sh "$2/tests/tree/printed.sh" "$stage/tape" "$2/README.md" tape
# The program loads the variant, lists, checks, trains and evaluates it.
# shellcheck disable=SC2046
${CC:-cc} -std=c11 -Wall -Wextra -shared -fPIC "$2/examples/variant.c" -o "$stage/absolute.so" $(pkg-config --cflags --libs palindrome)
with() { "$program" --load "$stage/absolute.so" "$@"; }
with models | grep -q '^absolute '
with gradcheck absolute | grep -q '^PASS'
# The file itself is a model's name: the installed program finds its headers and the files of its variants.
export XDG_CACHE_HOME="$stage/cache"
"$program" models "$2/examples/variant.c" | grep -q '^absolute: '
(cd "$stage" && "$program" new mine --from contractive && "$program" models ./mine.c) | grep -q '^mine: '
# The installed program trains a model; examples/inference.c, below, prints its code through the installed library.
awk 'BEGIN { for (i = 0; i < 48; i++) print i % 2 "," i % 3 / 2 "," i % 5 / 4 }' >"$stage/data.csv"
"$program" train basic --data "$stage/data.csv" --batch 8 --epochs 1 --hidden 4 --quiet --out "$stage/run"
with train absolute --data "$stage/data.csv" --batch 8 --epochs 2 --hidden 4 --quiet --out "$stage/absolute"
with evaluate "$stage/absolute" --json | grep -q '"squared_error"'
if "$program" evaluate "$stage/absolute" 2>"$stage/line"; then exit 1; fi
[ "$(grep -c -- --load "$stage/line")" -eq 1 ]
# examples/variants/7_hierarchical.c has two stochastic layers: check its bound's derivatives and terms, and samples of its prior.
# shellcheck disable=SC2046
${CC:-cc} -std=c11 -Wall -Wextra -shared -fPIC "$2/examples/variants/7_hierarchical.c" -o "$stage/hierarchical.so" $(pkg-config --cflags --libs palindrome)
two() { "$program" --load "$stage/hierarchical.so" "$@"; }
two gradcheck hierarchical --seed 2 | grep -q '^PASS'
two train hierarchical --data "$stage/data.csv" --batch 8 --epochs 2 --hidden 2 --quiet --out "$stage/hierarchical"
two evaluate "$stage/hierarchical" --json | grep -q '"divergence-2"'
if two evaluate "$stage/hierarchical" --importance 5 2>"$stage/line"; then exit 1; fi
[ "$(grep -c 'not drawn from one distribution' "$stage/line")" -eq 1 ]
two sample "$stage/hierarchical" >"$stage/line"
[ -s "$stage/hierarchical/sample.png" ]
if two train hierarchical --data "$stage/data.csv" --batch 8 --layers 5,2 --out "$stage/new" 2>"$stage/line"; then exit 1; fi
[ "$(grep -c 'hierarchical has no option --layers' "$stage/line") $(wc -l <"$stage/line")" = "1 1" ]
if "$program" --load "$stage/shared" models 2>"$stage/line"; then exit 1; fi
[ "$(wc -l <"$stage/line")" -eq 1 ]
# shellcheck disable=SC2046
${CC:-cc} -std=c11 -Wall -Wextra "$2/examples/inference.c" -o "$stage/inference" $(pkg-config --cflags --libs palindrome)
LD_LIBRARY_PATH=$libdir "$stage/inference" "$stage/run/checkpoint.safetensors" >"$stage/code"
[ "$(grep -c '^0\.[0-9]*$' "$stage/code")" -eq 4 ]
# shellcheck disable=SC2046
${CC:-cc} -std=c11 -Wall -Wextra "$2/examples/kl_sparsity.c" -o "$stage/kl" $(pkg-config --cflags --libs palindrome-tools) -lm
LD_LIBRARY_PATH=$libdir "$stage/kl" "$stage/kl.svg" >"$stage/line"
[ -s "$stage/kl.svg" ]
if LD_LIBRARY_PATH=$libdir "$stage/kl" "$stage/none/kl.svg" 2>"$stage/line" >"$stage/table"; then exit 1; fi
[ "$(grep -c 'none/kl' "$stage/line")" -eq 1 ]

# The library for MPI, where there is MPI. tests/mpi runs it.
with_mpi=
if [ -e "$prefix/palindrome-mpi.pc" ]; then
    with_mpi=palindrome-mpi
    # shellcheck disable=SC2046
    ${CC:-cc} -std=c11 -Wall -Wextra "$2/tests/mpi/exchange.c" -D_GNU_SOURCE -o "$stage/exchange" $(pkg-config --cflags --libs palindrome-mpi)
    if command -v mpirun >/dev/null; then # libopenmpi-dev comes without it
        LD_LIBRARY_PATH=$libdir sh "$2/tests/mpi/run.sh" 2 "$stage/exchange" 2 | grep -q ' 0 failed'
    fi
fi

# ---- --load, and commands that can be pasted
cp "$stage/absolute.so" "$stage/my own.so"
cd "$stage"
small="--data data.csv --batch 8 --hidden 4 --limit 16"
for place in "--load ./absolute.so models --json" "models --load ./absolute.so --json" "models --json --load=./absolute.so" \
    "--load=./absolute.so models --json"; do
    # shellcheck disable=SC2086
    "$program" $place | grep -q '"name": "absolute"'
done
# Words after -- are words, and several objects can be loaded.
if "$program" models -- --load ./absolute.so 2>line; then exit 1; fi
grep -q 'no model is called --load\|unexpected argument ./absolute.so' line
"$program" models --load ./absolute.so --load ./absolute.so --json | grep -q '"name": "absolute"'
"$program" models --load ./absolute.so --json --load ./hierarchical.so | grep -q '"name": "hierarchical"'
for wrong in "models --load" "models --load=" "models --load ./nowhere.so"; do
    # shellcheck disable=SC2086
    if "$program" $wrong 2>line; then exit 1; fi
    [ "$(grep -c -e --load line) $(wc -l <line)" = "1 1" ]
done
# Every command that is printed works in this shell: with blanks in the names, and with --load.
# shellcheck disable=SC2086
"$program" train absolute --load './my own.so' $small --epochs 30 --lr 0.01 --output squared --out 'my run' >out
sed -n '/^  next: /,$ { s/^  next: *//; s/^ *//; p }' out >hints
[ "$(grep -c palindrome hints)" -eq 3 ]
while read -r hint; do sh -c "$hint" >said 2>line || { cat line; exit 1; }; done <hints
# shellcheck disable=SC2086
"$program" train denoising $small --epochs 1 --layers '' --quiet --out 'plain run' 2>line
settings=$("$program" run-info 'plain run' | sed -n 's/^  settings *//p')
sh -c "'$program' train denoising --data data.csv --batch 8 --limit 16 --epochs 1 $settings --quiet --out same" 2>line
cmp 'plain run/checkpoint.safetensors' same/checkpoint.safetensors
"$program" run-info 'my run' --load './my own.so' >out
if "$program" train --resume 'my run' --epochs 31 >said 2>line; then exit 1; fi
grep -q -F "my run: no model is called absolute: load it as in training, with --load './my own.so'" line
[ "$(wc -l <line)" -eq 1 ]
command=$(sed -n 's/^  command *//p' out)
sh -c "$(echo "$command" | sed 's/my run/once more/')" >said 2>line
cmp 'my run/checkpoint.safetensors' 'once more/checkpoint.safetensors'
settings=$(sed -n 's/^  settings *//p' out)
sh -c "'$program' train absolute --load './my own.so' --data data.csv --batch 8 --limit 16 --epochs 30 --lr 0.01 $settings --out again" >said 2>line
cmp 'my run/checkpoint.safetensors' again/checkpoint.safetensors
# The same in 40 columns, where commands are continued on the next line.
COLUMNS=40 "$program" run-info 'my run' | sed -n '/^  command/,/^  settings/p' | sed '$d; s/^  command *//; s/my run/narrow/' >narrow.sh
[ "$(wc -l <narrow.sh)" -gt 2 ]
sh narrow.sh >said 2>line
cmp 'my run/checkpoint.safetensors' narrow/checkpoint.safetensors
# An interrupted training, of a program that is on the search path.
# shellcheck disable=SC2086
PATH=$(dirname "$program"):$PATH env --default-signal=INT palindrome train absolute --load './my own.so' $small --lr 0.01 --epochs 1000000 --quiet --out 'long run' 2>line &
tries=0
while [ ! -s 'long run/metrics.jsonl' ] && [ $tries -lt 300 ]; do sleep 0.1; tries=$((tries + 1)); done
kill -INT $!
wait $! || [ $? -eq 130 ]
grep -q "\`palindrome --load './my own.so' train --resume 'long run'\`" line
# Errors that suggest a command: between backquotes.
for wrong in "train" "train basik" "models xyzzy" "evaluate 'my run' --load './my own.so' --xyzzy 1" "ops xyzzy" "graph" "xyzzy"; do
    if sh -c "'$program' $wrong" 2>line; then exit 1; fi
    sed -n 's/[^`]*`\([^`]*\)`[^`]*/\1\n/gp' line | sed '/^$/d' >hints
    while read -r hint; do sh -c "$hint" >said 2>line || { cat line; exit 1; }; done <hints
done
cd "$2"

# ---- A tree that is moved
# The same options with relocatable pkg-config files. They are written when a build is configured.
root=$(sed -n 's/^prefix=//p' "$prefix/palindrome.pc")
meson setup "$stage/second" "$2" --prefix "$root" --libdir "$(sed -n 's/^libdir=${prefix}.//p' "$prefix/palindrome.pc")" \
    -Dpkgconfig.relocatable=true >"$stage/log" || { cat "$stage/log"; exit 1; }
cp "$stage"/second/meson-private/palindrome*.pc "$prefix"
unset PKG_CONFIG_SYSROOT_DIR
try() { # TREE: the program starts, and pkg-config compiles against this tree
    PKG_CONFIG_PATH=$(find "$1" -name palindrome.pc -printf '%h\n')
    export PKG_CONFIG_PATH
    "$1/bin/palindrome" --version >"$stage/said"
    "$1/bin/palindrome" models "$stage/mine.c" | grep -q '^mine: '
    [ -s "$1/share/man/man1/palindrome.1" ]
    for package in palindrome palindrome-tools $with_mpi; do
        for folder in includedir libdir; do
            folder=$(cd "$(pkg-config --variable=$folder $package)" && pwd -P)
            [ "${folder#"$1"/}" != "$folder" ]
        done
    done
    # shellcheck disable=SC2046
    ${CC:-cc} -std=c11 "$2/examples/training.c" -o "$stage/moved" $(pkg-config --cflags --libs palindrome)
    LD_LIBRARY_PATH=$(pkg-config --variable=libdir palindrome) "$stage/moved" >"$stage/said"
    # shellcheck disable=SC2046
    ${CC:-cc} -std=c11 -shared -fPIC "$2/examples/variant.c" -o "$stage/moved.so" $(pkg-config --cflags --libs palindrome)
    "$1/bin/palindrome" --load "$stage/moved.so" gradcheck absolute --order 1 | grep -q '^PASS'
}
stage=$(cd "$stage" && pwd -P)
try "$stage$root" "$2"
mkdir "$stage/deep"
mv "$stage$root" "$stage/deep/elsewhere"
try "$stage/deep/elsewhere" "$2"
echo "58 passed, 0 failed"
