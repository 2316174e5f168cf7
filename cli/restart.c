/* restart.c - OpenBLAS chooses its kernels when it is loaded, before main. An older one does not know the processor and
 * takes slow ones. Nothing but a new start with an environment variable helps. */
#include "cli/restart.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autograd/autograd.h"

/* By its path, so that the process keeps its name: by the link alone it would be called exe. */
void pal_cli_restart(char **argv)
{
    char path[4096];
    const ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n > 0) {
        path[n] = 0;
        execve(path, argv, environ);
    }
    execve("/proc/self/exe", argv, environ); /* the file was moved or deleted meanwhile */
}

void pal_cli_take_kernels(char **argv)
{
    static const char name[] = PAL_CLI_KERNELS;
    if (getenv(name)) return;
    pal_context *context = pal_context_new(
        &(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = 1, .unpinned = true});
    const char *advice = context ? pal_context_advice(context) : NULL;
    const char *at = advice ? strstr(advice, PAL_CLI_KERNELS "=") : NULL;
    char value[64] = "";
    if (at) snprintf(value, sizeof value, "%.*s", (int)strcspn(at + sizeof name, " ,;"), at + sizeof name);
    pal_context_free(context);
    if (*value && !setenv(name, value, 0)) pal_cli_restart(argv);
}
