/* workloads.h - what the files of bench_workloads share: a workload, its floor, its step.
 *
 * A workload is a training step of a variant with its options, on random samples of 28 x 28 numbers in float32. */
#ifndef BENCH_WORKLOADS_H
#define BENCH_WORKLOADS_H

#include "autograd/communicator.h"
#include "models/models.h"
#include "optim/optim.h"

enum { MOST_SETTINGS = 6, MOST_LAYERS = 8, INPUTS = 784, CODE = -1 };

/* An affine layer. A tied one reads the weight of another layer, transposed, and so has no weight to update. */
typedef struct layer {
    int inputs, outputs; /* CODE: workload.hidden */
    bool tied;
} layer;

typedef struct workload {
    const char *name, *variant, *optimizer;
    pal_setting settings[MOST_SETTINGS]; /* without `hidden` */
    double rate;
    int batch, hidden;         /* hidden 0: one of the settings has the sizes */
    layer layers[MOST_LAYERS]; /* in the order of the forward pass; none: there is no floor */
    double goal_of_floor;      /* time of the step as a share of the floor; 0: there is no goal */
    double goal_of_peer;       /* as a share of the fastest step of another library */
    bool dead;                 /* 300 of the inputs are always 0, and the decoder knows it */
} workload;

extern const workload workloads[];
extern const size_t n_workloads;
extern const workload dead_inputs; /* see disturbed.c */

/* ---- The floor: floor.c --------------------------------------------------------------------------------------- */

typedef struct floor_plan floor_plan;
/* Finds the best division of each product by timing it. The context is borrowed. NULL: no memory. */
floor_plan *floor_new(pal_context *context, const workload *w);
void floor_free(floor_plan *f);
/* Microseconds of all products and of the traffic of the update. Hot: each product has the operands of the one before
 * it, so that they are in the caches as far as they fit. Cold: all operands come from memory. */
double floor_once(floor_plan *f, bool cold);

/* ---- The step: step.c ----------------------------------------------------------------------------------------- */

typedef struct step step;
/* Makes the program that `palindrome train` runs for each batch. shards: the batch is cut; its rows are set here; NULL:
 * it is not cut. whole: every process updates all weights. profile: measure the time of each of its steps. NULL: the
 * reason has been printed. */
step *step_new(pal_context *context, const workload *w, pal_shards *shards, bool whole, bool profile);
void step_free(step *s);
/* Microseconds of one run. Clock keys the noise, and counts from 1. */
double step_once(step *s, uint64_t clock);
/* Whether the loss of the last run is finite: if it is not, its time means nothing. */
bool step_good(const step *s);
void step_print(const step *s);
double step_waited(const step *s); /* microseconds of the last run in which it waited for other processes */

/* ---- The step where something disturbs it: disturbed.c -------------------------------------------------------- */

/* Prints the times of the first workload while another process keeps a core busy, and of dead_inputs with subnormal
 * numbers kept. */
int print_disturbed(pal_context *context, int rounds);

#endif
