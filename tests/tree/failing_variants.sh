#!/bin/sh
# failing_variants.sh - `palindrome train` with variants of a loaded object that fail: one line that names the variant,
# the exit status, and no run folder. $1: the program; $2: the object made of failing_variants.c.
set -u
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
awk 'BEGIN { for (i = 0; i < 24; i++) print i % 2 "," i % 3 / 2 "," i % 5 / 4 }' >"$stage/data.csv"
passed=0 failed=0

# fails STATUS ID TEXT: the only line contains TEXT.
fails() {
    rm -rf "$stage/run"
    FAILING=$2 "$program" --load "$object" train "$2" --data "$stage/data.csv" --epochs 1 --batch 4 --hidden 2 --quiet \
        --out "$stage/run" >"$stage/out" 2>"$stage/line"
    status=$?
    if [ $status -eq "$1" ] && [ ! -s "$stage/out" ] && [ "$(wc -l <"$stage/line")" -eq 1 ] && [ ! -e "$stage/run" ] &&
        grep -qF -- "$3" "$stage/line"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "$2: status $status, not $1, or a folder, or another line than \"$3\":"
        cat "$stage/out" "$stage/line"
    fi
}

program=$1
case $2 in
/*) object=$2 ;;
*) object=$PWD/$2 ;;
esac
word='names must be words of a-z, 0-9 and -, of at most 63 letters'

# Recording fails.
fails 1 no-handle 'no-handle: the loss is a bad handle'
fails 2 each-sample 'each-sample: the loss is [2], not one number: take its mean over the samples'
fails 2 whole-number 'whole-number: the loss is i32, not real'
fails 2 wrong-shape 'wrong-shape: matmul: [2,3] x [2,3]'
fails 1 no-code 'no-code: encode returns a bad handle'
fails 1 no-output 'no-output: the reconstruction is a bad handle'
fails 2 one-column 'one-column: output bernoulli: the decoder returns [2,1], not rows of 3'
# Registering fails.
fails 2 no-loss 'variant no-loss: .loss is missing: a variant needs a summary, encode, decode and loss'
fails 2 no-encoder 'variant no-encoder: .encode is missing: a variant needs a summary, encode, decode and loss'
fails 2 no-decoder 'variant no-decoder: .decode is missing: a variant needs a summary, encode, decode and loss'
fails 2 no-summary 'variant good: .summary is missing'
fails 2 no-name "variant \"\": $word"
fails 2 empty-name "variant \"\": $word"
fails 2 blank "variant \"a name\": $word"
fails 2 slash "variant \"../name\": $word"
fails 2 upper "variant \"Name\": $word"
fails 2 line 'variant "a\nb": '"$word"
fails 2 long-name "$word"
fails 2 taken 'variant basic: its name or its alias is taken'
fails 2 taken-alias 'variant dae: its name or its alias is taken'
fails 2 twice 'variant good: its name or its alias is taken'
fails 2 no-size 'variant: struct_size is 0'
fails 2 none 'variant: is NULL'
# Loading checks what the library does not know: the options of train.
fails 2 misspelt 'variant good: .training has optimiser, which is no option of train'
fails 2 mistaken 'variant good: .training: learning-rate: "fast" is not a number'

# A loss in float64 is one number too, and the others of the object work.
for id in good in-double; do
    if FAILING=$id "$program" --load "$object" train $id --data "$stage/data.csv" --epochs 1 --batch 4 --hidden 2 \
        --quiet --out "$stage/$id" && [ -f "$stage/$id/run.json" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "$id does not train"
    fi
done
echo "$passed passed, $failed failed"
exit $((failed > 0))
