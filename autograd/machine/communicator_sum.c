/* communicator_sum.c - the sum of the shards of one process, over their part of the tree.
 *
 * In: k values of n elements. Out: their sum, in the order of the tree. The elements are cut into pieces that stay in
 * the cache. For a piece, the values are added as a binary counter counts: two sums of equally many shards become one
 * at once, and what remains is joined from the right. For n shards that is the tree whose left part is the largest
 * power of two below n. So one piece for each digit of k is all the memory it takes. */
#include "autograd/machine/communicator_internal.h"
#include "autograd/machine/kernels.h"

#include <string.h>

enum {
    PIECE = 4096,      /* bytes, of which each level of the tree has one */
    TASK = 16 * PIECE, /* bytes, for one worker */
    DIGITS = 17,       /* of PAL_SHARDS_MOST */
    TASKS_MOST = 1 << 16
};

typedef void plus_function(size_t n, void *out, const void *a, const void *b);

static void join(size_t n, void *out, const void *a, const void *b)
{
    int32_t *y = out;
    const int32_t *u = a, *v = b;
#pragma omp simd
    for (size_t i = 0; i < n; i++) y[i] = u[i] | v[i];
}

/* A NaN stays one. */
#define LARGER(name, T)                                                                                                \
    static void name(size_t n, void *out, const void *a, const void *b)                                                \
    {                                                                                                                  \
        T *y = out;                                                                                                    \
        const T *u = a, *v = b;                                                                                        \
        for (size_t i = 0; i < n; i++) y[i] = u[i] > v[i] || u[i] != u[i] ? u[i] : v[i];                               \
    }
LARGER(larger_f32, float)
LARGER(larger_f64, double)
#undef LARGER

static plus_function *plus_of(const pal_context *context, pal__combine how, pal_dtype dtype)
{
#define ROW(name, isa) pal__##name##_##isa
    static plus_function *const f32[PAL_ISA_COUNT] = PAL_EACH_ISA(ROW, plus_f32);
    static plus_function *const f64[PAL_ISA_COUNT] = PAL_EACH_ISA(ROW, plus_f64);
#undef ROW
    const pal_isa isa = pal_kernel_isa(context);
    if (how == PAL__OR) return join;
    if (how == PAL__LARGEST) return dtype == PAL_F32 ? larger_f32 : larger_f64;
    return dtype == PAL_F32 ? f32[isa] : f64[isa];
}

typedef struct sum {
    plus_function *plus;
    size_t k, n, width; /* n elements of so many bytes */
    const void *const *in;
    char *out;
    size_t task; /* elements */
} sum;

/* The elements from `first` on, of which there are no more than fit into a piece. */
static void sum_piece(const sum *s, size_t first, size_t n)
{
    _Alignas(64) char room[DIGITS][PIECE];
    const void *sums[DIGITS]; /* each of fewer shards than the one before */
    const size_t at = first * s->width;
    char *out = s->out + at;
    size_t depth = 0;
    for (size_t i = 0; i < s->k; i++) {
        sums[depth++] = (const char *)s->in[i] + at;
        /* As often as the count of shards so far can be halved, and at the end for all that remains. */
        for (size_t count = i + 1; depth > 1 && (count % 2 == 0 || i + 1 == s->k); count /= 2, depth--) {
            void *to = depth == 2 && i + 1 == s->k ? out : room[depth - 2];
            s->plus(n, to, sums[depth - 2], sums[depth - 1]);
            sums[depth - 2] = to;
        }
    }
    if (sums[0] != out) memcpy(out, sums[0], n * s->width);
}

static void sum_task(void *argument, size_t task, unsigned worker)
{
    (void)worker;
    const sum *s = argument;
    const size_t piece = PIECE / s->width, end = s->n - task * s->task < s->task ? s->n : (task + 1) * s->task;
    for (size_t first = task * s->task; first < end; first += piece)
        sum_piece(s, first, end - first < piece ? end - first : piece);
}

void pal__tree_sum(pal_context *context, pal__combine how, pal_dtype dtype, size_t k, const void *const *in, void *out,
                   size_t n)
{
    const size_t width = pal_dtype_size(dtype);
    sum s = {plus_of(context, how, dtype), k, n, width, in, out, TASK / width};
    if (!n || (k == 1 && out == in[0])) return;
    while (n / s.task >= TASKS_MOST) s.task *= 2;
    const size_t tasks = (n + s.task - 1) / s.task;
    if (tasks > 1 && context)
        pal_parallel(context, tasks, sum_task, &s);
    else
        for (size_t i = 0; i < tasks; i++) sum_task(&s, i, 0);
}

void pal__plus(pal_context *context, bool alone, pal__combine how, pal_dtype dtype, size_t n, void *out, const void *a,
               const void *b)
{
    const size_t width = pal_dtype_size(dtype);
    if (alone || n * width <= TASK)
        plus_of(context, how, dtype)(n, out, a, b);
    else
        pal__tree_sum(context, how, dtype, 2, (const void *const[]){a, b}, out, n);
}
