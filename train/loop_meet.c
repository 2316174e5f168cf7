/* loop_meet.c - whether the processes that train together have the same arguments.
 *
 * In: those of this process. Out: PAL_OK in all, or the same error in all, which names what differs. Each process gives
 * a view of its arguments, hashes and short texts; all compare all. Why not only a sum of all hashes: the error would
 * not say what is wrong. */
#include <stdlib.h>
#include <string.h>

#include "train/loop.h"

enum { VERSION = 32, KERNELS = 192 };

typedef struct view { /* what has to be equal, and is known by its hash or its text */
    char version[VERSION], kernels[KERNELS];
    uint64_t settings, data, weights;
} view;

typedef struct part {
    const char *name, *remedy;
    size_t offset, size;
    bool text;
} part;

/* Data before settings, because the default of a setting may follow from the data. */
static const part parts[] = {
    {"another version of Palindrome", "start the same one everywhere", offsetof(view, version), VERSION, true},
    {"other data", "give all processes the same files", offsetof(view, data), sizeof(uint64_t), false},
    {"other settings", "give all processes the same options", offsetof(view, settings), sizeof(uint64_t), false},
    {"other kernels", "choose processors of one kind, or give --portable", offsetof(view, kernels), KERNELS, true},
    {"other weights", "begin with the same ones everywhere", offsetof(view, weights), sizeof(uint64_t), false},
};

/* Of all that run.json records of them, and of the rest. */
static pal_status hash_settings(const palt__loop *l, uint64_t *out, pal_error *err)
{
    const pal_train_options *o = &l->o;
    const pal_variant *v = pal_model_variant(l->model);
    const pal_option *option = NULL;
    size_t n = 0, all = 1;
    while ((option = pal_variant_option_next(v, option))) all++;
    pal_setting *settings = calloc(all, sizeof *settings);
    for (option = NULL; settings && (option = pal_variant_option_next(v, option));)
        if (pal_model_setting(l->model, option->name))
            settings[n++] = (pal_setting){option->name, pal_model_setting(l->model, option->name)};
    pal_run_info info = {.model = v->name,
                         .settings = settings,
                         .n_settings = n,
                         .batch = o->batch,
                         .accumulate = o->accumulate,
                         .epochs = o->epochs,
                         .seed = (int64_t)o->seed,
                         .test_every = o->test_every,
                         .minimise = o->minimise,
                         .gradient_sizes = o->gradient_sizes,
                         .patience = o->patience,
                         .min_improvement = o->min_improvement,
                         .keep_best = o->keep_best,
                         .time_limit = o->time_limit,
                         .shards = o->shards,
                         .result = palt__no_result};
    if (o->schedule) info.schedule = *o->schedule;
    if (o->optimizer && palt__optimizer_read(&info.optimizer, o->optimizer))
        info.optimizer = (pal_optimizer_options){0}; /* refused later */
    json_t *json = settings ? palt__info_write(&info) : NULL;
    char *text = json ? palt__json_text(json, JSON_COMPACT) : NULL;
    const int64_t more[] = {o->resume,
                            o->extend != NULL,
                            o->check_nan,
                            o->folder != NULL,
                            o->test != NULL,
                            o->profile != 0,
                            pal_model_dtype(l->model),
                            palt__features(l->model)};
    if (text) *out = pal_hash(pal_hash(0, text, strlen(text)), more, sizeof more);
    const bool good = text != NULL;
    free(text);
    json_decref(json);
    free(settings);
    return good ? PAL_OK : palt__no_memory(err);
}

static pal_status see(const palt__loop *l, view *out, pal_error *err)
{
    const pal_context *c = pal_model_context(l->model);
    pal_fingerprint data;
    memset(out, 0, sizeof *out);
    snprintf(out->version, sizeof out->version, "%s", pal_version());
    snprintf(out->kernels, sizeof out->kernels, "%s, %s, subnormals %s, %u lanes", pal_context_isa(c),
             pal_context_blas(c), pal_context_subnormals(c) ? "kept" : "flushed",
             l->o.lanes ? l->o.lanes : pal_context_lanes(c));
    pal_fingerprint_of(l->data, l->o.test, &data);
    for (size_t i = 0; i < PAL_FINGERPRINT; i++) out->data = pal_hash(out->data, data.text[i], strlen(data.text[i]));
    const bool replaced = l->o.resume && l->o.folder && pal_rundir_saved(l->o.folder); /* by those of the checkpoint */
    const pal_tensor *t;
    for (size_t i = 0; !replaced && (t = pal_model_parameter(l->model, i, NULL)); i++)
        out->weights = pal_hash(out->weights, t->data, pal_tensor_bytes(t));
    return hash_settings(l, &out->settings, err);
}

static pal_status differ(const part *p, const view *mine, const view *first, int rank, int size, pal_error *err)
{
    const char *is = (const char *)mine + p->offset, *was = (const char *)first + p->offset;
    if (!p->text)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "process %d of %d has %s than process 0: %s", rank, size, p->name,
                             p->remedy);
    return pal_error_set(err, PAL_ERR_ARGUMENT, "process %d of %d has %s than process 0 (%s instead of %s): %s", rank,
                         size, p->name, is, was, p->remedy);
}

static pal_status compare(const view *all, int size, pal_error *err)
{
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        for (int rank = 1; rank < size; rank++)
            if (memcmp((const char *)&all[rank] + parts[i].offset, (const char *)all + parts[i].offset, parts[i].size))
                return differ(&parts[i], &all[rank], all, rank, size, err);
    return PAL_OK;
}

pal_status palt__loop_meet(palt__loop *l, pal_error *err)
{
    palt__together *t = &l->together;
    if (!t->communicator) return l->o.folder ? palt__rundir_meet(l->o.folder, t, NULL, err) : PAL_OK;
    const int size = t->communicator->size;
    view mine, *all = calloc((size_t)size, sizeof *all);
    pal_status status = all ? see(l, &mine, err) : palt__no_memory(err);
    status = palt__agree(t, status, err);
    if (!status) {
        status = pal_communicator_gather(t->communicator, &mine, sizeof mine, all, err);
        t->failed |= status != PAL_OK;
    }
    if (!status) status = compare(all, size, err);
    free(all);
    if (!status && l->o.folder) status = palt__rundir_meet(l->o.folder, t, pal_model_context(l->model), err);
    return status;
}
