/* notation.h - how the library's operations are written as mathematics, for pal_explain. */
#ifndef PAL_NOTATION_H
#define PAL_NOTATION_H

#include "autograd/explain.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* The notation of an operation by its name; NULL: it has none, and is written as name(a, b; parameters). */
const pal_notation *pal_op_notation(const char *op);
const pal_notation *pal_op_notation_at(size_t i); /* row i of the table; NULL: there are not so many */

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
