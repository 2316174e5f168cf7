#!/bin/sh
# dies.sh PROGRAM - one of four processes is killed, exits or says that it has failed, while the others wait, start
# transfers, compute or close (dies.c). All others end within 10 seconds, know it within 2, and one line names the one.
set -u
mpirun --version 2>&1 | grep -q 'Open MPI' || { echo "skipped: this mpirun kills all at once"; exit 77; }
program=$1
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
passed=0
failed=0
pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); echo "FAILED: $*"; }

try() { # CASE WHO WORD [OPTIONS OF MPIRUN]
    what="$1 $2${4:+ with $4}"
    : >"$work/notes"
    MPIRUN_OPTIONS=${4-} timeout 10 "$here/run.sh" 4 "$program" "$1" "$2" "$work/notes" >"$work/said" 2>&1
    status=$?
    case $status in
    0 | 2 | 124) fail "$what: mpirun ends with $status" ;; # 124: it was still running after 10 seconds
    *) pass ;;
    esac
    pid=$(sed -n 's/^victim //p' "$work/notes")
    if [ "$1" = closing ]; then line=closed; else line="process $2 of 4 (host $(uname -n), pid $pid) has $3"; fi
    # Each of the three that are left has written who it is, after how long, and the line.
    awk -v line="$line" '$1 ~ /^[0-3]$/ { n += $2 < 2 && substr($0, length($1 $2) + 3) == line && !seen[$1]++ } END { exit n != 3 }' \
        "$work/notes"
    if [ $? = 0 ]; then pass; else fail "$what: not all have noticed it within 2 seconds: $(tr '\n' ';' <"$work/notes")"; fi
    if [ "$1" = closing ]; then return; fi
    if [ "$(grep -c -F "$line" "$work/said")" = 1 ]; then pass
    else fail "$what: not one line names the process: $(cat "$work/said")"; fi
}

for who in 2 0; do
    try killed $who ended
    try closing $who ended
    try fails $who failed
done
try exits 2 ended
try starts 3 ended
try busy 2 ended
# A transport that sees that a process has gone, beside the one by shared memory that does not.
try killed 2 ended '--mca btl tcp,self'
echo "$passed passed, $failed failed"
[ $failed = 0 ]
