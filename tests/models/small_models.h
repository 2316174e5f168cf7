/* small_models.h - models with six inputs, two by three, for suites that inspect single parameters. */
#ifndef PAL_TESTS_SMALL_MODELS_H
#define PAL_TESTS_SMALL_MODELS_H

#include <string.h>

#include "models/models.h"
#include "tests/testing.h"

static pal_context *c;

static inline void set_up(void) { c = context_with(1); }
static inline void tear_down(void) { pal_context_free(c); }

static inline pal_model *make(const pal_variant *variant, const pal_setting *settings, size_t n, pal_dtype dtype,
                              uint64_t seed)
{
    pal_error err = {0};
    pal_model *m = pal_model_new(c, variant, settings, n, PAL_SHAPE(2, 3), dtype, seed, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    return m;
}

/* The code has 4 units; the other options that are known to the variant also make it small. */
static inline pal_model *make_named(const char *name, pal_dtype dtype)
{
    static const pal_setting small[] = {{"hidden", "4"}, {"k", "2"}, {"channels", "3"}, {"kernel", "2"}};
    const pal_variant *variant = pal_variant_find(name);
    pal_setting settings[4];
    size_t n = 0;
    for (size_t i = 0; i < 4; i++) {
        const pal_option *o = pal_variant_option_find(variant, small[i].name);
        if (o && *o->value) settings[n++] = small[i];
    }
    return make(variant, settings, n, dtype, 5);
}

static inline void same_parameters(const pal_model *a, const pal_model *b)
{
    ck_assert_uint_eq(pal_model_parameter_count(a), pal_model_parameter_count(b));
    for (size_t i = 0; i < pal_model_parameter_count(a); i++) {
        const char *p, *q;
        const pal_tensor *s = pal_model_parameter(a, i, &p), *t = pal_model_parameter(b, i, &q);
        ck_assert_str_eq(p, q);
        ck_assert(pal_shape_equal(s->shape, t->shape) && s->dtype == t->dtype);
        ck_assert_mem_eq(s->data, t->data, pal_tensor_bytes(s));
    }
}

#endif
