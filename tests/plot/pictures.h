/* pictures.h - shared by the suites of the plotting library: pictures with tensors at a known place, and checks of
 * pixels. */
#ifndef PAL_TESTS_PICTURES_H
#define PAL_TESTS_PICTURES_H

#include "plot/plot.h"
#include "tests/testing.h"

#define PICTURE "picture.png"

/* The margin of a picture that is so small that its text has the smallest size. */
enum { MARGIN = 26 };

static pal_context *context;

static inline void set_up(void) { context = context_with(1); }
static inline void tear_down(void) { pal_context_free(context); }

static inline void assert_colour(pal_colour a, pal_colour b)
{
    ck_assert_int_eq(a.red, b.red);
    ck_assert_int_eq(a.green, b.green);
    ck_assert_int_eq(a.blue, b.blue);
}

static inline void assert_grey(const pal_image *image, int64_t x, int64_t y, int level)
{
    assert_colour(pal_image_get(image, x, y), (pal_colour){(uint8_t)level, (uint8_t)level, (uint8_t)level});
}

static inline pal_tensor *tensor(pal_dtype dtype, pal_shape shape, const double *values)
{
    pal_tensor *t = pal_tensor_new(context, dtype, shape);
    ck_assert_ptr_nonnull(t);
    for (size_t i = 0; values != NULL && i < pal_tensor_count(t); i++) pal_tensor_set(t, i, values[i]);
    return t;
}

/* Draws a picture with one row. scale 0: the library chooses. */
static inline pal_image *draw_row(pal_grid_row row, size_t columns, int32_t scale, pal_error *error)
{
    pal_grid_section section = {.rows = &row, .count = 1, .columns = columns};
    return pal_grid_draw(&(pal_grid){.struct_size = sizeof(pal_grid), .sections = &section, .count = 1, .scale = scale},
                         error);
}

#endif
