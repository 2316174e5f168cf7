/* kernels.c - starts a bench again with the kernels of OpenBLAS that the processor can run. OpenBLAS chooses them when
 * it is loaded, before main, so that nothing but a new start helps. */
#include "bench/kernels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autograd/autograd.h"

#define VARIABLE "OPENBLAS_CORETYPE"

void take_blas_kernels(char **argv)
{
    if (getenv(VARIABLE)) return;
    pal_context *context = pal_context_new(
        &(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = 1, .unpinned = true});
    const char *advice = context ? pal_context_advice(context) : NULL;
    const char *at = advice ? strstr(advice, VARIABLE "=") : NULL;
    char value[64] = "";
    if (at) snprintf(value, sizeof value, "%.*s", (int)strcspn(at + sizeof VARIABLE, " ,;"), at + sizeof VARIABLE);
    pal_context_free(context);
    if (*value && !setenv(VARIABLE, value, 0)) execv("/proc/self/exe", argv);
}
