#!/bin/sh
# explain.sh PROGRAM - tests `palindrome explain`: the formulas of the lectures, where it writes, that LaTeX takes its pages,
# that the numbers are those of the tape, and that docs/explained.md is what it prints.
# shellcheck source=tests/cli/helpers.sh
. "$(dirname "$0")/helpers.sh"
source=$(cd "$here/../.." && pwd)

line() { grep -q -F -e "$1" out; }

# ---- What it says
works "a page" explain basic
check "x̂ − x at the output" line 'δ_a = (x̂ − x) / n'
check "two terms of a tied weight" line '∂loss/∂W = xᵀ δ_z + δ_aᵀ h'
check "names have shapes" grep -q '^ *W  *784×256  parameter encoder/W$' out
check "lines fit" [ "$(sed 's/[^ -~]/./g' out | awk 'length > 300' | wc -l)" -eq 0 ]
cp out basic.txt
works "the loss alone" explain basic --order 0
check "no derivative" [ "$(grep -c '∂' out)" -eq 0 ]
works "a second derivative" explain contractive --order 2
check "it is called as in the lectures" line '∂S/∂W = '
works "the tape as recorded" explain basic --recorded
works "options of the model" explain variational --code bernoulli --layers 40,3
works "a corrupted input" explain denoising
check "it is called x̃" line 'x̃ = x ⊙ [1 if u < 0.75 else 0]'
check "where it is used" line '∂loss/∂W = x̃ᵀ δ_z + δ_aᵀ h'
works "a corrupted input in LaTeX" explain denoising --tex
check "with a tilde" grep -q 'tilde{x} = x ' out
works "an input that is binarised alone" explain sparse --binarize dynamic
check "it is not corrupted" [ "$(grep -c 'x̃' out)" -eq 0 ]
works "other samples" explain basic --batch 7
check "n is their number" grep -q '^ *n = 7 ' out

# ---- Numbers
works "numbers" explain basic
number=$(sed -n 's/^(%\([0-9]*\)).* h = σ(z)$/\1/p' out)
works "the tape" graph basic --order 1 --plan all
check "it is the number of the sigmoid" grep -q "^%$number = sigmoid " out

# ---- Where it writes
works "to a file" explain basic -o page.txt
check "it is the same" cmp -s page.txt basic.txt
works "to standard output by its name" explain basic -o -
check "it is the same, too" cmp -s out basic.txt
refused "another type" 'ends in .tex or .txt' explain basic -o page.pdf
refused "no model" 'no model' explain
refused "an unknown model" 'mean basic' explain basicc
refused "no samples" 'batch' explain basic --batch 0
echo old > old.tex
(ulimit -f 0; "$program" explain basic -o old.tex) > out 2> err
check "a file that cannot be written stays" [ "$(cat old.tex)" = old ]

# ---- LaTeX
for model in contractive variational convolutional sparse; do
    works "LaTeX of $model" explain $model -o $model.tex
    check "it is a document" [ "$(tail -n 1 $model.tex)" = '\end{document}' ]
done
works "LaTeX on standard output" explain contractive --tex
check "it is the same as in the file" cmp -s out contractive.tex
if command -v pdflatex > where && kpsewhich extarticle.cls longtable.sty > where; then
    works "LaTeX of a second derivative" explain contractive --order 2 -o second.tex
    for page in contractive variational second; do
        pdflatex -interaction=nonstopmode -halt-on-error $page.tex > log 2>&1
        check "pdflatex takes $page" [ -s $page.pdf ]
        check "no line of $page runs out of the page" [ "$(grep -c '^Overfull .hbox' log)" -eq 0 ]
    done
else
    echo "pdflatex is not installed: its part is left out"
fi

# ---- The page of the documentation
sh "$source/scripts/explained" "$program" > explained.md 2> err
check "docs/explained.md is what scripts/explained prints" cmp -s explained.md "$source/docs/explained.md"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
