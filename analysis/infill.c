/* infill.c - fills in missing pixels by one of three methods, which differ in what a step is.
 *
 * once and clamp: z <- known ? z : reconstruct(z), starting from the filled sample, for one step or for many. The
 * reconstruction of a linear autoencoder is a projection onto a subspace; clamp then converges to the point with the
 * known pixels that is nearest to the subspace.
 *
 * code: a step of Adam on the code h, with the negative log-likelihood of the known pixels as the loss. The code must
 * remain one that the encoder could produce. So it stays in the range of the encoder's activation. If the encoder keeps
 * some units and sets the others to 0, as k-sparse does, the units kept for the filled sample stay the same.
 *
 * What is missing is the same for all samples, or has a row for each of them (palt__infill).
 *
 * The step is one program over a batch. Between steps no data goes to the host, except the code for its projection. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/ops.h"
#include "analysis/internal.h"

enum { BATCH = 128 };

typedef struct batch { /* what is needed for a batch of `rows` samples */
    int64_t rows;
    pal_tensor *z, *missing, *known, *code; /* [rows, features]; bool and real [features] or as z; the codes */
    pal_program *start, *step, *end;        /* z to codes; one step; codes to means. start and end may be NULL */
    pal_optimizer *adam;
} batch;

typedef struct filling {
    pal_model *model;
    pal_infill_options o;
    const uint8_t *missing; /* [features], or a row for each sample */
    bool each;              /* a row for each sample */
    int64_t features;
    double low, high; /* range of a code */
    bool chosen;      /* the encoder keeps only some units: units that start at 0 stay 0 */
    batch b;
} filling;

/* ---- What a step is ------------------------------------------------------------------------------------------- */

static pal_program *compile(const filling *f, pal_tape *tape, pal_var output, bool effects)
{
    return pal_compile(
        tape, &output, 1,
        &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .lanes = f->o.lanes, .effects = effects});
}

static void make_reconstruction(filling *f, pal_tape *tape, pal_var z)
{
    pal_var mean = pal_model_reconstruct(f->model, z);
    pal_var missing = pal_leaf(tape, f->b.missing, "missing");
    pal_assign(z, pal_where(missing, mean, z));
    f->b.step = compile(f, tape, mean, true);
}

/* Skips operations that only move values. Sets *chosen if one of them places the values among zeros. */
static pal_var past_placement(pal_var code, bool *chosen)
{
    for (const pal_op *op; (op = pal_op_of(code)); code = pal_operand(code, 0)) {
        const bool among_zeros = !strcmp(op->name, "gather_add") || !strcmp(op->name, "scatter_add");
        const bool picks = !strcmp(op->name, "gather") || !strcmp(op->name, "take");
        if (op->op_class != PAL_CLASS_MOVEMENT && !among_zeros && !picks) break;
        *chosen |= among_zeros;
    }
    return code;
}

/* Finds the range of the encoder's last operation; unlimited if it is not in the table. */
static void find_range(filling *f, pal_var code)
{
    static const struct {
        const char *name;
        double low, high;
    } ranges[] = {{"sigmoid", 0, 1}, {"tanh", -1, 1}, {"relu", 0, INFINITY}, {"softplus", 0, INFINITY}};
    f->low = -INFINITY;
    f->high = INFINITY;
    f->chosen = false;
    code = past_placement(code, &f->chosen);
    const char *name = pal_op_of(code) ? pal_op_of(code)->name : "";
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        if (strcmp(name, ranges[i].name) != 0) continue;
        f->low = ranges[i].low;
        f->high = ranges[i].high;
    }
}

static void make_fit(filling *f, pal_tape *tape, pal_var z)
{
    pal_error err = {0};
    pal_model *m = f->model;
    pal_var start = pal_model_encode(m, z), gradient;
    if (!pal_ok(start)) return;
    find_range(f, start);
    f->b.code = pal_tensor_new(pal_model_context(m), pal_model_dtype(m), pal_shape_of(start));
    if (!f->b.code) {
        pal_tape_fail(tape, PAL_ERR_MEMORY, "infill: out of memory");
        return;
    }
    pal_var code = pal_leaf(tape, f->b.code, "code"), known = pal_leaf(tape, f->b.known, "known");
    pal_var decoded = pal_model_variant(m)->decode(m, code);
    pal_var loss = pal_nll_of_known(m, decoded, pal_mul(z, known), known);
    loss = pal_scale(loss, (double)f->b.rows); /* undoes the mean, so that a row is fitted as it would be alone */
    pal_grad(loss, &code, 1, &gradient);
    const pal_optimizer_options adam = {.struct_size = sizeof adam, .name = "adam"};
    f->b.adam = pal_optimizer_new(pal_model_context(m), &adam, &f->b.code, (const char *[]){"code"}, 1, &err);
    if (!f->b.adam) {
        pal_tape_fail(tape, err.status, "infill: %s", err.text);
        return;
    }
    pal_optimizer_record(f->b.adam, tape, &code, &gradient, 1);
    pal_var mean = pal_output_mean(m, decoded);
    f->b.start = compile(f, tape, start, false);
    f->b.step = compile(f, tape, loss, true);
    f->b.end = compile(f, tape, mean, false);
}

static const struct {
    const char *name;
    int64_t steps; /* the default */
    void (*make)(filling *f, pal_tape *tape, pal_var z);
} methods[PAL_INFILL_METHODS] = {
    [PAL_INFILL_ONCE] = {"once", 1, make_reconstruction},
    [PAL_INFILL_CLAMP] = {"clamp", 50, make_reconstruction},
    [PAL_INFILL_CODE] = {"code", 200, make_fit},
};

const char *pal_infill_name(pal_infill_method method)
{
    return (unsigned)method < PAL_INFILL_METHODS ? methods[method].name : NULL;
}

/* ---- A batch -------------------------------------------------------------------------------------------------- */

static void clear(batch *b)
{
    pal_program_free(b->start);
    pal_program_free(b->step);
    pal_program_free(b->end);
    pal_optimizer_free(b->adam);
    pal_tensor_free(b->z);
    pal_tensor_free(b->missing);
    pal_tensor_free(b->known);
    pal_tensor_free(b->code);
    *b = (batch){0};
}

static void mark(const filling *f, int64_t row, const uint8_t *missing)
{
    for (int64_t i = 0; i < f->features; i++) {
        pal_tensor_set(f->b.missing, (size_t)(row * f->features + i), missing[i] != 0);
        pal_tensor_set(f->b.known, (size_t)(row * f->features + i), missing[i] == 0);
    }
}

static pal_status prepare(filling *f, int64_t rows, pal_error *err)
{
    pal_context *context = pal_model_context(f->model);
    const pal_dtype dtype = pal_model_dtype(f->model);
    batch *b = &f->b;
    if (b->rows == rows) return PAL_OK;
    clear(b);
    b->z = pal_tensor_new(context, dtype, PAL_SHAPE(rows, f->features));
    const pal_shape marks = f->each ? PAL_SHAPE(rows, f->features) : PAL_SHAPE(f->features);
    b->missing = pal_tensor_new(context, PAL_BOOL, marks);
    b->known = pal_tensor_new(context, dtype, marks);
    pal_tape *tape = pal_tape_new(context, dtype);
    if (b->z && b->missing && b->known && tape) {
        b->rows = rows;
        if (!f->each) mark(f, 0, f->missing);
        pal_model_begin(f->model, tape, PAL_EVALUATE);
        methods[f->o.method].make(f, tape, pal_leaf(tape, b->z, "z"));
        pal_model_end(f->model);
    }
    const char *why = tape ? pal_tape_error(tape) : NULL;
    pal_status status = b->step && !why ? PAL_OK : why ? pal_tape_status(tape) : PAL_ERR_MEMORY;
    if (status) pal_error_set(err, status, "%s", why ? why : "infill: out of memory");
    pal_tape_free(tape);
    return status;
}

static pal_status run(pal_program *program, pal_error *err)
{
    pal_status status = program ? pal_run(program) : PAL_OK;
    return status ? pal_error_set(err, status, "%s", pal_program_error(program)) : PAL_OK;
}

static const uint8_t *missing_of(const filling *f, size_t sample)
{
    return f->each ? f->missing + sample * (size_t)f->features : f->missing;
}

/* Puts a sample into a row of the batch. */
static void put_sample(const filling *f, const float *x, size_t sample, int64_t row)
{
    const uint8_t *missing = missing_of(f, sample);
    x += sample * (size_t)f->features;
    for (int64_t i = 0; i < f->features; i++) {
        const float fill = f->o.fill ? f->o.fill[i] : 0;
        pal_tensor_set(f->b.z, (size_t)(row * f->features + i), (double)(missing[i] ? fill : x[i]));
    }
    if (f->each) mark(f, row, missing);
}

/* Sets the codes to those of the filled samples, and resets Adam. */
static pal_status begin_fit(const batch *b, pal_error *err)
{
    if (!b->start) return PAL_OK;
    pal_status status = run(b->start, err);
    if (status) return status;
    memcpy(b->code->data, pal_output(b->start, 0)->data, pal_tensor_bytes(b->code));
    for (size_t i = 0; i < pal_optimizer_state_count(b->adam); i++) {
        pal_tensor *state = pal_optimizer_state(b->adam, i, NULL);
        memset(state->data, 0, pal_tensor_bytes(state));
    }
    return PAL_OK;
}

static void project(const filling *f)
{
    const size_t n = f->b.code ? pal_tensor_count(f->b.code) : 0;
    const pal_tensor *first = n && f->chosen ? pal_output(f->b.start, 0) : NULL;
    for (size_t i = 0; i < n; i++) {
        const double h = pal_tensor_get(f->b.code, i);
        if (first && pal_tensor_get(first, i) == 0)
            pal_tensor_set(f->b.code, i, 0);
        else if (h < f->low || h > f->high)
            pal_tensor_set(f->b.code, i, h < f->low ? f->low : f->high);
    }
}

/* Takes all steps for one batch of samples, which starts at sample `from`. */
static pal_status fill_batch(filling *f, const float *x, size_t from, size_t n, float *out, pal_error *err)
{
    const batch *b = &f->b;
    const size_t d = (size_t)f->features;
    for (int64_t row = 0; row < b->rows; row++) put_sample(f, x, from + (size_t)row, row);
    pal_status status = begin_fit(b, err);
    const pal_schedule schedule = {
        .name = "cosine", .learning_rate = f->o.learning_rate, .total = (uint64_t)f->o.steps};
    for (int64_t step = 0; !status && step < f->o.steps; step++) {
        const double steps = (double)f->o.steps, batches = (double)b->rows / (double)n;
        const double done = (double)from / (double)n + batches * (double)step / steps;
        if (f->o.progress && f->o.progress(done, f->o.user)) return pal_error_set(err, PAL_ERR_STOPPED, "stopped");
        if (b->adam)
            pal_optimizer_set_step(b->adam, (uint64_t)step + 1, pal_schedule_rate(&schedule, (uint64_t)step + 1));
        status = run(b->step, err);
        if (b->adam) project(f);
    }
    if (!status) status = run(b->end, err);
    if (status) return status;
    const pal_tensor *means = pal_output(b->end ? b->end : b->step, 0);
    for (size_t i = 0; i < (size_t)b->rows * d; i++) {
        const float mean = (float)pal_tensor_get(means, i);
        const size_t to = from * d + i;
        if (!isfinite(mean))
            return pal_error_set(err, PAL_ERR_NUMERIC, "infill: sample %zu is no longer finite%s", to / d,
                                 b->adam ? ": lower the learning rate" : "");
        if (f->o.means) f->o.means[to] = mean;
        out[to] = missing_of(f, to / d)[i % d] ? mean : x[to];
    }
    return PAL_OK;
}

/* ---- All rows ------------------------------------------------------------------------------------------------- */

static pal_status check(const filling *f, const float *x, size_t n, const float *out, pal_error *err)
{
    const pal_infill_options *o = &f->o;
    if ((unsigned)o->method >= PAL_INFILL_METHODS)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "infill: unknown method %d", (int)o->method);
    if (!f->missing || (n && (!x || !out))) return pal_error_set(err, PAL_ERR_ARGUMENT, "infill: a buffer is NULL");
    if (o->steps < 0 || o->batch < 0 || !(o->learning_rate >= 0 && o->learning_rate < INFINITY))
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "infill: %lld steps at a rate of %g in batches of %lld: choose finite numbers, 0 or more",
                             (long long)o->steps, o->learning_rate, (long long)o->batch);
    return PAL_OK;
}

pal_status palt__infill(pal_model *model, const float *x, const uint8_t *missing, bool each, size_t n,
                        const pal_infill_options *given, float *out, pal_error *err)
{
    filling f = {.model = model, .missing = missing, .each = each, .features = palt__features(model)};
    pal_error own = {0};
    if (pal_options_read(&f.o, given, sizeof f.o, sizeof f.o, "infill", err)) return PAL_ERR_ARGUMENT;
    pal_status status = check(&f, x, n, out, &own);
    if (!status) {
        if (!f.o.steps || f.o.method == PAL_INFILL_ONCE) f.o.steps = methods[f.o.method].steps;
        if (!f.o.batch) f.o.batch = BATCH;
        if (!(f.o.learning_rate > 0)) f.o.learning_rate = 0.02;
    }
    for (size_t done = 0; !status && done < n; done += (size_t)f.b.rows) {
        const size_t left = n - done, most = (size_t)f.o.batch;
        status = prepare(&f, (int64_t)(left < most ? left : most), &own);
        if (!status) status = fill_batch(&f, x, done, n, out, &own);
    }
    clear(&f.b);
    return status ? pal_error_set(err, own.status, "%s", own.text) : PAL_OK;
}

pal_status pal_infill(pal_model *model, const float *x, const uint8_t *missing, size_t n,
                      const pal_infill_options *options, float *out, pal_error *err)
{
    return palt__infill(model, x, missing, false, n, options, out, err);
}
