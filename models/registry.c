/* registry.c - the list of variants, the options that all of them have, and how one trains that says nothing else.
 *
 * The variants that a program registers are state of the process: a name means the same wherever a file is opened. */
#include "models/internal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

static const pal_variant *const built_in[] = {
#define VARIANT(name) &pal_##name,
#include "models/variants/variants.def"
#undef VARIANT
};
enum { BUILT_IN = sizeof built_in / sizeof *built_in, REGISTERED = 256 };

/* What was registered: it only grows, and a reader sees an entry before it sees the count that covers it. */
static const pal_variant *_Atomic registered[REGISTERED];
static atomic_size_t n_registered;
static pthread_mutex_t registering = PTHREAD_MUTEX_INITIALIZER;

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

const pal_setting pal__plain_training[] = {
    {"optimizer", "gd"}, {"learning-rate", "0.1"}, {"batch", "128"}, {"epochs", "15"}, {NULL, NULL}};
const pal_setting pal__adam_training[] = {
    {"optimizer", "adam"}, {"learning-rate", "0.001"}, {"batch", "128"}, {"epochs", "15"}, {NULL, NULL}};
const pal_setting pal__bound_training[] = {
    {"optimizer", "adam"}, {"learning-rate", "0.001"}, {"batch", "128"}, {"epochs", "10"}, {NULL, NULL}};

const pal_variant *pal_variant_at(size_t i)
{
    if (i < BUILT_IN) return built_in[i];
    return i - BUILT_IN < atomic_load(&n_registered) ? atomic_load(&registered[i - BUILT_IN]) : NULL;
}

const pal_variant *pal_variant_find(const char *name)
{
    const pal_variant *v;
    for (size_t i = 0; name && (v = pal_variant_at(i)); i++)
        if (!strcmp(v->name, name) || (v->alias && !strcmp(v->alias, name))) return v;
    return NULL;
}

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

/* ---- Registering ------------------------------------------------------------------------------------------------- */

static bool is_word(const char *name)
{
    return name && *name >= 'a' && *name <= 'z' && !name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")];
}

static pal_status check_options(const pal_variant *v, pal_error *err)
{
    pal_error why = {0};
    for (const pal_option *o = v->options; o && o->name; o++) {
        if (!is_word(o->name))
            return pal_error_set(err, PAL_ERR_ARGUMENT, "variant %s: the option \"%.80s\" is not a word of a-z, 0-9, -",
                                 v->name, o->name);
        if (o->type != PAL_OPTION_NONE && pal_option_check(o, o->value, &why))
            return pal_error_set(err, PAL_ERR_ARGUMENT, "variant %s: the default of %s", v->name, why.text);
    }
    return PAL_OK;
}

static pal_status check_variant(const pal_variant *v, pal_error *err)
{
    if (!v || v->struct_size != sizeof *v)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "variant: its struct_size is not this library's");
    if (!is_word(v->name) || (v->alias && !is_word(v->alias)))
        return pal_error_set(err, PAL_ERR_ARGUMENT, "variant \"%.80s\": names are words of a-z, 0-9, -",
                             v->name ? v->name : "");
    if (!v->summary || !v->encode || !v->decode || !v->loss || !v->pooled != !v->of_pooled)
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "variant %s: wants a summary, encode, decode and loss, and pooled with of_pooled",
                             v->name);
    return check_options(v, err);
}

pal_status pal_variant_register(const pal_variant *v, pal_error *err)
{
    pal_status status = check_variant(v, err);
    if (status) return status;
    pthread_mutex_lock(&registering);
    const size_t n = atomic_load(&n_registered);
    if (pal_variant_find(v->name) || pal_variant_find(v->alias))
        status = pal_error_set(err, PAL_ERR_EXISTS, "variant %s: its name or its alias is taken", v->name);
    else if (n == REGISTERED)
        status = pal_error_set(err, PAL_ERR_ARGUMENT, "variant %s: %d are registered, and no more fit", v->name,
                               (int)REGISTERED);
    if (!status) {
        atomic_store(&registered[n], v);
        atomic_store(&n_registered, n + 1);
    }
    pthread_mutex_unlock(&registering);
    return status;
}
