#!/bin/sh
# compilers.sh PROGRAM OTHER - the program as two compilers built it: does a training with --portable give the same bits?
#
# Every model at its defaults, and settings that lead to other code, are trained for a moment by both. Checkpoints must
# have the same bytes, and metrics and results the same figures. Give it a build by gcc and one by clang.
[ $# -eq 2 ] || { echo "usage: compilers.sh PROGRAM OTHER" >&2; exit 2; }
other=$(cd "$(dirname "$2")" && pwd)/$(basename "$2")
set -- "$1"
. "$(dirname "$0")/helpers.sh"

"$program" models | sed -n 's/^\([a-z][a-z-]*\)  .*/\1 \1/p' > runs
check "there are models" [ "$(wc -l < runs)" -ge 10 ]
cat >> runs << END
svd        linear --solve svd --hidden 3
adam       basic --optimizer adam --schedule cosine --warmup 2
gaussian   denoising --corruption gaussian
rows       contractive --jacobian rows --hidden 10
factor     variational --output normal
full       variational --code normal-full --layers 20,3
bernoulli  variational --code bernoulli --layers 20,6
choices    variational --code categorical --layers 20,6
alternate  semi-supervised --training alternate --labels 100
head       stacked --fine-tuning both --layers 20,10
END
while read -r name options; do
    for by in program other; do
        eval "which=\$$by"
        epochs="--epochs 2 --batch 32"
        case $options in *svd*) epochs= ;; esac
        "$which" train $options $epochs --data data --portable -o "$by-$name" --quiet > out 2>&1 ||
            fail "$name, by $which: $(cat out)"
    done
    same_run "$name" "program-$name" "other-$name"
done < runs

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
