/* graph_edges.c - what flows where in a drawing: an edge for each operand, with the shape of what it carries.
 *
 * A pass backward is drawn upwards beside the forward one: the tape is read down, then up. What it keeps from the
 * passes below, and what the body of a region reads from outside, crosses over: such edges are thin and dashed, and
 * bear on the ranks only on the way down. A constant that no label holds is drawn beside each of its readers. */
#include "autograd/graph_internal.h"

typedef struct edge {
    uint32_t from, to, operand;
    const pal__entry *source, *reader;
    bool captured; /* from outside a region into it */
    bool kept;     /* from a lower pass to a higher one */
    bool up;
} edge;

static bool goes_up(const pal__entry *e) { return e->order % 2 && !e->region; }

static edge edge_of(const pal_tape *t, uint32_t to, uint32_t operand)
{
    edge e = {.from = pal__arg(t, to, operand), .to = to, .operand = operand};
    e.source = pal__at(t, e.from);
    e.reader = pal__at(t, to);
    bool below = e.source->order < e.reader->order || e.source->op->op_class == PAL_CLASS_LEAF;
    e.captured = e.source->region != e.reader->region && e.source->op != &pal__op_index;
    e.kept = e.reader->order && (e.captured || (!e.reader->region && below));
    e.up = !e.kept && goes_up(e.reader) && goes_up(e.source);
    return e;
}

/* "32 x 784", and the element type where it is not the tape's; nothing for a plain scalar. */
static void print_shape(FILE *f, const pal_tape *t, const pal__entry *e)
{
    if (!e->shape.rank && e->dtype == t->real) return;
    fputs(", label=<", f);
    for (int a = 0; a < e->shape.rank; a++) fprintf(f, "%s%lld", a ? "&#215;" : "", (long long)e->shape.dim[a]);
    if (e->dtype != t->real) fprintf(f, "%s%s", e->shape.rank ? " " : "", pal_dtype_name((pal_dtype)e->dtype));
    fputc('>', f);
}

static void print_constant(FILE *f, const edge *e, double value)
{
    fprintf(f, "  c%u_%u [shape=plaintext, style=\"\", fontsize=9, margin=\"0.02,0\", height=0.15, width=0.1, label=<",
            e->to, e->operand);
    pal__draw_value(f, value);
    fprintf(f, ">];\n  c%u_%u -> n%u [arrowsize=0.4, color=\"#999999\"];\n", e->to, e->operand, e->to);
}

static void print_edge(FILE *f, const pal__drawing *d, const edge *e)
{
    bool effect = e->reader->op->op_class == PAL_CLASS_EFFECT && !e->operand; /* back to the leaf it writes */
    fprintf(f, "  n%u -> n%u [color=\"%s\"", e->up ? e->to : e->from, e->up ? e->from : e->to,
            pal__draw_style(e->reader->order)->line);
    if (effect)
        fputs(", dir=back, style=dotted, constraint=false", f);
    else if (e->kept || e->captured)
        fprintf(f, ", penwidth=0.6, style=dashed%s", e->kept ? ", constraint=false" : "");
    else
        fprintf(f, ", weight=4%s", e->up ? ", dir=back" : "");
    if (!effect && !(e->kept && d->flows[e->from])) print_shape(f, d->graph.tape, e->source);
    fputs("];\n", f);
}

/* The pass backward begins where the forward one ends: its seed stands below the forward outputs. */
static void print_turn(FILE *f, const pal__drawing *d, uint32_t seed)
{
    const pal_tape *t = d->graph.tape;
    const pal__entry *e = pal__at(t, seed);
    if (!goes_up(e) || e->order != 1) return;
    for (uint32_t i = 0; i < e->n; i++)
        if (!d->folded[e->first + i]) return;
    for (size_t i = 0; i < d->graph.n_outputs; i++) {
        uint32_t id = d->graph.outputs[i];
        if (!pal__at(t, id)->order && d->look[id] == PAL__LOOK_OPERATION && d->output[id] == i + 1)
            fprintf(f, "  n%u -> n%u [style=invis];\n", id, seed);
    }
}

static bool has_edges(const pal__drawing *d, uint32_t id)
{
    return d->look[id] && d->look[id] != PAL__LOOK_CONSTANT && !pal__at(d->graph.tape, id)->body;
}

void pal__draw_edges(FILE *f, pal__drawing *d)
{
    const pal_tape *t = d->graph.tape;
    double value;
    for (uint32_t id = 1; id < d->n; id++)
        for (uint32_t i = 0; has_edges(d, id) && i < pal__at(t, id)->n; i++) {
            edge e = edge_of(t, id, i);
            if (!e.kept) d->flows[e.from] = true;
        }
    for (uint32_t id = 1; id < d->n; id++) {
        const pal__entry *r = pal__at(t, id);
        if (r->body && d->look[id])
            fprintf(f, "  n%u -> n%u [color=\"%s\", penwidth=2.5, weight=4];\n", r->body, id,
                    pal__draw_style(r->order)->line);
        for (uint32_t i = 0; has_edges(d, id) && i < r->n; i++) {
            edge e = edge_of(t, id, i);
            if (d->folded[r->first + i]) continue;
            if (pal__constant_value(t, e.from, &value))
                print_constant(f, &e, value);
            else
                print_edge(f, d, &e);
        }
        if (d->look[id] == PAL__LOOK_OPERATION) print_turn(f, d, id);
    }
}
