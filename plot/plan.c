/* plan.c - draws a compiled program: its steps in time, and below them what lies where in the arena.
 *
 * In: a plan, and the time of each step if it was measured. Out: a picture. A column is at least as wide as a line of
 * letters is high while the picture does not get too wide; above that, columns get narrower and lose their words, then
 * their borders. A program of thousands of steps shows as a shape. What is too thin to see is counted below. */
#include "plot/plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    MARGIN = 28,
    TITLE = 6,    /* space below the title */
    LETTERS = 11, /* heights of letters: of steps and values */
    TICK = 13,
    COLUMN = 17, /* least width of a column that has words */
    BROAD = 96,  /* least width of a column whose words are across */
    LEAST = 940, /* widths of all columns */
    MOST = 2400,
    WORDS = 290, /* most room for the words above the steps */
    STRIP = 26,  /* heights: of the row of steps */
    SCOPES = 30, /* of the row of scopes, with its space */
    ARENA = 520,
    UNDER = 78, /* numbers of steps, the name of that axis, a caption */
};

typedef struct view {
    const pal_plan_drawing *d;
    const pal_plan *p;
    double *edges;  /* of the columns: n_steps + 1 of them */
    bool *replaced; /* by place: another is written over it */
    double left, right, words, strip, top, bottom, width, height;
    double scale, total; /* pixels a byte; seconds of all steps, or 0 */
    palt__entry legend[PALT__PLAN_ENTRIES];
    size_t entries, thin;
} view;

static double text_width(const char *text, double height) { return palt__letters_width(text, strlen(text), height); }

static double height_of(const view *v, size_t bytes) { return (double)bytes * v->scale; }
static double level(const view *v, double bytes) { return v->bottom - bytes * v->scale; }

/* 1, 2 or 5 times a power of ten: the first that is at least `least`. */
static double round_step(double least)
{
    double power = pow(10, floor(log10(least)));
    static const double factors[] = {1, 2, 5, 10};
    int i = 0;
    while (i < 3 && factors[i] * power < least * (1 - 1e-9)) i++;
    return factors[i] * power;
}

/* ---- Layout --------------------------------------------------------------------------------------------------- */

/* Each column begins where the one before ends. Without times, or if all are 0, all are equally wide. */
static void place_columns(view *v)
{
    const size_t n = v->p->n_steps;
    double from = 0;
    for (size_t i = 0; i < n && v->d->seconds; i++) v->total += v->d->seconds[i];
    for (size_t i = 0; i <= n; i++) {
        const double share = v->total > 0 ? from / v->total : n ? (double)i / (double)n : 0;
        v->edges[i] = v->left + share * (v->right - v->left);
        if (v->total > 0 && i < n) from += v->d->seconds[i];
    }
}

/* In a broad column the words are lines across; elsewhere they are one line upwards. */
static palt__block words_of(const char *text, double wide)
{
    return (palt__block){text, {LETTERS, false, PALT__INK}, (int64_t)wide - 8, 6};
}

static double highest_words(const view *v)
{
    double highest = 0;
    char text[256];
    for (size_t i = 0; i < v->p->n_steps; i++) {
        const double wide = v->edges[i + 1] - v->edges[i];
        if (wide < COLUMN - 1) continue;
        palt__plan_step_text(&v->p->steps[i], v->total > 0 ? &v->d->seconds[i] : NULL, wide >= BROAD ? "\n" : "  ",
                             text, sizeof text);
        const palt__block b = words_of(text, wide);
        highest = fmax(highest, wide >= BROAD ? (double)palt__block_height(&b) : text_width(text, LETTERS));
    }
    return fmin(highest, WORDS);
}

static void lay_out(view *v)
{
    const double n = (double)v->p->n_steps, columns = fmin(fmax(COLUMN * n, LEAST), MOST);
    if (!v->d->no_legend) v->entries = palt__plan_legend(v->p, v->d->seconds, v->legend);
    v->left = MARGIN + 86;
    v->right = v->left + columns;
    v->width = v->right + MARGIN + palt__legend_width(v->legend, v->entries, ARENA);
    place_columns(v);
    const double title = palt__title_height(v->d->title, v->width - 4 * MARGIN);
    v->words = MARGIN + (title > 0 ? title + TITLE : 0) + highest_words(v);
    v->strip = v->words + 8;
    v->top = v->strip + STRIP + SCOPES;
    v->bottom = v->top + ARENA;
    v->height = v->bottom + UNDER + MARGIN;
    v->scale = v->p->arena ? (ARENA - 16.0) / (double)v->p->arena : 1; /* 16: the line of the size is inside */
    for (size_t i = 0; i < v->p->n_places; i++)
        if (v->p->places[i].over) v->replaced[v->p->places[i].over - 1] = true;
    for (size_t i = 0; i < v->p->n_places; i++) v->thin += height_of(v, v->p->places[i].bytes) < 0.5;
}

/* ---- Drawing -------------------------------------------------------------------------------------------------- */

static void line(palt__canvas *c, double x, double y, double to_x, double to_y, palt__pen pen)
{
    palt__canvas_move(c, (palt__point){x, y});
    palt__canvas_line(c, (palt__point){to_x, to_y});
    palt__canvas_stroke(c, pen);
}

static void text_at(palt__canvas *c, double x, double y, const char *text, palt__letters letters)
{
    palt__canvas_text(c, (palt__point){x, y}, text, strlen(text), letters);
}

static void draw_step(palt__canvas *c, const view *v, size_t i)
{
    const pal_plan_step *s = &v->p->steps[i];
    const double x = v->edges[i], wide = v->edges[i + 1] - x, gap = wide > 6 ? 1 : 0;
    char text[256];
    if (wide <= 0) return;
    palt__canvas_rectangle(c, x + gap, v->strip, wide - 2 * gap, STRIP);
    palt__canvas_fill(c, palt__plan_looks[palt__plan_look_of(s)]);
    if (wide < COLUMN - 1) return;
    palt__plan_step_text(s, v->total > 0 ? &v->d->seconds[i] : NULL, wide >= BROAD ? "\n" : "  ", text, sizeof text);
    if (wide >= BROAD) {
        const palt__block b = words_of(text, wide);
        palt__block_draw(c, &b, 0.5, (int64_t)(x + wide / 2), (int64_t)(v->words - (double)palt__block_height(&b)));
        return;
    }
    palt__canvas_fit(c, (palt__point){x + wide / 2, v->words}, text, WORDS,
                     (palt__letters){.height = LETTERS, .colour = PALT__INK, .turned = true});
}

/* The name of a scope that is inside the outermost one, "encoder" of "loss/encoder/1", or else of that one. */
static size_t scope_name(const pal_plan_step *s, const char **name)
{
    const char *inner = strchr(s->scope, '/');
    *name = inner ? inner + 1 : s->scope;
    return strcspn(*name, "/");
}

static bool same_scope(const pal_plan_step *a, const pal_plan_step *b)
{
    const char *x, *y;
    const size_t n = scope_name(a, &x);
    return n == scope_name(b, &y) && !memcmp(x, y, n);
}

/* A line below the steps that one scope has recorded, with its name where there is room. */
static void draw_scopes(palt__canvas *c, const view *v)
{
    const size_t n = v->p->n_steps;
    for (size_t i = 0, to; i < n; i = to) {
        const pal_plan_step *s = &v->p->steps[i];
        for (to = i + 1; to < n && same_scope(s, &v->p->steps[to]); to++) {
        }
        const double x = v->edges[i], end = v->edges[to], y = v->strip + STRIP + 5;
        char name[128];
        const char *at;
        const size_t bytes = scope_name(s, &at);
        snprintf(name, sizeof name, "%.*s", (int)bytes, at);
        if (!*name || end - x < 3) continue;
        line(c, x + 2, y, end - 2, y, (palt__pen){.colour = PALT__GREY, .width = 1.5});
        if (text_width(name, LETTERS) <= end - x - 2)
            text_at(c, (x + end) / 2, y + 11, name,
                    (palt__letters){.height = LETTERS, .colour = PALT__GREY, .anchor = 0.5});
    }
}

/* The longest text of the value that fits, across if it can be, or else upwards. */
static void name_place(palt__canvas *c, const view *v, const pal_plan_place *p, double x, double y, double wide,
                       double high)
{
    char text[160];
    palt__letters l = {.height = LETTERS, .colour = PALT__INK, .anchor = 0.5, .bold = p->output > 0};
    for (int less = 0; less < PALT__PLAN_TEXTS; less++) {
        palt__plan_place_text(v->d, p, less, text, sizeof text);
        const double length = text_width(text, LETTERS) + 8;
        l.turned = !(length <= wide && high >= LETTERS + 5);
        if (!*text || (l.turned && (length > high || wide < LETTERS + 5))) continue;
        text_at(c, x + wide / 2, y + high / 2, text, l);
        return;
    }
}

/* A value that is written over its operand begins in the middle of the step, where the operand ends. */
static void draw_place(palt__canvas *c, const view *v, size_t i)
{
    const pal_plan_place *p = &v->p->places[i];
    const palt__plan_colours *colours = palt__plan_colours_of(p);
    const double *e = v->edges;
    const double x = p->over ? (e[p->first] + e[p->first + 1]) / 2 : e[p->first],
                 end = v->replaced[i] ? (e[p->last] + e[p->last + 1]) / 2 : e[p->last + 1],
                 high = height_of(v, p->bytes), y = level(v, (double)p->offset) - high, wide = end - x;
    if (high < 0.5) return;
    palt__canvas_rectangle(c, x, y, wide, high);
    palt__canvas_fill(c, colours->fill);
    if (wide < 3 || high < 3) return;
    const double pen = p->output ? 2 : 0.8;
    palt__canvas_rectangle(c, x + pen / 2, y + pen / 2, wide - pen, high - pen);
    palt__canvas_stroke(c, (palt__pen){.colour = p->output ? PALT__INK : colours->line, .width = pen});
    name_place(c, v, p, x, y, wide, high);
}

static void draw_marks(palt__canvas *c, const view *v)
{
    for (size_t i = 0; i < v->p->n_places; i++) {
        const pal_plan_place *p = &v->p->places[i];
        const double high = height_of(v, p->bytes), wide = v->edges[p->first + 1] - v->edges[p->first];
        if (!p->over || high < 4 || wide < 4) continue;
        const palt__point at = {v->edges[p->first] + wide / 2, level(v, (double)p->offset) - fmin(high / 2, 8)};
        palt__marker(c, at, (palt__look){{PALT__INK, 0, 0}, 5, fmin(fmin(high, wide) / 3, 4)});
    }
}

static void draw_bytes(palt__canvas *c, const view *v)
{
    double unit;
    const char *name = palt__plan_unit((double)v->p->arena, &unit);
    const double most = (double)v->p->arena / unit, step = most > 0 ? round_step(most / 9) : 1;
    char text[64];
    for (double at = 0; at <= most; at += step) {
        const double y = floor(level(v, at * unit)) + 0.5;
        line(c, v->left - 6, y, v->right, y, (palt__pen){{225, 225, 225}, 1, 0});
        snprintf(text, sizeof text, "%.6g", at);
        text_at(c, v->left - 12, y, text, (palt__letters){.height = TICK, .colour = PALT__INK, .anchor = 1});
    }
    snprintf(text, sizeof text, "arena, %s", name);
    text_at(c, MARGIN + TICK / 2.0, (v->top + v->bottom) / 2, text,
            (palt__letters){.height = TICK, .colour = PALT__INK, .anchor = 0.5, .turned = true});
    line(c, v->left, v->top, v->left, v->bottom, (palt__pen){PALT__INK, 1.5, 0});
}

static void draw_time(palt__canvas *c, const view *v)
{
    const char *unit = v->total < 0.9995e-3 ? "us" : v->total < 0.9995 ? "ms" : "s";
    const double n = (double)v->p->n_steps,
                 scale = v->total < 0.9995e-3 ? 1e6
                         : v->total < 0.9995  ? 1e3
                                              : 1,
                 most = v->total > 0 ? v->total * scale : n, wide = v->right - v->left;
    const double least = most * 54 / wide, step = most > 0 ? round_step(v->total > 0 ? least : fmax(least, 1)) : 1;
    char text[64];
    line(c, v->left, v->bottom, v->right, v->bottom, (palt__pen){PALT__INK, 1.5, 0});
    for (double at = 0; v->total > 0 ? at <= most : at < most; at += step) {
        const double x = v->left + (at + (v->total > 0 ? 0 : 0.5)) / most * wide;
        line(c, x, v->bottom, x, v->bottom + 6, (palt__pen){PALT__INK, 1.5, 0});
        snprintf(text, sizeof text, "%.6g", at);
        text_at(c, x, v->bottom + 18, text, (palt__letters){.height = TICK, .colour = PALT__INK, .anchor = 0.5});
    }
    snprintf(text, sizeof text, v->total > 0 ? "time, %s" : "step", unit);
    text_at(c, (v->left + v->right) / 2, v->bottom + 42, text,
            (palt__letters){.height = TICK, .colour = PALT__INK, .anchor = 0.5});
}

/* The size of the arena, and the most that is in use at one step. They are one line if they are equal. */
static void draw_sizes(palt__canvas *c, const view *v)
{
    const pal_plan *p = v->p;
    char all[32], least[32], text[256];
    const double y = level(v, (double)p->arena), low = level(v, (double)p->least);
    line(c, v->left, y, v->right, y, (palt__pen){PALT__INK, 2, 0});
    if (p->least < p->arena) line(c, v->left, low, v->right, low, (palt__pen){{188, 61, 52}, 2, 8});
    snprintf(text, sizeof text, "%zu steps. The arena has %s; the most that is in use at one step is %s%s.", p->n_steps,
             palt__plan_bytes(p->arena, all, sizeof all), palt__plan_bytes(p->least, least, sizeof least),
             p->least < p->arena ? " (dashed)" : ", so no arrangement needs less");
    const size_t used = strlen(text);
    if (v->thin) snprintf(text + used, sizeof text - used, " %zu small values are too thin to see.", v->thin);
    palt__canvas_fit(c, (palt__point){MARGIN, v->height - MARGIN - TICK / 2.0}, text, v->width - 2 * MARGIN,
                     (palt__letters){.height = TICK, .colour = PALT__GREY});
}

static void draw_plan(palt__canvas *c, const void *user)
{
    const view *v = user;
    palt__title_draw(c, v->d->title, v->width / 2, MARGIN, v->width - 4 * MARGIN);
    for (size_t i = 0; i < v->p->n_steps; i++) draw_step(c, v, i);
    draw_scopes(c, v);
    draw_bytes(c, v);
    for (size_t i = 0; i < v->p->n_places; i++) draw_place(c, v, i);
    draw_marks(c, v);
    draw_sizes(c, v);
    draw_time(c, v);
    palt__legend_draw(c, v->legend, v->entries, v->right + 20, v->strip, v->bottom);
}

/* ---- Writing -------------------------------------------------------------------------------------------------- */

static const char *wrong_with(const pal_plan_drawing *d)
{
    const pal_plan *p = d->plan;
    if (!p || (p->n_steps && !p->steps) || (p->n_places && !p->places)) return "no plan";
    if (d->output_count && !d->outputs) return "no names of outputs";
    for (size_t i = 0; i < p->n_steps; i++) {
        if (!p->steps[i].ops || !p->steps[i].n_own || !p->steps[i].scope) return "a step has no operation";
        if (d->seconds && !(d->seconds[i] >= 0 && isfinite(d->seconds[i]))) return "a time is no number of seconds";
    }
    for (size_t i = 0; i < p->n_places; i++) {
        const pal_plan_place *a = &p->places[i];
        if (a->last < a->first || a->last >= p->n_steps || a->over > i) return "a place at a step that is none";
        if (a->bytes > p->arena || a->offset > p->arena - a->bytes) return "a place outside the arena";
    }
    return NULL;
}

pal_status pal_plan_write(const pal_plan_drawing *given, const char *path, pal_error *error)
{
    pal_plan_drawing d = {0};
    if (!given || !path) return pal_error_set(error, PAL_ERR_ARGUMENT, "plan: needs a drawing and a file name");
    if (pal_options_read(&d, given, sizeof d, sizeof d, "plan", error)) return PAL_ERR_ARGUMENT;
    const char *wrong = wrong_with(&d);
    if (wrong) return pal_error_set(error, PAL_ERR_ARGUMENT, "plan: %s", wrong);
    view v = {.d = &d,
              .p = d.plan,
              .edges = calloc(d.plan->n_steps + 1, sizeof *v.edges),
              .replaced = calloc(d.plan->n_places + 1, sizeof *v.replaced)};
    pal_status status = PAL_OK;
    if (!v.edges || !v.replaced) status = pal_error_set(error, PAL_ERR_MEMORY, "%s: no memory", path);
    if (status == PAL_OK) {
        lay_out(&v);
        const palt__picture picture = {.width = ceil(v.width), .height = ceil(v.height), .draw = draw_plan, .user = &v};
        status = palt__picture_write(&picture, path, error);
    }
    free(v.edges);
    free(v.replaced);
    return status;
}
