/* big_page.c FILE OPERATIONS - writes the page of a deep residual network with its gradient, of at least so many
 * operations, in two levels of scopes. Prints how many operations it has and how many seconds the page took to write.
 * For graph_browser.sh. */
#include "palindrome.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { LAYERS = 8, OPERATIONS = 12 /* about, of a layer and its adjoint */ };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static pal_var layer(pal_context *c, pal_tape *t, pal_var h, const char *block, int k, pal_var *weight)
{
    char name[64];
    snprintf(name, sizeof name, "%s/layer%d", block, k);
    pal_scope_begin(t, name);
    *weight = pal_leaf(t, pal_tensor_new(c, PAL_F32, PAL_SHAPE(16, 16)), "W");
    pal_var bias = pal_leaf(t, pal_tensor_new(c, PAL_F32, PAL_SHAPE(16)), "b");
    h = pal_add(h, pal_tanh(pal_affine(h, *weight, bias)));
    pal_scope_end(t);
    return h;
}

int main(int argc, char **argv)
{
    if (argc != 3) return 2;
    const int layers = atoi(argv[2]) / OPERATIONS + 1;
    pal_context *c =
        pal_context_new(&(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = 1, .dry = true});
    pal_tape *t = pal_tape_new(c, PAL_F32);
    pal_var *weights = calloc((size_t)layers, sizeof *weights), *outputs = calloc((size_t)layers + 1, sizeof *outputs);
    if (!c || !t || !weights || !outputs) return 1;
    pal_var h = pal_leaf(t, pal_tensor_new(c, PAL_F32, PAL_SHAPE(32, 16)), "x");
    for (int k = 0; k < layers; k++) {
        char block[32];
        snprintf(block, sizeof block, "block%d", k / LAYERS);
        h = layer(c, t, h, block, k % LAYERS, &weights[k]);
    }
    outputs[0] = pal_sum_squares(h);
    pal_grad(outputs[0], weights, (size_t)layers, outputs + 1);
    pal_error err = {0};
    const double began = now();
    const pal_graph_options options = {.struct_size = sizeof options,
                                       .title = "A deep network",
                                       .parameters = weights,
                                       .n_parameters = (size_t)layers};
    if (pal_graph_write(t, outputs, (size_t)layers + 1, &options, argv[1], &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    printf("%zu %.2f\n", pal_tape_length(t), now() - began);
    return 0; /* the process ends, and its memory with it */
}
