#!/bin/sh
# detect.sh PROGRAM - tests palindrome detect: its scores against what reconstruct gives, every option, what is refused,
# and that rows from standard input get what a file gets. Works in a temporary folder, on small data that it makes. Its
# last line is "N passed, N failed".
. "$(dirname "$0")/helpers.sh"
small="--data data --batch 16 --epochs 2 --quiet --threads 1"
awk 'BEGIN { for (i = 0; i < 60; i++) print i % 2 / 2 "," i % 3 / 3 "," i % 5 / 5 "," i % 7 / 7 }' > rows.csv
works "a run" train basic $small --hidden 4 --out basic
works "a run with a random code" train variational $small --hidden 2 --binarize dynamic --out random
works "a run with a density" train variational $small --hidden 2 --output gaussian --out density
works "a run that loses nothing" train linear --solve svd --tied yes --data rows.csv --hidden 4 --quiet --out whole
works "a run of three units" train linear --solve svd --data rows.csv --hidden 3 --quiet --out three

# ---- Scores
works "a table" detect three rows.csv scores.csv
check "a line per sample" [ "$(wc -l < scores.csv)" -eq 61 ]
check "the columns" grep -q '^sample,score,flag,feature_1,contribution_1,feature_2,contribution_2,feature_3,contribution_3$' scores.csv
works "the reconstructions" reconstruct three rows.csv mended.csv
paste -d, rows.csv mended.csv scores.csv | awk -F, 'NR <= 60 { s = 0; for (i = 1; i <= 4; i++) s += ($i - $(i + 4)) ^ 2
    print s }' > squares
tail -n +2 scores.csv | cut -d, -f 2 | paste -d, squares - > both
check "scores are squared errors" awk -F, '{ d = $1 - $2; if (d * d > 1e-12) bad = 1 } END { exit bad }' both
works "all features" detect three rows.csv all.csv --features 4 --threshold 0.001
check "contributions add up" awk -F, 'NR > 1 { d = $2 - $5 - $7 - $9 - $11; if (d * d > 1e-12 || $5 < $7 || $7 < $9 || $9 < $11) bad = 1 }
    END { exit bad }' all.csv
check "flags follow the threshold" awk -F, 'NR > 1 && $3 != ($2 > 0.001) { bad = 1 } END { exit bad }' all.csv
works "more features than there are" detect three rows.csv more.csv --features 1000 --threshold 0.001
check "are all of them" cmp -s more.csv all.csv
works "no features" detect three rows.csv none.csv --features 0
check "have no columns" [ "$(head -n 1 none.csv)" = sample,score,flag ]
works "as an array" detect three rows.csv scores.npy
works "as JSON" detect three rows.csv scores.csv --json
check "JSON parses" is_json out
check "JSON has the score" grep -q '"score": "squared-error"' out
for score in squared-error likelihood latent bound; do
    works "score $score" detect density --score $score
    check "score $score is said" grep -q ": $score of 37 samples of data" out
done
works "by the model: a code that loses nothing" detect whole rows.csv
check "is latent" grep -q ': latent of 60' out
works "by the model: a random code" detect random
check "is likelihood" grep -q ': likelihood of 37' out
works "draws" detect density --score bound --draws 5 --seed 3 --json
mv out five
works "draws again" detect density --score bound --draws 5 --seed 3 --json
check "the same draws" cmp -s five out
works "another seed" detect density --score bound --draws 5 --seed 4 --json
check "other draws" [ "$(cmp five out | wc -l)" -eq 1 ]
works "without shrinking" detect whole rows.csv plain.csv --score latent --shrink 0
works "shrunk" detect whole rows.csv shrunk.csv --score latent --shrink 1
check "shrinking matters" [ "$(cmp plain.csv shrunk.csv | wc -l)" -eq 1 ]

# ---- Thresholds
works "a quantile" detect basic --quantile 0.9
check "of training samples where test samples are scored" grep -q 'quantile 0.9 of the scores of 128 training samples' out
works "calibrated" detect basic --calibrate test
check "as asked" grep -q 'of the scores of 37 test samples' out
works "a file" detect three rows.csv
check "is compared with test samples" grep -q 'of the scores of 10 test samples' out
works "a contamination" detect three rows.csv ten.csv --contamination 0.1 --json
check "a tenth at most is flagged" less "$(figure flagged)" 7
works "best F1" detect basic --normal 0,1 --best-f1
check "best F1 is said" grep -q 'the best F1 by the labels' out

# ---- Labels
works "figures" detect basic --normal 0,1,2,3 --plot curves.png --csv
check "figures: AUROC" grep -q '^ *AUROC  *[01]\.[0-9]*$' out
check "figures: a picture" is_png curves.png
check "figures: its numbers" grep -q '^threshold,false_rate,recall,precision$' curves.csv
works "figures by odd classes" detect basic --odd 4,5,6,7 --json
area=$(figure auroc)
works "figures by normal classes" detect basic --normal 0,1,2,3 --json
check "are the same" [ "$(figure auroc)" = "$area" ]
works "training samples" detect basic --split train --limit 100 --normal 0
check "as many as asked" grep -q 'of 100 samples' out
works "a folder as IN" detect basic data other.csv --normal 0
check "has labels" grep -q AUROC out
works "without --normal" detect basic
check "says what is missing" grep -q 'name the classes that are not odd with --normal' out
works "a short table" detect basic --worst 2 --features 1
check "has two samples" [ "$(grep -c '^ *[0-9][0-9]*  *[0-9.]*  *[0-9]*: ' out)" -eq 2 ]

# ---- Standard input and output
works "to standard output" detect three rows.csv -
tail -n +2 scores.csv > want
tail -n +2 out > found
check "as in a file" cmp -s want found
check "rows as they come" [ "$("$program" detect three - - < rows.csv | cksum)" = "$(cksum < scores.csv)" ]
works "rows to a file" detect three - streamed.csv < rows.csv
check "the same file" cmp -s streamed.csv scores.csv
{ echo "a;b;c;d"; tr ',' ';' < rows.csv; echo; } > named
works "a header and semicolons" detect three - streamed.csv < named
check "the same scores" cmp -s streamed.csv scores.csv
tr ',' ' ' < rows.csv | sed 's/$/\r/' > blanks
works "blanks and carriage returns" detect three - streamed.csv < blanks
check "again the same" cmp -s streamed.csv scores.csv
works "rows for the table" detect three - < rows.csv
check "a table of rows" grep -q 'squared-error of 60 samples of standard input' out
: > slow
{ head -n 2 rows.csv; sleep 1; tail -n 1 rows.csv; } | "$program" detect three - - > slow &
pid=$!
tries=0
while [ "$(wc -l < slow)" -lt 3 ] && [ $tries -lt 90 ]; do sleep 0.01; tries=$((tries + 1)); done
check "slow rows are answered at once" [ "$(wc -l < slow)" -eq 3 ]
wait $pid
check "all slow rows" [ "$(wc -l < slow)" -eq 4 ]
works "an array of rows" reconstruct three rows.csv mended.npy
works "an array as a file" detect three mended.npy mended-scores.csv --limit 20
works "an array on standard input" detect three - piped.csv --format npy --limit 20 < mended.npy
check "has the same scores" cmp -s piped.csv mended-scores.csv
check "of as many samples as asked" [ "$(wc -l < piped.csv)" -eq 21 ]
refused_in() { # WHAT MENTIONED INPUT ARGUMENTS...: exit status 1, one line that contains MENTIONED
    what=$1
    word=$2
    printf "$3" > given
    shift 3
    "$program" "$@" < given > out 2> err
    status=$?
    if [ $status -ne 1 ] || [ "$(wc -l < err)" -ne 1 ] || ! grep -q -e "$word" err; then fail "$what: $status: $(cat err)"
    else pass
    fi
}
refused_in "a word in a row" "line 2, column 3: 'x'" '1,2,3,4\n1,2,x,4\n' detect three - none-of-it.csv
refused_in "infinity" "line 1, column 4: 'inf'" '1,2,3,inf\n' detect three - none-of-it.csv
refused_in "too few columns" 'line 2 has 3 columns, but the run takes 4 features' '1,2,3,4\n1,2,3\n' detect three - none-of-it.csv
refused_in "too many columns" 'line 1 has 5 columns' '1,2,3,4,5\n' detect three - none-of-it.csv
refused_in "nothing" 'standard input: no rows' '' detect three - none-of-it.csv
refused_in "a header alone" 'standard input: no rows' 'a,b,c,d\n' detect three - none-of-it.csv
check "nothing is left of refused rows" [ ! -e none-of-it.csv ]

# ---- A table: words, missing cells, names of samples, and rows of standard input as in its file
awk 'BEGIN {
    print "name,size,town,sea,load"
    split("Bonn Oslo \"Rome, Lazio\"", town, " ")
    town[3] = "\"Rome, Lazio\""
    for (i = 0; i < 90; i++)
        print "r" i "," (i % 11 ? 150 + i % 3 * 10 + i % 7 : "NA") "," (i % 13 ? town[i % 3 + 1] : "") "," (i % 2 ? "yes" : "no") "," (0.0004 + i % 5 / 100000)
}' > towns.csv
works "a table" train basic --data towns.csv --id name --hidden 3 --epochs 30 --quiet --out towns
works "its scores" detect towns towns.csv by-file.csv --features 9
check "names of samples and features" grep -q '^id,sample,score,flag,feature_1' by-file.csv
check "a word of a column" grep -q '"town=Rome, Lazio"' by-file.csv
check "a missing cell has no part in a score" awk -F, '$1 == "r11" { for (i = 5; i < NF; i += 2) if ($i == "size" && $(i + 1) != 0) bad = 1; seen = 1 }
    END { exit bad || !seen }' by-file.csv
works "the table of its worst" detect towns towns.csv
check "has names, too" grep -q ' r[0-9]* .*size: [0-9]' out
works "as JSON" detect towns towns.csv --json
check "JSON has them" grep -q '"name": "size"' out
cut -d, -f 2- by-file.csv > want
works "its rows" detect towns - by-row.csv --features 9 < towns.csv
check "get what the file gets" cmp -s want by-row.csv
sed 's/"Rome, Lazio"/Rome| Lazio/' towns.csv | awk -F, 'BEGIN { OFS = ";" } { print $5, $3, $2, $4 }' | sed '1!s/\./,/; s/Rome| Lazio/"Rome, Lazio"/' > moved
works "in another order, with decimal commas" detect towns - by-row.csv --features 9 < moved
check "again the same" cmp -s want by-row.csv
tail -n +2 towns.csv | sed 's/^[^,]*,//' > bare
works "without names" detect towns - by-row.csv --features 9 < bare
check "in the order of training" cmp -s want by-row.csv
sed 's/Oslo/Lima/' towns.csv > lima.csv
"$program" detect towns - by-row.csv < lima.csv > out 2> err
check "an unknown word is said once" grep -q "line 3, town: 'Lima' is a word that training did not have" err
check "in one line" [ "$(wc -l < err)" -eq 1 ]
refused_in "a column that is not there" 'names no column load' 'size,town,sea\n1,Oslo,yes\n' detect towns - none-of-it.csv
refused_in "a word for a number" "line 2, size: 'tall' is not a finite number" 'size,town,sea,load\ntall,Oslo,yes,1\n' detect towns - none-of-it.csv
refused_in "more cells than columns" 'a first line that names them' 'r1,1,Oslo,yes,1\n' detect towns - none-of-it.csv
check "nothing is left of refused rows" [ ! -e none-of-it.csv ]
awk 'BEGIN { print "a,b,y"; for (i = 0; i < 60; i++) print i % 7 "," i % 5 "," i % 3 - 1 }' > signs.csv
works "labels -1, 0 and 1" train basic --data signs.csv --label y --test signs.csv --hidden 2 --epochs 1 --quiet --out signs
works "a class called 0" detect signs --normal 0,1 --json
check "is not the first one" grep -q '"odd": 20' out
awk -F, 'NR == 1 || $3 != 0' signs.csv > two.csv
works "two classes" train basic --data two.csv --label y --test two.csv --hidden 2 --epochs 1 --quiet --out two
works "the first is normal" detect two
check "by its name" grep -q 'odd: all but class -1: 20 of 40' out

# ---- Refusals
refused "no run" 'no run given' detect
refused "two thresholds" 'exclude each other' detect basic --threshold 1 --quantile 0.5
refused "two kinds of classes" 'exclude each other' detect basic --normal 0 --odd 1
refused "calibrate without quantile" 'only with --quantile' detect basic --threshold 1 --calibrate test
refused "a quantile above 1" 'quantile' detect basic --quantile 1.5
refused "an unknown score" 'score' detect basic --score other
refused "a bound without a random code" 'is not random' detect basic --score bound
refused "a likelihood of squared errors" 'choose the score squared-error' detect three rows.csv --score likelihood
refused "shrink without latent" '--shrink has an effect only with --score latent' detect basic --shrink 0.5
refused "draws without bound" '--draws has an effect only with --score bound' detect basic --draws 5
refused "a class that is not there" 'has no class 9' detect basic --normal 9
refused "classes without labels" 'has no labels' detect three rows.csv --normal 0
refused "best F1 without labels" 'needs labels' detect three rows.csv --best-f1
refused "best F1 without classes" '--normal' detect basic --best-f1
refused "numbers without a plot" 'plot' detect basic --csv
refused "another picture" 'choose a name ending in' detect basic --normal 0 --plot curves.gif
refused "another output" 'not an array file' detect three rows.csv scores.txt
refused "the input as output" 'would be overwritten' detect three rows.csv rows.csv
refused "two outputs of one name" 'both.csv would hold the scores and the numbers of the plot' \
    detect three rows.csv both.csv --normal 0 --plot both.png --csv
refused "data and IN" 'leave out --data' detect three rows.csv --data rows.csv
refused "JSON and standard output" 'both use standard output' detect three rows.csv - --json
refused "a format of files" '--format is for standard input and output' detect three rows.csv --format npy
refused "a contamination of rows" 'one after the other' detect three - - --contamination 0.1
refused "a limit of rows" 'one after the other' detect three - - --limit 3
refused "rows to an array" 'choose a .csv file' detect three - scores.npy
refused "a split of a file" 'is not a folder' detect three rows.csv --split train
refused "samples of another shape" 'give samples of 64 features' detect basic rows.csv

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
