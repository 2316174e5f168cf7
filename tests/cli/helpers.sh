# helpers.sh - what the tests of the program share. A test sources it with its own argument, PROGRAM: it sets $program,
# makes a temporary folder to work in, and in it the folder `data`, a small set of images.
set -u
LC_ALL=C
export LC_ALL
[ $# -eq 1 ] || { echo "usage: $(basename "$0") PROGRAM" >&2; exit 2; }
program=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
passed=0
failed=0

pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); echo "FAILED: $*"; }
check() { # what, command...
    what=$1
    shift
    if "$@"; then pass; else fail "$what"; fi
}

said() { grep -q -e "$1" err; } # standard error contains it
# bytes NUMBER...: prints these bytes
bytes() { for b in "$@"; do printf "\\$(printf %o "$b")"; done; }
# images COUNT: an IDX file of 8x8 images, each with a bright bar in one row or one column, of varying brightness
images() {
    bytes 0 0 8 3 0 0 0 "$1" 0 0 0 8 0 0 0 8
    awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++) for (y = 0; y < 8; y++) for (x = 0; x < 8; x++)
        printf "\\%03o", ((i % 2 ? x : y) == int(i / 2) % 8) ? 200 + (i * 7) % 56 : 0 }' > text
    printf "$(cat text)"
}
labels() {
    bytes 0 0 8 1 0 0 0 "$1"
    awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++) printf "\\%03o", i % 8 }' > text
    printf "$(cat text)"
}
# A shell starts a program beside itself with SIGINT ignored, and the program respects this. $fresh starts it as a terminal
# does.
fresh="env --default-signal=INT,TERM,HUP,PIPE"
# stop SIGNAL: sends it to process $pid and returns the exit status. A process that does not handle the signal yet gets it
# again after 20 seconds, and is killed after 40.
stop() {
    kill -"$1" $pid
    (sleep 20; kill -"$1" $pid; sleep 20; kill -KILL $pid) > deaf-ears 2>&1 &
    guard=$!
    wait $pid 2> waited
    stopped=$?
    { kill -KILL $guard; wait $guard; } 2> waited
    return $stopped
}
state() { find . -path ./out -prune -o -path ./err -prune -o -type f -print0 | sort -z | xargs -0 cksum; }

# refused WHAT MENTIONED ARGUMENTS...: exit status 2, one line that contains MENTIONED, nothing on standard output, no
# change in the folder
refused() {
    what=$1
    word=$2
    shift 2
    before=$(state)
    "$program" "$@" > out 2> err
    status=$?
    if [ $status -ne 2 ]; then fail "$what: exit status $status"
    elif [ "$(wc -l < err)" -ne 1 ]; then fail "$what: $(wc -l < err) lines on standard error"
    elif ! grep -q '^palindrome: ' err; then fail "$what: $(cat err)"
    elif ! grep -q -e "$word" err; then fail "$what: does not mention $word: $(cat err)"
    elif [ -s out ]; then fail "$what: wrote on standard output"
    elif [ "$before" != "$(state)" ]; then fail "$what: changed files"
    else pass
    fi
}
# works WHAT ARGUMENTS...: exit status 0, nothing on standard error; but a training of a few epochs may say that it has
# learned nothing
works() {
    what=$1
    shift
    "$program" "$@" > out 2> err
    status=$?
    grep -v '^palindrome: [^ ]*: learned nothing: ' err > rest
    mv rest err
    if [ $status -ne 0 ]; then fail "$what: exit status $status: $(cat err)"
    elif [ -s err ]; then fail "$what: $(cat err)"
    else pass
    fi
}
verdict() { # STATUS WORD ARGUMENTS...: gradcheck with $object ends so, and the last line of its output contains WORD
    status=$1
    word=$2
    shift 2
    COLUMNS= "$program" --load "$object" gradcheck "$@" > out 2> err
    is=$?
    if [ $is -ne "$status" ]; then fail "$*: exit status $is, not $status: $(cat err)"
    elif [ -s err ]; then fail "$*: $(cat err)"
    elif ! tail -n 1 out | grep -q -e "$word"; then fail "$*: $(tail -n 1 out)"
    else pass
    fi
}
line() { grep -q -e "$1" out; } # a line of the output contains it
ends() { # WHAT STATUS LINE ARGUMENTS...: that exit status, and the last line on standard error contains LINE
    what=$1 wanted=$2 word=$3
    shift 3
    "$program" "$@" > out 2> err
    status=$?
    if [ $status -ne "$wanted" ]; then fail "$what: exit status $status: $(cat err)"
    elif ! tail -n 1 err | grep -q -e "$word"; then fail "$what: $(cat err)"
    else pass
    fi
}
warns() { # WHAT MENTIONED ARGUMENTS...: exit status 0, and one line of warning that contains MENTIONED
    what=$1
    word=$2
    shift 2
    "$program" "$@" > out 2> err
    status=$?
    if [ $status -ne 0 ]; then fail "$what: exit status $status: $(cat err)"
    elif [ "$(grep -c "^palindrome: warning: .*$word" err) $(wc -l < err)" != "1 1" ]; then fail "$what: $(cat err)"
    else pass
    fi
}
figure() { sed -n "s/^ *\"$1\": \([-0-9.e+]*\).*/\1/p" out | head -n 1; } # its first value in the JSON of file out
less() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a != "" && b != "" && a + 0 < b + 0) }'; }
is_png() { [ "$(head -c 4 "$1" | tail -c 3)" = PNG ]; }
is_json() { if command -v jq > /dev/null; then jq -e . < "$1" > /dev/null; else head -c 1 "$1" | grep -q '[[{]'; fi; }

# appears FILE: waits until the file is there, for at most 10 seconds: a busy machine starts slowly
appears() {
    tries=0
    while [ ! -s "$1" ] && [ $tries -lt 1000 ]; do sleep 0.01; tries=$((tries + 1)); done
}
# lines RUN: the lines of its metrics, without the seconds
lines() { sed 's/,"seconds":[-0-9.e+]*//' "$1/metrics.jsonl"; }
# figures_of RUN: the figures of its result, except times
figures_of() { sed -n '/"result"/,/}/p' "$1/run.json" | grep -v second; }
same_run() { # WHAT RUN RUN: both have the same checkpoint, metrics and result; the second is done
    check "$1: the same result" [ "$(figures_of "$2")" = "$(figures_of "$3")" ]
    check "$1: the same checkpoint" cmp -s "$2/checkpoint.safetensors" "$3/checkpoint.safetensors"
    check "$1: the same metrics" [ "$(lines "$2")" = "$(lines "$3")" ]
    check "$1: done" grep -q '"status": "done"' "$3/run.json"
    check "$1: no temporary files" [ "$(ls "$3" | wc -l)" -eq 3 ]
}

mkdir data
images 128 > data/train-images-idx3-ubyte
labels 128 > data/train-labels-idx1-ubyte
images 37 > data/t10k-images-idx3-ubyte
labels 37 > data/t10k-labels-idx1-ubyte
