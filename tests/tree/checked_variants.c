/* checked_variants.c - variants for gradcheck.sh: right and wrong derivatives, kinks, values that are not finite,
 * phases, many parameters, settings that the model does not accept. */
#include <palindrome.h>

#include <stdio.h>
#include <string.h>

static pal_var good(pal_model *m, const pal_batch *b)
{
    return pal_nll(m, pal_decode_layers(m, pal_encode_layers(m, b->inputs)), b->inputs);
}

/* The derivative of a part is left out. */
static pal_var wrong(pal_model *m, const pal_batch *b)
{
    pal_var h = pal_encode_layers(m, b->inputs);
    return pal_add(good(m, b), pal_mean_all(pal_stop_gradient(pal_square(h))));
}

/* Terms of a bias that begins with zeros, and stays there while gradcheck draws other weights. */
static pal_var bias(pal_model *m) { return pal_parameter(m, "own/b", PAL_SHAPE(2), PAL_INIT_ZERO); }
static pal_var kinked(pal_model *m, const pal_batch *b) { return pal_add(good(m, b), pal_sum_all(pal_abs(bias(m)))); }
static pal_var bent(pal_model *m, const pal_batch *b)
{
    (void)b;
    return pal_sum_all(pal_abs(bias(m)));
}
static pal_var same(pal_model *m, pal_var x)
{
    (void)m;
    return x;
}
static pal_var undecided(pal_model *m, const pal_batch *b)
{
    return pal_add(good(m, b), pal_sum_all(pal_sqrt(bias(m))));
}

enum { MANY = 40 };
static pal_var many(pal_model *m, const pal_batch *b)
{
    pal_var sum = good(m, b);
    for (int i = 0; i < MANY; i++) {
        char name[16];
        snprintf(name, sizeof name, "p%02d/W", i);
        sum = pal_add(sum, pal_sum_all(pal_sin(pal_parameter(m, name, PAL_SHAPE(1, 2), PAL_INIT_UNIFORM))));
    }
    return sum;
}

static pal_var many_wrong(pal_model *m, const pal_batch *b)
{
    pal_var p = pal_parameter(m, "p39/W", PAL_SHAPE(1, 2), PAL_INIT_UNIFORM);
    return pal_add(many(m, b), pal_sum_all(pal_mul(pal_square(p), pal_stop_gradient(pal_square(p)))));
}

/* One choice is refused, another one is an error of the variant. */
static pal_var choosy(pal_model *m, const pal_batch *b)
{
    if (pal_option_is(m, "way", "refused"))
        return pal_tape_refuse(b->inputs.tape, "way refused is not for these layers");
    if (pal_option_is(m, "way", "broken")) return pal_matmul(b->inputs, b->inputs);
    return good(m, b);
}

/* ---- Phases --------------------------------------------------------------------------------------------------- */

static pal_var first(pal_model *m, const pal_batch *b)
{
    return pal_add(pal_mean_all(pal_square(pal_encode_layers(m, b->inputs))), pal_scale(good(m, b), 0.5));
}

static bool moves(const pal_model *m, const pal_phase *phase, const char *parameter)
{
    (void)m, (void)phase;
    return parameter[0] == 'e'; /* encoder */
}

static bool phases(const pal_model *m, size_t i, int64_t epochs, pal_phase *phase)
{
    (void)m, (void)epochs;
    snprintf(phase->name, sizeof phase->name, i ? "all" : "first");
    phase->loss = i ? NULL : first;
    phase->moves = i ? NULL : moves;
    return i < 2;
}

static const pal_option options[] = {{"hidden", PAL_OPTION_INT, "4", 1, 100, NULL, "units"}, {0}};
static const pal_option ways[] = {{"hidden", PAL_OPTION_INT, "4", 1, 100, NULL, "units"},
                                  {"way", PAL_OPTION_ENUM, "plain", 0, 0, "plain|refused|broken", "way"},
                                  {0}};

static const struct {
    const char *name;
    pal_var (*loss)(pal_model *m, const pal_batch *b);
} rows[] = {{"right", good},          {"wrong", wrong}, {"kinked", kinked},         {"bent", bent},
            {"undecided", undecided}, {"many", many},   {"many-wrong", many_wrong}, {"phased", good},
            {"choosy", choosy}};
enum { ROWS = sizeof rows / sizeof *rows };

pal_status palindrome_register(pal_error *err)
{
    static pal_variant variants[ROWS];
    for (size_t i = 0; i < ROWS; i++) {
        variants[i] = (pal_variant){.struct_size = sizeof(pal_variant),
                                    .name = rows[i].name,
                                    .summary = "for tests",
                                    .options = rows[i].loss == choosy ? ways : options,
                                    .encode = rows[i].loss == bent ? same : pal_encode_layers,
                                    .decode = rows[i].loss == bent ? same : pal_decode_layers,
                                    .loss = rows[i].loss,
                                    .phase = strcmp(rows[i].name, "phased") ? NULL : phases};
        if (pal_variant_register(&variants[i], err)) return PAL_ERR_ARGUMENT;
    }
    return PAL_OK;
}
