#!/bin/sh
# report.sh PROGRAM - tests the pages of report and of compare --out: that they are well formed and load nothing, that their
# figures are those of evaluate, what is escaped, what is left out and why, for every variant. Works in a temporary folder,
# on small data that it makes. Its last line is "N passed, N failed".
. "$(dirname "$0")/helpers.sh"
TMPDIR=$work/tmp
export TMPDIR
mkdir "$TMPDIR"
small="--data data --batch 16 --epochs 1 --quiet --threads 1"
# ---- What is true of every page
# As XML, a page must be well formed to the last bracket; elements of HTML without an end get one for that.
well_formed() {
    sed -e 's/<!DOCTYPE html>//' -e 's/<\(meta\|img\|br\|link\|col\)\( [^>]*\)*>/<\1\2\/>/g' "$1" > page.xml
    if command -v xmllint > /dev/null; then xmllint --huge --noout page.xml 2> xml.err || { head -n 3 xml.err; return 1; }; fi
    [ "$(head -n 1 "$1")" = '<!DOCTYPE html>' ] && [ "$(tail -n 1 "$1")" = '</html>' ]
}
# A picture is in the page itself, and a link leads to a place in it.
self_contained() {
    grep -o '<[a-z]* [^>]*\(src\|href\|action\|data\|poster\|srcset\)="[^"]*' "$1" |
        sed 's/.*\(src\|href\|action\|data\|poster\|srcset\)="//' | cut -c 1-24 | grep -v -e '^data:image/' -e '^#' > loaded
    [ ! -s loaded ] && ! grep -q -i -e '<script' -e '@import' -e 'url(' -e '<iframe' -e '<[^>]* on[a-z]*=' "$1"
}
decoded() { # every picture is a PNG, or an SVG that is XML
    rm -f shot-*
    grep -o 'src="data:image/[a-z+]*;base64,[^"]*' "$1" | awk -F'[/;,]' '{ f = sprintf("shot-%d.%s", NR, $2); print $4 "/x" > "/dev/null"
        sub(/^[^,]*,/, ""); print > f; close(f) }'
    for shot in shot-*; do
        [ -e "$shot" ] || continue
        base64 -d < "$shot" > picture || return 1
        case $shot in
            *.png) is_png picture && [ "$(tail -c 8 picture | head -c 4)" = IEND ] || return 1 ;;
            *) grep -q '</svg>' picture || return 1 ;;
        esac
    done
}
described() { # every picture has an alternative text, and every chart a label
    [ "$(grep -o '<img [^>]* alt="[^"]' "$1" | wc -l)" -eq "$(grep -o '<img ' "$1" | wc -l)" ] &&
        [ "$(grep -o 'class="chart"[^>]*aria-label="[^"]' "$1" | wc -l)" -eq "$(grep -o 'class="chart"' "$1" | wc -l)" ]
}
led_to() { # every place that the contents lead to is there once
    for id in $(grep -o 'href="#[a-z]*' "$1" | sed 's/.*#//'); do [ "$(grep -c "<section id=\"$id\"" "$1")" -eq 1 ] || return 1; done
}
good() { # WHAT PAGE
    check "$1: is well formed" well_formed "$2"
    check "$1: loads nothing" self_contained "$2"
    check "$1: its pictures can be read" decoded "$2"
    check "$1: its pictures are described" described "$2"
    check "$1: its contents lead somewhere" led_to "$2"
    check "$1: has a language" grep -q '<html lang="en">' "$2"
    check "$1: leaves nothing behind" [ -z "$(ls "$TMPDIR")" ]
}
shown() { sed -n "s/.*<data id=\"$1\" value=\"\([^\"]*\)\".*/\1/p" "$2"; } # the figure of a page
pictures() { grep -o '<img ' "$1" | wc -l; }
text() { sed -e '/<style>/,/<\/style>/d' -e 's/<[^>]*>//g' "$1"; } # what a reader sees

# ---- A run on images with labels
works "a run" train denoising $small --hidden 6 --masking 0.4 --out one
works "its page" report one
check "is in its folder" [ "$(cat out)" = one/report.html ]
good "a run on images" one/report.html
figures="loss squared_error baseline explained squared_error_corrupted mean_activation"
works "its figures" evaluate one --json
for name in $figures; do
    check "the page has the $name of evaluate" awk -v a="$(figure $name)" -v b="$(shown $name one/report.html)" \
        'BEGIN { exit !(a != "" && b != "" && a + 0 == b + 0) }'
done
works "the same page again" report one --out again.html
check "has the same bytes, but for its name" cmp -s one/report.html again.html
text one/report.html > seen
for words in 'denoising on data' 'What it is' 'Vincent, Larochelle' 'Worst samples' 'reconstructs the clean input' 'train denoising' 'maskinggiven' 'hiddengiven'; do
    check "the page says: $words" grep -q "$words" seen
done
check "options that were not given are not marked" [ "$(grep -c 'kindgiven\|activationgiven\|seedgiven' seen)" -eq 0 ]
# The worst sample of the page has the greatest error of all reconstructions.
works "reconstructions" reconstruct one data all.csv
works "samples" encode one data codes.csv
check "there are as many worst samples as asked for" [ "$(grep -c '<tr class="worst">' one/report.html)" -eq 10 ]
works "a page of three samples" report one --samples 3 --out three.html
check "has three worst samples" [ "$(grep -c '<tr class="worst">' three.html)" -eq 3 ]
awk -F'[<>"]' '/<tr class="worst">/ { for (i = 1; i < NF; i++) if ($i == " value=" || $i == "data value=") print $(i + 1) }' three.html > errors
check "the worst is first" awk 'NR > 1 && $1 > last { exit 1 } { last = $1 } END { exit NR != 3 }' errors
if command -v dot > /dev/null; then check "the graph is drawn" grep -q 'data:image/svg+xml' one/report.html; fi
mkdir -p bare
ln -sf "$program" bare/palindrome
PATH=$work/bare "$program" report one --out nodot.html > out 2> err
check "a page without Graphviz has the graph, too" grep -q 'data:image/svg+xml' nodot.html
good "a page without Graphviz" nodot.html
works "a page of the training samples" report one --split train --out train.html
check "has other figures" [ "$(grep -c 'id="loss"' train.html)" -eq 1 ]

# ---- Hostile names
hostile='<script>&"'"'"'</title>'
mkdir -p deep
cp -r one "deep/$(printf '%s' "$hostile" | tr / _)"
works "a run in a hostile folder" report "deep/$(printf '%s' "$hostile" | tr / _)" --out hostile.html
good "a run in a hostile folder" hostile.html
check "the name of the folder is escaped" grep -q '&lt;script&gt;&amp;&quot;' hostile.html
"$program" report one --title "<b onload=x>$(bytes 255 27)</b>--><svg>" --out titled.html > out 2> err
check "a hostile title" [ $? -eq 0 ]
good "a hostile title" titled.html
check "is escaped" grep -q '<h1>&lt;b onload=x&gt;\\xff\\x1b&lt;/b&gt;--&gt;&lt;svg&gt;</h1>' titled.html

# ---- A table without labels
printf '<b>a</b>,"b & c",d\n' > table.csv
awk 'BEGIN { for (i = 0; i < 60; i++) printf "%.3f,%.3f,%.3f\n", sin(i), sin(i) + 0.1 * cos(3 * i), cos(i) }' >> table.csv
works "a run on a table" train deep --layers 3,2 --output squared --data table.csv --batch 8 --epochs 3 --quiet --threads 1 --out table
works "its page" report table --threads 1
good "a run on a table" table/report.html
check "its columns are escaped" [ "$(grep -c '<b>a' table/report.html)" -eq 0 ]
check "and named" grep -q -e '<th scope="row">&lt;b&gt;a&lt;/b&gt;</th>' -e '<th scope="row">feature 1</th>' table/report.html
text table/report.html > seen
check "it has lines of reconstructions" [ "$(grep -c '>reconstruction<' table/report.html)" -ge 8 ]
check "it says that there are no labels" grep -q 'the data have no labels' seen
sum=$(sed -n '/<section id="features"/,/<section id="filters"/s/.*<th scope="row">[^<]*<\/th>.*<td class="number">\([-0-9.e+]*\)<\/td><td class="number">[^<]*<\/td><td class="number">.*/\1/p' table/report.html | awk '{ s += $1 } END { print s }')
check "the errors of the features add up to the squared error" awk -v a="$sum" -v b="$(shown squared_error table/report.html)" \
    'BEGIN { exit !(a > 0 && (a - b) ^ 2 < (1e-3 * b) ^ 2) }'
printf '1\n2\n4\n3\n5\n6\n' > line.csv
works "a run on one column" train linear --solve svd --hidden 1 --data line.csv --quiet --threads 1 --out line
works "its page" report line --threads 1
good "a run on one column" line/report.html
check "has no curves" grep -q 'Left out: there are no curves' line/report.html
check "has no plane of codes" grep -q 'Left out: the codes in the plane' line/report.html
awk 'BEGIN { for (i = 0; i < 30; i++) for (j = 0; j < 20; j++) printf "%.3f%s", sin(i * (j + 1)), j < 19 ? "," : "\n" }' > many.csv
works "a run on many columns" train basic --hidden 3 --output squared --data many.csv --batch 8 --epochs 1 --quiet --threads 1 --out many
works "its page" report many --threads 1
good "a run on many columns" many/report.html

# ---- Several runs
works "another run" train denoising $small --hidden 4 --masking 0.4 --out two
works "a page of two runs" report one two --threads 1
check "is in the last folder" [ "$(cat out)" = two/report-of-all.html ]
good "a page of two runs" two/report-of-all.html
check "a figure is the best" grep -q 'class="number best"' two/report-of-all.html
text two/report-of-all.html > seen
check "it says what differs" grep -q '^hidden64$' seen
check "it has both commands" [ "$(grep -c 'palindrome train denoising' seen)" -eq 2 ]
"$program" compare one two --out compared.html > out 2> err
check "compare --out exits as compare does" [ $? -eq 1 ]
check "compare --out prints the path, too" grep -q '^compared.html$' out
good "a page of compare" compared.html
check "is that of report" cmp -s compared.html two/report-of-all.html
"$program" compare one two --out compared.html --json > out 2> err
check "compare --out prints JSON alone" is_json out
works "runs on different data" report one table --threads 1 --out unlike.html
good "runs on different data" unlike.html
check "have no best" [ "$(grep -c 'number best' unlike.html)" -eq 0 ]
check "and no common reconstructions" grep -q 'Left out: the runs have different samples' unlike.html

# ---- The data are gone
mv data away
warns "a page without the data" 'one: the page has no figures and no samples' report one --out gone.html
good "a page without the data" gone.html
check "says so" [ "$(grep -c 'Left out: there are no samples' gone.html)" -ge 3 ]
check "still has curves and filters" [ "$(grep -c 'class="chart"' gone.html)" -ge 1 ]
mv away data

# ---- Every variant has a page
"$program" models --json > models.json
for v in $(sed -n 's/^    "name": "\([a-z-]*\)",$/\1/p' models.json); do
    options=
    case $v in
        semi-supervised) options="--hidden 6 --labels 16" ;;
        variational | importance-weighted) options="--layers 6,2" ;;
        convolutional) options="--channels 2,3 --kernel 3 --hidden 4" ;;
        deep | stacked) options="--layers 6,4" ;;
        k-sparse) options="--hidden 6 --k 2" ;;
        *) options="--hidden 6" ;;
    esac
    # shellcheck disable=SC2086
    works "a run of $v" train "$v" $small $options --out "of-$v"
    works "a page of $v" report "of-$v" --threads 1
    good "a page of $v" "of-$v/report.html"
    check "a page of $v has pictures" [ "$(pictures "of-$v/report.html")" -ge 3 ]
done
check "there were variants" [ -e of-variational/report.html ]
check "a random code has samples" grep -q 'id="draws"' of-variational/report.html

# ---- Refusals
mkdir folder
refused "a page over a folder" 'this is a folder' report one --out folder
refused "a page that is none" 'ends in .html' report one --out page.txt
refused "a page over a checkpoint" 'ends in .html' report one --out one/checkpoint.safetensors
refused "a page in no folder" 'nowhere' report one --out nowhere/page.html
refused "a page of compare that is none" 'ends in .html' compare one two --out page.png
refused "a page of no run" 'no run given' report
refused "a page of something else" 'folder' report folder
refused "a seed that draws nothing" 'has no effect' report of-basic --seed 3
refused "other data that are not there" 'absent' report one --data absent
refused "data of another size" 'samples are' report one --data table.csv
check "refusals leave nothing behind" [ -z "$(ls "$TMPDIR")" ]

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
