/* vector.c - a picture as SVG or PDF, drawn with cairo.
 *
 * cairo writes into memory, and the file appears complete or not at all (pal_file_write). Two pictures of the same data
 * have the same bytes: the PDF has a fixed date, and the SVG gets numbers of its own for those that cairo gives to the
 * surfaces of a process.
 */
#include "plot/internal.h"

#include <cairo-pdf.h>
#include <cairo-svg.h>
#include <cairo.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- Formats -------------------------------------------------------------------------------------------------- */

static cairo_status_t write_bytes(void *memory, const unsigned char *bytes, unsigned count)
{
    return fwrite(bytes, 1, count, memory) == count ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
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

static const struct {
    double scale; /* units of the format per pixel */
    cairo_surface_t *(*open)(FILE *memory, double width, double height);
} formats[] = {[PALT__SVG] = {1, open_svg}, [PALT__PDF] = {0.5, open_pdf}};

/* ---- Equal bytes ---------------------------------------------------------------------------------------------- */

static const char *const words[] = {"\"surface", "\"image", "\"#image"};
enum { WORDS = sizeof words / sizeof *words };

/* Finds the next name "surfaceN", "imageN" or "#imageN". Returns its digits and sets *word; NULL: there is none. */
static const char *next_name(const char *text, unsigned long *number, const char **after, int *word)
{
    for (const char *quote = text; (quote = strchr(quote, '"')) != NULL; quote++)
        for (*word = 0; *word < WORDS; ++*word) {
            const char *digits = quote + strlen(words[*word]);
            if (strncmp(quote, words[*word], strlen(words[*word])) != 0) continue;
            char *end;
            *number = strtoul(digits, &end, 10);
            *after = end;
            if (end > digits && *end == '"') return digits;
        }
    return NULL;
}

static int ascending(const void *a, const void *b)
{
    const unsigned long *p = a, *q = b;
    return *p < *q ? -1 : *p > *q;
}

/* Lists the numbers of all names, ascending and each once. Returns how many there are; SIZE_MAX: no memory. */
static size_t list_numbers(const char *text, unsigned long **numbers)
{
    size_t count = 0, room = 0, different = 0;
    unsigned long number;
    int word;
    for (const char *at = text; next_name(at, &number, &at, &word) != NULL; count++) {
        if (count == room) {
            unsigned long *more = realloc(*numbers, (room = 2 * room + 64) * sizeof **numbers);
            if (more == NULL) return SIZE_MAX;
            *numbers = more;
        }
        (*numbers)[count] = number;
    }
    if (count > 0) qsort(*numbers, count, sizeof **numbers, ascending);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || (*numbers)[i] != (*numbers)[i - 1]) (*numbers)[different++] = (*numbers)[i];
    return different;
}

/* Copies an SVG. Its surfaces and images are numbered from 0, and an image is not blurred when it is enlarged: of the
 * two values in the style, a reader takes the last that it knows. */
static bool copy_svg(FILE *to, const char *text)
{
    static const char style[] = "\" style=\"image-rendering:optimizeSpeed;image-rendering:pixelated";
    unsigned long *numbers = NULL, number;
    const size_t count = list_numbers(text, &numbers);
    int word;
    const char *at = text, *after;
    for (const char *digits; count < SIZE_MAX && (digits = next_name(at, &number, &after, &word)) != NULL; at = after) {
        const unsigned long *found = bsearch(&number, numbers, count, sizeof number, ascending);
        fwrite(at, 1, (size_t)(digits - at), to);
        fprintf(to, "%td%s", found - numbers, word == 0 ? style : "");
    }
    fputs(at, to);
    free(numbers);
    return count < SIZE_MAX;
}

/* ---- Writing -------------------------------------------------------------------------------------------------- */

static cairo_status_t draw(FILE *memory, palt__format format, const palt__picture *p)
{
    const double scale = formats[format].scale;
    cairo_surface_t *surface = formats[format].open(memory, p->width * scale, p->height * scale);
    cairo_t *canvas = cairo_create(surface);
    cairo_scale(canvas, scale, scale);
    palt__canvas_prepare(canvas);
    palt__canvas_rectangle(canvas, 0, 0, p->width, p->height);
    palt__canvas_fill(canvas, PALT__WHITE);
    p->draw(canvas, p->user);
    cairo_status_t status = cairo_status(canvas);
    cairo_destroy(canvas);
    cairo_surface_finish(surface);
    if (status == CAIRO_STATUS_SUCCESS) status = cairo_surface_status(surface);
    cairo_surface_destroy(surface);
    return status;
}

typedef struct contents {
    palt__format format;
    const char *bytes; /* a memory stream ends its bytes with a zero */
    size_t size;
} contents;

static int print_svg(FILE *to, void *text) { return copy_svg(to, text) ? 0 : ENOMEM; }

static int write_drawn(int descriptor, void *user)
{
    const contents *c = user;
    return c->format == PALT__PDF ? pal_write_all(descriptor, c->bytes, c->size)
                                  : pal_write_printed(descriptor, print_svg, (void *)(uintptr_t)c->bytes);
}

pal_status palt__vector_write(const palt__picture *p, palt__format format, const char *path, pal_error *error)
{
    char *bytes = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&bytes, &size);
    cairo_status_t drawn =
        memory == NULL || !palt__canvas_has_room() ? CAIRO_STATUS_NO_MEMORY : draw(memory, format, p);
    const bool closed = memory != NULL && fclose(memory) == 0;
    /* Without memory for its last change of size, the stream closes and has no bytes. */
    if ((!closed || bytes == NULL) && drawn == CAIRO_STATUS_SUCCESS) drawn = CAIRO_STATUS_NO_MEMORY;
    pal_status status = PAL_OK;
    if (drawn != CAIRO_STATUS_SUCCESS)
        status = pal_error_set(error, drawn == CAIRO_STATUS_NO_MEMORY ? PAL_ERR_MEMORY : PAL_ERR_ARGUMENT,
                               "%s: cannot draw %g x %g pixels: %s", path, p->width, p->height,
                               cairo_status_to_string(drawn));
    if (status == PAL_OK) status = pal_file_write(path, write_drawn, &(contents){format, bytes, size}, error);
    free(bytes);
    return status;
}
