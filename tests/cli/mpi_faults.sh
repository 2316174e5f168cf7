#!/bin/sh
# mpi_faults.sh PROGRAM - what may go wrong in one of several processes: other arguments, other data, other kernels, no
# memory, a full disk, a locked folder, signals, a pause. All end soon, with one line that names the process and what is
# wrong. It needs Open MPI. Its last line is "N passed, N failed".
. "$(dirname "$0")/helpers.sh"
mpirun --version 2>&1 | grep -q 'Open MPI' || { echo "skipped: this mpirun kills all at once"; exit 77; }
run=$here/../mpi/run.sh
export OMP_NUM_THREADS=1
most=60 # seconds that a busy machine may take for what takes two
common="--data rows.csv --batch 40 --seed 5 --quiet"
small="$common --hidden 16 --shards 4"
large="$common --hidden 512 --shards 4" # its updates are divided
rows() { # SEED
    awk -v s="$1" 'BEGIN { srand(s); for (i = 0; i < 400; i++) for (j = 0; j < 24; j++)
        printf "%.3f%s", rand() * (i % 4 == j % 4 ? 1 : 0.2), j < 23 ? "," : "\n" }'
}
rows 3 > rows.csv
rows 4 > other.csv
# one.sh RANK COMMANDS PROGRAM ARGUMENTS...: process RANK does the commands first, which may change "$@"
cat > one.sh <<'END'
rank=$1 commands=$2
shift 2
[ "$OMPI_COMM_WORLD_RANK" != "$rank" ] || eval "$commands"
exec "$@"
END
training="train basic $small --epochs 2 --out made"
# differs WHAT STATUS MENTIONED RANK COMMANDS: all end with an error, soon, and one line contains MENTIONED
differs() {
    # shellcheck disable=SC2086
    timeout -s KILL $most "$run" 3 sh one.sh "$4" "$5" "$program" $training > out 2> all
    status=$?
    grep '^palindrome: ' all > err
    if [ $status -ne "$2" ]; then fail "$1: exit status $status: $(cat all)"
    elif [ "$(wc -l < err)" -ne 1 ]; then fail "$1: $(wc -l < err) lines: $(cat err)"
    elif ! grep -q -e "$3" err; then fail "$1: does not mention $3: $(cat err)"
    else pass
    fi
    check "$1: no step is taken" [ ! -e made/metrics.jsonl ]
    rm -rf made
}

# ---- Unequal processes
works "a run" train basic $small --epochs 2 --out run
for rank in 2 0; do
    other=$rank # the process that is named is not process 0: it is the one that differs from it
    [ $rank != 0 ] || other=1
    differs "other data in $rank" 1 "process $other of 3 has other data than process 0" $rank \
        'set -- $(echo "$@" | sed s/rows.csv/other.csv/)'
    differs "another seed in $rank" 2 "process $other of 3 .*--seed 6" $rank 'set -- $(echo "$@" | sed s/seed.5/seed\ 6/)'
    differs "another verb in $rank" 2 "process $other of 3 .*evaluate" $rank 'set -- $1 evaluate run'
    differs "help in $rank" 2 "process $other of 3 .*--help" $rank 'set -- $1 train --help'
    differs "an option that is wrong in $rank" 2 "process $rank of 3 .*hidn" $rank 'set -- "$@" --hidn 3'
    differs "no data in $rank" 2 "process $rank of 3 .*none.csv" $rank 'set -- $(echo "$@" | sed s/rows.csv/none.csv/)'
done
differs "one resumes" 2 "process 1 of 3 .*--resume" 1 'set -- $1 train --resume run'
differs "a verb for one process, in one" 2 "process 2 of 3.*encode runs in one process" 2 'set -- $1 encode run'
differs "no memory" 1 "process 2 of 3: .*\(cannot be loaded\|ulimit -v\)" 2 'ulimit -v 200000'
"$program" --version > version
if grep -q OpenBLAS version && ! grep -q Nehalem version; then
    differs "other kernels" 1 "process 2 of 3 has other kernels.*Nehalem" 2 'export OPENBLAS_CORETYPE=Nehalem'
fi
training="train basic $small --epochs 2 --out rows.csv/made"
differs "a folder that cannot be made" 2 "rows.csv/made: cannot create the folder" 9 true
training="--help"
timeout -s KILL $most "$run" 3 "$program" --version > out 2> err
status=$?
check "--version of all is printed once: $(cat out err)" [ "$status $(grep -c '^palindrome' out)" = "0 1" ]

# ---- Stops
# begin RUN PROCESSES: starts a long training, waits for its first epoch; $pid is that of mpirun
begin() {
    # mpirun kills what has not ended a second after a signal; a busy machine takes longer for a step
    # shellcheck disable=SC2086
    OMPI_MCA_odls_base_sigkill_timeout=20 $fresh setsid "$run" "$2" "$program" train basic $large --epochs 100000 \
        --out "$1" > out 2> all &
    pid=$!
    for i in $(seq 600); do
        [ -s "$1/metrics.jsonl" ] && return
        sleep 0.1
        kill -0 $pid 2> waited || break
    done
    fail "$1: it does not begin: $(cat all)"
}
# process RANK: its id
process() {
    for p in $(pgrep -P $pid); do
        tr '\0' '\n' < "/proc/$p/environ" 2> waited | grep -q "^OMPI_COMM_WORLD_RANK=$1\$" && echo "$p"
    done
}
ends_soon() { # waits for mpirun; its exit status
    (sleep $most; kill -KILL $pid) > deaf-ears 2>&1 &
    guard=$!
    wait $pid 2> waited
    status=$?
    { kill -KILL $guard; wait $guard; } 2> waited
    return $status
}
signal() { # WHAT ARGUMENTS OF KILL...
    case=$1
    shift
    kill "$@"
    ends_soon
    check "$case: an error is its status" [ $? -ne 0 ]
    check "$case: one line: $(cat all)" [ "$(grep -c '^palindrome: ' all) $(grep -c 'interrupted after step [0-9]*, which is saved' all)" = "1 1" ]
    check "$case: it is saved" grep -q '"status": "interrupted"' stopped/run.json
    check "$case: nothing temporary is left" [ "$(ls -A stopped | wc -l)" -eq 3 ]
}
again() { # it goes on to the end of the epoch, with the bits of a run that nothing stopped
    epochs=$(($(wc -l < stopped/metrics.jsonl) + 1))
    sed -i "s/\"epochs\": 100000/\"epochs\": $epochs/" stopped/run.json
    works "$case: it goes on" train --resume stopped --quiet
    # shellcheck disable=SC2086
    works "the same without a stop" train basic $large --epochs $epochs --out smooth
    check "$case: the same bits" cmp -s smooth/checkpoint.safetensors stopped/checkpoint.safetensors
    rm -rf stopped smooth
}
begin stopped 3
signal "SIGTERM to mpirun" -TERM $pid
again
begin stopped 3
signal "SIGINT to the group" -INT -$pid
again
begin stopped 3
signal "SIGTERM to one" -TERM "$(process 2)"
again

# ---- A pause, a disk that is full, a folder that is taken
begin stopped 2
id=$(process 1)
kill -STOP "$id"
timeout -s KILL $most "$run" 2 "$program" train --resume stopped --quiet > out2 2> all2
status=$?
check "a folder that is taken: $(cat all2)" \
    [ "$status $(grep -c '^palindrome: .*stopped is being trained' all2) $(grep -c '^palindrome: ' all2)" = "2 1 1" ]
sleep 1
kill -CONT "$id"
lines=$(wc -l < stopped/metrics.jsonl)
for i in $(seq 600); do
    [ "$(wc -l < stopped/metrics.jsonl)" -gt $((lines + 1)) ] && break
    sleep 0.1
done
check "it goes on after a pause" [ "$(wc -l < stopped/metrics.jsonl)" -gt $((lines + 1)) ]
signal "after a pause, SIGINT to mpirun" -INT $pid
again
if command -v prlimit > /dev/null; then
    begin stopped 3
    prlimit --fsize=20000: --pid "$(process 0)"
    ends_soon
    check "no room: an error is its status" [ $? -ne 0 ]
    check "no room: one line: $(cat all)" [ "$(grep -c '^palindrome: ' all) $(grep -c 'process 0 of 3: stopped/.*: cannot write' all)" = "1 1" ]
    check "no room: run.json says it" grep -q '"status": "failed"' stopped/run.json
    case="no room"
    again
fi

# ---- Any number of processes for the shards
for pair in 1:4 3:4 5:8 8:8; do
    n=${pair%:*} shards=${pair#*:}
    # shellcheck disable=SC2086
    [ -e "alone$shards" ] || works "$shards shards" train basic $common --hidden 16 --shards "$shards" --epochs 2 --out "alone$shards"
    # shellcheck disable=SC2086
    timeout -s KILL $most "$run" "$n" "$program" train basic $common --hidden 16 --shards "$shards" --epochs 2 --out "shared$n" > out 2> all
    status=$?
    check "$shards shards of $n processes: $(cat all)" [ $status -eq 0 ]
    check "$shards shards of $n processes: the same bits" cmp -s "alone$shards/checkpoint.safetensors" "shared$n/checkpoint.safetensors"
done

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
