/* noise.c - noise on the host: the same values as inside a program, with the precision of doubles. */
#include "autograd/autograd.h"
#include "autograd/machine/noise_kernels.h"
#include "autograd/machine/philox.h"

/* The finaliser of SplitMix64: every bit of the seed changes half the bits of the key. */
static uint64_t mix(uint64_t x)
{
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

uint64_t pal__noise_key(uint64_t seed, const char *stream)
{
    uint64_t hash = 0xCBF29CE484222325u; /* FNV-1a, 64 bits */
    for (const char *c = stream ? stream : ""; *c; c++) hash = (hash ^ (unsigned char)*c) * 0x100000001B3u;
    return hash ^ mix(seed);
}

void pal_noise_words(pal_noise noise, const char *stream, uint64_t first, size_t count, uint32_t *out)
{
    uint64_t key = pal__noise_key(noise.seed, stream), start = noise.row + first;
    uint32_t block[4] = {0};
    for (size_t i = 0; i < count && out; i++) {
        if (i == 0 || (start + i) % 4 == 0) pal__philox_block(key, noise.clock, (start + i) / 4, block);
        out[i] = block[(start + i) % 4];
    }
}

void pal_noise_uniform(pal_noise noise, const char *stream, uint64_t first, size_t count, double *out)
{
    if (out) pal__uniform_f64(pal__noise_key(noise.seed, stream), noise.clock, noise.row + first, count, out);
}

void pal_noise_normal(pal_noise noise, const char *stream, uint64_t first, size_t count, double *out)
{
    if (out) pal__normal_f64(pal__noise_key(noise.seed, stream), noise.clock, noise.row + first, count, out);
}
