/* heap.c - a queue that gives out the number with the lowest key first (Williams, Communications of the ACM 1964).
 *
 * In: numbers with keys. Out: the one with the lowest key, in a logarithm of their count. Keys are all different, so
 * that the order is a function of the keys alone. */
#include "autograd/machine/internal.h"

bool pal__heap_add(pal_context *context, pal__heap *h, uint64_t key, uint32_t number)
{
    if (!pal__grow(context, (void **)&h->of, h->n, &h->cap, sizeof *h->of)) return false;
    size_t at = h->n++;
    for (size_t above; at && h->of[above = (at - 1) / 2].key > key; at = above) h->of[at] = h->of[above];
    h->of[at] = (pal__keyed){key, number};
    return true;
}

uint32_t pal__heap_take(pal__heap *h)
{
    const uint32_t first = h->of[0].number;
    const pal__keyed last = h->of[--h->n];
    size_t at = 0;
    for (size_t below; (below = 2 * at + 1) < h->n; at = below) {
        if (below + 1 < h->n && h->of[below + 1].key < h->of[below].key) below++;
        if (h->of[below].key >= last.key) break;
        h->of[at] = h->of[below];
    }
    h->of[at] = last;
    return first;
}

void pal__heap_free(pal_context *context, pal__heap *h)
{
    pal__free(context, h->of);
    *h = (pal__heap){0};
}
