#!/bin/sh
# mpi.sh PROGRAM - tests the program under mpirun: training, its stop and its end by force, sweeps, errors that are
# printed once. It needs Open MPI. Its last line is "N passed, N failed".
. "$(dirname "$0")/helpers.sh"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
options="--oversubscribe --bind-to none" # a launcher that binds uses the same processors for all jobs
small="--data data --batch 16 --hidden 6 --shards 4"

# together N ARGUMENTS...: runs the program in N processes; the lines of the program are in `err`
together() {
    n=$1
    shift
    # shellcheck disable=SC2086
    timeout -s KILL 120 mpirun $options -n "$n" "$program" "$@" > out 2> all
    status=$?
    grep '^palindrome: ' all > err
    return $status
}
fine() { # WHAT N ARGUMENTS...: works, in N processes
    what=$1
    shift
    if together "$@"; then
        grep -v 'learned nothing: ' err > rest
        check "$what: $(cat rest)" [ ! -s rest ]
    else
        fail "$what: exit status $status: $(cat all)"
    fi
}
once() { # WHAT MENTIONED N ARGUMENTS...: fails, and one line says why
    what=$1
    word=$2
    shift 2
    if together "$@"; then fail "$what: exit status 0"
    elif [ "$(wc -l < err)" -ne 1 ]; then fail "$what: $(wc -l < err) lines: $(cat err)"
    elif ! grep -q -e "$word" err; then fail "$what: does not mention $word: $(cat err)"
    else pass
    fi
}

# ---- The same bits, by any number of processes
for n in 1 2 4; do
    # shellcheck disable=SC2086
    fine "training by $n processes" $n train basic $small --epochs 2 --out by$n
    check "the bits of $n processes" cmp -s by1/checkpoint.safetensors by$n/checkpoint.safetensors
done
check "the table is printed once" [ "$(grep -c 'saved in by4' out)" = 1 ]
check "the processes are told" grep -q '^processes 4, each with 1 of 4 shards$' out
check "the memory of a process is told" grep -q '^memory .* in each process: weights' out
check "no terminal, no bar" [ "$(grep -c "$(printf '\033')" out)" = 0 ]
works "training alone" train basic $small --epochs 2 --quiet --out alone
check "the bits of no mpirun" cmp -s by1/checkpoint.safetensors alone/checkpoint.safetensors
fine "four more epochs, by two" 2 train --resume by4 --epochs 4 --quiet
works "four epochs alone" train basic $small --epochs 4 --quiet --out four
check "another number of processes goes on with a run" cmp -s by4/checkpoint.safetensors four/checkpoint.safetensors
fine "as many shards as processes" 2 train basic --data data --batch 16 --hidden 6 --epochs 1 --quiet --out two
check "run.json has them" grep -q '"shards": 2' two/run.json
fine "an unequal share" 3 train basic $small --epochs 1 --out unequal
check "an unequal share is told" grep -q '^processes 3, with 1 to 2 of 4 shards: .* --shards 3 or 6 gives all' out
fine "a default batch" 3 train basic --data data --hidden 6 --epochs 1 --quiet --out three
fine "json" 2 train basic $small --epochs 1 --json --out json
check "json is one document" [ "$(grep -c '^{' out) $(grep -c '^}' out)" = "1 1" ]
fine "a profile" 2 train basic $small --epochs 1 --profile --out profile
check "a profile tells of waiting" grep -q 'waited for messages' out

works "figures alone" evaluate by1
cp out expected
fine "figures by three" 3 evaluate by1
check "the same figures: $(diff expected out)" cmp -s expected out

mkdir other
cp -r data other/data # the same training samples, and fewer to measure
images 30 > other/data/t10k-images-idx3-ubyte
labels 30 > other/data/t10k-labels-idx1-ubyte
# shellcheck disable=SC2086
timeout -s KILL 120 mpirun $options -n 1 "$program" evaluate "$PWD/by1" --data data : \
    -n 1 --wdir other "$program" evaluate "$PWD/by1" --data data > out 2> all
check "other data are an error" [ $? -eq 2 ]
check "and told: $(cat all)" grep -q '^palindrome: process 1 of 2 .*: it has other data than process 0: give all' all

# ---- Errors are printed once
once "what one process estimates" "without mpirun" 2 evaluate by1 --importance 5
once "an unknown option" "did you mean --hidden" 2 train basic --hiden 3
once "data that are not there" "nowhere.csv" 3 train basic --data nowhere.csv
once "a batch that cannot be cut" "give --batch 15" 3 train basic --data data --hidden 6 --batch 16 --out no
once "more processes than shards" "4 shards" 5 train basic $small --out no
once "resumed by more processes than shards" "4 shards" 5 train --resume by4 --epochs 9
works "a run of one shard" train basic --data data --batch 16 --hidden 6 --epochs 1 --quiet --out one
once "resumed with one shard" "without mpirun" 2 train --resume one --epochs 9
once "a verb for one process" "encode runs in one process: start it without mpirun" 2 encode by1 data out.npy
once "a folder that exists" "choose another --out" 2 train basic $small --out by1
check "nothing was made" [ ! -e no ]
cat > uneven << 'END'
[ "$OMPI_COMM_WORLD_RANK" = 1 ] && cd elsewhere
exec "$@"
END
mkdir elsewhere
# shellcheck disable=SC2086
timeout -s KILL 120 mpirun $options -n 2 sh uneven "$program" train basic --data data --hidden 6 --out no > out 2> all
check "an error of one process names it: $(cat all)" grep -q '^palindrome: process 1 of 2 (host [^ ]*): .*data' all
check "and it is one line" [ "$(grep -c '^palindrome: ' all)" = 1 ]
seq 40 | sed 's/.*/&,&/' > table.csv
seq 400 | sed 's/.*/&,&/' > elsewhere/table.csv
# shellcheck disable=SC2086
timeout -s KILL 60 mpirun $options -n 2 sh uneven "$program" train basic --data table.csv --out differ > out 2> all
check "other data are named, not the settings that follow from them: $(cat all)" grep -q '^palindrome: process 1 of 2 has other data' all
# shellcheck disable=SC2086
timeout -s KILL 60 mpirun $options -n 2 sh uneven "$program" train --resume by1 --epochs 9 > out 2> all
check "a run that one process does not find is an error, and all end" [ $? -eq 2 ]
check "of that process: $(cat all)" grep -q '^palindrome: process 1 of 2 (host [^ ]*): by1: No such file' all

# ---- Stopping
# begin OUT: starts a long training; waits until it has saved an epoch
begin() {
    # shellcheck disable=SC2086
    $fresh mpirun $options -n 4 "$program" train basic $small --epochs 100000 --out "$1" > out 2> all &
    pid=$!
    for i in $(seq 600); do
        [ -s "$1/metrics.jsonl" ] && return
        sleep 0.1
    done
    fail "$1: it does not begin: $(cat all)"
}
ended() { # how many of the program's processes are left: none
    for i in $(seq 100); do
        pgrep -f "train basic .*--out $1\$" > /dev/null || return 0
        sleep 0.1
    done
    return 1
}
# It passes the signal on after so many seconds, and kills after as many more: a machine that has much to do needs them.
export OMPI_MCA_odls_base_sigkill_timeout=5
begin stopped
unset OMPI_MCA_odls_base_sigkill_timeout
stop INT
grep '^palindrome: ' all > err
check "a stop is told once: $(cat err)" [ "$(grep -c 'interrupted after step' err) $(wc -l < err)" = "1 1" ]
check "a stop saves" grep -q '"status": "interrupted"' stopped/run.json
epochs=$(($(wc -l < stopped/metrics.jsonl) + 2))
for n in 1 2; do
    cp -r stopped go$n
    sed -i "s/\"epochs\": 100000/\"epochs\": $epochs/" go$n/run.json
    fine "going on by $n" $n train --resume go$n --quiet
done
works "the same without a stop" train basic $small --epochs $epochs --quiet --out smooth
check "the stop changes no bit" cmp -s go1/checkpoint.safetensors smooth/checkpoint.safetensors
check "nor who goes on" cmp -s go1/checkpoint.safetensors go2/checkpoint.safetensors

# victim OUT RANK: the id of this process
victim() {
    for p in $(pgrep -f "^$program train basic .*--out $1\$"); do
        tr '\0' '\n' < "/proc/$p/environ" 2> /dev/null | grep -q "^OMPI_COMM_WORLD_RANK=$2\$" && echo "$p"
    done
}
for rank in 2 0; do
    begin killed$rank
    id=$(victim killed$rank $rank)
    kill -KILL $id
    check "all end within ten seconds of process $rank" ended killed$rank
    (sleep 20; kill -KILL $pid) > deaf-ears 2>&1 & # mpirun itself
    wait $pid 2> waited
    check "a death is an error" [ $? -ne 0 ]
    kill $! 2> waited
    check "process $rank is named: $(cat all)" grep -q "^palindrome: process $rank of 4 (host .*, pid $id) has ended: .*train --resume killed$rank" all
    check "one line says it" [ "$(grep -c '^palindrome: ' all)" = 1 ]
    cp -r killed$rank after
    sed -i "s/\"epochs\": 100000/\"epochs\": $(($(wc -l < after/metrics.jsonl) + 1))/" after/run.json
    works "going on after the death of process $rank" train --resume after --quiet
    rm -rf after
done

# ---- A sweep
several="basic --data data --batch 16 --epochs 1 --hidden 3,4,5 --seeds 2 --lanes 1"
works "a sweep alone" sweep $several --out swept
sed 's/swept/S/' out > expected
for n in 2 4; do
    # shellcheck disable=SC2086
    fine "a sweep by $n" $n sweep $several --out swept$n
    sed "s/swept$n/S/" out > found
    check "the output of $n processes" cmp -s expected found
    check "the table of $n processes" cmp -s swept/sweep.csv swept$n/sweep.csv
done
export OMPI_MCA_odls_base_sigkill_timeout=5
# shellcheck disable=SC2086
$fresh mpirun $options -n 3 "$program" sweep basic --data data --batch 1 --epochs 1000000 --hidden 4,5,6 --out cut > out 2> all &
pid=$!
for i in $(seq 600); do
    [ -s cut/hidden-5-seed-1/metrics.jsonl ] && break
    sleep 0.1
done
unset OMPI_MCA_odls_base_sigkill_timeout
stop INT
grep '^palindrome: ' all > err
check "a sweep that is stopped is one line: $(cat err)" [ "$(grep -c '^palindrome: interrupted: none of 9 runs' err) $(wc -l < err)" = "1 1" ]
once "a training of a sweep that fails" "not finite.*1 of 6 runs are finished and stay in torn" 3 sweep basic --data data \
    --batch 16 --epochs 2 --hidden 6 --seeds 3 --optimizer gd --lr 0.01,1e6 --output squared --activation linear --quiet --out torn

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
