/* test_objective_points.c - the loss over a data set at points: products at one point and at others, and a value that
 * is not a number. */
#include "tests/train/objectives.h"

Suite *objective_points_suite(void);

/* Products at one point share its forward pass. At another point, for other samples, and after the model has changed,
 * they are those of an objective that has made no product before. */
START_TEST(products_follow_the_point_and_the_samples)
{
    pal_dataset *data = few(FEW);
    pal_model *m = model_of("basic", NULL, 0, PAL_F64);
    pal_error err = {0};
    const pal_data_objective_options o = {
        .struct_size = sizeof o, .batch = 2, .seed = 5, .lanes = 1, .curvature_samples = 5, .fixed_batch = 6};
    pal_data_objective *used = pal_data_objective_new(m, data, &o, &err);
    ck_assert_msg(used != NULL, "%s", err.text);
    const pal_objective *f = pal_data_objective_get(used);
    pal_slab *v = slab_like(f->x), *have = slab_like(f->x), *want = slab_like(f->x), *step = slab_like(f->x);
    randomise(v, 1, "v");
    randomise(step, 0.1, "step");
    for (int turn = 0; turn < 8; turn++) {
        pal_data_objective *fresh = pal_data_objective_new(m, data, &o, &err);
        const pal_objective *g = pal_data_objective_get(fresh);
        if (turn == 1) randomise(v, 2, "w");            /* another vector */
        if (turn == 2 || turn == 6) add(f->x, step, 1); /* another point */
        if (turn == 3 || turn == 4) add(f->x, step, 1); /* two points in turn */
        if (turn == 5) pal_data_objective_read(used);   /* back to the model */
        for (size_t i = 0; i < pal_tensor_count(f->x->all); i++)
            pal_tensor_set(g->x->all, i, pal_tensor_get(f->x->all, i));
        const int64_t batch = turn == 7, group = turn >= 4; /* other samples */
        pal_data_objective *const both[] = {used, fresh};
        for (int i = 0; i < 2; i++) pal_data_objective_take(both[i], batch);
        for (int i = 0; i < 2; i++) pal_data_objective_choose(both[i], group);
        for (int kind = 0; kind < 2; kind++) {
            ck_assert_int_eq((kind ? f->hessian : f->gauss_newton)(v, have, f->user), PAL_OK);
            ck_assert_int_eq((kind ? g->hessian : g->gauss_newton)(v, want, g->user), PAL_OK);
            ck_assert_msg(!memcmp(have->all->data, want->all->data, pal_tensor_bytes(want->all)), "turn %d", turn);
        }
        pal_data_objective_free(fresh);
    }
    pal_slab *const slabs[] = {v, have, want, step};
    for (int i = 0; i < 4; i++) pal_slab_free(slabs[i]);
    pal_data_objective_free(used);
    pal_model_free(m);
    pal_dataset_free(data);
}
END_TEST

/* A point where the loss is NaN is a value for a minimiser, also where NaN are looked for; the error says where. */
START_TEST(a_value_that_is_not_a_number_is_no_failure)
{
    pal_dataset *data = few(FEW);
    for (int looked = 0; looked < 2; looked++) {
        pal_model *m = model_of("basic", NULL, 0, PAL_F64);
        pal_error err = {0};
        const pal_data_objective_options o = {.struct_size = sizeof o, .seed = 5, .lanes = 1, .check_nan = looked};
        pal_data_objective *objective = pal_data_objective_new(m, data, &o, &err);
        ck_assert_msg(objective != NULL, "%s", err.text);
        const pal_objective *f = pal_data_objective_get(objective);
        pal_slab *g = slab_like(f->x);
        ck_assert(isfinite(value_at(f, g)) && !*pal_data_objective_error(objective));
        pal_tensor_set(f->x->part[0], 0, (double)NAN);
        ck_assert(!isfinite(value_at(f, g)));
        ck_assert(!looked || strstr(pal_data_objective_error(objective), "NaN"));
        pal_slab_free(g);
        pal_data_objective_free(objective);
        pal_model_free(m);
    }
    pal_dataset_free(data);
}
END_TEST

Suite *objective_points_suite(void)
{
    Suite *suite = suite_create("objective_points");
    TCase *tests = in_own_folder(tcase_create("objective_points"));
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, products_follow_the_point_and_the_samples);
    tcase_add_test(tests, a_value_that_is_not_a_number_is_no_failure);
    suite_add_tcase(suite, tests);
    return suite;
}
