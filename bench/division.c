/* division.c - runs a product by BLAS: each part is one call by one thread. Bounds are multiples of a cache line. */
#include "bench/division.h"

#include <cblas.h>
#include <stddef.h>

#include "autograd/operation.h"

enum { GRAIN = 16 };

static void part(void *argument, size_t i, unsigned worker)
{
    const division *d = argument;
    const product *p = &d->p;
    (void)worker;
    const int length = d->by_rows ? p->m : p->n, units = (length + GRAIN - 1) / GRAIN;
    const int from = (int)i * units / d->parts * GRAIN, end = ((int)i + 1) * units / d->parts * GRAIN;
    const int to = end < length ? end : length;
    if (to <= from) return;
    const int lda = p->ta ? p->m : p->k, ldb = p->tb ? p->k : p->n;
    const float *a = d->a + (d->by_rows ? (p->ta ? from : (ptrdiff_t)from * lda) : 0);
    const float *b = d->b + (d->by_rows ? 0 : (p->tb ? (ptrdiff_t)from * ldb : from));
    float *c = d->c + (d->by_rows ? (ptrdiff_t)from * p->n : from);
    if (d->vector && p->tb)
        cblas_sgemv(CblasRowMajor, CblasNoTrans, to - from, p->k, 1, b, ldb, a, 1, 0, c, 1);
    else if (d->vector)
        cblas_sgemv(CblasRowMajor, CblasTrans, p->k, to - from, 1, b, ldb, a, 1, 0, c, 1);
    else
        cblas_sgemm(CblasRowMajor, p->ta ? CblasTrans : CblasNoTrans, p->tb ? CblasTrans : CblasNoTrans,
                    d->by_rows ? to - from : p->m, d->by_rows ? p->n : to - from, p->k, 1, a, lda, b, ldb, 0, c, p->n);
}

void division_run(pal_context *context, const division *d)
{
    pal_parallel(context, (size_t)d->parts, part, (void *)(uintptr_t)d);
}
