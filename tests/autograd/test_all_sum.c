/* test_all_sum.c - derivatives of sums over the shards of a batch, against finite differences of the sum of the
 * objective over all shards. Processes are threads, each with its own context, tape and program. */
#include <math.h>
#include <pthread.h>
#include <string.h>

#include "autograd/communicator.h"
#include "ops/ops.h"
#include "tests/testing.h"

Suite *all_sum_suite(void);

enum { THREADS = 4, SHARDS = 4, ROWS = 3, IN = 3, OUT = 4, W = IN * OUT, X = ROWS * IN, Z = ROWS * OUT, BLOCK = 16 };
#define STEP 1e-4

/* ---- Objectives of one shard ----------------------------------------------------------------------------------- */

/* h [rows, OUT] -> a scalar */
static pal_var plain(pal_var h, pal_var w)
{
    (void)w;
    return pal_mean_over_samples(pal_square(h));
}

static pal_var pooled(pal_var h) { return pal_all_mean(pal_mean(h, 1, false)); }

static pal_var pooled_square(pal_var h, pal_var w) { return pal_add(plain(h, w), pal_sum_squares(pooled(h))); }

/* A product of a pooled value with what differs. */
static pal_var pooled_product(pal_var h, pal_var w)
{
    (void)w;
    return pal_mean_over_samples(pal_mul(pal_square(h), pooled(h)));
}

static pal_var standardised(pal_var h, pal_var w)
{
    (void)w;
    const pal_var centred = pal_sub(h, pooled(h)), variance = pooled(pal_square(centred));
    const pal_var y = pal_div(centred, pal_sqrt(pal_shift(variance, 0.1)));
    return pal_mean_over_samples(pal_mul(pal_square(y), y));
}

static pal_var batch_norm(pal_var h, pal_var w)
{
    (void)w;
    const pal_var none = {.tape = h.tape};
    pal_tensor *const running[2] = {pal_tensor_new(pal_tape_context(h.tape), PAL_F64, PAL_SHAPE(OUT)),
                                    pal_tensor_new(pal_tape_context(h.tape), PAL_F64, PAL_SHAPE(OUT))};
    const pal_var y =
        pal_batch_norm(h, none, none, pal_leaf(h.tape, running[0], "mean"), pal_leaf(h.tape, running[1], "variance"),
                       &(pal_batch_norm_options){.struct_size = sizeof(pal_batch_norm_options), .epsilon = 0.1});
    const pal_var cube = pal_mean_over_samples(pal_mul(pal_square(y), y));
    pal_tensor_free(running[0]);
    pal_tensor_free(running[1]);
    return cube;
}

/* A sum of what another sum is a factor of. */
static pal_var nested(pal_var h, pal_var w)
{
    (void)w;
    const pal_var inner = pal_square(pal_all_sum(pal_sum_all(h))), mean = pal_mean_all(h);
    return pal_mul(pal_tanh(pal_scale(pal_all_sum(pal_mul(inner, mean)), 0.05)), mean);
}

/* A sum of what is the same in all shards. */
static pal_var of_common(pal_var h, pal_var w) { return pal_mul(pal_mean_all(h), pal_all_sum(pal_sum_squares(w))); }

/* The log of the mean of exponentials, moved by the largest of all. */
static pal_var log_mean(pal_var h, pal_var w)
{
    (void)w;
    const pal_var top = pal_stop_gradient(pal_all_max(pal_reduce_max(h, 1, false)));
    const pal_var mean = pal_all_mean(pal_mean(pal_exp(pal_scale(pal_sub(h, top), 3)), 1, false));
    return pal_sum_all(pal_add(pal_log(mean), pal_scale(top, 3)));
}

static const struct objective {
    const char *name;
    pal_var (*of)(pal_var h, pal_var w);
} objectives[] = {{"plain", plain},
                  {"pooled square", pooled_square},
                  {"pooled product", pooled_product},
                  {"standardised", standardised},
                  {"batch norm", batch_norm},
                  {"nested", nested},
                  {"of common", of_common},
                  {"log mean", log_mean}};

/* ---- A process ------------------------------------------------------------------------------------------------- */

typedef struct process {
    const struct objective *objective;
    int64_t shards;
    pal_communicator *communicator;
    int64_t first, local;
    pal_tensor *w, *x, *v;
    pal_program *program;
    pal_error err;
    double value, gradient[W], product[W], twice[W], again[W], of_rows[X], tangent[Z], gauss_newton[W];
    /* By differences, along v and along another direction; and of the value, along a direction of a shard's rows. */
    double along[2][W], of_value[2], of_gradient[2][W], of_output[2][Z], across[X], by_rows[SHARDS];
} process;

enum { VALUE, GRADIENT, PRODUCT, TWICE, AGAIN, OF_ROWS, TANGENT, GAUSS_NEWTON, OUTPUT, OUTPUTS };

/* The second part has a Hessian by z with elements between the shards. */
static pal_var quadratic(pal_var z)
{
    return pal_add(pal_scale(pal_sum_squares(z), 0.5), pal_square(pal_all_mean(pal_mean_all(z))));
}

static void record(process *p, pal_tape *t)
{
    const pal_shards shards = {
        .struct_size = sizeof shards, .count = p->shards, .rows = ROWS, .communicator = p->communicator};
    pal_var out[OUTPUTS];
    pal_tape_share(t, &shards);
    const pal_var w = pal_leaf(t, p->w, "w"), x = pal_leaf_rows(t, p->x, "x"), v = pal_leaf(t, p->v, "v");
    const pal_var h = pal_tanh(pal_matmul(x, w)), y = p->objective->of(h, w), z = pal_sub(h, pooled(h));
    pal_var g, gx, hv, of_part, of_whole, gn;
    pal_grad(y, &w, 1, &g);
    pal_grad(y, &x, 1, &gx);
    pal_hessian_product(y, &w, &v, 1, &hv);
    /* <g, v>, once as a sum of parts of the shards, and once as a value that all have: it counts as often. */
    pal_grad(pal_sum_all(pal_mul(g, v)), &w, 1, &of_part);
    pal_grad(pal_sum_all(pal_mul(pal_all_mean(g), v)), &w, 1, &of_whole);
    pal_gauss_newton_product(quadratic(z), z, &w, &v, 1, &gn);
    out[VALUE] = pal_all_sum(y);
    out[GRADIENT] = pal_all_sum(g);
    out[PRODUCT] = pal_all_sum(hv);
    out[TWICE] = pal_all_sum(of_part);
    out[AGAIN] = pal_all_sum(of_whole);
    out[OF_ROWS] = gx;
    out[TANGENT] = pal_jvp(z, w, v);
    out[GAUSS_NEWTON] = pal_all_sum(gn);
    out[OUTPUT] = z;
    p->program = pal_compile(t, out, OUTPUTS, NULL);
    if (!p->program) pal_error_set(&p->err, PAL_ERR_ARGUMENT, "%s: %s", p->objective->name, pal_tape_error(t));
}

static void take(const process *p, int output, double *out)
{
    const pal_tensor *t = pal_output(p->program, (size_t)output);
    for (size_t i = 0; i < pal_tensor_count(t); i++) out[i] = pal_tensor_get(t, i);
}

static void run(process *p)
{
    const pal_status status = pal_run(p->program);
    if (status && !p->err.status) pal_error_set(&p->err, status, "%s", pal_program_error(p->program));
}

/* Runs at two points along a direction of w, and takes the differences over the distance. */
static void differences(process *p, int d)
{
    static const int outputs[] = {VALUE, GRADIENT, OUTPUT};
    double *const to[] = {&p->of_value[d], p->of_gradient[d], p->of_output[d]}, *w = p->w->data, at[W], side[3][BLOCK];
    memcpy(at, w, sizeof at);
    for (int up = 0; up < 2; up++) {
        for (int i = 0; i < W; i++) w[i] = at[i] + (up ? STEP : -STEP) * p->along[d][i];
        run(p);
        for (int o = 0; o < 3; o++) take(p, outputs[o], up ? side[o] : to[o]);
    }
    for (int o = 0; o < 3; o++)
        for (size_t i = 0; i < pal_tensor_count(pal_output(p->program, (size_t)outputs[o])); i++)
            to[o][i] = (side[o][i] - to[o][i]) / (2 * STEP);
    memcpy(w, at, sizeof at);
}

/* Along a direction of the rows of shard s, which one process moves. */
static double across_rows(process *p, int64_t s)
{
    const bool own = s >= p->first && s < p->first + p->local;
    double value[2], *x = (double *)p->x->data + (own ? (s - p->first) * X : 0), at[X];
    memcpy(at, x, sizeof at);
    for (int up = 0; up < 2; up++) {
        for (int i = 0; i < X && own; i++) x[i] = at[i] + (up ? STEP : -STEP) * p->across[i];
        run(p);
        take(p, VALUE, &value[up]);
    }
    memcpy(x, at, sizeof at);
    return (value[1] - value[0]) / (2 * STEP);
}

static void measure(process *p)
{
    static const int outputs[] = {VALUE, GRADIENT, PRODUCT, TWICE, AGAIN, OF_ROWS, TANGENT, GAUSS_NEWTON};
    double *const to[] = {&p->value, p->gradient, p->product, p->twice,
                          p->again,  p->of_rows,  p->tangent, p->gauss_newton};
    memcpy(p->along[0], p->v->data, sizeof p->along[0]);
    for (int i = 0; i < W; i++) p->along[1][i] = cos(1 + 2.3 * i);
    for (int i = 0; i < X; i++) p->across[i] = cos(2 + 1.7 * i);
    run(p);
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++) take(p, outputs[i], to[i]);
    for (int d = 0; d < 2; d++) differences(p, d);
    for (int64_t s = 0; s < p->shards; s++) p->by_rows[s] = across_rows(p, s);
}

static void *work(void *user)
{
    process *p = user;
    pal_context *context = context_with(1);
    const pal_communicator *c = p->communicator;
    pal_shards_of(p->shards, c ? c->size : 1, c ? c->rank : 0, &p->first, &p->local);
    p->w = random_tensor(context, PAL_F64, PAL_SHAPE(IN, OUT), -1, 1, "w");
    p->v = random_tensor(context, PAL_F64, PAL_SHAPE(IN, OUT), -1, 1, "v");
    p->x = pal_tensor_new(context, PAL_F64, PAL_SHAPE(p->local * ROWS, IN));
    pal_tensor *all = random_tensor(context, PAL_F64, PAL_SHAPE(p->shards * ROWS, IN), -1, 2, "x");
    memcpy(p->x->data, (double *)all->data + p->first * X, pal_tensor_bytes(p->x));
    pal_tape *t = pal_tape_new(context, PAL_F64);
    record(p, t);
    pal_tape_free(t);
    if (p->program) measure(p);
    pal_communicator_close(p->communicator, p->err.status != PAL_OK);
    pal_program_free(p->program);
    pal_tensor_free(all);
    pal_tensor_free(p->x);
    return context;
}

/* ---- Tests ----------------------------------------------------------------------------------------------------- */

static void close_to(const double *a, const double *b, int n, double tolerance, const char *what, const process *p)
{
    for (int i = 0; i < n; i++)
        ck_assert_msg(fabs(a[i] - b[i]) < tolerance * (1 + fabs(b[i])), "%s, %lld shards: %s[%d] is %.12g, not %.12g",
                      p->objective->name, (long long)p->shards, what, i, a[i], b[i]);
}

static double dot(const double *a, const double *b, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

/* u'J'HJv with H = 1 and, between all elements of all shards, 2 / (n Z^2); u: direction d. */
static double explicit_product(const process *p, int64_t n, int d)
{
    double sum = 0, of_u = 0, of_v = 0;
    for (int64_t s = 0; s < n; s++) {
        sum += dot(p[s].of_output[d], p[s].of_output[0], Z);
        for (int i = 0; i < Z; i++) of_u += p[s].of_output[d][i], of_v += p[s].of_output[0][i];
    }
    return sum + 2 * of_u * of_v / ((double)n * Z * Z);
}

static void check(const process *p, int threads)
{
    for (int i = 0; i < threads; i++) {
        const process *q = &p[i];
        for (int d = 0; d < 2; d++) {
            close_to(&(double){dot(q->gradient, q->along[d], W)}, &q->of_value[d], 1, 1e-6, "gradient", q);
            if (threads != q->shards) continue;
            close_to(&(double){dot(q->gauss_newton, q->along[d], W)}, &(double){explicit_product(p, q->shards, d)}, 1,
                     1e-6, "Gauss-Newton product", q);
        }
        close_to(q->product, q->of_gradient[0], W, 1e-6, "product", q);
        close_to(q->twice, q->product, W, 1e-12, "gradient of a gradient's parts", q);
        close_to(q->again, q->product, W, 1e-12, "gradient of a gradient", q);
        close_to(q->tangent, q->of_output[0], Z, 1e-6, "tangent", q);
        close_to(&(double){dot(q->of_rows, q->across, X)}, &q->by_rows[q->first], 1, 1e-6, "gradient by rows", q);
        ck_assert_mem_eq(q->gradient, p[0].gradient, sizeof q->gradient);
        ck_assert_mem_eq(q->product, p[0].product, sizeof q->product);
        ck_assert_mem_eq(q->gauss_newton, p[0].gauss_newton, sizeof q->gauss_newton);
    }
}

static void compute(const struct objective *objective, int threads, int64_t shards, process *p)
{
    pal_communicator *c[THREADS] = {NULL};
    pal_context *context[THREADS] = {NULL};
    pthread_t thread[THREADS];
    pal_error err = {0};
    if (threads > 1) ck_assert_msg(!pal_communicator_threads(threads, c, &err), "%s", err.text);
    for (int i = 0; i < threads; i++) {
        p[i] = (process){.objective = objective, .shards = shards, .communicator = c[i]};
        ck_assert_int_eq(pthread_create(&thread[i], NULL, work, &p[i]), 0);
    }
    for (int i = 0; i < threads; i++) {
        void *out;
        pthread_join(thread[i], &out);
        context[i] = out;
    }
    for (int i = 0; i < threads; i++) ck_assert_msg(!p[i].err.status, "%s", p[i].err.text);
    check(p, threads);
    for (int i = 0; i < threads; i++) {
        pal_tensor_free(p[i].w);
        pal_tensor_free(p[i].v);
        pal_context_free(context[i]);
    }
}

/* One process has several shards, too; the bits are those of one shard each. */
START_TEST(derivatives_are_those_of_the_sum)
{
    static const struct {
        int threads, shards;
    } sizes[] = {{2, 2}, {3, 3}, {4, 4}, {1, 4}, {2, 4}, {3, 4}};
    static process p[THREADS], four[THREADS];
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        compute(&objectives[_i], sizes[i].threads, sizes[i].shards, p);
        if (sizes[i].threads == 4) memcpy(four, p, sizeof p);
        if (sizes[i].shards != 4) continue;
        ck_assert_mem_eq(p[0].gradient, four[0].gradient, sizeof p[0].gradient);
        ck_assert_mem_eq(p[0].product, four[0].product, sizeof p[0].product);
        ck_assert_mem_eq(p[0].gauss_newton, four[0].gauss_newton, sizeof p[0].gauss_newton);
    }
}
END_TEST

START_TEST(the_largest_has_no_derivative)
{
    pal_context *context = context_with(1);
    pal_tensor *x = random_tensor(context, PAL_F64, PAL_SHAPE(2 * ROWS, IN), -1, 1, "x");
    pal_tape *t = pal_tape_new(context, PAL_F64);
    pal_var g;
    pal_tape_share(t, &(pal_shards){.struct_size = sizeof(pal_shards), .count = 2, .rows = ROWS});
    const pal_var leaf = pal_leaf_rows(t, x, "x");
    ck_assert_int_ne(pal_grad(pal_sum_all(pal_all_max(leaf)), &leaf, 1, &g), PAL_OK);
    ck_assert_msg(strstr(pal_tape_error(t), "all_max") != NULL, "%s", pal_tape_error(t));
    pal_tape_free(t);
    pal_tensor_free(x);
    pal_context_free(context);
}
END_TEST

Suite *all_sum_suite(void)
{
    Suite *suite = suite_create("all-sum");
    TCase *tests = tcase_create("all-sum");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, derivatives_are_those_of_the_sum, 0, sizeof objectives / sizeof *objectives);
    tcase_add_test(tests, the_largest_has_no_derivative);
    suite_add_tcase(suite, tests);
    return suite;
}
