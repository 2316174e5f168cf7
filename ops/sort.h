/* sort.h - shared by the operations that compute indices within a row (sort.c, arg_extreme.c). */
#ifndef PAL_OPS_ORDER_H
#define PAL_OPS_ORDER_H

#include "ops/axes.h"

/* Sets the result to i32 with the operand's shape. The last axis must not be too long for i32 indices. */
bool pal__infer_order(pal_infer *infer);
/* Records which element is at which position of the order. The booleans change whenever the indices change. */
pal_var pal__decide_order(const pal_rule *rule);

#endif
