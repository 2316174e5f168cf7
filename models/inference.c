/* inference.c - applies a trained model to buffers: encode, decode, reconstruct.
 *
 * A workspace contains what each thread needs for itself: a context, a buffer for input rows, and one program for each
 * number of rows that has occurred so far (at most `batch` per function). The model is only read. Recording writes into
 * the struct of a model, so it uses a copy of the struct; the tensors of the parameters are shared. */
#include "models/internal.h"

#include <stdlib.h>
#include <string.h>

enum { BATCH_LOW = 64, BATCH_HIGH = 1024, NUMBERS = 1 << 20, BATCH_MOST = 1 << 20 };
typedef enum kind { ENCODE, DECODE, RECONSTRUCT, KINDS } kind;

typedef struct served { /* a program for one number of rows, and the tensor of its input */
    pal_tensor *in;
    pal_program *program;
} served;

struct pal_workspace {
    const pal_model *model;
    pal_context *context;
    int64_t batch, features, columns; /* columns: numbers in the row of a sample */
    unsigned lanes;
    pal_shape code;           /* shape of the code of one sample */
    pal_tensor *buffer;       /* the input rows, for every kind */
    const pal_schema *schema; /* of the rows; NULL: they are features */
    double *row, *spread;     /* with a schema: a row, and its features; else NULL */
    served *by_rows[KINDS];   /* index: number of rows - 1 */
    pal_error error;
};

static const struct {
    const char *name;
    pal_var (*record)(pal_model *m, pal_var in);
    bool from_code, to_code;
} kinds[KINDS] = {
    [ENCODE] = {"encode", pal_model_encode, false, true},
    [DECODE] = {"decode", pal_model_decode, true, false},
    [RECONSTRUCT] = {"reconstruct", pal_model_reconstruct, false, false},
};

int64_t pal_workspace_row(const pal_workspace *w) { return w ? w->columns : 0; }
int64_t pal_workspace_code(const pal_workspace *w) { return w ? pal_shape_count(w->code) : 0; }
const char *pal_workspace_error(const pal_workspace *w) { return w && w->error.status ? w->error.text : NULL; }

/* The numbers of a row for a program, and for the caller. */
static int64_t width(const pal_workspace *w, bool code) { return code ? pal_shape_count(w->code) : w->features; }
static int64_t given_width(const pal_workspace *w, bool code) { return code ? pal_shape_count(w->code) : w->columns; }

/* ---- Programs ------------------------------------------------------------------------------------------------- */

/* Records with a copy of the model's struct. Rows of codes are reshaped to the shape that the encoder returns. */
static pal_var record(const pal_workspace *w, pal_tape *tape, kind k, pal_var in)
{
    pal_model own = *w->model;
    own.parameters = calloc(own.n_parameters + 1, sizeof *own.parameters);
    if (!own.parameters) return pal_tape_fail(tape, PAL_ERR_MEMORY, "%s: out of memory", kinds[k].name);
    memcpy(own.parameters, w->model->parameters, own.n_parameters * sizeof *own.parameters);
    own.tape = NULL;
    if (kinds[k].from_code && w->code.rank != 1) {
        pal_shape shape = {.rank = w->code.rank + 1, .dim = {pal_shape_of(in).dim[0]}};
        for (int32_t a = 0; a < w->code.rank; a++) shape.dim[a + 1] = w->code.dim[a];
        in = pal_reshape(in, shape);
    }
    pal_model_begin(&own, tape, PAL_EVALUATE);
    pal_var out = kinds[k].record(&own, in);
    pal_model_end(&own);
    free(own.parameters);
    return out;
}

/* Finds the shape of a code by recording the encoder on a temporary tape. */
static pal_status find_code(pal_workspace *w)
{
    pal_tape *tape = pal_tape_new(w->context, w->model->dtype);
    if (!tape) return pal_error_set(&w->error, PAL_ERR_MEMORY, "workspace: out of memory");
    pal_shape shape =
        pal_shape_of(record(w, tape, ENCODE, pal_fill(tape, w->model->dtype, PAL_SHAPE(1, w->features), 0)));
    if (!pal_tape_error(tape) && (shape.rank < 1 || pal_shape_count(shape) < 1))
        pal_tape_fail(tape, PAL_ERR_SHAPE, "workspace: the encoder of %s returns no code", w->model->variant->name);
    w->code.rank = shape.rank - 1;
    for (int32_t a = 1; a < shape.rank; a++) w->code.dim[a - 1] = shape.dim[a];
    pal_status status = pal_tape_status(tape);
    if (status) pal_error_set(&w->error, status, "%s", pal_tape_error(tape));
    pal_tape_free(tape);
    return status;
}

static pal_status compile(pal_workspace *w, kind k, int64_t rows, served *s)
{
    const pal_dtype dtype = w->model->dtype;
    pal_tape *tape = pal_tape_new(w->context, dtype);
    s->in = pal_tensor_wrap(w->context, dtype, PAL_SHAPE(rows, width(w, kinds[k].from_code)), w->buffer->data);
    if (tape && s->in) {
        pal_var out = record(w, tape, k, pal_leaf(tape, s->in, "in"));
        const int64_t want = rows * width(w, kinds[k].to_code), have = pal_shape_count(pal_shape_of(out));
        if (pal_ok(out) && have != want)
            pal_tape_fail(tape, PAL_ERR_SHAPE, "%s: %s returns %lld numbers, not %lld", kinds[k].name,
                          w->model->variant->name, (long long)have, (long long)want);
        pal_compile_options options = {.struct_size = sizeof options, .lanes = w->lanes};
        s->program = pal_compile(tape, &out, 1, &options);
    }
    const char *why = tape ? pal_tape_error(tape) : NULL;
    if (!s->program) {
        pal_error_set(&w->error, why ? pal_tape_status(tape) : PAL_ERR_MEMORY, "%s", why ? why : "out of memory");
        pal_tensor_free(s->in);
        s->in = NULL;
    }
    pal_tape_free(tape);
    return s->program ? PAL_OK : w->error.status;
}

/* ---- Rows in and out ------------------------------------------------------------------------------------------ */

static void put(pal_tensor *to, size_t at, const double *from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (to->dtype == PAL_F32)
            ((float *)to->data)[at + i] = (float)from[i];
        else
            ((double *)to->data)[at + i] = from[i];
}

/* Rows of a table become features in the buffer. */
static void load_rows(pal_workspace *w, served *s, const float *from, size_t rows)
{
    const size_t columns = (size_t)w->columns, features = (size_t)w->features;
    pal_bind(s->program, s->in, w->buffer->data);
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++) w->row[j] = (double)from[i * columns + j];
        pal_schema_apply_f64(w->schema, w->row, 1, w->spread, NULL);
        put(w->buffer, i * features, w->spread, features);
    }
}

static void store_rows(const pal_workspace *w, const pal_tensor *from, size_t rows, float *to)
{
    const size_t columns = (size_t)w->columns, features = (size_t)w->features;
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < features; j++) w->spread[j] = pal_tensor_get(from, i * features + j);
        pal_schema_undo(w->schema, w->spread, 1, w->row);
        for (size_t j = 0; j < columns; j++) to[i * columns + j] = (float)w->row[j];
    }
}

/* Lets the program read the rows where they lie. If it cannot, since they have another type or are not aligned, they
 * are copied to the buffer. The codes are copied from the program afterwards, so that in and out may be the same. */
static void load(pal_workspace *w, served *s, const float *from, size_t count)
{
    void *buffer = w->buffer->data;
    if (w->buffer->dtype == PAL_F32 && !pal_bind(s->program, s->in, (void *)(uintptr_t)from)) return;
    pal_bind(s->program, s->in, buffer);
    if (w->buffer->dtype == PAL_F32)
        memcpy(buffer, from, count * sizeof *from);
    else
        for (size_t i = 0; i < count; i++) ((double *)buffer)[i] = (double)from[i];
}

static void store(const pal_tensor *from, size_t count, float *to)
{
    if (from->dtype == PAL_F32)
        memcpy(to, from->data, count * sizeof *to);
    else
        for (size_t i = 0; i < count; i++) to[i] = (float)((const double *)from->data)[i];
}

/* Computes one batch. */
static pal_status run_rows(pal_workspace *w, kind k, const float *in, size_t rows, float *out)
{
    served *s = &w->by_rows[k][rows - 1];
    pal_status status = s->program ? PAL_OK : compile(w, k, (int64_t)rows, s);
    if (status) return status;
    if (w->row && !kinds[k].from_code)
        load_rows(w, s, in, rows);
    else
        load(w, s, in, rows * (size_t)width(w, kinds[k].from_code));
    status = pal_run(s->program);
    if (status) return pal_error_set(&w->error, status, "%s: %s", kinds[k].name, pal_program_error(s->program));
    if (w->row && !kinds[k].to_code)
        store_rows(w, pal_output(s->program, 0), rows, out);
    else
        store(pal_output(s->program, 0), rows * (size_t)width(w, kinds[k].to_code), out);
    return PAL_OK;
}

/* How to go through n rows so that no output overwrites an input that is still to be read: FORWARDS if the first row of
 * out is not after that of in and its rows are not longer; BACKWARDS if it is the other way round. */
typedef enum direction { NEITHER, FORWARDS, BACKWARDS } direction;

static direction direction_of(const float *in, size_t from, const float *out, size_t to, size_t n)
{
    const uintptr_t i = (uintptr_t)in, o = (uintptr_t)out;
    if (o + n * to * sizeof *out <= i || i + n * from * sizeof *in <= o) return FORWARDS; /* they do not overlap */
    if (o <= i && to <= from) return FORWARDS;
    return o >= i && to >= from ? BACKWARDS : NEITHER;
}

static pal_status run(const pal_model *model, pal_workspace *w, kind k, const float *in, size_t n, float *out)
{
    if (!w) return PAL_ERR_ARGUMENT;
    w->error.status = PAL_OK;
    if (model != w->model)
        return pal_error_set(&w->error, PAL_ERR_ARGUMENT, "%s: the workspace belongs to another model", kinds[k].name);
    if (n && (!in || !out)) return pal_error_set(&w->error, PAL_ERR_ARGUMENT, "%s: a buffer is missing", kinds[k].name);
    const size_t from = (size_t)given_width(w, kinds[k].from_code), to = (size_t)given_width(w, kinds[k].to_code);
    const size_t batch = (size_t)w->batch, batches = n / batch + (n % batch > 0);
    const direction way = direction_of(in, from, out, to, n);
    if (batches > 1 && way == NEITHER)
        return pal_error_set(&w->error, PAL_ERR_ARGUMENT,
                             "%s: in and out overlap, and rows of %zu numbers become rows of %zu: begin both at the "
                             "same address, or use two buffers",
                             kinds[k].name, from, to);
    pal_status status = PAL_OK;
    for (size_t i = 0; i < batches && !status; i++) {
        const size_t at = (way == BACKWARDS ? batches - 1 - i : i) * batch, rows = n - at < batch ? n - at : batch;
        status = run_rows(w, k, in + at * from, rows, out + at * to);
    }
    return status;
}

pal_status pal_encode(const pal_model *model, pal_workspace *workspace, const float *in, size_t n, float *out)
{
    return run(model, workspace, ENCODE, in, n, out);
}

pal_status pal_decode(const pal_model *model, pal_workspace *workspace, const float *in, size_t n, float *out)
{
    return run(model, workspace, DECODE, in, n, out);
}

pal_status pal_reconstruct(const pal_model *model, pal_workspace *workspace, const float *in, size_t n, float *out)
{
    return run(model, workspace, RECONSTRUCT, in, n, out);
}

/* ---- Creation and release ------------------------------------------------------------------------------------- */

/* A product rearranges its weights once a batch, which is a tenth of the time of 64 rows; but samples may be large. */
static int64_t default_batch(int64_t numbers)
{
    const int64_t rows = NUMBERS / numbers;
    return rows < BATCH_LOW ? BATCH_LOW : rows > BATCH_HIGH ? BATCH_HIGH : rows;
}

static pal_status fill(pal_workspace *w, const pal_workspace_options *o)
{
    /* Not pinned: otherwise the workspaces of all threads would be pinned to the same processor. */
    pal_context_options one = {
        .struct_size = sizeof one, .threads = 1, .unpinned = true, .isa = pal_context_isa(pal_model_context(w->model))};
    w->context = pal_context_new(o->context ? o->context : &one);
    if (!w->context)
        return pal_error_set(&w->error, PAL_ERR_MEMORY, "workspace: cannot create a context with these options");
    pal_status status = find_code(w);
    if (status) return status;
    const int64_t code = pal_shape_count(w->code), wider = code > w->features ? code : w->features;
    if (!w->batch) w->batch = default_batch(wider);
    w->buffer = pal_tensor_new(w->context, w->model->dtype, PAL_SHAPE(w->batch, wider));
    bool good = w->buffer != NULL;
    if (w->schema) {
        w->row = calloc((size_t)w->columns, sizeof *w->row);
        w->spread = calloc((size_t)w->features, sizeof *w->spread);
        good &= w->row && w->spread;
    }
    for (int k = 0; k < KINDS; k++) good &= (w->by_rows[k] = calloc((size_t)w->batch, sizeof(served))) != NULL;
    return good ? PAL_OK : pal_error_set(&w->error, PAL_ERR_MEMORY, "workspace: out of memory");
}

pal_workspace *pal_workspace_new(const pal_model *model, const pal_workspace_options *given, pal_error *err)
{
    pal_workspace_options o = {0};
    if (pal_options_read(&o, given, sizeof o, offsetof(pal_workspace_options, features), "workspace", err)) return NULL;
    if (!model || o.batch < 0 || o.batch > BATCH_MOST) {
        pal_error_set(err, PAL_ERR_ARGUMENT, "workspace: needs a model, and a batch of at most %d (0: default)",
                      BATCH_MOST);
        return NULL;
    }
    pal_workspace *w = calloc(1, sizeof *w);
    if (!w) {
        pal_error_set(err, PAL_ERR_MEMORY, "workspace: out of memory");
        return NULL;
    }
    w->model = model;
    w->batch = o.batch;
    w->features = pal_model_features(model);
    w->schema = o.features ? NULL : model->schema;
    w->columns = w->schema ? w->schema->n_columns : w->features;
    w->lanes = o.lanes;
    if (!fill(w, &o)) return w;
    pal_error_set(err, w->error.status, "%s", w->error.text);
    pal_workspace_free(w);
    return NULL;
}

void pal_workspace_free(pal_workspace *w)
{
    if (!w) return;
    for (int k = 0; k < KINDS; k++) {
        for (int64_t i = 0; w->by_rows[k] && i < w->batch; i++) {
            pal_program_free(w->by_rows[k][i].program);
            pal_tensor_free(w->by_rows[k][i].in);
        }
        free(w->by_rows[k]);
    }
    free(w->row);
    free(w->spread);
    pal_tensor_free(w->buffer);
    pal_context_free(w->context);
    free(w);
}
