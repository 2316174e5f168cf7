/* setup.c - the processors, the BLAS kernels, and the output of `palindrome --version`.
 *
 * OpenBLAS chooses its kernels when it is loaded, and so does the C library for functions such as pow: before main. The
 * only way to choose others is to set environment variables and to restart the program (restart.c). --portable, or a
 * run that was trained with it, needs kernels that every processor has, whatever the user chose. */
#include <dlfcn.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/processes.h"
#include "cli/restart.h"

unsigned pal_cli_processors(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) ? 1 : (unsigned)CPU_COUNT(&set);
}

const char *pal_cli_libc(char *out, size_t size)
{
    static const char name[] = "gnu_get_libc_version";
    void *symbol = dlsym(RTLD_DEFAULT, name);
    const char *(*version)(void) = NULL;
    memcpy(&version, &symbol, sizeof version); /* as in blas.c */
    snprintf(out, size, "%s%s", version ? "glibc " : "", version ? version() : "");
    return *out ? out : NULL;
}

/* Processes that share the processors of this one; 1: none, or each has its own. A launcher may bind a process to a
 * processor, to a socket, or not at all: all are taken to have equally many processors, spread over the machine. */
static unsigned neighbours(void)
{
    const long here = pal_cli_processes()->here, online = sysconf(_SC_NPROCESSORS_ONLN);
    if (pal_cli_process_count() < 2 || here < 2 || online < 1) return 1;
    const long sharing = (here * (long)pal_cli_processors() + online - 1) / online;
    return sharing > 1 ? (unsigned)(sharing < here ? sharing : here) : 1;
}

/* ---- The same bits on every processor ------------------------------------------------------------------------- */

/* The kernels of Nehalem are in every OpenBLAS for several x86-64 processors, they need SSE4.2 at most, and their block
 * sizes are constants. (Those of Prescott and Core2 follow the size of the cache, on which the rounding then depends.)
 * Without FMA, the C library computes exp, log, pow, sin, cos and others as on a processor without it. */
#define CORE     "Nehalem"
#define TUNABLES "GLIBC_TUNABLES"
#define NO_FMA   "glibc.cpu.hwcaps=-FMA,-FMA4"
#define BLOCKS   "OPENBLAS_BLOCK_FACTOR" /* scales the block sizes */

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(end), all = text ? strlen(text) : 0;
    return all >= n && !strcmp(text + all - n, end);
}

/* Whether this process was started with the variables that --portable needs. */
static bool pinned(void)
{
    const char *core = getenv(PAL_CLI_KERNELS);
    return core && !strcmp(core, CORE) && ends_with(getenv(TUNABLES), NO_FMA) && !getenv(BLOCKS);
}

/* The user's tunables, and ours after them: of two that are equal, the C library takes the last. */
static bool set_variables(void)
{
    const char *own = getenv(TUNABLES);
    char *both = NULL;
    if (asprintf(&both, "%s%s" NO_FMA, own ? own : "", own && *own ? ":" : "") < 0) return false;
    const bool good = !setenv(PAL_CLI_KERNELS, CORE, 1) && !setenv(TUNABLES, both, 1) && !unsetenv(BLOCKS);
    free(both);
    return good;
}

/* Starts the program again with the same arguments. Returns only if that fails. */
static void restart(void)
{
    enum { MOST = 1 << 16 };
    char **argv = calloc(MOST + 1, sizeof *argv);
    FILE *file = fopen("/proc/self/cmdline", "re");
    size_t n = 0, room = 0;
    while (argv && file && n < MOST && getdelim(&argv[n], &room, 0, file) > 0) {
        n++;
        room = 0;
    }
    if (n && n < MOST) {
        free(argv[n]);
        argv[n] = NULL;
        pal_cli_restart(argv);
    }
    if (file) fclose(file);
    for (size_t i = 0; argv && i <= n; i++) free(argv[i]);
    free(argv);
}

/* PAL_CLI_GO_ON: the products and the C library compute as on every processor. */
static int pin(const pal_context *context)
{
    const char *blas = pal_context_blas(context);
    if (strncmp(blas, "OpenBLAS ", 9) != 0)
        return pal_cli_say(PAL_CLI_FAILED,
                           "--portable needs OpenBLAS, whose kernels can be chosen, but products are by: %s", blas);
#if defined(__x86_64__)
    if (!__builtin_cpu_supports("sse4.2"))
        return pal_cli_say(PAL_CLI_FAILED, "--portable needs a processor with SSE4.2: leave it out here");
#endif
    if (!pinned()) {
        if (set_variables()) restart();
        return pal_cli_say(PAL_CLI_FAILED, "--portable cannot restart the program: is /proc mounted?");
    }
    if (strstr(blas, " " CORE ",")) return PAL_CLI_GO_ON;
    return pal_cli_say(PAL_CLI_FAILED,
                       "--portable needs an OpenBLAS that has the kernels for " CORE ", but here products are by %s",
                       blas);
}

pal_context *pal_cli_context(const pal_cli_args *args, const pal_run_info *run, int *status)
{
    const bool portable = pal_cli_flag(args, "portable") || (run && run->portable);
    pal_context_options o = {.struct_size = sizeof o, .threads = (unsigned)pal_cli_int(args, "threads", 0)};
    const int limit = pal_cli_memory_limit(args, &o.max_memory);
    if (limit != PAL_CLI_GO_ON) {
        *status = limit;
        return NULL;
    }
    if (portable) {
        o.isa = "baseline";
        o.lanes = run && run->lanes > 0 && run->lanes <= 4096 ? (unsigned)run->lanes : 1;
    }
    const unsigned sharing = neighbours();
    if (sharing > 1) { /* several processes have these processors: two threads must not be tied to one */
        const unsigned share = pal_cli_processors() / sharing;
        if (!o.threads) o.threads = share > 1 ? share : 1;
        o.unpinned = true;
    }
    pal_context *context = pal_context_new(&o);
    if (!context) *status = pal_cli_say(PAL_CLI_FAILED, "not enough memory or threads to start");
    int wrong = context && portable ? pin(context) : PAL_CLI_GO_ON;
    if (context && wrong == PAL_CLI_GO_ON)
        wrong = pal_cli_processes_meet(PAL_CLI_GO_ON); /* no new start from here on */
    if (wrong == PAL_CLI_GO_ON) return context;
    *status = wrong;
    pal_context_free(context);
    return NULL;
}

int pal_cli_print_version(void)
{
    pal_context *context = pal_context_new(NULL);
    if (!context) return pal_cli_say(PAL_CLI_FAILED, "not enough memory or threads to start");
    printf("palindrome %s\n", pal_version());
    printf("instructions  %s\n", pal_context_isa(context));
    printf("products      %s\n", pal_context_blas(context));
    printf("threads       %u\n", pal_context_threads(context));
    if (pal_context_advice(context)) printf("advice        %s\n", pal_context_advice(context));
    pal_context_free(context);
    return PAL_CLI_DONE;
}
