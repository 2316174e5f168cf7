/* picture.c - writes the files of a plot: the picture, and its numbers beside it if they are asked for. */
#include "plot/internal.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void palt__csv_text(FILE *stream, const char *text, char end)
{
    const bool quoted = strpbrk(text, ",\"\r\n") != NULL;
    if (quoted) putc('"', stream);
    for (; *text != '\0'; text++) {
        if (*text == '"') putc('"', stream);
        putc(*text, stream);
    }
    if (quoted) putc('"', stream);
    putc(end, stream);
}

void palt__csv_number(FILE *stream, double value, char end)
{
    if (isfinite(value)) fprintf(stream, "%.17g", value);
    putc(end, stream);
}

static int print_table(FILE *to, void *user)
{
    const palt__picture *p = user;
    p->table(to, p->user);
    return 0;
}

static int write_numbers(int descriptor, void *user) { return pal_write_printed(descriptor, print_table, user); }

static pal_status write_table(const palt__picture *p, const char *path, pal_error *error)
{
    char *name = strdup(path);
    if (name == NULL) return pal_error_set(error, PAL_ERR_MEMORY, "%s: no memory", path);
    memcpy(name + strlen(name) - 3, "csv", 3); /* the ending of a picture has three letters */
    const pal_status status = pal_file_write(name, write_numbers, (void *)(uintptr_t)p, error);
    free(name);
    return status;
}

/* ---- Formats -------------------------------------------------------------------------------------------------- */

bool palt__format_of(const char *path, palt__format *format)
{
    static const char *const endings[] = {[PALT__PNG] = ".png", [PALT__SVG] = ".svg", [PALT__PDF] = ".pdf"};
    const size_t length = strlen(path);
    for (int i = 0; i < (int)(sizeof endings / sizeof *endings); i++) {
        const size_t n = strlen(endings[i]);
        *format = (palt__format)i;
        if (length > n && path[length - n - 1] != '/' && strcasecmp(path + length - n, endings[i]) == 0) return true;
    }
    return false;
}

pal_image *palt__picture_draw(const palt__picture *p, pal_error *error)
{
    pal_image *image = pal_image_new((int64_t)ceil(p->width), (int64_t)ceil(p->height), error);
    if (image == NULL) return NULL;
    if (palt__image_draw(image, (palt__box){0, 0, image->width, image->height}, p->draw, p->user, error) == PAL_OK)
        return image;
    pal_image_free(image);
    return NULL;
}

static pal_status write_png(const palt__picture *p, const char *path, pal_error *error)
{
    pal_error why = {PAL_OK, ""};
    pal_image *image = palt__picture_draw(p, &why);
    if (image == NULL) return pal_error_set(error, why.status, "%s: cannot draw: %s", path, why.text);
    const pal_status status = pal_image_write(image, path, error);
    pal_image_free(image);
    return status;
}

/* All formats have the same largest size, so that a picture does not depend on its ending. */
static pal_status write_files(const palt__picture *p, const char *path, pal_error *error)
{
    palt__format format;
    pal_error why = {PAL_OK, ""};
    if (!palt__format_of(path, &format))
        return pal_error_set(error, PAL_ERR_ARGUMENT,
                             "%s: not a picture: choose a name that ends in .png, .svg or .pdf", path);
    if (palt__image_check((int64_t)ceil(p->width), (int64_t)ceil(p->height), &why) != PAL_OK)
        return pal_error_set(error, why.status, "%s: cannot draw: %s", path, why.text);
    const pal_status status =
        format == PALT__PNG ? write_png(p, path, error) : palt__vector_write(p, format, path, error);
    return status == PAL_OK && p->table != NULL ? write_table(p, path, error) : status;
}

/* Numbers need a decimal point in every locale. Only the locale of this thread is changed, and only while writing. */
pal_status palt__picture_write(const palt__picture *p, const char *path, pal_error *error)
{
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (plain == (locale_t)0) return pal_error_set(error, PAL_ERR_MEMORY, "%s: no memory", path);
    locale_t before = uselocale(plain);
    pal_status status = write_files(p, path, error);
    uselocale(before);
    freelocale(plain);
    return status;
}
