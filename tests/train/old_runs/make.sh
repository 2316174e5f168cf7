#!/bin/sh
# make.sh - makes the run folders that stand for those of earlier versions. Run it once, with the program whose format
# is to be kept: make.sh PROGRAM FOLDER. FOLDER is best in memory, so that the signals come between steps and not between
# files. The test "old runs" opens, evaluates and resumes copies of them.
#
#   table.csv    the data: 96 rows of 6 columns, each in a few steps from 0 to 1
#   done         basic, trained to its end
#   stopped      variational with Adam, interrupted in the middle of an epoch
#   killed       stacked, killed in one of its later phases
#   expected     the figures of each run when it is trained to its end, from runs that were not interrupted
# The paths inside are relative: the tests start the program in the folder of the copies.
set -eu
program=$1
mkdir -p "$2"
cd "$2"
awk 'BEGIN {
    print "a,b,c,d,e,f"
    for (i = 0; i < 96; i++) {
        u = (i * 37 % 97) / 96; v = (i * 61 % 89) / 88
        printf "%.2f,%.2f,%.2f,%.2f,%.2f,%.2f\n", u, 1 - u, v, 1 - v, (u + v) / 2, u * v
    }
}' > table.csv

done_run="basic --data table.csv --hidden 3 --epochs 3 --batch 8 --lanes 1"
stopped_run="variational --data table.csv --output squared --layers 5,2 --optimizer adam --samples 100 --epochs 8 --batch 4 --lanes 1"
killed_run="stacked --data table.csv --layers 5,3 --epochs 4 --batch 4 --lanes 1"

# figures NAME RUN: a line "NAME FIGURE VALUE" for each figure of its result
figures() {
    for figure in epochs steps train_loss test_loss squared_error; do
        sed -n "/\"result\"/,/}/s/^ *\"$figure\": \([-0-9.e+]*\),*\$/$1 $figure \1/p" "$2/run.json"
    done
}
# relative RUN: the paths in its run.json become relative
relative() { sed "s|\"$(pwd)/|\"|" "$1/run.json" > text && mv text "$1/run.json"; }
steps() { sed -n 's/^ *"steps": \([0-9]*\),*$/\1/p' "$1/run.json"; }

rm -rf done stopped killed whole expected
# shellcheck disable=SC2086
{
    "$program" train $done_run --quiet --out done 2> said
    for kind in done stopped killed; do
        eval "options=\$${kind}_run"
        rm -rf whole
        "$program" train $options --quiet --out whole 2> said
        figures $kind whole >> expected
    done
    rm -rf whole
    "$program" train $done_run --epochs 5 --quiet --out whole 2> said
    figures longer whole >> expected
    rm -rf whole
    # A training takes a few milliseconds: try until the signal comes in the middle of an epoch that is not the first.
    until grep -qs '"interrupted"' stopped/run.json && [ "$(steps stopped)" -gt 20 ] && [ $(($(steps stopped) % 20)) -ne 0 ]; do
        rm -rf stopped
        "$program" train $stopped_run --quiet --out stopped 2> said &
        while [ ! -s stopped/metrics.jsonl ]; do :; done
        kill -STOP $! || :
        sleep 0.2 # a training looks for signals every 0.1 s, and after each epoch
        kill -INT $! || :
        kill -CONT $! || :
        wait $! || :
    done 2> said
    until grep -qs '"running"' killed/run.json && [ "$(wc -l < killed/metrics.jsonl)" -gt 5 ] && [ "$(ls killed | wc -l)" -eq 3 ]; do
        rm -rf killed
        "$program" train $killed_run --quiet --out killed 2> said &
        while [ ! -s killed/metrics.jsonl ] || [ "$(wc -l < killed/metrics.jsonl)" -le 5 ]; do :; done
        kill -KILL $! || :
        wait $! || :
    done 2> said
}
for run in done stopped killed; do relative $run; done
rm -f said text
