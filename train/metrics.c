/* metrics.c - metrics.jsonl: one line of JSON per epoch.
 *
 * The file is replaced as a whole for each line. A reader ignores an incomplete last line; any other line that is not
 * one of an epoch is an error. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train/rundir.h"

/* clang-format off */
#define FIELD(kind, name) {#name, PALT__##kind, offsetof(pal_epoch, name)}
static const palt__field epoch_fields[] = {
    FIELD(COUNT, epoch),
    FIELD(COUNT, step),
    FIELD(FIGURE, train_loss),
    FIELD(FIGURE, test_loss),
    FIELD(FIGURE, squared_error),
    FIELD(FIGURE, squared_error_corrupted),
    FIELD(FIGURE, baseline),
    FIELD(FIGURE, explained),
    FIELD(REAL, learning_rate),
    FIELD(FIGURE, seconds),
    FIELD(FLAG_IF, stopped),
};
#undef FIELD
#define FIELD(kind, name, member) {"minimiser." name, PALT__##kind, offsetof(pal_epoch, iteration.member)}
static const palt__field minimiser_fields[] = {
    FIELD(COUNT, "iterations", iterations),
    FIELD(COUNT, "evaluations", evaluations),
    FIELD(COUNT_IF, "products", products),
    FIELD(COUNT_IF, "inner", inner),
    FIELD(FIGURE, "gradient", gradient),
    FIELD(FIGURE, "norm", norm),
    FIELD(FIGURE, "step", step),
    FIELD(REAL_IF, "damping", damping),
    FIELD(REAL_IF, "ratio", ratio),
};
#undef FIELD
/* clang-format on */
static const char *const ends[] = {"running", "converged", "flat"}; /* pal_minimise_end */
enum { ENDS = sizeof ends / sizeof *ends, MINIMISER_FIELDS = sizeof minimiser_fields / sizeof *minimiser_fields };
enum { EPOCH_FIELDS = sizeof epoch_fields / sizeof *epoch_fields, MOST = 1 << 28 /* bytes of the file */ };

/* ---- Lines ---------------------------------------------------------------------------------------------------- */

/* Sets a member whose name may be any bytes: that of a term or of a parameter. */
static bool set(json_t *object, const char *name, json_t *value)
{
    char key[4 * 256];
    pal_text_escape(name, key, sizeof key);
    return !json_object_set_new(object, key, value);
}

/* Writes "gradients": {"encoder/W": ..., ...}, if they were measured. */
static bool write_gradients(json_t *object, const pal_epoch *epoch)
{
    json_t *sizes = epoch->n_gradients ? json_object() : NULL;
    bool good = sizes || !epoch->n_gradients;
    for (size_t i = 0; i < epoch->n_gradients && good; i++)
        good = set(sizes, epoch->gradients[i].parameter, palt__json_figure(epoch->gradients[i].size));
    good = good && (!sizes || !json_object_set(object, "gradients", sizes));
    json_decref(sizes);
    return good;
}

/* The sizes in one block, with the names after them; the caller frees it. NULL: there are none, or no memory.
 * escaped: the names are as in the file. */
static pal_gradient_size *copy_gradients(const pal_gradient_size *from, size_t n, bool escaped)
{
    size_t room = 0;
    for (size_t i = 0; i < n; i++) room += strlen(from[i].parameter) + 1;
    pal_gradient_size *block = n ? malloc(n * sizeof *block + room) : NULL;
    char *name = block ? (char *)(block + n) : NULL;
    for (size_t i = 0; block && i < n; i++) {
        block[i] = (pal_gradient_size){strcpy(name, from[i].parameter), from[i].size};
        if (escaped) pal_text_unescape(name);
        name += strlen(name) + 1;
    }
    return block;
}

/* The names are those of the object. The caller frees the array. */
static bool read_gradients(json_t *object, pal_epoch *epoch, pal_gradient_size **room)
{
    const char *name;
    json_t *value, *sizes = json_object_get(object, "gradients");
    const size_t n = json_object_size(sizes);
    *room = n ? malloc(n * sizeof **room) : NULL;
    if (n && !*room) return false;
    epoch->gradients = *room;
    json_object_foreach(sizes, name, value)(*room)[epoch->n_gradients++] =
        (pal_gradient_size){name, json_is_number(value) ? json_number_value(value) : (double)NAN};
    return true;
}

/* Writes "phase", "error" and "terms": {"reconstruction": ..., ...}, each only if present. */
static bool write_terms(json_t *object, const pal_epoch *epoch)
{
    json_t *terms = epoch->n_terms ? json_object() : NULL;
    bool good = terms || !epoch->n_terms;
    if (*epoch->phase) good = good && set(object, "phase", palt__json_string(epoch->phase));
    if (isfinite(epoch->error)) good = good && set(object, "error", palt__json_figure(epoch->error));
    for (size_t i = 0; i < epoch->n_terms && good; i++)
        good = set(terms, epoch->terms[i].name, palt__json_figure(epoch->terms[i].value));
    good = good && (!terms || !json_object_set(object, "terms", terms));
    json_decref(terms);
    return good;
}

static bool read_terms(json_t *object, pal_epoch *epoch)
{
    const char *name;
    json_t *value, *phase = json_object_get(object, "phase");
    const json_t *error = json_object_get(object, "error");
    epoch->error = json_is_number(error) ? json_number_value(error) : (double)NAN;
    if (!palt__json_bytes(phase)) return false;
    if (json_is_string(phase)) snprintf(epoch->phase, sizeof epoch->phase, "%s", json_string_value(phase));
    json_object_foreach(json_object_get(object, "terms"), name, value)
    {
        if (epoch->n_terms == PAL_TERMS) break;
        char bytes[4 * sizeof epoch->terms->name];
        pal_term *term = &epoch->terms[epoch->n_terms++];
        snprintf(bytes, sizeof bytes, "%s", name);
        pal_text_unescape(bytes);
        snprintf(term->name, sizeof term->name, "%.*s", (int)sizeof term->name - 1, bytes);
        term->value = json_is_number(value) ? json_number_value(value) : (double)NAN;
        term->noted = NAN;
    }
    return true;
}

/* "minimiser": {"iterations": ..., ..., "events": [...], "end": "converged"}, of an epoch that is an iteration. */
static bool write_minimiser(json_t *object, const pal_epoch *epoch)
{
    if (!epoch->minimised) return true;
    if (!palt__json_set(object, minimiser_fields, MINIMISER_FIELDS, epoch)) return false;
    json_t *part = json_object_get(object, "minimiser"), *events = json_array();
    bool good = events != NULL;
    for (unsigned i = 0; good && i < PAL_MET_COUNT; i++)
        if (epoch->iteration.events >> i & 1) good = !json_array_append_new(events, json_string(pal_met_text(i)));
    if (good && epoch->iteration.events) good = !json_object_set(part, "events", events);
    json_decref(events);
    return good &&
           (epoch->end == PAL_MINIMISE_RUNNING || !json_object_set_new(part, "end", json_string(ends[epoch->end])));
}

static bool read_minimiser(json_t *object, pal_epoch *epoch)
{
    const json_t *part = json_object_get(object, "minimiser");
    const char *end = json_string_value(json_object_get(part, "end"));
    epoch->minimised = json_is_object(part);
    if (!epoch->minimised) return true;
    for (size_t i = 0; end && i < ENDS; i++)
        if (!strcmp(ends[i], end)) epoch->end = (pal_minimise_end)i;
    const json_t *events = json_object_get(part, "events");
    for (size_t k = 0; k < json_array_size(events); k++) {
        const char *text = json_string_value(json_array_get(events, k));
        for (unsigned i = 0; text && i < PAL_MET_COUNT; i++)
            if (!strcmp(text, pal_met_text(i))) epoch->iteration.events |= 1u << i;
    }
    return palt__json_get(object, minimiser_fields, MINIMISER_FIELDS, epoch);
}

/* The line as text, without its end; the caller frees it. NULL: out of memory. */
static char *line_of(const pal_epoch *epoch)
{
    json_t *object = json_object();
    char *line = object && palt__json_set(object, epoch_fields, EPOCH_FIELDS, epoch) && write_terms(object, epoch) &&
                         write_gradients(object, epoch) && write_minimiser(object, epoch)
                     ? palt__json_text(object, JSON_COMPACT)
                     : NULL;
    json_decref(object);
    return line;
}

/* ---- The file ------------------------------------------------------------------------------------------------- */

static pal_status append_epoch(pal_rundir *dir, const pal_epoch *epoch, bool escaped, pal_error *err)
{
    pal_epoch *more = realloc(dir->epochs, (dir->n_epochs + 1) * sizeof *more);
    if (!more) return palt__no_memory(err);
    dir->epochs = more;
    more[dir->n_epochs] = *epoch;
    pal_gradient_size *own = copy_gradients(epoch->gradients, epoch->n_gradients, escaped);
    if (epoch->n_gradients && !own) return palt__no_memory(err);
    more[dir->n_epochs++].gradients = own;
    return PAL_OK;
}

void palt__metrics_free(pal_rundir *dir, size_t from)
{
    for (size_t i = from; i < dir->n_epochs; i++) free((void *)(uintptr_t)dir->epochs[i].gradients);
    dir->n_epochs = from < dir->n_epochs ? from : dir->n_epochs;
}

static pal_status malformed(const pal_rundir *dir, const char *what, pal_error *err)
{
    return pal_error_set(err, PAL_ERR_FORMAT,
                         "%s/" PALT__METRICS ":%zu: %s: restore the file from a copy of the run, or remove this line",
                         palt__short_path(dir->folder.path), dir->n_epochs + 1, what);
}

/* Epochs count from 1, and neither they nor the steps go back. A model in closed form takes no steps. */
static pal_status read_epoch(pal_rundir *dir, json_t *object, pal_error *err)
{
    pal_epoch epoch = {0};
    const pal_epoch *last = dir->n_epochs ? &dir->epochs[dir->n_epochs - 1] : NULL;
    pal_gradient_size *room = NULL;
    pal_status status = PAL_OK;
    if (!palt__json_get(object, epoch_fields, EPOCH_FIELDS, &epoch) || !read_terms(object, &epoch) ||
        !read_gradients(object, &epoch, &room) || !read_minimiser(object, &epoch))
        status = palt__no_memory(err);
    else if (epoch.epoch <= (last ? last->epoch : 0) || epoch.step < (last ? last->step : 0))
        status = malformed(dir, "its epoch or its step is missing or out of order", err);
    else
        status = append_epoch(dir, &epoch, true, err);
    free(room);
    return status;
}

pal_status palt__metrics_read(pal_rundir *dir, pal_error *err)
{
    const pal_status status =
        palt__folder_read(&dir->folder, PALT__METRICS, MOST, &dir->metrics, &dir->metrics_size, err);
    return status ? status : palt__metrics_parse(dir, err);
}

pal_status palt__metrics_parse(pal_rundir *dir, pal_error *err)
{
    pal_status status = PAL_OK;
    if (!dir->metrics) return PAL_OK;
    const char *line = dir->metrics, *end = line + dir->metrics_size;
    while (line < end) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        const size_t length = (size_t)((stop ? stop : end) - line);
        const char *wrong;
        json_t *object = palt__json_load(line, length, NULL, &wrong);
        if (!object && !wrong) return palt__no_memory(err);
        if (!object && !stop) break;
        status = json_is_object(object) ? read_epoch(dir, object, err) : malformed(dir, "not a JSON object", err);
        json_decref(object);
        if (status) return status;
        line += length + (stop != NULL);
    }
    dir->metrics_size = (size_t)(line - dir->metrics); /* new lines are appended after complete ones */
    if (dir->metrics_size && line[-1] != '\n') dir->metrics[dir->metrics_size++] = '\n';
    return PAL_OK;
}

static pal_status write(const pal_rundir *dir, pal_error *err)
{
    if (dir->reads) return PAL_OK;
    return palt__folder_write(&dir->folder, PALT__METRICS, dir->metrics, dir->metrics_size, err);
}

pal_status palt__metrics_drop(pal_rundir *dir, int64_t step, pal_error *err)
{
    size_t kept = 0, size = 0;
    while (kept < dir->n_epochs && dir->epochs[kept].step <= step) kept++;
    if (kept == dir->n_epochs) return PAL_OK;
    for (size_t i = 0; i < kept; i++) size += strcspn(dir->metrics + size, "\n") + 1;
    palt__metrics_free(dir, kept);
    dir->metrics_size = size;
    return write(dir, err);
}

pal_status pal_rundir_add(pal_rundir *dir, const pal_epoch *epoch, pal_error *err)
{
    char *line = line_of(epoch);
    size_t length = line ? strlen(line) : 0;
    char *more = line ? realloc(dir->metrics, dir->metrics_size + length + 1) : NULL;
    if (more) {
        dir->metrics = more;
        memcpy(more + dir->metrics_size, line, length);
        more[dir->metrics_size + length] = '\n';
        dir->metrics_size += length + 1;
    }
    free(line);
    if (!more) return palt__no_memory(err);
    const pal_status status = append_epoch(dir, epoch, false, err);
    return status ? status : write(dir, err);
}
