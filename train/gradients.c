/* gradients.c - the sizes of the gradients over an epoch (--gradient-sizes).
 *
 * The program of a step has an output for each parameter that moves: the sum of the squares of its gradient, as the
 * update rule gets it, but before --clip. Here these are added over the steps of the epoch. The size that metrics.jsonl
 * has is the root mean square, over the elements and the steps. Of a minimiser it is that of the gradient after the
 * iteration. In float32 the square of a gradient below 1e-19 is 0.
 *
 * Parameters are in the order in which the loss asks for them, which is that of depth. The sums of an unfinished epoch
 * are part of the checkpoint, so that a resumed run has the same sizes. */
#include <math.h>
#include <stdlib.h>

#include "train/internal.h"

struct palt__gradients {
    size_t n;
    size_t *output;          /* the place of parameter k among the outputs */
    pal_tensor *sums;        /* [n] float64 */
    pal_gradient_size *size; /* names are borrowed from the model */
    double *elements;
};

typedef struct place {
    size_t depth, output, parameter;
} place;

static int by_depth(const void *a, const void *b)
{
    const place *p = a, *q = b;
    return (p->depth > q->depth) - (p->depth < q->depth);
}

/* The parameters of the phase in the order of the model, which is that of the outputs. */
static size_t find(const pal_model *model, const pal_phase *phase, place *out)
{
    size_t n = 0;
    const char *name;
    for (size_t i = 0; i < pal_model_parameter_count(model); i++) {
        pal_model_parameter(model, i, &name);
        if (pal_phase_moves(model, phase, name)) out[n] = (place){pal_model_parameter_depth(model, i), n, i}, n++;
    }
    return n;
}

palt__gradients *palt__gradients_new(const pal_model *model, const pal_phase *phase, pal_error *err)
{
    const size_t all = pal_model_parameter_count(model) + 1;
    palt__gradients *g = calloc(1, sizeof *g);
    place *places = calloc(all, sizeof *places);
    if (g && places) {
        g->n = find(model, phase, places);
        g->output = calloc(all, sizeof *g->output);
        g->size = calloc(all, sizeof *g->size);
        g->elements = calloc(all, sizeof *g->elements);
        g->sums = pal_tensor_new(pal_model_context(model), PAL_F64, PAL_SHAPE((int64_t)g->n));
    }
    const bool enough = g && g->output && g->size && g->elements && g->sums;
    if (enough) qsort(places, g->n, sizeof *places, by_depth);
    for (size_t k = 0; enough && k < g->n; k++) {
        g->output[k] = places[k].output;
        g->elements[k] =
            (double)pal_tensor_count(pal_model_parameter(model, places[k].parameter, &g->size[k].parameter));
    }
    free(places);
    if (enough) return g;
    palt__gradients_free(g);
    palt__no_memory(err);
    return NULL;
}

void palt__gradients_free(palt__gradients *g)
{
    if (!g) return;
    pal_tensor_free(g->sums);
    free(g->elements);
    free(g->size);
    free(g->output);
    free(g);
}

void palt__gradients_clear(palt__gradients *g)
{
    for (size_t k = 0; g && k < g->n; k++) pal_tensor_set(g->sums, k, 0);
}

void palt__gradients_add(palt__gradients *g, const pal_program *program, size_t first)
{
    for (size_t k = 0; g && k < g->n; k++)
        pal_tensor_set(g->sums, k,
                       pal_tensor_get(g->sums, k) + pal_tensor_get(pal_output(program, first + g->output[k]), 0));
}

void palt__gradients_take(palt__gradients *g, const pal_slab *x, const pal_tensor *gradient)
{
    const size_t size = pal_dtype_size(x->all->dtype);
    for (size_t k = 0; g && k < g->n; k++) {
        const pal_tensor *part = x->part[g->output[k]];
        const size_t first = (size_t)((const char *)part->data - (const char *)x->all->data) / size;
        double sum = 0;
        for (size_t i = 0; i < pal_tensor_count(part); i++) {
            const double element = pal_tensor_get(gradient, first + i);
            sum += element * element;
        }
        pal_tensor_set(g->sums, k, sum);
    }
}

pal_tensor *palt__gradients_state(palt__gradients *g) { return g ? g->sums : NULL; }

size_t palt__gradients_sizes(palt__gradients *g, int64_t steps, const pal_gradient_size **sizes)
{
    *sizes = g ? g->size : NULL;
    for (size_t k = 0; g && k < g->n; k++)
        g->size[k].size = sqrt(pal_tensor_get(g->sums, k) / g->elements[k] / (double)steps);
    return g ? g->n : 0;
}
