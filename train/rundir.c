/* rundir.c - the folder of a run: run.json, metrics.jsonl, checkpoint.safetensors.
 *
 * Each file is replaced as a whole, and a reader ignores an incomplete last line of metrics.jsonl. The texts that
 * pal_rundir_info returns are owned by the JSON value that was written or read. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "train/internal.h"

struct pal_rundir {
    char *path;
    json_t *json; /* the contents of run.json; owns the texts of info */
    pal_run_info info;
    char *metrics; /* the text of metrics.jsonl */
    size_t metrics_size;
    pal_epoch *epochs;
    size_t n_epochs;
    int lock; /* file descriptor of the folder; 0: opened for reading only */
};

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
};
#undef FIELD
/* clang-format on */
enum { EPOCH_FIELDS = sizeof epoch_fields / sizeof *epoch_fields, PATH = 4096 };

const char *pal_rundir_path(const pal_rundir *dir) { return dir->path; }
const pal_run_info *pal_rundir_info(const pal_rundir *dir) { return &dir->info; }
size_t pal_rundir_epoch_count(const pal_rundir *dir) { return dir->n_epochs; }
const pal_epoch *pal_rundir_epoch(const pal_rundir *dir, size_t i)
{
    return i < dir->n_epochs ? dir->epochs + i : NULL;
}

const char *pal_rundir_file(const pal_rundir *dir, const char *name, char *out, size_t size)
{
    snprintf(out, size, "%s/%s", dir->path, name);
    return out;
}

static const char *now(char *out, size_t size)
{
    time_t seconds = time(NULL);
    struct tm utc;
    strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &utc));
    return out;
}

/* Replaces the info of the folder. Takes ownership of json. */
static pal_status adopt(pal_rundir *dir, json_t *json, pal_error *err)
{
    pal_run_info info = {0};
    if (!json || !palt__info_read(json, &info)) {
        palt__info_clear(&info);
        json_decref(json);
        return palt__no_memory(err);
    }
    palt__info_clear(&dir->info);
    json_decref(dir->json);
    dir->json = json;
    dir->info = info;
    return PAL_OK;
}

static pal_status write_info(pal_rundir *dir, const pal_run_info *info, pal_error *err)
{
    pal_status status = adopt(dir, palt__info_write(info), err);
    if (status) return status;
    char name[PATH], *text = palt__json_text(dir->json, JSON_INDENT(2));
    size_t length = text ? strlen(text) : 0;
    if (!text) return palt__no_memory(err);
    text[length++] = '\n'; /* replaces the terminating zero */
    status = palt__file_write(pal_rundir_file(dir, "run.json", name, sizeof name), text, length, err);
    free(text);
    return status;
}

static pal_status make_folder(pal_rundir *dir, const char *path, const char *model, pal_error *err)
{
    if (path) {
        dir->path = strdup(path);
        return dir->path ? palt__folder_make(path, err) : palt__no_memory(err);
    }
    for (int i = 1;; i++) {
        pal_error own = {0};
        free(dir->path);
        if (asprintf(&dir->path, "runs/%s-%03d", model, i) < 0) {
            dir->path = NULL;
            return palt__no_memory(err);
        }
        bool taken = !access(dir->path, F_OK);
        if (!taken && !palt__folder_make(dir->path, &own)) return PAL_OK;
        if (!taken && own.status != PAL_ERR_EXISTS) return pal_error_set(err, own.status, "%s", own.text);
    }
}

/* Only one process may train into a folder. The lock is released when the process ends, in whatever way. On a file
 * system without locks the folder is not locked. */
static pal_status lock(pal_rundir *dir, pal_error *err)
{
    dir->lock = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir->lock < 0) dir->lock = 0;
    if (!dir->lock || !flock(dir->lock, LOCK_EX | LOCK_NB) || errno != EWOULDBLOCK) return PAL_OK;
    return pal_error_set(err, PAL_ERR_ARGUMENT, "%s is being trained by another process", dir->path);
}

pal_rundir *pal_rundir_new(const char *path, const pal_run_info *given, pal_error *err)
{
    pal_rundir *dir = calloc(1, sizeof *dir);
    if (!dir) {
        palt__no_memory(err);
        return NULL;
    }
    pal_run_info info = *given;
    char started[40];
    info.status = "running";
    info.started = now(started, sizeof started);
    info.finished = info.error = info.changed = NULL;
    info.resumed = 0;
    info.n_extensions = 0;
    info.result = palt__no_result;
    if (!make_folder(dir, path, info.model, err) && !lock(dir, err) && !write_info(dir, &info, err)) return dir;
    pal_rundir_free(dir);
    return NULL;
}

/* Writes "phase", "error" and "terms": {"reconstruction": ..., ...}, each only if present. */
static bool write_terms(json_t *object, const pal_epoch *epoch)
{
    json_t *terms = epoch->n_terms ? json_object() : NULL;
    bool good = terms || !epoch->n_terms;
    if (*epoch->phase) good = good && !json_object_set_new(object, "phase", json_string(epoch->phase));
    if (isfinite(epoch->error)) good = good && !json_object_set_new(object, "error", palt__json_figure(epoch->error));
    for (size_t i = 0; i < epoch->n_terms && good; i++)
        good = !json_object_set_new(terms, epoch->terms[i].name, palt__json_figure(epoch->terms[i].value));
    good = good && (!terms || !json_object_set(object, "terms", terms));
    json_decref(terms);
    return good;
}

static void read_terms(const json_t *object, pal_epoch *epoch)
{
    const char *name, *phase = json_string_value(json_object_get(object, "phase"));
    json_t *value;
    const json_t *error = json_object_get(object, "error");
    epoch->error = json_is_number(error) ? json_number_value(error) : (double)NAN;
    snprintf(epoch->phase, sizeof epoch->phase, "%s", phase ? phase : "");
    json_object_foreach(json_object_get(object, "terms"), name, value)
    {
        if (epoch->n_terms == PAL_TERMS) return;
        pal_term *term = &epoch->terms[epoch->n_terms++];
        snprintf(term->name, sizeof term->name, "%s", name);
        term->value = json_is_number(value) ? json_number_value(value) : (double)NAN;
    }
}

static pal_status append_epoch(pal_rundir *dir, const pal_epoch *epoch, pal_error *err)
{
    pal_epoch *more = realloc(dir->epochs, (dir->n_epochs + 1) * sizeof *more);
    if (!more) return palt__no_memory(err);
    dir->epochs = more;
    dir->epochs[dir->n_epochs++] = *epoch;
    return PAL_OK;
}

/* Reads the lines of metrics.jsonl into epochs; a missing file has no lines. A last line that is not a JSON object and
 * does not end in a newline is incomplete and ignored. Any other line that is not a JSON object is an error. */
static pal_status read_metrics(pal_rundir *dir, pal_error *err)
{
    char name[PATH];
    if (access(pal_rundir_file(dir, "metrics.jsonl", name, sizeof name), F_OK)) return PAL_OK;
    dir->metrics = palt__file_read(name, &dir->metrics_size, err);
    if (!dir->metrics) return PAL_ERR_IO;
    int number = 1;
    const char *line = dir->metrics;
    for (; *line; number++) {
        size_t length = strcspn(line, "\n");
        json_t *object = json_loadb(line, length, 0, NULL);
        if (!json_is_object(object)) {
            json_decref(object);
            if (!line[length]) break;
            return pal_error_set(err, PAL_ERR_FORMAT, "%s:%d: not a JSON object", name, number);
        }
        pal_epoch epoch = {0};
        palt__json_get(object, epoch_fields, EPOCH_FIELDS, &epoch);
        read_terms(object, &epoch);
        json_decref(object);
        pal_status status = append_epoch(dir, &epoch, err);
        if (status) return status;
        line += length + (line[length] == '\n');
    }
    dir->metrics_size = (size_t)(line - dir->metrics); /* new lines are appended after complete ones */
    if (dir->metrics_size && line[-1] != '\n') dir->metrics[dir->metrics_size++] = '\n';
    return PAL_OK;
}

static pal_status read_info(pal_rundir *dir, const char *path, pal_error *err)
{
    char name[PATH];
    dir->path = strdup(path);
    if (!dir->path) return palt__no_memory(err);
    if (access(path, F_OK))
        return pal_error_set(err, PAL_ERR_IO, "%s: %s: give the folder of a run", path, strerror(errno));
    if (access(pal_rundir_file(dir, "run.json", name, sizeof name), F_OK))
        return pal_error_set(err, PAL_ERR_IO, "%s is not the folder of a run: run.json is missing", path);
    size_t size;
    char *text = palt__file_read(name, &size, err);
    if (!text) return PAL_ERR_IO;
    json_error_t why;
    json_t *json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &why);
    free(text);
    if (!json) return pal_error_set(err, PAL_ERR_FORMAT, "%s:%d: %s", name, why.line, why.text);
    if (!json_is_string(json_object_get(json, "model")) || !json_is_string(json_object_get(json, "status"))) {
        json_decref(json);
        return pal_error_set(err, PAL_ERR_FORMAT, "%s: not the description of a run: model or status is missing", name);
    }
    return adopt(dir, json, err);
}

static pal_rundir *open_run(const char *path, bool metrics, pal_error *err)
{
    pal_rundir *dir = calloc(1, sizeof *dir);
    if (!dir) palt__no_memory(err);
    if (dir && !read_info(dir, path, err) && (!metrics || !read_metrics(dir, err))) return dir;
    pal_rundir_free(dir);
    return NULL;
}

pal_rundir *pal_rundir_open(const char *path, pal_error *err) { return open_run(path, true, err); }
pal_rundir *pal_rundir_open_model(const char *path, pal_error *err) { return open_run(path, false, err); }

pal_rundir *pal_rundir_extend(const char *path, pal_error *err)
{
    pal_rundir *seen = pal_rundir_open(path, err), *dir = NULL;
    if (seen && !lock(seen, err))
        dir = pal_rundir_open(path, err); /* read it again, now that no other process writes */
    if (dir) {
        dir->lock = seen->lock;
        seen->lock = 0;
    }
    pal_rundir_free(seen);
    return dir;
}

pal_rundir *pal_rundir_resume(const char *path, pal_error *err)
{
    pal_rundir *dir = pal_rundir_extend(path, err);
    if (!dir || strcmp(dir->info.status, "done") != 0) return dir;
    pal_error_set(err, PAL_ERR_ARGUMENT, "%s is done: there is nothing to resume", path);
    pal_rundir_free(dir);
    return NULL;
}

/* Removes the temporary files, FILE.ANY.part, of a process that was killed while writing. */
static void remove_temporaries(const pal_rundir *dir)
{
    static const char *const files[] = {"run.json.", "metrics.jsonl.", "checkpoint.safetensors."};
    DIR *folder = opendir(dir->path);
    if (!folder) return;
    for (const struct dirent *e; (e = readdir(folder));)
        for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
            const size_t length = strlen(e->d_name), begin = strlen(files[i]);
            if (length > begin + 5 && !strncmp(e->d_name, files[i], begin) && !strcmp(e->d_name + length - 5, ".part"))
                unlinkat(dirfd(folder), e->d_name, 0);
        }
    closedir(folder);
}

/* Drops the lines of epochs that end after this step. */
static pal_status drop_epochs(pal_rundir *dir, int64_t step, pal_error *err)
{
    char name[PATH];
    size_t kept = 0, size = 0;
    while (kept < dir->n_epochs && dir->epochs[kept].step <= step) kept++;
    if (kept == dir->n_epochs) return PAL_OK;
    for (size_t i = 0; i < kept; i++) size += strcspn(dir->metrics + size, "\n") + 1;
    dir->n_epochs = kept;
    dir->metrics_size = size;
    return palt__file_write(pal_rundir_file(dir, "metrics.jsonl", name, sizeof name), dir->metrics, size, err);
}

pal_status palt__rundir_go_on(pal_rundir *dir, int64_t step, const char *changed, const pal_extension *longer,
                              pal_error *err)
{
    pal_run_info info = dir->info;
    pal_extension *all = calloc(info.n_extensions + 1, sizeof *all);
    if (!all) return palt__no_memory(err);
    if (strcmp(info.status, "done") != 0) info.resumed++;
    info.status = "running";
    info.error = info.finished = NULL;
    if (changed) info.changed = changed;
    if (longer) {
        memcpy(all, info.extensions, info.n_extensions * sizeof *all);
        all[info.n_extensions++] = *longer;
        info.extensions = all;
        info.epochs = longer->to;
        info.schedule.total = info.schedule.total / (uint64_t)longer->from * (uint64_t)longer->to;
    }
    remove_temporaries(dir);
    pal_status status = drop_epochs(dir, step, err);
    if (!status) status = write_info(dir, &info, err);
    free(all);
    return status;
}

void pal_rundir_free(pal_rundir *dir)
{
    if (!dir) return;
    if (dir->lock) close(dir->lock);
    palt__info_clear(&dir->info);
    json_decref(dir->json);
    free(dir->metrics);
    free(dir->epochs);
    free(dir->path);
    free(dir);
}

pal_status pal_rundir_add(pal_rundir *dir, const pal_epoch *epoch, pal_error *err)
{
    json_t *object = json_object();
    char *line = object && palt__json_set(object, epoch_fields, EPOCH_FIELDS, epoch) && write_terms(object, epoch)
                     ? palt__json_text(object, JSON_COMPACT)
                     : NULL;
    json_decref(object);
    size_t length = line ? strlen(line) : 0;
    char *more = line ? realloc(dir->metrics, dir->metrics_size + length + 1) : NULL;
    if (more) {
        dir->metrics = more;
        memcpy(more + dir->metrics_size, line, length);
        more[dir->metrics_size + length] = '\n';
        dir->metrics_size += length + 1;
    }
    free(line);
    if (!more || append_epoch(dir, epoch, err)) return palt__no_memory(err);
    char name[PATH];
    return palt__file_write(pal_rundir_file(dir, "metrics.jsonl", name, sizeof name), dir->metrics, dir->metrics_size,
                            err);
}

pal_status pal_rundir_save(pal_rundir *dir, const pal_model *model, const pal_optimizer *optimizer, int64_t step,
                           double loss, pal_error *err)
{
    size_t n = optimizer ? pal_optimizer_state_count(optimizer) : 0;
    pal_named_tensor *more = calloc(n + 2, sizeof *more);
    pal_tensor *count = pal_tensor_new(pal_model_context(model), PAL_F64, PAL_SHAPE(1));
    pal_tensor *sum = pal_tensor_new(pal_model_context(model), PAL_F64, PAL_SHAPE(1));
    pal_status status = more && count && sum ? PAL_OK : palt__no_memory(err);
    for (size_t i = 0; !status && i < n; i++) more[i].tensor = pal_optimizer_state(optimizer, i, &more[i].name);
    if (!status) {
        char name[PATH];
        pal_tensor_set(count, 0, (double)step);
        pal_tensor_set(sum, 0, loss);
        more[n++] = (pal_named_tensor){"train/step", count};
        if (loss != 0) more[n++] = (pal_named_tensor){"train/loss", sum};
        pal_rundir_file(dir, "checkpoint.safetensors", name, sizeof name);
        status = pal_model_save(model, name, more, n, err);
    }
    pal_tensor_free(sum);
    pal_tensor_free(count);
    free(more);
    return status;
}

pal_status pal_rundir_finish(pal_rundir *dir, const char *status, const char *error, const pal_train_result *result,
                             pal_error *err)
{
    char finished[40];
    pal_run_info info = dir->info;
    info.status = status;
    info.error = error;
    info.finished = now(finished, sizeof finished);
    info.result = *result;
    return write_info(dir, &info, err);
}

pal_model *pal_rundir_model(const pal_rundir *dir, pal_context *context, pal_error *err)
{
    char name[PATH];
    return pal_model_open(context, pal_rundir_file(dir, "checkpoint.safetensors", name, sizeof name), err);
}
