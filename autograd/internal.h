/* internal.h - what the files of autograd/ share. The data flow: tape.c records entries; grad.c and region.c append
 * adjoints; rebuild.c copies the live part of a tape into a fresh one in canonical order, letting simplify.c rewrite on
 * the way; fuse.c, schedule.c and place.c fill in a plan over that tape; emit.c turns the plan into a program; run.c
 * executes it. */
#ifndef PAL_AUTOGRAD_INTERNAL_H
#define PAL_AUTOGRAD_INTERNAL_H

#include "autograd/autograd.h"
#include "autograd/operation.h"

/* ---- Memory: always through the context, so that every failure can be provoked ------------------------------------
 */

void *pal__alloc(pal_context *context, size_t size); /* zeroed, 64-aligned; NULL: no memory */
void pal__free(pal_context *context, void *block);   /* NULL is fine */
/* Makes room for one more element after count; *items may move. Returns false when there is no memory. */
bool pal__grow(pal_context *context, void **items, size_t count, size_t *capacity, size_t size);
void pal__store(pal_dtype dtype, void *data, size_t i, double value); /* as pal_tensor_set, unchecked */

/* ---- Threads and BLAS ---------------------------------------------------------------------------------------------
 */

typedef struct pal__pool pal__pool;
pal__pool *pal__pool_new(pal_context *context, unsigned threads, bool pinned);
void pal__pool_free(pal_context *context, pal__pool *pool);
unsigned pal__pool_threads(const pal__pool *pool);
void pal__pool_run(pal__pool *pool, size_t tasks, pal_task_fn task, void *argument);
/* Ties the calling thread to worker 0's processor; leave restores its own affinity. */
void pal__pool_enter(pal__pool *pool);
void pal__pool_leave(pal__pool *pool);

typedef struct pal__blas { /* found at run time, so that any CBLAS serves */
    void (*set_threads)(int);
    int (*get_threads)(void);
    int parallel;     /* 0 serial, 1 its own threads, 2 OpenMP */
    bool takes_turns; /* products exclude each other */
    char text[160];
    char core[32];
} pal__blas;
void pal__blas_find(pal__blas *blas);
int pal__blas_enter(const pal__blas *blas); /* one thread a product from here on; returns what leave needs */
void pal__blas_leave(const pal__blas *blas, int saved);
void pal__blas_worker(const pal__blas *blas); /* once in each worker */

struct pal_context {
    pal_context_options options;
    pal__pool *pool;
    pal__blas blas;
    pal_isa isa;
    char advice[256];
};

/* ---- Shapes -------------------------------------------------------------------------------------------------------
 */

pal_shape pal__shape_clean(pal_shape shape);
void pal__strides(pal_shape shape, int64_t *stride); /* row-major, elements; PAL_MAX_RANK of them */

/* ---- The tape -----------------------------------------------------------------------------------------------------
 */

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
pal_var pal__var(pal_tape *tape, uint32_t id);
bool pal__live(pal_var v); /* the handle fits its tape and generation */
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
/* Evaluates the shape rule. */
bool pal__infer(pal_tape *tape, const pal_op *op, const pal_var *in, size_t n, const pal_params *params,
                pal_infer *out);
bool pal__inside(const pal_tape *tape, uint32_t region, uint32_t of); /* region is `of` or within it */
bool pal__outside(const pal_tape *tape,
                  uint32_t id); /* a value of the tape itself, neither of a region nor its index */
/* Whether an entry of `region` may read `id`: it lies in that region or around it, and an index around its reader. */
bool pal__readable(const pal_tape *tape, uint32_t region, uint32_t id);
uint64_t pal__hash_of(const pal_tape *tape, uint32_t id);                /* the structural hash, computed anew */
pal_var pal__leaf(pal_tape *tape, pal_tensor *tensor, const char *path); /* pal_leaf by the full name; NULL: unnamed */

/* ---- Derivatives and regions --------------------------------------------------------------------------------------
 */

/* pal_vjp; region PAL__NONE. Otherwise only through entries of that region: other values count as constant. */
pal_status pal__vjp(pal_var y, pal_var seed, const pal_var *wrt, size_t n, uint32_t region, pal_var *out);
pal_var pal__map_sum_vjp(const pal_rule *rule, size_t operand);
pal_var pal__copy(pal_var x); /* x in storage of its own */
/* The outer values that the body of a region reads, each once, in order of a walk from its result; the caller frees
 * them through the context. False: no memory. */
bool pal__captures(pal_tape *tape, uint32_t region, uint32_t result, uint32_t **ids, size_t *n);

/* ---- Compiling ----------------------------------------------------------------------------------------------------
 */

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
/* The body of a region recorded again on the same tape: `result` with the region's index replaced. 0: failed. */
uint32_t pal__replay(pal_tape *tape, uint32_t region, uint32_t index, uint32_t result);
bool pal__simplify(pal__graph *graph, bool rounding); /* simplify.c: replaces *graph */
bool pal__materialise(pal__graph *graph, bool merge); /* view.c: copies where a kernel needs contiguous */
const char *pal__verify(const pal_tape *tape);        /* verify.c: NULL, or what is wrong */
/* The same, and what holds of what a program is made of besides: after materialise. */
const char *pal__verify_program(const pal_tape *tape, const uint32_t *outputs, size_t n);
pal_status pal__verify_status(const char *wrong); /* out of memory, or a damaged tape */
const char *pal__verify_message(size_t i);        /* what the i-th row of the grammar says; NULL: no more */

typedef struct pal__view { /* where an entry's elements lie: in base's storage, by strides over the entry's shape */
    uint32_t base;
    bool contiguous;
    int64_t offset, stride[PAL_MAX_RANK];
} pal__view;
pal__view pal__view_of(const pal_tape *tape, uint32_t id);

typedef enum pal__group_kind { PAL__GROUP_LOOP, PAL__GROUP_KERNEL, PAL__GROUP_REGION } pal__group_kind;

typedef struct pal__group { /* what becomes one step: a fused loop, one kernel, one region */
    pal__group_kind kind;
    bool dead;         /* merged into another */
    uint32_t *members; /* ids, ascending */
    size_t n_members, cap_members;
} pal__group;

typedef struct pal__edge { /* from runs before to, though to reads nothing of it */
    uint32_t from, to;
} pal__edge;

typedef enum pal__home { PAL__NOWHERE, PAL__LEAF, PAL__ARENA, PAL__COUNTER } pal__home;

typedef struct pal__plan {
    pal_context *context;
    pal_tape *tape;
    struct pal__plan *parent; /* of a region's body */
    uint32_t region;          /* the region whose body this plan computes; 0: the program itself */
    const uint32_t *outputs;  /* assigns are here for their effect: only wanted values are stored */
    size_t n_outputs;
    unsigned passes, lanes;
    bool check; /* for NaN: every step counts as one that can fail */
    size_t n;   /* entries of the tape; the arrays by id have as many */
    pal__view *view;
    uint32_t *group;  /* PAL__NONE: none (leaf, constant, view, or of another region) */
    uint32_t *target; /* of a value: the assign that takes it straight from its loop; 0: none */
    bool *stored;     /* a value that something outside its loop reads */
    pal__home *home;
    size_t *offset;                   /* bytes in the arena, from this plan's part on */
    uint32_t *reader_first, *readers; /* by id: who reads its storage, views seen through */
    pal__group *groups;
    pal__edge *edges;
    struct pal__plan **bodies; /* by group: the plan of a region's body */
    size_t *scratch;           /* by group: offset of its scratch, or of its body's arena */
    uint32_t *order;           /* groups in the order of execution */
    int32_t **counters;        /* by id: where a region's index lives, set by emit */
    size_t n_groups, cap_groups, n_edges, cap_edges, n_order, arena;
    size_t base; /* of its arena in the program's, set by emit */
} pal__plan;

/* plan.c: the plan of a whole graph, or of one body; fuse, schedule and place in turn. */
pal__plan *pal__plan_new(pal__plan *parent, pal_tape *tape, uint32_t region, const uint32_t *outputs, size_t n_outputs,
                         unsigned passes, unsigned lanes, bool check);
void pal__plan_free(pal__plan *plan);
bool pal__fuse(pal__plan *plan);
bool pal__schedule(pal__plan *plan);
bool pal__place(pal__plan *plan);
/* Whether group `from` must run before group `to`. direct: a path of one edge alone does not count. */
bool pal__before(const pal__plan *plan, uint32_t from, uint32_t to, bool direct);
bool pal__loop_class(const pal_op *op);                                 /* runs inside fused loops */
bool pal__identity(const pal__plan *plan, uint32_t id, pal_shape loop); /* read at the loop's own index, directly */
size_t pal__entry_bytes(const pal_tape *tape, uint32_t id);
#define PAL__ALIGN(n) (((n) + 63) & ~(size_t)63)

/* ---- Programs -----------------------------------------------------------------------------------------------------
 */

typedef struct pal__ref { /* a pointer into a leaf: set again by pal_bind */
    uint32_t leaf;        /* index in program->leaves */
    size_t offset;        /* bytes */
    const void **where;
} pal__ref;

typedef struct pal__load {
    const void *data;
    bool direct;   /* contiguous: the tile is read where it lies */
    bool constant; /* data is a tile of it, made when the program was */
    bool uniform;  /* one element serves all: spread once a task */
    bool turned;   /* rows of the loop are columns where it lies: gathered for PAL__TURN_ROWS rows at once */
    size_t size;   /* bytes an element */
    size_t block;  /* turned: which of the loop's */
    int64_t stride[PAL_MAX_RANK];
} pal__load;

#define PAL__NEST 4 /* random inside map_sum: how deep */
typedef struct pal__instr {
    pal_tile_fn fn;
    pal_params params;
    uint8_t out, in[3], n_in;
    int16_t store;      /* the store that this writes straight to memory; -1: none */
    const char *stream; /* random */
    int64_t row;        /* random: elements a sample */
    const int32_t *k[PAL__NEST];
} pal__instr;

typedef struct pal__store_to {
    void *data;
    size_t size;
    pal_dtype dtype;
    uint8_t reg;
    bool late; /* copied at the end of the tile, since a later instruction still reads what lies there */
} pal__store_to;

typedef struct pal__loop {
    int rank; /* after collapsing */
    int64_t dim[PAL_MAX_RANK];
    size_t count;
    pal__load *loads;
    pal__instr *instrs;
    pal__store_to *stores;
    size_t n_loads, n_instrs, n_stores, n_regs; /* registers 0 .. n_loads-1 are the loads' */
    size_t n_turned;
    int turn; /* the axis, not the last, along which turned loads lie side by side */
} pal__loop;

/* A turned load's rows lie behind the registers, apart by a line more than a register, lest they meet in the cache. */
enum { PAL__TURN_ROWS = 16, PAL__REGISTER = PAL_TILE * sizeof(double), PAL__TURN_STEP = PAL__REGISTER + 64 };

typedef struct pal__step {
    struct pal__step *body; /* region: its steps */
    size_t n_body;
    int64_t count;    /* region: how many terms */
    int32_t *counter; /* region: where k lives */
    const void *term; /* region: the body's value */
    pal_kernel_fn run;
    pal_call call;
    pal__loop *loop;
    const pal_op *op; /* for messages and text */
    const char *scope;
    uint32_t origin; /* the entry of the user's tape that it ends in */
    double seconds;
    uint64_t runs;
} pal__step;

struct pal_program {
    pal_context *context;
    pal__step *steps;
    size_t n_steps;
    uint8_t *arena;
    size_t arena_size;
    pal_tensor **leaves; /* as recorded: the key for pal_bind */
    void **leaf_data;
    pal__ref *refs;
    pal_tensor *outputs;
    uint8_t *registers; /* register_bytes for each worker */
    size_t register_bytes;
    pal_noise noise;
    unsigned lanes;
    bool profile, check;
    const char **leaf_names;
    void **blocks; /* everything else that was allocated, freed together */
    size_t n_leaves, cap_leaves, n_refs, cap_refs, n_outputs, n_blocks, cap_blocks;
    char error[512];
};

/* emit.c: the plan's groups as steps. False: the tape says why. */
bool pal__emit(pal_program *program, pal__plan *plan);
/* Memory that lives as long as the program. */
void *pal__keep(pal_program *program, size_t size);
void pal__run_loop(pal_program *program, const pal__step *step);
/* nan.c: fails if a result of this step, which has just run, has a NaN. */
pal_status pal__find_nan(pal_program *program, const pal__step *step);

#endif
