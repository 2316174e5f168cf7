/* text.c - texts that may be any bytes, such as paths, as UTF-8 and back.
 *
 * JSON holds UTF-8 only, but the name of a file is any bytes. A byte that is no part of valid UTF-8 becomes \xHH, with
 * two capital hexadecimal digits. So that this can be undone, a backslash before an x becomes \x5C. Any other text
 * stays as it is. */
#include <stdio.h>
#include <string.h>

#include "models/file/json.h"
#include "train/internal.h"

size_t pal_text_escape(const char *bytes, char *out, size_t size)
{
    const char *end = bytes + strlen(bytes);
    size_t length = 0, n;
    for (const char *c = bytes; *c; c += n ? n : 1) {
        char part[8];
        n = c[0] == '\\' && c[1] == 'x' ? 0 : pal__utf8(c, end);
        if (n)
            memcpy(part, c, n);
        else
            snprintf(part, sizeof part, "\\x%02X", (unsigned char)*c);
        const size_t take = n ? n : 4;
        if (length + take < size) memcpy(out + length, part, take);
        if (length < size) out[length + take < size ? length + take : length] = 0;
        length += take;
    }
    if (!length && size) *out = 0;
    return length;
}

static int digit(char c)
{
    static const char digits[] = "0123456789ABCDEF";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

void pal_text_unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from;) {
        const bool marked = from[0] == '\\' && from[1] == 'x' && digit(from[2]) >= 0 && digit(from[3]) >= 0;
        const int byte = marked ? 16 * digit(from[2]) + digit(from[3]) : 0;
        *to++ = byte ? (char)byte : *from;
        from += byte ? 4 : 1;
    }
    *to = 0;
}
