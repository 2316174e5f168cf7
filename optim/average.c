/* average.c - averages of the weights over the steps, for any update rule.
 *
 * In: the weights after a step. Out: a' = k a + s (w - k a), with two scalars of the step. So both kinds are the same
 * operations, and the scalars are functions of the step alone: a resumed run needs the average and nothing else.
 *   - exponential: s = (1 - d) / (1 - d^t), which is the mean with the weights d^(t-i), already corrected for its start
 *     (Kingma and Ba, ICLR 2015, section 7.2).
 *   - equal: the mean of the weights at the steps start, start + every, ...; before the first of them, the weights
 *     themselves (Izmailov, Podoprikhin, Garipov, Vetrov and Wilson, UAI 2018, algorithm 1). k = 0 makes this exact.
 * Why not a second program at the end of each epoch: the average of every step needs the loop of the update anyway, and
 * one way serves both. */
#include "optim/internal.h"

#include <math.h>
#include <string.h>

#include "ops/ops.h"

static void exponential(const pal_optimizer_options *o, uint64_t step, double *keep, double *share)
{
    *keep = step > 1;
    *share = step > 1 ? (1 - o->average_decay) / (1 - pow(o->average_decay, (double)step)) : 1;
}

static void equal(const pal_optimizer_options *o, uint64_t step, double *keep, double *share)
{
    const uint64_t start = o->average_start ? o->average_start : 1, every = o->average_every ? o->average_every : 1;
    const bool before = step <= start, counts = !before && (step - start) % every == 0;
    *keep = !before;
    *share = before ? 1 : counts ? 1 / (double)((step - start) / every + 1) : 0;
}

static const struct {
    const char *name;
    void (*scalars)(const pal_optimizer_options *o, uint64_t step, double *keep, double *share);
} kinds[] = {{"exponential", exponential}, {"equal", equal}};

static size_t kind_of(const pal_optimizer_options *o)
{
    size_t i = 0, n = sizeof kinds / sizeof *kinds;
    while (i < n && strcmp(kinds[i].name, o->average) != 0) i++;
    return i;
}

bool pal__averages(const pal_optimizer_options *o) { return kind_of(o) < sizeof kinds / sizeof *kinds; }

void pal__average_scalars(const pal_optimizer_options *o, uint64_t step, double out[PAL__SCALARS])
{
    if (pal__averages(o)) kinds[kind_of(o)].scalars(o, step ? step : 1, &out[PAL__KEEP], &out[PAL__SHARE]);
}

pal_var pal__average(const pal__update *u, pal_var average, pal_var weights)
{
    const pal_var kept = pal_mul(average, u->scalar[PAL__KEEP]);
    return pal_add(kept, pal_mul(pal_sub(weights, kept), u->scalar[PAL__SHARE]));
}
