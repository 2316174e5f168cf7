/* random_codes.h - models with a random code and a data set of five samples, shared by several suites. */
#ifndef PAL_TESTS_RANDOM_CODES_H
#define PAL_TESTS_RANDOM_CODES_H

#include "tests/files.h"
#include "tests/models/linear_gaussian.h"
#include "analysis/analysis.h"
#include "train/train.h"

enum { SAMPLES = 5 };

static const char *const codes[] = {"normal", "normal-full", "bernoulli", "categorical"};
enum { CODES = sizeof codes / sizeof *codes };

static pal_dataset *data;

/* Writes a file and opens its training split, which has n samples. The file has n / 5 more for the test split. */
static inline pal_dataset *open_samples(int64_t n, double low, double high, bool binary)
{
    pal_error err = {0};
    const char *path = path_of("data.npy");
    pal_tensor *all = random_tensor(c, PAL_F64, PAL_SHAPE(n + n / 5, FEATURES), low, high, "x");
    for (size_t i = 0; binary && i < pal_tensor_count(all); i++)
        pal_tensor_set(all, i, pal_tensor_get(all, i) < 0.5 ? 0 : 1);
    ck_assert_msg(!pal_npy_write(all, path, &err), "%s", err.text);
    pal_tensor_free(all);
    pal_dataset *opened = pal_dataset_open(c, path, PAL_SPLIT_TRAIN, &err);
    ck_assert_msg(opened && opened->count == n, "%s", err.text);
    return opened;
}

static inline void with_data(void)
{
    set_up();
    data = open_samples(SAMPLES, -2, 2, false);
}

static inline void without_data(void)
{
    pal_dataset_free(data);
    tear_down();
}

/* Replaces the data by samples of 0 and 1. */
static inline void take_binary(void)
{
    pal_dataset_free(data);
    data = open_samples(SAMPLES, 0, 1, true);
}

/* Replaces the data by samples of grey levels, from 0 to 1. */
static inline void take_grey(void)
{
    pal_dataset_free(data);
    data = open_samples(SAMPLES, 0, 1, false);
}

static inline pal_importance_result weigh(pal_model *m, const pal_importance_options *o)
{
    pal_error err = {0};
    pal_importance_result r;
    ck_assert_msg(!pal_importance(m, data, o, &r, &err), "%s", err.text);
    ck_assert_int_eq(r.samples, data->count);
    ck_assert_int_eq(r.draws, o->draws);
    return r;
}

#define OPTIONS(...) (&(pal_importance_options){.struct_size = sizeof(pal_importance_options), __VA_ARGS__})

static inline pal_model *any_model(const char *code, const pal_setting *more)
{
    pal_setting settings[16] = {{"hidden", "2"}, {"layers", "5,2"}, {"code", code}};
    for (size_t n = 3; more && more->name; more++) settings[n++] = *more;
    pal_model *m = model_of("variational", settings, sample);
    fill_parameters(m, 0.8);
    return m;
}
#define ANY(code, ...) any_model(code, (pal_setting[]){__VA_ARGS__, {0}})

#endif
