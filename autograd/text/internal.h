/* internal.h - declarations shared by the files of text/: text.c prints a tape, parse.c and parse_line.c read such a
 * text back, graph*.c draw a tape. What prints or draws works on a tape in canonical order, made by pal__canonical, and
 * writes to a stream in the C locale. So the result depends only on the recorded structure. */
#ifndef PAL_TEXT_INTERNAL_H
#define PAL_TEXT_INTERNAL_H

#include "autograd/internal.h"

#include <stdio.h>

/* ---- Text (text.c) -------------------------------------------------------------------------------------------- */

/* Copies the outputs, or with n = 0 all roots of the tape, and everything they need, in canonical order. `what` names
 * the caller in errors. False: the tape has failed. */
bool pal__canonical(pal_tape *tape, const pal_var *outputs, size_t n, const char *what, pal__graph *graph);
/* Whether the parameters of an entry follow from its type and shape. */
bool pal__shape_only(const pal__entry *entry);
/* Computes the integer parameters of an operation from type and shape. False: it has parameters that do not follow from
 * these. */
bool pal__told_ints(const pal_op *op, pal_dtype dtype, pal_shape shape, int64_t *ints);
/* How many integer and real parameters a line shows. */
static inline int pal__n_ints(const pal_op *op) { return op->n_ints < PAL_PARAM_INTS ? op->n_ints : PAL_PARAM_INTS; }
static inline int pal__n_reals(const pal_op *op) { return op->n_reals < 2 ? op->n_reals : 2; }
#define PAL__NAN_BITS     UINT64_C(0x7ff8000000000000)
#define PAL__NAN_MANTISSA UINT64_C(0x000fffffffffffff)
bool pal__plain(char letter); /* the path of a scope needs no quotes if all its letters are plain */
/* Prints a name in double quotes, with control characters, quotes and backslashes as C escapes. */
void pal__print_quoted(FILE *file, const char *name);

/* ---- Drawing -------------------------------------------------------------------------------------------------- */

/* clang-format off */
typedef enum pal__look { /* how an entry is drawn */
    PAL__LOOK_HIDDEN,    /* not at all: a constant in the labels of its readers, or an entry without readers */
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
/* clang-format on */

typedef struct pal__box { /* a cluster: a region, or a scope; outside regions a scope has one box per order */
    uint32_t parent;      /* boxes[0] is the drawing itself */
    uint32_t region;      /* the index entry of the region that contains it; 0: no region */
    uint32_t owner;       /* the map_sum whose body this is; 0: the box of a scope */
    uint32_t block;       /* the block that it draws as one node (graph_block.c); 0: none */
    uint32_t level;       /* number of scopes around it, including itself */
    uint32_t alike, last; /* folding: number of boxes that it stands for, and the last one; 0: folded away */
    bool closed;          /* drawn as one node */
    uint8_t order;
    const char *path; /* the scope's full path */
} pal__box;

/* The style of an order of derivative. border: appended to the dot attribute `style`; box: the fill colour of a box. */
typedef struct pal__style {
    const char *fill, *line, *border, *box, *title;
} pal__style;

enum { PAL__WIRE_SHAPES = 3 };
typedef struct pal__wire {             /* one drawn edge, which may stand for several operands */
    uint32_t from, to;                 /* nodes */
    uint32_t source, reader, operand;  /* the first of these: two entries and the number of the operand */
    uint32_t root;                     /* the drawn entry that `source` has the values of; others are plumbing */
    uint32_t shapes[PAL__WIRE_SHAPES]; /* entries with the different shapes of its values */
    uint32_t n_shapes;                 /* if more than PAL__WIRE_SHAPES: the first ones and the last are stored */
    bool constant;                     /* from a constant that is not in a label */
    bool captured;                     /* from outside a region into it */
    bool kept;                         /* from an earlier pass to a later one */
    bool up;                           /* within a pass that is drawn upwards */
    bool effect;                       /* back to the leaf that an effect writes */
    bool next;                         /* from one of several folded boxes to the next */
} pal__wire;

typedef struct pal__drawing {
    pal__graph graph;
    pal_graph_options options;
    bool opens;        /* a block is a box with its operations, and not a node: for a page */
    size_t n;          /* number of entries of graph.tape */
    uint8_t *look;     /* by id: pal__look */
    bool *folded;      /* by operand: its value is in the label of the reader */
    uint32_t *through; /* by id: hidden plumbing: its operand; 0: not hidden plumbing */
    uint32_t *owner;   /* by id of an index entry: its map_sum */
    uint32_t *box;     /* by id */
    uint32_t *output;  /* by id: 1 + the number of its first output; 0: not an output */
    uint32_t *same;    /* by id: the entry that stands for it; itself if it was not folded */
    uint32_t *node;    /* by id: the node that shows it, which is an entry or n + a closed box; 0: not drawn */
    uint32_t *number;  /* by node: its number for readers in later passes, PAL__NONE: its name; 0: lines join them */
    uint32_t *told;    /* by id: how many of its shapes are already printed on an edge */
    double *seconds;   /* by id, per run; NULL: not measured */
    double total;      /* seconds of one run */
    pal__box *boxes;
    pal__wire *wires;
    size_t n_boxes, cap_boxes, n_wires, cap_wires;
    pal__table by_box, by_wire; /* 1 + the number of a box or a wire, by what it joins; for making them */
} pal__drawing;

/* graph.c: a drawing of the tape, complete but for printing; the caller closes it. False: the tape tells why, unless it
 * is NULL. */
bool pal__drawing_open(pal__drawing *drawing, pal_tape *tape, const pal_var *outputs, size_t n,
                       const pal_graph_options *options);
/* Likewise, with blocks as boxes: entries and boxes have the same numbers. */
bool pal__drawing_open_blocks(pal__drawing *drawing, pal_tape *tape, const pal_var *outputs, size_t n,
                              const pal_graph_options *options);
void pal__drawing_close(pal__drawing *drawing, pal_context *context);
/* graph_layout.c: decides how each entry is drawn and in which box. False: out of memory. */
bool pal__draw_lay_out(pal__drawing *drawing);
/* graph_plumbing.c: hides plumbing, which is then a part of edges, and fills in through. root: the value that an entry
 * has after moving, repeating and the like. marks: what plumbing does from the root to the entry, such as "T". Returns
 * whether it printed anything. */
void pal__draw_plumbing(pal__drawing *drawing);
static inline uint32_t pal__draw_root(const pal__drawing *d, uint32_t id)
{
    while (d->through[id]) id = d->through[id];
    return id;
}
bool pal__draw_moves(const pal__drawing *drawing, uint32_t id); /* whether it has a mark */
bool pal__draw_marks(FILE *file, const pal__drawing *drawing, uint32_t id);
/* graph_block.c: the block that is drawn for an entry, 0: none. Puts parameters into the boxes of blocks. */
uint32_t pal__draw_block_of(const pal__drawing *drawing, uint32_t id);
void pal__draw_block_leaves(pal__drawing *drawing);
void pal__draw_block_orders(pal__drawing *drawing);
/* The box of the block that a node is; NULL: it is none. */
static inline const pal__box *pal__draw_block_box(const pal__drawing *d, uint32_t node)
{
    return node >= d->n && d->boxes[node - d->n].block ? &d->boxes[node - d->n] : NULL;
}
/* Whether the wire leads to the adjoint of a block from what the block itself has or reads: not drawn. */
bool pal__draw_implied(const pal__drawing *drawing, const pal__wire *wire);
void pal__draw_block_reads(FILE *file, const pal__drawing *drawing, uint32_t box); /* its parameters */
void pal__draw_block_name(FILE *file, const pal__drawing *drawing, uint32_t box);
/* Prints the name that a formula gives to the value of the wire. Returns whether there is one. */
bool pal__draw_symbol(FILE *file, const pal__drawing *drawing, const pal__wire *wire);
bool pal__draw_untitled(const pal__drawing *drawing, uint32_t box);  /* its nodes have its name in theirs */
bool pal__draw_frameless(const pal__drawing *drawing, uint32_t box); /* drawn without a frame */
/* graph_fold.c: fills in same and node, and alike, last and closed of the boxes. False: out of memory. */
bool pal__draw_fold(pal__drawing *drawing);
bool pal__draw_within(const pal__drawing *drawing, uint32_t box, uint32_t of); /* box is `of` or inside it */
/* graph_edges.c: find_wires fills in wires and numbers; edges and stubs print. Stubs are nodes beside one reader. */
bool pal__draw_find_wires(pal__drawing *drawing);
void pal__draw_edges(FILE *file, const pal__drawing *drawing);
/* Whether an edge has a text; the shape of a value is told once. moved: by plumbing, so the text is not that of the
 * value. wire_text prints it. */
bool pal__draw_tells(const pal__drawing *drawing, const pal__wire *wire, bool *moved);
void pal__draw_wire_text(FILE *file, const pal__drawing *drawing, const pal__wire *wire);
void pal__draw_stubs(FILE *file, const pal__drawing *drawing, uint32_t box, const char *indent);
/* graph.c: styles; fill prints a colour. */
const pal__style *pal__draw_style(uint8_t order);
void pal__draw_fill(FILE *file, const pal__drawing *drawing, pal__look look, uint8_t order);
const char *pal__draw_line(pal__look look, uint8_t order);
uint8_t pal__draw_order(const pal__drawing *drawing, uint32_t node);
uint32_t pal__draw_box(const pal__drawing *drawing, uint32_t node); /* the box that contains it */
/* graph_legend.c */
void pal__draw_legend(FILE *file, const pal__drawing *drawing);
/* graph_times.c: fills in seconds and total. False: out of memory. */
bool pal__draw_times(pal__drawing *drawing);
/* graph_label.c */
void pal__print_html(FILE *file, const char *text);
/* Prints an HTML-like label of the dot language, including its brackets. */
void pal__draw_label(FILE *file, const pal__drawing *drawing, uint32_t node);
void pal__print_alike(FILE *file, const pal__drawing *drawing, uint32_t box); /* " ... layer4, 3x", or nothing */
void pal__draw_value(FILE *file, double value);
void pal__draw_seconds(FILE *file, double seconds);
void pal__draw_bytes(FILE *file, size_t bytes);
bool pal__short_formula(const pal_op *op);                                       /* short enough for a node */
void pal__draw_formula(FILE *file, const pal__drawing *drawing, uint32_t entry); /* with constants in place */
/* Prints "32x784", and the element type if it is not the tape's default. False: a plain scalar; prints nothing. */
bool pal__draw_shape(FILE *file, const pal_tape *tape, uint32_t id);
const char *pal__last_name(const char *path);                               /* after the last slash */
bool pal__constant_value(const pal_tape *tape, uint32_t id, double *value); /* a constant, possibly broadcast */
bool pal__label_folds(const pal_tape *tape, uint32_t id, uint32_t operand); /* its value fits in the label */

/* ---- Parsing: parse.c records, parse_line.c reads characters -------------------------------------------------- */

enum { PAL__DEEPEST = 64, PAL__NUMBERS = PAL_PARAM_INTS + 2 };

typedef struct pal__known { /* ascending by number */
    uint32_t number, id;
} pal__known;

typedef struct pal__line {
    uint32_t number, body, index; /* body, index: ids; 0: absent */
    const pal_op *op;
    pal_dtype dtype;
    pal_shape shape;
    pal_params params;
    bool named, rows;
    char name[PAL__FULL_NAME], scope[PAL__PATH];
    size_t n_numbers;
    char numbers[PAL__NUMBERS][32];
} pal__line;

typedef struct pal__parser {
    pal_tape *tape;
    pal_parse_options o;
    pal_error *err;
    locale_t c; /* the C locale: numbers have a decimal point */
    const char *at, *end;
    size_t row;
    pal__known *known;
    pal_var *in; /* operands or outputs of the line */
    size_t n_known, cap_known, n_in, cap_in;
    uint32_t open[PAL__DEEPEST]; /* index entries of the regions around the line */
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
bool pal__parse_skip(pal__parser *p, const char *text); /* moves past this text if it comes next */
bool pal__parse_ids(pal__parser *p);                    /* appends "%1, %2" to p->in */
bool pal__parse_line(pal__parser *p); /* reads the line of an operation into p->l, p->in and the tape's order */

#endif
