/* test_misbehaving.c - minimisers of functions that misbehave: each has an end, tells what it met, and keeps the best
 * point. */
#include <math.h>

#include "tests/optim/problems.h"

Suite *misbehaving_suite(void);

static pal_context *c;

static void set_up(void) { c = context_with(1); }
static void tear_down(void) { pal_context_free(c); }

typedef struct seen {
    unsigned events;
    int64_t calls, evaluations;
} seen;

static void note(const pal_minimise_report *r, void *user)
{
    seen *s = user;
    s->events |= r->events;
    s->calls++;
    ck_assert(r->evaluations >= s->evaluations && r->inner <= r->products);
    s->evaluations = r->evaluations;
}

/* NaN at some evaluations: the step is shortened, the event is told, and the minimum is found all the same. */
START_TEST(a_nan_in_the_middle_of_a_search)
{
    for (size_t i = 0; i < pal_minimise_kinds(); i++)
        for (int64_t at = 2; at < 12; at++) {
            recorded p;
            seen s = {0};
            pal_minimise_end end;
            problem_open(&p, c, problem_named("beale"), PAL_F64);
            p.nan_from = at;
            p.nan_to = at + 1 + at % 3;
            const pal_objective f = problem_objective(&p);
            pal_minimiser *m = minimiser(&f, i, (pal_minimise_options){.gradient = 1e-8, .report = note, .user = &s});
            pal_minimise_report r;
            ck_assert_int_eq(pal_minimise(m, 1000, &end, &r, NULL), PAL_OK);
            ck_assert_msg(r.value < 1e-12, "%s: %g", pal_minimise_name(i), r.value);
            ck_assert(s.events >> PAL_MET_NOT_FINITE & 1);
            ck_assert_int_eq(s.calls, r.iterations + (end == PAL_MINIMISE_FLAT));
            pal_minimiser_free(m);
            problem_close(&p);
        }
}
END_TEST

/* NaN from an evaluation on: it ends flat at the last good point. At the first one it is an error. */
START_TEST(nothing_but_nan)
{
    for (size_t i = 0; i < pal_minimise_kinds(); i++)
        for (int64_t from = 1; from < 10; from++) {
            recorded p;
            pal_minimise_end end = PAL_MINIMISE_RUNNING;
            pal_minimise_report r = {0};
            pal_error err = {0};
            problem_open(&p, c, problem_named("wood"), PAL_F64);
            const double start = pal_tensor_get(p.x->part[0], 0);
            p.nan_from = from;
            p.nan_to = INT64_MAX;
            const pal_objective f = problem_objective(&p);
            pal_minimiser *m = minimiser(&f, i, (pal_minimise_options){0});
            const pal_status status = pal_minimise(m, 1000, &end, &r, &err);
            if (from == 1) {
                ck_assert_int_eq(status, PAL_ERR_NUMERIC);
                ck_assert(strstr(err.text, "not finite at the start"));
                ck_assert(pal_tensor_get(p.x->part[0], 0) == start);
            } else {
                ck_assert_int_eq(end, PAL_MINIMISE_FLAT);
                ck_assert(r.events >> PAL_MET_NO_STEP & 1);
                ck_assert_int_le(p.evaluations, from + 200);
                p.nan_from = p.nan_to = 0;
                double value;
                ck_assert(!f.evaluate(&value, NULL, &p) && value == r.value);
            }
            pal_minimiser_free(m);
            problem_close(&p);
        }
}
END_TEST

static pal_status turned(double *value, pal_slab *gradient, void *user) /* -gradient of x^2 / 2 */
{
    const pal_slab *x = user;
    const double at = pal_tensor_get(x->part[0], 0);
    *value = at * at / 2;
    if (gradient) pal_tensor_set(gradient->part[0], 0, -at);
    return PAL_OK;
}

static pal_status negative(const pal_slab *v, pal_slab *out, void *user)
{
    pal_tensor_set(out->part[0], 0, -pal_tensor_get(v->part[0], 0));
    return PAL_OK;
}

/* A gradient of the wrong sign: no step decreases. Products that are negative are told. */
START_TEST(no_direction_descends)
{
    const pal_shape shape = PAL_SHAPE(1);
    for (size_t i = 0; i < pal_minimise_kinds(); i++) {
        seen s = {0};
        pal_slab *x = pal_slab_new(c, PAL_F64, &shape, 1);
        pal_tensor_set(x->part[0], 0, 3);
        const pal_objective f = {.struct_size = sizeof f,
                                 .x = x,
                                 .evaluate = turned,
                                 .hessian = negative,
                                 .gauss_newton = negative,
                                 .user = x};
        pal_minimiser *m = minimiser(&f, i, (pal_minimise_options){.report = note, .user = &s, .damping = 0.5});
        pal_minimise_end end;
        pal_minimise_report r;
        ck_assert_int_eq(pal_minimise(m, 100, &end, &r, NULL), PAL_OK);
        ck_assert_int_eq(end, PAL_MINIMISE_FLAT);
        ck_assert(s.events >> PAL_MET_NO_STEP & 1);
        ck_assert_int_eq(s.calls, 1);
        ck_assert(pal_tensor_get(x->part[0], 0) == 3 && r.step == 0);
        ck_assert_int_le(r.evaluations, 200);
        if (!strcmp(pal_minimise_name(i), "newton-cg") || !strcmp(pal_minimise_name(i), "hessian-free"))
            ck_assert(s.events >> PAL_MET_NEGATIVE_CURVATURE & 1);
        pal_minimiser_free(m);
        pal_slab_free(x);
    }
}
END_TEST

/* x^4/4 - x^2/2 + y^2/2, from a place where the curvature along x is negative. */
static pal_status saddle(double *value, pal_slab *g, void *user)
{
    const pal_slab *s = user;
    const double x = pal_tensor_get(s->part[0], 0), y = pal_tensor_get(s->part[0], 1);
    *value = x * x * x * x / 4 - x * x / 2 + y * y / 2;
    if (g) pal_tensor_set(g->part[0], 0, x * x * x - x), pal_tensor_set(g->part[0], 1, y);
    return PAL_OK;
}

static pal_status saddle_hessian(const pal_slab *v, pal_slab *out, void *user)
{
    const pal_slab *s = user;
    const double x = pal_tensor_get(s->part[0], 0);
    pal_tensor_set(out->part[0], 0, (3 * x * x - 1) * pal_tensor_get(v->part[0], 0));
    pal_tensor_set(out->part[0], 1, pal_tensor_get(v->part[0], 1));
    return PAL_OK;
}

START_TEST(negative_curvature_is_left)
{
    const pal_shape shape = PAL_SHAPE(2);
    for (size_t i = 0; i < pal_minimise_kinds(); i++) {
        seen s = {0};
        pal_slab *x = pal_slab_new(c, PAL_F64, &shape, 1);
        pal_tensor_set(x->part[0], 0, 0.1);
        const pal_objective f = {.struct_size = sizeof f,
                                 .x = x,
                                 .evaluate = saddle,
                                 .hessian = saddle_hessian,
                                 .gauss_newton = saddle_hessian,
                                 .user = x};
        pal_minimiser *m =
            minimiser(&f, i, (pal_minimise_options){.report = note, .user = &s, .gradient = 1e-9, .damping = 1e-3});
        pal_minimise_end end;
        ck_assert_int_eq(pal_minimise(m, 300, &end, NULL, NULL), PAL_OK);
        ck_assert_int_eq(end, PAL_MINIMISE_CONVERGED);
        ck_assert_double_eq_tol(fabs(pal_tensor_get(x->part[0], 0)), 1, 1e-8);
        if (!strcmp(pal_minimise_name(i), "newton-cg") || !strcmp(pal_minimise_name(i), "hessian-free"))
            ck_assert(s.events >> PAL_MET_NEGATIVE_CURVATURE & 1);
        pal_minimiser_free(m);
        pal_slab_free(x);
    }
}
END_TEST

START_TEST(failures_come_through)
{
    for (size_t i = 0; i < pal_minimise_kinds(); i++)
        for (int64_t at = 1; at < 12; at++) {
            recorded p;
            pal_error err = {0};
            problem_open(&p, c, problem_named("wood"), PAL_F64);
            p.fail_at = at;
            const pal_objective f = problem_objective(&p);
            pal_minimiser *m = minimiser(&f, i, (pal_minimise_options){0});
            ck_assert_int_eq(pal_minimise(m, 1000, NULL, NULL, &err), PAL_ERR_IO);
            ck_assert(strstr(err.text, "the function failed"));
            ck_assert_int_eq(pal_tensor_finite(p.x->all), pal_tensor_count(p.x->all));
            pal_minimiser_free(m);
            problem_close(&p);
        }
}
END_TEST

Suite *misbehaving_suite(void)
{
    Suite *suite = suite_create("misbehaving");
    add_case(suite, "misbehaving", set_up, tear_down,
             TESTS(a_nan_in_the_middle_of_a_search, nothing_but_nan, no_direction_descends, negative_curvature_is_left,
                   failures_come_through));
    return suite;
}
