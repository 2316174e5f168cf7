/* sort.h - what the operations that answer with places in a row share (sort.c, arg_extreme.c). */
#ifndef PAL_OPS_ORDER_H
#define PAL_OPS_ORDER_H

#include "ops/axes.h"

/* i32 of the operand's shape, whose last axis an i32 can count. */
bool pal__infer_order(pal_infer *infer);
/* Which element stands at which place: changes wherever the answer does. */
pal_var pal__decide_order(const pal_rule *rule);

#endif
