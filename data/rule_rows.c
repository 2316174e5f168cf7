/* rule_rows.c - the training rows of a very large mapped file from which its scaling is learnt.
 *
 * They are runs of rows all over the file, since single rows would be as many reads of the disk; without those that are
 * drawn for testing. The runs are asked for at once, and nothing around them. */
#include "data/open.h"
#include "data/store.h"

#include <stdlib.h>

enum { FEW = 1 << 16 };

uint32_t *palt__rule_rows(const palt__raw *raw, const palt__permutation *order, size_t *n)
{
    const size_t all = (size_t)raw->values->shape.dim[0], training = *n, columns = pal_tensor_count(raw->values) / all;
    const size_t seen = training <= FEW ? training : palt__scale_rows(all, columns, raw->values->shape.rank != 2);
    uint32_t *some = malloc(seen * sizeof *some);
    *n = 0;
    for (size_t i = 0; some && i < seen; i++) {
        const size_t row = palt__scale_row(i, seen, training <= FEW ? seen : all);
        if (training <= FEW)
            some[(*n)++] = (uint32_t)(order->n ? palt__permute(order, row) : row);
        else if ((order->n ? palt__place(order, row) : row) < training)
            some[(*n)++] = (uint32_t)row;
    }
    if (some && !*n) some[(*n)++] = (uint32_t)(order->n ? palt__permute(order, 0) : 0);
    palt__raw_in_order(raw, false); /* or the kernel reads megabytes around each run */
    if (some) palt__raw_want(raw, some, *n);
    return some;
}
