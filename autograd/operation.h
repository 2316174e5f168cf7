/* operation.h - what an operation is: for those who define one, in the library or in a file of their own.
 *
 * An operation is one constant descriptor. The engine never looks at its name: it reads the class and the capabilities,
 * asks the shape rule what the result is, records the adjoint rule's operations when differentiating, and calls the
 * kernel when running. Every operation has exactly one output. The registry of the library's own is ops/registry.c.
 */
#ifndef PAL_OPERATION_H
#define PAL_OPERATION_H

#include "autograd/autograd.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Parameters: compile-time constants of one recorded entry ------------------------------------------------- */

#define PAL_PARAM_INTS 14
typedef struct pal_params { /* unused fields are zero: all of it is hashed */
    int64_t i[PAL_PARAM_INTS];
    double r[2];
    const char *name; /* a stream's full name; interned by the tape */
} pal_params;

typedef enum pal_op_class {
    PAL_CLASS_LEAF,        /* storage from outside, or a placeholder without any */
    PAL_CLASS_CONSTANT,    /* one value everywhere: params.r[0] */
    PAL_CLASS_ELEMENTWISE, /* broadcasts; runs by tile kernel inside fused loops */
    PAL_CLASS_RANDOM,      /* like elementwise, from the element's index */
    PAL_CLASS_MOVEMENT,    /* elements at other places: a view folded into loads wherever strides can say it */
    PAL_CLASS_REDUCTION,
    PAL_CLASS_PRODUCT, /* divided into lanes */
    PAL_CLASS_INDEX,
    PAL_CLASS_REGION, /* owns a sub-tape */
    PAL_CLASS_EFFECT, /* writes its leaf after every reader of the old value */
    PAL_CLASS_OPAQUE,
    PAL_CLASS_COMPOSITE, /* a function over other operations: described and checked here, never recorded itself */
    PAL_CLASS_COUNT
} pal_op_class;

typedef enum pal_capability {
    PAL_CAN_FAIL = 1,    /* while running; scheduled before the first effect */
    PAL_OVERWRITES = 2,  /* the kernel may be given out == in[0], and prefers it */
    PAL_COMMUTATIVE = 4, /* of its two operands, bit for bit */
    PAL_TRANSPOSES = 8   /* params.i[0], i[1]: whether its last two operands are transposed */
} pal_capability;

typedef enum pal_derivative {
    PAL_NO_DERIVATIVE = 0, /* differentiating through it is an error that names the operation */
    PAL_HAS_RULE,
    PAL_ZERO_DERIVATIVE /* piecewise constant, or of an integer */
} pal_derivative;

typedef struct pal_op pal_op;

/* What shape rules see and fill in. On failure they return false with a short reason in why. */
typedef struct pal_infer {
    size_t n;
    const pal_shape *shapes;
    const pal_dtype *dtypes;
    const pal_params *params;
    pal_shape shape; /* result */
    pal_dtype dtype; /* result */
    char why[120];
} pal_infer;

/* What adjoint rules and rewrites see: one recorded entry. */
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

/* A tile kernel computes n elements (the buffers hold a multiple of PAL_TILE_PAD, and it may compute up to there). out
 * may equal any in[i] of the same element size. */
#define PAL_TILE     512
#define PAL_TILE_PAD 16
typedef struct pal_tile {
    const pal_params *params;
    uint64_t index;      /* row-major index of the first element, the noise's row offset included */
    uint64_t key, clock; /* of the noise stream, for PAL_CLASS_RANDOM */
} pal_tile;
typedef void (*pal_tile_fn)(size_t n, void *out, const void *const *in, const pal_tile *tile);

/* A whole-operation kernel. Operands are contiguous. */
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
    void *scratch; /* as many bytes as the descriptor's scratch asked for, 64-aligned */
    unsigned lanes;
    char *why; /* PAL_CAN_FAIL: a short reason, 120 bytes */
} pal_call;
typedef pal_status (*pal_kernel_fn)(const pal_call *call);

/* Runs task(argument, i) for i in 0 .. tasks-1 on the context's workers, in any order, and waits. */
typedef void (*pal_task_fn)(void *argument, size_t i, unsigned worker);
void pal_parallel(pal_context *context, size_t tasks, pal_task_fn task, void *argument);
/* A kernel calls BLAS between these two: one build of OpenBLAS cannot be called from two threads at once. */
void pal_blas_begin(const pal_context *context);
void pal_blas_end(const pal_context *context);
unsigned pal_worker_count(const pal_context *context);
pal_isa pal_kernel_isa(const pal_context *context);

/* ---- Test cases ----------------------------------------------------------------------------------------------- */

#define PAL_CASE_INPUTS 4
typedef struct pal_case { /* one way to call an operation, for the gradient checker */
    const char *label;
    size_t n;
    struct {
        pal_shape shape;
        double low, high; /* elements are drawn uniformly from here */
    } in[PAL_CASE_INPUTS];
    pal_var (*build)(pal_tape *tape, const pal_var *in, const void *user); /* any real shape */
    const void *user;
} pal_case;

/* ---- The descriptor ------------------------------------------------------------------------------------------- */

#define PAL_TEXT_(x) #x
#define PAL_TEXT(x)  PAL_TEXT_(x)
/* The head of a descriptor: its names, and where its formula stands. */
#define PAL_OP_HEAD(NAME, FORMULA, SUMMARY)                                                                            \
    .struct_size = sizeof(pal_op), .name = NAME, .formula = FORMULA, .summary = SUMMARY,                               \
    .source = __FILE__ ":" PAL_TEXT(__LINE__)

/* It must outlive every tape and program that uses it. An elementwise operation needs: struct_size, name, op_class,
 * arity, infer, derivative and vjp, tile[PAL_ISA_BASELINE] for each real type, and low < high for the checks (or cases
 * of its own; if it has parameters, sample too). Any other needs run instead of tile, and cases. A composite has cases
 * alone.
 * examples/operation.c. */
struct pal_op {
    size_t struct_size;
    const char *name, *formula, *summary;
    const char *source; /* "ops/elementwise.def:17", for reports; NULL: not told */
    pal_op_class op_class;
    int arity; /* -1: any number; elementwise: 1 to 3 */
    unsigned capabilities;
    int n_ints, n_reals; /* how many of params' numbers mean something (for text) */

    bool (*infer)(pal_infer *infer);

    pal_derivative derivative[3]; /* of each operand; ask pal_op_derivative, which knows of more operands */
    pal_var (*vjp)(const pal_rule *rule, size_t operand); /* may have the broadcast shape: the engine sums */
    /* Where it is not differentiable: a boolean whose change between x-h and x+h means a kink. NULL: smooth. */
    pal_var (*decision)(const pal_rule *rule);

    /* Optional rewrites while compiling; a value with the same bits (rounding: may round otherwise), or a bad handle
     * for "not applicable". absorb is asked of operand k's operation, about its only reader: rule describes the reader.
     */
    pal_var (*rewrite)(const pal_rule *rule, bool rounding);
    pal_var (*absorb)(const pal_rule *consumer, size_t k, bool rounding);

    /* PAL_CLASS_MOVEMENT: strides and offset (elements) of the result within its operand's storage, given the operand's
     * strides; false: the operand must be made contiguous first. */
    bool (*view)(const pal_shape *in, const pal_shape *out, const pal_params *params, const int64_t *in_stride,
                 int64_t *out_stride, int64_t *offset);
    /* PAL_CLASS_ELEMENTWISE and _RANDOM: by instruction set and the type of the last operand (random: of the result);
     * NULL entries fall back to the baseline's. */
    pal_tile_fn tile[PAL_ISA_COUNT][PAL_DTYPE_COUNT];
    /* All others. */
    pal_kernel_fn run;
    size_t (*scratch)(const pal_call *call); /* bytes; in, out and scratch are not set yet; NULL: none */

    const pal_case *cases;
    size_t n_cases;
    double low[3], high[3];   /* PAL_CLASS_ELEMENTWISE: the sampled domain of each operand, away from poles */
    const pal_params *sample; /* the parameters that the cases made of the domain record it with; NULL: zeros */
};

/* Whether there is a derivative by operand k. derivative[2] serves all operands from the third on; derivative[0] serves
 * all operands of an operation that takes any number (arity -1). */
pal_derivative pal_op_derivative(const pal_op *op, size_t k);
/* Where the formula stands, "ops/index.c:12": the last two parts of its path, without the build folder's; "": not told.
 */
const char *pal_op_source(const pal_op *op);

/* ---- Recording ------------------------------------------------------------------------------------------------ */

/* Appends one entry. params may be NULL (all zero). The operands' tape is used; with n = 0 give the tape. */
pal_var pal_record(pal_tape *tape, const pal_op *op, const pal_var *in, size_t n, const pal_params *params);

/* A random operation on a named stream: the scopes' path is put before the name; a stream asked for twice on one tape
 * is an error. Inside a map_sum the noise differs for each k. */
pal_var pal_record_random(pal_tape *tape, const pal_op *op, const char *stream, pal_shape shape, pal_dtype dtype);

/* pal_options_read of an operation's options, or of its descriptor. False: they were refused, and the tape says why. */
bool pal_tape_options(pal_tape *tape, void *to, const void *given, size_t size, size_t first, const char *what);

const pal_op *pal_op_of(pal_var v); /* NULL for a bad handle */
const pal_params *pal_params_of(pal_var v);
size_t pal_operand_count(pal_var v);
pal_var pal_operand(pal_var v, size_t i);
const char *pal_scope_of(pal_var v);       /* "encoder/fc1"; "": none, or a bad handle; lives as long as the tape */
bool pal_is_fill(pal_var v, double value); /* a constant with exactly this value (and sign of zero) */

/* Shape rules that many share. */
bool pal_infer_same(pal_infer *infer); /* operands of one real type, broadcast */
bool pal_infer_fail(pal_infer *infer, const char *why);

extern const pal_op pal__op_leaf, pal__op_placeholder, pal__op_index, pal__op_assign, pal__op_map_sum;
extern const pal_op pal__op_add, pal__op_fill, pal__op_sum_to, pal__op_broadcast_to, pal__op_stop_gradient,
    pal__op_copy;

#ifdef __cplusplus
}
#endif
#endif
