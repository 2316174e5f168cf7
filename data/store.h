/* store.h - samples that stay in a file which is mapped, shared by the data sets that were split from it. */
#ifndef PAL_DATA_STORE_H
#define PAL_DATA_STORE_H

#include "data/internal.h"

/* A bijection of 0 .. n-1 that needs no memory: permutation.c. */
typedef struct palt__permutation {
    uint64_t n; /* 0: none */
    uint32_t key[4];
    unsigned bits; /* half of those of the domain */
} palt__permutation;

palt__permutation palt__permutation_of(uint64_t seed, const char *stream, uint64_t clock, uint64_t n);
uint64_t palt__permute(const palt__permutation *p, uint64_t i);
/* The i for which palt__permute returns value. */
uint64_t palt__place(const palt__permutation *p, uint64_t value);

/* Rows of a list; of more it would take much memory. */
#define PALT__LISTED_MOST ((uint64_t)1 << 24)

struct palt__store {
    int users;
    palt__raw raw;
    palt__permutation order; /* of its rows, where there are too many for a list and some are drawn */
};

/* What a data set has of a store, if it has no list: its rows are those of the order from `first` on. */
uint64_t palt__row_of(const pal_dataset *dataset, uint64_t k);
void palt__store_release(struct palt__store *store);
/* Of *n training rows, those from which the scaling is learnt: of few, all; *n becomes their number. NULL: out of
 * memory. order: by which rows are drawn; its n is 0 if none are. */
uint32_t *palt__rule_rows(const palt__raw *raw, const palt__permutation *order, size_t *n);

#endif
