/* test_curvature.c - products with Hessians and Gauss-Newton matrices against explicit matrices, and their eigenvalues
 * by Lanczos against all eigenvalues by LAPACK. */
#include <math.h>
#include <stdio.h>

#include "optim/minimise.h"
#include "tests/testing.h"

Suite *curvature_suite(void);

void dsyev_(const char *jobz, const char *uplo, const int *n, double *a, const int *lda, double *w, double *work,
            const int *lwork, int *info, size_t, size_t);

static pal_context *c;

static void set_up(void) { c = context_with(1); }
static void tear_down(void) { pal_context_free(c); }

/* ---- A small autoencoder with tied weights -------------------------------------------------------------------- */

enum { SAMPLES = 4, FEATURES = 5, UNITS = 3, PARTS = 3, N = FEATURES * UNITS + UNITS + FEATURES };
static const pal_shape shapes[PARTS] = {{2, {FEATURES, UNITS}}, {1, {UNITS}}, {1, {FEATURES}}};

static pal_var squared(pal_var z, pal_var x) { return pal_scale(pal_sum_squares(pal_sub(z, x)), 0.5); }
static pal_var bernoulli(pal_var z, pal_var x) { return pal_sum_all(pal_bernoulli_cross_entropy(z, x)); }
static pal_var categorical(pal_var z, pal_var x)
{
    pal_var share = pal_div(x, pal_sum(x, 2, true));
    return pal_neg(pal_sum_all(pal_categorical_log_density(share, z)));
}
/* Not convex in z. */
static pal_var wave(pal_var z, pal_var x) { return pal_sum_all(pal_mul(x, pal_sin(z))); }

typedef struct loss {
    const char *name;
    pal_var (*of)(pal_var z, pal_var x);
    bool convex;
} loss;
static const loss losses[] = {{"squared", squared, true},
                              {"bernoulli", bernoulli, true},
                              {"categorical", categorical, true},
                              {"wave", wave, false}};
enum { LOSSES = sizeof losses / sizeof *losses };

typedef struct net {
    pal_tape *tape;
    pal_slab *x; /* the parameters */
    pal_tensor *data, *v[PARTS];
    pal_var w[PARTS], direction[PARTS], z, y;
    pal_program *hessian, *gauss_newton;
} net;

static pal_var reconstruct(pal_var x, const pal_var *w)
{
    pal_var h = pal_sigmoid(pal_add(pal_matmul(x, w[0]), w[1]));
    return pal_add(pal_matmul_t(h, w[0], false, true), w[2]);
}

static net network(const loss *l)
{
    net n = {.tape = pal_tape_new(c, PAL_F64), .x = pal_slab_new(c, PAL_F64, shapes, PARTS)};
    n.data = random_tensor(c, PAL_F64, PAL_SHAPE(SAMPLES, FEATURES), 0.1, 0.9, "data");
    for (size_t i = 0; i < PARTS; i++) {
        static const char *const names[PARTS] = {"W", "b", "c"};
        pal_tensor *start = random_tensor(c, PAL_F64, shapes[i], -1, 1, names[i]);
        memcpy(n.x->part[i]->data, start->data, pal_tensor_bytes(start));
        pal_tensor_free(start);
        n.v[i] = random_tensor(c, PAL_F64, shapes[i], -1, 1, "direction");
        n.w[i] = pal_leaf(n.tape, n.x->part[i], names[i]);
        n.direction[i] = pal_leaf(n.tape, n.v[i], NULL);
    }
    pal_var x = pal_leaf(n.tape, n.data, "x"), out[PARTS];
    n.z = reconstruct(x, n.w);
    n.y = l->of(n.z, x);
    pal_hessian_product(n.y, n.w, n.direction, PARTS, out);
    n.hessian = pal_compile(n.tape, out, PARTS, NULL);
    pal_gauss_newton_product(n.y, n.z, n.w, n.direction, PARTS, out);
    n.gauss_newton = pal_compile(n.tape, out, PARTS, NULL);
    ck_assert_msg(n.hessian && n.gauss_newton, "%s", pal_tape_error(n.tape));
    return n;
}

static void free_network(net *n)
{
    pal_program_free(n->hessian), pal_program_free(n->gauss_newton);
    pal_tape_free(n->tape);
    for (size_t i = 0; i < PARTS; i++) pal_tensor_free(n->v[i]);
    pal_tensor_free(n->data);
    pal_slab_free(n->x);
}

static pal_status product(net *n, pal_program *program, const pal_slab *v, pal_slab *out)
{
    for (size_t i = 0; i < PARTS; i++) memcpy(n->v[i]->data, v->part[i]->data, pal_tensor_bytes(n->v[i]));
    if (pal_run(program)) return PAL_ERR_NUMERIC;
    for (size_t i = 0; i < PARTS; i++)
        memcpy(out->part[i]->data, pal_output(program, i)->data, pal_tensor_bytes(out->part[i]));
    return PAL_OK;
}
static pal_status by_hessian(const pal_slab *v, pal_slab *out, void *user)
{
    return product(user, ((net *)user)->hessian, v, out);
}
static pal_status by_gauss_newton(const pal_slab *v, pal_slab *out, void *user)
{
    return product(user, ((net *)user)->gauss_newton, v, out);
}

static double *element(const pal_slab *s, size_t i)
{
    size_t part = 0;
    for (; i >= pal_tensor_count(s->part[part]); part++) i -= pal_tensor_count(s->part[part]);
    return (double *)s->part[part]->data + i;
}

/* The whole matrix, from products with unit vectors. */
static void matrix(net *n, pal_program *program, double m[N * N])
{
    pal_slab *v = pal_slab_new(c, PAL_F64, shapes, PARTS), *out = pal_slab_new(c, PAL_F64, shapes, PARTS);
    for (size_t k = 0; k < N; k++) {
        *element(v, k) = 1;
        ck_assert(!product(n, program, v, out));
        for (size_t i = 0; i < N; i++) m[i * N + k] = *element(out, i);
        *element(v, k) = 0;
    }
    pal_slab_free(v), pal_slab_free(out);
}

/* Jacobians by pal_jacobian, side by side: [rows, N]. */
static void jacobians(net *n, const pal_var *y, size_t ys, double *out)
{
    size_t row = 0;
    for (size_t k = 0; k < ys; k++) {
        const size_t rows = (size_t)pal_shape_count(pal_shape_of(y[k]));
        size_t column = 0;
        for (size_t i = 0; i < PARTS; i++) {
            const size_t columns = (size_t)pal_shape_count(shapes[i]);
            double *j = malloc(rows * columns * sizeof *j);
            ck_assert(!pal_eval(pal_jacobian(y[k], n->w[i]), j));
            for (size_t a = 0; a < rows; a++)
                memcpy(out + (row + a) * N + column, j + a * columns, columns * sizeof *j);
            column += columns;
            free(j);
        }
        row += rows;
    }
}

static void eigen(double a[N * N], double w[N])
{
    int n = N, size = 10 * N, info;
    double work[10 * N];
    dsyev_("N", "U", &n, a, &n, w, work, &size, &info, 1, 1);
    ck_assert_int_eq(info, 0);
}

static double worst(const double *a, const double *b, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++)
        if (!(fabs(a[i] - b[i]) <= most)) most = fabs(a[i] - b[i]);
    return most;
}

/* ---- Products against matrices -------------------------------------------------------------------------------- */

START_TEST(products_are_those_of_the_matrices)
{
    enum { M = SAMPLES * FEATURES };
    static double products[N * N], explicit[N * N], j[M * N], h[M * M];
    for (size_t l = 0; l < LOSSES; l++) {
        net n = network(&losses[l]);
        pal_var g[PARTS];
        pal_grad(n.y, n.w, PARTS, g);
        jacobians(&n, g, PARTS, explicit);
        matrix(&n, n.hessian, products);
        ck_assert_double_le(worst(products, explicit, N * N), 1e-10);

        jacobians(&n, &n.z, 1, j);
        ck_assert(!pal_eval(pal_hessian(n.y, n.z), h));
        for (size_t a = 0; a < N; a++)
            for (size_t b = 0; b < N; b++) {
                double sum = 0;
                for (size_t i = 0; i < M; i++)
                    for (size_t k = 0; k < M; k++) sum += j[i * N + a] * h[i * M + k] * j[k * N + b];
                explicit[a * N + b] = sum;
            }
        matrix(&n, n.gauss_newton, products);
        ck_assert_double_le(worst(products, explicit, N * N), 1e-10);
        double w[N];
        eigen(products, w);
        ck_assert_msg(!losses[l].convex || w[0] > -1e-12, "%s: eigenvalue %g", losses[l].name, w[0]);
        ck_assert(losses[l].convex || w[0] < -0.01);
        free_network(&n);
    }
}
END_TEST

/* J v by several values is the sum of the products by each. */
START_TEST(tangents_add_up)
{
    net n = network(&losses[0]);
    double all[SAMPLES * FEATURES], sum[SAMPLES * FEATURES] = {0}, one[SAMPLES * FEATURES];
    ck_assert(!pal_eval(pal_jvps(n.z, n.w, n.direction, PARTS), all));
    for (size_t i = 0; i < PARTS; i++) {
        ck_assert(!pal_eval(pal_jvp(n.z, n.w[i], n.direction[i]), one));
        for (size_t k = 0; k < SAMPLES * FEATURES; k++) sum[k] += one[k];
    }
    ck_assert_double_le(worst(all, sum, SAMPLES * FEATURES), 1e-13);
    free_network(&n);
}
END_TEST

START_TEST(what_does_not_separate_is_refused)
{
    const struct {
        int kind;
        const char *says;
    } cases[] = {{0, "y depends on \"W\" not only through z"},
                 {1, "not a scalar"},
                 {2, "z is a bad handle"},
                 {3, "needs arrays"},
                 {4, "value 2 is a bad handle"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        net n = network(&losses[1]);
        pal_var y = n.y, z = n.z, out[PARTS];
        if (cases[i].kind == 0) y = pal_add(y, pal_sum_squares(n.w[0]));
        if (cases[i].kind == 1) y = n.z;
        if (cases[i].kind == 2) z.id = 0;
        if (cases[i].kind == 4) n.w[1].id = 0;
        ck_assert(pal_gauss_newton_product(y, z, cases[i].kind == 3 ? NULL : n.w, n.direction, PARTS, out) != PAL_OK);
        ck_assert_msg(strstr(pal_tape_error(n.tape), cases[i].says) != NULL, "%s", pal_tape_error(n.tape));
        ck_assert(!pal_ok(out[0]));
        free_network(&n);
    }
    /* A way with derivative zero is none. */
    net n = network(&losses[1]);
    pal_var out[PARTS], y = pal_add(n.y, pal_sum_squares(pal_stop_gradient(n.w[0])));
    ck_assert_int_eq(pal_gauss_newton_product(y, n.z, n.w, n.direction, PARTS, out), PAL_OK);
    ck_assert_int_eq(pal_hessian_product(n.z, n.w, n.direction, PARTS, out), PAL_ERR_SHAPE);
    free_network(&n);
}
END_TEST

/* ---- Eigenvalues ---------------------------------------------------------------------------------------------- */

START_TEST(lanczos_finds_the_eigenvalues)
{
    static double m[N * N];
    double w[N], found[2 * N], errors[2 * N];
    for (size_t l = 0; l < LOSSES; l++) {
        net n = network(&losses[l]);
        const pal_objective f = {
            .struct_size = sizeof f, .x = n.x, .hessian = by_hessian, .gauss_newton = by_gauss_newton, .user = &n};
        matrix(&n, n.hessian, m);
        eigen(m, w);
        ck_assert_int_eq(pal_lanczos(&f, NULL, 5, found, errors, NULL), PAL_OK);
        ck_assert_double_le(worst(found, w, 5), 1e-9);
        ck_assert_double_le(worst(found + 5, w + N - 5, 5), 1e-9);
        /* Equal eigenvalues, here 0, are found once; the largest differ. */
        matrix(&n, n.gauss_newton, m);
        eigen(m, w);
        const pal_lanczos_options o = {.struct_size = sizeof o, .gauss_newton = true, .seed = 3};
        ck_assert_int_eq(pal_lanczos(&f, &o, 3, found, errors, NULL), PAL_OK);
        ck_assert_double_le(worst(found + 3, w + N - 3, 3), 1e-9);
        ck_assert_double_eq_tol(found[0], w[0], 1e-9);
        free_network(&n);
    }
}
END_TEST

enum { LONG = 3000 };
typedef struct diagonal {
    pal_slab *x;
    int64_t products, fail_at;
} diagonal;

static double entry(size_t i)
{
    return i < 3 ? -5 - (double)i : i > LONG - 4 ? 100.0 * (double)(i + 4 - LONG) : sin((double)i);
}

static pal_status by_diagonal(const pal_slab *v, pal_slab *out, void *user)
{
    diagonal *d = user;
    for (size_t i = 0; i < LONG; i++) pal_tensor_set(out->part[0], i, entry(i) * pal_tensor_get(v->part[0], i));
    return ++d->products == d->fail_at ? PAL_ERR_IO : PAL_OK;
}

/* The outermost of 3000 eigenvalues in 40 products, in both types; the bounds hold; the seed decides the bits. */
START_TEST(lanczos_in_few_products)
{
    const pal_shape shape = PAL_SHAPE(LONG);
    for (int type = 0; type < 2; type++) {
        const double tolerance = type ? 1e-10 : 2e-4, expected[] = {-7, -6, -5, 100, 200, 300};
        double found[6], again[6], errors[6];
        diagonal d = {.x = pal_slab_new(c, type ? PAL_F64 : PAL_F32, &shape, 1)};
        const pal_objective f = {.struct_size = sizeof f, .x = d.x, .hessian = by_diagonal, .user = &d};
        const pal_lanczos_options o = {.struct_size = sizeof o, .steps = 40, .seed = 7};
        ck_assert_int_eq(pal_lanczos(&f, &o, 3, found, errors, NULL), PAL_OK);
        ck_assert_int_eq(d.products, 40);
        for (size_t i = 0; i < 6; i++) ck_assert_double_le(fabs(found[i] - expected[i]), errors[i] + tolerance);
        for (size_t i = 0; i < 6; i++) ck_assert_double_le(errors[i], 1e-2);
        ck_assert_int_eq(pal_lanczos(&f, &o, 3, again, NULL, NULL), PAL_OK);
        ck_assert_mem_eq(found, again, sizeof found);
        d.fail_at = d.products + 5;
        pal_error err = {0};
        ck_assert_int_eq(pal_lanczos(&f, &o, 3, found, errors, &err), PAL_ERR_IO);
        ck_assert(strstr(err.text, "the product failed"));
        pal_slab_free(d.x);
    }
}
END_TEST

static pal_status as_it_is(const pal_slab *v, pal_slab *out, void *user)
{
    memcpy(out->all->data, v->all->data, pal_tensor_bytes(v->all));
    return PAL_OK;
}

/* The identity: the Krylov space has one dimension, whatever the start. */
START_TEST(lanczos_ends_in_a_small_space)
{
    const pal_shape shape = PAL_SHAPE(20);
    double found[4], errors[4];
    pal_slab *x = pal_slab_new(c, PAL_F64, &shape, 1);
    pal_objective f = {.struct_size = sizeof f, .x = x, .hessian = as_it_is};
    ck_assert_int_eq(pal_lanczos(&f, NULL, 2, found, errors, NULL), PAL_OK);
    ck_assert_double_eq_tol(found[0], 1, 1e-15);
    ck_assert(isnan(found[1]) && isnan(found[3]) && isnan(errors[1]) && errors[0] < 1e-14);
    const pal_lanczos_options few = {.struct_size = sizeof few, .steps = 1};
    pal_error err = {0};
    ck_assert_int_eq(pal_lanczos(&f, &few, 2, found, errors, &err), PAL_ERR_ARGUMENT);
    ck_assert(strstr(err.text, "2 eigenvalues need as many"));
    ck_assert_int_eq(pal_lanczos(&f, NULL, 0, found, errors, &err), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_lanczos(NULL, NULL, 1, found, errors, &err), PAL_ERR_ARGUMENT);
    f.hessian = NULL;
    ck_assert_int_eq(pal_lanczos(&f, NULL, 1, found, errors, &err), PAL_ERR_ARGUMENT);
    ck_assert(strstr(err.text, "products with the Hessian"));
    pal_slab_free(x);
}
END_TEST

Suite *curvature_suite(void)
{
    Suite *suite = suite_create("curvature");
    add_case(suite, "products", set_up, tear_down,
             TESTS(products_are_those_of_the_matrices, tangents_add_up, what_does_not_separate_is_refused));
    add_case(suite, "lanczos", set_up, tear_down,
             TESTS(lanczos_finds_the_eigenvalues, lanczos_in_few_products, lanczos_ends_in_a_small_space));
    return suite;
}
