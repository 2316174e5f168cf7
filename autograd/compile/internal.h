/* internal.h - what the files of compile/ share: views, plans and programs. The data flow: compile.c takes the live
 * part of a tape (rebuild.c); simplify.c and view.c rewrite it; plan.c begins a plan over it, which fuse.c, schedule.c
 * and place.c fill in; emit.c turns the plan into steps; run.c executes them, and nan.c looks through what they made.
 * verify.c checks the tape between two passes. */
#ifndef PAL_COMPILE_INTERNAL_H
#define PAL_COMPILE_INTERNAL_H

#include "autograd/internal.h"

/* ---- Passes over tapes ---------------------------------------------------------------------------------------- */

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
/* A value that a step computes into storage of its own, at its own index. */
bool pal__computed(const pal_tape *tape, uint32_t id);

/* ---- Plans ---------------------------------------------------------------------------------------------------- */

enum {                         /* of one loop. fuse.c keeps to the first three; the registers follow from them */
       PAL__LOOP_MEMBERS = 60, /* entries that it computes */
       PAL__LOOP_LOADS = 20,   /* values that it reads from memory */
       PAL__LOOP_LIVE = 8,     /* results that a later entry still reads */
       PAL__LOOP_REGISTERS = PAL__LOOP_LOADS + PAL__LOOP_MEMBERS, /* if every result is stored late */
};

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

/* plan.c: a plan without groups, of a whole graph or of one body; o with its defaults filled in. NULL: no memory. */
pal__plan *pal__plan_new(pal__plan *parent, pal_tape *tape, uint32_t region, const uint32_t *outputs, size_t n_outputs,
                         const pal_compile_options *o);
bool pal__plan_bodies(pal__plan *plan); /* room for what groups have: bodies, scratch. Once there are groups */
void pal__plan_free(pal__plan *plan);
char *pal__plan_text(const pal__plan *plan); /* plan_text.c: as far as it is filled in; NULL: no memory */
/* The passes over a plan. False: no memory. */
bool pal__fuse(pal__plan *plan);
bool pal__schedule(pal__plan *plan);
bool pal__place(pal__plan *plan);
/* Whether group `from` must run before group `to`. direct: a path of one edge alone does not count. */
bool pal__before(const pal__plan *plan, uint32_t from, uint32_t to, bool direct);
bool pal__loop_class(const pal_op *op);                                 /* runs inside fused loops */
bool pal__identity(const pal__plan *plan, uint32_t id, pal_shape loop); /* read at the loop's own index, directly */
#define PAL__ALIGN(n) (((n) + 63) & ~(size_t)63)

/* ---- Programs ------------------------------------------------------------------------------------------------- */

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
