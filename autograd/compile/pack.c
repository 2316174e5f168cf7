/* pack.c - finds better offsets for the values of an arena, now that it is known how long each lives.
 *
 * In: blocks with their sizes, their lives (positions in the schedule, both ends included) and offsets as place.c gives
 * them, first come first served. Out: other offsets, if the arena becomes smaller by them.
 *
 * The rule: the blocks one after the other, each at the lowest offset where it meets no block that is there already and
 * lives at the same time. Three orders are tried: the largest first, the largest product of size and life first, and
 * the longest life first. Most often one of them reaches the bound, the most bytes that live at one position; nothing
 * is tried if place.c has reached it. Each takes the square of the number of blocks, so a large tape is left as it is:
 * it has so many small values that first fit is near the bound.
 *
 * Why not place.c alone: it knows how long a value lives, but not which values come after it, and so it puts a small
 * value that lives long into the middle of what a large one needs later. */
#include "autograd/compile/internal.h"

#include <stdlib.h>

enum { BLOCKS_MOST = 1024 };

typedef struct candidate { /* a block, in an order */
    double rank;
    uint32_t block;
    size_t offset;
} candidate;

static int higher_rank(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    if (x->rank != y->rank) return x->rank < y->rank ? 1 : -1;
    return (x->block > y->block) - (x->block < y->block);
}

static double rank_of(const pal__block *b, int order)
{
    const double size = (double)b->size, life = (double)(b->to - b->from) + 1;
    return order == 0 ? size : order == 1 ? size * life : life * 0x1p40 + size;
}

/* The lowest offset for a block beside the first n candidates, which are sorted by offset. *at: its place among them.
 */
static size_t lowest(const pal__block *blocks, const candidate *placed, size_t n, const pal__block *b, size_t *at)
{
    size_t offset = 0;
    for (size_t i = 0; i < n; i++) {
        const pal__block *other = &blocks[placed[i].block];
        if (other->from > b->to || other->to < b->from) continue;
        if (placed[i].offset >= offset + b->size) break;
        if (placed[i].offset + other->size > offset) offset = placed[i].offset + other->size;
    }
    for (*at = n; *at && placed[*at - 1].offset > offset;) --*at;
    return offset;
}

/* Fills in the offsets of c and returns the size of the arena. c is in its order first, and sorted by offset then. */
static size_t place_all(const pal__block *blocks, candidate *c, size_t n)
{
    size_t top = 0;
    for (size_t i = 0; i < n; i++) {
        const pal__block *b = &blocks[c[i].block];
        candidate next = c[i];
        size_t at;
        next.offset = lowest(blocks, c, i, b, &at);
        if (next.offset + b->size > top) top = next.offset + b->size;
        for (size_t k = i; k > at; k--) c[k] = c[k - 1];
        c[at] = next;
    }
    return top;
}

bool pal__pack(pal_context *context, pal__block *blocks, size_t n, size_t least, size_t *top)
{
    if (*top == least || n > BLOCKS_MOST) return true;
    candidate *c = pal__alloc(context, n * sizeof *c);
    if (!c) return false;
    for (int order = 0; order < 3 && *top > least; order++) {
        for (size_t i = 0; i < n; i++) c[i] = (candidate){rank_of(&blocks[i], order), (uint32_t)i, 0};
        qsort(c, n, sizeof *c, higher_rank);
        const size_t size = place_all(blocks, c, n);
        if (size >= *top) continue;
        *top = size;
        for (size_t i = 0; i < n; i++) blocks[c[i].block].offset = c[i].offset;
    }
    pal__free(context, c);
    return true;
}
