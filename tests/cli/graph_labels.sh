#!/bin/sh
# graph_labels.sh PROGRAM - tests the levels of `palindrome graph`, plumbing, the direction, and, if Graphviz is there,
# that no edge strikes through the text of an edge. The texts and the lines are read from SVG files: graph_struck.awk.
# shellcheck source=tests/cli/helpers.sh
. "$(dirname "$0")/helpers.sh"
awk_file=$here/graph_struck.awk

has() { # WHAT TEXT
    check "$1" grep -qF -e "$2" out
}
lacks() { # WHAT TEXT
    check "$1" [ "$(grep -cF -e "$2" out)" -eq 0 ]
}

# ---- Levels
works "a loss" graph basic
has "is drawn as layers" 'h = sigmoid(x W + b)'
has "its output has a name" 'x̂ = sigmoid(a)'
lacks "without products" '<B>matmul</B>'
works "a small gradient" graph basic --order 1
has "is drawn as operations" '<B>matmul</B>'
works "a large gradient" graph variational --order 1
has "is drawn as layers, too" '<B>&#8706; code</B>'
lacks "and not as operations" '<B>matmul</B>'
works "operations" graph basic --level operations
has "on request" '<B>matmul</B>'
works "layers" graph basic --order 2 --level layers
has "on request, too" '&#8706;&#178; encoder'
works "the variational model" graph variational --direction right
has "to the right" 'rankdir=LR'
for text in 'μ, ln σ = h₁ W₂ + b₂' 'z = μ + σ ε' 'KL(q(z | x) ‖ p(z))' '−E log p(x | x̂)' 'shape=diamond'; do
    has "has $text" "$text"
done
works "folded layers" graph deep --fold
has "are drawn once" '<B>encoder/1</B> &#8230; 3 &#183; 3&#215;'
works "a model that convolves" graph convolutional
has "has its formula" 'W₁ ∗ x + b₁'

works "a model with corruption" graph denoising
has "names the corrupted input" 'x̃ ~ q(x̃ | x)'
has "which the encoder reads" 'h = sigmoid(x̃ W + b)'

# ---- Without Graphviz: TeX and a page
works "TeX" graph variational --direction right -o slide.tex
for text in 'encoder/2' 'sigmoid' 'KL(q(z'; do check "has $text" grep -qF -e "$text" slide.tex; done
check "without operations" [ "$(grep -c matmul slide.tex)" -eq 0 ]
works "a page" graph variational -o page.html
for text in '"h₁ = relu(x W₁ + b₁)"' '"x̂ = sigmoid(a)"' '"μ, ln σ 32×40"' '"op":"matmul"'; do check "has $text" grep -qF -e "$text" page.html; done
for option in "--direction right" "--sizes" "--order 1 --kept lines"; do
    # shellcheck disable=SC2086 # words
    refused "a page has no use for $option" 'has no effect on an .html page' graph basic $option -o refused.html
done

# ---- Plumbing
works "a model with plumbing" graph variational --level operations
lacks "folds it into edges" '<B>reshape</B>'
works "which is drawn" graph variational --level operations --plumbing
has "on request" '<B>reshape</B>'
refused "a level that is none" 'level' graph basic --level boxes
refused "a plan has no levels" 'level' graph basic --plan all --level layers

# ---- Texts of edges
if command -v dot > /dev/null; then
    printf '<g class="edge"><title>t</title>\n<path d="M0,0C10,0 20,0 30,0"/>\n<text text-anchor="start" x="10" y="2" font-size="8.00">32</text>\n</g>\n' > struck.svg
    check "the check finds a text that is struck through" [ "$(awk -f "$awk_file" struck.svg | head -1)" = "struck by its own edge: edge text 32" ]
    for what in "basic --order 1 --level layers" "deep --order 1 --level layers" "denoising --level layers" "sparse --level layers" \
        "contractive --order 1 --level layers" "variational --level layers" "variational --order 1 --level layers" \
        "variational --direction right" "basic --level operations" "basic --order 1 --level operations" \
        "denoising --order 1 --level operations"; do
        # shellcheck disable=SC2086 # words
        works "$what" graph $what -o picture.svg
        LC_ALL=C awk -f "$awk_file" picture.svg > texts
        check "$what: no text of an edge is struck through: $(grep 'edge text' texts)" [ "$(grep -c 'edge text' texts)" -eq 0 ]
        check "$what: there are texts" [ "$(sed -n '$s/ texts//p' texts)" -gt 4 ]
    done
fi

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
