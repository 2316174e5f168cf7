/* mover.h - parameters that an update rule moves towards points, for the suites of the rules for matrices. */
#ifndef PAL_TESTS_MOVER_H
#define PAL_TESTS_MOVER_H

#include "tests/testing.h"

#include <math.h>
#include <stdio.h>

#include "optim/optim.h"

enum { MOST = 8 };

typedef struct mover { /* the loss is the sum of d (w - t)^2 / 2, so that the gradient is d (w - t) */
    size_t n;
    char names[MOST][16];
    const char *name[MOST];
    pal_tensor *w[MOST], *d[MOST], *t[MOST];
    pal_optimizer *optimizer;
    pal_program *program;
} mover;

static inline void add_parameter(mover *m, pal_context *context, pal_dtype dtype, const char *name, pal_shape shape)
{
    const size_t i = m->n++;
    snprintf(m->names[i], sizeof m->names[i], "%s", name);
    m->name[i] = m->names[i];
    m->w[i] = pal_tensor_new(context, dtype, shape);
    m->d[i] = pal_tensor_new(context, dtype, shape);
    m->t[i] = pal_tensor_new(context, dtype, shape);
    ck_assert(m->w[i] && m->d[i] && m->t[i]);
}

static inline void make_program(mover *m, pal_context *context, const pal_optimizer_options *o)
{
    pal_error err = {0};
    m->optimizer = pal_optimizer_new(context, o, m->w, m->name, m->n, &err);
    ck_assert_msg(m->optimizer != NULL, "%s", err.text);
    pal_tape *tape = pal_tape_new(context, m->w[0]->dtype);
    pal_var w[MOST], g[MOST];
    for (size_t i = 0; i < m->n; i++) {
        char name[24];
        w[i] = pal_leaf(tape, m->w[i], m->name[i]);
        snprintf(name, sizeof name, "d/%s", m->name[i]);
        const pal_var d = pal_leaf(tape, m->d[i], name);
        *name = 't';
        g[i] = pal_mul(d, pal_sub(w[i], pal_leaf(tape, m->t[i], name)));
    }
    ck_assert_int_eq(pal_optimizer_record(m->optimizer, tape, w, g, m->n), PAL_OK);
    m->program =
        pal_compile(tape, NULL, 0, &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .effects = true});
    ck_assert_tape_ok(tape);
    pal_tape_free(tape);
}

static inline void free_mover(mover *m)
{
    pal_program_free(m->program);
    pal_optimizer_free(m->optimizer);
    for (size_t i = 0; i < m->n; i++) {
        pal_tensor_free(m->w[i]);
        pal_tensor_free(m->d[i]);
        pal_tensor_free(m->t[i]);
    }
    *m = (mover){0};
}

static inline void take_step(mover *m, uint64_t step, double rate)
{
    pal_optimizer_set_step(m->optimizer, step, rate);
    ck_assert_int_eq(pal_run(m->program), PAL_OK);
}

static inline pal_tensor *state_of(const mover *m, const char *wanted)
{
    const char *name;
    pal_tensor *state;
    for (size_t i = 0; (state = pal_optimizer_state(m->optimizer, i, &name)) && strcmp(name, wanted) != 0; i++) {
    }
    return state;
}

/* A [n, n] is E L E' to 1e-13, of which the diagonal descends. */
static inline void diagonalises(const pal_tensor *e, const pal_tensor *factor)
{
    const size_t n = (size_t)e->shape.dim[0];
    double above = INFINITY;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = 0, ones = 0;
            for (size_t k = 0; k < n; k++) {
                ones += pal_tensor_get(e, i * n + k) * pal_tensor_get(e, j * n + k);
                for (size_t l = 0; l < n; l++)
                    sum +=
                        pal_tensor_get(e, i * n + k) * pal_tensor_get(factor, k * n + l) * pal_tensor_get(e, j * n + l);
            }
            ck_assert_double_eq_tol(ones, i == j, 1e-13);
            if (i != j) ck_assert_double_eq_tol(sum, 0, 1e-13);
            if (i == j) ck_assert_double_le(sum, above + 1e-13);
            if (i == j) above = sum;
        }
}

#endif
