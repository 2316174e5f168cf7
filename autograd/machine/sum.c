/* sum.c - the one definition of a sum, and its kernel.
 *
 * The values of one result, in row-major order, are divided into blocks of PAL__SUM_BLOCK. A block is summed with 16
 * partial sums and a fixed tree (kernels_type.h). Block sums are added in pairs of equal size; the sums that remain are
 * added from the smallest to the largest. The order depends only on the count, so fused, unfused and threaded code give
 * the same bits, and the error grows with the logarithm of the count. */
#include "autograd/machine/kernels.h"

#include <string.h>

typedef struct sum_layout { /* the axes of the input, kept or reduced; neighbours of the same kind are joined */
    int n_kept, n_reduced;
    int64_t kept[PAL_MAX_RANK], kept_stride[PAL_MAX_RANK], reduced[PAL_MAX_RANK], reduced_stride[PAL_MAX_RANK];
    size_t columns; /* the length of the last axis if it is kept, so results are adjacent; else 1 */
    size_t outputs, terms;
} sum_layout;

static sum_layout lay_out(pal_shape in, pal_shape out)
{
    sum_layout l = {.columns = 1, .outputs = 1, .terms = 1};
    int64_t stride[PAL_MAX_RANK];
    pal__strides(in, stride);
    int last_kind = -1;
    for (int a = 0; a < in.rank; a++) {
        int b = a - (in.rank - out.rank);
        bool reduced = b < 0 || (out.dim[b] == 1 && in.dim[a] != 1);
        if (in.dim[a] == 1) continue;
        int *n = reduced ? &l.n_reduced : &l.n_kept;
        int64_t *dim = reduced ? l.reduced : l.kept, *st = reduced ? l.reduced_stride : l.kept_stride;
        if (last_kind != reduced) {
            dim[*n] = 1;
            ++*n;
        }
        dim[*n - 1] *= in.dim[a];
        st[*n - 1] = stride[a];
        last_kind = reduced;
    }
    for (int i = 0; i < l.n_kept; i++) l.outputs *= (size_t)l.kept[i];
    for (int i = 0; i < l.n_reduced; i++) l.terms *= (size_t)l.reduced[i];
    if (last_kind == 0) {
        l.columns = (size_t)l.kept[l.n_kept - 1];
        l.n_kept--;
    }
    return l;
}

static int64_t offset_of(size_t index, int n, const int64_t *dim, const int64_t *stride)
{
    int64_t offset = 0;
    for (int i = n - 1; i >= 0; i--) {
        offset += (int64_t)(index % (size_t)dim[i]) * stride[i];
        index /= (size_t)dim[i];
    }
    return offset;
}

static int64_t term_offset(const sum_layout *l, size_t term)
{
    return offset_of(term, l->n_reduced, l->reduced, l->reduced_stride);
}

/* If there are few results with many terms, the terms are divided into units of UNIT blocks, whose sums are added
 * afterwards. If there are many results, they are divided into ranges. Both use the same tree as above. */
enum { UNIT = 64, UNIT_TERMS = UNIT * PAL__SUM_BLOCK };
enum { LEVELS = 48 };  /* levels of the tree: more than any count needs */
enum { AHEAD = 8 };    /* runs between the one that is copied and the one that is asked for */
enum { GATHERED = 8 }; /* neighbouring results computed at once if their terms are copied first: a block is 16 KB */

#define T        float
#define FN(name) name##_f32
/* clang-format off */
#define KERNEL(name) {pal__##name##_f32_baseline, PAL_MORE(name, f32)}
/* clang-format on */
#ifdef PAL_X86
#define PAL_MORE(name, t) pal__##name##_##t##_avx2, pal__##name##_##t##_avx512
#else
#define PAL_MORE(name, t) 0
#endif
#include "autograd/machine/sum_type.h"
#undef T
#undef FN
#undef KERNEL
#define T        double
#define FN(name) name##_f64
/* clang-format off */
#define KERNEL(name) {pal__##name##_f64_baseline, PAL_MORE(name, f64)}
/* clang-format on */
#include "autograd/machine/sum_type.h"

size_t pal__sum_scratch(const pal_call *call)
{
    sum_layout l = lay_out(call->in_shape[0], call->shape);
    size_t units = (l.terms + UNIT_TERMS - 1) / UNIT_TERMS;
    return units > 1 ? units * l.outputs * pal_dtype_size(call->dtype) : 0;
}

pal_status pal__sum_run(const pal_call *call)
{
    sum_layout l = lay_out(call->in_shape[0], call->shape);
    pal_isa isa = pal_kernel_isa(call->context);
    if (l.terms == 1) /* each result is its only term, including the sign of zero, as after the pass simplify */
        memcpy(call->out, call->in[0], l.outputs * pal_dtype_size(call->dtype));
    else if (call->dtype == PAL_F32)
        sum_f32(call, &l, isa);
    else
        sum_f64(call, &l, isa);
    return PAL_OK;
}

void pal__sum_block(pal_dtype dtype, pal_isa isa, const void *x, size_t n, void *out)
{
    if (dtype == PAL_F32)
        *(float *)out = blocks_f32[isa](x, n);
    else
        *(double *)out = blocks_f64[isa](x, n);
}

void pal__sum_blocks(pal_dtype dtype, const void *sums, size_t rows, size_t blocks, void *out)
{
    if (dtype == PAL_F32)
        add_parts_f32(sums, blocks, 1, rows, blocks, out);
    else
        add_parts_f64(sums, blocks, 1, rows, blocks, out);
}
