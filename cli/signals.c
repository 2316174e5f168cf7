/* signals.c - signals that end the program, and the file descriptors 0 to 2.
 *
 * A verb that has something to save, or to say, catches the signals that end a program. The first one asks it to finish
 * its step and to save. A later SIGINT or SIGTERM ends it at once, as if it were not caught. But some senders send a
 * signal twice in one go: `timeout` to the process and to its group, a closed terminal through the shell and by itself.
 * So what comes within half a second counts as the first one, and SIGHUP and SIGPIPE never count as a second one.
 *
 * A signal that the caller ignores stays ignored. Before the signals are caught, and in all other verbs, they end the
 * program at once: nothing is lost, because files are replaced only when they are whole. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"

#define TOGETHER 0.5 /* seconds */

static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
enum { ENDING = sizeof ending / sizeof *ending };

/* The state of the process, for its signal handler. */
static struct {
    atomic_int number;                /* the first signal, or 0 */
    _Atomic double when;              /* it came at this time */
    volatile sig_atomic_t is[ENDING]; /* whether it is caught */
} caught;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void on_signal(int number)
{
    const int error = errno;
    const double time = now();
    if (!caught.number) {
        caught.when = time;
        caught.number = number;
    } else if ((number == SIGINT || number == SIGTERM) && time - caught.when > TOGETHER) {
        signal(number, SIG_DFL);
        raise(number); /* delivered when this function returns */
    }
    errno = error;
}

int pal_cli_signal(void) { return caught.number; }

void pal_cli_signals_catch(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, before;
    sigfillset(&action.sa_mask);
    for (int i = 0; i < ENDING; i++) {
        if (caught.is[i] || sigaction(ending[i], NULL, &before) || before.sa_handler != SIG_DFL) continue;
        caught.is[i] = !sigaction(ending[i], &action, NULL);
    }
}

void pal_cli_signals_release(void)
{
    for (int i = 0; i < ENDING; i++)
        if (caught.is[i]) {
            signal(ending[i], SIG_DFL);
            caught.is[i] = 0;
        }
}

void pal_cli_begin_process(void)
{
    /* A number of 0 to 2 must not go to a file, or what is printed would be written into it. These stand for closed
     * ones: reading and writing fails as it does there. They need no /dev. */
    for (int i = 0; i < 3; i++)
        if (fcntl(i, F_GETFD) < 0 && errno == EBADF && open("/", O_PATH) < 0) _exit(PAL_CLI_FAILED);
    /* A file that is too long (ulimit -f) then is an error like a full disk. */
    signal(SIGXFSZ, SIG_IGN);
}

int pal_cli_end_process(int status)
{
    struct rlimit space;
    /* A normal end waits for the threads of OpenBLAS. Where address space is limited, they may try for ever to get
     * some. */
    if (!getrlimit(RLIMIT_AS, &space) && space.rlim_cur != RLIM_INFINITY) {
        fflush(stderr);
        _exit(status);
    }
    return status;
}
