/* processes.c - the program as one of several processes.
 *
 * In: the environment, in which a launcher says how many processes it has started and which this one is. Out: a
 * communicator of libpalindrome-mpi, and one voice: process 0 prints, and an error is printed once.
 *
 * The library is loaded only when a launcher has started several processes, so that the program needs no MPI
 * elsewhere. It is loaded late: the program may start itself again for other kernels of BLAS (restart.c), and MPI
 * starts only once in a process.
 *
 * A process that fails before the others have met it connects all the same, to tell them. So the first thing that they
 * hear of each other is whether all can go on. */
#include "cli/processes.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LIBRARY "libpalindrome-mpi.so.0"

enum { TEXT = PAL_CLI_KEPT_LINE, HOST = 64 };

/* The state of the process, as that of signals.c. */
static struct {
    pal_communicator *communicator;
    bool met;  /* or has tried to */
    bool lost; /* a process has ended */
} all;

const pal_communicator *pal_cli_communicator(void) { return all.communicator; }
void pal_cli_processes_lost(void) { all.lost = true; }
static pal_cli_launched *here(void) { return pal_cli_processes(); }

/* ---- What is printed -------------------------------------------------------------------------------------------- */

static void print(const char *line)
{
    if (!*line) return;
    fflush(stdout);
    fputs("palindrome: ", stderr);
    pal_cli_put(stderr, line, strlen(line));
    putc('\n', stderr);
    fflush(stderr);
}

static int failed(int status) { return status > 0 ? status : PAL_CLI_FAILED; }

/* Prints what was kept, if this process is the one that can: process 0, or 1 if that is the one that is lost. */
static int give_up(int status)
{
    const bool first_lost = strstr(here()->said, "process 0 of ") != NULL;
    if (here()->rank == first_lost) print(here()->said);
    *here()->said = 0;
    return failed(status);
}

/* A launcher ends all processes when one exits with an error: process 0 is to speak before. */
static void let_speak(void)
{
    if (here()->rank) nanosleep(&(struct timespec){.tv_nsec = 500000000}, NULL);
}

int pal_cli_processes_check(const pal_cli_verb *verb)
{
    if (here()->count < 2 || !verb || verb->spec->processes) return PAL_CLI_GO_ON;
    if (!here()->rank) {
        char line[256];
        snprintf(line, sizeof line, "%s runs in one process: start it without mpirun", verb->name);
        print(line);
    }
    let_speak();
    return PAL_CLI_WRONG;
}

/* ---- Agreement -------------------------------------------------------------------------------------------------- */

typedef struct report { /* of a process */
    int status;
    char host[HOST], text[TEXT];
} report;

/* The first that has failed and says why; -1: none has failed. alike: all have failed, with the same line, or process 0
 * speaks for the others. */
static int first_failed(const report *reports, bool *alike)
{
    int first = -1;
    for (int i = 0; i < here()->count; i++) {
        const bool says_more = first >= 0 && !*reports[first].text && *reports[i].text;
        if (reports[i].status > 0 && (first < 0 || says_more)) first = i;
    }
    *alike = true;
    for (int i = 0; i < here()->count && first >= 0; i++) {
        const bool silent = !first && !*reports[i].text;
        *alike &= reports[i].status > 0 && (silent || !strcmp(reports[i].text, reports[first].text));
    }
    return first;
}

/* Processes that end by one signal have heard of it by themselves or from others. */
static int conclude(const report *reports)
{
    bool alike;
    char line[TEXT + 128];
    const int first = first_failed(reports, &alike);
    if (first < 0) return PAL_CLI_GO_ON;
    const report *r = &reports[first];
    int status = r->status;
    for (int i = 0; i < here()->count && alike; i++) status = reports[i].status > status ? reports[i].status : status;
    snprintf(line, sizeof line, "process %d of %d (host %s): %s", first, here()->count, r->host, r->text);
    if (*r->text && !here()->rank) print(alike ? r->text : line);
    return status;
}

int pal_cli_processes_agree(int status)
{
    pal_error err = {0};
    if (!all.communicator) return status;
    if (all.lost) return give_up(status);
    report mine = {.status = status}, *reports = calloc((size_t)here()->count, sizeof *reports);
    if (gethostname(mine.host, sizeof mine.host - 1)) strcpy(mine.host, "unknown");
    snprintf(mine.text, sizeof mine.text, "%s", here()->said);
    if (!reports) { /* the others hear of it when the communicator is closed */
        all.lost = true;
        pal_cli_processes_keep(PAL_CLI_FAILED, "out of memory");
        return give_up(status);
    }
    if (pal_communicator_gather(all.communicator, &mine, sizeof mine, reports, &err)) {
        free(reports);
        all.lost = true;
        pal_cli_processes_keep(PAL_CLI_FAILED, err.text);
        return give_up(status);
    }
    const int concluded = conclude(reports);
    free(reports);
    *here()->said = 0;
    return concluded == PAL_CLI_GO_ON ? status : concluded;
}

/* ---- Meeting ---------------------------------------------------------------------------------------------------- */

/* As the linker finds libpalindrome; or above the program, as in a build folder. */
static void *load(void)
{
    char path[PATH_MAX + sizeof LIBRARY + 8];
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_GLOBAL);
    const ssize_t n = library ? 0 : readlink("/proc/self/exe", path, PATH_MAX - 1);
    if (n <= 0) return library;
    path[n] = 0;
    strcpy(strrchr(path, '/'), "/../" LIBRARY);
    return access(path, F_OK) ? NULL : dlopen(path, RTLD_NOW | RTLD_GLOBAL);
}

/* The processes cannot tell each other: the first one of each machine speaks. */
static int cannot_meet(const char *why)
{
    char line[TEXT];
    snprintf(line, sizeof line,
             "%d processes were started, but %s: install libopenmpi-dev and build Palindrome again, or start it "
             "without mpirun",
             here()->count, why);
    if (!here()->which_here) print(line);
    let_speak();
    *here()->said = 0;
    return PAL_CLI_FAILED;
}

static int meet(void)
{
    static const char name[] = "pal_mpi_open";
    pal_communicator *(*open_mpi)(pal_error * err) = NULL;
    pal_error err = {0};
    void *library = load(), *symbol = library ? dlsym(library, name) : NULL;
    if (!symbol) {
        const char *why = dlerror();
        char line[TEXT / 2];
        snprintf(line, sizeof line, "%s cannot be loaded (%s)", LIBRARY, why ? why : "built without MPI");
        return cannot_meet(line);
    }
    memcpy(&open_mpi, &symbol, sizeof open_mpi); /* as in blas.c */
    all.communicator = open_mpi(&err);
    if (!all.communicator) {
        if (!here()->rank) print(err.text);
        let_speak();
        *here()->said = 0;
        return PAL_CLI_FAILED;
    }
    here()->rank = all.communicator->rank;
    here()->count = all.communicator->size;
    return PAL_CLI_GO_ON;
}

int pal_cli_processes_meet(int status)
{
    if (here()->count < 2 || all.met) return status;
    all.met = true;
    const int met = meet();
    return met == PAL_CLI_GO_ON ? pal_cli_processes_agree(status) : met;
}

int pal_cli_processes_end(int status)
{
    if (here()->count < 2) return status;
    if (!all.met && status > 0)
        status = pal_cli_processes_meet(status);
    else
        status = pal_cli_processes_agree(status);
    fflush(stdout);
    fflush(stderr);
    pal_communicator_close(all.communicator, all.lost);
    all.communicator = NULL;
    return status;
}
