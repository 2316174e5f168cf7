/* test_order.c - tests the order of the samples in an epoch. */
#include <math.h>
#include <string.h>

#include "data/data.h"
#include "tests/testing.h"

Suite *order_suite(void);

/* Every order is a permutation. It depends on the seed, the name of the stream and the epoch. */
START_TEST(order_is_permutation)
{
    enum { MOST = 3000 };
    static const size_t sizes[] = {0, 1, 2, 3, 255, 256, 257, MOST};
    uint32_t order[MOST], other[MOST];
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        bool seen[MOST] = {false};
        ck_assert_int_eq(pal_epoch_order(1, "order", 5, order, sizes[k]), PAL_OK);
        for (size_t i = 0; i < sizes[k]; i++) {
            ck_assert_uint_lt(order[i], sizes[k]);
            ck_assert(!seen[order[i]]);
            seen[order[i]] = true;
        }
    }
    ck_assert_int_eq(pal_epoch_order(1, "order", 5, other, MOST), PAL_OK);
    ck_assert_int_eq(memcmp(order, other, sizeof order), 0);
    static const struct {
        uint64_t seed, epoch;
        const char *stream;
    } others[] = {{2, 5, "order"}, {1, 6, "order"}, {1, 5, "other"}, {1, 5 + (UINT64_C(1) << 32), "order"}};
    for (size_t k = 0; k < sizeof others / sizeof *others; k++) {
        size_t same = 0;
        ck_assert_int_eq(pal_epoch_order(others[k].seed, others[k].stream, others[k].epoch, other, MOST), PAL_OK);
        for (size_t i = 0; i < MOST; i++) same += order[i] == other[i];
        ck_assert_uint_lt(same, 20); /* one is expected by chance */
    }
    ck_assert_int_eq(pal_epoch_order(1, NULL, 5, order, 3), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_epoch_order(1, "order", 5, NULL, 3), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_epoch_order(1, "order", 5, order, (size_t)UINT32_MAX + 1), PAL_ERR_ARGUMENT);
}
END_TEST

/* The order is the same on every machine and in every release. The expected values were recorded once. */
START_TEST(order_is_fixed)
{
    static const uint32_t expected[10] = {4, 3, 0, 1, 9, 6, 7, 2, 8, 5};
    uint32_t order[10];
    ck_assert_int_eq(pal_epoch_order(7, "order", 3, order, 10), PAL_OK);
    for (size_t i = 0; i < 10; i++) ck_assert_uint_eq(order[i], expected[i]);

    uint32_t longer[1000], hash = 0;
    ck_assert_int_eq(pal_epoch_order(7, "order", 3, longer, 1000), PAL_OK);
    for (size_t i = 0; i < 1000; i++) hash = hash * 31 + longer[i];
    ck_assert_uint_eq(hash, 854635158);
}
END_TEST

/* Counts the 120 orders of five samples over 60,000 epochs. Chi squared has 119 degrees of freedom. It exceeds 212 for
 * one seed in ten million. */
START_TEST(order_is_fair)
{
    enum { N = 5, ORDERS = 120, EPOCHS = 60000 };
    int counts[ORDERS] = {0};
    double chi2 = 0;
    for (uint64_t epoch = 0; epoch < EPOCHS; epoch++) {
        uint32_t order[N], index = 0;
        ck_assert_int_eq(pal_epoch_order(11, "order", epoch, order, N), PAL_OK);
        for (uint32_t i = 0; i < N; i++) { /* the rank among the remaining ones, in mixed radix */
            uint32_t rank = 0;
            for (uint32_t j = i + 1; j < N; j++) rank += order[j] < order[i];
            index = index * (N - i) + rank;
        }
        counts[index]++;
    }
    for (int i = 0; i < ORDERS; i++) chi2 += pow(counts[i] - (double)EPOCHS / ORDERS, 2) / ((double)EPOCHS / ORDERS);
    ck_assert_double_lt(chi2, 212);
    ck_assert_double_gt(chi2, 50); /* nor may it be more even than chance */
}
END_TEST

Suite *order_suite(void)
{
    Suite *suite = suite_create("order");
    add_case(suite, "order", NULL, NULL, TESTS(order_is_permutation, order_is_fixed, order_is_fair));
    return suite;
}
