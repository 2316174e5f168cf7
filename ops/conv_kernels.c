/* conv_kernels.c - copies patches of images to columns and back. This file is built once per instruction set, with
 * PAL_ISA_NAME as the suffix of its functions. */
#include "ops/conv_internal.h"

#ifdef __AVX512F__
#include <immintrin.h>
#endif

#include <string.h>

#define JOIN_(a, b, c) pal__##a##_##b##_##c
#define JOIN(a, b, c)  JOIN_(a, b, c)

typedef struct span {
    int64_t begin, end;
} span;

/* The positions in from .. to-1 for which offset + position * stride is in 0 .. size-1. */
static inline span inside(int64_t from, int64_t to, int64_t offset, int64_t stride, int64_t size)
{
    int64_t begin = offset < 0 ? (-offset + stride - 1) / stride : 0;
    int64_t end = offset < size ? (size - 1 - offset) / stride + 1 : 0;
    span s = {begin > from ? begin : from, end < to ? end : to};
    if (s.begin > to) s.begin = to;
    if (s.end < s.begin) s.end = s.begin;
    return s;
}

/* What one element of a kernel is multiplied by; it is the same in every channel: rows of padding above, rows of
 * pixels, rows of padding below. In a row of pixels, elements begin .. end-1 are pixels, and the others are padding.
 * offset: the index in the plane of element 0 of the first row of pixels; it may be negative. 0: there are no pixels.
 */
typedef struct place {
    int64_t above, rows, below, begin, end, offset;
} place;

static place place_of(const pal__conv *c, pal__patches at, int64_t k)
{
    int64_t up = k / c->kw * c->dilation[0] - c->padding[0], left = k % c->kw * c->dilation[1] - c->padding[1];
    span rows = inside(at.y0, at.y1, up, c->stride[0], c->h), cols = inside(at.x0, at.x1, left, c->stride[1], c->w);
    place p = {.above = rows.begin - at.y0, .rows = rows.end - rows.begin, .below = at.y1 - rows.end};
    p.begin = cols.begin - at.x0;
    p.end = cols.end - at.x0;
    if (p.rows && p.begin < p.end) p.offset = (up + rows.begin * c->stride[0]) * c->w + left + at.x0 * c->stride[1];
    return p;
}

/* From one row of a patch to the next. With a stride above the height no two of its rows have pixels. */
static int64_t pitch_of(const pal__conv *c) { return c->stride[0] > c->h ? 0 : c->stride[0] * c->w; }

#ifdef __AVX512F__
static const int32_t even_f32[16] = {0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30},
                     low_f32[16] = {0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7},
                     high_f32[16] = {8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 15};
static const int64_t even_f64[8] = {0, 2, 4, 6, 8, 10, 12, 14}, low_f64[8] = {0, 0, 1, 1, 2, 2, 3, 3},
                     high_f64[8] = {4, 4, 5, 5, 6, 6, 7, 7};

/* The mask for elements begin .. end-1, in a chunk of `lanes` elements that starts at `at`. */
static inline uint32_t bits(int64_t begin, int64_t end, int64_t at, int lanes)
{
    begin = begin < at ? 0 : begin - at;
    end = end - at > lanes ? lanes : end - at;
    return begin >= end ? 0 : ((UINT32_C(1) << end) - 1) & ~((UINT32_C(1) << begin) - 1);
}

/* Moves bit i to bit 2 i: a mask for the even elements of two vectors. */
static inline uint32_t spread(uint32_t bits) { return _pdep_u32(bits, 0x55555555); }
#endif

#define T        float
#define FN(name) JOIN(name, f32, PAL_ISA_NAME)
#define LOAD     load_f32
#define ADD      add_f32
#define CLEAR    clear_f32
#ifdef __AVX512F__
#define LANES              16
#define VECTOR             __m512
#define MASK               __mmask16
#define MASKED(m, p)       _mm512_maskz_loadu_ps((MASK)(m), p)
#define STORE(p, m, v)     _mm512_mask_storeu_ps(p, (MASK)(m), v)
#define PLUS(a, b)         _mm512_add_ps(a, b)
#define PICK2(a, table, b) _mm512_permutex2var_ps(a, _mm512_loadu_si512(table##_f32), b)
#define PICK(table, a)     _mm512_permutexvar_ps(_mm512_loadu_si512(table##_f32), a)
#define LOAD_ROWS          load_rows_f32
#define ADD_ROWS           add_rows_f32
#endif
#include "ops/conv_kernels_type.h"
#undef T
#undef FN
#undef LOAD
#undef ADD
#undef CLEAR
#undef LANES
#undef VECTOR
#undef MASK
#undef MASKED
#undef STORE
#undef PLUS
#undef PICK2
#undef PICK
#undef LOAD_ROWS
#undef ADD_ROWS

#define T        double
#define FN(name) JOIN(name, f64, PAL_ISA_NAME)
#define LOAD     load_f64
#define ADD      add_f64
#define CLEAR    clear_f64
#ifdef __AVX512F__
#define LANES              8
#define VECTOR             __m512d
#define MASK               __mmask8
#define MASKED(m, p)       _mm512_maskz_loadu_pd((MASK)(m), p)
#define STORE(p, m, v)     _mm512_mask_storeu_pd(p, (MASK)(m), v)
#define PLUS(a, b)         _mm512_add_pd(a, b)
#define PICK2(a, table, b) _mm512_permutex2var_pd(a, _mm512_loadu_si512(table##_f64), b)
#define PICK(table, a)     _mm512_permutexvar_pd(_mm512_loadu_si512(table##_f64), a)
#define LOAD_ROWS          load_rows_f64
#define ADD_ROWS           add_rows_f64
#endif
#include "ops/conv_kernels_type.h"

/* Short rows. Pieces of a constant size become moves of registers; the last one of a row overlaps the one before. */
#define PIECES(n)                                                                                                      \
    for (size_t r = 0; r < rows; r++, from += from_row, to += to_row) {                                                \
        for (size_t i = (n); i < bytes - (n); i += (n)) memcpy(to + i, from + i, n);                                   \
        memcpy(to, from, n);                                                                                           \
        memcpy(to + bytes - (n), from + bytes - (n), n);                                                               \
    }
#define COPY_(isa) pal__copy_rows_##isa
#define COPY(isa)  COPY_(isa)
void COPY(PAL_ISA_NAME)(size_t rows, size_t bytes, const char *from, size_t from_row, char *to, size_t to_row)
{
    if (bytes >= 64)
        PIECES(64)
    else if (bytes >= 32)
        PIECES(32)
    else if (bytes >= 16)
        PIECES(16)
    else if (bytes >= 8)
        PIECES(8)
    else if (bytes)
        PIECES(4)
}
