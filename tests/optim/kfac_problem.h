/* kfac_problem.h - a small problem on a tape, for the suites of K-FAC: parameters, a loss with given errors in place of
 * drawn ones, and steps. */
#ifndef PAL_TESTS_KFAC_PROBLEM_H
#define PAL_TESTS_KFAC_PROBLEM_H

#include "optim/kfac.h"

#include <math.h>
#include <stdio.h>

#include "tests/testing.h"

static pal_context *c;

static inline void set_up(void) { c = context_with(2); }
static inline void tear_down(void) { pal_context_free(c); }

/* ---- A problem: parameters, a loss, and what K-FAC gets of it ------------------------------------------------- */

enum { MOST = 6 };

/* The value z is compared with targets; the errors in place of drawn ones are given, so that all is exact. */
typedef struct problem {
    pal_tape *tape;
    pal_tensor *parameter[MOST];
    const char *name[MOST];
    size_t n;
    pal_var leaf[MOST], z, loss, sampled, divergence;
} problem;

static inline pal_var parameter(problem *p, const char *name, pal_shape shape)
{
    for (size_t i = 0; i < p->n; i++)
        if (!strcmp(p->name[i], name)) return p->leaf[i];
    ck_assert_uint_lt(p->n, MOST);
    p->parameter[p->n] = random_tensor(c, PAL_F64, shape, -1, 1, name);
    p->name[p->n] = name;
    p->leaf[p->n] = pal_leaf(p->tape, p->parameter[p->n], name);
    return p->leaf[p->n++];
}

/* 1/2 |z - target|^2, a mean over rows, with the identity as the Fisher matrix of a row. */
static inline void likelihood(problem *p, pal_var z, pal_tensor *target, pal_tensor *noise)
{
    const double n = (double)pal_shape_of(z).dim[0];
    const pal_var t = pal_leaf(p->tape, target, "target"), e = pal_leaf(p->tape, noise, "noise");
    p->z = z;
    p->loss = pal_scale(pal_sum_squares(pal_sub(z, t)), 0.5 / n);
    p->sampled = pal_scale(pal_sum_squares(pal_sub(z, pal_stop_gradient(pal_add(z, e)))), 0.5 / sqrt(n));
    p->divergence = pal_scale(pal_sum_squares(pal_sub(z, pal_stop_gradient(z))), 0.5 / n);
}

typedef struct trained {
    pal_optimizer *optimizer;
    pal_program *program;
} trained;

static inline trained train_by(problem *p, const pal_optimizer_options *o)
{
    pal_error err = {0};
    trained t = {pal_optimizer_new(c, o, p->parameter, p->name, p->n, &err), NULL};
    ck_assert_msg(t.optimizer != NULL, "%s", err.text);
    pal_var g[MOST], outputs[] = {p->loss};
    ck_assert_int_eq(pal_grad(p->loss, p->leaf, p->n, g), PAL_OK);
    const pal_fisher curvature = {sizeof curvature, p->sampled, &p->z, &p->divergence, 1};
    pal_optimizer_record_curved(t.optimizer, p->tape, p->leaf, g, p->n, &curvature);
    ck_assert_tape_ok(p->tape);
    t.program = pal_compile(p->tape, outputs, 1,
                            &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .effects = true});
    ck_assert_tape_ok(p->tape);
    return t;
}

static inline trained train(problem *p, double damping)
{
    return train_by(
        p, &(pal_optimizer_options){.struct_size = sizeof(pal_optimizer_options), .name = "kfac", .damping = damping});
}

/* The loss before the step. */
static inline double step(const trained *t, uint64_t number)
{
    ck_assert_msg(!pal_optimizer_set_step(t->optimizer, number, 1), "%s", pal_optimizer_error(t->optimizer));
    ck_assert_int_eq(pal_run(t->program), PAL_OK);
    return pal_tensor_get(pal_output(t->program, 0), 0);
}

static inline pal_tensor *state(const trained *t, const char *name)
{
    const char *is;
    for (size_t i = 0; i < pal_optimizer_state_count(t->optimizer); i++) {
        pal_tensor *s = pal_optimizer_state(t->optimizer, i, &is);
        if (!strcmp(is, name)) return s;
    }
    ck_abort_msg("no state %s", name);
}

static inline bool has_state(const trained *t, const char *name)
{
    const char *is;
    for (size_t i = 0; i < pal_optimizer_state_count(t->optimizer); i++) {
        pal_optimizer_state(t->optimizer, i, &is);
        if (!strcmp(is, name)) return true;
    }
    return false;
}

static inline void finish(problem *p, trained *t)
{
    pal_program_free(t->program);
    pal_optimizer_free(t->optimizer);
    pal_tape_free(p->tape);
    for (size_t i = 0; i < p->n; i++) pal_tensor_free(p->parameter[i]);
}

#endif
