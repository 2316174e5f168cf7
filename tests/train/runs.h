/* runs.h - what the tests of interrupted and of extended runs share: a variant of three phases, copies of run folders,
 * and whether two runs are the same. */
#ifndef PAL_TESTS_RUNS_H
#define PAL_TESTS_RUNS_H

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ops/ops.h"
#include "tests/data/rows_file.h"
#include "train/train.h"

enum { ROOM = 1 << 20 };

/* ---- A model with three phases: the encoder, then the decoder with its own optimizer, then everything --------- */

static pal_var encode(pal_model *m, pal_var x) { return pal_sigmoid(pal_dense(m, "encoder", x, 5)); }
static pal_var decode(pal_model *m, pal_var h) { return pal_dense(m, "decoder", h, FEATURES); }
static pal_var corrupt(pal_model *m, pal_var x) { return pal_corrupt(m, x); }

static pal_var loss(pal_model *m, const pal_batch *b)
{
    return pal_nll(m, decode(m, encode(m, pal_model_corrupt(m, b->inputs))), b->inputs);
}

/* This loss uses a parameter that no other loss uses. */
static pal_var first_loss(pal_model *m, const pal_batch *b)
{
    pal_var h = encode(m, pal_model_corrupt(m, b->inputs)), back = pal_dense(m, "first", h, FEATURES);
    return pal_scale(pal_sum_squares(pal_sub(back, b->inputs)), 1.0 / (double)pal_shape_of(b->inputs).dim[0]);
}

static bool moves(const pal_model *m, const pal_phase *phase, const char *parameter)
{
    static const char *const which[] = {"encoder/", "decoder/", ""};
    (void)m;
    return !strncmp(parameter, which[phase->part], strlen(which[phase->part])) ||
           (!phase->part && !strncmp(parameter, "first/", 6));
}

static bool phase_at(const pal_model *m, size_t i, int64_t epochs, pal_phase *phase)
{
    (void)m, (void)epochs;
    static const char *const names[] = {"encoder", "decoder", "all"};
    if (i >= 3) return false;
    phase->part = i;
    snprintf(phase->name, sizeof phase->name, "%s", names[i]);
    phase->moves = moves;
    if (!i) phase->loss = first_loss;
    if (!i) phase->epochs = 2;
    if (i == 1) phase->epochs = 1, phase->optimizer = "momentum", phase->learning_rate = 0.01;
    return true;
}

static const pal_option own[] = {
    {"corruption", PAL_OPTION_ENUM, "masking", 0, 0, "masking", "kind"},
    {"masking", PAL_OPTION_REAL, "0.3", 0, 1, NULL, "share"},
    {0},
};
static const pal_variant phased = {.struct_size = sizeof phased,
                                   .name = "phased",
                                   .alias = "phd",
                                   .summary = "of three phases",
                                   .formula = "f",
                                   .source = "none",
                                   .options = own,
                                   .encode = encode,
                                   .decode = decode,
                                   .loss = loss,
                                   .corrupt = corrupt,
                                   .phase = phase_at};

static inline void set_up_phased(void)
{
    pal_error err = {0};
    if (pal_variant_find(phased.name)) return; /* tests may run in one process */
    ck_assert_msg(!pal_variant_register(&phased, &err), "%s", err.text);
}

/* ---- Folders -------------------------------------------------------------------------------------------------- */

static inline void copy_file(const char *from, const char *to, const char *name)
{
    static char bytes[ROOM];
    char path[PATH_ROOM];
    snprintf(path, sizeof path, "%s/%s", from, name);
    if (access(path_of(path), F_OK)) return;
    const size_t size = read_file(path_of(path), bytes, sizeof bytes);
    ck_assert_uint_lt(size, sizeof bytes);
    snprintf(path, sizeof path, "%s/%s", to, name);
    write_file(path, bytes, size);
}

static inline void copy_run(const char *from, const char *to)
{
    mkdir(path_of(to), 0777);
    copy_file(from, to, "run.json");
    copy_file(from, to, "metrics.jsonl");
    copy_file(from, to, "checkpoint.safetensors");
    copy_file(from, to, "best.safetensors");
}

/* Both have this file, with the same bytes, or neither has it. */
static inline void same_files(const char *a, const char *b, const char *name)
{
    static char bytes[2][ROOM];
    const char *const folders[] = {a, b};
    size_t size[2] = {0, 0};
    for (int i = 0; i < 2; i++) {
        char path[PATH_ROOM];
        snprintf(path, sizeof path, "%s/%s", folders[i], name);
        if (!access(path_of(path), F_OK)) size[i] = read_file(path_of(path), bytes[i], ROOM);
    }
    ck_assert_uint_eq(size[0], size[1]);
    ck_assert_mem_eq(bytes[0], bytes[1], size[0]);
}

static inline void same_runs(const char *a, const char *b)
{
    static char bytes[2][ROOM];
    char path[2][PATH_ROOM];
    size_t size[2];
    const char *const names[] = {a, b};
    pal_rundir *dir[2];
    pal_error err = {0};
    for (int i = 0; i < 2; i++) {
        snprintf(path[i], PATH_ROOM, "%s/checkpoint.safetensors", names[i]);
        size[i] = read_file(path_of(path[i]), bytes[i], ROOM);
        dir[i] = pal_rundir_open(path_of(names[i]), &err);
        ck_assert_msg(dir[i] != NULL, "%s", err.text);
        ck_assert_str_eq(pal_rundir_info(dir[i])->status, "done");
    }
    ck_assert_uint_eq(size[0], size[1]);
    ck_assert_mem_eq(bytes[0], bytes[1], size[0]);
    same_files(a, b, "best.safetensors");
    ck_assert_uint_eq(pal_rundir_epoch_count(dir[0]), pal_rundir_epoch_count(dir[1]));
    for (size_t i = 0; i < pal_rundir_epoch_count(dir[0]); i++) {
        const pal_epoch *p = pal_rundir_epoch(dir[0], i), *q = pal_rundir_epoch(dir[1], i);
        ck_assert_int_eq(p->epoch, q->epoch);
        ck_assert_int_eq(p->step, q->step);
        ck_assert_double_eq(p->train_loss, q->train_loss);
        const bool none = isnan(p->test_loss) && isnan(q->test_loss); /* not measured */
        ck_assert(none || (p->test_loss == q->test_loss && p->squared_error == q->squared_error));
        ck_assert_double_eq(p->learning_rate, q->learning_rate);
        ck_assert_str_eq(p->phase, q->phase);
        ck_assert_int_eq(p->stopped, q->stopped);
    }
    const pal_train_result r = pal_rundir_info(dir[0])->result, s = pal_rundir_info(dir[1])->result;
    ck_assert(r.epochs == s.epochs && r.steps == s.steps && r.train_loss == s.train_loss &&
              r.test_loss == s.test_loss && r.squared_error == s.squared_error);
    ck_assert(r.best_epoch == s.best_epoch && r.planned == s.planned && !r.ended == !s.ended);
    ck_assert_str_eq(r.ended ? r.ended : "", s.ended ? s.ended : "");
    for (int i = 0; i < 2; i++) pal_rundir_free(dir[i]);
}

#endif
