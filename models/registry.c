/* registry.c - the list of variants, the options that all of them have, and how one trains that says nothing else. */
#include "models/internal.h"

#include <string.h>

static const pal_variant *const variants[] = {
#define VARIANT(name) &pal_##name,
#include "models/variants.def"
#undef VARIANT
};

const pal_option pal__shared_options[] = {
    {"hidden", PAL_OPTION_INT, "256", 1, 1000000, NULL, "units of the code"},
    {"tied", PAL_OPTION_BOOL, "yes", 0, 0, NULL, "the decoder uses the encoder's weights, transposed"},
    {"activation", PAL_OPTION_ENUM, "sigmoid", 0, 0, "sigmoid|tanh|relu|linear|softplus", "of the encoder"},
    {"output", PAL_OPTION_ENUM, "bernoulli", 0, 0, "bernoulli|squared",
     "likelihood of the input: cross-entropy from logits, or half the squared error of a linear output"},
    {"l2", PAL_OPTION_REAL, "0", 0, 1e6, NULL, "lambda of lambda ||W||^2 (weights, not biases) in the training loss"},
    {0}};

const pal_setting pal__plain_training[] = {
    {"optimizer", "gd"}, {"learning-rate", "0.1"}, {"batch", "128"}, {"epochs", "15"}, {NULL, NULL}};

const pal_variant *pal_variant_at(size_t i) { return i < sizeof variants / sizeof *variants ? variants[i] : NULL; }

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
    for (const pal_option *o = pal__shared_options; variant && o->name; o++)
        if (!i--) return row(variant->options, o->name) ? row(variant->options, o->name) : o;
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
