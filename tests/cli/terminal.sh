#!/bin/sh
# terminal.sh PROGRAM: what the program shows on a terminal: help, progress and tables at several widths.
#
# `script` of util-linux makes the terminal. Where the system has no pseudo-terminals (a bare chroot without /dev/pts), the
# test says so and ends with 77, which Meson counts as skipped.
# shellcheck source=tests/cli/helpers.sh
. "$(dirname "$0")/helpers.sh"

script -qec true /dev/null < /dev/null > /dev/null 2>&1 || { echo "no pseudo-terminals here: nothing is tested"; exit 77; }

# on COLUMNS ARGUMENTS...: runs the program on a terminal of this width. File out gets what it writes, without the first
# and the last line, which are script's; file screen what is left on the screen, without colours
on() {
    columns=$1
    shift
    command="stty cols $columns rows 24; exec '$program'"
    for word in "$@"; do command="$command '$word'"; done
    script -qec "$command" typescript < /dev/null > /dev/null 2> err
    sed '1d;$d' typescript | tr -d '\r\n' > one
    sed '1d;$d' typescript > out
    tr -d '\000' < out | sed 's/\r$//; s/.*\r//; s/\x1b\[[0-9;]*[A-Za-z]//g' > screen
}
# widest FILE: the columns of its widest line, where \r begins a new one
widest() { # but for commands, messages and paths, which are not broken
    tr '\r' '\n' < "$1" | sed 's/\x1b\[[0-9;]*[A-Za-z]//g' |
        awk '/palindrome|[a-z]\/[a-z]/ { next } length($0) > n { n = length($0) } END { print n + 0 }'
}
TERM=xterm
export TERM
slow="basic --data data --batch 1 --hidden 300 --lanes 1 --threads 1"
for columns in 120 80 60 40 20; do
    # shellcheck disable=SC2086
    on $columns train $slow --epochs 3 --out wide-$columns
    check "$columns columns: each epoch keeps its line" [ "$(grep -c '^epoch [123]/3' screen)" -eq 3 ]
    check "$columns columns: it says how long it took" [ "$(grep -c ' in [0-9.]* s$' screen)" -ge 3 ]
    [ $columns -lt 40 ] || check "$columns columns: nothing is wider" [ "$(widest out)" -lt $columns ]
    tr '\r' '\n' < out | grep -a '^epoch' > epochs
    check "$columns columns: no bar and no first line of an epoch is wider" [ "$(widest epochs)" -lt $columns ]
    check "$columns columns: a line that goes on is indented" [ "$(sed -n '/^epoch 1/,/^epoch 2/p' screen | grep -v '^epoch' | grep -cv '^  ')" -eq 0 ]
    on $columns run-info wide-$columns
    [ $columns -lt 40 ] || check "$columns columns: run-info is not wider" [ "$(widest screen)" -le $columns ]
    on $columns evaluate wide-$columns
    [ $columns -lt 60 ] || check "$columns columns: evaluate is not wider" [ "$(widest screen)" -le $columns ]
done
works "a run" train basic --data data --batch 16 --hidden 4 --epochs 1 --out plain --quiet
works "another run" train basic --data data --batch 16 --hidden 5 --epochs 1 --out five --quiet
on 60 geometry plain five --samples 5 -o told.png
check "geometry is not wider" [ "$(widest screen)" -le 60 ]
# shellcheck disable=SC2086
on 0 train $slow --epochs 2 --out zero
check "a terminal without a width: each epoch keeps its line" [ "$(grep -c '^epoch [12]/2' screen)" -eq 2 ]
check "a terminal without a width has 80 columns" [ "$(widest out)" -lt 80 ]
# shellcheck disable=SC2086
COLUMNS=50 on 0 train $slow --epochs 2 --out fifty
check "a terminal without a width has those of COLUMNS" [ "$(widest out)" -lt 50 ]
on 80 train basic --data data --batch 1 --hidden 25000 --lanes 1 --threads 1 --epochs 1 --out coloured
check "a slow epoch has a bar" grep -q 'epoch 1/1 .*-----.*  loss [0-9.]*  .* left' out
check "the bar has colours" grep -q "$(printf '\033')\[32m.*epoch 1/1" out
check "the bar of an epoch is gone at the end" [ "$(grep -c '^epoch 1/1 ' screen) $(grep -c -e '---' screen)" = "1 0" ]
NO_COLOR=1 on 80 train basic --data data --batch 1 --hidden 25000 --lanes 1 --threads 1 --epochs 1 --out grey
check "with NO_COLOR there is a bar" grep -q 'epoch 1/1 .*-----' out
check "no colours with NO_COLOR" [ "$(grep -c "$(printf '\033')\\[[0-9]*m" out)" -eq 0 ]
check "with NO_COLOR each epoch keeps its line" [ "$(grep -c '^epoch 1/1' screen)" -eq 1 ]
# shellcheck disable=SC2086
TERM=dumb on 80 train $slow --epochs 2 --out dumb
check "a dumb terminal gets no escapes" [ "$(tr -d -c '\033' < out | wc -c)" -eq 0 ]
check "a dumb terminal gets a line per epoch" [ "$(grep -c '^epoch [12]/2' screen)" -eq 2 ]
check "a dumb terminal gets no bar" [ "$(tr '\r' '\n' < out | grep -c '^epoch')" -eq 2 ]
on 80 train basic --data data --batch 128 --hidden 3 --epochs 1000 --test-every 100 --out thousand
check "1000 epochs: at most 32 lines" [ "$(grep -c '^epoch' screen)" -le 32 ]
check "1000 epochs: at least 15 lines" [ "$(grep -c '^epoch' screen)" -ge 15 ]
check "1000 epochs: the first and the last" [ "$(grep -c '^epoch *\(1\|1000\)/1000 ' screen)" -eq 2 ]
check "1000 epochs: it says which" grep -q '^1,000 epochs: every 50th keeps its line here; metrics.jsonl has all of them' screen
on 80 train stacked --data data --layers 6,4 --pretrain-epochs 25 --epochs 25 --out staged
check "each phase keeps its first line" [ "$(grep -c '^\(layer 1, epoch  *1/\|layer 2, epoch  *26/\|unrolled, epoch  *51/\)' screen)" -eq 3 ]
works "a random code" train vae --data data --batch 16 --hidden 4 --epochs 1 --binarize dynamic --out drawn --quiet
on 80 evaluate drawn --importance 20000 --limit 3
check "a finished bar stays and says how long it took" grep -q '^importance .* 3/3  in [0-9.]* s$' screen
for columns in 66 40 20; do
    on $columns evaluate drawn --importance 20000 --limit 3
    check "$columns columns: the bar is not wider" [ "$(tr '\r' '\n' < out | grep -a '^importance\|^import' | sed 's/\x1b\[[0-9;]*[A-Za-z]//g' | awk 'length($0) > n { n = length($0) } END { print n + 0 }')" -lt $columns ]
    on $columns sweep basic --hidden 4,5 --seeds 1 --batch 16 --epochs 1 --data data --out swept-$columns
    check "$columns columns: the line of a sweep is not wider" [ "$(tr '\r' '\n' < out | grep -a ' \.\.\.' | sed 's/\x1b\[[0-9;]*[A-Za-z]//g' | awk 'length($0) > n { n = length($0) } END { print n + 0 }')" -lt $columns ]
done

# ---- A terminal that becomes narrower while a bar runs: the next bar is as wide as it is then
script -fqec "stty cols 100 rows 24; (sleep 1; stty -F /dev/tty cols 30) & exec '$program' evaluate drawn --importance 3000000 --limit 1 --jacobian-samples 0" typescript < /dev/null > /dev/null 2> err &
shown=$!
sleep 4
{ kill $shown; wait $shown; } 2> waited
check "the last bar fits the narrower terminal" [ "$(tr '\r' '\n' < typescript | grep -a '^importance' | tail -n 2 | head -n 1 | sed 's/\x1b\[[0-9;]*[A-Za-z]//g' | awk '{ print length($0) }')" -lt 30 ]

# ---- Help
unset COLUMNS
on 50 train --help
check "help has lines that are nearly as long as the terminal" grep -q '^.\{44,50\}$' screen
check "help fits the terminal" [ "$(widest screen)" -le 50 ]

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
