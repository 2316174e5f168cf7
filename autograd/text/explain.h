/* explain.h - declarations shared by the files explain*.c, which write a tape as mathematics.
 *
 * What passes between them:
 *
 *     explain.c          the tape -> a copy, simplified, with the derivatives that names are made from -> arranged
 *     explain_names.c    names of the values: given ones, leaves, derivatives, letters of operations
 *     explain_tex.c      the names in LaTeX
 *     explain_formula.c  templates and operands -> the formula of each value, and which values have a line
 *     explain_page.c     lines, line breaks, the list of names, the frame of a LaTeX document
 *
 * The grammar of the text, which tests/ops/explain_reader.c reads:
 *
 *     page     = { line | region } "where" { entry }
 *     line     = "(%" number ")" name "=" formula           a value; "~" instead of "=": noise; "←": an effect
 *              | "      " name "=" formula                  an output that has another name already
 *     region   = "for" index "=" "0 … " number ":" { line, indented }, then a line  name "=" "Σ" index "(" formula ")"
 *     formula  = sum [ ("<" | "≤" | ">" | "≥" | "==" | "≠") sum ]
 *     sum      = ["−"] times { ("+" | "−") times }
 *     times    = product { ("⊙" | "·" | "/") product }      element by element; operands repeat as in NumPy
 *     product  = postfix { postfix }                        of matrices, from the left
 *     postfix  = atom { "²" | "ᵀ" | "[" parts "]" }         "ᵀ" swaps the last two axes; parts count from 0
 *     atom     = number | name | "(" formula ")" | "[" formula "if" formula "else" formula "]"
 *              | "‖" formula "‖²"                           the sum of the squares of all elements
 *              | "Σ" axes "(" formula ")"                   no axes: all; ₀: none. Those after ₊ stay as 1
 *              | function "(" [ formula { "," formula } ] [ ";" parameters ] ")"
 *     entry    = name shape words                           4×784; no axes: scalar
 *
 * Functions and powers work element by element. A long line goes on in lines that are indented further. A value has the
 * shape of its entry: where the formula has another shape, its elements are the same, in order, or one that is
 * repeated. Where a sample count n is given, "n" is an entry, "n = 32". */
#ifndef PAL_TEXT_EXPLAIN_H
#define PAL_TEXT_EXPLAIN_H

#include "autograd/explain.h"
#include "autograd/internal.h"

typedef struct pal__formula {
    const char *text, *tex; /* kept by the page's tape */
    uint32_t width;         /* columns of the text */
    uint8_t binds;          /* pal_binding */
} pal__formula;

typedef enum pal__reason { PAL__ROOT_OUTPUT, PAL__ROOT_VALUE, PAL__ROOT_CANDIDATE, PAL__ROOT_DERIVATIVE } pal__reason;
typedef struct pal__root { /* a derivative comes after the candidate by which it is one */
    pal__reason reason;
    size_t value; /* the number in o.values; unless it is an output */
} pal__root;

typedef struct pal__page {
    pal_explain_options o;
    pal__graph graph; /* outputs: those of the caller, then the values of `o`, then candidates and their derivatives */
    pal_tape *tape;   /* graph.tape */
    const pal_tape *recorded; /* the copy before it was simplified, with the derivatives; its roots: */
    const uint32_t *recorded_roots;
    uint32_t n;                    /* entries of it */
    size_t n_outputs;              /* the caller's */
    struct pal__root *root;        /* by number of an output of graph: what it is there for */
    uint32_t *live;                /* by id: number of readers, outputs included; 0: only names need it */
    bool *line;                    /* by id: it has a line of its own */
    const pal_shape **shape;       /* by id: of its entry; that of noise which is only reshaped is the new one */
    uint32_t *last;                /* by number of a recorded operation: the last live value that stands for it */
    uint32_t *owner;               /* by id of an index entry: its map_sum */
    uint32_t *by;                  /* by id: the value by which this is the derivative of a scalar; 0: none */
    const char **letter;           /* by id: of a derivative, or what a reader suggests; NULL: none */
    const char **name;             /* by id */
    pal__formula *formula, *whole; /* by id: how readers write it; what its line says */
    FILE *out;
    bool failed; /* out of memory */
} pal__page;

static inline const pal_notation *pal__notation(const pal__page *p, uint32_t id) /* NULL: none */
{
    return p->o.notation ? p->o.notation(pal__at(p->tape, id)->op->name) : NULL;
}
/* explain_values.c */
const char *pal__keep_text(pal__page *page, const char *text, size_t length); /* no memory: "", and sets failed */
bool pal__explain_parameter(const pal__page *page, uint32_t id);
/* Whether it is a movement that leaves all elements in their order. */
bool pal__explain_reshapes(const pal__page *page, uint32_t id);
/* Whether it is one sign and a constant away from a value with a name, such as 1 − h: no line for that, however
 * many readers it has. live: by id, the number of readers. */
bool pal__explain_small(const pal_tape *tape, const uint32_t *live, uint32_t id);
/* explain_names.c. suggest: before any line is made, letters and lines that other values ask for. name: of a value. */
void pal__explain_suggest(pal__page *page);
const char *pal__explain_name(pal__page *page, uint32_t id);
/* A name from outside may have any letters: without those that a formula would read otherwise. */
const char *pal__explain_clean(pal__page *page, const char *name);
/* explain_formula.c: fills in line, name, formula and whole. */
void pal__explain_formulas(pal__page *page);
uint32_t pal__columns(const char *text);
/* explain_tex.c */
const char *pal__explain_tex_name(pal__page *page, const char *name);
/* explain_page.c */
void pal__explain_page(pal__page *page);

#endif
