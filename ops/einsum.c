/* einsum.c - Einstein sums of two operands, recorded as sums, movements and one product.
 *
 * A letter that occurs in only one operand and not in the result is summed first. Each remaining letter belongs to one
 * of four groups: batch (both operands and the result), rows (first operand and result), columns (second operand and
 * result), inner (both operands, not the result).
 *
 * If there are inner letters, and also rows or columns, the sum is one product [batch.., rows, inner] x [batch..,
 * inner, columns], in which rows, columns and inner are reshaped into one axis each. Otherwise it is a broadcast
 * multiplication and a sum. The order of the letters within each group, and which operand comes first, are chosen so
 * that the fewest elements are copied. A transposed matrix needs no copy, because it is a flag of the product. */
#include "ops/einsum.h"

#include <stdio.h>

typedef struct operand {
    pal_var v;
    pal__letters axes;
} operand;

/* ---- Movements ------------------------------------------------------------------------------------------------ */

static int64_t extent(const int64_t *size, const char *axes)
{
    int64_t n = 1;
    for (; *axes; axes++) n *= size[(unsigned char)*axes];
    return n;
}

static pal_shape shape_of(const char *axes, const int64_t *size)
{
    pal_shape s = {0};
    for (; *axes; axes++) s.dim[s.rank++] = size[(unsigned char)*axes];
    return s;
}

/* Permutes the axes of x to another order of the same letters. */
static pal_var in_order(operand x, const char *order)
{
    int axes[PAL_MAX_RANK] = {0};
    if (!strcmp(x.axes, order)) return x.v;
    for (int a = 0; order[a]; a++) axes[a] = (int)(strchr(x.axes, order[a]) - x.axes);
    return pal_permute(x.v, axes);
}

static pal_var in_shape(pal_var x, pal_shape shape)
{
    return pal_shape_equal(pal_shape_of(x), shape) ? x : pal_reshape(x, shape);
}

static void sum_what_is_alone(operand *x, const char *other, const char *result)
{
    unsigned mask = 0;
    pal__letters left = "";
    for (int a = 0; x->axes[a]; a++) {
        if (pal__has(other, x->axes[a]) || pal__has(result, x->axes[a]))
            pal__append(left, x->axes[a]);
        else
            mask |= 1u << a;
    }
    if (mask) x->v = pal_sum(x->v, mask, false);
    memcpy(x->axes, left, sizeof left);
}

/* ---- Without a product: multiply aligned operands, sum the inner letters -------------------------------------- */

/* x with its axes in the given order, and with length 1 for letters that it does not have. Missing axes at the front
 * are left out: broadcasting adds them. */
static pal_var aligned(operand x, const char *order, const int64_t *size)
{
    pal__letters own = "";
    pal_shape shape = {0};
    for (const char *c = order; *c; c++) {
        bool present = pal__has(x.axes, *c);
        if (present) pal__append(own, *c);
        if (present || shape.rank) shape.dim[shape.rank++] = present ? size[(unsigned char)*c] : 1;
    }
    return in_shape(in_order(x, own), shape);
}

static pal_var multiply(const operand *in, const char *result, const char *inner, const int64_t *size)
{
    char order[2 * sizeof(pal__letters)];
    unsigned mask = 0;
    snprintf(order, sizeof order, "%s%s", result, inner);
    pal_var product = pal_mul(aligned(in[0], order, size), aligned(in[1], order, size));
    for (size_t a = strlen(result); order[a]; a++) mask |= 1u << a;
    return mask ? pal_sum(product, mask, false) : product;
}

/* ---- The product ---------------------------------------------------------------------------------------------- */

enum { BATCH, ROWS, COLUMNS, INNER, GROUPS };

typedef struct plan {
    int first; /* the operand that has the rows */
    pal__letters group[GROUPS];
    bool transposed[2];    /* the operand is [batch.., inner, rows], or [batch.., columns, inner] */
    pal__letters order[3]; /* the axes of the two operands of the product and of its result */
    double copied;         /* number of copied elements */
} plan;

/* The letters of a that b has too (common), or does not have. */
static void choose(const char *a, const char *b, bool common, char *out)
{
    for (*out = 0; *a; a++)
        if (pal__has(b, *a) == common) pal__append(out, *a);
}

static void join(char *out, const char *a, const char *b, const char *c)
{
    *out = 0;
    strcat(strcat(strcat(out, a), b), c);
}

/* Plan number i, 0 .. 23. i determines which operand comes first and from where each group takes the order of its
 * letters. Rows and columns either both take the order of the result, or both take that of their operands, in which
 * case the result is permuted. */
static plan candidate(const operand *in, const char *result, const int64_t *size, int i)
{
    plan p = {.first = i / 12};
    const char *a = in[p.first].axes, *b = in[1 - p.first].axes, *batch_like[] = {result, a, b};
    bool own = i / 2 % 2;
    const char *from[GROUPS] = {[BATCH] = batch_like[i / 4 % 3],
                                [ROWS] = own ? a : result,
                                [COLUMNS] = own ? b : result,
                                [INNER] = i % 2 ? b : a};
    pal__letters both, rows, columns, inner;
    choose(a, b, true, both);
    choose(both, result, true, p.group[BATCH]);
    choose(both, result, false, inner);
    choose(a, b, false, rows);
    choose(b, a, false, columns);
    choose(from[BATCH], p.group[BATCH], true, both);
    memcpy(p.group[BATCH], both, sizeof both);
    choose(from[ROWS], rows, true, p.group[ROWS]);
    choose(from[COLUMNS], columns, true, p.group[COLUMNS]);
    choose(from[INNER], inner, true, p.group[INNER]);
    for (int o = 0; o < 2; o++) {
        const char *outer = p.group[o ? COLUMNS : ROWS], *x = o ? b : a;
        pal__letters turned;
        join(p.order[o], p.group[BATCH], o ? p.group[INNER] : outer, o ? outer : p.group[INNER]);
        join(turned, p.group[BATCH], o ? outer : p.group[INNER], o ? p.group[INNER] : outer);
        p.transposed[o] = strcmp(x, p.order[o]) && !strcmp(x, turned);
        if (p.transposed[o]) memcpy(p.order[o], turned, sizeof turned);
        if (strcmp(x, p.order[o])) p.copied += (double)extent(size, x);
    }
    join(p.order[2], p.group[BATCH], p.group[ROWS], p.group[COLUMNS]);
    if (strcmp(result, p.order[2])) p.copied += (double)extent(size, result);
    return p;
}

static pal_var as_matrix(operand x, const plan *p, int o, const int64_t *size)
{
    pal_shape shape = shape_of(p->group[BATCH], size);
    int64_t outer = extent(size, p->group[o ? COLUMNS : ROWS]), inner = extent(size, p->group[INNER]);
    bool inner_last = p->transposed[o] == (o == 1);
    shape.dim[shape.rank++] = inner_last ? outer : inner;
    shape.dim[shape.rank++] = inner_last ? inner : outer;
    return in_shape(in_order(x, p->order[o]), shape);
}

static pal_var product(const operand *in, const char *result, const int64_t *size)
{
    plan best = candidate(in, result, size, 0);
    for (int i = 1; i < 24; i++) {
        plan p = candidate(in, result, size, i);
        if (p.copied < best.copied) best = p;
    }
    pal_var a = as_matrix(in[best.first], &best, 0, size), b = as_matrix(in[1 - best.first], &best, 1, size);
    operand out = {.v = pal_matmul_t(a, b, best.transposed[0], best.transposed[1])};
    out.v = in_shape(out.v, shape_of(best.order[2], size));
    memcpy(out.axes, best.order[2], sizeof out.axes);
    return in_order(out, result);
}

/* ---- The functions -------------------------------------------------------------------------------------------- */

/* Checks that a and b are valid handles of one tape and have one real type. */
static bool usable(const char *name, pal_var a, pal_var b)
{
    if (!pal__handles(name, (const pal_var[]){a, b}, 2, 0)) return false;
    if (pal_dtype_of(a) == pal_dtype_of(b) && pal_dtype_real(pal_dtype_of(a))) return true;
    pal_tape_fail(a.tape, PAL_ERR_TYPE, "%s: the operands must have one real type, not %s and %s", name,
                  pal_dtype_name(pal_dtype_of(a)), pal_dtype_name(pal_dtype_of(b)));
    return false;
}

pal_var pal_einsum(const char *spec, pal_var a, pal_var b)
{
    pal_var bad = {.tape = a.tape ? a.tape : b.tape};
    pal__einsum r = {.tape = bad.tape, .spec = spec};
    operand in[2] = {{.v = a}, {.v = b}};
    int64_t size[PAL__LETTERS] = {0};
    if (!spec) return pal_tape_fail(bad.tape, PAL_ERR_ARGUMENT, "einsum: no specification");
    if (!usable("einsum", a, b) || !pal__einsum_read(&r) || !pal__einsum_measure(&r, a, b, size)) return bad;
    if (pal_shape_count(shape_of(r.part[2], size)) < 0) {
        pal__einsum_refuse(&r, "the result is too large", 0);
        return bad;
    }
    for (int o = 0; o < 2; o++) {
        memcpy(in[o].axes, r.part[o], sizeof r.part[o]);
        sum_what_is_alone(&in[o], r.part[1 - o], r.part[2]);
    }
    pal__letters common, inner;
    choose(in[0].axes, in[1].axes, true, common);
    choose(common, r.part[2], false, inner);
    bool outer = strcmp(in[0].axes, common) || strlen(in[1].axes) > strlen(common);
    return *inner && outer ? product(in, r.part[2], size) : multiply(in, r.part[2], inner, size);
}

static pal_var refuse_shapes(const char *name, const char *why, pal_var a, pal_var b)
{
    char x[96], y[96];
    return pal_tape_fail(a.tape, PAL_ERR_SHAPE, "%s: %s x %s: %s", name, pal_shape_text(pal_shape_of(a), x, sizeof x),
                         pal_shape_text(pal_shape_of(b), y, sizeof y), why);
}

pal_var pal_outer(pal_var a, pal_var b)
{
    pal_shape s = pal_shape_of(a);
    if (!usable("outer", a, b)) return (pal_var){.tape = a.tape ? a.tape : b.tape};
    if (s.rank != 1 || pal_shape_of(b).rank != 1) return refuse_shapes("outer", "needs two vectors", a, b);
    return pal_mul(pal_reshape(a, PAL_SHAPE(s.dim[0], 1)), b);
}

pal_var pal_dot(pal_var a, pal_var b)
{
    if (!usable("dot", a, b)) return (pal_var){.tape = a.tape ? a.tape : b.tape};
    if (pal_shape_of(a).rank != 1 || !pal_shape_equal(pal_shape_of(a), pal_shape_of(b)))
        return refuse_shapes("dot", "needs two vectors of one length", a, b);
    return pal_sum_all(pal_mul(a, b));
}

/* ---- Cases ---------------------------------------------------------------------------------------------------- */

static pal_var case_outer(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    return pal_outer(in[0], in[1]);
}

static pal_var case_dot(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    return pal_dot(in[0], in[1]);
}

static pal_var case_einsum(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t;
    return pal_einsum(user, in[0], in[1]);
}

static const pal_case cases_outer[] = {
    {.label = "odd", .n = 2, .in = {{{1, {3}}, -2, 2}, {{1, {5}}, -2, 2}}, .build = case_outer},
    {.label = "size 1", .n = 2, .in = {{{1, {1}}, -2, 2}, {{1, {4}}, -2, 2}}, .build = case_outer},
    {.label = "empty", .n = 2, .in = {{{1, {0}}, -2, 2}, {{1, {4}}, -2, 2}}, .build = case_outer},
};

static const pal_case cases_dot[] = {
    {.label = "odd", .n = 2, .in = {{{1, {7}}, -2, 2}, {{1, {7}}, -2, 2}}, .build = case_dot},
    {.label = "size 1", .n = 2, .in = {{{1, {1}}, -2, 2}, {{1, {1}}, -2, 2}}, .build = case_dot},
    {.label = "empty", .n = 2, .in = {{{1, {0}}, -2, 2}, {{1, {0}}, -2, 2}}, .build = case_dot},
};

/* clang-format off */
/* One row per case: the specification, which is also the label, and the operands. */
#define SPEC(text, ...) {.label = text, .n = 2, .in = {__VA_ARGS__}, .build = case_einsum, .user = text}
static const pal_case cases_einsum[] = {
    SPEC("ij,jk->ik", {{2, {3, 4}}, -1, 1}, {{2, {4, 2}}, -1, 1}),
    SPEC("ji,kj", {{2, {4, 3}}, -1, 1}, {{2, {2, 4}}, -1, 1}),
    SPEC("nij,jk->nik", {{3, {2, 3, 2}}, -1, 1}, {{2, {2, 4}}, -1, 1}),
    SPEC("bij,bkj->bki", {{3, {2, 3, 2}}, -1, 1}, {{3, {2, 2, 2}}, -1, 1}),
    SPEC("ibj,jkb->bki", {{3, {2, 3, 2}}, -1, 1}, {{3, {2, 2, 3}}, -1, 1}),
    SPEC("abij,abjk->abik", {{4, {2, 1, 2, 3}}, -1, 1}, {{4, {2, 1, 3, 2}}, -1, 1}),
    SPEC("ijk,jkl->il", {{3, {2, 3, 2}}, -1, 1}, {{3, {3, 2, 2}}, -1, 1}),
    SPEC("ijk,kjl->il", {{3, {2, 3, 2}}, -1, 1}, {{3, {2, 3, 2}}, -1, 1}),
    SPEC("ij,j->i", {{2, {3, 4}}, -1, 1}, {{1, {4}}, -1, 1}),
    SPEC("i,i->", {{1, {5}}, -1, 1}, {{1, {5}}, -1, 1}),
    SPEC("bi,bi->b", {{2, {2, 3}}, -1, 1}, {{2, {2, 3}}, -1, 1}),
    SPEC("i,j->ji", {{1, {3}}, -1, 1}, {{1, {2}}, -1, 1}),
    SPEC("ij,ji->ij", {{2, {3, 2}}, -1, 1}, {{2, {2, 3}}, -1, 1}),
    SPEC("ij,kl->", {{2, {3, 2}}, -1, 1}, {{2, {2, 3}}, -1, 1}),
    SPEC("aij,jkc->ki", {{3, {2, 3, 2}}, -1, 1}, {{3, {2, 2, 3}}, -1, 1}),
    SPEC(",i->i", {{0, {0}}, -1, 1}, {{1, {3}}, -1, 1}),
    {.label = "empty sum", .n = 2, .in = {{{2, {3, 0}}, -1, 1}, {{2, {0, 2}}, -1, 1}},
     .build = case_einsum, .user = "ij,jk->ik"},
};
/* clang-format on */
#undef SPEC

#define COMPOSITE(name) .op_class = PAL_CLASS_COMPOSITE, .cases = cases_##name, .n_cases = PAL_COUNT(cases_##name)
/* clang-format off */
static const pal_op op_outer = {
    PAL_OP_HEAD("outer", "y[i,j] = a[i] b[j]", "outer product of two vectors"),
    COMPOSITE(outer)};
static const pal_op op_dot = {
    PAL_OP_HEAD("dot", "y = sum_i a[i] b[i]", "inner product of two vectors"),
    COMPOSITE(dot)};
static const pal_op op_einsum = {
    PAL_OP_HEAD("einsum", "y[result] = sum over the other letters of a[..] b[..]",
                "Einstein sum of two operands, such as \"nij,jk->nik\""),
    COMPOSITE(einsum)};
/* clang-format on */
#undef COMPOSITE

static const pal_op *const ops[] = {&op_outer, &op_dot, &op_einsum};
const pal__family pal__family_einsum = {ops, PAL_COUNT(ops)};
