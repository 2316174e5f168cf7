/* sample.c - decodes the prior of a model with a random code: random draws; or, where the codes are few or have at most
 * two numbers, all of them in order: quantiles along a line or over a plane, or each code of a discrete kind once. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plot/plot.h"
#include "analysis/internal.h"

enum {
    SAMPLES = 64,
    STEPS_MOST = 100,
    SAMPLES_MOST = STEPS_MOST * STEPS_MOST,
    BITS = 6,      /* most units of a Bernoulli code whose patterns are drawn one by one */
    CHOICES = 400, /* most units of a categorical code */
    LABEL = 48,
};

/* By default: steps along a line, and per side of a plane. Profiles are wider than most images. */
static int64_t usual_steps(pal_sample_kind kind, pal_view view)
{
    if (kind == PAL_SAMPLE_LINE) return 15;
    return palt__is_profile(view) ? 8 : 20;
}

static const pal_distribution_kind *prior_of(const pal_model *model, pal_error *err)
{
    const pal_distribution_kind *kind = pal_model_code(model);
    if (!kind)
        pal_error_set(err, PAL_ERR_ARGUMENT,
                      "%s has no prior to draw from, since its code is not random: choose a run of variational or "
                      "importance-weighted",
                      pal_model_variant(model)->name);
    return kind;
}

/* The numbers in a code whose prior has quantiles, if there are one or two; else 0. */
static int64_t continuous(const pal_model *model)
{
    const pal_distribution_kind *kind = pal_model_code(model);
    const int64_t k = kind ? pal_option_int(model, "hidden") : 0;
    return k > 0 && k <= 2 && !isnan(pal_distribution_quantile(kind, 0.5)) ? k : 0;
}

int64_t pal_code_count(const pal_model *model)
{
    const pal_distribution_kind *kind = pal_model_code(model);
    const int64_t k = kind ? pal_option_int(model, "hidden") : 0;
    if (!kind || !isnan(pal_distribution_quantile(kind, 0.5))) return 0;
    if (pal_distribution_units(kind) == PAL_UNITS_ONE_CHOICE) return k <= CHOICES ? k : 0;
    return k <= BITS ? (int64_t)1 << k : 0;
}

/* Unit j of code i. Unit 0 is the highest bit of a pattern. */
static bool is_on(const pal_model *model, int64_t i, int64_t j)
{
    const int64_t k = pal_option_int(model, "hidden");
    return pal_distribution_units(pal_model_code(model)) == PAL_UNITS_ONE_CHOICE ? i == j : i >> (k - 1 - j) & 1;
}

pal_status pal_code_each(const pal_model *model, float *codes, pal_error *err)
{
    const int64_t n = pal_code_count(model), k = n ? pal_option_int(model, "hidden") : 0;
    if (!n)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "%s: the codes cannot be listed, they are too many",
                             pal_model_variant(model)->name);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < k; j++) codes[i * k + j] = is_on(model, i, j) ? 1 : 0;
    return PAL_OK;
}

pal_status pal_prior_draw(const pal_model *model, int64_t n, uint64_t seed, float *codes, pal_error *err)
{
    const pal_distribution_kind *kind = prior_of(model, err);
    if (!kind) return PAL_ERR_ARGUMENT;
    if (n < 1 || n > SAMPLES_MOST)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "%lld samples: choose from 1 to %d", (long long)n, SAMPLES_MOST);
    const int64_t k = pal_option_int(model, "hidden");
    pal_tape *tape = pal_tape_new(pal_model_context(model), PAL_F32);
    if (!tape) return palt__no_memory(err);
    const pal_shape row = {.rank = 2, .dim = {1, pal_distribution_outputs(kind, k, NULL)}};
    const pal_distribution prior = {kind, k, pal_fill(tape, PAL_F32, row, 0)};
    pal_var z = pal_distribution_sample(prior, "prior", n, 0);
    pal_program *program = pal_compile(tape, &z, 1, NULL);
    if (program) pal_program_set_noise(program, (pal_noise){.seed = seed});
    pal_status status = program ? pal_run(program) : pal_tape_status(tape);
    const float *drawn = status ? NULL : pal_output(program, 0)->data;
    for (int64_t i = 0; drawn && i < n * k; i++) codes[i] = drawn[i];
    if (status) pal_error_set(err, status, "%s", program ? pal_program_error(program) : pal_tape_error(tape));
    pal_program_free(program);
    pal_tape_free(tape);
    return status;
}

static pal_status refuse_steps(const pal_model *model, int64_t steps, int64_t numbers, pal_error *err)
{
    if (!prior_of(model, err)) return PAL_ERR_ARGUMENT;
    if (continuous(model) != numbers)
        return pal_error_set(
            err, PAL_ERR_ARGUMENT,
            "steps need a code of one or two continuous numbers, but this one is %s of size %lld: give --samples",
            pal_model_setting(model, "code"), (long long)pal_option_int(model, "hidden"));
    if (steps < 2 || steps > STEPS_MOST)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "%lld steps: choose from 2 to %d", (long long)steps, STEPS_MOST);
    return PAL_OK;
}

static float quantile(const pal_model *model, int64_t i, int64_t steps)
{
    return (float)pal_distribution_quantile(pal_model_code(model), ((double)i + 0.5) / (double)steps);
}

pal_status pal_prior_line(const pal_model *model, int64_t steps, float *codes, pal_error *err)
{
    pal_status status = refuse_steps(model, steps, 1, err);
    for (int64_t i = 0; !status && i < steps; i++) codes[i] = quantile(model, i, steps);
    return status;
}

pal_status pal_prior_plane(const pal_model *model, int64_t steps, float *codes, pal_error *err)
{
    pal_status status = refuse_steps(model, steps, 2, err);
    for (int64_t i = 0; !status && i < steps * steps; i++) {
        codes[2 * i] = quantile(model, i % steps, steps);
        codes[2 * i + 1] = quantile(model, steps - 1 - i / steps, steps);
    }
    return status;
}

/* ---- How often the codes occur -------------------------------------------------------------------------------- */

/* The probability of code i, if unit j is 1 with probability mean[j]. */
static double probability(const pal_model *model, const float *mean, int64_t i)
{
    const int64_t k = pal_option_int(model, "hidden");
    double p = 1;
    if (pal_distribution_units(pal_model_code(model)) == PAL_UNITS_ONE_CHOICE) return (double)mean[i];
    for (int64_t j = 0; j < k; j++) p *= is_on(model, i, j) ? (double)mean[j] : 1 - (double)mean[j];
    return p;
}

pal_status pal_code_shares(const pal_model *model, const pal_dataset *data, double *share, pal_error *err)
{
    enum { BATCH = 256 };
    const int64_t n = pal_code_count(model);
    pal_error own = {0};
    uint32_t rows[BATCH];
    if (!n) return pal_code_each(model, NULL, err);
    if (pal_data_check(model, data, &own)) return pal_error_set(err, own.status, "%s", own.text);
    pal_workspace *w = pal_workspace_new(
        model, &(pal_workspace_options){.struct_size = sizeof(pal_workspace_options), .batch = BATCH, .features = true},
        &own);
    const int64_t k = w ? pal_workspace_code(w) : 1;
    pal_tensor *x = pal_tensor_new(pal_model_context(model), PAL_F32, PAL_SHAPE(BATCH, data->features));
    float *mean = malloc((size_t)(BATCH * k) * sizeof *mean);
    if (!own.status && (!x || !mean)) palt__no_memory(&own);
    for (int64_t i = 0; i < n; i++) share[i] = 0;
    for (int64_t at = 0; !own.status && at < data->count; at += BATCH) {
        const int64_t now = data->count - at < BATCH ? data->count - at : BATCH;
        for (int64_t i = 0; i < BATCH; i++) rows[i] = (uint32_t)(at + (i < now ? i : 0));
        pal_status status = pal_dataset_gather(data, rows, BATCH, x, &own);
        if (status) break;
        status = pal_encode(model, w, x->data, (size_t)now, mean);
        if (status)
            pal_error_set(&own, status, "%s", pal_workspace_error(w) ? pal_workspace_error(w) : "out of memory");
        for (int64_t s = 0; !status && s < now; s++)
            for (int64_t i = 0; i < n; i++) share[i] += probability(model, mean + s * k, i) / (double)data->count;
    }
    free(mean);
    pal_tensor_free(x);
    pal_workspace_free(w);
    return own.status ? pal_error_set(err, own.status, "%s", own.text) : PAL_OK;
}

/* ---- The picture ---------------------------------------------------------------------------------------------- */

pal_sample_kind pal_sample_kind_of(const pal_model *model, const pal_sample_options *o)
{
    if (o->samples) return PAL_SAMPLE_DRAWS;
    if (o->steps) return continuous(model) == 1 ? PAL_SAMPLE_LINE : PAL_SAMPLE_PLANE;
    if (pal_code_count(model)) return PAL_SAMPLE_EACH;
    return continuous(model) == 1 ? PAL_SAMPLE_LINE : continuous(model) == 2 ? PAL_SAMPLE_PLANE : PAL_SAMPLE_DRAWS;
}

typedef struct samples { /* the section of a model */
    const pal_model *model;
    pal_sample_options o;
    pal_sample_kind kind;
    int64_t n, code;
    float *codes;   /* [n, code] */
    double *shares; /* [n], or NULL */
    pal_tensor *cells;
    char (*labels)[LABEL];
    const char **label;
    pal_grid_row row;
    pal_grid_section section;
} samples;

static void samples_clear(samples *s)
{
    free(s->codes);
    free(s->shares);
    free(s->labels);
    free(s->label);
    pal_tensor_free(s->cells);
}

static pal_status check(samples *s, pal_error *err)
{
    pal_sample_options *o = &s->o;
    if (!prior_of(s->model, err)) return PAL_ERR_ARGUMENT;
    if (o->samples && o->steps)
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "--steps makes a grid, but --samples makes random draws: choose one");
    pal_status status = palt__view_choose(&o->view, pal_model_sample(s->model), err);
    if (status) return status;
    s->kind = pal_sample_kind_of(s->model, o);
    if (!o->steps) o->steps = usual_steps(s->kind, o->view);
    if (!o->samples) o->samples = SAMPLES;
    if (o->steps < 2 || o->steps > STEPS_MOST)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "%lld steps: choose from 2 to %d", (long long)o->steps, STEPS_MOST);
    if (o->samples < 0 || o->samples > SAMPLES_MOST)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "%lld samples: choose from 1 to %d", (long long)o->samples,
                             SAMPLES_MOST);
    const int64_t counts[] = {o->samples, o->steps, o->steps * o->steps, pal_code_count(s->model)};
    s->n = counts[s->kind];
    return PAL_OK;
}

static pal_status choose_codes(const samples *s, pal_error *err)
{
    if (s->kind == PAL_SAMPLE_DRAWS) return pal_prior_draw(s->model, s->n, s->o.seed, s->codes, err);
    if (s->kind == PAL_SAMPLE_LINE) return pal_prior_line(s->model, s->o.steps, s->codes, err);
    if (s->kind == PAL_SAMPLE_PLANE) return pal_prior_plane(s->model, s->o.steps, s->codes, err);
    return pal_code_each(s->model, s->codes, err);
}

static pal_status decode(samples *s, pal_error *err)
{
    pal_workspace *w = pal_workspace_new(
        s->model,
        &(pal_workspace_options){.struct_size = sizeof(pal_workspace_options), .lanes = s->o.lanes, .features = true},
        err);
    if (!w) return PAL_ERR_MEMORY;
    s->code = pal_workspace_code(w);
    s->codes = calloc((size_t)(s->n * s->code), sizeof *s->codes);
    s->cells = pal_tensor_new(pal_model_context(s->model), PAL_F32, PAL_SHAPE(s->n, pal_model_features(s->model)));
    pal_status status = s->codes && s->cells ? choose_codes(s, err) : palt__no_memory(err);
    if (!status && (status = pal_decode(s->model, w, s->codes, (size_t)s->n, s->cells->data)))
        pal_error_set(err, status, "%s", pal_workspace_error(w) ? pal_workspace_error(w) : "out of memory");
    pal_workspace_free(w);
    return status;
}

/* "-1.28" for z; "3: 12.1 %" for the third choice; "011: 3.1 %" for a pattern. */
static void write_label(const samples *s, int64_t i, char out[LABEL])
{
    char name[LABEL - 8] = "";
    if (s->kind == PAL_SAMPLE_LINE) {
        const double z = fabs((double)s->codes[i]) < 0.005 ? 0 : (double)s->codes[i]; /* no -0.00 */
        snprintf(out, LABEL, "%.2f", z);
        return;
    }
    if (pal_distribution_units(pal_model_code(s->model)) == PAL_UNITS_ONE_CHOICE)
        snprintf(name, sizeof name, "%lld", (long long)i + 1);
    else
        for (int64_t j = 0; j < s->code && j < BITS; j++) name[j] = is_on(s->model, i, j) ? '1' : '0';
    if (s->shares)
        snprintf(out, LABEL, "%s: %.1f %%", name, 100 * s->shares[i]);
    else
        snprintf(out, LABEL, "%s", name);
}

static pal_status label(samples *s, pal_error *err)
{
    pal_status status = PAL_OK;
    if (s->kind == PAL_SAMPLE_DRAWS || s->kind == PAL_SAMPLE_PLANE) return PAL_OK;
    s->labels = calloc((size_t)s->n, sizeof *s->labels);
    s->label = calloc((size_t)s->n, sizeof *s->label);
    if (s->kind == PAL_SAMPLE_EACH && s->o.data) {
        s->shares = calloc((size_t)s->n, sizeof *s->shares);
        if (s->shares) status = pal_code_shares(s->model, s->o.data, s->shares, err);
    }
    if (!s->labels || !s->label || (s->kind == PAL_SAMPLE_EACH && s->o.data && !s->shares)) return palt__no_memory(err);
    for (int64_t i = 0; !status && i < s->n; i++) {
        write_label(s, i, s->labels[i]);
        s->label[i] = s->labels[i];
    }
    return status;
}

/* Cells per line; 0: as the grid chooses. */
static size_t columns_of(const samples *s)
{
    enum { LINE = 20, PROFILES = 5 };
    const size_t n = (size_t)s->n, most = palt__is_profile(s->o.view) ? PROFILES : LINE;
    if (s->kind == PAL_SAMPLE_PLANE) return (size_t)s->o.steps;
    if (s->kind == PAL_SAMPLE_LINE) return n < most ? n : most;
    if (s->kind == PAL_SAMPLE_EACH && pal_distribution_units(pal_model_code(s->model)) != PAL_UNITS_ONE_CHOICE)
        return (size_t)1 << (s->code + 1) / 2;
    return s->kind == PAL_SAMPLE_DRAWS || n > 12 ? 0 : n > PROFILES ? (n + 1) / 2 : n;
}

static pal_status samples_make(samples *s, pal_error *err)
{
    pal_status status = check(s, err);
    if (!status) status = decode(s, err);
    if (!status) status = label(s, err);
    if (status) return status;
    s->row = (pal_grid_row){.cells = s->cells, .mapping = palt__mapping(s->o.view, s->cells), .cell_labels = s->label};
    s->section = (pal_grid_section){.rows = &s->row, .count = 1, .columns = columns_of(s)};
    palt__view_section(&s->section, s->o.view);
    return PAL_OK;
}

pal_status pal_sample_all_write(const pal_shown *models, size_t count, const pal_sample_options *given,
                                const char *path, pal_error *err)
{
    pal_sample_options o = {0};
    if (pal_options_read(&o, given, sizeof o, offsetof(pal_sample_options, data), "sample", err))
        return PAL_ERR_ARGUMENT;
    samples *s = calloc(count + 1, sizeof *s);
    pal_grid_section *sections = calloc(count + 1, sizeof *sections);
    pal_status status = s && sections ? PAL_OK : palt__no_memory(err);
    for (size_t i = 0; !status && i < count; i++) {
        pal_error own = {0};
        const char *name = models[i].name;
        s[i] = (samples){.model = models[i].model, .o = o};
        status = samples_make(&s[i], &own);
        if (status) pal_error_set(err, own.status, "%s%s%s", name ? name : "", name ? ": " : "", own.text);
        sections[i] = s[i].section;
        sections[i].title = name;
    }
    if (!status && count) o.view = s[0].o.view;
    if (!status)
        status =
            palt__view_write(count ? models[0].model : NULL, o.view, o.title, o.caption, sections, count, path, err);
    for (size_t i = 0; s && i < count; i++) samples_clear(&s[i]);
    free(sections);
    free(s);
    return status;
}

pal_status pal_sample_write(const pal_model *model, const pal_sample_options *options, const char *path, pal_error *err)
{
    const pal_shown one = {.model = (pal_model *)(uintptr_t)model};
    return pal_sample_all_write(&one, 1, options, path, err);
}
