/* split.c - draws the samples for testing and for validation.
 *
 * The draw depends on a seed, the name of the draw, and the labels: never on the order in which parts are asked for.
 * With labels, each class gives its share (largest remainders). Without a draw, the test samples of a file that is
 * sorted, as many are, would be others than its training samples. */
#include "data/open.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool palt__split_count(const char *text, int64_t all, int64_t *count)
{
    double value;
    const locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    const char *end = plain ? palt__number_parse(text, '.', plain, &value) : NULL;
    if (plain) freelocale(plain);
    if (!end || *end || !(value >= 0)) return false;
    if (value >= 1 && value != floor(value)) return false;
    const double want = value < 1 ? fmax(round(value * (double)all), value > 0) : value;
    *count = want < 9e18 ? (int64_t)want : INT64_MAX;
    return true;
}

/* How many of each class are drawn: its share of n, by the largest remainders; of equal ones, the lower class. */
static void share_out(const int64_t count[256], int64_t all, int64_t n, int64_t quota[256])
{
    int64_t given = 0;
    for (int k = 0; k < 256; k++) given += quota[k] = (int64_t)((double)n * (double)count[k] / (double)all);
    for (; given < n; given++) {
        int at = -1;
        double most = -1;
        for (int k = 0; k < 256; k++) {
            const double rest = (double)n * (double)count[k] / (double)all - (double)quota[k];
            if (quota[k] >= count[k] || rest <= most) continue;
            most = rest;
            at = k;
        }
        quota[at]++;
    }
}

pal_status palt__split_draw(uint32_t *rows, size_t *left, const pal_tensor *labels, int64_t n, uint64_t seed,
                            const char *stream, const char *path, uint32_t **drawn, pal_error *err)
{
    const size_t all = *left, most = (size_t)n;
    int64_t count[256] = {0}, quota[256] = {0};
    if (n < 1 || most >= all)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "%s: %lld %s samples of %zu: choose 1 to %zu",
                             palt__shown_path(path), (long long)n, stream, all, all ? all - 1 : 0);
    uint32_t *order = malloc(all * sizeof *order), *out = malloc(most * sizeof *out);
    uint8_t *taken = calloc(all, 1);
    pal_status status = order && out && taken ? pal_epoch_order(seed, stream, 0, order, all) : PAL_ERR_MEMORY;
    const uint8_t *label = labels ? labels->data : NULL;
    for (size_t i = 0; i < all && !status; i++) count[label ? label[rows[i]] : 0]++;
    if (!status) share_out(count, (int64_t)all, n, quota);
    for (size_t i = 0; i < all && !status; i++) {
        int64_t *of_class = &quota[label ? label[rows[order[i]]] : 0];
        if (*of_class > 0) taken[order[i]] = 1;
        *of_class -= *of_class > 0;
    }
    size_t kept = 0, at = 0;
    for (size_t i = 0; i < all && !status; i++) {
        if (taken[i])
            out[at++] = rows[i];
        else
            rows[kept++] = rows[i];
    }
    free(order);
    free(taken);
    if (status) {
        free(out);
        return pal_error_set(err, status, "%s: no memory to draw its %s samples", palt__shown_path(path), stream);
    }
    *left = kept;
    *drawn = out;
    return PAL_OK;
}

pal_status palt__split_only(uint32_t *rows, size_t *n, const palt__raw *raw, const pal_data_options *options,
                            const char *path, pal_error *err)
{
    const char *list = palt__data_option(options, "only");
    size_t kept = 0;
    if (!list) return PAL_OK;
    if (!raw->labels || !rows)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "%s: --only %.40s needs labels: %s", palt__shown_path(path), list,
                             rows ? "say which column they are, by --label" : "there are too many samples for it");
    bool keeps[256] = {false};
    for (int k = 0; k < 256; k++) {
        const char *name = raw->classes && (size_t)k < raw->n_classes ? raw->classes[k] : NULL;
        keeps[k] = palt__data_option_lists(options, "only", name, name ? -1 : k);
    }
    const uint8_t *label = raw->labels->data;
    for (size_t i = 0; i < *n; i++)
        if (keeps[label[rows[i]]]) rows[kept++] = rows[i];
    if (!kept)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "%s: no training sample has a label of --only %.40s",
                             palt__shown_path(path), list);
    *n = kept;
    return PAL_OK;
}
