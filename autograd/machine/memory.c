/* memory.c - allocates memory with the context's allocator: set to zero, aligned to 64 bytes. */
#include "autograd/machine/internal.h"

#include <string.h>

/* Blocks are aligned here, so the caller's allocator need not align. The raw pointer is stored before the block. */
enum { ALIGN = 64 };

void *pal__allocate(const pal_context_options *o, size_t size)
{
    if (size > SIZE_MAX / 2) return NULL;
    char *raw = o->allocate(size + ALIGN + sizeof(void *), o->user);
    if (!raw) return NULL;
    uintptr_t at = ((uintptr_t)raw + sizeof(void *) + ALIGN - 1) & ~(uintptr_t)(ALIGN - 1);
    ((void **)at)[-1] = raw;
    return memset((void *)at, 0, size);
}

void *pal__alloc(pal_context *context, size_t size) { return pal__allocate(&context->options, size ? size : 1); }

void pal__free(pal_context *context, void *block)
{
    if (context && block) context->options.release(((void **)block)[-1], context->options.user);
}

bool pal__grow(pal_context *context, void **items, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity) return true;
    size_t wanted = *capacity ? *capacity * 2 : 16;
    void *moved = pal__alloc(context, wanted * size);
    if (!moved) return false;
    if (*items) memcpy(moved, *items, count * size);
    pal__free(context, *items);
    *items = moved;
    *capacity = wanted;
    return true;
}
