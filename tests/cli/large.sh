#!/bin/sh
# large.sh PROGRAM - tests training on an array that is larger than the memory that it may take: mapped, with the bits of
# the same array in memory; and a number of it that is not finite.
# shellcheck source=tests/cli/helpers.sh
. "$(dirname "$0")/helpers.sh"

# npy TYPE ROWS COLUMNS: the beginning of such a file, 128 bytes
npy() {
    bytes 147; printf NUMPY; bytes 1 0 118 0
    printf "%-117s\n" "{'descr': '$1', 'fortran_order': False, 'shape': ($2, $3), }"
}

# 144 MB of digits, of which no two samples are equal
rows=180000
{ npy '|u1' $rows 800; seq 1000000 99999999 | tr -d '\n' | head -c $((rows * 800)); } > mapped.npy
check "the file has its size" [ "$(wc -c < mapped.npy)" -eq $((rows * 800 + 128)) ]
gzip -1 < mapped.npy > held.npy.gz

small="--hidden 4 --batch 1000 --epochs 1 --test 5000 --lanes 2 --threads 2"
# peak ARGUMENTS...: runs the program, and sets $most to the most memory that it had beside pages of files, in kB. A limit
# (ulimit -d) would be simpler, but a BLAS that gets no memory for its buffers may ask for ever.
peak() {
    most=0
    "$program" "$@" > out 2> err &
    pid=$!
    while kill -0 $pid 2> gone; do
        now=$(sed -n 's/^RssAnon:[^0-9]*\([0-9]*\).*/\1/p' /proc/$pid/status 2> gone)
        [ "${now:-0}" -gt $most ] && most=$now
        sleep 0.01
    done
    wait $pid
}
quarter=$((rows * 800 / 4 / 1024))
limit=$quarter # a sanitizer takes much memory of its own; the array itself must not be in it
if grep -q -e __asan_init -e __tsan_init "$program"; then limit=$((6 * quarter)); fi
# shellcheck disable=SC2086
check "train, mapped" peak train basic $small --data mapped.npy --out mapped
check "in less than $limit kB, not $most kB" [ $most -gt 0 -a $most -lt $limit ]
check "the line of the data says so" grep -q 'read from the file as needed' out
# shellcheck disable=SC2086
check "train in memory" peak train basic $small --data held.npy.gz --out held
check "in more than the file, or it was not measured: $most kB" [ $most -gt $((4 * quarter)) ]
check "the same bits" cmp -s mapped/checkpoint.safetensors held/checkpoint.safetensors
works "evaluate, mapped" evaluate mapped --json
mv out mapped.json
works "evaluate, in memory" evaluate held --json
check "the same figures" [ "$(figure loss)" = "$(sed -n 's/^ *"loss": \([-0-9.e+]*\).*/\1/p' mapped.json | head -n 1)" ]
rm -f held.npy.gz mapped.npy

# Zeros that take no room, and one number that is not finite: the little-endian float32 of infinity
npy '<f4' 3000000 16 > bad.npy
truncate -s $((3000000 * 64 + 128)) bad.npy
bytes 0 0 128 127 | dd of=bad.npy bs=1 seek=$((128 + 1234567 * 64 + 12)) conv=notrunc 2> said
small="--hidden 2 --batch 1000 --epochs 1 --test 1000 --quiet --scale none"
# shellcheck disable=SC2086
"$program" train basic $small --data bad.npy --out bad > out 2> err
check "a number that is not finite ends the training" [ $? -ne 0 ]
check "in one line" [ "$(wc -l < err)" -eq 1 ]
check "which names it, not: $(cat err)" said 'bad: sample 1234567, element 3 (from 0) is inf, expected a finite number: fill it in or remove the sample'
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
