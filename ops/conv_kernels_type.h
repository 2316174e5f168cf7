/* conv_kernels_type.h - copies patches to columns and back, for one real type T; conv_kernels.c includes it for each
 * type. Padding is handled outside of the innermost loops, which run over the pixels of one row. */

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
/* Copies rows of `width` elements; in the input they are `pitch` elements apart. Only elements begin .. end-1 of a row
 * are in the image; the others are written as 0. `in` is the address that element 0 would have; nothing outside of the
 * image is read. stride is 1 or 2. */
static void LOAD_ROWS(T *out, const T *in, int64_t rows, int64_t width, int64_t pitch, int64_t stride, int64_t begin,
                      int64_t end)
{
    for (int64_t at = 0; at < width; at += LANES) {
        uint32_t load = bits(begin, end, at, LANES), store = bits(0, width, at, LANES), both = spread(load),
                 low = both & ((1u << LANES) - 1), high = both >> LANES;
        for (int64_t r = 0; r < rows; r++) {
            const T *from = in + r * pitch + stride * at;
            VECTOR v = stride == 1 ? MASKED(load, from) : PICK2(MASKED(low, from), even, MASKED(high, from + LANES));
            STORE(out + r * width + at, store, v);
        }
    }
}

/* The reverse: adds rows to the image. */
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
    int64_t width = at.x1 - at.x0, step = c->kh * c->kw * ld, plane = c->h * c->w, pitch = pitch_of(c);
    for (int64_t k = 0; k < c->kh * c->kw; k++) {
        place p = place_of(c, at, k);
        for (int64_t channel = 0; channel < channels; channel++) {
            const T *in = x + channel * plane + p.offset;
            T *out = columns + k * ld + channel * step;
            CLEAR(out, p.above * width);
            CLEAR(out + (p.above + p.rows) * width, p.below * width);
            out += p.above * width;
#ifdef LANES
            if (c->stride[1] <= 2) {
                LOAD_ROWS(out, in, p.rows, width, pitch, c->stride[1], p.begin, p.end);
                continue;
            }
#endif
            for (int64_t r = 0; r < p.rows; r++, out += width) {
                CLEAR(out, p.begin);
                LOAD(out + p.begin, in + r * pitch + p.begin * c->stride[1], p.end - p.begin, c->stride[1]);
                CLEAR(out + p.end, width - p.end);
            }
        }
    }
}

void FN(col2im)(const pal__conv *c, int64_t channels, pal__patches at, T *x, T *columns, int64_t ld)
{
    int64_t width = at.x1 - at.x0, step = c->kh * c->kw * ld, plane = c->h * c->w, pitch = pitch_of(c);
    for (int64_t k = 0; k < c->kh * c->kw; k++) {
        place p = place_of(c, at, k);
        for (int64_t channel = 0; channel < channels; channel++) {
            T *out = x + channel * plane + p.offset;
            const T *in = columns + k * ld + channel * step + p.above * width;
#ifdef LANES
            /* If rows are close together, the vector of one row overlaps what the row before has just stored. That is
             * slower than adding single elements. */
            if (c->stride[1] <= 2 && pitch * 8 >= LANES * c->stride[1] * 7) {
                ADD_ROWS(out, in, p.rows, width, pitch, c->stride[1], p.begin, p.end);
                continue;
            }
#endif
            for (int64_t r = 0; r < p.rows; r++)
                ADD(out + r * pitch + p.begin * c->stride[1], in + r * width + p.begin, p.end - p.begin, c->stride[1]);
        }
    }
}
