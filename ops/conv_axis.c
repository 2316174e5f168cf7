/* conv_axis.c - where the pixels of a convolution are: positions of an axis, the copy of a block's images with zeros
 * around them, and the product that reads it through offsets.
 *
 * In: the sizes of a convolution. Out: which pixels a position reads and writes. An axis of to_input has phases
 * (conv_direct.c). */
#include "ops/conv_direct.h"

#include <string.h>

pal__conv_axis pal__conv_axis_of(const pal__conv *c, bool is_x, bool backward)
{
    const int64_t image = is_x ? c->w : c->h, result = is_x ? c->ow : c->oh, kernel = is_x ? c->kw : c->kh;
    const int64_t stride = c->stride[is_x], padding = c->padding[is_x], dilation = c->dilation[is_x];
    const int64_t reach = (kernel - 1) * dilation;
    pal__conv_axis a = {.kernel = kernel, .dilation = dilation, .backward = backward};
    if (backward) {
        a.target = image, a.source = result;
        a.first = padding / stride, a.end = (image - 1 + padding) / stride + 1;
        a.in = 1, a.lead = a.span = reach / stride;
        a.phases = stride, a.back = padding;
    } else {
        a.target = a.end = result, a.source = image;
        a.in = stride, a.lead = padding, a.span = reach;
        a.phases = 1;
    }
    return a;
}

int64_t pal__conv_pixels(const pal__conv_axis *a, int64_t begin, int64_t end)
{
    return (end - 1 - begin) * a->in + a->span + 1;
}

bool pal__conv_reaches(const pal__conv_axis *a, int64_t u, int64_t r, int64_t *at)
{
    const int64_t distance = u * a->dilation;
    *at = a->backward ? a->span - distance / a->phases : distance;
    return distance % a->phases == r;
}

int64_t pal__conv_count_reaching(const pal__conv_axis *a, int64_t r)
{
    int64_t n = 0, at;
    for (int64_t u = 0; u < a->kernel; u++) n += pal__conv_reaches(a, u, r, &at);
    return n;
}

void pal__conv_trim(const pal__conv_axis *a, int64_t r, int64_t *begin, int64_t *end)
{
    const int64_t rest = a->target + a->back - r;
    *begin = most(*begin, ceiling(a->back - r, a->phases));
    *end = least(*end, rest > 0 ? (rest - 1) / a->phases + 1 : 0);
}

void pal__conv_written(const pal__conv_axis *a, int64_t *begin, int64_t *end)
{
    *begin = most(0, *begin * a->phases - a->back);
    *end = least(a->target, *end * a->phases - a->back);
}

typedef void copy_function(size_t, size_t, const char *, size_t, char *, size_t);
#define ROW(name, isa) pal__##name##_##isa
static copy_function *const copy_rows[PAL_ISA_COUNT] = PAL_EACH_ISA(ROW, copy_rows);
#undef ROW

void pal__conv_copy(const pal__conv_job *j, const pal__conv_block *b, int64_t channel, int64_t channels, char *to)
{
    const int64_t left = j->x.first * j->x.in - j->x.lead, top = b->begin * j->y.in - j->y.lead;
    const int64_t height = pal__conv_pixels(&j->y, b->begin, b->end), plane = j->y.source * j->x.source;
    const int64_t x0 = most(left, 0), x1 = least(left + j->width, j->x.source);
    const int64_t y0 = most(top, 0), y1 = least(top + height, j->y.source);
    const size_t bytes = x1 > x0 ? (size_t)(x1 - x0) * j->size : 0, rows = y1 > y0 ? (size_t)(y1 - y0) : 0;
    const pal_isa isa = pal_kernel_isa(j->call->context);
    memset(to, 0, (size_t)(b->samples * channels * j->window) * j->size);
    for (int64_t s = 0; s < b->samples; s++)
        for (int64_t i = 0; i < channels && rows; i++, to += (size_t)j->window * j->size) {
            const char *from = j->source + (size_t)(((b->sample + s) * j->sources + channel + i) * plane) * j->size;
            copy_rows[isa](rows, bytes, from + (size_t)(y0 * j->x.source + x0) * j->size, (size_t)j->x.source * j->size,
                           to + (size_t)((y0 - top) * j->width + x0 - left) * j->size, (size_t)j->width * j->size);
        }
}

int64_t pal__conv_in_tiles(const pal__conv_job *j, int64_t rows)
{
    return ceiling(rows, (int64_t)j->kernels->rows) * (int64_t)j->kernels->rows;
}

int64_t pal__conv_vectors_at(const pal__conv_job *j, int64_t column)
{
    const int64_t lanes = (int64_t)j->kernels->lanes;
    return least((int64_t)j->kernels->vectors, (j->padded - column) / lanes);
}

size_t pal__conv_fill_up(const pal__conv_job *j, int64_t rows, int32_t *from, int32_t *to, int64_t spare)
{
    const int64_t all = pal__conv_in_tiles(j, rows);
    for (int64_t i = rows; i < all; i++) from[i] = from[rows - 1], to[i] = (int32_t)spare;
    return (size_t)all;
}

void pal__conv_multiply(const pal__conv_job *j, pal__product_gather g, int64_t begin, int64_t end)
{
    const int64_t wide = (int64_t)(j->kernels->vectors * j->kernels->lanes);
    const char *panel = g.panel;
    char *c = g.c;
    for (int64_t column = begin; column < end; column += wide) {
        g.panel = panel + (size_t)column * g.k * j->size;
        g.c = c + (size_t)column * j->size;
        j->kernels->tiles_at((size_t)pal__conv_vectors_at(j, column), &g);
    }
}
