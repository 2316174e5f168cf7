#!/bin/sh
# own_data.sh PROGRAM - tests a table of one's own from training to codes: what was read is said, the model has its scaling, and
# every verb applies it, whatever the order of the columns; splits, labels and missing cells. tests/data/ has the rules.
# Works in a temporary folder. Its last line is "N passed, N failed".
. "$(dirname "$0")/helpers.sh"

# A table of two numbers of unlike scales, a truth, a category, an id and a label; a few cells are missing.
awk 'BEGIN {
    print "name,height,smokes,city,weight,kind"
    split("Bonn Oslo Rome", city, " ")
    for (i = 0; i < 120; i++) {
        k = i % 3 + 1
        height = 150 + k * 10 + i % 7
        weight = (0.0004 + 0.0001 * k + i % 5 / 100000)
        printf "s%d,%s,%s,%s,%.6f,%s\n", i, i % 17 == 3 ? "NA" : height, i % 2 ? "yes" : "no", i % 19 == 5 ? "" : city[k], weight, k < 3 ? "low" : "high"
    }
}' > people.csv
small="--hidden 4 --epochs 40 --quiet"
columns="--id name --label kind"
note() { sed -n 's/^ *"data_note": "\(.*\)",$/\1/p' "$1/run.json"; }
says() { note "$1" | grep -q -e "$2"; }

works "a table" train basic $small --data people.csv $columns --out people
check "its samples are said" says people '100 samples to train, 20 to test; 6 features of 4 columns; 2 classes: high, low'
check "and the draw" says people '20 test samples drawn by seed 1 in proportion to the classes'
check "and the scaling, and the missing cells" says people 'missing.*numbers scaled: standard (default)'
check "the options are kept" grep -q '"label": "kind"' people/run.json
check "the output fits the columns" grep -q '"output": "mixed"' people/run.json

# ---- Every verb applies the scaling
works "codes" encode people people.csv codes.csv
check "have the names of the samples" grep -q '^s119,' codes.csv
awk -F, 'NR == 1 { print "city,weight,kind,name,smokes,height"; next } { print $4 "," $5 "," $6 "," $1 "," $3 "," $2 }' people.csv > order.csv
works "codes of columns in another order" encode people order.csv other.csv
check "are the same, bit for bit" cmp -s codes.csv other.csv
"$program" encode people - stream.csv < order.csv > out 2> err
check "codes from standard input are the same" cmp -s codes.csv stream.csv
works "a reconstruction" reconstruct people people.csv again.csv
check "is a table again" [ "$(head -1 again.csv)" = "name,height,smokes,city,weight" ]
check "in its own units" awk -F, 'NR > 1 && ($2 < 140 || $2 > 200 || $5 > 0.01 || $3 !~ /^(yes|no)$/ || $4 !~ /^(Bonn|Oslo|Rome)$/) { bad = 1 } END { exit bad }' again.csv
works "codes of the reconstruction" encode people again.csv of-again.csv
check "which can be read again" [ "$(wc -l < of-again.csv)" -eq 121 ]
works "codes as numbers" encode people people.csv codes.npy
works "decoded" decode people codes.npy decoded.csv
cut -d, -f2- again.csv | cmp -s - decoded.csv && pass || fail "decode and reconstruct agree"
works "evaluate" evaluate people --json
check "it learned more than the mean sample" awk -F: '/"explained"/ { exit !($2 + 0 > 0.5) }' out
works "evaluate on the whole file" evaluate people --data people.csv --json
check "takes all samples" grep -q '"samples": 120' out
works "evaluate on a drawn part" evaluate people --data people.csv --split test --json
check "takes that part" grep -q '"samples": 20' out
works "classify" classify people --json
works "scatter" scatter people -o scatter.png
works "detect" detect people
check "by the scores of training samples" grep -q 'of the scores of 100 training samples' out
works "report" report people

# ---- Other files
sed 's/Oslo/Lima/' people.csv > lima.csv
"$program" evaluate people --data lima.csv --json > out 2> err
check "a word that training did not have is a warning" grep -q 'warning: lima.csv: .* cells of city with words that training did not have: read as missing' err
cut -d, -f1-4,6 people.csv > narrow.csv
"$program" evaluate people --data narrow.csv > out 2> err
check "a missing column is refused" grep -q 'narrow.csv: weight is missing, but the model was trained on this column' err
sed 's/,low$/,huge/' people.csv > huge.csv
"$program" evaluate people --data huge.csv > out 2> err
check "a label that training did not have is a warning" grep -q 'label "huge" does not occur in the training data' err
cut -d, -f1-5 people.csv > unlabelled.csv
works "samples without the label" evaluate people --data unlabelled.csv --json

# ---- Splits
works "validation samples" train basic $small --data people.csv $columns --validation 0.2 --test 30 --split-seed 7 --out watched
check "are drawn from the rest" says watched '72 samples to train, 18 for validation.*30 test samples.*18 validation samples drawn by seed 7'
works "the same draw" train basic $small --seed 5 --data people.csv $columns --validation 0.2 --test 30 --split-seed 7 --out watched-2
check "does not depend on the seed of the training" [ "$(grep -A4 fingerprint watched/run.json | tail -3)" = "$(grep -A4 fingerprint watched-2/run.json | tail -3)" ]
works "evaluate its validation samples" evaluate watched --split validation --json
check "all of them" grep -q '"samples": 18' out
works "detect" detect watched
check "by the scores of its validation samples" grep -q 'of the scores of 18 validation samples' out
head -61 people.csv > first.csv
(head -1 people.csv; tail -60 people.csv) > last.csv
works "a file of test samples" train basic $small --data first.csv --test last.csv $columns --out given
check "is used as it is" says given '60 samples to train, 60 to test'
refused "test samples of a folder that has its own" "has test samples of its own" train basic --data data --test 0.2 --out new
"$program" evaluate people --data unlabelled.csv --label kind > out 2> err
check "a label that is asked for must be there" grep -q 'label kind: there is no such column' err
for share in 1.5 -1 -0.1; do
    refused "a share of $share" "validation $share: give a share below 1, a whole number of samples, or a file" train basic --data people.csv $columns --validation=$share --out new
done
refused "a label that is no column" "there is no such column" train basic --data people.csv --label sort --out new
works "one class alone" train basic $small --data people.csv $columns --only high --out high
check "is a third" says high '33 samples to train\|34 samples to train'
refused "a class that is not there" "no training sample has a label" train basic --data people.csv $columns --only tall --out new
refused "an option of other data" "has no effect with people.csv, which is a text table" train basic --data people.csv --layout channels-last --out new

# ---- Scaling
for scale in none minmax robust; do
    works "scale $scale" train basic --hidden 2 --epochs 1 --quiet --data people.csv $columns --scale $scale --out "scale-$scale"
    check "is said" says "scale-$scale" "numbers scaled: $scale"
done
cut -d, -f2,5 people.csv | grep -v NA > numbers.csv
works "an output of 0 to 1" train basic $small --data numbers.csv --output bernoulli --out unit
check "follows it" says unit "numbers scaled: minmax (follows the output)"
works "a model of shares" train basic --data data --limit 64 --hidden 3 --epochs 1 --quiet --out shares
awk 'BEGIN { for (i = 0; i < 8; i++) for (j = 0; j < 64; j++) printf "%d%s", i + j % 9, j < 63 ? "," : "\n" }' > tens.csv
for verb in evaluate reconstruct scatter detect; do
    refused "$verb of values beyond 1" "tens: values from 0 to 15, but --output bernoulli needs 0 to 1" $verb shares --data tens.csv
done
works "a short training" train basic --hidden 4 --epochs 2 --quiet --data people.csv $columns --out longer
works "that is resumed" train --resume longer --epochs 4 --quiet
works "as long at once" train basic --hidden 4 --epochs 4 --quiet --data people.csv $columns --out at-once
"$program" encode longer people.csv a.npy > /dev/null && "$program" encode at-once people.csv b.npy > /dev/null
check "gives the same bits" cmp -s a.npy b.npy
works "trained like it" train --like people --epochs 2 --quiet --out like
check "on the same samples" [ "$(grep -A4 fingerprint like/run.json | tail -4)" = "$(grep -A4 fingerprint people/run.json | tail -4)" ]
check "with the same scaling" grep -q '"scale": "standard"' like/run.json
works "a sweep with flags" sweep basic --hidden 2,3 --seeds 1 --epochs 1 --portable --keep-best --data people.csv $columns --quiet --out flagged
works "a sweep" sweep basic --hidden 2,3 --seeds 1 --epochs 2 --data people.csv $columns --quiet --out swept

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
