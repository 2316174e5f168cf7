/* noise_kernels.h - uniform and normal noise for a range of elements of one stream.
 *
 * docs/noise.md defines which Philox words make which element. All elements are computed in chunks of whole blocks,
 * without vector tails, and the chunks are cut to size afterwards. So the bits of an element depend only on (key,
 * clock, element), never on where a range begins or ends. Uniforms are exact, so they have the same bits everywhere.
 * Normals may differ in the last places between instruction sets, as the functions of vecmath.h do.
 */
#ifndef PAL_NOISE_KERNELS_H
#define PAL_NOISE_KERNELS_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "autograd/machine/philox.h"
#include "autograd/machine/vecmath.h"

#define PAL__NOISE_BLOCKS 32 /* per chunk: enough independent chains of multiplications to hide their latency */
#define PAL__NOISE_WORDS  (4 * PAL__NOISE_BLOCKS)

/* ---- Words ---------------------------------------------------------------------------------------------------- */

/* pal__noise_chunk makes the words of PAL__NOISE_BLOCKS blocks from `block` on, in order.
 *
 * Each 32-bit word is in the low half of a 64-bit lane, because the x86 multiplication reads its factors there and
 * writes both halves of the product to one lane. This needs no shuffles, and any content of the high halves is ignored.
 * Compilers do not find this form themselves (their code was up to four times slower), so it uses an intrinsic. */
#if defined(__x86_64__)

/* clang-format off */
#if defined(__AVX512F__)
#define PAL__NOISE_LANES          8
#define PAL__NOISE_MULTIPLY(a, b) (pal__lanes) _mm512_mul_epu32((__m512i)(a), (__m512i)(b))
#define PAL__NOISE_LANE_ORDER     {0, 4, 1, 5, 2, 6, 3, 7}
#define PAL__NOISE_EVEN(a, b) __builtin_shufflevector(a, b, 0, 8, 2, 10, 4, 12, 6, 14)
#define PAL__NOISE_ODD(a, b)  __builtin_shufflevector(a, b, 1, 9, 3, 11, 5, 13, 7, 15)
#elif defined(__AVX2__)
#define PAL__NOISE_LANES          4
#define PAL__NOISE_MULTIPLY(a, b) (pal__lanes) _mm256_mul_epu32((__m256i)(a), (__m256i)(b))
#define PAL__NOISE_LANE_ORDER     {0, 2, 1, 3}
#define PAL__NOISE_EVEN(a, b) __builtin_shufflevector(a, b, 0, 4, 2, 6)
#define PAL__NOISE_ODD(a, b)  __builtin_shufflevector(a, b, 1, 5, 3, 7)
#else
#define PAL__NOISE_LANES          2
#define PAL__NOISE_MULTIPLY(a, b) (pal__lanes) _mm_mul_epu32((__m128i)(a), (__m128i)(b))
#define PAL__NOISE_LANE_ORDER     {0, 1}
#define PAL__NOISE_EVEN(a, b) __builtin_shufflevector(a, b, 0, 2)
#define PAL__NOISE_ODD(a, b)  __builtin_shufflevector(a, b, 1, 3)
#endif
/* clang-format on */
#define PAL__NOISE_CHAINS 4 /* vectors computed at once */

typedef uint64_t pal__lanes __attribute__((vector_size(8 * PAL__NOISE_LANES)));

static inline void pal__noise_chunk(uint64_t key, uint64_t clock, uint64_t block, uint32_t *words)
{
    /* Lanes are numbered so that interleaving the even lanes gives the first half of the blocks, in order. */
    const pal__lanes zero = {0}, order = PAL__NOISE_LANE_ORDER, low_half = zero + UINT32_MAX;
    const pal__lanes factor0 = zero + PAL__PHILOX_MUL0, factor1 = zero + PAL__PHILOX_MUL1;
    for (uint32_t start = 0; start < PAL__NOISE_BLOCKS; start += PAL__NOISE_CHAINS * PAL__NOISE_LANES) {
        pal__lanes c0[PAL__NOISE_CHAINS], c1[PAL__NOISE_CHAINS], c2[PAL__NOISE_CHAINS], c3[PAL__NOISE_CHAINS];
        for (uint32_t j = 0; j < PAL__NOISE_CHAINS; j++) {
            c0[j] = order + (block + start + j * PAL__NOISE_LANES);
            c1[j] = c0[j] >> 32;
            c2[j] = zero + clock;
            c3[j] = c2[j] >> 32;
        }
        uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
#pragma GCC unroll 10
        for (int round = 0; round < PAL__PHILOX_ROUNDS; round++) {
            for (int j = 0; j < PAL__NOISE_CHAINS; j++) {
                pal__lanes p0 = PAL__NOISE_MULTIPLY(c0[j], factor0), p1 = PAL__NOISE_MULTIPLY(c2[j], factor1);
                c0[j] = (p1 >> 32) ^ c1[j] ^ k0;
                c1[j] = p1;
                c2[j] = (p0 >> 32) ^ c3[j] ^ k1;
                c3[j] = p0;
            }
            k0 += PAL__PHILOX_WEYL0;
            k1 += PAL__PHILOX_WEYL1;
        }
        for (uint32_t j = 0; j < PAL__NOISE_CHAINS; j++) {
            pal__lanes first = (c0[j] & low_half) | (c1[j] << 32), second = (c2[j] & low_half) | (c3[j] << 32);
            pal__lanes even = PAL__NOISE_EVEN(first, second), odd = PAL__NOISE_ODD(first, second);
            uint32_t *to = words + 4 * (start + j * PAL__NOISE_LANES);
            memcpy(to, &even, sizeof even);
            memcpy(to + 2 * PAL__NOISE_LANES, &odd, sizeof odd);
        }
    }
}

#undef PAL__NOISE_LANES
#undef PAL__NOISE_MULTIPLY
#undef PAL__NOISE_LANE_ORDER
#undef PAL__NOISE_EVEN
#undef PAL__NOISE_ODD
#undef PAL__NOISE_CHAINS

#else

static inline void pal__noise_chunk(uint64_t key, uint64_t clock, uint64_t block, uint32_t *words)
{
    for (uint32_t j = 0; j < PAL__NOISE_BLOCKS; j++) pal__philox_block(key, clock, block + j, words + 4 * j);
}

#endif

/* ---- From words to numbers ------------------------------------------------------------------------------------ */

static inline void pal__uniform_f32_chunk(const uint32_t *words, float *out)
{
#pragma omp simd
    for (int i = 0; i < PAL__NOISE_WORDS; i++) out[i] = (float)(int32_t)(words[i] >> 8) * 0x1p-24f;
}

/* The first 53 bits of two words, plus `add` in the last place, times 2^-53. The two halves are converted as signed
 * integers, because every instruction set has this conversion. Exact. */
static inline double pal__noise_f64(uint32_t w0, uint32_t w1, int32_t add)
{
    int32_t high = (int32_t)(w0 >> 6), low = (int32_t)((w0 & 63) << 21 | w1 >> 11);
    return (double)high * 0x1p-26 + (double)(low + add) * 0x1p-53;
}

static inline void pal__uniform_f64_chunk(const uint32_t *words, double *out)
{
#pragma omp simd
    for (int i = 0; i < PAL__NOISE_WORDS / 2; i++) out[i] = pal__noise_f64(words[2 * i], words[2 * i + 1], 0);
}

/* Box-Muller: the radius is sqrt(-2 log u) with 0 < u <= 1. A second word, as a fraction of a turn, is the angle: n
 * quarter turns plus r. With the nearest n, r is the word without its two leading bits, read as a signed number. */
static inline void pal__normal_f32_chunk(const uint32_t *words, float *out)
{
#pragma omp simd
    for (int i = 0; i < PAL__NOISE_WORDS / 2; i++) {
        uint32_t w0 = words[2 * i], w1 = words[2 * i + 1];
        /* (float)w0, rounded once, converted in halves as above. */
        float whole = (float)(int32_t)(w0 >> 16) * 0x1p16f + (float)(int32_t)(w0 & 0xffff);
        float radius = sqrtf(-2.0f * pal__log_normal_f32(whole * 0x1p-32f + 0x1p-33f));
        float r = (float)(int32_t)(w1 << 2) * (0x1.921fb6p+0f * 0x1p-32f);
        uint32_t n = (w1 + (1u << 29)) >> 30;
        float sine = pal__sin_poly_f32(r, 0.0f), cosine = pal__cos_poly_f32(r);
        float x = n & 1 ? sine : cosine, y = n & 1 ? cosine : sine;
        out[2 * i] = radius * pal__real_f32(pal__bits_f32(x) ^ ((n + 1) & 2) << 30);
        out[2 * i + 1] = radius * pal__real_f32(pal__bits_f32(y) ^ (n & 2) << 30);
    }
}

static inline void pal__normal_f64_chunk(const uint32_t *words, double *out)
{
#pragma omp simd
    for (int i = 0; i < PAL__NOISE_WORDS / 4; i++) {
        uint32_t w0 = words[4 * i], w1 = words[4 * i + 1], w2 = words[4 * i + 2], w3 = words[4 * i + 3];
        double radius = sqrt(-2.0 * pal__log_normal_f64(pal__noise_f64(w0, w1, 1)));
        int32_t high = (int32_t)(w2 << 2 | w3 >> 30), low = (int32_t)((w3 & 0x3fffffffu) >> 9);
        double r = ((double)high * 0x1p-32 + (double)low * 0x1p-53) * 0x1.921fb54442d18p+0;
        uint32_t n = (w2 + (1u << 29)) >> 30;
        double sine = pal__sin_poly_f64(r), cosine = pal__cos_poly_f64(r);
        double x = n & 1 ? sine : cosine, y = n & 1 ? cosine : sine;
        out[2 * i] = radius * pal__real_f64(pal__bits_f64(x) ^ (uint64_t)((n + 1) & 2) << 62);
        out[2 * i + 1] = radius * pal__real_f64(pal__bits_f64(y) ^ (uint64_t)(n & 2) << 62);
    }
}

/* ---- Ranges --------------------------------------------------------------------------------------------------- */

/* Elements first .. first+n-1 of the stream with this key. */
#define PAL__NOISE_RANGE(name, type, per_block)                                                                        \
    static inline void pal__##name(uint64_t key, uint64_t clock, uint64_t first, size_t n, type *out)                  \
    {                                                                                                                  \
        const size_t chunk = per_block * PAL__NOISE_BLOCKS;                                                            \
        uint64_t block = first / per_block;                                                                            \
        size_t skip = (size_t)(first % per_block); /* elements of the first chunk */                                   \
        while (n > 0) {                                                                                                \
            uint32_t words[PAL__NOISE_WORDS];                                                                          \
            type values[per_block * PAL__NOISE_BLOCKS];                                                                \
            size_t take = n < chunk - skip ? n : chunk - skip;                                                         \
            pal__noise_chunk(key, clock, block, words);                                                                \
            type *to = take == chunk ? out : values;                                                                   \
            pal__##name##_chunk(words, to);                                                                            \
            if (to == values) memcpy(out, values + skip, take * sizeof *out);                                          \
            out += take;                                                                                               \
            n -= take;                                                                                                 \
            skip = 0;                                                                                                  \
            block += PAL__NOISE_BLOCKS;                                                                                \
        }                                                                                                              \
    }

PAL__NOISE_RANGE(uniform_f32, float, 4)
PAL__NOISE_RANGE(uniform_f64, double, 2)
PAL__NOISE_RANGE(normal_f32, float, 4)
PAL__NOISE_RANGE(normal_f64, double, 2)
#undef PAL__NOISE_RANGE

#endif
