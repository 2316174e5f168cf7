/* output.c - the output recipes, a row each: how likely an input is given what the decoder says, and its mean.
 *
 * The decoder gives the natural parameter, so the gradient of the likelihood there is (mean - x) / n: it never
 * saturates, and no recipe takes the logarithm of a sigmoid or of a softmax. Another --output-activation than the
 * recipe's own link is applied to the decoder's value first, which makes sense where the parameter is the mean itself.
 *
 * An output may also be a distribution of distribution.c by its name there: the decoder gives all of its parameters.
 *
 * A recipe of your own is two functions and a row. For counts, say, with a decoder that gives the logarithm of the
 * rate:
 *
 *     static pal_var poisson(pal_model *m, pal_var a, pal_var x)
 *     {
 *         return pal_neg(pal_poisson_log_density(x, a));
 *     }
 *     static pal_var rate(pal_model *m, pal_var a) { return pal_exp(a); }
 *     ...
 *     {"poisson", "exp", one, poisson, rate},
 *
 * and its name in the list PAL__RECIPES. An nll keeps the samples as its first axis and leaves sums and means to
 * pal_nll. Options of its own are rows of the shared ones (registry.c); a number that is learnt is asked for by
 * pal_parameter. Every suite and `palindrome gradcheck` take it along. */
#include "models/internal.h"

#include <math.h>
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

static pal_var cross_entropy(pal_model *m, pal_var a, pal_var x)
{
    (void)m;
    return pal_bernoulli_cross_entropy(a, x);
}

static pal_var probability(pal_model *m, pal_var a)
{
    (void)m;
    return pal_sigmoid(a);
}

/* 1/2 (x - a)^2 */
static pal_var half_square(pal_model *m, pal_var a, pal_var x)
{
    (void)m;
    return pal_scale(pal_square(pal_sub(a, x)), 0.5);
}

/* 1/2 ((x - a) / sigma)^2 + ln sigma + 1/2 ln 2 pi, with ln sigma = ln sigma_0 + s; s begins at 0 if it is learnt. */
static pal_var normal(pal_model *m, pal_var a, pal_var x)
{
    const char *which = pal_option_enum(m, "sigma-of");
    pal_var log_sigma = pal_constant(m->tape, log(pal_option_real(m, "output-sigma")));
    if (strcmp(which, "fixed") != 0) {
        pal_shape shape = PAL_SHAPE(!strcmp(which, "one") ? 1 : pal_model_features(m));
        log_sigma = pal_add(log_sigma, pal_parameter(m, "output/log_sigma", shape, PAL_INIT_ZERO));
    }
    return pal_neg(pal_normal_log_density(x, a, pal_scale(log_sigma, 2)));
}

/* Level k of N stands for the intensity k / (N - 1); an input belongs to the nearest one. */
static int64_t bins(const pal_model *m) { return pal_option_int(m, "bins"); }

static pal_var logits_of(const pal_model *m, pal_var a) /* [n, features, bins] */
{
    return pal_reshape(a, PAL_SHAPE(-1, pal_model_features(m), bins(m)));
}

static pal_var levels(pal_model *m, pal_var a, pal_var x)
{
    const double top = (double)(bins(m) - 1);
    pal_var level = pal_cast(pal_round(pal_clip(pal_scale(x, top), 0, top)), PAL_I32);
    return pal_neg(pal_categorical_log_density(pal_one_hot(level, bins(m), m->dtype), logits_of(m, a)));
}

static pal_var expected_intensity(pal_model *m, pal_var a)
{
    pal_var ones = pal_fill(m->tape, m->dtype, PAL_SHAPE(bins(m)), 1), k = pal_cumsum(ones, 0, true, false);
    return pal_scale(pal_sum(pal_mul(pal_softmax(logits_of(m, a), 2), k), 4, false), 1 / (double)(bins(m) - 1));
}

/* What distribution.c has by this name; p(x | h) of all features at once. */
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

static pal_var expectation(pal_model *m, pal_var a) { return pal_distribution_mean(parametrised(m, a)); }

typedef struct recipe {
    const char *name, *link;                /* the output activation that is its own */
    int64_t (*numbers)(const pal_model *m); /* of the decoder, a feature; NULL: as the distribution has it */
    pal_var (*nll)(pal_model *m, pal_var a, pal_var x);
    pal_var (*mean)(pal_model *m, pal_var a); /* [n, features], in the space of x */
} recipe;

static const recipe recipes[] = {
    {"bernoulli", "sigmoid", one, cross_entropy, probability},
    {"squared", "linear", one, half_square, identity},
    {"gaussian", "linear", one, normal, identity},
    {"categorical", "softmax", bins, levels, expected_intensity},
};
static const recipe distribution = {"distribution", NULL, NULL, density, expectation};

/* ---- What is chosen ------------------------------------------------------------------------------------------- */

/* NULL, and a failure on the tape, if there is none or it lacks an option. */
static const recipe *chosen(const pal_model *m)
{
    pal_error err = {0};
    const char *name = pal_option_enum(m, "output");
    const recipe *r = NULL;
    for (size_t i = 0; !r && i < sizeof recipes / sizeof *recipes; i++)
        if (!strcmp(recipes[i].name, name)) r = &recipes[i];
    if (!r && kind_of(m)) r = &distribution;
    if (!r)
        pal_tape_refuse(m->tape, "output: there is no %s", name);
    else if (r->numbers == bins && bins(m) < 2)
        pal_tape_refuse(m->tape, "output categorical needs the number of intensity levels: choose --bins "
                                 "N, such as 16, from 2 on");
    else if (!r->numbers && !pal__output_parameters(kind_of(m), pal_model_features(m), &err))
        pal_tape_refuse(m->tape, "%s", err.text);
    else
        return r;
    return NULL;
}

/* The decoder's value under the output activation; a bad handle if that does not fit. */
static pal_var activated(pal_model *m, const recipe *r, pal_var a)
{
    const char *link = pal_model_setting(m, "output-activation"); /* which a variant may be without */
    if (!link || !strcmp(link, "canonical") || (r->link && !strcmp(link, r->link))) return a;
    if (!r->link)
        return pal_tape_refuse(m->tape,
                               "output-activation %s is of one number a feature, and output %s has more: choose "
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
                    "output %s is of all features at once, and convolutions have numbers of each: choose "
                    "--output normal",
                    pal_option_enum(m, "output"));
    return 0;
}

/* Whether rows of as many numbers came as the recipe wants. */
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
                        "tied weights give one number a feature, %lld, and output %s wants %lld: choose --tied no",
                        (long long)features, name, (long long)numbers);
    else
        pal_tape_fail(m->tape, PAL_ERR_SHAPE, "output %s: the decoder gives %s, not rows of %lld", name,
                      pal_shape_text(s, shape, sizeof shape), (long long)numbers);
    return false;
}

/* -ln p of each feature, or of whatever the recipe's axes after the first are. */
static pal_var parts(pal_model *m, pal_var decoded, pal_var x)
{
    const recipe *r = chosen(m);
    if (!r || !fits(m, decoded)) return (pal_var){.tape = m->tape};
    return r->nll(m, activated(m, r, decoded), x);
}

pal_var pal_nll(pal_model *m, pal_var decoded, pal_var x) { return pal_mean_over_samples(parts(m, decoded, x)); }

pal_var pal_nll_of_known(pal_model *m, pal_var decoded, pal_var x, pal_var known)
{
    const recipe *r = chosen(m);
    const pal_shape s = pal_shape_of(known);
    if (!r || !fits(m, decoded) || !pal_ok(known)) return (pal_var){.tape = m->tape};
    if (s.rank != 1 || s.dim[0] != pal_model_features(m))
        return pal_tape_fail(m->tape, PAL_ERR_SHAPE, "nll_of_known: wants 1 or 0 for each of %lld features",
                             (long long)pal_model_features(m));
    pal_var a = activated(m, r, decoded);
    if (!r->numbers) return pal_neg(pal_mean_all(pal__output_known(parametrised(m, a), x, known)));
    return pal_mean_over_samples(pal_mul(r->nll(m, a, x), known));
}

pal_var pal_log_likelihood(pal_model *m, pal_var decoded, pal_var x)
{
    pal_var nll = parts(m, decoded, x);
    return pal_neg(pal_sum(nll, (1u << pal_shape_of(nll).rank) - 1 - (nll.id != 0), false));
}

pal_var pal_output_mean(pal_model *m, pal_var decoded)
{
    const recipe *r = chosen(m);
    if (!r || !fits(m, decoded)) return (pal_var){.tape = m->tape};
    return r->mean(m, activated(m, r, decoded));
}
