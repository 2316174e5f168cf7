/* rundir.c - the folder of a run: run.json, metrics.jsonl, checkpoint.safetensors.
 *
 * The folder is opened once, when the run begins or is opened. From then on its files are read and written through that
 * descriptor (folder.c), whatever happens to the path. The texts that pal_rundir_info returns are owned by the JSON
 * value that was written or read. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "train/rundir.h"

enum { MOST = 1 << 24 /* bytes of run.json */ };

const char *pal_rundir_path(const pal_rundir *dir) { return dir->folder.path; }
const pal_run_info *pal_rundir_info(const pal_rundir *dir) { return &dir->info; }
const char *pal_rundir_text(const pal_rundir *dir) { return dir->text; }
size_t pal_rundir_epoch_count(const pal_rundir *dir) { return dir->n_epochs; }
const pal_epoch *pal_rundir_epoch(const pal_rundir *dir, size_t i)
{
    return i < dir->n_epochs ? dir->epochs + i : NULL;
}

const char *pal_rundir_file(const pal_rundir *dir, const char *name, char *out, size_t size)
{
    snprintf(out, size, "%s/%s", dir->folder.path, name);
    return out;
}

static const char *now(char *out, size_t size)
{
    time_t seconds = time(NULL);
    struct tm utc;
    strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &utc));
    return out;
}

pal_rundir *palt__rundir_make(pal_error *err)
{
    pal_rundir *dir = calloc(1, sizeof *dir);
    if (!dir) palt__no_memory(err);
    if (dir) dir->folder.descriptor = -1;
    return dir;
}

const char *pal_rundir_moved(const pal_rundir *dir, char *out, size_t size)
{
    return palt__folder_now(&dir->folder, out, size);
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
    json_t *json = palt__info_write(info);
    char *text = json ? palt__json_text(json, JSON_INDENT(2)) : NULL;
    const size_t length = text ? strlen(text) : 0;
    char *more = text ? realloc(text, length + 2) : NULL;
    if (!more) {
        free(text);
        json_decref(json);
        return palt__no_memory(err);
    }
    memcpy(more + length, "\n", 2);
    free(dir->text);
    dir->text = more;
    const pal_status status = adopt(dir, json, err);
    if (status || dir->reads) return status;
    return palt__folder_write(&dir->folder, PALT__RUN_JSON, more, length + 1, err);
}

/* Makes runs/MODEL-NNN, with the first NNN that is free or whose folder is empty. An empty one is taken only if it is
 * locked: without locks, another process may just have made it. */
static pal_status make_numbered(palt__folder *f, const char *model, const char *source, pal_error *err)
{
    for (int i = 1;; i++) {
        char path[4096];
        pal_error own = {0};
        snprintf(path, sizeof path, "runs/%s-%03d", model, i);
        const pal_status status = palt__folder_make(f, path, source, &own);
        if (!status && (f->made || f->locked)) return PAL_OK;
        palt__folder_close(f);
        if (status && status != PAL_ERR_EXISTS && status != PAL_ERR_ARGUMENT)
            return pal_error_set(err, status, "%s", own.text);
    }
}

/* The source comes first: a run.json that names one has it beside it. */
static pal_status write_source(const palt__folder *f, const char *text, pal_error *err)
{
    return text ? palt__folder_write(f, PALT__SOURCE, text, strlen(text), err) : PAL_OK;
}

pal_status pal_rundir_source(const pal_rundir *dir, char **text, pal_error *err)
{
    char hash[PAL_SHA256_TEXT];
    size_t size = 0;
    const char *path = palt__short_path(dir->folder.path), *wanted = dir->info.source_hash;
    *text = NULL;
    if (!wanted) return PAL_OK;
    const pal_status status = palt__folder_read(&dir->folder, PALT__SOURCE, PAL_SOURCE_MOST, text, &size, err);
    if (status) return status;
    if (!*text)
        return pal_error_set(
            err, PAL_ERR_IO,
            "%s/" PALT__SOURCE " is missing, the source of its model: restore it from a copy of the run", path);
    pal_sha256(*text, size, hash);
    if (!strcmp(hash, wanted) && strlen(*text) == size) return PAL_OK;
    free(*text);
    *text = NULL;
    return pal_error_set(err, PAL_ERR_FORMAT,
                         "%s/" PALT__SOURCE
                         " was changed since the run was trained: its hash is not that of " PALT__RUN_JSON
                         ": restore it from a copy of the run",
                         path);
}

pal_rundir *pal_rundir_new(const char *path, const pal_run_info *given, pal_error *err)
{
    pal_rundir *dir = palt__rundir_make(err);
    if (!dir) return NULL;
    pal_run_info info = *given;
    char started[40];
    info.status = "running";
    info.started = now(started, sizeof started);
    info.finished = info.error = info.changed = NULL;
    info.resumed = 0;
    info.n_extensions = 0;
    info.result = palt__no_result;
    palt__folder *f = &dir->folder;
    const char *source = info.source_hash ? info.source_text : NULL;
    pal_status status = path ? palt__folder_make(f, path, source, err) : make_numbered(f, info.model, source, err);
    if (!status) status = write_source(f, source, err);
    if (!status && !(status = write_info(dir, &info, err))) return dir;
    palt__folder_undo(f);
    pal_rundir_free(dir);
    return NULL;
}

static pal_status read_info(pal_rundir *dir, pal_error *err)
{
    const char *path = palt__short_path(dir->folder.path);
    size_t size;
    const pal_status status = palt__folder_read(&dir->folder, PALT__RUN_JSON, MOST, &dir->text, &size, err);
    if (status) return status;
    if (!dir->text)
        return pal_error_set(err, PAL_ERR_IO, "%s is not the folder of a run: " PALT__RUN_JSON " is missing", path);
    return palt__rundir_parse(dir, size, err);
}

pal_status palt__rundir_parse(pal_rundir *dir, size_t size, pal_error *err)
{
    const char *path = palt__short_path(dir->folder.path);
    int line;
    const char *wrong;
    json_t *json = palt__json_load(dir->text, size, &line, &wrong);
    if (!json && !wrong) return palt__no_memory(err);
    if (!json)
        return pal_error_set(err, PAL_ERR_FORMAT, "%s/" PALT__RUN_JSON ":%d: %.160s: restore it from a copy of the run",
                             path, line, wrong);
    if (json_is_string(json_object_get(json, "model")) && json_is_string(json_object_get(json, "status"))) {
        if (adopt(dir, json, err)) return PAL_ERR_MEMORY;
        wrong = palt__info_wrong(&dir->info);
        if (!wrong) return PAL_OK;
        return pal_error_set(err, PAL_ERR_FORMAT,
                             "%s/" PALT__RUN_JSON ": %s is a number that no run has: restore it from a copy of the run",
                             path, wrong);
    }
    json_decref(json);
    return pal_error_set(err, PAL_ERR_FORMAT,
                         "%s/" PALT__RUN_JSON ": not the description of a run: model or status is missing: restore it "
                         "from a copy of the run",
                         path);
}

bool pal_rundir_saved(const pal_rundir *dir)
{
    return dir->reads ? dir->saved : palt__folder_has(&dir->folder, PALT__CHECKPOINT);
}

/* Whether the model is solved in closed form: training it again loses nothing. */
static bool is_solved(const pal_run_info *info)
{
    for (size_t i = 0; i < info->n_settings; i++)
        if (!strcmp(info->settings[i].name, "solve")) return !strcmp(info->settings[i].value, "svd");
    return false;
}

/* A run without a checkpoint can begin again only if it has taken no step: else its steps would be lost. */
static pal_status check_saved(const pal_rundir *dir, pal_error *err)
{
    const pal_run_info *info = &dir->info;
    const int64_t lines = (int64_t)dir->n_epochs, epochs = info->result.epochs > lines ? info->result.epochs : lines;
    if (pal_rundir_saved(dir) || is_solved(info)) return PAL_OK;
    if (epochs < 1 && info->result.steps < 1 && strcmp(info->status, "done") != 0) return PAL_OK;
    return pal_error_set(err, PAL_ERR_IO,
                         "%s: " PALT__CHECKPOINT " is missing, but the run has finished %lld epoch%s: restore the file "
                         "from a copy of the run, or train anew into another folder",
                         palt__short_path(dir->folder.path), (long long)epochs, epochs == 1 ? "" : "s");
}

enum reading { MODEL, ALL, TO_TRAIN };

static pal_status read_run(pal_rundir *dir, const char *path, enum reading what, pal_error *err)
{
    pal_status status = palt__folder_open(&dir->folder, path, err);
    if (!status && what == TO_TRAIN) status = palt__folder_lock(&dir->folder, err); /* no other process writes */
    if (!status) status = read_info(dir, err);
    if (!status && what != MODEL) status = palt__metrics_read(dir, err);
    if (!status && what == TO_TRAIN) status = check_saved(dir, err);
    return status;
}

static pal_rundir *open_run(const char *path, enum reading what, pal_error *err)
{
    pal_rundir *dir = palt__rundir_make(err);
    if (dir && !read_run(dir, path, what, err)) return dir;
    pal_rundir_free(dir);
    return NULL;
}

pal_rundir *pal_rundir_open(const char *path, pal_error *err) { return open_run(path, ALL, err); }
pal_rundir *pal_rundir_open_model(const char *path, pal_error *err) { return open_run(path, MODEL, err); }
pal_rundir *pal_rundir_extend(const char *path, pal_error *err) { return open_run(path, TO_TRAIN, err); }

pal_rundir *pal_rundir_resume(const char *path, pal_error *err)
{
    pal_rundir *dir = pal_rundir_extend(path, err);
    if (!dir || strcmp(dir->info.status, "done") != 0) return dir;
    pal_error_set(err, PAL_ERR_ARGUMENT, "%s is done: there is nothing to resume", palt__short_path(path));
    pal_rundir_free(dir);
    return NULL;
}

pal_status palt__rundir_go_on(pal_rundir *dir, int64_t step, const char *changed, const pal_extension *longer,
                              double time_limit, pal_error *err)
{
    pal_run_info info = dir->info;
    pal_extension *all = calloc(info.n_extensions + 1, sizeof *all);
    if (!all) return palt__no_memory(err);
    if (strcmp(info.status, "done") != 0) info.resumed++;
    info.status = "running";
    info.error = info.finished = NULL;
    if (changed) info.changed = changed;
    info.time_limit = time_limit;
    if (longer) {
        memcpy(all, info.extensions, info.n_extensions * sizeof *all);
        all[info.n_extensions++] = *longer;
        info.extensions = all;
        info.epochs = longer->to;
        info.schedule.total = info.schedule.total / (uint64_t)longer->from * (uint64_t)longer->to;
    }
    if (!dir->reads) palt__folder_sweep(&dir->folder);
    pal_status status = palt__metrics_drop(dir, step, err);
    if (!status) status = write_info(dir, &info, err);
    free(all);
    return status;
}

pal_status pal_rundir_set_data(pal_rundir *dir, const char *path, pal_error *err)
{
    char *copy = strdup(path);
    if (!copy) return palt__no_memory(err);
    free(dir->data);
    dir->info.data = dir->data = copy;
    return PAL_OK;
}

void pal_rundir_free(pal_rundir *dir)
{
    if (!dir) return;
    palt__folder_close(&dir->folder);
    palt__info_clear(&dir->info);
    json_decref(dir->json);
    free(dir->metrics);
    palt__metrics_free(dir, 0);
    free(dir->epochs);
    free(dir->text);
    free(dir->data);
    free(dir);
}

pal_status pal_rundir_save(pal_rundir *dir, const pal_model *model, const pal_optimizer *optimizer, int64_t step,
                           double loss, pal_error *err)
{
    return palt__rundir_save(dir, model, optimizer, NULL, step, loss, NULL, err);
}

pal_status palt__rundir_save(pal_rundir *dir, const pal_model *model, const pal_optimizer *optimizer,
                             const pal_minimiser *minimiser, int64_t step, double loss, pal_tensor *gradients,
                             pal_error *err)
{
    if (dir->reads) {
        dir->saved = true;
        return PAL_OK;
    }
    size_t n = minimiser ? pal_minimiser_state_count(minimiser) : optimizer ? pal_optimizer_state_count(optimizer) : 0;
    pal_named_tensor *more = calloc(n + 3, sizeof *more);
    pal_tensor *count = pal_tensor_new(pal_model_context(model), PAL_F64, PAL_SHAPE(1));
    pal_tensor *sum = pal_tensor_new(pal_model_context(model), PAL_F64, PAL_SHAPE(1));
    pal_status status = more && count && sum ? PAL_OK : palt__no_memory(err);
    for (size_t i = 0; !status && i < n; i++)
        more[i].tensor = minimiser ? pal_minimiser_state(minimiser, i, &more[i].name)
                                   : pal_optimizer_state(optimizer, i, &more[i].name);
    if (!status) {
        pal_error own = {0};
        pal_tensor_set(count, 0, (double)step);
        pal_tensor_set(sum, 0, loss);
        more[n++] = (pal_named_tensor){"train/step", count};
        if (loss != 0) more[n++] = (pal_named_tensor){"train/loss", sum};
        if (gradients) more[n++] = (pal_named_tensor){PALT__GRADIENTS, gradients};
        status = pal_model_save_at(model, dir->folder.descriptor, PALT__CHECKPOINT, more, n, &own);
        if (status) palt__folder_blame(&dir->folder, &own, err);
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
    pal_error own = {0};
    pal_model *model = pal_model_open_at(context, dir->folder.descriptor, PALT__CHECKPOINT, &own);
    if (!model) palt__folder_blame(&dir->folder, &own, err);
    return model;
}
