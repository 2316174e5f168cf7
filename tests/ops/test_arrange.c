/* test_arrange.c - operations that arrange elements: concat and split, flip, repeat, diagonals, triangles. Values are
 * compared with plain loops in every element type, inverse operations cancel, and views give the bits of copies. */
#include "tests/testing.h"

#include <math.h>
#include <string.h>

static pal_context *c;
static pal_tape *t;

static void setup(void)
{
    c = context_with(2);
    t = pal_tape_new(c, PAL_F64);
}

static void teardown(void)
{
    pal_tape_free(t);
    pal_context_free(c);
}

static const pal_dtype types[] = {PAL_F32, PAL_F64, PAL_I32, PAL_U8, PAL_BOOL};
enum { TYPES = sizeof types / sizeof *types };

/* A leaf of consecutive integers starting at first; for bool, their lowest bits. */
static pal_var counting(pal_tensor **keep, pal_dtype type, pal_shape shape, int first)
{
    *keep = pal_tensor_new(c, type, shape);
    ck_assert_ptr_nonnull(*keep);
    for (size_t i = 0; i < pal_tensor_count(*keep); i++)
        pal_tensor_set(*keep, i, type == PAL_BOOL ? (double)((first + (int)i) & 1) : first + (double)i);
    return pal_leaf(t, *keep, NULL);
}

/* Compiles with all passes and without any, and checks that both programs give the same bits. Returns the first. */
static pal_program *run_both(const pal_var *out, size_t n)
{
    pal_program *p[2];
    for (int i = 0; i < 2; i++) {
        p[i] =
            pal_compile(t, out, n,
                        &(pal_compile_options){
                            .struct_size = sizeof(pal_compile_options), .passes = i ? PAL_PASS_NONE : 0, .lanes = 2});
        ck_assert_msg(p[i] != NULL, "%s", pal_tape_error(t));
        ck_assert_msg(pal_run(p[i]) == PAL_OK, "%s", pal_program_error(p[i]));
    }
    for (size_t i = 0; i < n; i++)
        ck_assert_mem_eq(pal_output(p[0], i)->data, pal_output(p[1], i)->data, pal_tensor_bytes(pal_output(p[0], i)));
    pal_program_free(p[1]);
    return p[0];
}

static size_t flat(pal_shape s, const int64_t *index)
{
    size_t at = 0;
    for (int a = 0; a < s.rank; a++) at = at * (size_t)s.dim[a] + (size_t)index[a];
    return at;
}

static void unflat(pal_shape s, size_t at, int64_t *index)
{
    for (int a = s.rank - 1; a >= 0; a--) {
        index[a] = (int64_t)(at % (size_t)s.dim[a]);
        at /= (size_t)s.dim[a];
    }
}

START_TEST(concat_and_split_are_inverse)
{
    const int64_t sizes[] = {2, 0, 1, 3};
    for (size_t d = 0; d < TYPES; d++)
        for (int axis = -3; axis < 3; axis++) {
            int at = axis < 0 ? axis + 3 : axis;
            pal_tensor *x[4];
            pal_var v[4], out[6];
            for (int i = 0; i < 4; i++) {
                pal_shape s = PAL_SHAPE(2, 3, 2);
                s.dim[at] = sizes[i];
                v[i] = counting(&x[i], types[d], s, 12 * i);
            }
            out[0] = pal_concat(v, 4, axis);
            pal_split_axis(out[0], axis, sizes, 4, out + 1);
            ck_assert_tape_ok(t);
            pal_program *p = run_both(out, 5);
            const pal_tensor *y = pal_output(p, 0);
            ck_assert_int_eq(y->dtype, types[d]);
            ck_assert_int_eq(y->shape.dim[at], 6);
            for (size_t i = 0; i < pal_tensor_count(y); i++) {
                int64_t index[3], part = 0;
                unflat(y->shape, i, index);
                while (index[at] >= sizes[part]) index[at] -= sizes[part++];
                ck_assert_double_eq(pal_tensor_get(y, i), pal_tensor_get(x[part], flat(x[part]->shape, index)));
            }
            for (int i = 0; i < 4; i++) {
                ck_assert(pal_shape_equal(pal_output(p, (size_t)i + 1)->shape, x[i]->shape));
                ck_assert_mem_eq(pal_output(p, (size_t)i + 1)->data, x[i]->data, pal_tensor_bytes(x[i]));
            }
            pal_program_free(p);
            for (int i = 0; i < 4; i++) pal_tensor_free(x[i]);
            pal_tape_free(t);
            t = pal_tape_new(c, PAL_F64);
        }
}
END_TEST

START_TEST(many_are_stacked)
{
    enum { N = 40 };
    for (int axis = -3; axis < 3; axis++) {
        int at = axis < 0 ? axis + 3 : axis;
        pal_tensor *x[N];
        pal_var v[N], y, g[N];
        for (int i = 0; i < N; i++) v[i] = counting(&x[i], PAL_F64, PAL_SHAPE(2, 3), 6 * i);
        y = pal_stack(v, N, axis);
        ck_assert_int_eq(pal_grad(pal_sum_squares(y), v, N, g), PAL_OK);
        pal_program *p = run_both((pal_var[]){y, g[0], g[N - 1]}, 3);
        const pal_tensor *out = pal_output(p, 0);
        ck_assert_int_eq(out->shape.rank, 3);
        ck_assert_int_eq(out->shape.dim[at], N);
        for (size_t i = 0; i < pal_tensor_count(out); i++) {
            int64_t index[3], k;
            unflat(out->shape, i, index);
            k = index[at];
            for (int a = at; a < 2; a++) index[a] = index[a + 1];
            ck_assert_double_eq(pal_tensor_get(out, i), pal_tensor_get(x[k], flat(x[k]->shape, index)));
        }
        for (size_t i = 0; i < 6; i++) {
            ck_assert_double_eq(pal_tensor_get(pal_output(p, 1), i), 2 * (double)i);
            ck_assert_double_eq(pal_tensor_get(pal_output(p, 2), i), 2 * (6 * (N - 1) + (double)i));
        }
        pal_program_free(p);
        for (int i = 0; i < N; i++) pal_tensor_free(x[i]);
        pal_tape_free(t);
        t = pal_tape_new(c, PAL_F64);
    }
}
END_TEST

START_TEST(flip_reverses)
{
    static const pal_shape shapes[] = {{3, {2, 3, 4}}, {3, {1, 5, 1}}, {3, {2, 0, 3}}};
    for (size_t d = 0; d < TYPES; d++)
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
            for (unsigned axes = 0; axes < 8; axes++) {
                pal_tensor *x;
                pal_var v = counting(&x, types[d], shapes[s], 1), out[] = {pal_flip(v, axes), {0}};
                out[1] = pal_flip(out[0], axes);
                ck_assert_tape_ok(t);
                pal_program *p = run_both(out, 2);
                for (size_t i = 0; i < pal_tensor_count(x); i++) {
                    int64_t index[3];
                    unflat(x->shape, i, index);
                    for (int a = 0; a < 3; a++) index[a] = axes >> a & 1 ? x->shape.dim[a] - 1 - index[a] : index[a];
                    ck_assert_double_eq(pal_tensor_get(pal_output(p, 0), i), pal_tensor_get(x, flat(x->shape, index)));
                }
                ck_assert_mem_eq(pal_output(p, 1)->data, x->data, pal_tensor_bytes(x));
                pal_program_free(p);
                pal_tensor_free(x);
                pal_tape_free(t);
                t = pal_tape_new(c, PAL_F64);
            }
}
END_TEST

/* Reversed views of leaves and of computed values may feed loops, kernels, reshapes and assigns. */
START_TEST(reversed_views_go_everywhere)
{
    pal_tensor *x, *w;
    pal_var v = counting(&x, PAL_F64, PAL_SHAPE(30, 40), 1), row = counting(&w, PAL_F64, PAL_SHAPE(40), 3);
    pal_var half = pal_scale(v, 0.5), back = pal_flip(half, 3);
    pal_var out[] = {
        pal_add(v, pal_flip(v, 1)),                                /* a loop reads v and its view */
        pal_mul(half, back),                                       /* a view of a value of the same loop */
        pal_reshape(pal_flip(v, 2), PAL_SHAPE(40, 30)),            /* the result is not a strided view */
        pal_matmul(pal_flip(v, 1), pal_transpose(pal_flip(v, 2))), /* kernels need copies */
        pal_add(v, pal_flip(row, 1)),                              /* broadcast */
        pal_flip(pal_slice(v, (const int64_t[]){1, 3}, (const int64_t[]){7, 9}, (const int64_t[]){3, 4}), 3),
        pal_slice(back, (const int64_t[]){1, 3}, (const int64_t[]){7, 9}, (const int64_t[]){3, 4}),
        pal_transpose(pal_flip(pal_transpose(back), 1)),
        pal_flip(pal_fill(t, PAL_F64, PAL_SHAPE(3), 2), 1),
        pal_diagonal(
            pal_flip(pal_slice(v, (const int64_t[]){0, 5}, (const int64_t[]){30, 30}, (const int64_t[]){1, 1}), 2)),
    };
    enum { N = sizeof out / sizeof *out };
    ck_assert_tape_ok(t);
    pal_program *p = run_both(out, N);
#define AT(k, i) pal_tensor_get(pal_output(p, k), (size_t)(i))
#define X(i, j)  (1.0 + (double)((i)*40 + (j)))
    for (int i = 0; i < 30; i++)
        for (int j = 0; j < 40; j++) {
            ck_assert_double_eq(AT(0, i * 40 + j), X(i, j) + X(29 - i, j));
            ck_assert_double_eq(AT(1, i * 40 + j), 0.25 * X(i, j) * X(29 - i, 39 - j));
            ck_assert_double_eq(AT(2, i * 40 + j), X(i, 39 - j));
            ck_assert_double_eq(AT(4, i * 40 + j), X(i, j) + 3 + (39 - j));
            ck_assert_double_eq(AT(7, i * 40 + j), 0.5 * X(29 - i, j));
        }
    for (int i = 0; i < 7; i++)
        for (int j = 0; j < 9; j++) {
            ck_assert_double_eq(AT(5, i * 9 + j), X(1 + 3 * (6 - i), 3 + 4 * (8 - j)));
            ck_assert_double_eq(AT(6, i * 9 + j), 0.5 * X(29 - (1 + 3 * i), 39 - (3 + 4 * j)));
        }
    for (int i = 0; i < 30; i++) {
        ck_assert_double_eq(AT(9, i), X(i, 5 + 29 - i));
        double sum = 0;
        for (int j = 0; j < 40; j++) sum += X(29 - i, j) * X(3, 39 - j);
        ck_assert_double_eq_tol(AT(3, i * 30 + 3), sum, 1e-6);
    }
    ck_assert_double_eq(AT(8, 1), 2);
    pal_program_free(p);

    pal_assign(v, pal_flip(v, 3)); /* must read the whole leaf before writing it */
    p = pal_compile(t, NULL, 0, &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .effects = true});
    ck_assert_ptr_nonnull(p);
    ck_assert_int_eq(pal_run(p), PAL_OK);
    for (int i = 0; i < 30; i++)
        for (int j = 0; j < 40; j++) ck_assert_double_eq(pal_tensor_get(x, (size_t)(i * 40 + j)), X(29 - i, 39 - j));
#undef AT
#undef X
    pal_program_free(p);
    pal_tensor_free(x);
    pal_tensor_free(w);
}
END_TEST

/* Each element appears as often as the product of the repeat counts, which is also its derivative. */
START_TEST(repeat_tiles_and_its_adjoint_sums)
{
    static const int64_t times[][3] = {{1, 1, 1}, {2, 1, 1}, {1, 3, 1}, {1, 1, 2}, {2, 3, 4}, {2, 0, 1}};
    for (size_t k = 0; k < sizeof times / sizeof *times; k++)
        for (size_t d = 0; d < TYPES; d++) {
            pal_tensor *x;
            pal_var v = counting(&x, types[d], PAL_SHAPE(2, 3, 2), 0), out[2] = {pal_repeat(v, times[k])};
            size_t n = 1;
            if (pal_dtype_real(types[d])) ck_assert_int_eq(pal_grad(pal_sum_all(out[0]), &v, 1, &out[n++]), PAL_OK);
            pal_program *p = run_both(out, n);
            const pal_tensor *y = pal_output(p, 0);
            for (int a = 0; a < 3; a++) ck_assert_int_eq(y->shape.dim[a], x->shape.dim[a] * times[k][a]);
            for (size_t i = 0; i < pal_tensor_count(y); i++) {
                int64_t index[3];
                unflat(y->shape, i, index);
                for (int a = 0; a < 3; a++) index[a] %= x->shape.dim[a];
                ck_assert_double_eq(pal_tensor_get(y, i), pal_tensor_get(x, flat(x->shape, index)));
            }
            for (size_t i = 0; n == 2 && i < 12; i++)
                ck_assert_double_eq(pal_tensor_get(pal_output(p, 1), i),
                                    (double)(times[k][0] * times[k][1] * times[k][2]));
            pal_program_free(p);
            pal_tensor_free(x);
            pal_tape_free(t);
            t = pal_tape_new(c, PAL_F64);
        }
}
END_TEST

START_TEST(diagonals_and_expanded_axes)
{
    for (size_t d = 0; d < TYPES; d++) {
        pal_tensor *x, *y;
        pal_var v = counting(&x, types[d], PAL_SHAPE(2, 3, 3), 1), u = counting(&y, types[d], PAL_SHAPE(2, 3), 1);
        pal_var out[] = {pal_diagonal(v),
                         pal_diagonal_matrix(u),
                         pal_diagonal(pal_diagonal_matrix(u)),
                         pal_diagonal(pal_transpose(v)),
                         pal_expand(u, 1),
                         pal_expand(u, -1),
                         pal_expand(u, 0)};
        pal_program *p = run_both(out, sizeof out / sizeof *out);
        for (size_t m = 0; m < 2; m++)
            for (size_t i = 0; i < 3; i++) {
                ck_assert_double_eq(pal_tensor_get(pal_output(p, 0), 3 * m + i), pal_tensor_get(x, 9 * m + 4 * i));
                ck_assert_double_eq(pal_tensor_get(pal_output(p, 3), 3 * m + i), pal_tensor_get(x, 9 * m + 4 * i));
                for (size_t j = 0; j < 3; j++)
                    ck_assert_double_eq(pal_tensor_get(pal_output(p, 1), 9 * m + 3 * i + j),
                                        i == j ? pal_tensor_get(y, 3 * m + i) : 0);
            }
        for (size_t k = 2; k < 7; k += k == 2 ? 2 : 1)
            ck_assert_mem_eq(pal_output(p, k)->data, y->data, pal_tensor_bytes(y));
        ck_assert(pal_shape_equal(pal_output(p, 4)->shape, PAL_SHAPE(2, 1, 3)));
        ck_assert(pal_shape_equal(pal_output(p, 5)->shape, PAL_SHAPE(2, 3, 1)));
        ck_assert(pal_shape_equal(pal_output(p, 6)->shape, PAL_SHAPE(1, 2, 3)));
        pal_program_free(p);
        pal_tensor_free(x);
        pal_tensor_free(y);
        pal_tape_free(t);
        t = pal_tape_new(c, PAL_F64);
    }
}
END_TEST

START_TEST(triangles_hide_what_lies_outside)
{
    static const int64_t sizes[][2] = {{3, 3}, {2, 4}, {4, 2}, {1, 1}, {0, 3}, {3, 0}};
    static const int64_t offsets[] = {0, 1, -1, 2, -3, 100, -100, INT64_MAX, INT64_MIN};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (size_t o = 0; o < sizeof offsets / sizeof *offsets; o++)
            for (size_t d = 0; d < TYPES; d++) {
                int64_t m = sizes[s][0], n = sizes[s][1];
                pal_tensor *x;
                pal_var v = counting(&x, types[d], PAL_SHAPE(2, m, n), 1);
                pal_program *p =
                    run_both((pal_var[]){pal_lower_triangle(v, offsets[o]), pal_upper_triangle(v, offsets[o])}, 2);
                for (int64_t i = 0; i < 2 * m * n; i++) {
                    __int128 row = i / n % m, column = i % n;
                    double it = pal_tensor_get(x, (size_t)i);
                    ck_assert_double_eq(pal_tensor_get(pal_output(p, 0), (size_t)i),
                                        column <= row + offsets[o] ? it : 0);
                    ck_assert_double_eq(pal_tensor_get(pal_output(p, 1), (size_t)i),
                                        column >= row + offsets[o] ? it : 0);
                }
                pal_program_free(p);
                pal_tensor_free(x);
                pal_tape_free(t);
                t = pal_tape_new(c, PAL_F64);
            }
    double in[] = {1, (double)NAN, -(double)INFINITY, -0.0}, lower[4], upper[4];
    pal_tensor *x = pal_tensor_wrap(c, PAL_F64, PAL_SHAPE(2, 2), in);
    pal_var v = pal_leaf(t, x, "x");
    ck_assert_int_eq(pal_eval(pal_lower_triangle(v, -1), lower) | pal_eval(pal_upper_triangle(v, 2), upper), PAL_OK);
    ck_assert_double_eq(lower[2], -(double)INFINITY);
    for (int i = 0; i < 4; i++) {
        ck_assert(i == 2 || (lower[i] == 0 && !signbit(lower[i])));
        ck_assert(upper[i] == 0 && !signbit(upper[i]));
    }
    pal_tensor_free(x);
}
END_TEST

START_TEST(wrong_uses_are_refused)
{
    pal_tensor *x, *y;
    pal_var v = counting(&x, PAL_F64, PAL_SHAPE(2, 3), 0), u = counting(&y, PAL_I32, PAL_SHAPE(2, 3), 0), part[2];
    pal_var sum = pal_sum_all(v), six = pal_reshape(v, PAL_SHAPE(1, 1, 1, 1, 2, 3)), none = {.tape = t};
    pal_mark m = pal_tape_mark(t);
    ck_assert_refused_saying(t, pal_concat((pal_var[]){v, u}, 2, 0),
                             "concat: [2,3] x [2,3]: the operands must have one type");
    ck_assert_refused_saying(t, pal_concat((pal_var[]){v, pal_transpose(v)}, 2, 0), "one shape, except along the axis");
    ck_assert_refused_saying(t, pal_concat((pal_var[]){v, sum}, 2, 0), "the same number of axes");
    ck_assert_refused_saying(t, pal_concat(&v, 1, 2), "concat: axis 2 is out of range for rank 2");
    ck_assert_refused_saying(t, pal_concat(&sum, 1, 0), "concat: axis 0 is out of range for rank 0");
    ck_assert_refused_saying(t, pal_concat((pal_var[]){none, v}, 2, 0), "concat: operand 1 is a bad handle");
    const int64_t new_axes[] = {-1, 2, INT64_MAX, INT64_MIN};
    for (int i = 0; i < 4; i++) {
        pal_params p = {.i = {1, new_axes[i]}};
        ck_assert_refused_saying(t, pal_record(t, pal_op_find("concat"), &v, 1, &p),
                                 "the flag for a new axis must be 0 or 1");
    }
    ck_assert_refused_saying(t, pal_stack((pal_var[]){v, pal_transpose(v)}, 2, 0),
                             "stack: [2,3] x [3,2]: the operands must have one");
    ck_assert_refused_saying(t, pal_stack(&v, 1, -4), "stack: axis -4 is out of range for rank 3");
    ck_assert_refused_saying(t, pal_stack(&six, 1, 0), "the result has more than 6 axes");
    ck_assert_refused_saying(t, pal_flip(v, 4), "flip: [2,3]: an axis is out of range");
    ck_assert_refused_saying(t, pal_repeat(v, (const int64_t[]){-1, 1}), "repeat: cannot repeat axis 0 -1 times");
    ck_assert_refused_saying(t, pal_repeat(v, (const int64_t[]){INT64_MAX, INT64_MAX}), "repeat: ");
    ck_assert_refused_saying(t, pal_repeat(v, (const int64_t[]){INT64_MAX / 4, INT64_MAX / 4}),
                             "repeat: the result is too large");
    ck_assert_refused_saying(t, pal_repeat(none, (const int64_t[]){1}), "repeat: the operand is a bad handle");
    ck_assert_refused_saying(t, pal_expand(v, 3), "expand: axis 3 is out of range for rank 3");
    ck_assert_refused_saying(t, pal_expand(six, 0), "expand: the result has more than 6 axes");
    ck_assert_refused_saying(t, pal_diagonal(v), "diagonal: [2,3]: the last two axes must be equal");
    ck_assert_refused_saying(t, pal_diagonal(sum), "diagonal: ");
    ck_assert_refused_saying(t, pal_diagonal_matrix(sum), "diagonal_matrix: ");
    ck_assert_refused_saying(t, pal_diagonal_matrix(six), "the result has more than 6 axes");
    ck_assert_refused_saying(t, pal_lower_triangle(pal_reshape(v, PAL_SHAPE(6)), 0),
                             "lower_triangle: [6]: needs at least two axes");
    ck_assert_refused_saying(t, pal_upper_triangle(sum, 0), "upper_triangle: ");
    const int64_t wrong[][2] = {{1, 1}, {3, 1}, {-1, 4}, {INT64_MAX, 1}};
    for (int i = 0; i < 4; i++) {
        pal_split_axis(v, 1, wrong[i], 2, part);
        ck_assert(!part[0].id && !part[1].id && part[0].tape == t);
        ck_assert_str_eq(pal_tape_error(t), "split_axis: the sizes do not add up to 3, the length of axis 1");
        pal_tape_rewind(t, m);
    }
    pal_split_axis(v, 2, wrong[0], 2, part);
    ck_assert_str_eq(pal_tape_error(t), "split_axis: axis 2 is out of range for rank 2");
    pal_tape_rewind(t, m);
    const pal_var nothing = {0};
    ck_assert(!pal_concat(NULL, 0, 0).id && !pal_concat(&nothing, 1, 0).id && !pal_flip(nothing, 1).id);
    ck_assert(!pal_repeat(nothing, wrong[0]).id && !pal_expand(nothing, 0).id && !pal_diagonal(nothing).id);
    pal_split_axis(nothing, 0, wrong[0], 2, part);
    ck_assert(!part[0].id);
    pal_tensor_free(x);
    pal_tensor_free(y);
}
END_TEST

Suite *arrange_suite(void)
{
    Suite *s = suite_create("arrange");
    add_case(s, "arrange", setup, teardown,
             TESTS(concat_and_split_are_inverse, many_are_stacked, flip_reverses, reversed_views_go_everywhere,
                   repeat_tiles_and_its_adjoint_sums, diagonals_and_expanded_axes, triangles_hide_what_lies_outside,
                   wrong_uses_are_refused));
    return s;
}
