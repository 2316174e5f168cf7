/* drawn.h - what the files share that make a drawing with places (pal_graph_drawn) and write it as TikZ. */
#ifndef PAL_TEXT_DRAWN_H
#define PAL_TEXT_DRAWN_H

#include "autograd/text/place.h"

typedef double pal__drawn_width(const char *text, bool bold);

typedef struct pal__words { /* runs that grow; their texts are one block at the end */
    pal_context *context;
    pal_graph_run *runs;
    size_t n, cap;
} pal__words;

/* drawn_words.c: the runs of a label in the HTML-like syntax of the dot language, as graph_label.c prints it. The texts
 * are in `label`, which is changed. Appends; false: out of memory. */
bool pal__words_read(pal__words *words, char *label);
void pal__words_plain(char *text); /* a text without marks: entities become their characters */
/* The room that runs need. */
void pal__words_size(const pal_graph_run *runs, size_t n, pal__drawn_width *width, double *w, double *h);
static inline double pal__words_leading(double size) { return 1.3 * size; }

/* drawn_labels.c: the labels of edges. */
typedef struct pal__drawn_label { /* of a wire */
    uint32_t first, count;        /* its runs */
    double w, h;                  /* on the picture */
    double before;                /* the room of labels between it and its place */
    bool at_reader;
} pal__drawn_label;
typedef struct pal__drawn_room { /* of a node, for labels: where values leave and arrive, and on either side of wires */
    double out, in, aside, stack;
} pal__drawn_room;
void pal__drawn_print_wire(FILE *file, const pal__drawing *drawing, const pal__wire *wire, bool *moved); /* one line */
void pal__drawn_rooms(const pal__drawing *drawing, const pal__words *words, pal__drawn_width *width,
                      pal__drawn_label *labels, pal__drawn_room *rooms, uint32_t *told);
/* The place of a label (x, y, w, h alone), in the coordinates of the placement. */
pal__place_item pal__drawn_label_at(const pal__drawn_label *label, double x, double y, bool down, bool right);

/* tikz_text.c: prints runs, and plain text, so that TeX shows them. */
void pal__tikz_runs(FILE *file, const pal_graph_run *runs, size_t n);
void pal__tikz_text(FILE *file, const char *text);
char *pal__tikz(pal_tape *tape, const pal_var *outputs, size_t n, const pal_graph_options *options); /* tikz.c */

#endif
