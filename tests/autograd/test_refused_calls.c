/* test_refused_calls.c - calls that the engine refuses, with the reason that it gives; what questions about nothing
 * answer; and what a trace of the passes shows. */
#include "autograd/gradcheck.h"
#include "autograd/operation.h"
#include "autograd/wiring.h"
#include "tests/testing.h"

#include <math.h>
#include <stdio.h>

static pal_context *c;
static pal_tape *t;
static pal_tensor *x6;
static pal_var x;

static void setup(void)
{
    c = context_with(1);
    t = pal_tape_new(c, PAL_F64);
    x6 = random_tensor(c, PAL_F64, PAL_SHAPE(2, 3), 0.1, 0.9, "x");
    x = pal_leaf(t, x6, "x");
}

static void teardown(void)
{
    pal_tape_free(t);
    pal_tensor_free(x6);
    pal_context_free(c);
}

static void says(pal_status status, const char *part)
{
    ck_assert_int_eq(pal_tape_status(t), status);
    ck_assert_msg(strstr(pal_tape_error(t), part) != NULL, "%s", pal_tape_error(t));
}

static void refuses_gradient(int which)
{
    pal_var y = pal_sum_squares(x), whole = pal_cast(x, PAL_I32), g;
    pal_var one = pal_fill(t, PAL_F64, PAL_SHAPE(1), 1);
    switch (which) {
    case 0:
        pal_grad(y, &whole, 1, &g), says(PAL_ERR_TYPE, "grad: wrt 1 is i32, not real");
        break;
    case 1:
        pal_grad(pal_cast(y, PAL_I32), &x, 1, &g), says(PAL_ERR_TYPE, "grad: y is i32, not real");
        break;
    case 2:
        pal_vjp(x, one, &x, 1, &g), says(PAL_ERR_SHAPE, "grad: the seed is [1], y is [2,3]");
        break;
    case 3:
        pal_vjp(x, pal_cast(x, PAL_F32), &x, 1, &g), says(PAL_ERR_TYPE, "the seed is f32, y is f64");
        break;
    case 4:
        pal_vjp(x, (pal_var){0}, &x, 1, &g), says(PAL_ERR_TAPE, "the seed");
        break;
    case 5:
        pal_vjp(x, x, NULL, 1, &g), says(PAL_ERR_ARGUMENT, "vjp: wrt is NULL");
        break;
    case 6:
        pal_grad(y, &x, 1, NULL), says(PAL_ERR_ARGUMENT, "is NULL");
        break;
    default:
        ck_assert_int_eq(pal_grad((pal_var){0}, &x, 1, &g), PAL_ERR_TAPE);
        break;
    }
}

START_TEST(a_gradient_is_refused) { refuses_gradient(_i); }
END_TEST

/* More operands than an operation usually has, whose lists are allocated. */
START_TEST(many_operands_and_many_gradients)
{
    enum { MANY = 40 };
    pal_var in[MANY], g[MANY];
    pal_tensor *leaf[MANY];
    for (size_t i = 0; i < MANY; i++) {
        leaf[i] = pal_tensor_new(c, PAL_F64, PAL_SHAPE(2));
        pal_tensor_set(leaf[i], 0, (double)i);
        in[i] = pal_leaf(t, leaf[i], NULL);
    }
    pal_var y = pal_sum_squares(pal_concat(in, MANY, 0));
    ck_assert_int_eq(pal_grad(y, in, MANY, g), PAL_OK);
    for (size_t i = 0; i < MANY; i++) {
        double found[2];
        ck_assert_int_eq(pal_eval(g[i], found), PAL_OK);
        ck_assert(found[0] == 2 * (double)i && found[1] == 0);
    }
    for (size_t i = 0; i < MANY; i++) pal_tensor_free(leaf[i]);
}
END_TEST

static pal_var assigning(pal_tape *tape, pal_var k, void *user)
{
    (void)tape;
    pal_assign(x, pal_scale(x, 2));
    return pal_take(*(pal_var *)user, k);
}

static pal_var counting(pal_tape *tape, pal_var k, void *user)
{
    (void)tape, (void)user;
    return k;
}

static int depth;
static pal_var nested(pal_tape *tape, pal_var k, void *user)
{
    (void)k;
    if (depth++ < 6) return pal_map_sum(tape, 2, nested, user);
    return pal_normal(tape, "noise", PAL_SHAPE(2));
}

START_TEST(a_region_refuses)
{
    if (_i == 0) pal_map_sum(t, 2, assigning, &x), says(PAL_ERR_ARGUMENT, "assign the region's result outside");
    if (_i == 1) pal_map_sum(t, 2, counting, &x), says(PAL_ERR_TYPE, "map_sum: the body's value is i32, not real");
    if (_i == 2) {
        depth = 0;
        pal_var y = pal_map_sum(t, 2, nested, &x);
        ck_assert_ptr_null(pal_compile(t, &y, 1, NULL));
        says(PAL_ERR_ARGUMENT, "regions");
    }
}
END_TEST

START_TEST(an_operation_is_refused)
{
    static const pal_op nameless = {.struct_size = sizeof(pal_op)};
    const pal_op *normal = pal_op_find("normal"), *add = pal_op_find("add");
    pal_op short_op = *add;
    short_op.struct_size = 3;
    pal_var two[] = {x, x};
    switch (_i) {
    case 0:
        pal_record(t, NULL, two, 2, NULL), says(PAL_ERR_ARGUMENT, "descriptor is NULL");
        break;
    case 1:
        pal_record(t, &nameless, two, 2, NULL), says(PAL_ERR_ARGUMENT, "has no name");
        break;
    case 2:
        pal_record(t, normal, NULL, 0, NULL), says(PAL_ERR_ARGUMENT, "noise needs a stream");
        break;
    case 3:
        pal_record_random(t, add, "s", PAL_SHAPE(2), PAL_F64), says(PAL_ERR_ARGUMENT, "is not a random operation");
        break;
    case 4:
        pal_record_random(t, normal, "", PAL_SHAPE(2), PAL_F64), says(PAL_ERR_ARGUMENT, "needs a name");
        break;
    case 5:
        pal_record_random(t, normal, "s", PAL_SHAPE(-2), PAL_F64), says(PAL_ERR_SHAPE, "not a shape");
        break;
    case 6:
        pal_record(t, add, NULL, 2, NULL), says(PAL_ERR_ARGUMENT, "operands is NULL");
        break;
    case 7:
        pal_record(t, &short_op, two, 2, NULL), says(PAL_ERR_ARGUMENT, "descriptor");
        break;
    }
}
END_TEST

START_TEST(questions_about_nothing)
{
    ck_assert_ptr_null(pal_program_error(NULL));
    ck_assert_uint_eq(pal_program_arena(NULL), 0);
    ck_assert_uint_eq(pal_program_lanes(NULL), 0);
    ck_assert_uint_eq(pal_program_noise(NULL).seed, 0);
    pal_program_set_noise(NULL, (pal_noise){.seed = 1});
    ck_assert_ptr_null(pal_program_text(NULL));
    ck_assert_int_eq(pal_bind(NULL, x6, x6->data), PAL_ERR_ARGUMENT);
    ck_assert_ptr_null(pal_output(NULL, 0));
    ck_assert_uint_eq(pal_context_threads(NULL), 0);
    ck_assert_str_eq(pal_context_isa(NULL), "none");
    ck_assert_str_eq(pal_context_blas(NULL), "none");
    ck_assert(!pal_context_subnormals(NULL));
    ck_assert_ptr_null(pal_context_advice(NULL));
    size_t peak = 7;
    ck_assert_uint_eq(pal_context_memory(NULL, &peak), 0);
    ck_assert_uint_eq(peak, 0);
    ck_assert_str_eq(pal_verdict_text((pal_verdict)99), "?");
    pal_var tangent = pal_jvp((pal_var){0}, (pal_var){0}, (pal_var){0});
    ck_assert(!tangent.tape && !tangent.id);
    ck_assert_int_eq(pal_vjp((pal_var){0}, (pal_var){0}, NULL, 0, NULL), PAL_ERR_TAPE);
    ck_assert_str_eq(pal_op_source(NULL), "");
    ck_assert_uint_eq(pal_gradcheck_op_cases(NULL), 0);
    ck_assert(!pal_gradcheck_op_case(NULL, 0, NULL));
    double *nowhere = NULL;
    pal_noise_uniform((pal_noise){0}, NULL, 0, 3, nowhere);
    ck_assert_int_eq(pal_eval(x, NULL), PAL_ERR_ARGUMENT);
}
END_TEST

static pal_var in_f32(pal_tape *tape, const pal_var *in, const void *user)
{
    (void)tape, (void)user;
    return pal_cast(in[0], PAL_F32);
}

static pal_var nothing(pal_tape *tape, const pal_var *in, const void *user)
{
    (void)tape, (void)in, (void)user;
    return (pal_var){0};
}

static pal_var squares(pal_tape *tape, const pal_var *in, const void *user)
{
    (void)tape, (void)user;
    return pal_sum_squares(in[0]);
}

START_TEST(a_check_of_derivatives_is_refused)
{
    pal_gradcheck_report r;
    pal_tensor *f32 = pal_tensor_new(c, PAL_F32, PAL_SHAPE(2));
    pal_gradcheck_options third = {.struct_size = sizeof third, .order = 3};
    ck_assert_int_eq(pal_gradcheck(c, "f", squares, NULL, &x6, 1, NULL, NULL), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_gradcheck(NULL, "f", squares, NULL, &x6, 1, NULL, &r), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_gradcheck(c, "f", NULL, NULL, &x6, 1, NULL, &r), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_gradcheck(c, "f", squares, NULL, NULL, 1, NULL, &r), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_gradcheck(c, "f", squares, NULL, &x6, 0, NULL, &r), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_gradcheck(c, "f", squares, NULL, &x6, 1, &third, &r), PAL_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(r.message, "the order is 3, not 1 or 2"));
    ck_assert_int_eq(pal_gradcheck(c, "f", in_f32, NULL, &x6, 1, NULL, &r), PAL_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(r.message, "not float64"));
    ck_assert_int_eq(pal_gradcheck(c, "f", nothing, NULL, &x6, 1, NULL, &r), PAL_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(r.message, "bad handle"));
    ck_assert_int_eq(pal_gradcheck(c, "f", squares, NULL, &f32, 1, NULL, &r), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(r.verdict, PAL_CHECK_ERROR);
    ck_assert_int_eq(pal_gradcheck_op(c, pal_op_find("matmul"), 1000, NULL, &r), PAL_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(r.message, "no such case"));
    ck_assert_int_eq(pal_gradcheck_op(c, NULL, 0, NULL, &r), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_gradcheck_op(c, pal_op_find("matmul"), 0, NULL, NULL), PAL_ERR_ARGUMENT);
    /* Without a name, and with a tolerance of one's own, a check is made as usual. */
    pal_gradcheck_options loose = {.struct_size = sizeof loose, .order = 2, .tolerance = 1e-3};
    ck_assert_int_eq(pal_gradcheck(c, NULL, squares, NULL, &x6, 1, &loose, &r), PAL_OK);
    ck_assert_int_eq(r.verdict, PAL_CHECK_PASS);
    ck_assert_str_eq(r.name, "");
    pal_tensor_free(f32);
}
END_TEST

/* An operation x^2 + x that fails in its run number `fails_at`. */
static long runs, fails_at;

static pal_status brittle_run(const pal_call *call)
{
    if (runs++ == fails_at) {
        snprintf(call->why, 120, "brittle: run %ld fails", fails_at);
        return PAL_ERR_NUMERIC;
    }
    const double *in = call->in[0];
    double *out = call->out;
    for (int64_t i = 0; i < pal_shape_count(call->shape); i++) out[i] = in[i] * in[i] + in[i];
    return PAL_OK;
}

static pal_var brittle_vjp(const pal_rule *rule, size_t operand);
static const pal_op brittle = {PAL_OP_HEAD("brittle", "x^2 + x", "fails when it is told to"),
                               .op_class = PAL_CLASS_OPAQUE,
                               .arity = 1,
                               .capabilities = PAL_CAN_FAIL,
                               .infer = pal_infer_same,
                               .derivative = {PAL_HAS_RULE},
                               .vjp = brittle_vjp,
                               .run = brittle_run};

/* g ((brittle(x) - x^2) / x * (2 x + 1)): the gradient runs the operation, too. */
static pal_var brittle_vjp(const pal_rule *rule, size_t operand)
{
    pal_var at = rule->in[operand],
            one = pal_div(pal_sub(pal_record(NULL, &brittle, &at, 1, NULL), pal_square(at)), at);
    return pal_mul(rule->seed, pal_mul(one, pal_add(pal_scale(at, 2), one)));
}

static pal_var sum_of_brittle(pal_tape *tape, const pal_var *in, const void *user)
{
    (void)user;
    pal_var noise = pal_normal(tape, "noise", pal_shape_of(in[0]));
    return pal_sum_all(pal_mul(pal_record(tape, &brittle, in, 1, NULL), pal_tanh(noise)));
}

/* Whichever run of the function or of its gradient fails, the check says so, and the inputs have their old values. */
START_TEST(a_check_reports_the_run_that_fails)
{
    const pal_gradcheck_options o = {.struct_size = sizeof o, .order = _i, .max_elements = 2};
    pal_gradcheck_report r;
    double before[6];
    memcpy(before, x6->data, sizeof before);
    runs = 0;
    fails_at = -1;
    ck_assert_int_eq(pal_gradcheck(c, "brittle", sum_of_brittle, NULL, &x6, 1, &o, &r), PAL_OK);
    ck_assert_msg(r.verdict == PAL_CHECK_PASS, "%s", r.message);
    const long all = runs;
    ck_assert_int_gt(all, 20);
    for (long at = 0; at < all; at++) {
        runs = 0;
        fails_at = at;
        ck_assert_int_eq(pal_gradcheck(c, "brittle", sum_of_brittle, NULL, &x6, 1, &o, &r), PAL_ERR_ARGUMENT);
        ck_assert_int_eq(r.verdict, PAL_CHECK_ERROR);
        ck_assert_msg(strstr(r.message, "brittle") != NULL, "%ld: %s", at, r.message);
        ck_assert_mem_eq(x6->data, before, sizeof before);
    }
}
END_TEST

typedef struct traced {
    char passes[256];
    size_t texts, tapes;
} traced;

static void note_pass(const pal_trace *made, void *user)
{
    traced *w = user;
    strncat(w->passes, made->pass, sizeof w->passes - strlen(w->passes) - 2);
    strcat(w->passes, " ");
    ck_assert((made->text != NULL) != (made->tape != NULL));
    if (made->text) ck_assert_uint_gt(strlen(made->text), 0);
    w->texts += made->text != NULL;
    w->tapes += made->tape != NULL && made->n >= 1 && pal_ok(made->outputs[0]);
}

START_TEST(a_trace_shows_each_pass_once)
{
    pal_var y = pal_sum_squares(pal_tanh(pal_scale(x, 2)));
    pal_assign(x, pal_scale(x, 0.5));
    traced w = {.texts = 0};
    const pal_compile_options o = {
        .struct_size = sizeof o, .effects = true, .lanes = 1, .trace = note_pass, .user = &w};
    pal_program *p = pal_compile(t, &y, 1, &o);
    ck_assert_ptr_nonnull(p);
    ck_assert_str_eq(w.passes, "live simplify materialise fuse schedule feed collect place emit ");
    ck_assert_uint_eq(w.tapes, 3);
    ck_assert_uint_eq(w.texts, 6);
    pal_program_free(p);
}
END_TEST

START_TEST(a_drawing_is_refused)
{
    pal_error err = {0};
    char name[5000];
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = 0;
    ck_assert_int_eq(pal_graph_write(t, &x, 1, NULL, name, &err), PAL_ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.text, "too long"));
    ck_assert_int_eq(pal_graph_write(t, &x, 1, NULL, "/no such folder/a.dot", &err), PAL_ERR_IO);
    ck_assert_int_eq(pal_graph_write(NULL, &x, 1, NULL, "a.dot", &err), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_graph_write(t, NULL, 1, NULL, "a.dot", &err), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_graph_write(t, &x, 1, NULL, "", &err), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_graph_write(t, &x, 1, NULL, NULL, &err), PAL_ERR_ARGUMENT);
}
END_TEST

Suite *refused_calls_suite(void)
{
    Suite *s = suite_create("refused_calls");
    TCase *all = add_case(s, "refused calls", setup, teardown,
                          TESTS(many_operands_and_many_gradients, questions_about_nothing,
                                a_check_of_derivatives_is_refused, a_trace_shows_each_pass_once, a_drawing_is_refused));
    tcase_add_loop_test(all, a_gradient_is_refused, 0, 8);
    tcase_add_loop_test(all, a_check_reports_the_run_that_fails, 1, 3);
    tcase_add_loop_test(all, a_region_refuses, 0, 3);
    tcase_add_loop_test(all, an_operation_is_refused, 0, 8);
    return s;
}
