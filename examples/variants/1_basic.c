/* 1_basic.c - step 1 of docs/variants.md: encode, decode and a loss, from the layers that all variants share.
 *     palindrome train ./examples/variants/1_basic.c --epochs 5 --out 1_basic
 * or, as a shared object:
 *     cc -shared -fPIC 1_basic.c -o 1_basic.so $(pkg-config --cflags --libs palindrome)
 *     palindrome --load ./1_basic.so train plain --epochs 5 --out 1_basic */
#include <palindrome.h>

/* The code h [n,k] of the samples x [n,d]: s(x W + b). */
static pal_var encode(pal_model *m, pal_var x) { return pal_encode_layers(m, x); }

/* The natural parameter a [n,d] of the samples, before the activation of the output: h W' + c. */
static pal_var decode(pal_model *m, pal_var h) { return pal_decode_layers(m, h); }

/* A scalar: the mean over the samples of -log p(x | a), which option `output` chooses. */
static pal_var loss(pal_model *m, const pal_batch *b)
{
    pal_var h = encode(m, b->inputs), a = decode(m, h);
    return pal_nll(m, a, b->inputs);
}

static const pal_variant plain = {.struct_size = sizeof(pal_variant),
                                  .name = "plain",
                                  .summary = "step 1: the shared layers and a likelihood",
                                  .formula = "h = s(x W + b);  a = h W' + c;  loss = -log p(x | a)",
                                  .encode = encode,
                                  .decode = decode,
                                  .loss = loss};

PAL_VARIANT_FILE(plain)
