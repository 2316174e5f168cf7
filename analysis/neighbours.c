/* neighbours.c - the samples of a data set nearest to given points, by Euclidean distance and exhaustive search. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/operation.h"
#include "analysis/internal.h"

enum { BLOCK = 512 };

typedef struct search {
    const float *points, *block;
    int64_t features, rows, first, k; /* rows of the block; the first is sample `first` */
    double *distance;                 /* [points, k], squared, ascending; infinity: none found yet */
    uint32_t *found;                  /* [points, k] */
} search;

static double distance2(const float *a, const float *b, int64_t n)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return (double)sum;
}

/* Compares one point with one block. A sample at distance 0 is the point itself; it has no direction and is skipped. */
static void compare(void *argument, size_t point, unsigned worker)
{
    const search *s = argument;
    double *distance = s->distance + (int64_t)point * s->k;
    uint32_t *found = s->found + (int64_t)point * s->k;
    (void)worker;
    for (int64_t r = 0; r < s->rows; r++) {
        double d = distance2(s->points + (int64_t)point * s->features, s->block + r * s->features, s->features);
        int64_t at = s->k;
        if (d <= 0) continue;
        while (at > 0 && d < distance[at - 1]) at--;
        if (at == s->k) continue;
        memmove(distance + at + 1, distance + at, (size_t)(s->k - at - 1) * sizeof *distance);
        memmove(found + at + 1, found + at, (size_t)(s->k - at - 1) * sizeof *found);
        distance[at] = d;
        found[at] = (uint32_t)(s->first + r);
    }
}

pal_status palt__neighbours(pal_context *context, const float *points, size_t n, const pal_dataset *among, size_t k,
                            uint32_t *found, double *distance, pal_error *err)
{
    pal_tensor *block = pal_tensor_new(context, PAL_F32, PAL_SHAPE(BLOCK, among->features));
    if (!block) return palt__no_memory(err);
    search s = {.points = points,
                .block = block->data,
                .features = among->features,
                .k = (int64_t)k,
                .distance = distance,
                .found = found};
    pal_status status = PAL_OK;
    for (size_t i = 0; i < n * k; i++) distance[i] = INFINITY;
    for (s.first = 0; !status && s.first < among->count; s.first += s.rows) {
        uint32_t rows[BLOCK];
        s.rows = among->count - s.first < BLOCK ? among->count - s.first : BLOCK;
        for (int64_t r = 0; r < BLOCK; r++) rows[r] = (uint32_t)(s.first + (r < s.rows ? r : 0));
        status = pal_dataset_gather(among, rows, BLOCK, block, err);
        if (!status) pal_parallel(context, n, compare, &s);
    }
    pal_tensor_free(block);
    for (size_t i = 0; i < n * k; i++) distance[i] = sqrt(distance[i]);
    return status;
}
