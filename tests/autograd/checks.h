/* checks.h - helpers shared by the suites of the gradient checker: a check of one operation, and an operation with
 * a correct first and a wrong second derivative. */
#ifndef PAL_CHECKS_H
#define PAL_CHECKS_H

#include "tests/testing.h"

static pal_context *c;
static inline void setup(void) { c = context_with(1); }
static inline void teardown(void) { pal_context_free(c); }

static inline pal_gradcheck_options order(int n)
{
    return (pal_gradcheck_options){.struct_size = sizeof(pal_gradcheck_options), .order = n, .seed = 1};
}

static inline pal_var build_op(pal_tape *t, const pal_var *in, const void *user)
{
    const pal_op *op = user;
    return pal_record(t, op, in, (size_t)op->arity, NULL);
}

static inline pal_var half(const pal_rule *r, size_t k)
{
    (void)k;
    return pal_scale(r->seed, -0.5);
}

/* The operation -x with half of the correct derivative, or with no derivative. */
static inline pal_op halved(pal_derivative derivative)
{
    pal_op op = *pal_op_find("neg");
    op.name = "halved";
    op.derivative[0] = derivative;
    op.vjp = half;
    return op;
}
static pal_op crooked; /* a wrong operation; the test that uses it sets it */

/* A rule for exp. Its value is right; its own derivative is wrong, because it computes -out by `crooked`. */
static inline pal_var wrong_when_differentiated(const pal_rule *r, size_t k)
{
    (void)k;
    return pal_mul(r->seed, pal_neg(pal_record(NULL, &crooked, &r->out, 1, NULL)));
}

/* Checks the operation `name` at order n on random 3 x 3 operands in [0.5, 1); vjp replaces its rule; NULL: its own. */
static inline pal_gradcheck_report check_at(const char *name, pal_var (*vjp)(const pal_rule *, size_t), int n)
{
    pal_op op = *pal_op_find(name);
    if (vjp) op.vjp = vjp;
    pal_tensor *in[] = {random_tensor(c, PAL_F64, PAL_SHAPE(3, 3), 0.5, 1, "a"),
                        random_tensor(c, PAL_F64, PAL_SHAPE(3, 3), 0.5, 1, "b")};
    pal_gradcheck_options o = order(n);
    pal_gradcheck_report r;
    ck_assert_int_eq(pal_gradcheck(c, name, build_op, &op, in, (size_t)op.arity, &o, &r), PAL_OK);
    pal_tensor_free(in[0]);
    pal_tensor_free(in[1]);
    return r;
}

#endif
