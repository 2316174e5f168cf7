#!/bin/sh
# graphs.sh PROGRAM - tests where `palindrome graph` writes, in which formats, what it does without Graphviz, and what it
# refuses.
# shellcheck source=tests/cli/helpers.sh
. "$(dirname "$0")/helpers.sh"

failed_with() { # WHAT TEXT ARGUMENTS...: exit status 1, one line with the text, nothing on standard output
    what=$1
    text=$2
    shift 2
    "$program" "$@" > out 2> err
    status=$?
    if [ $status -ne 1 ]; then fail "$what: exit status $status"
    elif [ "$(grep -c -e "$text" err) $(wc -l < err)" != "1 1" ]; then fail "$what: $(cat err)"
    elif [ -s out ]; then fail "$what: wrote on standard output"
    else pass
    fi
}

# ---- Where it writes
works "to standard output" graph basic
cp out basic.txt
works "to standard output by its name" graph basic -o -
check "it is the same" cmp -s out basic.txt
works "to a file" graph basic -o basic.dot
check "it is the same, too" cmp -s basic.dot basic.txt
check "nothing is printed" [ ! -s out ]
works "kept values as numbers" graph basic --order 1 --kept numbers
check "there are numbers" grep -q 'label=<#1>' out
works "kept values as lines" graph basic --order 1 --kept lines
check "there are none" [ "$(grep -c 'label=<#1>' out)" -eq 0 ]
works "a title" graph basic --title 'mine & yours'
check "is there" grep -q 'mine &amp; yours' out
works "a long title with times" graph basic --hidden 2 --batch 2 --time --title "$(printf %01100d 0)"
check "the legend has times" grep -q 'share of the time' out
works "times" graph basic --hidden 2 --batch 2 --time
check "are in the title" grep -q 'basic: loss (unfused, one thread: .*s per run)' out
works "a limit that is enough" graph basic --max-memory 1G
refused "no name before the ending" 'choose a name that ends in .svg, .html, .png, .pdf, .tex or .dot' graph basic -o ./.dot
refused "an ending alone" 'choose a name that ends in .svg, .html, .png, .pdf, .tex or .dot' graph basic -o .png
refused "no ending" 'choose a name that ends in .svg, .html, .png, .pdf, .tex or .dot' graph basic -o picture
refused "another ending" 'choose a name that ends in .svg, .html, .png, .pdf, .tex or .dot' graph basic -o picture.gif
refused "times that need more than is allowed" 'graph: --time needs .* of memory, but --max-memory allows 1.0 MB: raise it, or leave out --time$' \
    graph basic --time --max-memory 1M
failed_with "a folder that is missing" 'nowhere/x.dot: ' graph basic -o nowhere/x.dot
failed_with "a folder that is missing, for dot" 'nowhere/x.svg: .*make the folder nowhere first' graph basic -o nowhere/x.svg
failed_with "less memory than the model takes" '.' graph basic --max-memory 10k
if [ -w /dev/full ]; then
    "$program" graph basic > /dev/full 2> err
    check "a full standard output is status 1" [ $? -eq 1 ]
    check "and one line" [ "$(grep -c 'standard output: No space left' err) $(wc -l < err)" = "1 1" ]
fi

# ---- Without Graphviz
mkdir none
PATH=$PWD/none "$program" graph basic -o drawn.svg > out 2> err
check "without dot: it is drawn all the same" [ "$? $(grep -c '<svg' drawn.svg) $(cat out err)" = "0 1 " ]
PATH=$PWD/none "$program" graph basic -o again.svg
check "without dot: the same bytes" cmp -s drawn.svg again.svg
PATH=$PWD/none "$program" graph basic -o drawn.png
check "without dot: as PNG" is_png drawn.png

layers=$(seq -s , 60 -1 2)
PATH=$PWD/none "$program" graph deep --layers "$layers" --order 1 --level operations -o large.png > out 2> err
check "without dot: more pixels than a PNG may have" [ "$? $(grep -c 'draw less, with' err)" = "1 1" ]
works "a large one as PDF" graph deep --layers "$layers" --order 1 -o large.pdf

# ---- PDF and TikZ
works "as PDF" graph variational --order 1 -o drawn.pdf
check "it is one" [ "$(head -c 5 drawn.pdf)" = %PDF- ]
failed_with "a folder that is missing, for PDF" 'nowhere/x.pdf: ' graph basic -o nowhere/x.pdf
works "as TikZ" graph contractive --jacobian rows --order 1 --level operations --title 'A_1 & 50% of $x^2$ #3 {\~}' -o drawn.tex
check "names colours" grep -q '^.definecolor{adjointfill}{HTML}{F8CF8E}$' drawn.tex
check "one line a node" [ "$(grep -c '^.node.entry, .*parameter' drawn.tex)" -ge 3 ]
failed_with "a folder that is missing, for TikZ" 'nowhere/x.tex: ' graph basic -o nowhere/x.tex
if command -v pdflatex > /dev/null && kpsewhich standalone.cls > /dev/null; then
    works "with noise" graph variational --order 1 -o noise.tex
    for name in drawn noise; do
        pdflatex -interaction=nonstopmode -halt-on-error $name.tex > latex.out 2>&1
        check "$name.tex compiles" [ $? -eq 0 ]
    done
else
    echo "pdflatex or standalone.cls is not installed: drawn.tex was not compiled"
fi

# ---- A dot that does not do its work
fake() { # BODY: a program dot with this body
    rm -rf fake
    mkdir fake
    printf '#!/bin/sh\n%s\n' "$1" > fake/dot
    chmod +x fake/dot
}
fake 'exit 0' # it does not read; the drawing is larger than what a socket takes
PATH=$PWD/fake:$PATH failed_with "a dot that does not read" 'graph: dot does not take its input: .*: try again, or use -o FILE.dot$' \
    graph deep --layers "$(seq -s , 30 -1 2)" --order 2 -o unread.svg
check "and leaves no file" [ ! -e unread.svg ]
fake 'cat > /dev/null; kill -9 $$'
PATH=$PWD/fake:$PATH failed_with "a dot that is killed" 'graph: dot failed: draw less with --depth 1' graph basic -o killed.png
check "leaves no file" [ ! -e killed.png ]
fake 'case "$*" in *splines=line*) cat > /dev/null; echo straight ;; *) cat > /dev/null; echo half; exit 1 ;; esac'
PATH=$PWD/fake:$PATH works "a dot that can only draw straight lines" graph basic -o straight.svg
check "draws them into an empty file" [ "$(cat straight.svg)" = straight ]
rm fake/dot
mkdir fake/dot
PATH=$PWD/fake "$program" graph basic -o denied.svg > out 2> err
check "a dot that is no program: status 1" [ $? -eq 1 ]
check "a dot that is no program: one line: $(cat err)" [ "$(grep -c 'graph: dot: Permission denied$' err) $(wc -l < err)" = "1 1" ]

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
