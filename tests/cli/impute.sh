#!/bin/sh
# impute.sh PROGRAM - tests palindrome infill on tables: what is completed, what stays, the figures of removed cells, and
# what is refused. Works in a temporary folder, on small tables that it makes. Its last line is "N passed, N failed".
. "$(dirname "$0")/helpers.sh"

# x and 2 x + 1, with the city of its sign; every seventh x and every ninth city is missing
awk 'BEGIN { print "name,a,b,city,kind"
    for (i = 0; i < 120; i++) { x = (i * 37 % 120 - 60) / 10 + 0.03
        printf "n%d,%s,%s,%s,%s\n", i, i % 7 == 3 ? "" : x, 2 * x + 1, i % 9 == 2 ? "NA" : (x < 0 ? "Oslo" : "Rome"), i % 3 ? "x" : "y" } }' > table.csv
sed -n '1p;3,40p' table.csv > some.csv
printf 'name,a,b,city,kind\nu,1.50,,Oslo,x\nv,,-9,,y\nw,0.1000000000000000055,2e3,"Rome",x\nz,,,,y\n' > holes.csv
works "a run" train denoising --masking 0.3 --hidden 6 --epochs 150 --batch 16 --data table.csv --id name --label kind --quiet --threads 1 --out mixed

# ---- A table is completed
warns "a table with holes" '1 row without any known cell' infill mixed holes.csv out.csv
check "it says how many cells" grep -q '^out.csv: 6 of 12 cells filled in by once, in 3 rows$' out
check "names of columns" [ "$(sed -n 1p out.csv)" = name,a,b,city,kind ]
check "known cells and labels stay" grep -q '^u,1.5,.*,Oslo,x$' out.csv
check "a row without holes stays" grep -q '^w,0.1,2000,Rome,x$' out.csv
check "known cells beside filled ones stay" grep -q '^v,-*[0-9.]*,-9,[A-Z][a-z]*,y$' out.csv
check "the likeliest category" grep -q '^v,-.*,Oslo,y$' out.csv
check "a row of holes is filled" grep -q '^z,[-0-9.]*,[-0-9.]*,[A-Z][a-z]*,y$' out.csv
"$program" infill mixed - - < holes.csv > piped 2> err
check "by pipes the same" cmp -s piped out.csv
for method in once clamp code; do
    works "$method" infill mixed some.csv $method.csv --method $method
    check "$method leaves no hole" [ "$(grep -c ',,\|NA' $method.csv)" -eq 0 ]
done
works "by default" infill mixed some.csv default.csv
check "the default is once" cmp -s default.csv once.csv
check "one reconstruction is not a fitted code" [ "$(cmp once.csv code.csv | wc -l)" -eq 1 ]
awk -F, 'NR == FNR { line[FNR] = $0; next } FNR > 1 { split(line[FNR], was, ","); split($0, is, ",")
    for (j = 1; j <= 5; j++) if (was[j] != "" && was[j] != "NA" && (j == 2 || j == 3 ? was[j] + 0 != is[j] + 0 : was[j] != is[j])) bad = 1 }
    END { exit bad || FNR != 39 }' some.csv code.csv
check "no known cell changes" [ $? -eq 0 ]
cut -d, -f 2-4 some.csv > part.csv
works "without names and labels" infill mixed part.csv parted.csv
check "the same cells" [ "$(cut -d, -f 2-4 once.csv)" = "$(cat parted.csv)" ]
awk -F, '{ print $4 "," $2 "," $3 }' some.csv > turned.csv
works "columns in another order" infill mixed turned.csv turned-out.csv
check "give the order of the model" cmp -s turned-out.csv parted.csv
works "as an array" infill mixed part.csv parted.npy --json
check "JSON parses" is_json out
check "JSON counts" [ "$(figure missing_cells) $(figure rows)" = "$(grep -o ',,\|NA' some.csv | wc -l) 38" ]
"$program" infill mixed once.csv again.csv > out 2> err # OUT is an input like the first one
check "no hole is said" grep -q 'note: once.csv has no missing cell' err
check "and changes nothing" cmp -s once.csv again.csv
printf 'a,b,city\n1,,Paris\n2,3,Oslo\n' > paris.csv
warns "a word that training did not have" 'words that training did not have' infill mixed paris.csv new.csv
check "counts as missing" grep -q ': 2 of 6 cells' out
works "filled by mean first" infill mixed some.csv mean.csv --fill mean
works "filled by a number first" infill mixed some.csv number.csv --fill 0
check "0 is the default" cmp -s number.csv once.csv

# ---- A model of numbers as they are
awk 'BEGIN { for (i = 0; i < 60; i++) print i % 2 / 2 "," i % 3 / 3 "," i % 5 / 5 "," i % 2 / 4 }' > unit.csv
works "a linear run" train linear --solve svd --data unit.csv --hidden 3 --quiet --out linear
"$program" infill linear unit.csv unit.npy > out 2> err
works "a run of an array" train linear --solve svd --data unit.npy --hidden 3 --quiet --out plain
printf '0.5,0.333,0.2,\n,0.333,0.2,0.25\n' > unit-holes.csv
works "a table for it" infill plain unit-holes.csv unit-out.csv --method clamp --steps 400
check "the last column is half the first" awk -F, '{ d = $4 - $1 / 2; if (d * d > 1e-6) bad = 1 } END { exit bad || NR != 2 }' unit-out.csv

# ---- Removed cells
works "removed cells" infill mixed --remove 0.2 --seed 3
check "there are all rows" [ "$(grep -c '^    \(once\|clamp\|code\|column means\) ' out)" -eq 4 ]
works "as JSON" infill mixed --remove 0.2 --seed 3 --json
check "JSON of removed cells parses" is_json out
check "each column" [ "$(grep -c '"column":' out)" -eq 3 ]
check "a fifth" awk -v r="$(figure removed_cells)" -v k="$(figure known_cells)" 'BEGIN { exit !(r > 0 && r == int(k / 5 + .5)) }'
check "better than the mean" less "$(figure once)" "$(figure column_means)"
mv out first
works "again" infill mixed --remove 0.2 --seed 3 --json
check "the same cells" cmp -s first out
works "another seed" infill mixed --remove 0.2 --seed 4 --json
check "other cells" [ "$(cmp first out | wc -l)" -eq 1 ]
works "one method" infill mixed --remove 0.2 --method code
check "only that one" [ "$(grep -c '^    \(once\|clamp\) ' out)" -eq 0 ]
works "other data" infill mixed --remove 0.2 --data some.csv --split train --id name --label kind
works "data of an array" infill plain --remove 0.5 --json

# ---- Refusals
refused "no OUT" 'no OUT given' infill mixed holes.csv
refused "OUT is IN" 'would be overwritten' infill mixed holes.csv holes.csv
refused "OUT is a picture" 'ending in .csv or .npy' infill mixed holes.csv x.png
refused "OUT is a folder" 'not an array file' infill mixed holes.csv mixed
refused "IN is a folder" 'is a folder: give a table' infill mixed data x.csv
refused "all methods" 'choose once, clamp or code' infill mixed holes.csv x.csv --method all
refused "a rate without code" 'only with --method code' infill mixed holes.csv x.csv --rate 0.1
refused "a format of files" 'names tell their format' infill mixed holes.csv x.csv --format npy
refused "JSON beside a table" 'both use standard output' infill mixed holes.csv - --json
for option in "--half left" "--rectangle 0,0,1,1" "--mask x.npy" "--samples 3" "-o x.png" "--as profile" "--limit 3" "--split test" \
    "--data some.csv" "--remove 0.2"; do
    # shellcheck disable=SC2086
    refused "$option with a table" 'no effect with IN and OUT' infill mixed holes.csv x.csv $option
done
for option in "--half left" "-o x.png" "--samples 3" "--format npy"; do
    # shellcheck disable=SC2086
    refused "$option with removal" 'no effect with --remove' infill mixed --remove 0.2 $option
done
refused "a format without a table" 'only with IN and OUT' infill mixed --format npy
refused "a seed without removal" 'only with --remove' infill mixed --seed 3
refused "nothing removed" 'a share between 0 and 1' infill mixed --remove 0
refused "all removed" 'a share between 0 and 1' infill mixed --remove 1
refused "more than all" 'remove' infill mixed --remove 1.5
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
