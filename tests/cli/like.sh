#!/bin/sh
# like.sh PROGRAM: train --like RUN and --config FILE: the same bits as the run, options that are given here, the command
# that repeats it, and files that are refused.
# shellcheck source=tests/cli/helpers.sh
. "$(dirname "$0")/helpers.sh"
small="--data data --lanes 2 --quiet"

# ---- The same run again, from its run.json, and by the command that this writes
again() { # NAME ARGUMENTS...
    name=$1
    shift
    works "$name" train "$@" $small --out "$name"
    works "like $name" train --like "$name" --quiet --out "$name-like"
    check "like $name: the same weights" cmp -s "$name/checkpoint.safetensors" "$name-like/checkpoint.safetensors"
    command=$(sed -n 's/^ *"command": "palindrome \(.*\)",$/\1/p' "$name-like/run.json")
    check "like $name: its command has no --like" [ "$(echo "$command" | grep -c -e '--like')" -eq 0 ]
    # shellcheck disable=SC2086
    works "$name by its command" $(echo "$command" | sed "s/--out $name-like/--out $name-again/")
    check "$name by its command: the same weights" cmp -s "$name/checkpoint.safetensors" "$name-again/checkpoint.safetensors"
    cp "$name/run.json" copied.json
    works "$name as a file" train --config copied.json --quiet --out "$name-file"
    check "$name as a file: the same weights" cmp -s "$name/checkpoint.safetensors" "$name-file/checkpoint.safetensors"
}
again basic basic --hidden 5 --epochs 2 --batch 16
again muon denoising --hidden 5 --epochs 3 --batch 16 --sigma 0.2 --optimizer muon --schedule step --decay-every 1 --patience 9 \
    --min-improvement 0.01 --average equal --average-start 1 --momentum 0.8
again plateau variational --hidden 2 --epochs 2 --batch 16 --schedule plateau --plateau-patience 2 --clip 1 --optimizer adamw \
    --spare-biases --weight-decay 0.1 --gradient-sizes --accumulate 2 --limit 90 --validation 20
again newton basic --hidden 4 --epochs 2 --optimizer newton-cg --batch 50 --curvature-samples 40
again solved linear --hidden 3 --solve svd
again stacked stacked --layers 6,3 --epochs 1 --batch 16
again head semi-supervised --hidden 4 --labels 16 --epochs 1 --batch 16
again from basic --hidden 5 --epochs 1 --batch 16 --from basic --portable

# ---- What is given here comes first
"$program" train --like muon --optimizer adam --corruption masking --masking 0.2 --epochs 1 --out other > out 2> err
check "one line says what was taken: $(cat err)" [ "$(grep -c '^palindrome: like muon: denoising, with [0-9]* settings and [0-9]* options from there; given here: ' err)" -eq 1 ]
check "run.json has what was given" [ "$(grep -c '"name": "adam"\|"epochs": 1,\|"masking": 0.2' other/run.json)" -ge 3 ]
check "and what was taken" grep -q '"patience": 9' other/run.json
check "but no rate of the other optimizer" [ "$(grep -c '"momentum": 0.8' other/run.json)" -eq 0 ]
"$program" train --like muon sparse --epochs 1 --out sparse > out 2> err
check "another model" grep -q '"model": "sparse"' sparse/run.json
check "what it does not have is said" grep -q 'this model has no corruption' err
images 64 > data/train-images-idx3-ubyte
labels 64 > data/train-labels-idx1-ubyte
"$program" train --like basic --quiet --out changed > out 2> err
check "data that have changed" grep -q "^palindrome: warning: the training samples of .* have changed since basic was trained" err

# ---- Files
echo '{"model": "basic", "settings": {"hidden": 7}, "epochs": 2, "data": "data", "schedule": {"learning_rate": 0.01}}' > part.json
works "a part of a run.json" train --config part.json --quiet --out part
check "it has the options" [ "$(grep -c '"hidden": 7\|"learning_rate": 0.01' part/run.json)" -eq 2 ]
bad() { # MENTIONED TEXT
    echo "$2" > bad.json
    refused "$2" "$1" train --config bad.json --out bad
}
bad "unknown key modl: did you mean model" '{"modl": "basic"}'
bad "unknown key learning-rate: did you mean schedule.learning_rate" '{"model": "basic", "learning-rate": 3}'
bad "unknown key optimizer.nmae: did you mean optimizer.name" '{"model": "basic", "optimizer": {"nmae": "adam"}}'
bad "no option --hiden: did you mean --hidden" '{"model": "basic", "settings": {"hiden": 3}}'
bad "hidden: 0 is not in" '{"model": "basic", "settings": {"hidden": 0}}'
bad "hidden is to be a number or a text" '{"model": "basic", "settings": {"hidden": [1]}}'
bad "epochs: \"many\"" '{"model": "basic", "epochs": "many"}'
bad "epochs is to be a number" '{"model": "basic", "epochs": [3]}'
bad "portable is to be true or false" '{"model": "basic", "portable": 1}'
bad "settings is to be an object" '{"model": "basic", "settings": [1]}'
bad "names no model" '{"epochs": 3}'
bad "no model is called bsic" '{"model": "bsic"}'
bad "data is empty" '{"model": "basic", "data": ""}'
bad "no JSON object" '[1]'
bad "bad.json:1: " '{"model": "basic", }'
refused "no such file" "No such file" train --config nowhere.json
refused "a folder" "no regular file" train --config data
refused "no such run" "nowhere" train --like nowhere
refused "both" "leave out one" train --like basic --config part.json
refused "a resumed run" "keeps the settings" train --resume basic --epochs 9 --like basic

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
