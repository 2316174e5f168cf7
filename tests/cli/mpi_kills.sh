#!/bin/sh
# mpi_kills.sh PROGRAM [KILLS [SEED]] - kills a random process of a training under mpirun at a random moment. Every run is
# resumed and ends with the bits of a run that nothing interrupted. By default 6 kills; the proof takes 50. It needs Open
# MPI.
#
# A moment is one of these: any; while the processes start; while a checkpoint is written; soon after the last epoch. The
# run that resumes is killed again with one chance in two. A training takes 2 to 4 processes, and each that resumes it
# takes 1 to 4. After each kill mpirun ends within ten seconds with a status that is not 0, some line has the process that
# has died, the program prints at most one, and the checkpoint can be opened.
kills=${2:-6} seed=${3:-1}
set -- "$1"
# shellcheck source=tests/cli/helpers.sh
. "$(dirname "$0")/helpers.sh"
mpirun --version 2>&1 | grep -q 'Open MPI' || { echo "skipped: this mpirun kills all at once"; exit 77; }
run=$here/../mpi/run.sh
export OMP_NUM_THREADS=1

random() { # N: sets $drawn to a number from 0 to N - 1
    seed=$(((seed * 1103515245 + 12345) % 2147483648))
    drawn=$((seed / 65536 % $1))
}

# Half of the rows are measured after each epoch, so that a share of the moments is in an evaluation.
awk 'BEGIN { srand(3); for (i = 0; i < 800; i++) { for (j = 0; j < 24; j++)
    printf "%.3f,", rand() * (i % 4 == j % 4 ? 1 : 0.2); print i % 4 } }' > rows.csv
common="--data rows.csv --label 25 --validation 0.5 --batch 40 --shards 4 --seed 5 --quiet"
# Large layers, whose updates are divided; several phases; a state beside the weights; the best model; a minimiser.
cases="basic --hidden 512 --optimizer adam --epochs 12
deep --layers 256,32 --dropout 0.1 --optimizer adamw --average exponential --epochs 10
stacked --layers 64,16 --fine-tuning both --epochs 6
denoising --hidden 128 --optimizer momentum --patience 4 --keep-best --test-every 2 --epochs 14
variational --layers 64,4 --beta-warm-up 4 --gradient-sizes --optimizer adam --epochs 8
basic --hidden 64 --optimizer lbfgs --epochs 12"
case_of() { echo "$cases" | sed -n "$1p"; } # NUMBER
n_cases=$(echo "$cases" | wc -l)

# begins N ARGUMENTS...: starts a training by N processes beside the test; $launcher
begins() {
    $fresh "$run" "$@" > out 2> err &
    launcher=$!
}
is_running() { kill -0 "$launcher" 2> /dev/null; } # what has ended was reaped by the last sleep
is_saving() { for f in "$1"/*.part "$1"/.*.part; do [ -e "$f" ] && return; done; return 1; }
lines_of() { if [ -e "$1/metrics.jsonl" ]; then wc -l < "$1/metrics.jsonl"; else echo 0; fi; }
fraction() { # SECONDS: sleeps for a random part of it
    random 1000
    sleep "$(awk -v r="$drawn" -v s="$1" 'BEGIN { print r / 1000 * s }')"
}
# await MOMENT RUN EPOCHS: returns when it has come
await() {
    case $1 in
    any) fraction "$seconds" ;;
    start) fraction 1.5 ;;
    save)
        fraction "$seconds"
        polls=0
        until is_saving "$2" || [ $polls -ge 20000 ]; do
            polls=$((polls + 1))
            [ $((polls % 2000)) -ne 0 ] || is_running || return
        done
        ;;
    end)
        while is_running && [ "$(lines_of "$2")" -lt $(($3 - 1)) ]; do sleep 0.02; done
        fraction 0.2
        ;;
    esac
}
# The run was over before its moment. The next moments of its case come sooner, whatever this machine needs for a run.
misses() {
    missed=$((missed + 1))
    wait "$launcher" 2> waited
    awk '{ print 0.8 * $1 }' "seconds$case" > shorter && mv shorter "seconds$case"
}
# kills_one RUN: kills a random process of $launcher, waits, and judges how all have ended
kills_one() {
    mine=$(pgrep -P "$launcher")
    [ -n "$mine" ] || { misses; return; }
    random "$(echo "$mine" | wc -l)"
    [ $kind != save ] || [ $((seed & 65536)) -ne 0 ] || drawn=0 # the one that writes
    victim=$(echo "$mine" | sed -n "$((drawn + 1))p")
    rank=$(tr '\0' '\n' 2> waited < "/proc/$victim/environ" | sed -n 's/^OMPI_COMM_WORLD_RANK=//p')
    before=$(date +%s%N)
    kill -KILL "$victim" 2> waited || { misses; return; }
    while is_running && [ $((($(date +%s%N) - before) / 1000000)) -lt 30000 ]; do sleep 0.05; done
    took=$((($(date +%s%N) - before) / 1000000))
    kill -KILL "$launcher" $mine 2> waited
    wait "$launcher" 2> waited
    status=$?
    [ $took -le $longest ] || longest=$took
    killed=$((killed + 1))
    kill="kill $killed in $1 ($kind, process ${rank:-?} of $processes, pid $victim)"
    check "$kill: all end within ten seconds, not after $took ms" [ $took -lt 10000 ]
    check "$kill: an error is its status, not $status: $(cat err)" [ $status -ne 0 ]
    check "$kill: a line names the process: $(cat err)" grep -q "process.*$victim\|process rank ${rank:-[0-9]} with" err
    check "$kill: one line of the program: $(cat err)" [ "$(grep -c '^palindrome: ' err)" -le 1 ]
    [ "$(grep -c '^palindrome: process.*has ended' err)" -eq 1 ] && named=$((named + 1))
    [ "$rank" != 0 ] || of_first=$((of_first + 1))
    if [ -e "$1/checkpoint.safetensors" ]; then
        "$program" evaluate "$1" --which last > evaluated 2>&1
        status=$?
        check "$kill: the checkpoint is whole: $(cat evaluated)" [ $status -eq 0 ]
    fi
}
# A training and the kills of it, to its end
one_run() { # NUMBER of its case
    case=$1 arguments=$(case_of "$1") name=run$number tries=0
    epochs=$(lines_of "whole$1") seconds=$(cat "seconds$1")
    random 3
    processes=$((drawn + 2))
    while [ $tries -lt 8 ]; do
        tries=$((tries + 1))
        # shellcheck disable=SC2086
        if [ -e "$name/run.json" ]; then
            grep -q '"status": "done"' "$name/run.json" && break
            random 4
            processes=$((drawn + 1))
            begins $processes "$program" train --resume "$name" --quiet
        else
            rm -rf "$name"
            begins $processes "$program" train $arguments $common --out "$name"
        fi
        random 2
        if [ $tries -eq 1 ] || { [ $tries -lt 4 ] && [ "$drawn" -eq 0 ] && [ $killed -lt "$kills" ]; }; then
            random 6
            case $drawn in 0) kind=start ;; 1) kind=end ;; 2 | 3) kind=save ;; *) kind=any ;; esac
            await $kind "$name" "$epochs"
            kills_one "$name"
        else
            (sleep 120; kill -KILL "$launcher") > deaf-ears 2>&1 &
            guard=$!
            wait "$launcher" 2> waited
            status=$?
            check "$kill: the rest of the run by $processes: $(cat err)" [ $status -eq 0 ]
            kill -KILL $guard 2> waited
        fi
    done
    same_end "whole$1" "$name" "$arguments"
}
same_end() { # WHOLE RUN ARGUMENTS
    check "$kill, $3: the same checkpoint" cmp -s "$1/checkpoint.safetensors" "$2/checkpoint.safetensors"
    [ ! -e "$1/best.safetensors" ] || check "$kill: the same best model" cmp -s "$1/best.safetensors" "$2/best.safetensors"
    check "$kill: the same metrics" [ "$(lines "$1")" = "$(lines "$2")" ]
    check "$kill: the same result" [ "$(figures_of "$1")" = "$(figures_of "$2")" ]
    check "$kill: done" grep -q '"status": "done"' "$2/run.json"
    check "$kill: no temporary files: $(ls -A "$2")" [ "$(ls -A "$2" | wc -l)" -eq "$(ls -A "$1" | wc -l)" ]
    [ $failed -ne 0 ] || rm -rf "$2"
}

killed=0 missed=0 longest=0 named=0 of_first=0 number=0
kill="before a kill" # what the checks of a run name; a run may be over before its moment
i=0
while [ $i -lt "$n_cases" ] && [ $i -lt "$kills" ]; do
    i=$((i + 1))
    before=$(date +%s%N)
    # shellcheck disable=SC2046,SC2086
    works "case $i, uninterrupted" train $(case_of $i) $common --out "whole$i"
    # Several processes on few processors take longer, and some time to start.
    echo $((($(date +%s%N) - before) / 1000000)) | awk '{ print 1.5 * $1 / 1000 + 1 }' > "seconds$i"
done
while [ $killed -lt "$kills" ] && [ $number -lt $((10 * kills)) ]; do
    number=$((number + 1))
    one_run $(((number - 1) % i + 1))
done
check "enough kills" [ $killed -ge "$kills" ]
echo "$killed kills in $number runs, $of_first of process 0; $missed came too late; the program named $named, mpirun the" \
    "others; the longest end took $longest ms"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
