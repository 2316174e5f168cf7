/* csv_text.c - the lines of a text table that have no cells: what the file begins with, comments, empty lines. */
#include "data/csv.h"

#include <string.h>

/* Files that are not text, by their first bytes. */
/* clang-format off */
static const struct {
    const char *bytes, *problem;
} others[] = {
    {"\xff\xfe",   "is text in UTF-16: convert it with iconv -f UTF-16 -t UTF-8 OLD > NEW"},
    {"\xfe\xff",   "is text in UTF-16: convert it with iconv -f UTF-16 -t UTF-8 OLD > NEW"},
    {"PK\3\4",     "is a zip archive, perhaps a workbook, expected text: save its sheet as CSV"},
    {"\xd0\xcf\x11\xe0", "is a workbook of an office program, expected text: save its sheet as CSV"},
    {"\x93NUMPY",  "is a .npy file: give it a name ending in .npy"},
    {"PAR1",       "is a Parquet file, expected text: convert it with pandas.read_parquet(OLD).to_csv(NEW, index=False)"},
};
/* clang-format on */

pal_status palt__csv_begin(palt__csv_line *line, const char *path, pal_error *err)
{
    const size_t size = (size_t)(line->end - line->text);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (size >= strlen(others[i].bytes) && !memcmp(line->text, others[i].bytes, strlen(others[i].bytes)))
            return pal_error_set(err, PAL_ERR_FORMAT, "%s: %s", palt__shown_path(path), others[i].problem);
    if (size >= 3 && memcmp(line->text, "\xef\xbb\xbf", 3) == 0) line->text += 3;
    return PAL_OK;
}

bool palt__csv_is_empty(palt__csv_line line, char separator)
{
    const char accept[] = {' ', '\t', separator ? separator : ';', separator ? separator : ',', 0};
    return line.text + strspn(line.text, accept) == line.end;
}

bool palt__csv_is_lead(palt__csv_line line, char *separator, int64_t *comments)
{
    const char *text = line.text + strspn(line.text, " \t");
    const bool states = !*separator && line.end - text == 5 && !strncmp(text, "sep=", 4) && strchr(";,\t|", text[4]);
    if (!states && (*text != '#' || palt__csv_is_error(text))) return false;
    if (states) *separator = text[4];
    *comments += !states;
    return true;
}

pal_status palt__csv_next(palt__lines *lines, const char *path, palt__csv_line *line, pal_error *err)
{
    char *text;
    size_t length;
    const pal_status status = palt__lines_next(lines, &text, &length, err);
    *line = (palt__csv_line){text, text ? text + length : NULL, lines->number};
    return status == PAL_OK && text && line->number == 1 ? palt__csv_begin(line, path, err) : status;
}
