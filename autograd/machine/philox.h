/* philox.h - counter-based random words: Philox4x32-10 of (key, clock, block).
 *
 * A block is four 32-bit words. It is a pure function of a 64-bit key (from seed and stream name), a 64-bit clock and a
 * 64-bit block number. There is no state, so any element can be made at any place and in any order. docs/noise.md
 * defines which words make which element. */
#ifndef PAL_PHILOX_H
#define PAL_PHILOX_H

#include <stddef.h>
#include <stdint.h>

#define PAL__PHILOX_ROUNDS 10
#define PAL__PHILOX_MUL0   0xD2511F53u /* the constants of the published generator (Salmon et al., SC11) */
#define PAL__PHILOX_MUL1   0xCD9E8D57u
#define PAL__PHILOX_WEYL0  0x9E3779B9u
#define PAL__PHILOX_WEYL1  0xBB67AE85u

/* The key of a stream: the FNV-1a hash of its name, mixed with the seed. */
uint64_t pal__noise_key(uint64_t seed, const char *stream);

/* Makes one block. The kernels of noise_kernels.h make many blocks at once, with the same words. */
static inline void pal__philox_block(uint64_t key, uint64_t clock, uint64_t block, uint32_t out[4])
{
    uint32_t c0 = (uint32_t)block, c1 = (uint32_t)(block >> 32);
    uint32_t c2 = (uint32_t)clock, c3 = (uint32_t)(clock >> 32);
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int round = 0; round < PAL__PHILOX_ROUNDS; round++) {
        uint64_t p0 = (uint64_t)c0 * PAL__PHILOX_MUL0, p1 = (uint64_t)c2 * PAL__PHILOX_MUL1;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += PAL__PHILOX_WEYL0;
        k1 += PAL__PHILOX_WEYL1;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

#endif
