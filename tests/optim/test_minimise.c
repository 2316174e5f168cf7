/* test_minimise.c - what all minimisers promise: bits, resuming, stopping, refusals. */
#include <math.h>

#include "tests/failing.h"
#include "tests/optim/problems.h"

Suite *minimise_suite(void);

static pal_context *c;

static void set_up(void) { c = context_with(1); }
static void tear_down(void) { pal_context_free(c); }

static void steps(pal_minimiser *m, int n)
{
    for (int i = 0; i < n; i++) ck_assert_int_eq(pal_minimiser_step(m, NULL, NULL, NULL), PAL_OK);
}

/* The state as one block, the point first. The caller frees it. */
static char *saved(const pal_minimiser *m, const pal_slab *x, size_t *size)
{
    *size = pal_tensor_bytes(x->all);
    for (size_t i = 0; i < pal_minimiser_state_count(m); i++)
        *size += pal_tensor_bytes(pal_minimiser_state(m, i, NULL));
    char *block = malloc(*size), *to = block;
    memcpy(to, x->all->data, pal_tensor_bytes(x->all));
    to += pal_tensor_bytes(x->all);
    for (size_t i = 0; i < pal_minimiser_state_count(m); i++) {
        const char *name;
        const pal_tensor *t = pal_minimiser_state(m, i, &name);
        ck_assert(strchr(name, '/') != NULL);
        memcpy(to, t->data, pal_tensor_bytes(t));
        to += pal_tensor_bytes(t);
    }
    return block;
}

static void restore(pal_minimiser *m, pal_slab *x, const char *block)
{
    memcpy(x->all->data, block, pal_tensor_bytes(x->all));
    block += pal_tensor_bytes(x->all);
    for (size_t i = 0; i < pal_minimiser_state_count(m); i++) {
        pal_tensor *t = pal_minimiser_state(m, i, NULL);
        memcpy(t->data, block, pal_tensor_bytes(t));
        block += pal_tensor_bytes(t);
    }
}

enum { BEFORE = 7, AFTER = 9 };

START_TEST(a_restored_state_goes_on_with_the_same_bits)
{
    for (size_t i = 0; i < pal_minimise_kinds(); i++)
        for (int type = 0; type < 2; type++) {
            recorded p;
            size_t size;
            problem_open(&p, c, problem_named("wood"), type ? PAL_F64 : PAL_F32);
            const pal_objective f = problem_objective(&p);
            pal_minimiser *m = minimiser(&f, i, (pal_minimise_options){.memory = 4});
            steps(m, BEFORE);
            char *middle = saved(m, p.x, &size);
            steps(m, AFTER);
            char *end = saved(m, p.x, &size);
            pal_minimiser_free(m);
            m = minimiser(&f, i, (pal_minimise_options){.memory = 4});
            restore(m, p.x, middle);
            steps(m, AFTER);
            char *again = saved(m, p.x, &size);
            ck_assert_msg(!memcmp(end, again, size), "%s", pal_minimise_name(i));
            pal_minimiser_free(m);
            free(middle), free(end), free(again);
            problem_close(&p);
        }
}
END_TEST

/* Stopped at any evaluation or product, x and the state are as if the step had not begun, and it goes on with the same
 * bits. */
/* One of two functions of the same x. */
typedef struct choice {
    recorded p[2];
    pal_objective f[2];
    int which;
} choice;

static const pal_objective *chosen(choice *two)
{
    const pal_tensor *from = two->p[0].x->all;
    memcpy(two->p[1].x->all->data, from->data, pal_tensor_bytes(from));
    return &two->f[two->which];
}

static pal_status evaluate_chosen(double *value, pal_slab *gradient, void *user)
{
    const pal_objective *f = chosen(user);
    return f->evaluate(value, gradient, f->user);
}

static pal_status hessian_chosen(const pal_slab *v, pal_slab *product, void *user)
{
    const pal_objective *f = chosen(user);
    return f->hessian(v, product, f->user);
}

static pal_status gauss_newton_chosen(const pal_slab *v, pal_slab *product, void *user)
{
    const pal_objective *f = chosen(user);
    return f->gauss_newton(v, product, f->user);
}

/* After a restart the steps are those of a new minimiser that begins there. hessian-free keeps what it has learnt, so
 * that its steps are others, and its value falls. */
START_TEST(a_restart_begins_with_another_function)
{
    for (size_t i = 0; i < pal_minimise_kinds(); i++) {
        choice two = {.which = 0};
        problem_open(&two.p[0], c, problem_named("wood"), PAL_F64);
        problem_open(&two.p[1], c, problem_named("powell-singular"), PAL_F64);
        for (int k = 0; k < 2; k++) two.f[k] = problem_objective(&two.p[k]);
        pal_slab *x = two.p[0].x;
        const pal_objective f = {.struct_size = sizeof f,
                                 .x = x,
                                 .evaluate = evaluate_chosen,
                                 .hessian = hessian_chosen,
                                 .gauss_newton = gauss_newton_chosen,
                                 .user = &two};
        const size_t bytes = pal_tensor_bytes(x->all);
        char *middle = malloc(bytes), *end = malloc(bytes);
        double before, after;
        pal_minimiser *m = minimiser(&f, i, (pal_minimise_options){.memory = 4});
        pal_minimiser_restart(m); /* before the first step it changes nothing */
        steps(m, BEFORE);
        two.which = 1;
        pal_minimiser_restart(m);
        pal_minimiser_restart(m);
        memcpy(middle, x->all->data, bytes);
        ck_assert_int_eq(evaluate_chosen(&before, NULL, &two), PAL_OK);
        steps(m, AFTER);
        ck_assert_int_eq(evaluate_chosen(&after, NULL, &two), PAL_OK);
        ck_assert_msg(after < before, "%s: %g, then %g", pal_minimise_name(i), before, after);
        memcpy(end, x->all->data, bytes);
        pal_minimiser_free(m);
        memcpy(x->all->data, middle, bytes);
        m = minimiser(&f, i, (pal_minimise_options){.memory = 4});
        steps(m, AFTER);
        const bool same = !memcmp(end, x->all->data, bytes);
        ck_assert_msg(same == (strcmp(pal_minimise_name(i), "hessian-free") != 0), "%s", pal_minimise_name(i));
        pal_minimiser_free(m);
        for (int k = 0; k < 2; k++) problem_close(&two.p[k]);
        free(middle);
        free(end);
    }
    pal_minimiser_restart(NULL);
}
END_TEST

START_TEST(it_stops_between_any_two_evaluations)
{
    for (size_t i = 0; i < pal_minimise_kinds(); i++) {
        recorded p;
        size_t size;
        problem_open(&p, c, problem_named("helical-valley"), PAL_F64);
        const pal_objective f = problem_objective(&p);
        pal_minimiser *m = minimiser(&f, i, (pal_minimise_options){0});
        steps(m, BEFORE);
        char *end = saved(m, p.x, &size);
        const int64_t all = p.evaluations + p.products;
        pal_minimiser_free(m);
        for (int64_t at = 1; at <= all; at++) {
            problem_restart(&p);
            m = minimiser(&f, i, (pal_minimise_options){0});
            p.stop_at = at;
            int done = 0;
            pal_error err = {0};
            char *last = saved(m, p.x, &size);
            pal_status status;
            while (!(status = pal_minimiser_step(m, NULL, NULL, &err))) {
                done++;
                free(last);
                last = saved(m, p.x, &size);
                if (done == BEFORE) break;
            }
            if (done < BEFORE) {
                ck_assert_int_eq(status, PAL_ERR_STOPPED);
                ck_assert(strstr(err.text, "stopped between two evaluations"));
                char *now = saved(m, p.x, &size);
                ck_assert_mem_eq(now, last, pal_tensor_bytes(p.x->all));
                free(now);
                p.stop_at = 0;
                steps(m, BEFORE - done);
            }
            char *again = saved(m, p.x, &size);
            ck_assert_mem_eq(again, end, pal_tensor_bytes(p.x->all));
            free(last), free(again);
            pal_minimiser_free(m);
            p.stop_at = 0;
        }
        free(end);
        problem_close(&p);
    }
}
END_TEST

/* ---- Threads -------------------------------------------------------------------------------------------------- */

enum { LONG = 70000 };

/* sum_i (1 + i % 10) ln cosh(x_i - cos i): convex, its minimum is 0. */
static double weight(size_t i) { return 1 + (double)(i % 10); }

static pal_status smooth(double *value, pal_slab *gradient, void *user)
{
    const pal_slab *x = user;
    *value = 0;
    for (size_t i = 0; i < LONG; i++) {
        const double e = pal_tensor_get(x->part[0], i) - cos((double)i);
        *value += weight(i) * (fabs(e) + log1p(exp(-2 * fabs(e))) - M_LN2);
        if (gradient) pal_tensor_set(gradient->part[0], i, weight(i) * tanh(e));
    }
    return PAL_OK;
}

static pal_status curved(const pal_slab *v, pal_slab *out, void *user)
{
    const pal_slab *x = user;
    for (size_t i = 0; i < LONG; i++) {
        const double t = tanh(pal_tensor_get(x->part[0], i) - cos((double)i));
        pal_tensor_set(out->part[0], i, weight(i) * (1 - t * t) * pal_tensor_get(v->part[0], i));
    }
    return PAL_OK;
}

/* Nor does the instruction set. */
START_TEST(threads_do_not_change_bits)
{
    const unsigned threads[] = {1, 2, 4};
    const pal_shape shape = PAL_SHAPE(LONG);
    for (size_t i = 0; i < pal_minimise_kinds(); i++)
        for (int type = 0; type < 2; type++) {
            char *first = NULL;
            for (size_t k = 0; k < 3; k++) {
                size_t size;
                const pal_context_options o = {
                    .struct_size = sizeof o, .threads = threads[k], .isa = k == 1 ? "baseline" : NULL};
                pal_context *with = pal_context_new(&o);
                pal_slab *x = pal_slab_new(with, type ? PAL_F64 : PAL_F32, &shape, 1);
                const pal_objective f = {.struct_size = sizeof f,
                                         .x = x,
                                         .evaluate = smooth,
                                         .hessian = curved,
                                         .gauss_newton = curved,
                                         .user = x};
                pal_minimiser *m = minimiser(&f, i, (pal_minimise_options){.memory = 3});
                steps(m, 5);
                char *end = saved(m, x, &size);
                if (first)
                    ck_assert_msg(!memcmp(first, end, size), "%s with %u threads", pal_minimise_name(i), threads[k]);
                else
                    first = end;
                if (first != end) free(end);
                pal_minimiser_free(m);
                pal_slab_free(x);
                pal_context_free(with);
            }
            free(first);
        }
}
END_TEST

/* ---- Refusals and memory -------------------------------------------------------------------------------------- */

START_TEST(bad_options_are_refused)
{
    recorded p;
    problem_open(&p, c, problem_named("wood"), PAL_F64);
    const pal_objective good = problem_objective(&p);
    const struct {
        pal_minimise_options o;
        const char *says;
    } cases[] = {
        {{.method = "sgd"}, "unknown method sgd"},        {{.sufficient = 0.6}, "sufficient 0.6 is out of range"},
        {{.curvature = 1}, "curvature 1 is out"},         {{.memory = 1001}, "memory 1001 is out"},
        {{.gradient = -2}, "gradient -2 is out"},         {{.trials = -1}, "trials -1 is out"},
        {{.damping = (double)NAN}, "damping nan is out"}, {{.warm = 2}, "warm 2 is out"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pal_minimise_options o = cases[i].o;
        pal_error err = {0};
        o.struct_size = sizeof o;
        ck_assert_ptr_null(pal_minimiser_new(&good, &o, &err));
        ck_assert_int_eq(err.status, PAL_ERR_ARGUMENT);
        ck_assert_msg(strstr(err.text, cases[i].says) != NULL, "%s", err.text);
    }
    const char *const needs[] = {"newton-cg", "hessian-free"};
    for (int i = 0; i < 3; i++) {
        pal_objective f = good;
        pal_error err = {0};
        f.hessian = NULL, f.gauss_newton = NULL;
        if (i == 2) f.x = NULL;
        const pal_minimise_options o = {.struct_size = sizeof o, .method = i < 2 ? needs[i] : NULL};
        ck_assert_ptr_null(pal_minimiser_new(&f, &o, &err));
        ck_assert(strstr(err.text, i < 2 ? "which the objective lacks" : "has no x"));
    }
    ck_assert_ptr_null(pal_minimiser_new(NULL, NULL, NULL));
    ck_assert_int_eq(pal_minimiser_step(NULL, NULL, NULL, NULL), PAL_ERR_ARGUMENT);
    ck_assert_str_eq(pal_met_text(PAL_MET_COUNT), "unknown event");
    ck_assert_ptr_null(pal_minimise_name(pal_minimise_kinds()));
    ck_assert_ptr_null(pal_minimise_formula(pal_minimise_kinds()));
    ck_assert_ptr_null(pal_minimiser_state(NULL, 0, NULL));
    problem_close(&p);
}
END_TEST

static recorded failing_problem;
static bool make_each(void *user)
{
    const pal_objective f = problem_objective(&failing_problem);
    for (size_t i = 0; i < pal_minimise_kinds(); i++) {
        const pal_minimise_options o = {.struct_size = sizeof o, .method = pal_minimise_name(i), .memory = 2};
        pal_error err = {0};
        pal_minimiser *m = pal_minimiser_new(&f, &o, &err);
        failing_require(m || err.status == PAL_ERR_MEMORY);
        if (!m) return false;
        pal_minimiser_free(m);
    }
    double values[2];
    pal_error err = {0};
    const pal_status status = pal_lanczos(&f, NULL, 1, values, NULL, &err);
    failing_require(!status || status == PAL_ERR_MEMORY);
    return !status;
}

START_TEST(missing_memory_is_reported)
{
    problem_open(&failing_problem, c, problem_named("wood"), PAL_F64);
    const size_t before = pal_context_memory(c, NULL);
    ck_assert(failing_each(make_each, NULL, true) > 100 || !failing_can);
    ck_assert_uint_eq(pal_context_memory(c, NULL), before);
    problem_close(&failing_problem);
}
END_TEST

Suite *minimise_suite(void)
{
    Suite *suite = suite_create("minimise");
    add_case(suite, "bits", set_up, tear_down,
             TESTS(a_restored_state_goes_on_with_the_same_bits, a_restart_begins_with_another_function,
                   it_stops_between_any_two_evaluations, threads_do_not_change_bits));
    add_case(suite, "refusals", set_up, tear_down, TESTS(bad_options_are_refused, missing_memory_is_reported));
    return suite;
}
