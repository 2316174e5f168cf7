/* internal.h - what the files at the top of autograd/ share: the tape. The data flow: append.c appends entries; grad.c
 * and region.c append adjoints; rebuild.c copies the live part of a tape into a fresh one in canonical order. From
 * there compile/ makes a program of it, text/ prints it, check/ checks its derivatives. */
#ifndef PAL_AUTOGRAD_INTERNAL_H
#define PAL_AUTOGRAD_INTERNAL_H

#include "autograd/autograd.h"
#include "autograd/machine/internal.h"
#include "autograd/operation.h"

/* ---- The tape ------------------------------------------------------------------------------------------------- */

#define PAL__NONE UINT32_MAX

typedef struct pal__entry {
    const pal_op *op;
    pal_params params;
    pal_shape shape;
    pal_tensor *tensor;   /* leaves */
    uint64_t hash;        /* structural: never ids or pointers */
    uint64_t trace;       /* the hash with scopes and orders in it: tells apart what is equal but printed otherwise */
    uint32_t generation;  /* a handle is live if it agrees */
    uint32_t first, n;    /* operands: ids in tape->operands */
    uint32_t scope;       /* index in tape->scopes */
    uint32_t region;      /* entry id of the region's index entry this one is inside of; 0: none */
    uint32_t body;        /* map_sum: id of the body's result; its region index is operand-less entry `index` */
    uint32_t index;       /* map_sum: id of its index entry */
    uint32_t uses;        /* readers; kept by rebuild */
    uint32_t origin;      /* in a copy by rebuild: the entry of the user's tape that it is, or was made for; else 0 */
    uint8_t dtype, order; /* order of derivative: 0 forward, 1 adjoint, 2 adjoint of adjoint */
} pal__entry;

typedef struct pal__scope { /* a tree; scope 0 is the root */
    uint32_t parent;
    char *path; /* "encoder/fc1", the full one */
} pal__scope;

typedef struct pal__arena { /* strings that live as long as the tape */
    struct pal__block *blocks;
} pal__arena;

struct pal_tape {
    pal_context *context;
    pal_dtype real;
    pal__entry *entries; /* entry 0 is the bad one */
    uint32_t *operands;
    pal__scope *scopes;
    const char **streams; /* names drawn from, for the error of drawing twice */
    uint32_t *effects;    /* ids of assigns */
    size_t n_entries, cap_entries, n_operands, cap_operands, n_scopes, cap_scopes, n_streams, cap_streams, n_effects,
        cap_effects;
    uint32_t scope, region, generation;
    uint8_t order;
    uint32_t *table; /* common subexpressions: ids by hash, open addressing; NULL: every append is a new entry */
    size_t table_size;
    pal__arena arena;
    pal_status status;
    uint32_t failed_at; /* entries when it failed */
    char error[512];
};

static inline pal__entry *pal__at(const pal_tape *t, uint32_t id) { return &t->entries[id]; }
static inline uint32_t pal__arg(const pal_tape *t, uint32_t id, uint32_t i)
{
    return t->operands[t->entries[id].first + i];
}
/* Records that there was no memory for `what`. Returns a bad handle. */
pal_var pal__out_of_memory(pal_tape *tape, const char *what);
bool pal__never(pal_infer *infer); /* the shape rule of what no call records: fails */
pal_var pal__var(pal_tape *tape, uint32_t id);
size_t pal__entry_bytes(const pal_tape *tape, uint32_t id);
void pal__store(pal_dtype dtype, void *data, size_t i, double value); /* as pal_tensor_set, unchecked */
bool pal__live(pal_var v);                                            /* the handle fits its tape and generation */
char *pal__intern(pal_tape *tape, const char *text, size_t length);
const char *pal__scope_path(const pal_tape *tape, uint32_t scope);
/* Gives the scope with this path (made where it is missing); for copies and adjoints. */
uint32_t pal__scope_find(pal_tape *tape, const char *path);
uint64_t pal__mix(uint64_t hash, uint64_t value);
uint64_t pal__hash_bytes(uint64_t hash, const void *bytes, size_t n);
/* The raw append that pal_record, rebuild and regions share: no checks, no shape rule. Returns the id, 0 on no memory.
 */
uint32_t pal__append(pal_tape *tape, const pal__entry *like, const uint32_t *in, size_t n);
/* Canonical order of two entries: negative, 0 (alike in every way that shows) or positive. */
int pal__compare(const pal_tape *tape, uint32_t a, uint32_t b);
/* Shapes and element types of some entries, as shape rules and kernels take them. */
typedef struct pal__types {
    pal_shape few_shapes[8], *shapes;
    pal_dtype few_dtypes[8], *dtypes;
} pal__types;
bool pal__types_of(const pal_tape *tape, const uint32_t *ids, size_t n, pal__types *out); /* false: no memory */
void pal__types_free(const pal_tape *tape, pal__types *types);
/* Evaluates the shape rule. */
bool pal__infer(pal_tape *tape, const pal_op *op, const uint32_t *in, size_t n, const pal_params *params,
                pal_infer *out);
bool pal__inside(const pal_tape *tape, uint32_t region, uint32_t of); /* region is `of` or within it */
bool pal__outside(const pal_tape *tape,
                  uint32_t id); /* a value of the tape itself, neither of a region nor its index */
/* Whether an entry of `region` may read `id`: it lies in that region or around it, and an index around its reader. */
bool pal__readable(const pal_tape *tape, uint32_t region, uint32_t id);
uint64_t pal__hash_of(const pal_tape *tape, uint32_t id);                /* the structural hash, computed anew */
pal_var pal__leaf(pal_tape *tape, pal_tensor *tensor, const char *path); /* pal_leaf by the full name; NULL: unnamed */

/* ---- Derivatives and regions ---------------------------------------------------------------------------------- */

/* pal_vjp; region PAL__NONE. Otherwise only through entries of that region: other values count as constant. */
pal_status pal__vjp(pal_var y, pal_var seed, const pal_var *wrt, size_t n, uint32_t region, pal_var *out);
pal_var pal__copy(pal_var x); /* x in storage of its own */

/* ---- Tapes in canonical order: rebuild.c ---------------------------------------------------------------------- */

/* A tape in canonical order with the ids wanted: what every pass takes and gives. */
typedef struct pal__graph {
    pal_tape *tape;
    uint32_t *outputs;
    size_t n_outputs;
} pal__graph;
void pal__graph_free(pal_context *context, pal__graph *graph);

/* Asked for each entry of `from` with its operands already in the tape `to`: a replacement, or a bad handle to copy. */
typedef pal_var (*pal__visit)(pal_tape *from, uint32_t id, pal_tape *to, const pal_var *in, void *user);
/* live: copies what the outputs need, in canonical order (depth first, operands from the left). merge: entries that are
 * structurally equal become one, within a region. */
bool pal__rebuild(pal_tape *from, const uint32_t *outputs, size_t n, bool merge, pal__visit visit, void *user,
                  pal__graph *to);
/* The outer values that the body of a region reads, each once, in order of a walk from its result; the caller frees
 * them through the context. False: no memory. */
bool pal__captures(pal_tape *tape, uint32_t region, uint32_t result, uint32_t **ids, size_t *n);
/* The body of a region recorded again on the same tape: `result` with the region's index replaced. 0: failed. */
uint32_t pal__replay(pal_tape *tape, uint32_t region, uint32_t index, uint32_t result);

#endif
