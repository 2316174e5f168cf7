/* super.c - the table of superinstructions: the rows of super.def. */
#include "ops/elementwise.h"

#define DECLARE(name, isa)                                                                                             \
    void pal__super_##name##_f32_##isa(size_t n, void *const *out, const void *const *in);                             \
    void pal__super_##name##_f64_##isa(size_t n, void *const *out, const void *const *in);
#define SUPER(name, ...) PAL_DECLARE_EACH_ISA(DECLARE, name)
#include "ops/super.def"

#define TILES(name, isa)                                                                                               \
    {                                                                                                                  \
        pal__super_##name##_f32_##isa, pal__super_##name##_f64_##isa                                                   \
    }
#define ONE(k, op, a)    {#op, {a}},
#define TWO(k, op, a, b) {#op, {a, b}},
#define OUT(j, k)        k,
#define SUPER(name_, formula_, n_in_, ins, steps, n_out_, outs)                                                        \
    static const pal_super super_##name_ = {.name = #name_,                                                            \
                                            .formula = formula_,                                                       \
                                            .n_in = n_in_,                                                             \
                                            .n_steps = PAL_COUNT(((const pal_super_step[]){steps})),                   \
                                            .n_out = n_out_,                                                           \
                                            .step = {steps},                                                           \
                                            .out = {outs},                                                             \
                                            .tile = PAL_EACH_ISA(TILES, name_)};
#include "ops/super.def"

#define SUPER(name, ...) &super_##name,
const pal_super *const pal__supers[] = {
#include "ops/super.def"
    NULL};
