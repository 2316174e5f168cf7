/* text.c - texts that may be any bytes, such as paths, as UTF-8 and back.
 *
 * JSON holds UTF-8 only, but the name of a file is any bytes. A byte that is no part of valid UTF-8 becomes \xHH, with
 * two capital hexadecimal digits. So that this can be undone, a backslash before an x becomes \x5C. Any other text
 * stays as it is. */
#include <stdio.h>
#include <string.h>

#include "train/internal.h"

/* The number of bytes of the UTF-8 sequence at c; 0: there is none (RFC 3629: no surrogates, nothing longer than
 * needed, nothing above U+10FFFF). */
static size_t sequence(const unsigned char *c)
{
    const size_t n = *c < 0x80 ? 1 : *c < 0xc2 ? 0 : *c < 0xe0 ? 2 : *c < 0xf0 ? 3 : *c < 0xf5 ? 4 : 0;
    for (size_t i = 1; i < n; i++)
        if ((c[i] & 0xc0) != 0x80) return 0;
    const bool longer = (*c == 0xe0 && c[1] < 0xa0) || (*c == 0xf0 && c[1] < 0x90);
    const bool beyond = (*c == 0xed && c[1] > 0x9f) || (*c == 0xf4 && c[1] > 0x8f);
    return n > 1 && (longer || beyond) ? 0 : n;
}

size_t pal_text_escape(const char *bytes, char *out, size_t size)
{
    size_t length = 0, n;
    for (const unsigned char *c = (const unsigned char *)bytes; *c; c += n ? n : 1) {
        char part[8];
        n = c[0] == '\\' && c[1] == 'x' ? 0 : sequence(c);
        if (n)
            memcpy(part, c, n);
        else
            snprintf(part, sizeof part, "\\x%02X", *c);
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
