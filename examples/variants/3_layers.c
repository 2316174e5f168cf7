/* 3_layers.c - step 3 of docs/variants.md: layers of one's own, and a weight that two layers share.
 *     palindrome train ./examples/variants/3_layers.c --epochs 5 --out 3_layers
 *
 * h = s(x W + b) and a = h W' + c. Both layers ask for "W", so there is one W, and its gradient is a sum of two terms,
 * one from each layer: x' (dL/dh s') + (dL/da)' h. Nothing here says so: the tape adds what comes back from the two
 * uses. */
#include <palindrome.h>

static pal_var weight(pal_model *m) /* [d,k]: the first request creates it, later requests find it */
{
    pal_shape shape = PAL_SHAPE(pal_model_features(m), pal_option_int(m, "hidden"));
    return pal_parameter(m, "W", shape, pal_model_init(m));
}

static pal_var encode(pal_model *m, pal_var x)
{
    pal_var b = pal_parameter(m, "b", PAL_SHAPE(pal_option_int(m, "hidden")), PAL_INIT_ZERO);
    return pal_activate(m, pal_affine(x, weight(m), b), pal_option_enum(m, "activation"));
}

static pal_var decode(pal_model *m, pal_var h)
{
    /* The bias of the output: PAL_INIT_OUTPUT lets training start it at the mean of the data. */
    pal_var c = pal_parameter(m, "c", PAL_SHAPE(pal_output_numbers(m)), PAL_INIT_OUTPUT);
    return pal_add(pal_matmul(h, pal_transpose(weight(m))), c);
}

static pal_var loss(pal_model *m, const pal_batch *b) { return pal_nll(m, decode(m, encode(m, b->inputs)), b->inputs); }

/* These layers do not look at five of the shared options, so the variant does not have them. */
static const pal_option options[] = {{"output", PAL_OPTION_ENUM, "bernoulli", 0, 0, "bernoulli|squared|gaussian",
                                      "likelihood with one number a feature"},
                                     {.name = "layers", .type = PAL_OPTION_NONE},
                                     {.name = "decoder-layers", .type = PAL_OPTION_NONE},
                                     {.name = "code-activation", .type = PAL_OPTION_NONE},
                                     {.name = "tied", .type = PAL_OPTION_NONE},
                                     {.name = "dropout", .type = PAL_OPTION_NONE},
                                     {0}};

static const pal_variant shared = {.struct_size = sizeof(pal_variant),
                                   .name = "shared",
                                   .summary = "step 3: layers of one's own with one weight",
                                   .formula = "h = s(x W + b);  a = h W' + c;  loss = -log p(x | a)",
                                   .options = options,
                                   .encode = encode,
                                   .decode = decode,
                                   .loss = loss};

PAL_VARIANT_FILE(shared)
