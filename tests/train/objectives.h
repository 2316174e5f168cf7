/* objectives.h - small models and few samples as an objective, and vectors of its parameters, for the suites of
 * objectives. */
#ifndef PAL_TESTS_OBJECTIVES_H
#define PAL_TESTS_OBJECTIVES_H

#include <math.h>

#include "tests/data/bright_rows.h"
#include "ops/ops.h"
#include "train/train.h"

enum { FEW = 12 };

static inline pal_model *model_of(const char *variant, const pal_setting *more, size_t n, pal_dtype dtype)
{
    pal_setting settings[12];
    size_t have = 0;
    const pal_variant *v = pal_variant_find(variant);
    const pal_setting usual[] = {{"layers", "5,3"}, {"channels", "2"}, {"samples", "2"}, {"kernel", "3"}};
    const bool given = n && !strcmp(more[0].name, "hidden");
    if (pal_variant_option_find(v, "k")) settings[have++] = (pal_setting){"k", "2"};
    for (size_t i = 0; i < 4; i++)
        if (pal_variant_option_find(v, usual[i].name) && !(i == 0 && given) &&
            (i != 1 || !strcmp(variant, "convolutional")) && (i != 3 || !strcmp(variant, "convolutional")))
            settings[have++] = usual[i];
    if (pal_variant_option_find(v, "classes")) settings[have++] = (pal_setting){"classes", "4"};
    for (size_t i = 0; i < n; i++) settings[have++] = more[i];
    pal_error err = {0};
    pal_model *m = pal_model_new(context, v, settings, have, PAL_SHAPE(SIDE, SIDE), dtype, 3, &err);
    ck_assert_msg(m != NULL, "%s: %s", variant, err.text);
    return m;
}

static inline pal_dataset *few(int64_t n)
{
    pal_dataset *data = data_of(PAL_SPLIT_TRAIN);
    ck_assert_int_eq(pal_dataset_limit(data, n), PAL_OK);
    return data;
}

static inline pal_data_objective *objective_of(pal_model *m, const pal_dataset *data, const pal_phase *phase,
                                               int64_t batch)
{
    pal_error err = {0};
    const pal_data_objective_options o = {
        .struct_size = sizeof o, .phase = phase, .batch = batch, .seed = 5, .lanes = 1, .frozen = true};
    pal_data_objective *f = pal_data_objective_new(m, data, &o, &err);
    ck_assert_msg(f != NULL, "%s: %s", pal_model_variant(m)->name, err.text);
    return f;
}

static inline pal_slab *slab_like(const pal_slab *x)
{
    pal_shape shapes[32];
    ck_assert_uint_lt(x->n, 32);
    for (size_t i = 0; i < x->n; i++) shapes[i] = x->part[i]->shape;
    pal_slab *s = pal_slab_new(context, x->all->dtype, shapes, x->n);
    ck_assert_ptr_nonnull(s);
    return s;
}

static inline double value_at(const pal_objective *f, pal_slab *gradient)
{
    double value;
    ck_assert_int_eq(f->evaluate(&value, gradient, f->user), PAL_OK);
    return value;
}

static inline void randomise(pal_slab *v, double scale, const char *stream)
{
    size_t at = 0;
    for (size_t i = 0; i < v->n; i++)
        for (size_t k = 0; k < pal_tensor_count(v->part[i]); k++) {
            double u;
            pal_noise_uniform((pal_noise){.seed = 4}, stream, at++, 1, &u);
            pal_tensor_set(v->part[i], k, scale * (2 * u - 1));
        }
}

static inline void add(pal_slab *x, const pal_slab *v, double a)
{
    for (size_t i = 0; i < pal_tensor_count(x->all); i++)
        pal_tensor_set(x->all, i, pal_tensor_get(x->all, i) + a * pal_tensor_get(v->all, i));
}

#endif
