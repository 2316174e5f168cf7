/* status.c - the version, statuses, texts that a terminal shows and does not obey, the error of functions that do not
 * work on a tape, and the check of struct_size. */
#include "autograd/autograd.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const texts[] = {
#define PAL_ROW(name, text) [PAL_##name] = text,
    PAL_STATUS_MAP(PAL_ROW)
#undef PAL_ROW
};

const char *pal_version(void) { return PAL_VERSION; }

const char *pal_status_text(pal_status status)
{
    return (unsigned)status < PAL_STATUS_COUNT ? texts[status] : "unknown status";
}

/* ---- Texts that may come from a file ------------------------------------------------------------------------- */

/* The bytes of the sequence of UTF-8 at `at`, and its code point. 0: it is not well-formed. */
static size_t decode(const unsigned char *at, size_t n, uint32_t *code)
{
    static const struct {
        unsigned char mask, lead;
        uint32_t least;
    } forms[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
    size_t form = 0;
    while (form < 4 && (*at & forms[form].mask) != forms[form].lead) form++;
    if (form == 4 || form >= n) return 0;
    *code = *at & (unsigned char)~forms[form].mask;
    for (size_t i = 1; i <= form; i++) {
        if ((at[i] & 0xc0) != 0x80) return 0;
        *code = *code << 6 | (at[i] & 0x3f);
    }
    const bool good = *code >= forms[form].least && *code <= 0x10ffff && (*code < 0xd800 || *code > 0xdfff);
    return good ? form + 1 : 0;
}

/* Code points that are not shown but obeyed: controls, and those that break lines or turn the direction of a text. The
 * last two are no characters, which readers of XML refuse. */
static bool is_control(uint32_t code)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {{0, 0x1f},        {0x7f, 0x9f},     {0x200e, 0x200f}, {0x2028, 0x202e},
                  {0x2066, 0x2069}, {0xfeff, 0xfeff}, {0xfffe, 0xffff}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (code >= ranges[i].first && code <= ranges[i].last) return true;
    return false;
}

/* Writes the character at `at` to out, [12]; returns the number of bytes that it was read from. */
static size_t show(const unsigned char *at, size_t n, char *out)
{
    static const char letters[] = "abtnvfr"; /* from \a, which is 7 */
    uint32_t code = 0;
    const size_t bytes = decode(at, n, &code);
    if (bytes == 1 && *at >= 7 && *at <= 13)
        snprintf(out, 12, "\\%c", letters[*at - 7]);
    else if (bytes < 2 && (!bytes || is_control(code)))
        snprintf(out, 12, "\\x%02x", *at);
    else if (is_control(code))
        snprintf(out, 12, "\\u%04x", (unsigned)code);
    else
        snprintf(out, 12, "%.*s", (int)bytes, (const char *)at);
    return bytes ? bytes : 1;
}

size_t pal_text_clean(char *out, size_t size, const char *text, size_t n)
{
    size_t used = 0;
    char shown[12];
    if (!out || !size) return 0;
    *out = 0;
    for (size_t at = 0; text && at < n;) {
        at += show((const unsigned char *)text + at, n - at, shown);
        const size_t length = strlen(shown);
        if (used + length >= size) break;
        memcpy(out + used, shown, length + 1);
        used += length;
    }
    return used;
}

/* ---- Errors -------------------------------------------------------------------------------------------------- */

pal_status pal_error_set(pal_error *err, pal_status status, const char *format, ...)
{
    char text[2 * sizeof err->text];
    if (!err) return status;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format ? format : pal_status_text(status), args);
    va_end(args);
    err->status = status;
    pal_text_clean(err->text, sizeof err->text, text, strlen(text));
    return status;
}

pal_status pal_options_read(void *to, const void *given, size_t size, size_t first, const char *what, pal_error *err)
{
    size_t n = 0;
    char known[64];
    if (!given) return PAL_OK;
    memcpy(&n, given, sizeof n);
    if (n < first || n > size) {
        snprintf(known, sizeof known, first < size ? "from %zu to %zu" : "%zu", first, size);
        return pal_error_set(err, PAL_ERR_ARGUMENT, "%s: struct_size is %zu, not %s: set it to sizeof of the struct",
                             what ? what : "options", n, known);
    }
    if (to) {
        memcpy(to, given, n);
        memcpy(to, &size, sizeof size);
    }
    return PAL_OK;
}
