/* processes.h - the program as one of several processes, which mpirun or another launcher of MPI has started.
 *
 * Alone, every function below does nothing and nothing is loaded. */
#ifndef PAL_CLI_PROCESSES_H
#define PAL_CLI_PROCESSES_H

#include "autograd/communicator.h"
#include "cli/cli.h"

/* ---- launched.c: what the launcher says ------------------------------------------------------------------------ */

enum { PAL_CLI_KEPT_LINE = 4096, PAL_CLI_ARGUMENTS = 2048 };
typedef struct pal_cli_launched { /* how many processes there are, and which one this is; the same on this machine */
    int count, rank, here, which_here;
    char said[PAL_CLI_KEPT_LINE]; /* the line of an error that is not printed yet; "": none */
    /* The arguments, a line for each and its value, without what may differ between machines. What is longer is cut. */
    char words[PAL_CLI_ARGUMENTS];
} pal_cli_launched;
pal_cli_launched *pal_cli_processes(void);

void pal_cli_processes_begin(int argc, char **argv); /* asks the environment; before anything is printed */
int pal_cli_process_count(void);                     /* 1: this process is alone */
bool pal_cli_is_first(void);                         /* process 0, which prints; or one alone */
/* For pal_cli_say: keeps the line of an error until all agree, and swallows what only process 0 has to say. False: the
 * line is to be printed. */
bool pal_cli_processes_keep(int status, const char *line);
/* isatty; but of several processes none prints to a terminal: their launcher collects what they print, and gives each a
 * terminal of its own, whatever becomes of the output. */
bool pal_cli_is_terminal(int descriptor);

/* ---- processes.c: together -------------------------------------------------------------------------------------- */

/* Whether the verb can be run by several processes. PAL_CLI_GO_ON, or the exit status with the error printed. */
int pal_cli_processes_check(const pal_cli_verb *verb);

/* Calls of all processes together. `status` is that of this process: PAL_CLI_GO_ON, PAL_CLI_DONE, or the exit status of
 * an error whose line was given to pal_cli_say, which kept it. If a process has failed, all return an exit status that
 * is not 0, and the line is printed once: with the process in front, unless all have failed with this line. From then
 * on no process asks the others any more, wherever in the program each has learned of it.
 *
 * meet: connects the processes, the first time, and agrees; they have failed if their arguments differ. Not before the
 * program is certain not to start itself again. end: last of all. */
int pal_cli_processes_meet(int status);
int pal_cli_processes_agree(int status);
int pal_cli_processes_end(int status);
/* Refuses a process whose hash of what it has read is not that of process 0. what: "other data". */
int pal_cli_processes_compare(uint64_t mine, const char *what);

/* What connects them; NULL: this process is alone, or they have not met. */
const pal_communicator *pal_cli_communicator(void);
/* One that has ended, or cannot be reached: no call of all processes works any more. */
void pal_cli_processes_lost(void);

#endif
