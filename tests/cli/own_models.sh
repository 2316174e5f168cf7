#!/bin/sh
# own_models.sh PROGRAM OBJECT - tests models of a loaded object that say little about themselves: what the verbs print
# about them, and what is said where the object is missing. OBJECT: the shared object made of checked_variants.c.
object=$(cd "$(dirname "$2")" && pwd)/$(basename "$2") || exit 2
set -- "$1"
# shellcheck source=tests/cli/helpers.sh
. "$(dirname "$0")/helpers.sh"
cp "$object" "my models.so"
small="--data data --batch 16 --epochs 1 --hidden 4 --quiet"

# ---- What is printed about a model without alias, formula and source
works "a list with them" models --load "./my models.so"
check "they are on it" grep -q '^right   *for tests$' out
works "one of them" models right --load "./my models.so"
check "its name and summary alone" [ "$(head -n 1 out)" = "right: for tests" ]
check "no formula, no source, no defaults" [ "$(grep -c '^\(Formula\|Source\|Defaults of training\)$' out)" -eq 0 ]
works "the options of another" models choosy --load "./my models.so"
check "choices are listed" grep -q 'plain|refused|broken' out
works "as JSON" models choosy --json --load "./my models.so"
check "JSON parses" is_json out
check "what is not there is null" [ "$(grep -c '"\(alias\|formula\|source\)": null' out)" -eq 3 ]
works "its help" help right --load "./my models.so"
works "its graph" graph right --load "./my models.so"
refused "a model of no object" 'no model is called nosuch' models nosuch --load "./my models.so"

# ---- Runs
# shellcheck disable=SC2086
works "a run of it" train right $small --out mine --load "./my models.so"
works "evaluated" evaluate mine --load "./my models.so"
"$program" evaluate mine > out 2> err
check "without the object: status 1" [ $? -eq 1 ]
check "without the object: it says how" [ "$(grep -c "mine: no model is called right: load it as in training, with --load './my models.so'\$" err) $(wc -l < err)" = "1 1" ]
sed -i 's/--load [^ ]* *[^ ]*so[^ ]* //' mine/run.json
sed -i 's/"command": .*/"command": "palindrome train right",/' mine/run.json
"$program" evaluate mine > out 2> err
check "without the command: it says what is needed" [ "$(grep -c 'mine: no model is called right: load your own model with --load FILE$' err) $(wc -l < err)" = "1 1" ]
works "run-info needs no object" run-info mine

# ---- Objects that cannot be loaded
refused "no such object" '^palindrome: --load ./nowhere.so: .*No such file' models --load ./nowhere.so
echo text > text.so
refused "no object at all" '^palindrome: --load ./text.so: ' models --load ./text.so
refused "no file" '--load' models --load

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
