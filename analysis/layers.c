/* layers.c - the layers of an encoder, and what a unit of them sees of a sample.
 *
 * The layers are found on the tape of the encoder. On the path from the code back to the input there are products
 * (matrix products or convolutions), each possibly followed by an addition. The result of a product and its addition is
 * the pre-activation of a layer. So this works for any variant whose encoder is a chain of layers. A unit of a
 * convolution is a channel, taken at the middle of its plane.
 *
 * A unit of a convolution sees a rectangle of the sample, its receptive field. The walk back from the pre-activation
 * widens the rectangle at each convolution: from rows low to high of the result to rows stride low - padding to
 * stride high - padding + dilation (kernel - 1) of its operand, cut at the edges. Elementwise operations keep it. */
#include <stdlib.h>
#include <string.h>

#include "ops/ops.h"
#include "analysis/internal.h"

enum { LAYERS = 64 };

typedef struct box { /* rows and columns of the plane of v; both ends are inside */
    pal_var v;       /* id 0: nothing of v is seen */
    int64_t low[2], high[2];
} box;

typedef struct reading {
    pal_var x;
    int8_t *known; /* by id - x.id: 1 depends on x, -1 does not, 0 unknown yet */
    box *seen;     /* by id - x.id */
    pal_var layer[LAYERS];
    size_t n; /* number of layers, from the code down */
} reading;

static bool depends(const reading *r, pal_var v)
{
    if (v.id <= r->x.id) return v.id == r->x.id;
    int8_t *known = &r->known[v.id - r->x.id];
    for (size_t i = 0; !*known && i < pal_operand_count(v); i++)
        if (depends(r, pal_operand(v, i))) *known = 1;
    if (!*known) *known = -1;
    return *known > 0;
}

/* The first operand of v that depends on x; id 0: none. *others counts the operands that do not. */
static pal_var below(const reading *r, pal_var v, size_t *others)
{
    pal_var found = {.tape = v.tape};
    *others = 0;
    for (size_t i = 0; i < pal_operand_count(v); i++) {
        pal_var in = pal_operand(v, i);
        if (!depends(r, in))
            ++*others;
        else if (!found.id)
            found = in;
    }
    return found;
}

/* Fills r->layer with the pre-activations. false: not a chain of layers. */
static bool read_layers(reading *r, pal_var h)
{
    bool good = depends(r, h);
    pal_var reader = {.tape = h.tape};
    for (pal_var v = h; good && v.id != r->x.id;) {
        size_t others, above;
        pal_var next = below(r, v, &others);
        if (pal_op_of(v)->op_class == PAL_CLASS_PRODUCT && others) {
            bool sum = reader.id && !strcmp(pal_op_of(reader)->name, "add");
            if (sum) below(r, reader, &above);
            good = r->n < LAYERS;
            if (good) r->layer[r->n++] = sum && above == 1 ? reader : v;
        }
        reader = v;
        v = next;
    }
    return good && r->n > 0;
}

/* ---- The receptive field -------------------------------------------------------------------------------------- */

/* Turns the box of b->v into that of its operand k. false: this operation is not followed. plane: height and width of a
 * sample. */
static bool widen(box *b, size_t k, const int64_t plane[2])
{
    pal_conv2d_options o = {.struct_size = sizeof o};
    const pal_var in = pal_operand(b->v, k);
    const pal_shape from = pal_shape_of(in), to = pal_shape_of(b->v);
    if (k == 0 && pal_conv2d_options_of(b->v, &o)) {
        const pal_shape kernel = pal_shape_of(pal_operand(b->v, 1));
        for (int a = 0; a < 2; a++) {
            b->low[a] = b->low[a] * o.stride[a] - o.padding[a];
            b->high[a] = b->high[a] * o.stride[a] - o.padding[a] + o.dilation[a] * (kernel.dim[2 + a] - 1);
            if (b->low[a] < 0) b->low[a] = 0;
            if (b->high[a] >= from.dim[2 + a]) b->high[a] = from.dim[2 + a] - 1;
        }
    } else if (!strcmp(pal_op_of(b->v)->name, "reshape")) { /* from samples as rows to samples as images */
        if (from.rank != 2 || to.rank != 4 || to.dim[2] != plane[0] || to.dim[3] != plane[1]) return false;
    } else if (pal_op_of(b->v)->op_class != PAL_CLASS_ELEMENTWISE || !pal_shape_equal(from, to))
        return false;
    b->v = in;
    return true;
}

static void unite(box *with, const box *b)
{
    const bool first = !with->v.id;
    for (int a = 0; a < 2; a++) {
        if (first || b->low[a] < with->low[a]) with->low[a] = b->low[a];
        if (first || b->high[a] > with->high[a]) with->high[a] = b->high[a];
    }
    with->v = b->v;
}

/* What position `at` of the plane of a [n,units,h,w] sees of x. false: unknown. */
static bool look_back(reading *r, pal_var a, const int64_t at[2], const int64_t plane[2], box *out)
{
    r->seen[a.id - r->x.id] = (box){a, {at[0], at[1]}, {at[0], at[1]}};
    for (uint32_t id = a.id; id > r->x.id; id--) {
        const box *b = &r->seen[id - r->x.id];
        for (size_t k = 0; b->v.id && k < pal_operand_count(b->v); k++) {
            box in = *b;
            if (!depends(r, pal_operand(b->v, k))) continue;
            if (!widen(&in, k, plane)) return false;
            unite(&r->seen[in.v.id - r->x.id], &in);
        }
    }
    *out = r->seen[0];
    return out->v.id && out->low[0] <= out->high[0] && out->low[1] <= out->high[1];
}

/* ---- A layer -------------------------------------------------------------------------------------------------- */

static void describe(reading *r, const pal_model *model, pal_var a, int64_t number, palt__layer *out)
{
    const pal_shape shape = pal_shape_of(a);
    const pal_view view = pal_view_of(pal_model_sample(model));
    const int64_t plane[2] = {view.height, view.width};
    box seen;
    *out = (palt__layer){.layers = (int64_t)r->n,
                         .layer = number ? number : (int64_t)r->n,
                         .units = shape.dim[1],
                         .plane = 1,
                         .height = plane[0],
                         .width = plane[1]};
    if (shape.rank != 4) return;
    const int64_t middle[2] = {shape.dim[2] / 2, shape.dim[3] / 2};
    out->plane = shape.dim[2] * shape.dim[3];
    out->middle = middle[0] * shape.dim[3] + middle[1];
    if (!look_back(r, a, middle, plane, &seen)) return;
    out->top = seen.low[0];
    out->left = seen.low[1];
    out->height = seen.high[0] - seen.low[0] + 1;
    out->width = seen.high[1] - seen.low[1] + 1;
}

static pal_var find(reading *r, const pal_model *model, pal_tape *tape, pal_var h, int64_t layer, palt__layer *out)
{
    const char *name = pal_model_variant(model)->name;
    if (!r->known || !r->seen) return pal_tape_fail(tape, PAL_ERR_MEMORY, "out of memory");
    if (!read_layers(r, h))
        return pal_tape_fail(tape, PAL_ERR_ARGUMENT, "%s: the encoder is not a chain of layers", name);
    if (layer < 0 || layer > (int64_t)r->n)
        return pal_tape_fail(tape, PAL_ERR_ARGUMENT, "%s has %zu encoder layer%s: layer %lld does not exist", name,
                             r->n, r->n == 1 ? "" : "s", (long long)layer);
    const pal_var a = r->layer[layer ? (int64_t)r->n - layer : 0];
    const int rank = pal_shape_of(a).rank;
    if (rank != 2 && rank != 4)
        return pal_tape_fail(tape, PAL_ERR_ARGUMENT, "%s: layer %lld has no units", name, (long long)layer);
    if (out) describe(r, model, a, layer, out);
    return a;
}

pal_var palt__preactivation(pal_model *model, pal_tape *tape, pal_var x, int64_t layer, palt__layer *out)
{
    reading r = {.x = x};
    pal_model_begin(model, tape, PAL_EVALUATE);
    pal_var h = pal_model_encode(model, x);
    pal_model_end(model);
    if (!pal_ok(h)) return h;
    const size_t values = h.id >= x.id ? (size_t)(h.id - x.id) + 1 : 1;
    r.known = calloc(values, sizeof *r.known);
    r.seen = calloc(values, sizeof *r.seen);
    pal_var a = find(&r, model, tape, h, layer, out);
    free(r.known);
    free(r.seen);
    return a;
}

pal_status palt__tell(const pal_tape *tape, pal_error *err)
{
    const char *why = pal_tape_error(tape);
    pal_status status = pal_tape_status(tape);
    return pal_error_set(err, status ? status : PAL_ERR_MEMORY, "%s", why ? why : "out of memory");
}

pal_status palt__layer_find(pal_model *model, int64_t layer, palt__layer *out, pal_error *err)
{
    pal_tape *tape = pal_tape_new(pal_model_context(model), pal_model_dtype(model));
    if (!tape) return palt__no_memory(err);
    pal_tensor *x =
        pal_tensor_new(pal_model_context(model), pal_model_dtype(model), PAL_SHAPE(1, palt__features(model)));
    pal_var a = x ? palt__preactivation(model, tape, pal_leaf(tape, x, "inputs"), layer, out) : (pal_var){.tape = tape};
    pal_status status = pal_ok(a) ? PAL_OK : palt__tell(tape, err);
    pal_tape_free(tape);
    pal_tensor_free(x);
    return status;
}
