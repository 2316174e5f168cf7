/* conv_blocks.c - conv2d and conv2d_to_input by blocks of images, or of rows of one image (conv_direct.c).
 *
 * In: the copies and the weights as panels. Out: planes of the results or images. A block is copied, multiplied phase
 * by phase into rows of channels, and turned into planes. */
#include "ops/conv_direct.h"

static pal__conv_block block_at(const pal__conv_job *j, int64_t i)
{
    pal__conv_block b = {.sample = i / j->per_sample * j->samples, .begin = j->y.first + i % j->per_sample * j->rows};
    b.samples = least(j->samples, j->c.n - b.sample);
    b.end = least(b.begin + j->rows, j->y.end);
    return b;
}

/* The offsets of a phase's steps in the copy, and in the weights. */
static int64_t list_steps(const pal__conv_job *j, int64_t ry, int64_t rx, int32_t *steps, int32_t *weights)
{
    const int64_t kk = j->c.c / j->c.groups * j->taps, apart = j->y.backward ? kk : j->taps;
    int64_t n = 0, y, x;
    for (int64_t i = 0; i < j->inner; i++)
        for (int64_t u = 0; u < j->y.kernel; u++)
            for (int64_t v = 0; pal__conv_reaches(&j->y, u, ry, &y) && v < j->x.kernel; v++)
                if (pal__conv_reaches(&j->x, v, rx, &x)) {
                    steps[n] = (int32_t)(i * j->window + y * j->width + x);
                    weights[n++] = (int32_t)(i * apart + u * j->x.kernel + v);
                }
    return n;
}

void pal__conv_list_steps(const pal__conv_job *j)
{
    int64_t step = 0;
    for (int64_t r = 0; r < j->y.phases * j->x.phases; r++)
        step += list_steps(j, r / j->x.phases, r % j->x.phases, j->steps + step, j->weights + step);
}

static char *panels_of(const pal__conv_job *j, int64_t group, int64_t step)
{
    return j->panels + (size_t)(group * j->inner * j->taps + step) * (size_t)j->padded * j->size;
}

void pal__conv_pack(void *argument, size_t task, unsigned worker)
{
    (void)worker;
    const pal__conv_job *j = argument;
    const int64_t wide = (int64_t)(j->kernels->vectors * j->kernels->lanes), panels = ceiling(j->padded, wide);
    const int64_t group = (int64_t)task / panels, first = (int64_t)task % panels * wide;
    const int64_t kk = j->c.c / j->c.groups * j->taps, column = j->y.backward ? j->taps : kk;
    const char *from = j->other + (size_t)(group * (j->c.k / j->c.groups) * kk + first * column) * j->size;
    int64_t step = 0;
    for (int64_t r = 0; r < j->y.phases * j->x.phases; r++) {
        const int64_t k = pal__conv_count_reaching(&j->y, r / j->x.phases) *
                          pal__conv_count_reaching(&j->x, r % j->x.phases) * j->inner;
        j->kernels->pack_at((size_t)least(wide, j->outer - first), (size_t)pal__conv_vectors_at(j, first), (size_t)k,
                            from, j->weights + step, column, panels_of(j, group, step) + (size_t)(first * k) * j->size);
        step += k;
    }
}

/* Where the rows of a phase begin in the copy and in C, whose rows are pixels. */
static int64_t list_rows(const pal__conv_job *j, const pal__conv_block *b, int64_t ry, int64_t rx, int64_t top,
                         int64_t tall, int32_t *from, int32_t *to)
{
    int64_t y0 = b->begin, y1 = b->end, x0 = j->x.first, x1 = j->x.end, n = 0;
    pal__conv_trim(&j->y, ry, &y0, &y1);
    pal__conv_trim(&j->x, rx, &x0, &x1);
    for (int64_t s = 0; s < b->samples; s++)
        for (int64_t y = y0; y < y1; y++) {
            const int64_t at = s * j->inner * j->window + (y - b->begin) * j->y.in * j->width,
                          row = s * tall + y * j->y.phases + ry - j->y.back - top;
            for (int64_t x = x0; x < x1; x++, n++) {
                from[n] = (int32_t)(at + (x - j->x.first) * j->x.in);
                to[n] = (int32_t)((row * j->x.target + x * j->x.phases + rx - j->x.back) * j->padded);
            }
        }
    return n;
}

/* One block of one group, and a part of its columns. */
void pal__conv_run_block(const pal__conv_job *j, int64_t unit, char *own)
{
    const int64_t part = unit % j->parts, group = unit / j->parts % j->c.groups;
    const int64_t lanes = (int64_t)(j->kernels->vectors * j->kernels->lanes), panels = ceiling(j->padded, lanes);
    const int64_t begin = begin_of(part, j->parts, panels) * lanes,
                  end = least(begin_of(part + 1, j->parts, panels) * lanes, j->padded);
    const pal__conv_block b = block_at(j, unit / j->parts / j->c.groups);
    int64_t top = b.begin, bottom = b.end, step = 0;
    pal__conv_written(&j->y, &top, &bottom);
    const int64_t tall = bottom - top, spare = b.samples * tall * j->x.target * j->padded;
    char *values = own + j->copy_bytes;
    int32_t *from = (int32_t *)(void *)(values + j->value_bytes),
            *to = (int32_t *)(void *)(values + j->value_bytes + j->offset_bytes);
    if (tall <= 0) return;
    pal__conv_copy(j, &b, group * j->inner, j->inner, own);
    for (int64_t r = 0; r < j->y.phases * j->x.phases; r++) {
        const int64_t ry = r / j->x.phases, rx = r % j->x.phases;
        const int64_t k = pal__conv_count_reaching(&j->y, ry) * pal__conv_count_reaching(&j->x, rx) * j->inner;
        const int64_t rows = list_rows(j, &b, ry, rx, top, tall, from, to);
        if (rows)
            pal__conv_multiply(j,
                               (pal__product_gather){.rows = pal__conv_fill_up(j, rows, from, to, spare),
                                                     .k = (size_t)k,
                                                     .a = own,
                                                     .panel = panels_of(j, group, step),
                                                     .c = values,
                                                     .from = from,
                                                     .steps = j->steps + step,
                                                     .to = to},
                               begin, end);
        step += k;
    }
    for (int64_t s = 0; s < b.samples; s++) {
        const int64_t channel = (b.sample + s) * j->targets + group * j->outer + begin,
                      plane = j->y.target * j->x.target;
        j->kernels->turn_back((size_t)(tall * j->x.target), (size_t)(least(end, j->outer) - begin),
                              values + (size_t)(s * tall * j->x.target * j->padded + begin) * j->size, j->padded,
                              j->target + (size_t)(channel * plane + top * j->x.target) * j->size, plane);
    }
}
