/* 4_noise.c - step 4 of docs/variants.md: noise from a named stream, and training against evaluation.
 *     palindrome train ./examples/variants/4_noise.c --sigma 1 --epochs 5 --out 4_noise
 *
 * A denoising autoencoder (Vincent et al., ICML 2008) for noise whose strength it does not know: x~ = x + sigma u n
 * with n from N(0, 1). In training each sample has its own u from [0, 1). An evaluation measures at the full strength,
 * u = 1. */
#include <palindrome.h>

static pal_var corrupt(pal_model *m, pal_var x)
{
    pal_var n = pal_normal(x.tape, "noise", pal_shape_of(x)); /* drawn anew in each run of the program */
    if (pal_model_mode(m) == PAL_TRAIN) {
        pal_var u = pal_uniform(x.tape, "strength", PAL_SHAPE(pal_shape_of(x).dim[0], 1)); /* [n,1] */
        n = pal_mul(u, n);                                                                 /* u broadcasts */
    }
    return pal_add(x, pal_scale(n, pal_option_real(m, "sigma")));
}

/* pal_model_corrupt calls `corrupt` once per batch. The target stays clean. */
static pal_var loss(pal_model *m, const pal_batch *b)
{
    pal_var h = pal_encode_layers(m, pal_model_corrupt(m, b->inputs));
    return pal_nll(m, pal_decode_layers(m, h), b->inputs);
}

static const pal_option options[] = {
    {"sigma", PAL_OPTION_REAL, "1", 0, 1000, NULL, "standard deviation of the noise; in training the largest"}, {0}};

static const pal_setting training[] = {{"optimizer", "adam"}, {0}};

static const pal_variant blind = {.struct_size = sizeof(pal_variant),
                                  .name = "blind",
                                  .summary = "step 4: removes noise of unknown strength",
                                  .formula = "x~ = x + sigma u n;  h = s(x~ W + b);  loss = -log p(x | a)",
                                  .source = "Vincent, Larochelle, Bengio and Manzagol, ICML 2008",
                                  .options = options,
                                  .training = training,
                                  .encode = pal_encode_layers,
                                  .decode = pal_decode_layers,
                                  .loss = loss,
                                  .corrupt = corrupt};

PAL_VARIANT_FILE(blind)
