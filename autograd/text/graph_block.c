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

void pal__draw_block_leaves(pal__drawing *d)
{
    const pal_tape *t = d->graph.tape;
    for (uint32_t id = 1; id < d->n && at_layers(d); id++) {
        const pal__entry *e = pal__at(t, id);
        if (!d->look[id] || e->order || e->region || !d->boxes[d->box[id]].block) continue;
        for (uint32_t i = 0; i < e->n && !e->body; i++) {
            const uint32_t leaf = pal__arg(t, id, i);
            if (d->look[leaf] == PAL__LOOK_PARAMETER && !d->boxes[d->box[leaf]].block) d->box[leaf] = d->box[id];
        }
    }
}

static const pal__box *block_box(const pal__drawing *d, uint32_t node)
{
    return node >= d->n && d->boxes[node - d->n].block ? &d->boxes[node - d->n] : NULL;
}

bool pal__draw_implied(const pal__drawing *d, const pal__wire *w)
{
    const pal__box *to = block_box(d, w->to), *from = block_box(d, w->from);
    if (!to || !w->kept || !to->order || w->next) return false;
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
    for (const char *line = b->formula; *line;) {
        const size_t length = strcspn(line, "\n");
        fputs(order ? "<BR/><FONT POINT-SIZE=\"9\" COLOR=\"#444444\">of " : "<BR/>", f);
        print_part(f, line, length);
        fputs(order ? "</FONT>" : "", f);
        if (order) return;
        line += length + (line[length] != 0);
    }
}

bool pal__draw_symbol(FILE *f, const pal__drawing *d, const pal__wire *w)
{
    const pal__box *from = block_box(d, w->from), *to = block_box(d, w->to);
    const uint8_t order = from ? from->order : pal__at(d->graph.tape, w->root)->order;
    const pal__box *of = order ? to : from; /* an adjoint has the name of what it belongs to */
    if (!of || w->kept || w->next || (order && of->order != order)) return false;
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
