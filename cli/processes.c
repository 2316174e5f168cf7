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
    int over;  /* the status with which all have failed, after which they agree about nothing more; 0: they have not */
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

/* An error of a process that cannot tell the others. A launcher ends all when one exits with an error. So the first one
 * of those that may have the same error speaks at once, and the others only if they are still there later: then one
 * alone has failed. */
static int speak(int which, const char *line)
{
    char named[TEXT + 64];
    if (which) nanosleep(&(struct timespec){.tv_sec = 2}, NULL);
    snprintf(named, sizeof named, "process %d of %d: %s", here()->rank, here()->count, line);
    print(which ? named : line);
    *here()->said = 0;
    return PAL_CLI_FAILED;
}

int pal_cli_processes_check(const pal_cli_verb *verb)
{
    if (here()->count < 2 || !verb || verb->spec->processes) return PAL_CLI_GO_ON;
    return pal_cli_say(PAL_CLI_WRONG, "%s runs in one process: start it without mpirun", verb->name);
}

/* ---- Agreement -------------------------------------------------------------------------------------------------- */

typedef struct report { /* of a process */
    int status;
    char host[HOST], text[TEXT], words[PAL_CLI_ARGUMENTS];
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

/* What differs first between the arguments of a process and those of process 0, into r->text. */
static void tell_difference(report *r, const char *first)
{
    size_t at = 0, n, was;
    for (size_t i = 0; r->words[i] && r->words[i] == first[i]; i++)
        if (r->words[i] == '\n') at = i + 1;
    n = strcspn(r->words + at, "\n");
    was = strcspn(first + at, "\n");
    snprintf(r->text, sizeof r->text,
             "started with other arguments than process 0 (%.*s instead of %.*s): give all processes the same ones",
             n ? (int)n : 7, n ? r->words + at : "nothing", was ? (int)was : 7, was ? first + at : "nothing");
}

/* Unequal arguments would have the processes make unequal calls. */
static void compare_words(report *reports)
{
    bool alike;
    if (first_failed(reports, &alike) >= 0) return;
    for (int i = 1; i < here()->count; i++) {
        if (!strcmp(reports[i].words, reports[0].words)) continue;
        reports[i].status = PAL_CLI_WRONG;
        tell_difference(&reports[i], reports[0].words);
        return;
    }
}

int pal_cli_processes_agree(int status)
{
    pal_error err = {0};
    if (!all.communicator) return status;
    if (all.lost) return give_up(status);
    if (all.over) return all.over;
    report mine = {.status = status}, *reports = calloc((size_t)here()->count, sizeof *reports);
    if (gethostname(mine.host, sizeof mine.host - 1)) strcpy(mine.host, "unknown");
    snprintf(mine.text, sizeof mine.text, "%s", here()->said);
    memcpy(mine.words, here()->words, sizeof mine.words);
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
    compare_words(reports);
    const int concluded = conclude(reports);
    free(reports);
    *here()->said = 0;
    if (concluded == PAL_CLI_GO_ON) return status;
    pal_cli_signals_hush(); /* mpirun kills who is slow to end, and all has been said */
    return all.over = concluded;
}

int pal_cli_processes_compare(uint64_t mine, const char *what)
{
    pal_error err = {0};
    uint64_t first = mine;
    if (!all.communicator) return PAL_CLI_GO_ON;
    if (pal_communicator_broadcast(all.communicator, 0, &first, sizeof first, &err)) {
        all.lost = true;
        return pal_cli_say(PAL_CLI_FAILED, "%s", err.text);
    }
    if (first == mine) return pal_cli_processes_agree(PAL_CLI_GO_ON);
    return pal_cli_processes_agree(
        pal_cli_say(PAL_CLI_WRONG, "it has %s than process 0: give all processes the same files", what));
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

static int cannot_meet(const char *why)
{
    char line[TEXT];
    snprintf(line, sizeof line,
             "%d processes were started, but %s: install libopenmpi-dev and build Palindrome again, or start it "
             "without mpirun",
             here()->count, why);
    return speak(here()->which_here, line);
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
    if (!all.communicator) return speak(here()->rank, err.text);
    here()->rank = all.communicator->rank;
    here()->count = all.communicator->size;
    return PAL_CLI_GO_ON;
}

int pal_cli_processes_meet(int status)
{
    if (here()->count < 2 || all.met) return status;
    all.met = true;
    if (here()->rank) pal_cli_signals_hush(); /* process 0 says it for all */
    const int met = meet();
    return met == PAL_CLI_GO_ON ? pal_cli_processes_agree(status) : met;
}

int pal_cli_processes_end(int status)
{
    if (here()->count < 2) return status;
    /* What only prints, as --help does, needs nobody. But others that do something else would wait for this process. */
    if (!all.met && status <= 0 && !load()) return status;
    status = all.met ? pal_cli_processes_agree(status) : pal_cli_processes_meet(status);
    fflush(stdout);
    fflush(stderr);
    pal_communicator_close(all.communicator, all.lost);
    all.communicator = NULL;
    if (pal_cli_is_first()) here()->count = 1; /* what is said from here on is printed at once */
    return status;
}
