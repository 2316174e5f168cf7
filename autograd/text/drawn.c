/* drawn.c - a drawing with places, for writers of formats that do not place by themselves.
 *
 * In: a tape and its outputs, as for the other drawings. Out: items and curves (pal_graph_drawn). The labels are those
 * of graph_label.c, read by drawn_words.c; the places are those of place*.c. What dot shows as a small node beside one
 * reader, a constant or a value of an earlier pass, is a line of the reader's label. All is computed as if the picture
 * ran down; one that runs right is turned at the end, by pal__drawn_turned alone. */
#include "autograd/text/drawn.h"

#include <string.h>

enum { PAD_X = 9, PAD_Y = 5, LEGEND = 34 }; /* LEGEND: the height of its row, with space below */

/* ---- Labels --------------------------------------------------------------------------------------------------- */

static bool is_drawn(const pal__drawing *d, uint32_t node)
{
    if (node < d->n) return d->node[node] == node;
    return node > d->n && d->boxes[node - d->n].alike;
}

static void print_title(FILE *f, const pal__drawing *d, uint32_t box)
{
    const pal__box *b = &d->boxes[box];
    const size_t above = b->parent ? strlen(d->boxes[b->parent].path) : 0;
    fputs("<FONT POINT-SIZE=\"10\">", f);
    if (b->owner) {
        fprintf(f, "for each <I>k</I> in 0 &#8230; %lld",
                (long long)pal__at(d->graph.tape, b->owner)->params->i[0] - 1);
    } else {
        if (!pal__draw_untitled(d, box))
            pal__print_html(f, above && strlen(b->path) > above ? b->path + above + 1 : b->path);
        pal__print_alike(f, d, box);
        if (b->order && !d->boxes[b->parent].order) fprintf(f, " &#183; %s", pal__draw_style(b->order)->title);
    }
    fputs("</FONT>", f);
}

/* The line of a value that dot shows beside its reader. */
static void print_beside(FILE *f, const pal__drawing *d, const pal__wire *w)
{
    double value;
    fputs("<BR/><FONT POINT-SIZE=\"8\">", f);
    if (w->constant && pal__constant_value(d->graph.tape, w->source, &value)) {
        fputs("constant ", f);
        pal__draw_value(f, value);
    } else if (d->number[w->from] == PAL__NONE) {
        fputs("reads ", f);
        pal__print_html(f, w->from < d->n ? pal__at(d->graph.tape, w->from)->params->name
                                          : pal__last_name(d->boxes[w->from - d->n].path));
    } else {
        fprintf(f, "reads #%u", d->number[w->from]);
    }
    pal__draw_marks(f, d, w->source);
    fputs("</FONT>", f);
}

static bool said_before(const pal__drawn_making *m, uint32_t node, uint32_t wire)
{
    const pal__wire *wires = m->d.wires;
    for (uint32_t i = m->beside[node]; i && i - 1 != wire; i = m->next[i - 1])
        if (!wires[i - 1].constant && wires[i - 1].from == wires[wire].from) return true;
    return false;
}

/* One line a node: the label, or nothing. */
static void print_labels(FILE *f, const pal__drawn_making *m)
{
    const pal__drawing *d = &m->d;
    for (uint32_t node = 1; node < m->nodes; node++) {
        if (is_drawn(d, node)) {
            if (node >= d->n && !d->boxes[node - d->n].closed)
                print_title(f, d, node - (uint32_t)d->n);
            else
                pal__draw_label(f, d, node);
            for (uint32_t i = m->beside[node]; i; i = m->next[i - 1])
                if (d->wires[i - 1].constant || !said_before(m, node, i - 1)) print_beside(f, d, &d->wires[i - 1]);
        }
        fputc('\n', f);
    }
    for (size_t i = 0; i < d->n_wires; i++) pal__drawn_print_wire(f, d, &d->wires[i], &m->labels[i].at_reader);
    if (d->options.title) pal__print_html(f, d->options.title);
    fputc('\n', f);
}

static char *next_line(char **at)
{
    char *line = *at, *end = strchr(line, '\n');
    *end = 0;
    *at = end + 1;
    return line;
}

/* ---- Items ---------------------------------------------------------------------------------------------------- */

/* On the picture, without the room for labels. */
static void size_of(const pal__drawn_making *m, uint32_t node, double *w, double *h)
{
    const pal__drawing *d = &m->d;
    pal__words_size(m->w->words.runs + m->first[node], m->count[node], m->width, w, h);
    *w += m->right ? PAD_X : 2 * PAD_X; /* a slide is wide enough for few letters */
    *h += 2 * PAD_Y;
    if (node < d->n && (d->look[node] == PAL__LOOK_NOISE || d->look[node] == PAL__LOOK_INPUT)) *w += 2 * PAD_X;
    if (node < d->n && d->look[node] == PAL__LOOK_NOISE) *h += 2 * PAD_Y;
}

static double *across(const pal__drawn_making *m, double *w, double *h) { return m->right ? h : w; }

static void size_node(const pal__drawing *d, uint32_t node, double *w, double *h, void *user)
{
    const pal__drawn_making *m = user;
    const pal__drawn_room *room = &m->rooms[node];
    double width, height;
    (void)d;
    size_of(m, node, &width, &height);
    *w = *across(m, &width, &height);
    *h = *across(m, &height, &width) + room->in + room->out;
    if (*w < 2 * room->aside) *w = 2 * room->aside;
}

/* The place of a node within that of its item, which has room for labels. */
pal__place_item pal__drawn_inner(const pal__drawn_making *m, uint32_t item)
{
    const pal__place_item *outer = &m->placed.place.items[item];
    const uint32_t node = m->placed.node[item];
    pal__place_item in = *outer;
    if (outer->kind != PAL__PLACE_NODE) return in;
    double width, height;
    size_of(m, node, &width, &height);
    in.w = *across(m, &width, &height);
    in.h = *across(m, &height, &width);
    in.x += (outer->w - in.w) / 2;
    in.y += m->placed.order[item] % 2 ? m->rooms[node].out : m->rooms[node].in;
    return in;
}

static void put_at(const pal__drawn_making *m, pal_graph_item *i, const pal__place_item *at)
{
    const pal_graph_point corner = pal__drawn_turned(m, at->x, at->y);
    i->x = corner.x;
    i->y = corner.y;
    i->width = m->right ? at->h : at->w;
    i->height = m->right ? at->w : at->h;
}

static bool is_output(const pal__drawing *d, uint32_t node)
{
    for (size_t i = 0; i < d->graph.n_outputs; i++)
        if (d->node[d->graph.outputs[i]] == node) return true;
    return false;
}

static pal_graph_look look_of(const pal__drawing *d, uint32_t node)
{
    static const pal_graph_look looks[PAL__LOOK_COUNT] = {
        [PAL__LOOK_OPERATION] = PAL_GRAPH_OPERATION, [PAL__LOOK_PARAMETER] = PAL_GRAPH_PARAMETER,
        [PAL__LOOK_INPUT] = PAL_GRAPH_INPUT,         [PAL__LOOK_NOISE] = PAL_GRAPH_NOISE,
        [PAL__LOOK_CONSTANT] = PAL_GRAPH_CONSTANT,   [PAL__LOOK_INDEX] = PAL_GRAPH_INDEX,
        [PAL__LOOK_REGION] = PAL_GRAPH_REGION,       [PAL__LOOK_EFFECT] = PAL_GRAPH_EFFECT};
    if (node < d->n) return looks[d->look[node]];
    const pal__box *b = &d->boxes[node - d->n];
    if (b->block) return PAL_GRAPH_OPERATION; /* a step of the computation, at the level of layers */
    return b->closed ? PAL_GRAPH_CLOSED : b->owner ? PAL_GRAPH_BODY : PAL_GRAPH_SCOPE;
}

static void add_entry(pal__drawn_making *m, size_t *n, pal_graph_look look, uint8_t order, const char *text)
{
    pal__drawn_whole *w = m->w;
    pal_graph_run *run = &w->legend[*n];
    *run = (pal_graph_run){.text = text, .size = 9, .ends = true};
    pal_graph_item *i = &w->items[*n];
    *i = (pal_graph_item){.look = look, .order = order, .runs = run, .n_runs = 1, .x = 0};
    if (*n) i->x = w->items[*n - 1].x + w->items[*n - 1].width + 8;
    pal__words_size(run, 1, m->width, &i->width, &i->height);
    i->width += look == PAL_GRAPH_NOISE ? 4 * PAD_X : 2 * PAD_X;
    i->height += 2 * PAD_Y;
    if (i->x + i->width > w->drawn.width) w->drawn.width = i->x + i->width;
    ++*n;
}

/* A row of items above all others, for what occurs: they look as what they explain. */
static void make_legend(pal__drawn_making *m, size_t *n)
{
    static const struct {
        pal_graph_look look;
        const char *text;
    } leaves[] = {{PAL_GRAPH_PARAMETER, "parameter"},
                  {PAL_GRAPH_INPUT, "input"},
                  {PAL_GRAPH_NOISE, "noise"},
                  {PAL_GRAPH_EFFECT, "effect"},
                  {PAL_GRAPH_REGION, "region"}};
    const pal__drawing *d = &m->d;
    bool order[3] = {false}, look[PAL_GRAPH_LOOKS] = {false}, number = false;
    if (d->options.no_legend) return;
    for (uint32_t node = 1; node < m->nodes; node++) {
        if (!is_drawn(d, node)) continue;
        const uint8_t o = pal__draw_order(d, node);
        const pal_graph_look is = look_of(d, node);
        look[is] = true;
        if (is == PAL_GRAPH_OPERATION || is == PAL_GRAPH_CLOSED) order[o < 2 ? o : 2] = true;
        number |= d->number[node] && d->number[node] != PAL__NONE;
    }
    for (uint8_t o = 0; o < 3; o++)
        if (order[o]) add_entry(m, n, PAL_GRAPH_OPERATION, o, pal__draw_style(o)->title);
    for (size_t i = 0; i < sizeof leaves / sizeof *leaves; i++)
        if (look[leaves[i].look]) add_entry(m, n, leaves[i].look, 0, leaves[i].text);
    if (d->graph.n_outputs) {
        add_entry(m, n, PAL_GRAPH_OPERATION, 0, "output");
        m->w->items[*n - 1].output = true;
    }
    if (number) add_entry(m, n, PAL_GRAPH_CONSTANT, 0, "#1: read again by a later pass");
}

/* Beside the node where the wire begins or ends; drawn after all nodes. */
static void make_labels(pal__drawn_making *m, size_t *n)
{
    const pal__drawing *d = &m->d;
    for (size_t i = 0; i < d->n_wires; i++) {
        const pal__drawn_label *l = &m->labels[i];
        if (!l->count) continue;
        const uint32_t item = m->placed.item[l->at_reader ? d->wires[i].to : d->wires[i].from];
        const pal__place_item node = pal__drawn_inner(m, item);
        const bool down = l->at_reader == (m->placed.order[item] % 2 != 0);
        const pal__place_item at =
            pal__drawn_label_at(l, node.x + node.w / 2, down ? node.y + node.h : node.y, down, m->right);
        pal_graph_item *to = &m->w->items[(*n)++];
        *to = (pal_graph_item){
            .look = PAL_GRAPH_LABEL, .runs = m->w->words.runs + l->first, .n_runs = l->count, .order = 0};
        put_at(m, to, &at);
    }
}

static void make_items(pal__drawn_making *m)
{
    const pal__drawing *d = &m->d;
    const pal__place *p = &m->placed.place;
    size_t n = 0;
    make_legend(m, &n);
    m->w->down = n ? LEGEND : 0;
    for (uint32_t i = 1; i < p->n_items; i++) {
        const uint32_t node = m->placed.node[i];
        if (node == PAL__NONE || p->items[i].shown != i) continue;
        const uint8_t order = pal__draw_order(d, node);
        const pal_graph_look look = look_of(d, node);
        const pal__place_item at = pal__drawn_inner(m, i);
        pal_graph_item *to = &m->w->items[n++];
        *to = (pal_graph_item){.look = look,
                               .order = order < 2 ? order : 2,
                               .output = look != PAL_GRAPH_EFFECT && is_output(d, node),
                               .runs = m->w->words.runs + m->first[node],
                               .n_runs = m->count[node]};
        put_at(m, to, &at);
    }
    make_labels(m, &n);
    m->w->drawn.items = m->w->items;
    m->w->drawn.n_items = n;
}

/* ---- The whole ------------------------------------------------------------------------------------------------ */

static void find_beside(pal__drawn_making *m)
{
    const pal__drawing *d = &m->d;
    for (size_t i = d->n_wires; i-- > 0;) {
        const pal__wire *w = &d->wires[i];
        if (!w->constant && !pal__drawn_is_stub(d, w)) continue;
        m->next[i] = m->beside[w->to];
        m->beside[w->to] = (uint32_t)i + 1;
    }
}

static bool read_labels(pal__drawn_making *m, char **at)
{
    for (uint32_t node = 1; node < m->nodes; node++) {
        m->first[node] = (uint32_t)m->w->words.n;
        if (!pal__words_read(&m->w->words, next_line(at))) return false;
        m->count[node] = (uint32_t)m->w->words.n - m->first[node];
    }
    for (size_t i = 0; i < m->d.n_wires; i++) {
        m->labels[i].first = (uint32_t)m->w->words.n;
        if (!pal__words_read(&m->w->words, next_line(at))) return false;
        m->labels[i].count = (uint32_t)m->w->words.n - m->labels[i].first;
    }
    char *title = next_line(at);
    pal__words_plain(title);
    if (*title) m->w->drawn.title = title;
    return true;
}

static bool is_hex(const char *colour) /* "#dcebf9"; the names of colours are for dot alone */
{
    return *colour == '#' && strlen(colour) == 7 && strspn(colour + 1, "0123456789abcdefABCDEF") == 6;
}

static bool make(pal__drawn_making *m, pal_context *c)
{
    pal__text text;
    pal__drawn_whole *w = m->w;
    char *at;
    m->nodes = m->d.n + m->d.n_boxes;
    m->first = pal__alloc(c, m->nodes * sizeof *m->first);
    m->count = pal__alloc(c, m->nodes * sizeof *m->count);
    m->beside = pal__alloc(c, m->nodes * sizeof *m->beside);
    m->told = pal__alloc(c, m->nodes * sizeof *m->told);
    m->next = pal__alloc(c, m->d.n_wires * sizeof *m->next);
    m->labels = pal__alloc(c, m->d.n_wires * sizeof *m->labels);
    m->rooms = pal__alloc(c, m->nodes * sizeof *m->rooms);
    m->right = m->d.options.direction == PAL_GRAPH_RIGHT;
    if (!m->first || !m->count || !m->beside || !m->told || !m->next || !m->labels || !m->rooms ||
        !pal__text_open(&text, c))
        return false;
    find_beside(m);
    print_labels(text.file, m);
    w->text = at = pal__text_close(&text);
    if (!w->text || !read_labels(m, &at)) return false;
    pal__place *p = &m->placed.place;
    pal__drawn_rooms(&m->d, &w->words, m->width, m->labels, m->rooms, m->told);
    if (!pal__place_drawing(&m->d, size_node, m, &m->placed)) return false;
    p->right = m->right;
    if (!pal__place_order(p) || !pal__place_move(p)) return false;
    w->items = pal__alloc(c, (p->n_items + m->d.n_wires + PAL__DRAWN_ENTRIES) * sizeof *w->items);
    w->curves = pal__alloc(c, p->n_wires * sizeof *w->curves);
    w->points = pal__alloc(c, (3 * p->n_points + 6 * p->n_wires) * sizeof *w->points);
    if (!w->items || !w->curves || !w->points) return false;
    w->drawn.width = m->right ? p->height : p->width;
    make_items(m);
    pal__drawn_curves(m);
    w->drawn.height = (m->right ? p->width : p->height) + w->down;
    for (uint8_t o = 0; o < 3; o++) {
        const char *own = m->d.options.colours[o];
        w->drawn.fill[o] = own && is_hex(own) ? own : pal__draw_style(o)->fill;
        w->drawn.line[o] = pal__draw_style(o)->line;
    }
    return true;
}

pal_graph_drawn *pal_graph_draw(pal_tape *t, const pal_var *outputs, size_t n, const pal_graph_options *options,
                                double (*width)(const char *text, bool bold))
{
    pal__drawn_making m = {.width = width ? width : pal__place_text};
    if (!pal__drawing_open(&m.d, t, outputs, n, options)) return NULL;
    pal_context *c = t->context;
    m.w = pal__alloc(c, sizeof *m.w);
    bool ok = m.w != NULL;
    if (ok) {
        m.w->drawn.context = m.w->words.context = c;
        ok = make(&m, c);
    }
    if (!ok) pal__out_of_memory(t, "graph");
    if (!ok && m.w) pal_graph_drawn_free(&m.w->drawn);
    void *arrays[] = {m.first, m.count, m.beside, m.next, m.told, m.labels, m.rooms};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) pal__free(c, arrays[i]);
    pal__placed_free(&m.placed);
    pal__drawing_close(&m.d, c);
    return ok ? &m.w->drawn : NULL;
}

void pal_graph_drawn_free(pal_graph_drawn *drawn)
{
    if (!drawn) return;
    pal__drawn_whole *w = (pal__drawn_whole *)(void *)drawn; /* its first member */
    pal_context *c = drawn->context;
    void *arrays[] = {w->items, w->curves, w->points, w->words.runs, w};
    pal_text_free(c, w->text);
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) pal__free(c, arrays[i]);
}
