/* lbfgs_flat.c - L-BFGS over a flat vector of doubles, for small problems: the method of lbfgs.c without a context or a
 * slab of the caller's.
 *
 * In: a function of x [n]. Out: the point where the search ended, in x. The vectors live in a context of one thread,
 * which the call makes and frees. */
#include <string.h>

#include "optim/minimise.h"

enum { ITERATIONS = 1000 };

typedef struct flat {
    pal_lbfgs_fn f;
    void *user;
    pal_slab *x;
} flat;

static pal_status evaluate(double *value, pal_slab *gradient, void *user)
{
    const flat *s = user;
    return s->f(s->x->all->data, value, gradient->all->data, s->user);
}

static pal_status minimise(double *x, size_t n, flat *s, const pal_lbfgs_options *o, pal_lbfgs_result *result,
                           pal_error *err)
{
    const pal_objective objective = {.struct_size = sizeof objective, .x = s->x, .evaluate = evaluate, .user = s};
    const pal_minimise_options options = {
        .struct_size = sizeof options, .memory = o->memory, .gradient = o->gradient > 0 ? o->gradient : 0};
    pal_minimise_end end = PAL_MINIMISE_RUNNING;
    pal_minimise_report report = {0};
    pal_error why = {0};
    pal_minimiser *m = pal_minimiser_new(&objective, &options, &why);
    if (!m) return pal_error_set(err, why.status, "%s", why.text);
    memcpy(s->x->all->data, x, n * sizeof *x);
    pal_status status = pal_minimise(m, o->iterations, &end, &report, err);
    memcpy(x, s->x->all->data, n * sizeof *x);
    *result = (pal_lbfgs_result){.value = report.value,
                                 .gradient = report.gradient,
                                 .iterations = report.iterations,
                                 .evaluations = report.evaluations,
                                 .converged = end == PAL_MINIMISE_CONVERGED};
    pal_minimiser_free(m);
    return status;
}

pal_status pal_lbfgs(double *x, size_t n, pal_lbfgs_fn f, void *user, const pal_lbfgs_options *given,
                     pal_lbfgs_result *result, pal_error *err)
{
    pal_lbfgs_result own;
    pal_lbfgs_options o = {.struct_size = sizeof o};
    flat s = {.f = f, .user = user};
    if (pal_options_read(&o, given, sizeof o, sizeof o, "lbfgs", err)) return PAL_ERR_ARGUMENT;
    if (!o.iterations) o.iterations = ITERATIONS;
    if (!result) result = &own;
    *result = (pal_lbfgs_result){0};
    if (!x || !n || !f || o.iterations < 0 || o.memory > 1000)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "lbfgs: needs a vector, a function, and at most 1000 pairs");
    pal_context *c = pal_context_new(
        &(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = 1, .unpinned = true});
    const pal_shape shape = PAL_SHAPE((int64_t)n);
    s.x = c ? pal_slab_new(c, PAL_F64, &shape, 1) : NULL;
    pal_status status = s.x ? minimise(x, n, &s, &o, result, err)
                            : pal_error_set(err, PAL_ERR_MEMORY, "lbfgs: out of memory for %zu numbers", n);
    pal_slab_free(s.x);
    pal_context_free(c);
    return status;
}
