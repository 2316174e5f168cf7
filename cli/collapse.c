/* collapse.c - what to do about a random code that tells nothing about the sample: the causes that can be seen, the
 * likeliest first. docs/results.md says why each of them makes a code collapse, and what its remedy brought. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

typedef struct facts {
    const pal_model *model;
    const pal_run_info *info; /* how the model was trained */
    double baseline;          /* squared error of the mean sample */
} facts;

static const char *setting(const facts *f, const char *name)
{
    const char *value = pal_model_setting(f->model, name);
    return value ? value : ""; /* the variant does not have this option */
}

static double number(const facts *f, const char *name) { return strtod(setting(f, name), NULL); }
static bool is(const facts *f, const char *name, const char *choices)
{
    return pal_choices_have(choices, setting(f, name));
}
static bool is_discrete(const facts *f) { return is(f, "code", "bernoulli|categorical"); }
static bool is_steady(const facts *f)
{
    return !f->info->optimizer.name || pal_choices_have("gd|sgd|momentum|nesterov", f->info->optimizer.name);
}

/* Before the first sample is told from another, all have moved to one class. */
static bool common_start(const facts *f, char *out, size_t size)
{
    if (!is_discrete(f) || !is(f, "output-bias", "zero")) return false;
    snprintf(out, size, "use --output-bias mean");
    return true;
}

/* A nat of the code costs more than it saves. */
static bool dear_code(const facts *f, char *out, size_t size)
{
    if (!is(f, "estimate", "bound|importance") || !(number(f, "beta") > 1)) return false;
    snprintf(out, size, "lower --beta (now %s)%s", setting(f, "beta"),
             number(f, "beta-warm-up") > 0 ? "" : ", or use --beta-warm-up");
    return true;
}

/* A draw is a mixture of all classes, which is nearly the same for every sample. */
static bool mixed_draws(const facts *f, char *out, size_t size)
{
    if (!is_discrete(f) || !(number(f, "temperature") > 1)) return false;
    snprintf(out, size, "lower --temperature (now %s)", setting(f, "temperature"));
    return true;
}

/* The scales of the output shrink first, for every sample alike. */
static bool common_scales(const facts *f, char *out, size_t size)
{
    if (!is_discrete(f) || !is(f, "output", "normal|normal-full")) return false;
    snprintf(out, size, "use --output gaussian");
    return true;
}

/* What the code could tell is much less than the noise of the output. */
static bool much_noise(const facts *f, char *out, size_t size)
{
    const double features = (double)pal_shape_count(pal_model_sample(f->model)), spread = sqrt(f->baseline / features);
    const double sigma = is(f, "output", "squared") ? 1 : is(f, "output", "gaussian") ? number(f, "output-sigma") : 0;
    if (!(spread > 0) || !(sigma > 2 * spread)) return false;
    snprintf(out, size, "use --output gaussian --output-sigma %.2g, which is the spread of the data, not %g", spread,
             sigma);
    return true;
}

static bool slow_steps(const facts *f, char *out, size_t size)
{
    if (!is_steady(f)) return false;
    snprintf(out, size, "use --optimizer adam");
    return true;
}

static bool unusual_rate(const facts *f, char *out, size_t size)
{
    const double rate = f->info->schedule.learning_rate;
    if (pal_cli_finds_its_step(f->info->optimizer.name)) return false;
    if (rate >= 1e-4 && rate <= 0.01) return false;
    snprintf(out, size, "%s --learning-rate (now %g)", rate < 1e-4 ? "raise" : "lower", rate);
    return true;
}

static bool little_time(const facts *f, char *out, size_t size)
{
    snprintf(out, size, "train longer (now --epochs %lld)", (long long)f->info->epochs);
    return true;
}

void pal_cli_collapse_remedy(const pal_model *model, const pal_run_info *info, double baseline, char *out, size_t size)
{
    static bool (*const causes[])(const facts *, char *, size_t) = {
        common_start, dear_code, mixed_draws, common_scales, much_noise, slow_steps, unusual_rate, little_time};
    const facts f = {model, info, baseline};
    size_t i = 0;
    while (!causes[i](&f, out, size)) i++;
}
