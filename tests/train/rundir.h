/* rundir.h - what the tests of the folder of a run share: a run of a tiny model that is written as pal_train writes it,
 * and folders that are refused. */
#ifndef PAL_TESTS_RUNDIR_H
#define PAL_TESTS_RUNDIR_H

#include <math.h>

#include "tests/train/runs.h"

static const pal_run_info plain = {.version = "1", .command = "c", .model = "basic", .data = "d", .epochs = 4};

static inline pal_rundir *new_run(const char *name)
{
    pal_error err = {0};
    pal_rundir *dir = pal_rundir_new(path_of(name), &plain, &err);
    ck_assert_msg(dir != NULL, "%s", err.text);
    return dir;
}

static inline pal_model *model_of(void)
{
    pal_error err = {0};
    const pal_setting hidden = {"hidden", "2"};
    pal_model *model =
        pal_model_new(context, pal_variant_find("basic"), &hidden, 1, PAL_SHAPE(FEATURES), PAL_F32, 7, &err);
    ck_assert_msg(model != NULL, "%s", err.text);
    return model;
}

static inline pal_epoch epoch_of(int64_t epoch) { return (pal_epoch){.epoch = epoch, .step = 4 * epoch, .error = NAN}; }

/* What pal_train does with a folder: a line, a checkpoint, and the result. */
static inline void write_epoch(pal_rundir *dir, int64_t number)
{
    pal_error err = {0};
    pal_model *model = model_of();
    const pal_epoch epoch = epoch_of(number);
    const pal_train_result result = {.epochs = number, .steps = 4 * number};
    ck_assert_msg(!pal_rundir_add(dir, &epoch, &err), "%s", err.text);
    ck_assert_msg(!pal_rundir_save(dir, model, NULL, 4 * number, 0, &err), "%s", err.text);
    ck_assert_msg(!pal_rundir_finish(dir, "interrupted", NULL, &result, &err), "%s", err.text);
    pal_model_free(model);
}

static inline void refused_to_resume(const char *name, pal_status status, const char *saying)
{
    pal_error err = {0};
    pal_rundir *dir = pal_rundir_resume(path_of(name), &err);
    ck_assert_msg(!dir, "%s is resumed", name);
    ck_assert_msg(err.status == status && strstr(err.text, saying), "%d: %s", err.status, err.text);
}

/* pal_rundir_open and pal_rundir_resume refuse the folder "run". */
static inline void refused_to_open(pal_status status, const char *saying)
{
    pal_error err = {0};
    ck_assert_ptr_null(pal_rundir_open(path_of("run"), &err));
    ck_assert_msg(err.status == status && strstr(err.text, saying), "%d: %s", err.status, err.text);
    refused_to_resume("run", status, saying);
}

#endif
