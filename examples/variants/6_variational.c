/* 6_variational.c - step 6 of docs/variants.md: a code that is drawn, its divergence from a prior, samples.
 *     palindrome train ./examples/variants/6_variational.c --epochs 5 --out 6_variational
 *
 * The variational autoencoder of Kingma and Welling (ICLR 2014). The encoder computes a mean and a log-variance for
 * each number of the code, and z = mean + e^(log-variance / 2) n with n from N(0, 1): so the gradient passes through
 * the draw. */
#include <palindrome.h>

/* q(z | x): the parameters [n,2k] are those of k normal numbers. */
static pal_distribution posterior(pal_model *m, pal_var x)
{
    pal_var h = pal_activate(m, pal_dense(m, "encoder/hidden", x, 400), pal_option_enum(m, "activation"));
    return pal_distribution_layer(m, "encoder/code", h, pal_distribution_find("normal"), pal_option_int(m, "hidden"));
}

static pal_var encode(pal_model *m, pal_var x) { return pal_distribution_mean(posterior(m, x)); }

static pal_var decode(pal_model *m, pal_var z)
{
    const int64_t n = pal_output_numbers(m);
    pal_var h = pal_activate(m, pal_dense(m, "decoder/hidden", z, 400), pal_option_enum(m, "activation"));
    pal_parameter(m, "decoder/output/b", PAL_SHAPE(n), PAL_INIT_OUTPUT); /* asked for before its layer: it starts so */
    return pal_dense(m, "decoder/output", h, n);
}

/* Minus the evidence lower bound, with one draw a sample: E -log p(x | z) + KL(q(z | x) || N(0, 1)). */
static pal_var loss(pal_model *m, const pal_batch *b)
{
    pal_distribution q = posterior(m, b->inputs);
    pal_var z = pal_distribution_sample(q, "code", 1, 0); /* [n,1,k] */
    pal_var nll = pal_nll(m, decode(m, pal_reshape(z, PAL_SHAPE(-1, q.k))), b->inputs);
    return pal_add(nll, pal_model_note(m, "divergence", pal_mean_all(pal_distribution_kl_prior(q))));
}

static const pal_option options[] = {
    {"hidden", PAL_OPTION_INT, "2", 1, 1000, NULL, "numbers of the code"},
    {"activation", PAL_OPTION_ENUM, "relu", 0, 0, "tanh|relu|softplus", "activation of the hidden layers"},
    {"code", PAL_OPTION_ENUM, "normal", 0, 0, "normal", "distribution from which `sample` draws the code"},
    {.name = "layers", .type = PAL_OPTION_NONE},
    {.name = "decoder-layers", .type = PAL_OPTION_NONE},
    {.name = "code-activation", .type = PAL_OPTION_NONE},
    {.name = "tied", .type = PAL_OPTION_NONE},
    {.name = "dropout", .type = PAL_OPTION_NONE},
    {0}};

static const pal_variant gaussian = {.struct_size = sizeof(pal_variant),
                                     .name = "gaussian",
                                     .summary = "step 6: a variational autoencoder with a normal code",
                                     .formula = "z ~ q(z | x);  loss = -E log p(x | z) + KL(q(z | x) || N(0, 1))",
                                     .source = "Kingma and Welling, ICLR 2014",
                                     .options = options,
                                     .encode = encode,
                                     .decode = decode,
                                     .loss = loss,
                                     .posterior = posterior};

PAL_VARIANT_FILE(gaussian)
