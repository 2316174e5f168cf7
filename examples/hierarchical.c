/* hierarchical.c - a variational autoencoder with two stochastic layers, as a variant outside the library:
 *     q(z1 | x) q(z2 | z1) and p(z2) p(z1 | z2) p(x | z1), all normal except p(x | z1), the output recipe.
 * Compile and use it with
 *     cc -shared -fPIC hierarchical.c -o hierarchical.so $(pkg-config --cflags --libs palindrome)
 *     palindrome --load ./hierarchical.so train hierarchical --layers 100,50
 *
 * This is the network with two stochastic layers of Burda, Grosse and Salakhutdinov, ICLR 2016, with one deterministic
 * layer before each stochastic one. The loss is minus the evidence lower bound,
 *     E ln p(x | z1) - E [ln q(z1 | x) - ln p(z1 | z2)] - E KL(q(z2 | z1) || p(z2)).
 * The middle term is not KL(q(z1 | x) || p(z1 | z2)) in closed form, because z2 was drawn given z1. It would be, if z2
 * were drawn from q(z2 | x). The code is z2, because the prior is on z2. Decoding uses the mean of p(z1 | z2). */
#include <palindrome.h>

/* The number of units of z1 (layer 1) or z2 (layer 2). */
static int64_t units(const pal_model *m, pal_var x, int layer)
{
    int64_t size[PAL_OPTION_LIST];
    if (pal_option_sizes(m, "layers", size) == 2) return size[layer - 1];
    pal_tape_refuse(x.tape, "layers: give two sizes, of z1 and of z2, such as 100,50");
    return 0;
}

static pal_var hidden(pal_model *m, const char *name, pal_var x, int layer)
{
    return pal_activate(m, pal_dense(m, name, x, 2 * units(m, x, layer)), pal_option_enum(m, "activation"));
}

static pal_distribution normal(pal_model *m, const char *name, pal_var h, int layer)
{
    return pal_distribution_layer(m, name, h, pal_distribution_find("normal"), units(m, h, layer));
}

static pal_distribution q_z1(pal_model *m, pal_var x)
{
    return normal(m, "encoder/1", hidden(m, "encoder/1/hidden", x, 1), 1);
}

static pal_distribution q_z2(pal_model *m, pal_var z1)
{
    return normal(m, "encoder/2", hidden(m, "encoder/2/hidden", z1, 2), 2);
}

static pal_distribution p_z1(pal_model *m, pal_var z2)
{
    return normal(m, "decoder/2", hidden(m, "decoder/2/hidden", z2, 2), 1);
}

static pal_var p_x(pal_model *m, pal_var z1)
{
    const int64_t n = pal_output_numbers(m);
    pal_parameter(m, "decoder/1/b", PAL_SHAPE(n), PAL_INIT_OUTPUT); /* starts at the mean of the data */
    return pal_dense(m, "decoder/1", hidden(m, "decoder/1/hidden", z1, 1), n);
}

static pal_var encode(pal_model *m, pal_var x)
{
    return pal_distribution_mean(q_z2(m, pal_distribution_mean(q_z1(m, x))));
}

static pal_var decode(pal_model *m, pal_var z2) { return p_x(m, pal_distribution_mean(p_z1(m, z2))); }

/* z1 has one row per draw, [n S, units], and so has everything that is computed from it. */
static pal_var loss(pal_model *m, const pal_batch *b)
{
    const int64_t n = pal_shape_of(b->inputs).dim[0], draws = pal_option_int(m, "samples"), d = pal_model_features(m);
    pal_var again = pal_broadcast_to(pal_expand(b->inputs, 1), PAL_SHAPE(n, draws, d));
    pal_var x = pal_reshape(again, PAL_SHAPE(n * draws, d));
    const pal_distribution q1 = q_z1(m, b->inputs);
    pal_var drawn = pal_distribution_sample(q1, "z1", draws, 0), z1 = pal_reshape(drawn, PAL_SHAPE(-1, q1.k));
    const pal_distribution q2 = q_z2(m, z1);
    pal_var z2 = pal_reshape(pal_distribution_sample(q2, "z2", 1, 0), PAL_SHAPE(-1, q2.k));
    pal_var log_q1 = pal_mean_all(pal_distribution_log_density(q1, drawn)),
            log_p1 = pal_mean_all(pal_distribution_log_density(p_z1(m, z2), pal_expand(z1, 1)));
    pal_var first = pal_model_note(m, "divergence-1", pal_sub(log_q1, log_p1)),
            second = pal_model_note(m, "divergence-2", pal_mean_all(pal_distribution_kl_prior(q2)));
    return pal_add(pal_nll(m, p_x(m, z1), x), pal_add(first, second));
}

static const pal_option options[] = {
    {"hidden", PAL_OPTION_INT, "50", 1, 1000000, NULL, "units of z2, the code"},
    {"layers", PAL_OPTION_SIZES, "100,50", 1, 1000000, NULL,
     "units of z1 and of z2; the hidden layer before each has twice as many"},
    {"activation", PAL_OPTION_ENUM, "tanh", 0, 0, "tanh|relu|softplus", "activation of the deterministic layers"},
    {"samples", PAL_OPTION_INT, "1", 1, 100000, NULL, "draws of the code per sample"},
    {"code", PAL_OPTION_ENUM, "normal", 0, 0, "normal", "distribution from which `sample` draws the code"},
    {.name = "decoder-layers", .type = PAL_OPTION_NONE},
    {.name = "code-activation", .type = PAL_OPTION_NONE},
    {.name = "tied", .type = PAL_OPTION_NONE},
    {.name = "dropout", .type = PAL_OPTION_NONE},
    {0}};

static const pal_setting training[] = {{"optimizer", "adam"}, {"learning-rate", "0.001"}, {0}};

static const pal_variant hierarchical = {.struct_size = sizeof(pal_variant),
                                         .name = "hierarchical",
                                         .summary = "a variational autoencoder with two stochastic layers",
                                         .source = "Burda, Grosse and Salakhutdinov, ICLR 2016",
                                         .options = options,
                                         .training = training,
                                         .encode = encode,
                                         .decode = decode,
                                         .loss = loss};

pal_status palindrome_register(pal_error *err) { return pal_variant_register(&hierarchical, err); }
