/* product.h - our own matrix products: what product.c offers to the operations, and the kernels that it is made of. */
#ifndef PAL_OPS_PRODUCT_H
#define PAL_OPS_PRODUCT_H

#include "ops/internal.h"

enum {
    PAL__PRODUCT_TERMS = 4,
    PAL__PART_STEPS = 400 /* of the sum, in a part of B; up to here a product by blocks feeds a loop */
};
typedef struct pal__product_term { /* A B: A is m x k, B is k x n */
    size_t k;
    /* Elements from one row of A to the next, from one step of the sum to the next in A and in B, from one column of B
     * to the next. */
    int64_t a_row, a_step, b_step, b_column;
} pal__product_term;

typedef struct pal__product { /* C = A B + A' B' + ..., or C plus this, for each of `items` */
    size_t items, m, n;       /* C is m x n */
    size_t n_terms;
    pal__product_term term[PAL__PRODUCT_TERMS];
    int64_t c_row; /* elements from one row of C to the next */
    bool add;
    pal_dtype dtype;
    const pal_follow *follow; /* takes the rows of C instead of memory; with `add` they begin with those of item.c */
} pal__product;

/* Where the matrices of an item begin. */
typedef struct pal__product_item {
    const void *a[PAL__PRODUCT_TERMS], *b[PAL__PRODUCT_TERMS];
    void *c;
} pal__product_item;
typedef pal__product_item (*pal__product_items)(const void *user, size_t item);

/* Whether the kernels of this context multiply it, rather than BLAS. */
bool pal__product_ours(const pal_context *context, const pal__product *p);
/* Whether it can run with `follow`: its rows are finished one after the other. */
bool pal__product_feeds(const pal_context *context, const pal__product *p);
size_t pal__product_scratch(pal_context *context, const pal__product *p);
void pal__product_run(pal_context *context, const pal__product *p, pal__product_items items, const void *user,
                      void *scratch);
/* The same of one item on the calling worker alone. own: pal__product_own_bytes bytes, which no other worker has. */
size_t pal__product_own_bytes(const pal_context *context, const pal__product *p);
void pal__product_alone(const pal_context *context, const pal__product *p, pal__product_item item, void *own);
/* Copies what is below the diagonal of C to above it. */
void pal__product_mirror(pal_context *context, const pal__product *p, void *c);

/* ---- Kernels, one table per instruction set and type (product_kernels.c) -------------------------------------- */

/* C = A B, or C + A B, in which element (i, q) of A lies from[i] + steps[q] elements behind a, and row i of C begins
 * to[i] elements behind c. */
typedef struct pal__product_gather {
    size_t rows, k; /* rows: a multiple of a tile's */
    const void *a, *panel;
    void *c;
    const int32_t *from, *steps, *to;
    bool add;
} pal__product_gather;

typedef struct pal__product_kernels {
    size_t rows, vectors, lanes; /* of a tile: rows, vectors in a row, elements in a vector */
    size_t few;                  /* rows of a short tile: up to so many take no more time than they need */
    /* A block of at most `rows` rows of A to out[k][rows], a panel of `columns` columns of B to out[k][vectors][lanes].
     * What is missing is 0. */
    void (*pack_a)(size_t rows, size_t k, const void *a, int64_t row, int64_t step, void *out);
    void (*pack_b)(size_t columns, size_t vectors, size_t k, const void *b, int64_t step, int64_t column, void *out);
    /* C[rows][columns] = A B, or C + A B. Each element is one chain of fused multiply-adds in the order of k.
     * Meanwhile, what is at `ahead` is brought into the cache, from there to there ahead_step bytes further.
     * b: a panel, with b_step 0. For a short tile of whole columns it may be B itself, b_step elements from row to
     * row. */
    void (*tile)(size_t rows, size_t columns, size_t vectors, size_t k, const void *a, int64_t row, int64_t step,
                 const void *b, int64_t b_step, void *c, int64_t ld, bool add, const void *ahead, int64_t ahead_step);
    /* The first tile of a panel, whose rows and columns are whole: it reads B's columns where they are, side by side,
     * b_step elements from row to row, and packs them on its way. */
    void (*tile_packing)(size_t k, const void *a, int64_t row, int64_t step, const void *b, int64_t b_step,
                         void *packed, void *c, int64_t ld, bool add, const void *ahead, int64_t ahead_step);
    /* The same of one row. B's columns lie side by side, b_step elements from row to row. */
    void (*row)(size_t columns, size_t k, const void *a, int64_t step, const void *b, int64_t b_step, void *c,
                bool add);
    /* All tiles of a panel of so many vectors, whole vectors of C. The chains are those of `tile`. */
    void (*tiles_at)(size_t vectors, const pal__product_gather *g);
    /* A panel as pack_b's, of a B whose step q begins at b + steps[q]. */
    void (*pack_at)(size_t columns, size_t vectors, size_t k, const void *b, const int32_t *steps, int64_t column,
                    void *out);
    /* out[j * column + i] = in[i * ld + j], i < rows, j < columns; a row of `in` has whole vectors. */
    void (*turn_back)(size_t rows, size_t columns, const void *in, int64_t ld, void *out, int64_t column);
} pal__product_kernels;

/* Those of this context; NULL: BLAS multiplies. */
const pal__product_kernels *pal__product_kernels_of(const pal_context *context, pal_dtype dtype);

#ifdef PAL_X86
extern const pal__product_kernels pal__product_f32_avx2, pal__product_f64_avx2, pal__product_f32_avx512,
    pal__product_f64_avx512;
#endif

#endif
