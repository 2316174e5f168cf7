/* corrupt.c - what a loss does to its inputs: the corruptions q(x~ | x) and binarisation, one row per kind.
 *
 * To add a corruption: write its function here, add its row to `corruptions` and its name to the choices below the
 * table, and add the row of its own option to PAL_CORRUPTION_OPTIONS (internal.h).
 *
 * All noise comes from named streams, so it is a function of seed, step and sample. In training it is new in each step.
 * An evaluation has its own streams and always step 0, so a sample has the same noise in every epoch and in any batch.
 * Binarisation is part of the loss: the loss encodes, corrupts and reconstructs binary samples, in training and in the
 * loss that `evaluate` reports. Everything else (encode, reconstruct, the squared errors of `evaluate`) takes the
 * samples as given, and compares results with those. */
#include "models/internal.h"

#include <math.h>
#include <string.h>

static pal_var where_else(pal_var condition, double value, pal_var x)
{
    return pal_where(condition, pal_like(x, value), x);
}

/* ---- Corruptions ---------------------------------------------------------------------------------------------- */

/* x 1{u < 1 - nu} */
static pal_var masking(pal_model *m, pal_var x)
{
    return pal_mul(x, pal_bernoulli(x.tape, "corruption", pal_shape_of(x), 1 - pal_option_real(m, "masking")));
}

/* x + sigma z */
static pal_var gaussian(pal_model *m, pal_var x)
{
    return pal_add(x, pal_scale(pal_normal(x.tape, "corruption", pal_shape_of(x)), pal_option_real(m, "sigma")));
}

/* One draw u per element: 0 if u < share / 2, 1 if share / 2 <= u < share, otherwise x. */
static pal_var salt_and_pepper(pal_model *m, pal_var x)
{
    const double share = pal_option_real(m, "salt");
    pal_var u = pal_uniform(x.tape, "corruption", pal_shape_of(x));
    pal_var salted = where_else(pal_less(u, pal_like(u, share)), 1, x);
    return where_else(pal_less(u, pal_like(u, share / 2)), 0, salted);
}

/* [n, size]: whether an index is in first, .., first + length - 1. Each sample has its own uniform `first`. */
static pal_var interval(pal_tape *t, const char *stream, int64_t n, int64_t size, int64_t length)
{
    pal_var u = pal_uniform(t, stream, PAL_SHAPE(n, 1));
    pal_var first = pal_floor(pal_scale(u, (double)(size - length + 1)));
    pal_var index = pal_cumsum(pal_fill(t, pal_dtype_of(u), PAL_SHAPE(size), 1), 0, true, false);
    return pal_logical_and(pal_greater_equal(index, first), pal_less(index, pal_shift(first, (double)length)));
}

/* One square per sample, in all channels, at a position that is uniform over those where the square fits. */
static pal_var blocks(pal_model *m, pal_var x)
{
    const int64_t n = pal_shape_of(x).dim[0], size = pal_option_int(m, "block-size");
    pal_image_size image;
    if (!pal_model_image(m, "corruption blocks", &image)) return (pal_var){.tape = m->tape};
    if (size > image.height || size > image.width)
        return pal_tape_refuse(m->tape,
                               "corruption blocks: a square of %lld does not fit into images of %lld by %lld: choose a "
                               "smaller --block-size",
                               (long long)size, (long long)image.height, (long long)image.width);
    pal_var rows = interval(x.tape, "corruption/row", n, image.height, size),
            columns = interval(x.tape, "corruption/column", n, image.width, size);
    pal_var inside = pal_logical_and(pal_reshape(rows, PAL_SHAPE(n, 1, image.height, 1)),
                                     pal_reshape(columns, PAL_SHAPE(n, 1, 1, image.width)));
    pal_var images = pal_reshape(x, PAL_SHAPE(n, image.channels, image.height, image.width));
    return pal_reshape(where_else(inside, 0, images), pal_shape_of(x));
}

static const struct {
    pal_need need; /* the option that belongs to this corruption alone; its value is the corruption's name */
    pal_var (*apply)(pal_model *m, pal_var x);
} corruptions[] = {
    /* clang-format off */
    {{"masking",    "corruption", "masking"},         masking},
    {{"sigma",      "corruption", "gaussian"},        gaussian},
    {{"salt",       "corruption", "salt-and-pepper"}, salt_and_pepper},
    {{"block-size", "corruption", "blocks"},          blocks},
    /* clang-format on */
};
const char pal_corruption_choices[] = "masking|gaussian|salt-and-pepper|blocks";
enum { CORRUPTIONS = sizeof corruptions / sizeof *corruptions };

const pal_need *pal__corruption_need(const char *option)
{
    for (size_t i = 0; i < CORRUPTIONS; i++)
        if (!strcmp(corruptions[i].need.option, option)) return &corruptions[i].need;
    return NULL;
}

const char *pal_corruption_of(const char *option)
{
    const pal_need *need = pal__corruption_need(option);
    return need ? need->value : NULL;
}

pal_status pal__corruption_settle(pal__value *values, size_t n, pal_error *err)
{
    pal__value *kind = pal__value_find(values, n, "corruption");
    const pal__value *chosen = NULL;
    if (!kind || kind->given) return PAL_OK;
    for (size_t i = 0; i < n; i++) {
        if (!values[i].given || !pal_corruption_of(values[i].option->name)) continue;
        if (chosen)
            return pal_error_set(err, PAL_ERR_ARGUMENT,
                                 "%s and %s belong to different corruptions: choose one by --corruption",
                                 chosen->option->name, values[i].option->name);
        chosen = &values[i];
    }
    return chosen ? pal__value_set(kind, pal_corruption_of(chosen->option->name), err) : PAL_OK;
}

pal_var pal_corrupt(pal_model *m, pal_var x)
{
    const char *name = pal_option_enum(m, "corruption");
    for (size_t i = 0; i < CORRUPTIONS; i++)
        if (!strcmp(corruptions[i].need.value, name)) {
            pal_block_begin(m->tape, name, "x̃ ~ q(x̃ | x)");
            const pal_var seen = corruptions[i].apply(m, x);
            pal_block_end(m->tape);
            return seen;
        }
    return pal_tape_refuse(m->tape, "corruption: unknown value %s", name);
}

/* ---- Binary inputs -------------------------------------------------------------------------------------------- */

const char pal__binarize_choices[] = "none|threshold|dynamic";

static pal_var as_they_are(pal_var x) { return x; }
static pal_var as_real(pal_var condition, pal_var x) { return pal_cast(condition, pal_dtype_of(x)); }
static pal_var threshold(pal_var x) { return as_real(pal_greater_equal(x, pal_like(x, 0.5)), x); }

/* 1 with probability x. */
static pal_var dynamic(pal_var x) { return as_real(pal_less(pal_uniform(x.tape, "binarize", pal_shape_of(x)), x), x); }

static const struct {
    const char *name;
    pal_var (*apply)(pal_var x);
} binarizations[] = {{"none", as_they_are}, {"threshold", threshold}, {"dynamic", dynamic}};

pal_var pal__binarize(pal_model *m, pal_var x)
{
    const char *name = pal_model_setting(m, "binarize"); /* NULL: the variant does not have this option */
    if (!name) return x;
    for (size_t i = 0; i < sizeof binarizations / sizeof *binarizations; i++)
        if (!strcmp(binarizations[i].name, name)) return binarizations[i].apply(x);
    return pal_tape_refuse(m->tape, "binarize: unknown value %s", name);
}
