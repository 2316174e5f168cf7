/* sha256.c - SHA-256, by which a run names the source of its variant.
 *
 * FIPS 180-4, sections 4.1.2, 5.1.1, 5.3.3 and 6.2. The name decides whether code is compiled and loaded, so it must be
 * hard to find two files with one name, which xxHash does not promise. It is no secret, so neither time nor memory has
 * to hide anything, and sixty lines are less than a library that all who build this would have to install. The
 * constants are the first 32 bits of the fractional parts of the square roots of the first 8 primes, and of the cube
 * roots of the first 64; they are computed in whole numbers. */
#include <string.h>

#include "train/train.h"

enum { BLOCK = 64, WORDS = 8, ROUNDS = 64 };

static uint32_t right(uint32_t x, int n) { return x >> n | x << (32 - n); }

/* floor(2^32 p^(1/root)) modulo 2^32: the greatest r with r^root <= 2^(32 root) p, bit by bit. */
static uint32_t fraction(unsigned p, int root)
{
    __uint128_t r = 0;
    for (int bit = 36; bit >= 0; bit--) { /* p^(1/root) < 2^5 */
        const __uint128_t t = r | (__uint128_t)1 << bit;
        /* of the cube, only the leading bits: t < 2^37, so t * t * t < 2^111 */
        const __uint128_t power = root == 2 ? t * t : t * t * t;
        if (power <= (__uint128_t)p << (32 * root)) r = t;
    }
    return (uint32_t)r;
}

/* Fills the first values of the hash and the constants of the rounds. */
static void constants(uint32_t hash[WORDS], uint32_t k[ROUNDS])
{
    int n = 0;
    for (unsigned p = 2; n < ROUNDS; p++) {
        bool prime = true;
        for (unsigned d = 2; d * d <= p; d++) prime &= p % d != 0;
        if (!prime) continue;
        if (n < WORDS) hash[n] = fraction(p, 2);
        k[n++] = fraction(p, 3);
    }
}

static void add_block(uint32_t hash[WORDS], const uint32_t k[ROUNDS], const unsigned char *block)
{
    uint32_t w[ROUNDS], v[WORDS];
    for (int t = 0; t < 16; t++)
        w[t] = (uint32_t)block[4 * t] << 24 | (uint32_t)block[4 * t + 1] << 16 | (uint32_t)block[4 * t + 2] << 8 |
               block[4 * t + 3];
    for (int t = 16; t < ROUNDS; t++)
        w[t] = (right(w[t - 2], 17) ^ right(w[t - 2], 19) ^ w[t - 2] >> 10) + w[t - 7] +
               (right(w[t - 15], 7) ^ right(w[t - 15], 18) ^ w[t - 15] >> 3) + w[t - 16];
    memcpy(v, hash, sizeof v);
    for (int t = 0; t < ROUNDS; t++) {
        const uint32_t a = v[0], e = v[4];
        const uint32_t one =
            v[7] + (right(e, 6) ^ right(e, 11) ^ right(e, 25)) + ((e & v[5]) ^ (~e & v[6])) + k[t] + w[t];
        const uint32_t two = (right(a, 2) ^ right(a, 13) ^ right(a, 22)) + ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, (WORDS - 1) * sizeof *v);
        v[4] += one;
        v[0] = one + two;
    }
    for (int i = 0; i < WORDS; i++) hash[i] += v[i];
}

void pal_sha256(const void *bytes, size_t size, char out[PAL_SHA256_TEXT])
{
    uint32_t hash[WORDS], k[ROUNDS];
    const unsigned char *from = bytes;
    size_t left = size;
    constants(hash, k);
    for (; left >= BLOCK; left -= BLOCK, from += BLOCK) add_block(hash, k, from);
    unsigned char end[2 * BLOCK] = {0}; /* the rest, a 1, zeros, and the length in bits */
    if (left) memcpy(end, from, left);
    end[left] = 0x80;
    const size_t blocks = left < BLOCK - 8 ? 1 : 2;
    for (int i = 0; i < 8; i++) end[blocks * BLOCK - 1 - (size_t)i] = (unsigned char)((uint64_t)size * 8 >> 8 * i);
    for (size_t i = 0; i < blocks; i++) add_block(hash, k, end + i * BLOCK);
    for (int i = 0; i < WORDS * 4; i++) {
        const unsigned byte = hash[i / 4] >> (24 - 8 * (i % 4)) & 0xFF;
        out[2 * i] = "0123456789abcdef"[byte >> 4];
        out[2 * i + 1] = "0123456789abcdef"[byte & 15];
    }
    out[PAL_SHA256_TEXT - 1] = 0;
}
