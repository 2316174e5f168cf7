/* auc.c - the area under the ROC curve.
 *
 * It equals the Mann-Whitney statistic divided by the number of pairs (Hanley and McNeil, Radiology 1982). Pairs are
 * counted in integers: 2 if the positive score is greater, 1 for a tie. */
#include <math.h>
#include <stdlib.h>

#include "analysis/internal.h"

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool has_nan(const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (isnan(x[i])) return true;
    return false;
}

double pal_auc(double *negative, size_t n, double *positive, size_t m)
{
    if (!n || !m || has_nan(negative, n) || has_nan(positive, m)) return (double)NAN;
    qsort(negative, n, sizeof *negative, by_value);
    qsort(positive, m, sizeof *positive, by_value);
    uint64_t halves = 0;
    size_t below = 0, not_above = 0; /* number of negative scores below, and not above, the positive one */
    for (size_t i = 0; i < m; i++) {
        while (below < n && negative[below] < positive[i]) below++;
        while (not_above < n && negative[not_above] <= positive[i]) not_above++;
        halves += below + not_above;
    }
    return (double)halves / 2 / (double)n / (double)m;
}
