/* graph.c - draws the computation graph of a tape without Graphviz: the places are those of pal_graph_draw, the letters
 * those of this library. */
#include "autograd/operation.h"
#include "plot/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A unit of the drawing in pixels; the margin; the height of a capital by the size of letters. */
#define UNIT    1.5
#define MARGIN  26.0
#define CAPITAL 0.7

enum { LONGEST = 28000 }; /* pixels; the pages of PDF have half as many points, and at most 14400 */
#define LARGEST 2.6e8     /* pixels */
#define LEGIBLE 0.5       /* the least scale of a PNG */

typedef struct view {
    const pal_graph_drawn *d;
    double scale; /* 1, or less if the picture would be too large */
    double top;   /* of the drawing, in pixels */
} view;

typedef struct colours {
    pal_colour fill, line;
} colours;

static double width_of(const char *text, bool bold)
{
    (void)bold; /* the pen is wider, the letters are not */
    return palt__letters_width(text, strlen(text), CAPITAL);
}

static pal_colour colour_of(const char *text) /* "#dcebf9" */
{
    const unsigned long c = strtoul(text + (*text == '#'), NULL, 16);
    return (pal_colour){(uint8_t)(c >> 16 & 255), (uint8_t)(c >> 8 & 255), (uint8_t)(c & 255)};
}

static pal_colour paler(pal_colour c)
{
    return (pal_colour){(uint8_t)((c.red + 3 * 255) / 4), (uint8_t)((c.green + 3 * 255) / 4),
                        (uint8_t)((c.blue + 3 * 255) / 4)};
}

static palt__point at(const view *v, double x, double y) { return (palt__point){MARGIN + UNIT * x, v->top + UNIT * y}; }

/* ---- Shapes --------------------------------------------------------------------------------------------------- */

enum { CORNERS = 24 };

/* A rectangle whose corners are arcs, or are cut if `cut`. */
static int rounded(palt__point p[CORNERS], palt__point low, palt__point high, double radius, bool cut)
{
    const int steps = cut ? 1 : 5;
    int n = 0;
    for (int corner = 0; corner < 4; corner++) {
        const bool right = corner == 1 || corner == 2, lower = corner >= 2;
        const palt__point centre = {right ? high.x - radius : low.x + radius, lower ? high.y - radius : low.y + radius};
        for (int i = 0; i <= steps; i++) {
            const double angle = M_PI * (1 + 0.5 * (corner + (double)i / steps));
            p[n++] = (palt__point){centre.x + radius * cos(angle), centre.y + radius * sin(angle)};
        }
    }
    return n;
}

/* The outline of a node, smaller by `inside` on each side. */
static int outline(const view *v, const pal_graph_item *i, double inside, palt__point p[CORNERS])
{
    palt__point low = at(v, i->x, i->y), high = at(v, i->x + i->width, i->y + i->height);
    low.x += inside, low.y += inside, high.x -= inside, high.y -= inside;
    const double x = (low.x + high.x) / 2, y = (low.y + high.y) / 2, lean = fmin(9, (high.x - low.x) / 4);
    switch (i->look) {
    case PAL_GRAPH_INPUT:
        p[0] = (palt__point){low.x + lean, low.y}, p[1] = (palt__point){high.x, low.y};
        p[2] = (palt__point){high.x - lean, high.y}, p[3] = (palt__point){low.x, high.y};
        return 4;
    case PAL_GRAPH_NOISE:
        p[0] = (palt__point){x, low.y}, p[1] = (palt__point){high.x, y};
        p[2] = (palt__point){x, high.y}, p[3] = (palt__point){low.x, y};
        return 4;
    case PAL_GRAPH_EFFECT:
        p[0] = (palt__point){low.x + lean, low.y}, p[1] = (palt__point){high.x, low.y};
        p[2] = high, p[3] = (palt__point){low.x + lean, high.y}, p[4] = (palt__point){low.x, y};
        return 5;
    case PAL_GRAPH_INDEX:
        return rounded(p, low, high, fmin(high.x - low.x, high.y - low.y) / 2, false);
    case PAL_GRAPH_REGION:
        return rounded(p, low, high, 8, true);
    case PAL_GRAPH_PARAMETER:
    case PAL_GRAPH_CLOSED:
        return rounded(p, low, high, 0, true);
    case PAL_GRAPH_SCOPE:
        return rounded(p, low, high, 7, false);
    default:
        return rounded(p, low, high, 4, false);
    }
}

static colours colours_of(const pal_graph_drawn *d, const pal_graph_item *i)
{
    static const colours own[PAL_GRAPH_LOOKS] = {[PAL_GRAPH_PARAMETER] = {{255, 243, 168}, {125, 107, 0}},
                                                 [PAL_GRAPH_INPUT] = {{255, 255, 255}, {51, 51, 51}},
                                                 [PAL_GRAPH_INDEX] = {{255, 255, 255}, {102, 102, 102}},
                                                 [PAL_GRAPH_NOISE] = {{207, 238, 218}, {42, 107, 69}},
                                                 [PAL_GRAPH_EFFECT] = {{244, 182, 174}, {140, 47, 34}}};
    colours p = own[i->look];
    if (p.fill.red) return p;
    p = (colours){colour_of(d->fill[i->order]), colour_of(d->line[i->order])};
    if (i->look == PAL_GRAPH_SCOPE) p.fill = paler(p.fill);
    if (i->look == PAL_GRAPH_BODY) p.fill = PALT__WHITE;
    return p;
}

/* ---- Words ---------------------------------------------------------------------------------------------------- */

static double size_of(const pal_graph_run *r) { return UNIT * r->size * (r->raised ? 0.7 : 1); }

/* Draws one line of runs; returns their number. x: the middle of the line, or its left end; y: its middle. */
static size_t draw_line(palt__canvas *c, const pal_graph_run *runs, size_t n, palt__point to, bool centred,
                        pal_colour colour)
{
    size_t count = 0;
    double width = 0;
    do width += width_of(runs[count].text, false) * size_of(&runs[count]);
    while (!runs[count++].ends && count < n);
    double x = to.x - (centred ? width / 2 : 0);
    for (size_t i = 0; i < count; i++) {
        const pal_graph_run *r = &runs[i];
        const double size = size_of(r);
        palt__canvas_text(c, (palt__point){x, to.y - (r->raised ? 0.4 * size : 0)}, r->text, strlen(r->text),
                          (palt__letters){.height = CAPITAL * size, .colour = colour, .bold = r->bold});
        x += width_of(r->text, false) * size;
    }
    return count;
}

static double leading(const pal_graph_run *r) { return UNIT * 1.3 * r->size; }

static void draw_words(palt__canvas *c, const view *v, const pal_graph_item *i)
{
    double high = 0;
    for (size_t k = 0; k < i->n_runs; k++)
        if (i->runs[k].ends) high += leading(&i->runs[k]);
    palt__point to = at(v, i->x + i->width / 2, i->y + i->height / 2);
    to.y -= high / 2;
    for (size_t k = 0; k < i->n_runs;) {
        const double step = leading(&i->runs[k]);
        to.y += step / 2;
        k += draw_line(c, i->runs + k, i->n_runs - k, to, true, i->look == PAL_GRAPH_LABEL ? PALT__GREY : PALT__INK);
        to.y += step / 2;
    }
}

/* ---- Items and curves ----------------------------------------------------------------------------------------- */

static bool is_box(const pal_graph_item *i) { return i->look == PAL_GRAPH_SCOPE || i->look == PAL_GRAPH_BODY; }

static void draw_outline(palt__canvas *c, const view *v, const pal_graph_item *i, double inside, palt__pen pen)
{
    palt__point p[CORNERS];
    palt__canvas_polygon(c, p, outline(v, i, inside, p));
    palt__canvas_stroke(c, pen);
}

static void draw_item(palt__canvas *c, const view *v, const pal_graph_item *i)
{
    const colours paint = colours_of(v->d, i);
    palt__point p[CORNERS];
    const bool body = i->look == PAL_GRAPH_BODY, dashed = body || (i->order == 1 && !is_box(i) && !i->output);
    const double width = i->output ? 3.5 : body || i->order == 2 ? 2 : is_box(i) ? 1 : 1.4;
    if (i->look != PAL_GRAPH_CONSTANT && i->look != PAL_GRAPH_LABEL) {
        palt__canvas_polygon(c, p, outline(v, i, 0, p));
        palt__canvas_fill(c, paint.fill);
        draw_outline(c, v, i, 0, (palt__pen){paint.line, width, dashed ? 5 : 0});
    }
    if (i->look == PAL_GRAPH_PARAMETER || i->look == PAL_GRAPH_CLOSED || i->look == PAL_GRAPH_REGION)
        draw_outline(c, v, i, 3.5, (palt__pen){paint.line, 1, 0});
    if (!is_box(i)) draw_words(c, v, i);
    if (!is_box(i) || !i->n_runs) return;
    const palt__point corner = at(v, i->x, i->y);
    draw_line(c, i->runs, i->n_runs, (palt__point){corner.x + 8, corner.y + 15}, false, paint.line);
}

static void draw_arrow(palt__canvas *c, palt__point from, palt__point to, pal_colour colour)
{
    const double length = hypot(to.x - from.x, to.y - from.y), x = (to.x - from.x) / length,
                 y = (to.y - from.y) / length;
    if (!(length > 0)) return;
    const palt__point p[] = {
        to, {to.x - 9 * x - 3.6 * y, to.y - 9 * y + 3.6 * x}, {to.x - 9 * x + 3.6 * y, to.y - 9 * y - 3.6 * x}};
    palt__canvas_polygon(c, p, 3);
    palt__canvas_fill(c, colour);
}

static void draw_curve(palt__canvas *c, const view *v, const pal_graph_curve *w)
{
    const pal_colour colour = colour_of(v->d->line[w->order]);
    const bool thin = w->kept || w->captured || w->effect;
    palt__point before = at(v, w->points[0].x, w->points[0].y), end = before;
    palt__canvas_move(c, before);
    for (size_t i = 3; i < w->n_points; i += 3) {
        palt__point p[3];
        for (size_t k = 0; k < 3; k++) p[k] = at(v, w->points[i - 2 + k].x, w->points[i - 2 + k].y);
        palt__canvas_curve(c, p[0], p[1], p[2]);
        before = p[1], end = p[2];
    }
    palt__canvas_stroke(c, (palt__pen){colour, thin ? 0.9 : 1.4, w->effect ? 2 : thin ? 6 : 0});
    draw_arrow(c, before, end, colour);
}

static void draw_graph(palt__canvas *c, const void *user)
{
    const view *v = user;
    const pal_graph_drawn *d = v->d;
    palt__canvas_scale(c, v->scale);
    if (d->title) palt__title_draw(c, d->title, MARGIN + UNIT * d->width / 2, MARGIN, UNIT * d->width);
    for (size_t i = 0; i < d->n_items; i++)
        if (is_box(&d->items[i])) draw_item(c, v, &d->items[i]);
    for (size_t i = 0; i < d->n_curves; i++)
        if (d->curves[i].n_points) draw_curve(c, v, &d->curves[i]);
    for (size_t i = 0; i < d->n_items; i++)
        if (!is_box(&d->items[i])) draw_item(c, v, &d->items[i]);
}

/* ---- Writing -------------------------------------------------------------------------------------------------- */

pal_status pal_graph_picture_write(pal_tape *tape, const pal_var *outputs, size_t n, const pal_graph_options *options,
                                   const char *path, pal_error *error)
{
    palt__format format;
    if (!tape || !path || (n && !outputs))
        return pal_error_set(error, PAL_ERR_ARGUMENT, "graph: needs a tape, its outputs and a file name");
    if (!palt__format_of(path, &format))
        return pal_error_set(error, PAL_ERR_ARGUMENT,
                             "%s: not a picture: choose a name that ends in .png, .svg or .pdf", path);
    pal_graph_drawn *d = pal_graph_draw(tape, outputs, n, options, width_of);
    if (!d) return pal_error_set(error, pal_tape_status(tape), "%s", pal_tape_error(tape));
    const double title = d->title ? palt__title_height(d->title, UNIT * d->width) + 12 : 0;
    const double width = UNIT * d->width + 2 * MARGIN, height = UNIT * d->height + title + 2 * MARGIN;
    const double scale = fmin(fmin(1, LONGEST / fmax(width, height)), sqrt(LARGEST / (width * height)));
    const view v = {d, scale, MARGIN + title};
    const palt__picture picture = {
        .width = floor(scale * width), .height = floor(scale * height), .draw = draw_graph, .user = &v};
    const pal_status status =
        format == PALT__PNG && scale < LEGIBLE
            ? pal_error_set(
                  error, PAL_ERR_ARGUMENT,
                  "%s: %.0f x %.0f pixels are too many: draw less, with options.depth or --depth 1, or choose "
                  "a name that ends in .svg or .pdf",
                  path, width, height)
            : palt__picture_write(&picture, path, error);
    pal_graph_drawn_free(d);
    return status;
}
