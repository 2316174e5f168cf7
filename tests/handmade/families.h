/* families.h - the functions of kernels.h for both types, with their arguments and results. */
#ifndef PAL_TEST_FAMILIES_H
#define PAL_TEST_FAMILIES_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "autograd/gradcheck_function.h"

#define R        float
#define F(name)  name##_f32
#define SQRT(x)  sqrtf(x)
#define EXP(x)   expf(x)
#define LOG(x)   logf(x)
#define LOG1P(x) log1pf(x)
#define TANH(x)  tanhf(x)
#define SIN(x)   sinf(x)
#define COS(x)   cosf(x)
#include "tests/handmade/kernels.h"
#undef R
#undef F
#undef SQRT
#undef EXP
#undef LOG
#undef LOG1P
#undef TANH
#undef SIN
#undef COS
#define R        double
#define F(name)  name##_f64
#define SQRT(x)  sqrt(x)
#define EXP(x)   exp(x)
#define LOG(x)   log(x)
#define LOG1P(x) log1p(x)
#define TANH(x)  tanh(x)
#define SIN(x)   sin(x)
#define COS(x)   cos(x)
#include "tests/handmade/kernels.h"

typedef struct family {
    const char *name;
    pal_function_fn forward[2], backward[2], product[2]; /* float32, float64 */
    pal_array in[3], out[1];
    size_t saved; /* numbers */
    bool adds;
} family;

static const float tied_f32[] = {1, 1, 0, 1, 0, 0};
static const double tied_f64[] = {1, 1, 0, 1, 0, 0};
static const double at_zero[] = {0};

#define BOTH(f)     {f##_f32, f##_f64}
#define A(n, ...)   {.name = n, .shape = __VA_ARGS__, .low = -2, .high = 2}
#define S1(a)       {1, {a}}
#define S2(a, b)    {2, {a, b}}
#define S3(a, b, c) {3, {a, b, c}}
/* clang-format off */
static const family families[] = {
    {"linear",    BOTH(linear), BOTH(linear_back), {0}, {A("x", S2(5, 6)), A("W", S2(6, 4)), A("b", S1(4))}, {A("y", S2(5, 4))}, 0, false},
    {"square",    BOTH(square), BOTH(square_back), {0}, {A("x", S2(4, 4)), A("W", S2(4, 4))}, {A("y", S2(4, 4))}, 0, false},
    {"norm",      BOTH(norm), BOTH(norm_back), {0}, {A("x", S2(5, 8)), A("gain", S1(8)), A("bias", S1(8))}, {A("y", S2(5, 8))}, 10, false},
    {"softmax",   BOTH(softmax), BOTH(softmax_back), {0}, {A("x", S2(5, 7))}, {A("p", S2(5, 7))}, 0, false},
    {"attention", BOTH(attention), BOTH(attention_back), {0}, {A("q", S2(6, 4)), A("k", S2(6, 4)), A("v", S2(6, 4))}, {A("y", S2(6, 4))}, 36, false},
    {"conv",      BOTH(conv), BOTH(conv_back), {0}, {A("x", S3(2, 7, 7)), {.name = "w", .shape = {4, {3, 2, 3, 3}}}, A("b", S1(3))}, {A("y", S3(3, 4, 4))}, 0, true},
    {"gelu",      BOTH(gelu), BOTH(gelu_back), {0}, {A("x", S1(48))}, {A("y", S1(48))}, 0, false},
    {"leaky",     BOTH(leaky), BOTH(leaky_back), {0}, {{.name = "x", .shape = S1(48), .kinks = at_zero, .n_kinks = 1}}, {A("y", S1(48))}, 0, false},
    {"powers",    BOTH(powers), BOTH(powers_back), {0}, {{.name = "x", .shape = S1(42), .low = 0.1, .high = 3}}, {A("y", S1(42))}, 0, false},
    {"pool",      BOTH(pool), BOTH(pool_back), {0}, {A("x", S2(6, 8))}, {A("y", S2(6, 4))}, 0, false},
    {"ties",      BOTH(ties), BOTH(ties_back), {0}, {{.name = "x", .shape = S1(6)}}, {A("y", {0})}, 0, false},
    {"dropout",   BOTH(dropout), BOTH(dropout_back), {0}, {A("x", S1(40))}, {A("y", S1(40))}, 0, false},
    {"entropy",   BOTH(entropy), BOTH(entropy_back), {0}, {A("x", S2(6, 5)), {.name = "label", .shape = S1(6), .high = 5, .constraint = PAL_FIXED, .dtype = PAL_I32}}, {A("loss", {0})}, 0, false},
    {"lookup",    BOTH(lookup), BOTH(lookup_back), {0}, {A("table", S2(5, 3))}, {A("y", S2(7, 3))}, 0, false},
    {"recurrent", BOTH(recurrent), BOTH(recurrent_back), {0}, {A("x", S2(6, 3)), A("U", S2(3, 3)), A("a", S1(3))}, {A("h", S2(6, 3))}, 0, true},
    {"running",   BOTH(running), BOTH(running_back), {0}, {A("x", S2(4, 9))}, {A("y", S2(4, 9))}, 0, false},
    {"spread",    BOTH(spread), BOTH(spread_back), {0}, {A("x", S2(6, 6)), A("s", S1(6))}, {A("y", S2(6, 6))}, 0, false},
    {"quadratic", BOTH(quadratic), {0}, {0}, {A("x", S1(30))}, {A("y", {0})}, 0, false},
    {"chain",     BOTH(chain), BOTH(chain_back), BOTH(chain_product), {A("x", S1(12))}, {A("y", {0})}, 0, false},
    {"cubes",     BOTH(cubes), BOTH(cubes_back), {0}, {A("x", S1(12))}, {A("y", S1(12))}, 12, false},
};
/* clang-format on */
#undef A

static inline size_t family_inputs(const family *f)
{
    size_t n = 0;
    while (n < 3 && f->in[n].name) n++;
    return n;
}

/* The function of a family with a mistake; in is its own copy of the arguments. */
static inline pal_function family_function(const family *f, int is64, const int *bug, pal_array *in)
{
    for (size_t i = 0; i < 3; i++) in[i] = f->in[i];
    if (f->forward[0] == ties_f32) in[0].values = is64 ? (const void *)tied_f64 : (const void *)tied_f32;
    return (pal_function){.struct_size = sizeof(pal_function), .name = f->name, .dtype = is64 ? PAL_F64 : PAL_F32,
        .in = in, .n_in = family_inputs(f), .out = f->out, .n_out = 1, .saved = f->saved * (is64 ? 8 : 4),
        .forward = f->forward[is64], .backward = f->backward[is64], .product = f->product[is64], .adds = f->adds,
        .user = bug};
}

#endif
