/* curvature.c - the extremal eigenvalues of the Hessian and of the Gauss-Newton matrix of the training loss at the
 * weights of a model, by Lanczos' method.
 *
 * In: the loss over a data set as a function of the weights (pal_data_objective). Each step of the method is one
 * product with the matrix over all samples. Where the largest eigenvalue is much larger than the others, gradient
 * descent must take steps that are too short for the others; where some are negative, the weights are near a saddle. */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "analysis/internal.h"

enum { EIGENVALUES = 8, STEPS = 40, RUNS = 16 };

typedef struct counter {
    const pal_objective *of;
    const pal_curvature_options *o;
    int64_t done, all; /* products */
    bool stopped;
} counter;

static int asks(void *user)
{
    counter *c = user;
    c->stopped = c->stopped || (c->o->progress && c->o->progress(c->done, c->all, c->o->user));
    return c->stopped;
}

static pal_status hessian(const pal_slab *v, pal_slab *product, void *user)
{
    counter *c = user;
    const pal_status status = c->of->hessian(v, product, c->of->user);
    c->done++;
    return status;
}

static pal_status gauss_newton(const pal_slab *v, pal_slab *product, void *user)
{
    counter *c = user;
    const pal_status status = c->of->gauss_newton(v, product, c->of->user);
    c->done++;
    return status;
}

/* The value of the loss, and the norm of its gradient. */
static pal_status look(pal_curvature *found, const pal_objective *f)
{
    pal_shape *shapes = calloc(f->x->n, sizeof *shapes);
    for (size_t i = 0; shapes && i < f->x->n; i++) shapes[i] = f->x->part[i]->shape;
    pal_slab *g = shapes ? pal_slab_new(f->x->all->context, f->x->all->dtype, shapes, f->x->n) : NULL;
    free(shapes);
    pal_status status = g ? f->evaluate(&found->loss, g, f->user) : PAL_ERR_MEMORY;
    for (size_t i = 0; g && i < f->x->n; i++) found->parameters += (int64_t)pal_tensor_count(f->x->part[i]);
    for (size_t i = 0; !status && i < pal_tensor_count(g->all); i++)
        found->gradient += pal_tensor_get(g->all, i) * pal_tensor_get(g->all, i);
    found->gradient = sqrt(found->gradient);
    pal_slab_free(g);
    return status;
}

/* Ranks the eigenvalues of a matrix from both ends. No product is more exact than the type of the weights. */
static pal_status take(pal_curvature *found, int which, const pal_objective *f, const pal_lanczos_options *o,
                       pal_error *err)
{
    const size_t n = found->eigenvalues;
    double *values = malloc(4 * n * sizeof *values), *errors = values + 2 * n;
    pal_eigenvalue *ranked = calloc(2 * n, sizeof *ranked);
    found->largest[which] = ranked;
    found->smallest[which] = ranked + n;
    pal_status status = values && ranked ? pal_lanczos(f, o, n, values, errors, err) : palt__no_memory(err);
    size_t there = 0; /* the others are NAN, after them */
    while (!status && there < n && !isnan(values[n + there])) there++;
    const double epsilon = f->x->all->dtype == PAL_F32 ? FLT_EPSILON : DBL_EPSILON,
                 rounding = there ? epsilon * fmax(fabs(values[0]), fabs(values[n + there - 1])) : 0;
    for (size_t i = 0; i < n && !status; i++) {
        const size_t at = i < there ? n + there - 1 - i : n + i;
        ranked[i] = (pal_eigenvalue){values[at], errors[at] + rounding};
        ranked[n + i] = (pal_eigenvalue){values[i], errors[i] + rounding};
    }
    free(values);
    return status;
}

static pal_status measure(pal_curvature *found, pal_data_objective *objective, const pal_curvature_options *o,
                          pal_error *err)
{
    const pal_objective *f = pal_data_objective_get(objective);
    counter c = {f, o, 0, 0, false};
    pal_status status = look(found, f);
    if (status) return pal_error_set(err, status, "curvature: %s", pal_data_objective_error(objective));
    if ((int64_t)found->steps > found->parameters) found->steps = (size_t)found->parameters;
    if (found->steps < found->eigenvalues) found->eigenvalues = found->steps;
    c.all = (int64_t)found->steps * (f->gauss_newton ? 2 : 1);
    const pal_objective counted = {.struct_size = sizeof counted,
                                   .x = f->x,
                                   .evaluate = f->evaluate,
                                   .hessian = hessian,
                                   .gauss_newton = f->gauss_newton ? gauss_newton : NULL,
                                   .stop = asks,
                                   .user = &c};
    for (int which = 0; which < (f->gauss_newton ? 2 : 1) && !status; which++) {
        pal_error own = {0};
        const pal_lanczos_options lanczos = {
            .struct_size = sizeof lanczos, .gauss_newton = which, .steps = found->steps, .seed = o->seed};
        status = take(found, which, &counted, &lanczos, &own);
        const char *why = pal_data_objective_error(objective);
        if (status && c.stopped) status = PAL_ERR_STOPPED;
        if (status) pal_error_set(err, status, "curvature: %s%s%s", own.text, *why ? ": " : "", why);
    }
    return status;
}

pal_curvature *pal_curvature_new(pal_model *model, const pal_dataset *data, const pal_curvature_options *options,
                                 pal_error *err)
{
    pal_curvature_options o = {.struct_size = sizeof o};
    if (pal_options_read(&o, options, sizeof o, sizeof o, "curvature", err)) return NULL;
    if (!o.eigenvalues) o.eigenvalues = EIGENVALUES;
    if (!o.steps) o.steps = o.eigenvalues > STEPS / 2 ? 2 * o.eigenvalues : STEPS;
    if (o.steps < o.eigenvalues) {
        pal_error_set(err, PAL_ERR_ARGUMENT,
                      "curvature: %zu steps find no %zu eigenvalues at each end: take more steps", o.steps,
                      o.eigenvalues);
        return NULL;
    }
    const pal_data_objective_options whole = {
        .struct_size = sizeof whole, .seed = o.seed, .lanes = o.lanes, .frozen = true};
    pal_data_objective *objective = pal_data_objective_new(model, data, &whole, err);
    if (!objective) return NULL;
    pal_curvature *found = calloc(1, sizeof *found);
    pal_status status = PAL_OK;
    if (found) {
        *found = (pal_curvature){.samples = data->count, .steps = o.steps, .eigenvalues = o.eigenvalues};
        status = measure(found, objective, &o, err);
    } else {
        status = palt__no_memory(err);
    }
    pal_data_objective_free(objective);
    if (!status) return found;
    pal_curvature_free(found);
    return NULL;
}

void pal_curvature_free(pal_curvature *c)
{
    if (!c) return;
    for (int which = 0; which < 2; which++) free(c->largest[which]);
    free(c);
}

/* ---- The picture ---------------------------------------------------------------------------------------------- */

/* The eigenvalues by rank. An axis is logarithmic: of the smallest ones, those below 0 are drawn with the other sign.
 */
enum { SERIES = 3 };
typedef struct panel {
    pal_curves curves;
    pal_series series[SERIES];
    double *y;
} panel;

static double positive(const pal_eigenvalue *e, size_t i, double sign)
{
    return e && sign * e[i].value > 0 && e[i].error < fabs(e[i].value) ? sign * e[i].value : (double)NAN;
}

static pal_status fill(panel *p, const pal_curvature *c, const double *ranks, pal_error *err)
{
    static const char *const names[SERIES] = {"Hessian", "Gauss-Newton", "Hessian, negative"};
    const size_t n = c->eigenvalues;
    p->y = malloc(SERIES * n * sizeof *p->y);
    if (!p->y) return palt__no_memory(err);
    for (size_t i = 0; i < n; i++) {
        p->y[i] = positive(c->largest[0], i, 1);
        p->y[n + i] = positive(c->largest[1], i, 1);
        p->y[2 * n + i] = positive(c->smallest[0], i, -1);
    }
    for (size_t k = 0; k < SERIES; k++) p->series[k] = (pal_series){names[k], p->y + k * n};
    p->curves = (pal_curves){.struct_size = sizeof p->curves,
                             .x_label = "rank",
                             .y_label = "size of the eigenvalue",
                             .x = ranks,
                             .count = n,
                             .series = p->series,
                             .series_count = SERIES,
                             .log_y = true};
    return PAL_OK;
}

pal_status pal_curvature_write(const pal_curvature *const *of, const char *const *names, size_t n, const char *title,
                               bool csv, const char *path, pal_error *err)
{
    panel panels[RUNS] = {0};
    const pal_curves *curves[RUNS];
    if (!of || n < 1 || n > RUNS)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "curvature: %zu models: give 1 to %d", of ? n : 0, RUNS);
    size_t most = 0;
    for (size_t i = 0; i < n; i++) most = of[i]->eigenvalues > most ? of[i]->eigenvalues : most;
    double *ranks = malloc((most + 1) * sizeof *ranks);
    for (size_t i = 0; ranks && i < most; i++) ranks[i] = (double)i + 1;
    pal_status status = ranks ? PAL_OK : palt__no_memory(err);
    for (size_t i = 0; !status && i < n; i++) {
        status = fill(&panels[i], of[i], ranks, err);
        panels[i].curves.title = n > 1 ? names[i] : title;
        panels[i].curves.csv = csv;
        curves[i] = &panels[i].curves;
    }
    if (!status) status = pal_curves_panels_write(curves, n, title, path, err);
    for (size_t i = 0; i < n; i++) free(panels[i].y);
    free(ranks);
    return status;
}
