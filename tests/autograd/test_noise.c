/* test_noise.c - the counter-based noise.
 *
 * The random words are compared with published vectors and with Random123, the numbers with their definition in
 * docs/noise.md. A number must not depend on how its range is split. Statistics are checked at fixed seeds, with bounds
 * of four standard errors. The numbers of a seed never change, so these tests cannot fail by chance later. */
#include <check.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <Random123/philox.h>

#include "autograd/autograd.h"
#include "autograd/machine/noise_kernels.h"
#include "autograd/machine/philox.h"

Suite *noise_suite(void);

#define MANY (1 << 18)

/* ---- Words ---------------------------------------------------------------------------------------------------- */

START_TEST(known_answers)
{
    /* The published test vectors of philox4x32-10: counter, key, result. */
    static const uint32_t known[][10] = {
        {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
        {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d, 0x41c83b0e, 0xa20bc7c6,
         0x6d5451fd},
        {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb, 0x5001e420,
         0x24126ea1},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const uint32_t *k = known[i];
        uint64_t block = (uint64_t)k[1] << 32 | k[0], clock = (uint64_t)k[3] << 32 | k[2];
        uint64_t key = (uint64_t)k[5] << 32 | k[4];
        uint32_t one[4], many[PAL__NOISE_WORDS];
        pal__philox_block(key, clock, block, one);
        ck_assert_mem_eq(one, k + 6, sizeof one);
        pal__noise_chunk(key, clock, block, many);
        ck_assert_mem_eq(many, k + 6, sizeof one);
    }
}
END_TEST

START_TEST(words_are_those_of_random123)
{
    static const uint64_t starts[] = {0, 1, 77, UINT64_C(0xfffffff0), UINT64_C(0xffffffffffffffe8)};
    uint64_t key = pal__noise_key(5, "words"), clock = UINT64_C(0x0123456789abcdef);
    for (size_t s = 0; s < sizeof starts / sizeof *starts; s++) {
        uint32_t words[PAL__NOISE_WORDS];
        pal__noise_chunk(key, clock, starts[s], words);
        for (uint32_t j = 0; j < PAL__NOISE_BLOCKS; j++) {
            uint64_t block = starts[s] + j; /* covers the carry of the low word, and wrapping around 2^64 */
            philox4x32_ctr_t c = {{(uint32_t)block, (uint32_t)(block >> 32), (uint32_t)clock, (uint32_t)(clock >> 32)}};
            philox4x32_key_t k = {{(uint32_t)key, (uint32_t)(key >> 32)}};
            philox4x32_ctr_t want = philox4x32_R(PAL__PHILOX_ROUNDS, c, k);
            ck_assert_mem_eq(words + 4 * j, want.v, sizeof want.v);
            uint32_t one[4];
            pal__philox_block(key, clock, block, one);
            ck_assert_mem_eq(one, want.v, sizeof want.v);
        }
    }
}
END_TEST

START_TEST(keys)
{
    /* The published values of FNV-1a, XORed with the mixed seed 0 (the first output of SplitMix64). */
    const uint64_t zero = UINT64_C(0xe220a8397b1dcdaf);
    ck_assert_uint_eq(pal__noise_key(0, ""), UINT64_C(0xcbf29ce484222325) ^ zero);
    ck_assert_uint_eq(pal__noise_key(0, "a"), UINT64_C(0xaf63dc4c8601ec8c) ^ zero);
    ck_assert_uint_eq(pal__noise_key(0, "foobar"), UINT64_C(0x85944171f73967e8) ^ zero);
    ck_assert_uint_eq(pal__noise_key(0, "\xe9") ^ zero, /* bytes count as unsigned */
                      (UINT64_C(0xcbf29ce484222325) ^ 0xe9) * UINT64_C(0x100000001b3));
    ck_assert_uint_eq(pal__noise_key(3, NULL), pal__noise_key(3, ""));
    ck_assert_uint_ne(pal__noise_key(1, "a"), pal__noise_key(0, "a"));
    ck_assert_uint_ne(pal__noise_key(1, "a"), pal__noise_key(1, "b"));
}
END_TEST

/* ---- Definitions ---------------------------------------------------------------------------------------------- */

#define SOME 1000

START_TEST(numbers_follow_their_definition)
{
    const pal_noise noise = {.seed = 11, .clock = 13};
    uint64_t key = pal__noise_key(noise.seed, "definition");
    static uint32_t w[4 * SOME];
    pal_noise_words(noise, "definition", 0, 4 * SOME, w);
    static float u32[SOME], n32[SOME];
    static double u64[SOME], n64[SOME];
    pal__uniform_f32(key, noise.clock, 0, SOME, u32);
    pal__normal_f32(key, noise.clock, 0, SOME, n32);
    pal__uniform_f64(key, noise.clock, 0, SOME, u64);
    pal__normal_f64(key, noise.clock, 0, SOME, n64);
    for (size_t i = 0; i < SOME; i++) {
        ck_assert(u32[i] == (float)ldexp((double)(w[i] >> 8), -24));
        uint64_t bits = ((uint64_t)w[2 * i] << 32 | w[2 * i + 1]) >> 11;
        ck_assert(u64[i] == ldexp((double)bits, -53));
        /* The Box-Muller transform in wider arithmetic. */
        const uint32_t *pair = w + i / 2 * 2;
        double u = ldexp((double)pair[0] + 0.5, -32), turn = ldexp((double)pair[1], -32);
        double radius = sqrt(-2 * log(u)), angle = turn * 2 * M_PI;
        double want = radius * (i % 2 ? sin(angle) : cos(angle));
        /* Near u = 1 the rounding of u to a float matters: its error is half a unit of u, divided by the radius. */
        double slack = 1e-6 * (1 + radius) + 0x1p-24 / (radius + 1e-4);
        ck_assert_msg(fabs((double)n32[i] - want) <= slack, "normal %zu: %g, not %g", i, (double)n32[i], want);
        const uint32_t *quad = w + i / 2 * 4;
        uint64_t first = ((uint64_t)quad[0] << 32 | quad[1]) >> 11;
        long double v = ldexpl((long double)first + 1, -53);
        long double part = ldexpl((long double)((uint64_t)quad[2] << 32 | quad[3]), -64);
        long double r = sqrtl(-2 * logl(v)), a = part * 2 * 3.14159265358979323846264338L;
        long double exact = r * (i % 2 ? sinl(a) : cosl(a));
        ck_assert_msg(fabsl(n64[i] - exact) <= 2e-15L, "normal %zu: %.17g, not %.17Lg", i, n64[i], exact);
    }
}
END_TEST

START_TEST(extreme_words)
{
    /* At both extremes, uniforms stay below 1, and the argument of the logarithm stays above 0. */
    uint32_t zeros[PAL__NOISE_WORDS] = {0}, ones[PAL__NOISE_WORDS];
    memset(ones, 0xff, sizeof ones);
    float f[PAL__NOISE_WORDS];
    double d[PAL__NOISE_WORDS];
    pal__uniform_f32_chunk(zeros, f);
    ck_assert(f[0] == 0.0f);
    pal__uniform_f32_chunk(ones, f);
    ck_assert(f[0] == 1.0f - 0x1p-24f);
    pal__uniform_f64_chunk(zeros, d);
    ck_assert(d[0] == 0.0);
    pal__uniform_f64_chunk(ones, d);
    ck_assert(d[0] == 1.0 - 0x1p-53);
    pal__normal_f32_chunk(zeros, f);
    ck_assert(fabsf(f[0] - 6.7638f) < 1e-3f && f[1] == 0.0f);
    pal__normal_f32_chunk(ones, f);
    ck_assert(f[0] == 0.0f && f[1] == 0.0f);
    pal__normal_f64_chunk(zeros, d);
    ck_assert(fabs(d[0] - 8.5716) < 1e-3 && d[1] == 0.0);
    pal__normal_f64_chunk(ones, d);
    ck_assert(d[0] == 0.0 && d[1] == 0.0);
}
END_TEST

/* An element has the same bits for any first and n that include it. */
#define SPLIT(name, type)                                                                                              \
    START_TEST(split_##name)                                                                                           \
    {                                                                                                                  \
        static type all[3000], part[3000];                                                                             \
        const uint64_t key = 99, clock = 4, origin = UINT64_C(0x3fffffe00); /* blocks cross 2^32 */                    \
        pal__##name(key, clock, origin, 3000, all);                                                                    \
        uint64_t state = 1;                                                                                            \
        for (int round = 0; round < 400; round++) {                                                                    \
            state = state * UINT64_C(6364136223846793005) + 1442695040888963407;                                       \
            size_t first = (size_t)(state >> 40) % 2500, n = (size_t)(state >> 20) % (round % 2 ? 12 : 500);           \
            memset(part, 0x55, sizeof part);                                                                           \
            pal__##name(key, clock, origin + first, n, part);                                                          \
            ck_assert(!memcmp(part, all + first, n * sizeof *part));                                                   \
            const unsigned char *beyond = (const unsigned char *)(part + n);                                           \
            for (size_t i = 0; i < 64; i++) ck_assert(beyond[i] == 0x55);                                              \
        }                                                                                                              \
    }                                                                                                                  \
    END_TEST
SPLIT(uniform_f32, float)
SPLIT(uniform_f64, double)
SPLIT(normal_f32, float)
SPLIT(normal_f64, double)

/* The functions for host code draw the same words and numbers as the kernels. `row` is added to the first index. */
START_TEST(host_functions)
{
    const pal_noise noise = {.seed = 21, .clock = 22, .row = 23};
    uint64_t key = pal__noise_key(21, "host");
    static uint32_t w[500], v[500];
    static double a[500], b[500];
    pal_noise_words(noise, "host", 7, 500, w);
    for (size_t i = 0; i < 500; i++) {
        uint32_t block[4];
        pal__philox_block(key, 22, (30 + i) / 4, block);
        v[i] = block[(30 + i) % 4];
    }
    ck_assert_mem_eq(w, v, sizeof w);
    pal_noise_uniform(noise, "host", 7, 500, a);
    pal__uniform_f64(key, 22, 30, 500, b);
    ck_assert_mem_eq(a, b, sizeof a);
    pal_noise_normal(noise, "host", 7, 500, a);
    pal__normal_f64(key, 22, 30, 500, b);
    for (size_t i = 0; i < 500; i++) ck_assert(fabs(a[i] - b[i]) <= 1e-14);
    pal_noise_words(noise, "host", 7, 0, NULL);
    pal_noise_uniform(noise, "host", 7, 0, NULL);
    pal_noise_normal(noise, "host", 7, 0, NULL);
}
END_TEST

/* ---- Statistics ----------------------------------------------------------------------------------------------- */

static double sample[MANY];

static void draw(int kind, uint64_t key, uint64_t clock) /* kind: 0, 1: uniform; 2, 3: normal; even: float */
{
    static float single[MANY];
    if (kind == 0) pal__uniform_f32(key, clock, 0, MANY, single);
    if (kind == 1) pal__uniform_f64(key, clock, 0, MANY, sample);
    if (kind == 2) pal__normal_f32(key, clock, 0, MANY, single);
    if (kind == 3) pal__normal_f64(key, clock, 0, MANY, sample);
    if (kind % 2 == 0)
        for (size_t i = 0; i < MANY; i++) sample[i] = (double)single[i];
}

static double moment(double centre, int power)
{
    double sum = 0;
    for (size_t i = 0; i < MANY; i++) sum += pow(sample[i] - centre, power);
    return sum / MANY;
}

/* Numbers at distances 1 to 8 are uncorrelated, which includes the two of a Box-Muller pair. */
static void check_uncorrelated(double mean, double variance)
{
    for (size_t lag = 1; lag <= 8; lag++) {
        double sum = 0;
        for (size_t i = 0; i + lag < MANY; i++) sum += (sample[i] - mean) * (sample[i + lag] - mean);
        ck_assert_double_le(fabs(sum / MANY / variance), 4 / sqrt(MANY));
    }
}

START_TEST(uniforms_are_uniform)
{
    draw(_i, pal__noise_key(1, "uniform"), 0);
    for (size_t i = 0; i < MANY; i++) ck_assert(sample[i] >= 0 && sample[i] < 1);
    ck_assert_double_le(fabs(moment(0.5, 1)), 4 * sqrt(1.0 / 12 / MANY));
    ck_assert_double_le(fabs(moment(0.5, 2) - 1.0 / 12), 4 * sqrt((1.0 / 80 - 1.0 / 144) / MANY));
    enum { BINS = 256 };
    double count[BINS] = {0}, square = 0;
    for (size_t i = 0; i < MANY; i++) count[(size_t)(sample[i] * BINS)]++;
    for (int b = 0; b < BINS; b++) square += pow(count[b] - (double)MANY / BINS, 2) / ((double)MANY / BINS);
    ck_assert_double_le(fabs(square - (BINS - 1)), 4 * sqrt(2.0 * (BINS - 1)));
    check_uncorrelated(0.5, 1.0 / 12);
}
END_TEST

START_TEST(normals_are_normal)
{
    draw(_i, pal__noise_key(2, "normal"), 3);
    ck_assert_double_le(fabs(moment(0, 1)), 4 * sqrt(1.0 / MANY));
    ck_assert_double_le(fabs(moment(0, 2) - 1), 4 * sqrt(2.0 / MANY));
    ck_assert_double_le(fabs(moment(0, 3)), 4 * sqrt(15.0 / MANY));
    ck_assert_double_le(fabs(moment(0, 4) - 3), 4 * sqrt(96.0 / MANY));
    for (int t = 1; t <= 4; t++) { /* both tails */
        for (int side = -1; side <= 1; side += 2) {
            double p = erfc(t / sqrt(2)) / 2, beyond = 0;
            for (size_t i = 0; i < MANY; i++) beyond += side * sample[i] > t;
            ck_assert_double_le(fabs(beyond / MANY - p), 4 * sqrt(p * (1 - p) / MANY));
        }
    }
    enum { BINS = 64 }; /* of equal probability */
    double count[BINS] = {0}, square = 0;
    for (size_t i = 0; i < MANY; i++) count[(size_t)(erfc(-sample[i] / sqrt(2)) / 2 * BINS)]++;
    for (int b = 0; b < BINS; b++) square += pow(count[b] - (double)MANY / BINS, 2) / ((double)MANY / BINS);
    ck_assert_double_le(fabs(square - (BINS - 1)), 4 * sqrt(2.0 * (BINS - 1)));
    check_uncorrelated(0, 1);
    /* The radii of the pairs, and the quadrants of their angles. */
    double far = 0, quadrant[4] = {0};
    for (size_t i = 0; i < MANY; i += 2) {
        far += hypot(sample[i], sample[i + 1]) > 2;
        quadrant[(sample[i] < 0) + 2 * (sample[i + 1] < 0)]++;
    }
    double p = exp(-2);
    ck_assert_double_le(fabs(far / (MANY / 2) - p), 4 * sqrt(p * (1 - p) / (MANY / 2)));
    for (int q = 0; q < 4; q++)
        ck_assert_double_le(fabs(quadrant[q] / (MANY / 2) - 0.25), 4 * sqrt(0.1875 / (MANY / 2)));
}
END_TEST

START_TEST(streams_differ)
{
    /* Another seed, name or clock, even if it differs only by one, gives other words without correlation. */
    static const struct {
        uint64_t seed, clock;
        const char *stream;
    } other[] = {{2, 5, "a/b"}, {1, 6, "a/b"}, {1, UINT64_C(5) << 32, "a/b"},
                 {1, 5, "a/c"}, {1, 5, "a"},   {5, 1, "a/b"}};
    enum { WORDS = 1 << 16 };
    static uint32_t a[WORDS], b[WORDS];
    pal_noise_words((pal_noise){.seed = 1, .clock = 5}, "a/b", 0, WORDS, a);
    for (size_t o = 0; o < sizeof other / sizeof *other; o++) {
        pal_noise_words((pal_noise){.seed = other[o].seed, .clock = other[o].clock}, other[o].stream, 0, WORDS, b);
        double same = 0, product = 0;
        for (size_t i = 0; i < WORDS; i++) {
            same += a[i] == b[i];
            product += ((double)a[i] * 0x1p-32 - 0.5) * ((double)b[i] * 0x1p-32 - 0.5);
        }
        ck_assert_double_le(same, 1);
        ck_assert_double_le(fabs(product / WORDS * 12), 4 / sqrt(WORDS));
    }
}
END_TEST

Suite *noise_suite(void)
{
    Suite *suite = suite_create("noise");
    TCase *tests = tcase_create("noise");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, known_answers);
    tcase_add_test(tests, words_are_those_of_random123);
    tcase_add_test(tests, keys);
    tcase_add_test(tests, numbers_follow_their_definition);
    tcase_add_test(tests, extreme_words);
    tcase_add_test(tests, split_uniform_f32);
    tcase_add_test(tests, split_uniform_f64);
    tcase_add_test(tests, split_normal_f32);
    tcase_add_test(tests, split_normal_f64);
    tcase_add_test(tests, host_functions);
    tcase_add_loop_test(tests, uniforms_are_uniform, 0, 2);
    tcase_add_loop_test(tests, normals_are_normal, 2, 4);
    tcase_add_test(tests, streams_differ);
    suite_add_tcase(suite, tests);
    return suite;
}
