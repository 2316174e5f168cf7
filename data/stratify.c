/* stratify.c - draws labelled samples and keeps the proportions of the classes. */
#include "data/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Sets the number of samples per class: proportional, by the largest remainders, and at least one for each class. */
static void share_out(const int64_t count[256], int64_t total, int64_t labels, int64_t quota[256])
{
    int64_t given = 0;
    for (int k = 0; k < 256; k++) {
        quota[k] = (int64_t)((double)labels * (double)count[k] / (double)total);
        if (!quota[k] && count[k]) quota[k] = 1;
        given += quota[k];
    }
    while (given != labels) {
        int at = -1, step = given < labels ? 1 : -1;
        double most = -INFINITY;
        for (int k = 0; k < 256; k++) {
            double missing = step * ((double)labels * (double)count[k] / (double)total - (double)quota[k]);
            bool may = step > 0 ? quota[k] < count[k] : quota[k] > 1;
            if (!may || missing <= most) continue;
            most = missing;
            at = k;
        }
        quota[at] += step;
        given += step;
    }
}

pal_status pal_stratify(const pal_dataset *data, int64_t n, uint64_t seed, uint64_t draw, int folds, uint32_t *rows,
                        uint8_t *fold, pal_error *err)
{
    int64_t count[256] = {0}, quota[256], taken[256] = {0}, done = 0, classes = 0;
    if (!data->labels) return pal_error_set(err, PAL_ERR_ARGUMENT, "%s: has no labels", data->name);
    const uint8_t *labels = data->labels->data;
    for (int64_t i = 0; i < data->count; i++) classes += !count[labels[i]]++;
    if (n < classes || n > data->count)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "%lld labelled samples of %s: give %lld to %lld", (long long)n,
                             data->name, (long long)classes, (long long)data->count);
    if (folds < 1 || folds > 256) return pal_error_set(err, PAL_ERR_ARGUMENT, "%d folds: give 1 to 256", folds);
    uint32_t *order = malloc((size_t)data->count * sizeof *order);
    if (!order) return pal_error_set(err, PAL_ERR_MEMORY, "out of memory");
    pal_status status = pal_epoch_order(seed, "labels", draw, order, (size_t)data->count);
    share_out(count, data->count, n, quota);
    for (int64_t i = 0; !status && i < data->count; i++) {
        uint8_t label = labels[order[i]];
        if (taken[label] == quota[label]) continue;
        fold[done] = (uint8_t)(taken[label]++ % folds);
        rows[done++] = order[i];
    }
    free(order);
    return status ? pal_error_set(err, status, "cannot compute a random order of the labels") : PAL_OK;
}
