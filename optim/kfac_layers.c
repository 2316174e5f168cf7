/* kfac_layers.c - finds the layers of a recorded loss: where each parameter is used, and by what.
 *
 * In: the sampled loss and the leaves of the parameters. Out: the uses, and blocks of them. Nothing is declared by a
 * model. A layer is what the tape says:
 *     s = x W, x W'            a product with the leaf, which may be transposed before, too
 *     s = conv2d(x, W)         or its adjoint, with the leaf as filters, whose first two axes may be exchanged before
 *     s = ... + b              where b is a vector that is added to such a product, or to anything else
 * A bias that is added to every product of one weight, and to nothing else, is its homogeneous coordinate. Otherwise it
 * is an affine layer of its own, whose activation is 1.
 *
 * What the sampled loss depends on by way of a zero derivative (pal_stop_gradient) is not looked at. A parameter with
 * any other use is left out, and so is one that the sampled loss does not depend on. */
#include "optim/kfac.h"

#include <stdlib.h>
#include <string.h>

#include "autograd/operation.h"
#include "ops/conv_internal.h"

#define NOT_USED  "the likelihood does not depend on it"
#define OTHER_USE "it is used by another operation than a product or the sum with a product"
#define TWO_WAYS  "its uses exchange its axes in different ways"

typedef struct spot { /* what is known of one entry */
    pal_var v;        /* id 0: the loss does not depend on it */
    uint32_t readers; /* entries that the loss depends on */
    size_t parameter; /* 1 + the parameter that it is, perhaps moved; 0: none */
    size_t use;       /* 1 + the use whose product it is; 0: none */
    bool flipped;     /* a matrix: transposed; filters: the first two axes exchanged */
    bool column;      /* a vector as [n,1,1] */
} spot;

typedef struct finder {
    pal__layers *out;
    const pal_var *parameters;
    spot *spot; /* by id */
    size_t n;
    const pal_op *matmul, *conv, *back, *add, *permute, *reshape;
} finder;

static bool depends_by(pal_var v, size_t k) { return pal_op_derivative(pal_op_of(v), k) != PAL_ZERO_DERIVATIVE; }

/* Marks what the loss depends on, and counts the readers. */
static bool walk(finder *f, pal_var sampled)
{
    uint32_t *stack = calloc(f->n, sizeof *stack);
    size_t depth = 0;
    if (!stack) return false;
    f->spot[sampled.id].v = sampled;
    stack[depth++] = sampled.id;
    while (depth) {
        const pal_var v = f->spot[stack[--depth]].v;
        for (size_t k = 0; k < pal_operand_count(v); k++) {
            const pal_var in = pal_operand(v, k);
            if (!depends_by(v, k)) continue;
            f->spot[in.id].readers++;
            if (f->spot[in.id].v.id) continue;
            f->spot[in.id].v = in;
            stack[depth++] = in.id;
        }
    }
    free(stack);
    return true;
}

static void leave_out(finder *f, size_t parameter, const char *why) { f->out->left[parameter] = why; }

static pal__use *add_use(finder *f, pal__use use)
{
    pal__layers *l = f->out;
    if (l->n_uses == l->cap_uses) {
        const size_t cap = l->cap_uses ? 2 * l->cap_uses : 16;
        pal__use *more = realloc(l->use, cap * sizeof *more);
        if (!more) return NULL;
        l->use = more;
        l->cap_uses = cap;
    }
    l->use[l->n_uses] = use;
    return &l->use[l->n_uses++];
}

/* v reads a parameter as operand k: a movement of it that is followed, or else another use. */
static bool move(finder *f, pal_var v)
{
    const spot *from = &f->spot[pal_operand(v, 0).id];
    spot *to = &f->spot[v.id];
    const pal_shape s = pal_shape_of(from->v), t = pal_shape_of(v);
    const int64_t *axes = pal_params_of(v)->i;
    const bool exchanges = axes[0] == 1 && axes[1] == 0;
    if (pal_op_of(v) == f->permute && exchanges && (s.rank == 2 || (s.rank == 4 && axes[2] == 2))) {
        *to = (spot){.v = to->v, .readers = to->readers, .parameter = from->parameter, .flipped = !from->flipped};
        return true;
    }
    if (pal_op_of(v) != f->reshape || s.rank != 1 || t.rank != 3 || t.dim[0] != s.dim[0] || t.dim[1] * t.dim[2] != 1)
        return false;
    to->parameter = from->parameter;
    to->column = true;
    return true;
}

/* v is a product that reads a parameter as its right operand. */
static pal__use product_of(const finder *f, pal_var v)
{
    const pal_var in = pal_operand(v, 0), w = pal_operand(v, 1);
    const spot *of = &f->spot[w.id];
    pal__use use = {.weight = of->parameter - 1, .bias = PAL__NO_PARAMETER, .in = in, .s = v, .product = v};
    const int64_t *p = pal_params_of(v)->i;
    if (pal_op_of(v) == f->matmul) {
        use.kind = PAL__AFFINE;
        use.side = p[1] != of->flipped;
    } else {
        use.kind = pal_op_of(v) == f->conv ? PAL__FILTER : PAL__FILTER_BACK;
        use.side = use.kind == PAL__FILTER;
    }
    return use;
}

static bool is_product(const finder *f, pal_var v)
{
    const pal_op *op = pal_op_of(v);
    const pal_var w = pal_operand(v, 1);
    if (f->spot[pal_operand(v, 0).id].parameter) return false; /* as the left operand: the samples would be columns */
    if (op == f->matmul) return !pal_params_of(v)->i[0] && pal_shape_of(w).rank == 2;
    return (op == f->conv || op == f->back) && pal_params_of(v)->i[PAL__GROUPS] == 1;
}

/* Whether v is the sum of a vector with something of v's shape, whose last axis (of maps: second axis) it has. */
static bool is_shift(const finder *f, pal_var v, size_t k)
{
    const pal_var b = pal_operand(v, k), x = pal_operand(v, 1 - k);
    const pal_shape s = pal_shape_of(v), t = pal_shape_of(b);
    if (pal_op_of(v) != f->add || f->spot[x.id].parameter || !pal_shape_equal(s, pal_shape_of(x))) return false;
    if (f->spot[b.id].column) return s.rank == 4 && t.dim[0] == s.dim[1];
    return t.rank == 1 && s.rank >= 2 && s.rank != 4 && t.dim[0] == s.dim[s.rank - 1];
}

static bool shift(finder *f, pal_var v, size_t k)
{
    const size_t b = f->spot[pal_operand(v, k).id].parameter - 1;
    const spot *x = &f->spot[pal_operand(v, 1 - k).id];
    if (x->use && x->readers == 1) { /* else the gradients by the product and by the sum differ */
        pal__use *use = &f->out->use[x->use - 1];
        use->bias = b;
        use->s = v;
        return true;
    }
    return add_use(f, (pal__use){.kind = PAL__SHIFT, .weight = b, .bias = PAL__NO_PARAMETER, .s = v}) != NULL;
}

/* Looks at an entry that reads parameters. false: out of memory. */
static bool look(finder *f, pal_var v)
{
    size_t found = 0, at = 0;
    for (size_t k = 0; k < pal_operand_count(v); k++)
        if (depends_by(v, k) && f->spot[pal_operand(v, k).id].parameter) found++, at = k;
    if (!found) return true;
    if (found == 1 && move(f, v)) return true;
    if (found == 1 && at == 1 && is_product(f, v)) {
        const pal__use use = product_of(f, v);
        const bool turns = use.kind != PAL__AFFINE && f->spot[pal_operand(v, 1).id].flipped;
        for (size_t u = 0; u < f->out->n_uses; u++)
            if (f->out->use[u].weight == use.weight && f->out->turned[use.weight] != turns)
                leave_out(f, use.weight, TWO_WAYS);
        f->out->turned[use.weight] = turns;
        if (!add_use(f, use)) return false;
        f->spot[v.id].use = f->out->n_uses;
        return true;
    }
    if (found == 1 && is_shift(f, v, at)) return shift(f, v, at);
    for (size_t k = 0; k < pal_operand_count(v); k++) {
        const size_t parameter = f->spot[pal_operand(v, k).id].parameter;
        if (depends_by(v, k) && parameter) leave_out(f, parameter - 1, OTHER_USE);
    }
    return true;
}

/* ---- Blocks --------------------------------------------------------------------------------------------------- */

/* Drops the uses of parameters that are left out. */
static void drop(pal__layers *l)
{
    size_t kept = 0;
    for (size_t u = 0; u < l->n_uses; u++) {
        pal__use use = l->use[u];
        if (use.bias != PAL__NO_PARAMETER && l->left[use.bias]) use.bias = PAL__NO_PARAMETER;
        if (l->left[use.weight] && use.bias == PAL__NO_PARAMETER) continue;
        if (l->left[use.weight])
            use = (pal__use){.kind = PAL__SHIFT, .weight = use.bias, .bias = PAL__NO_PARAMETER, .s = use.s};
        l->use[kept++] = use;
    }
    l->n_uses = kept;
}

/* Whether the uses of weight w have one side, given in *side, else -1; and their common bias, if it is used nowhere
 * else. */
static size_t bias_of(const pal__layers *l, size_t w, int *side)
{
    size_t bias = PAL__NO_PARAMETER;
    bool first = true, common = true;
    for (size_t u = 0; u < l->n_uses; u++) {
        const pal__use *use = &l->use[u];
        if (use->weight != w) continue;
        if (first) *side = use->side, bias = use->bias;
        if (use->side != *side) *side = -1;
        common = common && use->bias == bias && use->kind != PAL__FILTER_BACK && use->kind != PAL__SHIFT;
        first = false;
    }
    for (size_t u = 0; u < l->n_uses; u++)
        if (l->use[u].weight == bias || (l->use[u].bias == bias && l->use[u].weight != w)) common = false;
    return common && *side >= 0 ? bias : PAL__NO_PARAMETER;
}

static void size_of(const pal__layers *l, pal_shape s, pal__block *b)
{
    if (s.rank == 4) {
        b->turned = l->turned[b->weight];
        b->size[0] = s.dim[b->turned];
        b->size[1] = s.dim[!b->turned] * s.dim[2] * s.dim[3];
    } else {
        b->size[0] = s.rank == 2 ? s.dim[0] : 1;
        b->size[1] = s.rank ? s.dim[s.rank - 1] : 1;
    }
    if (b->bias != PAL__NO_PARAMETER) b->size[b->side]++;
}

bool pal__uses(const pal__layers *l, size_t u, const pal__block *b)
{
    const pal__use *use = &l->use[u];
    return use->weight == b->weight || use->bias == b->weight;
}

static bool make_blocks(pal__layers *l, const pal_var *parameters, size_t n)
{
    bool *joined = calloc(n + 1, sizeof *joined);
    l->block = calloc(n + 1, sizeof *l->block);
    for (size_t pass = 0; joined && l->block && pass < 2; pass++) /* weights, then the biases that are left */
        for (size_t i = 0; i < n; i++) {
            pal__block b = {.weight = i, .bias = PAL__NO_PARAMETER};
            const bool matrix = pal_shape_of(parameters[i]).rank >= 2;
            if (l->left[i] || joined[i] || matrix != !pass) continue;
            for (size_t u = 0; u < l->n_uses; u++) b.uses += pal__uses(l, u, &b);
            if (!b.uses) {
                l->left[i] = NOT_USED;
                continue;
            }
            if (matrix) b.bias = bias_of(l, i, &b.side);
            if (b.bias != PAL__NO_PARAMETER) joined[b.bias] = true;
            size_of(l, pal_shape_of(parameters[i]), &b);
            l->block[l->n_blocks++] = b;
        }
    free(joined);
    return joined && l->block;
}

pal_status pal__layers_find(pal_var sampled, const pal_var *parameters, size_t n, pal__layers *out)
{
    pal_tape *tape = sampled.tape;
    finder f = {.out = out, .parameters = parameters, .n = pal_tape_length(tape) + 2};
    *out = (pal__layers){.tape = tape};
    if (pal_tape_status(tape)) return pal_tape_status(tape);
    f.matmul = pal_op_find("matmul");
    f.conv = pal_op_find("conv2d");
    f.back = pal_op_find("conv2d_to_input");
    f.add = pal_op_find("add");
    f.permute = pal_op_find("permute");
    f.reshape = pal_op_find("reshape");
    f.spot = calloc(f.n, sizeof *f.spot);
    out->left = calloc(n + 1, sizeof *out->left);
    out->turned = calloc(n + 1, sizeof *out->turned);
    bool good = f.spot && out->left && out->turned && walk(&f, sampled);
    for (size_t i = 0; good && i < n; i++) {
        f.spot[parameters[i].id].parameter = i + 1;
        if (pal_shape_of(parameters[i]).rank == 3 || pal_shape_of(parameters[i]).rank > 4) leave_out(&f, i, OTHER_USE);
    }
    for (size_t id = 1; good && id < f.n; id++)
        if (f.spot[id].v.id) good = look(&f, f.spot[id].v);
    if (good) drop(out);
    if (good) good = make_blocks(out, parameters, n);
    free(f.spot);
    if (!good) pal_tape_fail(tape, PAL_ERR_MEMORY, "kfac: out of memory");
    return pal_tape_status(tape);
}

void pal__layers_free(pal__layers *l)
{
    free(l->use);
    free(l->block);
    free(l->left);
    free(l->turned);
    *l = (pal__layers){0};
}
