/* isa.h - the list of instruction sets that kernels are built for, once: tables and declarations of kernels are made of
 * it. ROW(name, isa) is one entry. */
#ifndef PAL_AUTOGRAD_ISA_H
#define PAL_AUTOGRAD_ISA_H

#include "autograd/operation.h"

#ifdef PAL_X86
#define PAL_EACH_ISA(ROW, name)                                                                                        \
    {                                                                                                                  \
        [PAL_ISA_BASELINE] = ROW(name, baseline), [PAL_ISA_AVX2] = ROW(name, avx2),                                    \
        [PAL_ISA_AVX512] = ROW(name, avx512)                                                                           \
    }
#define PAL_DECLARE_EACH_ISA(DECLARE, name) DECLARE(name, baseline) DECLARE(name, avx2) DECLARE(name, avx512)
#else
#define PAL_EACH_ISA(ROW, name)                                                                                        \
    {                                                                                                                  \
        [PAL_ISA_BASELINE] = ROW(name, baseline)                                                                       \
    }
#define PAL_DECLARE_EACH_ISA(DECLARE, name) DECLARE(name, baseline)
#endif

#endif
