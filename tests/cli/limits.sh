#!/bin/sh
# limits.sh PROGRAM - --max-memory: what training needs is printed, and held before anything is allocated; every command
# that computes holds the limit.
. "$(dirname "$0")/helpers.sh"

small="--data data --batch 16 --epochs 1"
# shellcheck disable=SC2086
works "train within the limit" train basic $small --hidden 8 --max-memory 500M --out run
check "train prints what it needs" grep -q '^memory [0-9.]* [kM]B: weights .*, moments .*, step .*, data .*, other ' out
for size in 1.5G 900m 2000000k 1e9; do
    # shellcheck disable=SC2086
    works "a size of $size" evaluate run --max-memory $size
done
for size in M -5 5X 5MB 0 "" nan inf 1e300; do
    # shellcheck disable=SC2086
    refused "a size of '$size'" max-memory train basic $small --hidden 8 --out new --max-memory "$size"
done
# shellcheck disable=SC2086
refused "a wide model" hidden train basic $small --hidden 100000 --max-memory 20M --out new
check "the line has the limit" said '20 MB, but training needs [0-9.]* MB: weights'
# shellcheck disable=SC2086
refused "a model that no machine holds" "this machine has" train deep $small --layers 1000000,1000000 --out new
# shellcheck disable=SC2086
refused "a large batch" "lower --batch" train basic --data data --batch 128 --epochs 1 --hidden 8 --max-memory 200k --out new

# fails WHAT ARGUMENTS...: exit status 1 or 2, and one line that has the limit
fails() {
    what=$1
    shift
    "$program" "$@" > out 2> err
    status=$?
    check "$what: fails" [ $status -eq 1 -o $status -eq 2 ]
    check "$what: one line with the limit, not: $(cat err)" [ "$(grep -c 'max-memory allows' err) $(wc -l < err)" = "1 1" ]
}
fails "much data" train basic --data data --hidden 8 --max-memory 12k --out new
check "no folder is made" [ ! -e new ]
fails "evaluate" evaluate run --max-memory 20k
fails "resume" train --resume run --epochs 3 --max-memory 20k
fails "graph" graph basic --hidden 100000 --time --max-memory 30M
"$program" train --resume run --epochs 2 --quiet > out 2> err
check "the run can still go on" [ $? -eq 0 ]
echo "$passed passed, $failed failed"
[ $failed = 0 ]
