/* options.c - the options of an optimiser: replaces 0 by the default and -1 by a true 0, and checks the ranges. */
#include "optim/internal.h"
#include "optim/lapack.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *name;
    size_t offset;
    double preset, below; /* allowed: 0 <= x < below */
} fields[] = {
    {"momentum", offsetof(pal_optimizer_options, momentum), 0.9, 1},
    {"alpha", offsetof(pal_optimizer_options, alpha), 0.99, 1},
    {"beta1", offsetof(pal_optimizer_options, beta1), 0.9, 1},
    {"beta2", offsetof(pal_optimizer_options, beta2), 0.999, 1},
    {"epsilon", offsetof(pal_optimizer_options, epsilon), 1e-8, 1e300},
    {"weight_decay", offsetof(pal_optimizer_options, weight_decay), 0, 1e300},
    {"clip_norm", offsetof(pal_optimizer_options, clip_norm), 0, 1e300},
    {"damping", offsetof(pal_optimizer_options, damping), 0.01, 1e300},
    {"average_decay", offsetof(pal_optimizer_options, average_decay), 0.999, 1},
};

static const char *const schedules[] = {"constant", "sutskever", NULL};
static const char *const averages[] = {"none", "exponential", "equal", NULL};

/* The name in the list, which outlives the caller's; that of the first if none is given; NULL: unknown. */
static const char *constant_of(const char *const *list, const char *name)
{
    if (!name) return *list;
    while (*list && strcmp(*list, name) != 0) list++;
    return *list;
}

static double preset(const pal__update_rule *rule, size_t i)
{
    const struct {
        size_t at;
        double own;
    } own[] = {{offsetof(pal_optimizer_options, weight_decay), rule->weight_decay},
               {offsetof(pal_optimizer_options, momentum), rule->momentum},
               {offsetof(pal_optimizer_options, beta1), rule->beta1},
               {offsetof(pal_optimizer_options, beta2), rule->beta2}};
    for (size_t k = 0; k < sizeof own / sizeof *own; k++)
        if (own[k].at == fields[i].offset && own[k].own > 0) return own[k].own;
    return fields[i].preset;
}

pal_status pal__optimizer_options(const pal_optimizer_options *given, pal_optimizer_options *out,
                                  const pal__update_rule **rule, pal_error *err)
{
    *out = (pal_optimizer_options){.struct_size = sizeof *out};
    const size_t first = offsetof(pal_optimizer_options, momentum_schedule);
    if (pal_options_read(out, given, sizeof *out, first, "optimizer", err)) return PAL_ERR_ARGUMENT;
    if (!out->name) out->name = "gd";
    *rule = pal__update_rule_find(out->name);
    if (!*rule) return pal_error_set(err, PAL_ERR_ARGUMENT, "optimizer: unknown name %s", out->name);
    out->name = (*rule)->name;
    out->momentum_schedule = constant_of(schedules, out->momentum_schedule);
    if (!out->momentum_schedule)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "%s: unknown schedule of the momentum %s", out->name,
                             given->momentum_schedule);
    out->average = constant_of(averages, out->average);
    if (!out->average) return pal_error_set(err, PAL_ERR_ARGUMENT, "%s: unknown average %s", out->name, given->average);
    if ((*rule)->apart && pal__averages(out))
        return pal_error_set(err, PAL_ERR_ARGUMENT, "%s: its weights are an average already: leave out the average %s",
                             out->name, out->average);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        double *field = (double *)(void *)((char *)out + fields[i].offset);
        if (*field == 0)
            *field = preset(*rule, i);
        else if (*field == -1)
            *field = 0;
        if (!(*field >= 0 && *field < fields[i].below))
            return pal_error_set(err, PAL_ERR_ARGUMENT, "%s: %s %g must be at least 0 and less than %g", out->name,
                                 fields[i].name, *field, fields[i].below);
    }
    if ((*rule)->curved && out->clip_norm > 0)
        return pal_error_set(
            err, PAL_ERR_ARGUMENT,
            "%s: the quadratic model gives the length of a step: leave out the limit of the gradient's norm",
            out->name);
    if (!out->precondition_every) out->precondition_every = 10;
    if (!out->max_dimension) out->max_dimension = 10000;
    if (out->max_dimension < 1 || out->max_dimension > PAL__LAPACK_MOST)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "%s: max_dimension %lld must be from 1 to %d", out->name,
                             (long long)out->max_dimension, PAL__LAPACK_MOST);
    return PAL_OK;
}
