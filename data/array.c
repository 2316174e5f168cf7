/* array.c - chooses the array format by the end of the path, and keeps what is said about a file that was read. */
#include "data/open.h"

#include <stdarg.h>
#include <string.h>
#include <strings.h>

typedef struct format_row {
    const char *ending;
    pal_tensor *(*read)(pal_context *context, const char *path, pal_note *note, pal_error *err);
    pal_status (*write)(const pal_tensor *tensor, const char *path, pal_error *err); /* NULL: only read */
} format_row;

static const format_row formats[] = {
    {".npy", palt__npy_read, pal_npy_write}, /* also the format of "-" */
    {".csv", palt__csv_read, pal_csv_write}, {".tsv", palt__csv_read, NULL},  {".txt", palt__csv_read, NULL},
    {".dat", palt__csv_read, NULL},          {".data", palt__csv_read, NULL},
};
enum { FORMATS = sizeof formats / sizeof *formats };

/* What to do with files of other formats, by the end of their names. */
/* clang-format off */
static const struct {
    const char *ending, *remedy;
} others[] = {
    {"-ubyte",   "give the folder with the four IDX files"},
    {".npz",     "save one of its arrays with numpy.save"},
    {".parquet", "convert it with pandas.read_parquet(OLD).to_csv(NEW, index=False)"},
    {".xlsx",    "save its sheet as CSV"},
    {".zip",     "unpack it"},
    {".bz2",     "unpack it"},
    {".xz",      "unpack it"},
    {".xls",     "save its sheet as CSV"},
    {".mat",     "save one of its arrays as text: writematrix(A, 'NEW.csv')"},
    {".h5",      "save one of its arrays with numpy.save"},
    {".json",    "convert it with pandas.read_json(OLD).to_csv(NEW, index=False)"},
};
/* clang-format on */

/* Whether the first `length` bytes of a path end in `ending`, in any case. */
static bool ends_in(const char *path, size_t length, const char *ending)
{
    const size_t size = strlen(ending);
    return length > size && strncasecmp(path + length - size, ending, size) == 0;
}

/* The length of a path without .gz. */
static size_t unpacked(const char *path, size_t length)
{
    return length - (ends_in(path, length, ".gz") ? strlen(".gz") : 0);
}

static const format_row *find_format(const char *path, bool reading, pal_error *err)
{
    if (!path) {
        pal_error_set(err, PAL_ERR_ARGUMENT, "no path of an array: give a .npy or .csv file");
        return NULL;
    }
    if (strcmp(path, "-") == 0) return formats;
    const size_t length = unpacked(path, strlen(path));
    for (size_t i = 0; i < FORMATS; i++)
        if (reading ? ends_in(path, length, formats[i].ending)
                    : formats[i].write && palt__has_ending(path, formats[i].ending))
            return formats + i;
    const char *remedy = "give a name ending in .npy or .csv";
    if (reading) remedy = "give a file ending in .npy or .csv, or text ending in .tsv, .txt, .dat or .data";
    for (size_t i = 0; reading && i < sizeof others / sizeof *others; i++)
        if (ends_in(path, length, others[i].ending)) remedy = others[i].remedy;
    pal_error_set(err, PAL_ERR_ARGUMENT, "%s: unknown file format: %s", palt__shown_path(path), remedy);
    return NULL;
}

pal_status palt__array_check(const char *path, pal_error *err)
{
    return find_format(path, true, err) ? PAL_OK : PAL_ERR_ARGUMENT;
}

pal_tensor *pal_array_read_noted(pal_context *context, const char *path, pal_note *note, pal_error *err)
{
    const format_row *format = find_format(path, true, err);
    pal_note own = {""};
    pal_tensor *tensor = format ? format->read(context, path, &own, err) : NULL;
    if (tensor && note) *note = own;
    return tensor;
}

pal_tensor *pal_array_read(pal_context *context, const char *path, pal_error *err)
{
    return pal_array_read_noted(context, path, NULL, err);
}

pal_status pal_array_write(const pal_tensor *tensor, const char *path, pal_error *err)
{
    const format_row *format = find_format(path, false, err);
    return format ? format->write(tensor, path, err) : PAL_ERR_ARGUMENT;
}

size_t palt__array_stem(const char *path, size_t length)
{
    const size_t plain = unpacked(path, length);
    for (size_t i = 0; i < FORMATS; i++)
        if (ends_in(path, plain, formats[i].ending)) return plain - strlen(formats[i].ending);
    return plain;
}

/* Whether a clause is among the first `used` bytes: that of a file of test samples, say. */
static bool is_said(const char *text, size_t used, const char *clause)
{
    const size_t size = strlen(clause);
    for (const char *at = text; (at = strstr(at, clause)) && at + size <= text + used; at++) {
        const bool begins = at == text || (at - text >= 2 && !memcmp(at - 2, "; ", 2));
        if (begins && (at + size == text + used || at[size] == ';')) return true;
    }
    return false;
}

void palt__note_add(pal_note *note, const char *format, ...)
{
    if (!note) return;
    const size_t used = strlen(note->text);
    va_list args;
    va_start(args, format);
    if (used + 2 < sizeof note->text) {
        memcpy(note->text + used, "; ", used ? 3 : 0);
        const size_t from = used ? used + 2 : 0;
        vsnprintf(note->text + from, sizeof note->text - from, format, args);
        if (is_said(note->text, used, note->text + from)) note->text[used] = '\0';
    }
    va_end(args);
}
