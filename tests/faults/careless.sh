#!/bin/sh
# careless.sh FAULTS PROGRAM OBJECT CARELESS - tests the test of faults: it finds each careless program (careless.c), and
# nothing in a careful one. Its last line is "N passed, N failed".
set -u
faults=$1 program=$2 object=$3 careless=$4
passed=0
failed=0
# judged WAY KIND STATUS WORDS: the sweep over this kind of faults ends with this status, and says these words
judged() {
    said=$(CARELESS=$1 "$faults" "$program" "$object" whole --case "encode over" --kind "$2" --instead "$careless" 2>&1)
    status=$?
    if [ $status -eq "$3" ] && echo "$said" | grep -q -e "$4"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $1, $2: exit status $status, not $3 with \"$4\":"
        echo "$said"
    fi
}
for kind in alloc open create read write close rename; do judged careful $kind 0 ' 0$'; done
judged warning alloc 0 ' 0$'
judged talkative alloc 1 'BAD encode over: exit 1, and 2 lines'
judged through-libc alloc 1 'BAD encode over: signal 11.*(memory for palindrome)'
judged unchecked write 1 'BAD encode over: exit 0, and codes.csv is not that'
judged in-place write 1 'BAD encode over: codes.csv is changed'
judged trusting alloc 1 'BAD encode over: signal 11'
judged silent alloc 1 'BAD encode over: exit 1, and no line'
judged stubborn alloc 1 'BAD encode over: it hangs'
judged untidy write 1 'BAD encode over: codes.csv.part is left'
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
