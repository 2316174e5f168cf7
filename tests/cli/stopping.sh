#!/bin/sh
# stopping.sh PROGRAM: training that ends early: --patience, --keep-best, --time; the best model and --which; curves of a
# run that is still training; interrupted and killed runs that end at the same epoch.
# shellcheck source=tests/cli/helpers.sh
. "$(dirname "$0")/helpers.sh"
small="--data data --batch 16 --hidden 12 --lanes 2 --seed 5"
stop="--lr 0.3 --patience 3 --min-improvement 0.001 --epochs 90 --quiet"

# ---- Patience, and the best model
works "patience" train denoising --out ends $small --lr 0.3 --patience 3 --min-improvement 0.001 --epochs 90
check "it says why it has ended" grep -q '^  ended by --patience after epoch [0-9]*: 3 measurements in a row were no' out
check "and which model is kept" grep -q '^  best.safetensors is the model after epoch [0-9]*, which the other' out
check "run.json says it, too" grep -q '"ended": "patience"' ends/run.json
check "the last line says it" [ "$(tail -n 1 ends/metrics.jsonl | grep -c '"stopped":true')" -eq 1 ]
check "no other line says it" [ "$(grep -c '"stopped":true' ends/metrics.jsonl)" -eq 1 ]
check "it has not taken all epochs" [ "$(wc -l < ends/metrics.jsonl)" -lt 90 ]
check "the best model is there" [ -s ends/best.safetensors ]
works "run-info" run-info ends
check "run-info has the patience" grep -q '^  patience *3 measurements without an improvement of 0.001; it has ended' out
check "run-info has the best epoch" grep -q '^  best epoch *[0-9]*, measured loss .* kept in best.safetensors$' out
works "json" train denoising --out json $small $stop --json
check "json says why it has ended" grep -q '"ended": "patience"' out
check "json has the best epoch" less 0 "$(figure best_epoch)"
best=$(figure best_loss)
refused "a run that patience has ended, longer" "no improvement (--patience)" train --resume ends --epochs 120
refused "min-improvement without patience" "patience" train basic $small --min-improvement 0.1
refused "a patience below that of the plateau" "give a greater --patience" train basic $small --schedule plateau --patience 5
works "a greater one" train basic $small --quiet --epochs 1 --schedule plateau --plateau-patience 1 --patience 3 --out plateau
check "run.json has both" [ "$(grep -c '"patience": [13]' plateau/run.json)" -eq 2 ]
works "a sweep" sweep basic --hidden 4,6 --seeds 1 --data data --batch 16 --patience 1 --min-improvement 0.2 --epochs 9 --quiet --out swept
check "its runs end early" [ "$(cat swept/*/run.json | grep -c '"ended": "patience"')" -eq 2 ]

# ---- Which model a verb takes
"$program" evaluate json --json > out 2> err
check "the default is the best one, which is said" [ "$(grep -c 'model of its best epoch; --which last' err) $(wc -l < err)" = "1 1" ]
check "its loss is the best loss" awk -v a="$(figure loss)" -v b="$best" 'BEGIN { exit !((a - b) ^ 2 < 1e-10 * b * b) }'
works "the best one" evaluate json --which best --json
cp out best.json
works "the last one" evaluate json --which last --json
check "they differ or are the same epoch" [ "$(figure loss)" != "$(sed -n 's/^ *"loss": \([-0-9.e+]*\).*/\1/p' best.json)" ]
for verb in "reconstruct json -o p.png" "encode json data out.npy" "filters json -o p.png" "denoise json -o p.png" \
    "scatter json -o p.png" "classify json --labels 32"; do
    # shellcheck disable=SC2086
    "$program" $verb > out 2> err
    check "$verb says that it is the best one" grep -q 'best epoch' err
    # shellcheck disable=SC2086
    works "$verb, the last" $verb --which last
done
works "curves needs no model" curves json
works "keep-best" train denoising --out kept $small --epochs 4 --quiet --keep-best
works "without patience, the last is the default" evaluate kept --json
works "the best of it" evaluate kept --json --which best
works "a run without" train denoising --out plain $small --epochs 2 --quiet
refused "it has no best one" "give --which last" evaluate plain --which best
check "no temporary files" [ "$(ls plain | wc -l) $(ls kept | wc -l)" = "3 4" ]
"$program" train denoising --out after $small --epochs 1 --quiet --from json > out 2> err
check "a run from one with patience begins with its best weights" grep -q 'begins with the best weights' err
rm json/best.safetensors
works "a best model that was removed" evaluate json --json
refused "and is asked for" "give --which last" evaluate json --json --which best

# ---- Curves
works "curves" curves ends kept --of test-loss --csv -o curves.png
check "curves has the best epoch and why it ended" grep -q '^  .* patience *$' out
check "and of the others" grep -q '^  .* epochs *$' out
works "curves as JSON" curves ends --json -o curves.png
check "its JSON has both" [ "$(grep -c '"best_epoch": [0-9]\|"ended": "patience"' out)" -eq 2 ]
# shellcheck disable=SC2086
$fresh "$program" train denoising --out busy $small --epochs 100000 --quiet > busy.out 2>&1 &
pid=$!
appears busy/metrics.jsonl
"$program" curves busy --json -o busy.png > out 2> err
check "curves of a run that is still training" [ "$? $(grep -c '"best_epoch": [1-9]' out)" = "0 1" ]
check "its warning: $(cat err)" grep -q 'still running or was killed$' err
check "and its picture" is_png busy.png
stop INT

# ---- Time
works "time" train denoising --out timed $small --epochs 100000 --time 0.2s
check "it says so" grep -q '^  ended by --time 0.2s in step [0-9]*, with [0-9]* of 100000 epochs' out
check "run.json is done" [ "$(grep -c '"status": "done"\|"ended": "time"' timed/run.json)" -eq 2 ]
refused "without a longer one" "give a longer --time" train --resume timed
refused "with a shorter one" "give a longer time" train --resume timed --time 0.1
works "with a longer one" train --resume timed --time 0.4s --quiet
check "it has ended again" [ "$(grep -c '"ended": "time"\|"time_limit": 0.4' timed/run.json)" -eq 2 ]
for time in 10x 1h30 m -5 0 1e99 inf ""; do refused "--time '$time'" "time" train basic $small "--time=$time"; done
for time in 90 90s 10m 1h30m 1.5h 1d2h; do
    works "--time $time" train basic $small --quiet --epochs 1 --time $time --out "t-$time"
done
check "1h30m is 5400 s" grep -q '"time_limit": 5400.0' t-1h30m/run.json
refused "a closed form" "solve svd" train linear --solve svd --data data --time 10m

# ---- Interrupted and killed
# shellcheck disable=SC2086
works "uninterrupted" train denoising --out whole $small $stop --test-every 2 --average exponential
for signal in INT KILL; do
    # shellcheck disable=SC2086
    $fresh "$program" train denoising --out $signal $small $stop --test-every 2 --average exponential > out 2> err &
    pid=$!
    appears $signal/metrics.jsonl
    stop $signal 2> waited
    grep -q '"status": "done"' $signal/run.json || works "$signal: it goes on" train --resume $signal --quiet
    check "$signal: the same checkpoint" cmp -s whole/checkpoint.safetensors $signal/checkpoint.safetensors
    check "$signal: the same best model" cmp -s whole/best.safetensors $signal/best.safetensors
    check "$signal: the same metrics" [ "$(lines whole)" = "$(lines $signal)" ]
    check "$signal: the same result" [ "$(figures_of whole)" = "$(figures_of $signal)" ]
done

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
