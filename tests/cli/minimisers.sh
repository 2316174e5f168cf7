#!/bin/sh
# minimisers.sh PROGRAM: training by the minimisers: what is printed and written, how a run ends, goes on and is killed,
# and which options are refused with them.
# shellcheck source=tests/cli/helpers.sh
. "$(dirname "$0")/helpers.sh"
small="--data data --hidden 6 --lanes 2 --batch 50"
quiet="$small --quiet"

# ---- Every method, and what it writes
for method in lbfgs cg-pr cg-hs cg-dy newton-cg hessian-free; do
    # shellcheck disable=SC2086
    works "$method" train basic $small --optimizer $method --epochs 4 --out $method
    check "$method: a line an epoch" [ "$(grep -c '^epoch [1-4]/4 .* evaluations .*step .*|g| ' out)" -eq 4 ]
    check "$method: its line in the table" grep -q "^  $method, [0-9]* evaluations" out
    check "$method: metrics" [ "$(grep -c '"minimiser":{"iterations":[1-4],"evaluations":' $method/metrics.jsonl)" -eq 4 ]
    check "$method: the loss falls" [ "$(sed 's/.*"train_loss":\([0-9.]*\).*/\1/' $method/metrics.jsonl | sort -rnc 2>&1)" = "" ]
    check "$method: run.json" grep -q "\"name\": \"$method\"" $method/run.json
done
works "run-info" run-info hessian-free
check "run-info names the optimizer" grep -q '^  optimizer  *hessian-free$' out
total() { # RUN FIGURE: as metrics.jsonl has it in the last line
    tail -n 1 "$1/metrics.jsonl" | sed "s/.*\"$2\":\([0-9]*\).*/\1/"
}
check "run-info has its evaluations" grep -q "^  evaluations  *$(total hessian-free evaluations)$" out
check "and its products" grep -q "^  products  *$(total hessian-free products)\(, of [0-9,]* samples each\)*$" out
works "run-info of lbfgs" run-info lbfgs
check "run-info has its evaluations, too" grep -q "^  evaluations  *$(total lbfgs evaluations)$" out
check "but no products" [ "$(grep -c '^  products' out)" -eq 0 ]
works "run-info as JSON" run-info hessian-free --json
check "with the evaluations" [ "$(figure evaluations)" = "$(total hessian-free evaluations)" ]
check "with the products" [ "$(figure products)" = "$(total hessian-free products)" ]
works "phases" train stacked --layers 6,3 --data data --lanes 2 --batch 50 --quiet --optimizer lbfgs --noise frozen --epochs 3 --json --out phases
all=0
for phase in 3 6 9; do # each counts anew
    all=$((all + $(sed -n "${phase}p" phases/metrics.jsonl | sed 's/.*"evaluations":\([0-9]*\).*/\1/')))
done
check "json has the evaluations of all phases" [ "$(figure evaluations)" = $all ]
works "run-info of phases" run-info phases --json
check "and so has run-info" [ "$(figure evaluations)" = $all ]
works "a curve over the passes of all phases" curves phases --over passes --csv --out passes.png
check "it ends at the last of them" [ "$(tail -n 1 passes.csv | cut -d , -f 2)" = $all ]
works "evaluate" evaluate lbfgs
"$program" compare lbfgs cg-pr > out 2> err
check "compare tells the optimizers apart" grep -q "optimizer.*cg-pr" out
works "two runs in one picture" filters lbfgs hessian-free -o two.png
works "json" train basic $quiet --optimizer lbfgs --epochs 3 --json --out json
check "json has the evaluations" less 3 "$(figure evaluations)"
check "json says how it ended" grep -q '"end": "epochs"' out

# ---- Options
works "options of lbfgs" train basic $quiet --optimizer lbfgs --pairs 3 --gradient-tolerance 0 --epochs 2 --out pairs
check "run.json has them" [ "$(grep -c '"memory": 3\|"gradient_tolerance": -1' pairs/run.json)" -eq 2 ]
works "options of hessian-free" train basic $quiet --optimizer hessian-free --products 5 --damping 3 --curvature-samples 40 \
    --epochs 2 --out products
check "run.json has those, too" [ "$(grep -c '"products": 5\|"damping": 3\|"curvature_samples": 40' products/run.json)" -eq 3 ]
check "at most so many products" [ "$(tail -n 1 products/metrics.jsonl | sed 's/.*"inner":\([0-9]*\).*/\1/')" -le 6 ]
works "fixed batches" train basic $quiet --optimizer cg-pr --fixed-batch 50 --fixed-for 2 --epochs 4 --out fixed
check "run.json has them, too" [ "$(grep -c '"fixed_batch": 50\|"fixed_for": 2' fixed/run.json)" -eq 2 ]
works "the same again" train --like fixed --quiet --out fixed-again
check "it has the same weights" cmp -s fixed/checkpoint.safetensors fixed-again/checkpoint.safetensors
"$program" train basic --optimizer cg-pr --fixed-batch 50 --epochs 1 --out told > out 2> err
check "the summary tells of them" grep -q "batches of 50, each for 3 iterations" out
works "a fixed batch of more than all" train basic $quiet --optimizer lbfgs --fixed-batch 1000000 --epochs 2 --out more
refused "fixed batches of adam" "only with --optimizer lbfgs" train basic $quiet --optimizer adam --fixed-batch 50
refused "fixed-for without a batch" "no effect with --fixed-batch 0" train basic $quiet --optimizer lbfgs --fixed-for 5
for option in "learning-rate 0.1" "schedule cosine" "clip 1" "weight-decay 0.1" "average equal" "accumulate 2" "momentum 0.5" \
    "layer-rates encoder=0" "warmup 3" "beta1 0.5"; do
    # shellcheck disable=SC2086
    refused "--$option" "--${option%% *} has .*lbfgs: .*leave out" train basic $quiet --optimizer lbfgs --$option
done
refused "pairs of adam" "only with --optimizer lbfgs" train basic $quiet --optimizer adam --pairs 3
refused "frozen noise of adam" "only with --optimizer lbfgs" train denoising $quiet --optimizer adam --noise frozen
refused "damping of lbfgs" "only with --optimizer hessian-free|kfac" train basic $quiet --optimizer lbfgs --damping 1
refused "restart of lbfgs" "only with --optimizer cg-pr" train basic $quiet --optimizer lbfgs --restart 3
refused "a rate by search" "lbfgs has no learning rate" find-rate basic $small --optimizer lbfgs
refused "a closed form" "solve svd" train linear --data data --solve svd --optimizer lbfgs

# ---- Noise
for model in denoising "variational --binarize dynamic" "basic --dropout 0.1"; do
    # shellcheck disable=SC2086
    refused "fresh noise of $model" "--noise frozen" train $model $quiet --optimizer lbfgs
done
refused "a warm-up" "beta-warm-up" train variational --binarize dynamic --beta-warm-up 5 $quiet --optimizer lbfgs --noise frozen
works "frozen noise" train denoising $quiet --optimizer lbfgs --noise frozen --epochs 3 --out frozen
check "run.json says that it is frozen" grep -q '"frozen_noise": true' frozen/run.json
refused "no matrix" "needs a Gauss-Newton matrix" train importance-weighted --binarize dynamic $quiet --optimizer hessian-free --noise frozen

# ---- The end by itself
works "a table" train linear --data data --hidden 2 --optimizer lbfgs --gradient-tolerance 0.05 --out ends
check "it says that it has converged" grep -q 'converged (largest element of the gradient: ' out
check "and ends before its epochs" [ "$(wc -l < ends/metrics.jsonl)" -lt 200 ]
check "the last line says so" grep -q '"end":"converged"' ends/metrics.jsonl
refused "a run that has converged, longer" "it has converged" train --resume ends --epochs 300

# ---- Interrupted, killed, extended
run="--data data --hidden 30 --lanes 2 --batch 50 --epochs 30 --quiet --noise frozen --gradient-tolerance 0"
for method in lbfgs hessian-free; do
    # shellcheck disable=SC2086
    works "$method, uninterrupted" train denoising $run --optimizer $method --threads 2 --out whole-$method
    for signal in INT KILL; do
        name=$method-$signal
        # shellcheck disable=SC2086
        $fresh "$program" train denoising $run --optimizer $method --threads 1 --out $name > out 2> err &
        pid=$!
        appears $name/checkpoint.safetensors
        appears $name/metrics.jsonl
        stop $signal 2> waited
        if grep -q '"status": "done"' $name/run.json; then # a fast machine
            pass
        else
            [ $signal = KILL ] || check "$name: it says what is saved" said "interrupted after epoch [0-9]*, which is saved"
            works "$name goes on" train --resume $name --quiet --threads 2
        fi
        same_run "$name" whole-$method $name
    done
    # shellcheck disable=SC2086
    works "$method, short" train denoising $run --optimizer $method --epochs 12 --out short-$method
    works "$method, longer" train --resume short-$method --epochs 30 --quiet
    check "$method: a longer run has the same weights" cmp -s short-$method/checkpoint.safetensors whole-$method/checkpoint.safetensors
done

works "a sweep" sweep basic --hidden 4,6 --seeds 1 --data data --optimizer lbfgs --epochs 2 --quiet
works "a profile" train basic $small --optimizer lbfgs --epochs 2 --profile --out profile
check "the profile has products" grep -q matmul out
works "a search for NaN" train basic $quiet --optimizer lbfgs --epochs 2 --check-nan --out nan

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
