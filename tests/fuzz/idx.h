/* idx.h - IDX files for two targets: plain and in gzip. */
#ifndef PAL_TESTS_FUZZ_IDX_H
#define PAL_TESTS_FUZZ_IDX_H

#include "tests/fuzz/fuzz.h"

/* The bytes of an IDX file of this tensor. Returns their number; if it is more than room, nothing is written. */
size_t fuzz_idx_of(const pal_tensor *t, uint8_t *out, size_t room);
/* A small valid file. Returns its size. */
size_t fuzz_idx_random(uint8_t *out, size_t room, uint64_t *rng);

#endif
