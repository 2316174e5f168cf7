/* output_bias.c - where the bias of the output starts.
 *
 * With a bias of 0, the mean output is far from that of the data: 1/2 for bernoulli, but the mean pixel of MNIST is
 * 0.13. The first gradients then say the same for every sample, such as "darker". This costs steps, and a random code
 * can be lost in them ("Why a code collapses" in docs/results.md). So the bias starts at the likeliest value of a
 * decoder that has nothing else: its output is the mean of the data.
 *
 * The logarithm of a share 0 is not finite. So the share of one of k choices, of which n samples have the mean m, is
 * (n m + 1) / (n + k), Laplace's rule of succession; k is 2 for sigmoid. Maps have one bias for a whole channel, so
 * their mean and their n are over its pixels too. Of a distribution, only the means start here. Its scales stay at 0:
 * on MNIST with a normal code, scales that started at the deviations of the pixels gave a worse likelihood. */
#include "models/internal.h"

#include <math.h>
#include <string.h>

static double share(double mean, double n, double choices) { return (n * fmin(fmax(mean, 0), 1) + 1) / (n + choices); }

static double of_linear(double mean, double n, double choices)
{
    (void)n, (void)choices;
    return mean;
}

static double of_sigmoid(double mean, double n, double choices)
{
    (void)choices;
    return log(share(mean, n, 2) / share(1 - mean, n, 2));
}

static double of_relu(double mean, double n, double choices)
{
    (void)n, (void)choices;
    return fmax(mean, 0);
}

static double of_softmax(double mean, double n, double choices) { return log(share(mean, n, choices)); }

static const struct {
    const char *name; /* of the output's activation */
    double (*inverse)(double mean, double n, double choices);
} links[] = {{"linear", of_linear}, {"sigmoid", of_sigmoid}, {"relu", of_relu}, {"softmax", of_softmax}};

static bool is_output(const pal__parameter *p) { return p->init == PAL_INIT_OUTPUT || p->init == PAL_INIT_OUTPUT_MAPS; }

bool pal__has_output_bias(const pal_model *m)
{
    size_t i = 0;
    while (i < m->n_parameters && !is_output(&m->parameters[i])) i++;
    return i < m->n_parameters;
}

/* Whether it is the bias of an output, and nothing has given it a value. */
static bool waits(const pal__parameter *p)
{
    size_t i = 0;
    const size_t n = is_output(p) ? pal_tensor_count(p->tensor) : 0;
    while (i < n && pal_tensor_get(p->tensor, i) == 0) i++;
    return n && i == n;
}

bool pal_output_starts(const pal_model *m)
{
    const char *start = pal_model_setting(m, "output-bias"); /* NULL: the variant does not have this option */
    if (!start || strcmp(start, "mean") != 0) return false;
    for (size_t i = 0; i < m->n_parameters; i++)
        if (waits(&m->parameters[i])) return true;
    return false;
}

void pal__output_bias(pal_model *m, const char *layer, int64_t n, pal_init init)
{
    char bias[PAL__NAME];
    if (pal__parameter_name(m, layer, "b", bias)) pal_parameter(m, bias, PAL_SHAPE(n), init);
}

/* The features that share a bias stand side by side: single features, or the pixels of a channel. */
static int64_t groups_of(const pal_model *m, const pal__parameter *p)
{
    if (p->init == PAL_INIT_OUTPUT) return pal_model_features(m);
    return m->sample.rank == 3 ? m->sample.dim[0] : 1;
}

static pal_status check(const pal_model *m, const pal__parameter *p, pal_error *err)
{
    bool beside;
    const int64_t have = pal_shape_count(p->shape), want = p->init == PAL_INIT_OUTPUT
                                                               ? pal_output_numbers(m)
                                                               : groups_of(m, p) * pal__output_maps(m, &beside);
    if (have == want) return PAL_OK;
    return pal_error_set(err, PAL_ERR_SHAPE, "%s: %s is the bias of the output, but has %lld numbers, not %lld",
                         m->variant->name, p->name, (long long)have, (long long)want);
}

static void start(const pal_model *m, const pal__parameter *p, const double *mean, int64_t n)
{
    const int64_t groups = groups_of(m, p), pixels = pal_model_features(m) / groups;
    for (int64_t g = 0; g < groups; g++) {
        int64_t each, choices;
        size_t link = 0;
        const char *activation = pal__output_activation(m, g * pixels, &each, &choices);
        while (link + 1 < sizeof links / sizeof *links && strcmp(links[link].name, activation) != 0) link++;
        for (int64_t c = 0; c < each; c++) {
            double sum = 0;
            for (int64_t k = 0; k < pixels; k++) sum += mean[(g * pixels + k) * each + c];
            const int64_t at = p->init == PAL_INIT_OUTPUT ? g * each + c : c * groups + g;
            pal_tensor_set(p->tensor, (size_t)at,
                           links[link].inverse(sum / (double)pixels, (double)(n * pixels), (double)choices));
        }
    }
}

pal_status pal_output_start(pal_model *m, const double *mean, int64_t n, pal_error *err)
{
    if (!pal_output_starts(m)) return PAL_OK;
    for (size_t i = 0; i < m->n_parameters; i++) {
        const pal_status status = is_output(&m->parameters[i]) ? check(m, &m->parameters[i], err) : PAL_OK;
        if (status) return status;
    }
    for (size_t i = 0; i < m->n_parameters; i++)
        if (waits(&m->parameters[i])) start(m, &m->parameters[i], mean, n);
    return PAL_OK;
}
