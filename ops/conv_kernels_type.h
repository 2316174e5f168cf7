/* conv_kernels_type.h - patches to columns and back, for one real type T; included by conv_kernels.c for each. Padding
 * is settled before the innermost loops, which run over pixels of one row. */

static inline void LOAD(T *restrict out, const T *restrict in, int64_t n, int64_t stride)
{
    if (stride == 1)
        for (int64_t i = 0; i < n; i++) out[i] = in[i];
    else if (stride == 2)
        for (int64_t i = 0; i < n; i++) out[i] = in[2 * i];
    else
        for (int64_t i = 0; i < n; i++) out[i] = in[i * stride];
}

static inline void ADD(T *restrict out, const T *restrict in, int64_t n, int64_t stride)
{
    if (stride == 1)
        for (int64_t i = 0; i < n; i++) out[i] += in[i];
    else if (stride == 2)
        for (int64_t i = 0; i < n; i++) out[2 * i] += in[i];
    else
        for (int64_t i = 0; i < n; i++) out[i * stride] += in[i];
}

static inline void CLEAR(T *out, int64_t n)
{
    for (int64_t i = 0; i < n; i++) out[i] = 0;
}

#ifdef LANES
/* Rows of width elements from rows pitch apart, of which only begin .. end-1 lie in the image: the others are 0. in is
 * where element 0 would lie; nothing outside the image is touched. stride 1 or 2. */
static void LOAD_ROWS(T *out, const T *in, int64_t rows, int64_t width, int64_t pitch, int64_t stride, int64_t begin,
                      int64_t end)
{
    for (int64_t at = 0; at < width; at += LANES) {
        uint32_t load = bits(begin, end, at, LANES), store = bits(0, width, at, LANES);
        if (stride == 1) {
            for (int64_t r = 0; r < rows; r++) STORE(out + r * width + at, store, MASKED(load, in + r * pitch + at));
        } else {
            uint32_t both = spread(load), low = both & ((1u << LANES) - 1), high = both >> LANES;
            for (int64_t r = 0; r < rows; r++) {
                const T *from = in + r * pitch + 2 * at;
                STORE(out + r * width + at, store, PICK2(MASKED(low, from), even, MASKED(high, from + LANES)));
            }
        }
    }
}

/* The reverse: adds. */
static void ADD_ROWS(T *out, const T *in, int64_t rows, int64_t width, int64_t pitch, int64_t stride, int64_t begin,
                     int64_t end)
{
    for (int64_t at = 0; at < width; at += LANES) {
        uint32_t load = bits(begin, end, at, LANES);
        if (stride == 1) {
            for (int64_t r = 0; r < rows; r++) {
                T *to = out + r * pitch + at;
                STORE(to, load, PLUS(MASKED(load, to), MASKED(load, in + r * width + at)));
            }
        } else {
            uint32_t both = spread(load), low = both & ((1u << LANES) - 1), high = both >> LANES;
            for (int64_t r = 0; r < rows; r++) {
                T *to = out + r * pitch + 2 * at;
                VECTOR v = MASKED(load, in + r * width + at);
                STORE(to, low, PLUS(MASKED(low, to), PICK(low, v)));
                if (high) STORE(to + LANES, high, PLUS(MASKED(high, to + LANES), PICK(high, v)));
            }
        }
    }
}
#endif

void FN(im2col)(const pal__conv *c, int64_t channels, pal__patches at, T *x, T *columns, int64_t ld)
{
    int64_t width = at.x1 - at.x0;
    for (int64_t channel = 0; channel < channels; channel++, x += c->h * c->w)
        for (int64_t ky = 0; ky < c->kh; ky++)
            for (int64_t kx = 0; kx < c->kw; kx++, columns += ld) {
                int64_t up = ky * c->dilation[0] - c->padding[0], left = kx * c->dilation[1] - c->padding[1];
                span rows = inside(at.y0, at.y1, up, c->stride[0], c->h),
                     cols = inside(at.x0, at.x1, left, c->stride[1], c->w);
                T *out = columns;
                CLEAR(out, (rows.begin - at.y0) * width);
                out += (rows.begin - at.y0) * width;
#ifdef LANES
                if (c->stride[1] <= 2) {
                    LOAD_ROWS(out, x + (up + rows.begin * c->stride[0]) * c->w + left + at.x0 * c->stride[1],
                              rows.end - rows.begin, width, c->stride[0] * c->w, c->stride[1], cols.begin - at.x0,
                              cols.end - at.x0);
                    CLEAR(out + (rows.end - rows.begin) * width, (at.y1 - rows.end) * width);
                    continue;
                }
#endif
                for (int64_t y = rows.begin; y < rows.end; y++, out += width) {
                    const T *row = x + (up + y * c->stride[0]) * c->w;
                    CLEAR(out, cols.begin - at.x0);
                    if (cols.begin < cols.end)
                        LOAD(out + (cols.begin - at.x0), row + left + cols.begin * c->stride[1], cols.end - cols.begin,
                             c->stride[1]);
                    CLEAR(out + (cols.end - at.x0), at.x1 - cols.end);
                }
                CLEAR(out, (at.y1 - rows.end) * width);
            }
}

void FN(col2im)(const pal__conv *c, int64_t channels, pal__patches at, T *x, T *columns, int64_t ld)
{
    int64_t width = at.x1 - at.x0;
    for (int64_t channel = 0; channel < channels; channel++, x += c->h * c->w)
        for (int64_t ky = 0; ky < c->kh; ky++)
            for (int64_t kx = 0; kx < c->kw; kx++, columns += ld) {
                int64_t up = ky * c->dilation[0] - c->padding[0], left = kx * c->dilation[1] - c->padding[1];
                span rows = inside(at.y0, at.y1, up, c->stride[0], c->h),
                     cols = inside(at.x0, at.x1, left, c->stride[1], c->w);
                if (cols.begin >= cols.end) continue;
#ifdef LANES
                if (c->stride[1] <= 2) {
                    ADD_ROWS(x + (up + rows.begin * c->stride[0]) * c->w + left + at.x0 * c->stride[1],
                             columns + (rows.begin - at.y0) * width, rows.end - rows.begin, width, c->stride[0] * c->w,
                             c->stride[1], cols.begin - at.x0, cols.end - at.x0);
                    continue;
                }
#endif
                for (int64_t y = rows.begin; y < rows.end; y++)
                    ADD(x + (up + y * c->stride[0]) * c->w + left + cols.begin * c->stride[1],
                        columns + (y - at.y0) * width + (cols.begin - at.x0), cols.end - cols.begin, c->stride[1]);
            }
}
