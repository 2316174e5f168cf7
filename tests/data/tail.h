/* tail.h - a data set whose test samples are the last sixth of an array, so that a test knows which rows it has. */
#ifndef PAL_TESTS_TAIL_H
#define PAL_TESTS_TAIL_H

#include "data/data.h"

static inline pal_dataset *open_tail(pal_context *context, const char *path, pal_split split, pal_error *err)
{
    const pal_setting none = {"scale", "none"};
    const pal_data_options options = {.given = &none, .n = 1};
    const pal_data_source from = {.struct_size = sizeof from, .path = path, .options = &options, .tail = true};
    pal_data data;
    return pal_data_open(context, &from, 1U << split, &data, err) ? NULL : data.part[split];
}

#endif
