/* stage.c - one program over a batch of fixed size. pass.c runs such programs over all samples of a data set.
 *
 * Training, evaluation and pictures differ only in what they record from the input on. This file has the common parts:
 * making the input, the tape and the program, and running the program with the next batch. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "autograd/operation.h"
#include "train/internal.h"

double palt__seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

int64_t palt__features(const pal_model *model) { return pal_shape_count(pal_model_sample(model)); }

pal_var palt__corrupted(pal_model *model, const palt__inputs *in)
{
    if (in->corrupted.id || !pal_model_variant(model)->corrupt) return in->corrupted;
    return pal_model_corrupt(model, in->x);
}

pal_distribution palt__code_posterior(pal_model *model, pal_var target, pal_var code)
{
    const pal_distribution q = pal_model_posterior(model, target);
    const pal_shape of = pal_shape_of(code), have = pal_shape_of(q.parameters);
    if (!pal_ok(code) || !pal_ok(q.parameters)) return (pal_distribution){.parameters = {.tape = target.tape}};
    const int64_t units = of.dim[0] ? pal_shape_count(of) / of.dim[0] : 0;
    if (q.k == units && have.dim[0] == of.dim[0]) return q;
    pal_tape_fail(target.tape, PAL_ERR_SHAPE,
                  "posterior: %lld rows of %lld numbers do not match %lld codes of %lld units", (long long)have.dim[0],
                  (long long)q.k, (long long)of.dim[0], (long long)units);
    return (pal_distribution){.parameters = {.tape = target.tape}};
}

static size_t record_corruption(pal_model *corruptor, const palt__inputs *in, pal_var *outputs, void *user)
{
    (void)user;
    pal_model_begin(corruptor, in->tape, PAL_EVALUATE);
    outputs[0] = pal_model_corrupt(corruptor, in->x);
    pal_model_end(corruptor);
    return 1;
}

/* Sets the error of a tape or of a program, with the name of the variant that recorded it. */
static pal_status blame(const pal_model *model, pal_status status, const char *why, pal_error *err)
{
    if (!why) return palt__no_memory(err);
    return pal_error_set(err, status, "%s: %s", pal_model_variant(model)->name, why);
}

/* Records, and compiles unless only the record is checked. */
static pal_status compile(pal_model *model, palt__stage *stage, const palt__stage_options *o, pal_program **program,
                          pal_error *err)
{
    pal_tape *tape = pal_tape_new(pal_model_context(model), pal_model_dtype(model));
    if (!tape) return palt__no_memory(err);
    pal_var *outputs = calloc(PALT__STAGE_OUTPUTS + o->more, sizeof *outputs);
    if (!outputs) {
        pal_tape_free(tape);
        return palt__no_memory(err);
    }
    if (o->shards) pal_tape_share(tape, o->shards);
    palt__inputs in = {.tape = tape, .x = pal_leaf_rows(tape, stage->input, "inputs"), .corrupted = {.tape = tape}};
    if (o->corruptor) in.corrupted = pal_leaf_rows(tape, stage->corrupted, "corrupted");
    if (stage->labels) in.labels = pal_leaf_rows(tape, stage->labels, "labels");
    if (stage->known) in.known = pal_leaf_rows(tape, stage->known, "known");
    in.labelled_from = stage->labelled_from;
    const size_t n = o->record(model, &in, outputs, o->user);
    const pal_compile_options options = {.struct_size = sizeof options,
                                         .lanes = o->lanes,
                                         .effects = o->effects,
                                         .check_nan = o->check_nan,
                                         .profile = o->profile,
                                         .divide = o->divide};
    if (n && !o->record_only && !o->moving) *program = pal_compile(tape, outputs, n, &options);
    if (n && !o->record_only && o->moving) {
        pal_compile_halves(tape, outputs, n, o->moving, o->n_moving, &options, &stage->halves);
        *program = stage->halves.again;
    }
    const bool good = n && !pal_tape_status(tape) && (o->record_only || *program);
    const pal_status status = good ? PAL_OK : blame(model, pal_tape_status(tape), pal_tape_error(tape), err);
    pal_tape_free(tape);
    free(outputs);
    return status;
}

static pal_status compile_all(palt__stage *stage, pal_model *model, const palt__stage_options *o, pal_error *err)
{
    stage->model = model;
    stage->corruptor = o->corruptor;
    if (o->corruptor) {
        const palt__stage_options corruption = {
            .rows = o->rows, .lanes = o->lanes, .record = record_corruption, .record_only = o->record_only};
        const pal_status status = compile(o->corruptor, stage, &corruption, &stage->corrupt, err);
        if (status) return status;
    }
    return compile(model, stage, o, &stage->program, err);
}

/* Of this process. */
static int64_t local_shards(const pal_shards *s)
{
    int64_t first, local;
    pal_shards_of(s->count, s->communicator ? s->communicator->size : 1, s->communicator ? s->communicator->rank : 0,
                  &first, &local);
    return local;
}

palt__stage *palt__stage_new(pal_model *model, const palt__stage_options *o, pal_error *err)
{
    const int64_t classes = o->labels ? pal_model_classes(model) : 0;
    pal_shape shape = PAL_SHAPE(o->rows, palt__features(model));
    palt__stage *stage = calloc(1, sizeof *stage);
    if (stage) {
        stage->rows = o->rows;
        stage->labelled_from = o->labelled_from;
        stage->local = o->shards ? local_shards(o->shards) : 1;
        stage->together = o->shards && o->shards->communicator && o->shards->communicator->size > 1;
        if (classes)
            stage->labels =
                pal_tensor_new(pal_model_context(model), pal_model_dtype(model), PAL_SHAPE(o->rows, classes));
        stage->input = pal_tensor_new(pal_model_context(model), pal_model_dtype(model), shape);
        if (o->corruptor) stage->corrupted = pal_tensor_new(pal_model_context(model), pal_model_dtype(model), shape);
        if (o->known) stage->known = pal_tensor_new(pal_model_context(model), pal_model_dtype(model), shape);
    }
    if (!stage || !stage->input || (o->known && !stage->known) || (classes && !stage->labels) ||
        (o->corruptor && !stage->corrupted))
        pal_error_set(err, PAL_ERR_MEMORY, "out of memory for a batch of %lld samples", (long long)o->rows);
    else if (!compile_all(stage, model, o, err))
        return stage;
    palt__stage_free(stage);
    return NULL;
}

void palt__stage_free(palt__stage *stage)
{
    if (!stage) return;
    if (stage->halves.again)
        pal_halves_free(&stage->halves);
    else
        pal_program_free(stage->program);
    pal_program_free(stage->corrupt);
    pal_tensor_free(stage->corrupted);
    pal_tensor_free(stage->known);
    pal_tensor_free(stage->labels);
    pal_tensor_free(stage->input);
    free(stage);
}

static pal_status run(const pal_model *model, pal_program *program, pal_noise noise, pal_error *err)
{
    pal_program_set_noise(program, noise);
    const pal_status status = pal_run(program);
    return status ? blame(model, status, pal_program_error(program), err) : PAL_OK;
}

/* The rows of a batch, divided among the workers: with one alone, loading takes a twentieth of a small step. */
enum { GATHERED_AT_ONCE = 16 };

typedef struct gather {
    const pal_dataset *data;
    const uint32_t *rows;
    const pal_tensor *to;
    atomic_int status; /* of a part that failed; PAL_OK: none */
} gather;

static void gather_part(void *argument, size_t part, unsigned worker)
{
    gather *g = argument;
    const size_t first = part * GATHERED_AT_ONCE, all = (size_t)g->to->shape.dim[0];
    const size_t n = all - first < GATHERED_AT_ONCE ? all - first : GATHERED_AT_ONCE;
    pal_tensor to = *g->to;
    (void)worker;
    to.data = (char *)g->to->data + pal_tensor_bytes(g->to) / all * first;
    to.shape.dim[0] = (int64_t)n;
    const pal_status status = pal_dataset_batch(g->data, g->rows + first, n, &to);
    if (status) g->status = (int)status;
}

static pal_status gather_all(palt__stage *stage, const pal_dataset *data, const uint32_t *rows)
{
    gather g = {.data = data, .rows = rows, .to = stage->input, .status = PAL_OK};
    const size_t parts = ((size_t)stage->rows + GATHERED_AT_ONCE - 1) / GATHERED_AT_ONCE;
    pal_parallel(pal_model_context(stage->model), parts, gather_part, &g);
    return (pal_status)g.status;
}

/* Of the samples that come before the labelled ones, in each shard. */
static void hide_labels(palt__stage *stage)
{
    const size_t row = pal_tensor_bytes(stage->labels) / (size_t)stage->rows;
    const size_t shard = (size_t)(stage->rows / stage->local) * row;
    for (int64_t i = 0; i < stage->local; i++)
        memset((char *)stage->labels->data + (size_t)i * shard, 0, (size_t)stage->labelled_from * row);
}

static void scale_labels(palt__stage *stage)
{
    const size_t classes = (size_t)stage->labels->shape.dim[1];
    for (size_t i = 0; i < (size_t)stage->rows * classes; i++)
        pal_tensor_set(stage->labels, i, pal_tensor_get(stage->labels, i) * stage->shares[i / classes]);
}

static pal_status fill(palt__stage *stage, const pal_dataset *data, const uint32_t *rows, pal_noise noise,
                       pal_error *err)
{
    pal_status status = gather_all(stage, data, rows);
    if (status) { /* again, to say why */
        const pal_status why = pal_dataset_gather(data, rows, (size_t)stage->rows, stage->input, err);
        return why ? why : pal_error_set(err, status, "%s: a batch could not be gathered", data->name);
    }
    if (stage->known && (status = pal_dataset_known(data, rows, (size_t)stage->rows, stage->known)))
        return pal_error_set(err, status, "%s: a batch could not be gathered", data->name);
    if (stage->labels) {
        status = pal_dataset_one_hot(data, rows, (size_t)stage->rows, stage->labels);
        if (status)
            return pal_error_set(err, status, "%s: some labels are out of range: the model has %lld classes",
                                 data->name, (long long)stage->labels->shape.dim[1]);
        hide_labels(stage);
        if (stage->shares) scale_labels(stage);
    }
    if (stage->corrupt) {
        status = run(stage->corruptor, stage->corrupt, noise, err);
        if (status) return status;
        memcpy(stage->corrupted->data, pal_output(stage->corrupt, 0)->data, pal_tensor_bytes(stage->corrupted));
    }
    return PAL_OK;
}

void palt__stage_skip(palt__stage *stage, pal_noise noise)
{
    if (!stage->together) return;
    pal_program_raise(stage->program, PALT__FAILED);
    run(stage->model, stage->program, noise, NULL);
}

pal_status palt__stage_run(palt__stage *stage, const pal_dataset *data, const uint32_t *rows, pal_noise noise,
                           pal_error *err)
{
    pal_status status = fill(stage, data, rows, noise, err);
    if (status) palt__stage_skip(stage, noise);
    if (!status && stage->renew) status = run(stage->model, stage->halves.once, noise, err);
    if (!status) status = run(stage->model, stage->program, noise, err);
    if (status || !stage->together || !(pal_program_raised(stage->program) & PALT__FAILED)) return status;
    return pal_error_set(err, PAL_ERR_IO, "%s", PALT__ELSEWHERE "a batch could not be gathered");
}
