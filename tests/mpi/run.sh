#!/bin/sh
# run.sh N PROGRAM [ARGUMENT...] - runs a program in N processes, also as root, and with more processes than processors.
set -eu
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
n=$1
shift
options=
# It binds processes to processors, to the same ones for all jobs of a machine.
if mpirun --version 2>&1 | grep -q 'Open MPI'; then options='--oversubscribe --bind-to none'; fi
# shellcheck disable=SC2086
exec mpirun $options ${MPIRUN_OPTIONS-} -n "$n" "$@"
