#!/bin/sh
# reading.sh PROGRAM - tests what is said about the data and the checkpoint that a verb reads: their shape, where they
# are, whether they are the run's own, and what to do if they cannot be taken.
# shellcheck source=tests/cli/helpers.sh
. "$(dirname "$0")/helpers.sh"

small="--batch 8 --hidden 3 --epochs 1 --lanes 1 --quiet"
awk 'BEGIN { for (i = 0; i < 24; i++) print i % 7 / 7 "," i % 5 / 5 "," i % 3 / 3 }' > three.csv
awk 'BEGIN { for (i = 0; i < 24; i++) print i % 7 / 7 "," i % 5 / 5 }' > two.csv
# shellcheck disable=SC2086
works "a run on a table" train basic $small --data three.csv --out table
# shellcheck disable=SC2086
works "a run on images" train basic $small --data data --out images

# ---- The shape of what was read
works "evaluate" evaluate table --data three.csv
check "evaluate says what it read" grep -q '^basic, hidden 3 on 24 samples of three$' out
works "encode" encode images data codes.npy
check "encode says what it wrote" [ "$(cat out)" = "codes.npy [37,3]" ]
works "decode" decode images codes.npy images.npy
check "decode gives samples their own shape" [ "$(cat out)" = "images.npy [37,8,8]" ]
works "reconstruct" reconstruct table three.csv back.csv
check "reconstruct keeps rows" [ "$(cat out)" = "back.csv [24,3]" ]
refused "evaluate on a narrower table" '^palindrome: two.csv: has 2 columns, but the model was trained on 3: give as many$' \
    evaluate table --data two.csv
refused "evaluate a table on images" '^palindrome: data: has 64 columns, but the model was trained on 3: ' evaluate table --data data
refused "encode a narrower table" '^palindrome: two.csv: has 2 columns, but the model was trained on 3: give as many$' \
    encode table two.csv new.npy
refused "encode images with a model of tables" '^palindrome: data: has 64 columns, but the model was trained on 3: ' encode table data new.npy
refused "decode codes of another width" '^palindrome: two.csv: the array is \[24,2\], but table, .* takes rows of 3 code values: give an array \[N,3\]$' \
    decode table two.csv new.npy
"$program" encode table - new.npy < two.csv > out 2> err
check "standard input of another shape is status 2" [ $? -eq 2 ]
check "it is named" said '^palindrome: .standard input or output.: has 2 columns, but the model was trained on 3: give as many$'
check "nothing is written" [ ! -e new.npy ]
mv three.csv away.csv
cp two.csv three.csv
refused "the run's own data became narrower" 'three.csv: has 2 columns, but the model was trained on 3: give as many$' evaluate table
mv away.csv three.csv

# ---- Arrays of other types. A byte of a sample is a pixel, and counts as its value / 255; a byte of a code is a number.
array() { # NAME TYPE SHAPE: the head of a .npy file; its elements are to follow
    printf '\223NUMPY\1\0\166\0%-117s\n' "{\"descr\":\"$2\",\"fortran_order\":False,\"shape\":($3),}" > "$1"
}
array bytes.npy '|u1' 37,8,8
tail -c +17 data/t10k-images-idx3-ubyte >> bytes.npy
works "encode bytes" encode images bytes.npy codes-2.npy
check "the codes of the same images" cmp -s codes.npy codes-2.npy
array rows.npy '|u1' 37,64
tail -c +17 data/t10k-images-idx3-ubyte >> rows.npy
works "encode rows of bytes" encode images rows.npy codes-2.npy
check "the same codes" cmp -s codes.npy codes-2.npy
array code.npy '|u1' 1,3
bytes 0 1 2 >> code.npy
printf '0,1,2\n' > code.csv
works "decode bytes" decode images code.npy one-1.npy
works "decode numbers" decode images code.csv one-2.npy
check "the same image" cmp -s one-1.npy one-2.npy
array real.npy '<f8' 1,3
printf '\0\0\0\0\0\0\370\077\0\0\0\0\0\0\370\177\0\0\0\0\0\0\370\077' >> real.npy
"$program" decode images real.npy new.npy > out 2> err
check "a code that is no number is status 1" [ $? -eq 1 ]
check "its place is told" [ "$(grep -c '^palindrome: real.npy: row 0, element 1 (from 0) is not a finite number$' err) $(wc -l < err)" = "1 1" ]
array none.npy '<f4' ''
printf '\0\0\0\0' >> none.npy
"$program" encode table none.npy new.npy > out 2> err
check "one number is no row" [ "$? $(grep -c 'none.npy: contains a single number, expected an array of samples$' err)" = "1 1" ]
array flat.npy '<f4' 3,
printf '\0\0\0\0\0\0\0\0\0\0\0\0' >> flat.npy
refused "an axis without rows" 'flat.npy: has 1 column.*, but the model was trained on 3: give as many$' encode table flat.npy new.npy
array empty.npy '<f4' 0,3
"$program" encode table empty.npy new.npy > out 2> err
check "no rows" [ "$? $(grep -c 'empty.npy: has the shape \[0,3\], expected at least one sample with one number$' err)" = "1 1" ]
gzip -k three.csv
works "a packed table" encode table three.csv.gz packed.npy
works "the table" encode table three.csv plain.npy
check "the same codes as of the table" cmp -s packed.npy plain.npy

# ---- Where codes are written
works "to standard output" encode table three.csv -
cp out by-dash.csv
works "to a table" encode table three.csv by-name.csv
check "it is the same text" cmp -s by-dash.csv by-name.csv
"$program" encode table - - --format npy < plain.npy > out 2> err
check "arrays on standard input and output" [ $? -eq 0 ]
for out in x .npy codes.txt codes.np; do
    refused "OUT is $out" "$out: not an array file: choose a name ending in .npy or .csv, or - for standard output" encode table three.csv $out
done
mkdir folder.npy
refused "OUT is a folder" 'folder.npy is a folder: choose a file as OUT' encode table three.csv folder.npy
for end in npy csv; do
    "$program" encode table three.csv "nowhere/codes.$end" > out 2> err
    check "no folder for .$end is status 2" [ $? -eq 2 ]
    check "one line" [ "$(grep -c "nowhere/codes.$end: " err) $(wc -l < err)" = "1 1" ]
done
mkdir hollow
"$program" encode table hollow new.npy > out 2> err
check "a folder without data" [ "$(grep -c 'hollow' err) $(wc -l < err)" = "1 1" ]

# ---- A table of one row is no data set
head -n 1 three.csv > one.csv
one='^palindrome: one.csv: has 1 row, expected at least 2, one to train and one to test: add rows$'
for words in "train basic --data" "sweep basic --hidden 1,2 --seeds 1 --data"; do
    # shellcheck disable=SC2086
    "$program" $words one.csv > out 2> err
    check "one row, ${words%% *}: status 1" [ $? -eq 1 ]
    check "one row, ${words%% *}: one line: $(cat err)" [ "$(grep -c "$one" err) $(wc -l < err)" = "1 1" ]
    check "one row, ${words%% *}: no folder" [ ! -e runs ]
done
works "one row is encoded" encode table one.csv one.npy
check "as one code" [ "$(cat out)" = "one.npy [1,3]" ]

# ---- The folder in which the program runs
cp -r data here
cd here || exit 2
# shellcheck disable=SC2086
works "the data are here" train basic $small --data . --out ../dot
check "the run keeps the full path" grep -q "\"data\": \"$(pwd -P)\"" ../dot/run.json
works "evaluate here" evaluate ../dot --data .
check "the name of the folder is printed" grep -q '^basic, hidden 3 on 37 samples of here$' out
check "these are the run's own data" [ "$(grep -c 'for comparison' out)" -eq 0 ]
rm -f out err rest
cd .. || exit 2
works "evaluate from elsewhere" evaluate dot
check "by the same name" grep -q '^basic, hidden 3 on 37 samples of here$' out
works "the same folder in other words" evaluate dot --data ./data/../here/
check "is the run's own" [ "$(grep -c 'for comparison' out)" -eq 0 ]
works "other data" evaluate dot --data data
check "are told" grep -q 'for comparison on 37 of here, which it was trained on' out

# ---- A path that is too long to be compared with that of the run's data. Its end is enough to open it.
deep() {
    name=$(printf %0200d 0)
    i=0
    while [ $i -lt 25 ]; do
        mkdir "$name" && cd -P "$name" || return 1
        i=$((i + 1))
    done
}
start=$PWD
cp three.csv moved.csv
(deep && cp "$start/three.csv" . && exec "$program" evaluate "$start/table" --data three.csv) > out 2> err
check "a path that is too long is status 2" [ $? -eq 2 ]
check "one line: $(cat err)" [ "$(grep -c '^palindrome: --data three.csv: its full path cannot be found (File name too long), so whether .*/table was trained on it is not known: copy it to a folder with a shorter path$' err) $(wc -l < err)" = "1 1" ]
check "no figures" [ ! -s out ]

# ---- A damaged checkpoint: what is wrong with it, and what to do
damaged() { # WHAT NEEDLE: the checkpoint of the run `broken` is refused by each verb that reads it
    for words in "evaluate broken" "reconstruct broken" "encode broken three.csv new.npy" "train basic --from broken --data three.csv --hidden 3"; do
        # shellcheck disable=SC2086
        "$program" $words > out 2> err
        status=$?
        if [ $status -ne 1 ] && [ "${words%% *} $status" != "train 2" ]; then fail "$1, ${words%% *}: exit status $status"
        elif [ "$(wc -l < err)" -ne 1 ]; then fail "$1, ${words%% *}: $(wc -l < err) lines on standard error"
        elif ! grep -q "broken/checkpoint.safetensors: $2" err; then fail "$1, ${words%% *}: $(cat err)"
        elif [ -s out ] || [ -e runs ] || [ -e new.npy ]; then fail "$1, ${words%% *}: something was written"
        else pass
        fi
    done
}
remedy='restore the file from a copy of the run$'
cp -r table broken
size=$(wc -c < table/checkpoint.safetensors)
for at in $((size - 1)) $((size - 9)); do # bytes of a number
    cp table/checkpoint.safetensors broken/checkpoint.safetensors
    printf '\125' | dd of=broken/checkpoint.safetensors bs=1 seek="$at" conv=notrunc 2> waited
    damaged "a changed byte" "damaged: the checksum is not that of the contents: restore a copy, or train again$"
done
for keep in 0 5 100 $((size - 1)); do
    head -c "$keep" table/checkpoint.safetensors > broken/checkpoint.safetensors
    damaged "cut to $keep bytes" ".*: $remedy"
done
(cat table/checkpoint.safetensors; echo more) > broken/checkpoint.safetensors
damaged "something at its end" ".*: $remedy"
head -c "$size" /dev/zero > broken/checkpoint.safetensors
damaged "zeros" ".*: $remedy"

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
