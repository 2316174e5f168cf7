/* test_shards_tapes.c - tapes that know their shards: what is refused, texts, drawings, memory. One process. */
#include <limits.h>

#include "autograd/compile/internal.h"
#include "tests/autograd/shards.h"

Suite *shards_tapes_suite(void);

enum { SHARDS = 3 };

static pal_context *c;
static pal_tape *t;
static pal_tensor *xs, *ws;

static pal_tape *new_tape(int64_t shards, int64_t rows)
{
    pal_tape *tape = pal_tape_new(c, PAL_F64);
    ck_assert_int_eq(pal_tape_share(tape, &(pal_shards){sizeof(pal_shards), shards, rows, NULL}), PAL_OK);
    return tape;
}

static void setup(void)
{
    c = context_with(1);
    t = new_tape(SHARDS, 2);
    xs = random_tensor(c, PAL_F64, PAL_SHAPE(2 * SHARDS, 4), -1, 1, "x");
    ws = random_tensor(c, PAL_F64, PAL_SHAPE(4), -1, 1, "w");
}

static void teardown(void)
{
    pal_tape_free(t);
    pal_tensor_free(xs);
    pal_tensor_free(ws);
    pal_context_free(c);
}

static void ck_refused(const char *text)
{
    const char *error = pal_tape_error(t);
    ck_assert_msg(error && strstr(error, text), "%s", error ? error : "nothing is refused");
}

/* ---- What is refused ------------------------------------------------------------------------------------------- */

static pal_status share(int64_t count, int64_t rows, const pal_communicator *communicator)
{
    pal_tape_free(t);
    t = pal_tape_new(c, PAL_F64);
    return pal_tape_share(t, &(pal_shards){sizeof(pal_shards), count, rows, communicator});
}

START_TEST(shards_that_do_not_fit)
{
    pal_communicator none = {.struct_size = sizeof none, .size = 1}, *two[2];
    pal_error err;
    ck_assert_int_ne(share(0, 1, NULL), PAL_OK);
    ck_refused("choose 1 to 65536");
    ck_assert_int_ne(share(PAL_SHARDS_MOST + 1, 1, NULL), PAL_OK);
    ck_assert_int_ne(share(2, -1, NULL), PAL_OK);
    ck_assert_int_ne(share(2, 1, &none), PAL_OK);
    ck_refused("start, test, why or close is NULL");
    ck_assert_int_eq(pal_communicator_threads(2, two, &err), PAL_OK);
    ck_assert_int_ne(share(1, 1, two[0]), PAL_OK);
    ck_refused("1 for 2 processes: each needs one");
    for (int i = 0; i < 2; i++) pal_communicator_close(two[i], false);
    ck_assert_int_eq(share(1, 1, NULL), PAL_OK);
    ck_assert_int_eq(pal_tape_shards(t), 1);
    pal_leaf(t, ws, "w");
    ck_assert_int_ne(pal_tape_share(t, &(pal_shards){sizeof(pal_shards), 2, 1, NULL}), PAL_OK);
    ck_refused("before anything is recorded");
    ck_assert_int_ne(pal_tape_share(NULL, NULL), PAL_OK);
    ck_assert_int_eq(pal_tape_shards(NULL), 1);
}
END_TEST

START_TEST(a_leaf_that_is_not_divided)
{
    ck_assert(!pal_ok(pal_leaf_rows(t, ws, "w")));
    ck_refused("leaf w: its rows cannot be divided among 3 shards");
}
END_TEST

START_TEST(one_tensor_is_one_kind_of_leaf)
{
    const pal_var x = pal_leaf_rows(t, xs, "x");
    ck_assert_int_eq(pal_shape_of(x).dim[0], 2);
    ck_assert_uint_eq(pal_leaf_rows(t, xs, "x").id, x.id);
    ck_assert(!pal_ok(pal_leaf(t, xs, "x")));
    ck_refused("leaf x: the same tensor cannot be recorded by pal_leaf and by pal_leaf_rows");
}
END_TEST

static pal_program *effects(void)
{
    return pal_compile(t, NULL, 0, &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .effects = true});
}

START_TEST(an_assign_of_what_differs)
{
    const pal_var x = pal_leaf_rows(t, xs, "x"), w = pal_leaf(t, ws, "w");
    pal_assign(w, pal_add(pal_all_mean(w), pal_sum(x, 1, false)));
    ck_assert_ptr_null(effects());
    ck_refused("what is assigned to w differs between the shards of the batch: take pal_all_mean");
}
END_TEST

START_TEST(an_assign_of_noise)
{
    const pal_var w = pal_leaf(t, ws, "w");
    pal_assign(w, pal_uniform(t, "u", PAL_SHAPE(4)));
    ck_assert_ptr_null(effects());
    ck_refused("what is assigned to w differs");
}
END_TEST

START_TEST(an_assign_to_rows)
{
    const pal_var x = pal_leaf_rows(t, xs, "x");
    pal_assign(x, pal_all_mean(pal_scale(x, 2)));
    ck_assert_ptr_null(effects());
    ck_refused("leaf x has rows of the batch, which differ between its shards: nothing can be assigned to it");
}
END_TEST

START_TEST(noise_of_shards_without_rows)
{
    pal_tape_free(t);
    t = new_tape(SHARDS, 0);
    const pal_var u = pal_uniform(t, "u", PAL_SHAPE(4));
    ck_assert_ptr_null(pal_compile(t, &u, 1, NULL));
    ck_refused("noise u would be the same in all shards");
}
END_TEST

static pal_var summed_inside(pal_tape *tape, pal_var k, void *user)
{
    (void)tape, (void)k;
    return pal_all_sum(*(pal_var *)user);
}

START_TEST(a_sum_inside_a_region)
{
    pal_var x = pal_leaf_rows(t, xs, "x");
    ck_assert(!pal_ok(pal_map_sum(t, 2, summed_inside, &x)));
    ck_refused("all_sum: not inside a region: take it before the region or after it");
}
END_TEST

static pal_var derived_inside(pal_tape *tape, pal_var k, void *user)
{
    const pal_var *x = user; /* and its sum */
    pal_var g = {0};
    (void)tape;
    pal_grad(pal_sum_all(pal_mul(x[1], pal_cast(k, PAL_F64))), x, 1, &g);
    return g;
}

START_TEST(the_adjoint_of_a_sum_inside_a_region)
{
    pal_var x[2] = {pal_leaf_rows(t, xs, "x")};
    x[1] = pal_all_sum(x[0]);
    ck_assert(!pal_ok(pal_map_sum(t, 2, derived_inside, x)));
    ck_refused("all_sum: not inside a region");
}
END_TEST

START_TEST(a_maximum_has_no_derivative)
{
    const pal_var x = pal_leaf_rows(t, xs, "x");
    pal_var g;
    ck_assert_int_ne(pal_grad(pal_sum_all(pal_all_max(x)), &x, 1, &g), PAL_OK);
    ck_refused("all_max");
}
END_TEST

/* ---- One process ----------------------------------------------------------------------------------------------- */

typedef struct model {
    pal_var x, w, outputs[2];
} model;

/* A little of everything: a sum in the forward pass, gradients, an update. */
static model record(pal_tape *tape)
{
    model m = {.x = pal_leaf_rows(tape, xs, "x"), .w = pal_leaf(tape, ws, "w")};
    pal_var h = pal_tanh(pal_add(pal_mul(m.x, m.w), pal_scale(pal_normal(tape, "n", PAL_SHAPE(2, 4)), 0.1))), g;
    h = pal_sub(h, pal_all_mean(pal_mean(h, 1, false)));
    h = pal_sub(h, pal_stop_gradient(pal_all_max(pal_reduce_max(h, 1, false))));
    const pal_var loss = pal_mean_over_samples(pal_square(h));
    pal_grad(loss, &m.w, 1, &g);
    m.outputs[0] = pal_all_mean(loss);
    m.outputs[1] = pal_assign(m.w, pal_sub(m.w, pal_all_mean(g)));
    ck_assert_tape_ok(tape);
    return m;
}

static double first_after_a_run(pal_tape *tape, const pal_var *outputs, const pal_tensor *leaf, void *data)
{
    pal_program *p = pal_compile(tape, outputs, 2, NULL);
    ck_assert_tape_ok(tape);
    double before[4];
    for (size_t i = 0; i < 4; i++) before[i] = pal_tensor_get(ws, i);
    pal_program_set_noise(p, (pal_noise){.seed = 3, .row = 6});
    if (data) ck_assert_int_eq(pal_bind(p, leaf, data), PAL_OK);
    ck_assert_int_eq(pal_run(p), PAL_OK);
    const double first = pal_tensor_get(pal_output(p, 0), 0);
    pal_program_free(p);
    for (size_t i = 0; i < 4; i++) pal_tensor_set(ws, i, before[i]);
    return first;
}

START_TEST(rows_are_bound)
{
    const model m = record(t);
    double *other = malloc(pal_tensor_bytes(xs));
    for (size_t i = 0; i < pal_tensor_count(xs); i++) other[i] = pal_tensor_get(xs, i);
    for (size_t i = 8; i < 16; i++) other[i] += 1; /* the second shard */
    const double a = first_after_a_run(t, m.outputs, NULL, NULL);
    const double b = first_after_a_run(t, m.outputs, xs, other);
    ck_assert_double_ne(a, b);
    for (size_t i = 8; i < 16; i++) other[i] -= 1;
    memcpy(xs->data, other, pal_tensor_bytes(xs));
    ck_assert_double_eq(first_after_a_run(t, m.outputs, xs, other), first_after_a_run(t, m.outputs, NULL, NULL));
    free(other);
}
END_TEST

static pal_tensor *by_name(const char *name, pal_dtype dtype, pal_shape shape, void *user)
{
    (void)dtype, (void)shape, (void)user;
    return *name == 'x' ? xs : ws;
}

START_TEST(the_text_comes_back)
{
    const model m = record(t);
    pal_var found[2];
    size_t n = 2;
    pal_error err = {0};
    const pal_parse_options o = {.struct_size = sizeof o, .find = pal_op_find, .leaf = by_name};
    char *text = pal_tape_text(t, m.outputs, 2), *again;
    pal_tape *other = new_tape(SHARDS, 2);
    ck_assert_ptr_nonnull(strstr(text, "leaf f64[2,4] \"x\" rows\n"));
    ck_assert_msg(!pal_tape_parse(other, text, &o, found, &n, &err), "%s", err.text);
    again = pal_tape_text(other, found, 2);
    ck_assert_str_eq(text, again);
    ck_assert_double_eq(first_after_a_run(t, m.outputs, NULL, NULL), first_after_a_run(other, found, NULL, NULL));
    pal_tape_free(other);
    other = pal_tape_new(c, PAL_F64); /* one shard has all rows, which are not those of the text */
    n = 2;
    ck_assert_int_eq(pal_tape_parse(other, text, &o, found, &n, &err), PAL_ERR_SHAPE);
    pal_tape_free(other);
    pal_text_free(c, text);
    pal_text_free(c, again);
}
END_TEST

START_TEST(a_tape_goes_back)
{
    const pal_mark start = pal_tape_mark(t);
    const model a = record(t);
    const double first = first_after_a_run(t, a.outputs, NULL, NULL);
    pal_tape_rewind(t, start);
    const model b = record(t);
    ck_assert_double_eq(first_after_a_run(t, b.outputs, NULL, NULL), first);
    pal_tape_rewind(t, start);
    ck_assert_int_eq(pal_tape_share(t, &(pal_shards){sizeof(pal_shards), 2, 2, NULL}), PAL_OK);
}
END_TEST

START_TEST(one_value_is_looked_at)
{
    const model m = record(t);
    double out = 0;
    ck_assert_int_eq(pal_eval(pal_all_sum(pal_sum_all(m.x)), &out), PAL_OK);
    double sum = 0;
    for (size_t i = 0; i < pal_tensor_count(xs); i++) sum += pal_tensor_get(xs, i);
    ck_assert_double_eq_tol(out, sum, 1e-12);
}
END_TEST

static void traced(const pal_trace *trace, void *user)
{
    size_t *plans = user;
    *plans += trace->plan != NULL;
}

START_TEST(steps_are_told)
{
    const model m = record(t);
    size_t plans = 0, steps = 0, starts = 0;
    pal_program *p =
        pal_compile(t, m.outputs, 2,
                    &(pal_compile_options){
                        .struct_size = sizeof(pal_compile_options), .profile = true, .trace = traced, .user = &plans});
    ck_assert_int_eq(pal_run(p), PAL_OK);
    char *text = pal_program_text(p);
    ck_assert_ptr_nonnull(strstr(text, "shards 1 to 3"));
    ck_assert_ptr_nonnull(strstr(text, "all_sum_wait"));
    pal_program_step s;
    for (; pal_program_step_at(p, steps, &s); steps++) {
        ck_assert_uint_eq(s.runs, 1);
        starts += !strcmp(s.name, "all_sum_start");
        if (!strcmp(s.name, "all_sum_start")) ck_assert(s.bytes > 0);
    }
    ck_assert_uint_ge(starts, 4);
    ck_assert_uint_eq(plans, 1);
    pal_text_free(c, text);
    pal_program_free(p);
}
END_TEST

START_TEST(graphs_are_drawn)
{
    static const char *const names[] = {"graph.dot", "graph.html", "graph.tex"};
    const model m = record(t);
    pal_error err;
    char folder[] = "/tmp/shardsXXXXXX", path[64];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        ck_assert_msg(!pal_graph_write(t, m.outputs, 2, NULL, path, &err), "%s", err.text);
        ck_assert_int_eq(remove(path), 0);
    }
    ck_assert_int_eq(remove(folder), 0);
}
END_TEST

/* ---- Memory ---------------------------------------------------------------------------------------------------- */

START_TEST(a_run_allocates_nothing)
{
    meter memory = {.left = LONG_MAX};
    pal_context *metered = metered_context(&memory);
    pal_tape *tape = pal_tape_new(metered, PAL_F64);
    ck_assert_int_eq(pal_tape_share(tape, &(pal_shards){sizeof(pal_shards), SHARDS, 2, NULL}), PAL_OK);
    const model m = record(tape);
    pal_program *p = pal_compile(tape, m.outputs, 2, NULL);
    memory.left = 0;
    ck_assert_int_eq(pal_run(p), PAL_OK);
    memory.left = LONG_MAX;
    pal_program_free(p);
    pal_tape_free(tape);
    pal_context_free(metered);
    ck_assert_int_eq(memory.held, 0);
}
END_TEST

/* Every request for memory in turn fails. */
START_TEST(a_compile_without_memory)
{
    bool done = false;
    for (long left = 0; !done; left++) {
        meter memory = {.left = LONG_MAX};
        pal_context *metered = metered_context(&memory);
        pal_tape *tape = pal_tape_new(metered, PAL_F64);
        pal_tape_share(tape, &(pal_shards){sizeof(pal_shards), SHARDS, 2, NULL});
        const model m = record(tape);
        memory.left = left;
        pal_program *p = pal_compile(tape, m.outputs, 2, NULL);
        done = p != NULL;
        if (!p) ck_assert_ptr_nonnull(strstr(pal_tape_error(tape), "memory"));
        memory.left = LONG_MAX;
        pal_program_free(p);
        pal_tape_free(tape);
        pal_context_free(metered);
        ck_assert_int_eq(memory.held, 0);
    }
}
END_TEST

Suite *shards_tapes_suite(void)
{
    Suite *suite = suite_create("shards_tapes");
    TCase *tests = tcase_create("shards_tapes");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, shards_that_do_not_fit);
    tcase_add_test(tests, a_leaf_that_is_not_divided);
    tcase_add_test(tests, one_tensor_is_one_kind_of_leaf);
    tcase_add_test(tests, an_assign_of_what_differs);
    tcase_add_test(tests, an_assign_of_noise);
    tcase_add_test(tests, an_assign_to_rows);
    tcase_add_test(tests, noise_of_shards_without_rows);
    tcase_add_test(tests, a_sum_inside_a_region);
    tcase_add_test(tests, the_adjoint_of_a_sum_inside_a_region);
    tcase_add_test(tests, a_maximum_has_no_derivative);
    tcase_add_test(tests, rows_are_bound);
    tcase_add_test(tests, the_text_comes_back);
    tcase_add_test(tests, a_tape_goes_back);
    tcase_add_test(tests, one_value_is_looked_at);
    tcase_add_test(tests, steps_are_told);
    tcase_add_test(tests, graphs_are_drawn);
    tcase_add_test(tests, a_run_allocates_nothing);
    tcase_add_test(tests, a_compile_without_memory);
    suite_add_tcase(suite, tests);
    return suite;
}
