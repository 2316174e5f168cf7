/* setup.c - the processors, the BLAS kernels, and the output of `palindrome --version`.
 *
 * OpenBLAS chooses its kernels when it is loaded, before main. The only way to choose others is to set an environment
 * variable and to restart the program. This happens once, and never if the user has set the variable. */
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

#define VARIABLE "OPENBLAS_CORETYPE"

unsigned pal_cli_processors(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) ? 1 : (unsigned)CPU_COUNT(&set);
}

void pal_cli_set_up(char **argv)
{
    if (getenv(VARIABLE)) return;
    pal_context *context = pal_context_new(
        &(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = 1, .unpinned = true});
    const char *advice = context ? pal_context_advice(context) : NULL;
    const char *at = advice ? strstr(advice, VARIABLE "=") : NULL;
    char value[64] = "";
    if (at) snprintf(value, sizeof value, "%.*s", (int)strcspn(at + sizeof VARIABLE, " ,;"), at + sizeof VARIABLE);
    pal_context_free(context);
    if (!*value || setenv(VARIABLE, value, 0)) return;
    execve("/proc/self/exe", argv, environ); /* if this fails, the program goes on with the slower kernels */
}

pal_context *pal_cli_context(const pal_cli_args *args, int *status)
{
    unsigned threads = (unsigned)pal_cli_int(args, "threads", 0);
    size_t most = 0;
    const int limit = pal_cli_memory_limit(args, &most);
    if (limit != PAL_CLI_GO_ON) {
        *status = limit;
        return NULL;
    }
    pal_context *context = pal_context_new(
        &(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = threads, .max_memory = most});
    if (!context) *status = pal_cli_say(PAL_CLI_FAILED, "not enough memory or threads to start");
    return context;
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
