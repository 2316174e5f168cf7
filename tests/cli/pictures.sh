#!/bin/sh
# pictures.sh PROGRAM - tests the names and formats of pictures: every verb that draws writes .png, .svg and .pdf with equal
# bytes in every run, and a name or title is only a name or title, whatever is in it. Works in a temporary folder, on small
# data that it makes. Its last line is "N passed, N failed".
. "$(dirname "$0")/helpers.sh"
small="--data data --batch 16 --epochs 1 --quiet"
# shellcheck disable=SC2086
works "a model" train basic $small --hidden 6 --out basic
# shellcheck disable=SC2086
works "a model with a prior" train variational $small --hidden 2 --out plane

is_svg() { grep -q '<svg' "$1" && tail -c 10 "$1" | grep -q '</svg>'; }
is_pdf() { [ "$(head -c 5 "$1")" = '%PDF-' ]; }

# ---- Formats
draws() { # VERB ARGUMENTS...: the three formats, each twice
    verb=$1
    for ending in png svg pdf; do
        works "$verb as $ending" "$@" --out one.$ending
        check "$verb makes a $ending" is_$ending one.$ending
        works "$verb as $ending, again" "$@" --out two.$ending
        check "$verb has equal bytes as $ending" cmp -s one.$ending two.$ending
    done
    refused "$verb as JPEG" 'ends in .png, .svg or .pdf' "$@" --out one.jpg
    refused "$verb without a name" 'ends in .png, .svg or .pdf' "$@" --out .svg
}
draws reconstruct basic --samples 3
draws filters basic
draws denoise basic --masking 0.5 --limit 9
draws infill basic --half right --method once
draws interpolate basic --from 0 --to 1 --steps 3
draws sample plane --samples 4
draws geometry basic --samples 9
draws scatter plane
draws curves basic
draws find-rate basic --data data --batch 16 --hidden 6 --steps 30
for ending in png svg pdf; do check "the tangents have the ending $ending" is_$ending one-tangents.$ending; done
works "an ending in capitals" reconstruct basic --samples 2 --out CAPITALS.SVG
check "is an SVG" is_svg CAPITALS.SVG
check "images of an SVG are not blurred" grep -q 'image-rendering:pixelated' one.svg

# ---- Names
hostile='-x ;touch hacked;|touch hacked; $(touch hacked) `touch hacked` "quotes" '"'quotes'"' <b> & %s'
for verb in "reconstruct basic --samples 2" "scatter plane" "graph basic"; do
    # shellcheck disable=SC2086
    works "$verb: a name is just a name" $verb --out "$hostile.svg"
    check "$verb: and is the name of the picture" is_svg "./$hostile.svg"
    rm -f "./$hostile.svg"
    # shellcheck disable=SC2086
    works "$verb: a name like an option" $verb -o --help.png
    check "$verb: and is a picture" is_png ./--help.png
    rm -f ./--help.png
done
check "no name runs a command" [ ! -e hacked ]
refused "a name of two lines" 'ends in' reconstruct basic --out 'two
lines'

# ---- Graphviz
if command -v dot > /dev/null; then
    title='"];} <IMG SRC="/etc/passwd"/> & --> <!-- ]]> \N \l ${HOME} `touch hacked`
two lines'
    works "a graph with a title full of marks" graph basic --title "$title" -o marks.svg
    check "its title is escaped" grep -q '&lt;IMG SRC=' marks.svg
    check "nothing in it is an image" [ "$(grep -ci '<image' marks.svg)" -eq 0 ]
    check "nothing in it is run" [ ! -e hacked ]
    works "a graph with an ending in capitals" graph basic -o GRAPH.SVG
    check "is an SVG, too" is_svg GRAPH.SVG
    echo old > target.svg
    ln -s target.svg link.svg
    works "a graph to a link" graph basic -o link.svg
    check "the link stays" [ -h link.svg ]
    check "its target is the picture" is_svg target.svg
    mkdir folder.svg
    "$program" graph basic -o folder.svg > out 2> err
    check "a graph in the place of a folder is refused" [ $? -eq 1 -a "$(wc -l < err)" -eq 1 ]
    ln -s /dev/full full.svg
    "$program" graph basic -o full.svg > out 2> err
    check "a graph on a full disk is refused" [ $? -eq 1 -a "$(wc -l < err)" -eq 1 ]
    check "nothing is left of it" [ "$(ls | grep -c tmp)" -eq 0 -a -h full.svg ]
fi
refused "a graph without a name" 'choose a name that ends in' graph basic -o .svg

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
