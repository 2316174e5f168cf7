/* test_halves.c - one computation as two programs (pal_compile_halves): what each of them computes, what is kept
 * between them, and what is refused. That both give the bits of one program is a property of every random graph
 * (graphs_check.c). */
#include "tests/testing.h"

#include <math.h>
#include <string.h>

#include "autograd/communicator.h"

static pal_context *c;
static pal_tape *t;
static pal_tensor *xs, *ws, *vs;
static pal_var x, w, v;

static void setup(void)
{
    c = context_with(2);
    t = pal_tape_new(c, PAL_F64);
    xs = random_tensor(c, PAL_F64, PAL_SHAPE(5, 4), -1, 1, "x");
    ws = random_tensor(c, PAL_F64, PAL_SHAPE(4, 3), -1, 1, "w");
    vs = random_tensor(c, PAL_F64, PAL_SHAPE(4, 3), -1, 1, "v");
    x = pal_leaf(t, xs, "x");
    w = pal_leaf(t, ws, "w");
    v = pal_leaf(t, vs, "v");
}

static void teardown(void)
{
    pal_tape_free(t);
    pal_tensor_free(xs);
    pal_tensor_free(ws);
    pal_tensor_free(vs);
    pal_context_free(c);
}

static pal_halves halved(const pal_var *outputs, size_t n, const pal_tensor *moving)
{
    pal_halves h;
    const pal_compile_options o = {.struct_size = sizeof o, .effects = true};
    pal_compile_halves(t, outputs, n, &moving, moving != NULL, &o, &h);
    ck_assert_tape_ok(t);
    return h;
}

static size_t count(const char *text, const char *what)
{
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, what)); at++) n++;
    return n;
}

/* How often the program multiplies. */
static size_t products(const pal_program *p)
{
    char *text = pal_program_text(p);
    const size_t n = count(text, "matmul") + count(text, "matmul_sum");
    pal_text_free(c, text);
    return n;
}

static double first_of(pal_program *p)
{
    ck_assert_int_eq(pal_run(p), PAL_OK);
    return pal_tensor_get(pal_output(p, 0), 0);
}

/* H v of a loss: the forward pass, and the products of the gradient, do not depend on v. */
START_TEST(a_hessian_product_keeps_the_forward_pass)
{
    pal_var loss = pal_sum_all(pal_square(pal_tanh(pal_matmul(x, w)))), hv;
    ck_assert_int_eq(pal_hessian_product(loss, &w, &v, 1, &hv), PAL_OK);
    pal_program *whole = pal_compile(t, &hv, 1, NULL);
    pal_halves h = halved(&hv, 1, vs);
    ck_assert_uint_eq(products(whole), 3); /* x w, x v, and the product of the adjoint */
    ck_assert_uint_eq(products(h.once), 1);
    ck_assert_uint_eq(products(h.again), 2);
    ck_assert_uint_ge(h.n_kept, 1);
    ck_assert_int_eq(pal_run(h.once), PAL_OK);
    for (int round = 0; round < 3; round++) {
        ck_assert_int_eq(pal_run(whole) | pal_run(h.again), PAL_OK);
        ck_assert_mem_eq(pal_output(whole, 0)->data, pal_output(h.again, 0)->data, 12 * sizeof(double));
        for (size_t i = 0; i < 12; i++) pal_tensor_set(vs, i, pal_tensor_get(vs, i) + 0.1 * (double)i);
    }
    pal_program_free(whole);
    pal_halves_free(&h);
}
END_TEST

/* `again` sees another x only after `once`. */
START_TEST(what_does_not_move_is_read_once)
{
    pal_var y = pal_sum_all(pal_mul(pal_exp(w), v));
    pal_halves h = halved(&y, 1, vs);
    ck_assert_int_eq(pal_run(h.once), PAL_OK);
    const double before = first_of(h.again);
    pal_tensor_set(ws, 0, 2);
    ck_assert_double_eq(first_of(h.again), before);
    ck_assert_int_eq(pal_run(h.once), PAL_OK);
    ck_assert_double_ne(first_of(h.again), before);
    pal_halves_free(&h);
}
END_TEST

/* A leaf that the tape writes moves, though nobody says so. */
START_TEST(a_written_leaf_moves)
{
    pal_assign(w, pal_add(pal_exp(w), pal_exp(v)));
    pal_halves h = halved(NULL, 0, NULL);
    ck_assert_uint_eq(h.n_kept, 1); /* exp(v) */
    ck_assert_int_eq(pal_run(h.once), PAL_OK);
    double want = pal_tensor_get(ws, 5);
    const double add = exp(pal_tensor_get(vs, 5));
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(pal_run(h.again), PAL_OK);
        want = exp(want) + add;
        ck_assert_double_eq_tol(pal_tensor_get(ws, 5), want, 1e-12 * want);
    }
    pal_halves_free(&h);
}
END_TEST

START_TEST(noise_is_drawn_again)
{
    pal_var y = pal_sum_all(pal_mul(pal_exp(w), pal_normal(t, "z", PAL_SHAPE(4, 3))));
    pal_halves h = halved(&y, 1, vs);
    ck_assert_int_eq(pal_run(h.once), PAL_OK);
    pal_program_set_noise(h.again, (pal_noise){.seed = 1, .clock = 1});
    const double one = first_of(h.again);
    pal_program_set_noise(h.again, (pal_noise){.seed = 1, .clock = 2});
    ck_assert_double_ne(first_of(h.again), one);
    pal_program_set_noise(h.again, (pal_noise){.seed = 1, .clock = 1});
    ck_assert_double_eq(first_of(h.again), one);
    pal_halves_free(&h);
}
END_TEST

/* Values of two batches, each in memory of its own. */
START_TEST(other_memory_can_be_bound)
{
    pal_var y = pal_sum_all(pal_matmul(pal_tanh(pal_matmul(x, w)), pal_transpose(v)));
    pal_halves h = halved(&y, 1, vs);
    ck_assert_uint_eq(h.n_kept, 1);
    pal_tensor *more = pal_tensor_new(c, h.kept[0]->dtype, h.kept[0]->shape);
    double want[2];
    for (int batch = 0; batch < 2; batch++) {
        pal_tensor_set(xs, 3, batch);
        void *data = (batch ? more : h.kept[0])->data;
        ck_assert_int_eq(pal_bind(h.once, h.kept[0], data) | pal_bind(h.again, h.kept[0], data), PAL_OK);
        ck_assert_int_eq(pal_run(h.once), PAL_OK);
        want[batch] = first_of(h.again);
    }
    ck_assert_double_ne(want[0], want[1]);
    for (int batch = 0; batch < 2; batch++) {
        ck_assert_int_eq(pal_bind(h.again, h.kept[0], (batch ? more : h.kept[0])->data), PAL_OK);
        ck_assert_double_eq(first_of(h.again), want[batch]);
    }
    pal_tensor_free(more);
    pal_halves_free(&h);
}
END_TEST

static pal_var row(pal_tape *tape, pal_var k, void *user)
{
    (void)tape;
    const pal_var *in = user;
    return pal_sum_all(pal_mul(pal_exp(pal_slice_at(in[0], k, 0)), pal_slice_at(in[1], k, 0)));
}

/* A region is on one side as a whole; what it reads from outside is kept. */
START_TEST(a_region_is_on_one_side)
{
    pal_var in[] = {pal_exp(w), v}, still[] = {w, pal_tanh(w)};
    pal_var y[] = {pal_map_sum(t, 4, row, in), pal_map_sum(t, 4, row, still)};
    pal_halves h = halved(y, 2, vs);
    pal_program *whole = pal_compile(t, y, 2, NULL);
    ck_assert_uint_ge(h.n_kept, 2);
    ck_assert_int_eq(pal_run(h.once) | pal_run(whole), PAL_OK);
    pal_tensor_set(vs, 1, 3);
    ck_assert_int_eq(pal_run(h.again) | pal_run(whole), PAL_OK);
    for (size_t i = 0; i < 2; i++)
        ck_assert_double_eq(pal_tensor_get(pal_output(h.again, i), 0), pal_tensor_get(pal_output(whole, i), 0));
    pal_program_free(whole);
    pal_halves_free(&h);
}
END_TEST

/* Everything moves, nothing does, and nothing is wanted. */
START_TEST(either_half_may_be_empty)
{
    pal_var y = pal_sum_all(pal_exp(v));
    pal_halves h = halved(&y, 1, vs);
    ck_assert_uint_eq(h.n_kept, 0);
    ck_assert_int_eq(pal_run(h.once), PAL_OK);
    const double moving = first_of(h.again);
    pal_halves_free(&h);
    h = halved(&y, 1, NULL);
    ck_assert_uint_eq(h.n_kept, 1);
    ck_assert_int_eq(pal_run(h.once), PAL_OK);
    ck_assert_double_eq(first_of(h.again), moving);
    pal_halves_free(&h);
    h = halved(NULL, 0, vs);
    ck_assert_int_eq(pal_run(h.once) | pal_run(h.again), PAL_OK);
    pal_halves_free(&h);
    y = v; /* an output that is a leaf */
    h = halved(&y, 1, NULL);
    ck_assert_int_eq(pal_run(h.once), PAL_OK);
    ck_assert_double_eq(first_of(h.again), pal_tensor_get(vs, 0));
    pal_halves_free(&h);
}
END_TEST

static void refused(pal_status status, const char *text, const pal_halves *h)
{
    ck_assert_int_eq(status, PAL_ERR_ARGUMENT);
    ck_assert_str_eq(pal_tape_error(t), text);
    ck_assert(!h->once && !h->again && !h->kept && !h->n_kept);
}

START_TEST(bad_calls_are_refused)
{
    pal_halves h;
    const pal_tensor *const none = NULL;
    pal_var y = pal_sum_all(v);
    ck_assert_int_eq(pal_compile_halves(t, &y, 1, NULL, 0, NULL, NULL), PAL_ERR_ARGUMENT);
    ck_assert_tape_ok(t);
    refused(pal_compile_halves(t, &y, 1, &none, 1, NULL, &h), "compile in halves: a moving leaf is NULL", &h);
    pal_halves_free(&h);
    pal_halves_free(&h);
}
END_TEST

START_TEST(a_cut_batch_is_refused)
{
    pal_halves h;
    const pal_shards two = {.struct_size = sizeof two, .count = 2, .rows = 4};
    pal_tape_free(t);
    t = pal_tape_new(c, PAL_F64);
    pal_tape_share(t, &two);
    pal_var y = pal_all_mean(pal_sum_all(pal_leaf(t, vs, "v")));
    refused(pal_compile_halves(t, &y, 1, NULL, 0, NULL, &h), "compile in halves: the batch is cut into shards", &h);
}
END_TEST

Suite *halves_suite(void)
{
    Suite *s = suite_create("halves");
    add_case(s, "halves", setup, teardown,
             TESTS(a_hessian_product_keeps_the_forward_pass, what_does_not_move_is_read_once, a_written_leaf_moves,
                   noise_is_drawn_again, other_memory_can_be_bound, a_region_is_on_one_side, either_half_may_be_empty,
                   bad_calls_are_refused, a_cut_batch_is_refused));
    return s;
}
