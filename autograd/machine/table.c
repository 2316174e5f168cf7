/* table.c - a hash table of numbers: what has this hash?
 *
 * In: hashes with numbers above 0. Out: all numbers that were stored under a hash. The caller compares what the numbers
 * stand for: a name, an address, an entry of a tape. So one table serves them all, and keeps no copy of a key.
 *
 * A slot holds the number and 32 bits of the hash: growing needs no key, and hardly any number of another key is
 * looked at. Slots are probed one after another; what is taken out leaves no gap in a row, since those behind it move
 * up. At most three quarters are full, so that a search takes few steps.
 *
 * Why open addressing: one block of memory, and a search mostly ends in the cache line that it begins in. */
#include "autograd/machine/internal.h"

enum { FIRST = 16 };

static uint32_t number_of(uint64_t slot) { return (uint32_t)slot; }
static uint32_t hash_of(uint64_t slot) { return (uint32_t)(slot >> 32); }
static uint32_t short_hash(uint64_t hash) { return (uint32_t)(hash ^ hash >> 32); }

static void put(pal__table *t, uint64_t slot)
{
    size_t at = hash_of(slot) & (t->size - 1);
    while (t->slots[at]) at = (at + 1) & (t->size - 1);
    t->slots[at] = slot;
}

bool pal__table_reserve(pal_context *context, pal__table *t, size_t n)
{
    size_t size = FIRST;
    while ((n + 1) * 4 > size * 3) size *= 2;
    t->slots = pal__alloc(context, size * sizeof *t->slots);
    t->size = t->slots ? size : 0;
    return t->slots != NULL;
}

static bool make_room(pal_context *context, pal__table *t)
{
    if ((t->n + 1) * 4 <= t->size * 3) return true;
    pal__table more = {.size = t->size ? 2 * t->size : FIRST, .n = t->n};
    more.slots = pal__alloc(context, more.size * sizeof *more.slots);
    if (!more.slots) return false;
    for (size_t i = 0; i < t->size; i++)
        if (t->slots[i]) put(&more, t->slots[i]);
    pal__free(context, t->slots);
    *t = more;
    return true;
}

bool pal__table_add(pal_context *context, pal__table *t, uint64_t hash, uint32_t number)
{
    if (!make_room(context, t)) return false;
    put(t, (uint64_t)short_hash(hash) << 32 | number);
    t->n++;
    return true;
}

uint32_t pal__table_next(pal__table *t, uint64_t hash, size_t *at)
{
    const uint32_t wanted = short_hash(hash);
    for (; t->size && t->slots[*at]; *at = (*at + 1) & (t->size - 1), t->looked++)
        if (hash_of(t->slots[*at]) == wanted) {
            const uint32_t number = number_of(t->slots[*at]);
            *at = (*at + 1) & (t->size - 1);
            return number;
        }
    return 0;
}

uint32_t pal__table_first(pal__table *t, uint64_t hash, size_t *at)
{
    *at = t->size ? short_hash(hash) & (t->size - 1) : 0;
    return pal__table_next(t, hash, at);
}

void pal__table_expect(const pal__table *t, uint64_t hash)
{
    if (t->size) __builtin_prefetch(&t->slots[short_hash(hash) & (t->size - 1)]);
}

void pal__table_remove(pal__table *t, uint64_t hash, uint32_t number)
{
    const size_t mask = t->size - 1;
    const uint64_t slot = (uint64_t)short_hash(hash) << 32 | number;
    size_t gap = hash_of(slot) & mask;
    while (t->slots[gap] != slot) gap = (gap + 1) & mask;
    t->n--;
    /* Who was put behind the gap, and may stand in it, moves up. */
    for (size_t at = (gap + 1) & mask; t->slots[at]; at = (at + 1) & mask) {
        const size_t home = hash_of(t->slots[at]) & mask;
        if (((at - home) & mask) < ((at - gap) & mask)) continue;
        t->slots[gap] = t->slots[at];
        gap = at;
    }
    t->slots[gap] = 0;
}

void pal__table_free(pal_context *context, pal__table *t)
{
    pal__free(context, t->slots);
    *t = (pal__table){0};
}
