/* explain.h - a tape as mathematics: its values as named formulas, as text or as LaTeX.
 *
 * What is shown is the part of the tape that the outputs need, simplified as the compiler does it, and then arranged
 * for the eye by equalities of real numbers: factors are collected, signs move outwards, reshapes and broadcasts vanish
 * where the formula says the same without them. So a line may be rounded differently from the program, and is otherwise
 * what the program computes; tests/ops/test_explain.c evaluates the lines. autograd/text/explain.h has the grammar. */
#ifndef PAL_EXPLAIN_H
#define PAL_EXPLAIN_H

#include "autograd/operation.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* ---- How operations are written ------------------------------------------------------------------------------- */

/* How tightly a formula binds. */
typedef enum pal_binding {
    PAL_BINDS_COMPARE, /* a < b */
    PAL_BINDS_SUM,     /* a + b, -a */
    PAL_BINDS_TIMES,   /* element by element: a * b, a / b */
    PAL_BINDS_PRODUCT, /* matrices: a b */
    PAL_BINDS_POSTFIX, /* a^2, a^T */
    PAL_BINDS_ATOM     /* a name, a number, f(a) */
} pal_binding;

/* The notation of one operation. A template is a formula in which
 *     %1 .. %9   stand for the operands. What follows says how tightly an operand has to bind to need no brackets:
 *                %1 as it is   %1+ a sum   %1* a product by elements   %1. a product   %1^ a postfix
 *                %1/ as %1. in a denominator, where the number of samples is n
 *                %1'0 and %2,1 the left and the right factor of a product of matrices, with a transposition where
 *                the integer parameter 0 or 1 is not zero
 *     %i, %r     stands for the first integer or real parameter, %s for the second real one
 *     %p         stands for the text that `params` writes; %_ is the same in letters below the line */
typedef struct pal_notation {
    const char *op; /* its name */
    pal_binding binds;
    const char *text, *tex; /* tex NULL: as text */
    /* Another form where `otherwise` holds; NULL: never. */
    bool (*otherwise)(const pal_rule *rule);
    pal_binding other_binds;
    const char *other_text, *other_tex;
    const char *summed; /* the text, and the LaTeX after a bar, of its sum over all elements: "‖%1‖²|..."; NULL: none */
    /* Letters for the value, and for its first and second operand where they have no name. "^" is the name of the other
     * operand with a hat, if that is an input. NULL: none */
    const char *letter, *first, *second;
    void (*params)(const pal_params *params, pal_shape in, pal_shape out, char *text, size_t size); /* 160 bytes */
    /* Replaces the operation by something that is equal in exact arithmetic and easier to read, such as a / 32 for
     * a * 0.03125. Bit k of `alone`: operand k has no other reader. A bad handle: it stays. NULL: always stays. */
    pal_var (*arrange)(const pal_rule *rule, unsigned alone);
} pal_notation;

/* ---- Explaining ----------------------------------------------------------------------------------------------- */

typedef enum pal_explain_form {
    PAL_EXPLAIN_TEXT, /* UTF-8, for a terminal */
    PAL_EXPLAIN_TEX,  /* a whole document for pdflatex, with the packages amsmath, amssymb and geometry */
    PAL_EXPLAIN_FORM_COUNT
} pal_explain_form;

typedef struct pal_explain_value { /* a value of the tape that has a name */
    pal_var value;                 /* one that the outputs do not need is ignored, unless it has `adjoint` */
    const char *name;              /* as "W" or "z_scale"; NULL: none */
    /* For a scalar y: the derivative of y by z is called by this letter with z below it, such as "δ" for "δ_z"; that by
     * a leaf W is called "∂y/∂W" if y has a name. NULL: derivatives are called as other values are. */
    const char *adjoint;
} pal_explain_value;

typedef struct pal_explain_scope {
    const char *component; /* of a path: names get no index from it. Other components become indices: "z_scale" */
    const char *letters;   /* pairs of a letter and what replaces it in this scope, as "z a W V"; NULL: none */
} pal_explain_scope;

typedef struct pal_explain_options {
    size_t struct_size;
    pal_explain_form form;
    const char *title;
    const char *const *names; /* of the n outputs; each may be NULL; NULL: y, or y₁, y₂, ... */
    /* For each output the leaf by which it is the derivative of the last of `values`, if that has a name; a bad handle:
     * it is none. Needed only for the name of a gradient that passes through a region: others are found. NULL: none. */
    const pal_var *by;
    const pal_var *parameters; /* these leaves are called parameters, all others inputs */
    size_t n_parameters;
    const pal_explain_value *values;
    size_t n_values;
    const pal_explain_scope *scopes;
    size_t n_scopes;
    int64_t samples; /* this number, where something is divided by it, is called n; 0: no number is */
    unsigned width;  /* columns of the text, and of the formulas of a page; 0: 100; 40 at least */
    bool recorded;   /* as recorded: nothing is simplified or arranged, and the seams of the tape show */
    /* pal_op_notation; NULL, or NULL for an operation: it is written as name(a, b; parameters) */
    const pal_notation *(*notation)(const char *op);
} pal_explain_options;

/* The part of the tape that the outputs need, as formulas, one line for each value that has several readers or a long
 * formula; a list of all names with shapes follows. The number of a line, (%12), is that of the operation in the text
 * that pal_tape_text prints for the same outputs. With n = 0: the whole tape, as pal_tape_text. The caller frees the
 * text with pal_text_free. Returns NULL if memory runs out, a handle is bad or the options are; pal_tape_error then
 * gives the reason. With tape NULL, or outputs NULL and n above 0, it returns NULL and leaves the tape unchanged. */
char *pal_explain(pal_tape *tape, const pal_var *outputs, size_t n, const pal_explain_options *options);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
