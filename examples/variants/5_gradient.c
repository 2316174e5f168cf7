/* 5_gradient.c - step 5 of docs/variants.md: a derivative inside the loss, which training differentiates again.
 *     palindrome train ./examples/variants/5_gradient.c --lambda 0.3 --epochs 5 --out 5_gradient
 *
 * The contractive penalty ||J||^2 of Rifai et al. (ICML 2011), J = dh/dx. For v from N(0, 1) the mean of ||J' v||^2 is
 * ||J||^2, since E v v' = 1 (Hutchinson 1990), and J' v is the gradient of h . v by x: one backward pass, whatever the
 * number of units is. */
#include <palindrome.h>

static pal_var jacobian_norm2(pal_var h, pal_var x) /* a scalar: the mean over the samples */
{
    pal_var v = pal_normal(x.tape, "probe", pal_shape_of(h)), g; /* one direction for each sample */
    pal_grad(pal_sum_all(pal_mul(h, v)), &x, 1, &g);             /* g [n,d]: row i is J_i' v_i */
    return pal_mean_over_samples(pal_square(g));
}

static pal_var loss(pal_model *m, const pal_batch *b)
{
    pal_var x = b->inputs, h = pal_encode_layers(m, x);
    pal_var penalty = pal_scale(jacobian_norm2(h, x), pal_option_real(m, "lambda"));
    return pal_add(pal_nll(m, pal_decode_layers(m, h), x), pal_model_note(m, "contraction", penalty));
}

static const pal_option options[] = {
    {"lambda", PAL_OPTION_REAL, "0.3", 0, 1e6, NULL, "weight of the penalty ||dh/dx||^2"}, {0}};

static const pal_variant steady = {.struct_size = sizeof(pal_variant),
                                   .name = "steady",
                                   .summary = "step 5: the code changes little when the input does",
                                   .formula = "h = s(x W + b);  loss = -log p(x | a) + lambda E ||(dh/dx)' v||^2",
                                   .source = "Rifai et al., ICML 2011; Hutchinson 1990",
                                   .options = options,
                                   .encode = pal_encode_layers,
                                   .decode = pal_decode_layers,
                                   .loss = loss};

PAL_VARIANT_FILE(steady)
