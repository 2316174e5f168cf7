#!/bin/sh
# tables.sh PROGRAM - tests how the verbs read tables and arrays that other programs wrote: what is decided is said, what
# cannot be read is refused in one line, and no row is lost. tests/data/test_tables.c and test_npy_types.c have the rules.
# Works in a temporary folder. Its last line is "N passed, N failed".
. "$(dirname "$0")/helpers.sh"

rows() { awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++) printf "%g,%g,%g\n", (i + 1) % 7 / 7, (i + 1) % 5 / 5, (i + 1) % 11 / 11 }'; }
rows 30 > plain.csv
small="--batch 5 --hidden 2 --epochs 1 --lanes 2 --quiet"
works "a plain table" train basic $small --data plain.csv --out plain
check "its note is in run.json" grep -q '"data_note": "25 samples to train, 5 to test; 3 features; no header line' plain/run.json
samples() { sed -n 's/^ *"\(train\|test\)_samples": \([0-9][0-9]*\).*/\2/p' "$1/run.json" | tr '\n' ' '; }
check "30 rows are 30 samples" [ "$(samples plain)" = "25 5 " ]

# The same table as other programs write it. Each gives the same model, bit for bit, and the same codes.
works "codes of the plain table" encode plain plain.csv plain.npy
rewrite() { # NAME NOTE: a file named NAME is read like plain.csv, and its note contains NOTE
    works "$1" train basic $small --data "$1" --out "run-$1"
    check "$1 has all samples" [ "$(samples "run-$1")" = "25 5 " ]
    works "codes by the run of $1" encode "run-$1" plain.csv same.npy
    check "$1 gives the same weights" cmp -s plain.npy same.npy
    if grep -q "\"data_note\": \".*$2" "run-$1/run.json"; then pass; else fail "$1: $(grep data_note "run-$1/run.json")"; fi
    works "codes of $1" encode plain "$1" codes.npy
    check "$1 gives the same codes" cmp -s plain.npy codes.npy
    works "evaluate on $1" evaluate plain --data "$1" --json
    check "evaluate counts the samples of $1" grep -q '"samples": 30' out
}
(echo a,b,c; cat plain.csv) > header.csv
rewrite header.csv "line 1 names the columns"
(echo ,a,b,c; awk '{ print NR - 1 "," $0 }' plain.csv) > pandas.csv
rewrite pandas.csv "column 1 left out: it has no name and counts, so it is an index"
(echo '"a" "b" "c"'; tr , ' ' < plain.csv | awk '{ print "\"" NR "\" " $0 }') > r.txt
rewrite r.txt "blanks separate; column 1 left out"
(printf '\357\273\277"x, 1";b;c\r\n'; sed 's/,/;/g; s/\./,/g; s/$/\r/' plain.csv) > german.csv
rewrite german.csv "semicolons separate; decimal commas"
tr ',\n' '\t\r' < plain.csv > mac.tsv
rewrite mac.tsv "no header line (if line 1 is one: --header yes); tabs separate"
(cat plain.csv; echo ,,; echo) | sed '$!s/$/,/' > commas.dat
rewrite commas.dat "the separator at the end of each line left out; 1 line without values at the end left out"
sed 's/\([^,]*\)/"\1"/g' plain.csv > quoted.data
rewrite quoted.data "no header line"

# ---- What is said
works "a table with an index" train basic --batch 5 --hidden 2 --epochs 1 --data pandas.csv --out said
check "training says how it read the table" grep -q 'line 1 names the columns.*column 1 left out' out
works "run-info of it" run-info said
check "run-info says it, too" grep -q '^  read as  .*line 1 names the columns' out
works "training as JSON" train basic $small --data pandas.csv --out said-2 --json
check "JSON says it, too" grep -q '"data_note": ".*line 1 names the columns.*column 1 left out' out
printf '1,5\n2,5\n3,5\n4,5\n' > comma.csv
works "what may be decimal commas" train linear --epochs 1 --data comma.csv --out comma
check "is said" grep -q '"1,5" in line 1 is read as two columns: if it is a decimal comma, write a point' out
printf '\223NUMPY\1\0\103\0{"descr":"<i2","fortran_order":True,"shape":(4,3,2,2),}           \n' > whole.npy
awk 'BEGIN { for (i = 0; i < 48; i++) printf "\\%03o\\000", i % 5 }' > text
printf "$(cat text)" >> whole.npy
works "an array of another type" train linear --epochs 1 --data whole.npy --layout channels-first --out whole
check "says its type and axes" grep -q 'int16 from 0 to 4.*Fortran order; images of 2 x 2 with 3 channels, channels first' out

# ---- What is refused: exit status 1, one line with the file, the place and the remedy; no run folder
unread() { # NEEDLE TEXT: a table.csv of this text is refused by each verb that reads tables
    printf "$2" > table.csv
    for verb in "train basic --data" "evaluate plain --data" "infill plain --half left --out x.png --data" \
        "encode plain" "reconstruct plain"; do
        set -- "$1" "$2" $verb table.csv
        case "$verb" in encode* | reconstruct*) set -- "$@" new.npy ;; esac
        needle=$1
        shift 2
        "$program" "$@" > out 2> err
        status=$?
        if [ $status -ne 1 ]; then fail "$verb, $needle: exit status $status"
        elif [ "$(wc -l < err)" -ne 1 ]; then fail "$verb, $needle: $(wc -l < err) lines on standard error"
        elif ! grep -qF -e "table.csv: $needle" err; then fail "$verb, $needle: $(cat err)"
        elif [ -s out ] || [ -e runs ] || [ -e new.npy ]; then fail "$verb, $needle: something was written"
        else pass
        fi
        set -- "$needle" ""
    done
}
unread 'line 1, column 1: "$5.1" has a sign' '$5.1,3.5,1.4\n4.9,3.0,1.4\n4.7,3.2,1.3\n'
unread 'line 3, column 3 (c): "setosa" is text, but line 2 has the number 3: mend the cell, or say --category c' 'a,b,c\n1,2,3\n1,2,setosa\n'
unread 'line 3 is empty, expected a row: remove the line' 'a,b,c\n1,2,3\n\n1,2,3\n'

# ---- Missing cells are no samples less
for first in NA ''; do
    printf "$first,0.5,0.4\n0.9,0.3,0.4\n0.7,0.2,0.3\n0.7,0.1,0.2\n" > missing.csv
    works "a first line with the cell '$first'" train basic --hidden 2 --epochs 1 --quiet --data missing.csv --out "missing$first"
    check "is a sample with a missing cell" grep -q '"data_note": "3 samples to train, 1 to test; 3 features; no header line.*1 cell missing in 1 column' "missing$first/run.json"
    works "it is encoded" encode "missing$first" missing.csv -
    check "with all samples" [ "$(wc -l < out)" -eq 4 ]
done

refused "standard input as a data set" "not read from standard input: write it to a file" train basic --data - --out new

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
