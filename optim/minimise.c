/* minimise.c - a minimiser: its options, vectors and numbers, and what happens around a step of its method.
 *
 * In: an objective and the name of a method. Out: the same point in x after each step, or a better one. Between steps x
 * and the state (PAL__GRADIENT, the numbers, the vectors of the method) are all there is to know. A step works on
 * copies: it writes trial points to x, where the objective reads them, and PAL__BEGIN keeps the point that x returns
 * to. The state changes when a step is complete. So a step that fails, or is stopped between two evaluations, can be
 * taken again.
 *
 * The numbers are one tensor, and each is a scalar tensor over it, so that a checkpoint needs no new kind of thing. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "optim/method.h"

static const pal__method *const methods[] = {&pal__lbfgs_method,         &pal__conjugate_methods[0],
                                             &pal__conjugate_methods[1], &pal__conjugate_methods[2],
                                             &pal__newton_method,        &pal__hessian_free_method};
enum { METHODS = sizeof methods / sizeof *methods };

static const char *const number_names[PAL__NUMBERS] = {
    [PAL__STARTED] = "started",         [PAL__VALUE] = "value",
    [PAL__EARLIER] = "earlier value",   [PAL__ITERATION] = "iterations",
    [PAL__EVALUATIONS] = "evaluations", [PAL__PRODUCTS] = "products",
    [PAL__SINCE] = "since restart",     [PAL__PAIRS] = "pairs",
    [PAL__NEXT] = "next pair",          [PAL__SCALE] = "scale",
    [PAL__DAMPED] = "damping",          [PAL__STEP] = "step",
};

const char *pal_met_text(pal_met event)
{
    static const char *const texts[] = {
#define PAL_ROW(name, text) text,
        PAL_MET_MAP(PAL_ROW)
#undef PAL_ROW
    };
    return (unsigned)event < PAL_MET_COUNT ? texts[event] : "unknown event";
}

size_t pal_minimise_kinds(void) { return METHODS; }
const char *pal_minimise_name(size_t i) { return i < METHODS ? methods[i]->name : NULL; }
const char *pal_minimise_formula(size_t i) { return i < METHODS ? methods[i]->formula : NULL; }

/* ---- Options -------------------------------------------------------------------------------------------------- */

static double filled(double given, double preset) { return given == 0 ? preset : given == -1 ? 0 : given; }

static pal_status fill_options(pal_minimiser *m, const pal_minimise_options *given, pal_error *err)
{
    pal_minimise_options *o = &m->o;
    if (pal_options_read(o, given, sizeof *o, sizeof *o, "minimise", err)) return PAL_ERR_ARGUMENT;
    if (!o->method) o->method = methods[0]->name;
    for (size_t i = 0; i < METHODS && !m->method; i++)
        if (!strcmp(methods[i]->name, o->method)) m->method = methods[i];
    if (!m->method) return pal_error_set(err, PAL_ERR_ARGUMENT, "minimise: unknown method %s", o->method);
    o->method = m->method->name;
    o->gradient = filled(o->gradient, 1e-6);
    o->sufficient = filled(o->sufficient, m->method->sufficient);
    o->curvature = filled(o->curvature, m->method->curvature);
    o->noise = filled(o->noise, 4 * (m->f.x->all->dtype == PAL_F32 ? FLT_EPSILON : DBL_EPSILON));
    o->orthogonal = filled(o->orthogonal, m->method->orthogonal);
    o->damping = filled(o->damping, 1);
    o->warm = filled(o->warm, 0.95);
    o->progress = filled(o->progress, 5e-4);
    if (!o->trials) o->trials = 40;
    if (!o->memory) o->memory = 10;
    size_t n = 0;
    for (size_t i = 0; i < m->f.x->n; i++) n += pal_tensor_count(m->f.x->part[i]);
    if (!o->products) o->products = n && n < 12 ? 20 * (int64_t)n : 250;
    const struct {
        const char *name;
        double value, above, most; /* above < value <= most */
    } ranges[] = {{"gradient", o->gradient, -DBL_MIN, 1e300},
                  {"sufficient", o->sufficient, 0, 0.5},
                  {"curvature", o->curvature, 0, 0.999999},
                  {"noise", o->noise, -DBL_MIN, 1},
                  {"damping", o->damping, -DBL_MIN, 1e300},
                  {"warm", o->warm, -DBL_MIN, 1},
                  {"progress", o->progress, 0, 1},
                  {"trials", (double)o->trials, 0, 1e9},
                  {"memory", (double)o->memory, 0, 1000},
                  {"restart", (double)o->restart, -1, 1e18},
                  {"products", (double)o->products, 0, 1e9},
                  {"orthogonal", o->orthogonal, -DBL_MIN, 1e300}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (!(ranges[i].value > ranges[i].above && ranges[i].value <= ranges[i].most))
            return pal_error_set(err, PAL_ERR_ARGUMENT, "%s: %s %g is out of range: %s %g, and at most %g",
                                 m->method->name, ranges[i].name, ranges[i].value,
                                 ranges[i].above < 0 ? "at least" : "above", fmax(ranges[i].above, 0), ranges[i].most);
    return PAL_OK;
}

pal_status pal__objective(pal_objective *f, const pal_objective *given, pal_error *err)
{
    if (!given) return pal_error_set(err, PAL_ERR_ARGUMENT, "minimise: no objective");
    if (pal_options_read(f, given, sizeof *f, sizeof *f, "objective", err)) return PAL_ERR_ARGUMENT;
    if (!f->x || !f->x->all || !pal_tensor_count(f->x->all))
        return pal_error_set(err, PAL_ERR_ARGUMENT, "minimise: the objective has no x, or x has no elements");
    if (!pal_dtype_real(f->x->all->dtype))
        return pal_error_set(err, PAL_ERR_TYPE, "minimise: x is %s, not real", pal_dtype_name(f->x->all->dtype));
    return PAL_OK;
}

static pal_status check_products(const pal_minimiser *m, pal_error *err)
{
    const pal__need need = m->method->need;
    if (!m->f.evaluate) return pal_error_set(err, PAL_ERR_ARGUMENT, "minimise: the objective has no function evaluate");
    if ((need == PAL__HESSIAN && !m->f.hessian) || (need == PAL__GAUSS_NEWTON && !m->f.gauss_newton))
        return pal_error_set(err, PAL_ERR_ARGUMENT, "%s: needs products with the %s, which the objective lacks",
                             m->method->name, need == PAL__HESSIAN ? "Hessian" : "Gauss-Newton matrix");
    return PAL_OK;
}

/* ---- Life ----------------------------------------------------------------------------------------------------- */

pal_slab *pal__slab_like(const pal_slab *x)
{
    pal_shape *shapes = calloc(x->n + 1, sizeof *shapes);
    for (size_t i = 0; shapes && i < x->n; i++) shapes[i] = x->part[i]->shape;
    pal_slab *slab = shapes ? pal_slab_new(x->all->context, x->all->dtype, shapes, x->n) : NULL;
    free(shapes);
    return slab;
}

static bool name_state(pal_minimiser *m, size_t i, const char *what, size_t number)
{
    const bool many = m->method->pairs && number != SIZE_MAX;
    const int length = many ? asprintf(&m->names[i], "%s/%s/%zu", m->method->name, what, number)
                            : asprintf(&m->names[i], "%s/%s", m->method->name, what);
    if (length < 0) m->names[i] = NULL;
    return length >= 0;
}

/* The order of states: the gradient, the vectors of the method, rho, the numbers. */
static bool make(pal_minimiser *m)
{
    const pal__method *method = m->method;
    pal_context *c = m->space.context;
    const size_t each = method->pairs ? m->o.memory : 1;
    size_t kinds = 0, at = 0;
    while (kinds < 2 && method->states[kinds]) kinds++;
    m->n_states = kinds * each;
    m->n_vectors = PAL__OWN + m->n_states + method->scratch;
    m->v = calloc(m->n_vectors, sizeof *m->v);
    m->names = calloc(pal_minimiser_state_count(m) + 2, sizeof *m->names);
    m->number = pal_tensor_new(c, PAL_F64, PAL_SHAPE(PAL__NUMBERS));
    m->history = calloc((size_t)m->o.products + 1, sizeof *m->history);
    if (method->pairs) m->rho = pal_tensor_new(c, PAL_F64, PAL_SHAPE((int64_t)m->o.memory));
    if (!m->v || !m->names || !m->number || !m->history || (method->pairs && !m->rho)) return false;
    for (size_t i = 0; i < m->n_vectors; i++)
        if (!(m->v[i] = pal__slab_like(m->f.x))) return false;
    for (size_t i = 0; i < PAL__NUMBERS; i++)
        if (!(m->numbers[i] = pal_tensor_wrap(c, PAL_F64, PAL_SCALAR, (double *)m->number->data + i))) return false;
    if (!name_state(m, at++, "gradient", SIZE_MAX)) return false;
    for (size_t i = 0; i < m->n_states; i++)
        if (!name_state(m, at++, method->states[i / each], i % each)) return false;
    if (m->rho && !name_state(m, at++, "rho", SIZE_MAX)) return false;
    for (size_t i = 0; i < PAL__NUMBERS; i++)
        if (!name_state(m, at++, number_names[i], SIZE_MAX)) return false;
    *pal__number_of(m, PAL__DAMPED) = m->o.damping;
    return true;
}

pal_minimiser *pal_minimiser_new(const pal_objective *objective, const pal_minimise_options *options, pal_error *err)
{
    pal_objective f = {.struct_size = sizeof f};
    if (pal__objective(&f, objective, err)) return NULL;
    pal_minimiser *m = calloc(1, sizeof *m);
    if (m) {
        m->f = f;
        m->o.struct_size = sizeof m->o;
        const bool room = pal__space_begin(&m->space, f.x);
        if (room && (fill_options(m, options, err) || check_products(m, err))) {
            pal_minimiser_free(m);
            return NULL;
        }
        if (room && make(m)) return m;
    }
    pal_minimiser_free(m);
    pal_error_set(err, PAL_ERR_MEMORY, "minimise: out of memory for the vectors of %zu numbers",
                  pal_tensor_count(f.x->all));
    return NULL;
}

void pal_minimiser_free(pal_minimiser *m)
{
    if (!m) return;
    for (size_t i = 0; m->names && i < pal_minimiser_state_count(m); i++) free(m->names[i]);
    for (size_t i = 0; m->v && i < m->n_vectors; i++) pal_slab_free(m->v[i]);
    for (size_t i = 0; i < PAL__NUMBERS; i++) pal_tensor_free(m->numbers[i]);
    pal_tensor_free(m->number);
    pal_tensor_free(m->rho);
    pal__space_end(&m->space);
    free(m->history);
    free(m->names);
    free(m->v);
    free(m);
}

size_t pal_minimiser_state_count(const pal_minimiser *m)
{
    return m ? 1 + m->n_states + (m->method->pairs ? 1 : 0) + PAL__NUMBERS : 0;
}

pal_tensor *pal_minimiser_state(const pal_minimiser *m, size_t i, const char **name)
{
    if (i >= pal_minimiser_state_count(m)) return NULL;
    if (name) *name = m->names[i];
    if (i == 0) return m->v[PAL__GRADIENT]->all;
    if (i-- <= m->n_states) return m->v[PAL__OWN + i]->all;
    i -= m->n_states;
    if (m->rho && i-- == 0) return m->rho;
    return m->numbers[i];
}

/* ---- A step --------------------------------------------------------------------------------------------------- */

static pal_status start(pal_minimiser *m)
{
    double value;
    pal_status status = pal__evaluate(m, &value, m->v[PAL__GRADIENT]);
    if (status) return status;
    if (!isfinite(value) || !isfinite(pal__dot(&m->space, m->v[PAL__GRADIENT], m->v[PAL__GRADIENT])))
        return PAL_ERR_NUMERIC;
    *pal__number_of(m, PAL__VALUE) = value;
    *pal__number_of(m, PAL__STARTED) = 1;
    return PAL_OK;
}

static void measure(pal_minimiser *m)
{
    double sizes[3];
    pal_minimise_report *r = &m->report;
    PAL__PASS(&m->space, size, NULL, sizes, m->v[PAL__GRADIENT]);
    r->norm = sqrt(sizes[0]);
    r->gradient = sizes[2];
    r->value = *pal__number_of(m, PAL__VALUE);
    r->step = *pal__number_of(m, PAL__STEP);
    r->damping = *pal__number_of(m, PAL__DAMPED);
    r->iterations = (int64_t)*pal__number_of(m, PAL__ITERATION);
    r->evaluations = (int64_t)*pal__number_of(m, PAL__EVALUATIONS);
    r->products = (int64_t)*pal__number_of(m, PAL__PRODUCTS);
}

static pal_status fail(pal_minimiser *m, pal_status status, pal_error *err)
{
    pal__vector_copy(&m->space, m->f.x, m->v[PAL__BEGIN]);
    memcpy(m->number->data, m->kept, sizeof m->kept);
    const char *why = status == PAL_ERR_STOPPED   ? "stopped between two evaluations"
                      : status == PAL_ERR_NUMERIC ? "the value or the gradient is not finite at the start"
                                                  : "the function failed";
    return pal_error_set(err, status, "%s: %s", m->method->name, why);
}

pal_status pal_minimiser_step(pal_minimiser *m, pal_minimise_end *end, pal_minimise_report *report, pal_error *err)
{
    bool flat = false;
    if (!m) return pal_error_set(err, PAL_ERR_ARGUMENT, "minimise: no minimiser");
    if (end) *end = PAL_MINIMISE_RUNNING;
    m->report = (pal_minimise_report){0};
    pal__vector_copy(&m->space, m->v[PAL__BEGIN], m->f.x);
    pal__commit(m);
    if (*pal__number_of(m, PAL__STARTED) == 0) {
        pal_status status = start(m);
        if (status) return fail(m, status, err);
        pal__commit(m);
    }
    measure(m);
    if (!(m->report.gradient <= m->o.gradient)) {
        pal_status status = m->method->step(m, &flat);
        if (status) return fail(m, status, err);
        measure(m);
    }
    if (end && m->report.gradient <= m->o.gradient)
        *end = PAL_MINIMISE_CONVERGED;
    else if (end && flat)
        *end = PAL_MINIMISE_FLAT;
    if (report) *report = m->report;
    if (m->o.report) m->o.report(&m->report, m->o.user);
    return PAL_OK;
}

void pal_minimiser_restart(pal_minimiser *m)
{
    if (!m || *pal__number_of(m, PAL__STARTED) == 0) return;
    *pal__number_of(m, PAL__STARTED) = *pal__number_of(m, PAL__PAIRS) = 0;
    *pal__number_of(m, PAL__EARLIER) = INFINITY; /* no step has decreased this function */
    *pal__number_of(m, PAL__SINCE) = -1;         /* nor is there a direction */
}

pal_status pal_minimise(pal_minimiser *m, int64_t iterations, pal_minimise_end *end, pal_minimise_report *report,
                        pal_error *err)
{
    pal_minimise_end own = PAL_MINIMISE_RUNNING;
    pal_status status = PAL_OK;
    for (int64_t i = 0; i < iterations && !status && own == PAL_MINIMISE_RUNNING; i++)
        status = pal_minimiser_step(m, &own, report, err);
    if (end) *end = own;
    return status;
}
