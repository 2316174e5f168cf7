/* multiply_add.h - as many multiply-adds in float32 as the processor can do; kernels.c includes it once.
 *
 * The chains are as many as hide the latency of two units, and stay in registers. Without fused multiply-adds a product
 * and a sum take their place, as they do in the kernels. */
#if defined(__AVX512F__) || defined(__FMA__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
typedef __m512 chain;
#define STEP(x, a, b) _mm512_fmadd_ps(x, a, b)
#elif defined(__FMA__)
typedef __m256 chain;
#define STEP(x, a, b) _mm256_fmadd_ps(x, a, b)
#else
typedef float chain __attribute__((vector_size(16)));
#define STEP(x, a, b) ((x) * (a) + (b))
#endif

/* Returns a number that depends on all of them, and in *flops how many operations it did: two for a multiply-add. */
float JOIN(multiply, add, PAL_ISA_NAME)(size_t rounds, size_t *flops)
{
    enum { CHAINS = 12 };
    const chain half = (chain){0} + 0.5F, one = (chain){0} + 1;
    chain x[CHAINS];
    float sum = 0;
    for (int k = 0; k < CHAINS; k++) x[k] = (chain){0} + (float)k;
    for (size_t r = 0; r < rounds; r++) {
#pragma GCC unroll 12
        for (int k = 0; k < CHAINS; k++) x[k] = STEP(x[k], half, one);
    }
    for (int k = 0; k < CHAINS; k++) sum += x[k][0];
    *flops = rounds * CHAINS * 2 * sizeof(chain) / sizeof(float);
    return sum;
}
