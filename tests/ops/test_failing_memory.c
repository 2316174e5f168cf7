/* test_failing_memory.c - each allocation fails in turn while an operation is recorded, differentiated, compiled and
 * run, while a derivative is checked, and while a tape is printed, read and drawn. Each failure is reported, or the
 * result is the right one; and nothing leaks. */
#include "autograd/gradcheck.h"
#include "tests/failing.h"
#include "tests/testing.h"

#include <math.h>

static pal_context *c;

static void setup(void) { c = context_with(1); }
static void teardown(void) { pal_context_free(c); }

/* Runs the scenario with failures, and compares the context's memory before and after. */
static void sweep(failing_scenario *run, void *user, const char *name)
{
    const size_t before = pal_context_memory(c, NULL);
    const long n = failing_each(run, user, true);
    ck_assert_msg(n > 0 || !failing_can, "%s: allocates nothing", name);
    ck_assert_msg(pal_context_memory(c, NULL) == before, "%s: leaks", name);
}

/* ---- Operations ----------------------------------------------------------------------------------------------- */

typedef struct subject {
    const pal_case *it;
    pal_tensor *in[PAL_CASE_INPUTS];
    double right; /* the sum of all results; NaN: not known yet */
} subject;

static double sum_of(const pal_tensor *x)
{
    double sum = 0;
    for (size_t i = 0; i < pal_tensor_count(x); i++) sum += pal_tensor_get(x, i);
    return sum;
}

/* The value, its gradient, and the gradient of the gradient's squares. */
static bool differentiate_and_run(void *user)
{
    subject *s = user;
    pal_tape *t = pal_tape_new(c, PAL_F64);
    if (!t) return false;
    pal_var in[PAL_CASE_INPUTS], out[2 * PAL_CASE_INPUTS + 1];
    const size_t n = s->it->n;
    for (size_t k = 0; k < n; k++) in[k] = pal_leaf(t, s->in[k], NULL);
    pal_var y = s->it->build(t, in, s->it->user), squares = pal_sum_squares(y);
    out[0] = squares;
    bool good = pal_grad(squares, in, n, out + 1) == PAL_OK;
    pal_var slope = good && n ? pal_sum_squares(out[1]) : squares;
    good = good && pal_grad(slope, in, n, out + 1 + n) == PAL_OK;
    pal_program *p = good ? pal_compile(t, out, 2 * n + 1,
                                        &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .lanes = 1})
                          : NULL;
    /* What failed says so. */
    if (!p) failing_require(pal_tape_error(t));
    good = p && pal_run(p) == PAL_OK;
    if (p && !good) failing_require(pal_program_error(p));
    double sum = 0;
    for (size_t i = 0; i < 2 * n + 1 && good; i++) sum += sum_of(pal_output(p, i));
    pal_program_free(p);
    pal_tape_free(t);
    if (!good) return false;
    if (isnan(s->right)) s->right = sum;
    failing_require(sum == s->right || isnan(sum));
    return true;
}

START_TEST(each_operation_reports_missing_memory)
{
    size_t n = 0;
    for (const pal_op *op; (op = pal_op_at(n)); n++) {
        pal_case it;
        if (!pal_gradcheck_op_case(op, 0, &it)) continue;
        subject s = {.it = &it, .right = NAN};
        for (size_t k = 0; k < it.n; k++)
            s.in[k] = random_tensor(c, PAL_F64, it.in[k].shape, it.in[k].low, it.in[k].high, "x");
        sweep(differentiate_and_run, &s, op->name);
        for (size_t k = 0; k < it.n; k++) pal_tensor_free(s.in[k]);
    }
    ck_assert_uint_gt(n, 40);
}
END_TEST

/* ---- Checks of derivatives ------------------------------------------------------------------------------------ */

static pal_var body(pal_tape *t, pal_var k, void *user)
{
    (void)t;
    return pal_square(pal_take(*(pal_var *)user, k));
}

static pal_var noisy(pal_tape *t, const pal_var *in, const void *user)
{
    (void)user;
    pal_var x = in[0], kept = pal_mul(x, pal_normal(t, "noise", PAL_SHAPE(3, 2)));
    return pal_add(pal_sum_squares(pal_tanh(kept)), pal_sum_all(pal_map_sum(t, 3, body, &x)));
}

static bool check_derivative(void *user)
{
    const int order = *(int *)user;
    pal_gradcheck_report r;
    pal_tensor *x = pal_tensor_new(c, PAL_F64, PAL_SHAPE(3, 2));
    if (!x) return false;
    for (size_t i = 0; i < 6; i++) pal_tensor_set(x, i, 0.3 + 0.1 * (double)i);
    const pal_gradcheck_options o = {.struct_size = sizeof o, .order = order, .max_elements = 2};
    const pal_status status = pal_gradcheck(c, "noisy", noisy, NULL, &x, 1, &o, &r);
    for (size_t i = 0; i < 6; i++) failing_require(pal_tensor_get(x, i) == 0.3 + 0.1 * (double)i);
    pal_tensor_free(x);
    failing_require(r.verdict == (status == PAL_OK ? PAL_CHECK_PASS : PAL_CHECK_ERROR));
    if (status) failing_require(status == (PAL_ERR_MEMORY));
    if (status) failing_require(r.message[0] != 0);
    return status == PAL_OK;
}

START_TEST(a_check_of_derivatives_reports_missing_memory)
{
    for (int order = 1; order <= 2; order++) sweep(check_derivative, &order, "gradcheck");
}
END_TEST

static bool check_operation(void *user)
{
    pal_gradcheck_report r;
    const pal_gradcheck_options o = {.struct_size = sizeof o, .max_elements = 1};
    const pal_status status = pal_gradcheck_op(c, user, 0, &o, &r);
    failing_require(r.verdict == (status == PAL_OK ? PAL_CHECK_PASS : PAL_CHECK_ERROR));
    if (status) failing_require(status == (PAL_ERR_MEMORY));
    return status == PAL_OK;
}

START_TEST(a_check_of_an_operation_reports_missing_memory)
{
    sweep(check_operation, (void *)(uintptr_t)pal_op_find("matmul"), "matmul");
}
END_TEST

/* ---- Texts and drawings --------------------------------------------------------------------------------------- */

typedef struct texts {
    char *printed, *drawn;
} texts;

static pal_tensor *leaf_of(const char *name, pal_dtype dtype, pal_shape shape, void *user)
{
    (void)name;
    pal_tensor **made = user;
    for (; *made; made++) {
    }
    return *made = pal_tensor_new(c, dtype, shape);
}

static bool same_text(char **kept, char *made)
{
    if (!*kept) return (*kept = made);
    const bool same = !strcmp(*kept, made);
    pal_text_free(c, made);
    return same;
}

static pal_var record_some(pal_tape *t, pal_tensor *x, pal_tensor *w, pal_var *leaves)
{
    leaves[0] = pal_leaf(t, x, "x");
    leaves[1] = pal_leaf(t, w, "w");
    pal_scope_begin(t, "encoder");
    pal_scope_begin(t, "one");
    pal_var h = pal_sigmoid(pal_matmul(pal_mul(leaves[0], pal_bernoulli(t, "mask", PAL_SHAPE(3, 4), 0.5)), leaves[1]));
    pal_scope_end(t);
    pal_scope_begin(t, "two");
    h = pal_sigmoid(pal_matmul(pal_matmul(h, pal_transpose(leaves[1])), leaves[1]));
    pal_scope_end(t);
    pal_scope_end(t);
    return pal_add(pal_sum_squares(h), pal_sum_all(pal_map_sum(t, 3, body, &leaves[0])));
}

static bool print_draw_and_read(void *user)
{
    texts *right = user;
    pal_tensor *made[8] = {NULL}, *xs = pal_tensor_new(c, PAL_F64, PAL_SHAPE(3, 4)),
               *ws = pal_tensor_new(c, PAL_F64, PAL_SHAPE(4, 2));
    pal_tape *t = pal_tape_new(c, PAL_F64), *again = pal_tape_new(c, PAL_F64);
    bool good = false;
    char *printed = NULL, *drawn = NULL, *steps = NULL;
    pal_program *p = NULL;
    if (!t || !again || !xs || !ws) goto end;
    pal_var leaves[2], g[2], y = record_some(t, xs, ws, leaves);
    if (pal_grad(y, leaves, 2, g)) goto end;
    pal_assign(leaves[1], pal_sub(leaves[1], g[1]));
    const pal_compile_options compiling = {
        .struct_size = sizeof compiling, .effects = true, .lanes = 1, .profile = true, .passes = PAL_PASS_NONE};
    p = pal_compile(t, &y, 1, &compiling);
    if (!p || pal_run(p)) goto end;
    steps = pal_program_text(p);
    printed = pal_tape_text(t, NULL, 0);
    const pal_graph_options drawing = {.struct_size = sizeof drawing,
                                       .title = "a title",
                                       .parameters = leaves + 1,
                                       .n_parameters = 1,
                                       .fold = true,
                                       .sizes = true,
                                       .kept = PAL_GRAPH_KEPT_NUMBERS};
    drawn = pal_graph_text(t, &y, 1, &drawing);
    if (!drawn || !printed) failing_require(pal_tape_error(t));
    if (!steps || !printed || !drawn) goto end;
    pal_error err = {0};
    pal_var outputs[4];
    size_t n = 4;
    const pal_parse_options reading = {
        .struct_size = sizeof reading, .find = pal_op_find, .leaf = leaf_of, .user = made};
    const pal_status read = pal_tape_parse(again, printed, &reading, outputs, &n, &err);
    failing_require((read == PAL_OK) == !err.text[0]);
    good = read == PAL_OK;
    if (good) {
        good = same_text(&right->printed, printed);
        printed = NULL;
        failing_require(good);
        good = same_text(&right->drawn, drawn);
        drawn = NULL;
        failing_require(good);
    }
end:
    pal_text_free(c, steps);
    pal_text_free(c, printed);
    pal_text_free(c, drawn);
    pal_program_free(p);
    pal_tape_free(again);
    pal_tape_free(t);
    for (size_t i = 0; i < 8; i++) pal_tensor_free(made[i]);
    pal_tensor_free(xs);
    pal_tensor_free(ws);
    return good;
}

START_TEST(texts_and_drawings_report_missing_memory)
{
    texts right = {NULL, NULL};
    ck_assert(print_draw_and_read(&right));
    sweep(print_draw_and_read, &right, "text");
    pal_text_free(c, right.printed);
    pal_text_free(c, right.drawn);
}
END_TEST

Suite *failing_memory_suite(void)
{
    Suite *s = suite_create("failing_memory");
    add_case(s, "failing memory", setup, teardown,
             TESTS(each_operation_reports_missing_memory, a_check_of_derivatives_reports_missing_memory,
                   a_check_of_an_operation_reports_missing_memory, texts_and_drawings_report_missing_memory));
    return s;
}
