/* gradcheck_steps.c - chooses the steps of the differences, from the function alone. It never sees the analytic
 * derivative.
 *
 * Along a line x + t d the central difference (f(h) - f(-h)) / 2h has an error that is a series in even powers of h.
 * A ladder of halved steps with Richardson's extrapolation removes the powers one by one (Ridders, Accurate computation
 * of F'(x) and F'(x) F''(x), Advances in Engineering Software 4, 1982). An extrapolated value is as good as it agrees
 * with its two parents: their distance, plus the rounding of the differences, is its error bar. The value with the
 * smallest bar is kept, and the ladder ends as soon as that bar is far below the tolerance.
 *
 * The interval x - h .. x + h is usable if the values are finite at both ends and no comparison changes its outcome
 * between them. The ladder leaves steps that are not usable by large strides. One ladder does not reach every scale, so
 * further ladders begin at the scale of x, and at small steps.
 *
 * A ladder sees only its own steps. If the function has kinks that are far denser, such as a saw whose teeth divide all
 * steps, then its differences agree with each other and not with the slope at x. So a ladder that has settled must
 * agree with a plain difference at a far smaller step, up to the rounding there. If it does not, the next ladder begins
 * at that step.
 *
 * A kink that no comparison shows: the bend (f(h) - 2 f(0) + f(-h)) / h is the distance of the one-sided differences.
 * It is halved with h where f is smooth. Where it stays as large over three steps, the slopes on the two sides differ.
 */
#include "autograd/check/internal.h"

#include <math.h>
#include <string.h>

enum { LEVELS = 12, LADDERS = 3, FINER = 3 };
static const double far_smaller = 0x1p-10;
static const double enough = 0.2;     /* a bar of this fraction of the tolerance ends the ladder */
static const double halves = 0.75;    /* a smooth bend falls at least by this factor */
static const double close = 0.1;      /* values that agree up to this fraction, or up to rounding, converge */
static const double even = 0.05;      /* a power of the step has equal ratios, up to this */
static const double jump = 0x1p-32;   /* a jump of this fraction of the value is no rounding */
static const double murmur = 0x1p-43; /* a disagreement of this fraction of the value may be rounding */
static const double rounding = 0x1p-53;
static const double faint = 0x1p31; /* a component this many times its hidden rounding may be nothing else */
static const double inside = 4; /* the rounding of the largest component, which may be inside of all, in `rounding` */

typedef struct sample {       /* of one component at one step */
    double rise, bend, noise; /* f(h) - f(-h); f(h) - 2 f(0) + f(-h); the rounding of both */
    double size, least;       /* the magnitude of the terms of f(0) that move, and their rounding */
    bool lost;                /* a term is NaN at all three points */
} sample;

/* ---- One step ------------------------------------------------------------------------------------------------- */

static void move(pal__check *c, const pal__line *line, double step)
{
    if (line->x)
        *line->x = line->at + step;
    else
        pal__check_move(c, line->at_all, step);
}

static bool add_term(sample *s, double weight, double above, double at, double below, double noise)
{
    if (above == below && above == at) return true;
    if (isnan(above) && isnan(at) && isnan(below)) {
        s->lost = true;
        return true;
    }
    s->rise += weight * (above - below);
    s->bend += weight * ((above - at) - (at - below));
    s->noise += fabs(weight) * fmax(rounding * (fabs(above) + fabs(below)), noise);
    s->least += fabs(weight) * fmax(2 * rounding * fabs(at), noise);
    s->size += fabs(weight * at);
    return isfinite(above) && isfinite(below);
}

/* The sizes of component k at x, if all terms count. */
static void count_all(const pal__check *c, const pal__line *line, size_t k, sample *s)
{
    size_t from = line->scalar ? 0 : k, to = line->scalar ? pal_tensor_count(c->owned[0]) : k + 1;
    const double *weight = c->owned[0]->data;
    for (size_t i = from; i < to; i++) {
        double w = line->scalar ? fabs(weight[i]) : 1, size = w * fabs(c->value0[i]);
        s->size += size;
        s->least += fmax(2 * rounding * size, w * c->noise[i]);
    }
}

/* A term that does not move at this step may have moved by less than its rounding: it did so at a larger step, or
 * nothing ever moved. */
static void doubt_rest(const pal__check *c, const pal__line *line, size_t k, pal__estimate *e, sample *s)
{
    if (s->size < faint * line->hidden) s->noise = fmax(s->noise, line->hidden / (2 * inside));
    e->moved |= s->noise > 0;
    if (!e->moved) count_all(c, line, k, s);
    e->size = fmax(e->size, s->size);
    e->least = fmax(e->least, s->least);
    s->noise = fmax(s->noise, e->least);
}

/* Component k of the line: the gradient by element k, or the contracted value, whose terms are subtracted before they
 * are added. Returns whether the values are finite. */
static bool read_sample(const pal__check *c, const pal__line *line, size_t k, sample *s)
{
    const double *above = c->value_above, *at = c->value0, *below = c->value_below, *weight = c->owned[0]->data;
    *s = (sample){0};
    if (!line->scalar) return add_term(s, 1, above[k], at[k], below[k], c->noise[k]);
    bool finite = true;
    for (size_t i = 0; i < pal_tensor_count(c->owned[0]); i++)
        finite &= add_term(s, weight[i], above[i], at[i], below[i], c->noise[i]);
    return finite;
}

static void read_values(const pal__check *c, const pal__line *line, double *out)
{
    if (!line->scalar)
        pal__check_outputs(c->function, c->n, out);
    else
        memcpy(out, pal_output(c->function, c->value)->data, pal_tensor_bytes(c->owned[0]));
}

/* The number of finite values of y in the last run. */
static size_t count_finite(const pal__check *c)
{
    const double *y = pal_output(c->function, c->value)->data;
    size_t n = 0;
    for (size_t i = 0; i < pal_tensor_count(c->owned[0]); i++) n += isfinite(y[i]) != 0;
    return n;
}

/* Runs the function at both ends of the step. *flips: a comparison changes its outcome between them. *finite: the
 * values y of the gradients are as finite as at x; the gradient may be finite where there is no value. */
static bool run_step(pal__check *c, pal__line *line, double step, bool *flips, bool *finite)
{
    move(c, line, -step);
    bool ok = pal__check_run(c, c->function);
    if (ok) read_values(c, line, c->value_below);
    if (ok) pal__check_decisions(c, true);
    *finite = ok && (line->scalar || count_finite(c) == line->finite);
    line->width = line->x ? -*line->x : step;
    move(c, line, step);
    ok = ok && pal__check_run(c, c->function);
    if (ok) read_values(c, line, c->value_above);
    if (ok) *flips = !pal__check_decisions(c, false);
    *finite &= ok && (line->scalar || count_finite(c) == line->finite);
    line->width += line->x ? *line->x : step; /* what was really moved, after the rounding of x + h */
    return ok;
}

/* ---- The rounding of the function ----------------------------------------------------------------------------- */

/* One scale of pal__check_noise: points at equal distances on both sides of x. A noise is at most `most`. */
static bool listen(pal__check *c, const pal__line *line, size_t n, double apart, double most)
{
    enum { SIDE = 6, POINTS = 2 * SIDE };
    int same = 0; /* points in a row without a change of a comparison's outcome */
    double *before = c->value0, *first = c->value_below, *second = c->value_above;
    for (int point = 0; point < POINTS; point++) {
        move(c, line, apart * (point < SIDE ? point - SIDE : point - SIDE + 1));
        if (!pal__check_run(c, c->function)) return false;
        read_values(c, line, c->fresh);
        same = point % SIDE && pal__check_decisions(c, false) ? same + 1 : 0;
        pal__check_decisions(c, true);
        for (size_t i = 0; i < n; i++) {
            double d1 = c->fresh[i] - before[i], d2 = d1 - first[i], d3 = fabs(d2 - second[i]) / sqrt(20);
            if (same >= 3 && isfinite(d3)) c->noise[i] = fmax(c->noise[i], fmin(d3, most));
            before[i] = c->fresh[i];
            first[i] = d1;
            second[i] = d2;
        }
    }
    return true;
}

/* Third differences of values at points that are far closer than the function bends are rounding alone (Hamming's
 * table; More and Wild, Estimating computational noise, SIAM J. Sci. Comput. 33, 2011). Over the square root of 20 they
 * have its standard deviation; the largest of six is kept. A kink at x itself lies between the two sides.
 *
 * Rounding inside the function may be a staircase: 1 - y^2 of a saturated y = tanh(x) is the same number over many
 * neighbouring x, and then jumps. At points that are close it is silent. So it is also measured at points further
 * apart; what is found there is rounding as far as it is within that of the largest value, which passed through the
 * same operations. */
bool pal__check_noise(pal__check *c, const double *saved, bool scalar)
{
    const pal__line line = {.at_all = saved, .scalar = scalar};
    const size_t n = scalar ? pal_tensor_count(c->owned[0]) : c->total;
    memset(c->noise, 0, n * sizeof *c->noise);
    pal__check_direct(c, "noise", 0);
    pal__check_scale(c, saved);
    bool ok = listen(c, &line, n, 0x1p-40, INFINITY);
    const double most = inside * rounding * pal__check_largest(c->fresh, n);
    for (int k = 28; k >= 16 && ok; k -= 6) ok = listen(c, &line, n, ldexp(1, -k), most);
    move(c, &line, 0);
    return ok;
}

/* ---- The ladder of one component ------------------------------------------------------------------------------ */

/* A small step must be better by more than the rounding that it may hide (pal__line.hidden). */
static void keep_if_better(pal__estimate *e, double value, double bar, double step, double hidden)
{
    if (!(bar < e->bar) || (e->step > 0 && bar + hidden / step > e->bar + hidden / e->step)) return;
    e->value = value;
    e->bar = bar;
    e->step = step;
}

/* Whether three numbers, the last one first, form a power of the step that does not fall with it. A jump doubles with
 * each halved step; what grows faster is a pole. */
static bool stays(const double *v)
{
    const double a = fabs(v[0]), b = fabs(v[1]), c = fabs(v[2]);
    return a > halves * b && b > halves * c && fabs(a * c - b * b) < even * b * b && a < 2.1 * b;
}

/* Whether there is a kink: the one-sided differences of the last three steps keep their distance. If the central
 * difference has no limit, it may be a jump or a cusp, where the differences themselves do not settle. */
static bool is_bent(const pal__estimate *e, double noise, double step, double tolerance)
{
    if (e->n < 3) return false;
    const double scale = fmax(fabs(e->value), PAL__CHECK_TINY * e->size);
    if (e->bar <= tolerance * scale)
        return stays(e->bend) && fabs(e->bend[0]) > fmax(fmax(64 * noise / step, 20 * e->bar), tolerance * scale);
    const double least = fmax(jump / rounding * noise, jump * e->size) / step;
    const bool grows = stays(e->plain) && fabs(e->plain[0]) * halves > fabs(e->plain[1]);
    return (stays(e->bend) && fabs(e->bend[0]) > least) || (grows && fabs(e->plain[0]) > least);
}

static void extend(pal__estimate *e, const sample *s, double step, const pal__line *line, double tolerance)
{
    const double width = line->width;
    double row[PAL__CHECK_COLUMNS], power = 1, noise = 3 * s->noise / width, nearest = INFINITY;
    size_t columns = e->n < PAL__CHECK_COLUMNS ? e->n + 1 : PAL__CHECK_COLUMNS;
    row[0] = s->rise / width;
    e->lost |= s->lost;
    for (size_t k = 1; k < columns; k++) {
        power *= 4;
        row[k] = row[k - 1] + (row[k - 1] - e->row[k - 1]) / (power - 1);
        double apart = fmax(fabs(row[k] - row[k - 1]), fabs(row[k] - e->row[k - 1]));
        nearest = fmin(nearest, apart);
        bool converges = apart <= fmax(close * fabs(row[k]), 8 * noise);
        if (e->n >= 2 && converges) keep_if_better(e, row[k], apart + noise, step, line->hidden);
    }
    bool murmurs = nearest > e->bar && nearest * width <= murmur * e->size;
    e->drowned = e->n >= 3 && noise > e->noise && (noise >= e->bar / 4 || murmurs);
    e->noise = noise;
    memcpy(e->row, row, columns * sizeof *row);
    for (int k = 2; k > 0; k--) {
        e->plain[k] = e->plain[k - 1];
        e->bend[k] = e->bend[k - 1];
    }
    e->plain[0] = row[0];
    e->bend[0] = s->bend / step;
    e->n++;
    e->kink = is_bent(e, s->noise, step, tolerance);
    double coarse = fabs(e->plain[2] - e->plain[1]), fine = fabs(e->plain[1] - e->plain[0]);
    if (e->n >= 3) e->rate = fine > 1e-11 * (fabs(e->value) + 1e-3) ? log2(coarse / fine) : NAN;
}

static void restart(pal__estimate *e, size_t m)
{
    for (size_t i = 0; i < m; i++) {
        e[i].n = 0;
        e[i].noise = INFINITY;
        e[i].drowned = e[i].kink = false;
    }
}

typedef enum outcome { SETTLED, OPEN, DROWNED, FLIPS, BROKEN } outcome;

/* Halves the step from `step` on. DROWNED: smaller steps only add rounding. FLIPS: a comparison changed at every step.
 */
static outcome climb_down(pal__check *c, pal__line *line, double step, pal__estimate *e)
{
    size_t usable = 0;
    restart(e, line->m);
    for (int level = 0; level < LEVELS; level++) {
        bool flips = false, finite = true, settled = true, hopeless = true;
        if (!run_step(c, line, step, &flips, &finite)) return BROKEN;
        for (size_t i = 0; i < line->m && !flips && finite; i++) {
            sample s;
            finite &= read_sample(c, line, i, &s);
            if (!finite) break;
            doubt_rest(c, line, i, e + i, &s);
            extend(e + i, &s, step, line, c->o.tolerance);
            bool enough_here = e[i].n >= 3 && e[i].bar <= enough * c->o.tolerance * fabs(e[i].value);
            settled &= enough_here;
            hopeless &= enough_here || e[i].drowned;
        }
        line->flips |= flips;
        if (flips || !finite) {
            restart(e, line->m);
            step /= 8;
            continue;
        }
        if (!usable++) line->reach = fmax(line->reach, step);
        if (settled) return SETTLED;
        if (hopeless) return DROWNED;
        step /= 2;
    }
    return !usable && line->flips ? FLIPS : OPEN;
}

static void forget(pal__estimate *e, size_t m)
{
    for (size_t i = 0; i < m; i++) e[i] = (pal__estimate){.bar = INFINITY, .rate = NAN};
}

/* Whether the plain difference of a component agrees with its estimate, whose own plain difference is further away. */
static bool agrees(const pal__estimate *e, const sample *s, const pal__line *line, double tolerance)
{
    const double apart = fabs(s->rise / line->width - e->value);
    const double noise = (16 * fmax(s->noise, e->least) + line->hidden) / line->width;
    const double scale = fmax(fabs(e->value), PAL__CHECK_TINY * e->size);
    return !(apart > noise + e->bar + fabs(e->plain[0] - e->value) + 10 * tolerance * scale);
}

/* Compares settled estimates with differences at *step, which becomes far smaller than theirs. */
static bool confirm(pal__check *c, pal__line *line, double *step, const pal__estimate *e, bool *confirmed)
{
    bool flips = false, finite = true;
    *confirmed = true;
    for (size_t i = 0; i < line->m; i++)
        if (e[i].step > 0) *step = fmin(*step, e[i].step * far_smaller);
    if (!run_step(c, line, *step, &flips, &finite)) return false;
    for (size_t i = 0; i < line->m && !flips && finite && line->width > 0; i++) {
        sample s;
        if (read_sample(c, line, i, &s) && !agrees(e + i, &s, line, c->o.tolerance)) *confirmed = false;
    }
    return true;
}

bool pal__check_ladder(pal__check *c, pal__line *line, double step, pal__estimate *e)
{
    double x = line->x ? fabs(line->at) : 0, starts[LADDERS] = {step * fmax(1, x)};
    int n = 1;
    if (x > 1) starts[n++] = step;
    if (x > 0 && x / 4 < step) starts[n++] = x / 4;
    if (n < LADDERS) starts[n++] = ldexp(step, -LEVELS);
    forget(e, line->m);
    line->flips = line->blocked = false;
    line->reach = 0;
    line->finite = count_finite(c);
    line->hidden = line->scalar ? 0 : inside * rounding * pal__check_largest(c->value0, line->m);
    outcome o = OPEN;
    for (int k = 0; k < n && o == OPEN; k++) o = climb_down(c, line, starts[k], e);
    for (int k = 0; k < FINER && o == SETTLED; k++) {
        bool confirmed;
        double finer = INFINITY;
        if (!confirm(c, line, &finer, e, &confirmed)) o = BROKEN;
        if (o == BROKEN || confirmed) break;
        forget(e, line->m);
        o = climb_down(c, line, finer, e);
    }
    move(c, line, 0);
    line->blocked = o == FLIPS;
    return o != BROKEN;
}
