#!/bin/sh
# cli.sh PROGRAM - tests the program: exit statuses, one line on wrong use, run folders, pictures, bit-identical results.
# It works in a temporary folder, on a small data set that it makes. Its last line is "N passed, N failed".
. "$(dirname "$0")/helpers.sh"
small="--data data --batch 16 --hidden 12 --epochs 3"

# ---- Lists and help
works "help" --help
check "help lists the verbs" grep -q '^  train ' out
works "version" --version
check "version reports the kernels" grep -q '^instructions' out
works "help of a verb" train --help
check "help lists the options of models" grep -q -e '--masking' out
works "models" models
check "models lists denoising" grep -q '^denoising' out
works "one model" models dae
check "a model has a formula" grep -q '^Formula' out
works "models as JSON" models --json
check "models as JSON parses" is_json out
works "operations" ops
works "operations as JSON" ops --json
check "operations as JSON parses" is_json out
works "one operation" ops pad
check "an operation has its cases" grep -q '^cases' out
works "optimizers" optimizers
check "optimizers lists rules and minimisers" [ "$(grep -c '^  \(adam\|kfac\|soap\|lbfgs\|hessian-free\) ' out)" = 5 ]
works "one optimizer as JSON" optimizers lion --json
check "one optimizer has its formula" grep -q 'sign(b1 m' out
check "one optimizer is one" [ "$(grep -c '"name"' out)" = 1 ]
works "a new variant" new fresh
check "new says what is next" grep -q 'train ./fresh.c$' out
refused "new with a name that is none" 'is no name for a variant' new 'a b'
refused "new without a name" 'no name given' new
works "explain" explain basic
check "explain has the loss" grep -q 'loss' out
refused "explain of nothing" 'no model is called nosuch' explain nosuch
refused "explain into another kind of file" 'choose a name that ends in .tex or .txt' explain basic -o page.pdf
refused "check of nothing" 'no model is called nosuch' check nosuch
refused "check of an object" 'is no model, but an object: --load' check ./mine.so
refused "no such optimizer" 'optimizers. lists them' optimizers lyon
refused "no such operation" sigmoid ops sigmid
works "the page of operations" ops --markdown
check "docs/operations.md is the output of the program" cmp -s out "$here/../../docs/operations.md"

# ---- The gradient checker
works "gradcheck of operations and a model" gradcheck exp matmul basic --seed 3
check "its table has a heading" grep -q '^name .*case .*order .*error .*slope .*identity .*worst at .*step .*domain .*verdict$' out
check "its columns are aligned with the heading" [ "$(sed '/^$/,$d' out | awk '{ print length($0) - length($NF) }' | sort -u | wc -l)" -eq 1 ]
check "it ends in one verdict" [ "$(tail -n 1 out | grep -c '^PASS: .* checks, worst .* at order 1, .* at order 2, .* 0 failed;* *[^;]*$')" -eq 1 ]
check "its output to a file has no colours" [ -z "$(tr -d -c '\033' < out)" ]
check "its table has the convergence rates of the Taylor remainders" grep -q '^exp  *plain  *2 .* [23]\.[0-9][0-9] ' out
works "gradcheck to first order" gradcheck tanh --order 1
check "its table has the step and the usable domain" grep -q '^tanh  *plain  *1 .* [0-9.e-]* *[-0-9.e]*\.\.[-0-9.e]*  *pass$' out
check "no second order was asked for" [ "$(grep -c 'order 2' out)" -eq 0 ]
works "gradcheck as JSON" gradcheck sin basic --order 2 --json
check "gradcheck as JSON parses" is_json out
for field in worst name kind case label order relative_error tolerance verdict where source input element index checked \
    kinks undecided analytic numeric error_bar step low high rate slope slope1 slope2 symmetry duality linearity message; do
    check "gradcheck as JSON has $field" grep -q "\"$field\":" out
done
check "gradcheck as JSON has the source line of a formula" grep -q '"source": "ops/elementwise.def:[0-9]*"' out
cp out checked.json
works "gradcheck again" gradcheck sin basic --order 2 --json
check "gradcheck of one seed gives the same numbers" cmp -s out checked.json

# ---- A run
works "train" train denoising --out first $small --seed 5
check "one line per epoch" [ "$(grep -c '^epoch' out)" -eq 3 ]
for file in run.json metrics.jsonl checkpoint.safetensors; do check "$file is there" [ -s first/$file ]; done
check "no temporary files are left" [ "$(ls first | wc -l)" -eq 3 ]
check "one line of metrics per epoch" [ "$(wc -l < first/metrics.jsonl)" -eq 3 ]
check "run.json parses" is_json first/run.json
loss() { sed -n "$1s/.*\"test_loss\":\([-0-9.e+]*\).*/\1/p" first/metrics.jsonl; }
check "the loss falls" less "$(loss 3)" "$(loss 1)"
works "train quietly" train basic --out quiet $small --quiet
check "quiet is silent" [ ! -s out ]
works "train as JSON" train ae --out json --data data --batch-size 16 --latent-dim 12 --lr 0.2 --epochs 2 --json
check "train as JSON parses" is_json out
check "train as JSON names the run" grep -q '"run": "json"' out
works "a folder by default" train basic $small --quiet
works "another folder by default" train basic $small --quiet
check "folders by default are numbered" [ -d runs/basic-001 -a -d runs/basic-002 ]
mkdir empty
works "an empty folder is taken" train basic --out empty $small --quiet
works "folders above are made" train basic --out a/b/c $small --quiet
works "limit" train basic --out limited $small --limit 20 --json
check "limit leaves one batch per epoch" [ "$(figure steps)" = 3 ]
for optimizer in gd sgd momentum nesterov rmsprop adam adamw adagrad amsgrad radam lion schedule-free muon soap kfac; do
    clip='--clip 1'
    [ $optimizer = kfac ] && clip=
    works "$optimizer" train basic --out by-$optimizer $small --optimizer $optimizer --lr 0.001 $clip --quiet
done
for schedule in constant "step --decay-every 1" "cosine --final-rate 0.001" "polynomial --power 2" "one-cycle --rise 0.5" \
    "plateau --plateau-patience 1 --decay-factor 0.5"; do
    works "$schedule" train basic --out "with-${schedule%% --*}" $small --schedule $schedule --warmup 5 --quiet
done
refused "momentum of adam" "momentum|nesterov|muon, not adam" train basic --out new $small --optimizer adam --momentum 0.5
refused "a final rate of no cosine" "plateau, not constant" train basic --out new $small --final-rate 0.5
refused "a power of no polynomial" "polynomial, not cosine" train basic --out new $small --schedule cosine --power 2
refused "patience of a plateau without one" "plateau, not constant" train basic --out new $small --plateau-patience 2
refused "a rise of no cycle" "one-cycle, not constant" train basic --out new $small --rise 0.2
refused "a scheduled momentum of adam" "momentum|nesterov, not adam" train basic --out new $small --optimizer adam --momentum-schedule sutskever
refused "biases spared without decay" "spare-biases has an effect only with --weight-decay" train basic --out new $small --optimizer adam --spare-biases
refused "biases spared of a decay of 0" "spare-biases has no effect with --weight-decay 0" train basic --out new $small --optimizer adamw --weight-decay 0 --spare-biases
works "biases are spared by adamw's own decay" train basic --out spared $small --optimizer adamw --lr 0.001 --spare-biases --quiet
check "run.json has it" grep -q '"spare_biases": true' spared/run.json
refused "rates of no layer" "rates: no parameter is called enc or enc/" train basic --out new $small --layer-rates enc=0.1
refused "a rate without a factor" "rates: encoder is not PREFIX=FACTOR" train basic --out new $small --layer-rates encoder
refused "an update by elements of all parameters" "only with --optimizer muon|soap" train basic --out new $small --elementwise encoder
refused "an update by elements of no layer" "elementwise: no parameter is called dec or dec/" train basic --out new $small --optimizer muon --elementwise dec
works "some matrices by elements" train basic --out by-elements $small --optimizer muon --elementwise encoder/W --layer-rates decoder=0.5 --average equal --accumulate 2 --spare-biases --quiet
check "run.json has them" grep -q '"elementwise": "encoder/W"' by-elements/run.json
works "run-info of them" run-info by-elements
check "run-info has them" grep -q 'elementwise .*encoder/W' out
refused "a refresh of no basis" "only with --optimizer soap" train basic --out new $small --precondition-every 5
works "bases of short sides" train basic --out short-sides $small --optimizer soap --precondition-every 2 --max-dimension 12 --lr 0.003 --quiet
check "run.json has the sides" grep -q '"max_dimension": 12' short-sides/run.json
works "rates of layers" train basic --out layered $small --layer-rates decoder=0.5,encoder/b=0 --quiet
check "run.json has the rates" grep -q '"rates": "decoder=0.5,encoder/b=0"' layered/run.json
works "an average of the weights" train basic --out averaged $small --optimizer adam --lr 0.003 --seed 4 --average exponential --average-decay 0.9 --json
works "the same without it" train basic --out unaveraged $small --optimizer adam --lr 0.003 --seed 4
check "the average does not touch the training" [ "$(grep -o '"train_loss":[^,]*' averaged/metrics.jsonl)" = "$(grep -o '"train_loss":[^,]*' unaveraged/metrics.jsonl)" ]
check "the average is what is measured" [ "$(grep -o '"test_loss":[^,]*' averaged/metrics.jsonl)" != "$(grep -o '"test_loss":[^,]*' unaveraged/metrics.jsonl)" ]
works "evaluate an averaged run" evaluate averaged --json
check "evaluate has the loss of its last epoch" [ "$(figure loss)" = "$(sed -n '$s/.*"test_loss":\([^,]*\),.*/\1/p' averaged/metrics.jsonl)" ]
works "an equal average" train basic --out equally $small --average equal --average-start 1 --quiet
check "run.json has the step where it starts" grep -q "\"average_start\": $((2 * $(sed -n 's/^{"epoch":1,"step":\([0-9]*\).*/\1/p' equally/metrics.jsonl)))" equally/run.json
refused "an average of averages" "average has no effect with --optimizer schedule-free: leave out" train basic --out new $small --optimizer schedule-free --average equal
refused "a decay of an equal average" "average exponential, not equal" train basic --out new $small --average equal --average-decay 0.5
works "steps of several batches" train basic --out accumulated $small --batch 4 --accumulate 4 --json
check "they are as many as large ones" [ "$(figure steps)" = "$(($(figure epochs) * $(sed -n 's/^{"epoch":1,"step":\([0-9]*\).*/\1/p' unaveraged/metrics.jsonl)))" ]
check "run.json has the number of batches" grep -q '"accumulate": 4' accumulated/run.json
works "run-info of it" run-info accumulated
check "run-info has it" grep -q 'batches of 4 x 4, seed' out
refused "more batches than there are" "give --accumulate" train basic --out new $small --batch 16 --accumulate 1000
refused "a profile of several programs" "profile" train basic --out new $small --accumulate 2 --profile
works "K-FAC with its damping" train deep --layers 9,4 --out curved --data data --batch 16 --epochs 20 --optimizer kfac --damping 0.5 --average exponential --quiet
check "run.json has the damping" grep -q '"damping": 0.5' curved/run.json
works "run-info of K-FAC" run-info curved
works "K-FAC goes on" train --resume curved --epochs 25 --quiet
refused "a damping of adam" "only with --optimizer hessian-free|kfac, not adam" train basic --out new $small --optimizer adam --damping 1
refused "a limit of the gradient with K-FAC" "clip has no effect with --optimizer kfac: leave out" train basic --out new $small --optimizer kfac --clip 1
refused "K-FAC of several batches" "kfac measures .* --accumulate 1" train basic --out new $small --optimizer kfac --accumulate 2
refused "a rate of a minimiser" "lbfgs has no learning rate" find-rate basic --data data --batch 16 --steps 60 --optimizer lbfgs
refused "a rate of K-FAC" "kfac finds .* nothing to search" find-rate basic --data data --batch 16 --steps 60 --optimizer kfac
works "a scheduled momentum" train basic --out sutskever $small --optimizer nesterov --momentum 0.99 --momentum-schedule sutskever --lr 0.001 --quiet
check "run.json has the schedule of the momentum" grep -q '"momentum_schedule": "sutskever"' sutskever/run.json
check "run.json has no setting of other schedules" [ "$(grep -c '"power"\|"rise"\|"patience"' sutskever/run.json)" -eq 0 ]
check "run.json has the patience" grep -q '"patience": 1' with-plateau/run.json
refused "epsilon of lion" "schedule-free|muon|soap, not lion" train basic --out new $small --optimizer lion --epsilon 1e-6
refused "rmsprop's average of the default rule" "rmsprop, not adam" train deep --out new $small --layers 5,12 --rms-decay 0.5

# ---- Bit-identical results
for threads in 1 2; do
    works "$threads threads" train denoising --out threads-$threads $small --seed 9 --lanes 2 --threads $threads --quiet
done
check "the same checkpoint with 1 and 2 threads" cmp -s threads-1/checkpoint.safetensors threads-2/checkpoint.safetensors
works "again" train denoising --out again $small --seed 9 --lanes 2 --quiet
check "the same seed, the same checkpoint" cmp -s threads-1/checkpoint.safetensors again/checkpoint.safetensors
works "another seed" train denoising --out other $small --seed 10 --lanes 2 --quiet
if cmp -s other/checkpoint.safetensors again/checkpoint.safetensors; then fail "another seed, another checkpoint"; else pass; fi

# ---- Evaluating and drawing a run
works "evaluate" evaluate first --json
check "evaluate as JSON parses" is_json out
check "all test samples are measured" [ "$(figure samples)" = 37 ]
check "evaluate prints the loss of the last epoch" [ "$(figure loss)" = "$(loss 3)" ]
works "train well" train denoising --out well --data data --batch 16 --hidden 12 --epochs 100 --optimizer adam --lr 0.03 --quiet
works "evaluate it" evaluate well --json
clean=$(figure squared_error)
works "evaluate with more masking" evaluate well --masking 0.9 --json
check "masking leaves the clean error" [ "$(figure squared_error)" = "$clean" ]
check "masking hurts" less "$clean" "$(figure squared_error_corrupted)"
works "masking for a model without corruption" evaluate quiet --masking 0.5 --json
check "masking for a model without corruption has a figure" [ -n "$(figure squared_error_corrupted)" ]
works "evaluate for people" evaluate first
works "reconstruct" reconstruct first
check "reconstruct makes a picture" is_png first/reconstruct.png
works "reconstruct elsewhere" reconstruct first -o there.png --masking 0.5 --samples 5
check "reconstruct makes a picture elsewhere" is_png there.png
works "filters" filters first
check "filters makes a picture" is_png first/filters.png
works "maximal inputs" filters first --maximal -o maximal.png
check "maximal makes a picture" is_png maximal.png
works "filters of several" filters threads-1 other first -o several.png
check "filters of several makes a picture" is_png several.png
works "run-info" run-info first
check "run-info prints the command" grep -q 'palindrome train denoising --out first' out
works "run-info as JSON" run-info first --json
check "run-info as JSON parses" is_json out

# ---- Outputs, corruptions, contraction, convolutions
printf '%s\n' 0,5 1,2 3,4 5,6 7,8 1,1 2,2 >wide.csv
falls() { # WHAT RUN ARGUMENTS...: trains quietly; the test loss must fall
    what=$1
    run=$2
    shift 2
    works "$what" train "$@" --out "$run" --data data --batch 16 --epochs 3 --quiet
    check "$what: the loss falls" less "$(sed -n '3s/.*"test_loss":\([-0-9.e+]*\).*/\1/p' "$run/metrics.jsonl")" \
        "$(sed -n '1s/.*"test_loss":\([-0-9.e+]*\).*/\1/p' "$run/metrics.jsonl")"
}
falls "gaussian output" gaussian basic --hidden 12 --output gaussian --sigma-of feature
falls "categorical output" levels basic --hidden 12 --output categorical --bins 4 --tied no
falls "sigmoid output of a squared error" squashed basic --hidden 12 --output squared --output-activation sigmoid
falls "binarised inputs" binary basic --hidden 12 --binarize dynamic
for corruption in gaussian salt-and-pepper blocks; do
    size=; [ $corruption = blocks ] && size="--block-size 3"
    # shellcheck disable=SC2086
    falls "corruption $corruption" by-$corruption denoising --hidden 12 --corruption $corruption $size
    works "reconstruct from $corruption" reconstruct by-$corruption
done
works "blocks for a model without corruption" evaluate quiet --corruption blocks --block-size 4 --json
check "blocks for a model without corruption have a figure" [ -n "$(figure squared_error_corrupted)" ]
for jacobian in exact rows hutchinson; do
    falls "contractive by $jacobian" cae-$jacobian contractive --hidden 12 --jacobian $jacobian --lambda 0.1
done
falls "deep contractive" cae-deep cae --layers 12,6 --activation tanh --optimizer adam --lr 0.003
falls "convolutional" convolutional conv --channels 4,8 --layers 9,6
falls "convolutional without an affine layer, tied" maps conv --channels 4,3 --hidden 0 --tied yes
works "evaluate a convolutional one" evaluate convolutional --json
works "reconstruct by a convolutional one" reconstruct convolutional
works "the same convolutional one" train conv --channels 4,8 --layers 9,6 --out conv-again --data data --batch 16 --epochs 3 --quiet
check "the same seed, the same convolutional checkpoint" cmp -s convolutional/checkpoint.safetensors conv-again/checkpoint.safetensors
refused "levels that are not told" 'choose --bins' train basic --data data --output categorical --out new
refused "levels by tied weights" 'choose --tied no' train basic --data data --output categorical --bins 8 --out new
refused "an output activation that gives no probability" 'choose canonical' train basic --data data --output-activation relu --out new
refused "a block that does not fit" 'smaller --block-size' train dae --data data --corruption blocks --block-size 9 --out new
refused "convolutions of what is no image" 'needs images' train conv --data wide.csv --batch 2 --output squared --out new
refused "convolutions without channels" 'number of maps' train conv --data data --channels '' --out new
refused "windows that do not fit" 'fewer --channels' train conv --data data --channels 2,2,2,2 --kernel 4 --out new
refused "convolutions with layers of the decoder" 'no option --decoder-layers' train conv --data data --decoder-layers 5 --out new
works "a denoiser of convolutions" train dae --data data --channels 2 --hidden 3 --batch 8 --epochs 1 --quiet --out conv-dae
works "what it makes of noise" denoise conv-dae --sigma 0.2
refused "an option of another corruption" 'has an effect only with --corruption gaussian, not masking' train dae --data data --corruption masking --sigma 0.3 --out new
refused "two corruptions" 'choose one by --corruption' train dae --data data --masking 0.2 --sigma 0.3 --out new
refused "two corruptions of a run" 'leave out --' denoise conv-dae --masking 0.2 --sigma 0.3
refused "L1 weight of a divergence" 'has an effect only with --sparsity l1, not kl' train sae --data data --lambda 3 --out new
refused "bins of a sigmoid" 'has an effect only with --output categorical, not bernoulli' train basic --data data --bins 16 --out new
refused "dropout of layers that do not mirror" 'give one rate' train basic --data data --layers 8,4 --tied no --decoder-layers 5,6,7 --dropout .1,.2,.3 --out new
refused "a norm that there is not" 'exact|rows|hutchinson' train cae --data data --jacobian columns --out new
check "nothing of it is left behind" [ ! -e new ]

# ---- Arrays in and out
refuses_arrays() { # WHAT MENTIONED STATUS ARGUMENTS...: exit status STATUS, one line; an existing OUT is kept
    what=$1 word=$2 want=$3
    shift 3
    echo precious > out.npy
    "$program" "$@" > out 2> err
    status=$?
    if [ $status -ne "$want" ]; then fail "$what: exit status $status"
    elif [ "$(wc -l < err)" -ne 1 ] || ! grep -q -e "$word" err; then fail "$what: $(cat err)"
    elif [ -s out ] || [ "$(cat out.npy)" != precious ]; then fail "$what: wrote"
    elif ls | grep -q '\.part$'; then fail "$what: left a temporary file"
    else pass
    fi
}
works "encode a data set" encode first data code.npy
check "encode prints the shape" grep -q '^code.npy \[37,12\]$' out
works "decode" decode first code.npy decoded.npy
check "decode gives samples in their shape" grep -q '^decoded.npy \[37,8,8\]$' out
works "reconstruct arrays" reconstruct first data whole.npy
check "encode, then decode, is reconstruct" cmp -s decoded.npy whole.npy
works "encode to text" encode first data code.csv
check "one row per sample" [ "$(wc -l < code.csv)" -eq 37 ]
check "one column per unit" [ "$(head -n 1 code.csv | tr -c -d , | wc -c)" -eq 11 ]
works "decode from text" decode first code.csv decoded.npy
check "text keeps full precision" cmp -s decoded.npy whole.npy
works "reconstruct what was reconstructed" reconstruct first whole.npy twice.csv
"$program" reconstruct first data - --split test 2> err | "$program" encode first - - 2>> err | "$program" decode first - - > piped.csv 2>> err
check "a pipe of text" cmp -s piped.csv twice.csv
check "a pipe prints nothing on standard error" [ ! -s err ]
"$program" encode first data - --format npy 2> err | "$program" decode first - - --format npy > piped.npy 2>> err
check "a pipe of .npy" cmp -s piped.npy whole.npy
echo old > over.npy
works "an existing file is replaced" encode first data over.npy --split test
check "it is the new one" cmp -s over.npy code.npy
works "the training samples" encode first data train.csv --split train
check "all of them" [ "$(wc -l < train.csv)" -eq 128 ]
cp whole.npy self.npy
refused "in as out" 'choose another OUT' encode first self.npy self.npy
ln -s self.npy link.npy
refused "in as out, by another name" 'choose another OUT' encode first self.npy ./link.npy
head -c 1000 whole.npy > cut.npy
printf '1,2\n3,4\n' > narrow.csv
awk 'BEGIN { for (i = 0; i < 64; i++) printf "%s%s", i == 5 ? "x" : "1", i < 63 ? "," : "\n" }' > words.csv
refuses_arrays "a file cut short" 'cut.npy: has 1000 bytes' 1 encode first cut.npy out.npy
refuses_arrays "rows of another length" 'rows of 64 features' 2 encode first narrow.csv out.npy
refuses_arrays "codes of another length" 'rows of 12 code values' 2 decode first whole.npy out.npy
refuses_arrays "words among numbers" 'line 1, column 6' 1 encode first words.csv out.npy
refuses_arrays "no such file" 'nowhere.npy' 2 encode first nowhere.npy out.npy
refuses_arrays "a file of another kind" 'one.txt' 2 encode first one.txt out.npy
refuses_arrays "codes in a folder" 'is a folder' 2 decode first data out.npy
refuses_arrays "a split of a file" 'split is for the folder' 2 encode first whole.npy out.npy --split train
refuses_arrays "a result of another kind" 'ending in .npy or .csv' 2 encode first data out.txt
mkdir folder.npy
refuses_arrays "a folder in the place of the result" 'is a folder' 2 encode first data folder.npy
refuses_arrays "nowhere to write" 'RUN IN OUT' 2 encode first data
refuses_arrays "nowhere to write reconstructions" 'RUN IN OUT' 2 reconstruct first data
rm out.npy
"$program" encode first narrow.csv fresh.npy > out 2> err
check "after a failure there is no file" [ ! -e fresh.npy ]

# ---- Noise, missing pixels, blends
works "denoise" denoise first --json
check "denoise as JSON parses" is_json out
check "every test sample is denoised" [ "$(figure samples)" = 37 ]
denoised=$(figure squared_error_denoised)
works "evaluate the same noise" evaluate first --json
check "denoise prints the figure of evaluate" [ "$(figure squared_error_corrupted)" = "$denoised" ]
check "denoise makes a picture" is_png first/denoise.png
works "denoise for people" denoise first --masking 0.5 -o masked.png --limit 9
check "denoise prints the name of the picture" grep -q '^masked.png$' out
works "gaussian noise by its option alone" denoise quiet --sigma 0.5
check "sigma selects gaussian" grep -q 'corrupted by sigma 0.5, corruption gaussian' out
works "masking noise" denoise quiet --masking 0.5
works "salt and pepper by its option alone" denoise quiet --salt 0.2
check "salt selects salt-and-pepper" grep -q 'corruption salt-and-pepper' out
works "blocks by their option alone" denoise first --block-size 3 -o blocks.png
check "block-size selects blocks" grep -q 'corruption blocks' out
works "infill" infill well --half bottom --json
check "infill as JSON parses" is_json out
check "infill has three methods" [ "$(grep -c '"squared_error":' out)" -eq 3 ]
check "half of the pixels are missing" [ "$(figure missing_pixels)" = 32 ]
check "infill makes a picture" is_png well/infill.png
works "infill for people" infill first --rectangle 0,2,8,4 --method clamp --steps 3 --fill 0.5 -o filled.png
check "infill prints the figure of the method" grep -q '^    clamp ' out
check "infill prints no other method" [ "$(grep -c '^    code ' out)" -eq 0 ]
awk 'BEGIN { for (i = 0; i < 64; i++) printf "%d%s", (i % 8 > 3), i % 8 < 7 ? "," : "\n" }' > mask.csv
works "infill by a mask" infill first --mask mask.csv --method once --json -o filled.png
masked=$(figure squared_error)
works "infill by a half" infill first --half right --method once --json -o filled.png
check "a mask and a half of the same pixels" [ "$(figure squared_error)" = "$masked" ]
works "find-rate" find-rate basic --data data --batch 16 --hidden 12 --steps 60 --optimizer adam --csv
check "find-rate draws" is_png find-rate-basic.png
check "find-rate writes its numbers" [ -s find-rate-basic.csv ]
check "find-rate suggests" grep -q 'suggested learning rate' out
works "find-rate as JSON" find-rate deep --data data --layers 9,4 --steps 40 --lowest 1e-5 --highest 1 --batch 8 --accumulate 2 -o rates.svg --json
check "find-rate as JSON parses" is_json out
check "find-rate as JSON has the suggestion" grep -q '"suggested"' out
refused "find-rate without a model" "no model given" find-rate
refused "find-rate with a rate" "unknown option --learning-rate\|--learning-rate" find-rate basic --data data --learning-rate 0.1
refused "find-rate of a closed form" "closed form" find-rate linear --solve svd --data data
refused "find-rate of a bad range" "rates from 1 to 0.1" find-rate basic --data data --lowest 1 --highest 0.1
refused "find-rate into no picture" "not a picture" find-rate basic --data data -o rates.txt
refused "find-rate with a momentum of adam" "momentum|nesterov|muon, not adam" find-rate basic --data data --optimizer adam --momentum 0.5
works "interpolate" interpolate first
check "interpolate makes a picture" is_png first/interpolate.png
works "interpolate, with pixels" interpolate first --from 0,1 --to 2,36 --steps 4 --pixels -o blend.png --json
check "interpolate as JSON parses" is_json out
check "interpolate has figures of two pairs" [ "$(grep -c '"path_length"' out)" -eq 2 ]
works "interpolate in a grid" interpolate first --corners 0,1,2,3 --steps 5 --pixels -o corners.png
check "a grid makes a picture" is_png corners.png

# ---- Random codes
works "train a variational one" train vae --out plane --data data --batch 16 --epochs 2 --hidden 2 --beta-warm-up 20 --quiet
check "metrics have the divergence" grep -q '"terms":{"reconstruction":[0-9.]*,"divergence":[0-9.]*}' plane/metrics.jsonl
works "sample" sample plane --steps 5 --json
check "sample as JSON parses" is_json out
check "two numbers make a grid" grep -q '"grid": true' out
check "sample makes a picture" is_png plane/sample.png
works "sample by draws" sample plane --samples 9 -o draws.png
check "draws make a picture" is_png draws.png
works "other draws" sample plane --samples 9 -o others.png --seed 2
check "another seed draws others" [ "$(cksum < draws.png)" != "$(cksum < others.png)" ]
for code in normal-full bernoulli categorical; do
    works "train $code" train iwae --code $code --out $code $small --quiet
    works "sample $code" sample $code
    works "encode $code" encode $code data $code.npy
done
works "another estimate of a trained run" evaluate plane --estimate importance --samples 7 --json
works "an estimate without what the run was trained with" evaluate plane --estimate predictive
refused "a temperature of a normal code" 'temperature has an effect only with --code bernoulli|categorical' train vae --temperature 0.3 --data data --out new
refused "a warm-up of nothing" 'beta-warm-up has an effect only with --estimate' train vae --estimate predictive --beta-warm-up 9 --data data --out new
refused "beta of nothing, evaluated" 'beta has an effect only with --estimate' evaluate plane --estimate predictive --beta 2
refused "samples of no random code" 'basic-like\|no prior' sample first
refused "a grid of coins" 'give --samples' sample bernoulli --steps 5
refused "draws and a grid" 'choose one' sample plane --steps 5 --samples 5
refused "a full covariance of 2000" 'choose --code normal' train vae --hidden 2000 --code normal-full --data data
refused "zero samples" '1 .. 100000' train vae --samples 0 --data data
refused "a temperature of 0" '0.001 .. 1000' train vae --code bernoulli --temperature 0 --data data

# ---- Outputs that are distributions: the decoder gives a mean and a scale
falls "a normal output" by-pixel vae --hidden 3 --layers 16,3 --output normal --lr 0.01 --clip 0
falls "a full normal output" by-pairs vae --hidden 3 --layers 16,3 --output normal-full --sigma-min 0.1 --lr 0.003 --clip 0
works "a normal output, draws, and a last batch of one" train vae --out last-of-one --data data --batch 3 --epochs 1 --hidden 3 --layers 16,3 --output normal --samples 2 --quiet
works "ln p(x) under a normal output" evaluate last-of-one --importance 20 --limit 5
falls "a normal output of maps" by-maps conv --channels 4,8 --hidden 5 --output normal
for run in by-pixel by-pairs by-maps; do
    works "evaluate $run" evaluate $run --json
    check "$run has a squared error" less 0 "$(figure squared_error)"
    works "reconstruct $run" reconstruct $run
    check "$run makes a picture" is_png $run/reconstruct.png
    works "infill $run" infill $run
done
works "sample of a normal output" sample by-pixel
check "samples of a normal output" is_png by-pixel/sample.png
works "the options of a normal output" models basic
check "the lower limit of sigma is among them" grep -q 'sigma-min' out
refused "a normal output by tied weights" 'choose --tied no' train basic --output normal --data data --out new
refused "all covariances of maps" 'choose --output normal' train conv --channels 2 --output normal-full --data data --out new
refused "an activation of means and scales" 'choose canonical' train vae --output normal --output-activation sigmoid --data data --out new
refused "no floor" '1e-06 .. 1000000' train vae --output normal --sigma-min 0 --data data --out new
refused "a floor of a sigmoid" 'has an effect only with --output normal|normal-full, not bernoulli' train vae --sigma-min 0.1 --data data --out new

# ---- Figures and classifiers
works "train a sparse one" train sparse --out sparse $small --quiet
check "metrics have the loss's terms" grep -q '"terms":{"reconstruction":[0-9.]*,"sparsity":[0-9.]*}' sparse/metrics.jsonl
works "evaluate a sparse one" evaluate sparse --json
check "its figures parse" is_json out
check "the loss is that of the last epoch" \
    [ "$(figure loss)" = "$(sed -n '3s/.*"test_loss":\([-0-9.e+]*\).*/\1/p' sparse/metrics.jsonl)" ]
for field in reconstruction sparsity mean_activation active_units dead_units saturated zeros jacobian_norm2 units_near_rho; do
    check "evaluate as JSON has $field" [ -n "$(figure $field)" ]
done
check "every Jacobian counts" [ "$(figure jacobian_samples)" = 37 ]
sparsity=$(figure sparsity)
works "evaluate with fewer Jacobians" evaluate sparse --json --jacobian-samples 5
check "so many Jacobians count" [ "$(figure jacobian_samples)" = 5 ]
check "Jacobians change no other figure" [ "$(figure sparsity)" = "$sparsity" ]
works "evaluate without Jacobians" evaluate sparse --json --jacobian-samples 0
check "no Jacobian, no norm" grep -q '"jacobian_norm": null' out
works "evaluate a sparse one for people" evaluate sparse
check "people see the term" grep -q '^    sparsity  ' out
mkdir other-data
cp data/*labels* other-data
for split in train t10k; do
    head -c 16 data/$split-images-idx3-ubyte > other-data/$split-images-idx3-ubyte
    tail -c +17 data/$split-images-idx3-ubyte | tr '\000\310' '\310\000' >> other-data/$split-images-idx3-ubyte
done
works "evaluate on its own data" evaluate well --json
trained=$(figure loss)
check "its own data are in the only column" [ "$(grep -c trained_on out)" -eq 0 ]
works "evaluate on its own data, by name" evaluate well --data data --json
check "its own data by name are in the only column, too" [ "$(grep -c trained_on out)" -eq 0 ]
works "evaluate other data" evaluate well --data other-data --json
check "other data parse" is_json out
check "the figures asked for come first" less "$trained" "$(figure loss)"
check "the figures of its own data are there" \
    [ "$(sed -n '/"trained_on"/,$s/^ *"loss": \([-0-9.e+]*\).*/\1/p' out)" = "$trained" ]
works "evaluate other data for people" evaluate well --data other-data
check "both columns are there" grep -q '^ *other-data  *data$' out

works "detect" detect well --normal 0,1
works "detect as JSON" detect well --json
check "detect as JSON parses" is_json out
works "classify" classify well --labels 64 --draws 2
check "codes and pixels have an error each" [ "$(grep -c '^  \(codes\|inputs\) .*%' out)" -eq 2 ]
works "classify as JSON" classify well --labels 64 --draws 2 --seed 3 --json
check "classify as JSON parses" is_json out
check "every draw converged" [ "$(grep -c '"converged": true' out)" -eq 4 ]
cp out classified.json
works "classify again" classify well --labels 64 --draws 2 --seed 3 --json
check "the same seed, the same errors" [ "$(grep error out)" = "$(grep error classified.json)" ]
works "classify codes alone" classify well --features codes --confusion --json
check "codes alone" [ "$(grep -c '"\(codes\|inputs\)"' out)" -eq 1 ]
works "classify with a table" classify well --features inputs --labels 8 --confusion
check "one row per class" [ "$(grep -c '^   [0-7]  ' out)" -eq 8 ]
refused "more labels than samples" 'give --labels 128 or less' classify well --labels 129
refused "fewer labels than classes" 'give --labels 8 or more' classify well --labels 7
refused "data of another shape" 'wide.csv: its samples are .*, but well was trained on samples' classify well --data wide.csv
refused "no draws" 'draws' classify well --draws 0
refused "other features" 'features' classify well --features words
refused "no run to classify" 'no run given' classify

# ---- Bounds and ln p(x) of random codes
works "train on binary images" train vae --out drawn --binarize dynamic $small --quiet
works "evaluate a random code" evaluate drawn
check "the table says which units are active" grep -q "active: variance of the posterior's mean over the samples above 0.01" out
check "no bound next to a loss that is the bound" [ "$(grep -c '^  bound' out)" -eq 0 ]
works "evaluate at another beta" evaluate drawn --beta 3
check "the bound is printed next to another loss" grep -q '^  bound  *-[0-9.]*$' out
works "evaluate with a sampled divergence" evaluate drawn --divergence sampled
check "the bound is in closed form" grep -q '^  bound  *-[0-9.]*$' out
works "evaluate a code that is not random" evaluate first
check "its units are active by standard deviation" grep -q '^  active: standard deviation over the samples above 0.01' out
works "a collapsed one" train vae --out silent $small --beta 100000 --learning-rate 0.01 --quiet
works "evaluate a collapsed one" evaluate silent
check "collapse is reported with advice" grep -q '^  posterior collapse: .*--beta-warm-up' out
works "ln p(x)" evaluate drawn --importance 300 --limit 20 --json
check "ln p(x) as JSON parses" is_json out
for key in evidence_lower_bound reconstruction divergence draws log_likelihood standard_error effective_draws; do
    check "JSON has $key" [ -n "$(figure $key)" ]
done
check "JSON has the units' divergences" grep -q '"unit_divergence": \[' out
check "ln p(x) is above the bound" less "$(figure evidence_lower_bound)" "$(figure log_likelihood)"
cp out once
works "ln p(x) again" evaluate drawn --importance 300 --limit 20 --json
check "the same seed, the same ln p(x)" cmp -s once out
works "ln p(x) on one thread" evaluate drawn --importance 300 --limit 20 --json --threads 1
works "ln p(x) in the table" evaluate drawn --importance 300
works "the bound of grey levels" evaluate plane --beta 3
check "a cross-entropy is not reported as ln p(x)" [ "$(grep -c -e 'cross-entropy of .*not -ln of a density: do not compare it with ln p(x)' -e 'evidence' out)" -eq 1 ]
works "a loss on grey levels" evaluate plane
check "a loss is not reported as ln p(x)" grep -q '^  loss: .*cross-entropy of .*not -ln of a density' out
works "a bound of grey levels as JSON" evaluate plane --json
check "JSON does not call it evidence" [ -z "$(figure evidence_lower_bound)" ]
check "JSON calls it a bound" grep -q '^ *"bound": -[0-9.]*' out
works "a code of one choice" evaluate categorical --json
check "no class is active or dead" [ "$(grep -c -e '"active_units": null' -e '"dead_units": null' out)" -eq 2 ]
works "a code of one choice in the table" evaluate categorical
check "its divergence is printed instead of active units" [ "$(grep -c -e '^  divergence of the code' -e '^  active:' -e '^    active ' out)" -eq 1 ]
works "ln p(x) in the table" evaluate drawn --importance 300
check "the table has ln p(x) and its error" [ "$(grep -c -e '^  ln p(x)  *-[0-9.]*$' -e '^    standard error  *[0-9.]*$' out)" -eq 2 ]
works "ln p(x) of a run on grey levels, with them binarised" evaluate plane --importance 20 --binarize threshold
for code in bernoulli categorical; do
    works "ln p(x) of $code" evaluate $code --importance 20 --binarize threshold
done
works "train on a density of grey levels" train vae --out dense --output gaussian $small --quiet
works "ln p(x) of grey levels" evaluate dense --importance 20
works "train on no density" train vae --out nodensity --output squared $small --quiet
refused "ln p(x) of grey levels under bernoulli" 'choose a run with --binarize dynamic' evaluate plane --importance 20
refused "ln p(x) of squared errors" 'choose a run with --output gaussian' evaluate nodensity --importance 20
refused "ln p(x) of no random code" 'choose a run of variational' evaluate first --importance 20
refused "ln p(x) by no samples" 'zero samples' evaluate drawn --importance 0
refused "ln p(x) by fewer" '0 .. 1000000000' evaluate drawn --importance -1
$fresh "$program" evaluate drawn --importance 20000000 --limit 1 --jacobian-samples 0 > out 2> err &
pid=$!
sleep 2
stop INT
check "an interrupted ln p(x) is status 130" [ $? -eq 130 ]
check "an interrupted ln p(x) says where in one line" [ "$(grep -c '^palindrome: .*stopped at sample' err) $(wc -l < err)" = "1 1" ]
check "an interrupted ln p(x) prints no figures" [ ! -s out ]

# ---- Scatter, filters of any layer, geometry, sweeps
works "train a deep model" train deep --out deep --data data --batch 16 --layers 10,6,3 --epochs 3 --quiet
works "train one of two units" train basic --out two --data data --batch 16 --hidden 2 --epochs 3 --quiet
"$program" curves deep two --over seconds --log-x --log-y --csv -o runs.svg > out 2> err
check "curves of two runs" [ $? -eq 0 ]
check "curves warns of different losses" grep -q 'warning: deep and two have the losses of different models' err
check "curves says the last and the lowest" grep -q 'lowest' out
check "curves writes its numbers" grep -q '^series,seconds of training,train loss$' runs.csv
works "curves by name" curves deep deep --names 'one run,the other' --of squared-error --json -o runs.png
check "curves as JSON parses" is_json out
check "curves as JSON has the names" grep -q '"one run"' out
works "curves of one run" curves deep
check "curves makes a picture" is_png deep/curves.png
refused "curves of too few names" '1 names for 2 runs' curves deep two --names one
refused "curves of an empty name" 'name 2 is empty' curves deep two --names one,
refused "curves over nothing" 'not one of epoch' curves deep --over hours
works "a page about two runs" report deep two
check "is in the last one" [ "$(cat out)" = two/report-of-all.html ]
works "scatter" scatter deep
works "train with the sizes of gradients" train deep --out sizes --data data --layers 9,4 --epochs 20 --batch 16 --gradient-sizes
check "the table names the picture of them" grep -q ' gradients sizes$' out
rm -r sizes
works "train quietly" train deep --out sizes --data data --layers 9,4 --epochs 2 --batch 16 --gradient-sizes --quiet
refused "find-rate measures no gradients" "gradient-sizes" find-rate deep --data data --gradient-sizes
check "metrics.jsonl has them" [ "$(grep -c '"gradients":{"encoder/1/W":[0-9.e-]*,"encoder/1/b":' sizes/metrics.jsonl)" -eq 2 ]
works "train it longer" train --resume sizes --epochs 3 --quiet
check "with the sizes of gradients" [ "$(grep -c '"gradients":' sizes/metrics.jsonl)" -eq 3 ]
works "gradients" gradients sizes --csv
check "a picture and its numbers" [ -s sizes/gradients.png ] && [ "$(wc -l < sizes/gradients.csv)" -eq 4 ]
check "a table of the layers" grep -q '^  decoder/1 .* 100  *100$' out
works "gradients of several runs as JSON" gradients sizes sizes --json -o sizes.svg
check "both are there" [ "$(grep -c '"layer": "encoder/1"' out)" -eq 2 ]
refused "gradients that were not measured" "train it with --gradient-sizes" gradients deep
refused "a closed form has no gradients" "gradient-sizes" train linear --solve svd --out new --data data --gradient-sizes
check "scatter makes a picture" is_png deep/scatter.png
check "scatter makes nothing else" [ "$(ls deep | grep -c '^scatter')" = 1 ]
works "scatter with its numbers" scatter deep --csv
check "scatter names both files" [ "$(cat out)" = "deep/scatter.csv
deep/scatter.png" ]
check "scatter writes its numbers" [ "$(wc -l < deep/scatter.csv)" = 38 ]
check "scatter says what its numbers are" grep -q '^principal component 1 of the code (.*,principal component 2 .*,class$' deep/scatter.csv
works "scatter of a code of two numbers" scatter two --samples 20 --split train --out two.svg --csv
check "scatter makes an SVG" grep -q '<svg' two.svg
check "scatter takes so many samples" [ "$(wc -l < two.csv)" = 21 ]
check "two numbers are drawn without projection" grep -q '^unit 1 of the code,unit 2 of the code,class$' two.csv
check "scatter draws so many points" [ "$(grep -c 'stroke-width:10' two.svg)" = 20 ]
works "the same scatter again" scatter two --samples 20 --split train --out again.svg
check "an SVG is the same each time" cmp -s two.svg again.svg
works "scatter as PDF" scatter two --out two.pdf
works "scatter as PDF again" scatter two --out again.pdf
check "a PDF is a PDF" [ "$(head -c 5 two.pdf)" = "%PDF-" ]
check "a PDF is the same each time" cmp -s two.pdf again.pdf
works "scatter as JSON" scatter deep --json
check "scatter as JSON names no numbers" grep -q '"csv": null' out
check "scatter as JSON parses" is_json out
check "scatter as JSON has the shares" grep -q variance_shares out
works "filters of the code" filters deep
check "filters of the code are a picture" is_png deep/filters.png
works "prototypes of a deep decoder" filters deep --prototypes
check "prototypes are a picture" is_png deep/prototypes.png
works "prototypes of tied weights" filters first --prototypes
refused "prototypes of a layer" 'leave out --layer' filters deep --prototypes --layer 1
works "filters of the first layer of several" filters deep --layer 1 --maximal
check "filters of a layer have its number" is_png deep/maximal-1.png
works "filters of a layer between" filters deep --layer 2 --out between.png
check "filters of a layer between are a picture" is_png between.png
works "geometry" geometry deep --samples 12 --neighbours 3 --csv
check "geometry makes the tangents" is_png deep/tangents.png
check "geometry makes a picture" is_png deep/geometry.png
check "geometry writes the spectra" grep -q '^rank,all,0,1,2' deep/geometry.csv
check "geometry names its numbers" grep -qx deep/geometry.csv out
check "geometry has one line per run" grep -q '^  deep ' out
works "geometry as JSON" geometry deep two --samples 12 --out all.png --json
check "geometry as JSON parses" is_json out
check "geometry writes no numbers unasked" [ ! -e all.csv ]
check "geometry has both runs" [ "$(grep -c '"along_over_across"' out)" = 2 ]
check "geometry of several names its pictures" is_png all-tangents.png
for i in 1 4 2 8 5 7 3 6 1 4 2 8 5 7 3 6; do echo 0.$i,0.$((i * i % 11 % 10)); done >few.csv
works "train on few features" train basic --data few.csv --batch 2 --epochs 1 --hidden 2 --output squared --out few
works "the curvature of the loss" geometry deep --spectrum --samples 30 --eigenvalues 3 --steps 9 --csv
check "a picture and its numbers" is_png deep/curvature.png && [ "$(wc -l < deep/curvature.csv)" -eq 4 ]
check "both matrices" [ "$(grep -c 'eigenvalues from both ends' out)" -eq 2 ]
check "as many products as asked for" grep -q ' 9 products with each matrix' out
works "the curvature of several runs" geometry deep two --spectrum --samples 30 --json -o both.svg
check "its JSON parses" is_json out
check "it has both matrices of both" [ "$(grep -c '"largest"' out)" -eq 4 ]
refused "too few steps" "raise --steps" geometry deep --spectrum --eigenvalues 9 --steps 8
refused "eigenvalues of nothing" "only with --spectrum" geometry deep --eigenvalues 3
refused "neighbours in a spectrum" "neighbours has no effect with --spectrum" geometry deep --spectrum --neighbours 3
refused "a spectrum in no memory" "lower --steps" geometry deep --spectrum --steps 9000 --max-memory 5M
works "geometry of few features" geometry few
check "geometry explains why there is no figure for across" grep -q 'across: with 2 features, no direction is orthogonal to all' out
check "geometry prints no nan" [ "$(grep -c nan out)" -eq 0 ]
works "geometry among equal samples" geometry few --neighbours 2 --json
check "geometry leaves equal samples out" grep -q '"across": *[0-9]' out
(PATH=/nowhere; "$program" scatter deep -o alone.png) > out 2> err
check "scatter needs no other program" [ $? -eq 0 -a ! -s err ]
check "scatter alone makes a picture" is_png alone.png
works "a name is just a name" scatter deep -o '|touch hacked;.png'
check "a name runs no command" [ -s '|touch hacked;.png' -a ! -e hacked ]
rm '|touch hacked;.png'
for name in plot plot.jpg plot.eps .png plots/.svg; do
    refused "a plot named $name" 'choose a name that ends in .png, .svg or .pdf' scatter deep -o $name
done
refused "a plot in no folder" 'nowhere' scatter deep -o nowhere/plot.svg
ln -s /dev/full full.svg
if [ -e /dev/full ]; then refused "a plot on a full disk" 'full.svg: cannot write: No space left' scatter two -o full.svg; fi
works "sweep" sweep denoising --masking 0,0.3 --seeds 2 --out swept --data data --batch 16 --hidden 12 --epochs 2
check "sweep prints each run" [ "$(grep -c '^[0-9] of 4: masking ' out)" = 4 ]
check "sweep has a table" grep -q '^    masking 0.3 .*+-' out
check "sweep writes the table" [ "$(wc -l < swept/sweep.csv)" = 3 ]
check "sweep draws the filters" is_png swept/filters.png
for run in masking-0-seed-1 masking-0.3-seed-1 masking-0-seed-2 masking-0.3-seed-2; do
    check "sweep keeps $run" [ -s swept/$run/checkpoint.safetensors ]
done
works "a run of a sweep, alone" train denoising --masking 0.3 --seed 2 --out alone --data data --batch 16 --hidden 12 --epochs 2 --quiet
check "a run of a sweep is a run like any other" cmp -s alone/checkpoint.safetensors swept/masking-0.3-seed-2/checkpoint.safetensors
works "sweep of two options as JSON" sweep basic --learning-rate 0.1,0.2 --layers '6;8,5' --tied no --seeds 1 --data data --batch 16 --epochs 1 --json
check "sweep as JSON parses" is_json out
check "sweep as JSON has all rows" [ "$(grep -c '"settings"' out)" = 4 ]
check "sweep takes a folder by default" [ -s runs/sweep-basic-001/sweep.csv ]
refused "a sweep of nothing" 'nothing varies' sweep basic --data data
refused "a sweep of three options" 'at most 2' sweep basic --hidden 2,3 --l1 0,1 --l2 0,1 --data data
refused "a sweep with a value twice" 'twice' sweep basic --hidden 4,4 --data data
refused "a sweep with a bad value" 'hidden' sweep basic --hidden 4,many --data data
refused "a sweep with a bad combination" 'larger --hidden' sweep k-sparse --hidden 4,8 --k 5,6 --data data --out new
refused "a sweep into a folder that is full" 'swept exists' sweep basic --hidden 4,5 --data data --out swept
refused "a layer that is not there" 'layer 4 does not exist' filters deep --layer 4
refused "filters of unlike encoders" 'layer 1' filters deep two
refused "a scatter of one unit of a name that is no picture" '.png, .svg or .pdf' scatter two -o two.jpg
refused "no geometry" 'no run given' geometry

# ---- Graphs
works "graph" graph basic
check "graph is dot's language" grep -q '^digraph' out
check "graph has a legend" grep -q '>forward<.*>input<.*>output<' out
for order in 0 1 2; do
    works "graph of order $order" graph denoising --order $order --hidden 12 -o order-$order.dot
    check "graph of order $order is whole" [ "$(tail -n 1 order-$order.dot)" = '}' ]
done
check "a second order shows double backward" grep -q 'double backward' order-2.dot
works "explain" explain basic
check "explain names the derivative" grep -q 'δ_a = (x̂ − x) / n' out
works "graph again" graph denoising --order 2 --hidden 12
check "the same model, the same graph" cmp -s out order-2.dot
works "graph, closed" graph basic --order 1 --depth 1
check "closed scopes count their operations" grep -q '3 operations' out
works "graph, folded" graph basic --order 1 --fold
works "graph, lines" graph basic --order 1 --kept lines
check "lines are drawn across" grep -q 'style=dashed, constraint=false' out
works "graph with sizes" graph basic --sizes --batch 32
check "sizes are in bytes" grep -q '98 KiB' out
works "graph with times" graph basic --order 1 --hidden 12 --batch 4 --time
check "times are in microseconds" grep -q '&#181;s' out
check "the title has the time" grep -q 'unfused' out
works "graph with a title" graph basic --title 'A <title>' --no-legend
check "the title is escaped" grep -q 'A &lt;title&gt;' out
if grep -q 'CELLBORDER' out; then fail "no legend"; else pass; fi
if command -v dot > /dev/null; then
    works "graph as PNG" graph basic --order 1 -o basic.png
    check "graph makes a picture" is_png basic.png
    works "graph as SVG" graph basic -o basic.svg
    check "graph makes an SVG" grep -q '<svg' basic.svg
fi
(PATH=/nowhere; "$program" graph basic -o instead.svg) > out 2> err
check "without Graphviz is status 0" [ $? -eq 0 ]
check "without Graphviz says nothing" [ ! -s err ]
check "without Graphviz draws by itself" grep -q '<svg' instead.svg

# ---- Wrong use
printf 'precious' > precious
mkdir full && printf 'precious' > full/file
refused "data out of the output's range" 'use --output squared' train basic --data wide.csv --batch 2 --scale none --output bernoulli
refused "no verb" 'help'
refused "unknown verb" 'mean train' trian
refused "unknown option of the program" 'bogus' --bogus
refused "no model" 'models' train
refused "unknown model" 'mean denoising' train denoisin
refused "unknown operation" 'did you mean tanh?' gradcheck tanhh
refused "third derivatives" 'order' gradcheck --order 3
refused "a word too many" 'more' train basic more
refused "unknown option" 'bogus' train basic --bogus 1
refused "misspelt option" 'mean --epochs' train basic --epohs 3
refused "option without value" 'epochs' train basic --epochs
refused "flag with a value" 'json' train basic --json=yes
refused "ambiguous option" 'ambiguous' train basic --de 1
refused "option of another model" 'masking' train basic --masking 0.5
refused "not a number" 'epochs' train basic --epochs many
refused "no epochs" 'epochs' train basic --epochs 0
refused "no hidden units" 'hidden' train basic --hidden 0 --data data
refused "out of range" 'masking' train denoising --masking 1.5 --data data
refused "unknown choice" 'optimizer' train basic --optimizer newton
refused "no learning rate" 'learning-rate' train basic --lr 0
refused "batch larger than the data" '129' train basic --data data --batch 129 --out new
refused "missing data" 'nowhere' train basic --data nowhere --out new
refused "a run that exists" 'first already exists' train basic $small --out first
refused "a folder that is not empty" 'full already exists' train basic $small --out full
refused "a file in the place of the folder" 'precious already exists' train basic $small --out precious
refused "a folder that cannot be made" 'precious/new' train basic $small --out precious/new
refused "no such run" 'nowhere' evaluate nowhere
refused "not a run" 'run.json' evaluate data
refused "a picture that is no PNG" 'ends in .png' reconstruct first -o there.jpg
refused "no run" 'no run given' reconstruct
refused "no noise" 'no noise: ' denoise quiet
refused "noise out of range" 'masking' denoise quiet --masking 2
refused "a rectangle outside" 'not inside' infill first --rectangle 0,0,9,1
refused "a rectangle of everything" 'covers the whole image of 8 x 8' infill first --rectangle 0,0,8,8
refused "no rectangle" 'TOP,LEFT,HEIGHT,WIDTH' infill first --rectangle 1,2,3
refused "two ways of missing" 'choose one' infill first --half left --mask mask.csv
refused "a mask of another size" '64 pixels' infill first --mask narrow.csv
refused "no such mask" 'nowhere.npy' infill first --mask nowhere.npy
refused "no such method" 'method' infill first --method twice
refused "filled with a word" 'give mean or a number' infill first --fill grey
refused "a picture of infill that is no PNG" 'ends in .png' infill first -o there.jpg
refused "no such sample" 'sample 37 does not exist' interpolate first --from 0 --to 37
refused "half a pair" 'needs --to' interpolate first --from 0
refused "pairs that do not fit" 'give as many of each' interpolate first --from 0,1 --to 2
refused "three corners" 'four corners' interpolate first --corners 0,1,2
refused "no list" 'give a list' interpolate first --from 0,x --to 1,2
refused "settings that change the weights" 'hidden of a trained model must stay 12' evaluate first --hidden 13
refused "unknown option of the run's model" 'bogus' evaluate first --bogus 1
refused "graph of an unknown model" 'mean basic' graph basicc
refused "graph of no order" 'order' graph basic --order 3
refused "graph of no depth" 'depth' graph basic --depth 0
refused "explain of another type" 'ends in .tex' explain basic -o basic.pdf
refused "explain of no order" 'order' explain basic --order 3
refused "graph of another type" 'tex or .dot' graph basic -o basic.gif
refused "graph, kept otherwise" 'kept' graph basic --kept both
refused "a picture in no folder" 'nowhere' filters first -o nowhere/filters.png
check "no folder is left behind" [ ! -e new ]

# ---- Failures at run time
"$program" train basic --out spoilt $small --optimizer gd --lr 1e6 --output squared --activation linear --quiet > out 2> err
check "a loss that is not finite is status 1" [ $? -eq 1 ]
check "a loss that is not finite is one line of advice" [ "$(grep -c 'lower --learning-rate' err) $(wc -l < err)" = "1 1" ]
check "the checkpoint before it is kept" [ -s spoilt/checkpoint.safetensors ]
check "the run is marked" grep -q '"status": "failed"' spoilt/run.json
warns "the kept checkpoint opens" 'spoilt: training failed' evaluate spoilt --json
head -c 100 first/checkpoint.safetensors > json/checkpoint.safetensors
"$program" evaluate json > out 2> err
check "a damaged checkpoint is status 1" [ $? -eq 1 ]
check "a damaged checkpoint is one line" [ "$(wc -l < err)" -eq 1 ]

# ---- Interrupted
$fresh "$program" train basic --out long --data data --batch 16 --epochs 1000000 --quiet > out 2> err &
pid=$!
tries=0
# Two epochs: the test of a step beyond the planned ones needs more than one.
while ! grep -q '"epoch":2,' long/metrics.jsonl 2> waited && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
stop INT
status=$?
check "an interrupt is status 130" [ $status -eq 130 ]
check "an interrupt saves" grep -q '"status": "interrupted"' long/run.json
check "an interrupt prints how to continue" grep -q 'palindrome train --resume long' err
warns "an interrupted run opens" 'long: training was interrupted' evaluate long --json
$fresh "$program" sweep basic --hidden 4,5 --seeds 500 --out endless --data data --batch 16 --epochs 1 --quiet > out 2> err &
pid=$!
tries=0
while [ ! -d endless/hidden-5-seed-1 ] && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
stop INT
check "an interrupted sweep is status 130" [ $? -eq 130 ]
check "an interrupted sweep prints how many runs are finished" grep -q 'of 1000 runs are finished and stay in endless' err
check "an interrupted sweep leaves the table" [ -s endless/sweep.csv ]

# ---- Problems that new users met
works "noise of another kind than in training" denoise first --sigma 0.3 -o kind.png
check "a model is described as it was trained" grep -q '^denoising, hidden 12 on .*, corrupted by sigma 0.3, corruption gaussian$' out
works "noise of another kind as JSON" denoise first --sigma 0.3 -o kind.png --json
check "JSON has the noise" grep -q '"corruption": "sigma 0.3, corruption gaussian"' out
works "noise as in training" denoise first --masking 0.25 -o kind.png
check "noise as in training is not mentioned" [ "$(grep -c corrupted out)" -eq 0 ]
works "evaluate with another weight of the penalty" evaluate cae-exact --lambda 2 --jacobian hutchinson
check "another weight is told" grep -q '^contractive, hidden 12, lambda 0.1 on .*, with lambda 2, jacobian hutchinson$' out
refused "another output" 'output of a trained model must stay bernoulli, because it changes the reconstruction: train a new one' reconstruct quiet --output squared
refused "another activation" 'activation of a trained model must stay sigmoid' evaluate quiet --activation tanh
refused "other weights" 'tied of a trained model must stay yes' evaluate quiet --tied no
refused "an option of another model that corrupts nothing" 'no option --kernel' evaluate quiet --kernel 3
works "the same settings" evaluate quiet --output bernoulli --tied on --hidden 12 --json

if command -v dot > /dev/null; then
    for model in convolutional deep; do
        works "graph of the second order, $model" graph $model --order 2 -o second.svg
        check "graph of the second order is whole, $model" [ "$(tail -n 1 second.svg)" = '</svg>' ]
        check "graph of the second order is one picture, $model" [ "$(grep -c '<svg' second.svg)" -eq 1 ]
    done
fi
mkdir stub && printf '#!/bin/sh\ncat > /dev/null\nexit 1\n' > stub/dot && chmod +x stub/dot
(PATH=$PWD/stub:$PATH; "$program" graph basic -o stubbed.svg) > out 2> err
check "a dot that fails is status 1" [ $? -eq 1 ]
check "a dot that fails is one line of advice" [ "$(grep -c -e '--depth' err) $(wc -l < err)" = "1 1" ]
check "a dot that fails leaves no file" [ ! -e stubbed.svg ]

$fresh "$program" sweep basic --hidden 4,5,6 --seeds 3 --out cut --data data --batch 1 --epochs 1000000 > out 2> err &
pid=$!
tries=0
while [ ! -s cut/hidden-4-seed-1/metrics.jsonl ] && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
stop INT
check "a sweep without a finished run is one line" [ "$(grep -c 'none of 9 runs is finished' err) $(wc -l < err)" = "1 1" ]
"$program" sweep basic --optimizer gd --lr 0.01,1e6 --output squared --activation linear --seeds 3 --out torn $small > out 2> err
check "a sweep with a run that fails is status 1" [ $? -eq 1 ]
check "it is one line" [ "$(grep -c 'not finite.*1 of 6 runs are finished and stay in torn' err) $(wc -l < err)" = "1 1" ]
check "rows have the number of their seeds" grep -q '^    learning-rate 0.01  *1 seed  *[0-9]' out
check "a row without runs is empty" grep -q '^    learning-rate 1e6  *0 seeds *$' out
check "no mean over missing runs is printed" [ "$(grep -c 'nan\|mean over 3' out)" -eq 0 ]

cp -r quiet ragged
printf '{"epoch":4,"st' >> ragged/metrics.jsonl
works "a torn last line of metrics" run-info ragged
check "the lines before it are there" [ "$(grep -c '^ *[0-9]  ' out)" -eq 3 ]
works "evaluate beside a torn line" evaluate ragged --json
works "filters beside a torn line" filters ragged
printf '\n{"epoch":5}\n' >> ragged/metrics.jsonl
"$program" run-info ragged > out 2> err
check "a damaged line between others is status 1" [ $? -eq 1 ]
check "a damaged line is reported" grep -q 'metrics.jsonl:4: not a JSON object' err
works "evaluate does not need metrics" evaluate ragged --json
works "filters do not need metrics" filters ragged

warns "filters of a run that failed" 'spoilt: training failed' filters spoilt
cp -r quiet killed
sed 's/"status": "done"/"status": "running"/' quiet/run.json > killed/run.json
warns "a run that was killed" 'killed: training is still running or was killed' reconstruct killed
refused "another output of a run that was killed" 'must stay bernoulli' evaluate killed --output squared

for verb in train sweep graph; do
    works "help of $verb without a model" $verb --help
    tr -s ' \n' ' ' < out > words
    check "help of $verb names the help of a model" grep -q "palindrome $verb MODEL --help" words
    check "help of $verb has no model's own units" grep -q -e '--latent-dim=N units of the code (default by model)' words
    check "help of $verb has every activation" grep -q -e '--activation=WORD activation of every layer except the output (sigmoid|.*; default by model)' words
    check "help of $verb has each meaning of lambda" grep -q 'contractive: weight of .* sparse: weight of .* for --sparsity l1' words
done
works "help of train without a model" train --help
tr -s ' \n' ' ' < out > words
check "help of train leaves the rate to the model" grep -q 'step size (default: by optimizer, model and data, ' words
check "help of train leaves the rule to the model" grep -q 'hessian-free; default by model)' words
works "help of train with a model" train basic --help
tr -s ' \n' ' ' < out > words
check "help of a model has its rule" grep -q 'hessian-free; default gd)' words
works "help of graph with a model" graph basic --help
tr -s ' \n' ' ' < out > words
check "help of graph has its own batch" grep -q 'that is drawn (default 32)' words
works "help of reconstruct" reconstruct --help
tr -s ' \n' ' ' < out > words
check "help of reconstruct names the models" grep -q 'palindrome models MODEL' words

works "a closed form" train linear --solve svd --hidden 5 --data data --out solved --quiet
works "run-info of a closed form" run-info solved
check "a closed form is reported" grep -q '^  training  *closed form' out
check "a closed form has no optimizer" [ "$(grep -c 'optimizer\|epochs,' out)" -eq 0 ]

env --default-signal=HUP "$program" train basic --out hung --data data --batch 16 --epochs 1000000 --quiet > out 2> err &
pid=$!
tries=0
while [ ! -s hung/metrics.jsonl ] && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
stop HUP
check "a hang-up is status 129" [ $? -eq 129 ]
check "a hang-up saves" grep -q '"status": "interrupted"' hung/run.json
(trap '' HUP; exec "$program" train basic --out deaf --data data --batch 16 --epochs 1000000 --quiet) > out 2> err &
pid=$!
tries=0
while [ ! -s deaf/metrics.jsonl ] && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
kill -HUP $pid
lines=$(wc -l < deaf/metrics.jsonl)
tries=0
while [ "$(wc -l < deaf/metrics.jsonl)" -lt $((lines + 3)) ] && [ $tries -lt 50 ]; do sleep 0.1; tries=$((tries + 1)); done
check "under nohup training goes on" [ "$(wc -l < deaf/metrics.jsonl)" -ge $((lines + 3)) ]
kill -KILL $pid
wait $pid 2> waited
works "run-info of a run that was killed" run-info deaf
told=$(sed -n 's/^  training  *\([0-9]*\) of 1000000 epochs.*/\1/p' out)
check "its epochs are counted from its metrics" [ "$told" = "$(wc -l < deaf/metrics.jsonl)" ]

refused "an option like no other" 'lists them' train basic --foo 1
check "no distant name is suggested" [ "$(grep -c mean err)" -eq 0 ]
refused "an operation like no other" 'nosuch' gradcheck nosuch
check "no distant operation is suggested" [ "$(grep -c mean err)" -eq 0 ]
refused "a slip is still understood" 'mean --hidden' train basic --hiden 3
# ---- Few labels
few="--data data --batch 16 --hidden 12 --epochs 3 --labels 24"
for training in sequential joint alternate; do
    works "semi-supervised, $training" train semi-supervised --training $training --out few-$training $few --quiet
    works "evaluate semi-supervised, $training" evaluate few-$training --json
    check "evaluate prints the error of $training" [ -n "$(figure error)" ]
done
check "phases have names" [ "$(grep -c '"phase":"head"' few-sequential/metrics.jsonl)" -eq 3 ]
check "a single phase has no name" [ "$(grep -c '"phase"' few-joint/metrics.jsonl)" -eq 0 ]
check "classes are those of the data" grep -q '"classes": 8' few-joint/run.json
works "alpha is the model's" train semi-supervised --out by-alpha $few --alpha 2 --quiet
check "alpha is a setting" grep -q '"alpha": 2' by-alpha/run.json
works "the decay of rmsprop has a name of its own" train basic --out rms-alpha $small --optimizer rmsprop --rms-decay 0.9 --lr 0.001 --quiet
works "run-info of phases" run-info few-sequential
check "run-info counts the epochs of all phases" grep -q '6 of 6 epochs' out
works "graph of a model that takes labels" graph semi-supervised --hidden 5
check "labels are an input" grep -q '<B>y</B>' out
refused "alpha below 0" "alpha" train semi-supervised --out new $few --alpha -1
refused "more labels than samples" "labels 129" train semi-supervised --out new --data data --labels 129
refused "a class without a label" "at least 8" train semi-supervised --out new --data data --labels 7
refused "fewer classes than the data have" "classes 8" train semi-supervised --out new $few --classes 7
awk 'BEGIN { for (i = 0; i < 30; i++) { for (k = 0; k < 64; k++) printf "%s%g", k ? "," : "", (i * k) % 7 / 7; print "" } }' > bare.csv
refused "labels missing from the data" "no labels" train semi-supervised --out new --data bare.csv --batch 4

# ---- Stacked; training from the weights of another run; held-out samples
stack="--data data --batch 16 --layers 12,8 --epochs 2"
for pretrain in greedy end-to-end none; do
    works "stacked, $pretrain" train stacked --pretrain $pretrain --fine-tuning both --out stack-$pretrain $stack
    check "the table of $pretrain has the error" grep -q 'classified wrongly' out
done
check "progress names the layer" grep -q '"phase":"layer 2"' stack-greedy/metrics.jsonl
check "progress names the last phase" [ "$(grep -c '"phase":"fine-tuning 2"' stack-greedy/metrics.jsonl)" -eq 2 ]
works "stacked alone is an autoencoder" train stacked --out stack-plain $stack --pretrain-epochs 1 --pretrain-rate 0.01 --quiet
check "it takes no labels" [ "$(grep -c '"error":[0-9]' stack-plain/metrics.jsonl)" -eq 0 ]
check "pretraining has its own epochs" [ "$(wc -l < stack-plain/metrics.jsonl)" -eq 4 ]
check "and its own rate" [ "$(grep -c '"learning_rate":0.01,' stack-plain/metrics.jsonl)" -eq 2 ]
works "pretraining has its own optimiser, and is unrolled" train stacked --tied no --pretrain-tied yes --pretrain-optimizer momentum --pretrain-rate 0.05 --code-activation linear --out stack-untied $stack --quiet
check "run.json has it" grep -q '"pretrain-optimizer": "momentum"' stack-untied/run.json
refused "tied pretraining of a tied model" "pretrain-tied has an effect only with --tied no" train stacked --out new $stack --pretrain-tied yes
refused "an optimiser for nothing" "pretrain-optimizer has an effect only with" train stacked --out new $stack --pretrain none --pretrain-optimizer adam
works "evaluate stacked" evaluate stack-greedy --json
check "evaluate prints the error of stacked" [ -n "$(figure error)" ]
works "train from the weights of another run" train stacked --pretrain none --fine-tuning 2 --from stack-plain --out stack-from $stack --quiet
check "run.json names that run" grep -q '"from": ".*stack-plain"' stack-from/run.json
works "measures every other epoch" train basic --out seldom --data data --batch 16 --hidden 5 --epochs 5 --test-every 2 --quiet
check "not in between" [ "$(grep -c '"test_loss":null' seldom/metrics.jsonl)" -eq 2 ]
check "but at the end" [ "$(tail -1 seldom/metrics.jsonl | grep -c '"test_loss":null')" -eq 0 ]
works "holds samples out" train basic --out held --data data --batch 16 --hidden 5 --epochs 1 --validation 28 --quiet
check "as many as requested" grep -q '"validation_samples": 28' held/run.json
check "and trains on the rest" grep -q '"train_samples": 100' held/run.json
refused "all for validation" "128 validation samples of 128" train basic --out new --data data --validation 128
refused "more than the rest" "limit 101" train basic --out new --data data --validation 28 --limit 101
refused "a run of other layers" "none of the matrices" train basic --out new --data data --from stack-plain --hidden 3
refused "a run of other sizes" "encoder/W is .64,5. in the other model and .64,3. in this one" train basic --out new --data data --from seldom --hidden 3
works "a head of its own" train stacked --pretrain none --fine-tuning 2 --classes 9 --from stack-greedy --out stack-nine $stack --quiet
refused "blocks of a code" "choose another --corruption" train stacked --out new $stack --corruption blocks --block-size 3
works "evaluate uses the validation samples" evaluate held --split validation --json
check "and its output says so" grep -q '"data": "data (validation)"' out
check "it uses all of them" grep -q '"samples": 28' out
check "its loss is that of training" [ "$(figure loss | cut -c1-7)" = "$(sed 's/.*"test_loss":\([0-9.]*\).*/\1/' held/metrics.jsonl | cut -c1-7)" ]
works "the training samples are the rest" evaluate held --split train --json
check "and no more" grep -q '"samples": 100' out
works "the test samples by --data" evaluate held --data data --json
check "all of them" [ "$(grep -c '"samples": 28' out)" -eq 0 ]
works "run-info of validation samples" run-info held
check "run-info prints their number" grep -q '28 for validation' out
works "sweep measures the held-out samples" sweep basic --hidden 3,4 --data data --batch 16 --epochs 1 --seeds 1 --validation 28 --out swept-held --json
refused "sweep takes all for validation" "128 validation samples of 128" sweep basic --hidden 3,4 --data data --epochs 1 --seeds 1 --validation 128
refused "sweep from nowhere" "nowhere" sweep basic --hidden 3,4 --data data --epochs 1 --seeds 1 --from nowhere
refused "no validation samples" "0 validation samples" train basic --out new --data data --validation 0
check "a run without labels has no error" grep -q '"error": null' held/run.json
check "nor a killed one" [ "$(grep -c '"error": 0' held/run.json)" -eq 0 ]
refused "no run to begin with" "nowhere" train basic --out new --data data --from nowhere
refused "classes of no classifier" "fine-tuning" train stacked --out new $stack --classes 9
refused "a rate for nothing" "pretrain-rate has an effect only with" train stacked --out new $stack --pretrain none --pretrain-rate 1
refused "nothing to train" "choose another" train stacked --out new $stack --pretrain none --fine-tuning none
refused "contraction of a denoiser" "lambda has an effect only with" train stacked --out new $stack --lambda 1
# ---- Errors of range name a valid choice
choose() { # WHAT CHOICE ARGUMENTS...: train refuses them; the line contains "choose CHOICE"
    what=$1
    choice=$2
    shift 2
    refused "$what" "choose $choice" train "$@" --out new --data bare.csv --epochs 1 --batch 4
}
choose "a full covariance of 2000 numbers" "--code normal (4000 outputs), or --hidden up to 500" vae --code normal-full --hidden 2000
check "the message has no scopes" grep -q 'up to 500$' err
choose "zero samples" "1 or more (draws of the code per sample)" vae --samples 0
choose "zero samples of importance" "1 or more (draws of the code per sample)" iwae --samples 0
choose "temperature 0" "0.001 or more (temperature at which a discrete code is relaxed in training)" vae --code bernoulli --temperature 0
choose "alpha below 0" "0 or more (weight of the autoencoder's loss when training is joint)" semi-supervised --alpha -1
choose "a share above 1" "1 or less (nu, the probability that masking sets an element to 0)" denoising --masking 2
choose "a layer without units" "1 or more (units of each layer of the encoder; the last is the code)" vae --layers 5,0
works "arrays without labels" train vae --out unlabelled --data bare.csv --batch 4 --epochs 1 --layers 5,4 --output gaussian --quiet
works "codes as an array" encode unlabelled bare.csv bare.npy
refused "labels missing from an array" "name them by --label" train semi-supervised --out new --data bare.npy --batch 4
refused "evaluate with zero samples" "choose 1 or more" evaluate unlabelled --samples 0
refused "evaluate at temperature 0" "choose 0.001 or more" evaluate unlabelled --temperature 0
refused "a sweep with zero samples" "choose 1 or more" sweep vae --samples 0,1 --data bare.csv --batch 4 --out swept
refused "no sample drawn from the prior" "choose 1 or more" sample unlabelled --samples 0

# ---- Heads, confusion matrices, ellipses
works "classify by the head" classify few-joint --csv
check "the head's error is in a row" grep -q '^  head  *12 *[0-9.]*%' out
check "one row per class, with recall and precision" [ "$(grep -c '^  [0-7]  *[45] *[-0-9.]*%* *[-0-9.]*%*$' out)" -eq 8 ]
check "the picture is named last" [ "$(tail -n 1 out)" = few-joint/confusion.png ]
check "its numbers are named before it" [ "$(tail -n 2 out | head -n 1)" = few-joint/confusion.csv ]
check "the matrix has its numbers" [ "$(grep -c '^head: [0-9.]* % wrong,[0-7],[0-7],' few-joint/confusion.csv)" = 64 ]
check "the numbers have a heading" [ "$(sed -n 1p few-joint/confusion.csv)" = matrix,label,answer,count,share_of_label ]
error=$(awk -F, 'NR > 1 { n += $4; if ($2 != $3) wrong += $4 } END { print wrong / n }' few-joint/confusion.csv)
works "classify by the head as JSON" classify few-joint --json --out matrix.svg
check "the head as JSON parses" is_json out
check "the head's error is the matrix's" [ "$(awk -v a="$error" -v b="$(figure error)" 'BEGIN { print (a - b) ^ 2 < 1e-9 }')" = 1 ]
for key in head per_class recall precision confusion picture test_samples; do
    check "the head as JSON has $key" grep -q "\"$key\":" out
done
check "the head alone has no labels" [ "$(grep -c '"labels"\|"codes"\|"inputs"' out)" = 0 ]
check "a class is named by its number" [ "$(grep -c '"class":' out)" = 8 ]
works "evaluate prints the same error" evaluate few-joint --json
check "evaluate has the same error" [ "$(awk -v a="$error" -v b="$(figure error)" 'BEGIN { print (a - b) ^ 2 < 1e-9 }')" = 1 ]
works "the head on training samples" classify few-joint --split train --limit 100 --json -o elsewhere.png
check "so many samples" [ "$(figure test_samples)" = 100 ]
works "classify with all features" classify few-joint --features all --labels 64 --draws 2 --confusion --csv
check "three rows" [ "$(grep -c '^  \(head\|codes\|inputs\) .*%' out)" -eq 3 ]
check "three tables" [ "$(grep -c 'rows are labels' out)" -eq 3 ]
check "three matrices" [ "$(grep -c '^"*\(head\|codes, 64 labels\|inputs, 64 labels\).*,7,7,' few-joint/confusion.csv)" -eq 3 ]
check "three matrices have no other lines" [ "$(wc -l < few-joint/confusion.csv)" -eq 193 ]
works "classify without a head makes a picture" classify well --features codes --labels 64
check "and it is a picture" is_png well/confusion.png
check "and writes no numbers unasked" [ ! -e well/confusion.csv ]
works "classify without a head has numbers" classify well --features codes --labels 64 --csv
check "and writes them" [ "$(wc -l < well/confusion.csv)" = 65 ]
refused "a head that is not there" 'no classification head' classify well --features head
refused "all of a model without a head" 'codes, inputs or both' classify well --features all
refused "labels of a head" 'leave it out, or' classify few-joint --labels 64
refused "a head without labels" 'bare has no labels' classify few-joint --data bare.csv
mkdir nine
for split in train t10k; do
    cp data/$split-images-idx3-ubyte nine
    { head -c 12 data/$split-labels-idx1-ubyte; bytes 8; tail -c +14 data/$split-labels-idx1-ubyte; } > nine/$split-labels-idx1-ubyte
done
refused "more classes than the head's" 'nine has 9 classes' classify few-joint --data nine
refused "a matrix of another kind" '.png, .svg or .pdf' classify few-joint -o matrix.jpg
refused "a matrix into no folder" 'choose another --out' classify few-joint -o nowhere/matrix.png
works "scatter with ellipses" scatter plane --csv --json
check "ellipses are counted in JSON" [ "$(figure ellipses)" = 37 ]
check "the numbers are named in JSON" grep -q '"csv": "plane/scatter.csv"' out
check "ellipses are in the numbers" [ "$(grep -c ',[0-9.e-][0-9.e-]*,[0-9.e-][0-9.e-]*,[0-9.e-][0-9.e-]*$' plane/scatter.csv)" = 37 ]
check "scatter with ellipses makes a picture" is_png plane/scatter.png
works "scatter with ellipses as SVG" scatter plane -o ellipses.svg
check "ellipses are drawn, and in the legend" [ "$(grep -c 'stroke-width:1.4;' ellipses.svg)" = 38 ]
works "scatter with fewer" scatter normal-full --ellipses 2 --deviations 2 --json
check "so many of each class" [ "$(figure ellipses)" = 16 ]
works "scatter with none" scatter plane --ellipses 0 --csv --json -o without.svg
check "no ellipses are in the numbers" [ "$(grep -c 'class$' without.csv) $(grep -c 'class,xx' without.csv)" = "1 0" ]
check "no ellipses are drawn" [ "$(grep -c 'stroke-width:1.4;' without.svg)" = 0 ]
refused "ellipses of a code that is not random" 'leave out --ellipses' scatter two --ellipses 3
refused "ellipses of coins" 'is bernoulli' scatter bernoulli --ellipses 3
refused "deviations of nothing" 'leave it out' scatter two --deviations 2
refused "deviations of 0" 'deviations' scatter plane --deviations 0
check "classify makes a picture" is_png few-joint/confusion.png
check "classify makes an SVG" grep -q '<svg' matrix.svg
(PATH=/nowhere; "$program" classify few-joint -o alone.pdf) > out 2> err
check "classify needs no other program" [ $? -eq 0 -a ! -s err ]
check "classify alone makes a picture" [ "$(head -c 5 alone.pdf)" = "%PDF-" ]
check "classify alone prints the error" grep -q '^  head .*%' out
if [ -e /dev/full ]; then
    (PATH=/nowhere; "$program" classify few-joint -o full.svg) > out 2> err
    check "classify on a full disk is status 2" [ $? -eq 2 ]
    check "classify on a full disk is one line" [ "$(wc -l < err)" -eq 1 ]
    check "classify on a full disk still prints the error" grep -q '^  head .*%' out
fi
works "classify by a stacked head" classify stack-greedy
check "its head is the default" grep -q '^  head .*%' out
works "a stacked autoencoder has no head" classify stack-plain --labels 64
check "and its codes are classified" grep -q '^  codes .*%' out
check "nothing temporary is left but by a killed run" [ -z "$(find . -path ./deaf -prune -o \( -name '*.part' -o -name '.*.*.*' \) -print)" ]

# ---- Resuming
many="--data data --batch 2 --hidden 40 --epochs 60 --optimizer adam --lr 0.001 --schedule cosine --lanes 2 --quiet"
works "a run without a break" train denoising --out unbroken $many
for signal in KILL INT TERM; do
    run=broken-$signal
    $fresh "$program" train denoising --out $run $many > out 2> err &
    pid=$!
    tries=0
    while [ ! -s $run/metrics.jsonl ] && [ $tries -lt 1000 ]; do sleep 0.01; tries=$((tries + 1)); done
    "$program" train --resume $run > out 2> err2
    check "a run in training is not resumed" [ $? -eq 2 ]
    check "a run in training is reported" grep -q 'another process' err2
    stop $signal
    if grep -q '"status": "done"' $run/run.json; then fail "$signal came too late"; fi
    works "resumed after $signal" train --resume $run --threads 1 --quiet
    same_run "resumed after $signal" unbroken $run
done
run=killed-often
"$program" train denoising --out $run $many > out 2> err &
appears $run/run.json
for again in 1 2 3 4; do
    sleep 0.3
    { kill -KILL $!; wait $!; } 2> /dev/null
    "$program" train --resume $run --quiet > out 2> err &
done
{ wait $!; } 2> /dev/null
if ! grep -q '"status": "done"' $run/run.json; then works "resumed once more" train --resume $run --quiet; fi
same_run "killed four times" unbroken $run
works "weights to begin with" train basic --hidden 30 --data data --batch 16 --epochs 1 --out seldom-30 --quiet
for way in "semi-supervised --training sequential --hidden 30" "semi-supervised --training alternate --hidden 30" \
    "stacked --layers 20,12 --fine-tuning both --test-every 3 --validation 28" \
    "semi-supervised --hidden 30 --labelled-batch 3 --test-every 4 --from seldom-30"; do
    run=phases-$(echo "$way" | tr -c 'a-z0-9\n' -)
    phases="$way --data data --batch 4 --epochs 20 --labels 20 --lanes 2 --quiet"
    works "phases without a break" train $phases --out whole-$run
    "$program" train $phases --out $run > out 2> err &
    appears $run/run.json
    for again in 1 2 3; do
        sleep 0.2
        { kill -KILL $!; wait $!; } 2> /dev/null
        "$program" train --resume $run --quiet > out 2> err &
    done
    { wait $!; } 2> /dev/null
    if ! grep -q '"status": "done"' $run/run.json; then works "resumed once more" train --resume $run --quiet; fi
    same_run "killed in phases, $way" whole-$run $run
    sed -i 's/"status": "done"/"status": "running"/' $run/run.json
    works "killed before its result is written" train --resume $run --quiet
    same_run "killed before its result is written, $way" whole-$run $run
done
check "run.json counts how often" grep -q '"resumed": [1-9]' broken-KILL/run.json
works "a resumed run opens" evaluate broken-INT --json
works "a resumed run is described" run-info broken-INT
check "run-info prints how often" grep -q 'resumed *1 time' out
refused "a run that is done" "is done" train --resume unbroken
refused "no run to resume" "nowhere" train --resume nowhere
refused "no folder of a run to resume" "run.json" train --resume data
refused "resume with a model" "denoising" train denoising --resume long
refused "resume with a setting" "hidden" train --resume long --hidden 5
refused "resume with no more epochs" "give a greater number" train --resume long --epochs 1
refused "resume with other lanes" "lanes" train --resume long --lanes 5
refused "neither a model nor a run" "palindrome models" train
refused "resume a sweep's" "resume" sweep basic --hidden 4,5 --resume long
cp -r long moved
sed 's/"isa": "[^"]*"/"isa": "abacus"/; s/"epochs": 1000000/"epochs": 1/' long/run.json > moved/run.json
"$program" train --resume moved --quiet > out 2> err
check "a step beyond the planned steps is status 1" [ $? -eq 1 ]
cp -r broken-INT foreign
sed 's/"isa": "[^"]*"/"isa": "abacus"/; s/"status": "done"/"status": "interrupted"/; s/"epochs": 60,/"epochs": 61,/' broken-INT/run.json > foreign/run.json
"$program" train --resume foreign --quiet > out 2> err
check "another instruction set is status 0" [ $? -eq 0 ]
check "another instruction set is reported in one line" [ "$(grep -c abacus err) $(wc -l < err)" = "1 1" ]
check "another instruction set is in run.json" grep -q '"changed": ".*instead of abacus' foreign/run.json
mkdir less
for file in data/train-*; do cp $file less/; done
images 30 > less/t10k-images-idx3-ubyte
labels 30 > less/t10k-labels-idx1-ubyte
sed "s|\"data\": \"[^\"]*\"|\"data\": \"less\"|" long/run.json > moved/run.json
refused "other data" "30 test samples" train --resume moved

# ---- What was learned, and what cannot be
"$program" train basic --data data --batch 16 --hidden 12 --epochs 60 --optimizer adam --lr 0.01 --out learned > out 2> err
check "a training that learns says nothing" [ ! -s err ]
check "the summary has the mean sample" grep -q '^    of the mean sample  *5\.39' out
check "the summary has the share explained" grep -q '^  variance explained  *[1-9][0-9.]*%$' out
check "the summary names what is next" grep -q 'next:  .*palindrome evaluate ' out
check "metrics have the baseline" grep -q '"baseline":5\.39.*"explained":0\.' learned/metrics.jsonl
check "run.json has the baseline" grep -q '"baseline": 5\.39' learned/run.json
works "evaluate with a baseline" evaluate learned
check "its table has the baseline" grep -q '^    of the mean sample  *5\.39' out
check "its table has the share explained" grep -q '^  variance explained  *[1-9][0-9.]*%$' out
works "evaluate with a baseline, as JSON" evaluate learned --json
check "its JSON has the baseline" less 5.38 "$(figure baseline)"
check "its JSON has the share explained" less 0.1 "$(figure explained)"
works "run-info with a baseline" run-info learned
check "run-info has the baseline" grep -q '^  squared error .* the mean sample 5\.39.*% of the variance explained$' out
works "run-info with a baseline, as JSON" run-info learned --json
check "its JSON has the epochs' share explained" [ "$(grep -c '"explained"' out)" -eq 61 ]
cp -r learned older
sed '/"baseline"/d; /"explained"/d' learned/run.json > older/run.json
sed 's/"baseline":[^,]*,"explained":[^,]*,//' learned/metrics.jsonl > older/metrics.jsonl
works "run-info of an older run" run-info older
check "run-info of an older run has no baseline" [ "$(grep -c explained out)" -eq 0 ]
works "evaluate an older run" evaluate older
check "evaluate of an older run has a baseline" grep -q 'of the mean sample' out
"$program" train basic $small --lr 1e4 --out wild > out 2> err
check "a wild training says one line" [ "$(wc -l < err)" -eq "$(grep -c 'epoch\|learned nothing' err)" ]
check "a wild training learned nothing" said 'wild: learned nothing: .* the mean training sample .*: lower --learning-rate (now 10000)'
check "a wild training has no next step" [ "$(grep -c 'next:' out)" -eq 0 ]
"$program" train basic $small --lr 1e4 --quiet --out wilder > out 2> err
check "also with --quiet" said 'wilder: learned nothing: '
check "and only that" [ "$(wc -l < err) $(wc -c < out)" = "1 0" ]
"$program" train basic $small --lr 1e-6 --quiet --out slow 2> err
check "a slow training is told to be faster" said 'learned nothing: .*: raise --learning-rate (now 1e-06)'
"$program" train variational $small --beta 1000 --quiet --out mute 2> err
check "a collapsed code is told" said 'mute: learned nothing: posterior collapse, .*: lower --beta (now 1000), or use --beta-warm-up$'
awk 'BEGIN { for (i = 0; i < 60; i++) printf "%d,%d,%d\n", i, 1000 + i * 7 % 50, 500 - i }' > thousands.csv
"$program" train basic --scale none --data thousands.csv --batch 10 --output squared --lr 1e-6 --quiet --epochs 2 --out unscaled 2> err
check "data that are not scaled are told" said 'learned nothing: .*: scale the data, whose values are from '
"$program" train basic --scale none --data thousands.csv --batch 10 --output squared --optimizer gd --lr 1e5 --quiet --out unscaled-2 2> err
check "also where the loss is not finite" said 'is not finite at epoch .*: scale the data (values from .*), or lower --learning-rate'
works "train with dropout" train basic $small --dropout 0.5 --optimizer adam --lr 0.01 --out dropped
check "the summary explains the training loss" grep -q 'train loss is above test loss: with dropout 0.5, which' out
refused "a range above 1, in train" "values from [01] to 1049, but --output bernoulli needs 0 to 1: scale them" \
    train basic --scale none --output bernoulli --data thousands.csv --batch 10 --out new
awk 'BEGIN { for (i = 0; i < 60; i++) printf "%g,0.5,0.%d\n", i / 60, i % 10 }' > ones.csv
works "train on values from 0 to 1" train basic --data ones.csv --batch 10 --hidden 2 --epochs 1 --out ones
for verb in evaluate reconstruct denoise "infill --rectangle 0,0,1,1" interpolate scatter geometry; do
    refused "a range above 1, in $verb" "but --output bernoulli needs 0 to 1" $verb ones --data thousands.csv
done
refused "a range above 1, in encode" "thousands.csv: values from 0 to 1049, but --output" encode ones thousands.csv o.npy
refused "a range above 1, in reconstruct IN OUT" "but --output bernoulli needs 0" reconstruct ones thousands.csv o.npy
"$program" encode ones - - < thousands.csv > out 2> err
check "a range above 1, from standard input" said 'standard input: values from 0 to 1049'
cp ones.csv later.csv
works "train on data that change" train basic --data later.csv --batch 10 --hidden 2 --epochs 2 --out changing
sed 's/"status": "done"/"status": "interrupted"/' changing/run.json > text && mv text changing/run.json
cp thousands.csv later.csv
refused "a range above 1, in train --resume" "but --output bernoulli needs 0 to 1" train --resume changing
sed 's/^5,/1e25,/' thousands.csv > great.csv
works "train a linear one" train linear --data ones.csv --batch 10 --hidden 2 --epochs 1 --out straight
refused "a number beyond float32, in train" "to 1e+25, whose squares do not fit into float32" \
    train linear --scale none --data great.csv --out new
refused "a number beyond float32, in encode" "to 1e+25, whose squares do not fit" encode straight great.csv o.npy
works "train with a check for NaN" train basic $small --check-nan --out checked
check "a training with a check for NaN is done" grep -q '"status": "done"' checked/run.json

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
