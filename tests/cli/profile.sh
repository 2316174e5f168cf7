#!/bin/sh
# profile.sh PROGRAM - where `palindrome train --profile` says that the time of a step goes, and what `palindrome graph
# --plan` prints of the passes of the compiler.
# shellcheck source=tests/cli/helpers.sh
. "$(dirname "$0")/helpers.sh"

# ---- train --profile
set -- --data data --hidden 8 --optimizer adam --epochs 3 --seed 5
works "a training" train basic "$@" --out plain
works "the same with its profile" train basic "$@" --profile --out profiled
cp out table
check "no bit of the weights differs" cmp -s plain/checkpoint.safetensors profiled/checkpoint.safetensors
check "it says how many steps it has" grep -Eq '^  profile of [0-9]+ steps, [0-9.]+ us each; the threads wait for each other [0-9]+ times in a step$' table
check "it says what the machine can do" \
    grep -Eq '^  roofline: [0-9]+ GFLOP/s of multiply-adds in float32, [0-9.]+ GB/s of copies within the 1.0 MB' table
for row in 'matmul +loss/encoder' 'bernoulli +loss ' 'adam +update'; do
    check "there is a row $row" grep -Eq "^  $row" table
done
# The shares of all operations and of what is between them; then those of the scopes.
awk '/^  operation /{on = 1; next} /^$/{on = 0} on { for (i = 1; i <= NF; i++) if ($i ~ /%$/) { sum += $i; break } }
     END { exit !(sum > 98 && sum < 102) }' table
check "the shares add up to 100 %" [ $? -eq 0 ]
check "a product has a rate" grep -Eq '^  matmul .*% +[0-9.]+ +[0-9]+ +[0-9.]+ +[0-9.]+ +[0-9]+%$' table
check "what is no product has none" grep -Eq '^  bernoulli .*% +[0-9.]+ +1 +- +[0-9.]+ +[0-9]+%$' table
check "the scopes are listed, too" grep -Eq '^  loss/decoder +[0-9.]+% +[0-9.]+$' table
works "as JSON" train basic "$@" --profile --json --out json
check "there is a list of phases" grep -q '"profile": \[' out
check "with operations" grep -q '"operation": "adam"' out
check "and the two rates" [ "$(grep -c '"peak_flops": [1-9]\|"peak_bytes": [1-9]' out)" -eq 2 ]
works "JSON without it" train basic "$@" --json --out bare
check "has none" [ "$(grep -c profile out)" -eq 0 ]
works "a training in phases" train stacked --data data --layers 6,4 --epochs 2 --profile --out phases
check "a profile of each phase" [ "$(grep -c 'profile of' out)" -ge 2 ]
check "with its name" grep -Eq '^  [a-z].*: profile of' out
works "a resumed training" train --resume plain --epochs 4 --profile
check "has a profile of its own steps" [ "$(grep -c 'profile of' out)" -eq 1 ]
refused "quietly" '--profile has no effect with --quiet' train basic --data data --profile --quiet --out no
refused "in closed form" '--profile has no effect with --solve svd' train linear --data data --solve svd --profile --out no
refused "in a sweep" 'unknown option --profile' sweep basic --data data --profile --out no

# ---- graph --plan
works "all passes" graph basic --hidden 4 --batch 2 --order 1 --plan all
cp out all
check "each of them in turn" [ "$(sed -n 's/^after \(.*\):$/\1/p' all | tr '\n' ' ')" = \
    "live simplify materialise fuse schedule feed collect place emit " ]
check "after what was recorded" [ "$(head -n 1 all)" = "recorded:" ]
check "emit gives a program" grep -q '^program of [0-9]* steps, [0-9]* bytes of temporaries, 1 lanes$' all
works "one pass" graph basic --hidden 4 --batch 2 --order 1 --plan place
cp out one
check "before it and after it" [ "$(grep ':$' one | tr '\n' ' ')" = "before place: after place: " ]
check "before: groups without places" [ "$(sed -n '/^before/,/^$/p' one | grep -c 'arena')" -eq 0 ]
check "after: an arena" grep -q '^arena of [0-9]* bytes$' one
sed -n '/^after place:$/,/^$/p' all | sed '/^$/d' > first
sed -n '/^after place:$/,$p' one > second
check "the same as among all" cmp -s first second
works "a pass that has nothing to do" graph basic --hidden 4 --plan batch
check "it says so" [ "$(cat out)" = "batch changes nothing here" ]
works "a pass that runs where there are regions" graph contractive --jacobian rows --hidden 4 --plan batch
check "before and after it" [ "$(grep -c '^before batch:\|^after batch:' out) $(grep -c map_sum out)" = "2 1" ]
works "the first pass" graph basic --hidden 4 --plan live
check "is given what was recorded" [ "$(head -n 1 out)" = "recorded, before live:" ]
works "the last pass" graph basic --hidden 4 --plan=emit
check "ends in a program" grep -q '^program of' out
refused "a pass that does not exist" '"fold" is not one of all|live|simplify|batch|materialise|fuse|schedule|feed|collect|place|emit' \
    graph basic --plan fold
refused "with a drawing" '--fold has no effect with --plan' graph basic --plan fuse --fold
refused "a picture of one pass" '--plan fuse is printed as text' graph basic --plan fuse -o plan.svg
refused "a plan as text of dot" 'choose a name that ends in .svg, .png or .pdf' graph basic --plan all -o plan.dot
for option in --time --no-legend "--title T"; do
    refused "$option without a picture" 'has an effect on a plan only if it is drawn' graph basic --plan all $option
done
for ending in svg png pdf; do
    works "a picture, $ending" graph basic --hidden 4 --batch 2 --order 1 --plan all --no-legend --title "a plan" -o plan.$ending
    check "prints nothing" [ ! -s out ]
    check "is there" [ -s plan.$ending ]
done
works "the same once more" graph basic --hidden 4 --batch 2 --order 1 --plan place --no-legend --title "a plan" -o again.svg
check "has the same bytes" cmp -s plan.svg again.svg
works "with times" graph contractive --hidden 4 --order 1 --plan all --time -o timed.svg
check "is another" [ -s timed.svg ]
works "text to -" graph basic --hidden 4 --batch 2 --order 1 --plan place -o -
check "is the text" cmp -s out one

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
