/* launched.c - whether a launcher of MPI has started several processes, which one this is, and what it may print.
 *
 * In: the environment. All that prints asks this file, so it calls none of the program's others. */
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/processes.h"

/* How launchers tell: the number of processes, which one this is, and the same on this machine. */
static const struct {
    const char *count, *rank, *here, *which_here;
} launchers[] = {
    {"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"},
    {"MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_LOCAL_SIZE", "MV2_COMM_WORLD_LOCAL_RANK"},
    {"PMI_SIZE", "PMI_RANK", "MPI_LOCALNRANKS", "MPI_LOCALRANKID"},
    {"SLURM_STEP_NUM_TASKS", "PMIX_RANK", NULL, "SLURM_LOCALID"}, /* srun --mpi=pmix */
};

/* The state of the process, as that of signals.c. */
static pal_cli_launched all = {.count = 1, .here = 1};

pal_cli_launched *pal_cli_processes(void) { return &all; }

static bool number(const char *name, int *out)
{
    const char *text = name ? getenv(name) : NULL;
    char *end;
    const long value = text ? strtol(text, &end, 10) : -1;
    if (value < 0 || value > INT_MAX || *end || end == text) return false;
    *out = (int)value;
    return true;
}

/* Options whose value may be that of a machine. */
static const char *const of_machine[] = {"--data", "--threads", "--max-memory"};

/* The length of such an option at the begin of an argument, else 0. */
static size_t is_of_machine(const char *argument)
{
    for (size_t i = 0; i < sizeof of_machine / sizeof *of_machine; i++) {
        const size_t n = strlen(of_machine[i]);
        if (!strncmp(argument, of_machine[i], n) && (!argument[n] || argument[n] == '=')) return n;
    }
    return 0;
}

static void keep_words(int argc, char **argv)
{
    size_t at = 0;
    for (int i = 1; i < argc && at < sizeof all.words; i++) {
        const size_t n = is_of_machine(argv[i]);
        const int length = n ? (int)n : (int)strnlen(argv[i], sizeof all.words);
        const bool has_value = argv[i][0] == '-' && !n && i + 1 < argc && argv[i + 1][0] != '-';
        at +=
            (size_t)snprintf(all.words + at, sizeof all.words - at, "%.*s%c", length, argv[i], has_value ? ' ' : '\n');
        if (n && !argv[i][n]) i++;
    }
}

void pal_cli_processes_begin(int argc, char **argv)
{
    int count, rank;
    keep_words(argc, argv);
    for (size_t i = 0; i < sizeof launchers / sizeof *launchers; i++) {
        if (!number(launchers[i].count, &count) || !number(launchers[i].rank, &rank) || count < 2) continue;
        all.count = count;
        all.rank = rank;
        all.which_here = rank;
        number(launchers[i].here, &all.here);
        number(launchers[i].which_here, &all.which_here);
        break;
    }
    const int nowhere = all.rank ? open("/dev/null", O_WRONLY | O_CLOEXEC) : -1;
    if (nowhere >= 0) {
        dup2(nowhere, STDOUT_FILENO);
        close(nowhere);
    }
}

int pal_cli_process_count(void) { return all.count; }
bool pal_cli_is_first(void) { return !all.rank; }
bool pal_cli_is_terminal(int descriptor) { return all.count < 2 && isatty(descriptor); }

bool pal_cli_processes_keep(int status, const char *line)
{
    if (all.count < 2) return false;
    if (status <= 0) return all.rank != 0;
    if (!*all.said) snprintf(all.said, sizeof all.said, "%s", line);
    return true;
}
