/* growing.h - tapes of any size, for tests of how work grows: a name and a function each. */
#ifndef PAL_TESTS_GROWING_H
#define PAL_TESTS_GROWING_H

#include "autograd/internal.h"
#include "tests/testing.h"

#include <stdio.h>

typedef struct grown { /* a scalar y, a leaf x that it depends on, and the tensors of all leaves */
    pal_var y, x, gradient;
    pal_tensor **tensors;
    size_t n;
} grown;

typedef struct growing {
    const char *name;
    void (*record)(pal_tape *tape, int n, grown *to);
} growing;

static inline pal_var grown_leaf(pal_tape *t, grown *to, pal_shape shape, const char *name)
{
    to->tensors = realloc(to->tensors, (to->n + 1) * sizeof *to->tensors);
    pal_tensor *tensor = to->tensors[to->n++] = random_tensor(pal_tape_context(t), PAL_F64, shape, 0.1, 0.9, name);
    return pal_leaf(t, tensor, name);
}

/* y <- y + y s, again and again */
static inline void record_chain(pal_tape *t, int n, grown *to)
{
    to->y = to->x = grown_leaf(t, to, PAL_SCALAR, "x");
    for (int i = 0; i < n; i++) to->y = pal_add(to->y, pal_scale(to->y, 1e-6 * (1 + i % 3)));
}

/* y <- tanh(y s): the way back reads the values of the way there */
static inline void record_tanh_chain(pal_tape *t, int n, grown *to)
{
    pal_var y = to->x = grown_leaf(t, to, PAL_SHAPE(4), "x");
    for (int i = 0; i < n; i++) y = pal_tanh(pal_scale(y, 1 + 1e-3 * (i % 5)));
    to->y = pal_sum_all(y);
}

/* Uses of one leaf, added up */
static inline void record_wide(pal_tape *t, int n, grown *to)
{
    pal_var x = to->x = grown_leaf(t, to, PAL_SHAPE(4), "x"), y = x;
    for (int i = 0; i < n; i++) y = pal_add(y, pal_sin(pal_scale(x, 1 + 1e-6 * i)));
    to->y = pal_sum_all(y);
}

static inline void record_recurrent(pal_tape *t, int n, grown *to)
{
    pal_var w = to->x = grown_leaf(t, to, PAL_SHAPE(3, 3), "w"), h = grown_leaf(t, to, PAL_SHAPE(2, 3), "h");
    pal_var b = grown_leaf(t, to, PAL_SHAPE(3), "b");
    for (int i = 0; i < n; i++) h = pal_tanh(pal_add(pal_matmul(h, w), b));
    to->y = pal_sum_squares(h);
}

/* Many leaves, each in a scope of its own, with an assign each */
static inline void record_leaves(pal_tape *t, int n, grown *to)
{
    char name[32];
    pal_var sum = to->x = grown_leaf(t, to, PAL_SHAPE(2), "x");
    for (int i = 0; i < n; i++) {
        snprintf(name, sizeof name, "layer%d", i);
        pal_scope_begin(t, name);
        pal_var leaf = grown_leaf(t, to, PAL_SHAPE(2), "w");
        sum = pal_add(sum, pal_mul(leaf, to->x));
        pal_assign(leaf, pal_add(leaf, to->x));
        pal_scope_end(t);
    }
    to->y = pal_sum_all(sum);
}

static inline void record_streams(pal_tape *t, int n, grown *to)
{
    char name[32];
    pal_var sum = to->x = grown_leaf(t, to, PAL_SHAPE(2), "x");
    for (int i = 0; i < n; i++) {
        snprintf(name, sizeof name, "s%d", i);
        sum = pal_mul(sum, pal_uniform(t, name, PAL_SHAPE(2)));
    }
    to->y = pal_sum_all(sum);
}

static inline pal_var grown_block(pal_tape *t, pal_var k, void *user)
{
    (void)t, (void)k;
    return pal_tanh(pal_sin(*(pal_var *)user));
}

/* Regions one after another */
static inline void record_blocks(pal_tape *t, int n, grown *to)
{
    pal_var y = to->x = grown_leaf(t, to, PAL_SHAPE(2), "x");
    for (int i = 0; i < n; i++) y = pal_recompute(t, grown_block, &y);
    to->y = pal_sum_all(y);
}

typedef struct grown_nest {
    int depth;
    pal_var x;
} grown_nest;

static inline pal_var grown_inner(pal_tape *t, pal_var k, void *user)
{
    grown_nest nest = *(grown_nest *)user;
    (void)k;
    return pal_sin(nest.depth-- ? pal_recompute(t, grown_inner, &nest) : nest.x);
}

/* Regions within regions */
static inline void record_nested(pal_tape *t, int n, grown *to)
{
    to->x = grown_leaf(t, to, PAL_SHAPE(2), "x");
    to->y = pal_sum_all(pal_recompute(t, grown_inner, &(grown_nest){n, to->x}));
}

static const growing growings[] = {{"chain", record_chain},
                                   {"tanh chain", record_tanh_chain},
                                   {"wide sum", record_wide},
                                   {"recurrent net", record_recurrent},
                                   {"leaves", record_leaves},
                                   {"streams", record_streams},
                                   {"recompute blocks", record_blocks}};
enum { n_growings = sizeof growings / sizeof *growings };
static const growing nested = {"nested recompute", record_nested};

static inline grown grow(const growing *g, pal_tape *t, int n)
{
    grown it = {0};
    g->record(t, n, &it);
    ck_assert_tape_ok(t);
    return it;
}

static inline void grown_free(grown *it)
{
    for (size_t i = 0; i < it->n; i++) pal_tensor_free(it->tensors[i]);
    free(it->tensors);
}

/* All that searches and walks have looked at since the tape began. */
static inline uint64_t looked_at(const pal_tape *t)
{
    return t->looked + t->by_path.looked + t->by_stream.looked + t->by_name.looked + t->by_tensor.looked +
           t->by_leaf.looked + t->memory.looked;
}

#endif
