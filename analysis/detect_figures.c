/* detect_figures.c - thresholds, and how well scores tell odd samples where it is known which are odd.
 *
 * All figures come from one ranking: the scores in descending order, samples of equal score as one step, since no
 * threshold can separate them. Average precision is the sum over steps of precision times the growth of recall, without
 * interpolation between steps (Davis and Goadrich 2006 say why a straight line there is too good). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/internal.h"

typedef struct ranked {
    double score;
    bool odd;
} ranked;

static int descending(const void *a, const void *b)
{
    const double x = ((const ranked *)a)->score, y = ((const ranked *)b)->score;
    return (x < y) - (x > y);
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double pal_score_quantile(double *score, size_t n, double q)
{
    if (!n || !(q >= 0 && q <= 1)) return (double)NAN;
    qsort(score, n, sizeof *score, ascending);
    const double place = q * (double)(n - 1), low = floor(place);
    const size_t i = (size_t)low;
    if (i + 1 >= n || score[i] == score[i + 1] || place == low) return score[i];
    if (isinf(score[i + 1])) return score[i]; /* nothing is between a number and infinity */
    return score[i] + (place - low) * (score[i + 1] - score[i]);
}

/* NULL: failed. The caller frees the ranking. */
static ranked *rank(const double *score, const uint8_t *odd, size_t n, size_t *n_odd, pal_error *err)
{
    ranked *r = malloc((n + 1) * sizeof *r);
    if (!r) {
        palt__no_memory(err);
        return NULL;
    }
    *n_odd = 0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(score[i])) {
            pal_error_set(err, PAL_ERR_ARGUMENT, "detect: score %zu is not a number", i);
            free(r);
            return NULL;
        }
        r[i] = (ranked){score[i], odd[i] != 0};
        *n_odd += r[i].odd;
    }
    qsort(r, n, sizeof *r, descending);
    return r;
}

/* The end of the step that begins at i; *hits grows by its odd samples. */
static size_t step(const ranked *r, size_t n, size_t i, size_t *hits)
{
    const double score = r[i].score;
    for (; i < n && r[i].score == score; i++) *hits += r[i].odd;
    return i;
}

static double area(const ranked *r, size_t n, size_t n_odd)
{
    double *split = malloc((n + 1) * sizeof *split);
    if (!split) return (double)NAN;
    size_t a = 0, b = n - n_odd;
    for (size_t i = 0; i < n; i++) split[r[i].odd ? b++ : a++] = r[i].score;
    const double auc = pal_auc(split, n - n_odd, split + (n - n_odd), n_odd);
    free(split);
    return auc;
}

static double ratio(size_t a, size_t b) { return b ? (double)a / (double)b : (double)NAN; }

pal_status pal_detection_of(const double *score, const uint8_t *odd, size_t n, double threshold, pal_detection *out,
                            pal_error *err)
{
    size_t n_odd, flagged = 0, caught = 0, hits = 0;
    ranked *r = rank(score, odd, n, &n_odd, err);
    if (!r) return err ? err->status : PAL_ERR_ARGUMENT;
    double average = n_odd ? 0 : (double)NAN;
    for (size_t i = 0; i < n;) {
        const size_t before = hits;
        const bool over = r[i].score > threshold;
        i = step(r, n, i, &hits);
        if (n_odd) average += (double)hits / (double)i * ((double)(hits - before) / (double)n_odd);
        if (over) flagged = i, caught = hits;
    }
    *out = (pal_detection){.samples = (int64_t)n,
                           .odd = (int64_t)n_odd,
                           .flagged = (int64_t)flagged,
                           .hits = (int64_t)caught,
                           .auroc = area(r, n, n_odd),
                           .average_precision = average,
                           .precision = ratio(caught, flagged),
                           .recall = ratio(caught, n_odd),
                           .f1 = n_odd ? 2 * (double)caught / (double)(flagged + n_odd) : (double)NAN};
    free(r);
    return PAL_OK;
}

/* A number below `high` and not below `low`, in the middle if there is one. */
static double between(double low, double high)
{
    if (isinf(low)) return nextafter(high, -INFINITY);
    if (isinf(high)) return low;
    const double middle = low + (high - low) / 2;
    return middle < high ? middle : low;
}

pal_status pal_best_f1(const double *score, const uint8_t *odd, size_t n, double *threshold, pal_error *err)
{
    size_t n_odd, hits = 0;
    ranked *r = rank(score, odd, n, &n_odd, err);
    if (!r) return err ? err->status : PAL_ERR_ARGUMENT;
    double best = -1;
    *threshold = NAN;
    for (size_t i = 0; i < n && n_odd;) {
        const double at = r[i].score;
        i = step(r, n, i, &hits);
        const double f1 = 2 * (double)hits / (double)(i + n_odd);
        if (f1 <= best) continue;
        best = f1;
        *threshold = between(i < n ? r[i].score : -INFINITY, at);
    }
    free(r);
    return PAL_OK;
}

pal_status pal_detection_curve_of(const double *score, const uint8_t *odd, size_t n, pal_detection_curve *out,
                                  pal_error *err)
{
    size_t n_odd, hits = 0;
    *out = (pal_detection_curve){0};
    ranked *r = rank(score, odd, n, &n_odd, err);
    if (!r) return err ? err->status : PAL_ERR_ARGUMENT;
    if (!n_odd || n_odd == n) {
        free(r);
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "detect: no curve can be drawn, since %s of the %zu samples are odd",
                             n_odd ? "all" : "none", n);
    }
    double *room = malloc(4 * (n + 1) * sizeof *room);
    if (!room) {
        free(r);
        return palt__no_memory(err);
    }
    *out = (pal_detection_curve){1, room, room + n + 1, room + 2 * (n + 1), room + 3 * (n + 1)};
    out->threshold[0] = INFINITY;
    out->recall[0] = out->false_rate[0] = 0;
    out->precision[0] = 1;
    for (size_t i = 0; i < n; out->points++) {
        out->threshold[out->points] = r[i].score;
        i = step(r, n, i, &hits);
        out->recall[out->points] = (double)hits / (double)n_odd;
        out->false_rate[out->points] = (double)(i - hits) / (double)(n - n_odd);
        out->precision[out->points] = (double)hits / (double)i;
    }
    free(r);
    return PAL_OK;
}

void pal_detection_curve_free(pal_detection_curve *curve) { free(curve->threshold); }
