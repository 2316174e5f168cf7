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
                for (int64_t y = rows.begin; y < rows.end; y++)
                    ADD(x + (up + y * c->stride[0]) * c->w + left + cols.begin * c->stride[1],
                        columns + (y - at.y0) * width + (cols.begin - at.x0), cols.end - cols.begin, c->stride[1]);
            }
}
