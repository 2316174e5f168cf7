/* graph.c - draws a tape with Graphviz, for people: what is computed, what the adjoints add, and the scopes of both.
 *
 * Invariants. The drawing shows the tape in canonical order, so its text is as reproducible as that of pal_tape_text.
 * Orders of derivative differ in fill, darkness and border, and each kind of entry has a shape of its own, so nothing
 * is shown by colour alone. Every byte that comes from a name is escaped (graph_label.c). */
#include "autograd/text/internal.h"

#include <string.h>

/* ---- Looks ---------------------------------------------------------------------------------------------------- */

static const pal__style orders[3] = {
    {"#dcebf9", "#2f5d86", "", "#f6fafd", "forward"},
    {"#f8cf8e", "#a4630a", ",dashed", "#fef8ee", "adjoint"},
    {"#bf9fd9", "#5f3085", ",bold", "#f8f3fb", "double backward"},
};

static const struct {
    const char *shape, *fill, *line, *title;
} looks[PAL__LOOK_COUNT] = {
    /* clang-format off */
    [PAL__LOOK_OPERATION] = {"box",           NULL,      NULL,      NULL},
    [PAL__LOOK_PARAMETER] = {"cylinder",      "#fff3a8", "#7d6b00", "parameter"},
    [PAL__LOOK_INPUT]     = {"parallelogram", "#ffffff", "#333333", "input"},
    [PAL__LOOK_NOISE]     = {"diamond",       "#cfeeda", "#2a6b45", "noise"},
    [PAL__LOOK_CONSTANT]  = {"plaintext",     NULL,      NULL,      NULL},
    [PAL__LOOK_INDEX]     = {"circle",        "#ffffff", "#666666", NULL},
    [PAL__LOOK_REGION]    = {"doubleoctagon", NULL,      NULL,      NULL},
    [PAL__LOOK_EFFECT]    = {"cds",           "#f4b6ae", "#8c2f22", "effect"},
    /* clang-format on */
};

const pal__style *pal__draw_style(uint8_t order) { return &orders[order < 2 ? order : 2]; }

/* Prints a colour from the caller inside quotes: only letters, digits, '#' and separators of numbers. */
static void print_colour(FILE *f, const char *colour)
{
    for (const char *p = colour; *p; p++)
        if (strchr("#,. /", *p) || (*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z'))
            fputc(*p, f);
}

void pal__draw_fill(FILE *f, const pal__drawing *d, pal__look look, uint8_t order)
{
    const char *own = d->options.colours[order < 2 ? order : 2];
    print_colour(f, looks[look].fill ? looks[look].fill : own ? own : pal__draw_style(order)->fill);
}

const char *pal__draw_line(pal__look look, uint8_t order)
{
    return looks[look].line ? looks[look].line : pal__draw_style(order)->line;
}

/* ---- Nodes ---------------------------------------------------------------------------------------------------- */

/* A closed box outside regions has its own order, whatever the bodies of regions inside it contain. A closed box in a
 * region has the highest order of its entries. */
uint8_t pal__draw_order(const pal__drawing *d, uint32_t node)
{
    if (node < d->n) return pal__at(d->graph.tape, node)->order;
    uint8_t order = d->boxes[node - d->n].order;
    for (uint32_t id = 1; id < d->n && d->boxes[node - d->n].region; id++)
        if (d->node[id] == node && pal__at(d->graph.tape, id)->order > order) order = pal__at(d->graph.tape, id)->order;
    return order;
}

uint32_t pal__draw_box(const pal__drawing *d, uint32_t node)
{
    return node < d->n ? d->box[node] : d->boxes[node - d->n].parent;
}

static bool is_output(const pal__drawing *d, uint32_t node)
{
    for (size_t i = 0; i < d->graph.n_outputs; i++)
        if (d->node[d->graph.outputs[i]] == node) return true;
    return false;
}

static void print_node(FILE *f, const pal__drawing *d, uint32_t node, const char *indent)
{
    bool closed = node >= d->n;
    pal__look look = closed ? PAL__LOOK_OPERATION : (pal__look)d->look[node];
    uint8_t order = pal__draw_order(d, node);
    bool plain = !looks[look].fill, output = look != PAL__LOOK_EFFECT && is_output(d, node);
    const char *twice = closed && !d->boxes[node - d->n].block ? "peripheries=2, " : "";
    if (closed)
        fprintf(f, "%sg%u [shape=box, %slabel=", indent, node - (uint32_t)d->n, twice);
    else
        fprintf(f, "%sn%u [shape=%s, label=", indent, node, looks[look].shape);
    pal__draw_label(f, d, node);
    if (look == PAL__LOOK_CONSTANT) {
        fputs(", fontsize=9, style=\"\", margin=\"0.02,0\", height=0.15, width=0.1];\n", f);
        return;
    }
    fputs(", fillcolor=\"", f);
    pal__draw_fill(f, d, look, order);
    fprintf(f, "\", color=\"%s\", style=\"filled%s%s\"", pal__draw_line(look, order),
            look == PAL__LOOK_OPERATION && !closed ? ",rounded" : "",
            plain && !output ? pal__draw_style(order)->border : "");
    if (output) fprintf(f, ", penwidth=%s", closed ? "2.2" : "3");
    if (closed) fputs(", margin=\"0.14,0.08\"", f);
    if (look == PAL__LOOK_INDEX) fputs(", width=0.25, height=0.25, fixedsize=true, fontsize=10", f);
    if (look == PAL__LOOK_INPUT) fputs(", margin=\"0,0.03\"", f);
    if (look == PAL__LOOK_NOISE) fputs(", margin=\"0,0\"", f);
    fputs("];\n", f);
}

/* ---- Boxes ---------------------------------------------------------------------------------------------------- */

static void print_head(FILE *f, const pal__drawing *d, uint32_t box, const char *indent)
{
    const pal__box *b = &d->boxes[box];
    const size_t above = strlen(d->boxes[b->parent].path);
    fprintf(f, "%ssubgraph cluster_%u {\n%s  labeljust=l; label=<", indent, box, indent);
    if (b->owner) {
        fprintf(f, "for each <I>k</I> in 0 &#8230; %lld",
                (long long)pal__at(d->graph.tape, b->owner)->params->i[0] - 1);
    } else if (!pal__draw_untitled(d, box)) {
        pal__print_html(f, above ? b->path + above + 1 : b->path); /* a path begins with that of the scope above */
        pal__print_alike(f, d, box);
        if (b->order && !d->boxes[b->parent].order) fprintf(f, " &#183; %s", pal__draw_style(b->order)->title);
    }
    const pal__style *s = pal__draw_style(b->owner ? pal__at(d->graph.tape, b->owner)->order : b->order);
    fprintf(f, ">; color=\"%s\"; fontcolor=\"%s\"; bgcolor=\"%s\"; style=\"%s\"; penwidth=%s;\n", s->line, s->line,
            b->owner ? "#ffffff" : s->box, b->owner ? "dashed" : "rounded",
            b->owner       ? "1.5"
            : b->alike > 1 ? "2"
                           : "0.7");
}

static void print_box(FILE *f, const pal__drawing *d, uint32_t box, int depth)
{
    const pal__box *b = &d->boxes[box];
    char indent[64] = "", inner[64] = "";
    snprintf(indent, sizeof indent, "%*s", depth < 30 ? 2 * depth : 60, "");
    snprintf(inner, sizeof inner, "%*s", depth < 30 ? 2 * depth + 2 : 62, "");
    if (!b->alike) return;
    if (b->closed) {
        print_node(f, d, (uint32_t)d->n + box, indent);
        return;
    }
    const bool frame = box && !pal__draw_frameless(d, box);
    if (frame) print_head(f, d, box, indent);
    for (uint32_t id = 1; id < d->n; id++)
        if (d->node[id] == id && d->box[id] == box) print_node(f, d, id, inner);
    pal__draw_stubs(f, d, box, inner);
    for (uint32_t i = box + 1; i < d->n_boxes; i++)
        if (d->boxes[i].parent == box) print_box(f, d, i, depth + 1);
    if (frame) fprintf(f, "%s}\n", indent);
}

/* ---- The whole ------------------------------------------------------------------------------------------------ */

static void print(FILE *f, pal__drawing *d)
{
    fputs(
        "digraph palindrome {\n"
        "  newrank=true; labelloc=t; fontname=\"Helvetica,Arial,sans-serif\"; fontsize=11; pad=0.25; "
        "nodesep=0.4; "
        "ranksep=0.34;\n"
        "  node [fontname=\"Helvetica,Arial,sans-serif\", fontsize=11, margin=\"0.11,0.06\", height=0.3, penwidth=1];\n"
        "  edge [fontname=\"Helvetica,Arial,sans-serif\", fontsize=8, fontcolor=\"#555555\", arrowsize=0.6];\n",
        f);
    if (d->options.direction == PAL_GRAPH_RIGHT) fputs("  rankdir=LR;\n", f);
    pal__draw_legend(f, d);
    print_box(f, d, 0, 0);
    pal__draw_edges(f, d);
    fputs("}\n", f);
}

static bool check_options(pal_tape *t, const pal_graph_options *given, pal_graph_options *o)
{
    *o = (pal_graph_options){0};
    if (!pal_tape_options(t, o, given, sizeof *o, sizeof *o, "graph")) return false;
    for (size_t i = 0; i < o->n_parameters; i++)
        if (!o->parameters || o->parameters[i].tape != t || !pal_leaf_tensor(o->parameters[i])) {
            pal_tape_fail(t, PAL_ERR_TAPE, "graph: parameter %zu is not a leaf of this tape", i + 1);
            return false;
        }
    return true;
}

void pal__drawing_close(pal__drawing *d, pal_context *c)
{
    void *arrays[] = {d->look, d->folded, d->owner, d->box,     d->output, d->same, d->through,
                      d->node, d->number, d->told,  d->seconds, d->boxes,  d->wires};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) pal__free(c, arrays[i]);
    pal__table_free(c, &d->by_box);
    pal__table_free(c, &d->by_wire);
    pal__graph_free(c, &d->graph);
}

static bool prepare(pal__drawing *d, pal_context *c)
{
    const pal_tape *t = d->graph.tape;
    d->n = t->n_entries;
    d->look = pal__alloc(c, d->n * sizeof *d->look);
    d->folded = pal__alloc(c, t->n_operands * sizeof *d->folded);
    d->owner = pal__alloc(c, d->n * sizeof *d->owner);
    d->box = pal__alloc(c, d->n * sizeof *d->box);
    d->output = pal__alloc(c, d->n * sizeof *d->output);
    d->same = pal__alloc(c, d->n * sizeof *d->same);
    d->through = pal__alloc(c, d->n * sizeof *d->through);
    d->node = pal__alloc(c, d->n * sizeof *d->node);
    if (!d->look || !d->folded || !d->owner || !d->box || !d->output || !d->same || !d->through || !d->node)
        return false;
    for (size_t i = d->graph.n_outputs; i--;) d->output[d->graph.outputs[i]] = (uint32_t)i + 1;
    return pal__draw_lay_out(d) && pal__draw_fold(d) && pal__draw_find_wires(d) && pal__draw_times(d);
}

static bool open_drawing(pal__drawing *d, pal_tape *t, const pal_var *outputs, size_t n,
                         const pal_graph_options *options, bool opens)
{
    *d = (pal__drawing){.opens = opens};
    if (!t || (n && !outputs) || !check_options(t, options, &d->options)) return false;
    if (!n) d->options.names = NULL;
    if (!pal__canonical(t, outputs, n, "graph", &d->graph)) return false;
    if (prepare(d, t->context)) return true;
    pal__out_of_memory(t, "graph");
    pal__drawing_close(d, t->context);
    return false;
}

bool pal__drawing_open(pal__drawing *d, pal_tape *t, const pal_var *outputs, size_t n, const pal_graph_options *options)
{
    return open_drawing(d, t, outputs, n, options, false);
}

bool pal__drawing_open_blocks(pal__drawing *d, pal_tape *t, const pal_var *outputs, size_t n,
                              const pal_graph_options *options)
{
    return open_drawing(d, t, outputs, n, options, true);
}

char *pal_graph_text(pal_tape *t, const pal_var *outputs, size_t n, const pal_graph_options *options)
{
    pal__drawing d;
    pal__text text;
    char *kept = NULL;
    if (!pal__drawing_open(&d, t, outputs, n, options)) return NULL;
    if (pal__text_open(&text, t->context)) {
        print(text.file, &d);
        kept = pal__text_close(&text);
    }
    if (!kept) pal__out_of_memory(t, "graph");
    pal__drawing_close(&d, t->context);
    return kept;
}
