/* kfac_record.c - records the step of K-FAC.
 *
 * In: the loss's gradient, and pal_fisher. Out: the step of each parameter, before its learning rate. The states
 * that are written: the decayed factors, the last step, the change of the loss that the quadratic model expects.
 *
 *   D = -P^-1 V Q^-1                  for each block with the matrix V of gradients; P, Q: the damped factors
 *   step = a D + m (last step)        a, m minimise M(step) = g'step + 1/2 step' (F + lambda I) step over both
 *
 * F is the exact Fisher matrix here: J' H J with products J v by pal_jvps, where H is the Hessian of the divergences
 * (Martens and Grosse 2015, sections 6.4 and 7). So neither a learning rate nor a momentum has to be chosen, and a
 * direction from poor factors becomes a short step. D is 0 as long as there are no inverses, which is the first step.
 */
#include <stdlib.h>

#include "ops/ops.h"
#include "optim/kfac.h"

typedef struct recording {
    pal__kfac *k;
    pal_tape *tape;
    const pal_var *parameters, *gradients;
    pal_var rate, scalar[PAL__KFAC_SCALARS], *leaf;
    const pal_fisher *curvature;
    pal__layers layers;
    pal_var *steps;
    pal_var *direction, *last, *at; /* of the parameters that are in blocks: packed */
    size_t *packed, n;              /* which these are */
} recording;

static pal_var leaf(const recording *r, const pal_tensor *tensor)
{
    const pal__kfac *k = r->k;
    size_t i = 0;
    while (k->state[i].tensor != tensor) i++;
    return r->leaf[i];
}

/* Every leaf by its name, before a scope begins. */
static void record_leaves(recording *r)
{
    static const char *const names[PAL__KFAC_SCALARS] = {"kfac/factor-decay", "kfac/lambda", "kfac/rest-rate",
                                                         "kfac/rest-epsilon"};
    for (size_t i = 0; i < r->k->n_states; i++)
        r->leaf[i] = pal_leaf(r->tape, r->k->state[i].tensor, r->k->state[i].name);
    for (int s = 0; s < PAL__KFAC_SCALARS; s++) r->scalar[s] = pal_leaf(r->tape, r->k->scalar[s], names[s]);
}

/* ---- Factors and directions ----------------------------------------------------------------------------------- */

static bool update_factors(recording *r)
{
    const size_t n = r->layers.n_uses;
    pal_var *s = calloc(2 * n + 1, sizeof *s), *gradients = s + n;
    if (!s) return false;
    for (size_t u = 0; u < n; u++) s[u] = r->layers.use[u].s;
    if (!pal_grad(r->curvature->sampled, s, n, gradients))
        for (size_t i = 0; i < r->k->n_blocks; i++) {
            const pal__kfac_block *b = &r->k->block[i];
            pal_var sides[2];
            pal__factors(&r->layers, &b->of, gradients, sides);
            for (int side = 0; side < 2; side++) {
                const pal_var old = leaf(r, b->factor[side]), keep = r->scalar[PAL__KFAC_KEEP];
                pal_assign(old, pal_add(sides[side], pal_mul(keep, pal_sub(old, sides[side]))));
            }
        }
    free(s);
    return true;
}

/* The parameters of a block as its matrix. */
static pal_var join(const pal__block *b, const pal_var *of)
{
    pal_var v = of[b->weight];
    if (b->turned) v = pal_permute(v, (int[]){1, 0, 2, 3});
    const int64_t more = b->bias != PAL__NO_PARAMETER, rows = b->size[0] - (more && b->side == 0),
                  columns = b->size[1] - (more && b->side == 1);
    v = pal_reshape(v, PAL_SHAPE(rows, columns));
    if (!more) return v;
    const pal_var bias = pal_reshape(of[b->bias], b->side ? PAL_SHAPE(rows, 1) : PAL_SHAPE(1, columns));
    return pal_concat((pal_var[]){v, bias}, 2, b->side);
}

/* The reverse. */
static void part(const pal__block *b, pal_var v, const pal_var *like, pal_var *out)
{
    const int64_t one[] = {1, 1};
    pal_shape s = pal_shape_of(like[b->weight]);
    if (b->bias != PAL__NO_PARAMETER) {
        int64_t start[] = {0, 0}, size[] = {b->size[0], b->size[1]};
        start[b->side] = size[b->side] - 1;
        size[b->side] = 1;
        out[b->bias] = pal_reshape(pal_slice(v, start, size, one), pal_shape_of(like[b->bias]));
        start[b->side] = 0;
        size[b->side] = b->size[b->side] - 1;
        v = pal_slice(v, start, size, one);
    }
    if (!b->turned) {
        out[b->weight] = pal_reshape(v, s);
        return;
    }
    const pal_shape turned = PAL_SHAPE(s.dim[1], s.dim[0], s.dim[2], s.dim[3]);
    out[b->weight] = pal_permute(pal_reshape(v, turned), (int[]){1, 0, 2, 3});
}

static void find_directions(recording *r)
{
    for (size_t i = 0; i < r->k->n_blocks; i++) {
        const pal__kfac_block *b = &r->k->block[i];
        const pal_var v = join(&b->of, r->gradients);
        const pal_var d = pal_matmul(pal_matmul(leaf(r, b->inverse[0]), v), leaf(r, b->inverse[1]));
        part(&b->of, pal_neg(d), r->parameters, r->steps);
    }
}

/* ---- The quadratic model -------------------------------------------------------------------------------------- */

static pal_var wide(pal_var v) { return pal_cast(v, PAL_F64); }
static pal_var inner(pal_var a, pal_var b) { return wide(pal_sum_all(pal_mul(a, b))); }

static pal_var inner_all(const recording *r, const pal_var *a, const pal_var *b)
{
    pal_var sum = inner(a[0], b[0]);
    for (size_t i = 1; i < r->n; i++) sum = pal_add(sum, inner(a[i], b[i]));
    return sum;
}

/* quadratic: u'(F + lambda I)u, u'(F + lambda I)v, v'(F + lambda I)v for u = directions, v = last steps. The part of F
 * is a sum over the rows, and so over the shards of a batch. */
static void find_quadratic(recording *r, pal_var quadratic[3])
{
    const pal_var lambda = wide(r->scalar[PAL__KFAC_DAMPING]), *of[2] = {r->direction, r->last};
    for (int i = 0; i < 3; i++) quadratic[i] = pal_mul(lambda, inner_all(r, of[i == 2], of[i > 0]));
    for (size_t c = 0; c < r->curvature->n; c++) {
        const pal_var z = r->curvature->z[c];
        pal_var moved[2], bent[2] = {{0}, {0}};
        for (int i = 0; i < 2; i++) {
            moved[i] = pal_stop_gradient(pal_jvps(z, r->at, of[i], r->n));
            pal_hessian_product(r->curvature->divergence[c], &z, &moved[i], 1, &bent[i]);
        }
        for (int i = 0; i < 3; i++)
            quadratic[i] = pal_add(quadratic[i], pal_all_sum(inner(moved[i == 2], bent[i > 0])));
    }
}

/* Minimises g'(a u + m v) + 1/2 (a u + m v)'C(a u + m v), C as found above. Where u and v are nearly one direction, or
 * v is 0, m is 0; where u is 0 too, so is a. */
static void solve(recording *r, pal_var *a, pal_var *m)
{
    pal_var c[3];
    find_quadratic(r, c);
    pal_var *g = calloc(r->n + 1, sizeof *g);
    if (!g) {
        pal_tape_fail(r->tape, PAL_ERR_MEMORY, "kfac: out of memory");
        return;
    }
    for (size_t i = 0; i < r->n; i++) g[i] = r->gradients[r->packed[i]];
    const pal_var b1 = inner_all(r, g, r->direction), b2 = inner_all(r, g, r->last), zero = pal_like(b1, 0);
    free(g);
    const pal_var det = pal_sub(pal_mul(c[0], c[2]), pal_square(c[1]));
    const pal_var both = pal_greater(det, pal_scale(pal_mul(c[0], c[2]), 1e-6)), some = pal_greater(c[0], zero);
    const pal_var one = pal_like(b1, 1), d = pal_where(both, det, one), c0 = pal_where(some, c[0], one);
    const pal_var alone = pal_where(some, pal_neg(pal_div(b1, c0)), zero);
    *a = pal_where(both, pal_div(pal_sub(pal_mul(c[1], b2), pal_mul(c[2], b1)), d), alone);
    *m = pal_where(both, pal_div(pal_sub(pal_mul(c[1], b1), pal_mul(c[0], b2)), d), zero);
    /* M of the step times the learning rate */
    const pal_var rate = wide(r->rate);
    const pal_var bend = pal_add(pal_add(pal_mul(pal_square(*a), c[0]), pal_scale(pal_mul(pal_mul(*a, *m), c[1]), 2)),
                                 pal_mul(pal_square(*m), c[2]));
    const pal_var slope = pal_add(pal_mul(*a, b1), pal_mul(*m, b2));
    const pal_var change = pal_add(pal_mul(rate, slope), pal_mul(pal_square(rate), pal_scale(bend, 0.5)));
    pal_assign(leaf(r, r->k->number[PAL__KFAC_MODEL]), change);
}

static void scale_steps(recording *r)
{
    for (size_t i = 0; i < r->k->n; i++) {
        if (!r->k->moment[i][PAL__KFAC_STEP]) continue;
        r->packed[r->n] = i;
        r->at[r->n] = r->parameters[i];
        r->direction[r->n] = r->steps[i];
        r->last[r->n++] = leaf(r, r->k->moment[i][PAL__KFAC_STEP]);
    }
    pal_var a = {0}, m = {0};
    if (r->n) solve(r, &a, &m);
    if (pal_tape_status(r->tape) || !r->n) return;
    a = pal_cast(a, r->k->dtype);
    m = pal_cast(m, r->k->dtype);
    for (size_t i = 0; i < r->n; i++) {
        const pal_var step = pal_add(pal_mul(a, r->direction[i]), pal_mul(m, r->last[i]));
        pal_assign(r->last[i], step);
        r->steps[r->packed[i]] = step;
    }
}

/* Adam's step, without the learning rate of the run. */
static void rest(recording *r, size_t i)
{
    const pal_var mean = leaf(r, r->k->moment[i][PAL__KFAC_MEAN]), square = leaf(r, r->k->moment[i][PAL__KFAC_SQUARE]);
    const pal_optimizer_options *o = &r->k->options;
    const pal_var m = pal_lerp(mean, r->gradients[i], 1 - o->beta1);
    const pal_var v = pal_add(pal_scale(square, o->beta2), pal_scale(pal_square(r->gradients[i]), 1 - o->beta2));
    pal_assign(mean, m);
    pal_assign(square, v);
    const pal_var over = pal_div(m, pal_add(pal_sqrt(v), r->scalar[PAL__KFAC_EPSILON]));
    r->steps[i] = pal_neg(pal_mul(r->scalar[PAL__KFAC_RATE], over));
}

pal_status pal__kfac_record(pal__kfac *k, pal_tape *tape, const pal_var *parameters, const pal_var *gradients,
                            pal_var rate, const pal_fisher *curvature, pal_var *steps)
{
    recording r = {.k = k,
                   .tape = tape,
                   .parameters = parameters,
                   .gradients = gradients,
                   .rate = rate,
                   .curvature = curvature,
                   .steps = steps};
    if (pal__layers_find(curvature->sampled, parameters, k->n, &r.layers) ||
        pal__kfac_make(k, tape, &r.layers, parameters)) {
        pal__layers_free(&r.layers);
        return pal_tape_status(tape);
    }
    r.leaf = calloc(k->n_states + 1, sizeof *r.leaf);
    r.direction = calloc(3 * k->n + 1, sizeof *r.direction);
    r.packed = calloc(k->n + 1, sizeof *r.packed);
    if (r.leaf && r.direction && r.packed) {
        r.last = r.direction + k->n;
        r.at = r.last + k->n;
        record_leaves(&r);
        pal_scope_begin(tape, "kfac");
        if (!update_factors(&r)) pal_tape_fail(tape, PAL_ERR_MEMORY, "kfac: out of memory");
        find_directions(&r);
        for (size_t i = 0; i < k->n; i++)
            if (!k->moment[i][PAL__KFAC_STEP]) rest(&r, i);
        scale_steps(&r);
        pal_scope_end(tape);
    } else
        pal_tape_fail(tape, PAL_ERR_MEMORY, "kfac: out of memory");
    free(r.leaf);
    free(r.direction);
    free(r.packed);
    pal__layers_free(&r.layers);
    return pal_tape_status(tape);
}
