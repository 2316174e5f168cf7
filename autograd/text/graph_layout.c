/* graph_layout.c - decides how each entry is drawn, and in which box.
 *
 * Invariants. boxes[0] is the whole drawing. The parent of a box has a smaller index. Outside regions, each order of
 * derivative has boxes of its own, so the forward pass stays readable. In a region the body stays together, and only
 * the style of the nodes shows their orders. No edge is drawn from a hidden entry. At the level of layers a block is a
 * box that is closed from the start (graph_block.c). */
#include "autograd/text/internal.h"

#include <string.h>

/* ---- Boxes ---------------------------------------------------------------------------------------------------- */

/* Finds or makes this box. PAL__NONE: out of memory. */
static uint32_t box(pal__drawing *d, pal__box like)
{
    const uint64_t key[] = {like.parent, like.region, like.owner, like.order, like.block};
    const uint64_t hash =
        pal__hash_bytes(pal__hash_words(0, key, sizeof key / sizeof *key), like.path, strlen(like.path));
    pal_context *c = d->graph.tape->context;
    size_t at;
    for (uint32_t i = pal__table_first(&d->by_box, hash, &at); i; i = pal__table_next(&d->by_box, hash, &at)) {
        const pal__box *b = &d->boxes[i - 1];
        if (b->parent == like.parent && b->region == like.region && b->owner == like.owner && b->order == like.order &&
            b->block == like.block && !strcmp(b->path, like.path))
            return i - 1;
    }
    if (!pal__grow(c, (void **)&d->boxes, d->n_boxes, &d->cap_boxes, sizeof *d->boxes) ||
        !pal__table_add(c, &d->by_box, hash, (uint32_t)d->n_boxes + 1))
        return PAL__NONE;
    d->boxes[d->n_boxes] = like;
    d->boxes[d->n_boxes].alike = 1;
    d->boxes[d->n_boxes].last = (uint32_t)d->n_boxes;
    if (d->n_boxes) d->boxes[d->n_boxes].level = d->boxes[like.parent].level + !like.owner;
    return (uint32_t)d->n_boxes++;
}

static bool is_scope_above(const pal_tape *t, uint32_t above, uint32_t scope)
{
    while (scope && scope != above) scope = t->scopes[scope].parent;
    return scope == above;
}

static uint32_t box_of_entry(pal__drawing *d, uint32_t id);

/* The box of a scope, inside the innermost region or, outside all regions, inside the drawing. */
static uint32_t box_of(pal__drawing *d, uint32_t region, uint8_t order, uint32_t scope)
{
    const pal_tape *t = d->graph.tape;
    uint32_t outermost = 0, stop = 0;
    if (region) {
        uint32_t owner = d->owner[region];
        const pal__entry *e = pal__at(t, owner);
        uint32_t around = box_of_entry(d, owner);
        if (around == PAL__NONE) return around;
        outermost = box(d, (pal__box){.parent = around, .region = region, .owner = owner, .path = ""});
        if (outermost == PAL__NONE) return outermost;
        if (is_scope_above(t, e->scope, scope)) stop = e->scope;
        order = 0;
    }
    uint32_t chain[128], n = 0; /* a path has at most 255 bytes */
    for (uint32_t s = scope; s != stop && n < 128; s = t->scopes[s].parent) chain[n++] = s;
    while (n-- && outermost != PAL__NONE)
        outermost = box(
            d, (pal__box){.parent = outermost, .region = region, .order = order, .path = pal__scope_path(t, chain[n])});
    return outermost;
}

/* The box of the entry's block, in that of the block's scope, or that of its own scope. An index belongs to its region.
 */
static uint32_t box_of_entry(pal__drawing *d, uint32_t id)
{
    const pal_tape *t = d->graph.tape;
    const pal__entry *e = pal__at(t, id);
    const bool index = e->op == &pal__op_index;
    const uint32_t region = index ? id : e->region, block = pal__draw_block_of(d, id);
    if (!block) return box_of(d, region, e->order, index ? pal__at(t, d->owner[id])->scope : e->scope);
    const pal__drawn_block *b = &t->blocks[block];
    const uint32_t around = box_of(d, region, e->derived ? e->order : 0, b->scope);
    if (around == PAL__NONE) return around;
    const uint32_t made = box(d, (pal__box){.parent = around,
                                            .region = region,
                                            .order = region || !e->derived ? 0 : e->order,
                                            .path = b->name,
                                            .block = block});
    if (made != PAL__NONE) d->boxes[made].closed = !d->opens;
    return made;
}

/* Whether a path ends in this folder: "loss/encoder" ends in "encoder", the folder of "encoder/W". */
static bool ends_in(const char *path, const char *folder, size_t length)
{
    size_t n = strlen(path);
    return n >= length && !strncmp(path + n - length, folder, length) && (n == length || path[n - length - 1] == '/');
}

/* A leaf is in the box that its full name gives, if that box exists because of other entries. */
static uint32_t box_of_leaf(const pal__drawing *d, const char *name)
{
    const char *slash = name ? strrchr(name, '/') : NULL;
    for (uint32_t i = 1; slash && slash > name && i < d->n_boxes; i++) {
        const pal__box *b = &d->boxes[i];
        if (!b->region && !b->order && ends_in(b->path, name, (size_t)(slash - name))) return i;
    }
    return 0;
}

/* ---- Looks ---------------------------------------------------------------------------------------------------- */

static bool is_parameter(const pal__drawing *d, uint32_t id)
{
    const pal_tape *t = d->graph.tape;
    for (size_t i = 0; i < d->options.n_parameters; i++)
        if (pal_leaf_tensor(d->options.parameters[i]) == pal__at(t, id)->tensor) return true;
    for (uint32_t k = id + 1; k < d->n; k++)
        if (pal__at(t, k)->op->op_class == PAL_CLASS_EFFECT && pal__at(t, k)->n && pal__arg(t, k, 0) == id) return true;
    return false;
}

static pal__look look_of(const pal__drawing *d, uint32_t id)
{
    const pal__entry *e = pal__at(d->graph.tape, id);
    double value;
    if (pal__constant_value(d->graph.tape, id, &value)) return PAL__LOOK_CONSTANT;
    switch (e->op->op_class) {
    case PAL_CLASS_LEAF:
        return e->op == &pal__op_index            ? PAL__LOOK_INDEX
               : e->tensor && is_parameter(d, id) ? PAL__LOOK_PARAMETER
                                                  : PAL__LOOK_INPUT;
    case PAL_CLASS_RANDOM:
        return PAL__LOOK_NOISE;
    case PAL_CLASS_REGION:
        return PAL__LOOK_REGION;
    case PAL_CLASS_EFFECT:
        return PAL__LOOK_EFFECT;
    default:
        return PAL__LOOK_OPERATION;
    }
}

/* Readers have larger ids, so a walk from the last entry visits all readers of an entry before it. A constant is drawn
 * in the label of each reader, or beside it. Values that a region captures are drawn as operands of its body. */
static void choose_looks(pal__drawing *d, bool *needed)
{
    const pal_tape *t = d->graph.tape;
    for (uint32_t id = (uint32_t)d->n - 1; id; id--) {
        const pal__entry *e = pal__at(t, id);
        if (!needed[id] && !d->output[id]) continue;
        d->look[id] = (uint8_t)look_of(d, id);
        if (d->look[id] == PAL__LOOK_CONSTANT) continue;
        if (e->body) needed[e->body] = true;
        for (uint32_t i = 0; i < e->n && !e->body; i++) {
            double value;
            uint32_t from = pal__arg(t, id, i);
            if (!pal__constant_value(t, from, &value))
                needed[from] = true;
            else
                d->folded[e->first + i] = pal__label_folds(t, id, i);
        }
    }
}

bool pal__draw_lay_out(pal__drawing *d)
{
    const pal_tape *t = d->graph.tape;
    pal_context *c = t->context;
    bool *needed = pal__alloc(c, d->n * sizeof *needed);
    pal__draw_block_orders(d);
    bool ok = needed && box(d, (pal__box){.path = ""}) == 0;
    for (uint32_t id = 1; id < d->n && ok; id++)
        if (pal__at(t, id)->index) d->owner[pal__at(t, id)->index] = id;
    if (ok) choose_looks(d, needed);
    for (uint32_t id = 1; id < d->n && ok; id++) {
        const pal__entry *e = pal__at(t, id);
        if (!d->look[id] || e->tensor) continue;
        d->box[id] = box_of_entry(d, id);
        ok = d->box[id] != PAL__NONE;
    }
    for (uint32_t id = 1; id < d->n && ok; id++)
        if (d->look[id] && pal__at(t, id)->tensor) d->box[id] = box_of_leaf(d, pal__at(t, id)->params->name);
    if (ok) pal__draw_block_leaves(d);
    if (ok) pal__draw_plumbing(d);
    pal__free(c, needed);
    return ok;
}
