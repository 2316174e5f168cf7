/* detect_codes.c - mean and covariance of the codes of the training samples, and the Mahalanobis distance from them.
 *
 * The sums are in double, of codes less the code of the first sample: a far mean then does not cancel the digits of a
 * small covariance. S may be shrunk towards a multiple of I with the same trace (Ledoit and Wolf 2004, who also choose
 * the share; here it is given). A unit that never changes does not count in the mean of the diagonal, so that a code
 * may be wider than what it has to say. S = L L' by Cholesky, and the distance is ||L^-1 (h - m)||^2.
 *
 * Units that never change or depend on each other make S singular. S counts as singular if a pivot is below 1e-10 of
 * the largest diagonal element: codes are float32, whose rounding has a variance of about 1e-14 of that. Then RIDGE
 * times the mean diagonal is added to the diagonal. LAPACK runs on one thread, as in svd.c. */
#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "analysis/detect.h"
#include "autograd/operation.h"

void dpotrf_(const char *uplo, const int *n, double *a, const int *lda, int *info, size_t uplo_length);
void dsyrk_(const char *uplo, const char *trans, const int *n, const int *k, const double *alpha, const double *a,
            const int *lda, const double *beta, double *c, const int *ldc, size_t uplo_length, size_t trans_length);

#define RIDGE   1e-6
#define SINGLES 1e-10

struct palt__codes {
    size_t k, features;
    double *mean, *factor; /* [k]; L, row-major [k, k], of which the lower triangle is used */
    double *inputs;
    double ridge;
};

void palt__codes_free(palt__codes *c)
{
    if (!c) return;
    free(c->mean);
    free(c->factor);
    free(c->inputs);
    free(c);
}

const double *palt__codes_inputs(const palt__codes *c) { return c->inputs; }

double palt__codes_ridge(const palt__codes *c) { return c->ridge; }

double palt__codes_distance(const palt__codes *c, double *h)
{
    const size_t k = c->k;
    double sum = 0;
    for (size_t i = 0; i < k; i++) { /* L u = h - m */
        double u = h[i] - c->mean[i];
        for (size_t j = 0; j < i; j++) u -= c->factor[i * k + j] * h[j];
        h[i] = u / c->factor[i * k + i];
        sum += h[i] * h[i];
    }
    for (size_t i = k; i-- > 0;) { /* L' v = u */
        h[i] /= c->factor[i * k + i];
        for (size_t j = 0; j < i; j++) h[j] -= c->factor[i * k + j] * h[i];
    }
    return sum;
}

/* ---- Sums ----------------------------------------------------------------------------------------------------- */

typedef struct sums {
    pal_context *context;
    size_t k;
    double *origin, *block; /* [k]: the code of the first sample; [rows, k]: codes less this one */
    double *first, *second; /* [k] and [k, k]: their sum, and that of their products (lower triangle, row-major) */
} sums;

/* The products of the rows of a block. Row-major lower is column-major upper. */
static bool add_products(const sums *s, size_t rows)
{
    const int k = (int)s->k, n = (int)rows;
    const double one = 1;
    const int entered = pal_blas_enter(s->context);
    if (entered < 0) return false;
    dsyrk_("U", "N", &k, &n, &one, s->block, &k, &one, s->second, &k, 1, 1);
    pal_blas_leave(s->context, entered);
    return true;
}

static bool add_block(sums *s, const pal_tensor *code, size_t rows, bool begin)
{
    if (begin)
        for (size_t j = 0; j < s->k; j++) s->origin[j] = pal_tensor_get(code, j);
    for (size_t i = 0; i < rows * s->k; i++) {
        s->block[i] = pal_tensor_get(code, i) - s->origin[i % s->k];
        s->first[i % s->k] += s->block[i];
    }
    return add_products(s, rows);
}

static pal_status add_all(sums *s, pal_program *program, pal_tensor *x, const pal_dataset *data, pal_error *err)
{
    const int64_t batch = x->shape.dim[0];
    uint32_t *which = malloc((size_t)batch * sizeof *which);
    pal_status status = which ? PAL_OK : palt__no_memory(err);
    for (int64_t i = 0; i < data->count && !status; i += batch) {
        const int64_t n = data->count - i < batch ? data->count - i : batch;
        for (int64_t r = 0; r < batch; r++) which[r] = (uint32_t)(i + (r < n ? r : n - 1));
        status = pal_dataset_gather(data, which, (size_t)batch, x, err);
        if (!status && (status = pal_run(program))) pal_error_set(err, status, "%s", pal_program_error(program));
        if (!status && !add_block(s, pal_output(program, 0), (size_t)n, !i)) status = palt__no_memory(err);
    }
    free(which);
    return status;
}

/* ---- The factor ----------------------------------------------------------------------------------------------- */

/* Whether a [k,k], positive definite and not nearly singular, was replaced by its factor. */
static bool factorise(pal_context *context, size_t k, double *a)
{
    const int n = (int)k;
    double most = 0, least = INFINITY;
    int info = 1;
    for (size_t i = 0; i < k; i++) most = fmax(most, a[i * k + i]);
    const int entered = pal_blas_enter(context);
    if (entered < 0) return false;
    dpotrf_("U", &n, a, &n, &info, 1);
    pal_blas_leave(context, entered);
    for (size_t i = 0; i < k && !info; i++) least = fmin(least, a[i * k + i] * a[i * k + i]);
    return !info && least > SINGLES * most;
}

/* The mean of those diagonal elements of s [k,k] that are not 0 beside the largest; NAN: one is not finite. */
static double level(const double *s, size_t k)
{
    double most = 0, sum = 0;
    size_t n = 0;
    for (size_t i = 0; i < k; i++) most = fmax(most, s[i * k + i]);
    for (size_t i = 0; i < k; i++) {
        const bool counts = !(s[i * k + i] <= SINGLES * most);
        sum += counts ? s[i * k + i] : 0;
        n += counts;
    }
    return n ? isfinite(sum) ? sum / (double)n : (double)NAN : 0;
}

static pal_status finish(palt__codes *c, const sums *s, double n, double shrink, pal_error *err)
{
    const size_t k = c->k;
    double *covariance = calloc(k * k, sizeof *covariance);
    if (!covariance) return palt__no_memory(err);
    for (size_t i = 0; i < k; i++) {
        c->mean[i] = s->origin[i] + s->first[i] / n;
        for (size_t j = 0; j <= i; j++)
            covariance[i * k + j] = (s->second[i * k + j] - s->first[i] * s->first[j] / n) / n;
    }
    const double mean = level(covariance, k);
    bool good = false;
    for (int turn = 0; turn < 2 && !good && mean > 0; turn++) {
        c->ridge = turn ? RIDGE : 0;
        for (size_t i = 0; i < k * k; i++) c->factor[i] = (1 - shrink) * covariance[i];
        for (size_t i = 0; i < k; i++) c->factor[i * k + i] += (shrink + c->ridge) * mean;
        good = factorise(s->context, k, c->factor);
    }
    free(covariance);
    if (good) return PAL_OK;
    if (mean > 0 || isnan(mean))
        return pal_error_set(err, PAL_ERR_NUMERIC,
                             "latent: the covariance of the training codes is not finite, or too "
                             "near to singular");
    return pal_error_set(err, PAL_ERR_NUMERIC,
                         "latent: all training samples have the same code, so no distance can be measured: choose the "
                         "score squared-error");
}

pal_status palt__codes_measure(pal_program *program, pal_tensor *x, const pal_dataset *data, double shrink,
                               pal_context *context, palt__codes **out, pal_error *err)
{
    const size_t rows = (size_t)x->shape.dim[0], k = pal_tensor_count(pal_output(program, 0)) / rows,
                 features = (size_t)data->features;
    if (k > INT_MAX / 8) return pal_error_set(err, PAL_ERR_SHAPE, "latent: a code of %zu numbers is too large", k);
    sums s = {.context = context, .k = k};
    palt__codes *c = calloc(1, sizeof *c);
    *out = c;
    if (!c) return palt__no_memory(err);
    *c = (palt__codes){.k = k, .features = features};
    c->mean = malloc(k * sizeof *c->mean);
    c->factor = malloc(k * k * sizeof *c->factor);
    c->inputs = malloc(features * sizeof *c->inputs);
    s.origin = malloc(k * sizeof *s.origin);
    s.block = malloc(rows * k * sizeof *s.block);
    s.first = calloc(k, sizeof *s.first);
    s.second = calloc(k * k, sizeof *s.second);
    const bool room = c->mean && c->factor && c->inputs && s.origin && s.block && s.first && s.second;
    pal_status status = room ? add_all(&s, program, x, data, err) : palt__no_memory(err);
    if (!status) status = finish(c, &s, (double)data->count, shrink, err);
    if (!status) status = pal_dataset_mean(data, x->dtype, c->inputs, err);
    free(s.origin);
    free(s.block);
    free(s.first);
    free(s.second);
    return status;
}
