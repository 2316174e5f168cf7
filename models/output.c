/* output.c - the output recipes, one row per recipe: likelihood of an input given the decoder's value, and the mean.
 *
 * The decoder returns the natural parameter, so for bernoulli, squared and categorical the gradient of the loss with
 * respect to it is (mean - x) / n; for gaussian it is divided by sigma^2. It never saturates, and no recipe takes the
 * logarithm of a sigmoid or of a softmax. An --output-activation other than the recipe's own link is first applied to
 * the decoder's value. This is useful if the parameter is the mean itself.
 *
 * An output may also be a distribution of distribution.c, selected by its name. The decoder then returns all parameters
 * of the distribution.
 *
 * To add a recipe, write its functions and a row. An example for counts, with a decoder that returns the logarithm of
 * the rate:
 *
 *     static pal_var poisson(pal_model *m, pal_var a, pal_var x)
 *     {
 *         return pal_neg(pal_poisson_log_density(x, a));
 *     }
 *     static pal_var rate(pal_model *m, pal_var a) { return pal_exp(a); }
 *     ...
 *     {"poisson", "exp", one, &of_poisson, rate},
 *
 * where of_poisson also has how targets are drawn and how far two of them are apart (likelihood.h), for second-order
 * training.
 *
 * Add its name to the list PAL__RECIPES, and the inverse of a new link to output_bias.c. The function nll keeps the
 * samples as its first axis; pal_nll computes sums and means. New options of a recipe are rows of the shared options
 * (shared.c). A learnt number is requested by pal_parameter. `palindrome gradcheck` then includes the recipe; add it to
 * the list in tests/models/test_outputs.c. */
#include "models/likelihood.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- Recipes -------------------------------------------------------------------------------------------------- */

static int64_t one(const pal_model *m)
{
    (void)m;
    return 1;
}

static pal_var identity(pal_model *m, pal_var a)
{
    (void)m;
    return a;
}

static pal_var probability(pal_model *m, pal_var a)
{
    (void)m;
    return pal_sigmoid(a);
}

/* 1/2 ((x - a) / sigma)^2 + ln sigma + 1/2 ln 2 pi, with ln sigma = ln sigma_0 + s; a learnt s starts at 0. */
pal_var pal__log_variance(pal_model *m)
{
    const char *which = pal_option_enum(m, "sigma-of");
    pal_var log_sigma = pal_constant(m->tape, log(pal_option_real(m, "output-sigma")));
    if (strcmp(which, "fixed") != 0) {
        pal_shape shape = PAL_SHAPE(!strcmp(which, "one") ? 1 : pal_model_features(m));
        log_sigma = pal_add(log_sigma, pal_parameter(m, "output/log_sigma", shape, PAL_INIT_ZERO));
    }
    return pal_scale(log_sigma, 2);
}

static pal_var normal(pal_model *m, pal_var a, pal_var x)
{
    return pal_neg(pal_normal_log_density(x, a, pal__log_variance(m)));
}

static pal_var draw_normal(pal_model *m, const char *stream, pal_var a)
{
    return pal_sample_normal(stream, a, pal__log_variance(m));
}

static pal_var normals_apart(pal_model *m, pal_var from, pal_var to)
{
    const pal_var v = pal__log_variance(m);
    return pal_normal_kl(from, v, to, v);
}

/* Level k of N is the intensity k / (N - 1). An input belongs to the nearest level. */
static int64_t bins(const pal_model *m) { return pal_option_int(m, "bins"); }

static pal_var logits_of(const pal_model *m, pal_var a) /* [n, features, bins] */
{
    return pal_reshape(a, PAL_SHAPE(-1, pal_model_features(m), bins(m)));
}

static pal_var level_of(const pal_model *m, pal_var x) /* one-hot, [n, features, bins] */
{
    const double top = (double)(bins(m) - 1);
    pal_var level = pal_cast(pal_round(pal_clip(pal_scale(x, top), 0, top)), PAL_I32);
    return pal_one_hot(level, bins(m), m->dtype);
}

static pal_var levels(pal_model *m, pal_var a, pal_var x)
{
    return pal_neg(pal_categorical_log_density(level_of(m, x), logits_of(m, a)));
}

static pal_var draw_levels(pal_model *m, const char *stream, pal_var a)
{
    const pal_var level = pal_sample_categorical(stream, logits_of(m, a));
    return pal_scale(pal_cast(level, m->dtype), 1 / (double)(bins(m) - 1));
}

static pal_var levels_apart(pal_model *m, pal_var from, pal_var to)
{
    return pal_categorical_kl(logits_of(m, from), logits_of(m, to));
}

static pal_var expected_intensity(pal_model *m, pal_var a)
{
    pal_var ones = pal_fill(m->tape, m->dtype, PAL_SHAPE(bins(m)), 1), k = pal_cumsum(ones, 0, true, false);
    return pal_scale(pal_sum(pal_mul(pal_softmax(logits_of(m, a), 2), k), 4, false), 1 / (double)(bins(m) - 1));
}

/* The distribution that --output names, as p(x | h) of all features. NULL: it does not name a distribution. */
static const pal_distribution_kind *kind_of(const pal_model *m)
{
    return pal_distribution_find(pal_option_enum(m, "output"));
}

static pal_distribution parametrised(pal_model *m, pal_var a)
{
    return pal__output_distribution(kind_of(m), pal_model_features(m), a, pal_option_real(m, "sigma-min"));
}

static pal_var density(pal_model *m, pal_var a, pal_var x)
{
    return pal_neg(pal_distribution_log_density(parametrised(m, a), pal_expand(x, 1)));
}

static pal_var draw_all(pal_model *m, const char *stream, pal_var a)
{
    const pal_var x = pal_distribution_sample(parametrised(m, a), stream, 1, 0);
    return pal_reshape(x, PAL_SHAPE(-1, pal_model_features(m)));
}

static pal_var all_apart(pal_model *m, pal_var from, pal_var to)
{
    return pal_expand(pal_distribution_kl(parametrised(m, from), parametrised(m, to)), 1);
}

static pal_var expectation(pal_model *m, pal_var a) { return pal_distribution_mean(parametrised(m, a)); }

typedef struct recipe {
    const char *name, *link;                /* link: its own output activation; NULL: it has none */
    int64_t (*numbers)(const pal_model *m); /* of the decoder, per feature; NULL: as many as the distribution needs */
    const pal__likelihood_kind *likelihood;
    pal_var (*mean)(pal_model *m, pal_var a); /* [n, features], in the space of x */
    const char *formula;                      /* for drawings: log p of x, and the mean */
} recipe;

/* clang-format off */
static const pal__likelihood_kind of_normal = {normal,  draw_normal, normals_apart},
                                  of_levels = {levels,  draw_levels, levels_apart},
                                  of_all    = {density, draw_all,    all_apart};

static const recipe recipes[] = {
    {"bernoulli",   "sigmoid", one,  &pal__bernoulli_likelihood, probability,        "log p(x | x̂)\nx̂ = sigmoid(a)"},
    {"squared",     "linear",  one,  &pal__unit_likelihood,      identity,           "−½ ‖x − x̂‖²\nx̂ = a"},
    {"gaussian",    "linear",  one,  &of_normal,                 identity,           "log N(x; x̂, σ²)\nx̂ = a"},
    {"categorical", "softmax", bins, &of_levels,                 expected_intensity, "log p(x | a)\nx̂ = Σ k softmax(a)"},
    {"mixed",       NULL,      one,  &pal__mixed_likelihood,     pal__mixed_mean,    "log p(x | a)\nx̂ = s(a)"},
};
/* clang-format on */
static const recipe distribution = {"distribution", NULL, NULL, &of_all, expectation, "log p(x | a)\nx̂ = E x"};

/* ---- The chosen recipe ---------------------------------------------------------------------------------------- */

/* The recipe of the model. If it is unknown or lacks an option: NULL, and a failure on the tape. */
static const recipe *chosen(const pal_model *m)
{
    pal_error err = {0};
    const char *name = pal_option_enum(m, "output");
    const recipe *r = NULL;
    for (size_t i = 0; !r && i < sizeof recipes / sizeof *recipes; i++)
        if (!strcmp(recipes[i].name, name)) r = &recipes[i];
    if (!r && kind_of(m)) r = &distribution;
    if (!r)
        pal_tape_refuse(m->tape, "output: unknown value %s", name);
    else if (r->numbers == bins && bins(m) < 2)
        pal_tape_refuse(m->tape, "output categorical needs the number of intensity levels: choose --bins "
                                 "N, at least 2, such as 16");
    else if (r->likelihood == &pal__mixed_likelihood && !m->schema)
        pal_tape_refuse(m->tape, "output mixed needs a table, whose columns say what is a number and what a category: "
                                 "choose another --output");
    else if (!r->numbers && !pal__output_parameters(kind_of(m), pal_model_features(m), &err))
        pal_tape_refuse(m->tape, "%s", err.text);
    else
        return r;
    return NULL;
}

/* The decoder's value after the output activation; a bad handle if the activation does not fit the recipe. */
static pal_var activated(pal_model *m, const recipe *r, pal_var a)
{
    const char *link = pal_model_setting(m, "output-activation"); /* NULL: the variant does not have this option */
    if (!link || !strcmp(link, "canonical") || (r->link && !strcmp(link, r->link))) return a;
    if (!r->link)
        return pal_tape_refuse(m->tape,
                               "output-activation %s needs one number per feature, but output %s has more: choose "
                               "canonical, or --output gaussian",
                               link, pal_option_enum(m, "output"));
    if (!strcmp(r->link, "linear")) return pal_activate(m, a, link);
    return pal_tape_refuse(
        m->tape,
        "output-activation %s does not give the probabilities of output %s: choose canonical (%s), or "
        "--output squared",
        link, r->name, r->link);
}

int64_t pal_output_numbers(const pal_model *m)
{
    const recipe *r = chosen(m);
    const int64_t features = pal_model_features(m);
    if (!r) return features;
    return r->numbers ? features * r->numbers(m) : pal__output_parameters(kind_of(m), features, NULL);
}

int64_t pal__output_maps(const pal_model *m, bool *side_by_side)
{
    const recipe *r = chosen(m);
    const int64_t features = pal_model_features(m), each = r && r->numbers ? r->numbers(m) : 0;
    *side_by_side = r && r->numbers;
    if (!r || each) return each;
    const int64_t of_one = pal__output_parameters(kind_of(m), 1, NULL);
    if (of_one * features == pal_output_numbers(m)) return of_one;
    pal_tape_refuse(m->tape,
                    "output %s is a joint distribution of all features, but convolutions give numbers per feature: "
                    "choose --output normal",
                    pal_option_enum(m, "output"));
    return 0;
}

/* Whether the rows of the decoder have as many numbers as the recipe needs; if not, a failure on the tape. */
static bool fits(const pal_model *m, pal_var decoded)
{
    char shape[96];
    const pal_shape s = pal_shape_of(decoded);
    const int64_t numbers = pal_output_numbers(m), features = pal_model_features(m);
    const char *name = pal_option_enum(m, "output");
    if (!pal_ok(decoded)) return false;
    if (s.rank == 2 && s.dim[1] == numbers) return true;
    if (pal_model_setting(m, "tied") && pal_option_bool(m, "tied") && numbers != features)
        pal_tape_refuse(m->tape,
                        "tied weights give one number per feature, %lld, but output %s needs %lld: choose --tied no",
                        (long long)features, name, (long long)numbers);
    else
        pal_tape_fail(m->tape, PAL_ERR_SHAPE, "output %s: the decoder returns %s, not rows of %lld", name,
                      pal_shape_text(s, shape, sizeof shape), (long long)numbers);
    return false;
}

/* known [n, features] for rows [n * draws], where each row has several draws side by side. */
static pal_var for_rows_of(pal_var known, pal_var rows)
{
    const pal_shape k = pal_shape_of(known);
    const int64_t draws = pal_shape_of(rows).dim[0] / (k.dim[0] ? k.dim[0] : 1);
    if (!pal_ok(rows) || draws <= 1) return known;
    pal_var again = pal_broadcast_to(pal_expand(known, 1), PAL_SHAPE(k.dim[0], draws, k.dim[1]));
    return pal_reshape(again, PAL_SHAPE(k.dim[0] * draws, k.dim[1]));
}

/* -ln p of the known features. */
static pal_var of_known(pal_model *m, const recipe *r, pal_var a, pal_var x, pal_var known)
{
    if (r->numbers) return pal_mul(pal__take_likelihood(m, r->likelihood, a, x), known);
    return pal_neg(pal_expand(pal__output_known(parametrised(m, a), x, known), 1));
}

/* -ln p, not yet summed: the first axis is the samples, further axes depend on the recipe (usually the features). z
 * receives the value that it is a function of. */
static pal_var parts(pal_model *m, pal_var decoded, pal_var x, pal_var *z)
{
    const recipe *r = chosen(m);
    *z = (pal_var){.tape = m->tape};
    if (!r || !fits(m, decoded)) return *z;
    *z = activated(m, r, decoded);
    if (!m->known.id) return pal__take_likelihood(m, r->likelihood, *z, x);
    return of_known(m, r, *z, x, for_rows_of(m->known, *z));
}

/* A block that pal_block_end ends; its value is log p, or with `minus` -log p. */
static void likelihood_begin(pal_model *m, bool minus)
{
    static const char sign[] = "−";
    char formula[96];
    const recipe *r = chosen(m);
    const char *text = r ? r->formula : "";
    const bool twice = minus && !strncmp(text, sign, sizeof sign - 1);
    snprintf(formula, sizeof formula, "%s%s", minus && !twice ? sign : "", twice ? text + sizeof sign - 1 : text);
    pal_block_begin(m->tape, pal_option_enum(m, "output"), formula);
}

pal_var pal_nll(pal_model *m, pal_var decoded, pal_var x)
{
    likelihood_begin(m, true);
    pal_var z, nll = pal_mean_over_samples(parts(m, decoded, x, &z));
    pal_block_end(m->tape);
    return pal_model_match(m, z, nll);
}

pal_var pal_nll_of_known(pal_model *m, pal_var decoded, pal_var x, pal_var known)
{
    const recipe *r = chosen(m);
    const pal_shape s = pal_shape_of(known);
    if (!r || !fits(m, decoded) || !pal_ok(known)) return (pal_var){.tape = m->tape};
    const bool rows = s.rank == 2 && s.dim[0] == pal_shape_of(x).dim[0];
    if ((s.rank != 1 && !rows) || s.dim[s.rank - 1] != pal_model_features(m))
        return pal_tape_fail(m->tape, PAL_ERR_SHAPE,
                             "nll_of_known: needs 1 or 0 for each of %lld features, of all samples or of each",
                             (long long)pal_model_features(m));
    pal_var a = activated(m, r, decoded);
    return pal_mean_over_samples(r->numbers ? pal_mul(r->likelihood->nll(m, a, x), known)
                                            : of_known(m, r, a, x, known));
}

pal_var pal_nll_of_features(pal_model *m, pal_var decoded, pal_var x)
{
    const recipe *r = chosen(m);
    if (!r || !fits(m, decoded)) return (pal_var){.tape = m->tape};
    pal_var a = activated(m, r, decoded);
    if (!r->numbers) return pal__output_each(parametrised(m, a), x);
    pal_var nll = r->likelihood->nll(m, a, x);
    const int32_t rank = pal_shape_of(nll).rank;
    return rank > 2 ? pal_sum(nll, (1u << rank) - 1 - 3, false) : nll;
}

pal_var pal_log_likelihood(pal_model *m, pal_var decoded, pal_var x)
{
    pal_var z;
    return pal__log_likelihood_of(m, decoded, x, &z);
}

pal_var pal__log_likelihood_of(pal_model *m, pal_var decoded, pal_var x, pal_var *z)
{
    likelihood_begin(m, false);
    pal_var nll = parts(m, decoded, x, z);
    nll = pal_neg(pal_sum(nll, (1u << pal_shape_of(nll).rank) - 1 - (nll.id != 0), false));
    pal_block_end(m->tape);
    return nll;
}

pal_var pal_output_mean(pal_model *m, pal_var decoded)
{
    const recipe *r = chosen(m);
    if (!r || !fits(m, decoded)) return (pal_var){.tape = m->tape};
    return r->mean(m, activated(m, r, decoded));
}

const char *pal__output_activation(const pal_model *m, int64_t feature, int64_t *each, int64_t *choices)
{
    const recipe *r = chosen(m);
    const char *given = pal_model_setting(m, "output-activation");
    *each = *choices = r && r->numbers ? r->numbers(m) : 1;
    if (r && r->likelihood == &pal__mixed_likelihood) return pal__mixed_activation(m->schema, feature, choices);
    return given && strcmp(given, "canonical") != 0 ? given : r && r->link ? r->link : "linear";
}

pal_var pal_output_seen(pal_model *m, pal_var x)
{
    const recipe *r = chosen(m);
    if (!r || r->numbers != bins) return x;
    return pal_reshape(level_of(m, x), PAL_SHAPE(-1, pal_output_numbers(m)));
}
