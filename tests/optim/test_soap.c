/* test_soap.c - SOAP: its bases, by cases in which they are known; what fails; long sides; missing memory. The suite
 * `matrices` compares whole trajectories. */
#include "tests/optim/mover.h"

#include "optim/internal.h"
#include "optim/lapack.h"
#include "tests/failing.h"

Suite *soap_suite(void);

static pal_context *c;

static void set_up(void) { c = context_with(2); }
static void tear_down(void) { pal_context_free(c); }

static void set(pal_tensor *t, const double *values)
{
    for (size_t i = 0; i < pal_tensor_count(t); i++) pal_tensor_set(t, i, values[i]);
}

/* Gradients s U S V' with one U and V, and a number s for each step. Their factors have the eigenvectors U and V, from
 * the first step on. So a basis that is refreshed at each step is that of the ideal algorithm, whose update is known:
 * in this basis G is s S, and Adam moves each of its axes alike, since it divides by their sizes. */
START_TEST(a_refresh_at_each_step_is_the_ideal_algorithm)
{
    enum { N = 3, STEPS = 40 };
    const double b1 = 0.9, b2 = 0.8, rate = 0.03, sizes[N] = {2, 1, 0.5};
    double u[N * N], v[N * N], gradient[N * N], ideal[N * N] = {0}, m = 0, square = 0;
    for (int left = 0; left < 2; left++) {
        pal_tensor *q = random_tensor(c, PAL_F64, PAL_SHAPE(N, N), -1, 1, left ? "left" : "right");
        ck_assert_int_eq(pal__orthonormal_rows(c, PAL_F64, N, q->data, NULL), PAL_OK);
        memcpy(left ? u : v, q->data, sizeof u);
        pal_tensor_free(q);
    }
    const pal_optimizer_options o = {.struct_size = sizeof o,
                                     .name = "soap",
                                     .beta1 = b1,
                                     .beta2 = b2,
                                     .epsilon = 1e-8,
                                     .weight_decay = -1,
                                     .precondition_every = 1};
    mover x = {0};
    add_parameter(&x, c, PAL_F64, "W", PAL_SHAPE(N, N));
    make_program(&x, c, &o);
    for (size_t i = 0; i < N * N; i++) pal_tensor_set(x.d[0], i, 1);
    for (uint64_t t = 1; t <= STEPS; t++) {
        const double s = sin((double)t) + 0.3;
        for (size_t i = 0; i < N; i++)
            for (size_t j = 0; j < N; j++) {
                gradient[i * N + j] = 0;
                for (size_t k = 0; k < N; k++) gradient[i * N + j] += s * u[k * N + i] * sizes[k] * v[k * N + j];
            }
        for (size_t i = 0; i < N * N; i++) /* d (w - t) is this gradient */
            pal_tensor_set(x.t[0], i, pal_tensor_get(x.w[0], i) - gradient[i]);
        take_step(&x, t, rate);
        if (t == 1) continue;
        m = b1 * m + (1 - b1) * s;
        square = b2 * square + (1 - b2) * s * s;
        const double n = (double)(t - 1), step = rate * m / (1 - pow(b1, n)) / sqrt(square / (1 - pow(b2, n)));
        for (size_t i = 0; i < N; i++)
            for (size_t j = 0; j < N; j++)
                for (size_t k = 0; k < N; k++) ideal[i * N + j] -= step * u[k * N + i] * v[k * N + j];
        for (size_t i = 0; i < N * N; i++) ck_assert_double_eq_tol(pal_tensor_get(x.w[0], i), ideal[i], 1e-6);
        diagonalises(state_of(&x, "soap/left-basis/W"), state_of(&x, "soap/left/W"));
    }
    free_mover(&x);
}
END_TEST

/* From any basis, many refreshes of the same factor come to its eigenvectors, in order, and V keeps its axes: its
 * largest element is where the basis has the direction in which it was made. */
START_TEST(refreshes_come_to_the_eigenvectors)
{
    const double factor[9] = {2, 1, 0, 1, 3, 1, 0, 1, 9}, turned[9] = {0, 1, 0, 0, 0, 1, 1, 0, 0};
    const double squares[6] = {1, 2, 30, 40, 5, 6}; /* [3, 2]: the second row is that of the third direction */
    const pal_optimizer_options o = {
        .struct_size = sizeof o, .name = "soap", .precondition_every = 1, .max_dimension = 3};
    mover m = {0};
    add_parameter(&m, c, PAL_F64, "W", PAL_SHAPE(3, 2));
    make_program(&m, c, &o);
    take_step(&m, 1, 0);
    take_step(&m, 2, 0);
    set(state_of(&m, "soap/left/W"), factor);
    set(state_of(&m, "soap/left-basis/W"), turned);
    set(state_of(&m, "soap/v/W"), squares);
    ck_assert_int_eq(pal_optimizer_set_step(m.optimizer, 3, 0), PAL_OK);
    const double *v = state_of(&m, "soap/v/W")->data;
    ck_assert(v[0] == 30 && v[1] == 40 && v[2] == 1 && v[3] == 2 && v[4] == 5 && v[5] == 6);
    const double after = pal_tensor_get(state_of(&m, "soap/left-basis/W"), 0);
    ck_assert_int_eq(pal_optimizer_set_step(m.optimizer, 3, 0), PAL_OK); /* a step that is set twice counts once */
    ck_assert(pal_tensor_get(state_of(&m, "soap/left-basis/W"), 0) == after);
    for (uint64_t t = 4; t < 60; t++) ck_assert_int_eq(pal_optimizer_set_step(m.optimizer, t, 0), PAL_OK);
    diagonalises(state_of(&m, "soap/left-basis/W"), state_of(&m, "soap/left/W"));
    free_mover(&m);
}
END_TEST

/* A factor that is not finite is an error that names the weight. Its basis and V stay, the other weight has a new
 * basis, and the step can be run. */
START_TEST(a_failed_refresh_keeps_the_basis)
{
    for (int first = 0; first < 2; first++) {
        const pal_optimizer_options o = {.struct_size = sizeof o, .name = "soap", .precondition_every = 3};
        mover m = {0};
        add_parameter(&m, c, PAL_F32, "e/W", PAL_SHAPE(3, 2));
        add_parameter(&m, c, PAL_F32, "d/W", PAL_SHAPE(2, 2));
        make_program(&m, c, &o);
        for (size_t i = 0; i < 2; i++)
            for (size_t k = 0; k < pal_tensor_count(m.w[i]); k++) {
                pal_tensor_set(m.d[i], k, 1);
                pal_tensor_set(m.t[i], k, (double)(k * k) - 2);
            }
        const uint64_t at = first ? 2 : 5;
        for (uint64_t t = 1; t < at; t++) take_step(&m, t, 0.01);
        pal_tensor *basis = state_of(&m, "soap/left-basis/e/W"), *other = state_of(&m, "soap/left-basis/d/W");
        float kept[9], moved[4];
        memcpy(kept, basis->data, sizeof kept);
        memcpy(moved, other->data, sizeof moved);
        pal_tensor_set(state_of(&m, "soap/left/e/W"), 0, (double)INFINITY);
        ck_assert_str_eq(pal_optimizer_error(m.optimizer), "");
        ck_assert_int_eq(pal_optimizer_set_step(m.optimizer, at, 0.01), PAL_ERR_NUMERIC);
        ck_assert_msg(!strncmp(pal_optimizer_error(m.optimizer), "soap: e/W: left factor: ", 24) &&
                          strstr(pal_optimizer_error(m.optimizer), "is not finite"),
                      "%s", pal_optimizer_error(m.optimizer));
        ck_assert_mem_eq(kept, basis->data, sizeof kept);
        ck_assert_mem_ne(moved, other->data, sizeof moved);
        ck_assert_int_eq(pal_run(m.program), PAL_OK);
        ck_assert_int_eq(pal_optimizer_set_step(m.optimizer, at + 1, 0.01), PAL_OK);
        ck_assert_str_eq(pal_optimizer_error(m.optimizer), "");
        free_mover(&m);
    }
    ck_assert_int_eq(pal_optimizer_set_step(NULL, 1, 0), PAL_ERR_ARGUMENT);
    ck_assert_str_eq(pal_optimizer_error(NULL), "");
}
END_TEST

/* A side that is too long has no states; a parameter without any basis is updated as by AdamW, a step later. */
START_TEST(long_sides_have_no_basis)
{
    const pal_optimizer_options o = {.struct_size = sizeof o, .name = "soap", .max_dimension = 2},
                                adam = {.struct_size = sizeof adam, .name = "adamw", .beta1 = 0.95, .beta2 = 0.95};
    mover m[2] = {{0}, {0}};
    for (int k = 0; k < 2; k++) {
        add_parameter(&m[k], c, PAL_F64, "W", PAL_SHAPE(3, 4));
        if (!k) add_parameter(&m[k], c, PAL_F64, "V", PAL_SHAPE(3, 2));
        for (size_t i = 0; i < 12; i++) pal_tensor_set(m[k].d[0], i, 1 + (double)i);
        make_program(&m[k], c, k ? &adam : &o);
    }
    ck_assert_uint_eq(pal_optimizer_state_count(m[0].optimizer), 2 + 4 + 1);
    ck_assert(state_of(&m[0], "soap/right-basis/V") && !state_of(&m[0], "soap/left/V"));
    for (uint64_t t = 1; t <= 12; t++) {
        for (size_t i = 0; i < 12; i++)
            for (int k = 0; k < 2; k++) pal_tensor_set(m[k].t[0], i, sin((double)(t * 12 + i)));
        take_step(&m[0], t, 0.02);
        if (t > 1) take_step(&m[1], t - 1, 0.02);
        for (size_t i = 0; i < 12; i++) ck_assert(pal_tensor_get(m[0].w[0], i) == pal_tensor_get(m[1].w[0], i));
    }
    free_mover(&m[0]);
    free_mover(&m[1]);
    pal_error err = {0};
    const int64_t wrong[] = {-1, PAL__LAPACK_MOST + 1};
    for (int i = 0; i < 2; i++) {
        const pal_optimizer_options with = {.struct_size = sizeof with, .name = "soap", .max_dimension = wrong[i]};
        ck_assert_int_eq(pal_optimizer_check(&with, NULL, 0, &err), PAL_ERR_ARGUMENT);
        ck_assert_msg(strstr(err.text, "must be from 1 to 32000") != NULL, "%s", err.text);
    }
}
END_TEST

/* A refresh without memory keeps all that it had, so that the same refresh can be tried again. */
static bool refresh(void *user)
{
    mover *m = user;
    static uint64_t step = 2;
    pal_tensor *basis = state_of(m, "soap/left-basis/W");
    double kept[9];
    memcpy(kept, basis->data, sizeof kept);
    const pal_status status = pal_optimizer_set_step(m->optimizer, step++, 0.01);
    if (!status) return true;
    failing_require(status == PAL_ERR_MEMORY && strstr(pal_optimizer_error(m->optimizer), "W: left factor: "));
    failing_require(!memcmp(kept, basis->data, sizeof kept));
    return false;
}

START_TEST(missing_memory_of_a_refresh_is_reported)
{
    const pal_optimizer_options o = {
        .struct_size = sizeof o, .name = "soap", .precondition_every = 1, .max_dimension = 3};
    mover m = {0};
    add_parameter(&m, c, PAL_F64, "W", PAL_SHAPE(3, 4));
    for (size_t i = 0; i < 12; i++) pal_tensor_set(m.d[0], i, 1 + (double)(i * i));
    for (size_t i = 0; i < 12; i++) pal_tensor_set(m.t[0], i, cos((double)i));
    make_program(&m, c, &o);
    for (uint64_t t = 1; t <= 3; t++) take_step(&m, t, 0.01);
    ck_assert(failing_each(refresh, &m, false) > 4 || !failing_can);
    free_mover(&m);
}
END_TEST

Suite *soap_suite(void)
{
    Suite *suite = suite_create("soap");
    add_case(suite, "soap", set_up, tear_down,
             TESTS(a_refresh_at_each_step_is_the_ideal_algorithm, refreshes_come_to_the_eigenvectors,
                   a_failed_refresh_keeps_the_basis, long_sides_have_no_basis,
                   missing_memory_of_a_refresh_is_reported));
    return suite;
}
