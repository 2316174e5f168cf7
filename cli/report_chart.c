/* report_chart.c - a chart of lines, as SVG in the page: its colours follow the style, and its texts are texts.
 *
 * The axes have round numbers. The y axis is logarithmic where the values are positive and the highest is far above
 * the lowest; otherwise the end of a training could not be seen. */
#include <math.h>
#include <string.h>

#include "cli/report.h"

enum { WIDTH = 760, HEIGHT = 320, LEFT = 62, RIGHT = 14, TOP = 12, BOTTOM = 42, TICKS = 6, POINTS = 1500, COLOURS = 8 };
#define FAR 30.0 /* above this ratio of the highest value to the lowest, the axis is logarithmic */

typedef struct axis {
    double low, high; /* of the logarithm, if log */
    bool log;
    double step; /* between ticks */
} axis;

static double of(const axis *a, double value)
{
    return ((a->log ? log10(value) : value) - a->low) / (a->high - a->low);
}
static double x_of(const axis *a, double value) { return LEFT + of(a, value) * (WIDTH - LEFT - RIGHT); }
static double y_of(const axis *a, double value) { return HEIGHT - BOTTOM - of(a, value) * (HEIGHT - TOP - BOTTOM); }

/* 1, 2 or 5 times a power of ten, so that about `ticks` of them fit. */
static double round_step(double span, int ticks)
{
    const double least = span / ticks, power = pow(10, floor(log10(least)));
    return power * (least <= power * 1.0001 ? 1 : least <= 2.0001 * power ? 2 : least <= 5.0001 * power ? 5 : 10);
}

static axis axis_of(double low, double high, bool upwards, bool whole)
{
    axis a = {.low = low, .high = high};
    if (!(high > low)) { /* one value alone */
        const double room = fabs(low) > 0 ? fabs(low) / 2 : 1;
        a.low -= room;
        a.high += room;
    }
    a.log = upwards && low > 0 && high / low > FAR;
    if (a.log) {
        a.low = log10(low) - 0.02 * log10(high / low);
        a.high = log10(high) + 0.02 * log10(high / low);
        a.step = ceil((a.high - a.low) / TICKS);
        return a;
    }
    a.step = round_step(a.high - a.low, TICKS);
    if (whole && a.step < 1) a.step = 1;
    if (!upwards) return a;
    if (a.low > 0 && a.low < 0.35 * a.high) a.low = 0; /* nearly all of it is shown anyway */
    a.low = floor(a.low / a.step + 1e-9) * a.step;
    a.high = ceil(a.high / a.step - 1e-9) * a.step;
    return a;
}

static void segment(pal_html *h, const char *of_class, double x1, double y1, double x2, double y2)
{
    pal_html_open_class(h, "line", of_class);
    pal_html_attribute(h, "x1", "%.1f", x1);
    pal_html_attribute(h, "y1", "%.1f", y1);
    pal_html_attribute(h, "x2", "%.1f", x2);
    pal_html_attribute(h, "y2", "%.1f", y2);
    pal_html_close(h);
}

static void label(pal_html *h, const char *of_class, double x, double y, const char *anchor, const char *text)
{
    pal_html_open_class(h, "text", of_class);
    pal_html_attribute(h, "x", "%.1f", x);
    pal_html_attribute(h, "y", "%.1f", y);
    pal_html_attribute(h, "text-anchor", "%s", anchor);
    pal_html_text(h, "%s", text);
    pal_html_close(h);
}

static void draw_ticks(pal_html *h, const axis *a, bool upwards)
{
    for (double k = ceil(a->low / a->step - 1e-9), n = 0; k * a->step <= a->high * (1 + 1e-12) + 1e-12 && n < 64;
         k++, n++) {
        char text[32];
        const double value = a->log ? pow(10, k * a->step) : fabs(k) < 1e-9 ? 0 : k * a->step;
        snprintf(text, sizeof text, "%.6g", value);
        if (upwards) {
            segment(h, "grid", LEFT, y_of(a, value), WIDTH - RIGHT, y_of(a, value));
            label(h, NULL, LEFT - 8, y_of(a, value) + 4, "end", text);
        } else {
            segment(h, "axis", x_of(a, value), HEIGHT - BOTTOM, x_of(a, value), HEIGHT - BOTTOM + 5);
            label(h, NULL, x_of(a, value), HEIGHT - BOTTOM + 19, "middle", text);
        }
    }
}

/* The points of a line as the value of an attribute: of very many, each k-th and the last. */
static void draw_line(pal_html *h, const pal__line *line, const axis *x, const axis *y)
{
    char points[POINTS * 2 * 16 + 64], of_class[32];
    const size_t every = line->n / POINTS + 1;
    size_t at = 0;
    for (size_t i = 0; i < line->n; i++)
        if ((i % every == 0 || i + 1 == line->n) && at + 32 < sizeof points)
            at += (size_t)snprintf(points + at, sizeof points - at, "%s%.1f,%.1f", at ? " " : "", x_of(x, line->x[i]),
                                   y_of(y, line->y[i]));
    if (line->n < 2) return;
    snprintf(of_class, sizeof of_class, "curve s%d%s", line->colour % COLOURS, line->dashed ? " dashed" : "");
    pal_html_open_class(h, "polyline", of_class);
    pal_html_attribute(h, "points", "%s", points);
    pal_html_close(h);
}

static void draw_dot(pal_html *h, int colour, double x, double y, double radius, const char *title)
{
    char of_class[16];
    snprintf(of_class, sizeof of_class, "dot f%d", colour % COLOURS);
    pal_html_open_class(h, "circle", of_class);
    pal_html_attribute(h, "cx", "%.1f", x);
    pal_html_attribute(h, "cy", "%.1f", y);
    pal_html_attribute(h, "r", "%.1f", radius);
    pal_html_element(h, "title", NULL, "%s", title);
    pal_html_close(h);
}

/* Dots where the points are few, with their values; and the point that is marked. */
static void draw_dots(pal_html *h, const pal__line *line, const axis *x, const axis *y)
{
    enum { FEW = 40 };
    char text[192];
    for (size_t i = 0; i < line->n && line->n <= FEW && !line->dashed; i++) {
        snprintf(text, sizeof text, "%.60s: %.6g at %.6g", line->name, line->y[i], line->x[i]);
        draw_dot(h, line->colour, x_of(x, line->x[i]), y_of(y, line->y[i]), 3, text);
    }
    if (!isfinite(line->at[1])) return;
    draw_dot(h, line->colour, x_of(x, line->at[0]), y_of(y, line->at[1]), 5.5, line->mark);
    const bool right = of(x, line->at[0]) < 0.7, below = y_of(y, line->at[1]) < HEIGHT - BOTTOM - 26;
    label(h, "marked", x_of(x, line->at[0]) + (right ? 9 : -9), y_of(y, line->at[1]) + (below ? 21 : -11),
          right ? "start" : "end", line->mark);
}

static void draw_legend(pal_html *h, const pal__chart *c)
{
    pal_html_open_class(h, "ul", "swatches");
    for (size_t i = 0; i < c->n; i++) {
        char of_class[32];
        snprintf(of_class, sizeof of_class, "curve s%d%s", c->lines[i].colour % COLOURS,
                 c->lines[i].dashed ? " dashed" : "");
        pal_html_open(h, "li");
        pal_html_open(h, "svg");
        pal_html_attribute(h, "viewBox", "0 0 26 10");
        pal_html_attribute(h, "aria-hidden", "true");
        segment(h, of_class, 1, 5, 25, 5);
        pal_html_close(h);
        pal_html_text(h, "%s", c->lines[i].name);
        pal_html_close(h);
    }
    pal_html_close(h);
}

void pal__report_chart(pal_html *h, const pal__chart *c)
{
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    for (size_t k = 0; k < c->n; k++)
        for (size_t i = 0; i < c->lines[k].n; i++) {
            const double point[] = {c->lines[k].x[i], c->lines[k].y[i]};
            for (int a = 0; a < 2; a++) {
                low[a] = fmin(low[a], point[a]);
                high[a] = fmax(high[a], point[a]);
            }
        }
    const axis x = axis_of(low[0], high[0], false, true), y = axis_of(low[1], high[1], true, false);
    draw_legend(h, c);
    pal_html_open_class(h, "svg", "chart");
    pal_html_attribute(h, "viewBox", "0 0 %d %d", WIDTH, HEIGHT);
    pal_html_attribute(h, "role", "img");
    pal_html_attribute(h, "aria-label", "%s", c->alt);
    draw_ticks(h, &y, true);
    draw_ticks(h, &x, false);
    segment(h, "axis", LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM);
    for (size_t i = 0; i < c->n_breaks; i++)
        segment(h, "break", x_of(&x, c->breaks[i]), TOP, x_of(&x, c->breaks[i]), HEIGHT - BOTTOM);
    for (size_t i = 0; i < c->n; i++) draw_line(h, &c->lines[i], &x, &y);
    for (size_t i = 0; i < c->n; i++) draw_dots(h, &c->lines[i], &x, &y);
    label(h, NULL, (LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 6, "middle", c->x_label);
    pal_html_close(h);
}
