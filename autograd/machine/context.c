/* context.c - holds what would otherwise be global: allocator, worker pool, instruction set, BLAS set-up. */
#include "autograd/machine/internal.h"

#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const isa_names[PAL_ISA_COUNT] = {"baseline", "avx2", "avx512"};

static pal_isa best_isa(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
    if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
        return PAL_ISA_AVX512;
    if (avx2) return PAL_ISA_AVX2;
#endif
    return PAL_ISA_BASELINE;
}

static bool choose_isa(pal_context *c, const char *wanted)
{
    pal_isa best = best_isa();
    c->isa = best;
    if (!wanted) return true;
    for (int i = 0; i <= (int)best; i++)
        if (!strcmp(wanted, isa_names[i])) {
            c->isa = (pal_isa)i;
            return true;
        }
    return false;
}

/* OpenBLAS chooses its kernels when it is loaded. An older release does not recognise newer processors
 * and takes slower kernels. The environment variable OPENBLAS_CORETYPE overrides its choice. */
static void advise(pal_context *c)
{
    static const char *const old[] = {"Haswell", "Zen", "Sandybridge", "Nehalem", "Prescott", "Excavator"};
    if (best_isa() != PAL_ISA_AVX512) return;
    for (size_t i = 0; i < sizeof old / sizeof *old; i++)
        if (!strcasecmp(c->blas.core, old[i]))
            snprintf(c->advice, sizeof c->advice,
                     "OpenBLAS uses its %s kernels on a processor with AVX-512: set OPENBLAS_CORETYPE=SkylakeX before "
                     "the program starts, which makes matrix products about twice as fast",
                     c->blas.core);
}

static unsigned allowed_processors(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

pal_context *pal_context_new(const pal_context_options *given)
{
    pal_context_options o = {0};
    if (pal_options_read(&o, given, sizeof o, offsetof(pal_context_options, subnormals), "context", NULL)) return NULL;
    if (!o.allocate || !o.release) o.allocate = NULL; /* calloc and free (memory.c) */
    if (o.threads > 1024 || o.lanes > 4096) return NULL;
    pal_context *c = pal__allocate(&o, sizeof *c);
    if (!c) return NULL;
    c->options = o;
    if (!choose_isa(c, o.isa)) {
        pal__free(c, c);
        return NULL;
    }
    pal__blas_find(&c->blas);
    if (c->isa != PAL_ISA_BASELINE) /* who multiplies decides the bits: ops/product.c */
        strncat(c->blas.text, " and own kernels", sizeof c->blas.text - strlen(c->blas.text) - 1);
    advise(c);
    c->pool = pal__workers_new(c, o.dry ? 1 : o.threads ? o.threads : allowed_processors(), !o.unpinned);
    if (!c->pool) {
        pal__free(c, c);
        return NULL;
    }
    return c;
}

void pal_context_free(pal_context *c)
{
    if (!c) return;
    pal__workers_free(c, c->pool);
    pal__free(c, c);
}

/* A dry context runs nothing, but it plans for as many workers as it was given. */
unsigned pal_context_threads(const pal_context *c)
{
    return !c ? 0 : c->options.dry && c->options.threads ? c->options.threads : pal__workers_threads(c->pool);
}

unsigned pal_context_lanes(const pal_context *c)
{
    return c && c->options.lanes ? c->options.lanes : pal_context_threads(c);
}
const char *pal_context_isa(const pal_context *c) { return c ? isa_names[c->isa] : "none"; }
bool pal_context_subnormals(const pal_context *c) { return c && c->options.subnormals; }
const char *pal_context_blas(const pal_context *c) { return c ? c->blas.text : "none"; }
const char *pal_context_advice(const pal_context *c) { return c && c->advice[0] ? c->advice : NULL; }
pal_isa pal_kernel_isa(const pal_context *c) { return c ? c->isa : PAL_ISA_BASELINE; }
unsigned pal_worker_count(const pal_context *c) { return pal_context_threads(c); }

void pal_parallel(pal_context *c, size_t tasks, pal_task_fn task, void *argument)
{
    if (c && task) pal__workers_run(c->pool, tasks, task, argument);
}

void pal_parallel_look(const pal_context *c, unsigned worker)
{
    if (c && !worker) pal__workers_glance(c->pool);
}
