/* conv_lanes.c - conv2d_to_weights (conv_direct.c).
 *
 * In: images, and the results as panels whose steps are positions. Out: the sums over the images of a lane, which
 * conv_direct.c adds. A sum goes on from block to block, so the size of a block changes no bit. */
#include "ops/conv_direct.h"

/* The results of a block as panels: a step is a position. */
static void pack_results(const pal__conv_job *j, const pal__conv_block *b, int64_t group, int64_t positions,
                         char *panels)
{
    const int64_t wide = (int64_t)(j->kernels->vectors * j->kernels->lanes), plane = j->y.target * j->x.target;
    for (int64_t first = 0; first < j->padded; first += wide) {
        const int64_t vectors = pal__conv_vectors_at(j, first), columns = least(wide, j->outer - first);
        char *panel = panels + (size_t)(first * b->samples * positions) * j->size;
        for (int64_t s = 0; s < b->samples; s++) {
            const int64_t channel = (b->sample + s) * j->targets + group * j->outer + first;
            j->kernels->pack_b((size_t)columns, (size_t)vectors, (size_t)positions,
                               j->other + (size_t)(channel * plane + b->begin * j->x.target) * j->size, 1, plane,
                               panel + (size_t)(s * positions * vectors * (int64_t)j->kernels->lanes) * j->size);
        }
    }
}

/* Where the positions of a block begin in the copy. */
static int64_t list_positions(const pal__conv_job *j, const pal__conv_block *b, int64_t channels, int32_t *steps)
{
    int64_t n = 0;
    for (int64_t s = 0; s < b->samples; s++)
        for (int64_t y = 0; y < b->end - b->begin; y++)
            for (int64_t x = 0; x < j->x.end; x++, n++)
                steps[n] = (int32_t)(s * channels * j->window + y * j->y.in * j->width + x * j->x.in);
    return n;
}

/* The images of one lane, for one group and a part of its channels. */
void pal__conv_run_lane(const pal__conv_job *j, int64_t unit, char *own)
{
    const int64_t part = unit % j->parts, group = unit / j->parts % j->c.groups, lane = unit / j->parts / j->c.groups;
    const int64_t channel = begin_of(part, j->parts, j->inner),
                  channels = begin_of(part + 1, j->parts, j->inner) - channel, rows = channels * j->taps;
    const int64_t kk = j->inner * j->taps, all = j->c.k * kk, end = begin_of(lane + 1, j->lanes, j->c.n);
    char *panels = own + j->copy_bytes, *values = panels + j->panel_bytes;
    int32_t *from = (int32_t *)(void *)(values + j->value_bytes), *to = from + pal__conv_in_tiles(j, kk),
            *steps = to + pal__conv_in_tiles(j, kk);
    for (int64_t r = 0; r < rows; r++) {
        const int64_t u = r % j->taps / j->x.kernel, v = r % j->x.kernel;
        from[r] = (int32_t)(r / j->taps * j->window + u * j->y.dilation * j->width + v * j->x.dilation);
        to[r] = (int32_t)(r * j->padded);
    }
    pal__product_gather g = {.rows = pal__conv_fill_up(j, rows, from, to, rows * j->padded),
                             .a = own,
                             .panel = panels,
                             .c = values,
                             .from = from,
                             .steps = steps,
                             .to = to};
    for (int64_t s = begin_of(lane, j->lanes, j->c.n); s < end; s += j->samples)
        for (int64_t y = 0; y < j->y.end; y += j->rows) {
            const pal__conv_block b = {s, least(j->samples, end - s), y, least(y + j->rows, j->y.end)};
            pal__conv_copy(j, &b, group * j->inner + channel, channels, own);
            pack_results(j, &b, group, (b.end - b.begin) * j->x.end, panels);
            g.k = (size_t)list_positions(j, &b, channels, steps);
            pal__conv_multiply(j, g, 0, j->padded);
            g.add = true;
        }
    char *out = lane ? j->partial + (size_t)((lane - 1) * all) * j->size : j->target;
    j->kernels->turn_back((size_t)rows, (size_t)j->outer, values, j->padded,
                          out + (size_t)(group * j->outer * kk + channel * j->taps) * j->size, kk);
}
