/* product_mirror.c - the upper half of a symmetric product, from the lower one.
 *
 * In: C, of which the elements below the diagonal are made. Out: the others, by squares that fit into the cache, since
 * one of two matrices is always read or written against its order. */
#include "ops/product.h"

enum { SIDE = 16 }; /* elements: a line of floats */

typedef struct job {
    char *c;
    size_t n;
    int64_t row;
    bool single;
} job;

static void copy(const job *j, size_t r, size_t k)
{
    const int64_t to = (int64_t)r * j->row + (int64_t)k, from = (int64_t)k * j->row + (int64_t)r;
    if (j->single)
        ((float *)(void *)j->c)[to] = ((const float *)(const void *)j->c)[from];
    else
        ((double *)(void *)j->c)[to] = ((const double *)(const void *)j->c)[from];
}

/* The squares of one band of rows, from the diagonal on. */
static void band(void *argument, size_t task, unsigned worker)
{
    const job *j = argument;
    const size_t r0 = task * SIDE, r1 = r0 + SIDE < j->n ? r0 + SIDE : j->n;
    (void)worker;
    for (size_t k0 = r0; k0 < j->n; k0 += SIDE)
        for (size_t r = r0; r < r1; r++)
            for (size_t k = k0 > r ? k0 : r + 1; k < j->n && k < k0 + SIDE; k++) copy(j, r, k);
}

void pal__product_mirror(pal_context *context, const pal__product *p, void *c)
{
    job j = {.c = c, .n = p->n, .row = p->c_row, .single = p->dtype == PAL_F32};
    pal_parallel(context, (p->n + SIDE - 1) / SIDE, band, &j);
}
