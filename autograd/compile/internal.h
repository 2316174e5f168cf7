/* internal.h - what the files of compile/ share: views, plans and programs. The data flow: compile.c takes the live
 * part of a tape (rebuild.c); simplify.c and view.c rewrite it; plan.c begins a plan over it, which fuse.c,
 * schedule.c, feed.c, collect.c and place.c fill in; emit.c turns the plan into steps; run.c executes them, and nan.c
 * looks through what they made. verify.c checks the tape between two passes. */
#ifndef PAL_COMPILE_INTERNAL_H
#define PAL_COMPILE_INTERNAL_H

#include "autograd/internal.h"
#include "autograd/machine/communicator_internal.h"

/* ---- Passes over tapes ---------------------------------------------------------------------------------------- */

bool pal__simplify(pal__graph *graph, bool rounding); /* simplify.c: replaces *graph */
/* batch.c: replaces *graph too; *changed: some regions are gone, and simplify has new work. */
bool pal__batch(pal__graph *graph, bool *changed);
bool pal__materialise(pal__graph *graph, bool merge); /* view.c: copies where a kernel needs contiguous */
bool pal__share(pal__graph *graph);                   /* share.c: sums over shards as pairs; replaces *graph */
bool pal__share_check(pal_tape *tape); /* share.c: false: an assign's value differs between shards; the tape says so */
/* compile.c: pal_compile in two parts. The first ends where the passes that rewrite a tape are done; the second takes the
 * graph, whose first n outputs are wanted, and frees it. On failure the tape says why. */
bool pal__compile_begin(pal_tape *tape, const pal_var *outputs, size_t n, const pal_compile_options *given,
                        pal_compile_options *options, pal__graph *graph);
pal_program *pal__compile_end(pal_tape *tape, pal__graph *graph, size_t n, const pal_compile_options *options);
const char *pal__verify(const pal_tape *tape); /* verify.c: NULL, or what is wrong */
/* The same, and what holds of what a program is made of besides: after materialise. */
const char *pal__verify_program(const pal_tape *tape, const uint32_t *outputs, size_t n);
pal_status pal__verify_status(const char *wrong); /* out of memory, or a damaged tape */
const char *pal__verify_message(size_t i);        /* what the i-th row of the grammar says; NULL: no more */

typedef struct pal__view { /* where an entry's elements lie: in base's storage, by strides over the entry's shape */
    uint32_t base;
    bool contiguous;
    int64_t offset, stride[PAL_MAX_RANK];
} pal__view;
typedef struct pal__views { /* of a tape that may grow; all zeros but the tape: none yet */
    const pal_tape *tape;
    pal__view *of; /* by id: those below n */
    size_t n, cap;
} pal__views;
/* Finds the views of all entries up to this one, each from that of its operand. False: no memory. */
bool pal__views_reach(pal__views *views, uint32_t id);
void pal__views_free(pal__views *views);
/* Of an entry whose view was found: a step computes it into storage of its own, at its own index. */
bool pal__computed(const pal__views *views, uint32_t id);
bool pal__has_storage(const pal__views *views, uint32_t id); /* contiguous elements in memory */

/* ---- Plans ---------------------------------------------------------------------------------------------------- */

enum {                         /* of one loop. fuse.c keeps to the first three; the registers follow from them */
       PAL__LOOP_MEMBERS = 60, /* entries that it computes */
       PAL__LOOP_LOADS = 20,   /* values that it reads from memory */
       PAL__LOOP_LIVE = 8,     /* results that a later entry still reads */
       PAL__LOOP_REGISTERS = PAL__LOOP_LOADS + PAL__LOOP_MEMBERS, /* if every result is stored late */
};

/* PAL__GROUP_FENCE is no step: what can fail runs before it, and effects run after it. PAL__GROUP_SUM is none either:
 * a loop makes this sum on its way (collect.c). */
typedef enum pal__group_kind {
    PAL__GROUP_LOOP,
    PAL__GROUP_KERNEL,
    PAL__GROUP_REGION,
    PAL__GROUP_FENCE,
    PAL__GROUP_SUM
} pal__group_kind;

typedef struct pal__group { /* what becomes one step: a fused loop, one kernel, one region */
    pal__group_kind kind;
    bool dead;            /* no step: merged into another, or a fence */
    uint32_t first, last; /* ids; while fuse works, pal__plan.next leads from one member to the next */
    uint32_t edges;       /* those into it, as a list; 0: none */
    int loads, live;      /* of a loop, at most; fuse.c counts exactly where this exceeds a limit */
    uint32_t *members;    /* ids, ascending; set when fuse is done */
    size_t n_members;
} pal__group;

typedef struct pal__edge { /* from runs before to, though to reads nothing of it */
    uint32_t from, to;
    uint32_t next; /* the next edge into the same group, by its number from 1 on */
} pal__edge;

typedef enum pal__home { PAL__NOWHERE, PAL__LEAF, PAL__ARENA, PAL__COUNTER } pal__home;

typedef struct pal__plan {
    pal_context *context;
    pal_tape *tape;
    struct pal__plan *parent;         /* of a region's body */
    struct pal__plan *before, *after; /* the row of all plans of a program, each after its parent */
    uint32_t region;                  /* the region whose body this plan computes; 0: the program itself */
    const uint32_t *outputs;          /* assigns are here for their effect: only wanted values are stored */
    size_t n_outputs;
    unsigned passes, lanes;
    bool divide;         /* as in pal_compile_options */
    bool check;          /* for NaN: every step counts as one that can fail */
    const uint32_t *ids; /* the entries of its region, ascending */
    size_t n_ids;
    /* By id. An entry belongs to one region alone, so all plans of a program share these; the outermost has them. */
    size_t n; /* entries of the tape */
    pal__view *view;
    uint32_t *group;  /* PAL__NONE: none (leaf, constant, view); of entries of other regions see pal__group_of */
    uint32_t *target; /* of a value: the assign that takes it straight from its loop; 0: none */
    bool *stored;     /* a value that something outside its loop reads */
    bool *summed;     /* a value that its loop makes a sum of (collect.c) */
    bool *once;       /* one shard computes it for all (share.c); NULL: the batch is not cut */
    uint8_t *home;    /* pal__home */
    size_t *offset;   /* bytes in the arena, from this plan's part on */
    uint32_t *ends;   /* when its place in the arena is free: see place.c */
    uint32_t *next;   /* in a list: of the members of a group, of the values whose places become free */
    uint8_t *slot;    /* its place among the members of a loop, if the member at that place has this id */
    uint32_t *reader_first, *readers; /* who reads its storage in its own region, views seen through */
    uint32_t *region_first, *sorted;  /* by region: its entries */
    int32_t **counters;               /* where a region's index lives, set by emit */
    /* Its own. */
    pal__group *groups;
    pal__edge *edges;
    uint32_t *members;         /* of all groups */
    struct pal__plan **bodies; /* by group: the plan of a region's body */
    size_t *scratch;           /* by group: offset of its scratch, or of its body's arena */
    uint32_t *order;           /* groups in the order of execution */
    uint32_t *fed;             /* by group: the loop that takes its result piece by piece, plus 1; 0: none (feed.c) */
    uint32_t *sums;            /* by group: of a loop or a sum that it makes, the next such sum, plus 1; 0: no more */
    size_t *terms;             /* by group: of a loop that makes sums, the terms of each of their results */
    size_t n_groups, cap_groups, n_edges, cap_edges, n_order, arena;
    size_t least; /* the most bytes of the arena that are in use at one step */
    size_t base;  /* of its arena in the program's, set by emit */
} pal__plan;

/* plan.c: a plan without groups, of a whole graph or of one body; o with its defaults filled in. NULL: no memory. */
pal__plan *pal__plan_new(pal__plan *parent, pal_tape *tape, uint32_t region, const uint32_t *outputs, size_t n_outputs,
                         const pal_compile_options *o);
void pal__plan_free(pal__plan *plan);   /* of the outermost: with all within it */
bool pal__plan_bodies(pal__plan *plan); /* room for what is by group; false: no memory */
/* The group that computes an entry in this plan. PAL__NONE: none, or the entry belongs to another region. */
static inline uint32_t pal__group_of(const pal__plan *p, uint32_t id)
{
    return pal__at(p->tape, id)->region == p->region ? p->group[id] : PAL__NONE;
}
typedef enum pal__share_part { PAL__SHARE_NONE, PAL__SHARE_START, PAL__SHARE_WAIT } pal__share_part;
/* share.c. The outermost plan's `once`; false: no memory. Which part of a sum over the shards a group is. What is ready
 * runs in the order of this rank first; 0 where the batch is not cut. */
bool pal__share_once(pal__plan *plan);
pal__share_part pal__share_part_of(const pal__plan *plan, uint32_t group);
uint64_t pal__share_rank(const pal__plan *plan, uint32_t group);
char *pal__plan_text(const pal__plan *plan); /* plan_text.c: as far as it is filled in; NULL: no memory */
bool pal__plan_parts(const pal__plan *plan, pal_plan *parts); /* plan_parts.c, after place; false: no memory */
void pal__plan_parts_free(pal_context *context, pal_plan *parts);
/* The passes over a plan. False: no memory. */
bool pal__fuse(pal__plan *plan);
bool pal__schedule(pal__plan *plan);
bool pal__feed(pal__plan *plan);
bool pal__collect(pal__plan *plan);
size_t pal__sum_room(const pal__plan *plan, uint32_t loop, uint32_t sum); /* collect.c: bytes for the blocks of a sum */
bool pal__place(pal__plan *plan);
/* place.c: the bytes that a step needs for itself alone: scratch memory, or the arena of a region's body. */
bool pal__step_needs(const pal__plan *plan, uint32_t group, size_t *size);
typedef struct pal__block { /* a place in an arena, and what has it one after the other */
    size_t size, offset;
    uint32_t from, to; /* the positions in the schedule at which it is in use, both included */
} pal__block;
/* pack.c: lets the blocks overlap less, if they can. least: as in pal__plan; *top: the size of the arena. */
bool pal__pack(pal_context *context, pal__block *blocks, size_t n, size_t least, size_t *top);
/* The call of a kernel without its addresses, for what a descriptor decides before there are any. types: freed by
 * pal__types_free. False: no memory. */
bool pal__call_open(const pal__plan *plan, uint32_t id, pal__types *types, pal_call *call);
bool pal__loop_class(const pal_op *op);                                 /* runs inside fused loops */
bool pal__identity(const pal__plan *plan, uint32_t id, pal_shape loop); /* read at the loop's own index, directly */
#define PAL__ALIGN(n) (((n) + 63) & ~(size_t)63)

/* ---- Programs ------------------------------------------------------------------------------------------------- */

typedef struct pal__ref { /* a pointer into a leaf: set again by pal_bind */
    size_t next;          /* the next of the same leaf, by its number from 1 on; 0: no more */
    size_t offset;        /* bytes */
    const void **where;
} pal__ref;

typedef struct pal__bound { /* a leaf that the program reads or writes */
    pal_tensor *leaf;       /* as recorded: the key for pal_bind */
    const char *name;
    void *data;  /* now */
    size_t refs; /* the list of pointers into it */
} pal__bound;

typedef struct pal__load {
    const void *data;
    bool direct;   /* contiguous: the tile is read where it lies */
    bool constant; /* data is a tile of it, made when the program was */
    bool uniform;  /* one element serves all: spread once a task */
    bool fed;      /* the result of the kernel that this loop follows: in pieces, where the kernel has them */
    bool turned;   /* rows of the loop are columns where it lies: gathered for PAL__TURN_ROWS rows at once */
    size_t size;   /* bytes an element */
    size_t block;  /* turned: which of the loop's */
    int64_t stride[PAL_MAX_RANK];
} pal__load;

typedef struct pal__instr {
    pal_tile_fn fn;
    const pal_super *super; /* a superinstruction, instead of fn; NULL: none */
    pal_super_fn super_fn;
    const pal_params *params;
    uint8_t out[PAL_SUPER_OUTPUTS], in[PAL_SUPER_INPUTS], n_in, n_out;
    int16_t store[PAL_SUPER_OUTPUTS]; /* by output: the store that is written straight to memory; -1: none */
    const char *stream;               /* random */
    int64_t row;                      /* random: elements a sample */
    const int32_t *k[PAL__NEST];
} pal__instr;

typedef struct pal__store_to {
    void *data;
    size_t size;
    pal_dtype dtype;
    uint8_t reg;
    bool late; /* copied at the end of the tile, since a later instruction still reads what lies there */
} pal__store_to;

typedef struct pal__loop_sum { /* of what the loop computes, block by block; a block is a tile */
    uint8_t reg;
    pal_dtype dtype;
    char *blocks; /* of all results, one after the other */
    void *out;
} pal__loop_sum;

typedef struct pal__loop {
    int rank; /* after collapsing */
    int64_t dim[PAL_MAX_RANK];
    size_t count;
    pal__load *loads;
    pal__instr *instrs;
    pal__store_to *stores;
    size_t n_loads, n_instrs, n_stores, n_regs; /* registers 0 .. n_loads-1 are the loads' */
    pal__loop_sum *sums;
    size_t n_sums;
    size_t row, tiles; /* a tile begins with each row of so many elements, which has so many tiles; without sums: all */
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
    struct pal__step *next;      /* a kernel: the loop that takes its result; not a step of its own */
    pal_follow follow;           /* how the kernel reaches it */
    struct pal_program *program; /* of such a loop */
    const pal_op *op;            /* for messages and text */
    const char *scope;
    uint32_t origin; /* the entry of the user's tape that it ends in */
    double seconds;
    uint64_t runs;
} pal__step;

/* ---- Programs of several shards ------------------------------------------------------------------------------- */

/* A process runs the steps for each of its shards. The steps of the first one are pal_program.steps. */

/* Those of the caller; above them is a bit for each status with which a run fails. */
#define PAL__FLAGS UINT32_C(0xffff)

typedef struct pal__bucket { /* messages that go out together */
    pal__all *all;
    pal__combine how;
    pal_dtype dtype;
    size_t n;           /* elements */
    void *values;       /* of all messages; NULL: the one message lies in the arena */
    size_t first, last; /* the steps of its first and of its last message */
    size_t loop;        /* divided: the step that updates the part of this process; else 0 */
    void **whole;       /* divided: where the address is of the leaf that all need; NULL: there is none */
    size_t early;       /* divided: the update may run after so many steps of the program; 0: in its turn alone */
    bool under_way;
    bool updated; /* in this run, by its update */
} pal__bucket;

typedef struct pal__part { /* of a leaf; the bucket says which elements each process has */
    uint32_t bucket;
    void **data;
} pal__part;

typedef struct pal__message { /* by step: of a start or a wait */
    uint32_t bucket;
    size_t at, n; /* elements: where it begins in the bucket, and how many it has */
} pal__message;

typedef struct pal__shared { /* run_shards.c */
    const pal_communicator *communicator;
    int64_t first, local, rows; /* shards of this process; rows of one */
    pal__step **steps;          /* by shard of this process */
    uint8_t *part;              /* by step: pal__share_part */
    bool *once;                 /* by step: the first shard runs it for all */
    pal__message *message;      /* by step */
    size_t *at;                 /* by group of the plan: its step; while the program is made */
    pal__bucket *buckets;
    size_t *divided;  /* by step: the bucket whose part it updates, plus 1; 0: all of it, or it is no update */
    pal__part *parts; /* leaves that are kept in parts */
    size_t n_parts, n_divided;
    const void **values; /* room for one address of each shard */
    size_t n_buckets;
    size_t fence, effects; /* the first step behind all that can fail; the first that writes a leaf */
    pal__all *agreed;
    uint32_t raises, raised; /* flags of pal_program_raise; those of all processes, with how a run has failed */
    double waited;
} pal__shared;

/* For how many shards of this process a step is run. */
static inline double pal__shared_runs(const pal__shared *s, size_t step)
{
    return s->once[step] && s->part[step] != PAL__SHARE_START ? 1 : (double)s->local;
}

typedef struct pal__kept {
    const void *bytes;
    size_t size;
} pal__kept;

typedef struct pal__splatted { /* a tile full of a constant */
    double value;
    pal_dtype dtype;
    const void *tile;
} pal__splatted;

struct pal_program {
    pal_context *context;
    pal__step *steps;
    size_t n_steps;
    uint8_t *arena;
    size_t arena_size, arena_least; /* least: as in pal__plan */
    pal__bound *leaves;
    pal__table by_leaf; /* by the leaf's tensor: its place among the leaves, from 1 on */
    pal__ref *refs;
    pal_tensor *outputs;
    uint8_t *registers; /* register_bytes for each worker */
    size_t register_bytes;
    pal_noise noise;
    uint64_t row;         /* of the noise of the shard that runs now */
    int64_t emitted;      /* the shard of this process whose steps are made now */
    pal__shared *shared;  /* NULL: the batch is not cut */
    uint32_t flags, told; /* of pal_program_raise, where the batch is not cut: for the next run, of the last one */
    unsigned lanes;
    uint64_t barriers; /* of the last run */
    bool profile, check;
    void **blocks; /* everything else that was allocated, freed together */
    size_t n_leaves, cap_leaves, n_refs, cap_refs, n_outputs, n_blocks, cap_blocks;
    char *room; /* the rest of a block, for what is kept next */
    size_t left;
    pal__kept *kept; /* what steps share, each once */
    pal__splatted *splats;
    pal__table by_bytes, by_value;
    size_t n_kept, cap_kept, n_splats, cap_splats;
    char why[120]; /* what a kernel says when it fails */
    char error[512];
};

typedef struct pal__found { /* a superinstruction in a group */
    const pal_super *super;
    size_t member[PAL_SUPER_STEPS];   /* the members that are its steps */
    size_t last;                      /* of them: where it runs */
    uint32_t input[PAL_SUPER_INPUTS]; /* the ids that it reads */
} pal__found;

/* super.c: whether a superinstruction's last step is member `root`. at: by member, where it runs: itself, or where its
 * superinstruction does. */
bool pal__find_super(const pal__plan *plan, const pal__group *group, const size_t *at, size_t root, pal__found *found);

/* The place of an entry among the members of the loop that is being made, whose slots are set; SIZE_MAX: none. */
static inline size_t pal__member_of(const pal__plan *plan, const pal__group *group, uint32_t id)
{
    const size_t m = plan->slot[id];
    return m < group->n_members && group->members[m] == id ? m : SIZE_MAX;
}

/* emit_shards.c: makes the buckets of the messages, when the steps of all shards are there. False: no memory. */
bool pal__emit_shared(pal_program *program, const pal__plan *plan);
void pal__shared_free(pal_program *program);
/* divide.c: which updates the processes divide among themselves. False: no memory. */
bool pal__divide(pal_program *program, const pal__plan *plan);
void pal__run_elements(pal_program *program, const pal__step *step, size_t first, size_t n); /* run.c: of a loop */
pal_status pal__run_step(pal_program *program, pal__step *step);                             /* run.c */
pal_status pal__run_shared(pal_program *program, pal_status status);                         /* run_shards.c */
/* emit.c: the plan's groups as steps. False: the tape says why. */
bool pal__emit(pal_program *program, pal__plan *plan);
/* keep.c. Memory that lives as long as the program; NULL: no memory. */
void *pal__keep(pal_program *program, size_t size); /* zeros, aligned to 16 bytes, and to 64 from that size on */
const void *pal__keep_once(pal_program *program, const void *bytes, size_t size);    /* one copy of equal bytes */
const pal_params *pal__keep_numbers(pal_program *program, const pal_params *params); /* without the name */
const void *pal__splat(pal_program *program, pal_dtype dtype, double value);         /* a tile full of it */
/* program.c. */
/* Sets *where to the address `offset` bytes into a leaf, now and whenever the leaf is bound. False: no memory. */
bool pal__refer(pal_program *program, pal_tensor *leaf, const char *name, size_t offset, const void **where);
/* Sets *where to the address of entry id's elements, and remembers it if it lies in a leaf. */
bool pal__resolve(pal_program *program, const pal__plan *plan, uint32_t id, const void **where);
bool pal__emit_loop(pal_program *program, const pal__plan *plan, uint32_t group, pal__step *step); /* emit_loop.c */
void pal__run_loop(pal_program *program, const pal__step *step);
void pal__run_fed(void *step, size_t first, size_t n, const void *values,
                  unsigned worker); /* a pal_follow's function */
/* nan.c: fails if a result of this step, which has just run, has a NaN. */
pal_status pal__find_nan(pal_program *program, const pal__step *step);

#endif
