/* test_compile.c - programs: passes that change no bits, effects, in-place results, views, binding, run-time errors. */
#include "tests/testing.h"

#include <math.h>
#include <string.h>

static pal_context *c;
static pal_tape *t;

static void setup(void)
{
    c = context_with(2);
    t = pal_tape_new(c, PAL_F32);
}

static void teardown(void)
{
    pal_tape_free(t);
    pal_context_free(c);
}

static pal_program *compile(const pal_var *outputs, size_t n, bool effects, unsigned passes)
{
    pal_program *p =
        pal_compile(t, outputs, n,
                    &(pal_compile_options){
                        .struct_size = sizeof(pal_compile_options), .effects = effects, .passes = passes, .lanes = 2});
    ck_assert_msg(p != NULL, "%s", pal_tape_error(t));
    return p;
}

/* A training step of the tied autoencoder with masking noise: loss, gradient and update. The sizes are odd, so vector
 * loops have remainders. */
typedef struct net {
    pal_tensor *x, *w, *b, *c;
    pal_var loss, gw;
} net;

static net record_net(void)
{
    net n = {random_tensor(c, PAL_F32, PAL_SHAPE(13, 37), 0, 1, "x"),
             random_tensor(c, PAL_F32, PAL_SHAPE(37, 19), -0.3, 0.3, "w"),
             random_tensor(c, PAL_F32, PAL_SHAPE(19), -0.1, 0.1, "b"),
             random_tensor(c, PAL_F32, PAL_SHAPE(37), -0.1, 0.1, "c"),
             {0},
             {0}};
    pal_var x = pal_leaf(t, n.x, "x"), p[] = {pal_leaf(t, n.w, "w"), pal_leaf(t, n.b, "b"), pal_leaf(t, n.c, "c")},
            g[3];
    pal_var masked = pal_mul(x, pal_bernoulli(t, "mask", PAL_SHAPE(13, 37), 0.75));
    pal_var h = pal_sigmoid(pal_affine(masked, p[0], p[1])), a = pal_affine(h, pal_transpose(p[0]), p[2]);
    n.loss = pal_mean_over_samples(pal_bernoulli_cross_entropy(a, x));
    ck_assert_int_eq(pal_grad(n.loss, p, 3, g), PAL_OK);
    for (int i = 0; i < 3; i++) pal_assign(p[i], pal_sub(p[i], pal_scale(g[i], 0.1)));
    n.gw = g[0];
    ck_assert_tape_ok(t);
    return n;
}

static void free_net(net *n)
{
    pal_tensor_free(n->x);
    pal_tensor_free(n->w);
    pal_tensor_free(n->b);
    pal_tensor_free(n->c);
}

/* Five training steps give the same bits of loss and weights with any of the exact passes and with none. */
START_TEST(exact_passes_keep_every_bit)
{
    net n = record_net();
    const unsigned passes[] = {PAL_PASS_NONE,
                               PAL_PASS_SIMPLIFY,
                               PAL_PASS_FUSE,
                               PAL_PASS_INPLACE,
                               PAL_PASS_SIMPLIFY | PAL_PASS_FUSE,
                               PAL_PASS_SIMPLIFY | PAL_PASS_FUSE | PAL_PASS_INPLACE};
    size_t bytes = pal_tensor_bytes(n.w);
    char *initial = malloc(bytes), *first = malloc(bytes);
    memcpy(initial, n.w->data, bytes);
    float first_loss = 0;
    for (size_t i = 0; i < sizeof passes / sizeof *passes; i++) {
        memcpy(n.w->data, initial, bytes);
        memset(n.b->data, 0, pal_tensor_bytes(n.b));
        memset(n.c->data, 0, pal_tensor_bytes(n.c));
        pal_program *p = compile(&n.loss, 1, true, passes[i]);
        for (uint64_t step = 0; step < 5; step++) {
            pal_program_set_noise(p, (pal_noise){.seed = 3, .clock = step});
            ck_assert_int_eq(pal_run(p), PAL_OK);
        }
        float loss = (float)pal_tensor_get(pal_output(p, 0), 0);
        if (!i) first_loss = loss, memcpy(first, n.w->data, bytes);
        ck_assert_msg(loss == first_loss && !memcmp(first, n.w->data, bytes), "passes %u: %.9g, not %.9g", passes[i],
                      (double)loss, (double)first_loss);
        pal_program_free(p);
    }
    ck_assert(memcmp(first, initial, bytes));
    free(initial);
    free(first);
    free_net(&n);
}
END_TEST

/* Assigns are carried out only in a program that is compiled with effects. */
START_TEST(effects_run_only_when_asked)
{
    net n = record_net();
    float before = ((float *)n.w->data)[0];
    pal_program *p = compile(&n.loss, 1, false, 0);
    pal_run(p);
    ck_assert(((float *)n.w->data)[0] == before);
    pal_program_free(p);
    p = compile(&n.loss, 1, true, 0);
    pal_run(p);
    ck_assert(((float *)n.w->data)[0] != before);
    pal_program_free(p);
    free_net(&n);
}
END_TEST

/* Every reader of a leaf reads its value from the start of the run, whatever is assigned to it: two leaves can swap. */
START_TEST(leaves_swap)
{
    for (unsigned passes = 1; passes <= PAL_PASS_NONE; passes++) {
        pal_tape *tape = pal_tape_new(c, PAL_F32);
        pal_tensor *p = random_tensor(c, PAL_F32, PAL_SHAPE(700), 0, 1, "p"),
                   *q = random_tensor(c, PAL_F32, PAL_SHAPE(700), 0, 1, "q");
        pal_var a = pal_leaf(tape, p, "p"), b = pal_leaf(tape, q, "q"), sum = pal_add(a, b);
        float p9 = ((float *)p->data)[9], q9 = ((float *)q->data)[9];
        pal_assign(a, b);
        pal_assign(b, a);
        pal_program *r = pal_compile(
            tape, &sum, 1,
            &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .effects = true, .passes = passes});
        ck_assert_int_eq(pal_run(r), PAL_OK);
        ck_assert(((float *)p->data)[9] == q9 && ((float *)q->data)[9] == p9);
        ck_assert(((const float *)pal_output(r, 0)->data)[9] == p9 + q9);
        pal_program_free(r);
        pal_tape_free(tape);
        pal_tensor_free(p);
        pal_tensor_free(q);
    }
}
END_TEST

/* The same if assigns read each other's leaves at other indices, and if a reader comes late in the loop. */
START_TEST(assigns_read_old_values)
{
    for (unsigned passes = 1; passes <= PAL_PASS_NONE; passes++) {
        pal_tape *tape = pal_tape_new(c, PAL_F64);
        pal_tensor *m = random_tensor(c, PAL_F64, PAL_SHAPE(30, 30), 0, 1, "m"),
                   *v = random_tensor(c, PAL_F64, PAL_SHAPE(30, 30), 0, 1, "v");
        double m0[900], v0[900];
        memcpy(m0, m->data, sizeof m0);
        memcpy(v0, v->data, sizeof v0);
        pal_var a = pal_leaf(tape, m, "m"), b = pal_leaf(tape, v, "v");
        pal_var a1 = pal_assign(a, pal_add(pal_transpose(a), b));
        pal_assign(b, pal_mul(a, pal_add(b, pal_square(a1)))); /* a1 is the new value, a is the old one */
        pal_var out = pal_sub(b, a);
        pal_program *p = pal_compile(
            tape, &out, 1,
            &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .effects = true, .passes = passes});
        ck_assert_int_eq(pal_run(p), PAL_OK);
        for (int i = 0; i < 30; i++)
            for (int j = 0; j < 30; j++) {
                double next = m0[30 * j + i] + v0[30 * i + j];
                ck_assert_double_eq(((double *)m->data)[30 * i + j], next);
                ck_assert_double_eq(((double *)v->data)[30 * i + j], m0[30 * i + j] * (v0[30 * i + j] + next * next));
                ck_assert_double_eq(((const double *)pal_output(p, 0)->data)[30 * i + j],
                                    v0[30 * i + j] - m0[30 * i + j]);
            }
        pal_program_free(p);
        pal_tape_free(tape);
        pal_tensor_free(m);
        pal_tensor_free(v);
    }
}
END_TEST

/* Outputs that need no computation have the values from the start of the run, although an assign changes the leaf. */
START_TEST(outputs_may_be_leaves_constants_and_views)
{
    pal_tensor *x = random_tensor(c, PAL_F32, PAL_SHAPE(3, 5), 0, 1, "x");
    pal_var v = pal_leaf(t, x, "x"),
            out[] = {v, pal_fill(t, PAL_F32, PAL_SHAPE(2, 2), 7), pal_transpose(v),
                     v, pal_broadcast_to(v, PAL_SHAPE(2, 3, 5)),  pal_reshape(pal_transpose(v), PAL_SHAPE(15))};
    pal_assign(v, pal_neg(v));
    pal_program *p = compile(out, 6, true, 0);
    float old = ((float *)x->data)[1];
    ck_assert_int_eq(pal_run(p), PAL_OK);
    ck_assert(((const float *)pal_output(p, 0)->data)[1] == old && ((float *)x->data)[1] == -old);
    ck_assert(((const float *)pal_output(p, 1)->data)[3] == 7);
    ck_assert(((const float *)pal_output(p, 2)->data)[3] == old);
    ck_assert(((const float *)pal_output(p, 4)->data)[16] == old);
    ck_assert(((const float *)pal_output(p, 5)->data)[3] == old);
    ck_assert_ptr_null(pal_output(p, 6));
    pal_program_free(p);
    pal_tensor_free(x);
}
END_TEST

/* A slice of a transpose of a slice has the right values in a loop and, broadcast and permuted, in a sum. */
START_TEST(movement_composes)
{
    pal_tensor *x = random_tensor(c, PAL_F32, PAL_SHAPE(6, 8), 0, 1, "x");
    const float *data = x->data;
    pal_var v = pal_leaf(t, x, "x");
    pal_var y = pal_slice(pal_transpose(pal_slice(v, (int64_t[]){1, 2}, (int64_t[]){3, 3}, (int64_t[]){2, 2})),
                          (int64_t[]){1, 0}, (int64_t[]){2, 2}, (int64_t[]){1, 2});
    pal_var z = pal_reshape(pal_mul(y, y), PAL_SHAPE(4)),
            s = pal_sum(pal_permute(pal_broadcast_to(y, PAL_SHAPE(3, 2, 2)), (int[]){2, 0, 1}), 2, false);
    pal_var out[] = {z, s};
    pal_program *p = compile(out, 2, false, 0);
    ck_assert_int_eq(pal_run(p), PAL_OK);
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++) {
            float e = data[8 * (1 + 2 * (2 * j)) + 2 + 2 * (i + 1)];
            ck_assert(((const float *)pal_output(p, 0)->data)[2 * i + j] == e * e);
            ck_assert_float_eq_tol(((const float *)pal_output(p, 1)->data)[2 * j + i], 3 * e, 1e-5f);
        }
    pal_program_free(p);
    pal_tensor_free(x);
}
END_TEST

/* pal_bind replaces the memory of a leaf: the program reads and assigns the new memory and leaves the old one alone. */
START_TEST(binding_swaps_an_input)
{
    pal_tensor *x = random_tensor(c, PAL_F32, PAL_SHAPE(600), 0, 1, "x"),
               *other = random_tensor(c, PAL_F32, PAL_SHAPE(600), 0, 1, "y");
    pal_var v = pal_leaf(t, x, "x"), y = pal_exp(v);
    pal_assign(v, y);
    pal_program *p = compile(&y, 1, true, 0);
    float kept = ((float *)x->data)[7], e = expf(((float *)other->data)[7]);
    ck_assert_int_eq(pal_bind(p, x, other->data), PAL_OK);
    ck_assert_int_eq(pal_run(p), PAL_OK);
    ck_assert(((float *)x->data)[7] == kept);
    ck_assert_float_eq_tol(((float *)other->data)[7], e, 1e-6f);
    ck_assert_int_ne(pal_bind(p, other, x->data), PAL_OK);
    ck_assert_int_ne(pal_bind(p, x, NULL), PAL_OK);
    pal_program_free(p);
    pal_tensor_free(x);
    pal_tensor_free(other);
}
END_TEST

START_TEST(a_program_outlives_its_tape)
{
    net n = record_net();
    pal_program *p = compile(&n.loss, 1, true, 0);
    pal_run(p);
    double loss = pal_tensor_get(pal_output(p, 0), 0);
    pal_tape_free(t);
    t = pal_tape_new(c, PAL_F32);
    for (int i = 0; i < 50; i++) ck_assert_int_eq(pal_run(p), PAL_OK);
    ck_assert(pal_tensor_get(pal_output(p, 0), 0) < loss);
    pal_program_free(p);
    free_net(&n);
}
END_TEST

/* For any length, a caller's buffer is not read or written beyond its last element (sanitizer builds detect it). */
START_TEST(buffers_end_where_they_end)
{
    for (int64_t n = 1; n < 70; n += 3) {
        pal_tape *tape = pal_tape_new(c, PAL_F32);
        float *in = malloc((size_t)n * sizeof *in), *out = malloc((size_t)n * sizeof *out);
        for (int64_t i = 0; i < n; i++) in[i] = (float)i / 10, out[i] = -1;
        pal_tensor *a = pal_tensor_wrap(c, PAL_F32, PAL_SHAPE(n), in),
                   *b = pal_tensor_wrap(c, PAL_F32, PAL_SHAPE(n), out);
        pal_var x = pal_leaf(tape, a, "a"), y = pal_assign(pal_leaf(tape, b, "b"), pal_add(pal_exp(x), pal_sum_all(x)));
        pal_program *p = pal_compile(tape, &y, 1, NULL);
        ck_assert_int_eq(pal_run(p), PAL_OK);
        float sum = 0;
        for (int64_t i = 0; i < n; i++) sum += in[i];
        ck_assert_float_eq_tol(out[n - 1], expf(in[n - 1]) + sum, 1e-3f);
        pal_program_free(p);
        pal_tape_free(tape);
        pal_tensor_free(a);
        pal_tensor_free(b);
        free(in);
        free(out);
    }
}
END_TEST

/* The same product recorded twice is computed once. */
START_TEST(common_subexpressions_share)
{
    pal_tensor *x = random_tensor(c, PAL_F32, PAL_SHAPE(64, 64), 0, 1, "x");
    pal_var v = pal_leaf(t, x, "x"), a = pal_matmul(v, v), b = pal_matmul(v, v), y = pal_sum_all(pal_mul(a, b));
    pal_program *p = compile(&y, 1, false, 0);
    char *text = pal_program_text(p);
    char *first = strstr(text, "matmul");
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_null(strstr(first + 1, "matmul"));
    pal_text_free(c, text);
    pal_program_free(p);
    pal_tensor_free(x);
}
END_TEST

/* An update like Adam's is fused into one loop, so it passes over memory once. */
START_TEST(a_chain_is_one_loop)
{
    pal_tensor *x = random_tensor(c, PAL_F32, PAL_SHAPE(1000), 0, 1, "x"),
               *m = random_tensor(c, PAL_F32, PAL_SHAPE(1000), 0, 1, "m");
    pal_var p = pal_leaf(t, x, "x"), s = pal_leaf(t, m, "m"), next = pal_lerp(s, pal_square(p), 0.1);
    pal_assign(s, next);
    pal_assign(p, pal_sub(p, pal_div(pal_scale(p, 0.01), pal_shift(pal_sqrt(next), 1e-8))));
    pal_program *r = compile(NULL, 0, true, 0);
    char *text = pal_program_text(r);
    ck_assert_ptr_nonnull(strstr(text, "program of 1 steps"));
    pal_text_free(c, text);
    pal_program_free(r);
    pal_tensor_free(x);
    pal_tensor_free(m);
}
END_TEST

Suite *compile_suite(void)
{
    Suite *s = suite_create("compile");
    TCase *k = tcase_create("compile");
    tcase_add_checked_fixture(k, setup, teardown);
    tcase_add_test(k, exact_passes_keep_every_bit);
    tcase_add_test(k, effects_run_only_when_asked);
    tcase_add_test(k, leaves_swap);
    tcase_add_test(k, assigns_read_old_values);
    tcase_add_test(k, outputs_may_be_leaves_constants_and_views);
    tcase_add_test(k, movement_composes);
    tcase_add_test(k, binding_swaps_an_input);
    tcase_add_test(k, a_program_outlives_its_tape);
    tcase_add_test(k, buffers_end_where_they_end);
    tcase_add_test(k, common_subexpressions_share);
    tcase_add_test(k, a_chain_is_one_loop);
    suite_add_tcase(s, k);
    return s;
}
