#!/bin/sh
# runs.sh PROGRAM - tests what concerns whole runs: training them longer, the size of a batch, and verbs that take several
# runs. Works in a temporary folder, on small data that it makes. Its last line is "N passed, N failed".
set -u
LC_ALL=C
export LC_ALL
[ $# -eq 1 ] || { echo "usage: runs.sh PROGRAM" >&2; exit 2; }
program=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
. "$here/helpers.sh"
mkdir data
images 128 > data/train-images-idx3-ubyte
labels 128 > data/train-labels-idx1-ubyte
images 37 > data/t10k-images-idx3-ubyte
labels 37 > data/t10k-labels-idx1-ubyte
table() { awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++) printf "%g,%g,%g\n", i % 7 / 7, i % 5 / 5, i % 11 / 11 }'; }
small="--data data --batch 16 --hidden 12 --lanes 2 --quiet"

# ---- A run is trained longer
for way in "basic" "denoising --optimizer adam --lr 0.001 --schedule step --decay-every 2 --warmup 5" \
    "variational --beta-warm-up 30 --schedule constant" "semi-supervised --training alternate --labels 24"; do
    name=$(echo "$way" | cut -d' ' -f1)
    # shellcheck disable=SC2086
    works "$name: six epochs" train $way $small --epochs 6 --out whole-$name
    # shellcheck disable=SC2086
    works "$name: two epochs" train $way $small --epochs 2 --out $name
    works "$name: to four" train --resume $name --epochs 4 --quiet
    works "$name: to six" train --resume $name --epochs 6 --quiet --threads 1
    same_run "$name, longer" whole-$name $name
done
check "run.json has the new number" grep -q '^  "epochs": 6,' basic/run.json
check "run.json keeps the first command" grep -q '"command": "palindrome train basic --data' basic/run.json
check "run.json has both commands" [ "$(grep -c '"command": "palindrome train --resume basic --epochs [46]' basic/run.json)" -eq 2 ]
works "run-info of an extended run" run-info basic
check "run-info has the history" grep -q '^  extended  *after 4 epochs, from --epochs 4 to 6, by palindrome train --resume basic' out
works "run-info of an extended run, as JSON" run-info basic --json
check "run-info as JSON parses" is_json out
check "run-info as JSON has the history" [ "$(grep -c '"after": [24],' out)" -eq 2 ]
works "its table has all epochs" train --resume basic --epochs 7
check "the table counts all epochs" grep -q ' samples, 7 epochs in ' out
check "the progress goes on counting" grep -q '^epoch 7/7 ' out
works "a cosine" train basic $small --schedule cosine --epochs 2 --out cosine
"$program" train --resume cosine --epochs 4 --quiet > out 2> err
check "a cosine goes on" [ $? -eq 0 ]
check "a cosine is planned anew, which one line says" [ "$(grep -c 'cosine: the cosine schedule is planned anew for 4 epochs' err) $(grep -vc 'learned nothing' err)" = "1 1" ]
refused "a run that is done, without a number" "cosine is done: .*give --epochs with more than 4" train --resume cosine
refused "a number that is reached" "as many are done already" train --resume cosine --epochs 4
refused "a lower number" "give a greater number" train --resume cosine --epochs 3
refused "another setting of a run that is done" "lr\|learning-rate" train --resume cosine --epochs 9 --lr 0.2
works "layers of their own" train stacked --data data --layers 6,4 --pretrain-epochs 1 --fine-tuning none --out layers --quiet
refused "a last phase of its own length" "layer 2, has a number of epochs of its own" train --resume layers --epochs 9
works "a closed form" train linear --solve svd --hidden 5 --data data --out solved
check "a closed form has no rate of samples" [ "$(grep -c 'samples/s' out)" -eq 0 ]
check "a closed form has no batch" grep -q '"batch": 0,' solved/run.json
check "a closed form prints no batch" [ "$(grep -c 'batches' out)" -eq 0 ]
refused "a closed form, longer" "closed form, which has no epochs" train --resume solved --epochs 5
refused "a closed form, again" "closed form, which has no epochs" train --resume solved
many="denoising --data data --batch 2 --hidden 40 --optimizer adam --lr 0.001 --lanes 2 --quiet"
# shellcheck disable=SC2086
works "a run without a break" train $many --epochs 60 --out unbroken
# shellcheck disable=SC2086
works "a short run" train $many --epochs 3 --out broken
for again in 1 2 3; do
    if [ $again -eq 1 ]; then longer="--epochs 60"; else longer=; fi
    # shellcheck disable=SC2086
    "$program" train --resume broken $longer --quiet > out 2> err &
    sleep 0.3
    { kill -KILL $!; wait $!; } 2> /dev/null
done
if ! grep -q '"status": "done"' broken/run.json; then works "resumed once more" train --resume broken --quiet; fi
same_run "killed while it is trained longer" unbroken broken

# ---- The batch
table 300 > rows.csv
for pair in 150:16:6 128:16:0 9:1:0 8:1:0 33:4:1; do
    samples=${pair%%:*} rest=${pair##*:}
    size=${pair#*:} size=${size%:*}
    works "a batch for $samples rows" train basic --data rows.csv --limit $samples --output squared --hidden 2 --epochs 2 --out by-$samples
    [ "$(grep -c 'each epoch leaves out' out)" -eq $((rest > 0)) ] && pass || fail "what $samples rows leave out: $(cat out)"
    check "$samples rows: a batch of $size" grep -q "^  batches of $size\b" out
    works "run-info for $samples rows" run-info by-$samples --json
    check "$samples rows: run-info has the batch" [ "$(figure batch) $(figure left_out)" = "$size $rest" ]
done
works "what is left out, as JSON" train basic --data data --batch 100 --hidden 3 --epochs 1 --out hundred --json
check "JSON has what is left out" [ "$(figure batch) $(figure left_out)" = "100 28" ]
works "what is left out, in run-info" run-info hundred
check "run-info says what is left out" grep -q 'batches of 100, seed 1; each epoch leaves out 28 samples, others each time' out
refused "a batch that is larger than the data" "give --batch 250 or less" train basic --data rows.csv --output squared --batch 251 --out new
works "few labels and the default batch" train semi-supervised --data data --labels 24 --epochs 1 --hidden 5 --out labelled --quiet
works "two rows" train basic --data data --limit 2 --epochs 1 --hidden 5 --out pair --quiet
works "one row" train basic --data data --limit 1 --epochs 1 --hidden 5 --out single --quiet

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
