/* affine.c - layers that multiply by weights: affine and bilinear. */
#include "ops/internal.h"

pal_var pal_affine(pal_var x, pal_var w, pal_var b)
{
    pal_var y = pal_matmul(x, w);
    return b.id ? pal_add(y, b) : y;
}

/* One product of b with the weights gives [n,kp]. Each row, as a matrix k by p, is then multiplied by a's row. */
pal_var pal_bilinear(pal_var a, pal_var w, pal_var b)
{
    const pal_var in[] = {a, w, b};
    pal_shape shape, sa = pal_shape_of(a), sw = pal_shape_of(w), sb = pal_shape_of(b);
    char text[3][96];
    if (!pal__handles("bilinear", in, 3, 0)) return (pal_var){.tape = a.tape};
    for (size_t i = 0; i < 3; i++) /* alone: they do not broadcast */
        if (!pal__operands("bilinear", &in[i], 1, &shape)) return (pal_var){.tape = a.tape};
    if (sa.rank != 2 || sw.rank != 3 || sb.rank != 2 || sa.dim[0] != sb.dim[0] || sw.dim[1] != sa.dim[1] ||
        sw.dim[2] != sb.dim[1])
        return pal_tape_fail(a.tape, PAL_ERR_SHAPE, "bilinear: needs [n,p], [k,p,q], [n,q], not %s, %s, %s",
                             pal_shape_text(sa, text[0], sizeof *text), pal_shape_text(sw, text[1], sizeof *text),
                             pal_shape_text(sb, text[2], sizeof *text));
    int64_t n = sa.dim[0], k = sw.dim[0], p = sw.dim[1], q = sw.dim[2];
    pal_var wb = pal_matmul_t(b, pal_reshape(w, PAL_SHAPE(k * p, q)), false, true);
    pal_var terms = pal_mul(pal_reshape(wb, PAL_SHAPE(n, k, p)), pal_reshape(a, PAL_SHAPE(n, 1, p)));
    return pal_sum(terms, 1u << 2, false);
}

static pal_var case_affine(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t;
    return pal_affine(in[0], in[1], user ? (pal_var){.tape = t} : in[2]);
}

static pal_var case_bilinear(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    return pal_bilinear(in[0], in[1], in[2]);
}

static const pal_case cases_affine[] = {
    {"plain", 3, {{{2, {3, 4}}, -2, 2}, {{2, {4, 2}}, -2, 2}, {{1, {2}}, -2, 2}}, case_affine, NULL},
    {"no bias", 2, {{{2, {3, 4}}, -2, 2}, {{2, {4, 2}}, -2, 2}}, case_affine, ""},
    {"empty", 3, {{{2, {0, 4}}, -2, 2}, {{2, {4, 2}}, -2, 2}, {{1, {2}}, -2, 2}}, case_affine, NULL},
};
static const pal_case cases_bilinear[] = {
    {"plain", 3, {{{2, {3, 2}}, -2, 2}, {{3, {2, 2, 3}}, -2, 2}, {{2, {3, 3}}, -2, 2}}, case_bilinear, NULL},
    {"size 1", 3, {{{2, {1, 1}}, -2, 2}, {{3, {1, 1, 1}}, -2, 2}, {{2, {1, 1}}, -2, 2}}, case_bilinear, NULL},
    {"empty", 3, {{{2, {0, 2}}, -2, 2}, {{3, {2, 2, 3}}, -2, 2}, {{2, {0, 3}}, -2, 2}}, case_bilinear, NULL},
};

/* clang-format off */
static const pal_op op_affine = {
    PAL_OP_HEAD("affine", "x W + b", "affine layer"),
    .op_class = PAL_CLASS_COMPOSITE, .cases = cases_affine, .n_cases = PAL_COUNT(cases_affine)};
static const pal_op op_bilinear = {
    PAL_OP_HEAD("bilinear", "y[n,k] = a[n] W[k] b[n]", "one bilinear form per output"),
    .op_class = PAL_CLASS_COMPOSITE, .cases = cases_bilinear, .n_cases = PAL_COUNT(cases_bilinear)};
/* clang-format on */

static const pal_op *const ops[] = {&op_affine, &op_bilinear};
const pal__family pal__family_layer = {ops, PAL_COUNT(ops)};
