/* test_detect_figures.c - tests what is made of scores: guilty features, thresholds, and figures by labels, against
 * numpy and scikit-learn. */
#include <math.h>

#include "analysis/analysis.h"
#include "tests/testing.h"

Suite *detect_figures_suite(void);

START_TEST(guilty_features_come_in_order)
{
    const double parts[] = {1, 3, -INFINITY, 3, 2, NAN};
    uint32_t which[5] = {9, 9, 9, 9, 9};
    pal_guilty(parts, 5, 0, which);
    ck_assert_int_eq(which[0], 9);
    pal_guilty(parts, 5, 3, which);
    ck_assert(which[0] == 1 && which[1] == 3 && which[2] == 4 && which[3] == 9);
    pal_guilty(parts, 5, 5, which);
    ck_assert(which[3] == 0 && which[4] == 2);
}
END_TEST

START_TEST(quantiles_are_those_of_numpy)
{
    static const double q[] = {0, .1, .5, .99, 1}, want[] = {1, 1.5, 3.75, 8.8, 9};
    for (size_t i = 0; i < 5; i++) {
        double list[] = {3, 1, 2, 5, 4.5, 9};
        ck_assert_double_eq_tol(pal_score_quantile(list, 6, q[i]), want[i], 1e-12);
    }
    double one[] = {7}, same[] = {2, 2, 2}, far[] = {1, INFINITY};
    ck_assert_double_eq(pal_score_quantile(one, 1, 0.3), 7);
    ck_assert_double_eq(pal_score_quantile(same, 3, 0.99), 2);
    ck_assert_double_eq(pal_score_quantile(far, 2, 0.5), 1);
    ck_assert(isinf(pal_score_quantile(far, 2, 1)));
    ck_assert(isnan(pal_score_quantile(one, 0, 0.5)) && isnan(pal_score_quantile(one, 1, 1.5)));
}
END_TEST

/* Average precision, area, and the best F1 with the least score that it flags, by scikit-learn 1.7. */
static const struct {
    size_t n;
    uint8_t odd[8];
    double score[8], precision, area, f1, from;
} known[] = {
    {4, {0, 0, 1, 1}, {.1, .4, .35, .8}, 0.8333333333333333, 0.75, 0.8, .35},
    {5, {0, 1, 1, 0, 1}, {.5, .5, .5, .2, .9}, 0.8333333333333333, 0.8333333333333333, 0.8571428571428571, .5},
    {7, {1, 0, 1, 0, 0, 1, 0}, {3, 3, 2, 2, 2, 1, 1}, 0.44285714285714284, 0.5, 0.6, 1},
    {2, {0, 1}, {1, 1}, 0.5, 0.5, 0.6666666666666666, 1},
    {3, {1, 0, 0}, {5, 5, 5}, 0.3333333333333333, 0.5, 0.5, 5},
    {4, {0, 0, 0, 1}, {4, 3, 2, 1}, 0.25, 0, 0.4, 1},
    {3, {1, 1, 1}, {1, 2, 3}, 1, NAN, 1, 1},
    {8, {0, 1, 0, 0, 1, 1, 0, 1}, {.25, .5, .125, .5, .75, .25, 0, 1}, 0.8541666666666666, 0.875, 0.8, .25},
    {1, {1}, {3}, 1, NAN, 1, 3},
};

START_TEST(figures_are_those_of_scikit_learn)
{
    pal_error err = {0};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        pal_detection f;
        double threshold, before = -INFINITY;
        int64_t flagged = 0;
        ck_assert_int_eq(pal_best_f1(known[i].score, known[i].odd, known[i].n, &threshold, &err), PAL_OK);
        ck_assert_int_eq(pal_detection_of(known[i].score, known[i].odd, known[i].n, threshold, &f, &err), PAL_OK);
        ck_assert_double_eq_tol(f.average_precision, known[i].precision, 1e-12);
        ck_assert(isnan(known[i].area) ? isnan(f.auroc) : fabs(f.auroc - known[i].area) < 1e-12);
        ck_assert_double_eq_tol(f.f1, known[i].f1, 1e-12);
        for (size_t k = 0; k < known[i].n; k++) {
            flagged += known[i].score[k] >= known[i].from;
            if (known[i].score[k] < known[i].from) before = fmax(before, known[i].score[k]);
        }
        ck_assert(threshold < known[i].from && threshold >= before);
        ck_assert_int_eq(f.flagged, flagged);
    }
}
END_TEST

/* A threshold equal to a score does not flag it. */
START_TEST(thresholds_on_ties)
{
    pal_error err = {0};
    pal_detection f;
    const double score[] = {1, 2, 2, 2, 3};
    const uint8_t odd[] = {0, 1, 0, 1, 1}, none[5] = {0};
    ck_assert_int_eq(pal_detection_of(score, odd, 5, 2, &f, &err), PAL_OK);
    ck_assert(f.samples == 5 && f.odd == 3 && f.flagged == 1 && f.hits == 1);
    ck_assert_double_eq_tol(f.recall, 1.0 / 3, 1e-12);
    ck_assert_double_eq(f.precision, 1);
    ck_assert_double_eq(f.f1, 0.5);
    ck_assert_int_eq(pal_detection_of(score, odd, 5, nextafter(2, 0), &f, &err), PAL_OK);
    ck_assert(f.flagged == 4 && f.hits == 3);
    ck_assert_int_eq(pal_detection_of(score, none, 5, 9, &f, &err), PAL_OK);
    ck_assert(isnan(f.auroc) && isnan(f.average_precision) && isnan(f.recall) && isnan(f.precision) && isnan(f.f1));
    double threshold = 0;
    ck_assert_int_eq(pal_best_f1(score, none, 5, &threshold, &err), PAL_OK);
    ck_assert(isnan(threshold));
    const double bad[] = {1, NAN};
    ck_assert_int_eq(pal_detection_of(bad, odd, 2, 0, &f, &err), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_best_f1(bad, odd, 2, &threshold, &err), PAL_ERR_ARGUMENT);
}
END_TEST

/* The area under the curve by trapezoids is the AUROC, and the steps of recall times precision are the average. */
START_TEST(curves_have_these_areas)
{
    pal_error err = {0};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        pal_detection_curve curve;
        double area = 0, average = 0;
        const pal_status status = pal_detection_curve_of(known[i].score, known[i].odd, known[i].n, &curve, &err);
        ck_assert_int_eq(status, isnan(known[i].area) ? PAL_ERR_ARGUMENT : PAL_OK);
        for (size_t k = 1; k < curve.points; k++) {
            area += (curve.false_rate[k] - curve.false_rate[k - 1]) * (curve.recall[k] + curve.recall[k - 1]) / 2;
            average += (curve.recall[k] - curve.recall[k - 1]) * curve.precision[k];
        }
        if (!status) {
            ck_assert_double_eq_tol(area, known[i].area, 1e-12);
            ck_assert_double_eq_tol(average, known[i].precision, 1e-12);
            ck_assert(curve.recall[curve.points - 1] == 1 && curve.false_rate[curve.points - 1] == 1);
        }
        pal_detection_curve_free(&curve);
    }
}
END_TEST

Suite *detect_figures_suite(void)
{
    Suite *s = suite_create("detect_figures");
    TCase *t = tcase_create("figures");
    const TTest *const all[] = {guilty_features_come_in_order, quantiles_are_those_of_numpy,
                                figures_are_those_of_scikit_learn, thresholds_on_ties, curves_have_these_areas};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) tcase_add_test(t, all[i]);
    suite_add_tcase(s, t);
    return s;
}
