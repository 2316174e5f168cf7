/* page_data.c - the data of a page as JSON: items, cells, rows, trunks, links and wires of the placement, as page.js
 * reads them, and the facts about each entry. Which cell is where in its rank is told by the order of the cells. */
#include "autograd/text/page.h"

#include <string.h>

#define SAMPLE "matmul sigmoid reduce 32x784 broadcast_to" /* the page measures it in its own font */

static void number(FILE *f, uint32_t n) { fprintf(f, n == PAL__NONE ? "-1" : "%u", n); }

/* ---- Facts ---------------------------------------------------------------------------------------------------- */

static void fact(FILE *f, bool *any, const char *key, const char *text)
{
    if (!text || !*text) return;
    fprintf(f, "%s\"%s\":", *any ? "," : "", key);
    pal__print_json(f, text);
    *any = true;
}

/* The lines of a text, with semicolons between them. */
static void fact_lines(FILE *f, bool *any, const char *key, const char *text)
{
    char line[2 * PAL__PAGE_LINE];
    size_t n = 0;
    for (; *text && n + 3 < sizeof line; text++) {
        line[n++] = *text == '\n' ? ';' : *text;
        if (*text == '\n') line[n++] = ' ';
    }
    line[n] = 0;
    fact(f, any, key, line);
}

static void print_shape(FILE *f, const pal__drawing *d, uint32_t id)
{
    const pal_tape *t = d->graph.tape;
    if (!pal__draw_shape(f, t, id)) fputs("scalar", f);
    if (pal__at(t, id)->dtype == t->real) fprintf(f, " %s", pal_dtype_name(t->real));
}

static void print_bytes(FILE *f, const pal__drawing *d, uint32_t id)
{
    pal__draw_bytes(f, pal__entry_bytes(d->graph.tape, id));
}

static void print_seconds(FILE *f, const pal__drawing *d, uint32_t id)
{
    if (!d->seconds || d->seconds[id] <= 0) return;
    pal__draw_seconds(f, d->seconds[id]);
    if (d->total > 0) fprintf(f, " &#183; %.1f %%", 100 * d->seconds[id] / d->total);
}

/* The names of an entry's outputs; `output` is the first of them, or "output 3". */
static void print_outputs(FILE *f, const pal__drawing *d, uint32_t id, bool *any)
{
    char number_of[32];
    if (!d->output[id]) return;
    size_t first = d->output[id] - 1, n = 0;
    const char *name = d->options.names ? d->options.names[first] : NULL;
    snprintf(number_of, sizeof number_of, "output %zu", first + 1);
    fact(f, any, "output", name && *name ? name : number_of);
    fputs(",\"outputs\":[", f);
    for (size_t i = first; i < d->graph.n_outputs && d->options.names; i++) {
        if (d->graph.outputs[i] != id || !d->options.names[i]) continue;
        fputs(n++ ? "," : "", f);
        pal__print_json(f, d->options.names[i]);
    }
    fputc(']', f);
}

static void print_facts(FILE *f, const pal__drawing *d, uint32_t node)
{
    char text[PAL__PAGE_LINE];
    bool any = false;
    fputc('{', f);
    if (node < d->n) {
        const pal_tape *t = d->graph.tape;
        const pal__entry *e = pal__at(t, node);
        fact(f, &any, "op", e->op->name);
        fact(f, &any, "formula", e->op->formula);
        pal__page_plain(d, node, print_shape, text);
        fact(f, &any, "shape", text);
        pal__page_plain(d, node, print_bytes, text);
        fact(f, &any, "bytes", text);
        pal__page_plain(d, node, print_seconds, text);
        fact(f, &any, "time", text);
        fact(f, &any, "scope", e->params->name && *e->params->name ? e->params->name : pal__scope_path(t, e->scope));
        if (d->look[node] == PAL__LOOK_PARAMETER) fact(f, &any, "leaf", e->params->name);
        print_outputs(f, d, node, &any);
    } else {
        const pal__box *b = &d->boxes[node - d->n];
        fact(f, &any, "scope", b->path);
        fact(f, &any, "block", b->block ? d->graph.tape->blocks[b->block].name : "");
        if (b->block) fact_lines(f, &any, "formula", d->graph.tape->blocks[b->block].formula);
    }
    fputc('}', f);
}

/* ---- Tables --------------------------------------------------------------------------------------------------- */

/* A list of strings; changes the text. */
static void print_lines(FILE *f, char *text)
{
    const char *between = "";
    fputc('[', f);
    for (char *line; (line = strsep(&text, "\n")) && (*line || text); between = ",") {
        fputs(between, f);
        pal__print_json(f, line);
    }
    fputc(']', f);
}

static void print_item(FILE *f, const pal__page *page, uint32_t i)
{
    const pal__drawing *d = page->d;
    const pal__placed *to = &page->placed;
    static const char *const passes[3] = {"forward", "adjoint", "double backward"};
    const pal__place_item *x = &to->place.items[i];
    const uint32_t node = to->node[i];
    const bool lane = node == PAL__NONE;
    pal__page_label label = {0};
    if (!lane) pal__page_label_of(page, node, &label);
    if (lane && i && to->order[i] < 3) snprintf(label.name, sizeof label.name, "%s", passes[to->order[i]]);
    if (lane && i && to->order[i] >= 3) snprintf(label.name, sizeof label.name, "order %d", to->order[i]);
    fprintf(f, "%s[%u,%d,%u,%.1f,%.1f,%d,%d,", i ? ",\n" : "", x->parent, x->kind, x->cell, x->own_w, x->own_h,
            lane || node >= d->n ? 1 : d->look[node], to->order[i]);
    pal__print_json(f, label.name);
    fputc(',', f);
    print_lines(f, label.sub);
    fprintf(f, ",%u,", lane || node >= d->n ? 0 : node);
    if (lane)
        fputs("{}", f);
    else
        print_facts(f, d, node);
    fputs(x->closed ? ",1]" : ",0]", f);
}

static void print_wire(FILE *f, const pal__drawing *d, const pal__place *p, size_t i)
{
    const pal__place_wire *w = &p->wires[i];
    const bool effect = i < d->n_wires && d->wires[i].effect;
    fprintf(f, "[%u,%u,%d", w->from, w->to, effect ? 2 : w->over);
    for (uint32_t k = 0; k < w->n_steps; k++) {
        const pal__place_step *s = &p->steps[w->first_step + k];
        fprintf(f, ",%u,%u,", s->trunk, s->sink);
        number(f, s->sink_port);
    }
    fputc(']', f);
}

static void print_numbers(FILE *f, const char *key, const uint32_t *of, size_t n)
{
    fprintf(f, ",\n\"%s\":[", key);
    for (size_t i = 0; i < n; i++) fprintf(f, i ? ",%u" : "%u", of[i]);
    fputc(']', f);
}

/* ---- Labels of wires ------------------------------------------------------------------------------------------ */

static void print_text(FILE *f, const pal__drawing *d, uint32_t wire) { pal__draw_wire_text(f, d, &d->wires[wire]); }

static void print_wire_text(FILE *f, const pal__drawing *d, uint32_t wire)
{
    char text[PAL__PAGE_LINE];
    pal__page_plain(d, wire, print_text, text);
    for (char *p = text; (p = strchr(p, '\n'));) *p = ' ';
    pal__print_json(f, text);
}

/* The wires between what is shown while all blocks are closed: what is not among them, blocks imply. */
static void print_told(FILE *f, const pal__page *page)
{
    const pal__drawing *d = page->layers;
    const char *between = "";
    if (!d) return;
    fputs(",\n\"told\":[", f);
    for (uint32_t i = 0; i < d->n_wires; i++) {
        const pal__wire *w = &d->wires[i];
        bool moved = false;
        if (w->constant) continue;
        fprintf(f, "%s[%u,%u", between, page->placed.item[w->from], page->placed.item[w->to]);
        between = ",";
        if (!w->effect && pal__draw_tells(d, w, &moved) && (moved || w->from >= d->n)) {
            fputc(',', f);
            print_wire_text(f, d, i);
        }
        fputc(']', f);
    }
    fputc(']', f);
}

/* What plumbing does on a wire; other values have their shapes in their nodes. */
static void print_marks(FILE *f, const pal__page *page)
{
    const pal__place *p = &page->placed.place;
    const char *between = "";
    uint32_t printed = 0;
    fputs(",\n\"marks\":[", f);
    for (uint32_t i = 0; i < page->d->n_wires; i++) {
        const pal__wire *w = &page->d->wires[i];
        bool moved = false;
        if (p->wires[i].from == p->wires[i].to) continue;
        if (w->source != w->root && !w->effect && pal__draw_tells(page->d, w, &moved) && moved) {
            fprintf(f, "%s[%u,", between, printed);
            print_wire_text(f, page->d, i);
            fputc(']', f);
            between = ",";
        }
        printed++;
    }
    fputc(']', f);
}

void pal__page_data(FILE *f, const pal__page *page)
{
    const pal__drawing *d = page->d;
    const pal__place *p = &page->placed.place;
    bool any = false;
    fprintf(f, "{\"entries\":%zu,\n\"sample\":[\"%s\",%.3f],\n\"items\":[", d->n - 1, SAMPLE,
            pal__place_text(SAMPLE, true));
    for (uint32_t i = 0; i < p->n_items; i++) print_item(f, page, i);
    fputs("],\n\"cells\":[", f);
    for (size_t i = 0; i < p->n_cells; i++)
        fprintf(f, "%s[%u,%u,%u]", i ? "," : "", p->cells[i].rank, p->cells[i].item, p->cells[i].trunk);
    fputs("],\n\"rows\":[", f);
    for (size_t i = 0; i < p->n_rows_all; i++) fprintf(f, "%s[%u,%u]", i ? "," : "", p->rows[i].first, p->rows[i].n);
    fputs("],\n\"trunks\":[", f);
    for (size_t i = 0; i < p->n_trunks; i++) {
        const pal__place_trunk *t = &p->trunks[i];
        fprintf(f, "%s[%u,%u,", i ? "," : "", t->box, t->origin);
        number(f, t->origin_port);
        fprintf(f, ",%u,%u,", t->first, t->n);
        number(f, t->track);
        fputc(']', f);
    }
    fputs("],\n\"links\":[", f);
    for (size_t i = 0; i < p->n_links; i++) {
        const pal__place_link *l = &p->links[i];
        fprintf(f, "%s[%u,%u,", i ? "," : "", l->a, l->b);
        number(f, l->a_port);
        fputc(',', f);
        number(f, l->b_port);
        fputc(']', f);
    }
    fputs("],\n\"wires\":[", f);
    for (size_t i = 0; i < p->n_wires; i++) {
        if (p->wires[i].from == p->wires[i].to) continue; /* a constant, which is no item */
        fputs(any ? "," : "", f);
        print_wire(f, d, p, i);
        any = true;
    }
    fputc(']', f);
    print_numbers(f, "firstRow", p->first_row, p->n_items);
    print_numbers(f, "nRows", p->n_rows, p->n_items);
    print_numbers(f, "ways", p->ways, p->n_ways);
    print_told(f, page);
    print_marks(f, page);
    fputs("}\n", f);
}

/* ---- Closed boxes --------------------------------------------------------------------------------------------- */

/* Boxes are opened level by level, from the outside, in the order of the drawing, as long as there is room. */
bool pal__page_close_boxes(const pal__drawing *d, pal__placed *to)
{
    pal__place *p = &to->place;
    const unsigned depth = d->options.depth;
    uint32_t *children = pal__alloc(p->context, p->n_items * sizeof *children), shown = 0, deepest = 0;
    if (!children) return false;
    for (uint32_t i = 1; i < p->n_items; i++) {
        children[p->items[i].parent]++;
        shown += p->items[i].parent && !p->items[p->items[i].parent].parent;
        p->items[i].closed = p->items[i].kind == PAL__PLACE_BOX;
        if (to->node[i] != PAL__NONE && to->node[i] >= d->n && d->boxes[to->node[i] - d->n].level > deepest)
            deepest = d->boxes[to->node[i] - d->n].level;
    }
    for (uint32_t level = 0; level <= deepest; level++)
        for (uint32_t i = 1; i < p->n_items; i++) {
            pal__place_item *x = &p->items[i];
            if (!x->closed || d->boxes[to->node[i] - d->n].level != level || p->items[x->parent].closed) continue;
            if (d->boxes[to->node[i] - d->n].block) continue;
            const bool opens = depth ? level <= depth : shown + children[i] - 1 <= PAL__PAGE_NODES;
            if (!opens) continue;
            x->closed = false;
            shown += children[i] - 1;
        }
    pal__free(p->context, children);
    return true;
}
