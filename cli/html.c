/* html.c - writes HTML in which nothing can be unescaped or unclosed. */
#include "cli/html.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/autograd.h"

bool pal_html_begin(pal_html *h)
{
    *h = (pal_html){0};
    h->to = open_memstream(&h->text, &h->size);
    return h->to != NULL;
}

char *pal_html_end(pal_html *h, size_t *size)
{
    while (h->depth) pal_html_close(h);
    bool good = !h->failed && !ferror(h->to);
    good &= !fclose(h->to);
    *size = h->size;
    if (good) return h->text;
    free(h->text);
    return NULL;
}

/* ---- Text ----------------------------------------------------------------------------------------------------- */

/* The bytes of the character at text: all that a start byte asks for, as far as they are there. */
static size_t character(const char *text)
{
    const unsigned char lead = (unsigned char)*text;
    const size_t most = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    size_t n = 1;
    while (n < most && ((unsigned char)text[n] & 0xC0) == 0x80) n++;
    return n;
}

static void put(pal_html *h, const char *text)
{
    static const struct {
        char from;
        const char *to;
    } escapes[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}, {'\n', "\n"}};
    enum { ESCAPES = sizeof escapes / sizeof *escapes };
    for (size_t n; *text; text += n) {
        char shown[64];
        size_t e = 0;
        n = character(text);
        while (e < ESCAPES && escapes[e].from != *text) e++;
        if (e == ESCAPES) pal_text_clean(shown, sizeof shown, text, n);
        fputs(e < ESCAPES ? escapes[e].to : shown, h->to);
    }
}

static void print(pal_html *h, const char *format, va_list list)
{
    char *text = NULL;
    if (vasprintf(&text, format, list) < 0) {
        h->failed = true;
        return;
    }
    put(h, text);
    free(text);
}

/* ---- Elements ------------------------------------------------------------------------------------------------- */

/* Elements of HTML that have no end. */
static bool is_void(const char *element)
{
    static const char *const names[] = {"br", "img", "link", "meta", "col"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(names[i], element)) return true;
    return false;
}

/* Elements after which a newline cannot be seen, so that the source has lines. */
static bool is_block(const char *element)
{
    static const char *const names[] = {"head",  "body", "html", "main",   "ul",         "meta",  "title",
                                        "style", "nav",  "li",   "header", "section",    "h1",    "h2",
                                        "h3",    "p",    "div",  "figure", "figcaption", "table", "caption",
                                        "tr",    "dl",   "dd",   "pre"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(names[i], element)) return true;
    return false;
}

static void started(pal_html *h)
{
    if (h->starting) putc('>', h->to);
    h->starting = false;
}

void pal_html_open(pal_html *h, const char *element)
{
    started(h);
    if (h->depth == PAL_HTML_DEPTH) {
        h->failed = true;
        return;
    }
    fprintf(h->to, "<%s", element);
    h->open[h->depth++] = element;
    h->starting = true;
}

void pal_html_close(pal_html *h)
{
    started(h);
    if (!h->depth) return;
    const char *element = h->open[--h->depth];
    if (!is_void(element)) fprintf(h->to, "</%s>", element);
    if (is_block(element)) putc('\n', h->to);
}

void pal_html_attribute(pal_html *h, const char *name, const char *format, ...)
{
    va_list list;
    if (!h->starting) {
        h->failed = true;
        return;
    }
    fprintf(h->to, " %s=\"", name);
    va_start(list, format);
    print(h, format, list);
    va_end(list);
    putc('"', h->to);
}

void pal_html_data(pal_html *h, const char *name, const char *type, const void *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *at = bytes;
    if (!h->starting) {
        h->failed = true;
        return;
    }
    fprintf(h->to, " %s=\"data:%s;base64,", name, type);
    for (size_t i = 0; i < size; i += 3) {
        const size_t n = size - i < 3 ? size - i : 3;
        unsigned group = 0;
        for (size_t k = 0; k < 3; k++) group = group << 8 | (k < n ? at[i + k] : 0);
        for (size_t k = 0; k < 4; k++) putc(k <= n ? digits[group >> (18 - 6 * k) & 63] : '=', h->to);
    }
    putc('"', h->to);
}

void pal_html_text(pal_html *h, const char *format, ...)
{
    va_list list;
    started(h);
    va_start(list, format);
    print(h, format, list);
    va_end(list);
}

void pal_html_open_class(pal_html *h, const char *element, const char *of_class)
{
    pal_html_open(h, element);
    if (of_class) pal_html_attribute(h, "class", "%s", of_class);
}

void pal_html_element(pal_html *h, const char *element, const char *of_class, const char *format, ...)
{
    va_list list;
    pal_html_open_class(h, element, of_class);
    started(h);
    va_start(list, format);
    print(h, format, list);
    va_end(list);
    pal_html_close(h);
}

void pal_html_constant(pal_html *h, const char *text)
{
    started(h);
    fputs(text, h->to);
}
