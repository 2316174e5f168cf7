/* accumulate.c - the gradient of a large batch, as the mean of those of several small ones.
 *
 * In: the gradients of a small batch. One program adds them to the sums; the program of the last small batch adds its
 * own and takes the mean, which the update rule gets. So memory is that of a small batch and one gradient. The sums are
 * zero between two steps, so that a checkpoint does not need them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/machine/internal.h"
#include "ops/ops.h"
#include "optim/internal.h"

struct pal_accumulator {
    pal_slab *sums;
    char **names;
    size_t n;
    bool dry;
};

pal_accumulator *pal_accumulator_new(pal_context *context, pal_tensor *const *parameters, const char *const *names,
                                     size_t n, pal_error *err)
{
    bool there = context && (!n || (parameters && names));
    for (size_t i = 0; there && i < n; i++) there = parameters[i] && names[i];
    if (!there) {
        pal_error_set(err, PAL_ERR_ARGUMENT, "accumulation: no context, or a parameter or its name is missing");
        return NULL;
    }
    pal_accumulator *a = calloc(1, sizeof *a);
    pal_shape *shapes = calloc(n + 1, sizeof *shapes);
    bool good = a && shapes && (a->names = calloc(n + 1, sizeof *a->names));
    for (size_t i = 0; good && i < n; i++, a->n++) {
        shapes[i] = parameters[i]->shape;
        good = asprintf(&a->names[i], "accumulated/%s", names[i]) >= 0;
        if (!good) a->names[i] = NULL;
    }
    if (good) good = (a->sums = pal_slab_new(context, n ? parameters[0]->dtype : PAL_F32, shapes, n)) != NULL;
    if (good) a->dry = context->options.dry;
    free(shapes);
    if (good) return a;
    pal_accumulator_free(a);
    pal_error_set(err, PAL_ERR_MEMORY, "accumulation: out of memory for the gradients of %zu parameters", n);
    return NULL;
}

void pal_accumulator_free(pal_accumulator *a)
{
    if (!a) return;
    for (size_t i = 0; a->names && i < a->n; i++) free(a->names[i]);
    free(a->names);
    pal_slab_free(a->sums);
    free(a);
}

void pal_accumulator_clear(pal_accumulator *a)
{
    if (a && !a->dry) memset(a->sums->all->data, 0, pal_tensor_bytes(a->sums->all));
}

pal_status pal_accumulator_add(pal_accumulator *a, pal_tape *tape, const pal_var *gradients)
{
    if (!a || !tape || (a->n && !gradients)) return PAL_ERR_ARGUMENT;
    for (size_t i = 0; i < a->n; i++) {
        const pal_var sum = pal_leaf(tape, a->sums->part[i], a->names[i]);
        pal_assign(sum, pal_add(sum, gradients[i]));
    }
    return pal_tape_status(tape);
}

pal_status pal_accumulator_mean(pal_accumulator *a, pal_tape *tape, const pal_var *gradients, int64_t parts,
                                pal_var *out)
{
    if (!a || !tape || (a->n && (!gradients || !out))) return PAL_ERR_ARGUMENT;
    if (parts < 1) {
        pal_tape_fail(tape, PAL_ERR_ARGUMENT, "accumulation: %lld parts: at least 1", (long long)parts);
        return PAL_ERR_ARGUMENT;
    }
    for (size_t i = 0; i < a->n; i++)
        out[i] = pal_scale(pal_add(pal_leaf(tape, a->sums->part[i], a->names[i]), gradients[i]), 1 / (double)parts);
    return pal_tape_status(tape);
}
