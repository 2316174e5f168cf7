/* internal.h - what the files of text/ share: text.c prints a tape, parse.c and parse_line.c read such a text back,
 * graph*.c draw it. All of them look at a tape in canonical order, made by pal__canonical, and write through a stream
 * in the C locale, so that what they print depends on the recorded structure alone. */
#ifndef PAL_TEXT_INTERNAL_H
#define PAL_TEXT_INTERNAL_H

#include "autograd/internal.h"

#include <locale.h>
#include <stdio.h>

/* ---- Text (text.c) -------------------------------------------------------------------------------------------- */

typedef struct pal__text {
    FILE *file;
    char *bytes;
    size_t size;
    locale_t before;
} pal__text;
bool pal__text_open(pal__text *text);                         /* false: no memory */
char *pal__text_close(pal__text *text, pal_context *context); /* NULL: no memory; freed by pal_text_free */

/* The outputs, or for n = 0 every root of the tape, with all they need in canonical order. what names the caller in
 * errors. False: the tape says why. */
bool pal__canonical(pal_tape *tape, const pal_var *outputs, size_t n, const char *what, pal__graph *graph);
/* Whether the numbers that an entry carries say no more than its type and shape do. */
bool pal__shape_only(const pal__entry *entry);
/* The integers that an operation which carries no more than type and shape has for these; false: it carries others. */
bool pal__told_ints(const pal_op *op, pal_dtype dtype, pal_shape shape, int64_t *ints);
/* How many of each a line tells. */
static inline int pal__n_ints(const pal_op *op) { return op->n_ints < PAL_PARAM_INTS ? op->n_ints : PAL_PARAM_INTS; }
static inline int pal__n_reals(const pal_op *op) { return op->n_reals < 2 ? op->n_reals : 2; }
#define PAL__NAN_BITS     UINT64_C(0x7ff8000000000000)
#define PAL__NAN_MANTISSA UINT64_C(0x000fffffffffffff)
bool pal__plain(char letter); /* a scope's path of such letters alone stands without quotes */
/* A name that a line can hold: control characters, quotes and backslashes as C escapes, in double quotes. */
void pal__print_quoted(FILE *file, const char *name);

/* ---- Drawing -------------------------------------------------------------------------------------------------- */

typedef enum pal__look {                   /* what an entry is drawn as */
                         PAL__LOOK_HIDDEN, /* a constant that its readers' labels tell, or an entry that has no readers
                                              left */
                         PAL__LOOK_OPERATION,
                         PAL__LOOK_PARAMETER,
                         PAL__LOOK_INPUT,
                         PAL__LOOK_NOISE,
                         PAL__LOOK_CONSTANT,
                         PAL__LOOK_INDEX,
                         PAL__LOOK_REGION,
                         PAL__LOOK_EFFECT,
                         PAL__LOOK_COUNT
} pal__look;

typedef struct pal__box { /* a cluster: a scope, of one order outside regions, or a region */
    uint32_t parent;      /* boxes[0] is the drawing itself */
    uint32_t region;      /* the index entry of the region it belongs to; 0: none */
    uint32_t owner;       /* the map_sum whose body this is; 0: the box of a scope */
    uint32_t level;       /* scopes around it, itself included */
    uint32_t alike, last; /* folding: how many boxes it stands for, and the last of them; 0: another stands for it */
    bool closed;          /* drawn as one node */
    uint8_t order;
    const char *path; /* the scope's full path */
} pal__box;

typedef struct pal__style { /* of an order of derivative. border: more of the dot attribute `style`; box: a box's fill
                             */
    const char *fill, *line, *border, *box, *title;
} pal__style;

enum { PAL__WIRE_SHAPES = 3 };
typedef struct pal__wire {             /* what is drawn as one edge, from one node to another */
    uint32_t from, to;                 /* nodes */
    uint32_t source, reader, operand;  /* the first that it is: entries, and which operand */
    uint32_t shapes[PAL__WIRE_SHAPES]; /* entries of different shapes that flow there */
    uint32_t n_shapes;                 /* more than PAL__WIRE_SHAPES: the first ones and the last are kept */
    bool constant;                     /* of a value that no label holds */
    bool captured;                     /* from outside a region into it */
    bool kept;                         /* from a lower pass to a higher one */
    bool up;                           /* within a pass that is drawn upwards */
    bool effect;                       /* back to the leaf that is written */
    bool next;                         /* from one of several alike to the next */
} pal__wire;

typedef struct pal__drawing {
    pal__graph graph;
    pal_graph_options options;
    size_t n;         /* entries of graph.tape */
    uint8_t *look;    /* pal__look by id */
    bool *folded;     /* by operand: its value stands in the reader's label */
    uint32_t *owner;  /* by index entry: its map_sum */
    uint32_t *box;    /* by id */
    uint32_t *output; /* by id: 1 + the first output it is; 0: none */
    uint32_t *same;   /* by id: the entry that stands for it, itself unless it was folded */
    uint32_t *node;   /* by id: the entry, or n + the closed box, that it is drawn as; 0: not at all */
    uint32_t *number; /* by node: what readers in later passes call it; 0: they are joined to it by lines */
    uint32_t *told;   /* by id: of how many the shapes stand on an edge already */
    double *seconds;  /* by id, in one run; NULL: not measured */
    double total;     /* seconds of all */
    pal__box *boxes;
    pal__wire *wires;
    size_t n_boxes, cap_boxes, n_wires, cap_wires;
} pal__drawing;

/* graph_layout.c: decides how each entry is drawn and in which box. False: no memory. */
bool pal__draw_lay_out(pal__drawing *drawing);
/* graph_fold.c: fills in same, node and the boxes' alike, last and closed. */
bool pal__draw_fold(pal__drawing *drawing);
bool pal__draw_within(const pal__drawing *drawing, uint32_t box, uint32_t of); /* box is `of` or inside it */
/* graph_edges.c: the wires and numbers; then the edges, and what stands beside its reader in a box. */
bool pal__draw_find_wires(pal__drawing *drawing);
void pal__draw_edges(FILE *file, const pal__drawing *drawing);
void pal__draw_stubs(FILE *file, const pal__drawing *drawing, uint32_t box, const char *indent);
/* graph.c */
const pal__style *pal__draw_style(uint8_t order);
void pal__draw_fill(FILE *file, const pal__drawing *drawing, pal__look look, uint8_t order); /* a colour */
const char *pal__draw_line(pal__look look, uint8_t order);
uint8_t pal__draw_order(const pal__drawing *drawing, uint32_t node);
uint32_t pal__draw_box(const pal__drawing *drawing, uint32_t node); /* in which box it is drawn */
/* graph_legend.c */
void pal__draw_legend(FILE *file, const pal__drawing *drawing);
/* graph_times.c: fills in seconds and total. False: no memory. */
bool pal__draw_times(pal__drawing *drawing);
/* graph_label.c */
void pal__print_html(FILE *file, const char *text);
/* A dot HTML-like label, brackets included. */
void pal__draw_label(FILE *file, const pal__drawing *drawing, uint32_t node);
void pal__print_alike(FILE *file, const pal__drawing *drawing, uint32_t box); /* " ... layer4, 3x", or nothing */
void pal__draw_value(FILE *file, double value);
void pal__draw_seconds(FILE *file, double seconds);
/* "32x784", and the element type where it is not the tape's; false: a plain scalar, of which nothing is said. */
bool pal__draw_shape(FILE *file, const pal_tape *tape, uint32_t id);
const char *pal__last_name(const char *path);                               /* after the last slash */
bool pal__constant_value(const pal_tape *tape, uint32_t id, double *value); /* a constant, broadcasts seen through */
bool pal__label_folds(const pal_tape *tape, uint32_t id, uint32_t operand); /* the label can hold its value */

/* ---- Parsing: parse.c records, parse_line.c reads letters ----------------------------------------------------- */

enum { PAL__DEEPEST = 64, PAL__NAME = 512, PAL__NUMBERS = PAL_PARAM_INTS + 2 };

typedef struct pal__known { /* ascending by number */
    uint32_t number, id;
} pal__known;

typedef struct pal__line {
    uint32_t number, body, index; /* body, index: ids; 0: none */
    const pal_op *op;
    pal_dtype dtype;
    pal_shape shape;
    pal_params params;
    bool named;
    char name[PAL__NAME], scope[256];
    size_t n_numbers;
    char numbers[PAL__NUMBERS][32];
} pal__line;

typedef struct pal__parser {
    pal_tape *tape;
    pal_parse_options o;
    pal_error *err;
    locale_t c; /* numbers have a point, whatever the program's locale */
    const char *at, *end;
    size_t row;
    pal__known *known;
    pal_var *in; /* operands, or outputs, of the line */
    size_t n_known, cap_known, n_in, cap_in;
    uint32_t open[PAL__DEEPEST]; /* indices of the regions around the line */
    size_t depth;
    pal__line l;
} pal__parser;

/* Sets the error "line N: ..." and returns false. */
bool pal__parse_fail(pal__parser *p, pal_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));
static inline bool pal__parse_wrong(pal__parser *p, const char *what)
{
    return pal__parse_fail(p, PAL_ERR_FORMAT, "%s", what);
}
static inline bool pal__parse_no_memory(pal__parser *p) { return pal__parse_fail(p, PAL_ERR_MEMORY, "out of memory"); }
bool pal__parse_skip(pal__parser *p, const char *text); /* if that stands here, behind it */
bool pal__parse_ids(pal__parser *p);                    /* "%1, %2" into p->in, behind what is there */
bool pal__parse_line(pal__parser *p); /* all of an operation's line into p->l, p->in and the tape's order */

#endif
