/* operation.h - the interface for defining an operation, in the library or in a file of your own.
 *
 * An operation is one constant descriptor. The engine never looks at its name. It reads the class and the capabilities,
 * asks the shape rule for the shape and type of the result, records the operations of the adjoint rule to
 * differentiate, and calls the kernel to run. Every operation has exactly one output. ops/registry.c lists the
 * library's operations.
 */
#ifndef PAL_OPERATION_H
#define PAL_OPERATION_H

#include "autograd/autograd.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* ---- Parameters: compile-time constants of one recorded entry ------------------------------------------------- */

#define PAL_PARAM_INTS 14
typedef struct pal_params { /* unused fields must be zero, since the whole struct is hashed */
    int64_t i[PAL_PARAM_INTS];
    double r[2];
    const char *name; /* full name of a stream or leaf; interned by the tape */
} pal_params;

typedef enum pal_op_class {
    PAL_CLASS_LEAF,        /* external storage, or a placeholder without storage */
    PAL_CLASS_CONSTANT,    /* params.r[0] in every element */
    PAL_CLASS_ELEMENTWISE, /* broadcasts its operands; a tile kernel runs it inside fused loops */
    PAL_CLASS_RANDOM,      /* like elementwise, but computed from the index of the element */
    PAL_CLASS_MOVEMENT,    /* moves elements: a view that is folded into loads if strides can express it */
    PAL_CLASS_REDUCTION,   /* fewer elements than its operand: sums, extremes, norms */
    PAL_CLASS_PRODUCT,     /* divided into lanes */
    PAL_CLASS_INDEX,       /* elements that operands select: gather, scatter, sort, pooling */
    PAL_CLASS_REGION,      /* owns a sub-tape */
    PAL_CLASS_EFFECT,      /* writes its leaf, after all readers of the old value have run */
    PAL_CLASS_OPAQUE,      /* anything else with a kernel: factors, solves */
    PAL_CLASS_COMPOSITE,   /* a function that records other operations: described for checks, never recorded itself */
    PAL_CLASS_COUNT
} pal_op_class;

typedef enum pal_capability {
    PAL_CAN_FAIL = 1,      /* may fail at run time; scheduled before the first effect */
    PAL_OVERWRITES = 2,    /* the kernel accepts out == in[0] and prefers it */
    PAL_COMMUTATIVE = 4,   /* swapping its two operands does not change a bit of the result */
    PAL_TRANSPOSES = 8,    /* params.i[0] and i[1]: whether its last two operands are transposed */
    PAL_ABSORBS_EACH = 16, /* absorb is called for each reader, however many the value has */
    /* Only moves, repeats, negates or converts values: drawings show it on an edge. A reduction with it is shown so
     * only in backward passes, where it undoes a broadcast. */
    PAL_PLUMBING = 32
} pal_capability;

typedef enum pal_derivative {
    PAL_NO_DERIVATIVE = 0, /* differentiation fails with an error that names the operation */
    PAL_HAS_RULE,
    PAL_ZERO_DERIVATIVE /* piecewise constant in this operand, or the operand is an integer */
} pal_derivative;

typedef struct pal_op pal_op;

/* What a shape rule reads and fills in. A rule that fails returns false and writes a short reason to why. */
typedef struct pal_infer {
    size_t n;
    const pal_shape *shapes;
    const pal_dtype *dtypes;
    const pal_params *params;
    pal_shape shape; /* result */
    pal_dtype dtype; /* result */
    char why[120];
} pal_infer;

/* What adjoint rules, decisions and rewrites receive: one recorded entry. */
typedef struct pal_rule {
    pal_tape *tape;
    const pal_op *op;
    const pal_params *params;
    const pal_var *in;
    size_t n;
    pal_var out;  /* the entry's own value (adjoint rules and decisions only) */
    pal_var seed; /* the adjoint of out (adjoint rules only) */
} pal_rule;

/* ---- Kernels -------------------------------------------------------------------------------------------------- */

typedef enum pal_isa { PAL_ISA_BASELINE, PAL_ISA_AVX2, PAL_ISA_AVX512, PAL_ISA_COUNT } pal_isa;

/* A tile kernel computes n elements. The buffers have room for n rounded up to a multiple of PAL_TILE_PAD, and the
 * kernel may compute that many. out may be the same buffer as any in[i] with the same element size. */
#define PAL_TILE     512
#define PAL_TILE_PAD 16
typedef struct pal_tile {
    const pal_params *params;
    uint64_t index;      /* row-major index of the first element, including the row offset of the noise */
    uint64_t key, clock; /* PAL_CLASS_RANDOM: those of the noise stream */
} pal_tile;
typedef void (*pal_tile_fn)(size_t n, void *out, const void *const *in, const pal_tile *tile);

/* A superinstruction: several elementwise operations as one kernel, which goes through memory once. The compiler
 * replaces such operations in a loop by it. The kernel must give the bits of the operations: it computes the same
 * expressions one after the other. All values have one real type. */
#define PAL_SUPER_INPUTS  10
#define PAL_SUPER_STEPS   16
#define PAL_SUPER_OUTPUTS 3
/* n as for a tile kernel. out[k] may be the same buffer as any in[i]. */
typedef void (*pal_super_fn)(size_t n, void *const *out, const void *const *in);
typedef struct pal_super_step {
    const char *op; /* an operation without parameters */
    uint8_t in[3];  /* below n_in: an input; from there on: an earlier step */
} pal_super_step;
typedef struct pal_super {
    const char *name, *formula;
    size_t n_in, n_steps, n_out;
    pal_super_step step[PAL_SUPER_STEPS]; /* the last one is the operation whose descriptor has this */
    uint8_t out[PAL_SUPER_OUTPUTS];       /* the steps whose values are kept; the others have no other reader */
    pal_super_fn tile[PAL_ISA_COUNT][2];  /* by type: float32, float64 */
} pal_super;

/* Takes the elements first .. first+n-1 of a result, in row-major order, that lie at `values` for the moment. Meanwhile
 * it reads or writes element i of each of `beside` at *data + i * size. A kernel may ask the caches for them before. */
#define PAL_FOLLOW_BESIDE 4
typedef struct pal_follow {
    void (*take)(void *user, size_t first, size_t n, const void *values, unsigned worker);
    void *user;
    struct pal_follow_beside {
        const void *const *data; /* which pal_bind may change */
        size_t size;
    } beside[PAL_FOLLOW_BESIDE];
    size_t n_beside;
} pal_follow;

/* A kernel that computes a whole operation. Its operands are contiguous. */
typedef struct pal_call {
    pal_context *context;
    const pal_params *params;
    size_t n;
    const void *const *in;
    const pal_shape *in_shape;
    const pal_dtype *in_dtype;
    void *out;
    pal_shape shape;
    pal_dtype dtype;
    void *scratch; /* as many bytes as the descriptor's scratch function returned, 64-byte aligned */
    unsigned lanes;
    char *why; /* PAL_CAN_FAIL: room for a short reason, 120 bytes */
    /* If it is set, `out` is NULL. The kernel hands each piece of the result to it, from any worker, instead of storing
     * it. Only for calls for which the descriptor's function `feeds` returned true. */
    const pal_follow *follow;
} pal_call;
typedef pal_status (*pal_kernel_fn)(const pal_call *call);

/* Runs task(argument, i, worker) for i in 0 .. tasks-1 on the context's workers, in any order, and waits for all. */
typedef void (*pal_task_fn)(void *argument, size_t i, unsigned worker);
void pal_parallel(pal_context *context, size_t tasks, pal_task_fn task, void *argument);
/* A task that takes long calls it every some microseconds: worker 0 then helps messages of other processes along. */
void pal_parallel_look(const pal_context *context, unsigned worker);
/* A kernel must call BLAS between these two, since the serial build of OpenBLAS is not safe on two threads at once. */
void pal_blas_begin(const pal_context *context);
void pal_blas_end(const pal_context *context);
/* Code that is not a kernel calls BLAS or LAPACK between these two, on any thread. BLAS then uses one thread, so that
 * the bits do not depend on the machine, and no kernel's product runs at the same time where BLAS allows only one. Each
 * enter needs its leave, with the number that enter returned. A kernel must not call them: pal_run has entered already.
 * enter returns -1 if OpenBLAS finds no memory for its buffers: then there is no leave. */
int pal_blas_enter(const pal_context *context);
void pal_blas_leave(const pal_context *context, int entered);
unsigned pal_worker_count(const pal_context *context);
pal_isa pal_kernel_isa(const pal_context *context);

/* ---- What the steps of a program cost, and what the machine can do -------------------------------------------- */

typedef struct pal_program_step {
    const char *name;  /* a kernel's operation; of a fused loop the superinstruction, or else the last operation */
    const char *then;  /* the same of a loop that takes a kernel's result piece by piece; NULL: none */
    const char *scope; /* "": none */
    const pal_op *op;  /* the operation that it ends in */
    const pal_params *params;
    size_t n; /* a kernel's operands; 0 for a fused loop */
    const pal_shape *in;
    pal_shape shape;
    double bytes;   /* that one run reads and writes, each operand and each result once */
    double seconds; /* of all runs; 0 unless the program was compiled with .profile */
    uint64_t runs;
} pal_program_step;
/* Step i of a program, those in the body of a region after the region, whose time is without them. The texts and shapes
 * live as long as the program. False: there are not so many. */
bool pal_program_step_at(const pal_program *program, size_t i, pal_program_step *out);
size_t pal_program_memory(const pal_program *program); /* bytes of its temporaries and of the leaves that it uses */

typedef struct pal_speed {
    double flops; /* operations a second in float32, where a multiply-add is two */
    double bytes; /* read and written a second */
} pal_speed;
/* Measures the context's workers for some hundredths of a second: multiply-adds on registers, and copies within a block
 * of so many bytes, which has to be at least 1 MiB. PAL_ERR_ARGUMENT, PAL_ERR_MEMORY. */
pal_status pal_context_speed(pal_context *context, size_t bytes, pal_speed *out);

/* ---- What a program is made of -------------------------------------------------------------------------------- */

/* clang-format off */
typedef enum pal_plan_kind {
    PAL_PLAN_LOOP,   /* elementwise operations, fused */
    PAL_PLAN_KERNEL, /* one operation that has a kernel */
    PAL_PLAN_REGION  /* a body that runs several times (pal_map_sum, pal_recompute) */
} pal_plan_kind;
/* clang-format on */

typedef struct pal_plan_step {
    pal_plan_kind kind;
    /* First n_own operations of the step itself; then n_then of the loop that takes the result of a kernel piece by
     * piece; then n_sums that a loop makes on its way. */
    const pal_op *const *ops;
    size_t n_own, n_then, n_sums;
    const char *scope; /* "": none */
    unsigned order;    /* of derivative: the highest of these operations */
    int64_t terms;     /* of a region: how often its body runs; else 0 */
    size_t n_body;     /* of a region: the steps of its body, with those of regions in it; else 0 */
} pal_plan_step;

typedef struct pal_plan_place { /* a part of the arena that holds one value from one step to another */
    const pal_op *op;           /* NULL: memory that one step needs for itself alone */
    uint32_t number;            /* of the value in the texts of the passes: %number */
    unsigned order;             /* of derivative */
    size_t offset, bytes;       /* bytes: a multiple of 64 */
    size_t first, last;         /* the step that writes the value, and the last that reads it */
    size_t over;                /* the place of the operand over which it is written, from 1 on; 0: none */
    size_t output;              /* the first output that it is, from 1 on; such a value stays to the end. 0: none */
} pal_plan_place;

/* A program before it gets addresses: what the pass "place" has made, in pal_trace. Regions are steps; what is in their
 * bodies is not told. Leaves have memory of their own, and so have no place here. */
typedef struct pal_plan {
    const pal_plan_step *steps; /* in the order of execution */
    size_t n_steps;
    const pal_plan_place *places; /* in the order in which they are written */
    size_t n_places;
    const pal_op *const *ops; /* those of all steps */
    size_t arena, least;      /* its bytes, and the most that are in use at one step */
} pal_plan;

/* ---- A drawing with places ------------------------------------------------------------------------------------ */

/* clang-format off */
typedef enum pal_graph_look {
    PAL_GRAPH_OPERATION,
    PAL_GRAPH_PARAMETER,
    PAL_GRAPH_INPUT,
    PAL_GRAPH_NOISE,
    PAL_GRAPH_CONSTANT,
    PAL_GRAPH_INDEX,     /* that counts the terms of a region */
    PAL_GRAPH_REGION,
    PAL_GRAPH_EFFECT,
    PAL_GRAPH_CLOSED,    /* a scope as one node */
    PAL_GRAPH_SCOPE,     /* the box of a scope, around its nodes */
    PAL_GRAPH_BODY,      /* the box of the body of a region */
    PAL_GRAPH_LABEL,     /* the name and the shape of a value, beside its curve: letters alone */
    PAL_GRAPH_LOOKS
} pal_graph_look;
/* clang-format on */

typedef struct pal_graph_run {       /* a piece of a label, in one kind of letters */
    const char *text;                /* UTF-8 without control characters */
    double size;                     /* of the font: 11, or smaller */
    bool bold, italic, raised, ends; /* raised: a superscript. ends: the last of its line */
} pal_graph_run;

typedef struct pal_graph_item {
    pal_graph_look look;
    unsigned order; /* of derivative, as in the colours: 0, 1, or 2 for more */
    bool output;
    double x, y, width, height; /* upper left corner; y grows downwards; the unit is that of `size` */
    const pal_graph_run *runs;  /* of a node, in its middle; of a box, its title at the upper left */
    size_t n_runs;
} pal_graph_item;

typedef struct pal_graph_point {
    double x, y;
} pal_graph_point;

typedef struct pal_graph_curve {   /* from the value to its reader */
    unsigned order;                /* of the reader */
    bool kept;                     /* what a later pass reads again, or between passes: a line over the rest */
    bool effect, captured;         /* to the leaf that an effect writes; into a region */
    const pal_graph_point *points; /* of cubic curves: begin, two control points, end, two control points, end ... */
    size_t n_points;               /* 1, and 3 for each piece */
} pal_graph_curve;

/* A drawing: items, boxes before what is inside and labels last, and curves. */
typedef struct pal_graph_drawn {
    double width, height;
    const char *title; /* NULL: none */
    const pal_graph_item *items;
    size_t n_items;
    const pal_graph_curve *curves;
    size_t n_curves;
    const char *fill[3], *line[3]; /* colours of the orders of derivative, such as "#dcebf9" */
    pal_context *context;
} pal_graph_drawn;

/* Draws what pal_graph_text draws, with a place for each node, box and curve, for writers of other formats. width: of a
 * text in letters of size 1; NULL: about that of Helvetica. Returns NULL as pal_graph_text does. */
pal_graph_drawn *pal_graph_draw(pal_tape *tape, const pal_var *outputs, size_t n, const pal_graph_options *options,
                                double (*width)(const char *text, bool bold));
void pal_graph_drawn_free(pal_graph_drawn *drawn);

/* ---- Test cases ----------------------------------------------------------------------------------------------- */

#define PAL_CASE_INPUTS 4
typedef struct pal_case { /* one way to call an operation, for the gradient checker */
    const char *label;
    size_t n;
    struct {
        pal_shape shape;
        double low, high; /* elements are drawn uniformly from this range */
    } in[PAL_CASE_INPUTS];
    pal_var (*build)(pal_tape *tape, const pal_var *in, const void *user); /* returns a real value of any shape */
    const void *user;
} pal_case;

/* ---- The descriptor ------------------------------------------------------------------------------------------- */

#define PAL_TEXT_(x) #x
#define PAL_TEXT(x)  PAL_TEXT_(x)
/* The first fields of a descriptor: its texts, and the source line of its formula. */
#define PAL_OP_HEAD(NAME, FORMULA, SUMMARY)                                                                            \
    .struct_size = sizeof(pal_op), .name = NAME, .formula = FORMULA, .summary = SUMMARY,                               \
    .source = __FILE__ ":" PAL_TEXT(__LINE__)

/* A descriptor must outlive every tape and program that uses it. An elementwise operation needs struct_size, name,
 * op_class, arity, infer, derivative, vjp and tile[PAL_ISA_BASELINE] for each real type. For the checks it needs
 * low < high, and sample if it has parameters; or else cases. Other operations need run instead of tile, and cases. A
 * composite needs only cases. examples/operation.c is a complete example. */
struct pal_op {
    size_t struct_size;
    const char *name, *formula, *summary;
    const char *source; /* for reports, such as "ops/elementwise.def:17"; NULL: unknown */
    pal_op_class op_class;
    int arity; /* -1: any number; elementwise: 1 to 3 */
    unsigned capabilities;
    int n_ints, n_reals; /* how many numbers of params the operation uses; a text of the tape shows these */

    bool (*infer)(pal_infer *infer);

    pal_derivative derivative[3]; /* by operand; read it with pal_op_derivative, which covers further operands, too */
    pal_var (*vjp)(const pal_rule *rule, size_t operand); /* may return the broadcast shape: the engine then sums */
    /* For operations with kinks: records a boolean that changes between x-h and x+h across a kink. NULL: smooth. */
    pal_var (*decision)(const pal_rule *rule);

    /* Optional rewrites at compile time. Each returns a value with the same bits, or a bad handle if it does not apply.
     * With `rounding` set, the value may be rounded differently. rewrite replaces an entry of this operation. absorb
     * replaces an entry that reads this operation as its operand k: the rule describes that reader. It is called if the
     * operand has no other reader, is a movement, or has PAL_ABSORBS_EACH. */
    pal_var (*rewrite)(const pal_rule *rule, bool rounding);
    pal_var (*absorb)(const pal_rule *consumer, size_t k, bool rounding);

    /* PAL_CLASS_MOVEMENT: computes the strides and the offset of the result within the storage of its operand, from the
     * strides of the operand, all in elements. False: the operand must be made contiguous first. */
    bool (*view)(const pal_shape *in, const pal_shape *out, const pal_params *params, const int64_t *in_stride,
                 int64_t *out_stride, int64_t *offset);
    /* PAL_CLASS_ELEMENTWISE and _RANDOM: by instruction set and by the type of the last operand (_RANDOM: of the
     * result). NULL entries fall back to the baseline. */
    pal_tile_fn tile[PAL_ISA_COUNT][PAL_DTYPE_COUNT];
    /* All other classes. */
    pal_kernel_fn run;
    size_t (*scratch)(const pal_call *call); /* bytes; the call's in, out and scratch are not set yet; NULL: 0 bytes */

    const pal_case *cases;
    size_t n_cases;
    double low[3], high[3];   /* PAL_CLASS_ELEMENTWISE: the domain that checks sample, by operand, away from poles */
    const pal_params *sample; /* the parameters in the cases that are made from this domain; NULL: zeros */
    const pal_super *const *super; /* superinstructions that may end in this operation, up to NULL; NULL: none */
    /* Whether the kernel can hand over its result piece by piece (pal_call.follow); NULL: never. The call's in, out,
     * scratch and follow are not set. */
    bool (*feeds)(const pal_call *call);
    /* Records the operation for all terms of a region at once: a result of the shape `all`, which is [terms, 1, .., 1],
     * followed by the axes of a result of the shape `term`. The operands whose bit is set in `which` have as many axes
     * and begin with the terms, too; the index of a term is then a range. The others are equal in all terms. A bad
     * handle: not possible. NULL: never, except for elementwise operations, which need no rule. */
    pal_var (*batch)(const pal_rule *rule, unsigned which, pal_shape term, pal_shape all);
};

/* Whether there is a derivative by operand k. derivative[2] applies to all operands from the third on; derivative[0]
 * applies to all operands of an operation that takes any number of them (arity -1). */
pal_derivative pal_op_derivative(const pal_op *op, size_t k);
/* File and line of the formula, such as "ops/index.c:12": the last two parts of the path. "": unknown. */
const char *pal_op_source(const pal_op *op);

/* ---- Recording ------------------------------------------------------------------------------------------------ */

/* Appends one entry. params may be NULL: all zero. tape may be NULL if there are operands: their tape is used. */
pal_var pal_record(pal_tape *tape, const pal_op *op, const pal_var *in, size_t n, const pal_params *params);

/* Records a random operation on a named stream. The full name of the stream begins with the path of the current scope.
 * Drawing from a stream twice on one tape is an error. Inside a map_sum the noise differs for each k. */
pal_var pal_record_random(pal_tape *tape, const pal_op *op, const char *stream, pal_shape shape, pal_dtype dtype);

/* pal_options_read for the options or the descriptor of an operation. False: refused; pal_tape_error has the reason. */
bool pal_tape_options(pal_tape *tape, void *to, const void *given, size_t size, size_t first, const char *what);

const pal_op *pal_op_of(pal_var v); /* NULL for a bad handle */
const pal_params *pal_params_of(pal_var v);
size_t pal_operand_count(pal_var v);
pal_var pal_operand(pal_var v, size_t i);
const char *pal_scope_of(pal_var v);       /* "encoder/fc1"; "": no scope or a bad handle; lives as long as the tape */
bool pal_is_fill(pal_var v, double value); /* a constant with these bits: -0 is not 0 */

/* For shape rules. */
bool pal_infer_same(pal_infer *infer);                  /* a whole rule: operands of one real type, broadcast */
bool pal_infer_fail(pal_infer *infer, const char *why); /* stores the reason, returns false */

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
