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
# A graph that is only drawn takes no memory for its values; --time does, and says how much.
"$program" graph basic --hidden 1000000 > out 2> err
check "a large graph is drawn" [ $? -eq 0 -a "$(head -c 7 out)" = digraph ]
refused "a large graph with --time" "needs [0-9.]* GB of memory: give --max-memory [0-9]*G" graph basic --hidden 1000000 --time
works "a small graph with --time" graph basic --hidden 8 --time

# Files that are larger than the memory are refused before they are read: here they have only a beginning.
large() { # FILE: header on standard input, then nothing up to 4 TB
    cat > "$1"
    truncate -s 4000000000000 "$1"
}
awk 'BEGIN { for (i = 0; i < 8; i++) print "0.25,0.5,0.125,0.75" }' | large large.csv
{ printf '\223NUMPY\001\000\166\000'; printf '%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': (249999999992, 4), }"; } | large large.npy
mkdir large
cp data/*-labels-idx1-ubyte large
bytes 0 0 8 3 59 154 202 0 0 0 0 50 0 0 0 80 | large large/train-images-idx3-ubyte
truncate -s 4000000000016 large/train-images-idx3-ubyte
cp data/t10k-images-idx3-ubyte large
timeout 20 "$program" train basic --data large.npy --hidden 4 --epochs 1 --out new > out 2> err
check "a mapped array of too many samples" [ "$? $(grep -c 'large.npy: has 249999999992 samples, and at most 4294967295 are read' err)" = "1 1" ]
for file in large.csv large; do
    timeout 20 "$program" train basic --data $file --hidden 4 --epochs 1 --out new > out 2> err
    check "$file: exit status" [ $? -eq 1 ]
    check "$file: what it needs, in one line, not: $(cat err)" [ "$(grep -c 'large.*needs about [0-9.]* GB of memory.*this machine has' err) $(wc -l < err)" = "1 1" ]
done
rm -r large large.csv large.npy

works "resume says what it needs" train --resume run --epochs 2
check "the estimate of a resumed run" grep -q '^memory [0-9.]* [kM]B: weights .*, moments .*, step .*, data .*, other ' out
# shellcheck disable=SC2086
works "a sweep within the limit" sweep basic $small --hidden 4,8 --seeds 1 --max-memory 500M --out swept
# shellcheck disable=SC2086
refused "a sweep whose second model is too large" "hidden" sweep basic $small --hidden 4,100000 --seeds 1 --max-memory 20M --out not-swept
"$program" train --resume run --epochs 3 --quiet > out 2> err
check "the run can still go on" [ $? -eq 0 ]
echo "$passed passed, $failed failed"
[ $failed = 0 ]
