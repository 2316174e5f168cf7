/* hash.c - hashes of numbers and bytes, for tables and for what must not depend on the order of recording.
 *
 * Contributions to an adjoint are added in the order of their hashes, products first. So the values of the hashes
 * belong to what a build computes: another function here would change bits of gradients. */
#include "autograd/machine/internal.h"

#include <string.h>

uint64_t pal__mix(uint64_t hash, uint64_t value)
{
    /* The finaliser of SplitMix64 (Steele, Lea, Flood: OOPSLA 2014), applied to the combined words. */
    uint64_t z = (hash ^ value * UINT64_C(0x9e3779b97f4a7c15)) + UINT64_C(0x632be59bd9b4e019);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint64_t pal__hash_bytes(uint64_t hash, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    for (size_t i = 0; i < n; i++) hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
    return pal__mix(hash, n);
}

/* A byte of zero only multiplies, so the rest of a number is passed over at once. */
uint64_t pal__hash_words(uint64_t hash, const void *words, size_t n)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    static const uint64_t power[9] = {1, /* 0x100000001b3 to the power of the number of bytes */
                                      UINT64_C(0x100000001b3),
                                      UINT64_C(0x366000002e329),
                                      UINT64_C(0x8a97b0004e7feab),
                                      UINT64_C(0x9ffaac085635bc91),
                                      UINT64_C(0xcaee32a7d4f6a63),
                                      UINT64_C(0xdc966432edf1c639),
                                      UINT64_C(0xc5527b8a51d3d2db),
                                      UINT64_C(0x1efac7090aef4a21)};
    for (size_t i = 0; i < n; i++) {
        uint64_t word, bytes = 0;
        memcpy(&word, (const char *)words + i * sizeof word, sizeof word);
        for (; word; word >>= 8, bytes++) hash = (hash ^ (word & 0xff)) * power[1];
        hash *= power[8 - bytes];
    }
    return pal__mix(hash, n * sizeof(uint64_t));
#else
    return pal__hash_bytes(hash, words, n * sizeof(uint64_t));
#endif
}

uint64_t pal__hash_zeros(uint64_t hash, size_t n)
{
    static const uint64_t power[17] = {/* 0x100000001b3 to the power of the number of bytes, by number of words */
                                       UINT64_C(0x1),
                                       UINT64_C(0x1efac7090aef4a21),
                                       UINT64_C(0x4efe15c813151841),
                                       UINT64_C(0x26a7a93bbd69ea61),
                                       UINT64_C(0x558b2e6a2f64081),
                                       UINT64_C(0x9e9c08ca72d29aa1),
                                       UINT64_C(0x48f9aa9b542778c1),
                                       UINT64_C(0x1a8845b3882d5ae1),
                                       UINT64_C(0xe9be24f4c2cc101),
                                       UINT64_C(0x63198598fb7e2b21),
                                       UINT64_C(0xc1be550d718a1941),
                                       UINT64_C(0x8b11a8c0abc90b61),
                                       UINT64_C(0xe7487b0aabc38181),
                                       UINT64_C(0xa719c5249911fba1),
                                       UINT64_C(0x6dea993e235cf9c1),
                                       UINT64_C(0x82d22b93245cfbe1),
                                       UINT64_C(0xf2457d0981da8201)};
    return pal__mix(hash * power[n], n * sizeof(uint64_t));
}
