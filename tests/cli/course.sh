#!/bin/sh
# course.sh PROGRAM EXAMPLES - the seven steps of docs/variants.md: each file trains for a moment, lowers its loss, is evaluated
# and drawn; what the page says that can go wrong is said. EXAMPLES: the folder with the shared objects of the steps.
examples=$(cd "$2" && pwd) || exit 2
set -- "$1"
# shellcheck source=tests/cli/helpers.sh
. "$(dirname "$0")/helpers.sh"
source=$(cd "$here/../.." && pwd)

# How the file of a step is given to the program: MODEL STEP prints what stands where the name of a model is.
step() { object=$1; shift; COLUMNS='' "$program" --load "$examples/$object.so" "$@" > out 2> err; }
model() { sed -n 's/^.*\.name = "\(.*\)",$/\1/p' "$source/examples/variants/$1.c" | tail -n 1; }

trains() { # STEP OPTIONS...: trains into the folder STEP, and evaluates it
    file=$1
    shift
    step "$file" train "$(model "$file")" --data data --batch 16 --epochs 6 --lr 0.02 --hidden 2 --json --out "$file" "$@"
    check "$file is trained" [ $? -eq 0 ]
    check "$file: nothing on standard error" [ ! -s err ]
    first=$(sed -n '1s/.*"train_loss":\([-0-9.e]*\).*/\1/p' "$file/metrics.jsonl")
    last=$(sed -n '$s/.*"train_loss":\([-0-9.e]*\).*/\1/p' "$file/metrics.jsonl")
    check "$file: the loss falls, from $first to $last" less "$last" "$first"
    step "$file" evaluate "$file" --json
    check "$file: the squared error is below that of the mean sample" less "$(figure squared_error)" "$(figure baseline)"
}
draws() { # STEP VERB: draws the run of the step
    step "$1" "$2" "$1" -o "$1.png"
    check "$1: $2 draws: $(cat err)" is_png "$1.png"
}
wrong() { # STEP TEXT ARGUMENTS...: one line that contains the text, and the page has the same line
    file=$1
    text=$2
    shift 2
    step "$file" "$@"
    check "$file: refused" [ $? -ne 0 ]
    check "$file: $text" [ "$(grep -cF -e "$text" err) $(wc -l < err)" = "1 1" ]
    check "the page says: $text" grep -qF -e "$text" "$source/docs/variants.md"
}

trains 1_basic --hidden 4
draws 1_basic reconstruct
trains 2_penalty --hidden 4
draws 2_penalty filters
check "2_penalty: the penalty has a name" grep -q '"sparsity"' out || step 2_penalty evaluate 2_penalty --json
trains 3_layers --hidden 4
step 3_layers graph "$(model 3_layers)" --order 1 -o 3.dot
check "3_layers: a graph" grep -q 'digraph' 3.dot
trains 4_noise --hidden 4
draws 4_noise denoise
trains 5_gradient --hidden 4
draws 5_gradient geometry
trains 6_variational
draws 6_variational sample
trains 7_hierarchical
draws 7_hierarchical sample

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
