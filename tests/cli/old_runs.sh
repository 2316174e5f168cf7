#!/bin/sh
# old_runs.sh - run folders that earlier versions of the program have written (tests/train/old_runs, made by its make.sh)
# still open, evaluate, and go on to the figures that those versions reached.
# shellcheck source=helpers.sh
. "$(dirname "$0")/helpers.sh"

cp -r "$here"/../train/old_runs/* . || exit 2
chmod -R u+w .

# expected NAME FIGURE
expected() { awk -v name="$1" -v figure="$2" '$1 == name && $2 == figure { print $3 }' expected; }
# close A B: they differ by less than one part in a thousand, as other kernels may
close() { awk -v a="$1" -v b="$2" 'BEGIN { d = a - b; s = b < 0 ? -b : b; exit !(a != "" && b != "" && d <= s / 1e3 && d >= -s / 1e3) }'; }
# reaches NAME RUN: the result in run.json has the figures of NAME, and so has an evaluation
reaches() {
    check "$2 is done" grep -q '"status": "done"' "$2/run.json"
    sed -n '/"result"/,/}/p' "$2/run.json" > out
    check "$2: all epochs" [ "$(figure epochs) $(figure steps)" = "$(expected "$1" epochs) $(expected "$1" steps)" ]
    for name in train_loss test_loss squared_error; do
        check "$2: $name is $(figure $name), not $(expected "$1" $name)" close "$(figure $name)" "$(expected "$1" $name)"
    done
    "$program" evaluate "$2" --json > out 2> err
    check "$2 evaluates: $(cat err)" [ $? -eq 0 ]
    check "$2: squared error $(figure squared_error)" close "$(figure squared_error)" "$(expected "$1" squared_error)"
    check "$2: a line for each epoch" [ "$(wc -l < "$2/metrics.jsonl")" -eq "$(expected "$1" epochs)" ]
}
# resumes RUN ARGUMENTS...: exit status 0; every line on standard error begins with the name of the program
resumes() {
    "$program" train --resume "$@" --quiet > out 2> err
    check "$1 is resumed: $(cat err)" [ $? -eq 0 ]
    check "$1: what is said: $(cat err)" [ -z "$(grep -v '^palindrome: ' err)" ]
}

for run in done stopped killed; do
    "$program" run-info $run > out 2> err
    check "$run opens: $(cat err)" [ $? -eq 0 ]
    check "$run has its command" grep -q 'train .*--data table.csv' out
    "$program" evaluate $run --json > out 2> err
    check "$run evaluates: $(cat err)" [ $? -eq 0 ]
    check "$run has a figure" [ -n "$(figure squared_error)" ]
    "$program" encode $run table.csv codes.csv > out 2> err
    check "$run encodes: $(cat err)" [ $? -eq 0 ]
done
reaches done done
refused "a run that is done has nothing to resume" "done is done: to train it longer, give --epochs" train --resume done
for run in stopped killed; do
    resumes $run
    reaches $run $run
done
resumes done --epochs 5
reaches longer done

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
