/* test_einsum.c - Einstein sums: naive evaluation, recorded operations, errors; outer and inner products. */
#include "tests/ops/matrices.h"

#include <string.h>

/* Evaluates the definition directly: a sum over every value of every letter. */
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
            for (int l = 0; l < 128; l++) { /* by pass: odd sizes, sizes of 1, a size of 0 */
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

/* An Einstein sum that is a matrix product records only the product: no permutations, no reshapes. */
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
    /* If only one operand has the batch axis, its rows are reshaped into one matrix. */
    pal_var x = numbers(PAL_F64, PAL_SHAPE(4, 3, 2), "x"), w = numbers(PAL_F64, PAL_SHAPE(2, 5), "w");
    size_t before = pal_tape_length(t);
    pal_var y = pal_einsum("nij,jk->nik", x, w);
    ck_assert_uint_eq(pal_tape_length(t), before + 3);
    ck_assert(pal_shape_equal(pal_shape_of(pal_operand(y, 0)), PAL_SHAPE(12, 5)));
    release();
}
END_TEST

static bool moves(pal_var v, const char *name) { return !strcmp(pal_op_of(v)->name, name); }

/* Moves v down past permutations and reshapes, and returns the number of permutations. */
static int permutations(pal_var *v)
{
    int n = 0;
    for (; moves(*v, "permute") || moves(*v, "reshape"); *v = pal_operand(*v, 0)) n += moves(*v, "permute");
    return n;
}

/* If operands and result cannot all have the layout that the product needs, as few elements as possible are copied. */
START_TEST(einsum_copies_little)
{
    static const struct {
        const char *spec;
        pal_shape a, b;
        int permuted[3]; /* permutations of the result and of the product's operands */
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
    refused(pal_einsum("ij->ij", A, B), "einsum: no comma before the -> at position 3 in \"ij->ij\"");
    refused(pal_einsum("ij,jk,kl->il", A, B), "einsum: a second comma at position 6 in \"ij,jk,kl->il\"");
    refused(pal_einsum("ij,jk->i,k", A, B), "einsum: a second comma at position 9 in \"ij,jk->i,k\"");
    refused(pal_einsum("ij,jk->i->k", A, B), "einsum: a second -> at position 9 in \"ij,jk->i->k\"");
    refused(pal_einsum("ii,ij->j", A, B), "einsum: operand 1 has i twice, at position 2 in \"ii,ij->j\"");
    refused(pal_einsum("ij,kk->ij", A, B), "einsum: operand 2 has k twice, at position 5 in \"ij,kk->ij\"");
    refused(pal_einsum("ij,jk->ii", A, B), "einsum: the result has i twice, at position 9 in \"ij,jk->ii\"");
    refused(pal_einsum("ij,jk->iz", A, B), "einsum: the result's z is in no operand in \"ij,jk->iz\"");
    refused(pal_einsum("ijk,jk->i", A, B), "einsum: operand 1 is [2,3] and must have 3 axes in \"ijk,jk->i\"");
    refused(pal_einsum("ij,->i", A, B), "einsum: operand 2 is [3,4] and must have 0 axes in \"ij,->i\"");
    refused(pal_einsum("ij,ik->jk", A, B), "einsum: i is 2 in operand 1 and 3 in operand 2 in \"ij,ik->jk\"");
    refused(pal_einsum("i1,jk->i", A, B), "einsum: unexpected 1 at position 2 in \"i1,jk->i\"");
    refused(pal_einsum("...ij,jk", A, B), "einsum: unexpected . at position 1 in \"...ij,jk\"");
    refused(pal_einsum("ij,jk-ik", A, B), "einsum: unexpected - at position 6 in \"ij,jk-ik\"");
    refused(pal_einsum("ij,%s\n->ik", A, B), "einsum: unexpected % at position 4 in \"ij,%s?->ik\"");
    refused(pal_einsum("ij,\xc3\xa4->i", A, B), "einsum: unexpected character at position 4 in \"ij,?\?->i\"");
    refused(pal_einsum("abcdefg,a->a", A, B), "einsum: operand 1 has more than 6 axes in \"abcdefg,a->a\"");
    pal_var five = numbers(PAL_F64, PAL_SHAPE(1, 1, 1, 1, 1), "five");
    refused(pal_einsum("abcde,fg", five, A), "einsum: the result has more than 6 axes in \"abcde,fg\"");
    refused(pal_einsum("abcde,fg->gfedcba", numbers(PAL_F64, PAL_SHAPE(1, 1, 1, 1, 1), "five"), A),
            "einsum: the result has more than 6 axes in \"abcde,fg->gfedcba\"");
    refused(pal_einsum("ij,jk", A, numbers(PAL_F32, PAL_SHAPE(3, 4), "f")),
            "einsum: the operands must have one real type, not f64 and f32");
    refused(pal_einsum("ij,jk", A, (pal_var){0}), "einsum: operand 2 is a bad handle");
    refused(pal_einsum("ij,jk", (pal_var){0}, A), "einsum: operand 1 is a bad handle");
    pal_shape wide = PAL_SHAPE(1, INT64_C(1) << 40);
    refused(pal_einsum("ij,ik->jk", pal_fill(t, PAL_F64, wide, 1), pal_fill(t, PAL_F64, wide, 1)),
            "einsum: the result is too large in \"ij,ik->jk\"");
    refused(pal_outer(A, A), "outer: [2,3] x [2,3]: needs two vectors");
    refused(pal_outer((pal_var){.tape = t}, A), "outer: operand 1 is a bad handle");
    refused(pal_dot(numbers(PAL_F64, PAL_SHAPE(2), "u"), numbers(PAL_F64, PAL_SHAPE(3), "v")),
            "dot: [2] x [3]: needs two vectors of one length");
    refused(pal_dot(pal_sum_all(A), pal_sum_all(B)), "dot: [] x []: needs two vectors of one length");
#undef A
#undef B
    pal_var none = {0};
    ck_assert(!pal_ok(pal_einsum("i,i", none, none)) && !pal_ok(pal_einsum(NULL, none, none)) &&
              !pal_ok(pal_outer(none, none)) && !pal_ok(pal_dot(none, none)));
    pal_tape *other = pal_tape_new(c, PAL_F64);
    ck_assert(!pal_ok(pal_einsum(",", pal_constant(t, 1), pal_constant(other, 1))));
    ck_assert_str_eq(pal_tape_error(t), "einsum: the operands belong to two tapes");
    ck_assert_str_eq(pal_tape_error(other), "einsum: the operands belong to two tapes");
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

Suite *einsum_suite(void)
{
    Suite *suite = suite_create("einsum");
    add_case(suite, "einsum", setup, teardown,
             TESTS(einsum_is_the_sum_over_all_letters, einsum_of_a_product_is_the_product, einsum_copies_little,
                   einsum_refuses, outer_and_dot));
    return suite;
}
