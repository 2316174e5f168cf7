/* problems.c - see problems.h. The numbers of the functions are those of Moré, Garbow and Hillstrom (1981), section 3.
 */
#include "tests/optim/problems.h"

#include <math.h>

#define K(value)    pal_constant(t, value)
#define ADD(a, b)   pal_add(a, b)
#define SUB(a, b)   pal_sub(a, b)
#define MUL(a, b)   pal_mul(a, b)
#define TIMES(k, a) pal_scale(a, k)
#define PLUS(a, k)  pal_shift(a, k)

/* 1 and 21 */
static void rosenbrock_pair(const pal_var *x, pal_var *r)
{
    r[0] = TIMES(10, SUB(x[1], pal_square(x[0])));
    r[1] = pal_one_minus(x[0]);
}

static void rosenbrock(pal_tape *t, const pal_var *x, pal_var *r)
{
    (void)t;
    rosenbrock_pair(x, r);
}

static void rosenbrock_100(pal_tape *t, const pal_var *x, pal_var *r)
{
    (void)t;
    for (size_t i = 0; i < 100; i += 2) rosenbrock_pair(x + i, r + i);
}

/* 2 */
static void freudenstein_roth(pal_tape *t, const pal_var *x, pal_var *r)
{
    r[0] = PLUS(ADD(x[0], MUL(PLUS(MUL(SUB(K(5), x[1]), x[1]), -2), x[1])), -13);
    r[1] = PLUS(ADD(x[0], MUL(PLUS(MUL(PLUS(x[1], 1), x[1]), -14), x[1])), -29);
}

/* 5 */
static void beale(pal_tape *t, const pal_var *x, pal_var *r)
{
    const double y[] = {1.5, 2.25, 2.625};
    pal_var power = x[1];
    for (size_t i = 0; i < 3; i++, power = MUL(power, x[1])) r[i] = SUB(K(y[i]), MUL(x[0], pal_one_minus(power)));
}

/* 7 */
static void helical_valley(pal_tape *t, const pal_var *x, pal_var *r)
{
    (void)t;
    r[0] = TIMES(10, SUB(x[2], TIMES(10 / (2 * M_PI), pal_atan2(x[1], x[0]))));
    r[1] = TIMES(10, PLUS(pal_sqrt(ADD(pal_square(x[0]), pal_square(x[1]))), -1));
    r[2] = x[2];
}

/* 8 */
static void bard(pal_tape *t, const pal_var *x, pal_var *r)
{
    const double y[] = {0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39};
    for (size_t i = 0; i < 15; i++) {
        const double u = (double)i + 1, v = 15 - (double)i, w = fmin(u, v);
        r[i] = SUB(K(y[i]), ADD(x[0], pal_div(K(u), ADD(TIMES(v, x[1]), TIMES(w, x[2])))));
    }
}

/* 9 */
static void gaussian(pal_tape *t, const pal_var *x, pal_var *r)
{
    const double y[] = {0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521, 0.3989};
    for (size_t i = 0; i < 15; i++) {
        pal_var away = pal_square(SUB(K((7 - (double)i) / 2), x[2]));
        r[i] = PLUS(MUL(x[0], pal_exp(TIMES(-0.5, MUL(x[1], away)))), -y[i < 8 ? i : 14 - i]);
    }
}

/* 12 */
static void box(pal_tape *t, const pal_var *x, pal_var *r)
{
    (void)t;
    for (size_t i = 0; i < 10; i++) {
        const double s = 0.1 * (double)(i + 1);
        r[i] = SUB(SUB(pal_exp(TIMES(-s, x[0])), pal_exp(TIMES(-s, x[1]))), TIMES(exp(-s) - exp(-10 * s), x[2]));
    }
}

/* 13 */
static void powell_singular(pal_tape *t, const pal_var *x, pal_var *r)
{
    (void)t;
    r[0] = ADD(x[0], TIMES(10, x[1]));
    r[1] = TIMES(sqrt(5), SUB(x[2], x[3]));
    r[2] = pal_square(SUB(x[1], TIMES(2, x[2])));
    r[3] = TIMES(sqrt(10), pal_square(SUB(x[0], x[3])));
}

/* 14 */
static void wood(pal_tape *t, const pal_var *x, pal_var *r)
{
    (void)t;
    r[0] = TIMES(10, SUB(x[1], pal_square(x[0])));
    r[1] = pal_one_minus(x[0]);
    r[2] = TIMES(sqrt(90), SUB(x[3], pal_square(x[2])));
    r[3] = pal_one_minus(x[2]);
    r[4] = TIMES(sqrt(10), PLUS(ADD(x[1], x[3]), -2));
    r[5] = TIMES(1 / sqrt(10), SUB(x[1], x[3]));
}

/* 16 */
static void brown_dennis(pal_tape *t, const pal_var *x, pal_var *r)
{
    (void)t;
    for (size_t i = 0; i < 20; i++) {
        const double s = (double)(i + 1) / 5;
        r[i] = ADD(pal_square(PLUS(ADD(x[0], TIMES(s, x[1])), -exp(s))),
                   pal_square(PLUS(ADD(x[2], TIMES(sin(s), x[3])), -cos(s))));
    }
}

#define START(...) (const double[]){__VA_ARGS__}, sizeof((const double[]){__VA_ARGS__}) / sizeof(double)
static const problem problems[] = {
    {"rosenbrock", 2, 2, START(-1.2, 1), rosenbrock},
    {"freudenstein-roth", 2, 2, START(0.5, -2), freudenstein_roth},
    {"beale", 2, 3, START(1, 1), beale},
    {"helical-valley", 3, 3, START(-1, 0, 0), helical_valley},
    {"bard", 3, 15, START(1, 1, 1), bard},
    {"gaussian", 3, 15, START(0.4, 1, 0), gaussian},
    {"box", 3, 10, START(0, 10, 20), box},
    {"powell-singular", 4, 4, START(3, -1, 0, 1), powell_singular},
    {"wood", 4, 6, START(-3, -1, -3, -1), wood},
    {"brown-dennis", 4, 20, START(25, 5, -5, -1), brown_dennis},
    {"rosenbrock-100", 100, 100, START(-1.2, 1), rosenbrock_100},
};
enum { PROBLEMS = sizeof problems / sizeof *problems };

const problem *problem_at(size_t i) { return i < PROBLEMS ? &problems[i] : NULL; }

const problem *problem_named(const char *name)
{
    for (size_t i = 0; i < PROBLEMS; i++)
        if (!strcmp(problems[i].name, name)) return &problems[i];
    return NULL;
}

/* ---- The objective -------------------------------------------------------------------------------------------- */

void problem_open(recorded *p, pal_context *c, const problem *of, pal_dtype dtype)
{
    pal_shape shapes[PROBLEM_MOST] = {{0}};
    pal_var x[PROBLEM_MOST], v[PROBLEM_MOST], r[PROBLEM_MOST], out[PROBLEM_MOST + 1];
    *p = (recorded){.of = of, .x = pal_slab_new(c, dtype, shapes, of->n)};
    ck_assert_ptr_nonnull(p->x);
    pal_tape *t = pal_tape_new(c, dtype);
    for (size_t i = 0; i < of->n; i++) {
        p->v[i] = pal_tensor_new(c, dtype, PAL_SCALAR);
        x[i] = pal_leaf(t, p->x->part[i], NULL);
        v[i] = pal_leaf(t, p->v[i], NULL);
    }
    of->record(t, x, r);
    pal_var z = pal_stack(r, of->m, 0);
    out[0] = pal_sum_squares(z);
    pal_grad(out[0], x, of->n, out + 1);
    ck_assert_msg(!pal_tape_status(t), "%s", pal_tape_error(t));
    ck_assert_ptr_nonnull((p->gradient = pal_compile(t, out, of->n + 1, NULL)));
    pal_hessian_product(out[0], x, v, of->n, out + 1);
    ck_assert_ptr_nonnull((p->hessian = pal_compile(t, out + 1, of->n, NULL)));
    pal_gauss_newton_product(out[0], z, x, v, of->n, out + 1);
    ck_assert_msg(!pal_tape_status(t), "%s", pal_tape_error(t));
    ck_assert_ptr_nonnull((p->gauss_newton = pal_compile(t, out + 1, of->n, NULL)));
    pal_tape_free(t);
    problem_restart(p);
}

void problem_restart(recorded *p)
{
    for (size_t i = 0; i < p->of->n; i++) pal_tensor_set(p->x->part[i], 0, p->of->start[i % p->of->starts]);
    p->evaluations = p->products = 0;
}

void problem_close(recorded *p)
{
    for (size_t i = 0; i < p->of->n; i++) pal_tensor_free(p->v[i]);
    pal_program_free(p->gradient), pal_program_free(p->hessian), pal_program_free(p->gauss_newton);
    pal_slab_free(p->x);
}

static pal_status evaluate(double *value, pal_slab *gradient, void *user)
{
    recorded *p = user;
    if (++p->evaluations == p->fail_at) return PAL_ERR_IO;
    if (pal_run(p->gradient)) return PAL_ERR_NUMERIC;
    *value = pal_tensor_get(pal_output(p->gradient, 0), 0);
    if (p->evaluations >= p->nan_from && p->evaluations < p->nan_to) *value = NAN;
    for (size_t i = 0; i < p->of->n && gradient; i++)
        pal_tensor_set(gradient->part[i], 0, pal_tensor_get(pal_output(p->gradient, i + 1), 0));
    return PAL_OK;
}

static pal_status product(recorded *p, pal_program *program, const pal_slab *v, pal_slab *out)
{
    p->products++;
    for (size_t i = 0; i < p->of->n; i++) pal_tensor_set(p->v[i], 0, pal_tensor_get(v->part[i], 0));
    if (pal_run(program)) return PAL_ERR_NUMERIC;
    for (size_t i = 0; i < p->of->n; i++) pal_tensor_set(out->part[i], 0, pal_tensor_get(pal_output(program, i), 0));
    return PAL_OK;
}

static pal_status hessian(const pal_slab *v, pal_slab *out, void *user)
{
    recorded *p = user;
    return product(p, p->hessian, v, out);
}

static pal_status gauss_newton(const pal_slab *v, pal_slab *out, void *user)
{
    recorded *p = user;
    return product(p, p->gauss_newton, v, out);
}

static int stop(void *user)
{
    const recorded *p = user;
    return p->stop_at && p->evaluations + p->products >= p->stop_at;
}

pal_objective problem_objective(recorded *p)
{
    return (pal_objective){.struct_size = sizeof(pal_objective),
                           .x = p->x,
                           .evaluate = evaluate,
                           .hessian = hessian,
                           .gauss_newton = gauss_newton,
                           .stop = stop,
                           .user = p};
}
