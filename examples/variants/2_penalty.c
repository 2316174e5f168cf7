/* 2_penalty.c - step 2 of docs/variants.md: options, and a penalty that the loss names.
 *     palindrome train ./examples/variants/2_penalty.c --lambda 0.3 --epochs 5 --out 2_penalty
 *
 * The penalty makes the code sparse (Olshausen and Field, Nature 1996): l1 is |h|, and student is ln(1 + h^2), which
 * hardly presses on a unit that is far from 0. */
#include <palindrome.h>

static pal_var penalty(pal_model *m, pal_var h)
{
    pal_var each = pal_option_is(m, "penalty", "l1") ? pal_abs(h) : pal_log1p(pal_square(h)); /* [n,k] */
    return pal_scale(pal_mean_over_samples(each), pal_option_real(m, "lambda"));              /* a scalar */
}

static pal_var loss(pal_model *m, const pal_batch *b)
{
    pal_var h = pal_encode_layers(m, b->inputs), a = pal_decode_layers(m, h);
    return pal_add(pal_nll(m, a, b->inputs), pal_model_note(m, "sparsity", penalty(m, h)));
}

/* A row with the name of a shared option replaces it: here, the default of the activation. The last row is {0}. */
static const pal_option options[] = {
    {"lambda", PAL_OPTION_REAL, "0.3", 0, 1e6, NULL, "weight of the penalty on the code"},
    {"penalty", PAL_OPTION_ENUM, "l1", 0, 0, "l1|student", "l1: |h|; student: ln(1 + h^2)"},
    {"activation", PAL_OPTION_ENUM, "relu", 0, 0, "sigmoid|tanh|relu|softplus", "activation of the hidden layers"},
    {0}};

static const pal_setting training[] = {{"optimizer", "adam"}, {0}};

static const pal_variant penalised = {.struct_size = sizeof(pal_variant),
                                      .name = "penalised",
                                      .summary = "step 2: options and a penalty on the code",
                                      .formula = "h = s(x W + b);  loss = -log p(x | a) + lambda sum_j phi(h_j)",
                                      .source = "Olshausen and Field, Nature 1996",
                                      .options = options,
                                      .training = training,
                                      .encode = pal_encode_layers,
                                      .decode = pal_decode_layers,
                                      .loss = loss};

PAL_VARIANT_FILE(penalised)
