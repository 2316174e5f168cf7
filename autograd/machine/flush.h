/* flush.h - treats subnormal numbers as zeros in the calling thread, or stops doing so.
 *
 * A subnormal operand or result costs an x86 processor a hundred cycles or more. They appear where nothing is left to
 * learn: Adam's moments of a weight whose input is always 0 decay through them for thousands of steps. pal_run sets the
 * processor's two flags (results flushed to zero, operands read as zero) on every thread that computes and restores
 * them, unless the context asks for subnormal numbers (pal_context_options.subnormals). */
#ifndef PAL_MACHINE_FLUSH_H
#define PAL_MACHINE_FLUSH_H

#include <stdbool.h>
#include <stdint.h>

/* Sets or clears the flags; returns the state before, for pal__flush_restore. */
static inline uint64_t pal__flush(bool on)
{
#if defined(__x86_64__)
    enum { FLUSH = 1 << 15, READ_AS_ZERO = 1 << 6 };
    const unsigned before = __builtin_ia32_stmxcsr(), both = FLUSH | READ_AS_ZERO;
    const unsigned wanted = on ? before | both : before & ~both;
    if (wanted != before) __builtin_ia32_ldmxcsr(wanted);
    return before;
#elif defined(__aarch64__)
    uint64_t before;
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    const uint64_t bit = UINT64_C(1) << 24, wanted = on ? before | bit : before & ~bit;
    if (wanted != before) __asm__ volatile("msr fpcr, %0" : : "r"(wanted));
    return before;
#else
    (void)on;
    return 0;
#endif
}

static inline void pal__flush_restore(uint64_t before)
{
#if defined(__x86_64__)
    __builtin_ia32_ldmxcsr((unsigned)before);
#elif defined(__aarch64__)
    __asm__ volatile("msr fpcr, %0" : : "r"(before));
#else
    (void)before;
#endif
}

#endif
