/* vecmath.h - elementary functions that a compiler can vectorise.
 *
 * Each is a branch-free expression: both sides of every choice are computed and one is selected, so that a plain loop
 * over an array becomes vector code for whatever instruction set the including file is compiled for. A result depends
 * on the argument alone, not on its place in an array. Between instruction sets it may differ in the last place: fused
 * multiply-add is used inside polynomials where the target has it. Infinities, NaNs, zeros, subnormals, overflow and
 * underflow behave as in the C library; errno and the exception flags are not kept. Include from files that are
 * compiled with -ffp-contract=off -fno-math-errno -fno-trapping-math; rounding is to nearest.
 *
 * Not vectorised, but the C library's: sin, cos, erf and pow of doubles, and the doubles of every function in
 * vecmath_wide.h, where floats go through doubles.
 *
 * Out of range the polynomials run on garbage and the result is selected at the end. Clamping the argument first would
 * be as correct, but compilers then propagate the constant bounds through the expression and give up the vectorising.
 *
 * The coefficients are minimax fits made for this file: a Remez exchange in 160-bit arithmetic, rounding to the type,
 * then a search among neighbouring values for the smallest greatest error, which each comment gives as a power of two,
 * relative to the function. docs/vecmath.md has the measured errors and speeds.
 */
#ifndef PAL_VECMATH_H
#define PAL_VECMATH_H

#include "autograd/machine/vecmath_bits.h"
#include "autograd/machine/vecmath_exp.h"
#include "autograd/machine/vecmath_sin.h"
#include "autograd/machine/vecmath_wide.h"

#endif
