#!/bin/sh
# edges.sh PROGRAM: what a stranger types or has by mistake gets one line that says what to do.
# shellcheck source=tests/cli/helpers.sh
. "$(dirname "$0")/helpers.sh"

# ---- Numbers beyond their range
refused "more epochs than a number holds" 'is not in 1 .. 1000000: choose 1000000 or less (passes through the training samples)$' train basic --epochs 99999999999999999999
refused "fewer epochs than a number holds" 'is not in 1 .. 1000000: choose 1 or more' train basic --epochs -99999999999999999999
refused "more units than a number holds" 'is not in 1 .. ' train basic --hidden 99999999999999999999
refused "layers beyond any range" 'is not in 1 .. ' train deep --layers 5,99999999999999999999
refused "no number" 'is not a whole number' train basic --epochs 9x

# ---- Figures of many digits
awk 'BEGIN { srand(1); for (i = 0; i < 32; i++) printf "%.3fe17,%.3fe17\n", 1 + rand(), 1 + rand() }' > huge.csv
"$program" train basic --scale none --data huge.csv --output squared --activation linear --hidden 1 --optimizer adam --lr 0.001 --epochs 1 --out huge > out 2> err
check "figures of 36 digits are short" [ "$(cat out err | grep -c '[0-9]\{16\}')" -eq 0 ]
check "a large figure has an exponent" grep -q 'e+3[0-9]' out
"$program" evaluate huge > out 2> err
check "figures of 36 digits are short, evaluate" [ "$(cat out err | grep -c '[0-9]\{16\}')" -eq 0 ]
"$program" run-info huge > out 2> err
check "figures of 36 digits are short, run-info" [ "$(cat out err | grep -c '[0-9]\{16\}')" -eq 0 ]

# ---- Words
refused "a model as a verb" 'basic is a model, not a verb: `.*palindrome train basic` trains it' basic
refused "an operation as a verb" 'tanh is an operation, not a verb: `.*palindrome ops tanh` describes it' tanh
refused "help of a misspelt model" 'did you mean basic' help basi
refused "help of a misspelt verb" 'did you mean evaluate' help evaluat
refused "help of a misspelt operation" 'did you mean softplus' help softplu
refused "help of nothing known" 'unknown verb, model or operation xyzzyq' help xyzzyq
refused "a misspelt verb" 'unknown verb trian: did you mean train' trian
many=
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17; do many="$many run-$i"; done
# shellcheck disable=SC2086
refused "17 runs" 'run-17 is one too many: .* takes at most 16' scatter $many
refused "two models" 'unexpected argument deep' train basic deep

# ---- Lists of a sweep
refused "a value that is missing" 'hidden 4,,5: a value is missing in the list$' sweep basic --hidden 4,,5 --data data
refused "a list that ends with a comma" 'hidden 4,5,: a value is missing in the list$' sweep basic --hidden 4,5, --data data
refused "a blank for a value" 'hidden 4, : a value is missing in the list$' sweep basic --hidden '4, ' --data data
refused "a value that is there twice" 'hidden 4, 5,4: 4 appears twice$' sweep basic --hidden '4, 5,4' --data data
refused "too many values" 'hidden: at most [0-9]* values$' sweep basic --hidden "$(seq -s , 1 100)" --data data
refused "a list beyond any length" 'hidden: the list is too long$' sweep basic --hidden "$(printf '%05000d,1' 0)" --data data
refused "a rate in a list that is no number" 'learning-rate' sweep basic --lr 0.1,x --data data
refused "a rate that is no number" 'learning-rate' sweep basic --hidden 4,5 --lr x --data data
refused "lists of layers with one value" 'layers' sweep deep --layers '8,4;' --data data

# ---- The names of pictures and their numbers
works "a run" train basic --data data --batch 16 --hidden 4 --epochs 1 --out plain --quiet
refused "an ending alone" 'choose a name that ends in .png, .svg or .pdf' filters plain -o .svg
"$program" filters plain -o nodir/x.svg > out 2> err
check "a folder that is missing is one line" [ "$(grep -c '^palindrome: nodir/x.svg: .*make the folder nodir' err) $(wc -l < err)" = "1 1" ]
refused "data that are a folder without data" 'train-images' train basic --data .
echo precious > precious
ln -s precious seen.csv
refused "numbers beside the picture that are a link" 'seen.csv is a symbolic link' scatter plain -o seen.png --csv
check "what it leads to is unchanged" grep -q precious precious
touch plain/drawn.png plain/codes.npy plain/drawn.dot
ln -s plain/drawn.png link.png
works "a picture that is a link" filters plain -o link.png
check "its target is written" is_png plain/drawn.png
check "it stays a link" [ -L link.png ]
ln -s plain/codes.npy link.npy
works "an array that is a link" encode plain data link.npy
check "its target is written" [ -s plain/codes.npy ]
check "it stays a link" [ -L link.npy ]
ln -s plain/drawn.dot link.dot
works "a graph that is a link" graph basic -o link.dot
works "a graph that is a link, again" graph basic -o link.dot
check "its target is written" [ -s plain/drawn.dot ]
check "it stays a link" [ -L link.dot ]

# ---- Little memory: OpenBLAS would try for ever to get a buffer. A sanitizer needs more addresses than these limits allow.
said_so=no
sizes="100000 140000 180000 220000 260000 280000 300000 320000 340000 360000 500000"
if grep -q -e __asan_init -e __tsan_init "$program"; then sizes="" said_so=yes; fi
for space in $sizes; do
    for words in "--version" "train basic --data data --batch 16 --hidden 4 --epochs 1 --threads 2 --quiet --out r-$space" "evaluate plain" "gradcheck matmul"; do
        # shellcheck disable=SC2086
        (ulimit -v $space; exec timeout -k 1 60 "$program" $words) > out 2> err
        status=$?
        check "$space KiB, ${words%% *}: it ends, with status $status" [ $status -lt 124 ]
        grep -q 'OpenBLAS finds no address space.*ulimit -v' err && said_so=yes
        case $words in gradcheck*) continue ;; esac # its table has a row for each check that fails
        [ $status -eq 0 ] || check "$space KiB, ${words%% *}: one line" [ "$(wc -l < err)" -eq 1 ]
    done
done
check "too little for OpenBLAS says so" [ $said_so = yes ]

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
