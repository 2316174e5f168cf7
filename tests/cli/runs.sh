#!/bin/sh
# runs.sh PROGRAM - tests what concerns whole runs: training them longer, the size of a batch, and verbs that take several
# runs. Works in a temporary folder, on small data that it makes. Its last line is "N passed, N failed".
. "$(dirname "$0")/helpers.sh"
table() { awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++) printf "%g,%g,%g\n", i % 7 / 7, i % 5 / 5, i % 11 / 11 }'; }
small="--data data --batch 16 --hidden 12 --lanes 2 --quiet"

# ---- A run is trained longer
for way in "basic" "denoising --optimizer adam --lr 0.001 --schedule step --decay-every 2 --warmup 5" \
    "sparse --optimizer schedule-free --lr 0.01 --schedule plateau --plateau-patience 1" \
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
works "a polynomial" train basic $small --schedule polynomial --epochs 2 --out polynomial --quiet
"$program" train --resume polynomial --epochs 4 --quiet > out 2> err
check "a polynomial is planned anew, too" grep -q 'polynomial: the polynomial schedule is planned anew for 4 epochs' err
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
"$program" train --resume broken --epochs 60 --quiet > out 2> err &
tries=0
while ! grep -q '"status": "running"' broken/run.json && [ $tries -lt 1000 ]; do sleep 0.01; tries=$((tries + 1)); done
for again in 1 2 3; do
    sleep 0.2
    { kill -KILL $!; wait $!; } 2> /dev/null
    "$program" train --resume broken --quiet > out 2> err &
done
{ wait $!; } 2> /dev/null
if ! grep -q '"status": "done"' broken/run.json; then works "resumed once more" train --resume broken --quiet; fi
same_run "killed while it is trained longer" unbroken broken

# ---- The batch
table 300 > rows.csv
for pair in 150:16:6 128:16:0 9:1:0 8:1:0 33:4:1; do
    samples=${pair%%:*} rest=${pair##*:}
    size=${pair#*:} size=${size%:*}
    works "a batch for $samples rows" train basic --data rows.csv --limit $samples --output squared --hidden 2 --epochs 2 --out by-$samples
    [ "$(grep -c 'each epoch leaves out' out)" -eq $((rest > 0)) ] && pass || fail "what $samples rows leave out: $(cat out)"
    check "$samples rows: a batch of $size" grep -q "^  .*, batches of $size\b" out
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

# ---- Several runs
several="--data data --batch 16 --hidden 12 --epochs 2 --lanes 2 --quiet"
# shellcheck disable=SC2086
{
    works "a basic one" train basic $several --out plain
    works "a denoiser" train denoising $several --masking 0.25 --out quarter
    works "another" train denoising $several --masking 0.5 --out half
    works "of another seed" train denoising $several --masking 0.5 --seed 2 --out half-2
    works "of more epochs" train denoising $several --masking 0.5 --epochs 3 --out half-3
    works "a copy in another folder" train denoising $several --masking 0.5 --out copies/half
    works "a random code" train vae --data data --batch 16 --layers 9,2 --epochs 2 --quiet --out plane-a
    works "another random code" train vae --data data --batch 16 --layers 9,2 --epochs 2 --beta 2 --quiet --out plane-b
    works "a code of coins" train vae --data data --batch 16 --hidden 4 --code bernoulli --epochs 1 --quiet --out coins
}
# tells NAMES RUN...: the table of geometry tells these runs apart by these names, each followed by a semicolon
tells() {
    names=$1
    shift
    works "geometry $*" geometry "$@" --samples 5 -o told.png
    sed -n '/^  run /,/^$/p' out | sed '1d;$d;s/^  //;s/   *[0-9].*//;s/ *$//' | tr '\n' ';' > told
    [ "$(cat told)" = "$names" ] && pass || fail "$*: told apart by $(cat told), not $names"
}
tells "plain;" plain
tells "masking 0.25;masking 0.5;" quarter half
tells "basic;denoising;" plain half
tells "basic;denoising, masking 0.25;denoising, masking 0.5;" plain quarter half
tells "masking 0.25;masking 0.5, seed 1;masking 0.5, seed 2;" quarter half half-2
tells "epochs 2;epochs 3;" half half-3
tells "basic;denoising, masking 0.25;denoising, masking 0.5, seed 1, epochs 2;denoising, masking 0.5, seed 2, epochs 2;denoising, masking 0.5, seed 1, epochs 3;" \
    plain quarter half half-2 half-3
tells "half;copies/half;" half copies/half
works "reconstruct of several" reconstruct plain quarter half half-2
check "its picture is in the last folder" [ "$(cat out)" = half-2/reconstruct-of-all.png ] && is_png half-2/reconstruct-of-all.png
works "reconstruct of several, corrupted alike" reconstruct plain half --masking 0.5 -o alike.png --samples 4
works "reconstruct of two" reconstruct half half-2 -o two.png --samples 3
works "reconstruct of three" reconstruct half half-2 half-3 -o three.png --samples 3
check "three are no arrays" is_png three.png
works "arrays are still arrays" reconstruct half data arrays.npy
check "the array is there" grep -q '^arrays.npy \[37,8,8\]$' out
refused "a second run that is none" "not the folder of a run" reconstruct half nowhere
refused "a third run that is none" "nowhere" reconstruct half quarter nowhere
works "scatter of several" scatter plane-a plane-b half --csv --json -o panels.svg
check "its JSON parses" is_json out
check "its JSON has every run" [ "$(grep -c '"variance_shares"' out)" -eq 3 ]
check "its JSON has the ellipses of normal codes" [ "$(grep -c '"ellipses": 37' out) $(grep -c '"ellipses": 0' out)" = "2 1" ]
check "its numbers say of which run" [ "$(grep -c '^beta\|^"variational, beta 1",' panels.csv) $(grep -c '^denoising,' panels.csv)" = "74 37" ]
check "there is one legend" [ "$(grep -c 'stroke-width:14' panels.svg)" -eq 8 ]
works "scatter of one as JSON" scatter half --json
check "JSON of one has no list of runs" [ "$(grep -c '"runs"' out) $(figure samples)" = "0 37" ]
works "interpolate of several" interpolate plain half --from 0,1 --to 2,3 --steps 3 --pixels --json -o blends.png
check "every run has its pairs" [ "$(grep -c '"path_length"' out) $(grep -c '"run":' out)" = "4 2" ]
works "a grid of several" interpolate plain half --corners 0,1,2,3 --steps 3 --json -o grids.png
check "a grid of several has its corners once" [ "$(grep -c '"corners"' out)" -eq 1 ]
works "interpolate of one as JSON" interpolate half --json
check "JSON of one has no list of runs" [ "$(grep -c '"runs"' out) $(grep -c '"pairs"' out)" = "0 1" ]
works "sample of several" sample plane-a plane-b --steps 4 -o planes.png --json
check "each run has its kind" [ "$(grep -c '"kind": "plane"' out) $(grep -c '"picture"' out)" = "2 1" ]
works "sample of unlike codes" sample plane-a coins
check "it is in the last folder" [ "$(cat out)" = coins/sample-of-all.png ] && is_png coins/sample-of-all.png
works "sample of one as JSON" sample coins --json
check "JSON of one has no list of runs" [ "$(grep -c '"runs"' out)" -eq 0 ]
refused "sample of one without a code" "plain: basic has no prior" sample plane-a plain
refused "steps of one that has none" "code bernoulli.*: steps need a code of one or two" sample plane-a coins --steps 4
mkdir small-data
for split in train t10k; do
    count=20
    bytes 0 0 8 3 0 0 0 $count 0 0 0 4 0 0 0 4 > small-data/$split-images-idx3-ubyte
    head -c $((count * 16)) data/train-images-idx3-ubyte >> small-data/$split-images-idx3-ubyte
    labels $count > small-data/$split-labels-idx1-ubyte
done
cp -r data data-2
works "a run on smaller images" train basic --data small-data --epochs 1 --hidden 3 --quiet --out smaller
works "a run on other data" train basic --data data-2 --epochs 1 --hidden 3 --quiet --out elsewhere
table 60 > split.csv
works "a run with other test samples" train basic --data split.csv --test 9 --epochs 1 --hidden 3 --quiet --out nine
works "a run with its test samples" train basic --data split.csv --test 9 --split-seed 2 --epochs 1 --hidden 3 --quiet --out other-nine
for verb in reconstruct scatter interpolate geometry; do
    refused "$verb of runs of other shapes" "plain takes samples of shape .8,8., but smaller of .4,4." $verb plain smaller
    refused "$verb of runs on other data" "plain was trained on .*/data, but elsewhere on .*/data-2: give --data" $verb plain elsewhere
    refused "$verb of other test samples" "split.csv, split by --test 9 --split-seed 2: give --data" $verb nine other-nine
    works "$verb of runs on other data, on one" $verb plain elsewhere --data data -o some.png
done
works "filters of unlike data" filters plain elsewhere -o some.png

# ---- The numbers of a plot never replace the data
table 60 > mine.csv
cp mine.csv kept.csv
works "a run on a table" train basic --data mine.csv --hidden 3 --epochs 2 --out on-mine --quiet
refused "numbers over the run's data" 'mine.csv is the data and would be overwritten: choose another --out' scatter on-mine --csv -o mine.svg
refused "numbers over given data" 'is the data and would be overwritten' scatter on-mine --data kept.csv --csv -o ./kept.svg
refused "numbers of geometry over the data" 'is the data and would be overwritten' geometry on-mine --csv -o mine.svg
check "the data are as before" cmp -s mine.csv kept.csv

# ---- Data of which nothing can be learned
awk 'BEGIN { for (i = 0; i < 40; i++) print "0.5,0.25" }' > equal.csv
"$program" train variational --data equal.csv --output squared --epochs 2 --out equal --quiet 2> err
check "equal samples are told" said 'learned nothing: the test samples are all equal to the mean training sample'
awk 'BEGIN { for (i = 0; i < 200; i++) printf "%g,%g\n", i * 9 % 200 - 1700, i % 30 }' > raw.csv
"$program" train variational --scale none --data raw.csv --output squared --epochs 2 --out raw --quiet 2> err
check "a loss that is not finite from the start blames the data" said 'the loss is not finite before the first update: scale the data'

# ---- Not on a terminal; tests/cli/terminal.sh has what a terminal gets
works "not on a terminal" train basic --data data --batch 128 --hidden 3 --epochs 100 --out hundred-lines
check "elsewhere each epoch is a line" [ "$(grep -c '^epoch' out)" -eq 100 ]
check "elsewhere lines are not broken" grep -q '^  adam, rate 0.01, batches of 128$' out

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
