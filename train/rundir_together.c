/* rundir_together.c - the folder of a run that several processes train together.
 *
 * In: a path, in all processes. Out: a handle in each. That of process 0 is locked and writes. The others have the
 * texts of run.json and metrics.jsonl from process 0, and keep in memory what is written later. Why not read the files:
 * on a network file system a process may see for some time what a file was before it was replaced.
 *
 * A folder that is resumed is also opened by the others, because they read their model and its source in it: before
 * training begins, while nothing is replaced. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "train/rundir.h"

typedef pal_rundir *(*open_fn)(const char *path, pal_error *err);

/* The bytes of process 0, and a zero after them. NULL: it has none. */
static pal_status share_text(palt__together *t, char **text, size_t *size, pal_error *err)
{
    uint64_t n = *text ? *size : 0;
    pal_status status = palt__agree(t, PAL_OK, err);
    if (!status) status = palt__share(t, &n, sizeof n, err);
    if (status) return status;
    if (!palt__writes(t) && n) {
        *size = (size_t)n;
        *text = calloc((size_t)n + 1, 1);
        if (!*text) status = palt__no_memory(err);
    }
    status = palt__agree(t, status, err);
    return status || !n ? status : palt__share(t, *text, (size_t)n, err);
}

/* What the handles of the others begin with. */
static pal_status share(palt__together *t, pal_rundir *dir, pal_error *err)
{
    char saved = palt__writes(t) && pal_rundir_saved(dir);
    size_t path = dir->folder.path ? strlen(dir->folder.path) : 0, text = dir->text ? strlen(dir->text) : 0;
    pal_status status = share_text(t, &dir->folder.path, &path, err);
    if (!status) status = share_text(t, &dir->text, &text, err);
    if (!status) status = share_text(t, &dir->metrics, &dir->metrics_size, err);
    if (!status) status = palt__share(t, &saved, 1, err);
    dir->communicator = t->communicator;
    dir->reads = !palt__writes(t);
    dir->saved = saved;
    if (status || !dir->reads) return status;
    dir->step = -1;
    status = palt__rundir_parse(dir, text, err);
    return status ? status : palt__metrics_parse(dir, err);
}

/* Of a process that reads: the folder itself, for the model and its source. */
static pal_status open_too(pal_rundir *dir, pal_error *err)
{
    palt__folder f;
    pal_status status = palt__folder_open(&f, dir->folder.path, err);
    if (status) {
        palt__folder_close(&f);
        return status;
    }
    free(dir->folder.path);
    dir->folder = f;
    return status;
}

/* dir: of process 0; NULL in the others, or if it has failed. */
static pal_rundir *join(palt__together *t, pal_rundir *dir, bool made, pal_error *own, pal_error *err)
{
    if (!palt__writes(t)) dir = palt__rundir_make(own);
    pal_status status = palt__agree(t, own->status, own);
    if (!status) status = share(t, dir, own);
    if (!status && dir->reads && !made) status = open_too(dir, own);
    status = palt__agree(t, status, own);
    if (!status) return dir;
    if (dir && !dir->reads && made) { /* it is as if nobody had begun */
        unlinkat(dir->folder.descriptor, PALT__RUN_JSON, 0);
        palt__folder_undo(&dir->folder);
    }
    pal_rundir_free(dir);
    pal_error_set(err, status, "%s", own->text);
    return NULL;
}

pal_rundir *pal_rundir_new_together(const char *path, const pal_run_info *info, const pal_communicator *communicator,
                                    pal_error *err)
{
    palt__together t = palt__together_of(communicator);
    pal_error own = {0};
    if (!t.communicator) return pal_rundir_new(path, info, err);
    return join(&t, palt__writes(&t) ? pal_rundir_new(path, info, &own) : NULL, true, &own, err);
}

static pal_rundir *open_together(open_fn open, const char *path, const pal_communicator *communicator, pal_error *err)
{
    palt__together t = palt__together_of(communicator);
    pal_error own = {0};
    if (!t.communicator) return open(path, err);
    return join(&t, palt__writes(&t) ? open(path, &own) : NULL, false, &own, err);
}

pal_rundir *pal_rundir_resume_together(const char *path, const pal_communicator *communicator, pal_error *err)
{
    return open_together(pal_rundir_resume, path, communicator, err);
}

pal_rundir *pal_rundir_extend_together(const char *path, const pal_communicator *communicator, pal_error *err)
{
    return open_together(pal_rundir_extend, path, communicator, err);
}

pal_status palt__rundir_meet(pal_rundir *dir, palt__together *t, pal_context *context, pal_error *err)
{
    int64_t step = 0;
    pal_status status = PAL_OK;
    if (dir->communicator != t->communicator)
        status =
            pal_error_set(err, PAL_ERR_ARGUMENT,
                          "%s: %s: open the folder by pal_rundir_new_together, _resume_together or "
                          "_extend_together, with the communicator of the training",
                          palt__short_path(dir->folder.path),
                          dir->communicator ? "other processes have opened it" : "one process has opened it alone");
    if (!t->communicator) return status;
    if (!status && !dir->reads) status = palt__checkpoint_step(dir, context, &step, err);
    status = palt__agree(t, status, err);
    if (!status) status = palt__share(t, &step, sizeof step, err);
    dir->step = step;
    return status;
}
