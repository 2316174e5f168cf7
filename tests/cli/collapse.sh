#!/bin/sh
# collapse.sh PROGRAM - tests what the program says about a random code that tells nothing about the sample: each cause is
# made, the advice is read, and the advice is followed, after which the code tells something. Works in a temporary folder,
# on data that it makes. Its last line is "N passed, N failed".
. "$(dirname "$0")/helpers.sh"

# four SCALE: 480 images of 16x16 pixels: one of four lines is light, and one in ten of its pixels is dark
four() {
    awk -v scale="$1" 'BEGIN { for (i = 0; i < 480; i++) { line = ""
        for (y = 0; y < 16; y++) for (x = 0; x < 16; x++) {
            u = (u * 1103 + 12345) % 65536
            on = (i % 4 < 2 ? y : x) == 2 + 3 * (i % 2) && u > 6554
            line = line (y + x ? "," : "") on * scale }
        print line } }'
}
four 1 > light.csv
four 0.1 > dark.csv

# remedy WHAT ADVICE CAUSE REMEDY ARGUMENTS...: with CAUSE the code collapses and ADVICE is given, with REMEDY it does not
remedy() {
    name=$1 advice=$2 cause=$3 remedy=$4
    shift 4
    rm -rf run
    # shellcheck disable=SC2086
    "$program" train vae --layers 64,4 --epochs 20 --batch 20 --lanes 1 --out run "$@" $cause > out 2> err
    check "$name: train says it" said "^palindrome: run: learned nothing: posterior collapse, .*: $advice\$"
    works "$name: evaluate" evaluate run
    check "$name: evaluate says it" grep -q "^  posterior collapse: .*: $advice\$" out
    rm -rf run
    # shellcheck disable=SC2086
    works "$name: as advised" train vae --layers 64,4 --epochs 20 --batch 20 --lanes 1 --out run "$@" $remedy --quiet
    works "$name: evaluate as advised" evaluate run --json
    check "$name: the advice helps" grep -q '"collapsed": false' out
}

choice="--data light.csv --code categorical"
bits="--data light.csv --code bernoulli"
real="--data light.csv"
remedy "a bias of 0" "use --output-bias mean" "--output-bias zero" "--output-bias mean" $choice
for code in "$choice" "$bits" "$real"; do
    # shellcheck disable=SC2086
    remedy "a great beta, $code" "lower --beta (now 300), or use --beta-warm-up" "--beta 300" "--beta 1" $code
done
remedy "a great beta after a warm-up" "lower --beta (now 300)" "--beta 300 --beta-warm-up 10" "" $choice
remedy "a high temperature" "lower --temperature (now 50)" "--temperature 50" "--temperature 0.5" $choice
remedy "a high temperature of bits" "lower --temperature (now 50)" "--temperature 50" "--temperature 0.5" $bits
remedy "scales of the output" "use --output gaussian" "--output normal" "--output gaussian" $choice
for code in categorical bernoulli normal; do
    remedy "an output of much noise, $code" "use --output gaussian --output-sigma 0.0[0-9]*, which is the spread of the data, not 1" \
        "--output squared --epochs 40" "--output gaussian --output-sigma 0.02 --epochs 40" --data dark.csv --code $code
done
remedy "plain gradient descent" "use --optimizer adam" "--optimizer gd --lr 0.001" "" $choice
remedy "small steps" "raise --learning-rate (now 1e-06)" "--lr 1e-6" "" $real
remedy "an early end" "train longer (now --epochs 1)" "--epochs 1" "" $bits

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
