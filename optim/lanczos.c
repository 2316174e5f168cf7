/* lanczos.c - the outermost eigenvalues of a curvature matrix, from products with it (Golub and Van Loan 2013,
 * section 10.3).
 *
 * In: products with a symmetric matrix A, and a random start vector. Out: eigenvalues of the tridiagonal matrix T =
 * V'AV, where V is an orthonormal basis of the start's Krylov space. Those at both ends are close to A's. For an
 * eigenvector s of T the distance to an eigenvalue of A is at most |beta s_k|, beta being the norm of the next vector
 * and s_k the last element of s.
 *
 * Every vector is made orthogonal to all earlier ones, twice. Without that, rounding brings back directions that have
 * converged, and their eigenvalues appear several times. It takes the memory of all vectors, and 4 k passes in step k;
 * a product with the curvature over all samples takes far longer. */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "optim/method.h"

enum { STEPS = 64, SWEEPS = 60 };

/* The eigenvalues of the symmetric tridiagonal matrix with diagonal d [n] and off-diagonal e [n], e[n-1] being 0,
 * replace d; last [n] receives the last elements of their eigenvectors. The implicit QL method (Bowdler, Martin,
 * Reinsch and Wilkinson 1968, tql2). Destroys e. False: it has not converged. */
static bool eigenvalues(size_t n, double *d, double *e, double *last)
{
    for (size_t i = 0; i < n; i++) last[i] = i + 1 == n;
    for (size_t l = 0; l < n; l++)
        for (int sweep = 0;; sweep++) {
            size_t m = l;
            while (m + 1 < n && fabs(e[m]) > DBL_EPSILON * (fabs(d[m]) + fabs(d[m + 1]))) m++;
            if (m == l) break;
            if (sweep == SWEEPS) return false;
            double g = (d[l + 1] - d[l]) / (2 * e[l]), r = hypot(g, 1), s = 1, c = 1, p = 0;
            g = d[m] - d[l] + e[l] / (g + copysign(r, g));
            size_t i = m;
            while (i-- > l) {
                const double f = s * e[i], b = c * e[i];
                r = hypot(f, g);
                e[i + 1] = r;
                if (r == 0) {
                    d[i + 1] -= p;
                    e[m] = 0;
                    break;
                }
                s = f / r;
                c = g / r;
                g = d[i + 1] - p;
                r = (d[i] - g) * s + 2 * c * b;
                p = s * r;
                d[i + 1] = g + p;
                g = c * r - b;
                const double h = last[i + 1];
                last[i + 1] = s * last[i] + c * h;
                last[i] = c * last[i] - s * h;
            }
            if (r == 0 && i + 1 > l) continue;
            d[l] -= p;
            e[l] = g;
            e[m] = 0;
        }
    return true;
}

/* Ascending, by insertion: there are few. */
static void sort(size_t n, double *d, double *last)
{
    for (size_t i = 1; i < n; i++) {
        const double v = d[i], w = last[i];
        size_t k = i;
        for (; k && d[k - 1] > v; k--) {
            d[k] = d[k - 1];
            last[k] = last[k - 1];
        }
        d[k] = v;
        last[k] = w;
    }
}

/* ---- The basis ------------------------------------------------------------------------------------------------ */

static void draw(pal_slab *v, uint64_t seed)
{
    uint64_t at = 0;
    for (size_t i = 0; i < v->n; i++)
        for (size_t k = 0; k < pal_tensor_count(v->part[i]); k++) {
            double z;
            pal_noise_normal((pal_noise){.seed = seed}, "lanczos", at++, 1, &z);
            pal_tensor_set(v->part[i], k, z);
        }
}

static double normalise(const pal__space *s, pal_slab *v)
{
    const double norm = sqrt(pal__dot(s, v, v)), factor = 1 / norm;
    if (norm > 0) PAL__PASS(s, scaled, &factor, NULL, v, v);
    return norm;
}

static void orthogonalise(const pal__space *s, pal_slab *w, pal_slab *const *v, size_t n)
{
    for (int twice = 0; twice < 2; twice++)
        for (size_t i = 0; i < n; i++) {
            const double minus = -pal__dot(s, v[i], w);
            double ignored;
            PAL__PASS(s, add, &minus, &ignored, w, v[i], w);
        }
}

/* Fills the diagonal a and the off-diagonal b of T, and returns its size in *k; b[k-1] is the norm of the next vector.
 */
static pal_status iterate(const pal_objective *f, const pal_lanczos_options *o, const pal__space *s, pal_slab **v,
                          double *a, double *b, size_t *k)
{
    const double epsilon = s->dtype == PAL_F32 ? FLT_EPSILON : DBL_EPSILON;
    double size = 0;
    draw(v[0], o->seed);
    normalise(s, v[0]);
    for (*k = 0; *k < o->steps;) {
        const size_t i = (*k)++;
        if (f->stop && f->stop(f->user)) return PAL_ERR_STOPPED;
        pal_status status = (o->gauss_newton ? f->gauss_newton : f->hessian)(v[i], v[i + 1], f->user);
        if (status) return status;
        a[i] = pal__dot(s, v[i], v[i + 1]);
        orthogonalise(s, v[i + 1], v, i + 1);
        b[i] = normalise(s, v[i + 1]);
        if (!isfinite(a[i]) || !isfinite(b[i])) return PAL_ERR_NUMERIC;
        size = fmax(size, fabs(a[i]) + b[i]);
        if (b[i] <= 10 * epsilon * size) break;
    }
    return PAL_OK;
}

static void report(size_t n, size_t k, const double *d, const double *last, double beyond, double *values,
                   double *errors)
{
    for (size_t i = 0; i < n; i++) {
        const size_t at[2] = {i, k >= n ? k - n + i : i};
        for (size_t end = 0; end < 2; end++) {
            const bool there = i < k;
            values[end * n + i] = there ? d[at[end]] : NAN;
            if (errors) errors[end * n + i] = there ? fabs(beyond * last[at[end]]) : NAN;
        }
    }
}

static pal_status find(const pal_objective *f, const pal_lanczos_options *o, size_t n, double *values, double *errors,
                       pal_error *err)
{
    pal__space space = {0};
    const size_t vectors = o->steps + 1;
    pal_slab **v = calloc(vectors, sizeof *v);
    double *memory = calloc(3 * o->steps, sizeof *memory), *d = memory, *e = d + o->steps, *last = e + o->steps;
    size_t k = 0;
    bool room = v && memory && pal__space_begin(&space, f->x);
    for (size_t i = 0; i < vectors && room; i++) room = (v[i] = pal__slab_like(f->x)) != NULL;
    pal_status status = PAL_OK;
    if (!room) {
        status = pal_error_set(err, PAL_ERR_MEMORY, "lanczos: out of memory for %zu vectors", vectors);
    } else if ((status = iterate(f, o, &space, v, d, e, &k))) {
        pal_error_set(err, status,
                      status == PAL_ERR_STOPPED   ? "lanczos: stopped between two products"
                      : status == PAL_ERR_NUMERIC ? "lanczos: a product is not finite"
                                                  : "lanczos: the product failed");
    } else {
        const double beyond = e[k - 1];
        e[k - 1] = 0;
        if (eigenvalues(k, d, e, last)) {
            sort(k, d, last);
            report(n, k, d, last, beyond, values, errors);
        } else {
            status = pal_error_set(err, PAL_ERR_NUMERIC, "lanczos: the small eigenvalue problem has not converged");
        }
    }
    for (size_t i = 0; i < vectors && v; i++) pal_slab_free(v[i]);
    if (space.context) pal__space_end(&space);
    free(memory);
    free(v);
    return status;
}

pal_status pal_lanczos(const pal_objective *objective, const pal_lanczos_options *options, size_t n, double *values,
                       double *errors, pal_error *err)
{
    pal_objective f = {.struct_size = sizeof f};
    pal_lanczos_options o = {.struct_size = sizeof o};
    if (pal_options_read(&o, options, sizeof o, sizeof o, "lanczos", err)) return PAL_ERR_ARGUMENT;
    pal_status status = pal__objective(&f, objective, err);
    if (status) return status;
    if (!n || !values) return pal_error_set(err, PAL_ERR_ARGUMENT, "lanczos: needs room for at least one eigenvalue");
    if (!(o.gauss_newton ? f.gauss_newton : f.hessian))
        return pal_error_set(err, PAL_ERR_ARGUMENT, "lanczos: needs products with the %s, which the objective lacks",
                             o.gauss_newton ? "Gauss-Newton matrix" : "Hessian");
    size_t elements = 0;
    for (size_t i = 0; i < f.x->n; i++) elements += pal_tensor_count(f.x->part[i]);
    if (!o.steps) o.steps = STEPS;
    if (o.steps < n || o.steps > 100000)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "lanczos: %zu steps: %zu eigenvalues need as many, at most 100000",
                             o.steps, n);
    if (o.steps > elements) o.steps = elements;
    return find(&f, &o, n, values, errors, err);
}
