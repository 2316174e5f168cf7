/* open.c - opens a data set: read once, split, learn levels and scaling from the training samples, make a data set of
 * each part.
 *
 * Small arrays are copied into the parts, and what was read is freed. A large array that is mapped stays in its file:
 * each part has a list of its rows or, of more than 2^24 rows, a rule (permutation.c), and batch.c scales what it
 * takes. */
#include "data/open.h"
#include "data/store.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEST_PART = 6, SEED = 1 };
#define MAPPED_LEAST ((size_t)128 << 20) /* bytes; smaller files are copied, so that nobody can change them */

typedef struct opening {
    pal_context *context;
    const pal_data_source *from;
    const char *path;
    unsigned wanted;
    pal_data *out;
    pal_error *err;
    pal_note note, unlike;
    palt__pool own, other[PAL_SPLITS]; /* other: files that options test and validation name */
    uint32_t *rows[PAL_SPLITS];        /* of own.train */
    size_t n[PAL_SPLITS];
    bool is_other[PAL_SPLITS];
    bool ruled; /* too many rows for lists: each part has n rows of one order, one part after the other */
    uint64_t seed;
} opening;

static const char *option(const opening *o, const char *name) { return palt__data_option(o->from->options, name); }
static int64_t rows_in(const palt__raw *raw) { return raw->values ? raw->values->shape.dim[0] : 0; }
static bool wants(const opening *o, pal_split split) { return o->wanted & 1U << split; }

/* ---- Reading ---------------------------------------------------------------------------------------------------- */

static pal_status check_rows(const palt__raw *raw, const char *path, int64_t least, pal_error *err)
{
    char text[96];
    const int64_t rows = rows_in(raw);
    if (raw->values->shape.rank > 0 && rows >= least && rows <= UINT32_MAX && pal_tensor_count(raw->values) > 0)
        return PAL_OK;
    if (rows > UINT32_MAX)
        return pal_error_set(err, PAL_ERR_FORMAT, "%s: has %lld samples, and at most %lu are read: split the file",
                             palt__shown_path(path), (long long)rows, (unsigned long)UINT32_MAX);
    if (raw->schema && rows < least)
        return pal_error_set(err, PAL_ERR_FORMAT,
                             "%s: has %lld row, expected at least %lld, one to train and one to test: add rows",
                             palt__shown_path(path), (long long)rows, (long long)least);
    return pal_error_set(err, PAL_ERR_FORMAT,
                         "%s: the array is %s, expected at least %lld sample%s on its first axis%s",
                         palt__shown_path(path), pal_shape_text(raw->values->shape, text, sizeof text),
                         (long long)least, least == 1 ? "" : "s",
                         raw->values->shape.rank < 1 || rows < least
                             ? least > 1 ? ", one to train and one to test: add samples" : ": add samples"
                             : ", with at least one number each: write them again");
}

/* A NAN is a missing cell. */
static pal_status check_missing(const palt__raw *raw, const char *path, pal_error *err)
{
    const size_t count = pal_tensor_count(raw->values), row = count / (size_t)rows_in(raw);
    size_t bad = 0;
    while (bad < count && !isinf(pal_tensor_get(raw->values, bad))) bad++;
    if (bad == count) return PAL_OK;
    return pal_error_set(err, PAL_ERR_FORMAT,
                         "%s: sample %zu, element %zu (from 0) is %g, expected a finite number, or nan for a missing "
                         "cell",
                         palt__shown_path(path), bad / row, bad % row, pal_tensor_get(raw->values, bad));
}

static bool stays_mapped(const opening *o, const palt__raw *raw)
{
    return raw->map && raw->map_bytes >= MAPPED_LEAST && !o->from->rows;
}

/* Numbers of a file that stays mapped are looked at when they are used. */
static pal_status check_finite(const opening *o, const palt__raw *raw, const char *path, pal_error *err)
{
    if (raw->schema || stays_mapped(o, raw)) return PAL_OK;
    if (o->from->rows) return check_missing(raw, path, err);
    const size_t count = pal_tensor_count(raw->values), row = count / (size_t)rows_in(raw);
    const size_t bad = pal_tensor_finite(raw->values);
    if (bad == count) return PAL_OK;
    return pal_error_set(
        err, PAL_ERR_FORMAT,
        "%s: sample %zu, element %zu (from 0) is %g, expected a finite number: fill it in or remove the sample",
        palt__shown_path(path), bad / row, bad % row, pal_tensor_get(raw->values, bad));
}

static palt__request reading_of(opening *o, const char *path)
{
    return (palt__request){o->context,    path,     o->from->options, o->from->progress,
                           o->from->user, &o->note, o->from->whole,   o->from->npy};
}

/* A file that option `test` or `validation` names; *is: it names one. */
static pal_status read_other(opening *o, pal_split split, const char *name)
{
    int64_t ignored;
    const char *text = option(o, name);
    if (!text || palt__split_count(text, 1, &ignored)) return PAL_OK;
    if (strspn(text, "0123456789.+-eE") == strlen(text) && access(text, F_OK) != 0)
        return pal_error_set(o->err, PAL_ERR_ARGUMENT,
                             "--%s %.40s: give a share below 1, a whole number of samples, or a file", name, text);
    o->is_other[split] = true;
    if (!wants(o, split)) return PAL_OK;
    const palt__request r = reading_of(o, text);
    pal_status status = palt__pool_read(&o->other[split], &r, 1U << PALT__TRAINING, o->err);
    if (!status) status = check_rows(&o->other[split].train, text, 1, o->err);
    return status ? status : check_finite(o, &o->other[split].train, text, o->err);
}

static pal_status read_all(opening *o)
{
    const palt__request r = reading_of(o, o->path);
    const char *scaling = option(o, "scale");
    const bool learns = !o->from->schema && scaling && strcmp(scaling, "none") != 0;
    const bool train = learns || (o->wanted & ~(1U << PAL_SPLIT_TEST));
    pal_status status = palt__pool_read(
        &o->own, &r, (train ? 1U << PALT__TRAINING : 0) | (wants(o, PAL_SPLIT_TEST) ? 1U << PALT__TESTING : 0), o->err);
    const bool whole = o->from->whole || o->own.has_test;
    if (!status && o->own.train.values) status = check_rows(&o->own.train, o->path, whole ? 1 : 2, o->err);
    if (!status && o->own.train.values) status = check_finite(o, &o->own.train, o->path, o->err);
    if (!status && o->own.test.values) status = check_rows(&o->own.test, o->path, 1, o->err);
    if (!status) status = read_other(o, PAL_SPLIT_TEST, "test");
    return status ? status : read_other(o, PAL_SPLIT_VALIDATION, "validation");
}

/* ---- Splitting -------------------------------------------------------------------------------------------------- */

static pal_status list_all(opening *o)
{
    const int64_t all = rows_in(&o->own.train);
    o->n[PAL_SPLIT_TRAIN] = (size_t)all;
    o->ruled = all > (int64_t)PALT__LISTED_MOST && stays_mapped(o, &o->own.train);
    if (o->ruled || !all) return PAL_OK;
    o->rows[PAL_SPLIT_TRAIN] = malloc((size_t)all * sizeof **o->rows);
    if (!o->rows[PAL_SPLIT_TRAIN])
        return pal_error_set(o->err, PAL_ERR_MEMORY, "%s: no memory for its %lld samples", palt__shown_path(o->path),
                             (long long)all);
    for (int64_t i = 0; i < all; i++) o->rows[PAL_SPLIT_TRAIN][i] = (uint32_t)i;
    return PAL_OK;
}

/* Takes `count` of the training samples. At the tail: the last ones, as older versions did. */
static pal_status take(opening *o, pal_split split, int64_t count, const char *stream)
{
    size_t *left = &o->n[PAL_SPLIT_TRAIN];
    if (o->ruled || o->from->tail) {
        if (count < 1 || (size_t)count >= *left)
            return pal_error_set(o->err, PAL_ERR_ARGUMENT, "%s: %lld %s samples of %zu: choose 1 to %zu",
                                 palt__shown_path(o->path), (long long)count, stream, *left, *left - 1);
        *left -= (size_t)count;
        o->n[split] = (size_t)count;
        if (o->ruled) return PAL_OK;
        o->rows[split] = malloc((size_t)count * sizeof **o->rows);
        if (!o->rows[split])
            return pal_error_set(o->err, PAL_ERR_MEMORY, "%s: out of memory", palt__shown_path(o->path));
        memcpy(o->rows[split], o->rows[PAL_SPLIT_TRAIN] + *left, (size_t)count * sizeof **o->rows);
        return PAL_OK;
    }
    o->n[split] = (size_t)count;
    return palt__split_draw(o->rows[PAL_SPLIT_TRAIN], left, o->own.train.labels, count, o->seed, stream, o->path,
                            &o->rows[split], o->err);
}

/* The number of samples that an option asks for; -1: it is not given, or names a file. */
static int64_t asked(const opening *o, const char *name)
{
    int64_t count = -1;
    const char *text = option(o, name);
    if (text && !palt__split_count(text, (int64_t)o->n[PAL_SPLIT_TRAIN], &count)) count = -1;
    return count;
}

static void say_draw(opening *o, const char *what, size_t n)
{
    if (!o->from->tail)
        palt__note_add(&o->note, "%zu %s sample%s drawn by seed %llu%s", n, what, n == 1 ? "" : "s",
                       (unsigned long long)o->seed,
                       o->own.train.labels && !o->ruled ? " in proportion to the classes" : "");
}

static pal_status split(opening *o)
{
    const bool own_test = o->own.has_test || o->is_other[PAL_SPLIT_TEST];
    const int64_t all = rows_in(&o->own.train), sixth = all / TEST_PART > 0 ? all / TEST_PART : 1;
    pal_status status = list_all(o);
    if (status || !all) return status;
    if (o->from->whole && !o->own.has_test) {
        o->rows[PAL_SPLIT_TEST] = o->rows[PAL_SPLIT_TRAIN];
        o->n[PAL_SPLIT_TEST] = (size_t)all;
        o->rows[PAL_SPLIT_TRAIN] = NULL;
        o->n[PAL_SPLIT_TRAIN] = 0;
        return PAL_OK;
    }
    int64_t test = asked(o, "test");
    if (o->own.has_test && test >= 0)
        return pal_error_set(o->err, PAL_ERR_ARGUMENT, "%s has test samples of its own: leave out --test",
                             palt__shown_path(o->path));
    if (!own_test) {
        status = take(o, PAL_SPLIT_TEST, test >= 0 ? test : sixth, "test");
        if (!status) say_draw(o, "test", o->n[PAL_SPLIT_TEST]);
    }
    if (!status)
        status = palt__split_only(o->rows[PAL_SPLIT_TRAIN], &o->n[PAL_SPLIT_TRAIN], &o->own.train, o->from->options,
                                  o->path, o->err);
    int64_t validation = o->from->hold_out ? o->from->hold_out : asked(o, "validation");
    if (!status && (validation >= 0 || o->from->hold_out)) {
        status = take(o, PAL_SPLIT_VALIDATION, validation, "validation");
        if (!status) say_draw(o, "validation", o->n[PAL_SPLIT_VALIDATION]);
    }
    return status;
}

/* ---- Columns and scaling ---------------------------------------------------------------------------------------- */

/* By which rows are drawn where there are too many for lists; n is 0 if none are. */
static palt__permutation rule(const opening *o)
{
    if (!o->ruled || o->from->whole || o->from->tail) return (palt__permutation){.n = 0};
    return palt__permutation_of(o->seed, "split", 0, (uint64_t)rows_in(&o->own.train));
}

static pal_status learn(opening *o)
{
    palt__raw *raw = &o->own.train;
    const char *scaling = option(o, "scale");
    pal_status status = PAL_OK;
    if (o->from->schema) {
        if (raw->values) status = palt__match(raw, o->from->schema, o->path, &o->unlike, o->err);
    } else if (raw->values) {
        uint32_t *some = NULL;
        const uint32_t *rows = o->rows[PAL_SPLIT_TRAIN];
        size_t n = o->n[PAL_SPLIT_TRAIN];
        if (!rows && n) {
            const palt__permutation order = rule(o);
            rows = some = palt__rule_rows(raw, &order, &n);
            if (!some) return pal_error_set(o->err, PAL_ERR_MEMORY, "%s: out of memory", palt__shown_path(o->path));
        }
        const bool chosen = scaling != NULL;
        if (!scaling) scaling = palt__scale_default(raw, o->from->output);
        status =
            n ? palt__scale_learn(raw, scaling, palt__scale_cuts(o->from->output), rows, n, o->path, &o->note, o->err)
              : PAL_OK;
        if (!status && raw->schema)
            palt__note_add(&o->note, "numbers scaled: %s%s", scaling,
                           chosen            ? ""
                           : o->from->output ? " (follows the output)"
                                             : " (default)");
        free(some);
    }
    const pal_schema *schema = o->from->schema ? o->from->schema : raw->schema;
    if (!status && schema && o->own.test.values)
        status = palt__match(&o->own.test, schema, o->path, &o->unlike, o->err);
    for (int k = 0; k < PAL_SPLITS && !status && schema; k++)
        if (o->other[k].train.values)
            status = palt__match(&o->other[k].train, schema, option(o, k == PAL_SPLIT_TEST ? "test" : "validation"),
                                 &o->unlike, o->err);
    return status;
}

/* ---- Data sets -------------------------------------------------------------------------------------------------- */

/* The name of a part: that of the path; for "." or "..", that of the folder which it means. */
static void name_part(const opening *o, pal_split split, pal_dataset *d)
{
    pal_dataset_name_of(o->path, d->name, sizeof d->name);
    char *whole = *d->name == '.' ? realpath(o->path, NULL) : NULL;
    if (whole) pal_dataset_name_of(whole, d->name, sizeof d->name);
    free(whole);
    const size_t length = strlen(d->name);
    if (split == PAL_SPLIT_VALIDATION)
        snprintf(d->name + length, sizeof d->name - length, o->from->tail ? " (held out)" : " (validation)");
    d->note = o->note;
    d->unlike = o->unlike;
}

/* Takes over what stays in its file. *store stays NULL for all else. */
static pal_status store_of(const opening *o, palt__raw *raw, palt__permutation order, struct palt__store **store)
{
    *store = NULL;
    if (!stays_mapped(o, raw)) return PAL_OK;
    struct palt__store *s = calloc(1, sizeof *s);
    if (!s) return PAL_ERR_MEMORY;
    s->users = 1;
    s->raw = *raw;
    s->order = order;
    *raw = (palt__raw){0};
    palt__raw_in_order(&s->raw, false);
    *store = s;
    return PAL_OK;
}

/* A part whose samples are a whole file or array. */
static pal_dataset *make_whole(const opening *o, palt__raw *raw)
{
    struct palt__store *store;
    if (store_of(o, raw, (palt__permutation){.n = 0}, &store)) return NULL;
    const palt__raw *from = store ? &store->raw : raw;
    pal_dataset *d =
        palt__part_make(&(palt__part){.raw = from, .store = store, .n = rows_in(from), .keeps_rows = o->from->rows});
    palt__store_release(store);
    return d;
}

static pal_status make_parts(opening *o)
{
    palt__raw *own = &o->own.train;
    struct palt__store *store = NULL;
    pal_status status = PAL_OK;
    const palt__permutation order = rule(o);
    if (own->map && store_of(o, own, order, &store))
        return pal_error_set(o->err, PAL_ERR_MEMORY, "%s: out of memory", palt__shown_path(o->path));
    if (store) own = &store->raw;
    const uint64_t first[PAL_SPLITS] = {[PAL_SPLIT_VALIDATION] = o->n[PAL_SPLIT_TRAIN],
                                        [PAL_SPLIT_TEST] = o->n[PAL_SPLIT_TRAIN] + o->n[PAL_SPLIT_VALIDATION]};
    for (int k = 0; k < PAL_SPLITS && !status; k++) {
        palt__raw *raw = o->is_other[k]                           ? &o->other[k].train
                         : k == PAL_SPLIT_TEST && o->own.has_test ? &o->own.test
                                                                  : own;
        if (!wants(o, (pal_split)k) || !raw->values || (raw == own && !o->n[k])) continue;
        if (raw == own) {
            const palt__part part = {raw, store, o->rows[k], (int64_t)o->n[k], first[k], o->from->rows};
            o->out->part[k] = palt__part_make(&part);
            if (store && o->out->part[k]) o->rows[k] = NULL; /* the part has it */
        } else {
            o->out->part[k] = make_whole(o, raw);
        }
        if (o->out->part[k])
            name_part(o, (pal_split)k, o->out->part[k]);
        else
            status = pal_error_set(o->err, PAL_ERR_MEMORY, "%s: no memory for its samples", palt__shown_path(o->path));
    }
    palt__store_release(store);
    return status;
}

void pal_data_free(pal_data *data)
{
    for (int k = 0; data && k < PAL_SPLITS; k++) pal_dataset_free(data->part[k]);
    if (data) *data = (pal_data){0};
}

pal_status pal_data_open(pal_context *context, const pal_data_source *source, unsigned wanted, pal_data *out,
                         pal_error *err)
{
    pal_data_source from = {0};
    *out = (pal_data){0};
    pal_error own = {0};
    if (pal_options_read(&from, source, sizeof from, sizeof from, "data", err)) return PAL_ERR_ARGUMENT;
    if (!context || !wanted || wanted >= 1U << PAL_SPLITS)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "a data set needs a context, and a part that is wanted");
    if (from.rows && !from.schema)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "rows are kept as those of a schema, and none is given");
    opening o = {.context = context,
                 .from = &from,
                 .path = from.path ? from.path : PAL_DATA_DEFAULT,
                 .wanted = wanted,
                 .out = out,
                 .err = &own};
    const char *seed = option(&o, "split-seed");
    o.seed = seed ? strtoull(seed, NULL, 10) : SEED;
    pal_status status = read_all(&o);
    if (!status) status = split(&o);
    if (!status) status = learn(&o);
    if (!status) status = make_parts(&o);
    palt__raw_free(&o.own.train);
    palt__raw_free(&o.own.test);
    for (int k = 0; k < PAL_SPLITS; k++) {
        palt__raw_free(&o.other[k].train);
        palt__raw_free(&o.other[k].test);
        free(o.rows[k]);
    }
    if (!status) return PAL_OK;
    pal_data_free(out);
    return pal_error_set(err, own.status ? own.status : status, "%s", own.text);
}

pal_dataset *pal_dataset_open(pal_context *context, const char *path, pal_split split, pal_error *err)
{
    const pal_setting none = {"scale", "none"};
    const pal_data_options options = {.given = &none, .n = 1};
    const pal_data_source from = {.struct_size = sizeof from, .path = path, .options = &options};
    pal_data data;
    if ((unsigned)split >= PAL_SPLITS) {
        pal_error_set(err, PAL_ERR_ARGUMENT, "a data set needs a context and the training or test split");
        return NULL;
    }
    if (pal_data_open(context, &from, 1U << split, &data, err)) return NULL;
    if (!data.part[split])
        pal_error_set(err, PAL_ERR_ARGUMENT, "%s: has no validation samples", path ? path : PAL_DATA_DEFAULT);
    return data.part[split];
}
