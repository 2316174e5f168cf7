/* raw_arrays.h - shared by the suites of arrays as samples: reading with options, refusals, and what was read. */
#ifndef PAL_TESTS_RAW_ARRAYS_H
#define PAL_TESTS_RAW_ARRAYS_H

#include "data/internal.h"
#include "tests/data/npy_bytes.h"

static palt__raw raw;
static pal_note note;

static inline pal_data_options given(const char *const *pairs, pal_setting *room)
{
    size_t n = 0;
    for (; pairs && pairs[2 * n]; n++) room[n] = (pal_setting){.name = pairs[2 * n], .value = pairs[2 * n + 1]};
    return (pal_data_options){.given = room, .n = n};
}

#define OPTIONS(...) ((const char *const[]){__VA_ARGS__, NULL})

static inline void read_array(const char *path, const char *const *pairs)
{
    pal_setting room[4];
    const pal_data_options options = given(pairs, room);
    pal_error err = {0};
    note = (pal_note){""};
    ck_assert_msg(palt__raw_array(&raw, context, path, &options, &note, &err) == PAL_OK, "%s", err.text);
}

static inline void refuse(const char *path, const char *const *pairs, pal_status status, const char *needle)
{
    pal_setting room[4];
    const pal_data_options options = given(pairs, room);
    pal_error err = {0};
    const long held = memory.held;
    const pal_status got = palt__raw_array(&raw, context, path, &options, NULL, &err);
    ck_assert_msg(got == status && err.status == status, "%s instead of %s: %s", pal_status_text(got),
                  pal_status_text(status), err.text);
    ck_assert_msg(strstr(err.text, needle) && !strchr(err.text, '\n'), "no \"%s\" in: %s", needle, err.text);
    ck_assert(!raw.values && !raw.labels && !raw.map);
    ck_assert_int_eq(memory.held, held);
    ck_assert_int_eq(palt__raw_array(&raw, context, path, &options, NULL, NULL), got);
}

static inline void done(void)
{
    palt__raw_free(&raw);
    ck_assert_ptr_null(raw.values);
}

static inline void assert_shape(pal_shape shape)
{
    char text[96];
    ck_assert_msg(pal_shape_equal(raw.values->shape, shape), "%s",
                  pal_shape_text(raw.values->shape, text, sizeof text));
}

static inline void assert_classes(const char *const *names, size_t n)
{
    ck_assert_uint_eq(raw.n_classes, n);
    for (size_t i = 0; i < n; i++) ck_assert_str_eq(raw.classes[i], names[i]);
}

static inline void assert_labels(const uint8_t *labels, size_t n)
{
    ck_assert_int_eq(raw.labels->shape.dim[0], (int64_t)n);
    ck_assert_int_eq(memcmp(raw.labels->data, labels, n), 0);
}

static const float table[] = {1, 2, 3, 4, 5, 6};
static const int64_t codes[] = {7, -2, 7};

#endif
