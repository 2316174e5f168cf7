/* product_job.h - shared by the files of our own matrix products (product.c): what is divided, and how. */
#ifndef PAL_OPS_PRODUCT_JOB_H
#define PAL_OPS_PRODUCT_JOB_H

#include "ops/product.h"

#include <string.h>

typedef struct pal__product_job {
    const pal_context *context;
    const pal__product *p;
    const pal__product_kernels *kernels;
    pal__product_items items;
    const void *user;
    size_t size, wide, panels, blocks; /* bytes of an element; columns of a panel; panels and blocks of an item */
    size_t last_row;                   /* where the last block begins */
    size_t units, tasks;               /* what is divided, and into how many parts */
    char *packed, *own;                /* the part of B; room of own_bytes for each worker */
    size_t own_bytes, block_bytes;
    size_t k0, k1, n0, n1; /* by blocks: the part of B */
    bool symmetric;
} pal__product_job;

static inline size_t least(size_t a, size_t b) { return a < b ? a : b; }
static inline size_t parts(size_t n, size_t each) { return (n + each - 1) / each; }

static inline size_t all_steps(const pal__product *p)
{
    size_t k = 0;
    for (size_t t = 0; t < p->n_terms; t++) k += p->term[t].k;
    return k;
}

/* Whether blocks of A are packed: the kernel reads one term, and rows whose elements are neighbours. */
static inline bool packs_a(const pal__product *p) { return p->n_terms > 1 || p->term[0].a_step != 1; }
/* One row of A: no element of B is read twice, so nothing is packed. */
static inline bool is_row(const pal__product *p) { return p->m == 1 && p->n_terms == 1 && p->term[0].b_column == 1; }
/* Where block r of A begins. */
static inline size_t row_of(const pal__product_job *j, size_t r)
{
    return r + 1 < j->blocks ? r * j->kernels->rows : r < j->blocks ? j->last_row : j->p->m;
}
static inline size_t rows_of(const pal__product_job *j, size_t r) { return row_of(j, r + 1) - row_of(j, r); }

static inline const char *at(const void *matrix, int64_t offset, size_t size)
{
    return (const char *)matrix + offset * (int64_t)size;
}

/* What a tile asks for meanwhile: its share of what is packed next. */
typedef struct ahead {
    const char *from;
    int64_t step;
} ahead;

/* ---- product_panels.c ------------------------------------------------------------------------------------------- */

enum {
    PAL__PANEL_STEPS = 1024, /* of the sum, in a panel: 192 KB */
    PAL__LINE = 64           /* bytes of a cache line */
};

/* The steps of a piece if a sum is cut into equal pieces of at most `most`, a multiple of 8: a short piece would read
 * and write C for little. */
size_t pal__product_piece(size_t steps, size_t most);
/* Rows of A, and columns of B, for the steps k0 .. k1-1 of the sum. */
void pal__product_pack_a(const pal__product_job *j, const pal__product_item *item, size_t row, size_t rows, size_t k0,
                         size_t k1, char *out);
void pal__product_pack_b(const pal__product_job *j, const pal__product_item *item, size_t n0, size_t columns, size_t k0,
                         size_t k1, char *out);
/* Blocks r0 .. r1-1 of the panel at column n0. */
void pal__product_panel(const pal__product_job *j, pal__product_item item, size_t n0, size_t columns, size_t r0,
                        size_t r1, char *own, unsigned worker);
/* Columns n0 .. n1-1 of one row. */
void pal__product_row(const pal__product_job *j, pal__product_item item, size_t n0, size_t n1);
/* Tasks of a job: tiles, or panels of rows. */
void pal__product_panels_task(void *job, size_t task, unsigned worker);
void pal__product_rows_task(void *job, size_t task, unsigned worker);

/* ---- product_blocks.c ------------------------------------------------------------------------------------------- */

/* Tasks of a job: panels of a part of B, to pack; blocks, which go through them. */
void pal__product_pack_task(void *job, size_t panel, unsigned worker);
void pal__product_blocks_task(void *job, size_t task, unsigned worker);

#endif
