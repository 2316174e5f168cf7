#!/bin/sh
# own_verbs.sh PROGRAM - tests what the verbs make of a table of one's own: codes as scikit-learn has them, figures that do
# not depend on who scaled the numbers, names of samples from encode to decode, files without labels, every model on words
# and missing cells. Works in a temporary folder. Its last line is "N passed, N failed".
. "$(dirname "$0")/helpers.sh"

# ---- Codes as by scikit-learn's StandardScaler, OneHotEncoder and PCA (tests/reference/tables.py)
table=$here/../reference/tables.csv
works "principal components of a mixed table" train linear --solve svd --hidden 4 --data "$table" --test "$table" --quiet --out pca
check "the output is that of the model" grep -q '"output": "squared"' pca/run.json
works "its codes" encode pca "$table" codes.csv
paste -d, codes.csv "$here/../reference/tables-codes.csv" > both
check "are scikit-learn's, up to sign" awk -F, '
    { for (j = 1; j <= 4; j++) { a[NR, j] = $j; b[NR, j] = $(j + 4); dot[j] += $j * $(j + 4); m = $(j + 4) < 0 ? -$(j + 4) : $(j + 4); if (m > most) most = m } }
    END { for (i = 1; i <= NR; i++) for (j = 1; j <= 4; j++) { d = a[i, j] - (dot[j] < 0 ? -1 : 1) * b[i, j]; if (d > 1e-6 * most || -d > 1e-6 * most) bad = 1 }
          exit bad || NR != 60 || most < 1 }' both
check "a file that is read twice is noted once" [ "$(grep -o 'columns of numbers' pca/run.json | wc -l)" -eq 1 ]

# ---- Verbs on a table see what they see on numbers that were scaled before: features are not scaled twice
awk 'BEGIN { srand(3); print "a,b,c,d,kind"
    for (i = 0; i < 120; i++) { u = rand(); v = rand(); print 100 + 50 * u "," 0.001 * v "," 7 + u + v "," 2 * u - 3 - v + rand() / 9 "," (u + v > 1 ? "high" : "low") } }' > raw.csv
awk -F, 'NR == 1 { head = $0; next } { for (j = 1; j <= 4; j++) { x[NR, j] = $j; s[j] += $j } k[NR] = $5 }
    END { print head; n = NR - 1
        for (j = 1; j <= 4; j++) { m[j] = s[j] / n; for (i = 2; i <= NR; i++) q[j] += (x[i, j] - m[j]) ^ 2 }
        for (i = 2; i <= NR; i++) { for (j = 1; j <= 4; j++) printf "%.17g,", (x[i, j] - m[j]) / sqrt(q[j] / n); print k[i] } }' raw.csv > scaled.csv
works "numbers in units" train linear --solve svd --hidden 2 --label kind --data raw.csv --test raw.csv --scale standard --quiet --out raw
works "numbers scaled before" train linear --solve svd --hidden 2 --label kind --data scaled.csv --test scaled.csv --scale none --quiet --out scaled
near() { # WHAT FIGURE: both documents have it, and equal to 1e-4 of it
    a=$(sed -n "s/^.*\"$2\": \(-*[0-9.e+-]*\).*/\1/p" raw.json | head -1)
    b=$(sed -n "s/^.*\"$2\": \(-*[0-9.e+-]*\).*/\1/p" scaled.json | head -1)
    if awk -v a="$a" -v b="$b" 'BEGIN { d = a - b; exit !(a != "" && b != "" && d * d <= 1e-8 * a * a) }'; then pass; else fail "$1: $2: $a and $b"; fi
}
for verb in "interpolate" "classify" "geometry" "evaluate"; do
    "$program" $verb raw --json > raw.json 2> err || fail "$verb of units: $(cat err)"
    "$program" $verb scaled --json > scaled.json 2> err || fail "$verb of scaled numbers: $(cat err)"
    case $verb in
    interpolate) near "$verb" code_distance; near "$verb" straight_length; near "$verb" path_length ;;
    classify) near "$verb" error; near "$verb" train_error ;;
    geometry) near "$verb" jacobian_norm; near "$verb" along ;;
    evaluate) near "$verb" squared_error; near "$verb" explained ;;
    esac
done
works "a scatter of units" scatter raw --csv --out plane-raw.svg
works "their codes" encode raw raw.csv codes.csv
tail -n +2 plane-raw.csv | paste -d, - codes.csv > both
check "has the codes" awk -F, '{ d = $1 - $4; e = $2 - $5; if (d * d + e * e > 1e-10) bad = 1; n++ } END { exit bad || n != 120 }' both

# ---- Names of samples: encode writes them beside the codes, and decode reads them there
awk 'BEGIN { print "who,size,town,sea,kind"
    for (i = 0; i < 100; i++)
        print i + 1000 "," (i % 9 ? 150 + i % 3 * 10 + i % 7 : "") "," (i % 11 ? (i % 3 ? "Bonn" : "Oslo") : "") "," (i % 2 ? "yes" : "no") "," (i % 3 ? "low" : "high") }' > towns.csv
columns="--id who --label kind"
works "a table with names" train basic --hidden 3 --epochs 5 --data towns.csv $columns --quiet --out towns
works "codes with names" encode towns towns.csv codes.csv
works "decoded" decode towns codes.csv decoded.csv
works "reconstructed" reconstruct towns towns.csv again.csv
check "are the same table" cmp -s decoded.csv again.csv
"$program" encode towns - - < towns.csv | "$program" decode towns - - > piped.csv 2> err
check "through pipes, too" cmp -s piped.csv again.csv
works "codes as an array" encode towns towns.csv codes.npy
works "decoded from it" decode towns codes.npy bare.csv
cut -d, -f 2- again.csv | cmp -s - bare.csv && pass || fail "without names, the same rows"
sed '3s/,[^,]*$/,/' codes.csv > holes.csv
"$program" decode towns holes.csv none.csv > out 2> err
check "a code with a hole is refused" grep -q 'holes.csv: a number of a code is missing' err

# ---- What the training named and a new file does not have
cut -d, -f 2-4 towns.csv > unseen.csv
for verb in "encode towns unseen.csv new.csv" "detect towns unseen.csv new.csv" "evaluate towns --data unseen.csv" "reconstruct towns unseen.csv new.csv"; do
    works "without names and labels: $verb" $verb
done
sed 's/,low$/,/' towns.csv > partly.csv
works "labels in some rows only" evaluate towns --data partly.csv
sed 's/,low$/,odd/' towns.csv > odd.csv
"$program" evaluate towns --data odd.csv > out 2> err
check "an unknown label is no error" [ $? -eq 0 ]
check "is said in one line" [ "$(grep -c 'label "odd" does not occur in the training data: read without labels' err)" -eq 1 ]
"$program" classify towns --data unseen.csv > out 2> err
check "classify needs labels" grep -q 'unseen has no labels: name them by --label' err
works "an array for a model of numbers" train linear --solve svd --hidden 2 --label kind --data raw.csv --quiet --out numbers
works "its reconstructions as an array" reconstruct numbers raw.csv rows.npy
works "codes of an array by a run with a label" encode numbers rows.npy new.csv

# ---- Columns of one value: the scale is 1, even where the mean of its numbers is rounded
awk 'BEGIN { print "a,b"; for (i = 0; i < 60; i++) print i % 7 ",0.1" }' > constant.csv
works "a constant column" train basic --hidden 2 --epochs 2 --data constant.csv --quiet --out constant
check "is said" grep -q '1 column of equal numbers' constant/run.json
sed 's/0\.1$/0.2/' constant.csv > other.csv
works "another value in it" evaluate constant --data other.csv --json
check "is not blown up" less "$(figure squared_error)" 10

# ---- Every model takes words and missing cells
for model in "basic --hidden 3" "linear --hidden 2" "linear --solve svd --hidden 2" "denoising --hidden 3" "contractive --hidden 3" "sparse --hidden 4" "k-sparse --hidden 4 --k 2" "variational --hidden 2" "importance-weighted --hidden 2" "semi-supervised --hidden 3" "semi-supervised --hidden 3 --training alternate" "stacked --layers 5,3" "deep --layers 5,2"; do
    case $model in *svd*) epochs= ;; *) epochs="--epochs 2" ;; esac
    set -- train $model $epochs --data towns.csv $columns --quiet --out "of-$(echo "$model" | tr -c 'a-z0-9\n' -)"
    case $model in *svd*) warns "$model" 'reads a missing cell as the mean' "$@" ;; *) works "$model" "$@" ;; esac
done

# ---- The name of the data is no path
cp raw.csv alone.csv
works "a run" train linear --solve svd --hidden 2 --label kind --data alone.csv --quiet --out of-alone
refused "the name of the data" 'alone: no such file or folder: the run.s own data are .*alone.csv$' encode of-alone alone codes.npy

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
