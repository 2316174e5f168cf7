/* bright_rows.h - a small labelled data set of images: the row of the class's number is bright, and noise is added. */
#ifndef PAL_TESTS_BRIGHT_ROWS_H
#define PAL_TESTS_BRIGHT_ROWS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/data.h"
#include "tests/files.h"
#include "tests/testing.h"

enum { SIDE = 4, FEATURES = SIDE * SIDE, CLASSES = 4, SAMPLES = 80, TESTS = 24 };

static pal_context *context;

static inline void set_up(void) { context = context_with(1); }
static inline void tear_down(void) { pal_context_free(context); }

static inline void write_idx(const char *name, const unsigned char *header, size_t length, const unsigned char *bytes,
                             size_t size)
{
    unsigned char *all = malloc(length + size);
    memcpy(all, header, length);
    memcpy(all + length, bytes, size);
    write_file(name, all, length + size);
    free(all);
}

static inline void write_split(const char *split, unsigned char n)
{
    char name[64];
    unsigned char pixels[SAMPLES * FEATURES], labels[SAMPLES];
    pal_tensor *noise = random_tensor(context, PAL_F64, PAL_SHAPE(n, FEATURES), 0, 90, split);
    for (int i = 0; i < n; i++) {
        labels[i] = (unsigned char)(i % CLASSES);
        for (int k = 0; k < FEATURES; k++)
            pixels[i * FEATURES + k] =
                (unsigned char)(pal_tensor_get(noise, (size_t)(i * FEATURES + k)) + (k / SIDE == labels[i] ? 150 : 0));
    }
    pal_tensor_free(noise);
    snprintf(name, sizeof name, "%s-images-idx3-ubyte", split);
    write_idx(name, (unsigned char[]){0, 0, 8, 3, 0, 0, 0, n, 0, 0, 0, SIDE, 0, 0, 0, SIDE}, 16, pixels,
              (size_t)n * FEATURES);
    snprintf(name, sizeof name, "%s-labels-idx1-ubyte", split);
    write_idx(name, (unsigned char[]){0, 0, 8, 1, 0, 0, 0, n}, 8, labels, n);
}

static inline pal_dataset *data_of(pal_split split)
{
    pal_error err = {0};
    write_split("train", SAMPLES);
    write_split("t10k", TESTS);
    pal_dataset *data = pal_dataset_open(context, folder, split, &err);
    ck_assert_msg(data != NULL, "%s", err.text);
    return data;
}

#endif
