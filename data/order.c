/* order.c - the sample order of an epoch: a Fisher-Yates shuffle driven by counter-based noise. Of so many samples that
 * the list would take much memory, it is a rule (permutation.c), of which any part can be computed alone. */
#include "data/store.h"

#include <stdlib.h>
#include <string.h>

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

/* ---- An order that may be a rule -------------------------------------------------------------------------------- */

struct pal_order {
    size_t n;
    uint32_t *list;         /* NULL: the rule */
    palt__permutation rule; /* n is 0 before the first epoch */
};

pal_order *pal_order_new(size_t n, pal_error *err)
{
    if (n > UINT32_MAX) {
        pal_error_set(err, PAL_ERR_ARGUMENT, "an order of %zu samples: there may be %lu", n, (unsigned long)UINT32_MAX);
        return NULL;
    }
    pal_order *order = calloc(1, sizeof *order);
    if (order) order->n = n;
    if (order && n <= PALT__LISTED_MOST) order->list = malloc((n + 1) * sizeof *order->list);
    if (order && (order->list || n > PALT__LISTED_MOST)) return order;
    free(order);
    pal_error_set(err, PAL_ERR_MEMORY, "no memory for the order of %zu samples", n);
    return NULL;
}

void pal_order_free(pal_order *order)
{
    if (!order) return;
    free(order->list);
    free(order);
}

pal_status pal_order_set(pal_order *order, uint64_t seed, const char *stream, uint64_t epoch)
{
    if (!order || !stream) return PAL_ERR_ARGUMENT;
    order->rule = palt__permutation_of(seed, stream, epoch, order->n);
    return order->list ? pal_epoch_order(seed, stream, epoch, order->list, order->n) : PAL_OK;
}

pal_status pal_order_rows(const pal_order *order, size_t first, size_t n, uint32_t *rows)
{
    if (!order || (!rows && n) || first > order->n || n > order->n - first || order->rule.n != order->n)
        return PAL_ERR_ARGUMENT;
    if (order->list && n) memcpy(rows, order->list + first, n * sizeof *rows);
    for (size_t i = 0; !order->list && i < n; i++) rows[i] = (uint32_t)palt__permute(&order->rule, first + i);
    return PAL_OK;
}
