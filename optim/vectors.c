/* vectors.c - passes over long vectors: elementwise steps, and the sums of their results.
 *
 * In: slabs of one layout, and scalars. Out: changed slabs, and up to five sums in double. The elements are divided
 * into the blocks of a sum (machine/sum.c), and 64 blocks are a task of the context's workers. Each block gives its
 * sums, and the library's sum adds those of all blocks. So each number is a function of the elements alone, with any
 * number of threads, and a vector of float32 has sums as exact as those of float64.
 *
 * Why passes and not tape programs: their scalars are results of earlier passes, which the host needs to decide what
 * comes next. A pass reads and writes each vector once, and does all that a method needs there at the same time: long
 * vectors do not fit into a cache, and the time is that of memory. */
#include "optim/vectors_kernels.h"

#include <math.h>
#include <string.h>

enum { TASK_BLOCKS = 64 };

static const struct {
    size_t vectors, sums;
} needs[] = {
    [PAL__PASS_dot] = {2, 1},      [PAL__PASS_size] = {1, 3},         [PAL__PASS_step] = {3, 0},
    [PAL__PASS_scaled] = {2, 0},   [PAL__PASS_add] = {3, 1},          [PAL__PASS_add_scaled] = {3, 1},
    [PAL__PASS_pair] = {6, 2},     [PAL__PASS_change] = {2, 3},       [PAL__PASS_conjugate] = {2, 1},
    [PAL__PASS_inner] = {6, 5},    [PAL__PASS_inner_next] = {3, 0},   [PAL__PASS_damp] = {2, 2},
    [PAL__PASS_residual] = {3, 0}, [PAL__PASS_precondition] = {1, 0},
};
static const pal__block_fn (*const blocks[PAL_ISA_COUNT])[2] = {
    [PAL_ISA_BASELINE] = pal__vector_blocks_baseline,
#ifdef PAL_X86
    [PAL_ISA_AVX2] = pal__vector_blocks_avx2,
    [PAL_ISA_AVX512] = pal__vector_blocks_avx512,
#endif
};

/* ---- The sum over the blocks ---------------------------------------------------------------------------------- */

static size_t block_count(const pal__space *s) { return (s->n + PAL__SUM_BLOCK - 1) / PAL__SUM_BLOCK; }

static pal_call sum_call(const pal__space *s, const pal_shape *in)
{
    return (pal_call){.context = s->context,
                      .n = 1,
                      .in_shape = in,
                      .in_dtype = (const pal_dtype[]){PAL_F64},
                      .shape = PAL_SCALAR,
                      .dtype = PAL_F64,
                      .scratch = s->scratch,
                      .lanes = 1};
}

bool pal__space_begin(pal__space *s, const pal_slab *x)
{
    const size_t width = 64 / pal_dtype_size(x->all->dtype);
    *s = (pal__space){.context = x->all->context, .dtype = x->all->dtype, .n = pal_tensor_count(x->all)};
    if (s->n % width) return false;
    const pal_shape in = PAL_SHAPE((int64_t)block_count(s));
    const pal_call call = sum_call(s, &in);
    s->partial = pal__alloc(s->context, (block_count(s) + 1) * PAL__PASS_SUMS * sizeof *s->partial);
    s->scratch = pal__alloc(s->context, pal__sum_scratch(&call) + 64);
    return s->partial && s->scratch;
}

void pal__space_end(pal__space *s)
{
    pal__free(s->context, s->partial);
    pal__free(s->context, s->scratch);
    s->partial = s->scratch = NULL;
}

static double total(const pal__space *s, const double *of_blocks)
{
    double out = 0;
    const pal_shape in = PAL_SHAPE((int64_t)block_count(s));
    pal_call call = sum_call(s, &in);
    call.in = (const void *const[]){of_blocks};
    call.out = &out;
    pal__sum_run(&call);
    return out;
}

/* ---- A pass --------------------------------------------------------------------------------------------------- */

typedef struct job {
    const pal__space *space;
    pal__block_fn block;
    size_t vectors, sums;
    char *v[PAL__PASS_VECTORS];
    const double *scalars;
} job;

static void task(void *argument, size_t number, unsigned worker)
{
    const job *j = argument;
    const pal__space *s = j->space;
    const size_t all = block_count(s), first = number * TASK_BLOCKS;
    (void)worker;
    for (size_t b = first; b < all && b < first + TASK_BLOCKS; b++) {
        void *v[PAL__PASS_VECTORS];
        double sums[PAL__PASS_SUMS];
        const size_t at = b * PAL__SUM_BLOCK, n = s->n - at < PAL__SUM_BLOCK ? s->n - at : PAL__SUM_BLOCK;
        for (size_t k = 0; k < j->vectors; k++) v[k] = j->v[k] + at * pal_dtype_size(s->dtype);
        j->block(n, v, j->scalars, sums);
        for (size_t k = 0; k < j->sums; k++) s->partial[k * all + b] = sums[k];
    }
}

void pal__pass(const pal__space *s, pal__pass_name pass, const pal_slab *const *vectors, const double *scalars,
               double *out)
{
    const size_t all = block_count(s);
    job j = {.space = s,
             .block = blocks[pal_kernel_isa(s->context)][pass][s->dtype == PAL_F64],
             .vectors = needs[pass].vectors,
             .sums = needs[pass].sums,
             .scalars = scalars};
    for (size_t k = 0; k < j.vectors; k++) j.v[k] = vectors[k]->all->data;
    pal_parallel(s->context, (all + TASK_BLOCKS - 1) / TASK_BLOCKS, task, &j);
    for (size_t k = 0; k < j.sums && out; k++)
        if (pass != PAL__PASS_size || k < 2) out[k] = total(s, s->partial + k * all);
    if (pass != PAL__PASS_size || !out) return;
    out[2] = isnan(out[0]) ? out[0] : 0;
    for (size_t b = 0; b < all; b++) out[2] = s->partial[2 * all + b] > out[2] ? s->partial[2 * all + b] : out[2];
}

double pal__dot(const pal__space *s, const pal_slab *a, const pal_slab *b)
{
    double out;
    PAL__PASS(s, dot, NULL, &out, a, b);
    return out;
}

void pal__vector_copy(const pal__space *s, pal_slab *to, const pal_slab *from)
{
    if (to != from) memcpy(to->all->data, from->all->data, s->n * pal_dtype_size(s->dtype));
}
