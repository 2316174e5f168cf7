/* internal.h - what the files of mpi/ share. Private names begin with palm__. Nothing here calls libpalindrome. */
#ifndef PAL_MPI_INTERNAL_H
#define PAL_MPI_INTERNAL_H

#include "mpi/mpi.h"

#include <mpi.h>

enum { PALM_HOST = 64 }; /* bytes of the name of a host, with its NUL */

/* ---- meet.c ----------------------------------------------------------------------------------------------------- */

/* Connects every process with process 0. Called by all processes of comm. sockets of process 0: [size], the connection
 * to process i at [i]; of the others: [1], the connection to process 0. The rest is -1. false in all processes: not all
 * of them could connect, and no connection is left open. */
bool palm__meet(MPI_Comm comm, int rank, int size, int *sockets);

/* ---- watch.c ---------------------------------------------------------------------------------------------------- */

typedef struct palm__watch palm__watch;

typedef enum palm__end {
    PALM_BYE = 1, /* closed: no fault */
    PALM_FAILED,  /* it said so itself, and can no longer be waited for */
    PALM_ENDED    /* its connection broke off */
} palm__end;

/* Called by all processes of comm. NULL in all of them: there is no watch. */
palm__watch *palm__watch_open(MPI_Comm comm, int rank, int size);
/* The first process that is known to have failed or ended, and how; -1: none. Costs no system call. NULL-safe. */
int palm__watch_fault(const palm__watch *watch, palm__end *how);
/* Tells the others how this process ends: PALM_BYE or PALM_FAILED. After PALM_FAILED it waits, for 5 seconds at most,
 * until process 0 has closed, too. NULL-safe. */
void palm__watch_close(palm__watch *watch, palm__end how);

#endif
