/* append.c - appends entries to the tape: operations, random operations and assigns. leaf.c appends leaves.
 *
 * Invariants. Operands have smaller ids than their readers. The hash of an entry depends only on structure and names,
 * never on ids or pointers. Everything observable is ordered by hashes or by operand order, not by the order of
 * recording. Only leaves without a name are told apart by the order of recording. */
#include "autograd/internal.h"

#include <stdio.h>
#include <string.h>

/* ---- Hashes --------------------------------------------------------------------------------------------------- */

uint64_t pal__mix(uint64_t hash, uint64_t value)
{
    /* The finaliser of SplitMix64 (Steele, Lea, Flood: OOPSLA 2014), applied to the combined words. */
    uint64_t z = (hash ^ value * UINT64_C(0x9e3779b97f4a7c15)) + UINT64_C(0x632be59bd9b4e019);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint64_t pal__hash_bytes(uint64_t hash, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    for (size_t i = 0; i < n; i++) hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
    return pal__mix(hash, n);
}

/* ---- Recording ------------------------------------------------------------------------------------------------ */

static uint64_t entry_hash(const pal_tape *t, const pal__entry *e, const uint32_t *in, size_t n)
{
    uint64_t h = pal__hash_bytes(UINT64_C(0xcbf29ce484222325), e->op->name, strlen(e->op->name));
    h = pal__mix(h, e->dtype);
    h = pal__hash_bytes(h, &e->shape.dim, sizeof e->shape.dim);
    h = pal__mix(h, (uint64_t)e->shape.rank);
    h = pal__hash_bytes(h, e->params.i, sizeof e->params.i);
    h = pal__hash_bytes(h, e->params.r, sizeof e->params.r);
    if (e->params.name) h = pal__hash_bytes(h, e->params.name, strlen(e->params.name));
    if (e->body) h = pal__mix(h, pal__at(t, e->body)->hash);
    for (size_t i = 0; i < n; i++) h = pal__mix(h, pal__at(t, in[i])->hash);
    return h;
}

uint64_t pal__hash_of(const pal_tape *t, uint32_t id)
{
    const pal__entry *e = pal__at(t, id);
    return entry_hash(t, e, pal__operands(t, e), e->n);
}

static uint64_t entry_trace(const pal_tape *t, const pal__entry *e, const uint32_t *in, size_t n)
{
    const char *path = pal__scope_path(t, e->scope);
    uint64_t h = pal__mix(pal__hash_bytes(e->hash, path, strlen(path)), e->order);
    if (e->body) h = pal__mix(h, pal__at(t, e->body)->trace);
    for (size_t i = 0; i < n; i++) h = pal__mix(h, pal__at(t, in[i])->trace);
    return h;
}

/* By structure, then by what the text shows: an order that does not depend on the order of recording. */
int pal__compare(const pal_tape *t, uint32_t a, uint32_t b)
{
    const pal__entry *x = pal__at(t, a), *y = pal__at(t, b);
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    return (x->trace > y->trace) - (x->trace < y->trace);
}

static bool same_name(const char *a, const char *b) { return a == b || (a && b && !strcmp(a, b)); }

static bool same_entry(const pal_tape *t, const pal__entry *a, const pal__entry *b, const uint32_t *in, size_t n)
{
    return a->op == b->op && a->dtype == b->dtype && a->region == b->region && a->tensor == b->tensor && a->n == n &&
           a->body == b->body && pal_shape_equal(a->shape, b->shape) && same_name(a->params.name, b->params.name) &&
           !memcmp(a->params.i, b->params.i, sizeof a->params.i) &&
           !memcmp(a->params.r, b->params.r, sizeof a->params.r) &&
           (!n || !memcmp(pal__operands(t, a), in, n * sizeof *in));
}

/* Finds the slot of an equal entry, or an empty slot. Keeps the table at most half full. NULL: out of memory. */
static uint32_t *table_slot(pal_tape *t, const pal__entry *e, const uint32_t *in, size_t n)
{
    if (t->n_entries * 2 >= t->table_size) {
        size_t size = t->table_size * 2;
        uint32_t *table = pal__alloc(t->context, size * sizeof *table);
        if (!table) return NULL;
        for (size_t i = 0; i < t->table_size; i++) {
            if (!t->table[i]) continue;
            size_t at = (size_t)pal__at(t, t->table[i])->hash & (size - 1);
            while (table[at]) at = (at + 1) & (size - 1);
            table[at] = t->table[i];
        }
        pal__free(t->context, t->table);
        t->table = table;
        t->table_size = size;
    }
    size_t at = (size_t)e->hash & (t->table_size - 1);
    while (t->table[at] &&
           !(pal__at(t, t->table[at])->hash == e->hash && same_entry(t, pal__at(t, t->table[at]), e, in, n)))
        at = (at + 1) & (t->table_size - 1);
    return &t->table[at];
}

uint32_t pal__append(pal_tape *t, const pal__entry *like, const uint32_t *in, size_t n)
{
    pal__entry e = *like;
    e.hash = entry_hash(t, &e, in, n);
    e.trace = entry_trace(t, &e, in, n);
    /* An index and a map_sum are never merged, because each belongs to a region of its own. */
    uint32_t *slot = NULL;
    if (t->table && !e.body && e.op != &pal__op_index) {
        slot = table_slot(t, &e, in, n);
        if (!slot) goto no_memory;
        if (*slot) return *slot;
    }
    if (t->n_entries >= UINT32_MAX - 1) goto no_memory;
    if (!pal__grow(t->context, (void **)&t->entries, t->n_entries, &t->cap_entries, sizeof *t->entries)) goto no_memory;
    e.first = (uint32_t)t->n_operands;
    e.n = (uint32_t)n;
    e.generation = t->generation;
    e.uses = 0;
    e.highest = e.order;
    for (size_t i = 0; i < n; i++)
        if (pal__at(t, in[i])->highest > e.highest) e.highest = pal__at(t, in[i])->highest;
    for (size_t i = 0; i < n; i++) {
        if (!pal__grow(t->context, (void **)&t->operands, t->n_operands, &t->cap_operands, sizeof *t->operands)) {
            t->n_operands = e.first;
            goto no_memory;
        }
        t->operands[t->n_operands++] = in[i];
    }
    t->entries[t->n_entries] = e;
    if (slot) *slot = (uint32_t)t->n_entries;
    return (uint32_t)t->n_entries++;

no_memory:
    pal__out_of_memory(t, e.op->name);
    return 0;
}

bool pal__types_of(const pal_tape *t, const uint32_t *ids, size_t n, pal__types *out)
{
    out->shapes = out->few_shapes;
    out->dtypes = out->few_dtypes;
    if (n > 8) {
        out->shapes = pal__alloc(t->context, n * sizeof *out->shapes);
        out->dtypes = pal__alloc(t->context, n * sizeof *out->dtypes);
        if (!out->shapes || !out->dtypes) {
            pal__types_free(t, out);
            return false;
        }
    }
    for (size_t i = 0; i < n; i++) {
        out->shapes[i] = pal__at(t, ids[i])->shape;
        out->dtypes[i] = (pal_dtype)pal__at(t, ids[i])->dtype;
    }
    return true;
}

void pal__types_free(const pal_tape *t, pal__types *types)
{
    if (types->shapes != types->few_shapes) pal__free(t->context, types->shapes);
    if (types->dtypes != types->few_dtypes) pal__free(t->context, types->dtypes);
}

/* For messages: "[32,784] x [100,64]". */
static void shapes_text(const pal_shape *shapes, size_t n, char *buf, size_t size)
{
    size_t used = 0;
    buf[0] = 0;
    for (size_t i = 0; i < n && i < 4 && used < size; i++) {
        char shape[96];
        used += (size_t)snprintf(buf + used, size - used, "%s%s", i ? " x " : "",
                                 pal_shape_text(shapes[i], shape, sizeof shape));
    }
}

bool pal__infer(pal_tape *t, const pal_op *op, const uint32_t *in, size_t n, const pal_params *params, pal_infer *out)
{
    pal__types types;
    if (!pal__types_of(t, in, n, &types)) {
        pal__out_of_memory(t, op->name);
        return false;
    }
    *out = (pal_infer){.n = n, .shapes = types.shapes, .dtypes = types.dtypes, .params = params};
    bool ok = op->infer && op->infer(out);
    if (ok && pal_shape_count(out->shape) < 0) ok = pal_infer_fail(out, "the result is too large");
    if (!ok) {
        char text[400];
        shapes_text(types.shapes, n, text, sizeof text);
        pal_tape_fail(t, PAL_ERR_SHAPE, "%s: %s%s%s", op->name, text, *text && *out->why ? ": " : "", out->why);
    }
    out->shape = pal__shape_clean(out->shape);
    pal__types_free(t, &types);
    return ok;
}

static bool check_operands(pal_tape *t, const pal_op *op, const pal_var *in, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (in[i].tape && in[i].tape != t) {
            pal_tape_fail(in[i].tape, PAL_ERR_TAPE, "%s: operands of two tapes", op->name);
            pal_tape_fail(t, PAL_ERR_TAPE, "%s: operands of two tapes", op->name);
            return false;
        }
        if (!pal__live(in[i])) {
            pal_tape_fail(t, PAL_ERR_TAPE, "%s: operand %zu is a %s handle", op->name, i + 1,
                          in[i].id ? "stale" : "bad");
            return false;
        }
        if (!pal__readable(t, t->region, in[i].id)) {
            pal_tape_fail(t, PAL_ERR_TAPE, "%s: operand %zu belongs to a region that has ended", op->name, i + 1);
            return false;
        }
    }
    return true;
}

static bool described(pal_tape *t, const pal_op *op)
{
    if (op && !pal_tape_options(t, NULL, op, sizeof *op, sizeof *op, "an operation's descriptor")) return false;
    if (op && op->name) return true;
    pal_tape_fail(t, PAL_ERR_ARGUMENT, "record: the operation's descriptor %s", op ? "has no name" : "is NULL");
    return false;
}

pal_var pal_record(pal_tape *t, const pal_op *op, const pal_var *in, size_t n, const pal_params *params)
{
    for (size_t i = 0; in && !t && i < n; i++) t = in[i].tape;
    if (!t) return (pal_var){0};
    if (!described(t, op)) return (pal_var){.tape = t};
    if (n && !in) return pal_tape_fail(t, PAL_ERR_ARGUMENT, "%s: the array of operands is NULL", op->name);
    if (!check_operands(t, op, in, n)) return (pal_var){.tape = t};
    if (op->arity >= 0 && n != (size_t)op->arity)
        return pal_tape_fail(t, PAL_ERR_ARGUMENT, "%s: takes %d operands, not %zu", op->name, op->arity, n);
    if (op->op_class == PAL_CLASS_ELEMENTWISE && (n < 1 || n > 3))
        return pal_tape_fail(t, PAL_ERR_ARGUMENT, "%s: an elementwise operation takes 1 to 3 operands, not %zu",
                             op->name, n);
    if (op->op_class == PAL_CLASS_COMPOSITE)
        return pal_tape_fail(t, PAL_ERR_ARGUMENT, "%s: a composite cannot be recorded: call its function", op->name);
    if (!op->infer) return pal_tape_fail(t, PAL_ERR_ARGUMENT, "%s: its descriptor has no infer", op->name);
    if (op->op_class == PAL_CLASS_RANDOM && (!params || !params->name))
        return pal_tape_fail(t, PAL_ERR_ARGUMENT, "%s: noise needs a stream: call pal_record_random", op->name);
    uint32_t small[16], *ids = n > 16 ? pal__alloc(t->context, n * sizeof *ids) : small;
    if (!ids) return pal__out_of_memory(t, op->name);
    for (size_t i = 0; i < n; i++) ids[i] = in[i].id;
    pal__entry e = {.op = op, .scope = t->scope, .region = t->region, .order = t->order};
    if (params) e.params = *params;
    pal_infer r;
    pal_var v = {.tape = t};
    if (pal__infer(t, op, ids, n, &e.params, &r)) {
        e.shape = r.shape;
        e.dtype = (uint8_t)r.dtype;
        v = pal__var(t, pal__append(t, &e, ids, n));
    }
    if (ids != small) pal__free(t->context, ids);
    return v;
}

pal_var pal_record_random(pal_tape *t, const pal_op *op, const char *stream, pal_shape shape, pal_dtype dtype)
{
    if (!t) return (pal_var){0};
    if (!described(t, op)) return (pal_var){.tape = t};
    if (op->op_class != PAL_CLASS_RANDOM)
        return pal_tape_fail(t, PAL_ERR_ARGUMENT, "%s: is not a random operation: call pal_record", op->name);
    if (!stream || !*stream) return pal_tape_fail(t, PAL_ERR_ARGUMENT, "%s: the stream needs a name", op->name);
    if (pal_shape_count(shape) < 0) return pal_tape_fail(t, PAL_ERR_SHAPE, "%s: not a shape", op->name);
    char path[PAL__FULL_NAME];
    if (!pal__full_name(t, op->name, stream, path)) return (pal_var){.tape = t};
    /* The indices of all enclosing map_sums are operands, so the noise differs from term to term. */
    pal_var index[PAL__NEST];
    size_t depth = 0;
    for (uint32_t r = t->region; r; r = pal__at(t, r)->region) {
        if (depth == PAL__NEST)
            return pal_tape_fail(t, PAL_ERR_ARGUMENT,
                                 "%s: stream %.200s is inside more than %d regions: draw it outside", op->name, path,
                                 PAL__NEST);
        index[depth++] = pal__var(t, r);
    }
    if (pal__stream_find(t, path))
        return pal_tape_fail(t, PAL_ERR_ARGUMENT, "%s: stream %s is already in use: share its value", op->name, path);
    const char *kept = pal__stream_add(t, path);
    if (!kept) return pal__out_of_memory(t, op->name);
    pal_params p = {.name = kept};
    p.i[0] = (int64_t)dtype;
    p.i[1] = shape.rank;
    for (int a = 0; a < shape.rank; a++) p.i[2 + a] = shape.dim[a];
    return pal_record(t, op, index, depth, &p);
}

/* ---- Effects -------------------------------------------------------------------------------------------------- */

static bool infer_assign(pal_infer *r)
{
    r->shape = r->shapes[1];
    r->dtype = r->dtypes[1];
    if (r->dtypes[0] != r->dtypes[1]) return pal_infer_fail(r, "the value has another element type");
    return pal_shape_equal(r->shapes[0], r->shapes[1]);
}

const pal_op pal__op_assign = {
    PAL_OP_HEAD("assign", "value; after the run the leaf holds it", "an effect on a leaf"),
    .op_class = PAL_CLASS_EFFECT,
    .arity = 2,
    .infer = infer_assign,
    .derivative = {PAL_NO_DERIVATIVE},
};

pal_var pal_assign(pal_var leaf, pal_var value)
{
    pal_tape *t = leaf.tape ? leaf.tape : value.tape;
    if (!t) return (pal_var){0};
    if (pal__live(leaf)) {
        const pal__entry *e = pal__at(t, leaf.id);
        if (e->op != &pal__op_leaf) return pal_tape_fail(t, PAL_ERR_ARGUMENT, "assign: %s is not a leaf", e->op->name);
        if (t->region)
            return pal_tape_fail(t, PAL_ERR_ARGUMENT,
                                 "assign: leaf %s inside a region: assign the region's result outside", e->params.name);
        if (pal__effect_of(t, leaf.id))
            return pal_tape_fail(t, PAL_ERR_ARGUMENT, "assign: leaf %s is assigned twice", e->params.name);
    }
    pal_var v = pal_record(t, &pal__op_assign, (pal_var[]){leaf, value}, 2, NULL);
    if (v.id && !pal__effect_add(t, v.id)) return pal__out_of_memory(t, "assign");
    return v;
}
