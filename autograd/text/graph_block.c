/* graph_block.c - the level of layers: a block is one node with its formula, and its adjoint is another one.
 *
 * In: the blocks that were marked at recording (block.c). Out: a closed box for the outermost block of an entry, one for
 * each order of derivative and region, so that everything that folds and closes boxes works for blocks, too.
 *
 * What is left out, and why. Noise stays outside of its block, since it is where randomness enters. A parameter is listed
 * in the first block that reads it. The adjoint of a block reads what the block reads and has: no edge says so. A frame
 * around a single node, or around the whole forward pass, says nothing. */
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

static const pal__box *block_box(const pal__drawing *d, uint32_t node)
{
    return node >= d->n && d->boxes[node - d->n].block ? &d->boxes[node - d->n] : NULL;
}

bool pal__draw_implied(const pal__drawing *d, const pal__wire *w)
{
    const pal__box *to = block_box(d, w->to), *from = block_box(d, w->from);
    if (!to || w->next) return false;
    if (from && pal__at(d->graph.tape, w->root)->tensor) return true; /* the label of `to` names it */
    if (!w->kept || !to->order) return false;
    if (from && from->block == to->block) return true;
    for (uint32_t id = 1; id < w->reader; id++) { /* whether an earlier order of the block reads it, too */
        const pal__box *b = block_box(d, d->node[id]);
        if (!b || b->block != to->block || b->order >= to->order || pal__at(d->graph.tape, id)->body) continue;
        for (uint32_t i = 0; i < pal__at(d->graph.tape, id)->n; i++)
            if (d->node[pal__draw_root(d, pal__arg(d->graph.tape, id, i))] == w->from) return true;
    }
    return false;
}

/* ---- Texts ---------------------------------------------------------------------------------------------------- */

static void print_part(FILE *f, const char *text, size_t length)
{
    char part[512];
    snprintf(part, sizeof part, "%.*s", (int)length, text);
    pal__print_html(f, part);
}

static const char *const partial[] = {"", "&#8706;", "&#8706;&#178;"};

void pal__draw_block_name(FILE *f, const pal__drawing *d, uint32_t box)
{
    const pal__drawn_block *b = &d->graph.tape->blocks[d->boxes[box].block];
    const uint8_t order = pal__draw_order(d, (uint32_t)d->n + box);
    const char *slash = strrchr(b->name, '/');
    bool number = slash && slash[1] >= '0' && slash[1] <= '9';
    fprintf(f, "<B>%s%s", partial[order < 2 ? order : 2], order ? " " : "");
    pal__print_html(f, number ? b->name : pal__last_name(b->name));
    fputs("</B>", f);
    pal__print_alike(f, d, box);
    if (d->number[d->n + box]) fprintf(f, " #%u", d->number[d->n + box]);
    for (const char *line = b->formula; *line;) {
        const size_t length = strcspn(line, "\n");
        if (line != b->formula) fputs("<BR/><FONT POINT-SIZE=\"4\">&#160;</FONT>", f); /* room for a hat */
        fputs(order ? "<BR/><FONT POINT-SIZE=\"9\" COLOR=\"#444444\">of " : "<BR/>", f);
        print_part(f, line, length);
        fputs(order ? "</FONT>" : "", f);
        if (order) return;
        line += length + (line[length] != 0);
    }
}

/* A parameter in the block, and what the block reads of others, such as tied weights. */
static void print_leaf(FILE *f, const pal__drawing *d, uint32_t leaf, const pal__drawn_block *b, bool own)
{
    const char *name = pal__at(d->graph.tape, leaf)->params->name, *part = pal__last_name(name);
    const char *folder = part > name ? part - 1 : name, *block = pal__last_name(b->name);
    while (folder > name && folder[-1] != '/') folder--;
    const size_t length = (size_t)(part > name ? part - 1 - folder : 0);
    const bool plain = own && length == strlen(block) && !strncmp(folder, block, length);
    fputs("<BR/><FONT POINT-SIZE=\"9\" COLOR=\"#7d6b00\">", f);
    pal__print_html(f, !own ? name : plain || !length ? part : folder);
    if (own) fputs(" ", f);
    if (own) pal__draw_shape(f, d->graph.tape, leaf);
    fputs("</FONT>", f);
}

void pal__draw_block_reads(FILE *f, const pal__drawing *d, uint32_t box)
{
    const pal_tape *t = d->graph.tape;
    const uint32_t node = (uint32_t)d->n + box;
    const pal__drawn_block *b = &t->blocks[d->boxes[box].block];
    if (d->boxes[box].order) return;
    for (uint32_t id = 1; id < d->n; id++) {
        if (!pal__at(t, id)->tensor || !block_box(d, d->node[id]) || d->same[id] != id) continue;
        bool reads = d->node[id] == node;
        for (uint32_t k = id + 1; k < d->n && !reads; k++)
            for (uint32_t i = 0; d->node[k] == node && i < pal__at(t, k)->n && !reads; i++)
                reads = pal__draw_root(d, pal__arg(t, k, i)) == id;
        if (reads) print_leaf(f, d, id, b, d->node[id] == node);
    }
}

bool pal__draw_symbol(FILE *f, const pal__drawing *d, const pal__wire *w)
{
    const pal__box *from = block_box(d, w->from), *to = block_box(d, w->to);
    const uint8_t order = from ? from->order : pal__at(d->graph.tape, w->root)->order;
    const pal__box *of = order ? to : from; /* an adjoint has the name of what it belongs to */
    if (!of || of->alike > 1 || w->kept || w->next || (order && of->order != order)) return false;
    const char *formula = d->graph.tape->blocks[of->block].formula;
    const size_t n = pal__block_symbol(formula, false);
    if (!n) return false;
    fputs(partial[order < 2 ? order : 2], f);
    fputs("<I>", f);
    print_part(f, formula, n);
    fputs("</I>", f);
    return true;
}

bool pal__draw_frameless(const pal__drawing *d, uint32_t box)
{
    const pal__box *b = &d->boxes[box];
    size_t members = 0;
    if (!at_layers(d) || b->owner || b->alike > 1) return false;
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
        if (b->parent == box && b->alike && (!b->block || strncmp(b->path, name, n) != 0 || (b->path[n] && b->path[n] != '/')))
            return false;
    }
    return true;
}
