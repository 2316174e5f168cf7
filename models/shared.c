/* shared.c - what all variants share: the shared options and how a variant's own table changes them, which settings an
 * option needs, the defaults of training, phases and labels. */
#include "models/internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- Options -------------------------------------------------------------------------------------------------- */

/* clang-format off */
const pal_option pal__shared_options[] = {
    {"hidden", PAL_OPTION_INT, "256", 1, 1000000, NULL, "units of the code"},
    {"layers", PAL_OPTION_SIZES, "", 1, 1000000, NULL, "units of each layer of the encoder; the last is the code"},
    {"decoder-layers", PAL_OPTION_SIZES, "", 1, 1000000, NULL,
     "units of each hidden layer of the decoder; not given: those of the encoder, mirrored"},
    {"tied", PAL_OPTION_BOOL, "yes", 0, 0, NULL, "the decoder uses the encoder's weights, transposed"},
    {"activation", PAL_OPTION_ENUM, "sigmoid", 0, 0, pal_activation_choices,
     "activation of every layer except the output"},
    {"code-activation", PAL_OPTION_ENUM, "same", 0, 0, pal_code_activation_choices,
     "activation of the code; same: as --activation"},
    {"output", PAL_OPTION_ENUM, "bernoulli", 0, 0, pal__output_choices,
     "likelihood of the input; bernoulli: cross-entropy; squared: half the squared error; gaussian: density with one "
     "mean each; categorical: intensity levels; normal: mean and sigma each; normal-full: full covariance"},
    {"output-activation", PAL_OPTION_ENUM, "canonical", 0, 0, "canonical|linear|sigmoid|relu",
     "activation of the output; canonical: sigmoid for bernoulli, softmax for categorical, otherwise linear"},
    {"output-bias", PAL_OPTION_ENUM, "mean", 0, 0, "mean|zero",
     "start of the output's bias; mean: what a code that says nothing needs to give the mean of the data"},
    {"output-sigma", PAL_OPTION_REAL, "1", 1e-6, 1e6, NULL,
     "standard deviation for output gaussian; its initial value if it is learnt"},
    {"sigma-of", PAL_OPTION_ENUM, "fixed", 0, 0, "fixed|one|feature",
     "sigma of output gaussian is fixed, or learnt: one for all features, or one per feature"},
    {"sigma-min", PAL_OPTION_REAL, "0.01", 1e-6, 1e6, NULL,
     "lower limit of sigma of outputs normal and normal-full, in units of the data; without it the likelihood of a "
     "constant feature grows without limit"},
    {"bins", PAL_OPTION_INT, "0", 0, 65536, NULL,
     "number of intensity levels, at least 2, which output categorical requires; 0: not set"},
    {"binarize", PAL_OPTION_ENUM, "none", 0, 0, pal__binarize_choices,
     "binary inputs of the loss; threshold: 1 if 0.5 or more; dynamic: 1 with the value as probability, redrawn in "
     "each step"},
    {"init", PAL_OPTION_ENUM, "glorot", 0, 0, pal_init_choices, pal_init_help},
    {"dropout", PAL_OPTION_REALS, "0", 0, 0.99, NULL,
     "probability that a training step sets a unit to 0; one for all layers, or a list: input, then each encoder "
     "layer"},
    {"l1", PAL_OPTION_REAL, "0", 0, 1e6, NULL, "lambda of the penalty lambda sum |W| in the training loss"},
    {"l2", PAL_OPTION_REAL, "0", 0, 1e6, NULL, "lambda of the penalty lambda ||W||^2 in the training loss"},
    {"regularize-biases", PAL_OPTION_BOOL, "no", 0, 0, NULL, "apply l1 and l2 to the biases too"},
    {0}};

const pal_need pal__shared_needs[] = {
    {"output-sigma", "output", "gaussian|mixed"},
    {"sigma-of",     "output", "gaussian|mixed"},
    {"sigma-min",    "output", "normal|normal-full"},
    {"bins",         "output", "categorical"},
    {0}};
/* clang-format on */

static const pal_option *row(const pal_option *table, const char *name)
{
    while (table && table->name && strcmp(table->name, name) != 0) table++;
    return table && table->name ? table : NULL;
}

/* The option of the first shared row from here on that the variant has. NULL: it has none of them. */
static const pal_option *shared_from(const pal_variant *variant, const pal_option *shared)
{
    for (; shared->name; shared++) {
        const pal_option *own = row(variant->options, shared->name);
        if (!own || own->type != PAL_OPTION_NONE) return own ? own : shared;
    }
    return NULL;
}

/* The first of the variant's own rows from here on that is no shared one, changed. NULL: there are no more. */
static const pal_option *own_from(const pal_option *own)
{
    while (own && own->name && row(pal__shared_options, own->name)) own++;
    return own && own->name ? own : NULL;
}

const pal_option *pal_variant_option_next(const pal_variant *variant, const pal_option *option)
{
    if (!variant) return NULL;
    const pal_option *shared = option ? row(pal__shared_options, option->name) : NULL;
    if (option && !shared) return own_from(option + 1);
    const pal_option *next = shared_from(variant, option ? shared + 1 : pal__shared_options);
    return next ? next : own_from(variant->options);
}

const pal_option *pal_variant_option(const pal_variant *variant, size_t i)
{
    const pal_option *o = pal_variant_option_next(variant, NULL);
    while (o && i--) o = pal_variant_option_next(variant, o);
    return o;
}

const pal_option *pal_variant_option_find(const pal_variant *variant, const char *name)
{
    const pal_option *shared = name ? row(pal__shared_options, name) : NULL;
    const pal_option *own = variant && name ? row(variant->options, name) : NULL;
    if (!variant || (shared && own && own->type == PAL_OPTION_NONE)) return NULL;
    return own ? own : shared;
}

/* ---- Options that have no effect ------------------------------------------------------------------------------ */

/* An option that belongs to one corruption alone needs this corruption, and all that the option `corruption` needs. */
static const pal_need *unmet_corruption(const pal_model *m, const char *option)
{
    const pal_need *need = pal__corruption_need(option);
    const char *is = need ? pal_model_setting(m, need->of) : NULL;
    if (!is) return NULL;
    const pal_need *first = pal__unmet(m, need->of);
    return first ? first : strcmp(is, need->value) ? need : NULL;
}

const pal_need *pal__unmet(const pal_model *m, const char *option)
{
    const pal_need *tables[] = {m->variant->needs, pal__shared_needs};
    size_t found = 0;
    for (size_t t = 0; t < 2 && !found; t++)
        for (const pal_need *need = tables[t]; need && need->option; need++) {
            if (strcmp(need->option, option) != 0) continue;
            const char *is = pal_model_setting(m, need->of);
            if (is && !(need->value ? pal_choices_have(need->value, is) : *is != 0)) return need;
            found = 1;
        }
    return found ? NULL : unmet_corruption(m, option);
}

pal_status pal_model_check_given(const pal_model *m, const pal_setting *given, size_t n, pal_error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (given[i].name && !strcmp(given[i].name, "output-bias") && !pal__has_output_bias(m))
            return pal_error_set(
                err, PAL_ERR_ARGUMENT,
                "--output-bias has no effect: %s does not say by PAL_INIT_OUTPUT which bias is that of "
                "the output: leave out --output-bias",
                m->variant->name);
        const pal_need *need = given[i].name ? pal__unmet(m, given[i].name) : NULL;
        if (!need) continue;
        const char *is = pal_model_setting(m, need->of);
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "--%s has an effect only with --%s %s%s%s: set --%s, or leave out --%s", given[i].name,
                             need->of, need->value ? need->value : "N,...", *is ? ", not " : "", is, need->of,
                             given[i].name);
    }
    return PAL_OK;
}

/* ---- Training ------------------------------------------------------------------------------------------------- */

bool pal_model_phase(const pal_model *m, size_t i, int64_t epochs, pal_phase *phase)
{
    *phase = (pal_phase){0};
    return m->variant->phase ? m->variant->phase(m, i, epochs, phase) : !i;
}

int64_t pal_model_classes(const pal_model *m)
{
    const char *classes = m->variant->classify ? pal_model_setting(m, "classes") : NULL;
    return classes && !pal__unmet(m, "classes") ? strtoll(classes, NULL, 10) : 0;
}

void pal_phase_start(pal_model *m, const pal_phase *phase)
{
    if (phase->start && !m->context->options.dry) phase->start(m, phase);
}

bool pal_phase_moves(const pal_model *m, const pal_phase *phase, const char *parameter)
{
    return !phase->moves || phase->moves(m, phase, parameter);
}
