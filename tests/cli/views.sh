#!/bin/sh
# views.sh PROGRAM - tests what pictures show: lines of a table as profiles and images as images, --as, the shares of the
# variance of linear models, and the codes that sample decodes. Works in a temporary folder, on small data that it makes.
# Its last line is "N passed, N failed".
. "$(dirname "$0")/helpers.sh"
# table COLUMNS: correlated numbers
table() {
    awk -v d="$1" 'BEGIN { for (i = 0; i < 60; i++) for (j = 0; j < d; j++)
        printf "%.4f%s", sin(i * 1.7) * (j + 1) + cos(i * 0.9) * (d - j) + 0.1 * sin(i * j + 3), j + 1 < d ? "," : "\n" }'
}
table 4 > four.csv
table 1 > one.csv
table 64 > square.csv
works "a linear model of a table" train linear --solve svd --hidden 3 --data four.csv --quiet --out four
works "a linear model of one column" train linear --solve svd --hidden 1 --data one.csv --quiet --out one
works "a linear model of 64 columns" train linear --solve svd --hidden 2 --data square.csv --quiet --out square
works "a model of images" train linear --hidden 4 --epochs 2 --data data --batch 16 --quiet --out images

# ---- Profiles have no pixels, so that an SVG of them contains no image
pixels() { grep -q '<image' "$1"; }
lines() { grep -q '</svg>' "$1" && ! grep -q '<image' "$1"; }
draws() { # lines|pixels VERB ARGUMENTS...
    shown=$1
    shift
    rm -f picture.svg
    works "$*" "$@" --out picture.svg
    check "$* draws $shown" "$shown" "$([ "$1" = geometry ] && echo picture-tangents.svg || echo picture.svg)"
}
each() { # lines|pixels RUN ARGUMENTS...: with every verb that draws samples
    view=$1
    run=$2
    shift 2
    draws "$view" reconstruct $run --samples 3 "$@"
    draws "$view" denoise $run --corruption gaussian --sigma 0.1 --limit 5 "$@"
    draws "$view" infill $run --half right --method once "$@"
    draws "$view" interpolate $run --from 0 --to 1 --steps 3 --pixels "$@"
    draws "$view" filters $run "$@"
    draws "$view" filters $run --prototypes "$@"
    draws "$view" geometry $run --samples 4 --images 2 --neighbours 2 "$@"
}
each lines four
each pixels four --as 2x2
each pixels images
each lines images --as profile
draws pixels reconstruct square
draws lines reconstruct square --as profile
draws pixels reconstruct square --as 4x4x4
draws lines reconstruct one
refused "a view of another size" '--as 2x3: that is 6 numbers, but a sample has 4' reconstruct four --as 2x3
for wrong in square 0x4 2x2x 2x-2 2y2 4 ''; do
    refused "--as '$wrong'" '--as' filters four --as "$wrong"
done
refused "the upper half of a line" 'choose left or right' infill four --half top
refused "a rectangle outside a line" 'not inside a line of 1 x 4' infill four --rectangle 1,0,1,1
refused "a sample of one number without it" 'a single number' infill one

# ---- Shares of the variance
works "filters of the closed form" filters four
check "the first component is first" [ "$(awk '$3 == "%" { print $1; exit }' out)" = 1 ]
check "shares fall" awk '$3 == "%" { if (seen && $2 > last) exit 1; last = $2; seen = 1 } END { exit !seen }' out
check "and add up" awk '$3 == "%" { sum += $2; if (sum - $4 > 0.02 || $4 - sum > 0.02) exit 1 }' out
check "a plot of them is beside the filters" is_png four/filters-variance.png
works "filters of the closed form as JSON" filters four --json
check "JSON parses" is_json out
check "JSON has the shares" grep -q '"explained_variance"' out
works "filters of two linear models" filters four images -o both.png
check "shares of two models are in one plot" is_png both-variance.png
check "units of descent come by their share" awk '/descent|images/ { on = 1 } on && $3 == "%" {
    if (seen && $2 > last) exit 1; last = $2; seen = 1 } END { exit !seen }' out
mv four.csv away.csv
warns "filters without the training data" 'four: no shares of the variance, the training data cannot be read' filters four -o without.png
check "make a picture" is_png without.png
check "and no plot" [ ! -e without-variance.png ]
mv away.csv four.csv
works "a model that is not linear" train basic --hidden 3 --epochs 1 --data data --batch 16 --quiet --out basic
works "its filters" filters basic
check "have no shares" [ "$(cat out)" = basic/filters.png ]

# ---- Samples of the prior
kind() { # KIND RUN ARGUMENTS...
    wanted=$1
    shift
    works "sample $*" sample "$@" --json
    check "sample $* draws the $wanted" grep -q "\"kind\": \"$wanted\"" out
}
prior() { # RUN ARGUMENTS...
    run=$1
    shift
    works "a model with a prior: $*" train variational --layers "12,$@" --epochs 1 --data data --batch 16 --quiet --out $run
}
prior line 1
prior plane 2
prior cloud 3
prior choice 5 --code categorical
prior bits 2 --code bernoulli
prior bytes 8 --code bernoulli
kind line line
kind line line --steps 3
kind draws line --samples 3
kind plane plane
kind draws cloud
kind each choice
kind draws choice --samples 7
kind each bits
kind draws bytes
kind each choice --as profile
refused "a line of coins" 'give --samples' sample bits --steps 3
refused "a line of three numbers" 'normal of size 3: give --samples' sample cloud --steps 3
mv data away
warns "every choice without the test samples" 'no shares of the codes' sample choice -o choices.png
check "makes a picture" is_png choices.png
works "a line without the test samples" sample line -o line.png

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
