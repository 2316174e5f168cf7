/* internal.h - declarations shared by the files at the top of autograd/: the tape.
 *
 * Data flow: append.c and leaf.c append entries. grad.c and region.c append adjoints. rebuild.c copies the live part of
 * a tape into a new tape in canonical order. compile/ makes a program from that copy and text/ prints it; check/ checks
 * derivatives. */
#ifndef PAL_AUTOGRAD_INTERNAL_H
#define PAL_AUTOGRAD_INTERNAL_H

#include <locale.h>
#include <stdio.h>

#include "autograd/autograd.h"
#include "autograd/communicator.h"
#include "autograd/machine/internal.h"
#include "autograd/operation.h"
#include "autograd/wiring.h"

/* ---- The tape ------------------------------------------------------------------------------------------------- */

#define PAL__NONE UINT32_MAX
#define PAL__NEST 4                             /* noise inside regions: how deep */
enum { PAL__FULL_NAME = 512, PAL__PATH = 256 }; /* bytes of the full name of a leaf or stream, and of a scope's path */

typedef struct pal__entry {
    const pal_op *op;
    const pal_params *params; /* on a tape, the tape's copy, as the shape: see keep.c */
    const pal_shape *shape;
    pal_tensor *tensor;   /* leaves only */
    uint64_t hash;        /* of the structure; does not depend on ids or pointers */
    uint64_t trace;       /* the hash with scopes and orders: differs for equal entries that print differently */
    uint32_t generation;  /* a handle is live if its generation is the same */
    uint32_t first, n;    /* operands: n ids in tape->operands, from `first` on */
    uint32_t scope;       /* index in tape->scopes */
    uint32_t block;       /* index in tape->blocks; 0: no block. For drawings only */
    uint32_t region;      /* id of the index entry of the innermost region that contains this entry; 0: no region */
    uint32_t body;        /* map_sum: id of the body's result */
    uint32_t index;       /* map_sum: id of the index entry of its region, which has no operands */
    uint32_t uses;        /* number of readers; set by rebuild */
    uint32_t origin;      /* in a copy by rebuild: the entry of the user's tape that it comes from; else 0 */
    uint8_t dtype, order; /* order of derivative: 0 forward, 1 adjoint, 2 adjoint of adjoint */
    uint8_t highest;      /* order of this entry and of all that it is computed from */
    bool rows;            /* a leaf with the rows of all shards of this process: its shape is that of one shard */
    bool derived;         /* its block is that of what it differentiates; it was not recorded inside it */
} pal__entry;

typedef struct pal__scope { /* a tree; scope 0 is the root */
    uint32_t parent;
    char *path; /* the full path, "encoder/fc1" */
} pal__scope;

typedef struct pal__drawn_block { /* a tree, as the scopes; a copy by rebuild has no joined blocks */
    uint32_t parent, depth;
    uint32_t joins; /* opened again: the block that it continues; 0: none */
    uint32_t scope; /* in which it was opened */
    const char *name, *formula;
} pal__drawn_block;

typedef struct pal__stream { /* a stream that was drawn from: drawing twice is an error */
    const char *name;
    uint32_t id; /* the entry that drew first */
} pal__stream;

typedef struct pal__leaf_at {
    uint32_t id;
    uint64_t data; /* where its memory was when it was recorded; 0: it has none */
} pal__leaf_at;

typedef struct pal__arena { /* strings that live as long as the tape */
    struct pal__block *blocks;
} pal__arena;

struct pal_tape {
    pal_context *context;
    pal_dtype real;
    pal__entry **chunks;      /* the entries; entry 0 is the bad entry */
    const pal_shape **shapes; /* each once, and the parameters likewise */
    const pal_params **params;
    uint32_t *operands;
    pal__scope *scopes;
    pal__drawn_block *blocks;
    pal__stream *streams;
    pal__leaf_at *leaves; /* recorded by pal__leaf; a copy by rebuild keeps no list */
    uint32_t *effects;    /* ids of the assigns */
    size_t n_chunks, cap_chunks, n_shapes, cap_shapes, n_params, cap_params;
    uint32_t last_shape; /* that was asked for */
    size_t n_entries, cap_entries, n_operands, cap_operands, n_scopes, cap_scopes, n_blocks, cap_blocks, n_streams,
        cap_streams, n_leaves, cap_leaves, n_effects, cap_effects;
    pal__table by_path, by_stream, by_name, by_tensor, by_leaf; /* scopes, streams, leaves (twice), effects */
    pal__table by_shape, by_params, by_entry;                   /* by_entry: for merging */
    pal__ranges memory;                                         /* of the leaves, by id */
    uint32_t *marks, marked; /* by entry: its place in a list of marks.c; the highest place in use */
    size_t cap_marks;
    uint64_t looked; /* entries, terms and groups that walks and passes have looked at; tests bound it */
    uint32_t scope, block, region, generation;
    uint32_t held; /* a region or an adjoint rule in progress reads the entries below: no rewind may remove them */
    uint8_t order;
    pal_shards shards; /* count 0 or 1: the batch is not cut. Copies by rebuild know it, too */
    int64_t first_shard, local_shards;
    bool derives; /* what is recorded now is derived */
    bool merges;  /* an append of an equal entry returns that one; or every append makes a new entry */
    pal__arena arena;
    pal_status status;
    uint32_t failed_at; /* number of entries at the first failure */
    char error[512];
};

/* Entries lie in chunks. Only the first grows, so that small tapes are small, and large ones are never copied. */
enum { PAL__CHUNK_BITS = 12, PAL__CHUNK = 1 << PAL__CHUNK_BITS };
static inline pal__entry *pal__at(const pal_tape *t, uint32_t id)
{
    return &t->chunks[id >> PAL__CHUNK_BITS][id & (PAL__CHUNK - 1)];
}
static inline uint32_t pal__arg(const pal_tape *t, uint32_t id, uint32_t i)
{
    return t->operands[pal__at(t, id)->first + i];
}
/* The operands of an entry; NULL if it has none. */
static inline const uint32_t *pal__operands(const pal_tape *t, const pal__entry *e)
{
    return e->n ? t->operands + e->first : NULL;
}
/* Records the failure "what: out of memory". Returns a bad handle. */
pal_var pal__out_of_memory(pal_tape *tape, const char *what);
bool pal__never(pal_infer *infer); /* the shape rule of operations that pal_record must not record: always fails */
pal_var pal__var(pal_tape *tape, uint32_t id);
size_t pal__entry_bytes(const pal_tape *tape, uint32_t id);
/* Whether an element of this type can be this number. The real types take every number and round it; a bool takes every
 * number, and is whether it is not 0. The integer types take the whole numbers in their range. */
bool pal__holds(pal_dtype dtype, double value);
/* As pal_tensor_set, without checks: the type must hold the value. */
void pal__store(pal_dtype dtype, void *data, size_t i, double value);
/* Whether elements of this type may be read at this address. */
static inline bool pal__aligned(pal_dtype dtype, const void *data)
{
    size_t size = pal_dtype_size(dtype);
    return size && (uintptr_t)data % size == 0;
}
bool pal__live(pal_var v); /* the entry exists, with this generation */
/* keep.c: the tape's copy of a text, a shape, or parameters with their name; NULL: no memory. */
char *pal__intern(pal_tape *tape, const char *text, size_t length);
const pal_shape *pal__keep_shape(pal_tape *tape, const pal_shape *shape);
const pal_params *pal__keep_params(pal_tape *tape, const pal_params *params); /* params NULL: none */
extern const pal_shape pal__scalar;
extern const pal_params pal__no_params; /* all zeros */
void pal__keep_end(pal_tape *tape);
const char *pal__scope_path(const pal_tape *tape, uint32_t scope);
/* Returns the scope with this path; makes the scopes that are missing. For copies and adjoints. */
uint32_t pal__scope_find(pal_tape *tape, const char *path);
bool pal__room_for_entry(pal_tape *tape); /* false: no memory */
/* block.c: adds a block, of which the tape keeps the texts. Returns its number; 0: the tape has failed. */
uint32_t pal__block_add(pal_tape *tape, pal__drawn_block block);
/* Puts the entries from `first` on into a block of their own, unless one was opened since the tape had n_blocks. */
void pal__block_around(pal_tape *tape, uint32_t first, size_t n_blocks, const char *name, const char *formula);
/* The length of the name that the first line of a formula gives to its value, left of " = " or " ~ ", and including
 * these with `beyond`; 0: none. */
size_t pal__block_symbol(const char *formula, bool beyond);
const char *pal__block_text(pal_tape *tape, const char *text); /* the tape's copy; "": no memory, or text is NULL */
/* The plain append behind pal_record, rebuild and regions, without any check. The shape and the parameters (NULL: none)
 * of `like` may be anybody's. Returns the id; 0: out of memory. */
uint32_t pal__append(pal_tape *tape, const pal__entry *like, const uint32_t *in, size_t n);
/* The canonical order of two entries: negative, positive, or 0 if they have the same structure and print the same. */
int pal__compare(const pal_tape *tape, uint32_t a, uint32_t b);
/* The shapes and element types of some entries, in the form that shape rules and kernels take. */
typedef struct pal__types {
    pal_shape few_shapes[8], *shapes;
    pal_dtype few_dtypes[8], *dtypes;
} pal__types;
bool pal__types_of(const pal_tape *tape, const uint32_t *ids, size_t n, pal__types *out); /* false: no memory */
void pal__types_free(const pal_tape *tape, pal__types *types);
/* Calls the shape rule. False: the tape has failed. */
bool pal__infer(pal_tape *tape, const pal_op *op, const uint32_t *in, size_t n, const pal_params *params,
                pal_infer *out);
bool pal__inside(const pal_tape *tape, uint32_t region, uint32_t of); /* region is `of` or within it */
bool pal__outside(const pal_tape *tape, uint32_t id); /* the entry is not in a region and is not an index */
/* Whether an entry of `region` may read entry `id`, which must be in that region or in one around it. An index entry
 * may be read only inside its own region. */
bool pal__readable(const pal_tape *tape, uint32_t region, uint32_t id);
uint64_t pal__hash_of(const pal_tape *tape, uint32_t id); /* computes the structural hash again */

/* ---- Leaves, streams, effects: leaf.c ------------------------------------------------------------------------- */

/* Writes the path of the scope and the name to path. A name that does not fit is refused, not cut: two names that are
 * cut could become one. */
bool pal__full_name(pal_tape *tape, const char *what, const char *name, char path[PAL__FULL_NAME]);
/* pal_leaf, or pal_leaf_rows, by full name; NULL: unnamed. */
pal_var pal__leaf(pal_tape *tape, pal_tensor *tensor, const char *path, bool rows);
pal_shape pal__leaf_shape(const pal_tape *tape, const pal_tensor *tensor, bool rows); /* of one shard */
const pal__stream *pal__stream_find(pal_tape *tape, const char *path);                /* NULL: nothing drew from it */
bool pal__stream_add(pal_tape *tape, uint32_t id); /* the entry that drew first from its stream; false: no memory */
uint32_t pal__effect_of(pal_tape *tape, uint32_t leaf); /* the assign to this leaf; 0: none */
bool pal__effect_add(pal_tape *tape, uint32_t id);      /* false: no memory */
/* For rewinding: all that is recorded beyond these counts is forgotten. */
void pal__forget(pal_tape *tape, size_t entries, size_t streams, size_t effects);

/* ---- Lists of entries: marks.c -------------------------------------------------------------------------------- */

typedef struct pal__mark {
    uint32_t id, before;
} pal__mark;
typedef struct pal__marks { /* a list of entries, each once; it must end before those end that began before it */
    pal_tape *tape;
    uint32_t base;
    pal__mark *of;
    size_t n, cap;
} pal__marks;
pal__marks pal__marks_begin(pal_tape *tape);
uint32_t pal__marks_add(pal__marks *marks, uint32_t id); /* returns its place, from 1 on; 0: no memory */
void pal__marks_end(pal__marks *marks);
static inline uint32_t pal__marks_at(const pal__marks *m, uint32_t id) /* the place of an entry; 0: it is not there */
{
    const uint32_t mark = id < m->tape->cap_marks ? m->tape->marks[id] : 0;
    return mark > m->base ? mark - m->base : 0;
}

/* ---- Texts: stream.c ------------------------------------------------------------------------------------------ */

typedef struct pal__text {
    FILE *file; /* print to it, in the C locale */
    pal_context *context;
    char *bytes; /* what was printed, with a zero after it; room for `room` bytes */
    size_t size, room;
    bool failed;
    locale_t before;
} pal__text;
/* The struct must stay where it is until the stream is closed. False: out of memory. */
bool pal__text_open(pal__text *text, pal_context *context);
char *pal__text_close(pal__text *text); /* for pal_text_free; NULL: out of memory, for whatever part of the text */

/* ---- Derivatives and regions ---------------------------------------------------------------------------------- */

/* pal_vjp if region is PAL__NONE. Else the walk stays inside that region and treats all other values as constants. */
pal_status pal__vjp(pal_var y, pal_var seed, const pal_var *wrt, size_t n, uint32_t region, pal_var *out);
/* The sum of the products of n_y values, at least one, in one walk. */
pal_status pal__vjps(const pal_var *y, const pal_var *seed, size_t n_y, const pal_var *wrt, size_t n, uint32_t region,
                     pal_var *out);
pal_var pal__copy(pal_var x); /* the same values in separate storage */

/* ---- Tapes in canonical order: rebuild.c ---------------------------------------------------------------------- */

/* A tape in canonical order with the ids of its outputs: the input and the output of every pass. */
typedef struct pal__graph {
    pal_tape *tape;
    uint32_t *outputs;
    size_t n_outputs;
} pal__graph;
void pal__graph_free(pal_context *context, pal__graph *graph);
void pal__graph_replace(pal__graph *graph, pal__graph *by); /* the next pass's result takes the place of this one's */

/* Called for each entry of `from`, with its operands already in the tape `to`. Returns a replacement in `to`, or a bad
 * handle to copy the entry. */
typedef pal_var (*pal__visit)(pal_tape *from, uint32_t id, pal_tape *to, const pal_var *in, void *user);
/* The pass `live`: copies what the outputs need, in canonical order (depth first, operands from left to right). merge:
 * structurally equal entries of the same region become one. visit may be NULL: every entry is copied. */
bool pal__rebuild(pal_tape *from, const uint32_t *outputs, size_t n, bool merge, pal__visit visit, void *user,
                  pal__graph *to);
/* The outer values that the body of a region reads, each once, in the order of a walk from its result. The caller frees
 * *ids with pal__free. False: out of memory. */
bool pal__captures(pal_tape *tape, uint32_t region, uint32_t result, uint32_t **ids, size_t *n);
/* Records the body of a region again on the same tape, with the new index. Returns the copy of `result`; 0: failed. */
uint32_t pal__replay(pal_tape *tape, uint32_t region, uint32_t index, uint32_t result);

#endif
