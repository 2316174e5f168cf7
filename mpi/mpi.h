/* mpi.h - processes that were started by mpirun (srun, ...), as a communicator.
 *
 *     #include <mpi/mpi.h>                     cc ... $(pkg-config --cflags --libs palindrome-mpi)
 *     pal_communicator *c = pal_mpi_open(&err);
 *     ...                                      autograd/communicator.h: what can be done with it
 *     c->close(c, failed);
 *
 * It is in a library of its own, libpalindrome-mpi, which needs MPI and nothing of libpalindrome. So a program can load
 * it when it has been started by mpirun, and runs without MPI elsewhere.
 *
 * A process that dies is noticed by all others, and named, whatever the transport of MPI does: beside MPI, each process
 * holds one TCP connection (IPv4) to process 0, and a thread that sleeps until something arrives there. A process that
 * is killed is known to all within milliseconds, a machine that loses power within about 15 seconds. If connections
 * between the machines are blocked, or process 0 may not open as many files as there are processes, there is no such
 * watch: opening takes up to 6 seconds longer, and a process that waits for a dead one waits until mpirun ends it.
 */
#ifndef PAL_MPI_H
#define PAL_MPI_H

#include "autograd/communicator.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* The communicator of all processes that were started together (MPI_COMM_WORLD). All of them call it. Initialises MPI
 * if nobody has; closing it then finalises MPI. MPI starts once in a process: to open one later again, initialise MPI
 * yourself. Before, it sets the variable OMPI_MCA_btl_tcp_flags to 1 unless it is set (communicator.c says why). NULL:
 * it could not be made, and *err says why; err may be NULL. If MPI itself cannot start, it ends the process, with its
 * own message.
 *
 * close(c, false) is called by all processes, and waits for them.
 *
 * close(c, true) does not finalise MPI, because that would wait for processes that have ended: exit soon after, with a
 * status that is not 0. If MPI is still moving data, it may write to the buffers of transfers that were not finished.
 * Open MPI's mpirun sends SIGTERM to all others a second after a process has died, and SIGKILL after two; when another
 * one exits, it kills the rest at once. MPICH's kills all at once, often before anybody can say something. So
 * say what is to be said in process 0 (in process 1 if process 0 has died), and then close: in the others close waits
 * until process 0 has closed, 5 seconds at most. */
pal_communicator *pal_mpi_open(pal_error *err);

/* The same for the processes of a communicator of yours, after MPI_Init. comm is its Fortran handle,
 * MPI_Comm_c2f(comm), which is a number with every MPI, so that this header needs none. It is duplicated and can be
 * freed. MPI is not finalised: close the communicator before you do it. */
pal_communicator *pal_mpi_open_on(int comm, pal_error *err);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
