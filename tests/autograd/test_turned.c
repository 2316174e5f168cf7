/* test_turned.c - loops that read permuted operands.
 *
 * The operands are large enough that the loop gathers their rows in blocks. Every permutation of odd shapes is compared
 * with plain C loops, in several types. Loops with several operands, noise and an in-place result are compared with the
 * same loops on operands that were permuted beforehand. */
#include "tests/testing.h"

#include <math.h>
#include <string.h>

static pal_context *c;
static void setup(void) { c = context_with(3); }
static void teardown(void) { pal_context_free(c); }

static const int permutations[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
static const pal_shape shapes[] = {
    {3, {3, 37, 130}}, {3, {129, 4, 17}}, {3, {1, 515, 129}}, {3, {130, 1, 33}}, {3, {131, 2, 40}}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* The index, in a tensor of shape s, of the element that has index i after the permutation. */
static size_t source(pal_shape s, const int *axes, size_t i)
{
    size_t index[3] = {0}, at = 0;
    for (int a = 2; a >= 0; a--) {
        index[axes[a]] = i % (size_t)s.dim[axes[a]];
        i /= (size_t)s.dim[axes[a]];
    }
    for (int a = 0; a < 3; a++) at = at * (size_t)s.dim[a] + index[a];
    return at;
}

START_TEST(every_permutation_in_every_type)
{
    static const pal_dtype types[] = {PAL_F32, PAL_F64, PAL_I32, PAL_BOOL};
    for (size_t s = 0; s < SHAPES; s++)
        for (size_t p = 0; p < 6; p++)
            for (size_t d = 0; d < 4; d++) {
                pal_tape *t = pal_tape_new(c, PAL_F64);
                pal_tensor *x = random_tensor(c, types[d], shapes[s], 0, 2, "x");
                pal_var v = pal_leaf(t, x, "x"), y = pal_permute(v, permutations[p]);
                pal_program *program = pal_compile(t, &y, 1, NULL);
                ck_assert_ptr_nonnull(program);
                ck_assert_int_eq(pal_run(program), PAL_OK);
                for (size_t i = 0; i < pal_tensor_count(x); i++)
                    if (pal_tensor_get(pal_output(program, 0), i) !=
                        pal_tensor_get(x, source(shapes[s], permutations[p], i)))
                        ck_abort_msg("shape %zu, permutation %zu, type %zu, element %zu", s, p, d, i);
                pal_program_free(program);
                pal_tape_free(t);
                pal_tensor_free(x);
            }
}
END_TEST

/* Combines two values with the same permutation, one with another, one without, a row that is broadcast, and noise. */
static pal_var company(pal_var a, pal_var b, pal_var other, pal_var plain, pal_var row)
{
    pal_var noise = pal_normal(plain.tape, "noise", pal_shape_of(plain));
    pal_var y = pal_add(pal_mul(a, pal_tanh(b)), pal_mul(pal_add(plain, noise), row));
    return pal_sub(y, pal_mul(other, pal_scale(plain, 3)));
}

/* The bits are the same as with operands permuted beforehand. The loop writes the leaf `plain` in place. */
START_TEST(in_company_as_on_copies)
{
    for (int f64 = 0; f64 < 2; f64++)
        for (size_t s = 0; s < SHAPES; s++)
            for (size_t p = 1; p < 6; p++) {
                pal_dtype type = f64 ? PAL_F64 : PAL_F32;
                const int *axes = permutations[p], *another = permutations[5 - p + 1];
                pal_shape turned, back = {.rank = 3}; /* `another` permutes the shape back into turned */
                pal_tensor *x = random_tensor(c, type, shapes[s], -1, 1, "x"),
                           *z = random_tensor(c, type, shapes[s], -1, 1, "z");
                turned = shapes[s];
                for (int a = 0; a < 3; a++) turned.dim[a] = shapes[s].dim[axes[a]];
                for (int a = 0; a < 3; a++) back.dim[another[a]] = turned.dim[a];
                pal_tensor *w = random_tensor(c, type, back, -1, 1, "w"),
                           *row = random_tensor(c, type, PAL_SHAPE(turned.dim[2]), -1, 1, "row"), *plain[2], *copy[3];
                for (int i = 0; i < 2; i++) plain[i] = random_tensor(c, type, turned, -1, 1, "plain");
                for (int i = 0; i < 3; i++) copy[i] = pal_tensor_new(c, type, turned);
                for (size_t i = 0; i < pal_tensor_count(x); i++) {
                    pal_tensor_set(copy[0], i, pal_tensor_get(x, source(shapes[s], axes, i)));
                    pal_tensor_set(copy[1], i, pal_tensor_get(z, source(shapes[s], axes, i)));
                    pal_tensor_set(copy[2], i, pal_tensor_get(w, source(back, another, i)));
                }
                for (int copied = 0; copied < 2; copied++) {
                    pal_tape *t = pal_tape_new(c, type);
                    pal_var to = pal_leaf(t, plain[copied], "plain"), r = pal_leaf(t, row, "row"), y;
                    if (copied)
                        y = company(pal_leaf(t, copy[0], "x"), pal_leaf(t, copy[1], "z"), pal_leaf(t, copy[2], "w"), to,
                                    r);
                    else
                        y = company(pal_permute(pal_leaf(t, x, "x"), axes), pal_permute(pal_leaf(t, z, "z"), axes),
                                    pal_permute(pal_leaf(t, w, "w"), another), to, r);
                    pal_assign(to, y);
                    pal_program *program = pal_compile(
                        t, &y, 1, &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .effects = true});
                    ck_assert_msg(program != NULL, "%s", pal_tape_error(t));
                    pal_program_set_noise(program, (pal_noise){.seed = 3, .clock = 1});
                    for (int i = 0; i < 2; i++) ck_assert_int_eq(pal_run(program), PAL_OK);
                    pal_program_free(program);
                    pal_tape_free(t);
                }
                ck_assert_mem_eq(plain[0]->data, plain[1]->data, pal_tensor_bytes(plain[0]));
                pal_tensor *all[] = {x, z, w, row, plain[0], plain[1], copy[0], copy[1], copy[2]};
                for (int i = 0; i < 9; i++) pal_tensor_free(all[i]);
            }
}
END_TEST

/* A kernel hands such a loop its result piece by piece, so that nothing is gathered in blocks. */
START_TEST(a_loop_that_takes_a_product_reads_turned_values)
{
    enum { M = 300, K = 40, N = 256 };
    for (int update = 0; update < 2; update++) {
        pal_tensor *a = random_tensor(c, PAL_F32, PAL_SHAPE(M, K), -1, 1, "a"),
                   *b = random_tensor(c, PAL_F32, PAL_SHAPE(K, N), -1, 1, "b"),
                   *v = random_tensor(c, PAL_F32, PAL_SHAPE(N, M), -1, 1, "v"),
                   *w = random_tensor(c, PAL_F32, PAL_SHAPE(M, N), -1, 1, "w");
        pal_tape *t = pal_tape_new(c, PAL_F32);
        const pal_var product = pal_matmul(pal_leaf(t, a, "a"), pal_leaf(t, b, "b")),
                      turned = pal_transpose(pal_leaf(t, v, "v"));
        pal_var y =
            update ? pal_sub(pal_leaf(t, w, "w"), pal_scale(pal_add(product, turned), 0.5)) : pal_mul(product, turned);
        pal_program *p[2];
        for (int i = 0; i < 2; i++) {
            p[i] = pal_compile(t, &y, 1,
                               &(pal_compile_options){.struct_size = sizeof(pal_compile_options),
                                                      .lanes = 2,
                                                      .passes = i ? PAL_PASS_NONE : PAL_PASS_ALL});
            ck_assert_ptr_nonnull(p[i]);
            ck_assert_int_eq(pal_run(p[i]), PAL_OK);
        }
        for (size_t i = 0; i < M * N; i++) {
            const double have = pal_tensor_get(pal_output(p[0], 0), i), want = pal_tensor_get(pal_output(p[1], 0), i);
            ck_assert_msg(fabs(have - want) < 1e-4, "element %zu: %g, not %g", i, have, want);
        }
        for (int i = 0; i < 2; i++) pal_program_free(p[i]);
        pal_tape_free(t);
        pal_tensor *const all[] = {a, b, v, w};
        for (int i = 0; i < 4; i++) pal_tensor_free(all[i]);
    }
}
END_TEST

Suite *turned_suite(void)
{
    Suite *s = suite_create("turned");
    add_case(s, "turned", setup, teardown,
             TESTS(every_permutation_in_every_type, in_company_as_on_copies,
                   a_loop_that_takes_a_product_reads_turned_values));
    return s;
}
