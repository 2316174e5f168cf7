/* graph_block.c - the level of layers: a block is one node with its formula, and its adjoint is another one.
 *
 * In: the blocks that were marked at recording (block.c). Out: a closed box for the outermost block of an entry, one
 * for each order of derivative and region, so that everything that folds and closes boxes works for blocks, too.
 *
 * What is left out, and why. Noise stays outside of its block, since it is where randomness enters. A parameter is
 * listed in the first block that reads it. The adjoint of a block reads what the block reads and has: no edge says so.
 * A frame around a single node, or around the whole forward pass, says nothing. */
#include "autograd/text/internal.h"

#include <string.h>

static bool at_layers(const pal__drawing *d) { return d->options.level == PAL_GRAPH_LAYERS; }

static bool is_around(const pal_tape *t, uint32_t above, uint32_t block)
{
    while (block && block != above) block = t->blocks[block].parent;
    return block == above;
}

uint32_t pal__draw_block_of(const pal__drawing *d, uint32_t id)
{
    const pal_tape *t = d->graph.tape;
    const pal__entry *e = pal__at(t, id);
    if (!at_layers(d) || e->op->op_class == PAL_CLASS_RANDOM || e->tensor) return 0;
    const uint32_t region = e->op == &pal__op_index ? id : e->region;
    uint32_t stop = region ? pal__at(t, d->owner[region])->block : 0, block = e->block;
    if (stop && !is_around(t, stop, block)) stop = 0;
    while (block != stop && t->blocks[block].parent != stop) block = t->blocks[block].parent;
    return block == stop ? 0 : block;
}

/* Whether the leaf is a part of the block by its name: "encoder/W" of the block "encoder". */
static bool belongs(const pal_tape *t, uint32_t leaf, uint32_t block)
{
    const char *name = pal__at(t, leaf)->params->name, *of = t->blocks[block].name;
    const size_t n = strlen(of);
    return name && !strncmp(name, of, n) && name[n] == '/' && !strchr(name + n + 1, '/');
}

static void place_leaves(pal__drawing *d, bool named)
{
    const pal_tape *t = d->graph.tape;
    for (uint32_t id = 1; id < d->n; id++) {
        const pal__entry *e = pal__at(t, id);
        if (!d->look[id] || e->order || e->region || !d->boxes[d->box[id]].block) continue;
        for (uint32_t i = 0; i < e->n && !e->body; i++) {
            const uint32_t leaf = pal__arg(t, id, i);
            if (d->look[leaf] != PAL__LOOK_PARAMETER || d->boxes[d->box[leaf]].block) continue;
            if (!named || belongs(t, leaf, d->boxes[d->box[id]].block)) d->box[leaf] = d->box[id];
        }
    }
}

void pal__draw_block_leaves(pal__drawing *d)
{
    if (!at_layers(d)) return;
    place_leaves(d, true);
    place_leaves(d, false);
}

/* Orders become the passes of this drawing, counted without gaps: a forward block may contain derivatives, such as a
 * penalty on a Jacobian, which are none of the drawing. The tape is the drawing's own copy. */
void pal__draw_block_orders(pal__drawing *d)
{
    pal_tape *t = d->graph.tape;
    uint8_t pass[256] = {0}, n = 0;
    bool used[256] = {[0] = true};
    for (uint32_t id = 1; id < d->n && at_layers(d); id++) {
        pal__entry *e = pal__at(t, id);
        if (e->block && !e->derived) e->order = 0;
        used[e->order] = true;
    }
    for (int i = 0; i < 256; i++)
        if (used[i]) pass[i] = n++;
    for (uint32_t id = 1; id < d->n && at_layers(d); id++) pal__at(t, id)->order = pass[pal__at(t, id)->order];
}

bool pal__draw_implied(const pal__drawing *d, const pal__wire *w)
{
    const pal__box *to = pal__draw_block_box(d, w->to), *from = pal__draw_block_box(d, w->from);
    if (!to || w->next) return false;
    if (from && pal__at(d->graph.tape, w->root)->tensor) return true; /* the label of `to` names it */
    if (!w->kept || !to->order) return false;
    if (from && from->block == to->block) return true;
    for (uint32_t id = 1; id < w->reader; id++) { /* whether an earlier order of the block reads it, too */
        const pal__box *b = pal__draw_block_box(d, d->node[id]);
        if (!b || b->block != to->block || b->order >= to->order || pal__at(d->graph.tape, id)->body) continue;
        for (uint32_t i = 0; i < pal__at(d->graph.tape, id)->n; i++)
            if (d->node[pal__draw_root(d, pal__arg(d->graph.tape, id, i))] == w->from) return true;
    }
    return false;
}

bool pal__draw_frameless(const pal__drawing *d, uint32_t box)
{
    const pal__box *b = &d->boxes[box];
    size_t members = 0;
    if (!at_layers(d) || b->owner || b->block || b->alike > 1) return false;
    if (!b->parent && !b->order && !b->region) return true;
    for (uint32_t id = 1; id < d->n; id++) members += d->node[id] == id && d->box[id] == box;
    for (uint32_t i = box + 1; i < d->n_boxes; i++) members += d->boxes[i].parent == box && d->boxes[i].alike;
    return members < 2;
}

bool pal__draw_untitled(const pal__drawing *d, uint32_t box)
{
    const char *name = pal__last_name(d->boxes[box].path);
    const size_t n = strlen(name);
    if (!at_layers(d) || d->boxes[box].alike > 1 || !d->boxes[d->boxes[box].parent].path) return false;
    if (d->boxes[box].order && !d->boxes[d->boxes[box].parent].order) return false; /* the title says the pass */
    for (uint32_t i = box + 1; i < d->n_boxes; i++) {
        const pal__box *b = &d->boxes[i];
        if (b->parent == box && b->alike &&
            (!b->block || strncmp(b->path, name, n) != 0 || (b->path[n] && b->path[n] != '/')))
            return false;
    }
    return true;
}
