/* conv_run.c - runs the convolutions: by conv_direct.c, or where that has too few channels or no kernels, as follows.
 *
 * Patches are copied to the columns of a matrix, one block of positions at a time, and the matrix is multiplied by the
 * weights (Chellapilla, Puri, Simard 2006, "High performance convolutional neural networks for document processing"). A
 * block is either some positions of one image, few enough for their columns to stay in a cache, or the whole planes of
 * several small images. Our own kernels multiply where they can (product.h), else BLAS does; the sizes of the layer
 * decide, as in matmul.c.
 *
 * Invariants: the division of the work depends only on shapes and on the number of lanes, and each part writes to
 * memory of its own. So the result has the same bits for any number of threads. Sums over images are sequential within
 * a lane; the sums of the lanes are added in order. */
#include "ops/conv_internal.h"
#include "ops/product.h"

#include <cblas.h>
#include <string.h>

enum {
    PANEL = 1 << 16,    /* elements in the columns of a block: few enough to stay in a cache */
    LEAST = 256,        /* a block may have this many columns even if they have more elements than PANEL */
    WIDE = 64,          /* columns that make a product of BLAS efficient; smaller planes are multiplied together */
    EVEN = 8,           /* our own kernels take blocks of as many images as fit, in a multiple of so many blocks */
    MAX_PARTS = 16,     /* maximum of sums of weights that are kept at the same time */
    MAX_TASKS = 1 << 12 /* maximum of tasks; if there are more units, each task runs several */
};

typedef struct job {
    pal__conv c;
    const pal_call *call;
    char *x, *w, *y;              /* images, weights, results: two operands and the output */
    size_t size;                  /* bytes of an element */
    bool is_columns;              /* kernel 1 x 1, stride 1, no padding: an image is its own columns */
    int64_t plane;                /* positions of one result plane */
    int64_t rows_k, kk, channels; /* in one group: rows of weights, weights per row, channels */
    int64_t samples, rows, cols;  /* size of a block */
    int64_t per_sample, count;    /* blocks of one sample (or of samples that share a block); blocks in all */
    int64_t columns, values;      /* elements in the scratch of a worker: columns, results */
    bool ours;                    /* our own kernels multiply */
    size_t own;                   /* bytes that they need of each worker */
    int64_t parts, lanes;         /* divisions of the channels (forward: of the rows), of the sum over blocks */
    size_t units, each;           /* units of work; units per task */
    char *scratch, *partial;
    void (*unit)(const struct job *j, size_t unit, char *scratch);
} job;

pal__conv pal__conv_of(const pal_params *p, const pal_shape *x, const pal_shape *w, const pal_shape *y)
{
    pal__conv c = {.n = x->dim[0], .c = x->dim[1], .h = x->dim[2], .w = x->dim[3], .groups = p->i[PAL__GROUPS]};
    c.k = w->dim[0];
    c.kh = w->dim[2];
    c.kw = w->dim[3];
    c.oh = y->dim[2];
    c.ow = y->dim[3];
    for (int a = 0; a < 2; a++) {
        c.stride[a] = p->i[PAL__STRIDE + a];
        c.padding[a] = p->i[PAL__PADDING + a];
        c.dilation[a] = p->i[PAL__DILATION + a];
    }
    return c;
}

/* ---- Dividing the work ---------------------------------------------------------------------------------------- */

static int64_t aligned(int64_t elements) { return (elements + 15) / 16 * 16; }

/* The product of a block of `width` positions. */
static pal__product product_of(const job *j, pal__conv_role r, int64_t width)
{
    const size_t rows = (size_t)j->rows_k, kk = (size_t)j->kk, positions = (size_t)width;
    return (pal__product){.items = 1,
                          .m = r == PAL__TO_INPUT ? kk : rows,
                          .n = r == PAL__TO_WEIGHTS ? kk : positions,
                          .n_terms = 1,
                          .term = {{.k = r == PAL__FORWARD    ? kk
                                         : r == PAL__TO_INPUT ? rows
                                                              : positions}},
                          .dtype = j->call->dtype};
}

static int64_t images_of_block(const job *j, int64_t fit)
{
    if (!j->ours) return least(most(WIDE / j->plane, 1), most(j->c.n, 1));
    const int64_t blocks = ceiling(most(j->c.n, 1), fit / j->plane);
    return ceiling(most(j->c.n, 1), ceiling(blocks, EVEN) * EVEN);
}

static job begin(const pal_call *call, pal__conv_role r, const pal_shape *x, const pal_shape *w, const pal_shape *y)
{
    job j = {.c = pal__conv_of(call->params, x, w, y), .call = call, .size = pal_dtype_size(call->dtype)};
    const pal__conv *c = &j.c;
    j.plane = c->oh * c->ow;
    j.rows_k = c->k / c->groups;
    j.channels = c->c / c->groups;
    j.kk = j.channels * c->kh * c->kw;
    j.is_columns =
        c->kh == 1 && c->kw == 1 && c->stride[0] == 1 && c->stride[1] == 1 && !c->padding[0] && !c->padding[1];
    int64_t fit = most(LEAST, PANEL / most(j.kk, 1));
    const pal__product whole = product_of(&j, r, least(c->n * j.plane, fit));
    j.ours = pal__product_ours(call->context, &whole);
    j.samples = 1;
    j.rows = c->oh;
    j.cols = c->ow;
    if (j.plane && j.plane <= fit)
        j.samples = images_of_block(&j, fit);
    else if (c->ow && c->ow <= fit)
        j.rows = fit / c->ow;
    else if (c->ow) {
        j.rows = 1;
        j.cols = fit;
    }
    if (j.samples > 1) j.is_columns = false;
    j.per_sample = j.plane ? ceiling(c->oh, j.rows) * ceiling(c->ow, j.cols) : 0;
    j.count = ceiling(c->n, j.samples) * j.per_sample;
    int64_t width = j.samples * j.rows * j.cols;
    j.columns = j.is_columns ? 0 : aligned(j.kk * width);
    j.values = j.samples > 1 ? aligned(j.rows_k * width) : 0;
    j.parts = j.lanes = 1;
    const pal__product block = product_of(&j, r, width);
    j.own = j.ours ? pal__product_own_bytes(call->context, &block) : 0;
    return j;
}

static size_t worker_bytes(const job *j) { return (size_t)(j->columns + j->values) * j->size + j->own; }

static int64_t weights_count(const job *j) { return j->c.k * j->kk; }

/* The maximum number of lanes for the sum over blocks; it limits the memory for their sums. */
static int64_t most_lanes(const job *j)
{
    int64_t fit = most((1 << 22) / most(weights_count(j), 1), 2);
    return least(least(fit, MAX_PARTS), most(j->count, 1));
}

static size_t scratch_bytes(const job *j, int64_t partials)
{
    return pal_worker_count(j->call->context) * worker_bytes(j) +
           (size_t)((partials - 1) * aligned(weights_count(j))) * j->size;
}

static void task(void *argument, size_t i, unsigned worker)
{
    const job *j = argument;
    size_t first = i * j->each, end = first + j->each < j->units ? first + j->each : j->units;
    for (size_t unit = first; unit < end; unit++) j->unit(j, unit, j->scratch + worker * worker_bytes(j));
}

static void run(job *j, int64_t units, void (*unit)(const job *, size_t, char *))
{
    j->unit = unit;
    j->units = (size_t)units;
    j->each = (j->units + MAX_TASKS - 1) / MAX_TASKS;
    j->scratch = j->call->scratch;
    j->partial = j->scratch + pal_worker_count(j->call->context) * worker_bytes(j);
    if (units) pal_parallel(j->call->context, (j->units + j->each - 1) / j->each, task, j);
}

typedef struct block {
    int64_t sample, samples, width, position; /* position: the index of the first one in its plane */
    pal__patches at;
} block;

static block block_at(const job *j, int64_t i)
{
    int64_t in_row = ceiling(j->c.ow, j->cols), within = i % j->per_sample;
    block b = {.sample = i / j->per_sample * j->samples};
    b.samples = least(j->samples, j->c.n - b.sample);
    b.at.y0 = within / in_row * j->rows;
    b.at.y1 = least(b.at.y0 + j->rows, j->c.oh);
    b.at.x0 = within % in_row * j->cols;
    b.at.x1 = least(b.at.x0 + j->cols, j->c.ow);
    b.width = b.samples * (b.at.y1 - b.at.y0) * (b.at.x1 - b.at.x0);
    b.position = b.at.y0 * j->c.ow + b.at.x0;
    return b;
}

/* ---- The steps of a unit -------------------------------------------------------------------------------------- */

typedef struct matrix {
    char *at;
    int64_t ld;
    bool transposed;
} matrix;

static void multiply_alone(const job *j, int64_t m, int64_t n, int64_t k, matrix a, matrix b, bool accumulate, matrix c,
                           char *scratch)
{
    const pal__product p = {.items = 1,
                            .m = (size_t)m,
                            .n = (size_t)n,
                            .n_terms = 1,
                            .term = {{.k = (size_t)k,
                                      .a_row = a.transposed ? 1 : a.ld,
                                      .a_step = a.transposed ? a.ld : 1,
                                      .b_step = b.transposed ? 1 : b.ld,
                                      .b_column = b.transposed ? b.ld : 1}},
                            .c_row = c.ld,
                            .add = accumulate,
                            .dtype = j->call->dtype};
    pal__product_alone(j->call->context, &p, (pal__product_item){{a.at}, {b.at}, c.at},
                       scratch + (size_t)(j->columns + j->values) * j->size);
}

/* c [m,n] = a b, or c += a b. An empty sum is 0. */
static void multiply(const job *j, int64_t m, int64_t n, int64_t k, matrix a, matrix b, bool accumulate, matrix c,
                     char *scratch)
{
    if (!m || !n) return;
    if (!k) {
        for (int64_t i = 0; i < m && !accumulate; i++)
            memset(c.at + (size_t)(i * c.ld) * j->size, 0, (size_t)n * j->size);
        return;
    }
    if (j->ours) {
        multiply_alone(j, m, n, k, a, b, accumulate, c, scratch);
        return;
    }
    CBLAS_TRANSPOSE ta = a.transposed ? CblasTrans : CblasNoTrans, tb = b.transposed ? CblasTrans : CblasNoTrans;
    pal_blas_begin(j->call->context);
    if (j->size == sizeof(float))
        cblas_sgemm(CblasRowMajor, ta, tb, (int)m, (int)n, (int)k, 1, (const float *)(const void *)a.at, (int)a.ld,
                    (const float *)(const void *)b.at, (int)b.ld, accumulate ? 1 : 0, (float *)(void *)c.at, (int)c.ld);
    else
        cblas_dgemm(CblasRowMajor, ta, tb, (int)m, (int)n, (int)k, 1, (const double *)(const void *)a.at, (int)a.ld,
                    (const double *)(const void *)b.at, (int)b.ld, accumulate ? 1 : 0, (double *)(void *)c.at,
                    (int)c.ld);
    pal_blas_end(j->call->context);
}

static char *image(const job *j, int64_t sample, int64_t channel)
{
    return j->x + (size_t)((sample * j->c.c + channel) * j->c.h * j->c.w) * j->size;
}

static char *result(const job *j, int64_t sample, int64_t row)
{
    return j->y + (size_t)((sample * j->c.k + row) * j->plane) * j->size;
}

typedef void (*patches_f32)(const pal__conv *, int64_t, pal__patches, float *, float *, int64_t);
typedef void (*patches_f64)(const pal__conv *, int64_t, pal__patches, double *, double *, int64_t);
#define F32(name, isa) pal__##name##_f32_##isa
#define F64(name, isa) pal__##name##_f64_##isa
static const patches_f32 move_f32[2][PAL_ISA_COUNT] = {PAL_EACH_ISA(F32, im2col), PAL_EACH_ISA(F32, col2im)};
static const patches_f64 move_f64[2][PAL_ISA_COUNT] = {PAL_EACH_ISA(F64, im2col), PAL_EACH_ISA(F64, col2im)};

/* Copies images to columns, or adds columns back to images. */
static void move(const job *j, const block *b, int64_t channel, int64_t channels, char *columns, bool back)
{
    pal_isa isa = pal_kernel_isa(j->call->context);
    for (int64_t s = 0; s < b->samples; s++) {
        char *x = image(j, b->sample + s, channel), *to = columns + (size_t)(s * j->plane) * j->size;
        if (j->size == sizeof(float))
            move_f32[back][isa](&j->c, channels, b->at, (float *)(void *)x, (float *)(void *)to, b->width);
        else
            move_f64[back][isa](&j->c, channels, b->at, (double *)(void *)x, (double *)(void *)to, b->width);
    }
}

/* The columns of a block: the image itself, or a copy in scratch. */
static matrix columns_of(const job *j, const block *b, int64_t channel, int64_t channels, char *scratch)
{
    if (j->is_columns) return (matrix){image(j, b->sample, channel) + (size_t)b->position * j->size, j->plane, false};
    move(j, b, channel, channels, scratch, false);
    return (matrix){scratch, b->width, false};
}

/* For several samples: copies the results of a block to a matrix, or back. */
static void move_results(const job *j, const block *b, int64_t row, int64_t rows, char *matrix_at, bool back)
{
    size_t bytes = (size_t)j->plane * j->size;
    for (int64_t s = 0; s < b->samples; s++)
        for (int64_t i = 0; i < rows; i++) {
            char *y = result(j, b->sample + s, row + i),
                 *m = matrix_at + (size_t)(i * b->width + s * j->plane) * j->size;
            memcpy(back ? y : m, back ? m : y, bytes);
        }
}

/* The results of a block: their place in the output or operand, or space for them in scratch. */
static matrix results_of(const job *j, const block *b, int64_t row, char *scratch)
{
    if (j->samples == 1) return (matrix){result(j, b->sample, row) + (size_t)b->position * j->size, j->plane, false};
    return (matrix){scratch + (size_t)j->columns * j->size, b->width, false};
}

static matrix weights_at(const job *j, int64_t row, int64_t channel, bool transposed)
{
    return (matrix){j->w + (size_t)(row * j->kk + channel * j->c.kh * j->c.kw) * j->size, j->kk, transposed};
}

/* ---- conv2d --------------------------------------------------------------------------------------------------- */

static void forward(const job *j, size_t unit, char *scratch)
{
    int64_t part = (int64_t)unit % j->parts, group = (int64_t)unit / j->parts % j->c.groups;
    block b = block_at(j, (int64_t)unit / j->parts / j->c.groups);
    int64_t row = begin_of(part, j->parts, j->rows_k), rows = begin_of(part + 1, j->parts, j->rows_k) - row;
    row += group * j->rows_k;
    matrix columns = columns_of(j, &b, group * j->channels, j->channels, scratch);
    matrix results = results_of(j, &b, row, scratch);
    multiply(j, rows, b.width, j->kk, weights_at(j, row, 0, false), columns, false, results, scratch);
    if (j->samples > 1) move_results(j, &b, row, rows, results.at, true);
}

size_t pal__scratch_conv2d(const pal_call *call)
{
    job j = begin(call, PAL__FORWARD, &call->in_shape[0], &call->in_shape[1], &call->shape);
    const size_t direct = pal__conv_direct_scratch(call, PAL__FORWARD, &j.c);
    return direct ? direct : scratch_bytes(&j, 1);
}

pal_status pal__run_conv2d(const pal_call *call)
{
    job j = begin(call, PAL__FORWARD, &call->in_shape[0], &call->in_shape[1], &call->shape);
    if (pal__conv_direct(call, PAL__FORWARD, &j.c, call->in[0], call->in[1], call->out)) return PAL_OK;
    j.x = (char *)(uintptr_t)call->in[0];
    j.w = (char *)(uintptr_t)call->in[1];
    j.y = call->out;
    /* If there are few blocks, the rows are divided too, although the columns are then copied once per part. */
    if (j.count) j.parts = most(least(call->lanes / (j.count * j.c.groups), j.rows_k / 64), 1);
    run(&j, j.count * j.c.groups * j.parts, forward);
    return PAL_OK;
}

/* ---- conv2d_to_input ------------------------------------------------------------------------------------------ */

/* One unit: all blocks of one or more images, for one group and one part of its channels. */
static void to_input(const job *j, size_t unit, char *scratch)
{
    int64_t part = (int64_t)unit % j->parts, group = (int64_t)unit / j->parts % j->c.groups;
    int64_t first = (int64_t)unit / j->parts / j->c.groups * j->per_sample, row = group * j->rows_k;
    int64_t channel = begin_of(part, j->parts, j->channels),
            channels = begin_of(part + 1, j->parts, j->channels) - channel;
    size_t bytes = (size_t)(channels * j->c.h * j->c.w) * j->size;
    block b = block_at(j, first);
    for (int64_t s = 0; s < b.samples && !j->is_columns; s++)
        memset(image(j, b.sample + s, group * j->channels + channel), 0, bytes);
    for (int64_t i = 0; i < j->per_sample; i++) {
        b = block_at(j, first + i);
        matrix results = results_of(j, &b, row, scratch), columns = {scratch, b.width, false};
        if (j->samples > 1) move_results(j, &b, row, j->rows_k, results.at, false);
        if (j->is_columns) columns = columns_of(j, &b, group * j->channels + channel, channels, NULL);
        multiply(j, channels * j->c.kh * j->c.kw, b.width, j->rows_k, weights_at(j, row, channel, true), results, false,
                 columns, scratch);
        if (!j->is_columns) move(j, &b, group * j->channels + channel, channels, scratch, true);
    }
}

size_t pal__scratch_conv2d_to_input(const pal_call *call)
{
    job j = begin(call, PAL__TO_INPUT, &call->shape, &call->in_shape[1], &call->in_shape[0]);
    const size_t direct = pal__conv_direct_scratch(call, PAL__TO_INPUT, &j.c);
    return direct ? direct : scratch_bytes(&j, 1);
}

pal_status pal__run_conv2d_to_input(const pal_call *call)
{
    job j = begin(call, PAL__TO_INPUT, &call->shape, &call->in_shape[1], &call->in_shape[0]);
    if (pal__conv_direct(call, PAL__TO_INPUT, &j.c, call->in[0], call->in[1], call->out)) return PAL_OK;
    j.y = (char *)(uintptr_t)call->in[0];
    j.w = (char *)(uintptr_t)call->in[1];
    j.x = call->out;
    int64_t images = ceiling(j.c.n, j.samples) * j.c.groups;
    if (images) j.parts = most(least(call->lanes / images, j.kk / 64), 1);
    j.parts = most(least(j.parts, j.channels), 1);
    run(&j, images * j.parts, to_input);
    return PAL_OK;
}

/* ---- conv2d_to_weights ---------------------------------------------------------------------------------------- */

/* One unit: the blocks of one lane, for one group and one part of its channels. */
static void to_weights(const job *j, size_t unit, char *scratch)
{
    int64_t part = (int64_t)unit % j->parts, group = (int64_t)unit / j->parts % j->c.groups;
    int64_t lane = (int64_t)unit / j->parts / j->c.groups, row = group * j->rows_k;
    int64_t channel = begin_of(part, j->parts, j->channels),
            channels = begin_of(part + 1, j->parts, j->channels) - channel;
    matrix out = weights_at(j, row, channel, false);
    if (lane) out.at = j->partial + (out.at - j->w) + (size_t)((lane - 1) * aligned(weights_count(j))) * j->size;
    int64_t first = begin_of(lane, j->lanes, j->count), end = begin_of(lane + 1, j->lanes, j->count);
    for (int64_t i = first; i < end; i++) {
        block b = block_at(j, i);
        matrix columns = columns_of(j, &b, group * j->channels + channel, channels, scratch);
        matrix results = results_of(j, &b, row, scratch);
        if (j->samples > 1) move_results(j, &b, row, j->rows_k, results.at, false);
        columns.transposed = true;
        multiply(j, j->rows_k, channels * j->c.kh * j->c.kw, b.width, results, columns, i > first, out, scratch);
    }
}

static void add_lanes(const job *j)
{
    int64_t n = weights_count(j);
    for (int64_t lane = 1; lane < j->lanes; lane++) {
        const char *from = j->partial + (size_t)((lane - 1) * aligned(n)) * j->size;
        if (j->size == sizeof(float))
            for (int64_t i = 0; i < n; i++) ((float *)(void *)j->w)[i] += ((const float *)(const void *)from)[i];
        else
            for (int64_t i = 0; i < n; i++) ((double *)(void *)j->w)[i] += ((const double *)(const void *)from)[i];
    }
}

size_t pal__scratch_conv2d_to_weights(const pal_call *call)
{
    job j = begin(call, PAL__TO_WEIGHTS, &call->in_shape[0], &call->shape, &call->in_shape[1]);
    const size_t direct = pal__conv_direct_scratch(call, PAL__TO_WEIGHTS, &j.c);
    return direct ? direct : scratch_bytes(&j, most_lanes(&j));
}

pal_status pal__run_conv2d_to_weights(const pal_call *call)
{
    job j = begin(call, PAL__TO_WEIGHTS, &call->in_shape[0], &call->shape, &call->in_shape[1]);
    if (pal__conv_direct(call, PAL__TO_WEIGHTS, &j.c, call->in[0], call->in[1], call->out)) return PAL_OK;
    j.x = (char *)(uintptr_t)call->in[0];
    j.y = (char *)(uintptr_t)call->in[1];
    j.w = call->out;
    int64_t count = weights_count(&j);
    if (!j.count || !count) {
        memset(call->out, 0, (size_t)count * j.size);
        return PAL_OK;
    }
    /* Lanes first. If the sums of the lanes would need too much memory, divide the channels too. */
    int64_t wanted = ceiling(call->lanes, j.c.groups);
    j.lanes = least(wanted, most_lanes(&j));
    j.parts = most(least(least(ceiling(wanted, j.lanes), j.kk / 64), j.channels), 1);
    run(&j, j.lanes * j.c.groups * j.parts, to_weights);
    add_lanes(&j);
    return PAL_OK;
}
