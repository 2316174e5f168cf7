/* graph_block_label.c - what is written of a block: its name, its formula and its parameters in its node, and the name
 * of its value on the edges that leave it. Of an adjoint: what it is the adjoint of. */
#include "autograd/text/internal.h"

#include <string.h>

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
    const uint8_t order = d->boxes[box].order;
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
        if (!pal__at(t, id)->tensor || !pal__draw_block_box(d, d->node[id]) || d->same[id] != id) continue;
        bool reads = d->node[id] == node;
        for (uint32_t k = id + 1; k < d->n && !reads; k++)
            for (uint32_t i = 0; d->node[k] == node && i < pal__at(t, k)->n && !reads; i++)
                reads = pal__draw_root(d, pal__arg(t, k, i)) == id;
        if (reads) print_leaf(f, d, id, b, d->node[id] == node);
    }
}

bool pal__draw_symbol(FILE *f, const pal__drawing *d, const pal__wire *w)
{
    const pal__box *from = pal__draw_block_box(d, w->from), *to = pal__draw_block_box(d, w->to);
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
