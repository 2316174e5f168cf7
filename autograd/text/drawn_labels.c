/* drawn_labels.c - the labels of edges in a drawing with places: the name of a value, what plumbing makes of it, and
 * its shape.
 *
 * A label stands beside the end of its wire: where the value is made, or, if plumbing has changed it, at its reader.
 * The node keeps room for it, as long as the wire runs straight, so no wire strikes it through. Lengths are in the
 * coordinates of the placement: along the flow, and across it. */
#include "autograd/text/drawn.h"

#include <string.h>

#define BESIDE 4.0 /* between the wire and its label */
#define LITTLE 2.0

void pal__drawn_print_wire(FILE *f, const pal__drawing *d, const pal__wire *w, bool *moved)
{
    if (!w->constant && !w->kept && !w->effect && !w->next && pal__draw_tells(d, w, moved)) {
        fputs("<FONT POINT-SIZE=\"8\">", f);
        pal__draw_wire_text(f, d, w);
        fputs("</FONT>", f);
    }
    fputc('\n', f);
}

static bool same_text(const pal__words *words, const pal__drawn_label *a, const pal__drawn_label *b)
{
    if (a->count != b->count) return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (strcmp(words->runs[a->first + i].text, words->runs[b->first + i].text) != 0) return false;
    return true;
}

/* told: by node, zeros: the wire, plus 1, whose label stands at the node as a source. */
void pal__drawn_rooms(const pal__drawing *d, const pal__words *words, pal__drawn_width *width, pal__drawn_label *labels,
                      pal__drawn_room *rooms, uint32_t *told)
{
    const bool right = d->options.direction == PAL_GRAPH_RIGHT;
    for (uint32_t i = 0; i < d->n_wires; i++) {
        pal__drawn_label *l = &labels[i];
        const pal__wire *w = &d->wires[i];
        if (!l->count) continue;
        if (!l->at_reader && told[w->from] && same_text(words, l, &labels[told[w->from] - 1])) l->count = 0;
        if (!l->count) continue;
        if (!l->at_reader && told[w->from]) l->at_reader = true;
        if (!l->at_reader) told[w->from] = i + 1;
        pal__words_size(words->runs + l->first, l->count, width, &l->w, &l->h);
        pal__drawn_room *room = &rooms[l->at_reader ? w->to : w->from];
        double *along = l->at_reader ? &room->in : &room->out;
        const double length = right ? l->w + 2 * LITTLE : l->h + LITTLE;
        l->before = !right ? *along : l->at_reader ? room->stack : 0;
        if (right && l->at_reader) room->stack += l->h;
        if (!right || *along < length) *along = (right ? 0 : *along) + length;
        const double aside = right ? l->h + l->before + LITTLE : l->w + BESIDE + LITTLE;
        if (room->aside < aside) room->aside = aside;
    }
}

/* x, y: where the wire meets the node; down: whether it goes on from there with growing y. */
pal__place_item pal__drawn_label_at(const pal__drawn_label *l, double x, double y, bool down, bool right)
{
    pal__place_item at = {.w = right ? l->h : l->w, .h = right ? l->w : l->h};
    const double away = (right ? LITTLE : l->before + LITTLE / 2);
    at.x = right ? x - l->h - l->before - LITTLE / 2 : x + BESIDE;
    at.y = down ? y + away : y - away - at.h;
    return at;
}
