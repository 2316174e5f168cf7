/* test_models.c - tests variants, options, parameters by name, and recording. */
#include <math.h>

#include "tests/models/small_models.h"

Suite *models_suite(void);

/* ---- Variants and options ------------------------------------------------------------------------------------- */

/* Every variant is complete, is found by its name and its alias, and has valid defaults. */
START_TEST(variants_are_found_by_name_and_alias)
{
    for (size_t i = 0; pal_variant_at(i); i++) {
        const pal_variant *v = pal_variant_at(i);
        ck_assert(v->summary && v->formula && v->source && v->encode && v->decode && v->loss);
        ck_assert_ptr_eq(pal_variant_find(v->name), v);
        ck_assert_ptr_eq(pal_variant_find(v->alias), v);
        for (size_t k = 0; pal_variant_option(v, k); k++) {
            const pal_option *o = pal_variant_option(v, k);
            ck_assert_ptr_eq(pal_variant_option_find(v, o->name), o); /* no name occurs twice */
            ck_assert_int_eq(pal_option_check(o, o->value, NULL), PAL_OK);
        }
    }
    ck_assert_ptr_null(pal_variant_find("nothing"));
    ck_assert_ptr_null(pal_variant_find(NULL));
    ck_assert_ptr_null(pal_variant_option_find(pal_variant_find("basic"), "masking"));
}
END_TEST

/* Each invalid setting gives an error that names the option and the value. */
START_TEST(wrong_settings_are_named)
{
    const struct {
        pal_setting setting;
        const char *says;
    } cases[] = {
        {{"hidden", "0"}, "hidden: 0 is not in 1 .. 1000000"},
        {{"hidden", "12x"}, "hidden: \"12x\" is not a whole number"},
        {{"hidden", ""}, "hidden: \"\" is not a whole number"},
        {{"hidden", " 5"}, "is not a whole number"},
        {{"hidden", "99999999999999999999"}, "99999999999999999999 is not in 1 .. "},
        {{"hidden", NULL}, "hidden"},
        {{"l2", "-1"}, "l2: -1 is not in 0 .. 1000000"},
        {{"l2", "nan"}, "l2: \"nan\" is not a number"},
        {{"l2", "1e999"}, "is not a number"},
        {{"masking", "1.5"}, "masking: 1.5 is not in 0 .. 1"},
        {{"tied", "maybe"}, "tied: \"maybe\" is not yes or no"},
        {{"output", "gauss"}, "output: \"gauss\" is not one of bernoulli|squared"},
        {{"output", "bernoulli|squared"}, "is not one of"},
        {{"output", ""}, "is not one of"},
        {{"colour", "red"}, "denoising has no option colour"},
        {{NULL, "red"}, "denoising has no option"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pal_error err = {0};
        ck_assert_ptr_null(
            pal_model_new(c, pal_variant_find("dae"), &cases[i].setting, 1, PAL_SHAPE(6), PAL_F32, 1, &err));
        ck_assert_int_eq(err.status, PAL_ERR_ARGUMENT);
        ck_assert_msg(strstr(err.text, cases[i].says) != NULL, "%s", err.text);
    }
    pal_error err = {0};
    ck_assert_ptr_null(pal_model_new(c, pal_variant_find("basic"), NULL, 0, PAL_SHAPE(0), PAL_F32, 1, &err));
    ck_assert_int_eq(err.status, PAL_ERR_SHAPE);
    ck_assert_ptr_null(pal_model_new(c, pal_variant_find("basic"), NULL, 0, PAL_SHAPE(4), PAL_I32, 1, NULL));
    ck_assert_ptr_null(pal_model_new(c, NULL, NULL, 0, PAL_SHAPE(4), PAL_F32, 1, NULL));
    pal_model *m = make(pal_variant_find("dae"), (pal_setting[]){{"hidden", "3"}, {"tied", "off"}, {"hidden", "2"}}, 3,
                        PAL_F32, 1);
    ck_assert_str_eq(pal_model_setting(m, "hidden"), "2"); /* the last one counts */
    ck_assert_str_eq(pal_model_setting(m, "tied"), "no");
    ck_assert_str_eq(pal_model_setting(m, "masking"), "0.25");
    ck_assert_ptr_null(pal_model_setting(m, "colour"));
    pal_model_free(m);
    pal_model_free(NULL);
}
END_TEST

/* ---- Parameters ----------------------------------------------------------------------------------------------- */

static pal_var ask(pal_model *m, const char *name, int64_t rows)
{
    return pal_parameter(m, name, PAL_SHAPE(rows, 2), PAL_INIT_GLOROT);
}

static pal_var through(pal_var x, pal_var a, pal_var b) { return pal_matmul(x, pal_add(a, b)); }
static pal_var as_is(pal_model *m, pal_var h)
{
    (void)m;
    return pal_matmul_t(h, ask(m, "a", 6), false, true);
}

static pal_var a_then_b(pal_model *m, pal_var x)
{
    pal_var a = ask(m, "a", 6);
    return through(x, a, ask(m, "b", 6));
}

static pal_var b_then_a(pal_model *m, pal_var x)
{
    pal_var b = ask(m, "b", 6);
    return through(x, ask(m, "a", 6), b);
}

static pal_var a_in_two_shapes(pal_model *m, pal_var x)
{
    pal_var a = ask(m, "a", 6);
    return through(x, a, ask(m, "a", 5));
}

static pal_var late(pal_model *m, pal_var x)
{
    return through(x, ask(m, "a", 6), ask(m, pal_dtype_of(x) == PAL_F32 && pal_shape_of(x).dim[0] == 9 ? "c" : "b", 6));
}

static pal_var unknown_option(pal_model *m, pal_var x) { return pal_dense(m, "d", x, pal_option_int(m, "tied")); }
static pal_var sum(pal_model *m, const pal_batch *b) { return pal_sum_all(pal_model_encode(m, b->inputs)); }

static pal_variant variant_of(pal_var (*encode)(pal_model *, pal_var))
{
    return (pal_variant){
        .struct_size = sizeof(pal_variant), .name = "test", .encode = encode, .decode = as_is, .loss = sum};
}

/* Initial values depend on the seed and the parameter's name, but not on the order in which parameters are
 * requested. */
START_TEST(initial_values_depend_on_seed_and_name_alone)
{
    const pal_variant first = variant_of(a_then_b), second = variant_of(b_then_a);
    pal_model *m = make(&first, NULL, 0, PAL_F64, 7), *n = make(&second, NULL, 0, PAL_F64, 7),
              *other = make(&first, NULL, 0, PAL_F64, 8);
    same_parameters(m, n);
    ck_assert_uint_eq(pal_model_parameter_count(m), 2);
    ck_assert_int_eq(pal_model_weights(m), 24);
    const pal_tensor *a = pal_model_parameter_find(m, "a"), *b = pal_model_parameter_find(m, "b");
    ck_assert_mem_ne(a->data, b->data, pal_tensor_bytes(a));
    ck_assert_mem_ne(a->data, pal_model_parameter_find(other, "a")->data, pal_tensor_bytes(a));
    for (size_t i = 0; i < 12; i++) ck_assert(fabs(pal_tensor_get(a, i)) <= sqrt(6.0 / 8));
    ck_assert_ptr_eq((char *)a->data + 128, b->data); /* one slab, in order of name, aligned to 64 bytes */
    ck_assert_ptr_null(pal_model_parameter_find(m, "c"));
    pal_model_free(m);
    pal_model_free(n);
    pal_model_free(other);
}
END_TEST

/* A parameter must be requested with the same shape each time, and may not appear after the model was made. */
START_TEST(wrong_asks_are_errors)
{
    const struct {
        pal_var (*encode)(pal_model *, pal_var);
        const char *says;
    } cases[] = {{a_in_two_shapes, "parameter a: it is [6,2], but was requested as [5,2]"},
                 {unknown_option, "the option tied is to be read by pal_option_bool, not pal_option_int"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pal_error err = {0};
        const pal_variant v = variant_of(cases[i].encode);
        ck_assert_ptr_null(pal_model_new(c, &v, NULL, 0, PAL_SHAPE(6), PAL_F32, 1, &err));
        ck_assert_msg(strstr(err.text, cases[i].says) != NULL, "%s", err.text);
    }
    const pal_variant v = variant_of(late);
    pal_model *m = make(&v, NULL, 0, PAL_F32, 1);
    pal_tape *t = pal_tape_new(c, PAL_F32);
    pal_model_begin(m, t, PAL_TRAIN);
    pal_model_encode(m, pal_fill(t, PAL_F32, PAL_SHAPE(9, 6), 1));
    pal_model_end(m);
    ck_assert_ptr_nonnull(strstr(pal_tape_error(t), "parameter c: the model was made without it"));
    pal_tape_free(t);
    pal_model_free(m);
}
END_TEST

/* A wrong type, a wrong shape, a loss outside of begin and end, and a second begin are errors of the tape. */
START_TEST(misuse_of_recording_is_an_error)
{
    pal_model *m = make_named("dae", PAL_F32);
    for (int k = 0; k < 4; k++) {
        static const char *const says[] = {"default type is f64", "inputs are [3,5]", "outside of begin",
                                           "already recording on a tape"};
        pal_tape *t = pal_tape_new(c, k ? PAL_F32 : PAL_F64);
        pal_var x = pal_fill(t, PAL_F32, PAL_SHAPE(3, k == 1 ? 5 : 6), 0.5);
        if (k != 2) pal_model_begin(m, t, PAL_TRAIN);
        if (k == 3) pal_model_begin(m, t, PAL_TRAIN);
        pal_var y = k == 1 ? pal_model_corrupt(m, x) : pal_model_loss(m, &(pal_batch){.inputs = x});
        ck_assert(k == 3 || k == 0 || !pal_ok(y));
        pal_model_end(m);
        ck_assert_ptr_nonnull(pal_tape_error(t));
        ck_assert_msg(strstr(pal_tape_error(t), says[k]) != NULL, "%s", pal_tape_error(t));
        pal_tape_free(t);
    }
    pal_model_free(m);
}
END_TEST

/* On the tape, the leaf of a parameter has the parameter's name and tensor. pal_model_leaves returns the same leaves
 * while the model records and afterwards. */
START_TEST(leaves_have_the_parameters_names_in_every_scope)
{
    pal_model *m = make_named("basic", PAL_F32);
    pal_tape *t = pal_tape_new(c, PAL_F32);
    pal_var leaves[3], again[3];
    pal_model_begin(m, t, PAL_TRAIN);
    pal_model_loss(m, &(pal_batch){.inputs = pal_fill(t, PAL_F32, PAL_SHAPE(3, 6), 0.5)});
    pal_model_leaves(m, t, leaves);
    pal_model_end(m);
    pal_model_leaves(m, t, again);
    ck_assert_tape_ok(t);
    for (size_t i = 0; i < 3; i++) {
        const char *name;
        pal_tensor *tensor = pal_model_parameter(m, i, &name);
        ck_assert_str_eq(pal_params_of(leaves[i])->name, name);
        ck_assert_ptr_eq(pal_leaf_tensor(leaves[i]), tensor);
        ck_assert_uint_eq(leaves[i].id, again[i].id);
    }
    pal_tape_free(t);
    pal_model_free(m);
}
END_TEST

Suite *models_suite(void)
{
    Suite *suite = suite_create("models");
    add_case(suite, "options", set_up, tear_down,
             TESTS(variants_are_found_by_name_and_alias, wrong_settings_are_named));
    add_case(suite, "parameters", set_up, tear_down,
             TESTS(initial_values_depend_on_seed_and_name_alone, wrong_asks_are_errors, misuse_of_recording_is_an_error,
                   leaves_have_the_parameters_names_in_every_scope));
    return suite;
}
