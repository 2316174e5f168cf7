/* signals.c - signals that end the program, and the file descriptors 0 to 2.
 *
 * A verb that has something to save, or to say, catches the signals that end a program. The first one asks it to finish
 * its step and to save. A later SIGINT or SIGTERM ends it at once, as if it were not caught. But some senders send a
 * signal twice in one go: `timeout` to the process and to its group, a closed terminal through the shell and by itself.
 * So what comes within half a second counts as the first one, and SIGHUP and SIGPIPE never count as a second one.
 *
 * In a verb that has nothing to save, the first signal ends the program at once, with one line. What was half written
 * is removed: files are written under a temporary name, NAME.PID-N.part, and replaced only when they are whole.
 *
 * A signal that the caller ignores stays ignored. Before the signals are caught, and in verbs that only print, they end
 * the program as if it did not know of them. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"

#define TOGETHER 0.5 /* seconds */

static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
enum { ENDING = sizeof ending / sizeof *ending, PIPE = 3 /* its index: it ends a program without a line */ };

/* The state of the process, for its signal handler. */
static struct {
    atomic_int number;                /* the first signal, or 0 */
    _Atomic double when;              /* it came at this time */
    volatile sig_atomic_t is[ENDING]; /* whether it is caught */
    volatile sig_atomic_t asked;      /* whether the verb asks for the signal, and stops by itself */
    volatile sig_atomic_t ends;       /* whether it otherwise ends the program with one line */
    volatile sig_atomic_t hushed;     /* whether that line is left out */
    int folder;                       /* where results are written; -1: none */
    char part[32];                    /* what the names of this process's temporary files contain: ".PID-" */
} caught = {.folder = -1};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The head of an entry of a folder, as the system call gives it. */
typedef struct entry {
    uint64_t node;
    int64_t next;
    uint16_t size;
    uint8_t type;
    char name[];
} entry;

/* Removes the temporary files of this process. Only system calls: a signal may have come anywhere. */
static void remove_parts(int folder)
{
    _Alignas(entry) char entries[4096];
    long size;
    if (folder < 0) return;
    while ((size = syscall(SYS_getdents64, folder, entries, sizeof entries)) > 0)
        for (long at = 0; at < size;) {
            const entry *e = (const entry *)(const void *)(entries + at);
            const char *end = strrchr(e->name, '.');
            if (end && !strcmp(end, ".part") && strstr(e->name, caught.part)) unlinkat(folder, e->name, 0);
            at += e->size;
        }
}

static void end_at_once(int number)
{
    static const char line[] = "palindrome: interrupted: nothing is half written; run it again for its result\n";
    remove_parts(caught.folder);
    if (!caught.hushed && write(STDERR_FILENO, line, sizeof line - 1) < 0) errno = 0; /* nobody can be told */
    signal(number, SIG_DFL);
    raise(number); /* delivered when the handler returns */
}

static void on_signal(int number)
{
    const int error = errno;
    const double time = now();
    if (!caught.asked) {
        end_at_once(number);
    } else if (!caught.number) {
        caught.when = time;
        caught.number = number;
    } else if ((number == SIGINT || number == SIGTERM) && time - caught.when > TOGETHER) {
        signal(number, SIG_DFL);
        raise(number); /* delivered when this function returns */
    }
    errno = error;
}

void pal_cli_signals_hush(void) { caught.hushed = 1; }

int pal_cli_signal(void) { return caught.number; }

/* Takes signals 0 to n - 1 of the table, except those that the caller ignores. */
static void take(int n)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, before;
    sigfillset(&action.sa_mask);
    for (int i = 0; i < n; i++) {
        if (caught.is[i] || sigaction(ending[i], NULL, &before) || before.sa_handler != SIG_DFL) continue;
        caught.is[i] = !sigaction(ending[i], &action, NULL);
    }
}

static void give_back(int from)
{
    for (int i = from; i < ENDING; i++)
        if (caught.is[i]) {
            signal(ending[i], SIG_DFL);
            caught.is[i] = 0;
        }
}

void pal_cli_signals_catch(void)
{
    caught.asked = 1;
    take(ENDING);
}

void pal_cli_signals_release(void)
{
    give_back(caught.ends ? PIPE : 0);
    caught.asked = 0;
}

void pal_cli_signals_end(const char *path)
{
    char target[PATH_MAX];
    snprintf(caught.part, sizeof caught.part, ".%ld-", (long)getpid());
    if (!realpath(path, target)) snprintf(target, sizeof target, "%s", path); /* a link is kept, its target replaced */
    struct stat info;
    char *slash = strrchr(target, '/');
    if (!stat(target, &info) && S_ISDIR(info.st_mode))
        ;
    else if (!slash)
        strcpy(target, ".");
    else
        slash[slash == target] = 0;
    if (caught.folder >= 0) close(caught.folder);
    caught.folder = open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    caught.ends = 1;
    take(PIPE);
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
