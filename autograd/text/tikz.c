/* tikz.c - a drawing as a document for LaTeX, in the language of TikZ.
 *
 * The document compiles alone (class standalone) and is to be read and changed: colours and styles have names and stand
 * at the top, and each node, box and wire is one line with absolute places, in points. */
#include "autograd/text/drawn.h"

#include <string.h>

static const struct {
    const char *name, *style;
} styles[PAL_GRAPH_LOOKS] = {
    [PAL_GRAPH_OPERATION] = {"operation", "rounded corners=2.5pt"},
    [PAL_GRAPH_PARAMETER] = {"parameter", "fill=parameterfill, draw=parameterline, double, double distance=0.8pt"},
    [PAL_GRAPH_INPUT] = {"input", "trapezium, trapezium left angle=75, trapezium right angle=105, "
                                  "trapezium stretches body, fill=inputfill, draw=inputline"},
    [PAL_GRAPH_NOISE] = {"noise", "diamond, fill=noisefill, draw=noiseline"},
    [PAL_GRAPH_CONSTANT] = {"constant", "draw=none, fill=none"},
    [PAL_GRAPH_INDEX] = {"index", "circle, fill=inputfill, draw=inputline"},
    [PAL_GRAPH_REGION] = {"region", "chamfered rectangle, chamfered rectangle xsep=3pt, double"},
    [PAL_GRAPH_EFFECT] = {"effect", "signal, signal to=west, fill=effectfill, draw=effectline"},
    [PAL_GRAPH_CLOSED] = {"closed scope", "double, double distance=1pt"},
    [PAL_GRAPH_SCOPE] = {"scope box", "rounded corners=4pt, line width=0.5pt"},
    [PAL_GRAPH_BODY] = {"region body", "dashed, line width=1pt, fill=white"},
    [PAL_GRAPH_LABEL] = {"value", "draw=none, fill=none, inner sep=0pt, text=black!65"},
};
static const char *const orders[] = {"forward", "adjoint", "second"};

/* ---- The head ------------------------------------------------------------------------------------------------- */

static void print_colour(FILE *f, const char *name, const char *part, const char *colour)
{
    fprintf(f, "\\definecolor{%s%s}{HTML}{", name, part);
    for (const char *p = colour + (*colour == '#'); *p; p++) fputc(*p >= 'a' && *p <= 'f' ? *p - 'a' + 'A' : *p, f);
    fputs("}\n", f);
}

static void print_head(FILE *f, const pal_graph_drawn *d)
{
    fputs("% A graph drawn by palindrome. Compile it with pdflatex. Change the colours and styles below as you like.\n"
          "\\documentclass[border=6pt]{standalone}\n"
          "\\usepackage{tikz}\n"
          "\\usetikzlibrary{arrows.meta, shapes.geometric, shapes.misc, shapes.symbols}\n\n",
          f);
    for (int o = 0; o < 3; o++) {
        print_colour(f, orders[o], "fill", d->fill[o]);
        print_colour(f, orders[o], "line", d->line[o]);
    }
    print_colour(f, "parameter", "fill", "#fff3a8");
    print_colour(f, "parameter", "line", "#7d6b00");
    print_colour(f, "input", "fill", "#ffffff");
    print_colour(f, "input", "line", "#333333");
    print_colour(f, "noise", "fill", "#cfeeda");
    print_colour(f, "noise", "line", "#2a6b45");
    print_colour(f, "effect", "fill", "#f4b6ae");
    print_colour(f, "effect", "line", "#8c2f22");
    fputs("\n\\newcommand{\\graphfont}{\\fontsize{9.5}{12}\\selectfont}\n"
          "\\newcommand{\\graphsmall}{\\fontsize{8}{10}\\selectfont}\n"
          "\\newcommand{\\graphtiny}{\\fontsize{7}{9}\\selectfont}\n\n"
          "\\tikzset{\n"
          "  every picture/.style={font=\\sffamily\\graphfont, >={Stealth[length=4pt]}},\n"
          "  entry/.style={draw, align=center, inner sep=1pt},\n",
          f);
    for (size_t i = 0; i < PAL_GRAPH_LOOKS; i++) fprintf(f, "  %s/.style={%s},\n", styles[i].name, styles[i].style);
    for (int o = 0; o < 3; o++)
        fprintf(f, "  %s/.style={fill=%sfill, draw=%sline%s},\n", orders[o], orders[o], orders[o],
                o == 1   ? ", dash pattern=on 3pt off 1.5pt"
                : o == 2 ? ", line width=1pt"
                         : "");
    fputs("  output/.style={line width=1.6pt, solid},\n"
          "  box title/.style={anchor=north west, inner sep=3pt},\n"
          "  wire/.style={->},\n"
          "  captured wire/.style={->, dashed, line width=0.3pt},\n"
          "  kept wire/.style={->, dashed, line width=0.3pt, opacity=0.6},\n"
          "  effect wire/.style={->, dotted},\n"
          "}\n\n\\begin{document}\n",
          f);
}

/* ---- Items ---------------------------------------------------------------------------------------------------- */

/* y grows upwards in TikZ. */
static void print_at(FILE *f, double x, double y) { fprintf(f, "(%.1fpt,%.1fpt)", x, -y); }

static bool is_box(const pal_graph_item *i) { return i->look == PAL_GRAPH_SCOPE || i->look == PAL_GRAPH_BODY; }

static bool coloured(const pal_graph_item *i)
{
    return i->look == PAL_GRAPH_OPERATION || i->look == PAL_GRAPH_REGION || i->look == PAL_GRAPH_CLOSED;
}

static void print_box(FILE *f, const pal_graph_item *i)
{
    const char *order = orders[i->order];
    fprintf(f, "\\draw[draw=%sline, fill=%sfill!25, %s] ", order, order, styles[i->look].name);
    print_at(f, i->x, i->y);
    fputs(" rectangle ", f);
    print_at(f, i->x + i->width, i->y + i->height);
    fputs(";\n", f);
    if (!i->n_runs) return;
    fprintf(f, "\\node[box title, text=%sline] at ", order);
    print_at(f, i->x, i->y);
    fputs(" {", f);
    pal__tikz_runs(f, i->runs, i->n_runs);
    fputs("};\n", f);
}

static void print_node(FILE *f, const pal_graph_item *i, size_t number)
{
    fprintf(f, "\\node[entry, %s%s%s%s, minimum width=%.1fpt, minimum height=%.1fpt] (n%zu) at ",
            coloured(i) ? orders[i->order] : "", coloured(i) ? ", " : "", styles[i->look].name,
            i->output ? ", output" : "", i->width, i->height, number);
    print_at(f, i->x + i->width / 2, i->y + i->height / 2);
    fputs(" {", f);
    pal__tikz_runs(f, i->runs, i->n_runs);
    fputs("};\n", f);
}

/* ---- Curves --------------------------------------------------------------------------------------------------- */

static void print_curve(FILE *f, const pal_graph_curve *c)
{
    const char *style = c->effect ? "effect wire" : c->kept ? "kept wire" : c->captured ? "captured wire" : "wire";
    fprintf(f, "\\draw[%s, draw=%sline] ", style, orders[c->order]);
    print_at(f, c->points[0].x, c->points[0].y);
    for (size_t i = 3; i < c->n_points; i += 3) {
        const pal_graph_point *p = &c->points[i - 3];
        if ((p[0].x == p[3].x && p[1].x == p[0].x) || (p[0].y == p[3].y && p[1].y == p[0].y) || c->kept) {
            fputs(" -- ", f);
        } else {
            fputs(" .. controls ", f);
            print_at(f, p[1].x, p[1].y);
            fputs(" and ", f);
            print_at(f, p[2].x, p[2].y);
            fputs(" .. ", f);
        }
        print_at(f, p[3].x, p[3].y);
    }
    fputs(";\n", f);
}

/* ---- The whole ------------------------------------------------------------------------------------------------ */

static void print(FILE *f, const pal_graph_drawn *d)
{
    print_head(f, d);
    fputs("\\begin{tikzpicture}\n", f);
    if (d->title) {
        fputs("\\node[font=\\sffamily\\bfseries\\large] at ", f);
        print_at(f, d->width / 2, -24);
        fputs(" {", f);
        pal__tikz_text(f, d->title);
        fputs("};\n", f);
    }
    fputs("% boxes\n", f);
    for (size_t i = 0; i < d->n_items; i++)
        if (is_box(&d->items[i])) print_box(f, &d->items[i]);
    fputs("% wires\n", f);
    for (size_t i = 0; i < d->n_curves; i++) print_curve(f, &d->curves[i]);
    fputs("% nodes\n", f);
    for (size_t i = 0; i < d->n_items; i++)
        if (!is_box(&d->items[i])) print_node(f, &d->items[i], i);
    fputs("\\end{tikzpicture}\n\\end{document}\n", f);
}

char *pal__tikz(pal_tape *t, const pal_var *outputs, size_t n, const pal_graph_options *options)
{
    pal__text text;
    char *kept = NULL;
    pal_graph_drawn *d = pal_graph_draw(t, outputs, n, options, NULL);
    if (!d) return NULL;
    if (pal__text_open(&text, d->context)) {
        print(text.file, d);
        kept = pal__text_close(&text);
    }
    if (!kept) pal__out_of_memory(t, "graph");
    pal_graph_drawn_free(d);
    return kept;
}
