/* shared.c - what every variant has: the shared options, how its own table changes them, which of them a setting needs,
 * the defaults of training, labels and phases. */
#include "models/internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- Options -------------------------------------------------------------------------------------------------- */

const pal_option pal__shared_options[] = {
    {"hidden", PAL_OPTION_INT, "256", 1, 1000000, NULL, "units of the code"},
    {"layers", PAL_OPTION_SIZES, "", 1, 1000000, NULL, "units of each layer of the encoder; the last is the code"},
    {"decoder-layers", PAL_OPTION_SIZES, "", 1, 1000000, NULL,
     "units of each layer of the decoder before the output (none: the encoder's, mirrored)"},
    {"tied", PAL_OPTION_BOOL, "yes", 0, 0, NULL, "the decoder uses the encoder's weights, transposed"},
    {"activation", PAL_OPTION_ENUM, "sigmoid", 0, 0, pal__activation_choices, "of every layer but the output"},
    {"code-activation", PAL_OPTION_ENUM, "same", 0, 0, pal__code_activation_choices, "of the code, if it has another"},
    {"output", PAL_OPTION_ENUM, "bernoulli", 0, 0, pal__output_choices,
     "likelihood of the input: cross-entropy from logits, half the squared error, normal density, intensity levels; "
     "normal whose mean and sigma the decoder gives for each feature, or with all covariances, of few features"},
    {"output-activation", PAL_OPTION_ENUM, "canonical", 0, 0, "canonical|linear|sigmoid|relu",
     "of the decoder; canonical: sigmoid for bernoulli, softmax for categorical, linear otherwise"},
    {"output-sigma", PAL_OPTION_REAL, "1", 1e-6, 1e6, NULL,
     "standard deviation of output gaussian, or where it begins"},
    {"sigma-of", PAL_OPTION_ENUM, "fixed", 0, 0, "fixed|one|feature",
     "output-sigma stays fixed, or is learnt: one for all features, or one for each"},
    {"sigma-min", PAL_OPTION_REAL, "0.01", 1e-6, 1e6, NULL,
     "of outputs normal and normal-full, in units of the data: sigma is this and e to what the decoder gives, so that "
     "a "
     "feature that never changes has a likeliest sigma"},
    {"bins", PAL_OPTION_INT, "0", 0, 65536, NULL, "intensity levels of output categorical; 0: none chosen"},
    {"binarize", PAL_OPTION_ENUM, "none", 0, 0, pal__binarize_choices,
     "inputs of the loss: 1 from 0.5 on, or 1 with their value as probability, drawn anew each step"},
    {"init", PAL_OPTION_ENUM, "glorot", 0, 0, pal__init_choices, "distribution of the initial weights"},
    {"dropout", PAL_OPTION_REALS, "0", 0, 0.99, NULL,
     "share of a layer's units that is 0 in a training step; a list: of the input and of each encoder layer"},
    {"l1", PAL_OPTION_REAL, "0", 0, 1e6, NULL, "lambda of lambda sum |W| in the training loss"},
    {"l2", PAL_OPTION_REAL, "0", 0, 1e6, NULL, "lambda of lambda ||W||^2 in the training loss"},
    {"regularize-biases", PAL_OPTION_BOOL, "no", 0, 0, NULL, "l1 and l2 take the biases along"},
    {0}};

const pal_need pal__shared_needs[] = {{"output-sigma", "output", "gaussian"},
                                      {"sigma-of", "output", "gaussian"},
                                      {"sigma-min", "output", "normal|normal-full"},
                                      {"bins", "output", "categorical"},
                                      {0}};

static const pal_option *row(const pal_option *table, const char *name)
{
    while (table && table->name && strcmp(table->name, name) != 0) table++;
    return table && table->name ? table : NULL;
}

const pal_option *pal_variant_option(const pal_variant *variant, size_t i)
{
    for (const pal_option *o = pal__shared_options; variant && o->name; o++) {
        const pal_option *own = row(variant->options, o->name);
        if (own && own->type == PAL_OPTION_NONE) continue;
        if (!i--) return own ? own : o;
    }
    for (const pal_option *o = variant ? variant->options : NULL; o && o->name; o++)
        if (!row(pal__shared_options, o->name) && !i--) return o;
    return NULL;
}

const pal_option *pal_variant_option_find(const pal_variant *variant, const char *name)
{
    const pal_option *o;
    for (size_t i = 0; name && (o = pal_variant_option(variant, i)); i++)
        if (!strcmp(o->name, name)) return o;
    return NULL;
}

/* ---- Options that others rule out ----------------------------------------------------------------------------- */

const pal_need *pal__unmet(const pal_model *m, const char *option)
{
    const pal_need *tables[] = {m->variant->needs, pal__shared_needs};
    for (size_t t = 0, found = 0; t < 2 && !found; t++)
        for (const pal_need *need = tables[t]; need && need->option; need++) {
            if (strcmp(need->option, option) != 0) continue;
            const char *is = pal_model_setting(m, need->of);
            if (is && !(need->value ? pal_choices_have(need->value, is) : *is != 0)) return need;
            found = 1;
        }
    return NULL;
}

pal_status pal_model_check_given(const pal_model *m, const pal_setting *given, size_t n, pal_error *err)
{
    for (size_t i = 0; i < n; i++) {
        const pal_need *need = given[i].name ? pal__unmet(m, given[i].name) : NULL;
        if (!need) continue;
        const char *is = pal_model_setting(m, need->of);
        return pal_error_set(err, PAL_ERR_ARGUMENT, "--%s is for --%s %s%s%s: give one or the other", need->option,
                             need->of, need->value ? need->value : "N,...", *is ? ", not " : "", is);
    }
    return PAL_OK;
}

/* ---- Training ------------------------------------------------------------------------------------------------- */

const pal_setting pal__plain_training[] = {
    {"optimizer", "gd"}, {"learning-rate", "0.1"}, {"batch", "128"}, {"epochs", "15"}, {NULL, NULL}};
const pal_setting pal__adam_training[] = {
    {"optimizer", "adam"}, {"learning-rate", "0.001"}, {"batch", "128"}, {"epochs", "15"}, {NULL, NULL}};
const pal_setting pal__bound_training[] = {
    {"optimizer", "adam"}, {"learning-rate", "0.001"}, {"batch", "128"}, {"epochs", "10"}, {NULL, NULL}};

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

bool pal_phase_moves(const pal_model *m, const pal_phase *phase, const char *parameter)
{
    return !phase->moves || phase->moves(m, phase, parameter);
}
