#!/bin/sh
# examples.sh PROGRAM EXAMPLES - runs the examples that are whole programs as this build made them, such as with
# sanitizers: each ends well, and says nothing on standard error. installed.sh compiles all of them as a user does.
examples=$(cd "$2" && pwd) || exit 2
set -- "$1"
# shellcheck source=tests/cli/helpers.sh
. "$(dirname "$0")/../cli/helpers.sh"

runs() { # WHAT PATTERN COMMAND...: exit status 0, nothing on standard error, output that contains the pattern
    what=$1
    pattern=$2
    shift 2
    "$@" > out 2> err
    status=$?
    if [ $status -ne 0 ]; then fail "$what: exit status $status: $(cat err)"
    elif [ -s err ]; then fail "$what: $(cat err)"
    elif ! grep -q -e "$pattern" out; then fail "$what: $(cat out)"
    else pass
    fi
}

runs tape '.' "$examples/tape"
runs passes '^program of 3 steps' "$examples/passes"
runs kl_sparsity '.' "$examples/kl_sparsity" curve.svg
check "kl_sparsity draws" grep -q '</svg>' curve.svg
runs training '^step 300  loss' "$examples/training"
runs shards '^4 processes: step 300  loss' "$examples/shards"
check "the number of processes changes no bit" [ "$(sed -n '/^1 process/s/^[^:]*//p' out)" = "$(sed -n '/^4 process/s/^[^:]*//p' out)" ]
runs operation 'order 2: pass' "$examples/operation"
works "a run" train basic --data data --batch 16 --epochs 1 --hidden 4 --quiet --out run
runs inference '^0\.[0-9]*$' "$examples/inference" run/checkpoint.safetensors

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
