/* memory.c - allocates memory with the context's allocator: set to zero, aligned to 64 bytes, counted.
 *
 * Without an allocator of the caller, calloc makes the zeros. A large block is new pages, which the system hands out as
 * zeros when they are first touched. So a block that is filled at once, such as a weight of a file, is not written
 * twice, and a block that is never touched costs nothing.
 *
 * Large blocks get huge pages, if the system has them (transparent huge pages, on request): a training step goes
 * through weights and temporaries of many megabytes, and with pages of 4 KB the processor looks up most of them anew.
 * Such a block begins in the first 4 KB of one. The last part of a block gets a huge page if it fills at least half of
 * one. */
#include "autograd/machine/internal.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Blocks are aligned here, so the caller's allocator need not align. The head is stored before the block. */
typedef struct head {
    void *raw;
    size_t size; /* of the block */
} head;
enum {
    ALIGN = 64,
    DRY = 1 << 20, /* from here on, a block of a dry context is only a range of addresses */
    HUGE = 2 << 20,
    LINES = 64 /* in a page */
};

/* A sanitizer guards the end of what malloc returned, so there a block ends where its memory ends. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { PLAIN = true };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
enum { PLAIN = true };
#else
enum { PLAIN = false };
#endif
#else
enum { PLAIN = false };
#endif

static head *head_of(void *block) { return (head *)block - 1; }
static size_t whole(size_t size) { return size + ALIGN + sizeof(head); }
static bool unreal(const pal_context_options *o, size_t size) { return o->dry && size >= DRY; }

static void *address_range(size_t size)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}

/* How many bytes get huge pages, for a block of this size. */
static size_t huge_part(size_t size) { return PLAIN ? 0 : (size + HUGE / 2) / HUGE * HUGE; }

/* Blocks that all began at the start of a page would compete for the same places of the cache, where a loop goes
 * through several of them at once. So each begins at some line of its first page. */
static void *huge_block(size_t size)
{
    const size_t huge = huge_part(size), room = (huge > size ? huge : size) + LINES * ALIGN;
    char *raw = calloc(1, sizeof(head) + HUGE + room);
    if (!raw) return NULL;
    char *start = (char *)(((uintptr_t)raw + sizeof(head) + HUGE - 1) & ~(uintptr_t)(HUGE - 1));
    madvise(start, huge, MADV_HUGEPAGE); /* a wish: without such pages the block is as good as any */
    const uint32_t line = (uint32_t)((uintptr_t)start / HUGE) * 2654435761u >> 26;
    void *block = start + line * ALIGN;
    *head_of(block) = (head){raw, size};
    return block;
}

void *pal__allocate(const pal_context_options *o, size_t size)
{
    if (size > SIZE_MAX / 2) return NULL;
    if (!o->dry && !o->allocate && huge_part(size)) return huge_block(size);
    const bool range = unreal(o, size);
    const bool given = !range && o->allocate; /* such a block is not known to be zeros */
    char *raw = range ? address_range(whole(size)) : given ? o->allocate(whole(size), o->user) : calloc(1, whole(size));
    if (!raw) return NULL;
    void *block = (void *)(((uintptr_t)raw + sizeof(head) + ALIGN - 1) & ~(uintptr_t)(ALIGN - 1));
    *head_of(block) = (head){raw, size};
    return given ? memset(block, 0, size) : block;
}

/* Adds to what is in use. False: the limit does not allow it. */
static bool count(pal_context *c, size_t size)
{
    size_t used = atomic_load(&c->used);
    do {
        if (size > SIZE_MAX - used) return false;
        if (c->options.max_memory && used + size > c->options.max_memory) return false;
    } while (!atomic_compare_exchange_weak(&c->used, &used, used + size));
    for (size_t peak = atomic_load(&c->peak);
         peak < used + size && !atomic_compare_exchange_weak(&c->peak, &peak, used + size);)
        ;
    return true;
}

void *pal__alloc(pal_context *context, size_t size)
{
    size += !size;
    if (!count(context, size)) return NULL;
    void *block = pal__allocate(&context->options, size);
    if (!block) atomic_fetch_sub(&context->used, size);
    return block;
}

void pal__free(pal_context *context, void *block)
{
    if (!context || !block) return;
    const head h = *head_of(block);
    if (block != context) atomic_fetch_sub(&context->used, h.size);
    if (unreal(&context->options, h.size))
        munmap(h.raw, whole(h.size));
    else if (context->options.allocate)
        context->options.release(h.raw, context->options.user);
    else
        free(h.raw);
}

size_t pal_context_memory(const pal_context *context, size_t *peak)
{
    if (peak) *peak = context ? atomic_load(&context->peak) : 0;
    return context ? atomic_load(&context->used) : 0;
}

size_t pal_context_room(const pal_context *context)
{
    if (!context || !context->options.max_memory) return SIZE_MAX;
    return context->options.max_memory - atomic_load(&context->used); /* never more is in use */
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
