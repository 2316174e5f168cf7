/* permutation.c - a random order of many numbers that needs no memory: a bijection of 0 .. n-1.
 *
 * A Feistel network of four rounds permutes the numbers of 2 b bits, the smallest such range that has n of them. A
 * result that is n or more is permuted again, until it is smaller (cycle walking; Black and Rogaway, CT-RSA 2002): at
 * most four times on average. The keys are words of the noise of a stream, so that the order depends on seed, stream,
 * clock and n only. A list of so many numbers would be shuffled more evenly, but 10^8 of them take 400 MB. */
#include "data/store.h"

enum { ROUNDS = 4 }; /* those of palt__permutation.key */

palt__permutation palt__permutation_of(uint64_t seed, const char *stream, uint64_t clock, uint64_t n)
{
    palt__permutation p = {.n = n, .bits = 1};
    while (p.bits < 31 && (UINT64_C(1) << 2 * p.bits) < n) p.bits++;
    pal_noise_words((pal_noise){.seed = seed, .clock = clock}, stream, 0, ROUNDS, p.key);
    return p;
}

/* Mixes all bits of x: the finaliser of MurmurHash3. */
static uint32_t mix(uint32_t x)
{
    x = (x ^ x >> 16) * 0x85ebca6bU;
    x = (x ^ x >> 13) * 0xc2b2ae35U;
    return x ^ x >> 16;
}

uint64_t palt__permute(const palt__permutation *p, uint64_t i)
{
    const uint64_t mask = (UINT64_C(1) << p->bits) - 1;
    do {
        uint64_t left = i >> p->bits, right = i & mask;
        for (int r = 0; r < ROUNDS; r++) {
            const uint64_t next = left ^ (mix((uint32_t)right ^ p->key[r]) & mask);
            left = right;
            right = next;
        }
        i = left << p->bits | right;
    } while (i >= p->n);
    return i;
}

uint64_t palt__place(const palt__permutation *p, uint64_t value)
{
    const uint64_t mask = (UINT64_C(1) << p->bits) - 1;
    do {
        uint64_t left = value >> p->bits, right = value & mask;
        for (int r = ROUNDS - 1; r >= 0; r--) {
            const uint64_t before = right ^ (mix((uint32_t)left ^ p->key[r]) & mask);
            right = left;
            left = before;
        }
        value = left << p->bits | right;
    } while (value >= p->n);
    return value;
}
