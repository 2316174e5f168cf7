/* autograd.h - the tape: record, differentiate, compile and run a computation.
 *
 * Calling an operation computes nothing: it appends an entry to a tape (a Wengert list). pal_grad appends the adjoint
 * operations to the same tape, so a derivative can be differentiated again. pal_compile turns the part of the tape that
 * the outputs need into a program: a straight list of kernel calls at fixed addresses. pal_run executes the program and
 * allocates nothing.
 *
 * Conventions of every function here:
 *   - Shapes are row-major with up to PAL_MAX_RANK axes, the sample axis first. Broadcasting follows NumPy.
 *   - Errors are sticky. An operation that receives a bad handle, or operands that do not fit, returns a bad handle
 *     (id 0), and the tape keeps the first failure (pal_tape_error). pal_compile refuses a tape that has failed. The
 *     library never prints or exits.
 *   - Each _new and _compile function has one matching _free function, which accepts NULL.
 *   - Option structs begin with struct_size and are written with designated initialisers. NULL means the defaults. A
 *     struct_size that this library does not support is refused (pal_options_read).
 *   - One thread at a time may use a tape or a program. Different threads may use different tapes and programs at the
 *     same time if their contexts differ.
 *   - Below a heading that begins with `Host:` are calls around a recording. All others may be called while something
 *     is recorded, so in a variant too: docs/functions.md lists them, also those of ops.h and models.h.
 */
#ifndef PAL_AUTOGRAD_H
#define PAL_AUTOGRAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "autograd/version.h"

#pragma GCC visibility push(                                                                                           \
    default) /* the libraries are built with hidden symbols: only these declarations leave them */
#ifdef __cplusplus
extern "C" {
#endif

/* ---- Host: status and errors ---------------------------------------------------------------------------------- */

#define PAL_STATUS_MAP(X)                                                                                              \
    X(OK, "ok")                                                                                                        \
    X(ERR_MEMORY, "out of memory")                                                                                     \
    X(ERR_ARGUMENT, "bad argument")                                                                                    \
    X(ERR_SHAPE, "shapes do not fit")                                                                                  \
    X(ERR_TYPE, "element types do not fit")                                                                            \
    X(ERR_DERIVATIVE, "no derivative")                                                                                 \
    X(ERR_TAPE, "bad handle or handle of another tape")                                                                \
    X(ERR_NUMERIC, "numerical failure")                                                                                \
    X(ERR_IO, "input or output failed")                                                                                \
    X(ERR_FORMAT, "malformed data")                                                                                    \
    X(ERR_EXISTS, "already exists")                                                                                    \
    X(ERR_STOPPED, "stopped by the caller")                                                                            \
    X(ERR_PEER, "another process has ended")

typedef enum pal_status {
#define PAL_ROW(name, text) PAL_##name,
    PAL_STATUS_MAP(PAL_ROW)
#undef PAL_ROW
        PAL_STATUS_COUNT
} pal_status;

/* The text of a status, a constant string; "unknown status" for a number out of range. */
const char *pal_status_text(pal_status status);

/* The error of functions that do not work on a tape: a status and a message of one line. Every such function takes a
 * pointer to it, which may be NULL. The function fills it in on failure and leaves it unchanged on success. */
typedef struct pal_error {
    pal_status status;
    char text[512];
} pal_error;

/* Stores the status and the formatted message, and returns the status: `return pal_error_set(err, PAL_ERR_IO, ...)`.
 * Names in the message may come from a file: it is stored as pal_text_clean writes it. */
pal_status pal_error_set(pal_error *err, pal_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Copies n bytes of a text that may come from a file, so that it can be printed on a terminal. What a terminal would
 * obey instead of showing it becomes visible: controls as "\n" or "\x1b", other code points that control or turn the
 * direction of a text as "\u009b", bytes that are not UTF-8 as "\xff". All other characters stay. The copy ends with a
 * NUL, and is cut after a whole character if `size` is too small. Returns its length. out NULL or size 0: nothing is
 * written. */
size_t pal_text_clean(char *out, size_t size, const char *text, size_t n);

/* Copies an option struct over the defaults. The first field of both structs is struct_size, a size_t.
 *   to     the defaults, of this version's size; NULL: only check
 *   given  the caller's struct; NULL: all defaults. A caller that was compiled with an older version passes a smaller
 *          struct, and the fields that it lacks keep their defaults
 *   size   the size of the struct in this version of the library
 *   first  its size in the first version
 *   what   the begin of the error message
 * PAL_ERR_ARGUMENT, and *to is unchanged: struct_size is below `first` or above `size`. */
pal_status pal_options_read(void *to, const void *given, size_t size, size_t first, const char *what, pal_error *err);

/* ---- Element types and shapes --------------------------------------------------------------------------------- */

typedef enum pal_dtype {
    PAL_F32,
    PAL_F64,
    PAL_I32,
    PAL_U8,
    PAL_BOOL, /* one byte, 0 or 1 */
    PAL_BF16, /* reserved: no operation accepts it yet */
    PAL_DTYPE_COUNT
} pal_dtype;

size_t pal_dtype_size(pal_dtype dtype);      /* bytes per element; 0 for a value out of range */
const char *pal_dtype_name(pal_dtype dtype); /* "f32", ... */
bool pal_dtype_real(pal_dtype dtype);        /* whether values of this type have derivatives */

#define PAL_MAX_RANK 6

typedef struct pal_shape {
    int32_t rank; /* number of axes; 0: a scalar */
    int64_t dim[PAL_MAX_RANK];
} pal_shape;

/* PAL_SHAPE(128, 784); a scalar is PAL_SCALAR. */
#ifdef __cplusplus
extern "C++" {
template <class... Size> constexpr pal_shape pal_shape_of_sizes(Size... sizes)
{
    return pal_shape{(int32_t)sizeof...(sizes), {(int64_t)sizes...}};
}
}
#define PAL_SHAPE(...) pal_shape_of_sizes(__VA_ARGS__)
#define PAL_SCALAR     (pal_shape{})
#else
#define PAL_SHAPE(...)                                                                                                 \
    ((pal_shape){.rank = (int32_t)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), .dim = {__VA_ARGS__}})
#define PAL_SCALAR ((pal_shape){.rank = 0})
#endif

int64_t pal_shape_count(pal_shape shape); /* number of elements; -1: a bad rank, a negative dimension or overflow */
bool pal_shape_equal(pal_shape a, pal_shape b); /* the same rank and the same dimensions */
bool pal_shape_broadcast(pal_shape a, pal_shape b,
                         pal_shape *out); /* false: they do not fit; out NULL: only the check */
/* Writes the shape to buf, which needs at least 96 bytes, as in "[128,784]". Returns buf; buf NULL: "". */
const char *pal_shape_text(pal_shape shape, char *buf, size_t size);

/* ---- Host: context -------------------------------------------------------------------------------------------- */

/* The thread pool, the kernels for this processor, the BLAS set-up and the allocator. */
typedef struct pal_context pal_context;

typedef struct pal_context_options {
    size_t struct_size;
    unsigned threads; /* up to 1024; 0: one per processor that this process may run on */
    bool unpinned;    /* do not tie each worker to a processor */
    const char *isa;  /* "baseline", "avx2", "avx512"; NULL: the best that the processor has */
    void *(*allocate)(size_t size, void *user); /* NULL: calloc and free */
    void (*release)(void *block, void *user);
    void *user;
    /* Keep subnormal numbers while programs run, as IEEE 754 does. Otherwise they count as zeros: where they appear, a
     * program would be several times slower. */
    bool subnormals;
    size_t max_memory; /* bytes that may be in use at the same time; an allocation beyond them fails. 0: no limit */
    /* For estimates: memory is counted as always, but a large block is only a range of addresses, which takes no memory
     * until it is written, and models get no initial weights. Do not run programs of such a context. */
    bool dry;
    unsigned lanes; /* what 0 lanes mean in this context (pal_compile_options), up to 4096; 0: its threads */
} pal_context_options;

/* NULL on failure: out of memory, threads cannot be created, isa, lanes or struct_size not supported. */
pal_context *pal_context_new(const pal_context_options *options);
void pal_context_free(pal_context *context);
unsigned pal_context_threads(const pal_context *context);
unsigned pal_context_lanes(const pal_context *context); /* of a program that is compiled with 0 lanes */
const char *pal_context_isa(const pal_context *context);
/* Bytes that are in use now. *peak: the most at any time so far; may be NULL. Tensors, tapes and programs count; what
 * BLAS, the C library and the caller take for themselves does not. */
size_t pal_context_memory(const pal_context *context, size_t *peak);
/* Bytes that can still be allocated below max_memory; SIZE_MAX: there is no limit. */
size_t pal_context_room(const pal_context *context);
bool pal_context_subnormals(const pal_context *context);    /* whether programs keep subnormal numbers */
const char *pal_context_blas(const pal_context *context);   /* "OpenBLAS 0.3.21 Haswell, pthread and own kernels" */
const char *pal_context_advice(const pal_context *context); /* one line on a faster set-up; NULL: no advice */

/* ---- Host: tensors -------------------------------------------------------------------------------------------- */

typedef struct pal_tensor { /* do not change the fields; the elements of data may be changed */
    void *data;
    pal_shape shape;
    pal_dtype dtype;
    bool owned; /* data is freed together with the tensor */
    pal_context *context;
} pal_tensor;

pal_tensor *pal_tensor_new(pal_context *context, pal_dtype dtype, pal_shape shape); /* zeros, 64-byte aligned */
pal_tensor *pal_tensor_wrap(pal_context *context, pal_dtype dtype, pal_shape shape, void *data); /* data is borrowed */
void pal_tensor_free(pal_tensor *tensor);
size_t pal_tensor_count(const pal_tensor *tensor); /* elements */
size_t pal_tensor_bytes(const pal_tensor *tensor);
double pal_tensor_get(const pal_tensor *tensor, size_t i); /* element i in row-major order, as double */
/* Sets element i. The real types round the value; a bool becomes whether it is not 0; an integer type takes a whole
 * number in its range. False: nothing was changed, because there is no element i, or its type does not hold the value.
 */
bool pal_tensor_set(pal_tensor *tensor, size_t i, double value);
/* The number of elements before the first that is NaN or infinite; pal_tensor_count(tensor): there is none. */
size_t pal_tensor_finite(const pal_tensor *tensor);

/* ---- Host: tape ----------------------------------------------------------------------------------------------- */

typedef struct pal_tape pal_tape;
typedef struct pal_var { /* a handle, passed by value; a bad handle has id 0 and still names its tape */
    pal_tape *tape;
    uint32_t id, generation;
} pal_var;

/* default_real is PAL_F32 or PAL_F64. The context must outlive the tape. */
pal_tape *pal_tape_new(pal_context *context, pal_dtype default_real);
void pal_tape_free(pal_tape *tape);
pal_context *pal_tape_context(const pal_tape *tape);
pal_dtype pal_tape_real(const pal_tape *tape);    /* the default type of the tape */
const char *pal_tape_error(const pal_tape *tape); /* the first failure, one line; NULL: no failure */
pal_status pal_tape_status(const pal_tape *tape);
size_t pal_tape_length(const pal_tape *tape); /* number of entries */

/* ---- Handles and failures ------------------------------------------------------------------------------------- */

/* For composites: records a failure, unless the tape has failed already, and returns a bad handle. */
pal_var pal_tape_fail(pal_tape *tape, pal_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The same with PAL_ERR_ARGUMENT and without the scope path after the message: for bad options, where the scope in
 * which they are noticed does not matter. */
pal_var pal_tape_refuse(pal_tape *tape, const char *format, ...) __attribute__((format(printf, 2, 3)));

bool pal_ok(pal_var v);            /* a valid handle: its entry exists and was not removed by a rewind */
pal_shape pal_shape_of(pal_var v); /* of a bad handle: a scalar */
pal_dtype pal_dtype_of(pal_var v); /* of a bad handle: PAL_DTYPE_COUNT */

/* ---- Leaves and scopes ---------------------------------------------------------------------------------------- */

/* Records a leaf: a parameter or an input. Its value is what the tensor contains when pal_run starts. The tensor is
 * borrowed and must outlive the tape and every program. Recording the same tensor again returns the same leaf. A tensor
 * whose buffer overlaps that of another leaf is refused, and so is data that is not aligned to its element type. The
 * name with the scopes before it may have 511 bytes. name may be NULL: unnamed leaves are numbered in the order of
 * recording, so give a name to each leaf of a tape whose text must not depend on that order. */
pal_var pal_leaf(pal_tape *tape, pal_tensor *tensor, const char *name);
pal_tensor *pal_leaf_tensor(pal_var leaf); /* NULL: not a leaf */

/* A scope gives a name to everything that is recorded inside it. Scopes nest: "encoder/fc1". A path may have 255 bytes.
 */
void pal_scope_begin(pal_tape *tape, const char *name);
void pal_scope_end(pal_tape *tape);

/* A block marks what is recorded inside it as one step of a computation, such as a layer or a likelihood, with the
 * formula that a reader would write for it. Drawings at the level of layers show the outermost block of an operation as
 * one node; an adjoint belongs to the block of what it differentiates. Blocks nest, up to 64 deep. They change nothing
 * else: no name, no stream, no hash, no text of the tape and no number.
 *   name     in bold in the node, such as "decoder"; must not be empty
 *   formula  "h = s(x W + b)"; what is left of " = " names the value on the edges that leave the block. Lines are
 *            separated by '\n'. NULL: none
 * Both texts are copied, and each may have 511 bytes. */
void pal_block_begin(pal_tape *tape, const char *name, const char *formula);
void pal_block_end(pal_tape *tape);
/* Opens the block again in which the value was recorded, and gives it a new formula, in which '@' stands for what is
 * right of " = " in the old one: "h = tanh(@)" makes "a = x W + b" to "h = tanh(x W + b)". If the value was not
 * recorded in a block of the block that is open now, this is pal_block_begin(tape, name, formula), and '@' becomes "a".
 */
void pal_block_again(pal_var value, const char *name, const char *formula);

/* ---- Host: rewinding ------------------------------------------------------------------------------------------ */

/* Rewinding removes everything that was recorded since the mark. Handles to removed entries become bad, not dangling. A
 * failure since the mark is cleared. A mark is no longer valid after the tape was rewound to an earlier one. A body of
 * a region may rewind only to a mark that was taken in the same call of the body, and such a mark may be used only
 * there; an adjoint rule likewise. A rewind to any other mark is an error, and removes nothing. */
typedef struct pal_mark {
    const pal_tape *tape;
    uint32_t entries, generation, scope, streams, effects, region, failed, block, blocks;
} pal_mark;
pal_mark pal_tape_mark(pal_tape *tape);
void pal_tape_rewind(pal_tape *tape, pal_mark mark);

/* ---- Constants, sums, broadcasting ---------------------------------------------------------------------------- */

pal_var pal_add(pal_var a, pal_var b); /* a + b, broadcast */
/* The same value everywhere. An integer type takes a whole number in its range: anything else fails. */
pal_var pal_fill(pal_tape *tape, pal_dtype dtype, pal_shape shape, double value);
pal_var pal_range(pal_tape *tape, int64_t n);         /* the i32 numbers 0 .. n-1: [n] */
pal_var pal_broadcast_to(pal_var x, pal_shape shape); /* x again along axes that it lacks, or where it has 1 */
pal_var pal_sum_to(pal_var x, pal_shape shape);       /* sums over the axes that shape lacks or where it has 1 */
pal_var pal_constant(pal_tape *tape, double value);   /* a scalar of the tape's default type */

/* The identity with derivative zero. */
pal_var pal_stop_gradient(pal_var x);

/* The shards of the batch whose one shard the tape records: 1 if the batch is not cut. */
int64_t pal_tape_shards(const pal_tape *tape);
/* The sum of a value over the shards of a batch, in a fixed order (communicator.h). It is the same in all shards. x
 * itself if the batch is not cut. The adjoint of all_sum is all_sum. x is real, and not inside a region. */
pal_var pal_all_sum(pal_var x);
/* The largest one, element by element. It has no derivative: take it under pal_stop_gradient. */
pal_var pal_all_max(pal_var x);

/* Records an effect: after the run the leaf holds `value`. The result equals `value` and has no derivative. A second
 * assign to the same leaf is an error. A program performs the effects of its tape only on request: all of them if
 * pal_compile_options.effects is set, a single one if it is among the outputs. An assign that was not requested is
 * not performed; its readers get its value. */
pal_var pal_assign(pal_var leaf, pal_var value);

/* ---- Derivatives ---------------------------------------------------------------------------------------------- */

/* Appends d y / d wrt[i] for a scalar y. The result is zero where y does not depend on wrt[i]. With n = 0 the arrays
 * may be NULL. */
pal_status pal_grad(pal_var y, const pal_var *wrt, size_t n, pal_var *grad);
/* Vector-Jacobian product: seed times d y / d wrt[i]. The seed has the shape of y. */
pal_status pal_vjp(pal_var y, pal_var seed, const pal_var *wrt, size_t n, pal_var *out);
/* Jacobian-vector product: d y / d x times tangent, which has the shape of x. It is recorded as the vjp of a vjp. */
pal_var pal_jvp(pal_var y, pal_var x, pal_var tangent);
/* The sum over i of d y / d x[i] times tangents[i]: one product, whatever n is. n is at least 1. */
pal_var pal_jvps(pal_var y, const pal_var *x, const pal_var *tangents, size_t n);
/* out[i]: row i of the Hessian of the scalar y by x[0 .. n-1], times v[0 .. n-1]. v[i] has the shape of x[i]. */
pal_status pal_hessian_product(pal_var y, const pal_var *x, const pal_var *v, size_t n, pal_var *out);
/* The same for the Gauss-Newton matrix J'HJ (Schraudolph 2002). J is the Jacobian of z by x[0 .. n-1], and H is the
 * Hessian of the scalar y as a function of z. If y is convex in z, the matrix is positive semidefinite. For a loss, z
 * is what the likelihood takes: the output before its activation, for all samples. y must depend on each x[i] through z
 * alone: a term such as weight decay is PAL_ERR_ARGUMENT, and the error names x[i]. */
pal_status pal_gauss_newton_product(pal_var y, pal_var z, const pal_var *x, const pal_var *v, size_t n, pal_var *out);

/* ---- Regions -------------------------------------------------------------------------------------------------- */

/* body records the k-th term; k is an i32 scalar that has a value only at run time. A body may use values from outside;
 * values recorded inside must not be used outside. Random operations inside draw different noise for each k. */
typedef pal_var (*pal_body)(pal_tape *tape, pal_var k, void *user);
/* The sum of body(k) over k = 0 .. count-1, in this order. All terms use the same slice of memory. The adjoint is
 * another map_sum, which recomputes the body. */
pal_var pal_map_sum(pal_tape *tape, int64_t count, pal_body body, void *user);
/* The value of body with k = 0. The backward pass recomputes it instead of keeping its intermediate values: once for
 * each outer value that the body reads and the gradient needs. So put few layers into one body. */
pal_var pal_recompute(pal_tape *tape, pal_body body, void *user);

/* ---- Host: programs ------------------------------------------------------------------------------------------- */

typedef struct pal_program pal_program;

/* clang-format off */
typedef enum pal_passes {   /* which compiler passes run; debug builds always run the verifier, too */
    PAL_PASS_SIMPLIFY = 1,  /* exact rewrites and common subexpressions */
    PAL_PASS_ROUNDING = 2,  /* rewrites that may change the rounding, such as accumulating products */
    PAL_PASS_FUSE     = 4,  /* loop fusion */
    PAL_PASS_INPLACE  = 8,  /* results overwrite operands that are not needed any more */
    PAL_PASS_ALL      = 15,
    PAL_PASS_NONE     = 16  /* a value of its own, because 0 means the default: all */
} pal_passes;
/* clang-format on */

/* The result of one compiler pass, for inspection. Passes that make a tape give the tape, which pal_tape_text prints.
 * Passes that make a plan or a program give a text. docs/design.md has an example of each. */
typedef struct pal_trace {
    const char *pass;       /* "live", "simplify", "batch", "materialise", then "fuse", "schedule", "feed", "collect",
                               "place", "emit" */
    pal_tape *tape;         /* from the first four passes; valid only during the call */
    const pal_var *outputs; /* n of them: first the outputs, then the effects */
    size_t n;
    const char *text;            /* from the other passes; NULL: see tape */
    const struct pal_plan *plan; /* from "place": steps and places as data (operation.h), during the call; else NULL */
} pal_trace;

typedef struct pal_compile_options {
    size_t struct_size;
    unsigned lanes;  /* parts of a product, up to 4096; 0: those of the context. Rounding depends on it: set it for
                        equal bits */
    bool effects;    /* perform every assign of the tape */
    unsigned passes; /* pal_passes; 0: all */
    bool profile;    /* measure the time of each step (pal_program_text) */
    /* Check for NaN. Nothing is fused. pal_run fails with PAL_ERR_NUMERIC at the first operation whose result contains
     * a NaN, or at a leaf that contains one at the start. The error names the operation or leaf, its scope and the
     * element. Leaves stay unchanged. Slow. */
    bool check_nan;
    void (*trace)(const pal_trace *made, void *user); /* called after each pass; NULL: no calls */
    void *user;
    /* Of a batch that is cut (communicator.h): each process updates a part of a large leaf. Leaves that only their own
     * update reads are then whole after pal_program_settle alone: call it before anything else reads them. */
    bool divide;
} pal_compile_options;

/* Compiles what the outputs need, and the effects if options ask for them. Returns NULL on failure; pal_tape_error then
 * gives the reason. The program may outlive the tape. The tensors of leaves are borrowed. */
pal_program *pal_compile(pal_tape *tape, const pal_var *outputs, size_t n, const pal_compile_options *options);
void pal_program_free(pal_program *program);
/* Runs the program once. Allocates nothing. On failure every leaf is unchanged; pal_program_error gives the reason. */
pal_status pal_run(pal_program *program);
const pal_tensor *pal_output(const pal_program *program, size_t i); /* valid until the next run; NULL: i out of range */
const char *pal_program_error(const pal_program *program);          /* of the last run; NULL: no error */
/* From now on the leaf that was recorded with this tensor reads and writes data, of the same shape and type. On
 * failure, such as data that is NULL or not aligned to its type, nothing changes; pal_program_error gives the reason.
 */
pal_status pal_bind(pal_program *program, const pal_tensor *leaf, void *data);

/* A computation as two programs, for products of one matrix with many vectors and the like. */
typedef struct pal_halves {
    pal_program *once;  /* computes what depends on no moving leaf */
    pal_program *again; /* computes the outputs, and performs the effects */
    pal_tensor **kept;  /* n_kept: what `once` writes and `again` reads. pal_bind gives both other memory, such as one
                         * for each of several batches */
    size_t n_kept;
    pal_context *context;
} pal_halves;
/* The outputs by two programs. Run `once`, and again whenever a leaf that is not among `moving` has changed; then `again`
 * gives what the program of pal_compile would give, with the same bits, if it was compiled with the same options. moving:
 * tensors of leaves. Leaves that the tape writes move as well; noise is drawn by `again`. A batch that is cut into shards
 * is refused. On failure the tape says why, and out is all zeros. */
pal_status pal_compile_halves(pal_tape *tape, const pal_var *outputs, size_t n, const pal_tensor *const *moving,
                              size_t n_moving, const pal_compile_options *options, pal_halves *out);
void pal_halves_free(pal_halves *halves); /* its programs and tensors; what it lies in is the caller's */

/* A noise value is f(seed, full stream name, clock, row + element index). Only the caller changes the clock. */
typedef struct pal_noise {
    uint64_t seed, clock, row;
} pal_noise;
void pal_program_set_noise(pal_program *program, pal_noise noise);
pal_noise pal_program_noise(const pal_program *program);

/* The same noise on the host: numbers first .. first+count-1 of a stream, as 32-bit words, uniforms in [0,1) or
 * standard normals. stream NULL: "". out NULL: nothing happens. */
void pal_noise_words(pal_noise noise, const char *stream, uint64_t first, size_t count, uint32_t *out);
void pal_noise_uniform(pal_noise noise, const char *stream, uint64_t first, size_t count, double *out);
void pal_noise_normal(pal_noise noise, const char *stream, uint64_t first, size_t count, double *out);

size_t pal_program_arena(const pal_program *program); /* bytes of the arena for temporaries */
/* The most bytes of it that are in use at one step: in the order of these steps, no arrangement needs less. */
size_t pal_program_least(const pal_program *program);
/* How often all workers waited for each other in the last run. 0 with one thread, and before the first run. */
uint64_t pal_program_barriers(const pal_program *program);
unsigned pal_program_lanes(const pal_program *program);
/* The schedule as text, one line per step, with the measured time if the program was compiled with .profile. The caller
 * frees it with pal_text_free(context, text). */
char *pal_program_text(const pal_program *program);

/* For debugging, as printf is: compiles and runs what v needs, and copies all elements of v, in its type, to out. The
 * tape keeps a failure, including one at run time. */
pal_status pal_eval(pal_var v, void *out);

/* ---- Host: text and drawing ----------------------------------------------------------------------------------- */

/* The part of the tape that the outputs need, as text, one line per operation. The order of the lines is canonical: the
 * same computation recorded in different orders gives the same text. An example of a line:
 *     %5 = matmul f32[128,256] (%1, %3) {0,1} in encoder order 1
 * It consists of the number, the operation, its type and shape, the operands, the parameters (unless type and shape
 * determine them), the full name of a leaf or stream or else the scope, and the order of derivative if it is above 0.
 * The body of a map_sum comes before it, indented. The last line names the outputs: `return %5, %7`.
 *
 * With n = 0 the text covers the whole tape: every effect, and every value outside regions that no entry reads, with
 * all that they need. The text of an empty tape is "". A tape that has failed can be printed, too: the text shows the
 * entries that it has. Returns NULL if memory runs out or a handle is bad; pal_tape_error then gives the reason. With
 * tape NULL, or outputs NULL and n above 0, it returns NULL and leaves the tape unchanged. */
char *pal_tape_text(pal_tape *tape, const pal_var *outputs, size_t n);
void pal_text_free(pal_context *context, char *text);

struct pal_op;
typedef struct pal_parse_options {
    size_t struct_size;
    const struct pal_op *(*find)(const char *name); /* pal_op_find; NULL: only the operations of this header */
    /* Returns the tensor of a leaf, with this type and shape, a different one for each name. Returning NULL is an
     * error. */
    pal_tensor *(*leaf)(const char *name, pal_dtype dtype, pal_shape shape, void *user);
    void *user;
} pal_parse_options;
/* Records the computation that such a text describes, on an empty tape. If pal_tape_text printed the text, printing the
 * result gives the same text, byte for byte. (The path in front of a name is its scope. The numbers of entries must
 * ascend; they need not be 1, 2, 3, ...) Before the call *n is the room in outputs, after it the number of outputs that
 * the text returns. A text that violates the grammar or a shape rule is refused with the number of its line ("line 4:
 * no operation is called matmull"), and the tape stays empty. A text from an untrusted source is safe: its entries pass
 * the same checks as entries that are recorded by calls. */
pal_status pal_tape_parse(pal_tape *tape, const char *text, const pal_parse_options *options, pal_var *outputs,
                          size_t *n, pal_error *err);

/* clang-format off */
typedef enum pal_graph_kept { /* how to draw the values that a backward pass keeps from earlier passes */
    PAL_GRAPH_KEPT_AUTO,      /* lines if they are few, else numbers */
    PAL_GRAPH_KEPT_LINES,     /* dashed lines from pass to pass */
    PAL_GRAPH_KEPT_NUMBERS    /* a number on the value; next to each reader the number, or the name of a leaf */
} pal_graph_kept;
/* clang-format on */

/* clang-format off */
typedef enum pal_graph_level {
    PAL_GRAPH_OPERATIONS,     /* a node for each operation */
    PAL_GRAPH_LAYERS          /* a node with a formula for each block (pal_block_begin), and one for its adjoint */
} pal_graph_level;

typedef enum pal_graph_direction { PAL_GRAPH_DOWN, PAL_GRAPH_RIGHT } pal_graph_direction;
/* clang-format on */

typedef struct pal_graph_options {
    size_t struct_size;
    const char *title;
    const char *const *names; /* of the n outputs, written on their nodes; each may be NULL. NULL: no names */
    /* These leaves, and the leaves that effects write, are drawn as parameters, all others as inputs. */
    const pal_var *parameters;
    size_t n_parameters;
    /* Fill colours of forward, adjoint and double-backward operations, such as "#dcebf9"; NULL: the default. */
    const char *colours[3];
    bool no_legend;
    bool fold;      /* draw sibling scopes with the same operations and wiring once, with their count and shapes */
    unsigned depth; /* draw each scope nested deeper than this as one node with its count of operations; 0: no limit */
    bool sizes;     /* write the bytes of each value */
    pal_graph_kept kept;
    /* A program of this tape, compiled with .profile, that has run: write the time of each operation and its share of
     * the total. The last operation of a fused loop shows the time of the whole loop; with .passes = PAL_PASS_NONE each
     * operation shows its own time. NULL: no times. */
    const pal_program *times;
    /* Operations that only move, repeat, negate or convert values (PAL_PLUMBING) are nodes. Otherwise they are marks on
     * the edges: T for a transpose, a minus sign, the new shape. Measured times need them, too. */
    bool plumbing;
    pal_graph_level level;
    pal_graph_direction direction; /* in which the forward pass runs */
} pal_graph_options;
/* The same part of the tape as a Graphviz drawing in the dot language. Colours show the order of derivative, boxes the
 * scopes, dashed boxes the bodies of regions. Constants are in the labels of their readers, shapes are on the edges,
 * and a legend explains the rest. Returns NULL as pal_tape_text does. */
char *pal_graph_text(pal_tape *tape, const pal_var *outputs, size_t n, const pal_graph_options *options);
/* Writes the drawing to a file, by way of a temporary file in the same folder: an existing file is either replaced as a
 * whole or left unchanged. NAME.html is a page that a browser opens without a network, in which a reader moves,
 * searches, and opens and closes scopes. NAME.tex is a document for LaTeX, in the language of TikZ, with named colours
 * and styles; it compiles alone. Any other name is a text in dot's language. pal_graph_picture_write of plot/plot.h
 * writes .pdf, .svg and .png; pal_graph_draw of operation.h gives the places to writers of other formats. */
pal_status pal_graph_write(pal_tape *tape, const pal_var *outputs, size_t n, const pal_graph_options *options,
                           const char *path, pal_error *err);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
