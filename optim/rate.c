/* rate.c - the learning rate as a function of the step, and of the losses where it waits for a plateau.
 *
 * A warm-up rises linearly and reaches the full rate at its last step. The schedule counts its steps from there, so the
 * rate does not jump between the two. */
#include "optim/optim.h"

#include <math.h>
#include <string.h>

/* k: steps since the full rate was reached; span: the value of k at the end of training. */
static double constant(const pal_schedule *s, uint64_t k, uint64_t span)
{
    (void)k, (void)span;
    return s->learning_rate;
}

static double step(const pal_schedule *s, uint64_t k, uint64_t span)
{
    (void)span;
    return s->every ? s->learning_rate * pow(s->factor, (double)(k / s->every)) : s->learning_rate;
}

static double cosine(const pal_schedule *s, uint64_t k, uint64_t span)
{
    if (k >= span) return span ? s->final_rate : s->learning_rate;
    double share = (1 + cos(M_PI * (double)k / (double)span)) / 2;
    return s->final_rate + (s->learning_rate - s->final_rate) * share;
}

static double polynomial(const pal_schedule *s, uint64_t k, uint64_t span)
{
    if (k >= span) return span ? s->final_rate : s->learning_rate;
    const double left = 1 - (double)k / (double)span;
    return s->final_rate + (s->learning_rate - s->final_rate) * pow(left, s->power > 0 ? s->power : 1);
}

/* From a to b along half a cosine period. */
static double between(double a, double b, double share) { return b + (a - b) * (1 + cos(M_PI * share)) / 2; }

static double one_cycle(const pal_schedule *s, uint64_t k, uint64_t span)
{
    const double rise = s->rise > 0 && s->rise <= 1 ? s->rise : 0.3, top = rise * ((double)span + 1) - 1;
    const double at = (double)k, end = (double)span;
    if (k >= span) return span ? s->final_rate : s->learning_rate;
    if (at < top) return between(s->learning_rate / 25, s->learning_rate, at / top);
    return between(s->learning_rate, s->final_rate, top > 0 ? (at - top) / (end - top) : at / end);
}

static double plateau(const pal_schedule *s, uint64_t k, uint64_t span)
{
    (void)k, (void)span;
    return fmax(s->learning_rate * pow(s->factor, (double)s->reductions), fmin(s->final_rate, s->learning_rate));
}

static const struct {
    const char *name;
    double (*rate)(const pal_schedule *s, uint64_t k, uint64_t span);
    bool total; /* depends on span */
} schedules[] = {{"constant", constant, false},    {"step", step, false},          {"cosine", cosine, true},
                 {"polynomial", polynomial, true}, {"one-cycle", one_cycle, true}, {"plateau", plateau, false}};

static size_t find(const char *name)
{
    size_t i = 0, n = sizeof schedules / sizeof *schedules;
    while (i < n && !(name && !strcmp(schedules[i].name, name))) i++;
    return i < n ? i + 1 : 0;
}

bool pal_schedule_known(const char *name) { return find(name) != 0; }
bool pal_schedule_uses_total(const char *name) { return find(name) && schedules[find(name) - 1].total; }

double pal_schedule_rate(const pal_schedule *s, uint64_t at)
{
    size_t found = s ? find(s->name) : 0;
    if (!found) return (double)NAN;
    uint64_t full = s->warmup ? s->warmup : 1;
    if (at < s->warmup) return s->learning_rate * (double)at / (double)s->warmup;
    return schedules[found - 1].rate(s, at > full ? at - full : 0, s->total > full ? s->total - full : 0);
}

bool pal_plateau_add(pal_plateau *p, const pal_schedule *s, double loss)
{
    if (!p || !s || isnan(loss)) return false;
    const bool better = !p->seen++ || (isfinite(p->best) ? loss < p->best - 1e-4 * fabs(p->best) : loss < p->best);
    p->poor = better ? 0 : p->poor + 1;
    if (better) p->best = loss;
    if (p->poor <= (s->patience ? s->patience : 5)) return false;
    p->poor = 0;
    p->reductions++;
    return true;
}
