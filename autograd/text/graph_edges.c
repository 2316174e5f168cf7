/* graph_edges.c - the edges of a drawing: which values flow where, and their shapes.
 *
 * A backward pass is drawn upwards beside the forward pass, so the tape is read down, then up. Values that a backward
 * pass keeps from earlier passes, and outer values that the body of a region reads, cross over. If there are few, they
 * are thin dashed lines, which influence the ranks only in the forward pass. If there are many, each kept value has a
 * number instead, and beside each reader is that number, or the name of a leaf. A constant that is not in a label is
 * drawn beside each of its readers.
 *
 * Plumbing is a part of the edge (graph_plumbing.c).
 *
 * Invariants. The shape of a value is printed once, on its first edge, and where plumbing has changed the value. An
 * edge that stands for several values has the shapes of all of them; it joins different nodes or is marked `next`. */
#include "autograd/text/internal.h"

#include <string.h>

enum { MOST_LINES = 4 }; /* if there are more kept values, they are numbered */

/* ---- Wires ---------------------------------------------------------------------------------------------------- */

static bool goes_up(const pal__entry *e) { return e->order % 2 && !e->region; }

static void add_shape(const pal__drawing *d, pal__wire *w, uint32_t source)
{
    const pal__entry *e = pal__at(d->graph.tape, source);
    for (uint32_t i = 0; i < w->n_shapes && i < PAL__WIRE_SHAPES; i++) {
        const pal__entry *has = pal__at(d->graph.tape, w->shapes[i]);
        if (has->dtype == e->dtype && pal_shape_equal(*has->shape, *e->shape)) return;
    }
    w->shapes[w->n_shapes < PAL__WIRE_SHAPES ? w->n_shapes : PAL__WIRE_SHAPES - 1] = source;
    w->n_shapes++;
}

static uint32_t around_at(const pal__drawing *d, uint32_t box, uint32_t level)
{
    while (box && (d->boxes[box].level > level || d->boxes[box].owner)) box = d->boxes[box].parent;
    return box;
}

/* Whether the value flows between two boxes that are folded into one. */
static bool leads_on(const pal__drawing *d, uint32_t source, uint32_t reader)
{
    for (uint32_t i = d->box[d->same[reader]]; i; i = d->boxes[i].parent)
        if (d->boxes[i].alike > 1 && pal__draw_within(d, d->box[d->same[source]], i))
            return around_at(d, d->box[source], d->boxes[i].level) != around_at(d, d->box[reader], d->boxes[i].level);
    return false;
}

static pal__wire wire_of(const pal__drawing *d, uint32_t reader, uint32_t operand)
{
    const pal_tape *t = d->graph.tape;
    pal__wire w = {.source = pal__arg(t, reader, operand), .reader = reader, .operand = operand};
    w.root = pal__draw_root(d, w.source);
    const pal__entry *source = pal__at(t, w.root), *r = pal__at(t, reader);
    double value;
    bool below = source->order < r->order || source->op->op_class == PAL_CLASS_LEAF;
    w.from = d->node[w.root];
    w.to = d->node[reader];
    w.constant = pal__constant_value(t, w.source, &value);
    w.captured = source->region != r->region && source->op != &pal__op_index;
    w.kept = !w.constant && r->order && (w.captured || (!r->region && below));
    w.up = !w.kept && goes_up(r) && goes_up(source);
    w.effect = r->op->op_class == PAL_CLASS_EFFECT && !operand && d->look[w.root] && !w.constant;
    w.next = d->look[w.root] && !w.constant && leads_on(d, w.root, reader);
    if (w.effect) w.kept = w.captured = w.up = false;
    add_shape(d, &w, w.source);
    return w;
}

static bool is_group(const pal__drawing *d, uint32_t node) { return node >= d->n; }

/* Whether the wire is drawn separately, even if other wires join the same two nodes. */
static bool is_own(const pal__drawing *d, const pal__wire *w)
{
    return d->same[w->reader] == w->reader && (w->constant || d->same[w->root] == w->root) && !is_group(d, w->from) &&
           !is_group(d, w->to);
}

static bool add_wire(pal__drawing *d, const pal__wire *w, bool join)
{
    const uint64_t key[] = {w->from, w->to, w->kept, w->effect, w->next},
                   hash = pal__hash_words(0, key, sizeof key / sizeof *key);
    pal_context *c = d->graph.tape->context;
    size_t at;
    uint32_t first = 0; /* 1 + the first wire that joins the same */
    for (uint32_t i = join ? pal__table_first(&d->by_wire, hash, &at) : 0; i;
         i = pal__table_next(&d->by_wire, hash, &at)) {
        const pal__wire *has = &d->wires[i - 1];
        if (has->from == w->from && has->to == w->to && has->kept == w->kept && has->effect == w->effect &&
            !has->constant && has->next == w->next && (!first || i < first))
            first = i;
    }
    if (first) {
        add_shape(d, &d->wires[first - 1], w->source);
        return true;
    }
    if (!pal__grow(c, (void **)&d->wires, d->n_wires, &d->cap_wires, sizeof *d->wires) ||
        !pal__table_add(c, &d->by_wire, hash, (uint32_t)d->n_wires + 1))
        return false;
    d->wires[d->n_wires++] = *w;
    return true;
}

static bool has_operands(const pal__drawing *d, uint32_t id)
{
    return d->look[id] && d->look[id] != PAL__LOOK_CONSTANT && !pal__at(d->graph.tape, id)->body;
}

static bool find_wires(pal__drawing *d, bool own)
{
    const pal_tape *t = d->graph.tape;
    for (uint32_t id = 1; id < d->n; id++)
        for (uint32_t i = 0; has_operands(d, id) && i < pal__at(t, id)->n; i++) {
            pal__wire w = wire_of(d, id, i);
            bool inside = is_group(d, w.to) && (w.constant || w.from == w.to) && !w.next;
            bool again = w.constant && d->same[id] != id;
            if (d->folded[pal__at(t, id)->first + i] || inside || again || is_own(d, &w) != own ||
                pal__draw_implied(d, &w))
                continue;
            if (!add_wire(d, &w, !own)) return false;
        }
    return true;
}

/* ---- Numbers -------------------------------------------------------------------------------------------------- */

/* The name of the drawn entry; NULL: no name. If it stands for several, the part that their names share. */
static const char *name_of(const pal__drawing *d, uint32_t node)
{
    const char *name = is_group(d, node) ? NULL : pal__at(d->graph.tape, node)->params->name;
    if (!name || !*name) return NULL;
    for (uint32_t i = d->box[node]; i; i = d->boxes[i].parent)
        if (d->boxes[i].alike > 1) return pal__last_name(name);
    return name;
}

static bool find_numbers(pal__drawing *d)
{
    size_t kept = 0;
    d->number = pal__alloc(d->graph.tape->context, (d->n + d->n_boxes) * sizeof *d->number);
    d->told = pal__alloc(d->graph.tape->context, d->n * sizeof *d->told);
    if (!d->number || !d->told) return false;
    for (size_t i = 0; i < d->n_wires; i++) kept += d->wires[i].kept;
    if (d->options.kept ? d->options.kept != PAL_GRAPH_KEPT_NUMBERS : kept <= MOST_LINES) return true;
    for (size_t i = 0; i < d->n_wires; i++)
        if (d->wires[i].kept) d->number[d->wires[i].from] = 1;
    uint32_t next = 1, nodes = (uint32_t)(d->n + d->n_boxes);
    for (uint8_t order = 0; order < 3; order++) /* in the order of the passes */
        for (uint32_t i = 0; i < nodes; i++) {
            if (!d->number[i] || (pal__draw_order(d, i) < 2 ? pal__draw_order(d, i) : 2) != order) continue;
            d->number[i] = name_of(d, i) ? PAL__NONE : next++;
        }
    return true;
}

bool pal__draw_find_wires(pal__drawing *d) { return find_wires(d, true) && find_wires(d, false) && find_numbers(d); }

/* ---- Beside their readers ------------------------------------------------------------------------------------- */

static bool is_stub(const pal__drawing *d, const pal__wire *w) { return w->kept && d->number[w->from]; }

/* Whether this is the first wire from its value to its reader: such wires share one stub. */
static bool is_first(const pal__drawing *d, size_t wire)
{
    for (size_t i = 0; i < wire; i++)
        if (is_stub(d, &d->wires[i]) && d->wires[i].from == d->wires[wire].from && d->wires[i].to == d->wires[wire].to)
            return false;
    return true;
}

static void print_stub(FILE *f, const pal__drawing *d, const pal__wire *w, const char *indent)
{
    pal__look look = is_group(d, w->from) ? PAL__LOOK_OPERATION : (pal__look)d->look[w->from];
    uint8_t order = pal__draw_order(d, w->from);
    fprintf(f,
            "%sk%u_%u [shape=box, fontsize=8, margin=\"0.03,0.01\", height=0.16, width=0.2, penwidth=0.6, "
            "style=\"filled,rounded\", fillcolor=\"",
            indent, w->from, w->to);
    pal__draw_fill(f, d, look, order);
    fprintf(f, "\", color=\"%s\", label=<", pal__draw_line(look, order));
    if (name_of(d, w->from))
        pal__print_html(f, name_of(d, w->from));
    else
        fprintf(f, "#%u", d->number[w->from]);
    pal__draw_marks(f, d, w->source);
    fputs(">];\n", f);
}

void pal__draw_stubs(FILE *f, const pal__drawing *d, uint32_t box, const char *indent)
{
    double value;
    for (size_t i = 0; i < d->n_wires; i++) {
        const pal__wire *w = &d->wires[i];
        if (pal__draw_box(d, w->to) != box) continue;
        if (w->constant && pal__constant_value(d->graph.tape, w->source, &value)) {
            fprintf(f,
                    "%sc%u_%u [shape=plaintext, style=\"\", fontsize=9, margin=\"0.02,0\", height=0.15, width=0.1, "
                    "label=<",
                    indent, w->to, w->operand);
            pal__draw_value(f, value);
            fputs(">];\n", f);
        } else if (is_stub(d, w) && is_first(d, i)) {
            print_stub(f, d, w, indent);
        }
    }
}

/* ---- Edges ---------------------------------------------------------------------------------------------------- */

static void print_name(FILE *f, const pal__drawing *d, uint32_t node)
{
    fprintf(f, is_group(d, node) ? "g%u" : "n%u", is_group(d, node) ? node - (uint32_t)d->n : node);
}

static void print_pair(FILE *f, const pal__drawing *d, uint32_t from, uint32_t to)
{
    fputs("  ", f);
    print_name(f, d, from);
    fputs(" -> ", f);
    print_name(f, d, to);
}

/* On both sides of each line of a text: dot puts a text so close to its edge that the edge would touch it. */
#define GAP "&#160;"

/* The text of an edge: the name of the value, what plumbing does to it, and its shapes. */
void pal__draw_wire_text(FILE *f, const pal__drawing *d, const pal__wire *w)
{
    bool any = false;
    if (w->next) any = fputs("<I>next</I>", f) >= 0;
    any |= pal__draw_symbol(f, d, w);
    const char *gap_before = any && d->options.direction == PAL_GRAPH_RIGHT ? GAP "<BR/>" GAP : " ";
    if (w->n_shapes == 1) any |= pal__draw_marks(f, d, w->source);
    for (uint32_t i = 0; i < w->n_shapes && i < PAL__WIRE_SHAPES; i++) {
        const bool gap = i == PAL__WIRE_SHAPES - 1 && w->n_shapes > PAL__WIRE_SHAPES;
        const pal__entry *e = pal__at(d->graph.tape, w->shapes[i]);
        const bool plain = !e->shape->rank && e->dtype == d->graph.tape->real;
        if (plain && any && w->n_shapes == 1) continue;
        fputs(i || w->next ? GAP "<BR/>" GAP : any ? gap_before : "", f);
        fputs(gap ? "&#8230; " : "", f);
        if (!pal__draw_shape(f, d->graph.tape, w->shapes[i])) fputs("scalar", f);
    }
}

bool pal__draw_tells(const pal__drawing *d, const pal__wire *w, bool *moved)
{
    const pal_tape *t = d->graph.tape;
    const pal__entry *e = pal__at(t, w->source);
    const pal__entry *root = pal__at(t, w->root);
    const bool own = !is_group(d, w->from), one = own && w->n_shapes == 1 && !w->next;
    *moved = pal__draw_moves(d, w->source) || e->dtype != root->dtype || !pal_shape_equal(*e->shape, *root->shape);
    if (own && !w->next && !*moved) {
        if (d->told[w->from] == w->n_shapes) return false;
        d->told[w->from] = w->n_shapes;
    }
    return !(one && !e->shape->rank && e->dtype == t->real && (!*moved || !pal__draw_moves(d, w->source)));
}

static void print_label(FILE *f, const pal__drawing *d, const pal__wire *w)
{
    bool moved;
    if (!pal__draw_tells(d, w, &moved)) return;
    fputs(", label=<" GAP, f);
    pal__draw_wire_text(f, d, w);
    fputs(GAP ">", f);
}

static void print_edge(FILE *f, const pal__drawing *d, size_t i)
{
    const pal__wire *w = &d->wires[i];
    const char *line = pal__draw_line(PAL__LOOK_OPERATION, pal__at(d->graph.tape, w->reader)->order);
    if (w->constant) {
        fprintf(f, "  c%u_%u -> n%u [arrowsize=0.4, color=\"#999999\"];\n", w->to, w->operand, w->to);
        return;
    }
    if (is_stub(d, w)) {
        bool up = goes_up(pal__at(d->graph.tape, w->reader));
        if (!is_first(d, i)) return;
        if (up) {
            fputs("  ", f);
            print_name(f, d, w->to);
            fprintf(f, " -> k%u_%u [dir=back", w->from, w->to);
        } else {
            fprintf(f, "  k%u_%u -> ", w->from, w->to);
            print_name(f, d, w->to);
            fputs(" [style=solid", f);
        }
        fprintf(f, ", arrowsize=0.4, penwidth=0.6, color=\"%s\"];\n", line);
        return;
    }
    print_pair(f, d, w->up ? w->to : w->from, w->up ? w->from : w->to);
    fprintf(f, " [color=\"%s\"", line);
    if (w->effect)
        fputs(", dir=back, style=dotted, constraint=false", f);
    else if (w->kept || w->captured)
        fprintf(f, ", penwidth=0.6, style=dashed%s", w->kept ? ", constraint=false" : "");
    else if (w->next)
        fprintf(f, ", penwidth=1.6, constraint=false%s", w->up ? ", dir=back" : "");
    else
        fprintf(f, ", weight=4%s", w->up ? ", dir=back" : "");
    if (!w->effect) print_label(f, d, w);
    fputs("];\n", f);
}

/* Places `to` on the right of `from`. */
static void print_beside(FILE *f, const pal__drawing *d, uint32_t from, uint32_t to)
{
    if (from == to) return;
    fputs("  {rank=same;", f);
    print_pair(f, d, from, to);
    fputs(" [style=invis];}\n", f);
}

/* A backward pass begins where the forward pass ends: its seed is placed beside the forward outputs. */
static void print_turn(FILE *f, const pal__drawing *d, uint32_t seed)
{
    const pal_tape *t = d->graph.tape;
    const pal__entry *e = pal__at(t, seed);
    if (!goes_up(e) || e->order != 1 || d->look[seed] != PAL__LOOK_OPERATION) return;
    for (uint32_t i = 0; i < e->n; i++)
        if (!d->folded[e->first + i]) return;
    for (size_t i = 0; i < d->graph.n_outputs; i++) {
        uint32_t id = d->graph.outputs[i];
        if (pal__at(t, id)->order || d->look[id] != PAL__LOOK_OPERATION || d->output[id] != i + 1) continue;
        print_beside(f, d, d->node[id], d->node[seed]);
    }
}

/* Each further pass begins beside the end of the pass before it: a value that only later passes read, by its number,
 * and a reader that reads only such values. */
static void print_second_turn(FILE *f, const pal__drawing *d, const pal__wire *w)
{
    const pal_tape *t = d->graph.tape;
    const pal__entry *source = pal__at(t, w->root), *r = pal__at(t, w->reader);
    if (!is_stub(d, w) || !goes_up(source) || r->order != source->order + 1 || source->region || r->region) return;
    for (size_t i = 0; i < d->n_wires; i++)
        if ((d->wires[i].from == w->from && !d->wires[i].kept) || (d->wires[i].to == w->to && !d->wires[i].kept))
            return;
    print_beside(f, d, w->from, w->to);
}

void pal__draw_edges(FILE *f, const pal__drawing *d)
{
    const pal_tape *t = d->graph.tape;
    for (uint32_t id = 1; id < d->n; id++) {
        const pal__entry *r = pal__at(t, id);
        if (r->body && d->look[id] && d->same[id] == id && d->node[r->body] != d->node[id]) {
            print_pair(f, d, d->node[r->body], d->node[id]);
            fprintf(f, " [color=\"%s\", penwidth=2.5, weight=4];\n", pal__draw_line(PAL__LOOK_REGION, r->order));
        }
        print_turn(f, d, id);
    }
    for (int kept = 0; kept < 2; kept++)
        for (size_t i = 0; i < d->n_wires; i++)
            if (d->wires[i].kept == kept) print_edge(f, d, i);
    for (size_t i = 0; i < d->n_wires; i++) print_second_turn(f, d, &d->wires[i]);
}
