/* find_rate.c - a range test of the learning rate (Smith, WACV 2017, section 3.3).
 *
 * In: a model at its start, data, an optimiser. Out: the loss of each step while the rate grows from step to step by
 * the same factor, and two rates read from that curve: where the loss fell fastest, and where it was lowest. The steps
 * are those of training. They end where the loss runs away, which is the point of the test and no error.
 *
 * The curve is smoothed, because the loss of a batch is noisy: by the mean with the weights 0.9^k of the steps before.
 * The suggestion is a tenth of the rate of the lowest loss, but not below the steepest point: at the lowest loss the
 * next steps already lead up, and a constant rate has to hold for all of a training. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/loop.h"

#define KEPT 0.9 /* of the smoothed loss, from one step to the next */
enum { STEPS = 200, STEPS_LEAST = 10, STEPS_MOST = 1000000 };

static pal_status check(const pal_find_rate_options *o, pal_error *err)
{
    if (!(o->from > 0 && o->to > o->from && o->to <= 1e6))
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "rates from %g to %g: choose two positive ones, the lower one first", o->from, o->to);
    if (o->steps < STEPS_LEAST || o->steps > STEPS_MOST)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "%lld steps: choose %d to %d", (long long)o->steps, STEPS_LEAST,
                             STEPS_MOST);
    return PAL_OK;
}

static pal_status make_room(pal_rate_curve *c, int64_t steps, pal_error *err)
{
    c->rate = calloc((size_t)steps, sizeof *c->rate);
    c->loss = calloc((size_t)steps, sizeof *c->loss);
    c->smooth = calloc((size_t)steps, sizeof *c->smooth);
    return c->rate && c->loss && c->smooth ? PAL_OK : palt__no_memory(err);
}

void pal_rate_curve_free(pal_rate_curve *c)
{
    if (!c) return;
    free(c->rate);
    free(c->loss);
    free(c->smooth);
    *c = (pal_rate_curve){0};
}

/* Whether the loss has left the range in which it began by more than it has fallen, and by a quarter of itself; and is
 * above that of any of the first batches, which may differ much if they are small. */
static bool runs_away(const pal_rate_curve *c, double lowest)
{
    const double first = c->smooth[0], now = c->smooth[c->steps - 1];
    if (!isfinite(now) || c->steps < STEPS_LEAST) return !isfinite(now);
    double highest = first;
    for (int64_t i = 0; i < STEPS_LEAST; i++) highest = fmax(highest, c->loss[i]);
    return now > highest && now > first + fmax(first - lowest, fabs(first) / 4);
}

static pal_status take_steps(palt__loop *l, const pal_find_rate_options *o, pal_rate_curve *c, pal_error *err)
{
    double mean = 0, weight = 0, lowest = (double)INFINITY;
    const int64_t each = l->progress.steps;
    while (c->steps < o->steps && !c->ran_away) {
        const int64_t i = c->steps, at = i % each;
        pal_status status = PAL_OK;
        if (!at) status = palt__loop_shuffle(l, i / each + 1, err);
        if (status) return status;
        const double rate = o->from * pow(o->to / o->from, (double)i / (double)(o->steps - 1));
        double loss;
        l->step = i + 1;
        pal_error why = {0};
        status = palt__loop_step(l, palt__loop_rows(l, at), (uint64_t)l->step, rate, &loss, &why);
        if (status == PAL_ERR_NUMERIC)
            loss = (double)INFINITY; /* an update rule can make nothing of such gradients */
        else if (status)
            return pal_error_set(err, status, "%s", why.text);
        mean = KEPT * mean + (1 - KEPT) * loss;
        weight = KEPT * weight + (1 - KEPT);
        c->rate[i] = rate;
        c->loss[i] = loss;
        c->smooth[i] = mean / weight;
        c->steps++;
        lowest = fmin(lowest, c->smooth[i]);
        c->ran_away = runs_away(c, lowest);
        if (o->progress && o->progress(c->steps, o->steps, o->user))
            return pal_error_set(err, PAL_ERR_STOPPED, "stopped by the caller after step %lld", (long long)c->steps);
    }
    return PAL_OK;
}

/* The slope is that of the smoothed loss over eight steps, of equal length in the logarithm of the rate. A fall that
 * rounding in float32 can explain is none: the sum of a batch depends a little on the order of its samples. */
static pal_status read_curve(pal_rate_curve *c, pal_error *err)
{
    enum { SPAN = 4 };
    const int64_t n = c->steps;
    int64_t low = 0, steep = -1;
    double fastest = 8 * (double)FLT_EPSILON * fabs(c->smooth[0]);
    for (int64_t i = 1; i < n; i++)
        if (c->smooth[i] < c->smooth[low]) low = i;
    for (int64_t i = SPAN; i + SPAN < n && i <= low; i++) {
        const double fall = c->smooth[i - SPAN] - c->smooth[i + SPAN];
        if (!(fall > fastest)) continue;
        fastest = fall;
        steep = i;
    }
    if (steep < 0)
        return pal_error_set(
            err, PAL_ERR_NUMERIC,
            "the loss falls at no learning rate from %g to %g: begin lower, or take more steps or larger batches",
            c->rate[0], c->rate[n - 1]);
    c->steepest = c->rate[steep];
    c->lowest = c->rate[low];
    c->suggested = fmax(c->steepest, c->lowest / 10);
    return PAL_OK;
}

/* Whether the rule of the first phase needs a learning rate at all. */
static bool has_rate(const palt__loop *l, pal_error *err)
{
    const pal_phase *phase = &l->plan.phase[0];
    const char *minimiser = palt__phase_minimiser(phase, l->o.optimizer);
    if (minimiser) {
        pal_error_set(err, PAL_ERR_ARGUMENT, "%s has no learning rate: its line search finds each step", minimiser);
        return false;
    }
    pal_optimizer *o = palt__phase_optimizer(l->model, phase, l->o.optimizer, l->progress.steps, err);
    const bool finds = pal_optimizer_is_curved(o), made = o != NULL;
    pal_optimizer_free(o);
    if (finds)
        pal_error_set(err, PAL_ERR_ARGUMENT,
                      "%s finds the length of each step by itself, so that there is nothing to search: train without "
                      "--learning-rate",
                      phase->optimizer ? phase->optimizer : l->o.optimizer->name);
    return made && !finds;
}

pal_status pal_find_rate(pal_model *model, const pal_dataset *data, const pal_find_rate_options *options,
                         pal_rate_curve *out, pal_error *err)
{
    palt__loop l;
    pal_error own = {0};
    pal_find_rate_options o = {0};
    *out = (pal_rate_curve){0};
    if (pal_options_read(&o, options, sizeof o, sizeof o, "find_rate", err)) return PAL_ERR_ARGUMENT;
    if (o.from == 0) o.from = 1e-7;
    if (o.to == 0) o.to = 10;
    if (!o.steps) o.steps = STEPS;
    if (check(&o, err)) return PAL_ERR_ARGUMENT;
    if (palt__has_closed_form(model))
        return pal_error_set(err, PAL_ERR_ARGUMENT, "the model is solved in closed form, which has no learning rate");
    const pal_train_options training = {.struct_size = sizeof training,
                                        .epochs = 1,
                                        .batch = o.batch,
                                        .seed = o.seed,
                                        .lanes = o.lanes,
                                        .optimizer = o.optimizer,
                                        .accumulate = o.accumulate};
    palt__loop_start(&l, model, data, &training);
    if (!palt__loop_plan(&l, &own) && has_rate(&l, &own) && !palt__loop_prepare(&l, &own) &&
        !palt__loop_begin(&l, 0, 0, &own) && !make_room(out, o.steps, &own) && !take_steps(&l, &o, out, &own))
        read_curve(out, &own);
    palt__loop_close(&l);
    return own.status ? pal_error_set(err, own.status, "%s", own.text) : PAL_OK;
}
