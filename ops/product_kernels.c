/* product_kernels.c - the inner loops of our own matrix products. This file is built once per instruction set, with
 * PAL_ISA_NAME as the suffix of its tables. Without fused multiply-adds there are none: BLAS multiplies.
 *
 * A tile of C stays in registers while the sum runs over all of k: with AVX-512 8 rows of 3 vectors, with AVX2 6 rows
 * of 2. That leaves registers for a row of B and one element of A, and enough independent sums to keep both multipliers
 * busy. The compiler unrolls the loops over a tile completely; then no array is left in memory. */
#include "ops/product.h"

#include <math.h>
#include <string.h>

#ifdef __FMA__
#include <immintrin.h>

#define JOIN_(a, b) pal__product_##a##_##b
#define JOIN(a, b)  JOIN_(a, b)

/* With its checks in each of them, unrolled loops take AddressSanitizer ten minutes to compile; so there they stay
 * loops. */
#ifdef __has_feature
#define SANITIZED __has_feature(address_sanitizer)
#else
#define SANITIZED 0
#endif
#if SANITIZED
#define UNROLL
#elif defined __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

/* How a tile reads B: its panel; or B itself, which it packs on the way or not. */
typedef enum source { PACKED, PACKING, IN_PLACE } source;

#define T            float
#define ONE(a, b, c) fmaf(a, b, c)
#define FN(name)     name##_f32
#define TABLE        JOIN(f32, PAL_ISA_NAME)
#ifdef __AVX512F__
enum { ROWS = 8, FEW = 4, VECTORS = 3 };
#define VECTOR       __m512
#define LANES        16
#define LOW          0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH         8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#define LOAD(p)      _mm512_loadu_ps(p)
#define STORE(p, x)  _mm512_storeu_ps(p, x)
#define SPREAD(x)    _mm512_set1_ps(x)
#define FMA(a, b, c) _mm512_fmadd_ps(a, b, c)
#define NOTHING()    _mm512_setzero_ps()
#else
enum { ROWS = 6, FEW = 4, VECTORS = 2 };
#define VECTOR       __m256
#define LANES        8
#define LOW          0, 8, 1, 9, 2, 10, 3, 11
#define HIGH         4, 12, 5, 13, 6, 14, 7, 15
#define LOAD(p)      _mm256_loadu_ps(p)
#define STORE(p, x)  _mm256_storeu_ps(p, x)
#define SPREAD(x)    _mm256_set1_ps(x)
#define FMA(a, b, c) _mm256_fmadd_ps(a, b, c)
#define NOTHING()    _mm256_setzero_ps()
#endif
#include "ops/product_kernels_type.h"

#define T            double
#define ONE(a, b, c) fma(a, b, c)
#define FN(name)     name##_f64
#define TABLE        JOIN(f64, PAL_ISA_NAME)
#ifdef __AVX512F__
#define VECTOR       __m512d
#define LANES        8
#define LOW          0, 8, 1, 9, 2, 10, 3, 11
#define HIGH         4, 12, 5, 13, 6, 14, 7, 15
#define LOAD(p)      _mm512_loadu_pd(p)
#define STORE(p, x)  _mm512_storeu_pd(p, x)
#define SPREAD(x)    _mm512_set1_pd(x)
#define FMA(a, b, c) _mm512_fmadd_pd(a, b, c)
#define NOTHING()    _mm512_setzero_pd()
#else
#define VECTOR       __m256d
#define LANES        4
#define LOW          0, 4, 1, 5
#define HIGH         2, 6, 3, 7
#define LOAD(p)      _mm256_loadu_pd(p)
#define STORE(p, x)  _mm256_storeu_pd(p, x)
#define SPREAD(x)    _mm256_set1_pd(x)
#define FMA(a, b, c) _mm256_fmadd_pd(a, b, c)
#define NOTHING()    _mm256_setzero_pd()
#endif
#include "ops/product_kernels_type.h"

#endif
