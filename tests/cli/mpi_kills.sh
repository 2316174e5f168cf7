#!/bin/sh
# Kills a process of a training at a random moment, many times: each run is resumed, and ends with the bits of a run that
# nothing interrupted.
#
# Usage: mpi_kills.sh PROGRAM [KILLS [SEED]]     by default 3 kills; the proof takes 50 and lasts some minutes
#
# Each run begins with a random number of processes of 1 to 4. At a random moment one of them gets SIGKILL. mpirun must end
# within ten seconds, with a status that is not 0. The checkpoint, if there is one, must open. Then the run goes on with
# another number of processes.
set -eu
program=$(realpath "$1") kills=${2:-3} seed=${3:-1}
run=$(realpath "$(dirname "$0")/../mpi/run.sh")
launch() { "$run" "$@"; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export COLUMNS=200

random() { # N: a number from 0 to N-1
    seed=$(((seed * 1103515245 + 12345) % 2147483648))
    echo $((seed / 65536 % $1))
}
options="basic --limit 2000 --hidden 64 --batch 32 --epochs 6 --shards 4 --seed 5 --quiet"
fail() {
    echo "FAILED: $*"
    exit 1
}

OMP_NUM_THREADS=1 "$program" train $options --out whole > /dev/null
seconds=$(awk -F'"seconds":' 'END { print $2 + 0 }' whole/metrics.jsonl)
count=0
while [ "$count" -lt "$kills" ]; do
    count=$((count + 1))
    name=run$count processes=$(($(random 3) + 2))
    rm -rf "$name"
    launch "$processes" "$program" train $options --out "$name" > out 2> err &
    launcher=$!
    sleep "$(awk -v r="$(random 1000)" -v s="$seconds" 'BEGIN { print 0.2 + r / 1000 * (s + 1) }')"
    victim=$(pgrep -f "train basic.*--out $name" | grep -v "^$launcher\$" | awk -v n="$(random 4)" '{ p[NR] = $1 } END { if (NR) print p[n % NR + 1] }')
    [ -z "$victim" ] || kill -9 "$victim" 2> /dev/null || true
    waited=0
    while kill -0 "$launcher" 2> /dev/null && [ "$waited" -lt 100 ]; do
        sleep 0.1
        waited=$((waited + 1))
    done
    kill -0 "$launcher" 2> /dev/null && [ -n "$victim" ] && fail "kill $count: mpirun has not ended after ten seconds"
    wait "$launcher" && died=no || died=yes
    tries=0
    while ! "$program" run-info "$name" --json 2> /dev/null | grep -q '"status": *"done"'; do
        tries=$((tries + 1))
        [ "$tries" -le 3 ] || fail "kill $count: the run cannot be finished: $(tail -3 err2)"
        if [ -e "$name/run.json" ]; then
            launch "$(($(random 4) + 1))" "$program" train --resume "$name" --quiet > /dev/null 2> err2 || true
        else # it was killed before it had begun
            rm -rf "$name"
            launch 2 "$program" train $options --out "$name" > /dev/null 2> err2 || true
        fi
    done
    cmp "whole/checkpoint.safetensors" "$name/checkpoint.safetensors" || fail "kill $count: other bits"
    echo "kill $count: $processes processes, process ${victim:-none} (run died: $died), the same bits"
    rm -rf "$name"
done
echo "$count passed, 0 failed"
