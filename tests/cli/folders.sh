#!/bin/sh
# folders.sh - what can happen to the folder of a run and to its data: the lock, a folder that is renamed while a run
# trains in it, a checkpoint that is lost, data that are moved or changed, files that are no files, names of any bytes.
# shellcheck source=helpers.sh
. "$(dirname "$0")/helpers.sh"

table() { awk -v n=96 -v k="$1" 'BEGIN { for (i = 0; i < n; i++) print (i * 37 % 97) / 96 "," (i * 61 % 89) / 88 "," (i * k % 83) / 82 }'; }
table 17 > table.csv
small="--data table.csv --hidden 2 --batch 8 --epochs 2 --lanes 1 --quiet"
long="--data data --batch 2 --hidden 40 --epochs 100000 --lanes 2 --quiet"
# begin RUN: starts a long training in this folder, and waits for its first epoch; sets pid
begin() {
    # shellcheck disable=SC2086
    $fresh "$program" train basic --out "$1" $long > begun 2> begun.err &
    pid=$!
    appears "$1/metrics.jsonl"
}

# ---- The lock
begin locked
timeout 60 "$program" train --resume locked --quiet > out 2> err
check "a run in training is not resumed" [ $? -eq 2 ]
check "and it is said" said 'locked is being trained by another process: wait'
# shellcheck disable=SC2086
timeout 60 "$program" train basic $small --out locked > out 2> err
check "no new run goes into it" [ $? -eq 2 ]
check "and it is said, too" said 'locked is being trained by another process: wait'
stop KILL
# shellcheck disable=SC2086
$fresh "$program" train basic --out unheard $long <&- > begun 2> begun.err &
pid=$!
appears unheard/metrics.jsonl
timeout 60 "$program" train --resume unheard --quiet <&- > out 2> err
check "the lock holds without standard input" [ $? -eq 2 ]
check "and says so" said 'unheard is being trained by another process'
timeout 60 "$program" train --resume unheard --quiet > out 2> err
check "also with it" [ $? -eq 2 ]
stop INT

# ---- A folder that is renamed, and another one that gets its name
begin twice
kill -STOP $pid
mv twice first
# shellcheck disable=SC2086
works "another run of this name" train basic $small --out twice
cp -r twice kept
kill -CONT $pid
lines=$(wc -l < first/metrics.jsonl)
tries=0
while [ "$(wc -l < first/metrics.jsonl)" -le "$lines" ] && [ $tries -lt 1000 ]; do sleep 0.01; tries=$((tries + 1)); done
check "the first one goes on in its own folder" [ "$(wc -l < first/metrics.jsonl)" -gt "$lines" ]
stop INT
cat begun.err > err
check "it says where its results are" said "warning: the folder twice was renamed or removed during training: its results are in .*/first"
check "and how to go on" said 'continue with .*train --resume .*/first'
check "the second one is untouched" [ -z "$(diff -r twice kept 2>&1)" ]
check "the first one is interrupted" grep -q '"status": "interrupted"' first/run.json
rm -rf kept
begin gone
kill -STOP $pid
rm -rf gone
kill -CONT $pid
{ wait $pid; } 2> waited
cp begun.err err
check "a folder that was removed is told" said 'gone/.*: cannot write'
check "and is not made again" [ ! -e gone ]

# ---- A checkpoint that is lost
# shellcheck disable=SC2086
works "a run" train basic $small --out whole
cp -r whole lost
rm lost/checkpoint.safetensors
refused "a run that lost its checkpoint" "lost: checkpoint.safetensors is missing, but the run has finished 2 epochs: restore" train --resume lost --epochs 4
sed -i 's/"status": "done"/"status": "running"/' lost/run.json
refused "the same, if it was killed" "lost: checkpoint.safetensors is missing" train --resume lost
cp -r lost early
rm early/metrics.jsonl
sed -i '/"result"/,/}/s/"\(epochs\|steps\)": [0-9]*/"\1": 0/' early/run.json
"$program" train --resume early --quiet > out 2> err
check "a run that ended before its first save begins" [ $? -eq 0 ]
check "and says so in one line" [ "$(grep -c 'early ended before its first save: it begins at the start' err) $(wc -l < err)" = "1 1" ]
same_run "from the start" whole early

# ---- A process that was killed when it began
mkdir half
echo '{' > half/run.json.77-0.part
refused "half a folder" "half is not the folder of a run: run.json is missing" train --resume half
# shellcheck disable=SC2086
works "half a folder is taken" train basic $small --out half
same_run "in half a folder" whole half

# ---- Data that are changed or moved
for run in other labelled; do cp -r whole $run; done
grep -q '"training_samples": "xxh3:[0-9a-f]\{16\}"' whole/run.json && pass || fail "no fingerprint"
check "without labels there is none of them" [ "$(grep -c _labels whole/run.json)" -eq 0 ]
table 18 > table.csv
refused "changed data" "table.csv: its training samples are not those that the run started with: restore" train --resume other --epochs 4
"$program" evaluate other --json > out 2> err
check "changed data are evaluated" [ $? -eq 0 ]
check "with a warning" said 'warning: other: the test samples of .*/table.csv have changed since it was trained: restore'
table 17 > table.csv
works "restored data" evaluate other --json
mv table.csv elsewhere.csv
refused "data that are gone" "table.csv: the data of the run are no longer there: give --data" train --resume other --epochs 4
gzip -k elsewhere.csv
works "in another place, and compressed" train --resume other --epochs 4 --data elsewhere.csv.gz --quiet
check "the new place is kept" grep -q '"data": ".*/elsewhere.csv.gz"' other/run.json
works "and found again" evaluate other --json
awk 'NR == 96 { $0 = "0.5,0.5,0.5" } { print }' elsewhere.csv > table.csv
refused "a changed test sample" "its .* samples are not those" train --resume labelled --epochs 4
head -n 90 elsewhere.csv > less.csv
refused "fewer samples" "less.csv: has 75 training samples, but the run started with 80" train --resume labelled --epochs 4 --data less.csv
sed '/"fingerprint"/,/}/d' labelled/run.json > text && mv text labelled/run.json
"$program" train --resume labelled --epochs 4 --quiet > out 2> err
check "a run without a fingerprint goes on" [ $? -eq 0 ]
check "and says that it was not checked" [ "$(grep -c 'labelled has no fingerprint of its data' err) $(wc -l < err)" = "1 1" ]
mv elsewhere.csv table.csv
works "images with labels" train semi-supervised --data data --labels 24 --batch 16 --epochs 1 --hidden 5 --out images --quiet
check "labels have a fingerprint" [ "$(grep -c '_labels": "xxh3:' images/run.json)" -eq 2 ]
{ labels 128 | head -c 8; labels 128 | tail -c 128 | tr '\001' '\002'; } > data/train-labels-idx1-ubyte
refused "changed labels" "its training labels are not those" train --resume images --epochs 2
labels 128 > data/train-labels-idx1-ubyte
works "some of the samples" train basic --data data --limit 64 --validation 20 --batch 16 --hidden 3 --epochs 1 --quiet --out some
works "all of them are no change" evaluate some --split train --json
works "nor are those held out" evaluate some --json

# ---- Files that are no files: nothing waits for them
for file in run.json metrics.jsonl; do
    cp -r whole pipe
    rm pipe/$file
    mkfifo pipe/$file
    for verb in "train --resume" run-info; do
        # shellcheck disable=SC2086
        timeout 60 "$program" $verb pipe > out 2> err
        check "$verb ends by itself" [ $? -eq 1 ]
        check "$verb with a pipe as $file" said "pipe/$file: not a regular file: restore"
        check "is one line" [ "$(wc -l < err)" -eq 1 ]
    done
    rm -r pipe
done

# ---- Names of any bytes
odd=$(printf 'caf\351 "q" \\ \\xE9')
mkdir "$odd"
cp table.csv "$odd/$odd.csv"
works "names of any bytes" train basic --data "$odd/$odd.csv" --hidden 2 --batch 8 --epochs 2 --lanes 1 --out "$odd/run" --json
check "its JSON parses" is_json out
check "its JSON has the folder" grep -qF '"run": "caf\\xE9 \"q\" \\ \\x5CxE9/run"' out
check "run.json parses" is_json "$odd/run/run.json"
check "run.json has the path" grep -qF '/caf\\xE9 \"q\" \\ \\x5CxE9/caf\\xE9 \"q\" \\ \\x5CxE9.csv"' "$odd/run/run.json"
for verb in evaluate scatter reconstruct run-info; do
    json=--json
    [ $verb = reconstruct ] && json=
    works "$verb of such a run" $verb "$odd/run" $json
    [ -z "$json" ] || check "$verb: its JSON parses" is_json out
done
works "such a run goes on" train --resume "$odd/run" --epochs 3 --quiet
newline=$(printf 'a\nb\tc')
"$program" train basic --data table.csv --hidden 2 --batch 8 --epochs 1 --out "$newline" --json > out 2> err
check "a name with a newline" [ $? -eq 0 ]
check "its JSON parses, too" is_json out
works "and opens" evaluate "$newline" --json
works "the table of such a run" run-info "$newline"

# ---- A file of metrics that is shorter than its checkpoint
works "a run of three epochs" train basic --data data --batch 16 --hidden 4 --epochs 3 --out shorter --quiet
head -n 1 shorter/metrics.jsonl > kept && cp kept shorter/metrics.jsonl
cksum shorter/* > before
"$program" train --resume shorter --epochs 4 > out 2> err
check "lost lines of metrics are refused" [ $? -ne 0 ]
check "lost lines: one line, not: $(cat err)" [ "$(grep -c 'shorter/metrics.jsonl ends with epoch 1, but .* epoch 3' err) $(wc -l < err)" = "1 1" ]
check "lost lines: the run is as it was" [ "$(cksum shorter/*)" = "$(cat before)" ]

# ---- A run that begins with the weights of another, and has not saved yet
works "the other run" train basic --data data --batch 16 --hidden 4 --epochs 1 --out giver --quiet
works "a run from it" train basic --data data --batch 16 --hidden 4 --epochs 1 --from giver --out after --quiet
check "run.json has a hash of the weights" grep -q '"from_weights": "xxh3:' after/run.json
rm after/metrics.jsonl after/checkpoint.safetensors
sed '/"result"/,/^  }/d; s/"status": "done"/"status": "running"/; s/"resumed": 0/"resumed": 0/' after/run.json > kept
cp kept after/run.json
cp -r after unchanged
"$program" train --resume unchanged --quiet > out 2> err
check "it is resumed while the other is as it was, not: $(cat err)" [ $? -eq 0 ]
works "the other is trained on" train --resume giver --epochs 2 --quiet
refused "the other has changed" "its weights have changed since after began" train --resume after

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
