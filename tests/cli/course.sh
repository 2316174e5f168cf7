#!/bin/sh
# course.sh PROGRAM - the seven steps of docs/variants.md: each file trains for a moment, lowers its loss, is evaluated
# and drawn; the commands of the page run, and what it says that can go wrong is said.
# shellcheck source=tests/cli/helpers.sh
. "$(dirname "$0")/helpers.sh"
source=$(cd "$here/../.." && pwd)

HOME=$work/home # for the objects
export HOME
mkdir "$HOME"
unset XDG_CACHE_HOME
cp "$source"/examples/variants/*.c .

call() { COLUMNS='' "$program" "$@" > out 2> err; }

trains() { # STEP OPTIONS...: trains into the folder STEP, and evaluates it
    file=$1
    shift
    call train "./$file.c" --data data --batch 16 --epochs 6 --lr 0.02 --hidden 4 --json --out "$file" "$@"
    check "$file is trained" [ $? -eq 0 ]
    check "$file: nothing on standard error" [ ! -s err ]
    first=$(sed -n '1s/.*"train_loss":\([-0-9.e]*\).*/\1/p' "$file/metrics.jsonl")
    last=$(sed -n '$s/.*"train_loss":\([-0-9.e]*\).*/\1/p' "$file/metrics.jsonl")
    check "$file: the loss falls, from $first to $last" less "$last" "$first"
    call evaluate "$file" --json
    check "$file: the squared error is below that of the mean sample" less "$(figure squared_error)" "$(figure baseline)"
}
draws() { # STEP VERB: draws the run of the step
    call "$2" "$1" -o "$1.png"
    check "$1: $2 draws: $(cat err)" is_png "$1.png"
}
# mistake STEP EDIT: the file of the step with this edit by sed, which is a mistake, is refused in one line. The page has the
# line without its first words, and with other numbers in the shapes.
mistake() {
    sed "$2" "$source/examples/variants/$1.c" > mistake.c
    if cmp -s mistake.c "$source/examples/variants/$1.c"; then fail "$1: nothing is edited by $2"; fi
    call train ./mistake.c --data data --epochs 1 --hidden 4 --out new
    check "$1: $2: exit status" [ $? -ne 0 ]
    check "$1: $2: one line" [ "$(wc -l < err)" -eq 1 ]
    check "the page says: $(cat err)" grep -qxF -e "$(sed "$plain; s/^palindrome: \(\.\/mistake\.c: \)*/    /" err)" page
}

trains 1_basic
draws 1_basic reconstruct
trains 2_penalty
check "2_penalty: the penalty has a name" grep -q '"sparsity"' out
draws 2_penalty filters
trains 3_layers
call graph ./3_layers.c --order 1 -o 3.dot
check "3_layers: a graph" grep -q 'digraph' 3.dot
trains 4_noise
draws 4_noise denoise
trains 5_gradient
draws 5_gradient geometry
trains 6_variational
draws 6_variational sample
trains 7_hierarchical --epochs 40 --lr 0.005
draws 7_hierarchical sample

# ---- The commands of the page, in its order and in one folder, on small data
mkdir page-folder page-folder/examples
ln -s "$source/examples/variants" page-folder/examples/variants
sed -n 's/^    palindrome \([a-z].*\)/\1/p' "$source/docs/variants.md" | sed 's|--epochs 15|--data ../data --batch 16 --epochs 1|' > commands
check "the page has commands" [ "$(wc -l < commands)" -ge 19 ]
cd page-folder || exit 1
while read -r words; do
    # shellcheck disable=SC2086
    COLUMNS='' "$program" $words > ../out 2> ../err
    check "palindrome $words: $(cat ../err)" [ $? -eq 0 ]
done < ../commands
cd ..

# ---- What can go wrong, by the page
plain='s/\[[0-9][0-9S,]*\]/[]/g' # shapes without their numbers
sed "$plain" "$source/docs/variants.md" > page
mistake 1_basic '/\.decode = decode/d'
mistake 1_basic 's/return pal_nll(m, a, b->inputs)/return pal_square(pal_sub(a, b->inputs))/'
mistake 2_penalty 's/(m, "lambda")/(m, "lamda")/'
mistake 3_layers 's/pal_transpose(weight(m))/weight(m)/'
mistake 4_noise 's/"strength"/"noise"/'
mistake 5_gradient 's/pal_sum_all(pal_mul(h, v))/pal_mul(h, v)/'
mistake 6_variational 's/pal_reshape(z, PAL_SHAPE(-1, q.k))/z/'
mistake 7_hierarchical 's/log_density(prior, z1)/log_density(prior, rows(z1))/'

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
