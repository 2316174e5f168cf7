#!/bin/sh
# blas.sh UNIT PLAIN HALF - runs the suite `threads` with each CBLAS that the library knows: the three builds of OpenBLAS
# (serial, pthreads, OpenMP), with as many threads as processors and with one; a CBLAS that is not OpenBLAS (PLAIN); and
# one that has only some functions of OpenBLAS (HALF). A build that is not installed counts as a failure. UNIT: the test
# program. PLAIN, HALF: shared objects made of plain_blas.c.
set -u
passed=0; failed=0
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT

run() { # NAME LIBRARY: the library is loaded, and the suite passes
    if ! LD_LIBRARY_PATH=$(dirname "$2"):${LD_LIBRARY_PATH-} ldd "$unit" | grep -q "$2"; then
        echo "$1: $unit does not load $2"
        failed=$((failed + 1))
    elif LD_LIBRARY_PATH=$(dirname "$2"):${LD_LIBRARY_PATH-} "$unit" threads; then
        echo "$1: ok"
        passed=$((passed + 1))
    else
        echo "$1: FAILED"
        failed=$((failed + 1))
    fi
}

unit=$1
for kind in serial pthread openmp; do
    library=$(ls -d /usr/lib/*/openblas-$kind/libopenblas.so.0 2>/dev/null | head -n 1)
    if [ -z "$library" ]; then
        echo "OpenBLAS $kind: not installed (libopenblas0-$kind)"
        failed=$((failed + 1))
    else
        run "OpenBLAS $kind" "$library"
        OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 run "OpenBLAS $kind, one thread" "$library"
    fi
done
for other in plain half; do
    mkdir "$work/$other"
    cp "$2" "$work/$other/libopenblas.so.0"
    run "not OpenBLAS, $other" "$work/$other/libopenblas.so.0"
    shift
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
