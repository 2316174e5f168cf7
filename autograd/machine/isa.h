/* isa.h - the one list of the instruction sets that kernels are built for. Tables and declarations of kernels are made
 * from it. ROW(name, isa) makes one entry of a table. */
#ifndef PAL_AUTOGRAD_ISA_H
#define PAL_AUTOGRAD_ISA_H

#include "autograd/operation.h"

/* clang-format off */
#ifdef PAL_X86
#define PAL_EACH_ISA(ROW, name) \
    {[PAL_ISA_BASELINE] = ROW(name, baseline), [PAL_ISA_AVX2] = ROW(name, avx2), [PAL_ISA_AVX512] = ROW(name, avx512)}
#define PAL_DECLARE_EACH_ISA(DECLARE, name) DECLARE(name, baseline) DECLARE(name, avx2) DECLARE(name, avx512)
#else
#define PAL_EACH_ISA(ROW, name) {[PAL_ISA_BASELINE] = ROW(name, baseline)}
#define PAL_DECLARE_EACH_ISA(DECLARE, name) DECLARE(name, baseline)
#endif
/* clang-format on */

#endif
