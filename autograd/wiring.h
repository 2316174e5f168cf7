/* wiring.h - the operations that the engine knows by name: entries that are no operations, and what calculus needs.
 *
 * wiring.c and region.c define them. Others find an operation by name: pal_op_find("add"). */
#ifndef PAL_AUTOGRAD_WIRING_H
#define PAL_AUTOGRAD_WIRING_H

#include "autograd/operation.h"

extern const pal_op pal__op_leaf, pal__op_placeholder, pal__op_index, pal__op_assign, pal__op_map_sum;
extern const pal_op pal__op_add, pal__op_fill, pal__op_sum_to, pal__op_broadcast_to, pal__op_stop_gradient,
    pal__op_copy, pal__op_range, pal__op_all_sum, pal__op_all_max, pal__op_all_sum_start, pal__op_all_sum_wait;

/* Whether y has one element; else its tape gets an error that begins with name. */
bool pal__is_scalar(const char *name, pal_var y);
/* Whether v belongs to the region whose body is being recorded. */
bool pal__of_this_region(pal_var v);

#endif
