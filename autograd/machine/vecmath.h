/* vecmath.h - elementary functions that a compiler can vectorise.
 *
 * Each function is a branch-free expression: it computes both sides of every choice and selects one. So a plain loop
 * over an array becomes vector code for the instruction set that the including file is compiled for. A result depends
 * only on the argument, not on its place in an array. It may differ in the last place between instruction sets, because
 * polynomials use fused multiply-add if the target has it. Infinities, NaNs, zeros, subnormals, overflow and underflow
 * behave as in the C library. errno and the exception flags are not maintained. The including file must be compiled
 * with -ffp-contract=off -fno-math-errno -fno-trapping-math, and rounding must be to nearest.
 *
 * Some functions call the C library and are not vectorised: sin, cos, erf and pow for doubles, and the double versions
 * of all functions in vecmath_wide.h. The float versions there compute in doubles and are vectorised.
 *
 * For arguments out of range the polynomials compute garbage, and the right result is selected at the end. Clamping the
 * argument first would also be correct, but compilers then propagate the constant bounds through the expression and do
 * not vectorise it.
 *
 * The coefficients are minimax fits made for this file: a Remez exchange in 160-bit arithmetic, rounding to the type,
 * then a search among neighbouring values for the smallest maximum error. A comment at each polynomial gives this
 * error, relative to the function, as a power of two such as 2^-28.2. docs/vecmath.md has the measured errors and
 * speeds.
 */
#ifndef PAL_VECMATH_H
#define PAL_VECMATH_H

#include "autograd/machine/vecmath_bits.h"
#include "autograd/machine/vecmath_exp.h"
#include "autograd/machine/vecmath_sin.h"
#include "autograd/machine/vecmath_wide.h"

#endif
