/* append.c - appends entries to the tape: operations, random operations and assigns. leaf.c appends leaves.
 *
 * Invariants. Operands have smaller ids than their readers. The hash of an entry depends only on structure and names,
 * never on ids or pointers. Everything observable is ordered by hashes or by operand order, not by the order of
 * recording. Only leaves without a name are told apart by the order of recording. */
#include "autograd/internal.h"

#include <stdio.h>
#include <string.h>

/* ---- Recording ------------------------------------------------------------------------------------------------ */

static uint64_t entry_hash(const pal_tape *t, const pal__entry *e, const uint32_t *in, size_t n)
{
    uint64_t h = pal__hash_bytes(UINT64_C(0xcbf29ce484222325), e->op->name, strlen(e->op->name));
    h = pal__mix(h, e->dtype);
    h = pal__hash_words(h, e->shape->dim, PAL_MAX_RANK);
    h = pal__mix(h, (uint64_t)e->shape->rank);
    if (e->params == &pal__no_params) {
        h = pal__hash_zeros(pal__hash_zeros(h, PAL_PARAM_INTS), 2);
    } else {
        h = pal__hash_words(h, e->params->i, PAL_PARAM_INTS);
        h = pal__hash_words(h, e->params->r, 2);
    }
    if (e->params->name) h = pal__hash_bytes(h, e->params->name, strlen(e->params->name));
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

/* The shape and the parameters are those of the tape, which has equal ones only once. */
static bool same_entry(const pal_tape *t, const pal__entry *a, const pal__entry *b, const uint32_t *in, size_t n)
{
    return a->hash == b->hash && a->op == b->op && a->dtype == b->dtype && a->region == b->region &&
           a->tensor == b->tensor && a->n == n && a->body == b->body && a->shape == b->shape &&
           a->params == b->params && (!n || !memcmp(pal__operands(t, a), in, n * sizeof *in));
}

/* Entries of different regions are never merged, and equal bodies have equal hashes. */
static uint64_t merge_hash(const pal__entry *e) { return e->region ? pal__mix(e->hash, e->region) : e->hash; }

/* An entry that equals this one; 0: none. */
static uint32_t equal_entry(pal_tape *t, const pal__entry *e, const uint32_t *in, size_t n)
{
    size_t at;
    const uint64_t hash = merge_hash(e);
    uint32_t id = pal__table_first(&t->by_entry, hash, &at);
    while (id && !same_entry(t, pal__at(t, id), e, in, n)) id = pal__table_next(&t->by_entry, hash, &at);
    return id;
}

bool pal__room_for_entry(pal_tape *t)
{
    if (t->n_entries < t->cap_entries) return true;
    if (t->n_chunks == 1 && t->cap_entries < PAL__CHUNK)
        return pal__grow(t->context, (void **)&t->chunks[0], t->n_entries, &t->cap_entries, sizeof(pal__entry));
    size_t room = t->n_chunks ? PAL__CHUNK : 16;
    if (!pal__grow(t->context, (void **)&t->chunks, t->n_chunks, &t->cap_chunks, sizeof *t->chunks) ||
        !(t->chunks[t->n_chunks] = pal__alloc(t->context, room * sizeof(pal__entry))))
        return false;
    t->n_chunks++;
    t->cap_entries += room;
    return true;
}

static bool add_operands(pal_tape *t, const uint32_t *in, size_t n)
{
    const size_t before = t->n_operands;
    for (size_t i = 0; i < n; i++) {
        if (!pal__grow(t->context, (void **)&t->operands, t->n_operands, &t->cap_operands, sizeof *t->operands)) {
            t->n_operands = before;
            return false;
        }
        t->operands[t->n_operands++] = in[i];
    }
    return true;
}

uint32_t pal__append(pal_tape *t, const pal__entry *like, const uint32_t *in, size_t n)
{
    pal__entry e = *like;
    /* An index and a map_sum are never merged, because each belongs to a region of its own. */
    const bool merge = t->merges && !e.body && e.op != &pal__op_index;
    const uint32_t id = (uint32_t)t->n_entries;
    e.shape = pal__keep_shape(t, e.shape);
    e.params = pal__keep_params(t, e.params);
    if (!e.shape || !e.params) goto no_memory;
    e.hash = entry_hash(t, &e, in, n);
    if (merge) pal__table_expect(&t->by_entry, merge_hash(&e));
    e.trace = entry_trace(t, &e, in, n);
    const uint32_t equal = merge ? equal_entry(t, &e, in, n) : 0;
    if (equal) return equal;
    e.first = (uint32_t)t->n_operands;
    e.n = (uint32_t)n;
    e.generation = t->generation;
    e.uses = 0;
    e.highest = e.order;
    for (size_t i = 0; i < n; i++)
        if (pal__at(t, in[i])->highest > e.highest) e.highest = pal__at(t, in[i])->highest;
    if (t->n_entries >= UINT32_MAX - 1 || !pal__room_for_entry(t) || !add_operands(t, in, n)) goto no_memory;
    if (merge && !pal__table_add(t->context, &t->by_entry, merge_hash(&e), id)) {
        t->n_operands = e.first;
        goto no_memory;
    }
    *pal__at(t, id) = e;
    t->n_entries++;
    return id;

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
        out->shapes[i] = *pal__at(t, ids[i])->shape;
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
    pal__entry e = {.op = op,
                    .params = params ? params : &pal__no_params,
                    .scope = t->scope,
                    .block = t->block,
                    .region = t->region,
                    .order = t->order,
                    .derived = t->derives};
    pal_infer r;
    pal_var v = {.tape = t};
    if (pal__infer(t, op, ids, n, e.params, &r)) {
        e.shape = &r.shape;
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
    pal_params p = {.name = path};
    p.i[0] = (int64_t)dtype;
    p.i[1] = shape.rank;
    for (int a = 0; a < shape.rank; a++) p.i[2 + a] = shape.dim[a];
    pal_var v = pal_record(t, op, index, depth, &p);
    return !v.id || pal__stream_add(t, v.id) ? v : pal__out_of_memory(t, op->name);
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
                                 "assign: leaf %s inside a region: assign the region's result outside",
                                 e->params->name);
        if (pal__effect_of(t, leaf.id))
            return pal_tape_fail(t, PAL_ERR_ARGUMENT, "assign: leaf %s is assigned twice", e->params->name);
    }
    pal_var v = pal_record(t, &pal__op_assign, (pal_var[]){leaf, value}, 2, NULL);
    if (v.id && !pal__effect_add(t, v.id)) return pal__out_of_memory(t, "assign");
    return v;
}
