/* Einstein sums against a naive evaluation; Cholesky factors, solves and determinants against what defines them, their
 * derivatives against closed forms to the third order; failures while running and while recording. */
#include "testing.h"

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

/* Tensors of a test, freed at its end. */
static pal_tensor *kept[64];
static size_t n_kept;

static pal_var keep(pal_tensor *tensor)
{
    ck_assert_uint_lt(n_kept, 64);
    return pal_leaf(t, kept[n_kept++] = tensor, NULL);
}

static void release(void)
{
    pal_tape_free(t);
    t = pal_tape_new(c, PAL_F64);
    while (n_kept) pal_tensor_free(kept[--n_kept]);
}

static pal_var numbers(pal_dtype dtype, pal_shape shape, const char *stream)
{
    return keep(random_tensor(c, dtype, shape, -1, 1, stream));
}

static pal_var values(pal_shape shape, const double *x)
{
    pal_tensor *v = pal_tensor_new(c, PAL_F64, shape);
    for (size_t i = 0; i < pal_tensor_count(v); i++) pal_tensor_set(v, i, x[i]);
    return keep(v);
}

/* x's elements as doubles, for the caller to free. */
static double *eval(pal_var x)
{
    double *out = malloc(((size_t)pal_shape_count(pal_shape_of(x)) + 1) * sizeof *out);
    pal_var wide = pal_cast(x, PAL_F64);
    ck_assert_tape_ok(t);
    ck_assert_msg(pal_eval(wide, out) == PAL_OK, "%s", pal_tape_error(t));
    return out;
}

static void near(pal_var x, pal_var y, double tolerance)
{
    ck_assert_tape_ok(t);
    ck_assert(pal_shape_equal(pal_shape_of(x), pal_shape_of(y)));
    double *a = eval(x), *b = eval(y), largest = 0;
    size_t n = (size_t)pal_shape_count(pal_shape_of(x));
    for (size_t i = 0; i < n; i++) largest = fmax(largest, fabs(b[i]));
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(fabs(a[i] - b[i]) <= tolerance * largest, "element %zu: %.17g, not %.17g", i, a[i], b[i]);
    free(a);
    free(b);
}

static void refused(pal_var v, const char *text)
{
    ck_assert(!pal_ok(v));
    ck_assert_ptr_nonnull(pal_tape_error(t));
    ck_assert_str_eq(pal_tape_error(t), text);
    release();
}

/* ---- Einstein sums ------------------------------------------------------------------------------------------------
 */

/* By every value of every letter: what the definition says and nothing else. */
static double *naive(const char *a, const char *b, const char *result, const int64_t *size, const double *x,
                     const double *y)
{
    char all[32] = "";
    int64_t index[128] = {0}, count = 1;
    const char *terms[] = {a, b};
    for (int o = 0; o < 2; o++)
        for (const char *p = terms[o]; *p; p++)
            if (!strchr(all, *p)) strncat(all, p, 1);
    for (const char *p = result; *p; p++) count *= size[(int)*p];
    double *out = calloc((size_t)count + 1, sizeof *out);
    for (const char *p = all; *p; p++)
        if (!size[(int)*p]) return out;
    for (;;) {
        int64_t at[3] = {0};
        const char *parts[] = {a, b, result};
        for (int o = 0; o < 3; o++)
            for (const char *p = parts[o]; *p; p++) at[o] = at[o] * size[(int)*p] + index[(int)*p];
        out[at[2]] += x[at[0]] * y[at[1]];
        const char *p = all;
        for (; *p && ++index[(int)*p] == size[(int)*p]; p++) index[(int)*p] = 0;
        if (!*p) return out;
    }
}

static pal_shape shape_of(const char *axes, const int64_t *size)
{
    pal_shape s = {0};
    for (; *axes; axes++) s.dim[s.rank++] = size[(int)*axes];
    return s;
}

static const struct {
    const char *spec, *a, *b, *result;
} specs[] = {
    {"ij,jk->ik", "ij", "jk", "ik"},
    {"ij,jk->ki", "ij", "jk", "ki"},
    {"ji,kj->ik", "ji", "kj", "ik"},
    {"ji,jk", "ji", "jk", "ik"},
    {"ba,ca", "ba", "ca", "bc"},
    {"Ab,bC", "Ab", "bC", "AC"},
    {"zb,bA", "zb", "bA", "Az"},
    {" n i j , j k -> n i k ", "nij", "jk", "nik"},
    {"jk,nij->nik", "jk", "nij", "nik"},
    {"nij,jk->kin", "nij", "jk", "kin"},
    {"nij,ijk->nk", "nij", "ijk", "nk"},
    {"nij,jik->nk", "nij", "jik", "nk"},
    {"bij,bjk->bik", "bij", "bjk", "bik"},
    {"bji,bkj->bik", "bji", "bkj", "bik"},
    {"ijb,jkb->ikb", "ijb", "jkb", "ikb"},
    {"ibj,jkb->kbi", "ibj", "jkb", "kbi"},
    {"abij,bajk->abik", "abij", "bajk", "abik"},
    {"abcdi,abcdi->abcd", "abcdi", "abcdi", "abcd"},
    {"abcdei,abcdei->edcba", "abcdei", "abcdei", "edcba"},
    {"abcdij,abcdjk->dcbaki", "abcdij", "abcdjk", "dcbaki"},
    {"abcijk,kljc->lbai", "abcijk", "kljc", "lbai"},
    {"abcdef,fedcba->", "abcdef", "fedcba", ""},
    {"abcdef,fedcba->cfadeb", "abcdef", "fedcba", "cfadeb"},
    {"abcdef,g->abcdg", "abcdef", "g", "abcdg"},
    {"ijkl,mk->ijml", "ijkl", "mk", "ijml"},
    {"ij,j->i", "ij", "j", "i"},
    {"j,ij->i", "j", "ij", "i"},
    {"ij,i->j", "ij", "i", "j"},
    {"bij,bj->bi", "bij", "bj", "bi"},
    {"i,i->", "i", "i", ""},
    {"i,i", "i", "i", ""},
    {"bi,bi->b", "bi", "bi", "b"},
    {"bi,ib->b", "bi", "ib", "b"},
    {"i,j->ij", "i", "j", "ij"},
    {"i,j->ji", "i", "j", "ji"},
    {"i,j", "i", "j", "ij"},
    {"ij,kl->kilj", "ij", "kl", "kilj"},
    {"ij,ij->ij", "ij", "ij", "ij"},
    {"ij,ji->ij", "ij", "ji", "ij"},
    {"ij,ij->ji", "ij", "ij", "ji"},
    {"ij,j->ij", "ij", "j", "ij"},
    {"ij,i->ji", "ij", "i", "ji"},
    {"ij,kl->", "ij", "kl", ""},
    {"ij,jk->", "ij", "jk", ""},
    {"ij,jk->j", "ij", "jk", "j"},
    {"ijx,jky->ik", "ijx", "jky", "ik"},
    {"xij,y->i", "xij", "y", "i"},
    {",->", "", "", ""},
    {",", "", "", ""},
    {",i->i", "", "i", "i"},
    {"i,->i", "i", "", "i"},
    {",ij->j", "", "ij", "j"},
    {"ji,->ij", "ji", "", "ij"},
};

START_TEST(einsum_is_the_sum_over_all_letters)
{
    for (int pass = 0; pass < 5; pass++)
        for (size_t s = 0; s < sizeof specs / sizeof *specs; s++) {
            int64_t size[128];
            for (int l = 0; l < 128; l++) { /* odd sizes; with ones; with a zero */
                size[l] = 1 + (l * 7 + pass) % 3 + (strlen(specs[s].a) < 4);
                if (pass == 2 || (pass == 3 && l % 2)) size[l] = 1;
                if (pass == 4 && (l == 'j' || l == 'a')) size[l] = 0;
            }
            pal_dtype dtype = pass == 1 ? PAL_F32 : PAL_F64;
            pal_var a = numbers(dtype, shape_of(specs[s].a, size), "a"),
                    b = numbers(dtype, shape_of(specs[s].b, size), "b"), y = pal_einsum(specs[s].spec, a, b);
            ck_assert_msg(pal_ok(y), "%s: %s", specs[s].spec, pal_tape_error(t));
            ck_assert_msg(pal_shape_equal(pal_shape_of(y), shape_of(specs[s].result, size)), "%s", specs[s].spec);
            double *x = eval(a), *z = eval(b), *got = eval(y),
                   *expected = naive(specs[s].a, specs[s].b, specs[s].result, size, x, z);
            for (int64_t i = 0; i < pal_shape_count(pal_shape_of(y)); i++)
                ck_assert_msg(fabs(got[i] - expected[i]) <= (pass == 1 ? 1e-4 : 1e-13), "%s, %d: %.17g, not %.17g",
                              specs[s].spec, pass, got[i], expected[i]);
            free(x);
            free(z);
            free(got);
            free(expected);
            release();
        }
}
END_TEST

/* What a product can do itself is neither copied nor renamed. */
START_TEST(einsum_of_a_product_is_the_product)
{
    static const struct {
        const char *spec;
        bool swapped, ta, tb;
    } same[] = {{"bij,bjk->bik", false, false, false}, {"bji,bjk->bik", false, true, false},
                {"bij,bkj->bik", false, false, true},  {"bji,bkj->bik", false, true, true},
                {"bij,bjk->bki", true, true, true},    {"bij,bkj->bki", true, false, true}};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        pal_var a = numbers(PAL_F64, PAL_SHAPE(2, 3, 3), "a"), b = numbers(PAL_F64, PAL_SHAPE(2, 3, 3), "b");
        size_t before = pal_tape_length(t);
        pal_var y = pal_einsum(same[i].spec, a, b);
        ck_assert_uint_eq(pal_tape_length(t), before + 1);
        pal_var z = pal_matmul_t(same[i].swapped ? b : a, same[i].swapped ? a : b, same[i].ta, same[i].tb);
        char *one = pal_tape_text(t, &y, 1), *other = pal_tape_text(t, &z, 1);
        ck_assert_str_eq(one, other);
        pal_text_free(c, one);
        pal_text_free(c, other);
        release();
    }
    /* Rows of many samples are one matrix. */
    pal_var x = numbers(PAL_F64, PAL_SHAPE(4, 3, 2), "x"), w = numbers(PAL_F64, PAL_SHAPE(2, 5), "w");
    size_t before = pal_tape_length(t);
    pal_var y = pal_einsum("nij,jk->nik", x, w);
    ck_assert_uint_eq(pal_tape_length(t), before + 3);
    ck_assert(pal_shape_equal(pal_shape_of(pal_operand(y, 0)), PAL_SHAPE(12, 5)));
    release();
}
END_TEST

static bool moves(pal_var v, const char *name) { return !strcmp(pal_op_of(v)->name, name); }

/* Permutations and reshapes from v down to what is neither; v becomes that. */
static int permutations(pal_var *v)
{
    int n = 0;
    for (; moves(*v, "permute") || moves(*v, "reshape"); *v = pal_operand(*v, 0)) n += moves(*v, "permute");
    return n;
}

/* Where operands and result cannot all stand as the product has them, the fewest elements are copied. */
START_TEST(einsum_copies_little)
{
    static const struct {
        const char *spec;
        pal_shape a, b;
        int permuted[3]; /* how often: the result, then the product's operands */
    } cases[] = {{"ijk,lkj->il", {3, {2, 3, 4}}, {3, {9, 4, 3}}, {0, 1, 0}},
                 {"ijk,lkj->il", {3, {9, 3, 4}}, {3, {2, 4, 3}}, {0, 0, 1}},
                 {"xyij,xyjk->yxik", {4, {2, 3, 4, 4}}, {4, {2, 3, 4, 4}}, {1, 0, 0}},
                 {"xyij,yxjk->xyik", {4, {2, 3, 1, 9}}, {4, {3, 2, 9, 9}}, {1, 1, 0}},
                 {"xyij,yxjk->xyik", {4, {2, 3, 9, 2}}, {4, {3, 2, 2, 2}}, {0, 0, 1}},
                 {"ijk,kl->jil", {3, {2, 3, 9}}, {2, {9, 2}}, {1, 0, 0}},
                 {"ijk,kl->jil", {3, {2, 3, 2}}, {2, {2, 9}}, {0, 1, 0}},
                 {"ijk,klm->jiml", {3, {2, 3, 9}}, {3, {9, 2, 3}}, {1, 0, 0}},
                 {"kl,ijk->lji", {2, {9, 2}}, {3, {2, 3, 9}}, {1, 0, 0}},
                 {"kl,ijk->lji", {2, {2, 9}}, {3, {2, 3, 2}}, {0, 0, 1}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pal_var y = pal_einsum(cases[i].spec, numbers(PAL_F64, cases[i].a, "a"), numbers(PAL_F64, cases[i].b, "b"));
        ck_assert_tape_ok(t);
        ck_assert_msg(permutations(&y) == cases[i].permuted[0], "%s: case %zu", cases[i].spec, i);
        ck_assert_str_eq(pal_op_of(y)->name, "matmul");
        for (int o = 0; o < 2; o++) {
            pal_var x = pal_operand(y, (size_t)o);
            ck_assert_msg(permutations(&x) == cases[i].permuted[1 + o], "%s: case %zu", cases[i].spec, i);
        }
        release();
    }
}
END_TEST

START_TEST(einsum_refuses)
{
#define A numbers(PAL_F64, PAL_SHAPE(2, 3), "a")
#define B numbers(PAL_F64, PAL_SHAPE(3, 4), "b")
    refused(pal_einsum(NULL, A, B), "einsum: no specification");
    refused(pal_einsum("", A, B), "einsum: no comma in \"\"");
    refused(pal_einsum("ij", A, B), "einsum: no comma in \"ij\"");
    refused(pal_einsum("ij->ij", A, B), "einsum: no comma before the -> at place 3 in \"ij->ij\"");
    refused(pal_einsum("ij,jk,kl->il", A, B), "einsum: a second comma at place 6 in \"ij,jk,kl->il\"");
    refused(pal_einsum("ij,jk->i,k", A, B), "einsum: a second comma at place 9 in \"ij,jk->i,k\"");
    refused(pal_einsum("ij,jk->i->k", A, B), "einsum: a second -> at place 9 in \"ij,jk->i->k\"");
    refused(pal_einsum("ii,ij->j", A, B), "einsum: operand 1 has i twice, at place 2 in \"ii,ij->j\"");
    refused(pal_einsum("ij,kk->ij", A, B), "einsum: operand 2 has k twice, at place 5 in \"ij,kk->ij\"");
    refused(pal_einsum("ij,jk->ii", A, B), "einsum: the result has i twice, at place 9 in \"ij,jk->ii\"");
    refused(pal_einsum("ij,jk->iz", A, B), "einsum: the result's z is in no operand in \"ij,jk->iz\"");
    refused(pal_einsum("ijk,jk->i", A, B),
            "einsum: operand 1 is [2,3], which does not have the 3 axes in \"ijk,jk->i\"");
    refused(pal_einsum("ij,->i", A, B), "einsum: operand 2 is [3,4], which does not have the 0 axes in \"ij,->i\"");
    refused(pal_einsum("ij,ik->jk", A, B), "einsum: i is 2 in operand 1 and 3 in operand 2 in \"ij,ik->jk\"");
    refused(pal_einsum("i1,jk->i", A, B), "einsum: a strange 1 at place 2 in \"i1,jk->i\"");
    refused(pal_einsum("...ij,jk", A, B), "einsum: a strange . at place 1 in \"...ij,jk\"");
    refused(pal_einsum("ij,jk-ik", A, B), "einsum: a strange - at place 6 in \"ij,jk-ik\"");
    refused(pal_einsum("ij,%s\n->ik", A, B), "einsum: a strange % at place 4 in \"ij,%s?->ik\"");
    refused(pal_einsum("ij,\xc3\xa4->i", A, B), "einsum: a strange character at place 4 in \"ij,?\?->i\"");
    refused(pal_einsum("abcdefg,a->a", A, B), "einsum: operand 1 has over 6 axes in \"abcdefg,a->a\"");
    pal_var five = numbers(PAL_F64, PAL_SHAPE(1, 1, 1, 1, 1), "five");
    refused(pal_einsum("abcde,fg", five, A), "einsum: the result has over 6 axes in \"abcde,fg\"");
    refused(pal_einsum("abcde,fg->gfedcba", numbers(PAL_F64, PAL_SHAPE(1, 1, 1, 1, 1), "five"), A),
            "einsum: the result has over 6 axes in \"abcde,fg->gfedcba\"");
    refused(pal_einsum("ij,jk", A, numbers(PAL_F32, PAL_SHAPE(3, 4), "f")),
            "einsum: operands are to be of one real type, not f64 and f32");
    refused(pal_einsum("ij,jk", A, (pal_var){0}), "einsum: operand 2 is a bad handle");
    refused(pal_einsum("ij,jk", (pal_var){0}, A), "einsum: operand 1 is a bad handle");
    pal_shape wide = PAL_SHAPE(1, INT64_C(1) << 40);
    refused(pal_einsum("ij,ik->jk", pal_fill(t, PAL_F64, wide, 1), pal_fill(t, PAL_F64, wide, 1)),
            "einsum: the result is too large in \"ij,ik->jk\"");
    refused(pal_outer(A, A), "outer: [2,3] x [2,3]: wants two vectors");
    refused(pal_outer((pal_var){.tape = t}, A), "outer: operand 1 is a bad handle");
    refused(pal_dot(numbers(PAL_F64, PAL_SHAPE(2), "u"), numbers(PAL_F64, PAL_SHAPE(3), "v")),
            "dot: [2] x [3]: wants two vectors of one length");
    refused(pal_dot(pal_sum_all(A), pal_sum_all(B)), "dot: [] x []: wants two vectors of one length");
#undef A
#undef B
    pal_var none = {0};
    ck_assert(!pal_ok(pal_einsum("i,i", none, none)) && !pal_ok(pal_einsum(NULL, none, none)) &&
              !pal_ok(pal_outer(none, none)) && !pal_ok(pal_dot(none, none)));
    pal_tape *other = pal_tape_new(c, PAL_F64);
    ck_assert(!pal_ok(pal_einsum(",", pal_constant(t, 1), pal_constant(other, 1))));
    ck_assert_str_eq(pal_tape_error(t), "einsum: operands of two tapes");
    ck_assert_str_eq(pal_tape_error(other), "einsum: operands of two tapes");
    pal_tape_free(other);
}
END_TEST

START_TEST(outer_and_dot)
{
    double x[] = {1, -2, 3}, y[] = {4, 5}, z[] = {0.5, 0.25, -1};
    pal_var a = values(PAL_SHAPE(3), x), b = values(PAL_SHAPE(2), y), d = values(PAL_SHAPE(3), z);
    double outer[] = {4, 5, -8, -10, 12, 15}, *got = eval(pal_outer(a, b)), dot;
    for (int i = 0; i < 6; i++) ck_assert_double_eq(got[i], outer[i]);
    ck_assert(pal_shape_equal(pal_shape_of(pal_outer(a, b)), PAL_SHAPE(3, 2)));
    ck_assert_int_eq(pal_eval(pal_dot(a, d), &dot), PAL_OK);
    ck_assert_double_eq(dot, -3);
    pal_var empty = values(PAL_SHAPE(0), NULL);
    ck_assert_int_eq(pal_eval(pal_dot(empty, empty), &dot), PAL_OK);
    ck_assert_double_eq(dot, 0);
    free(got);
    release();
}
END_TEST

/* ---- Factors ------------------------------------------------------------------------------------------------------
 */

static pal_var identity(int64_t n)
{
    pal_tensor *e = pal_tensor_new(c, PAL_F64, PAL_SHAPE(n, n));
    for (int64_t i = 0; i < n; i++) pal_tensor_set(e, (size_t)(i * n + i), 1);
    return keep(e);
}

/* x x^T / n + I */
static pal_var definite(pal_var x)
{
    int64_t n = pal_shape_of(x).dim[pal_shape_of(x).rank - 1];
    pal_var product = pal_scale(pal_matmul_t(x, x, false, true), 1 / fmax(1, (double)n));
    return pal_add(product, pal_cast(identity(n), pal_dtype_of(x)));
}

/* A copy with NaN above the diagonal. */
static pal_var spoiled(pal_var x)
{
    pal_shape s = pal_shape_of(x);
    size_t n = (size_t)s.dim[s.rank - 1];
    pal_tensor *copy = pal_tensor_new(c, pal_dtype_of(x), s);
    double *v = eval(x);
    for (size_t i = 0; i < pal_tensor_count(copy); i++) pal_tensor_set(copy, i, i % n > i / n % n ? (double)NAN : v[i]);
    free(v);
    return keep(copy);
}

static const int64_t sizes[] = {0, 1, 2, 3, 7, 31, 32, 33, 63, 64, 65, 100, 130, 257};
enum { SIZES = sizeof sizes / sizeof *sizes };

START_TEST(factor_times_its_transpose_is_the_matrix)
{
    for (int s = 0; s < SIZES; s++)
        for (int single = 0; single < 2; single++) {
            int64_t n = sizes[s];
            pal_shape shape = n < 40 ? PAL_SHAPE(3, 2, n, n) : PAL_SHAPE(n, n);
            pal_var a = definite(numbers(single ? PAL_F32 : PAL_F64, shape, "x")), l = pal_cholesky(spoiled(a));
            near(pal_matmul_t(l, l, false, true), a, single ? 2e-6 : 1e-14);
            double *v = eval(l);
            for (int64_t i = 0; i < pal_shape_count(shape); i++) {
                if (i % n > i / n % n) ck_assert(v[i] == 0 && !signbit(v[i]));
                if (i % n == i / n % n) ck_assert_double_gt(v[i], 0);
            }
            free(v);
            release();
        }
}
END_TEST

START_TEST(solves_leave_no_residual)
{
    static const int64_t sides[] = {0, 1, 5, 70};
    for (int s = 0; s < SIZES; s++)
        for (int k = 0; k < 4; k++)
            for (int single = 0; single < 2; single++) {
                int64_t n = sizes[s];
                pal_dtype dtype = single ? PAL_F32 : PAL_F64;
                pal_var l = pal_cholesky(definite(numbers(dtype, PAL_SHAPE(n, n), "x"))),
                        b = numbers(dtype, PAL_SHAPE(n, sides[k]), "b"), any = spoiled(l);
                double tolerance = single ? 5e-6 : 1e-14;
                near(pal_matmul(l, pal_triangular_solve(any, b, false)), b, tolerance);
                near(pal_matmul_t(l, pal_triangular_solve(any, b, true), true, false), b, tolerance);
                pal_var a = pal_matmul_t(l, l, false, true);
                near(pal_matmul(a, pal_cholesky_solve(any, b)), b, 5 * tolerance);
                near(pal_matmul(a, pal_cholesky_inverse(any)), pal_cast(identity(n), dtype), 5 * tolerance);
                release();
            }
}
END_TEST

static pal_var item(pal_var x, int64_t i) { return pal_take(x, pal_fill(t, PAL_I32, PAL_SCALAR, (double)i)); }

START_TEST(batches_broadcast)
{
    pal_var l = pal_cholesky(definite(numbers(PAL_F64, PAL_SHAPE(2, 1, 3, 3), "x"))),
            b = numbers(PAL_F64, PAL_SHAPE(4, 3, 2), "b");
    for (int turned = 0; turned < 2; turned++) {
        pal_var x = pal_triangular_solve(l, b, turned);
        ck_assert(pal_shape_equal(pal_shape_of(x), PAL_SHAPE(2, 4, 3, 2)));
        for (int64_t i = 0; i < 2; i++)
            for (int64_t j = 0; j < 4; j++)
                near(item(item(x, i), j), pal_triangular_solve(item(item(l, i), 0), item(b, j), turned), 0);
    }
    pal_var one = item(item(l, 0), 0);
    near(item(pal_triangular_solve(one, b, false), 3), pal_triangular_solve(one, item(b, 3), false), 0);
    near(item(pal_triangular_solve(item(l, 1), item(b, 0), true), 0),
         pal_triangular_solve(item(item(l, 1), 0), item(b, 0), true), 0);
    ck_assert(pal_shape_equal(pal_shape_of(pal_cholesky_log_det(l)), PAL_SHAPE(2, 1)));
    ck_assert(pal_shape_equal(pal_shape_of(pal_cholesky_inverse(l)), PAL_SHAPE(2, 1, 3, 3)));
    near(item(pal_cholesky_log_det(l), 1), pal_reshape(pal_cholesky_log_det(item(item(l, 1), 0)), PAL_SHAPE(1)), 0);
    /* No matrices at all. */
    pal_var none = numbers(PAL_F64, PAL_SHAPE(0, 3, 3), "none");
    ck_assert(pal_shape_equal(pal_shape_of(pal_cholesky(none)), PAL_SHAPE(0, 3, 3)));
    free(eval(pal_cholesky(none)));
    free(eval(pal_triangular_solve(none, item(b, 0), false)));
    release();
}
END_TEST

/* More matrices than tasks: each is factored and solved once, with or without BLAS. */
START_TEST(many_small_matrices)
{
    for (int64_t k = 1; k <= 600; k += 599) {
        pal_var x = numbers(PAL_F64, PAL_SHAPE(700, 2, 2), "x"), b = numbers(PAL_F64, PAL_SHAPE(700, 2, k), "b"),
                a = definite(x), l = pal_cholesky(a);
        near(pal_matmul_t(l, l, false, true), a, 1e-15);
        near(pal_matmul(l, pal_triangular_solve(l, b, false)), b, 1e-14);
        near(pal_matmul_t(l, pal_triangular_solve(l, b, true), true, false), b, 1e-14);
        release();
    }
    double *bad = malloc(4 * 20000 * sizeof *bad);
    for (int i = 0; i < 20000; i++) memcpy(bad + 4 * i, (double[]){1, 0, 0, i < 15000 ? 1 : -1}, 4 * sizeof *bad);
    double none;
    ck_assert_int_eq(pal_eval(pal_sum_all(pal_cholesky(values(PAL_SHAPE(20000, 2, 2), bad))), &none), PAL_ERR_NUMERIC);
    ck_assert_str_eq(pal_tape_error(t), "cholesky: not positive definite: leading minor 2 of matrix 15000");
    free(bad);
    release();
}
END_TEST

START_TEST(known_factors)
{
    double a[] = {4, 0, 0, 12, 37, 0, -16, -43, 98}, l[] = {2, 0, 0, 6, 1, 0, -8, 5, 3}, *got, det;
    pal_var f = pal_cholesky(values(PAL_SHAPE(3, 3), a));
    got = eval(f);
    for (int i = 0; i < 9; i++) ck_assert_double_eq(got[i], l[i]);
    free(got);
    ck_assert_int_eq(pal_eval(pal_cholesky_log_det(f), &det), PAL_OK);
    ck_assert_double_eq_tol(det, log(36), 1e-15);
    /* Far from one: nothing is squared that need not be. */
    double wide[] = {1e300, 0, 1e-10, 1e-300}, tiny[] = {5e-324}, huge[] = {(double)INFINITY, 0, 3, 4};
    got = eval(pal_cholesky(values(PAL_SHAPE(2, 2), wide)));
    ck_assert_double_eq_tol(got[0] / 1e150, 1, 1e-15);
    ck_assert_double_eq_tol(got[3] / 1e-150, 1, 1e-15);
    free(got);
    got = eval(pal_cholesky(values(PAL_SHAPE(1, 1), tiny)));
    ck_assert_double_gt(got[0], 0);
    free(got);
    got = eval(pal_cholesky(values(PAL_SHAPE(2, 2), huge)));
    ck_assert(isinf(got[0]) && got[2] == 0 && got[3] == 2);
    free(got);
    release();
}
END_TEST

/* Q diag(e) Q with the reflection Q = 1 - 2 v v^T / v^T v: its eigenvalues are e. */
START_TEST(determinant_is_the_product_of_the_eigenvalues)
{
    enum { N = 40 };
    double a[N * N], v[N], norm = 0, expected = 0, got;
    for (int i = 0; i < N; i++) {
        v[i] = sin(i + 1);
        norm += v[i] * v[i];
    }
    for (int i = 0; i < N; i++) {
        expected += log(pow(1.3, i - 10));
        for (int j = 0; j < N; j++) {
            a[i * N + j] = 0;
            for (int k = 0; k < N; k++)
                a[i * N + j] +=
                    ((i == k) - 2 * v[i] * v[k] / norm) * pow(1.3, k - 10) * ((k == j) - 2 * v[k] * v[j] / norm);
        }
    }
    pal_var log_det = pal_cholesky_log_det(pal_cholesky(values(PAL_SHAPE(N, N), a)));
    ck_assert_int_eq(pal_eval(log_det, &got), PAL_OK);
    ck_assert_double_eq_tol(got, expected, 1e-10);
    double two[] = {2, 0.5, 0.5, 3};
    ck_assert_int_eq(pal_eval(pal_cholesky_log_det(pal_cholesky(values(PAL_SHAPE(2, 2), two))), &got), PAL_OK);
    ck_assert_double_eq_tol(got, log(5.75), 1e-15);
    ck_assert_int_eq(pal_eval(pal_cholesky_log_det(values(PAL_SHAPE(0, 0), NULL)), &got), PAL_OK);
    ck_assert_double_eq(got, 0);
    release();
}
END_TEST

/* ---- Derivatives in closed form -----------------------------------------------------------------------------------
 */

static pal_var symmetric(pal_var x) { return pal_scale(pal_add(x, pal_transpose(x)), 0.5); }
static pal_var between(pal_var i, pal_var x) { return pal_matmul(pal_matmul(i, x), i); }

/* d ln det A = A^-1; along D, -A^-1 D A^-1; along D and E, A^-1 D A^-1 E A^-1 + A^-1 E A^-1 D A^-1. Directions count by
 * their symmetric parts. */
START_TEST(derivatives_of_the_determinant)
{
    pal_shape shapes[] = {PAL_SHAPE(1, 1), PAL_SHAPE(4, 4), PAL_SHAPE(2, 3, 3), PAL_SHAPE(50, 50)};
    for (int s = 0; s < 4; s++) {
        double *v = eval(definite(numbers(PAL_F64, shapes[s], "x")));
        pal_var a = values(shapes[s], v), d = numbers(PAL_F64, shapes[s], "d"), e = numbers(PAL_F64, shapes[s], "e"),
                l = pal_cholesky(a), g, h, third;
        ck_assert_int_eq(pal_grad(pal_sum_all(pal_cholesky_log_det(l)), &a, 1, &g), PAL_OK);
        pal_var inverse = pal_cholesky_inverse(l), sd = symmetric(d), se = symmetric(e);
        near(g, inverse, 1e-13);
        near(g, pal_transpose(g), 0); /* symmetric bit for bit */
        ck_assert_int_eq(pal_vjp(g, d, &a, 1, &h), PAL_OK);
        near(h, pal_neg(between(inverse, sd)), 1e-12);
        ck_assert_int_eq(pal_vjp(h, e, &a, 1, &third), PAL_OK);
        pal_var one = pal_matmul(between(inverse, sd), pal_matmul(se, inverse));
        near(third, pal_add(one, pal_transpose(one)), 1e-11);
        /* The inverse by the same factor, differentiated itself. */
        ck_assert_int_eq(pal_vjp(inverse, d, &a, 1, &h), PAL_OK);
        near(h, pal_neg(between(inverse, sd)), 1e-12);
        free(v);
        release();
    }
}
END_TEST

/* Only the lower triangle is read, yet the derivative is shared with the upper one. */
START_TEST(derivative_is_symmetric)
{
    double a[] = {4, 0, 2, 5}, seed[] = {0, 7, 1, 0}, *got; /* L = [2 0; 1 2]: L10 = A10 / sqrt A00 */
    pal_var x = values(PAL_SHAPE(2, 2), a), g;
    ck_assert_int_eq(pal_vjp(pal_cholesky(x), values(PAL_SHAPE(2, 2), seed), &x, 1, &g), PAL_OK);
    got = eval(g);
    ck_assert_double_eq_tol(got[0], -0.125, 1e-15);
    ck_assert_double_eq_tol(got[1], 0.25, 1e-15);
    ck_assert_double_eq_tol(got[2], 0.25, 1e-15);
    ck_assert_double_eq_tol(got[3], 0, 1e-15);
    free(got);
    /* None from above the diagonal of a triangular factor. */
    double l[] = {2, 9, 1, 3}, b[] = {2, 4};
    pal_var f = values(PAL_SHAPE(2, 2), l), y = pal_triangular_solve(f, values(PAL_SHAPE(2, 1), b), false);
    ck_assert_int_eq(pal_grad(pal_sum_all(y), &f, 1, &g), PAL_OK);
    got = eval(g); /* x = [1 1]: adjoint of b [1/3 1/3], minus its lower outer product with x */
    ck_assert_double_eq_tol(got[0], -1. / 3, 1e-15);
    ck_assert_double_eq(got[1], 0);
    ck_assert_double_eq_tol(got[2], -1. / 3, 1e-15);
    ck_assert_double_eq_tol(got[3], -1. / 3, 1e-15);
    free(got);
    release();
}
END_TEST

/* ---- The gradient checker on compositions -------------------------------------------------------------------------
 */

static void passes(pal_build build, pal_tensor *const *inputs, size_t n)
{
    for (int order = 1; order <= 2; order++) {
        pal_gradcheck_report r;
        pal_gradcheck_options o = {.struct_size = sizeof o, .order = order, .seed = 5};
        ck_assert_int_eq(pal_gradcheck(c, "composition", build, NULL, inputs, n, &o, &r), PAL_OK);
        ck_assert_msg(r.verdict == PAL_CHECK_PASS, "order %d: %s, error %g %s", order, pal_verdict_text(r.verdict),
                      r.error, r.message);
    }
}

static pal_var definite_on(pal_tape *tape, pal_var x)
{
    int64_t n = pal_shape_of(x).dim[pal_shape_of(x).rank - 1];
    pal_var ones = pal_fill(tape, PAL_F64, PAL_SHAPE(n, n), 1), i = pal_triangular_solve(ones, ones, false);
    /* A triangle of ones solved for ones: the first row is 1, the others 0; its square with x's keeps x x^T definite.
     */
    return pal_add(pal_matmul_t(x, x, false, true), pal_matmul_t(i, i, true, false));
}

/* A Gaussian's log density by its covariance's factor. */
static pal_var gaussian(pal_tape *tape, const pal_var *in, const void *user)
{
    (void)user;
    pal_var l = pal_cholesky(definite_on(tape, in[0])), z = pal_triangular_solve(l, in[1], false);
    return pal_add(pal_sum(pal_square(z), 6, false), pal_cholesky_log_det(l));
}

/* The gradient of log det plus a power of the factor, by x: at second order of the checker, the third derivative. */
static pal_var gradient(pal_tape *tape, const pal_var *in, const void *user)
{
    (void)user;
    pal_var l = pal_cholesky(definite_on(tape, in[0])), g = {.tape = tape};
    pal_var y = pal_add(pal_sum_all(pal_cholesky_log_det(l)), pal_sum_squares(pal_cholesky_solve(l, in[0])));
    pal_grad(y, in, 1, &g);
    return g;
}

static pal_var term(pal_tape *tape, pal_var k, void *user)
{
    pal_var l = pal_cholesky(definite_on(tape, pal_take(((pal_var *)user)[0], k)));
    return pal_einsum("ij,kj->ik", pal_cholesky_solve(l, ((pal_var *)user)[1]), l);
}

static pal_var in_region(pal_tape *tape, const pal_var *in, const void *user)
{
    (void)user;
    pal_var both[] = {in[0], in[1]};
    return pal_map_sum(tape, pal_shape_of(in[0]).dim[0], term, both);
}

START_TEST(compositions_pass_the_checker)
{
    pal_tensor *in[] = {random_tensor(c, PAL_F64, PAL_SHAPE(2, 3, 3), 0.3, 1.5, "x"),
                        random_tensor(c, PAL_F64, PAL_SHAPE(2, 3, 1), -1, 1, "b"),
                        random_tensor(c, PAL_F64, PAL_SHAPE(3, 3), -1, 1, "w")};
    for (size_t i = 0; i < 18; i++) /* away from singular matrices */
        if (i % 9 % 4 == 0) pal_tensor_set(in[0], i, pal_tensor_get(in[0], i) + 3);
    passes(gaussian, in, 2);
    passes(gradient, in, 1);
    passes(in_region, (pal_tensor *[]){in[0], in[2]}, 2);
    for (int i = 0; i < 3; i++) pal_tensor_free(in[i]);
}
END_TEST

/* ---- Failures -----------------------------------------------------------------------------------------------------
 */

/* The run fails with this text, and the leaf that the program assigns is as it was. */
static void fails(pal_var v, const char *text)
{
    pal_tensor *w = random_tensor(c, PAL_F64, PAL_SHAPE(5), -1, 1, "w");
    double before[5];
    memcpy(before, w->data, sizeof before);
    pal_var leaf = keep(w);
    /* It depends on nothing that fails, and is asked for first. */
    pal_var wanted[] = {pal_assign(leaf, pal_scale(leaf, 2)), v};
    pal_program *p = pal_compile(t, wanted, 2, NULL);
    ck_assert_msg(p != NULL, "%s", pal_tape_error(t));
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(pal_run(p), PAL_ERR_NUMERIC);
        ck_assert_str_eq(pal_program_error(p), text);
        ck_assert_mem_eq(before, w->data, sizeof before);
    }
    pal_program_free(p);
    release();
}

START_TEST(what_has_no_factor_fails)
{
    double nan = (double)NAN, indefinite[] = {1, 2, 2, 1}, singular[] = {1, 1, 1, 1}, zero[] = {0}, below[] = {-0.0},
           bad[] = {1, 0, nan, 1}, late[] = {1, 0, 0, 1, 1, 0, 0, nan, 1, 0, 0, -1},
           inf[] = {1, 0, (double)INFINITY, 1};
    fails(pal_cholesky(values(PAL_SHAPE(2, 2), indefinite)),
          "cholesky: not positive definite: leading minor 2 of matrix 0");
    fails(pal_cholesky(values(PAL_SHAPE(2, 2), singular)),
          "cholesky: not positive definite: leading minor 2 of matrix 0");
    fails(pal_cholesky(values(PAL_SHAPE(1, 1), zero)), "cholesky: not positive definite: leading minor 1 of matrix 0");
    fails(pal_cholesky(values(PAL_SHAPE(1, 1), below)), "cholesky: not positive definite: leading minor 1 of matrix 0");
    fails(pal_cholesky(values(PAL_SHAPE(2, 2), bad)), "cholesky: not positive definite: leading minor 2 of matrix 0");
    fails(pal_cholesky(values(PAL_SHAPE(2, 2), inf)), "cholesky: not positive definite: leading minor 2 of matrix 0");
    fails(pal_cholesky(values(PAL_SHAPE(3, 2, 2), late)),
          "cholesky: not positive definite: leading minor 2 of matrix 1");
    pal_scope_begin(t, "model/prior");
    pal_var v = pal_cholesky(values(PAL_SHAPE(2, 2), indefinite));
    pal_scope_end(t);
    fails(v, "cholesky in model/prior: not positive definite: leading minor 2 of matrix 0");
    /* Far into a large one: the minor's number counts from the whole's corner. */
    double *large = calloc(100 * 100, sizeof *large);
    for (int i = 0; i < 100; i++) large[i * 101] = i == 77 ? -1 : 1;
    fails(pal_cholesky(values(PAL_SHAPE(100, 100), large)),
          "cholesky: not positive definite: leading minor 78 of matrix 0");
    large[77 * 101] = 1;
    large[88 * 100 + 3] = nan;
    fails(pal_cholesky(values(PAL_SHAPE(100, 100), large)),
          "cholesky: not positive definite: leading minor 89 of matrix 0");
    free(large);
}
END_TEST

START_TEST(singular_triangles_fail)
{
    double zero[] = {1, 0, 5, 0}, nan[] = {1, 0, 0, 1, (double)NAN, 0, 0, 1}, b[] = {1, 2};
    fails(pal_triangular_solve(values(PAL_SHAPE(2, 2), zero), values(PAL_SHAPE(2, 1), b), false),
          "triangular_solve: singular: 0 on the diagonal, row 1 of matrix 0");
    fails(pal_triangular_solve(values(PAL_SHAPE(2, 2, 2), nan), values(PAL_SHAPE(2, 1), b), true),
          "triangular_solve: singular: NaN on the diagonal, row 0 of matrix 1");
    /* Elsewhere NaN is passed on, to what depends on it. */
    double below[] = {1, 0, 0, 0, 1, 0, (double)NAN, 0, 1}, sides[] = {1, 1, 1}, *x;
    x = eval(pal_triangular_solve(values(PAL_SHAPE(3, 3), below), values(PAL_SHAPE(3, 1), sides), false));
    ck_assert(x[0] == 1 && x[1] == 1 && isnan(x[2]));
    free(x);
    release();
}
END_TEST

START_TEST(wrong_operands_are_refused)
{
#define X   numbers(PAL_F64, PAL_SHAPE(2, 3), "x")
#define Q   numbers(PAL_F64, PAL_SHAPE(3, 3), "q")
#define Q32 numbers(PAL_F32, PAL_SHAPE(3, 3), "q")
    pal_var none = {0};
    refused(pal_cholesky(X), "cholesky: [2,3]: the last two axes are to be equal");
    refused(pal_cholesky(pal_constant(t, 1)), "cholesky: []: the last two axes are to be equal");
    refused(pal_cholesky(pal_cast(Q, PAL_I32)), "cholesky: [3,3]: only of reals");
    refused(pal_triangular_solve(X, Q, false),
            "triangular_solve: [2,3] x [3,3]: the factor's last two axes are to be equal");
    refused(pal_triangular_solve(Q, X, false),
            "triangular_solve: [3,3] x [2,3]: the factor and the right-hand sides differ in rows");
    refused(pal_triangular_solve(Q, numbers(PAL_F64, PAL_SHAPE(3), "v"), false),
            "triangular_solve: [3,3] x [3]: the right-hand sides are to be the columns of a matrix");
    refused(pal_triangular_solve(Q, Q32, true), "triangular_solve: [3,3] x [3,3]: operands are to be of one real type");
    refused(pal_triangular_solve(numbers(PAL_F64, PAL_SHAPE(2, 3, 3), "q"), numbers(PAL_F64, PAL_SHAPE(4, 3, 1), "v"),
                                 true),
            "triangular_solve: [2,3,3] x [4,3,1]: the leading axes do not broadcast");
    refused(pal_cholesky_solve(X, Q), "cholesky_solve: [2,3] x [3,3]: the factor's last two axes are to be equal");
    refused(pal_cholesky_solve(Q, X),
            "cholesky_solve: [3,3] x [2,3]: the factor and the right-hand sides differ in rows");
    refused(pal_cholesky_inverse(X), "cholesky_inverse: [2,3]: the last two axes are to be equal");
    refused(pal_cholesky_log_det(pal_constant(t, 1)), "cholesky_log_det: []: the last two axes are to be equal");
    refused(pal_cholesky((pal_var){.tape = t}), "cholesky: operand 1 is a bad handle");
    refused(pal_cholesky_solve(Q, none), "cholesky_solve: operand 2 is a bad handle");
    refused(pal_cholesky_solve(none, Q), "cholesky_solve: operand 1 is a bad handle");
    refused(pal_cholesky_log_det((pal_var){.tape = t}), "cholesky_log_det: operand 1 is a bad handle");
    refused(pal_cholesky_inverse((pal_var){.tape = t}), "cholesky_inverse: operand 1 is a bad handle");
    ck_assert(!pal_ok(pal_cholesky(none)) && !pal_ok(pal_triangular_solve(none, none, false)) &&
              !pal_ok(pal_cholesky_solve(none, none)) && !pal_ok(pal_cholesky_inverse(none)) &&
              !pal_ok(pal_cholesky_log_det(none)));
#undef X
#undef Q
#undef Q32
}
END_TEST

/* ---- Threads ------------------------------------------------------------------------------------------------------
 */

START_TEST(bits_do_not_depend_on_threads)
{
    enum { N = 90, K = 200, COUNT = 2 * N * (K + N) };
    double *first = malloc(COUNT * sizeof *first);
    for (unsigned threads = 1; threads <= 4; threads++) {
        pal_context *other = context_with(threads);
        pal_tape *tape = pal_tape_new(other, PAL_F64);
        pal_tensor *xs = random_tensor(other, PAL_F64, PAL_SHAPE(2, N, N), -1, 1, "x"),
                   *bs = random_tensor(other, PAL_F64, PAL_SHAPE(N, K), -1, 1, "b");
        for (size_t i = 0; i < 2 * N; i++) pal_tensor_set(xs, i * N + i % N, 9);
        pal_var x = pal_leaf(tape, xs, "x"), l = pal_cholesky(pal_matmul_t(x, x, false, true)),
                y = pal_cholesky_solve(l, pal_leaf(tape, bs, "b")), g;
        ck_assert_int_eq(pal_grad(pal_sum_squares(y), &x, 1, &g), PAL_OK);
        pal_program *p = pal_compile(tape, (pal_var[]){y, g}, 2,
                                     &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .lanes = 3});
        ck_assert_ptr_nonnull(p);
        ck_assert_int_eq(pal_run(p), PAL_OK);
        double *got = malloc(COUNT * sizeof *got);
        memcpy(got, pal_output(p, 0)->data, 2 * N * K * sizeof *got);
        memcpy(got + 2 * N * K, pal_output(p, 1)->data, 2 * N * N * sizeof *got);
        if (threads == 1) memcpy(first, got, COUNT * sizeof *got);
        ck_assert_msg(!memcmp(first, got, COUNT * sizeof *got), "%u threads", threads);
        free(got);
        pal_program_free(p);
        pal_tape_free(tape);
        pal_tensor_free(xs);
        pal_tensor_free(bs);
        pal_context_free(other);
    }
    free(first);
}
END_TEST

Suite *factor_suite(void)
{
    Suite *suite = suite_create("factor");
    add_case(suite, "einsum", setup, teardown,
             TESTS(einsum_is_the_sum_over_all_letters, einsum_of_a_product_is_the_product, einsum_copies_little,
                   einsum_refuses, outer_and_dot));
    add_case(suite, "values", setup, teardown,
             TESTS(factor_times_its_transpose_is_the_matrix, solves_leave_no_residual, batches_broadcast,
                   many_small_matrices, known_factors, determinant_is_the_product_of_the_eigenvalues,
                   bits_do_not_depend_on_threads));
    add_case(suite, "derivatives", setup, teardown,
             TESTS(derivatives_of_the_determinant, derivative_is_symmetric, compositions_pass_the_checker));
    add_case(suite, "failures", setup, teardown,
             TESTS(what_has_no_factor_fails, singular_triangles_fail, wrong_operands_are_refused));
    return suite;
}
