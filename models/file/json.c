/* json.c - reads and writes JSON (RFC 8259) strictly: see json.h.
 *
 * There is a library for this, jansson, which training and the program use to build values and to write them. Its
 * reader (2.14) drops letters in silence and writes beyond its memory when an allocation fails, and it needs 24 times
 * the size of a header. The other libraries in C that Debian 12 has do not check memory while writing (json-c), or
 * accept what is not JSON and read whole numbers as real ones (cJSON). */
#include "models/file/json.h"

#include <errno.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Reading -------------------------------------------------------------------------------------------------- */

pal__json pal__json_start(char *text, size_t size) { return (pal__json){.at = text, .end = text + size, .line = 1}; }

static bool fail(pal__json *j, const char *wrong)
{
    if (!j->wrong) j->wrong = wrong;
    return false;
}

static bool is_digit(const pal__json *j) { return j->at < j->end && *j->at >= '0' && *j->at <= '9'; }

char pal__json_peek(pal__json *j)
{
    while (j->at < j->end && (*j->at == ' ' || *j->at == '\n' || *j->at == '\t' || *j->at == '\r'))
        j->line += *j->at++ == '\n'; /* inside a text, a new line stands for an escape that was decoded */
    if (j->wrong || j->at == j->end) return 0;
    if (is_digit(j) || *j->at == '-') return '0';
    return *j->at && strchr("{[\"tfn", *j->at) ? *j->at : 0;
}

/* Reads this letter, after space. */
static bool letter(pal__json *j, char c)
{
    pal__json_peek(j);
    if (j->wrong || j->at == j->end || *j->at != c) return false;
    j->at++;
    return true;
}

bool pal__json_enter(pal__json *j, char bracket)
{
    if (!letter(j, bracket)) return fail(j, bracket == '{' ? "an object is missing" : "a list is missing");
    return j->first = true;
}

bool pal__json_next(pal__json *j, char closing)
{
    const bool first = j->first;
    j->first = false;
    if (letter(j, closing)) return false;
    return first || letter(j, ',') || fail(j, closing == '}' ? "no comma and no }" : "no comma and no ]");
}

char *pal__json_key(pal__json *j)
{
    char *text = pal__json_text(j);
    if (text && !letter(j, ':')) fail(j, "a colon is missing");
    return j->wrong ? NULL : text;
}

/* Reads the four digits of \uXXXX. -1: they are not digits. */
static long four_digits(pal__json *j)
{
    char four[5] = "";
    if (j->end - j->at < 4) return -1;
    memcpy(four, j->at, 4);
    j->at += 4;
    return strspn(four, "0123456789abcdefABCDEF") == 4 ? strtol(four, NULL, 16) : -1;
}

static char *put_utf8(char *to, unsigned long code)
{
    static const struct {
        unsigned long below;
        unsigned char lead;
    } lengths[] = {{0x80, 0}, {0x800, 0xc0}, {0x10000, 0xe0}, {0x110000, 0xf0}};
    int more = 0;
    while (code >= lengths[more].below) more++;
    *to++ = (char)(lengths[more].lead | code >> 6 * more);
    while (more--) *to++ = (char)(0x80 | (code >> 6 * more & 0x3f));
    return to;
}

/* Reads what follows a backslash. NULL: not an escape, or one of a zero. */
static char *escape(pal__json *j, char *to)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    const char name = j->at < j->end ? *j->at++ : 0, *found = name ? strchr(names, name) : NULL;
    if (found) {
        *to = values[found - names];
        return to + 1;
    }
    long code = name == 'u' ? four_digits(j) : -1;
    if (code >= 0xd800 && code < 0xdc00) { /* the first of a pair */
        const bool pair = j->end - j->at >= 2 && j->at[0] == '\\' && j->at[1] == 'u';
        if (pair) j->at += 2;
        const long second = pair ? four_digits(j) : -1;
        code = second >= 0xdc00 && second < 0xe000 ? 0x10000 + ((code - 0xd800) << 10) + (second - 0xdc00) : -1;
    } else if (code >= 0xdc00 && code < 0xe000) {
        code = -1;
    }
    return code > 0 ? put_utf8(to, (unsigned long)code) : NULL;
}

char *pal__json_text(pal__json *j)
{
    if (!letter(j, '"')) {
        fail(j, "a text in quotes is missing");
        return NULL;
    }
    char *text = j->at, *to = text; /* a text gets no longer by decoding */
    while (j->at < j->end && *j->at != '"') {
        if (*j->at == '\\') {
            j->at++;
            if ((to = escape(j, to))) continue;
            fail(j, "an escape in a text is not valid");
            return NULL;
        }
        const size_t length = pal__utf8(j->at, j->end);
        if (!length || (unsigned char)*j->at < 0x20) {
            fail(j, length ? "a text has a control character" : "a text is not UTF-8");
            return NULL;
        }
        memmove(to, j->at, length);
        to += length;
        j->at += length;
    }
    if (j->at == j->end) {
        fail(j, "a text has no end");
        return NULL;
    }
    j->at++;
    *to = 0;
    return text;
}

static bool digits(pal__json *j)
{
    const bool any = is_digit(j);
    while (is_digit(j)) j->at++;
    return any;
}

/* Passes a number by the grammar. */
static bool pass_number(pal__json *j, bool *whole)
{
    if (*j->at == '-') j->at++;
    const char *from = j->at;
    if (!digits(j) || (*from == '0' && j->at - from > 1)) return false;
    *whole = true;
    if (j->at < j->end && *j->at == '.') {
        *whole = false;
        j->at++;
        if (!digits(j)) return false;
    }
    if (j->at < j->end && (*j->at == 'e' || *j->at == 'E')) {
        *whole = false;
        j->at++;
        if (j->at < j->end && (*j->at == '+' || *j->at == '-')) j->at++;
        if (!digits(j)) return false;
    }
    return true;
}

bool pal__json_number_read(pal__json *j, pal__json_number *number)
{
    char text[128], *dot;
    if (pal__json_peek(j) != '0') return fail(j, "a number is missing");
    const char *from = j->at;
    *number = (pal__json_number){0};
    if (!pass_number(j, &number->whole)) return fail(j, "a number is not valid");
    const size_t length = (size_t)(j->at - from);
    if (length >= sizeof text) return fail(j, "a number has more than 127 letters");
    memcpy(text, from, length);
    text[length] = 0;
    if (number->whole) {
        errno = 0;
        number->integer = strtoll(text, NULL, 10);
        return !errno || fail(j, "a number is too large");
    }
    if ((dot = strchr(text, '.'))) *dot = *localeconv()->decimal_point; /* strtod follows the locale */
    number->real = strtod(text, NULL);
    return (number->real - number->real == 0) || fail(j, "a number is too large");
}

bool pal__json_word(pal__json *j, const char *word)
{
    const size_t length = strlen(word);
    if (pal__json_peek(j) != *word || (size_t)(j->end - j->at) < length || memcmp(j->at, word, length) != 0)
        return fail(j, "an unknown word");
    j->at += length;
    return true;
}

bool pal__json_end(pal__json *j)
{
    pal__json_peek(j);
    return !j->wrong && (j->at == j->end || fail(j, "something comes after the end"));
}

/* ---- UTF-8 ---------------------------------------------------------------------------------------------------- */

size_t pal__utf8(const char *text, const char *end)
{
    const unsigned char *c = (const unsigned char *)text;
    const size_t left = (size_t)(end - text);
    if (!left) return 0;
    if (c[0] < 0x80) return 1;
    const size_t length = c[0] >= 0xf0 ? 4 : c[0] >= 0xe0 ? 3 : 2;
    if (c[0] < 0xc2 || c[0] > 0xf4 || left < length) return 0;
    for (size_t i = 1; i < length; i++)
        if ((c[i] & 0xc0) != 0x80) return 0;
    /* Longer than needed, half of a pair, beyond the last character. */
    if ((c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xed && c[1] > 0x9f)) return 0;
    if ((c[0] == 0xf0 && c[1] < 0x90) || (c[0] == 0xf4 && c[1] > 0x8f)) return 0;
    return length;
}

/* ---- Writing -------------------------------------------------------------------------------------------------- */

void pal__out_add(pal__out *out, const char *text, size_t size)
{
    if (out->no_memory) return;
    if (size > out->room - out->size) {
        const size_t room = 2 * out->room + size + 256;
        char *more = realloc(out->text, room);
        if (!more) {
            out->no_memory = true;
            return;
        }
        out->text = more;
        out->room = room;
    }
    memcpy(out->text + out->size, text, size);
    out->size += size;
}

void pal__out_format(pal__out *out, const char *format, ...)
{
    char text[100];
    va_list args;
    va_start(args, format);
    const int length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    pal__out_add(out, text, (size_t)length);
}

void pal__out_string(pal__out *out, const char *text)
{
    static const char names[] = "\"\\bfnrt", values[] = "\"\\\b\f\n\r\t";
    const char *end = text + strlen(text), *found;
    pal__out_add(out, "\"", 1);
    for (size_t length; text < end; text += length) {
        length = pal__utf8(text, end);
        if (!length) {
            out->not_utf8 = true;
            return;
        }
        if ((found = strchr(values, *text)))
            pal__out_format(out, "\\%c", names[found - values]);
        else if ((unsigned char)*text < 0x20)
            pal__out_format(out, "\\u%04X", (unsigned)*text);
        else
            pal__out_add(out, text, length);
    }
    pal__out_add(out, "\"", 1);
}
