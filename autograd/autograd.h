/* autograd.h - the tape: record, differentiate, compile, run.
 *
 * Calling an operation computes nothing: it appends an entry to a tape (a Wengert list). pal_grad appends the adjoint
 * operations to the same tape, so differentiating again is nothing new. pal_compile turns what the wanted outputs need
 * into a program, a straight list of kernel calls at fixed addresses; pal_run executes it and allocates nothing.
 *
 * Conventions of every function here:
 *   - Shapes are row-major, up to PAL_MAX_RANK axes, the sample axis first; NumPy broadcasting.
 *   - Errors stick: an operation given a bad handle, or operands that do not fit, returns a bad handle (id 0) and the
 *     tape keeps the first failure (pal_tape_error). pal_compile refuses a bad tape. The library never prints or exits.
 *   - Every _new and _compile has one _free, which accepts NULL.
 *   - Option structs begin with struct_size and are written with designated initialisers; NULL means the defaults. A
 *     struct_size that this library does not know is refused (pal_options_read).
 *   - A tape, and a program, belongs to one thread at a time. Different ones may be used by different threads at
 *     once if their contexts differ.
 */
#ifndef PAL_AUTOGRAD_H
#define PAL_AUTOGRAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Status --------------------------------------------------------------------------------------------------- */

#define PAL_STATUS_MAP(X)                                                                                              \
    X(OK, "ok")                                                                                                        \
    X(ERR_MEMORY, "out of memory")                                                                                     \
    X(ERR_ARGUMENT, "bad argument")                                                                                    \
    X(ERR_SHAPE, "shapes do not fit")                                                                                  \
    X(ERR_TYPE, "element types do not fit")                                                                            \
    X(ERR_DERIVATIVE, "no derivative")                                                                                 \
    X(ERR_TAPE, "bad handle or foreign tape")                                                                          \
    X(ERR_NUMERIC, "numerical failure")                                                                                \
    X(ERR_IO, "input or output failed")                                                                                \
    X(ERR_FORMAT, "malformed data")                                                                                    \
    X(ERR_EXISTS, "already exists")                                                                                    \
    X(ERR_STOPPED, "stopped by the caller")

typedef enum pal_status {
#define PAL_ROW(name, text) PAL_##name,
    PAL_STATUS_MAP(PAL_ROW)
#undef PAL_ROW
        PAL_STATUS_COUNT
} pal_status;

/* A constant text for a status; "unknown status" for a number out of range. */
const char *pal_status_text(pal_status status);

/* For functions outside a tape: a status and one line for a person. Every such function takes a pointer that may be
 * NULL, sets it on failure and leaves it alone on success. */
typedef struct pal_error {
    pal_status status;
    char text[512];
} pal_error;

/* Writes the status and the formatted line, and returns the status: `return pal_error_set(err, PAL_ERR_IO, ...)`. */
pal_status pal_error_set(pal_error *err, pal_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Reads an option struct, whose first field is its size, over the defaults in *to; both structs begin with that field.
 * size is that of this version's struct, first that of its first version. A caller that was compiled with an older
 * version gives a smaller struct, and gets the defaults of the fields that it lacks. given NULL: all defaults.
 * PAL_ERR_ARGUMENT: the size is below `first` or above `size`; *to is as it was. to NULL: only the check. */
pal_status pal_options_read(void *to, const void *given, size_t size, size_t first, const char *what, pal_error *err);

/* ---- Element types and shapes --------------------------------------------------------------------------------- */

typedef enum pal_dtype {
    PAL_F32,
    PAL_F64,
    PAL_I32,
    PAL_U8,
    PAL_BOOL, /* one byte, 0 or 1 */
    PAL_BF16, /* reserved: no operation takes it yet */
    PAL_DTYPE_COUNT
} pal_dtype;

size_t pal_dtype_size(pal_dtype dtype);      /* bytes an element; 0 for a value out of range */
const char *pal_dtype_name(pal_dtype dtype); /* "f32", ... */
bool pal_dtype_real(pal_dtype dtype);        /* has derivatives */

#define PAL_MAX_RANK 6

typedef struct pal_shape {
    int32_t rank; /* 0: a scalar */
    int64_t dim[PAL_MAX_RANK];
} pal_shape;

/* PAL_SHAPE(128, 784); a scalar is PAL_SCALAR. */
#define PAL_SHAPE(...)                                                                                                 \
    ((pal_shape){.rank = (int32_t)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), .dim = {__VA_ARGS__}})
#define PAL_SCALAR ((pal_shape){.rank = 0})

int64_t pal_shape_count(pal_shape shape); /* elements; -1 if a dimension is negative or the product overflows */
bool pal_shape_equal(pal_shape a, pal_shape b);
bool pal_shape_broadcast(pal_shape a, pal_shape b, pal_shape *out); /* false: they do not fit */
/* "[128,784]" into buf (at least 96 bytes); returns buf. */
const char *pal_shape_text(pal_shape shape, char *buf, size_t size);

/* ---- Context -------------------------------------------------------------------------------------------------- */

typedef struct pal_context pal_context; /* the thread pool, the kernels chosen, the BLAS set-up, the allocator */

typedef struct pal_context_options {
    size_t struct_size;
    unsigned threads;                           /* 0: one for each processor this process may run on */
    bool unpinned;                              /* do not tie each worker to a processor */
    const char *isa;                            /* NULL: the best the processor has; or "baseline", "avx2", "avx512" */
    void *(*allocate)(size_t size, void *user); /* NULL: malloc and free */
    void (*release)(void *block, void *user);
    void *user;
} pal_context_options;

pal_context *pal_context_new(const pal_context_options *options); /* NULL: no memory, threads, such isa, struct_size */
void pal_context_free(pal_context *context);
unsigned pal_context_threads(const pal_context *context);
const char *pal_context_isa(const pal_context *context);
const char *pal_context_blas(const pal_context *context);   /* "OpenBLAS 0.3.21 Haswell, pthread" */
const char *pal_context_advice(const pal_context *context); /* one line on a faster set-up, or NULL */

/* ---- Tensors -------------------------------------------------------------------------------------------------- */

typedef struct pal_tensor { /* fields are for reading; change data's elements freely */
    void *data;
    pal_shape shape;
    pal_dtype dtype;
    bool owned; /* data is freed with the tensor */
    pal_context *context;
} pal_tensor;

pal_tensor *pal_tensor_new(pal_context *context, pal_dtype dtype, pal_shape shape);              /* zeros, 64-aligned */
pal_tensor *pal_tensor_wrap(pal_context *context, pal_dtype dtype, pal_shape shape, void *data); /* data borrowed */
void pal_tensor_free(pal_tensor *tensor);
size_t pal_tensor_count(const pal_tensor *tensor); /* elements */
size_t pal_tensor_bytes(const pal_tensor *tensor);
double pal_tensor_get(const pal_tensor *tensor, size_t i); /* element i in row-major order, as double */
void pal_tensor_set(pal_tensor *tensor, size_t i, double value);

/* ---- Tape ----------------------------------------------------------------------------------------------------- */

typedef struct pal_tape pal_tape;
typedef struct pal_var { /* by value; id 0 is bad and still knows its tape */
    pal_tape *tape;
    uint32_t id, generation;
} pal_var;

pal_tape *pal_tape_new(pal_context *context, pal_dtype default_real); /* PAL_F32 or PAL_F64; the context outlives it */
void pal_tape_free(pal_tape *tape);
pal_context *pal_tape_context(const pal_tape *tape);
pal_dtype pal_tape_real(const pal_tape *tape);    /* its default type */
const char *pal_tape_error(const pal_tape *tape); /* the first failure in one line; NULL: none */
pal_status pal_tape_status(const pal_tape *tape);
/* For composites: record a failure (the first stays), return a bad handle. */
pal_var pal_tape_fail(pal_tape *tape, pal_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The same with PAL_ERR_ARGUMENT, and without the scopes after it: for options that do not fit, wherever that shows. */
pal_var pal_tape_refuse(pal_tape *tape, const char *format, ...) __attribute__((format(printf, 2, 3)));
size_t pal_tape_length(const pal_tape *tape); /* entries recorded */

bool pal_ok(pal_var v); /* a live handle of a tape without failure at this entry */
pal_shape pal_shape_of(pal_var v);
pal_dtype pal_dtype_of(pal_var v);

/* A leaf: a parameter or an input. It always means the tensor's value when pal_run starts. The tensor is borrowed and
 * must outlive the tape and every program; the same tensor again is the same leaf; a buffer that partly overlaps
 * another leaf's is refused. name may be NULL: such leaves are told apart by the order of their recording, so name what
 * is to be canonical. */
pal_var pal_leaf(pal_tape *tape, pal_tensor *tensor, const char *name);
pal_tensor *pal_leaf_tensor(pal_var leaf); /* NULL: not a leaf */

/* Scopes name what is recorded inside them ("encoder/fc1"); they nest. */
void pal_scope_begin(pal_tape *tape, const char *name);
void pal_scope_end(pal_tape *tape);

/* Everything recorded since the mark is forgotten; handles to it become bad, not dangling. A failure since then goes
 * too. A mark is void once the tape was rewound to before it. */
typedef struct pal_mark {
    uint32_t entries, generation, scopes, scope, streams, effects, region, failed;
} pal_mark;
pal_mark pal_tape_mark(pal_tape *tape);
void pal_tape_rewind(pal_tape *tape, pal_mark mark);

/* The four operations that calculus itself needs. */
pal_var pal_add(pal_var a, pal_var b);
pal_var pal_fill(pal_tape *tape, pal_dtype dtype, pal_shape shape, double value);
pal_var pal_broadcast_to(pal_var x, pal_shape shape);
pal_var pal_sum_to(pal_var x, pal_shape shape);     /* sums over the axes in which shape has 1, or lacks */
pal_var pal_constant(pal_tape *tape, double value); /* a scalar of the tape's default type */

/* The identity with derivative zero. */
pal_var pal_stop_gradient(pal_var x);

/* An effect: after the run the leaf holds value. Returns value; has no derivative. A second assign to one leaf is an
 * error. A program includes the effects of its tape only when asked: all of them by pal_compile_options.effects, one by
 * naming it among the outputs. To a value that merely reads it, an assign that was not asked for is its value. */
pal_var pal_assign(pal_var leaf, pal_var value);

/* ---- Derivatives ---------------------------------------------------------------------------------------------- */

/* Appends d y / d wrt[i] for a scalar y. A wrt that y does not reach gets zeros. */
pal_status pal_grad(pal_var y, const pal_var *wrt, size_t n, pal_var *grad);
/* Vector-Jacobian product: seed (the shape of y) times d y / d wrt[i]. */
pal_status pal_vjp(pal_var y, pal_var seed, const pal_var *wrt, size_t n, pal_var *out);
/* Jacobian-vector product d y / d x times tangent (the shape of x): the vjp of a vjp through a placeholder. */
pal_var pal_jvp(pal_var y, pal_var x, pal_var tangent);

/* ---- Regions -------------------------------------------------------------------------------------------------- */

/* body records the k-th term; k is an i32 scalar that exists only while running. Values of outer regions may be used
 * inside, inner values not outside. Random operations inside draw other noise for each k. */
typedef pal_var (*pal_body)(pal_tape *tape, pal_var k, void *user);
/* sum over k = 0 .. count-1 of body(k), in this order, reusing one slice of memory. Its adjoint is another map_sum that
 * recomputes the body. */
pal_var pal_map_sum(pal_tape *tape, int64_t count, pal_body body, void *user);
/* body's value, recomputed in the backward pass instead of kept (k is 0). */
pal_var pal_recompute(pal_tape *tape, pal_body body, void *user);

/* ---- Programs ------------------------------------------------------------------------------------------------- */

typedef struct pal_program pal_program;

/* clang-format off */
typedef enum pal_passes {   /* which passes run; the verifier always does in debug builds */
    PAL_PASS_SIMPLIFY = 1,  /* exact rewrites and common subexpressions */
    PAL_PASS_ROUNDING = 2,  /* rewrites that may change the rounding, such as accumulating products */
    PAL_PASS_FUSE     = 4,
    PAL_PASS_INPLACE  = 8,
    PAL_PASS_ALL      = 15,
    PAL_PASS_NONE     = 16  /* 0 means the default, all */
} pal_passes;
/* clang-format on */

/* What a pass made, for who wants to look: a tape, to be printed by pal_tape_text; or, of the passes that make a plan
 * or a program, a text. docs/design.md has an example of each. */
typedef struct pal_trace {
    const char *pass;       /* "live", "simplify", "materialise", then "fuse", "schedule", "place", "emit" */
    pal_tape *tape;         /* of the first three; lives for the call alone */
    const pal_var *outputs; /* n of them: the outputs, then the effects */
    size_t n;
    const char *text; /* of the others; NULL: there is a tape */
} pal_trace;

typedef struct pal_compile_options {
    size_t struct_size;
    unsigned lanes;  /* into how many parts products are cut, to 4096; fixes the bits. 0: the context's threads */
    bool effects;    /* include every assign of the tape */
    unsigned passes; /* pal_passes; 0: all */
    bool profile;    /* keep the time of each step (pal_program_text) */
    /* Look for NaN: nothing is fused, and pal_run fails with PAL_ERR_NUMERIC at the first operation whose result has
     * one (or at a leaf that came with one), naming it, its scope and the element. Leaves stay as they were. Slow. */
    bool check_nan;
    void (*trace)(const pal_trace *made, void *user); /* called after each pass; NULL: not */
    void *user;
} pal_compile_options;

/* Compiles what the outputs (and, if asked, the effects) need. NULL on failure, which the tape then tells. The program
 * outlives the tape; leaves are borrowed. */
pal_program *pal_compile(pal_tape *tape, const pal_var *outputs, size_t n, const pal_compile_options *options);
void pal_program_free(pal_program *program);
/* One run. Allocates nothing. On failure every leaf is as it was and pal_program_error tells. */
pal_status pal_run(pal_program *program);
const pal_tensor *pal_output(const pal_program *program, size_t i); /* valid until the next run; NULL: no such */
const char *pal_program_error(const pal_program *program);          /* of the last run; NULL: none */
/* From now on the leaf recorded with this tensor reads (and writes) data, which has the same shape and type. */
pal_status pal_bind(pal_program *program, const pal_tensor *leaf, void *data);

/* Noise is value = f(seed, full name of the stream, clock, row offset + element). The clock belongs to the caller. */
typedef struct pal_noise {
    uint64_t seed, clock, row;
} pal_noise;
void pal_program_set_noise(pal_program *program, pal_noise noise);
pal_noise pal_program_noise(const pal_program *program);

/* The same noise on the host: words first .. first+count-1 of a stream; uniforms in [0,1); standard normals. */
void pal_noise_words(pal_noise noise, const char *stream, uint64_t first, size_t count, uint32_t *out);
void pal_noise_uniform(pal_noise noise, const char *stream, uint64_t first, size_t count, double *out);
void pal_noise_normal(pal_noise noise, const char *stream, uint64_t first, size_t count, double *out);

size_t pal_program_arena(const pal_program *program); /* bytes of temporaries */
unsigned pal_program_lanes(const pal_program *program);
/* The schedule as text, a line a step, with the measured time where profiled. The caller frees it with
 * pal_text_free(context, text). */
char *pal_program_text(const pal_program *program);

/* The printf of this world: compiles and runs what v needs; out (count elements of v's type) receives it. A
 * failure, also one while running, sticks to the tape. */
pal_status pal_eval(pal_var v, void *out);

/* ---- Text and drawing ----------------------------------------------------------------------------------------- */

/* What the outputs need, a line an operation, in canonical order: equal for tapes recorded in different orders.
 *     %5 = matmul f32[128,256] (%1, %3) {0,1} in encoder order 1
 * is number, operation, type and shape, operands, parameters (where shape and type do not tell them), the full name of
 * a leaf or stream, or else the scope, and the order of derivative if above 0. The body of a map_sum stands before it,
 * set in. The last line names the outputs: `return %5, %7`. n = 0: the whole tape, from every value outside regions
 * that nothing reads, and every effect; of an empty tape that is "". A tape that failed can be printed: what it has up
 * to then. NULL: no memory or a bad handle, which the tape then tells. */
char *pal_tape_text(pal_tape *tape, const pal_var *outputs, size_t n);
void pal_text_free(pal_context *context, char *text);

struct pal_op;
typedef struct pal_parse_options {
    size_t struct_size;
    const struct pal_op *(*find)(const char *name); /* pal_op_find; NULL: only what autograd.h itself declares */
    /* The tensor of a leaf, of that type and shape, another for each name. NULL: none, which is an error. */
    pal_tensor *(*leaf)(const char *name, pal_dtype dtype, pal_shape shape, void *user);
    void *user;
} pal_parse_options;
/* Records on an empty tape what such a text says: the text of the result is the text again, letter for letter, if it
 * was printed by pal_tape_text. (A name's scope is its path; other numbers than 1, 2, 3, ... are fine if they ascend.)
 * outputs has room for *n; *n becomes how many the text returns. What does not fit the grammar, or the operations'
 * shape rules, is refused with its line ("line 4: no operation is called matmull") and leaves the tape empty. A text
 * from anyone may be tried: the result is as sound as if it had been recorded by calls. */
pal_status pal_tape_parse(pal_tape *tape, const char *text, const pal_parse_options *options, pal_var *outputs,
                          size_t *n, pal_error *err);

/* clang-format off */
typedef enum pal_graph_kept { /* how values are drawn that a pass backward keeps from the passes before it */
    PAL_GRAPH_KEPT_AUTO,      /* by lines while they are few */
    PAL_GRAPH_KEPT_LINES,     /* dashed lines across */
    PAL_GRAPH_KEPT_NUMBERS    /* the value has a number, and the number (of a leaf: its name) stands at its readers */
} pal_graph_kept;
/* clang-format on */

typedef struct pal_graph_options {
    size_t struct_size;
    const char *title;
    const char *const *names; /* of the outputs, n of them, each may be NULL: written onto them. NULL: none */
    /* These leaves, and those that effects write, are drawn as parameters, others as inputs. */
    const pal_var *parameters;
    size_t n_parameters;
    /* Fills of forward, adjoint and double-backward operations, such as "#dcebf9"; NULL: ours. */
    const char *colours[3];
    bool no_legend;
    bool fold;      /* sibling scopes of the same operations and wiring are drawn once, with their count and shapes */
    unsigned depth; /* scopes nested deeper than this are a node each, with their count of operations; 0: none is */
    bool sizes;     /* write the bytes of each value */
    pal_graph_kept kept;
    /* Write the time of each operation and its share: a program of this tape, compiled with .profile and run. A fused
     * loop's time is at the operation that it ends in: with .passes = PAL_PASS_NONE each operation has its own. */
    const pal_program *times;
} pal_graph_options;
/* The same as a Graphviz drawing (dot language): operations coloured by order of derivative, boxes by scope, bodies of
 * regions in dashed boxes, constants in the labels of their readers, shapes on the edges, a legend. NULL: as
 * pal_tape_text. */
char *pal_graph_text(pal_tape *tape, const pal_var *outputs, size_t n, const pal_graph_options *options);
/* Writes it into a file: beside it first, so that an existing one is replaced whole or stays as it was. */
pal_status pal_graph_write(pal_tape *tape, const pal_var *outputs, size_t n, const pal_graph_options *options,
                           const char *path, pal_error *err);

#ifdef __cplusplus
}
#endif
#endif
