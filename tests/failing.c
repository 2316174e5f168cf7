/* failing.c - replaces malloc, calloc and realloc of the test program by ones that can fail. */
#include "tests/failing.h"

#include <check.h>
#include <errno.h>
#include <execinfo.h>
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__has_feature) /* clang */
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
#define SANITIZED
#endif

static _Thread_local struct {
    long seen, fails_at;
    bool on, lasting;
} now;
static volatile long mallocs;

#ifdef SANITIZED
bool failing_can = false;
#else
bool failing_can;
static int n_code, note_code(struct dl_phdr_info *object, size_t size, void *user);
#endif

void failing_start(long at, bool lasting)
{
#ifndef SANITIZED
    if (!n_code) dl_iterate_phdr(note_code, NULL);
#endif
    now.seen = 0;
    now.fails_at = at;
    now.lasting = lasting;
    now.on = true;
}

long failing_stop(void)
{
    now.on = false;
    return now.seen;
}

long failing_mallocs(void) { return mallocs; }

enum { CHAINS = 1 << 16, FRAMES = 7 };

/* The callers of each allocation, as a hash. A failure is tried once for each chain of callers. */
static uint64_t chains[CHAINS];

static bool is_new(long at)
{
    if (at >= CHAINS) return false;
    for (long i = 0; i < at; i++)
        if (chains[i] == chains[at]) return false;
    return true;
}

long failing_each(failing_scenario *run, void *user, bool helps)
{
    void *frames[FRAMES];
    backtrace(frames, FRAMES); /* loads what it needs */
    failing_start(-1, false);
    const bool good = run(user);
    const long all = failing_stop();
    ck_assert(good);
    for (long at = 0; at < all && failing_can; at++)
        for (int lasting = 0; lasting < 2 && is_new(at); lasting++) {
            failing_start(at, lasting);
            const bool went_well = run(user);
            failing_stop();
            ck_assert_msg(helps || !went_well, "failure %ld of %ld went unnoticed", at, all);
        }
    return all;
}

#ifndef SANITIZED
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t size);

/* Where the code of this program and of libc is. */
static struct {
    uintptr_t first, end;
} code[8];
static int note_code(struct dl_phdr_info *object, size_t size, void *user)
{
    (void)size;
    (void)user;
    if (*object->dlpi_name && !strstr(object->dlpi_name, "/libc.so")) return 0;
    for (int i = 0; i < object->dlpi_phnum && n_code < 8; i++) {
        if (object->dlpi_phdr[i].p_type != PT_LOAD || !(object->dlpi_phdr[i].p_flags & PF_X)) continue;
        code[n_code].first = object->dlpi_addr + object->dlpi_phdr[i].p_vaddr;
        code[n_code].end = code[n_code].first + object->dlpi_phdr[i].p_memsz;
        n_code++;
    }
    return 0;
}

static bool fails(const void *caller)
{
    bool ours = false;
    for (int i = 0; i < n_code && now.on; i++)
        ours |= (uintptr_t)caller >= code[i].first && (uintptr_t)caller < code[i].end;
    if (!ours) return false;
    const long n = now.seen++;
    if (now.fails_at < 0 && n < CHAINS) {
        void *frames[FRAMES];
        now.on = false;
        const int depth = backtrace(frames, FRAMES);
        now.on = true;
        chains[n] = 0;
        for (int i = 1; i < depth; i++) chains[n] = (chains[n] ^ (uintptr_t)frames[i]) * 1099511628211u;
    }
    if (now.fails_at < 0 || (now.lasting ? n < now.fails_at : n != now.fails_at)) return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    mallocs++;
    return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    mallocs++;
    return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
    mallocs++;
    return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(old, size);
}

/* Valgrind leads all calls to its own functions. */
__attribute__((constructor)) static void find_out(void)
{
    void *volatile block = malloc(1);
    free(block);
    failing_can = mallocs > 0;
}
#endif
