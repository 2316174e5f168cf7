/* leaf.c - leaves, and what a tape must find again: leaves, streams and effects.
 *
 * In: a tensor and a name; the name of a stream; an assign. Out: a leaf, one for each tensor; an answer whether a
 * tensor, a name, a piece of memory or a stream is already on the tape. Two leaves must not share memory, since a write
 * to one would change the other unnoticed.
 *
 * Each question goes to a hash table, and that about memory to the ranges of addresses. So recording takes the same
 * time for the millionth leaf as for the second. Rewinding takes out of the tables what it takes off the tape. It looks
 * at no tensor, because the caller may have freed that. */
#include "autograd/internal.h"

#include <stdio.h>
#include <string.h>

bool pal__full_name(pal_tape *t, const char *what, const char *name, char path[PAL__FULL_NAME])
{
    const char *above = pal__scope_path(t, t->scope);
    int n = snprintf(path, PAL__FULL_NAME, "%s%s%s", above, *above ? "/" : "", name);
    if (n >= 0 && n < PAL__FULL_NAME) return true;
    pal_tape_fail(t, PAL_ERR_ARGUMENT, "%s: the name with its scopes has %zu bytes: use at most %d", what,
                  strlen(above) + (*above != 0) + strlen(name), PAL__FULL_NAME - 1);
    return false;
}

static uint64_t of_text(const char *text) { return pal__hash_bytes(0, text, strlen(text)); }
static uint64_t of_tensor(const pal_tensor *tensor) { return pal__mix(0, (uintptr_t)tensor); }
static uint64_t of_id(uint32_t id) { return pal__mix(0, id); }

/* ---- Streams -------------------------------------------------------------------------------------------------- */

const pal__stream *pal__stream_find(pal_tape *t, const char *path)
{
    size_t at;
    const uint64_t hash = of_text(path);
    for (uint32_t i = pal__table_first(&t->by_stream, hash, &at); i; i = pal__table_next(&t->by_stream, hash, &at))
        if (!strcmp(t->streams[i - 1].name, path)) return &t->streams[i - 1];
    return NULL;
}

bool pal__stream_add(pal_tape *t, uint32_t id)
{
    const char *name = pal__at(t, id)->params->name;
    if (!pal__grow(t->context, (void **)&t->streams, t->n_streams, &t->cap_streams, sizeof *t->streams) ||
        !pal__table_add(t->context, &t->by_stream, of_text(name), (uint32_t)t->n_streams + 1))
        return false;
    t->streams[t->n_streams++] = (pal__stream){name, id};
    return true;
}

/* ---- Effects -------------------------------------------------------------------------------------------------- */

uint32_t pal__effect_of(pal_tape *t, uint32_t leaf)
{
    size_t at;
    uint32_t id = pal__table_first(&t->by_leaf, of_id(leaf), &at);
    while (id && pal__arg(t, id, 0) != leaf) id = pal__table_next(&t->by_leaf, of_id(leaf), &at);
    return id;
}

bool pal__effect_add(pal_tape *t, uint32_t id)
{
    if (!pal__grow(t->context, (void **)&t->effects, t->n_effects, &t->cap_effects, sizeof *t->effects) ||
        !pal__table_add(t->context, &t->by_leaf, of_id(pal__arg(t, id, 0)), id))
        return false;
    t->effects[t->n_effects++] = id;
    return true;
}

/* ---- Leaves --------------------------------------------------------------------------------------------------- */

static uint32_t leaf_of(pal_tape *t, const pal_tensor *tensor)
{
    size_t at;
    uint32_t id = pal__table_first(&t->by_tensor, of_tensor(tensor), &at);
    while (id && pal__at(t, id)->tensor != tensor) id = pal__table_next(&t->by_tensor, of_tensor(tensor), &at);
    return id;
}

/* Of the entries that something holds for, the first on the tape; 0 stands for none. */
static uint32_t earlier(uint32_t a, uint32_t b) { return !a || (b && b < a) ? b : a; }

static uint32_t first_named(pal_tape *t, const char *path)
{
    size_t at;
    uint32_t first = 0;
    const uint64_t hash = of_text(path);
    for (uint32_t id = pal__table_first(&t->by_name, hash, &at); id; id = pal__table_next(&t->by_name, hash, &at))
        if (!strcmp(pal__at(t, id)->params->name, path)) first = earlier(first, id);
    return first;
}

static uint32_t first_overlapping(pal_tape *t, const pal_tensor *tensor)
{
    const uint64_t begin = (uintptr_t)tensor->data, end = begin + pal_tensor_bytes(tensor);
    uint32_t first = 0;
    if (begin == end) return 0;
    for (const pal__range *r = pal__ranges_before(&t->memory, end); r && r->at + r->size > begin;
         r = pal__ranges_before(&t->memory, r->at))
        first = earlier(first, r->number);
    return first;
}

/* Remembers the leaf with this id, which is appended next. */
static bool keep_leaf(pal_tape *t, const pal_tensor *tensor, const char *path, uint32_t id)
{
    const size_t bytes = tensor->data ? pal_tensor_bytes(tensor) : 0;
    pal__leaf_at leaf = {id, bytes ? (uintptr_t)tensor->data : 0};
    if (!pal__grow(t->context, (void **)&t->leaves, t->n_leaves, &t->cap_leaves, sizeof *t->leaves) ||
        !pal__table_add(t->context, &t->by_name, of_text(path), id))
        return false;
    if (!pal__table_add(t->context, &t->by_tensor, of_tensor(tensor), id)) goto no_tensor;
    if (bytes && !pal__ranges_add(t->context, &t->memory, leaf.data, bytes, id)) goto no_range;
    t->leaves[t->n_leaves++] = leaf;
    return true;
no_range:
    pal__table_remove(&t->by_tensor, of_tensor(tensor), id);
no_tensor:
    pal__table_remove(&t->by_name, of_text(path), id);
    return false;
}

static void forget_leaf(pal_tape *t)
{
    const pal__leaf_at leaf = t->leaves[--t->n_leaves];
    pal__table_remove(&t->by_name, of_text(pal__at(t, leaf.id)->params->name), leaf.id);
    pal__table_remove(&t->by_tensor, of_tensor(pal__at(t, leaf.id)->tensor), leaf.id);
    if (leaf.data) pal__ranges_remove(&t->memory, leaf.data);
}

static bool fits(pal_tape *t, const pal_tensor *tensor, const char *path)
{
    const char *shown = path ? path : "(unnamed)";
    if (!pal_dtype_size(tensor->dtype) || pal_shape_count(tensor->shape) < 0)
        pal_tape_fail(t, PAL_ERR_ARGUMENT, "leaf %s: its tensor has no valid type or shape", shown);
    else if (!pal__aligned(tensor->dtype, tensor->data))
        pal_tape_fail(t, PAL_ERR_ARGUMENT, "leaf %s: its data is not aligned: %s needs an address divisible by %zu",
                      shown, pal_dtype_name(tensor->dtype), pal_dtype_size(tensor->dtype));
    else
        return true;
    return false;
}

pal_shape pal__leaf_shape(const pal_tape *t, const pal_tensor *tensor, bool rows)
{
    pal_shape shape = tensor->shape;
    if (rows && shape.rank) shape.dim[0] /= t->local_shards;
    return shape;
}

pal_var pal__leaf(pal_tape *t, pal_tensor *tensor, const char *path, bool rows)
{
    char unnamed[32];
    if (!fits(t, tensor, path)) return (pal_var){.tape = t};
    const uint32_t same = leaf_of(t, tensor), named = path ? first_named(t, path) : 0;
    const uint32_t over = same ? 0 : first_overlapping(t, tensor), taken = earlier(over, named);
    if (same && pal__at(t, same)->rows != rows)
        return pal_tape_fail(t, PAL_ERR_ARGUMENT,
                             "leaf %s: the same tensor cannot be recorded by pal_leaf and by pal_leaf_rows",
                             pal__at(t, same)->params->name);
    if (same && (!taken || same <= taken)) return pal__var(t, same);
    if (taken && taken == over)
        return pal_tape_fail(t, PAL_ERR_ARGUMENT, "leaf %s: its memory overlaps that of leaf %s",
                             path ? path : "(unnamed)", pal__at(t, over)->params->name);
    if (taken) return pal_tape_fail(t, PAL_ERR_ARGUMENT, "leaf: the name %s is taken by another tensor", path);
    if (!path) {
        snprintf(unnamed, sizeof unnamed, "leaf#%zu", t->n_leaves);
        path = unnamed;
    }
    const pal_shape shape = pal__leaf_shape(t, tensor, rows);
    pal__entry e = {.op = &pal__op_leaf,
                    .params = &(pal_params){.name = path},
                    .shape = &shape,
                    .rows = rows,
                    .dtype = (uint8_t)tensor->dtype,
                    .scope = t->scope,
                    .tensor = tensor,
                    .order = t->order};
    const uint32_t id = pal__append(t, &e, NULL, 0);
    if (!id || keep_leaf(t, tensor, path, id)) return pal__var(t, id);
    return pal_tape_fail(t, PAL_ERR_MEMORY, "leaf %s: out of memory", path);
}

pal_var pal_leaf(pal_tape *t, pal_tensor *tensor, const char *name)
{
    if (!t) return (pal_var){0};
    if (!tensor || !tensor->data) return pal_tape_fail(t, PAL_ERR_ARGUMENT, "leaf: the tensor is NULL or has no data");
    char path[PAL__FULL_NAME];
    if (name && !pal__full_name(t, "leaf", name, path)) return (pal_var){.tape = t};
    return pal__leaf(t, tensor, name ? path : NULL, false);
}

pal_tensor *pal_leaf_tensor(pal_var v) { return pal__live(v) ? pal__at(v.tape, v.id)->tensor : NULL; }

/* ---- Rewinding ------------------------------------------------------------------------------------------------ */

void pal__forget(pal_tape *t, size_t entries, size_t streams, size_t effects)
{
    while (t->n_leaves && t->leaves[t->n_leaves - 1].id >= entries) forget_leaf(t);
    while (t->n_streams > streams) {
        const char *name = t->streams[t->n_streams - 1].name;
        pal__table_remove(&t->by_stream, of_text(name), (uint32_t)t->n_streams--);
    }
    while (t->n_effects > effects) {
        const uint32_t id = t->effects[--t->n_effects];
        pal__table_remove(&t->by_leaf, of_id(pal__arg(t, id, 0)), id);
    }
}
