/* function_direct.c - points, and directions along which they may move.
 *
 * Each element gets a reach: it may move by so much without leaving its domain and without coming to a kink that is
 * listed. Elements of a direction are one half to one reach, so that none of them is lost among the others. Then every
 * step up to 1 is allowed.
 *
 * Directions keep constraints. A simplex moves along x_i (z_i - <x, z>), whose rows sum to zero and which slows down at
 * its faces. Unit rows move on great circles. */
#include "autograd/check/function.h"

#include <math.h>
#include <string.h>

void pal__fn_uniform(pal__fn *c, size_t n, double low, double high, double *out)
{
    pal_noise_uniform((pal_noise){.seed = c->o.seed, .clock = c->drawn++}, "pal_gradcheck_function", 0, n, out);
    for (size_t i = 0; i < n; i++) out[i] = low + out[i] * (high - low);
}

static size_t row_of(const pal_array *a) { return a->shape.rank ? (size_t)a->shape.dim[a->shape.rank - 1] : 1; }

static void limits(const pal_array *a, double *low, double *high)
{
    const bool none = a->low == 0 && a->high == 0;
    *low = !none ? a->low : a->values ? -INFINITY : -1;
    *high = !none ? a->high : a->values ? INFINITY : 1;
}

/* ---- Points ------------------------------------------------------------------------------------------------------ */

static void average(double *x, size_t n, size_t count)
{
    for (double *m = x; n && m < x + count; m += n * n)
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < i; j++) m[i * n + j] = m[j * n + i] = (m[i * n + j] + m[j * n + i]) / 2;
}

static void constrain(const pal_array *a, size_t count, double *x)
{
    const size_t n = row_of(a);
    if (a->constraint == PAL_SYMMETRIC) average(x, n, count);
    if (a->constraint != PAL_SIMPLEX && a->constraint != PAL_UNIT_ROWS) return;
    for (size_t row = 0; row < count; row += n) {
        double sum = 0;
        for (size_t i = row; i < row + n; i++) sum += a->constraint == PAL_SIMPLEX ? x[i] : x[i] * x[i];
        for (size_t i = row; i < row + n; i++) x[i] /= a->constraint == PAL_SIMPLEX ? sum : sqrt(sum);
    }
}

/* Away from kinks and from the ends of the domain, as far as there is room. Different numbers stay different: equal
 * ones would be ties, where a maximum has a kink. */
static double settle(const pal_array *a, double x, double low, double high)
{
    const double margin = (high - low) / 64, middle = low / 2 + high / 2;
    x = middle + (x - middle) * (1 - 1.0 / 64);
    for (size_t k = 0; k < a->n_kinks; k++) {
        const double apart = x - a->kinks[k];
        if (fabs(apart) < margin) x += apart < 0 ? -margin : margin;
    }
    return fmin(fmax(x, low + margin / 2), high - margin / 2);
}

static void draw_whole(pal__fn *c, size_t k)
{
    const pal_array *a = c->f->in + k;
    const double low = a->low, high = a->low == 0 && a->high == 0 ? 2 : a->high;
    pal__fn_uniform(c, c->count[k], 0, 1, c->t1);
    for (size_t i = 0; i < c->count[k]; i++) {
        const double v = fmin(floor(low + c->t1[i] * (high - low)), fmax(low, high - 1));
        pal__store(a->dtype, c->in[k].data, i, v);
    }
}

bool pal__fn_draw(pal__fn *c, double *x)
{
    for (size_t k = 0; k < c->f->n_in; k++) {
        const pal_array *a = c->f->in + k;
        double low, high, *at = x + c->at[k];
        limits(a, &low, &high);
        if (a->values) memcpy(c->in[k].data, a->values, c->in[k].bytes);
        if (a->values && !pal__fn_whole(a)) {
            for (size_t i = 0; i < c->count[k]; i++)
                at[i] = c->f->dtype == PAL_F32 ? (double)((const float *)a->values)[i] : ((const double *)a->values)[i];
            continue;
        }
        if (a->values) continue;
        if (pal__fn_whole(a)) {
            draw_whole(c, k);
            continue;
        }
        if (a->constraint == PAL_SIMPLEX)
            pal__fn_uniform(c, c->count[k], 0.2, 1.2, at);
        else
            pal__fn_uniform(c, c->count[k], low, high, at);
        for (size_t i = 0; i < c->count[k] && a->constraint != PAL_SIMPLEX; i++) at[i] = settle(a, at[i], low, high);
        constrain(a, c->count[k], at);
        for (size_t i = 0; i < c->count[k]; i++) at[i] = pal__fn_round(c, at[i]);
        if (a->constraint == PAL_FIXED) pal__fn_fill(c, &c->in[k], at);
    }
    return true;
}

/* ---- Reaches ----------------------------------------------------------------------------------------------------- */

void pal__fn_reach(pal__fn *c, bool own)
{
    for (size_t k = 0; k < c->f->n_in; k++) {
        const pal_array *a = c->f->in + k;
        const double *x = c->x + c->at[k];
        double low, high, squares = 0, *reach = c->scale + c->at[k];
        const size_t n = c->count[k];
        limits(a, &low, &high);
        for (size_t i = 0; i < n; i++) squares += x[i] * x[i];
        const double typical = squares > 0 ? sqrt(squares / (double)n) : 1;
        for (size_t i = 0; i < n; i++) {
            double s = fmax(fabs(x[i]), own ? 0 : typical / 8);
            if (s == 0) s = typical;
            if (isfinite(high - low)) s = (high - low) / 2;
            if (own && x[i] != 0) s = fmin(s, fabs(x[i]));
            if (a->constraint == PAL_UNIT_ROWS) s = 1;
            if (a->constraint != PAL_UNIT_ROWS && a->constraint != PAL_SIMPLEX)
                s = fmin(s, fmin(x[i] - low, high - x[i]));
            for (size_t j = 0; j < a->n_kinks; j++) s = fmin(s, fabs(x[i] - a->kinks[j]));
            reach[i] = fmax(s, 0);
        }
    }
}

/* ---- Directions -------------------------------------------------------------------------------------------------- */

static void keep_sum(const double *reach, double *d, size_t n)
{
    double least = INFINITY, mean = 0;
    for (size_t i = 0; i < n; i++) least = fmin(least, reach[i]);
    for (size_t i = 0; i < n; i++) mean += d[i] * least / 2;
    for (size_t i = 0; i < n; i++) d[i] = d[i] * least / 2 - mean / (double)n;
}

static void keep_simplex(const double *x, double *d, size_t n)
{
    double mean = 0;
    for (size_t i = 0; i < n; i++) mean += x[i] * d[i];
    for (size_t i = 0; i < n; i++) d[i] = x[i] * (d[i] - mean) / 2;
}

static void keep_length(const double *x, double *d, size_t n)
{
    double along = 0, squares = 0;
    for (size_t i = 0; i < n; i++) along += x[i] * d[i], squares += x[i] * x[i];
    for (size_t i = 0; i < n; i++) d[i] -= squares > 0 ? x[i] * along / squares : 0;
}

static void keep_symmetric(const double *reach, double *d, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) {
            const double z = d[i * n + j] == 0 ? d[j * n + i] : d[i * n + j];
            d[i * n + j] = d[j * n + i] = z * fmin(reach[i * n + j], reach[j * n + i]);
        }
}

void pal__fn_direct(pal__fn *c, size_t k, bool even, double *d)
{
    const pal_array *a = c->f->in + k;
    const size_t n = row_of(a), count = c->count[k];
    memset(d, 0, c->total * sizeof *d);
    d += c->at[k];
    const double *x = c->x + c->at[k], *reach = c->scale + c->at[k];
    pal__fn_uniform(c, count, -1, 1, d);
    for (size_t i = 0; i < count; i++) {
        d[i] = even ? 1 : d[i] / 2 + (d[i] < 0 ? -0.5 : 0.5);
        if (!c->mask[c->at[k] + i] || c->skip[c->at[k] + i]) d[i] = 0;
        if (a->constraint == PAL_FREE) d[i] *= reach[i];
    }
    if (a->constraint == PAL_FREE || !n) return;
    const size_t part = a->constraint == PAL_SYMMETRIC ? n * n : n;
    for (size_t i = 0; i + part <= count; i += part) {
        if (a->constraint == PAL_ROW_SUM) keep_sum(reach + i, d + i, n);
        if (a->constraint == PAL_SIMPLEX) keep_simplex(x + i, d + i, n);
        if (a->constraint == PAL_UNIT_ROWS) keep_length(x + i, d + i, n);
        if (a->constraint == PAL_SYMMETRIC) keep_symmetric(reach + i, d + i, n);
    }
}

/* Stores x + t d. *correction: what the rounding of its elements adds to f, by the hand-written derivative. */
void pal__fn_move(pal__fn *c, const pal__fn_line *line, double t, double *correction)
{
    double sum = 0;
    for (size_t k = line->first; k < line->last; k++) {
        const pal_array *a = c->f->in + k;
        if (a->constraint == PAL_FIXED) continue;
        const size_t n = a->constraint == PAL_UNIT_ROWS ? row_of(a) : c->count[k], at = c->at[k];
        for (size_t row = at; row < at + c->count[k]; row += n) {
            double stay = 1, turn = t, squares = 0;
            for (size_t i = row; i < row + n && a->constraint == PAL_UNIT_ROWS; i++) squares += line->d[i] * line->d[i];
            if (squares > 0) {
                stay = cos(t * sqrt(squares));
                turn = sin(t * sqrt(squares)) / sqrt(squares);
            }
            for (size_t i = row; i < row + n; i++) {
                const double exact = stay * c->x[i] + turn * line->d[i];
                c->t1[i] = line->d[i] == 0 && squares == 0 ? c->x[i] : pal__fn_round(c, exact);
                if (line->correct && c->t1[i] != exact) sum += line->correct[i] * (c->t1[i] - exact);
            }
        }
        pal__fn_store(c, c->t1, k);
    }
    *correction = sum;
}
