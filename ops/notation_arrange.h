/* notation_arrange.h - the equalities by which pal_explain arranges formulas: see pal_notation.arrange. */
#ifndef PAL_NOTATION_ARRANGE_H
#define PAL_NOTATION_ARRANGE_H

#include "ops/notation.h"

pal_var pal__arrange_elementwise(const pal_rule *rule, unsigned alone);
pal_var pal__arrange_neg(const pal_rule *rule, unsigned alone);
pal_var pal__arrange_add(const pal_rule *rule, unsigned alone);
pal_var pal__arrange_sub(const pal_rule *rule, unsigned alone);
pal_var pal__arrange_mul(const pal_rule *rule, unsigned alone);
pal_var pal__arrange_div(const pal_rule *rule, unsigned alone);
pal_var pal__arrange_sum(const pal_rule *rule, unsigned alone);
pal_var pal__arrange_reshape(const pal_rule *rule, unsigned alone);
pal_var pal__arrange_matmul(const pal_rule *rule, unsigned alone);
pal_var pal__arrange_addmm(const pal_rule *rule, unsigned alone);
pal_var pal__arrange_matmul_sum(const pal_rule *rule, unsigned alone);
pal_var pal__arrange_slice(const pal_rule *rule, unsigned alone); /* notation_parts.c */
pal_var pal__arrange_same(const pal_rule *rule, unsigned alone); /* copy: the operand itself */
/* Whether an operand has one element; whether a permute swaps the last two axes. */
bool pal__notation_of_one(const pal_rule *rule);
bool pal__notation_of_transposed(const pal_rule *rule);

/* notation.c: the texts of parameters. */
void pal__notation_shape(const pal_params *params, pal_shape in, pal_shape out, char *text, size_t size);
void pal__notation_axes(const pal_params *params, pal_shape in, pal_shape out, char *text, size_t size);
void pal__notation_order(const pal_params *params, pal_shape in, pal_shape out, char *text, size_t size);
void pal__notation_part(const pal_params *params, pal_shape in, pal_shape out, char *text, size_t size);
void pal__notation_place(const pal_params *params, pal_shape in, pal_shape out, char *text, size_t size);

#endif
