/* test_refused_optimizers.c - what optimisers, slabs and L-BFGS refuse, with the reason that they give; what questions
 * about nothing answer; and each allocation fails in turn. */
#include <float.h>
#include <math.h>
#include <stdint.h>

#include "optim/optim.h"
#include "tests/failing.h"
#include "tests/testing.h"

Suite *refused_optimizers_suite(void);

enum { N = 3 };

static pal_context *c;
static pal_tensor *w[N];
static const char *const names[N] = {"a", "b", "c"};

static void setup(void)
{
    c = context_with(1);
    for (size_t i = 0; i < N; i++) w[i] = random_tensor(c, PAL_F64, PAL_SHAPE(2), -1, 1, "w");
}

static void teardown(void)
{
    for (size_t i = 0; i < N; i++) pal_tensor_free(w[i]);
    pal_context_free(c);
}

/* ---- Optimisers ----------------------------------------------------------------------------------------------- */

static void refuses(pal_context *context, pal_tensor *const *parameters, const char *const *called, size_t n,
                    pal_status status, const char *says)
{
    pal_error err = {0};
    ck_assert_ptr_null(pal_optimizer_new(context, NULL, parameters, called, n, &err));
    ck_assert_int_eq(err.status, status);
    ck_assert_msg(strstr(err.text, says) != NULL, "%s", err.text);
}

START_TEST(parameters_are_refused)
{
    pal_tensor *single = pal_tensor_new(c, PAL_F32, PAL_SHAPE(2));
    pal_tensor *const lost[] = {w[0], NULL}, *const mixed[] = {w[0], w[1], single};
    const char *const unnamed[] = {"a", "b", NULL};
    refuses(NULL, w, names, N, PAL_ERR_ARGUMENT, "no context");
    refuses(c, NULL, names, N, PAL_ERR_ARGUMENT, "parameter 1 is missing");
    refuses(c, w, NULL, N, PAL_ERR_ARGUMENT, "parameter 1 is missing");
    refuses(c, lost, names, 2, PAL_ERR_ARGUMENT, "parameter 2 is missing");
    refuses(c, w, unnamed, N, PAL_ERR_ARGUMENT, "parameter 3 is missing or has no name");
    refuses(c, mixed, names, N, PAL_ERR_TYPE, "c is f32: all parameters must have one real type");
    pal_tensor_free(single);
}
END_TEST

/* Nothing is recorded when the parameters, the gradients or their number are not those of the optimiser. */
START_TEST(a_record_is_refused)
{
    pal_optimizer *o = pal_optimizer_new(c, NULL, w, names, N, NULL);
    ck_assert_ptr_nonnull(o);
    pal_var leaf[N];
    for (int wrong = 0; wrong < 4; wrong++) {
        pal_tape *t = pal_tape_new(c, PAL_F64);
        for (size_t i = 0; i < N; i++) leaf[i] = pal_leaf(t, w[i], names[i]);
        const size_t length = pal_tape_length(t);
        const pal_var *parameters = wrong == 1 ? NULL : leaf, *gradients = wrong == 2 ? NULL : leaf;
        const pal_status status = pal_optimizer_record(o, t, parameters, gradients, wrong ? N : 2);
        if (wrong < 3) {
            ck_assert_int_eq(status, PAL_ERR_ARGUMENT);
            ck_assert_msg(strstr(pal_tape_error(t), wrong ? "is NULL" : "has 3 parameters, but 2 were given") != NULL,
                          "%s", pal_tape_error(t));
            ck_assert_uint_eq(pal_tape_length(t), length);
        } else {
            ck_assert_int_eq(status, PAL_OK);
            ck_assert_uint_gt(pal_tape_length(t), length);
        }
        pal_tape_free(t);
    }
    pal_tape *t = pal_tape_new(c, PAL_F64);
    ck_assert_int_eq(pal_optimizer_record(NULL, t, leaf, leaf, N), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_optimizer_record(o, NULL, leaf, leaf, N), PAL_ERR_ARGUMENT);
    pal_tape_free(t);
    pal_optimizer_free(o);
}
END_TEST

/* An optimiser of no parameters records nothing, and one that does not exist has nothing. */
START_TEST(nothing_has_no_states)
{
    pal_error err = {0};
    pal_optimizer *o = pal_optimizer_new(c, NULL, NULL, NULL, 0, &err);
    ck_assert_msg(o != NULL, "%s", err.text);
    pal_tape *t = pal_tape_new(c, PAL_F64);
    ck_assert_int_eq(pal_optimizer_record(o, t, NULL, NULL, 0), PAL_OK);
    ck_assert_uint_eq(pal_tape_length(t), 0);
    pal_tape_free(t);
    ck_assert_uint_eq(pal_optimizer_state_count(o), 0);
    ck_assert_ptr_null(pal_optimizer_state(o, 0, NULL));
    pal_optimizer_free(o);
    ck_assert_uint_eq(pal_optimizer_state_count(NULL), 0);
    ck_assert_ptr_null(pal_optimizer_state(NULL, 0, NULL));
    pal_optimizer_set_step(NULL, 1, 1);
    ck_assert_ptr_null(pal_optimizer_formula(pal_optimizer_kinds()));
    ck_assert(isnan(pal_schedule_rate(NULL, 1)));
}
END_TEST

/* What the parameters are after three steps of descent on the sum of squares. */
static void descend(const pal_optimizer_options *options, double out[2])
{
    pal_tensor *x = pal_tensor_new(c, PAL_F64, PAL_SHAPE(2));
    const char *name = "x";
    for (size_t i = 0; i < 2; i++) pal_tensor_set(x, i, 1 + (double)i);
    pal_error err = {0};
    pal_optimizer *o = pal_optimizer_new(c, options, &x, &name, 1, &err);
    ck_assert_msg(o != NULL, "%s", err.text);
    pal_tape *t = pal_tape_new(c, PAL_F64);
    pal_var leaf = pal_leaf(t, x, name), y = pal_sum_squares(leaf), g;
    pal_grad(y, &leaf, 1, &g);
    ck_assert_int_eq(pal_optimizer_record(o, t, &leaf, &g, 1), PAL_OK);
    pal_program *p =
        pal_compile(t, &y, 1, &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .effects = true});
    ck_assert_tape_ok(t);
    for (uint64_t step = 1; step <= 3; step++) {
        pal_optimizer_set_step(o, step, 0.1);
        ck_assert_int_eq(pal_run(p), PAL_OK);
    }
    for (size_t i = 0; i < 2; i++) out[i] = pal_tensor_get(x, i);
    pal_program_free(p);
    pal_tape_free(t);
    pal_optimizer_free(o);
    pal_tensor_free(x);
}

/* -1 is a true 0, and 0 the default: without its momentum, the rule is plain descent; without its decay, adamw is adam.
 */
START_TEST(minus_one_is_a_true_zero)
{
    const size_t size = sizeof(pal_optimizer_options);
    const struct {
        pal_optimizer_options with, same, other;
    } cases[] = {
        {{size, .name = "momentum", .momentum = -1}, {size, .name = "gd"}, {size, .name = "momentum"}},
        {{size, .name = "adamw", .weight_decay = -1}, {size, .name = "adam"}, {size, .name = "adamw"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double with[2], same[2], other[2];
        descend(&cases[i].with, with);
        descend(&cases[i].same, same);
        descend(&cases[i].other, other);
        for (size_t k = 0; k < 2; k++) {
            ck_assert_double_eq(with[k], same[k]);
            ck_assert_double_ne(with[k], other[k]);
        }
    }
}
END_TEST

START_TEST(slabs_are_refused)
{
    const pal_shape one[] = {PAL_SHAPE(2)},
                    sum[] = {PAL_SHAPE(INT64_MAX / 4), PAL_SHAPE(INT64_MAX / 4), PAL_SHAPE(INT64_MAX / 4)},
                    negative[] = {PAL_SHAPE(-1)};
    ck_assert_ptr_null(pal_slab_new(NULL, PAL_F64, one, 1));
    ck_assert_ptr_null(pal_slab_new(c, PAL_DTYPE_COUNT, one, 1));
    ck_assert_ptr_null(pal_slab_new(c, PAL_F64, sum, 3)); /* each fits, all together do not */
    ck_assert_ptr_null(pal_slab_new(c, PAL_F64, negative, 1));
}
END_TEST

/* ---- L-BFGS --------------------------------------------------------------------------------------------------- */

/* Half a square with a wall: after some calls each other point is outside, where there is no value. */
typedef struct walled {
    int64_t calls, open;
    double x, wall, slope;
} walled;

static pal_status square(const double *x, double *value, double *gradient, void *user)
{
    walled *s = user;
    const bool outside = ++s->calls > s->open && x[0] != s->x;
    *value = outside ? s->wall : x[0] * x[0] / 2 + x[1] * x[1];
    gradient[0] = x[0];
    gradient[1] = 2 * x[1];
    if (s->slope != 0) gradient[0] = s->slope;
    if (!outside && s->calls <= s->open) s->x = x[0];
    return PAL_OK;
}

/* Where no step leads down, neither along the direction of the pairs nor along the gradient, the search ends at the
 * best point that it has seen, and does not call it converged. */
START_TEST(a_search_ends_at_a_wall)
{
    const double walls[] = {(double)INFINITY, (double)NAN, 1e300};
    for (size_t i = 0; i < 3; i++)
        for (int64_t open = 1; open <= 3; open++) {
            walled s = {.open = open, .wall = walls[i]};
            double x[2] = {3, -2}, first = 3.0 * 3 / 2 + 2.0 * 2;
            pal_lbfgs_result r;
            pal_error err = {0};
            ck_assert_msg(!pal_lbfgs(x, 2, square, &s, NULL, &r, &err), "%s", err.text);
            ck_assert_int_eq(r.evaluations, s.calls);
            ck_assert(!r.converged && r.evaluations < 200);
            ck_assert_double_eq(r.value, x[0] * x[0] / 2 + x[1] * x[1]);
            if (open == 1) ck_assert(x[0] == 3 && x[1] == -2 && r.iterations == 0);
            if (open > 1) ck_assert(r.value < first && r.iterations > 0);
        }
}
END_TEST

START_TEST(searches_are_refused)
{
    const struct {
        pal_lbfgs_options o;
        const char *says;
    } cases[] = {{{.struct_size = sizeof(pal_lbfgs_options), .memory = 1001}, "at most 1000 pairs"},
                 {{.struct_size = sizeof(pal_lbfgs_options), .iterations = -1}, "lbfgs"},
                 {{.memory = 1}, "struct_size"}};
    double x[2] = {3, -2};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        walled s = {.open = INT64_MAX};
        pal_error err = {0};
        ck_assert_int_eq(pal_lbfgs(x, 2, square, &s, &cases[i].o, NULL, &err), PAL_ERR_ARGUMENT);
        ck_assert_msg(strstr(err.text, cases[i].says) != NULL, "%s", err.text);
        ck_assert_int_eq(s.calls, 0);
    }
    ck_assert_int_eq(pal_lbfgs(x, 2, NULL, NULL, NULL, NULL, NULL), PAL_ERR_ARGUMENT);
    walled steep = {.open = INT64_MAX, .slope = (double)INFINITY}; /* the value is finite, and its gradient is not */
    ck_assert_int_eq(pal_lbfgs(x, 2, square, &steep, NULL, NULL, NULL), PAL_ERR_NUMERIC);
    ck_assert(x[0] == 3 && x[1] == -2);
}
END_TEST

/* ---- Missing memory ------------------------------------------------------------------------------------------- */

static bool make(void *user)
{
    (void)user;
    const pal_optimizer_options options = {.struct_size = sizeof options, .name = "adam"};
    pal_error err = {0};
    pal_optimizer *o = pal_optimizer_new(c, &options, w, names, N, &err);
    if (!o) failing_require(err.status == PAL_ERR_MEMORY && strstr(err.text, "out of memory for the states"));
    if (o) failing_require(pal_optimizer_state_count(o) == 2 * N);
    pal_optimizer_free(o);
    return o != NULL;
}

static bool search(void *user)
{
    walled s = {.open = INT64_MAX};
    double x[2] = {3, -2};
    pal_error err = {0};
    const pal_status status = pal_lbfgs(x, 2, square, &s, NULL, NULL, &err);
    failing_require(!status || (status == PAL_ERR_MEMORY && x[0] == 3 && x[1] == -2));
    failing_require(status || (fabs(x[0]) < 1e-6 && fabs(x[1]) < 1e-6));
    (void)user;
    return !status;
}

START_TEST(missing_memory_is_reported)
{
    const size_t before = pal_context_memory(c, NULL);
    ck_assert(failing_each(make, NULL, true) > 2 * N || !failing_can);
    ck_assert(failing_each(search, NULL, true) > 0 || !failing_can);
    ck_assert_uint_eq(pal_context_memory(c, NULL), before);
}
END_TEST

/* What is missing is said; nothing crashes. */
START_TEST(missing_arguments_are_refused)
{
    pal_error err = {0};
    const pal_shape shape = PAL_SHAPE(2);
    const pal_optimizer_options grouped = {.struct_size = sizeof grouped, .rates = "a=2"};
    ck_assert_ptr_null(pal_slab_new(c, PAL_F64, NULL, 1));
    pal_slab *slab = pal_slab_new(c, PAL_F64, &shape, 1);
    ck_assert_ptr_nonnull(slab);
    pal_slab_free(slab);
    ck_assert_int_eq(pal_optimizer_check(&grouped, NULL, 1, &err), PAL_ERR_ARGUMENT);
    ck_assert_str_eq(err.text, "optimizer: no names of the 1 parameters");
    pal_tensor *const lost[] = {w[0], NULL};
    const struct {
        pal_context *context;
        pal_tensor *const *parameters;
        const char *const *called;
    } rows[] = {{NULL, w, names}, {c, NULL, names}, {c, w, NULL}, {c, lost, names}};
    for (size_t i = 0; i < 4; i++) {
        ck_assert_ptr_null(pal_accumulator_new(rows[i].context, rows[i].parameters, rows[i].called, 2, &err));
        ck_assert_int_eq(err.status, PAL_ERR_ARGUMENT);
    }
    pal_tape *t = pal_tape_new(c, PAL_F64);
    pal_accumulator *a = pal_accumulator_new(c, w, names, 1, &err);
    pal_var g = pal_leaf(t, w[0], "a"), out;
    ck_assert_int_eq(pal_accumulator_add(NULL, t, &g), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_accumulator_add(a, NULL, &g), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_accumulator_add(a, t, NULL), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_accumulator_mean(NULL, t, &g, 2, &out), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_accumulator_mean(a, t, &g, 2, NULL), PAL_ERR_ARGUMENT);
    ck_assert_tape_ok(t);
    ck_assert_int_eq(pal_accumulator_mean(a, t, &g, 0, &out), PAL_ERR_ARGUMENT);
    ck_assert_str_eq(pal_tape_error(t), "accumulation: 0 parts: at least 1");
    pal_accumulator_free(a);
    pal_tape_free(t);
}
END_TEST

Suite *refused_optimizers_suite(void)
{
    Suite *suite = suite_create("refused_optimizers");
    add_case(suite, "optimisers", setup, teardown,
             TESTS(parameters_are_refused, a_record_is_refused, nothing_has_no_states, minus_one_is_a_true_zero,
                   slabs_are_refused, missing_memory_is_reported, missing_arguments_are_refused));
    add_case(suite, "L-BFGS", NULL, NULL, TESTS(a_search_ends_at_a_wall, searches_are_refused));
    return suite;
}
