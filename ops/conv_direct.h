/* conv_direct.h - shared by the files of the convolutions without copies of patches (conv_direct.c). */
#ifndef PAL_OPS_CONV_DIRECT_H
#define PAL_OPS_CONV_DIRECT_H

#include "ops/conv_internal.h"
#include "ops/product.h"

typedef struct pal__conv_axis { /* rows or columns of the planes */
    int64_t target, source;     /* pixels that are written, or belong to B; pixels that are read */
    int64_t first, end;         /* positions t */
    int64_t in, lead, span;     /* t reads span + 1 pixels from t * in - lead on; what is no pixel is 0 */
    int64_t phases, back;       /* phase r writes pixel t * phases + r - back */
    int64_t kernel, dilation;   /* elements; pixels from one to the next */
    bool backward;
} pal__conv_axis;

typedef struct pal__conv_job {
    const pal_call *call;
    const pal__product_kernels *kernels;
    pal__conv c;
    pal__conv_role role;
    pal__conv_axis y, x;
    size_t size; /* bytes of an element */
    const char *source, *other;
    char *target;
    int64_t taps, inner, outer, sources, targets; /* of the kernel; channels of a group of A and of B; of all groups */
    int64_t padded;                               /* outer, in whole vectors */
    int64_t samples, rows, per_sample, blocks; /* of a block; blocks of a sample, or of samples that share one; all */
    int64_t width, window;                     /* of the copy of a plane: a row, all */
    int64_t parts, lanes, units, each;         /* parts of the columns, of to_weights: of the channels of A */
    /* The scratch: offsets of the steps in A and in the weights, the weights as panels, then each worker's. */
    int32_t *steps, *weights;
    char *panels, *own, *partial;
    size_t own_bytes, copy_bytes, panel_bytes, value_bytes, offset_bytes;
} pal__conv_job;

typedef struct pal__conv_block {
    int64_t sample, samples, begin, end; /* images; rows t */
} pal__conv_block;

/* ---- conv_axis.c ------------------------------------------------------------------------------------------------ */

pal__conv_axis pal__conv_axis_of(const pal__conv *c, bool is_x, bool backward);
/* Pixels of the copy that t = begin .. end-1 read. */
int64_t pal__conv_pixels(const pal__conv_axis *a, int64_t begin, int64_t end);
/* Whether element u of the kernel reaches phase r; *at: which pixel of a position's it reads. */
bool pal__conv_reaches(const pal__conv_axis *a, int64_t u, int64_t r, int64_t *at);
int64_t pal__conv_count_reaching(const pal__conv_axis *a, int64_t r);
/* The positions of begin .. end-1 at which phase r writes a pixel. */
void pal__conv_trim(const pal__conv_axis *a, int64_t r, int64_t *begin, int64_t *end);
/* The rows of pixels that positions begin .. end-1 write. */
void pal__conv_written(const pal__conv_axis *a, int64_t *begin, int64_t *end);
/* Channels `channel` .. of the images of a block, each with the zeros that its positions read. */
void pal__conv_copy(const pal__conv_job *j, const pal__conv_block *b, int64_t channel, int64_t channels, char *to);
/* So many rows and those that fill up the last tile. */
int64_t pal__conv_in_tiles(const pal__conv_job *j, int64_t rows);
/* Fills up the last tile with rows that repeat the last one and are written to the row of C at `spare`. */
size_t pal__conv_fill_up(const pal__conv_job *j, int64_t rows, int32_t *from, int32_t *to, int64_t spare);
/* Vectors of the panel that begins at a column of a group. */
int64_t pal__conv_vectors_at(const pal__conv_job *j, int64_t column);
/* Panels of columns begin .. end-1 of a group, one behind the other: those of g from g.panel on, and of C. */
void pal__conv_multiply(const pal__conv_job *j, pal__product_gather g, int64_t begin, int64_t end);

/* ---- conv_blocks.c: conv2d and conv2d_to_input; conv_lanes.c: conv2d_to_weights ---------------------------------- */

/* The offsets of the steps of all phases in the copy, and in the weights. */
void pal__conv_list_steps(const pal__conv_job *j);
/* The weights of a panel of a group, phase by phase. A pal_task_fn of the job. */
void pal__conv_pack(void *job, size_t task, unsigned worker);
/* A unit; own: the scratch of its worker. */
void pal__conv_run_block(const pal__conv_job *j, int64_t unit, char *own);
void pal__conv_run_lane(const pal__conv_job *j, int64_t unit, char *own);

#endif
