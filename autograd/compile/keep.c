/* keep.c - memory that lives as long as a program: what steps are made of, and what several steps share.
 *
 * In: sizes; bytes that do not change; the value of a constant. Out: memory; the program's one copy of these bytes; a
 * tile full of the value. Names of scopes, shapes of operands, parameters and constants are the same in many steps. So
 * a program of a million steps has a few of each. */
#include "autograd/compile/internal.h"

#include <string.h>

/* Many small things share a block. */
void *pal__keep(pal_program *p, size_t size)
{
    enum { BLOCK = 1 << 16, LARGE = 1 << 10 };
    size += !size;
    const size_t align = size < 64 ? 16 : 64, gap = -(uintptr_t)p->room & (align - 1);
    if (size < LARGE && size + gap <= p->left) {
        void *at = p->room + gap;
        p->room += gap + size;
        p->left -= gap + size;
        return at;
    }
    if (!pal__grow(p->context, (void **)&p->blocks, p->n_blocks, &p->cap_blocks, sizeof *p->blocks)) return NULL;
    char *block = pal__alloc(p->context, size < LARGE ? BLOCK : size);
    if (!block) return NULL;
    p->blocks[p->n_blocks++] = block;
    if (size < LARGE) {
        p->room = block + size;
        p->left = BLOCK - size;
    }
    return block;
}

const void *pal__keep_once(pal_program *p, const void *bytes, size_t size)
{
    size_t at;
    const uint64_t hash =
        size % sizeof(uint64_t) ? pal__hash_bytes(0, bytes, size) : pal__hash_words(0, bytes, size / sizeof(uint64_t));
    for (uint32_t i = pal__table_first(&p->by_bytes, hash, &at); i; i = pal__table_next(&p->by_bytes, hash, &at))
        if (p->kept[i - 1].size == size && (!size || !memcmp(p->kept[i - 1].bytes, bytes, size)))
            return p->kept[i - 1].bytes;
    void *kept = pal__keep(p, size);
    if (!kept || !pal__grow(p->context, (void **)&p->kept, p->n_kept, &p->cap_kept, sizeof *p->kept) ||
        !pal__table_add(p->context, &p->by_bytes, hash, (uint32_t)p->n_kept + 1))
        return NULL;
    if (size) memcpy(kept, bytes, size);
    p->kept[p->n_kept++] = (pal__kept){kept, size};
    return kept;
}

const pal_params *pal__keep_numbers(pal_program *p, const pal_params *params)
{
    pal_params numbers = *params;
    numbers.name = NULL; /* belongs to the tape */
    return pal__keep_once(p, &numbers, sizeof numbers);
}

const void *pal__splat(pal_program *p, pal_dtype dtype, double value)
{
    size_t at;
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    const uint64_t hash = pal__mix(dtype, bits);
    for (uint32_t i = pal__table_first(&p->by_value, hash, &at); i; i = pal__table_next(&p->by_value, hash, &at)) {
        const pal__splatted *s = &p->splats[i - 1];
        if (s->dtype == dtype && !memcmp(&s->value, &value, sizeof value)) return s->tile;
    }
    void *tile = pal__keep(p, PAL_TILE * pal_dtype_size(dtype));
    if (!tile || !pal__grow(p->context, (void **)&p->splats, p->n_splats, &p->cap_splats, sizeof *p->splats) ||
        !pal__table_add(p->context, &p->by_value, hash, (uint32_t)p->n_splats + 1))
        return NULL;
    pal__store(dtype, tile, 0, value);
    const size_t size = pal_dtype_size(dtype);
    for (size_t n = 1; n < PAL_TILE; n *= 2) memcpy((char *)tile + n * size, tile, n * size);
    p->splats[p->n_splats++] = (pal__splatted){value, dtype, tile};
    return tile;
}
