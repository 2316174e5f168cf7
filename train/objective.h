/* objective.h - the state of the loss over a data set as a function, and the recording of its programs. */
#ifndef PAL_TRAIN_OBJECTIVE_H
#define PAL_TRAIN_OBJECTIVE_H

#include "train/internal.h"

/* What a program computes. */
typedef enum palt__what {
    PALT__VALUE,
    PALT__GRADIENT,
    PALT__HESSIAN,
    PALT__GAUSS_NEWTON,
    PALT__DIAGONAL,
    PALT__WHATS
} palt__what;
enum { PALT__FULL, PALT__REMAINDER, PALT__SIZES };

typedef struct palt__chunk {
    palt__stage *stage;
    int64_t rows;         /* samples from all; 0: there is no such chunk */
    pal_shards shards;    /* count 1: every process computes the whole chunk */
    int64_t first, local; /* shards of this process */
} palt__chunk;

typedef struct palt__held {      /* objective_held.c: what the products with one x and one chunk have in common */
    pal_tensor **kept;           /* in the order of pal_halves.kept; NULL: those of the halves themselves */
    int64_t moved, taken, group; /* of the objective, when it was computed; moved 0: never */
} palt__held;

typedef struct palt__pass_of { /* the programs of one kind, made at the first call */
    palt__chunk chunk[PALT__SIZES];
    int64_t count, few;            /* samples from all, and labelled ones, of one call */
    int64_t each;                  /* labelled rows of a chunk */
    palt__held *held[PALT__SIZES]; /* of each chunk of a call; NULL: nothing is held */
} palt__pass_of;

struct pal_data_objective {
    pal_model *model;
    const pal_dataset *data;
    pal_data_objective_options o;
    pal_phase phase;
    bool whole; /* no phase */
    pal_objective f;
    size_t n;
    pal_tensor **parameters; /* that move */
    size_t *at;              /* their numbers in the model */
    pal_slab *x, *v, *sums;  /* the point; what the vectors of the caller stand for in the programs */
    void *seen;              /* x at the last product */
    int64_t moved;           /* how often a product found another x */
    int64_t count, few;      /* samples; labelled ones, with two streams */
    uint32_t *order, *labelled;
    uint32_t *rows; /* of a chunk with two streams, and the factors of its labels */
    double *shares;
    int64_t group; /* of samples, for the products */
    int64_t taken; /* the fixed batch */
    palt__pass_of pass[PALT__WHATS];
    int64_t runs;
    double seconds;
    int64_t calls[PALT__WHATS];
    pal_error err;
};

/* pal_data_objective_new. planned: only the memory is counted (pal_train_memory_of): all programs that a minimiser of
 * this kind needs are made, and the weights are not read. */
pal_data_objective *palt__objective_new(pal_model *model, const pal_dataset *data,
                                        const pal_data_objective_options *options, bool planned, pal_error *err);
/* Makes the programs of a minimiser before they are needed, and returns the bytes of their arenas. */
pal_status palt__objective_plan(pal_data_objective *o, const char *method, size_t *arena, pal_error *err);
/* Calls so far. */
int64_t palt__objective_evaluations(const pal_data_objective *o);
int64_t palt__objective_products(const pal_data_objective *o);

/* objective_chunks.c: the samples that the loss is over. */
int64_t palt__objective_samples(const pal_data_objective *o);
/* Where the samples of a call begin in the order. */
int64_t palt__objective_first(const pal_data_objective *o, palt__what kind);
/* The samples of a call, and its chunks, without stages. */
void palt__objective_chunks(const pal_data_objective *o, palt__what kind, palt__pass_of *p);
/* The rows of this process of a chunk, which begins at sample `at` of a call. In each shard: those of the samples, then
 * its labelled ones. Valid until the next call. */
const uint32_t *palt__objective_rows(pal_data_objective *o, const palt__pass_of *p, const palt__chunk *c, int64_t first,
                                     int64_t at);

/* objective_held.c: makes the stage of a chunk of products, as halves if what they hold of all chunks of a call fits.
 * NULL: failed. */
palt__stage *palt__held_stage(pal_data_objective *o, palt__what kind, palt__pass_of *p, int size, pal_error *err);
void palt__held_free(palt__pass_of *p); /* and the stages of the pass */
size_t palt__held_bytes(const palt__pass_of *p, int size);
/* Before the chunks of a product: looks whether x has moved. */
pal_status palt__held_begin(pal_data_objective *o);
/* Before chunk k of this size: the program gets what is held of it, and computes it first if need be; and after it. */
void palt__held_take(pal_data_objective *o, palt__pass_of *p, int size, int64_t k);
void palt__held_done(pal_data_objective *o, palt__pass_of *p, int size, int64_t k);

/* objective_record.c: the program of a chunk; p: the samples of a call. moving: the leaves that do, as in
 * palt__stage_options; NULL: one program. trouble receives why the loss is no function of the weights alone: "counts",
 * "noise" or NULL; matches, whether there is a Gauss-Newton matrix. Both may be NULL. record_only as in
 * palt__stage_options. */
palt__stage *palt__objective_stage(pal_data_objective *o, palt__what kind, const palt__pass_of *p,
                                   const palt__chunk *chunk, const pal_slab *moving, const char **trouble,
                                   bool *matches, bool record_only, pal_error *err);

#endif
