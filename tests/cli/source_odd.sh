#!/bin/sh
# source_odd.sh PROGRAM - models from files of C code that are odd: their names, their bytes, what they do when they are
# loaded, the compilers and the folders; and what a killed compilation leaves. Works in a temporary folder, with a home of
# its own. Its last line is "N passed, N failed".
. "$(dirname "$0")/helpers.sh"
unset CC XDG_CACHE_HOME
HOME=$work/home
export HOME
mkdir "$HOME"
cache=$HOME/.cache/palindrome/variants
# with WHAT ENDING: mine.c with another end, as the file WHAT.c
with() { { sed '/PAL_VARIANT_FILE/d' mine.c; cat; } > "$1.c"; }
works "a new variant" new mine

# ---- Names and bytes
cp mine.c ./-dash.c
works "a leading dash" models ./-dash.c
refused "a leading dash without its folder" 'unknown option -dash.c' models -dash.c
ln -s mine.c link.c
works "a link" models link.c
printf '%s' "$(cat mine.c)" > unended.c
works "no last newline" models unended.c
sed 's/$/\r/' mine.c > dos.c
works "lines of DOS" models dos.c
{ printf '\357\273\277'; cat mine.c; } > bom.c
works "a byte-order mark" models bom.c
: > empty.c
ends "an empty file" 2 'end the file with PAL_VARIANT_FILE' models empty.c
mkdir folder.c
ends "a folder" 2 'folder.c: not a file of C code' models folder.c
mkfifo pipe.c
ends "a pipe" 2 'pipe.c: not a file of C code' models pipe.c
head -c 2000000 /dev/zero | tr '\0' ' ' > large.c
ends "a large file" 2 'not a file of C code of at most 1 MiB' models large.c
printf 'int x;\0' > zero.c
ends "a zero byte" 2 'it has a zero byte' models zero.c
ends "a file of C++" 2 'x.cc is no model: a model is a name, or a file of C code that ends in .c' models ./x.cc
ends "an object" 2 'no model, but an object: --load ./x.so' models ./x.so

# ---- What it does when it is loaded
echo 'pal_status palindrome_register(pal_error *e) { return *(volatile pal_status *)0; }' | with crash
"$program" models crash.c > out 2> err
status=$?
check "a crash is an end: $status" [ $status -ne 0 ]
# A sanitizer tells crashes itself.
check "a crash is told" grep -q 'palindrome: crashed with code of crash.c loaded\|Sanitizer' err
printf '#include <stdlib.h>\npal_status palindrome_register(pal_error *e) { exit(0); }\n' | with leaves
ends "an exit" 1 'leaves.c ended the program while it was loaded' models leaves.c
echo 'pal_status palindrome_register(pal_error *e) { for (volatile int i = 0;; i++) {} }' | with loop
$fresh "$program" models loop.c > out 2> err &
pid=$!
sleep 1
stop INT
check "an endless loop is interrupted: $stopped" [ $stopped -eq 130 ]

# ---- Compilers
echo '// more' >> mine.c
CC=true
export CC
ends "a compiler that does nothing" 1 'true made no object: set CC to a C compiler' models mine.c
CC="cc -Werror=unknown-option-of-none"
ends "the compiler is named with its words" 2 'mend what cc -Werror=unknown-option-of-none says above' models mine.c
if command -v g++ > /dev/null; then
    CC=g++
    works "a compiler of C++" models mine.c
fi
unset CC

# ---- What a killed compilation left
mkdir "$cache/work-killed" "$cache/work-young" "$cache/other"
touch "$cache/work-killed/variant.c" "$cache/checked-1.so" "$cache/checked-2.so" outside
ln -s "$work/outside" "$cache/work-killed/object"
ln -s "$work" "$cache/work-link"
touch -h -d '2 hours ago' "$cache/work-killed" "$cache/work-link" "$cache/checked-1.so" "$cache/other"
echo '// another' >> mine.c
works "a compilation" models mine.c
check "removes what is old" [ ! -e "$cache/work-killed" ] && [ ! -e "$cache/checked-1.so" ]
check "keeps what is young" [ -d "$cache/work-young" ] && [ -e "$cache/checked-2.so" ]
check "keeps what is another's" [ -d "$cache/other" ] && [ -L "$cache/work-link" ]
check "and follows no link" [ -e outside ] && [ -e mine.c ]
rmdir "$cache/work-young" "$cache/other"

# ---- Folders
ln -s "$work/elsewhere" linked
mkdir -p elsewhere shut/palindrome
ln -s "$work/elsewhere" shut/palindrome/variants
XDG_CACHE_HOME=$work/shut "$program" models mine.c > out 2> err
check "a cache that is a link" [ "$? $(grep -c 'is no folder, or a link to one' err) $(wc -l < err)" = "0 1 1" ]
check "nothing is written there" [ -z "$(ls elsewhere)" ]

if [ "$(id -u)" -ne 0 ]; then
    mkdir -m 500 unwritable
    HOME=$work/unwritable "$program" models mine.c > out 2> err
    check "a home that cannot be written" [ "$? $(grep -c 'variants: Permission denied: make it writable' err)" = "0 1" ]
fi

# ---- A run
works "train" train ./mine.c --data data --batch 16 --epochs 1 --hidden 4 --quiet --out run
works "run-info" run-info run
check "names the file" grep -q "source  *$work/mine.c, kept as variant.c" out
check "and its hash" grep -q "SHA-256  *$(sha256sum < mine.c | cut -d ' ' -f 1)" out
PATH=/nowhere "$program" train --resume run --epochs 2 --quiet > out 2> err
check "without a compiler: $(cat err)" [ $? -eq 0 ]
mv mine.c kept.c
mkdir mine.c
"$program" train --resume run --epochs 3 --quiet > out 2> err
check "a file that is a folder now: $(cat err)" [ "$? $(grep -c 'warning: .*mine.c cannot be compared' err) $(wc -l < err)" = "0 1 1" ]
rmdir mine.c
mv kept.c mine.c
mkdir killed
cp mine.c killed/variant.c
touch killed/variant.c.1-0.part
works "a folder of a killed start" train ./mine.c --data data --batch 16 --epochs 1 --hidden 4 --quiet --out killed
check "is the run's" [ -e killed/run.json ] && [ ! -e killed/variant.c.1-0.part ]
mkdir own
echo mine > own/variant.c
refused "a folder with another variant.c" 'own already exists' train ./mine.c --data data --epochs 1 --out own

# ---- Checks: a variant with sizes of its own is made small
cat > wide.c << 'END'
#include <palindrome.h>
static pal_var loss(pal_model *m, const pal_batch *b)
{
    pal_var w = pal_dense(m, "wide", b->inputs, pal_option_int(m, "width"));
    pal_var o = pal_dense(m, "narrow", w, pal_shape_of(b->inputs).dim[1]);
    if (pal_shape_of(w).dim[1] > 10) return w; /* which is no loss */
    return pal_nll(m, pal_add(o, pal_decode_layers(m, pal_encode_layers(m, b->inputs))), b->inputs);
}
static const pal_option options[] = {{"width", PAL_OPTION_INT, "20000", 1, 1e6, NULL, "units"}, {0}};
static const pal_variant wide = {.struct_size = sizeof(pal_variant), .name = "wide", .summary = "wide",
    .options = options, .encode = pal_encode_layers, .decode = pal_decode_layers, .loss = loss};
PAL_VARIANT_FILE(wide)
END
works "gradcheck makes it small" gradcheck ./wide.c --order 1

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
