#!/bin/sh
# signals.sh PROGRAM: signals, closed descriptors and limits of the system, in every verb that takes long.
# shellcheck source=tests/cli/helpers.sh
. "$(dirname "$0")/helpers.sh"

# starts ARGUMENTS...: runs the program beside the test; $pid. A signal that comes before the shell has become the program
# would be lost, so it waits for that.
starts() {
    $fresh "$program" "$@" > out 2> err &
    pid=$!
    tries=0
    until [ "$(cat /proc/$pid/comm 2>&1)" = palindrome ] || [ $tries -ge 1000 ]; do sleep 0.005; tries=$((tries + 1)); done
}
endless="--data data --batch 16 --hidden 4 --epochs 1000000 --quiet"

# ---- The first signal finishes the step and saves
for signal in INT:130 TERM:143 HUP:129 PIPE:141; do
    name=${signal%:*}
    starts train basic --out first-$name $endless
    appears first-$name/metrics.jsonl
    stop $name
    check "train, SIG$name: its exit status" [ $? -eq ${signal#*:} ]
    check "train, SIG$name: one line says how to go on" [ "$(grep -c "train --resume first-$name" err) $(wc -l < err)" = "1 1" ]
    check "train, SIG$name: it is saved" grep -q '"status": "interrupted"' first-$name/run.json
    check "train, SIG$name: nothing temporary is left" [ "$(ls first-$name | wc -l)" -eq 3 ]
done
warns "what a signal left is evaluated" interrupted evaluate first-TERM

# ---- A signal that the caller ignores
for name in INT HUP PIPE; do
    env --default-signal=INT,TERM,HUP,PIPE --ignore-signal=$name "$program" train basic --out deaf-$name $endless > out 2> err &
    pid=$!
    appears deaf-$name/metrics.jsonl
    kill -$name $pid
    before=$(wc -l < deaf-$name/metrics.jsonl)
    tries=0
    while [ "$(wc -l < deaf-$name/metrics.jsonl)" -lt $((before + 5)) ] && [ $tries -lt 1000 ]; do sleep 0.01; tries=$((tries + 1)); done
    check "SIG$name stays ignored" [ "$(wc -l < deaf-$name/metrics.jsonl)" -ge $((before + 5)) ]
    stop TERM
    check "SIG$name is ignored, SIGTERM is not" [ $? -eq 143 ]
done

# ---- Two signals in one go are one: the second is not taken for a wish to stop at once
starts train basic --out twice $endless
appears twice/metrics.jsonl
kill -TERM $pid
stop TERM
check "two signals in one go are status 143" [ $? -eq 143 ]
check "two signals in one go still save" grep -q '"status": "interrupted"' twice/run.json


# ---- The second signal stops at once, also where the program waits: here for the reader of a full pipe
mkfifo full
for verb in "train basic" "sweep basic --hidden 4,5"; do
    run=second-${verb%% *}
    sleep 1000 < full &
    reader=$!
    exec 9> full
    dd if=/dev/zero of=full oflag=nonblock bs=4096 count=1000 2> dd
    # shellcheck disable=SC2086
    $fresh "$program" $verb --out $run --data data --batch 16 --epochs 1 > full 2> err &
    pid=$!
    exec 9>&-
    while [ ! -s $run/run.json ] && [ ! -s $run/hidden-4-seed-1/run.json ] && kill -0 $pid; do sleep 0.05; done
    sleep 2
    kill -INT $pid
    sleep 1
    check "$verb: the first signal lets it wait" kill -0 $pid
    kill -INT $pid
    wait $pid 2> waited
    check "$verb: the second signal is status 130" [ $? -eq 130 ]
    { kill $reader; wait $reader; } 2> waited
done

# ---- Verbs that have nothing to save
works "a random code" train vae --data data --batch 16 --hidden 4 --epochs 1 --binarize dynamic --out drawn --quiet
starts evaluate drawn --importance 20000000 --limit 1 --jacobian-samples 0
sleep 1.5
stop INT
check "evaluate: status 130" [ $? -eq 130 ]
check "evaluate: one line" [ "$(grep -c '^palindrome: .*stopped at sample' err) $(wc -l < err)" = "1 1" ]
works "a run to measure" train basic --data data --batch 16 --hidden 4 --epochs 1 --out plain --quiet
starts infill plain --half top --method code --steps 1000000 -o infilled.png
sleep 1.5
stop TERM
check "infill: status 143" [ $? -eq 143 ]
check "infill: it writes nothing" [ -z "$(ls infilled* 2> waited)" ]
for verb in "evaluate" "gradcheck" "graph basic --time --hidden 4000 --batch 4000"; do
    for name in INT TERM; do
        # shellcheck disable=SC2086
        [ "$verb" = evaluate ] && verb="evaluate drawn --importance 1000000000 --limit 1"
        starts $verb
        stop $name
        stopped=$?
        check "$verb: it ends by SIG$name, not with status $stopped and $(cat err)" [ $stopped -ge 129 ]
    done
done

# ---- Verbs that draw: the first signal ends them with one line, and no half-written picture stays
# halved VERB...: stops it at many moments until one is found at which a temporary file is there, and ends it then
halved() {
    found=
    for try in 1 2 3 4 5 6 7 8 9 10; do
        rm -f half/*
        starts "$@"
        while [ -z "$found" ] && kill -STOP $pid 2> waited && kill -0 $pid 2> waited; do
            ls half/*.part > parts 2> waited
            [ -s parts ] && found=$try && break
            kill -CONT $pid
            grep -q ') Z ' /proc/$pid/stat 2> waited && break
            sleep 0.003
        done
        [ -n "$found" ] && break
        wait $pid 2> waited
    done
    [ -n "$found" ] || { fail "$1: no temporary file was seen"; return; }
    kill -INT $pid
    kill -CONT $pid
    wait $pid 2> waited
    check "$1: status 130" [ $? -eq 130 ]
    check "$1: one line" [ "$(grep -c '^palindrome: interrupted' err) $(wc -l < err)" = "1 1" ]
    check "$1: nothing is left, not: $(ls half)" [ -z "$(ls half)" ]
}
mkdir half
halved sample drawn --samples 10000 -o half/sample.png
halved graph deep --layers 9,8,7,6,5,4 --order 2 -o half/graph.svg
awk 'BEGIN { srand(1); for (i = 0; i < 6000; i++) { for (k = 0; k < 64; k++) printf "%s%.6f", k ? "," : "", rand(); print "" } }' > many.csv
halved reconstruct plain many.csv half/many.csv
ended=0
for verb in "filters plain" "scatter plain" "geometry plain" "infill plain" "evaluate plain" "encode plain many.csv x.npy"; do
    for name in INT TERM; do
        # shellcheck disable=SC2086
        starts $verb
        kill -STOP $pid 2> waited
        kill -$name $pid 2> waited
        kill -CONT $pid 2> waited
        wait $pid 2> waited
        stopped=$?
        check "$verb: SIG$name ends it, or comes too late" [ $stopped -eq 130 -o $stopped -eq 143 -o $stopped -eq 0 ]
        [ $stopped -eq 0 ] || ended=$((ended + 1))
        check "$verb: at most one line" [ "$(wc -l < err)" -le 1 ]
    done
done

check "signals came in time: $ended" [ $ended -ge 6 ]

# ---- A pipe whose reader ends
($fresh "$program" models; echo $? > status) 2> err | head -n 1 > out
check "models | head -1 is quiet" [ ! -s err ]
check "models | head -1 prints its line" [ "$(wc -l < out)" -eq 1 ]
check "models | head -1 ends by SIGPIPE or is done" grep -q '^\(141\|0\)$' status
(env --ignore-signal=PIPE "$program" help train; echo $? > status) 2> err | true
check "with SIGPIPE ignored a closed pipe is one line or none" [ "$(wc -l < err)" -le 1 ]

# ---- Closed descriptors
"$program" train basic --data data --batch 16 --hidden 4 --epochs 2 --out usual --quiet
"$program" train basic --data data --batch 16 --hidden 4 --epochs 2 --out closed --quiet <&- >&- 2>&-
check "with descriptors 0 to 2 closed training is done" [ $? -eq 0 ]
same_run "with descriptors 0 to 2 closed" usual closed
"$program" train basic --data data --batch 16 --hidden 4 --epochs 2 --out closed-loud <&- >&- 2>&-
check "figures that cannot be printed are status 1" [ $? -eq 1 ]
same_run "what cannot be printed goes into no file" usual closed-loud
"$program" train basic --data data --batch 1 --hidden 4 --epochs 1000000 --out locked --quiet <&- > out 2> err &
pid=$!
appears locked/metrics.jsonl
"$program" train --resume locked <&- > out 2> err2
check "with standard input closed a run is locked" [ $? -eq 2 ]
check "and it says by whom" grep -q 'another process' err2
stop TERM
"$program" models > out 2> err >&-
check "no standard output is status 1" [ $? -eq 1 ]
check "no standard output is one line" [ "$(grep -c '^palindrome: cannot write to standard output' err) $(wc -l < err)" = "1 1" ]
"$program" encode plain - code.npy > out 2> err <&-
check "no standard input is refused" [ $? -ne 0 ]
check "no standard input is one line" [ "$(wc -l < err)" -eq 1 ]

# ---- A file that is longer than the caller allows
(ulimit -f 8; exec "$program" train basic --data data --batch 16 --hidden 200 --epochs 2 --out limited --quiet) > out 2> err
check "a file that is too long is status 1" [ $? -eq 1 ]
check "a file that is too long is one line" [ "$(grep -c '^palindrome: .*File too large' err) $(wc -l < err)" = "1 1" ]
works "a run to draw" train basic --data data --batch 16 --hidden 64 --epochs 1 --out drawing --quiet
for command in "filters drawing -o limited.png" "encode drawing data limited.npy" "graph deep -o limited.dot" "graph deep -o limited.svg" "scatter drawing -o limited.svg --csv"; do
    # shellcheck disable=SC2086
    (ulimit -f 1; exec "$program" $command) > out 2> err
    check "$command: too long is an error" [ $? -ne 0 ]
    check "$command: too long is one line" [ "$(grep -c '^palindrome: .*File too large' err) $(wc -l < err)" = "1 1" ]
    check "$command: nothing is left" [ -z "$(ls limited.* 2> waited)" ]
done

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
