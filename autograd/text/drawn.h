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

/* drawn.c, for the next. */
enum { PAL__DRAWN_ENTRIES = 12 }; /* of the legend, at most */
typedef struct pal__drawn_whole { /* what the caller gets, with what it points to */
    pal_graph_drawn drawn;
    pal_graph_item *items;
    pal_graph_curve *curves;
    pal_graph_point *points;
    pal__words words;
    char *text; /* of all labels */
    pal_graph_run legend[PAL__DRAWN_ENTRIES];
    double down; /* by how much the rest is below the legend */
} pal__drawn_whole;

typedef struct pal__drawn_making {
    pal__drawing d;
    pal__placed placed;
    pal__drawn_whole *w;
    pal__drawn_width *width;
    size_t nodes;             /* entries and boxes */
    uint32_t *first, *count;  /* by node: its runs */
    uint32_t *beside, *next;  /* by node: its wires from constants and numbers, plus 1; by wire: the next */
    uint32_t *told;           /* by node: the wire, plus 1, whose label stands where its value leaves */
    pal__drawn_label *labels; /* by wire */
    pal__drawn_room *rooms;   /* by node */
    bool right;
} pal__drawn_making;
/* Whether dot shows the value as a small node beside its reader. */
static inline bool pal__drawn_is_stub(const pal__drawing *d, const pal__wire *w)
{
    return w->kept && d->number[w->from];
}
/* The place of a node within that of its item, which has room for labels. */
pal__place_item pal__drawn_inner(const pal__drawn_making *making, uint32_t item);
/* A point of the placement on the picture. */
static inline pal_graph_point pal__drawn_turned(const pal__drawn_making *m, double x, double y)
{
    return m->right ? (pal_graph_point){y, x + m->w->down} : (pal_graph_point){x, y + m->w->down};
}

void pal__drawn_curves(pal__drawn_making *making); /* drawn_curves.c */

/* tikz_text.c: prints runs, and plain text, so that TeX shows them. */
void pal__tikz_runs(FILE *file, const pal_graph_run *runs, size_t n);
void pal__tikz_text(FILE *file, const char *text);
char *pal__tikz(pal_tape *tape, const pal_var *outputs, size_t n, const pal_graph_options *options); /* tikz.c */

#endif
