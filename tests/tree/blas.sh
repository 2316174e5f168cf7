#!/bin/sh
# blas.sh - runs the threads suite with each of three builds of OpenBLAS: serial, pthreads, OpenMP. A build that is not
# installed counts as a failure. $1: the test program.
set -u
passed=0; failed=0
for kind in serial pthread openmp; do
    library=$(ls -d /usr/lib/*/openblas-$kind/libopenblas.so.0 2>/dev/null | head -n 1)
    if [ -z "$library" ]; then
        echo "OpenBLAS $kind: not installed (libopenblas0-$kind)"
        failed=$((failed + 1))
    elif ! LD_LIBRARY_PATH=$(dirname "$library"):${LD_LIBRARY_PATH-} ldd "$1" | grep -q "$library"; then
        echo "OpenBLAS $kind: $1 does not load $library"
        failed=$((failed + 1))
    elif LD_LIBRARY_PATH=$(dirname "$library"):${LD_LIBRARY_PATH-} "$1" threads; then
        echo "OpenBLAS $kind: ok"
        passed=$((passed + 1))
    else
        echo "OpenBLAS $kind: FAILED"
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
