/* canvas.c - a picture as PNG, SVG or PDF, drawn with cairo. Letters are the strokes of font.c, drawn as paths, so a
 * picture looks the same on every machine and needs no installed font.
 *
 * cairo writes into memory, and the file appears complete or not at all (file.c). Two pictures of the same data have
 * the same bytes: the PDF has a fixed date, and the SVG loses the number that cairo gives to each surface of a process.
 */
#include "plot/internal.h"

#include <cairo-pdf.h>
#include <cairo-svg.h>
#include <cairo.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct format format;

struct palt__canvas {
    const format *format;
    cairo_surface_t *surface;
    cairo_t *cairo;
    char *bytes; /* what cairo wrote, when memory is closed */
    size_t size;
    FILE *memory;
};

static cairo_status_t write_bytes(void *memory, const unsigned char *bytes, unsigned count)
{
    return fwrite(bytes, 1, count, memory) == count ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

/* ---- Formats -------------------------------------------------------------------------------------------------- */

static cairo_surface_t *open_png(FILE *memory, double width, double height)
{
    (void)memory;
    return cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)ceil(width), (int)ceil(height));
}

static cairo_surface_t *open_svg(FILE *memory, double width, double height)
{
    cairo_surface_t *surface = cairo_svg_surface_create_for_stream(write_bytes, memory, width, height);
    cairo_svg_surface_set_document_unit(surface, CAIRO_SVG_UNIT_PX);
    return surface;
}

static cairo_surface_t *open_pdf(FILE *memory, double width, double height)
{
    cairo_surface_t *surface = cairo_pdf_surface_create_for_stream(write_bytes, memory, width, height);
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE, "2000-01-01T00:00:00Z");
    return surface;
}

/* Removes the attribute id="surfaceN", to which nothing in the picture refers. */
static void forget_number(palt__canvas *canvas)
{
    static const char before[] = " id=\"surface";
    char *start = memmem(canvas->bytes, canvas->size, before, strlen(before));
    if (start == NULL) return;
    char *end = start + strlen(before), *last = canvas->bytes + canvas->size;
    while (end < last && *end != '"') end++;
    if (end == last) return;
    memmove(start, end + 1, (size_t)(last - end - 1));
    canvas->size -= (size_t)(end + 1 - start);
}

struct format {
    const char *ending;
    double scale; /* units of the format per pixel */
    cairo_surface_t *(*open)(FILE *memory, double width, double height);
    void (*finish)(palt__canvas *canvas); /* changes the bytes; NULL: nothing to change */
};
static const format formats[] = {
    {".png", 1, open_png, NULL}, {".svg", 1, open_svg, forget_number}, {".pdf", 0.5, open_pdf, NULL}};

static const format *format_of(const char *path)
{
    const size_t length = strlen(path);
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        const size_t n = strlen(formats[i].ending);
        if (length > n && path[length - n - 1] != '/' && strcasecmp(path + length - n, formats[i].ending) == 0)
            return &formats[i];
    }
    return NULL;
}

/* ---- Opening and closing -------------------------------------------------------------------------------------- */

static void release(palt__canvas *canvas)
{
    cairo_destroy(canvas->cairo); /* accepts NULL, as the next call does */
    cairo_surface_destroy(canvas->surface);
    if (canvas->memory != NULL) fclose(canvas->memory);
    free(canvas->bytes);
    free(canvas);
}

pal_status palt__canvas_open(palt__canvas **out, const char *path, double width, double height, pal_error *error)
{
    const format *f = format_of(path);
    *out = NULL;
    if (f == NULL)
        return pal_error_set(error, PAL_ERR_ARGUMENT,
                             "%s: not a picture: choose a name that ends in .png, .svg or .pdf", path);
    palt__canvas *canvas = calloc(1, sizeof *canvas);
    if (canvas == NULL) return pal_error_set(error, PAL_ERR_MEMORY, "%s: no memory", path);
    canvas->format = f;
    canvas->memory = open_memstream(&canvas->bytes, &canvas->size);
    if (canvas->memory != NULL) {
        canvas->surface = f->open(canvas->memory, width * f->scale, height * f->scale);
        canvas->cairo = cairo_create(canvas->surface);
    }
    const cairo_status_t opened = canvas->cairo == NULL ? CAIRO_STATUS_NO_MEMORY : cairo_status(canvas->cairo);
    if (opened != CAIRO_STATUS_SUCCESS) {
        release(canvas);
        return pal_error_set(error, opened == CAIRO_STATUS_NO_MEMORY ? PAL_ERR_MEMORY : PAL_ERR_ARGUMENT,
                             "%s: cannot draw %g x %g pixels: %s", path, width, height, cairo_status_to_string(opened));
    }
    cairo_scale(canvas->cairo, f->scale, f->scale);
    cairo_set_line_cap(canvas->cairo, CAIRO_LINE_CAP_ROUND);
    cairo_set_line_join(canvas->cairo, CAIRO_LINE_JOIN_ROUND);
    palt__canvas_rectangle(canvas, 0, 0, width, height);
    palt__canvas_fill(canvas, PALT__WHITE);
    *out = canvas;
    return PAL_OK;
}

static cairo_status_t finish(palt__canvas *canvas)
{
    cairo_status_t status = cairo_status(canvas->cairo);
    if (status == CAIRO_STATUS_SUCCESS && cairo_surface_get_type(canvas->surface) == CAIRO_SURFACE_TYPE_IMAGE)
        status = cairo_surface_write_to_png_stream(canvas->surface, write_bytes, canvas->memory);
    cairo_surface_finish(canvas->surface);
    if (status == CAIRO_STATUS_SUCCESS) status = cairo_surface_status(canvas->surface);
    const int closed = fclose(canvas->memory);
    canvas->memory = NULL;
    if (status == CAIRO_STATUS_SUCCESS && closed != 0) status = CAIRO_STATUS_NO_MEMORY;
    if (status == CAIRO_STATUS_SUCCESS && canvas->format->finish != NULL) canvas->format->finish(canvas);
    return status;
}

pal_status palt__canvas_close(palt__canvas *canvas, const char *path, pal_status status, pal_error *error)
{
    const cairo_status_t drawn = finish(canvas);
    palt__file file;
    if (status == PAL_OK && drawn != CAIRO_STATUS_SUCCESS)
        status = pal_error_set(error, drawn == CAIRO_STATUS_NO_MEMORY ? PAL_ERR_MEMORY : PAL_ERR_IO,
                               "%s: cannot draw: %s", path, cairo_status_to_string(drawn));
    if (status == PAL_OK) status = palt__file_begin(&file, path, error);
    if (status == PAL_OK) {
        fwrite(canvas->bytes, 1, canvas->size, file.stream);
        status = palt__file_end(&file, PAL_OK, error);
    }
    release(canvas);
    return status;
}

/* ---- Shapes --------------------------------------------------------------------------------------------------- */

void palt__canvas_move(palt__canvas *canvas, palt__point to) { cairo_move_to(canvas->cairo, to.x, to.y); }
void palt__canvas_line(palt__canvas *canvas, palt__point to) { cairo_line_to(canvas->cairo, to.x, to.y); }

void palt__canvas_polygon(palt__canvas *canvas, const palt__point *corners, int count)
{
    for (int i = 0; i < count; i++) (i == 0 ? palt__canvas_move : palt__canvas_line)(canvas, corners[i]);
    cairo_close_path(canvas->cairo);
}

void palt__canvas_rectangle(palt__canvas *canvas, double x, double y, double width, double height)
{
    cairo_rectangle(canvas->cairo, x, y, width, height);
}

static void choose(palt__canvas *canvas, pal_colour colour)
{
    cairo_set_source_rgb(canvas->cairo, colour.red / 255.0, colour.green / 255.0, colour.blue / 255.0);
}

void palt__canvas_fill(palt__canvas *canvas, pal_colour colour)
{
    choose(canvas, colour);
    cairo_fill(canvas->cairo);
}

void palt__canvas_stroke(palt__canvas *canvas, palt__pen pen)
{
    const double dashes[] = {pen.dash, pen.dash};
    choose(canvas, pen.colour);
    cairo_set_line_width(canvas->cairo, pen.width);
    cairo_set_line_cap(canvas->cairo, pen.dash > 0 ? CAIRO_LINE_CAP_BUTT : CAIRO_LINE_CAP_ROUND);
    cairo_set_dash(canvas->cairo, dashes, pen.dash > 0 ? 2 : 0, 0);
    cairo_stroke(canvas->cairo);
}

/* A line of no length with round ends: an exact circle in few bytes. */
void palt__canvas_dot(palt__canvas *canvas, palt__point at, double radius, pal_colour colour)
{
    palt__canvas_move(canvas, at);
    palt__canvas_line(canvas, at);
    palt__canvas_stroke(canvas, (palt__pen){.colour = colour, .width = 2 * radius});
}

/* ---- Text ----------------------------------------------------------------------------------------------------- */

double palt__letters_width(const char *text, size_t bytes, double height)
{
    double width = 0;
    for (size_t i = 0; i < bytes; i++)
        if (!palt__continues(text[i])) width += palt__glyph_of((unsigned char)text[i])->advance;
    return width * height / PALT__FONT_CAPITAL;
}

static palt__point between(palt__point a, palt__point b, double share)
{
    return (palt__point){a.x + share * (b.x - a.x), a.y + share * (b.y - a.y)};
}

/* A quadratic curve from a to b, as the cubic one that is equal to it. */
static void add_curve(cairo_t *cairo, palt__point a, palt__point control, palt__point b)
{
    const palt__point p = between(a, control, 2.0 / 3), q = between(b, control, 2.0 / 3);
    cairo_curve_to(cairo, p.x, p.y, q.x, q.y, b.x, b.y);
}

/* A dot is a small circle around the middle of the pen, so that it is a quarter wider than a line. */
static void add_stroke(cairo_t *cairo, const palt__point *p, int count, double pen)
{
    if (count == 1) {
        cairo_new_sub_path(cairo);
        cairo_arc(cairo, p[0].x, p[0].y, 0.25 * pen, 0, 2 * M_PI);
        return;
    }
    cairo_move_to(cairo, p[0].x, p[0].y);
    if (count == 2) cairo_line_to(cairo, p[1].x, p[1].y);
    for (int i = 1; i + 1 < count; i++)
        add_curve(cairo, i == 1 ? p[0] : between(p[i - 1], p[i], 0.5), p[i],
                  i + 2 == count ? p[i + 1] : between(p[i], p[i + 1], 0.5));
}

void palt__canvas_text(palt__canvas *canvas, palt__point at, const char *text, size_t bytes, palt__letters l)
{
    const double unit = l.height / PALT__FONT_CAPITAL, pen = unit * (l.bold ? PALT__FONT_BOLD : PALT__FONT_PEN);
    const double middle = PALT__FONT_BASELINE + PALT__FONT_CAPITAL / 2.0;
    double from = -l.anchor * palt__letters_width(text, bytes, l.height);
    palt__point p[PALT__STROKE];
    for (size_t i = 0; i < bytes; i++) {
        if (palt__continues(text[i])) continue;
        const palt__glyph *glyph = palt__glyph_of((unsigned char)text[i]);
        const char *strokes = glyph->strokes;
        for (int count; (count = palt__stroke_next(&strokes, p)) > 0;) {
            for (int k = 0; k < count; k++) {
                const double x = from + unit * p[k].x, y = unit * (middle - p[k].y);
                p[k] = l.turned ? (palt__point){at.x + y, at.y - x} : (palt__point){at.x + x, at.y + y};
            }
            add_stroke(canvas->cairo, p, count, pen);
        }
        from += unit * glyph->advance;
    }
    palt__canvas_stroke(canvas, (palt__pen){.colour = l.colour, .width = 2 * pen});
}

void palt__canvas_fit(palt__canvas *canvas, palt__point at, const char *text, double room, palt__letters l)
{
    size_t bytes = strlen(text);
    const double width = palt__letters_width(text, bytes, l.height);
    if (width > room) l.height = fmax(l.height * room / width, 0.65 * l.height);
    while (bytes > 1 && palt__letters_width(text, bytes, l.height) > room * 1.0001) bytes--;
    palt__canvas_text(canvas, at, text, bytes, l);
}
