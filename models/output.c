/* output.c - the output recipe, a row each: how likely an input is given the decoder's value, and the mean it stands
 * for.
 *
 * The decoder's value is the natural parameter, so the gradient of the likelihood there is (mean - x) / n: it never
 * saturates, and no recipe takes the logarithm of a sigmoid. */
#include "models/internal.h"

#include <string.h>

/* 1/2 (x - a)^2 */
static pal_var half_square(pal_var a, pal_var x) { return pal_scale(pal_square(pal_sub(a, x)), 0.5); }
static pal_var identity(pal_var a) { return a; }

static const struct {
    const char *name;
    pal_var (*nll)(pal_var a, pal_var x); /* elementwise */
    pal_var (*mean)(pal_var a);
} outputs[] = {
    {"bernoulli", pal_bernoulli_cross_entropy, pal_sigmoid},
    {"squared", half_square, identity},
};

/* The row of option `output`; a number past the end, and a failure on the tape, if there is none. */
static size_t chosen(const pal_model *m)
{
    const char *name = pal_option_enum(m, "output");
    size_t i = 0, n = sizeof outputs / sizeof *outputs;
    while (i < n && strcmp(outputs[i].name, name) != 0) i++;
    if (i == n) pal_tape_fail(m->tape, PAL_ERR_ARGUMENT, "output: there is no %s", name);
    return i < n ? i : n;
}

pal_var pal_nll(pal_model *m, pal_var decoded, pal_var x)
{
    size_t i = chosen(m);
    if (i == sizeof outputs / sizeof *outputs) return (pal_var){.tape = m->tape};
    return pal_mean_over_samples(outputs[i].nll(decoded, x));
}

pal_var pal_output_mean(pal_model *m, pal_var decoded)
{
    size_t i = chosen(m);
    if (i == sizeof outputs / sizeof *outputs) return (pal_var){.tape = m->tape};
    return outputs[i].mean(decoded);
}
