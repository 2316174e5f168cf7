/* rows_file.h - a data set of random numbers in [0, 1), written to a file and opened like a user's file. */
#ifndef PAL_TESTS_ROWS_FILE_H
#define PAL_TESTS_ROWS_FILE_H

#include <stdio.h>

#include "data/data.h"
#include "tests/files.h"
#include "tests/testing.h"

enum { SAMPLES = 53, FEATURES = 12 };

static pal_context *context;

static inline void set_up(void) { context = context_with(2); }
static inline void tear_down(void) { pal_context_free(context); }

static inline pal_dataset *data_of(int64_t samples, const char *stream)
{
    pal_error err = {0};
    pal_tensor *all = random_tensor(context, PAL_F32, PAL_SHAPE(samples, FEATURES), 0, 1, stream);
    char name[64];
    snprintf(name, sizeof name, "%s.npy", stream);
    const char *path = path_of(name);
    ck_assert_msg(!pal_npy_write(all, path, &err), "%s", err.text);
    pal_tensor_free(all);
    pal_dataset *data = pal_dataset_open(context, path, PAL_SPLIT_TRAIN, &err);
    ck_assert_msg(data != NULL, "%s", err.text);
    return data;
}

#endif
