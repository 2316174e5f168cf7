/* picture.c - writes the files of a plot: the picture, and its numbers beside it if they are asked for. */
#include "plot/internal.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

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

static pal_status write_table(const palt__picture *p, const char *path, pal_error *error)
{
    palt__file file;
    char *name = strdup(path);
    if (name == NULL) return pal_error_set(error, PAL_ERR_MEMORY, "%s: no memory", path);
    memcpy(name + strlen(name) - 3, "csv", 3); /* the ending of a picture has three letters */
    pal_status status = palt__file_begin(&file, name, error);
    free(name);
    if (status != PAL_OK) return status;
    p->table(file.stream, p->user);
    return palt__file_end(&file, PAL_OK, error);
}

static pal_status write_files(const palt__picture *p, const char *path, pal_error *error)
{
    palt__canvas *canvas;
    pal_status status = palt__canvas_open(&canvas, path, p->width, p->height, error);
    if (status != PAL_OK) return status;
    p->draw(canvas, p->user);
    status = palt__canvas_close(canvas, path, PAL_OK, error);
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
