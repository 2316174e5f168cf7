/* defaults.c - how a model is trained where nobody chooses: optimiser, learning rate, batch, epochs, and the limit of
 * the gradient's norm; and the settings of a model that follow the data.
 *
 * What goes in: the settings of the model, and a few facts about the data. What comes out: settings at which the model
 * learns more than the mean sample. tests/train/defaults.c trains every variant with every option and lists the
 * exceptions. The rules are tables:
 *   - `marks` reads from the settings what makes a model hard to train by plain gradient descent.
 *   - `rates` has the learning rate of each optimiser, and `factors` what a mark makes of it.
 * The rates were measured on 5,000 images and on four tables (docs/results.md, Defaults). Gradient descent needs a rate
 * below 2 / (greatest curvature of the loss). The curvature grows with the squared length of the inputs of a layer, and
 * a rectified or deep network multiplies it; hence the factors. Adam divides by the size of the gradient, so that its
 * rate depends on none of this, only on how far a weight has to go: in a small model, further.
 *
 * Why not search for a rate: it would cost time, and the run would depend on the search. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/internal.h"

static const double variance_usual = 50; /* up to which a penalty keeps its default weight */
enum {
    FEATURES_FEW = 64,
    WEIGHTS_FEW = 100000,
    ROWS_LOOKED_AT = 1000,
    STEPS_LEAST = 2000,
    BATCH = 128,
    BATCH_MEASURED = 1024,
    EPOCHS = 15,
    CHUNK = 1000, /* of a minimiser */
    ITERATIONS = 200,
    CLIP_STACK = 100
};

/* clang-format off */
enum { /* marks of a model and its data */
    DEEP = 1,           /* several layers on one side */
    CONVOLVES = 2,      /* one weight is used at many places, and their gradients add up */
    NOT_SIGMOID = 4,    /* an activation whose slope is greater than 1/4 */
    UNBOUNDED = 8,      /* an activation without upper limit */
    NOT_BERNOULLI = 16, /* a loss that grows faster than linearly with the output */
    LEARNS_SIGMA = 32,  /* a loss that divides by a learnt variance, so that its gradients have no usual size */
    FULL = 64,          /* a loss that divides by a learnt covariance matrix */
    CONTRACTS = 128,    /* a penalty on derivatives, which has a curvature of its own */
    SMALL = 256,        /* few features and few weights */
};

static const struct {
    unsigned mark;
    const char *option, *values; /* the mark holds if the option has one of these values; NULL: if it is not empty */
} marks[] = {
    {DEEP,          "channels",        NULL},
    {CONVOLVES,     "channels",        NULL},
    {NOT_SIGMOID,   "activation",      "tanh|relu|linear|softplus"},
    {NOT_SIGMOID,   "code-activation", "tanh|relu|linear|softplus"},
    {UNBOUNDED,     "activation",      "relu|linear|softplus"},
    {UNBOUNDED,     "code-activation", "relu|linear|softplus"},
    {NOT_BERNOULLI, "output",          "squared|gaussian|categorical|mixed|normal|normal-full"},
    {LEARNS_SIGMA,  "output",          "normal|normal-full"},
    {LEARNS_SIGMA,  "sigma-of",        "one|feature"},
    {FULL,          "output",          "normal-full"},
};

typedef struct rate_row {
    const char *optimizer;
    double rate;
    bool adapts;  /* divides each gradient by its usual size ... */
    bool descends; /* ... but takes its first steps by plain descent */
    bool measures; /* finds the length of a step by itself, from batches that are large enough to tell the curvature */
} rate_row;
static const rate_row rates[] = {
    {"gd",            0.1,    false, false, false},
    {"sgd",           0.1,    false, false, false},
    {"momentum",      0.1,    false, false, false},
    {"nesterov",      0.1,    false, false, false},
    {"adam",          0.001,  true,  false, false},
    {"adamw",         0.001,  true,  false, false},
    {"rmsprop",       0.001,  true,  false, false},
    {"adagrad",       0.01,   true,  false, false},
    {"amsgrad",       0.001,  true,  false, false},
    {"lion",          0.0003, true,  false, false},
    {"schedule-free", 0.003,  true,  false, false},
    {"radam",         0.003,  true,  true,  false},
    {"muon",          0.01,   true,  false, false},
    {"soap",          0.003,  true,  false, false},
    {"kfac",          1,      true,  false, true},
};

static const struct {
    unsigned marks; /* all of them together */
    bool adapts;    /* for which optimisers */
    double factor;
} factors[] = {
    {NOT_SIGMOID,                      false, 0.1},
    {UNBOUNDED | DEEP,                 false, 0.1},
    {CONVOLVES,                        false, 0.1},
    {NOT_BERNOULLI,                    false, 0.1},
    {LEARNS_SIGMA | UNBOUNDED | DEEP,  false, 10}, /* undoes the second row: the limit of the norm makes it needless */
    {CONTRACTS | NOT_BERNOULLI,        false, 0.1},
    {SMALL,                            true,  10},
    {SMALL | DEEP,                     true,  0.3}, /* a longer step can saturate a stack of sigmoid units for good */
    {SMALL | FULL,                     true,  0.1},
    {FULL | DEEP,                      true,  0.3},
};
/* clang-format on */

/* Plain gradient descent is taken only without these marks, even if the variant asks for it. */
static const unsigned too_hard = DEEP | CONVOLVES | NOT_SIGMOID | NOT_BERNOULLI | SMALL;
/* Mean squared length of a sample up to which the rates of gradient descent hold; that of an MNIST image is 108. */
static const double length_usual = 200;

static unsigned marks_of(const pal_model *model, const pal_dataset *data)
{
    unsigned found = data->features <= FEATURES_FEW && pal_model_weights(model) <= WEIGHTS_FEW ? SMALL : 0;
    if (pal_model_variant(model)->of_variance) found |= CONTRACTS;
    static const char *const sides[] = {"layers", "decoder-layers"};
    for (size_t i = 0; i < 2; i++) {
        const char *sizes = pal_model_setting(model, sides[i]);
        if (sizes && strchr(sizes, ',')) found |= DEEP;
    }
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        const char *value = pal_model_setting(model, marks[i].option);
        if (value && (marks[i].values ? pal_choices_have(marks[i].values, value) : *value != 0)) found |= marks[i].mark;
    }
    return found;
}

static const rate_row *row_of(const char *optimizer)
{
    size_t k = 0;
    while (k + 1 < sizeof rates / sizeof *rates && strcmp(rates[k].optimizer, optimizer) != 0) k++;
    return &rates[k];
}

static double rate_of(const char *optimizer, unsigned found, double length)
{
    const rate_row *row = row_of(optimizer);
    double rate = row->rate;
    if (row->measures) return rate;
    for (size_t i = 0; i < sizeof factors / sizeof *factors; i++)
        if (factors[i].adapts == row->adapts && (found & factors[i].marks) == factors[i].marks)
            rate *= factors[i].factor;
    return row->adapts ? rate : rate * fmin(1, length_usual / length);
}

/* The limit of the gradient's norm; 0: none. Plain descent through a stack of unbounded units can meet a gradient a
 * thousand times as long as the others, which would throw the weights out of all range. */
static double clip_of(const char *optimizer, unsigned found)
{
    if (row_of(optimizer)->measures) return 0;
    if (found & LEARNS_SIGMA) return 1;
    const bool plain = !row_of(optimizer)->adapts || row_of(optimizer)->descends;
    return (found & UNBOUNDED) && (found & DEEP) && plain ? CLIP_STACK : 0;
}

/* The variant's own default; NULL: none. */
static const char *own(const pal_model *model, const char *name)
{
    for (const pal_setting *s = pal_model_variant(model)->training; s && s->name; s++)
        if (!strcmp(s->name, name)) return s->value;
    return NULL;
}

static int64_t own_number(const pal_model *model, const char *name, int64_t otherwise)
{
    const char *text = own(model, name);
    return text ? strtoll(text, NULL, 10) : otherwise;
}

int64_t pal_train_default_batch(int64_t samples, int64_t most)
{
    if (most < 1) most = BATCH;
    if (samples / 8 >= most) return most;
    int64_t batch = 1;
    while (batch <= samples / 16) batch *= 2;
    return batch;
}

static bool is_given(const char *name, const pal_setting *given, size_t n)
{
    size_t i = 0;
    while (i < n && strcmp(given[i].name, name) != 0) i++;
    return i < n;
}

/* What the output must be for the columns of a table: `mixed` if some are no numbers, `squared` for numbers that are
 * not from 0 to 1. NULL: the variant's default fits. */
static const char *output_of(const pal_dataset *data)
{
    double low, high;
    if (!data->schema) return NULL;
    for (int64_t i = 0; i < data->schema->n_columns; i++)
        if (data->schema->columns[i].kind != PAL_COLUMN_NUMBER) return "mixed";
    if (data->schema->scaling && !pal_choices_have("none|minmax", data->schema->scaling)) return "squared";
    pal_data_range(data, &low, &high);
    return low < 0 || high > 1 ? "squared" : NULL;
}

static size_t rows_of(const pal_dataset *data) { return (size_t)fmin((double)data->count, ROWS_LOOKED_AT); }

pal_status pal_train_settings_of(const pal_variant *variant, const pal_dataset *data, const pal_setting *given,
                                 size_t n, pal_train_settings *out, pal_error *err)
{
    *out = (pal_train_settings){0};
    if (variant->classify && data->labels && !is_given("classes", given, n)) {
        out->list[out->n] = (pal_setting){"classes", out->values[out->n]};
        snprintf(out->values[out->n++], sizeof *out->values, "%d", data->classes);
    }
    const pal_option *of = is_given("output", given, n) ? NULL : pal_variant_option_find(variant, "output");
    const char *output = of ? output_of(data) : NULL;
    if (output && of->choices && !pal_choices_have(of->choices, output)) output = NULL; /* it has another for all */
    if (output) {
        out->list[out->n] = (pal_setting){"output", out->values[out->n]};
        snprintf(out->values[out->n++], sizeof *out->values, "%s", output);
    }
    for (const char *const *name = variant->of_variance; name && *name && out->n < PAL_TRAIN_SETTINGS; name++) {
        const pal_option *o = is_given(*name, given, n) ? NULL : pal_variant_option_find(variant, *name);
        double variance = 0, *mean = o ? calloc((size_t)data->features, sizeof *mean) : NULL;
        if (!o) continue;
        if (!mean) return palt__no_memory(err);
        pal_status status = pal_dataset_mean_of(data, NULL, rows_of(data), PAL_F64, mean, err);
        if (!status) status = pal_dataset_spread(data, NULL, rows_of(data), mean, &variance, err);
        free(mean);
        if (status) return status;
        if (variance >= variance_usual) continue;
        out->list[out->n] = (pal_setting){*name, out->values[out->n]};
        snprintf(out->values[out->n++], sizeof *out->values, "%.2g",
                 strtod(o->value, NULL) * variance / variance_usual);
    }
    return PAL_OK;
}

bool pal_train_minimises(const char *optimizer)
{
    for (size_t i = 0; optimizer && pal_minimise_name(i); i++)
        if (!strcmp(pal_minimise_name(i), optimizer)) return true;
    return false;
}

/* Whether a phase has an optimiser of its own, which takes batches. */
static bool has_batches(const pal_model *model)
{
    pal_phase phase;
    for (size_t i = 0; pal_model_phase(model, i, 1, &phase); i++)
        if (phase.optimizer && !pal_train_minimises(phase.optimizer)) return true;
    return false;
}

/* A chunk is as large as makes the products of matrices fast, but not larger than the batches of other phases should
 * be. An iteration of the last two methods takes many products, and comes further. */
static pal_status defaults_of_minimiser(const pal_model *model, const pal_dataset *data, pal_train_defaults *out)
{
    const bool newton = !strcmp(out->optimizer, "newton-cg") || !strcmp(out->optimizer, "hessian-free");
    out->learning_rate = 1;
    out->batch = has_batches(model)    ? pal_train_default_batch(data->count, 0)
                 : data->count < CHUNK ? data->count
                                       : CHUNK;
    out->epochs = newton ? ITERATIONS / 4 : ITERATIONS;
    out->clip = 0;
    return PAL_OK;
}

pal_status pal_train_defaults_of(const pal_model *model, const pal_dataset *data, const char *optimizer, int64_t batch,
                                 pal_train_defaults *out, pal_error *err)
{
    const unsigned found = marks_of(model, data);
    const char *wanted = own(model, "optimizer"), *rate = own(model, "learning-rate");
    double length = 0, *origin = calloc((size_t)data->features, sizeof *origin);
    if (!origin) return palt__no_memory(err);
    const pal_status status = pal_dataset_spread(data, NULL, rows_of(data), origin, &length, err);
    free(origin);
    if (status) return status;

    if (!wanted) wanted = "adam";
    if (!optimizer) optimizer = !rate && !strcmp(wanted, "gd") && (found & too_hard) ? "adam" : wanted;
    out->optimizer = optimizer;
    if (pal_train_minimises(optimizer)) return defaults_of_minimiser(model, data, out);
    out->learning_rate = rate && !strcmp(optimizer, wanted) ? strtod(rate, NULL) : rate_of(optimizer, found, length);
    if (row_of(optimizer)
            ->measures) /* each step goes to the minimum of its batch: an eighth of few samples is too few */
        out->batch = data->count < BATCH_MEASURED ? data->count : BATCH_MEASURED;
    else
        out->batch = pal_train_default_batch(data->count, own_number(model, "batch", BATCH));
    const int64_t size = batch > 0 ? batch : out->batch, steps = data->count > size ? data->count / size : 1,
                  epochs = own_number(model, "epochs", EPOCHS), least = (STEPS_LEAST + steps - 1) / steps;
    out->epochs = epochs > least ? epochs : least;
    out->clip = clip_of(optimizer, found);
    return PAL_OK;
}
