/* html.h - writes HTML in which nothing can be unescaped or unclosed.
 *
 * Elements are opened and closed like brackets, and attributes follow the opening. All texts and all values of
 * attributes are escaped here, whatever they contain: names of files and columns come from others. No other function
 * writes markup, but for pal_html_constant, which takes texts of the program. Writing never fails: a writer remembers
 * that memory ran out, and pal_html_end tells. */
#ifndef PAL_CLI_HTML_H
#define PAL_CLI_HTML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { PAL_HTML_DEPTH = 32 };

typedef struct pal_html {
    FILE *to; /* in memory */
    char *text;
    size_t size;
    const char *open[PAL_HTML_DEPTH]; /* the names of the elements that are open, which are constants */
    size_t depth;
    bool starting; /* the start tag of the innermost has no > yet, so that attributes can follow */
    bool failed;
} pal_html;

bool pal_html_begin(pal_html *html); /* false: out of memory */
/* Closes all elements. Returns the document, which the caller frees, and its size; NULL: out of memory. */
char *pal_html_end(pal_html *html, size_t *size);

void pal_html_open(pal_html *html, const char *element);
void pal_html_attribute(pal_html *html, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* An attribute whose value is a file of this type: data:TYPE;base64,... */
void pal_html_data(pal_html *html, const char *name, const char *type, const void *bytes, size_t size);
/* In an attribute or a text, bytes that are no UTF-8 and controls become visible (pal_text_clean). A newline stays. */
void pal_html_text(pal_html *html, const char *format, ...) __attribute__((format(printf, 2, 3)));
void pal_html_close(pal_html *html); /* the innermost element */

/* An element with a text alone, of a class or NULL. */
void pal_html_element(pal_html *html, const char *element, const char *of_class, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Opens an element of a class. */
void pal_html_open_class(pal_html *html, const char *element, const char *of_class);

/* Writes the text as it is: only for constants of the program. */
void pal_html_constant(pal_html *html, const char *text);

#endif
