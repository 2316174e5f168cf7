/* rate.c - the learning rate as a function of the step.
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

static const struct {
    const char *name;
    double (*rate)(const pal_schedule *s, uint64_t k, uint64_t span);
} schedules[] = {{"constant", constant}, {"step", step}, {"cosine", cosine}};

static size_t find(const char *name)
{
    size_t i = 0, n = sizeof schedules / sizeof *schedules;
    while (i < n && !(name && !strcmp(schedules[i].name, name))) i++;
    return i < n ? i + 1 : 0;
}

bool pal_schedule_known(const char *name) { return find(name) != 0; }

double pal_schedule_rate(const pal_schedule *s, uint64_t at)
{
    size_t found = s ? find(s->name) : 0;
    if (!found) return (double)NAN;
    uint64_t full = s->warmup ? s->warmup : 1;
    if (at < s->warmup) return s->learning_rate * (double)at / (double)s->warmup;
    return schedules[found - 1].rate(s, at > full ? at - full : 0, s->total > full ? s->total - full : 0);
}
