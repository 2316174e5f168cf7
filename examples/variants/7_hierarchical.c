/* 7_hierarchical.c - step 7 of docs/variants.md: a variational autoencoder with two stochastic layers,
 *     q(z1 | x) q(z2 | z1) and p(z2) p(z1 | z2) p(x | z1), all normal except p(x | z1), the output recipe.
 * It is the network of Burda, Grosse and Salakhutdinov (ICLR 2016), and the loss is minus the evidence lower bound,
 *     -E ln p(x | z1) + E [ln q(z1 | x) - ln p(z1 | z2)] + E KL(q(z2 | z1) || p(z2)).
 * The middle term is no KL in closed form, because z2 is drawn given z1. The code is z2: the prior is on it. */
#include <palindrome.h>

static int64_t numbers(const pal_model *m, int level) /* of z1 or z2 */
{
    return pal_option_int(m, "hidden") * (level == 1 ? 2 : 1);
}

/* A hidden layer on x, and on it the parameters of the normal numbers of a level. */
static pal_distribution normal(pal_model *m, const char *name, const char *hidden, pal_var x, int level)
{
    const int64_t k = numbers(m, level);
    pal_var h = pal_activate(m, pal_dense(m, hidden, x, 2 * k), pal_option_enum(m, "activation"));
    return pal_distribution_layer(m, name, h, pal_distribution_find("normal"), k);
}
static pal_distribution q1(pal_model *m, pal_var x) { return normal(m, "encoder/1", "encoder/1/hidden", x, 1); }
static pal_distribution q2(pal_model *m, pal_var z) { return normal(m, "encoder/2", "encoder/2/hidden", z, 2); }
static pal_distribution p1(pal_model *m, pal_var z) { return normal(m, "decoder/2", "decoder/2/hidden", z, 1); }

static pal_var output(pal_model *m, pal_var z1) /* the natural parameter of p(x | z1) */
{
    const int64_t n = pal_output_numbers(m);
    pal_parameter(m, "decoder/1/b", PAL_SHAPE(n), PAL_INIT_OUTPUT);
    pal_var h = pal_dense(m, "decoder/1/hidden", z1, 2 * numbers(m, 1));
    return pal_dense(m, "decoder/1", pal_activate(m, h, pal_option_enum(m, "activation")), n);
}

static pal_var draw(pal_distribution q, const char *stream) { return pal_distribution_sample(q, stream, 1, 0); }
static pal_var rows(pal_var z) { return pal_reshape(z, PAL_SHAPE(-1, pal_shape_of(z).dim[2])); } /* [n,1,k] -> [n,k] */

/* Encoding and decoding take the mean of each level instead of a draw. */
static pal_var encode(pal_model *m, pal_var x) { return pal_distribution_mean(q2(m, pal_distribution_mean(q1(m, x)))); }
static pal_var decode(pal_model *m, pal_var z2) { return output(m, pal_distribution_mean(p1(m, z2))); }

static pal_var loss(pal_model *m, const pal_batch *b)
{
    pal_distribution level1 = q1(m, b->inputs);
    pal_var z1 = draw(level1, "z1");
    pal_distribution level2 = q2(m, rows(z1)), prior = p1(m, rows(draw(level2, "z2")));
    pal_var log_ratio =
        pal_sub(pal_distribution_log_density(level1, z1), pal_distribution_log_density(prior, z1)); /* [n,1] */
    pal_var first = pal_model_note(m, "divergence-1", pal_mean_all(log_ratio)),
            second = pal_model_note(m, "divergence-2", pal_mean_all(pal_distribution_kl_prior(level2)));
    return pal_add(pal_nll(m, output(m, rows(z1)), b->inputs), pal_add(first, second));
}

static const pal_option options[] = {
    {"hidden", PAL_OPTION_INT, "50", 1, 1000000, NULL, "numbers of z2, the code; z1 has twice as many"},
    {"activation", PAL_OPTION_ENUM, "tanh", 0, 0, "tanh|relu|softplus", "activation of the deterministic layers"},
    {"code", PAL_OPTION_ENUM, "normal", 0, 0, "normal", "distribution from which `sample` draws the code"},
    {.name = "layers", .type = PAL_OPTION_NONE},
    {.name = "decoder-layers", .type = PAL_OPTION_NONE},
    {.name = "code-activation", .type = PAL_OPTION_NONE},
    {.name = "tied", .type = PAL_OPTION_NONE},
    {.name = "dropout", .type = PAL_OPTION_NONE},
    {0}};

static const pal_variant hierarchical = {.struct_size = sizeof(pal_variant),
                                         .name = "hierarchical",
                                         .summary = "step 7: a variational autoencoder with two stochastic layers",
                                         .formula = "z1 ~ q(z1 | x), z2 ~ q(z2 | z1);  loss = -bound of log p(x)",
                                         .source = "Burda, Grosse and Salakhutdinov, ICLR 2016",
                                         .options = options,
                                         .encode = encode,
                                         .decode = decode,
                                         .loss = loss};

PAL_VARIANT_FILE(hierarchical)
