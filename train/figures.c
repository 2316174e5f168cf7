/* figures.c - measures a code on a data set: the activity of its units, and its sensitivity to the input.
 *
 * Activations are accumulated on the host, in double: those of a batch in the order of its samples, and then the sums
 * of the batches, in their order. So processes that divide the batches (pass.c) exchange few numbers. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/ops.h"
#include "train/internal.h"

#define ACTIVE    0.01 /* standard deviation over the data; for the posterior mean of a random code, variance */
#define TOLD      0.01 /* nats; least information of a code that is one choice and not collapsed */
#define DEAD      1e-4
#define SATURATED 0.05 /* distance from either end of [0,1] */
#define NEAR      0.2  /* relative to rho */
enum { BATCH = 128, JACOBIAN_BATCH = 32, BY_ROWS = 256 };

/* ---- Activations ---------------------------------------------------------------------------------------------- */

typedef struct activations {
    int64_t units, samples, saturated, zeros;
    double *sum, *squares; /* [units] */
    double low, high;
    /* Random code only; computed from the samples as the loss takes them, binarised if it binarises. */
    bool random;
    pal_units kind;
    double *mean, *squared; /* [units]: sums of the posterior means and of their squares */
    double *divergence;     /* [units] for independent units, else [1] */
} activations;
enum { CODE, MEAN, DIVERGENCE };

/* KL(q || p): [n,k], one value per unit, for independent units whose parameters are rows of k; else [n]. */
static pal_var divergence_of(pal_distribution q)
{
    const pal_shape s = pal_shape_of(q.parameters);
    if (pal_distribution_units(q.kind) != PAL_UNITS_INDEPENDENT || s.rank != 2) return pal_distribution_kl_prior(q);
    const int64_t each = s.dim[1] / q.k;
    pal_var by_unit = pal_transpose(pal_reshape(q.parameters, PAL_SHAPE(s.dim[0], each, q.k)));
    q = (pal_distribution){q.kind, 1, pal_reshape(by_unit, PAL_SHAPE(s.dim[0] * s.dim[1] / each, each))};
    return pal_reshape(pal_distribution_kl_prior(q), PAL_SHAPE(s.dim[0], s.dim[1] / each));
}

static size_t record_code(pal_model *model, const palt__inputs *in, pal_var *outputs, void *user)
{
    activations *a = user;
    pal_model_begin(model, in->tape, PAL_EVALUATE);
    outputs[CODE] = outputs[MEAN] = outputs[DIVERGENCE] = pal_model_encode(model, in->x);
    a->random = pal_model_has_posterior(model);
    if (a->random) {
        const pal_distribution q = palt__code_posterior(model, pal_model_target(model, in->x), outputs[CODE]);
        outputs[MEAN] = pal_distribution_mean(q);
        outputs[DIVERGENCE] = divergence_of(q);
        a->kind = pal_distribution_units(q.kind);
    }
    pal_model_end(model);
    if (!pal_tape_status(in->tape))
        a->units = pal_shape_count(pal_shape_of(outputs[CODE])) / pal_shape_of(in->x).dim[0];
    return 1 + DIVERGENCE;
}

/* What a batch gives: these, then the sums of each unit, in the order of the fields. */
enum { LOW, HIGH, ZEROS, SATURATIONS, SINGLE, BY_UNIT = 5 };

static void count(const palt__stage *stage, double *numbers, void *user)
{
    const activations *a = user;
    const int64_t units = a->units;
    double *sum = numbers + SINGLE, *squares = sum + units, *mean = squares + units, *squared = mean + units,
           *divergences = squared + units;
    memset(numbers, 0, (size_t)(SINGLE + BY_UNIT * units) * sizeof *numbers);
    numbers[LOW] = INFINITY;
    numbers[HIGH] = -INFINITY;
    const pal_tensor *code = pal_output(stage->program, CODE), *means = pal_output(stage->program, MEAN),
                     *divergence = pal_output(stage->program, DIVERGENCE);
    for (int64_t i = 0; i < stage->rows * units; i++) {
        double h = pal_tensor_get(code, (size_t)i);
        sum[i % units] += h;
        squares[i % units] += h * h;
        numbers[LOW] = fmin(numbers[LOW], h);
        numbers[HIGH] = fmax(numbers[HIGH], h);
        numbers[ZEROS] += h == 0;
        numbers[SATURATIONS] += h < SATURATED || h > 1 - SATURATED;
        if (!a->random) continue;
        const double m = pal_tensor_get(means, (size_t)i);
        mean[i % units] += m;
        squared[i % units] += m * m;
    }
    const int64_t each = a->kind == PAL_UNITS_INDEPENDENT ? units : 1;
    for (int64_t i = 0; a->random && i < stage->rows * each; i++)
        divergences[i % each] += pal_tensor_get(divergence, (size_t)i);
}

static void add_activations(const double *numbers, int64_t rows, void *user)
{
    activations *a = user;
    double *const sums[BY_UNIT] = {a->sum, a->squares, a->mean, a->squared, a->divergence};
    a->low = fmin(a->low, numbers[LOW]);
    a->high = fmax(a->high, numbers[HIGH]);
    a->zeros += (int64_t)numbers[ZEROS];
    a->saturated += (int64_t)numbers[SATURATIONS];
    for (int64_t k = 0; k < BY_UNIT; k++)
        for (int64_t j = 0; j < a->units; j++) sums[k][j] += numbers[SINGLE + k * a->units + j];
    a->samples += rows;
}

static double variance(double sum, double squares, double n) { return fmax(squares / n - sum / n * (sum / n), 0); }

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The target mean activation of the units; NAN: the model has no target. */
static double target(const pal_model *model)
{
    const char *rho = pal_model_setting(model, "rho"), *sparsity = pal_model_setting(model, "sparsity");
    return rho && (!sparsity || !strcmp(sparsity, "kl")) ? strtod(rho, NULL) : (double)NAN;
}

/* Information of a code that is one choice about the sample: H(mean q) - mean H(q) = mean KL(q || p) - KL(mean q || p),
 * since the prior is uniform. A q that is certain, but of the same class for every sample, has no information. */
static double information(const activations *a, double divergence)
{
    for (int64_t j = 0; j < a->units; j++) {
        const double q = a->mean[j] / (double)a->samples;
        if (q > 0) divergence -= q * log(q * (double)a->units);
    }
    return fmax(divergence, 0);
}

/* Afterwards sum contains the sorted means, and divergence the means. */
static void summarise(activations *a, double rho, pal_code_figures *f)
{
    const double n = (double)a->samples, all = n * (double)a->units;
    int64_t near = 0;
    *f = (pal_code_figures){.units = a->units,
                            .zeros = (double)a->zeros / all,
                            .saturated = a->low >= 0 && a->high <= 1 ? (double)a->saturated / all : (double)NAN,
                            .rho = rho,
                            .random = a->random,
                            .divergence = a->random ? 0 : (double)NAN,
                            .information = NAN};
    for (int64_t j = 0; j < a->units; j++) {
        const double mean = a->sum[j] / n, deviation = sqrt(variance(a->sum[j], a->squares[j], n));
        f->mean += mean / (double)a->units;
        f->active += (a->random ? variance(a->mean[j], a->squared[j], n) : deviation) > ACTIVE;
        f->dead += deviation < DEAD;
        near += fabs(mean - rho) <= NEAR * rho;
        a->sum[j] = mean;
        a->divergence[j] /= n;
        if (a->random) f->divergence += a->divergence[j];
    }
    const bool one = a->random && a->kind == PAL_UNITS_ONE_CHOICE;
    if (one) f->information = information(a, f->divergence);
    f->collapsed = a->random && (one ? f->information < TOLD : !f->active);
    if (one) f->active = f->dead = -1;
    f->near_rho = isnan(rho) ? rho : (double)near / (double)a->units;
    qsort(a->sum, (size_t)a->units, sizeof *a->sum, by_value);
    for (int64_t q = 0; q < 5; q++) f->quartiles[q] = a->sum[(a->units - 1) * q / 4];
}

/* Afterwards this process can no more fail alone. */
static pal_status make_room(activations *a, double **unit_divergence, pal_error *err)
{
    double **const parts[BY_UNIT] = {&a->sum, &a->squares, &a->mean, &a->squared, &a->divergence};
    a->sum = calloc(BY_UNIT * (size_t)a->units + 1, sizeof *a->sum);
    if (!a->sum) return palt__no_memory(err);
    for (int64_t i = 1; i < BY_UNIT; i++) *parts[i] = a->sum + i * a->units;
    if (!unit_divergence || !a->random || a->kind != PAL_UNITS_INDEPENDENT) return PAL_OK;
    *unit_divergence = malloc((size_t)a->units * sizeof **unit_divergence);
    return *unit_divergence ? PAL_OK : palt__no_memory(err);
}

static pal_status measure_code(pal_model *model, const pal_dataset *data, const pal_evaluate_options *o,
                               pal_code_figures *f, pal_error *err)
{
    activations a = {.low = INFINITY, .high = -INFINITY};
    palt__stage_options options = {
        .rows = o->batch ? o->batch : BATCH, .lanes = o->lanes, .record = record_code, .user = &a};
    pal_error own = {0};
    double **const divergence = o->unit_divergence;
    if (divergence) *divergence = NULL;
    palt__pass *pass = palt__pass_new(model, data, data->count, &options, &own);
    if (pass) make_room(&a, divergence, &own);
    pal_status status = pal_communicator_agree(o->communicator, own.status, &own);
    const palt__sum sum = {SINGLE + BY_UNIT * (size_t)a.units, count, add_activations};
    if (!status) status = palt__pass_add(pass, o->seed, o->communicator, &sum, &a, &own);
    if (!status) summarise(&a, target(model), f);
    if (divergence && *divergence && status) {
        free(*divergence);
        *divergence = NULL;
    } else if (divergence && *divergence) {
        memcpy(*divergence, a.divergence, (size_t)a.units * sizeof **divergence);
    }
    free(a.sum);
    palt__pass_free(pass);
    return status ? pal_error_set(err, status, "%s", own.text) : PAL_OK;
}

/* ---- The encoder's Jacobian ----------------------------------------------------------------------------------- */

typedef struct jacobian {
    bool by_rows; /* the encoder is not a plain chain of layers, so J is computed row by row */
    double norm, norm2;
} jacobian;

static size_t record_jacobian(pal_model *model, const palt__inputs *in, pal_var *outputs, void *user)
{
    jacobian *j = user;
    pal_model_begin(model, in->tape, PAL_EVALUATE);
    pal_var h = pal_model_encode(model, in->x);
    pal_model_end(model);
    if (pal_shape_of(h).rank > 2) h = pal_reshape(h, PAL_SHAPE(pal_shape_of(h).dim[0], -1));
    if (pal_tape_status(in->tape)) return 0;
    const pal_mark mark = pal_tape_mark(in->tape);
    outputs[0] = pal_jacobian_norm2_layers_each(h, in->x);
    if (pal_tape_status(in->tape) == PAL_ERR_MEMORY) return 0; /* which says nothing about the encoder */
    j->by_rows = pal_tape_status(in->tape) != PAL_OK;
    if (j->by_rows) {
        pal_tape_rewind(in->tape, mark);
        outputs[0] = pal_jacobian_norm2_rows_each(h, in->x);
    }
    return 1;
}

enum { NORM, NORM2, NORMS };

static void take_norms(const palt__stage *stage, double *numbers, void *user)
{
    (void)user;
    numbers[NORM] = numbers[NORM2] = 0;
    for (size_t i = 0; i < (size_t)stage->rows; i++) {
        double norm2 = pal_tensor_get(pal_output(stage->program, 0), i);
        numbers[NORM2] += norm2;
        numbers[NORM] += sqrt(norm2);
    }
}

static void add_norms(const double *numbers, int64_t rows, void *user)
{
    (void)rows;
    jacobian *j = user;
    j->norm += numbers[NORM];
    j->norm2 += numbers[NORM2];
}

static pal_status measure_jacobian(pal_model *model, const pal_dataset *data, const pal_evaluate_options *o,
                                   pal_code_figures *f, pal_error *err)
{
    jacobian j = {0};
    palt__stage_options options = {.rows = JACOBIAN_BATCH, .lanes = o->lanes, .record = record_jacobian, .user = &j};
    const int64_t asked = o->jacobian_samples;
    int64_t n = asked && asked < data->count ? asked : data->count;
    pal_error own = {0};
    palt__pass *pass = palt__pass_new(model, data, n, &options, &own);
    if (pass && j.by_rows && !asked && n > BY_ROWS) { /* all samples would take too long */
        palt__pass_free(pass);
        n = BY_ROWS;
        pass = palt__pass_new(model, data, n, &options, &own);
    }
    const palt__sum sum = {NORMS, take_norms, add_norms};
    pal_status status = pal_communicator_agree(o->communicator, own.status, &own);
    if (!status) status = palt__pass_add(pass, o->seed, o->communicator, &sum, &j, &own);
    palt__pass_free(pass);
    if (status) return pal_error_set(err, status, "%s", own.text);
    f->jacobian_samples = n;
    f->jacobian_norm = j.norm / (double)n;
    f->jacobian_norm2 = j.norm2 / (double)n;
    return PAL_OK;
}

pal_status palt__code_figures(pal_model *model, const pal_dataset *data, const pal_evaluate_options *o,
                              pal_code_figures *f, pal_error *err)
{
    pal_error own = {0};
    if (!measure_code(model, data, o, f, &own)) {
        f->jacobian_norm = f->jacobian_norm2 = NAN;
        if (o->jacobian_samples >= 0) measure_jacobian(model, data, o, f, &own);
    }
    return own.status ? pal_error_set(err, own.status, "%s", own.text) : PAL_OK;
}
