/* page.h - the page of a drawing: one HTML file that shows a tape, with a script for moving, searching and opening
 * boxes.
 *
 * The page holds the whole tape; page_data.c chooses which boxes are closed when it opens. It loads nothing: style and
 * script are in it (page.css, page_place.js, page.js; page_files.sh makes strings of them). */
#ifndef PAL_TEXT_PAGE_H
#define PAL_TEXT_PAGE_H

#include "autograd/text/place.h"

extern const char pal__page_place_js[], pal__page_js[], pal__page_css[];

/* As pal_graph_text: the page as text, for pal_text_free. */
char *pal__page_text(pal_tape *tape, const pal_var *outputs, size_t n, const pal_graph_options *options);
/* What a page shows: the drawing with blocks as boxes, and, at the level of layers, the drawing that has each block as
 * one node, as dot draws it; `layers` is NULL at the level of operations. */
typedef struct pal__page {
    const pal__drawing *d, *layers;
    pal__placed placed;
} pal__page;
/* page_data.c: the items, ranks and wires as JSON that is safe inside a script element. */
void pal__page_data(FILE *file, const pal__page *page);
/* Closes boxes: blocks, and those that the options close, or else as few as leave at most PAL__PAGE_NODES nodes. */
enum { PAL__PAGE_NODES = 200 };
bool pal__page_close_boxes(const pal__drawing *drawing, pal__placed *placed); /* false: out of memory */

/* page_label.c: the lines of a node, the name and others, with line ends between them; what is too long is cut. */
enum { PAL__PAGE_LINE = 400 };
typedef struct pal__page_label {
    char name[PAL__PAGE_LINE], sub[PAL__PAGE_LINE];
} pal__page_label;
void pal__page_label_of(const pal__page *page, uint32_t node, pal__page_label *label);
void pal__page_size(const pal__drawing *drawing, uint32_t node, double *w, double *h, void *page); /* pal__place_size */
/* What a function of graph_label.c prints in the language of dot, as plain text; cut if it is too long. */
typedef void (*pal__page_print)(FILE *file, const pal__drawing *drawing, uint32_t node);
void pal__page_plain(const pal__drawing *drawing, uint32_t node, pal__page_print print, char out[PAL__PAGE_LINE]);
/* Prints a JSON string: quotes, controls, '<' and '&' as escapes; bytes that are not UTF-8 as pal_text_clean does. */
void pal__print_json(FILE *file, const char *text);

#endif
