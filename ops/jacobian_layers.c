/* jacobian_layers.c - the exact squared Frobenius norm of an encoder's Jacobian, propagated layer by layer.
 *
 * The tape is read back from the code h to the input x as
 *     h = act_L(v_{L-1} W_L + b_L), ..., v_1 = act_1(v_0 W_1 + b_1),
 * where v_0 is x, possibly reordered, reshaped and multiplied by elementwise factors. So J_n = D_L W_L' D_{L-1} ...
 * W_1' D_0 with diagonal matrices D_l, one per sample. act_l may be any elementwise operations: together they are a
 * function of one value of the same shape, so the vjp of a seed of ones is their diagonal.
 *
 * Invariant of the walk: all paths from x to h pass through the current value, and sample n of h depends only on sample
 * n of that value. An operation that breaks this is a tape error that names it. */
#include "ops/internal.h"

#include <string.h>

enum { LAYERS = 64 };

typedef struct layer { /* ordered from the code to the input; the last one is the input and has no weight */
    pal_var diagonal;  /* [n, k]; id 0: all ones */
    pal_var weight;    /* [d, k], or [k, d] if transposed */
    bool transposed;
    int64_t k, d;
} layer;

typedef struct encoder {
    const char *name; /* the function that the user called, for errors */
    bool each;
    pal_var h, x;
    int64_t n;
    pal_tensor *memory; /* contains the four arrays below */
    pal_var *handle;    /* indexed by id - x.id: the entries that h depends on; id 0: others */
    uint8_t *depends;   /* indexed by id - x.id: has a derivative in x */
    uint32_t *stack;    /* indices into handle */
    uint8_t *pushed;
    layer layers[LAYERS + 1]; /* layers[0] computes h */
    size_t count;             /* number of layers with a weight */
} encoder;

/* ---- Which values depend on x --------------------------------------------------------------------------------- */

static bool differentiable(pal_var v, size_t operand)
{
    return pal_op_derivative(pal_op_of(v), operand) != PAL_ZERO_DERIVATIVE;
}

/* Operands have smaller ids than the entries that read them. So no entry with an id below that of x depends on x. */
static bool find_dependence(encoder *e)
{
    size_t n = e->h.id < e->x.id ? 1 : (size_t)(e->h.id - e->x.id) + 1, depth = 0;
    size_t bytes = n * (sizeof *e->handle + sizeof *e->stack + 2);
    e->memory = pal_tensor_new(pal_tape_context(e->h.tape), PAL_U8, PAL_SHAPE((int64_t)bytes));
    if (!e->memory) {
        pal_tape_fail(e->h.tape, PAL_ERR_MEMORY, "%s: out of memory", e->name);
        return false;
    }
    e->handle = e->memory->data;
    e->stack = (uint32_t *)(e->handle + n);
    e->depends = (uint8_t *)(e->stack + n);
    e->pushed = e->depends + n;
    if (e->h.id < e->x.id) return true;
    e->handle[n - 1] = e->h;
    e->stack[depth++] = (uint32_t)(n - 1);
    while (depth) {
        pal_var v = e->handle[e->stack[--depth]];
        for (size_t i = 0; v.id > e->x.id && i < pal_operand_count(v); i++) {
            pal_var in = pal_operand(v, i);
            if (in.id < e->x.id || e->handle[in.id - e->x.id].id) continue;
            e->handle[in.id - e->x.id] = in;
            e->stack[depth++] = in.id - e->x.id;
        }
    }
    e->depends[0] = e->handle[0].id != 0;
    for (size_t at = 1; at < n; at++)
        for (size_t i = 0; e->handle[at].id && i < pal_operand_count(e->handle[at]); i++) {
            uint32_t in = pal_operand(e->handle[at], i).id;
            if (in >= e->x.id && e->depends[in - e->x.id] && differentiable(e->handle[at], i)) e->depends[at] = 1;
        }
    return true;
}

static bool depends(const encoder *e, pal_var v) { return v.id >= e->x.id && e->depends[v.id - e->x.id]; }

static bool refuse(const encoder *e, pal_var v, const char *what)
{
    const char *scope = pal_scope_of(v);
    pal_tape_fail(v.tape, PAL_ERR_DERIVATIVE, "%s: %s%s%s %s: use rows", e->name, pal_op_of(v)->name,
                  *scope ? " in " : "", scope, what);
    return false;
}

static const char between[] = "is between code and input";

/* ---- The walk from the code to the input ---------------------------------------------------------------------- */

/* Sets source to the only value of which v is an elementwise function; v itself if v is not elementwise. */
static bool elementwise_of(encoder *e, pal_var v, pal_var *source)
{
    size_t depth = 0;
    memset(e->pushed, 0, (size_t)(v.id - e->x.id) + 1);
    *source = (pal_var){.tape = v.tape};
    e->stack[depth++] = v.id - e->x.id;
    while (depth) {
        pal_var at = e->handle[e->stack[--depth]];
        if (at.id == e->x.id || pal_op_of(at)->op_class != PAL_CLASS_ELEMENTWISE) {
            if (source->id && source->id != at.id)
                return refuse(e, source->id > at.id ? *source : at, "joins another path from the input");
            *source = at;
            continue;
        }
        for (size_t i = 0; i < pal_operand_count(at); i++) {
            pal_var in = pal_operand(at, i);
            if (!depends(e, in) || !differentiable(at, i) || e->pushed[in.id - e->x.id]) continue;
            if (!pal_shape_equal(pal_shape_of(in), pal_shape_of(v))) return refuse(e, in, between);
            if (pal_dtype_of(in) != pal_dtype_of(v)) return refuse(e, at, between);
            e->pushed[in.id - e->x.id] = 1;
            e->stack[depth++] = in.id - e->x.id;
        }
    }
    return true;
}

typedef enum move { MIXES, TURNS, SHUFFLES } move;

/* What a movement does to the samples. MIXES: it mixes them. TURNS: it may transpose a matrix; *flipped records whether
 * the samples of its operand are columns. SHUFFLES: it reorders or reshapes the elements within each sample. */
static move move_of(const encoder *e, pal_var v, bool *flipped)
{
    pal_shape to = pal_shape_of(v), from = pal_shape_of(pal_operand(v, 0));
    if (pal_op_of(v) == &pal__op_permute) {
        int64_t samples = pal_params_of(v)->i[*flipped]; /* the operand's axis of samples */
        bool turns = from.rank == 2;
        if (turns) *flipped = samples == 1;
        return turns ? TURNS : samples == 0 ? SHUFFLES : MIXES;
    }
    if (pal_op_of(v) != &pal__op_reshape) return MIXES;
    if (pal_shape_equal(from, to)) return TURNS;
    return !*flipped && from.rank >= 1 && from.dim[0] == e->n && to.dim[0] == e->n ? SHUFFLES : MIXES;
}

/* Reads v = u W, or the transposed product W' u' if flipped. Fills in the weight of the layer and sets u. */
static bool product_of(const encoder *e, pal_var v, bool *flipped, layer *l, pal_var *u)
{
    size_t first = pal_operand_count(v) - 2; /* addmm has one operand more, the first: the value that it adds to */
    pal_var a = pal_operand(v, first), b = pal_operand(v, first + 1);
    bool ta = pal_params_of(v)->i[0], tb = pal_params_of(v)->i[1];
    if ((first && depends(e, pal_operand(v, 0))) || depends(e, *flipped ? a : b) || pal_shape_of(a).rank != 2 ||
        pal_shape_of(b).rank != 2)
        return refuse(e, v, between);
    *u = *flipped ? b : a;
    l->weight = *flipped ? a : b;
    l->transposed = *flipped ? !ta : tb;
    pal_shape w = pal_shape_of(l->weight);
    l->d = w.dim[l->transposed];
    l->k = w.dim[!l->transposed];
    *flipped = *flipped ? !tb : ta;
    return true;
}

static bool is_product(pal_var v)
{
    const pal_op *op = pal_op_of(v);
    return op->capabilities & PAL_TRANSPOSES;
}

/* Fills in the diagonals and weights, from the code to the input. */
static bool read_layers(encoder *e)
{
    pal_var v = e->h;
    bool flipped = false;
    for (;;) {
        layer *l = &e->layers[e->count];
        pal_var top = v, u, shuffle = {.tape = v.tape};
        bool flipped_top = flipped, scaled = false;
        /* Follows movements and elementwise operations to the input or to a product. Between layers the order of the
         * features matters. For the input it does not, because it does not change the norm. */
        for (;;) {
            if (!elementwise_of(e, v, &u)) return false;
            scaled |= u.id != v.id;
            v = u;
            if (v.id == e->x.id || pal_op_of(v)->op_class != PAL_CLASS_MOVEMENT) break;
            move m = move_of(e, v, &flipped);
            if (m == MIXES) return refuse(e, v, between);
            if (m == SHUFFLES) shuffle = v;
            v = pal_operand(v, 0);
        }
        if (v.id == e->x.id && flipped) return refuse(e, top, "uses the columns of the input as samples");
        if (v.id != e->x.id && shuffle.id) return refuse(e, shuffle, between);
        if (v.id != e->x.id && (!is_product(v) || e->count == LAYERS)) return refuse(e, v, between);
        if (scaled) { /* if values moved, a jvp is needed: its result has the layout of top */
            pal_var ones = pal_fill(e->h.tape, pal_dtype_of(v), pal_shape_of(v), 1);
            if (flipped == flipped_top && !shuffle.id)
                pal_vjp(top, ones, &v, 1, &l->diagonal);
            else
                l->diagonal = pal_jvp(top, v, ones);
            if (flipped_top) l->diagonal = pal_transpose(l->diagonal);
        }
        if (v.id == e->x.id) return true;
        if (!product_of(e, v, &flipped, l, &u)) return false;
        e->count++;
        v = u;
    }
}

/* ---- The norm -----------------------------------------------------------------------------------------------------
 *
 * Layers are counted from the code: J_n = D_0 W_0' D_1 ... W_{L-1}' D_L, where W_l is [d_l, k_l] and k_{l+1} = d_l. A
 * propagated Jacobian is [m, r, c]. m is n, or 1 as long as no diagonal has made the samples differ. */

static pal_var weight_t(const layer *l, bool transposed) /* [d,k], or [k,d] if transposed */
{
    return l->transposed != transposed ? pal_transpose(l->weight) : l->weight;
}

/* a [m,r,c] with the columns of each sample scaled by diagonal [n,c], or the rows by diagonal [n,r]. */
static pal_var scale(pal_var a, pal_var diagonal, bool rows)
{
    if (!diagonal.id) return a;
    pal_shape s = pal_shape_of(diagonal);
    return pal_mul(a,
                   pal_reshape(diagonal, rows ? PAL_SHAPE(s.dim[0], s.dim[1], 1) : PAL_SHAPE(s.dim[0], 1, s.dim[1])));
}

/* a [m,r,c] times b [c,q]: one product over all samples. */
static pal_var times(pal_var a, pal_var b)
{
    pal_shape s = pal_shape_of(a);
    pal_var flat = pal_reshape(a, PAL_SHAPE(s.dim[0] * s.dim[1], s.dim[2]));
    return pal_reshape(pal_matmul(flat, b), PAL_SHAPE(s.dim[0], s.dim[1], pal_shape_of(b).dim[1]));
}

static pal_var whole(pal_var w) { return pal_reshape(w, PAL_SHAPE(1, pal_shape_of(w).dim[0], pal_shape_of(w).dim[1])); }

/* The sum of squares [m,...] for each sample, [n]; or, unless each is set, the mean of these sums. */
static pal_var reduce(const encoder *e, pal_var squares)
{
    if (!e->each) return pal_mean_over_samples(squares);
    int rank = pal_shape_of(squares).rank;
    return pal_broadcast_to(pal_sum(squares, rank == 3 ? 6 : 2, false), PAL_SHAPE(e->n));
}

/* The number of multiplications of each way, for n samples, d inputs and L > 1 layers (o: elementwise product):
 *
 *   From the code to the input: A = D_0 W_0' [n, k_0, d_0], then A D_l W_l' for l = 1 .. L-2, n k_0 k_l d_l each.
 *     The last step is the product, n k_0 k_{L-1} d. If the input has no diagonal, it may use the Gram matrix G = W' W,
 *     which all samples share: ||A W'||^2 = sum (A G) o A, d k_{L-1}^2 + n k_0 k_{L-1}^2.
 *   From the input to the code: B = D_L W_{L-1} D_{L-1} [n, d, k_{L-1}], then B W_l D_l for l = L-2 .. 1, n d d_l k_l
 *     each. The last step is the product, n d d_0 k_0, or uses the Gram matrix M_n = W_0 D_0^2 W_0' [d_0, d_0]:
 *     n k_0 d_0^2 + n d d_0^2.
 *
 * A Gram matrix squares the condition number of its weight: its rounding error is relative to ||A||^2 ||W||^2. */
typedef struct plan {
    bool up, gram;
} plan;

static plan cheapest(const encoder *e)
{
    const layer *code = &e->layers[0], *input = &e->layers[e->count - 1];
    double n = (double)e->n, k = (double)code->k, d = (double)input->d, down = 0, up = 0;
    double near = (double)input->k, far = (double)code->d; /* the inner axes next to the input and next to the code */
    for (size_t l = 1; l + 1 < e->count; l++) {
        double size = (double)e->layers[l].k * (double)e->layers[l].d;
        down += n * k * size;
        up += n * d * size;
    }
    bool shared = !e->layers[e->count].diagonal.id;
    double product = n * k * near * d, gram = d * near * near + n * k * near * near;
    bool gram_down = shared && gram < product;
    down += gram_down ? gram : product;
    product = n * d * far * k;
    gram = (code->diagonal.id ? n : 1) * k * far * far + n * d * far * far;
    bool gram_up = gram < product;
    up += gram_up ? gram : product;
    return up < down ? (plan){true, gram_up} : (plan){false, gram_down};
}

static pal_var from_the_code(const encoder *e, bool gram)
{
    const layer *l = e->layers;
    pal_var a = scale(whole(weight_t(l, true)), l->diagonal, true);
    for (size_t i = 1; i + 1 < e->count; i++) a = times(scale(a, l[i].diagonal, false), weight_t(&l[i], true));
    const layer *last = &l[e->count - 1];
    a = scale(a, last->diagonal, false);
    if (gram) {
        pal_var w = weight_t(last, false), g = pal_matmul_t(w, w, true, false);
        return reduce(e, pal_mul(times(a, g), a));
    }
    a = scale(times(a, weight_t(last, true)), last[1].diagonal, false);
    return reduce(e, pal_square(a));
}

static pal_var from_the_input(const encoder *e, bool gram)
{
    const layer *l = e->layers, *last = &l[e->count - 1];
    pal_var b = scale(scale(whole(weight_t(last, false)), last[1].diagonal, true), last->diagonal, false);
    for (size_t i = e->count - 2; i >= 1; i--) b = scale(times(b, weight_t(&l[i], false)), l[i].diagonal, false);
    if (gram) {
        pal_var w = scale(whole(weight_t(l, false)), l->diagonal, false); /* [m, d_0, k_0] */
        return reduce(e, pal_mul(pal_matmul(b, pal_matmul_t(w, w, false, true)), b));
    }
    b = scale(times(b, weight_t(l, false)), l->diagonal, false);
    return reduce(e, pal_square(b));
}

/* sum_ij d_nj^2 w_ij^2 c_ni^2 without a value [n,k,d]: n k multiplications, or n k d if the input has factors c. */
static pal_var one_layer(const encoder *e)
{
    const layer *l = e->layers;
    pal_var w2 = pal_square(weight_t(l, false)), c = l[1].diagonal;
    pal_var norms = c.id ? pal_matmul(pal_square(c), w2) : pal_sum(w2, 1, true); /* [n,k], [1,k] */
    if (l->diagonal.id) norms = pal_mul(pal_square(l->diagonal), norms);
    return reduce(e, norms);
}

static pal_var norm2(const char *name, pal_var h, pal_var x, bool each)
{
    pal_tape *t = h.tape ? h.tape : x.tape;
    pal_var out = {.tape = t};
    if (!pal__is_code(name, h, x)) return out;
    encoder e = {.name = name, .each = each, .h = h, .x = x, .n = pal_shape_of(x).dim[0]};
    if (find_dependence(&e)) {
        if (h.id < x.id || !depends(&e, h)) {
            out = pal_fill(t, pal_dtype_of(h), each ? PAL_SHAPE(e.n) : PAL_SCALAR, 0);
        } else if (read_layers(&e)) {
            plan p = e.count > 1 ? cheapest(&e) : (plan){false, false};
            out = e.count > 1               ? (p.up ? from_the_input : from_the_code)(&e, p.gram)
                  : e.count                 ? one_layer(&e)
                  : e.layers[0].diagonal.id ? reduce(&e, pal_square(e.layers[0].diagonal))
                                            : pal_fill(t, pal_dtype_of(h), each ? PAL_SHAPE(e.n) : PAL_SCALAR,
                                                       (double)pal_shape_of(h).dim[1]);
        }
    }
    pal_tensor_free(e.memory);
    return out;
}

pal_var pal_jacobian_norm2_layers(pal_var h, pal_var x) { return norm2("jacobian_norm2_layers", h, x, false); }

pal_var pal_jacobian_norm2_layers_each(pal_var h, pal_var x) { return norm2("jacobian_norm2_layers_each", h, x, true); }

/* ---- Cases ---------------------------------------------------------------------------------------------------- */

static pal_var case_one(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    return pal_jacobian_norm2_layers(pal_sigmoid(pal_matmul(in[0], in[1])), in[0]);
}

static pal_var case_two(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    pal_var v = pal_tanh(pal_add(pal_matmul(in[0], in[1]), in[3]));
    return pal_jacobian_norm2_layers(pal_sigmoid(pal_matmul(v, in[2])), in[0]);
}

/* clang-format off */
static const pal_case cases[] = {
    {.label = "one layer", .n = 2, .in = {{{2, {3, 4}}, -1, 1}, {{2, {4, 2}}, -1, 1}}, .build = case_one},
    {.label = "two, from the code", .n = 4, .build = case_two,
     .in = {{{2, {2, 4}}, 0.1, 0.6}, {{2, {4, 2}}, 0.1, 0.6}, {{2, {2, 2}}, 0.1, 0.6}, {{1, {2}}, 0.1, 0.6}}},
    {.label = "two, from the input", .n = 4, .build = case_two,
     .in = {{{2, {2, 1}}, 0.1, 0.6}, {{2, {1, 2}}, 0.1, 0.6}, {{2, {2, 4}}, 0.1, 0.6}, {{1, {2}}, 0.1, 0.6}}},
    {.label = "size 1", .n = 2, .in = {{{2, {1, 1}}, 0.5, 1}, {{2, {1, 1}}, 0.5, 1}}, .build = case_one},
};
/* clang-format on */

static pal_var case_each(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    return pal_jacobian_norm2_layers_each(pal_sigmoid(pal_matmul(in[0], in[1])), in[0]);
}

static pal_var case_each_of_two(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    pal_var v = pal_tanh(pal_add(pal_matmul(in[0], in[1]), in[3]));
    return pal_jacobian_norm2_layers_each(pal_sigmoid(pal_matmul(v, in[2])), in[0]);
}

/* clang-format off */
static const pal_case cases_each[] = {
    {.label = "one layer", .n = 2, .in = {{{2, {3, 4}}, -1, 1}, {{2, {4, 2}}, -1, 1}}, .build = case_each},
    {.label = "two", .n = 4, .build = case_each_of_two,
     .in = {{{2, {2, 4}}, 0.1, 0.6}, {{2, {4, 2}}, 0.1, 0.6}, {{2, {2, 2}}, 0.1, 0.6}, {{1, {2}}, 0.1, 0.6}}},
};
/* clang-format on */

const pal_op pal__op_jacobian_norm2_layers_each = {
    PAL_OP_HEAD("jacobian_norm2_layers_each", "||D_nL W_L^T ... D_n1 W_1^T||^2",
                "jacobian_norm2_layers for each sample"),
    .op_class = PAL_CLASS_COMPOSITE, .cases = cases_each, .n_cases = PAL_COUNT(cases_each)};

const pal_op pal__op_jacobian_norm2_layers = {
    PAL_OP_HEAD("jacobian_norm2_layers", "mean_n ||D_L W_L^T ... D_1 W_1^T||^2",
                "squared Frobenius norm of a layered encoder's Jacobian, exact, layer by layer"),
    .op_class = PAL_CLASS_COMPOSITE, .cases = cases, .n_cases = PAL_COUNT(cases)};
