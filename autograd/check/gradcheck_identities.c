/* gradcheck_identities.c - checks identities that need no differences: the vjp is linear in its seed, the jvp is its
 * adjoint, the Hessian is symmetric.
 *
 * Two sums that should agree are compared relative to the magnitudes of their terms, because the sums themselves may
 * cancel. The scale is at least a small fraction of the scale one order below, because a derivative that is zero up to
 * rounding gives no scale. */
#include "autograd/check/internal.h"

#include <math.h>
#include <string.h>

pal__sum pal__check_dot(const double *a, const double *b, size_t n)
{
    pal__sum s = {0, 0};
    for (size_t i = 0; i < n; i++) {
        long double term = (long double)a[i] * (long double)b[i];
        s.sum += term;
        s.magnitude += term < 0 ? -term : term;
    }
    return s;
}

pal__sum pal__check_along(const pal__check *c, const double *a)
{
    pal__sum all = {0, 0};
    for (size_t input = 0; input < c->n; a += pal_tensor_count(c->inputs[input++])) {
        pal__sum s = pal__check_dot(a, c->owned[1 + input]->data, pal_tensor_count(c->inputs[input]));
        all.sum += s.sum;
        all.magnitude += s.magnitude;
    }
    return all;
}

static double difference(pal__sum a, pal__sum b, double least)
{
    double scale = fmax(fmax((double)a.magnitude, (double)b.magnitude), least), d = fabs((double)(a.sum - b.sum));
    return d == 0 ? 0 : d / scale;
}

static double magnitude_of_value(const pal__check *c)
{
    const pal_tensor *y = pal_output(c->function, c->value);
    return (double)pal__check_dot(c->owned[0]->data, y->data, pal_tensor_count(y)).magnitude;
}

/* Checks vjp(2 s + 3 u) = 2 vjp(s) + 3 vjp(u) for a second seed u. */
bool pal__check_linearity(pal__check *c)
{
    pal_tensor *s = c->owned[0];
    size_t n = pal_tensor_count(s);
    double *parts[3] = {c->scratch, c->scratch + c->total, c->scratch + 2 * c->total};
    double *keep = pal__alloc(c->context, (n + 1) * 2 * sizeof *keep), *x = s->data;
    if (!keep) return pal__check_fail(c, NULL);
    double *u = keep + n;
    memcpy(keep, x, n * sizeof *keep);
    pal_noise_normal((pal_noise){.seed = c->o.seed}, "check:linear", 0, n, u);
    bool ok = true;
    for (int part = 0; part < 3 && ok; part++) {
        for (size_t i = 0; i < n; i++) x[i] = part == 0 ? keep[i] : part == 1 ? u[i] : 2 * keep[i] + 3 * u[i];
        ok = pal__check_run(c, c->gradient);
        if (ok) pal__check_outputs(c->gradient, c->n, parts[part]);
    }
    memcpy(x, keep, n * sizeof *keep);
    double scale = pal__check_largest(parts[2], c->total) + pal__check_largest(parts[0], c->total);
    c->r->linearity = 0;
    for (size_t i = 0; i < c->total && ok; i++) {
        double e = fabs(parts[2][i] - 2 * parts[0][i] - 3 * parts[1][i]);
        if (e > 0) c->r->linearity = fmax(c->r->linearity, e / scale);
    }
    pal__free(c->context, keep);
    return ok;
}

/* Checks <s, J v> = <J^T s, v>. */
bool pal__check_duality(pal__check *c)
{
    if (!c->tangent) return true;
    pal__check_direct(c, "tangent", 0);
    if (!pal__check_run(c, c->tangent) || !pal__check_run(c, c->gradient) || !pal__check_run(c, c->function))
        return false;
    pal__check_outputs(c->gradient, c->n, c->scratch);
    const pal_tensor *jv = pal_output(c->tangent, 0);
    c->r->duality = difference(pal__check_dot(c->owned[0]->data, jv->data, pal_tensor_count(jv)),
                               pal__check_along(c, c->scratch), 1e-4 * magnitude_of_value(c));
    return true;
}

/* Checks <u, H v> = <v, H u>. */
bool pal__check_symmetry(pal__check *c)
{
    double *hv = c->scratch, *hu = hv + c->total, *g = hu + c->total;
    pal__check_direct(c, "v", 0);
    if (!pal__check_run(c, c->gradient) || !pal__check_run(c, c->function)) return false;
    pal__check_outputs(c->gradient, c->n, hv);
    pal__check_outputs(c->function, c->n, g);
    double least = fmax(1e-3 * (double)pal__check_along(c, g).magnitude, 1e-4 * magnitude_of_value(c));
    pal__check_direct(c, "u", 0);
    if (!pal__check_run(c, c->gradient)) return false;
    pal__check_outputs(c->gradient, c->n, hu);
    pal__sum a = pal__check_along(c, hv);
    pal__check_direct(c, "v", 0);
    c->r->symmetry = difference(a, pal__check_along(c, hu), least);
    return true;
}
