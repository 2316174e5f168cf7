/* matmul.c - the operation: matrix products.
 *
 * Our own kernels multiply, if the processor has fused multiply-adds and the product fills their tiles (product.c).
 * Else BLAS does: on other processors, and where a matrix is nearly a vector. pal__product_ours decides by sizes alone.
 *
 * For BLAS a product is cut into panels along the longer axis of its result: rows if m >= n. There are min(lanes,
 * ceil(length / 16)) panels, their bounds are multiples of 16, and each panel is one single-threaded call. The summed
 * axis is never cut.
 *
 * Why not by the number of threads: the bits of BLAS depend on where a product is cut. So the cut depends only on the
 * shape and on lanes, a compile option that a run stores, and any number of threads computes the same bits. Why 16: 16
 * floats are one cache line, so no two panels write to the same line of a row. Why the longer axis: panels stay as
 * square as possible, so each reads less of the other operand. Why not the summed axis: the partial sums would need one
 * more pass. */
#include "autograd/wiring.h"
#include "ops/product.h"

#include <cblas.h>
#include <string.h>

typedef struct layout { /* one product of a batch: its sizes and how its operands are stored */
    int64_t m, n, k;
    bool ta, tb;
    pal_shape batch;
} layout;

/* params: i[0], i[1]: whether a and b are transposed. False: the shapes do not fit. */
static bool lay_out(const pal_shape *a, const pal_shape *b, const pal_params *p, layout *l)
{
    if (a->rank < 2 || b->rank < 2) return false;
    l->ta = p->i[0];
    l->tb = p->i[1];
    l->m = a->dim[a->rank - (l->ta ? 1 : 2)];
    l->k = a->dim[a->rank - (l->ta ? 2 : 1)];
    l->n = b->dim[b->rank - (l->tb ? 2 : 1)];
    pal_shape x = *a, y = *b;
    x.rank -= 2;
    y.rank -= 2;
    return b->dim[b->rank - (l->tb ? 1 : 2)] == l->k && pal_shape_broadcast(x, y, &l->batch);
}

static bool infer(pal_infer *r, size_t first)
{
    layout l;
    for (size_t i = 0; i < r->n; i++)
        if (r->dtypes[i] != r->dtypes[0] || !pal_dtype_real(r->dtypes[0]))
            return pal_infer_fail(r, "the operands must have one real type");
    r->dtype = r->dtypes[0];
    if (!lay_out(&r->shapes[first], &r->shapes[first + 1], r->params, &l)) return false;
    if (l.m > INT32_MAX || l.n > INT32_MAX || l.k > INT32_MAX) return pal_infer_fail(r, "an axis is too long for BLAS");
    r->shape = l.batch;
    r->shape.dim[r->shape.rank++] = l.m;
    r->shape.dim[r->shape.rank++] = l.n;
    return r->shape.rank <= PAL_MAX_RANK;
}

static bool infer_matmul(pal_infer *r) { return infer(r, 0); }
static bool infer_addmm(pal_infer *r) { return infer(r, 1) && pal_shape_equal(r->shape, r->shapes[0]); }

/* The parameters of term t of a sum of products; those of the last one come first, as in the other operations. */
pal_params pal__product_params(const pal_params *p, size_t terms, size_t t)
{
    const size_t at = t + 1 == terms ? 0 : 2 * t + 2;
    return (pal_params){.i = {p->i[at], p->i[at + 1]}};
}

static bool infer_sum(pal_infer *r)
{
    const size_t terms = r->n / 2;
    if (r->n % 2 || terms < 2 || terms > PAL__PRODUCT_TERMS)
        return pal_infer_fail(r, "it takes two to four products of two operands each");
    if (!infer(r, 2 * (terms - 1))) return false;
    for (size_t t = 0; t + 1 < terms; t++) {
        const pal_params params = pal__product_params(r->params, terms, t);
        layout l;
        if (!lay_out(&r->shapes[2 * t], &r->shapes[2 * t + 1], &params, &l) || l.k > INT32_MAX) return false;
        pal_shape shape = l.batch;
        if (shape.rank + 2 > PAL_MAX_RANK) return false;
        shape.dim[shape.rank++] = l.m;
        shape.dim[shape.rank++] = l.n;
        if (!pal_shape_equal(shape, r->shape)) return false;
    }
    return true;
}

/* ---- Kernel --------------------------------------------------------------------------------------------------- */

typedef struct job {
    const pal_call *call;
    layout l;
    const char *a, *b;
    bool accumulate;
    size_t lanes; /* panels of each product */
    bool by_rows;
    size_t size;
} job;

static void panel(size_t index, size_t lanes, int64_t length, int64_t *begin, int64_t *end)
{
    int64_t units = (length + 15) / 16;
    *begin = (int64_t)index * units / (int64_t)lanes * 16;
    *end = (int64_t)(index + 1) * units / (int64_t)lanes * 16;
    if (*end > length) *end = length;
}

static void multiply(void *argument, size_t task, unsigned worker)
{
    (void)worker;
    const job *j = argument;
    const layout *l = &j->l;
    size_t item = task / j->lanes;
    int64_t m0 = 0, m1 = l->m, n0 = 0, n1 = l->n;
    if (j->by_rows)
        panel(task % j->lanes, j->lanes, l->m, &m0, &m1);
    else
        panel(task % j->lanes, j->lanes, l->n, &n0, &n1);
    if (m0 >= m1 || n0 >= n1) return;
    int64_t lda = l->ta ? l->m : l->k, ldb = l->tb ? l->k : l->n;
    const char *a = j->a + (pal__batch_item(&l->batch, &j->call->in_shape[0], item) * (size_t)(l->m * l->k) +
                            (size_t)(l->ta ? m0 : m0 * lda)) *
                               j->size;
    const char *b = j->b + (pal__batch_item(&l->batch, &j->call->in_shape[1], item) * (size_t)(l->k * l->n) +
                            (size_t)(l->tb ? n0 * ldb : n0)) *
                               j->size;
    char *c = (char *)j->call->out + (item * (size_t)(l->m * l->n) + (size_t)(m0 * l->n + n0)) * j->size;
    CBLAS_TRANSPOSE ta = l->ta ? CblasTrans : CblasNoTrans, tb = l->tb ? CblasTrans : CblasNoTrans;
    int m = (int)(m1 - m0), n = (int)(n1 - n0), k = (int)l->k;
    pal_blas_begin(j->call->context);
    if (j->size == sizeof(float))
        cblas_sgemm(CblasRowMajor, ta, tb, m, n, k, 1, (const float *)(const void *)a, (int)lda,
                    (const float *)(const void *)b, (int)ldb, j->accumulate ? 1 : 0, (float *)(void *)c, (int)l->n);
    else
        cblas_dgemm(CblasRowMajor, ta, tb, m, n, k, 1, (const double *)(const void *)a, (int)lda,
                    (const double *)(const void *)b, (int)ldb, j->accumulate ? 1 : 0, (double *)(void *)c, (int)l->n);
    pal_blas_end(j->call->context);
}

/* What the operations of this file compute: the sum of some products, or C plus it. */
typedef struct form {
    bool add;     /* operand 0 is C */
    size_t terms; /* products, of two operands each */
} form;
static form matmul_form(const pal_call *call) { return (form){false, call->n / 2}; }
static form addmm_form(const pal_call *call) { return (form){true, call->n / 2}; }

/* One term of the call as a call of its own. */
static pal_call term_of(const pal_call *call, form f, size_t t, pal_params *params)
{
    pal_call one = *call;
    *params = pal__product_params(call->params, f.terms, t);
    one.params = params;
    one.in_shape = call->in_shape + f.add + 2 * t;
    if (call->in) one.in = call->in + f.add + 2 * t;
    return one;
}

/* Whether all products of a batch are one: the left matrices lie below each other, and the right one is the same. */
static bool is_stack(const pal_call *one, const layout *l)
{
    pal_shape a = one->in_shape[0], b = one->in_shape[1];
    a.rank -= 2;
    b.rank -= 2;
    return !l->ta && pal_shape_count(b) == 1 && pal_shape_count(a) == pal_shape_count(l->batch);
}

/* The same for our own kernels. */
static pal__product product_of(const pal_call *call, form f)
{
    pal__product p = {.n_terms = f.terms, .add = f.add, .dtype = call->dtype, .follow = call->follow};
    bool stack = true;
    for (size_t t = 0; t < f.terms; t++) {
        pal_params params;
        layout l = {0};
        const pal_call one = term_of(call, f, t, &params);
        lay_out(&one.in_shape[0], &one.in_shape[1], &params, &l);
        p.m = (size_t)l.m;
        p.n = (size_t)l.n;
        p.c_row = l.n;
        p.term[t] = (pal__product_term){.k = (size_t)l.k,
                                        .a_row = l.ta ? 1 : l.k,
                                        .a_step = l.ta ? l.m : 1,
                                        .b_step = l.tb ? 1 : l.n,
                                        .b_column = l.tb ? l.k : 1};
        p.items = (size_t)pal_shape_count(l.batch);
        stack &= is_stack(&one, &l);
    }
    if (stack) p.m *= p.items, p.items = 1;
    return p;
}

typedef struct items { /* of a call for our own kernels */
    const pal_call *call;
    form form;
    const pal__product *product;
    pal_shape batch;
} items;

static pal__product_item item_of(const void *user, size_t item)
{
    const items *of = user;
    const pal__product *p = of->product;
    const size_t size = pal_dtype_size(p->dtype);
    char *c = of->call->follow ? (char *)(uintptr_t)of->call->in[0] : of->call->out;
    pal__product_item all = {.c = c + item * p->m * p->n * size};
    for (size_t t = 0; t < of->form.terms; t++) {
        const size_t a = of->form.add + 2 * t, b = a + 1, k = p->term[t].k;
        const pal_shape *shape = of->call->in_shape;
        all.a[t] = (const char *)of->call->in[a] + pal__batch_item(&of->batch, &shape[a], item) * p->m * k * size;
        all.b[t] = (const char *)of->call->in[b] + pal__batch_item(&of->batch, &shape[b], item) * k * p->n * size;
    }
    return all;
}

static size_t scratch(const pal_call *call, form f)
{
    const pal__product p = product_of(call, f);
    return pal__product_ours(call->context, &p) ? pal__product_scratch(call->context, &p) : 0;
}

static bool feeds(const pal_call *call, form f)
{
    const pal__product p = product_of(call, f);
    return pal__product_feeds(call->context, &p);
}

/* out = A B, or out += A B, by BLAS. */
static void run_blas(const pal_call *call, bool accumulate)
{
    job j = {.call = call, .accumulate = accumulate, .size = pal_dtype_size(call->dtype)};
    j.a = call->in[0];
    j.b = call->in[1];
    lay_out(&call->in_shape[0], &call->in_shape[1], call->params, &j.l);
    if (!j.l.k) { /* an empty sum; BLAS does not take a leading dimension of 0 */
        if (!accumulate) memset(call->out, 0, (size_t)pal_shape_count(call->shape) * j.size);
        return;
    }
    j.by_rows = j.l.m >= j.l.n;
    const size_t units = ((size_t)(j.by_rows ? j.l.m : j.l.n) + 15) / 16;
    j.lanes = call->lanes < units ? call->lanes : units;
    pal_parallel(call->context, (size_t)pal_shape_count(j.l.batch) * j.lanes, multiply, &j);
}

static pal_status run(const pal_call *call, form f)
{
    const pal__product ours = product_of(call, f);
    const size_t bytes = (size_t)pal_shape_count(call->shape) * pal_dtype_size(call->dtype);
    if (!bytes) return PAL_OK;
    if (f.add && !call->follow && call->out != call->in[0]) memcpy(call->out, call->in[0], bytes);
    if (pal__product_ours(call->context, &ours)) {
        items of = {.call = call, .form = f, .product = &ours, .batch = call->shape};
        of.batch.rank -= 2;
        pal__product_run(call->context, &ours, item_of, &of, call->scratch);
        return PAL_OK;
    }
    for (size_t t = 0; t < f.terms; t++) {
        pal_params params;
        const pal_call one = term_of(call, f, t, &params);
        run_blas(&one, f.add || t);
    }
    return PAL_OK;
}

#define RUN(name)                                                                                                      \
    static size_t scratch_##name(const pal_call *call) { return scratch(call, name##_form(call)); }                    \
    static bool feeds_##name(const pal_call *call) { return feeds(call, name##_form(call)); }                          \
    static pal_status run_##name(const pal_call *call) { return run(call, name##_form(call)); }
RUN(matmul)
RUN(addmm)

/* ---- Rules ---------------------------------------------------------------------------------------------------- */

/* C = op(A) op(B): dA = G op(B)^T, dB = op(A)^T G; transposed if the operand is transposed. */
static pal_var product_adjoint(const pal_rule *r, size_t first, size_t k)
{
    bool ta = r->params->i[0], tb = r->params->i[1];
    pal_var a = r->in[first], b = r->in[first + 1], g = r->seed;
    if (k == first) return ta ? pal_matmul_t(b, g, tb, true) : pal_matmul_t(g, b, false, !tb);
    return tb ? pal_matmul_t(g, a, true, ta) : pal_matmul_t(a, g, !ta, false);
}

static pal_var vjp_matmul(const pal_rule *r, size_t k) { return product_adjoint(r, 0, k); }
static pal_var vjp_sum(const pal_rule *r, size_t k)
{
    const pal_params p = pal__product_params(r->params, r->n / 2, k / 2);
    pal_rule one = *r;
    one.params = &p;
    one.in = r->in + k / 2 * 2;
    return product_adjoint(&one, 0, k % 2);
}
static pal_var vjp_addmm(const pal_rule *r, size_t k) { return k == 0 ? r->seed : product_adjoint(r, 1, k); }

/* The terms are one more axis of the batch. */
static pal_var batch_matmul(const pal_rule *r, unsigned which, pal_shape term, pal_shape all)
{
    (void)which, (void)term, (void)all;
    return pal_record(r->tape, r->op, r->in, 2, r->params);
}

static pal_var case_matmul(pal_tape *t, const pal_var *in, const void *user)
{
    const int *flags = user;
    (void)t;
    return pal_matmul_t(in[0], in[1], flags[0], flags[1]);
}

static const int nn[] = {0, 0}, nt[] = {0, 1}, tn[] = {1, 0}, tt[] = {1, 1};
/* clang-format off */
static const pal_case cases_matmul[] = {
    {.label = "a b", .n = 2, .in = {{{2, {3, 4}}, -1, 1}, {{2, {4, 2}}, -1, 1}}, .build = case_matmul, .user = nn},
    {.label = "a b'", .n = 2, .in = {{{2, {3, 4}}, -1, 1}, {{2, {2, 4}}, -1, 1}}, .build = case_matmul, .user = nt},
    {.label = "a' b", .n = 2, .in = {{{2, {4, 3}}, -1, 1}, {{2, {4, 2}}, -1, 1}}, .build = case_matmul, .user = tn},
    {.label = "a' b'", .n = 2, .in = {{{2, {4, 3}}, -1, 1}, {{2, {2, 4}}, -1, 1}}, .build = case_matmul, .user = tt},
    {.label = "batch", .n = 2, .in = {{{3, {2, 3, 4}}, -1, 1}, {{2, {4, 2}}, -1, 1}}, .build = case_matmul, .user = nn},
    {.label = "batches that broadcast", .n = 2, .in = {{{4, {2, 1, 3, 2}}, -1, 1}, {{3, {3, 2, 2}}, -1, 1}},
     .build = case_matmul, .user = nt},
    {.label = "empty sum", .n = 2, .in = {{{2, {3, 0}}, -1, 1}, {{2, {0, 2}}, -1, 1}},
     .build = case_matmul, .user = nn},
};

const pal_op pal__op_matmul = {
    PAL_OP_HEAD("matmul", "C = A B", "matrix product; leading axes broadcast"),
    .op_class = PAL_CLASS_PRODUCT, .arity = 2, .capabilities = PAL_TRANSPOSES, .n_ints = 2,
    .infer = infer_matmul, .derivative = {PAL_HAS_RULE, PAL_HAS_RULE}, .vjp = vjp_matmul,
    .absorb = pal__absorb_matmul, .batch = batch_matmul,
    .scratch = scratch_matmul, .feeds = feeds_matmul, .run = run_matmul, .cases = cases_matmul, .n_cases = PAL_COUNT(cases_matmul)};
/* clang-format on */

static pal_var case_addmm(pal_tape *t, const pal_var *in, const void *user)
{
    (void)user;
    return pal_record(t, &pal__op_addmm, in, 3, NULL);
}

/* clang-format off */
static const pal_case cases_addmm[] = {
    {.label = "c + a b", .n = 3, .in = {{{2, {3, 2}}, -1, 1}, {{2, {3, 4}}, -1, 1}, {{2, {4, 2}}, -1, 1}},
     .build = case_addmm},
};

const pal_op pal__op_addmm = {
    PAL_OP_HEAD("addmm", "C + A B", "matrix product added to a value; recorded by the compiler only"),
    .op_class = PAL_CLASS_PRODUCT, .arity = 3, .capabilities = PAL_OVERWRITES | PAL_TRANSPOSES, .n_ints = 2,
    .infer = infer_addmm, .derivative = {PAL_HAS_RULE, PAL_HAS_RULE, PAL_HAS_RULE}, .vjp = vjp_addmm,
    .scratch = scratch_addmm, .feeds = feeds_addmm, .run = run_addmm, .cases = cases_addmm, .n_cases = PAL_COUNT(cases_addmm)};
/* clang-format on */

static pal_var case_sum(pal_tape *t, const pal_var *in, const void *user)
{
    const int *flags = user;
    return pal_record(t, &pal__op_matmul_sum, in, 4, &(pal_params){.i = {flags[0], flags[1], flags[1], flags[0]}});
}

/* clang-format off */
static const pal_case cases_sum[] = {
    {.label = "a' b + c d'", .n = 4, .build = case_sum, .user = nt,
     .in = {{{2, {4, 3}}, -1, 1}, {{2, {4, 2}}, -1, 1}, {{2, {3, 5}}, -1, 1}, {{2, {2, 5}}, -1, 1}}},
    {.label = "batch", .n = 4, .build = case_sum, .user = nn,
     .in = {{{3, {2, 3, 4}}, -1, 1}, {{2, {4, 2}}, -1, 1}, {{3, {2, 3, 1}}, -1, 1}, {{3, {2, 1, 2}}, -1, 1}}},
};

const pal_op pal__op_matmul_sum = {
    PAL_OP_HEAD("matmul_sum", "A B + C D + ...", "sum of matrix products; recorded by the compiler only"),
    .op_class = PAL_CLASS_PRODUCT, .arity = -1, .capabilities = PAL_TRANSPOSES, .n_ints = 2 * PAL__PRODUCT_TERMS,
    .infer = infer_sum, .derivative = {PAL_HAS_RULE}, .vjp = vjp_sum, .absorb = pal__absorb_sum,
    .scratch = scratch_matmul, .feeds = feeds_matmul, .run = run_matmul, .cases = cases_sum, .n_cases = PAL_COUNT(cases_sum)};
/* clang-format on */

pal_var pal_matmul_t(pal_var a, pal_var b, bool a_transposed, bool b_transposed)
{
    pal_params p = {.i = {a_transposed, b_transposed}};
    return pal_record(NULL, &pal__op_matmul, (pal_var[]){a, b}, 2, &p);
}

pal_var pal_matmul(pal_var a, pal_var b) { return pal_matmul_t(a, b, false, false); }

static const pal_op *const ops[] = {&pal__op_matmul, &pal__op_addmm, &pal__op_matmul_sum};
const pal__family pal__family_linear = {ops, PAL_COUNT(ops)};
