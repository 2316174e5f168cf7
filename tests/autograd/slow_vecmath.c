/* slow_vecmath.c - compares every float function of autograd/machine/vecmath.h, at every float, with the C library's
 * double function.
 *
 * It takes minutes, so it is a separate program. It prints one line per function: its greatest error in units in the
 * last place, the argument where it occurs, and a checksum of the bits of all results. Build it once for each
 * instruction set. The exit status is 1 if an error is above the limit or a special value is wrong. */
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/machine/vecmath.h"

#define THREADS 2
#define BLOCK   4096

/* X(function, limit in ULP) */
#define FUNCTIONS(X)                                                                                                   \
    X(exp, 1.5)                                                                                                        \
    X(expm1, 1.5)                                                                                                      \
    X(log, 1.5)                                                                                                        \
    X(log1p, 1.5)                                                                                                      \
    X(sin, 1.5)                                                                                                        \
    X(cos, 1.5)                                                                                                        \
    X(tanh, 1.5)                                                                                                       \
    X(erf, 1.5)                                                                                                        \
    X(exp2, 0.75)                                                                                                      \
    X(log2, 0.75)                                                                                                      \
    X(log10, 0.75)                                                                                                     \
    X(cbrt, 0.75)                                                                                                      \
    X(tan, 0.75)                                                                                                       \
    X(asin, 0.75)                                                                                                      \
    X(acos, 0.75)                                                                                                      \
    X(atan, 0.75)                                                                                                      \
    X(sinh, 0.75)                                                                                                      \
    X(cosh, 0.75)                                                                                                      \
    X(asinh, 0.75)                                                                                                     \
    X(acosh, 0.75)                                                                                                     \
    X(atanh, 0.75)                                                                                                     \
    X(erfc, 0.75)                                                                                                      \
    X(normal_cdf, 0.75)                                                                                                \
    X(rint, 0)                                                                                                         \
    X(floor, 0)                                                                                                        \
    X(ceil, 0)                                                                                                         \
    X(trunc, 0)

static double normal_cdf(double x) { return 0.5 * erfc(x * -M_SQRT1_2); }

#define ROW(f, limit)                                                                                                  \
    static void vector_##f(const float *x, float *y)                                                                   \
    {                                                                                                                  \
        for (int i = 0; i < BLOCK; i++) y[i] = pal__##f##_f32(x[i]);                                                   \
    }
FUNCTIONS(ROW)
#undef ROW

static const struct function {
    const char *name;
    void (*vector)(const float *x, float *y);
    double (*reference)(double x);
    double limit;
} functions[] = {
#define ROW(f, limit) {#f, vector_##f, f, limit},
    FUNCTIONS(ROW)
#undef ROW
};

typedef struct part {
    const struct function *function;
    uint32_t index; /* number of the thread */
    double worst;
    float where;
    uint64_t sum;   /* checksum of all results' bits: builds that agree bit for bit give equal sums */
    uint64_t wrong; /* number of special values that differ */
    float wrong_at;
} part;

/* The error of got in units in the last place of a float near want. An infinite got counts as 2^128. */
static double ulps(float got, double want)
{
    int exponent;
    frexp(want, &exponent);
    double unit = ldexp(1.0, exponent < -125 ? -149 : exponent - 24);
    double value = isinf(got) ? copysign(0x1p128, (double)got) : (double)got;
    return fabs(value - want) / unit;
}

static void *run(void *argument)
{
    part *p = argument;
    static _Thread_local float x[BLOCK], y[BLOCK];
    for (uint64_t start = (uint64_t)p->index * BLOCK; start < UINT64_C(1) << 32; start += THREADS * BLOCK) {
        for (uint32_t i = 0; i < BLOCK; i++) x[i] = pal__real_f32((uint32_t)start + i);
        p->function->vector(x, y);
        for (int i = 0; i < BLOCK; i++) {
            double want = p->function->reference((double)x[i]);
            float rounded = (float)want;
            p->sum += isnan(y[i]) ? 1 : pal__bits_f32(y[i]) * ((UINT64_C(1) << 32) + (uint32_t)start + (uint32_t)i);
            if (isnan(rounded) || isinf(want) || want == 0) {
                if (isnan(rounded) ? isnan(y[i]) : y[i] == rounded && !signbit(y[i]) == !signbit(rounded)) continue;
                p->wrong++;
                p->wrong_at = x[i];
                continue;
            }
            if (isnan(y[i]) || signbit(y[i]) != signbit(rounded)) {
                p->wrong++;
                p->wrong_at = x[i];
                continue;
            }
            double error = fabs(want) >= 0x1p128 ? (isinf(y[i]) ? 0 : ulps(y[i], 0x1p128)) : ulps(y[i], want);
            if (error > p->worst) p->worst = error, p->where = x[i];
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    int status = 0;
#if defined(__AVX512F__)
    puts("avx512");
#elif defined(__AVX2__)
    puts("avx2");
#else
    puts("baseline");
#endif
    for (size_t f = 0; f < sizeof functions / sizeof *functions; f++) {
        if (argc > 1 && strcmp(argv[1], functions[f].name) != 0) continue;
        part parts[THREADS];
        pthread_t threads[THREADS];
        for (uint32_t t = 0; t < THREADS; t++) {
            parts[t] = (part){.function = &functions[f], .index = t};
            if (pthread_create(&threads[t], NULL, run, &parts[t])) return 2;
        }
        for (int t = 0; t < THREADS; t++) pthread_join(threads[t], NULL);
        part all = parts[0];
        for (int t = 1; t < THREADS; t++) {
            if (parts[t].worst > all.worst) all.worst = parts[t].worst, all.where = parts[t].where;
            all.sum += parts[t].sum;
            if (parts[t].wrong) all.wrong += parts[t].wrong, all.wrong_at = parts[t].wrong_at;
        }
        printf("%-6s %.3f ULP at %a, sum %016llx", functions[f].name, all.worst, (double)all.where,
               (unsigned long long)all.sum);
        if (all.wrong)
            printf(", %llu special values wrong, such as at %a", (unsigned long long)all.wrong, (double)all.wrong_at);
        puts("");
        fflush(stdout);
        if (all.worst > functions[f].limit || all.wrong) status = 1;
    }
    return status;
}
