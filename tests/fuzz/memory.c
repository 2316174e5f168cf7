/* memory.c - counts the bytes that are allocated. Sanitizers call hooks; without them, malloc of the C library is
 * replaced by functions that count. */
#include <malloc.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"

static _Atomic size_t now, peak;

static void count(size_t more)
{
    const size_t sum = atomic_fetch_add_explicit(&now, more, memory_order_relaxed) + more;
    if (sum > atomic_load_explicit(&peak, memory_order_relaxed))
        atomic_store_explicit(&peak, sum, memory_order_relaxed);
}

static void discount(size_t less) { atomic_fetch_sub_explicit(&now, less, memory_order_relaxed); }

size_t fuzz_memory_now(void) { return now; }
size_t fuzz_memory_peak(void) { return peak; }
void fuzz_memory_reset(void) { peak = now; }

#if defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define HOOKS
#endif
#endif
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define HOOKS
#endif

#ifdef HOOKS

int __sanitizer_install_malloc_and_free_hooks(void (*)(const volatile void *, size_t), void (*)(const volatile void *));
size_t __sanitizer_get_allocated_size(const volatile void *);

static void made(const volatile void *block, size_t size)
{
    (void)block;
    count(size);
}

static void gone(const volatile void *block)
{
    if (block) discount(__sanitizer_get_allocated_size(block));
}

__attribute__((constructor)) static void install(void) { __sanitizer_install_malloc_and_free_hooks(made, gone); }

#elif defined __GLIBC__

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *block);

static void *counted(void *block)
{
    if (block) count(malloc_usable_size(block));
    return block;
}

void *malloc(size_t size) { return counted(__libc_malloc(size)); }
void *calloc(size_t n, size_t size) { return counted(__libc_calloc(n, size)); }
void *memalign(size_t alignment, size_t size) { return counted(__libc_memalign(alignment, size)); }
void *aligned_alloc(size_t alignment, size_t size) { return counted(__libc_memalign(alignment, size)); }

int posix_memalign(void **out, size_t alignment, size_t size)
{
    *out = counted(__libc_memalign(alignment, size));
    return *out ? 0 : 12; /* ENOMEM */
}

void *realloc(void *block, size_t size)
{
    const size_t before = block ? malloc_usable_size(block) : 0;
    void *more = __libc_realloc(block, size);
    if (more || !size) discount(before);
    return counted(more);
}

void free(void *block)
{
    if (block) discount(malloc_usable_size(block));
    __libc_free(block);
}

#endif
