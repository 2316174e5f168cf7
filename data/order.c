/* order.c - the sample order of an epoch: a Fisher-Yates shuffle driven by counter-based noise. */
#include "data/data.h"

enum { CHUNK = 256 }; /* words drawn at a time; does not affect the result */

typedef struct words {
    pal_noise noise;
    const char *stream;
    uint64_t next; /* index of the first word not drawn yet */
    size_t used;
    uint32_t word[CHUNK];
} words;

static uint32_t take_word(words *w)
{
    if (w->used == CHUNK) {
        pal_noise_words(w->noise, w->stream, w->next, CHUNK, w->word);
        w->next += CHUNK;
        w->used = 0;
    }
    return w->word[w->used++];
}

/* Returns one of 0 .. bound-1, each equally likely: the high half of word * bound. Words whose low half shows that they
 * would make some results too frequent are rejected (Lemire, "Fast random integer generation in an interval", 2019). */
static uint32_t take_below(words *w, uint32_t bound)
{
    uint64_t product = (uint64_t)take_word(w) * bound;
    if ((uint32_t)product < bound) {
        const uint32_t threshold = (0U - bound) % bound; /* 2^32 mod bound */
        while ((uint32_t)product < threshold) product = (uint64_t)take_word(w) * bound;
    }
    return (uint32_t)(product >> 32);
}

pal_status pal_epoch_order(uint64_t seed, const char *stream, uint64_t epoch, uint32_t *order, size_t n)
{
    if (!stream || (!order && n) || n > UINT32_MAX) return PAL_ERR_ARGUMENT;
    words w = {.noise = {.seed = seed, .clock = epoch}, .stream = stream, .used = CHUNK};
    for (size_t i = 0; i < n; i++) order[i] = (uint32_t)i;
    for (size_t i = n; i > 1; i--) {
        const uint32_t j = take_below(&w, (uint32_t)i), last = order[i - 1];
        order[i - 1] = order[j];
        order[j] = last;
    }
    return PAL_OK;
}
