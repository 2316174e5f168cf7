/* test_large.c - tests what data too large for lists or for memory need: orders by a rule, parts of a mapped file, and
 * numbers of it that are not finite. */
#include "data/store.h"
#include "data/open.h"
#include "tests/data/npy_bytes.h"

#include <fcntl.h>
#include <sys/mman.h>

Suite *large_suite(void);

/* ---- The rule --------------------------------------------------------------------------------------------------- */

/* Every n up to some thousands: a bijection, and palt__place is its inverse. */
START_TEST(rule_is_bijection)
{
    enum { MOST = 3000 };
    for (uint64_t n = 1; n <= MOST; n++) {
        bool seen[MOST] = {false};
        const palt__permutation p = palt__permutation_of(n % 7, "order", n % 3, n);
        for (uint64_t i = 0; i < n; i++) {
            const uint64_t value = palt__permute(&p, i);
            if (value >= n || seen[value] || palt__place(&p, value) != i)
                ck_abort_msg("n %zu, i %zu", (size_t)n, (size_t)i);
            seen[value] = true;
        }
    }
}
END_TEST

/* The same of all numbers of more than 2^24 and, of the most, at the ends. */
START_TEST(rule_is_bijection_of_many)
{
    const uint64_t n = (UINT64_C(1) << 24) + 12345;
    uint8_t *seen = calloc(1, n);
    ck_assert_ptr_nonnull(seen);
    const palt__permutation p = palt__permutation_of(5, "order", 1, n);
    for (uint64_t i = 0; i < n; i++) {
        const uint64_t value = palt__permute(&p, i);
        if (value >= n || seen[value]++) ck_abort_msg("i %zu", (size_t)i);
    }
    free(seen);
    const palt__permutation most = palt__permutation_of(5, "order", 1, UINT32_MAX);
    for (uint64_t i = 0; i < 2000; i++) {
        const uint64_t at = i < 1000 ? i : UINT32_MAX - UINT64_C(1) - (i - 1000), value = palt__permute(&most, at);
        ck_assert_uint_lt(value, UINT32_MAX);
        ck_assert_uint_eq(palt__place(&most, value), at);
    }
}
END_TEST

/* Of an order of N: where the places of a part go, the distance of neighbours, and the same place in many epochs. Each
 * chi squared has 255 degrees of freedom: mean 255, deviation 23. It is above 390 or below 150 once in a million. */
static double chi_squared(const uint32_t *counts, size_t cells, double expected)
{
    double sum = 0;
    for (size_t i = 0; i < cells; i++) sum += (counts[i] - expected) * (counts[i] - expected) / expected;
    return sum;
}

START_TEST(rule_is_even)
{
    enum { CELLS = 256, TAKEN = 1 << 18 };
    static const size_t sizes[] = {(1 << 24) + 1, 20000003, 100000000, UINT32_MAX};
    uint32_t *rows = malloc((TAKEN + 1) * sizeof *rows);
    for (size_t s = 0; s < 4; s++) {
        const double n = (double)sizes[s];
        pal_error err = {0};
        pal_order *order = pal_order_new(sizes[s], &err);
        ck_assert_msg(order != NULL, "%s", err.text);
        uint32_t place[CELLS] = {0}, step[CELLS] = {0}, low[CELLS] = {0}, epochs[CELLS] = {0};
        ck_assert_int_eq(pal_order_set(order, 3, "order", 1), PAL_OK);
        ck_assert_int_eq(pal_order_rows(order, sizes[s] / 3, TAKEN + 1, rows), PAL_OK);
        for (size_t i = 0; i < TAKEN; i++) {
            place[(size_t)(rows[i] / n * CELLS)]++;
            low[rows[i] % CELLS]++;
            step[(size_t)(((uint64_t)rows[i + 1] + sizes[s] - rows[i]) % sizes[s] / n * CELLS)]++;
        }
        for (uint64_t epoch = 0; epoch < TAKEN / 4; epoch++) {
            ck_assert_int_eq(pal_order_set(order, 3, "order", epoch), PAL_OK);
            ck_assert_int_eq(pal_order_rows(order, 7, 1, rows), PAL_OK);
            epochs[(size_t)(rows[0] / n * CELLS)]++;
        }
        const double found[] = {
            chi_squared(place, CELLS, (double)TAKEN / CELLS), chi_squared(low, CELLS, (double)TAKEN / CELLS),
            chi_squared(step, CELLS, (double)TAKEN / CELLS), chi_squared(epochs, CELLS, (double)TAKEN / 4 / CELLS)};
        for (size_t k = 0; k < 4; k++)
            ck_assert_msg(found[k] > 150 && found[k] < 390, "%zu, figure %zu: %g", sizes[s], k, found[k]);
        pal_order_free(order);
    }
    free(rows);
}
END_TEST

/* Up to 2^24 the order is that of pal_epoch_order; of one more it is a rule that depends on all it is given. Any part
 * is that of the whole. */
START_TEST(orders)
{
    enum { N = 1000, LISTED = 1 << 24 };
    uint32_t list[N], rows[N], others[N];
    pal_error err = {0};
    pal_order *order = pal_order_new(N, &err);
    ck_assert_int_eq(pal_order_rows(order, 0, 1, rows), PAL_ERR_ARGUMENT); /* of which epoch? */
    ck_assert_int_eq(pal_order_set(order, 9, "order", 4), PAL_OK);
    ck_assert_int_eq(pal_epoch_order(9, "order", 4, list, N), PAL_OK);
    ck_assert_int_eq(pal_order_rows(order, 0, N, rows), PAL_OK);
    ck_assert_int_eq(memcmp(rows, list, sizeof list), 0);
    ck_assert_int_eq(pal_order_rows(order, 990, 10, rows), PAL_OK);
    ck_assert_int_eq(memcmp(rows, list + 990, 10 * sizeof *list), 0);
    ck_assert_int_eq(pal_order_rows(order, 990, 11, rows), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_order_rows(order, N + 1, 0, rows), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_order_rows(order, N, 0, NULL), PAL_OK);
    ck_assert_int_eq(pal_order_rows(order, 0, 1, NULL), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_order_set(order, 9, NULL, 4), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_order_rows(NULL, 0, 0, rows), PAL_ERR_ARGUMENT);
    pal_order_free(order);
    pal_order_free(NULL);
    ck_assert_ptr_null(pal_order_new((size_t)UINT32_MAX + 1, &err));
    ck_assert_int_eq(err.status, PAL_ERR_ARGUMENT);

    uint32_t *large = malloc(LISTED * sizeof *large);
    order = pal_order_new(LISTED, &err);
    ck_assert_int_eq(pal_order_set(order, 9, "order", 4), PAL_OK);
    ck_assert_int_eq(pal_epoch_order(9, "order", 4, large, LISTED), PAL_OK);
    ck_assert_int_eq(pal_order_rows(order, LISTED - N, N, rows), PAL_OK);
    ck_assert_int_eq(memcmp(rows, large + LISTED - N, sizeof rows), 0);
    pal_order_free(order);
    free(large);

    static const struct {
        uint64_t seed, epoch;
        const char *stream;
    } of[] = {{9, 4, "order"}, {8, 4, "order"}, {9, 5, "order"}, {9, 4, "other"}};
    order = pal_order_new(LISTED + 1, &err);
    for (size_t k = 0; k < 4; k++) {
        ck_assert_int_eq(pal_order_set(order, of[k].seed, of[k].stream, of[k].epoch), PAL_OK);
        ck_assert_int_eq(pal_order_rows(order, 5, N, k ? others : rows), PAL_OK);
        size_t same = 0;
        for (size_t i = 0; i < N; i++) same += k && rows[i] == others[i];
        ck_assert_uint_lt(same, 3);
    }
    pal_order_free(order);
}
END_TEST

/* ---- Files ------------------------------------------------------------------------------------------------------ */

typedef float (*value_fn)(uint64_t row, uint64_t column);

/* A .npy file of float32 [n, d], of which only some rows are written; the others are zeros that take no room. */
static const char *sparse(const char *name, uint64_t n, uint64_t d, const uint64_t *rows, size_t n_rows, value_fn value)
{
    char shape[64];
    size_t whole;
    snprintf(shape, sizeof shape, "(%llu, %llu)", (unsigned long long)n, (unsigned long long)d);
    char *bytes = npy_bytes("<f4", shape, "", 0, &whole);
    const char *path = write_file(name, bytes, whole);
    free(bytes);
    const int file = open(path, O_RDWR);
    ck_assert_int_eq(ftruncate(file, (off_t)(whole + n * d * sizeof(float))), 0);
    for (size_t i = 0; i < n_rows; i++)
        for (uint64_t j = 0; j < d; j++) {
            const float x = value(rows[i], j);
            ck_assert_int_eq(pwrite(file, &x, sizeof x, (off_t)(whole + (rows[i] * d + j) * sizeof x)), sizeof x);
        }
    close(file);
    return path;
}

static float number_of_row(uint64_t row, uint64_t column) { return (float)row / 4 + (float)column / 8; }
static float no_number(uint64_t row, uint64_t column) { return column == 2 ? row % 2 ? NAN : -INFINITY : 0.5F; }

static pal_data opened(const char *path, const char *scale, bool whole, bool tail)
{
    const pal_setting list[] = {{"scale", scale}, {"test", "100"}};
    const pal_data_options options = {.given = list, .n = whole ? 1 : 2};
    const pal_data_source from = {
        .struct_size = sizeof from, .path = path, .options = &options, .whole = whole, .tail = tail};
    pal_data data;
    pal_error err = {0};
    ck_assert_msg(!pal_data_open(context, &from, (1U << PAL_SPLITS) - 1, &data, &err), "%s", err.text);
    return data;
}

enum { MANY = (1 << 24) + 1000, WIDE = 3 }; /* 201 MB */

/* Samples that are not split are in the order of the file: what is encoded is written in this order. So are those of
 * older runs, whose tail is for testing. */
START_TEST(whole_in_order)
{
    const uint64_t some[] = {0, 1, 2, 77, 1 << 20, MANY - 100, MANY - 1};
    const char *path = sparse("many.npy", MANY, WIDE, some, 7, number_of_row);
    for (int tail = 0; tail < 2; tail++) {
        pal_data data = opened(path, "none", !tail, tail);
        const pal_dataset *train = data.part[PAL_SPLIT_TRAIN], *test = data.part[PAL_SPLIT_TEST];
        ck_assert_ptr_nonnull(test->store);
        ck_assert_int_eq(test->count, tail ? 100 : MANY);
        pal_tensor *x = pal_tensor_new(context, PAL_F32, PAL_SHAPE(1, WIDE));
        for (size_t i = 0; i < 7; i++) {
            const pal_dataset *d = tail && some[i] < MANY - 100 ? train : test;
            const uint32_t row = (uint32_t)(tail && some[i] >= MANY - 100 ? some[i] - (MANY - 100) : some[i]);
            ck_assert_int_eq(pal_dataset_batch(d, &row, 1, x), PAL_OK);
            for (uint64_t j = 0; j < WIDE; j++) ck_assert(pal_tensor_get(x, j) == (double)number_of_row(some[i], j));
        }
        pal_tensor_free(x);
        pal_data_free(&data);
    }
}
END_TEST

/* The parts of a draw by the rule have each row once, and the scaling is that of a sample all over the file. */
START_TEST(drawn_by_rule)
{
    pal_data data = opened(sparse("many.npy", MANY, WIDE, NULL, 0, NULL), "none", false, false);
    const pal_dataset *train = data.part[PAL_SPLIT_TRAIN], *test = data.part[PAL_SPLIT_TEST];
    ck_assert_int_eq(train->count, MANY - 100);
    ck_assert_int_eq(test->count, 100);
    ck_assert_ptr_null(train->index);
    uint8_t *seen = calloc(1, MANY);
    for (uint64_t i = 0; i < MANY; i++) {
        const pal_dataset *d = i < MANY - 100 ? train : test;
        const uint64_t row = palt__row_of(d, i < MANY - 100 ? i : i - (MANY - 100));
        if (row >= MANY || seen[row]++) ck_abort_msg("place %zu", (size_t)i);
    }
    free(seen);
    const uint32_t rows[] = {0, 5, UINT32_MAX};
    pal_dataset_want(train, rows, 3);
    pal_dataset_want(train, NULL, 3);
    pal_dataset_want(NULL, rows, 3);
    pal_data_free(&data);
}
END_TEST

/* A number that is not finite is refused when it is used, with its place in the file, scaled or not; in a smaller file,
 * when it is read. */
START_TEST(not_finite)
{
    enum { ROWS = 700000, COLUMNS = 50 }; /* 140 MB */
    const uint64_t bad[] = {123456, 650001};
    const char *path = sparse("bad.npy", ROWS, COLUMNS, bad, 2, no_number);
    for (int scaled = 0; scaled < 2; scaled++) {
        pal_data data = opened(path, scaled ? "minmax" : "none", true, false);
        if (scaled) { /* what is not split has no scaling of its own */
            pal_data_free(&data);
            data = opened(path, "minmax", false, false);
        }
        pal_tensor *x = pal_tensor_new(context, PAL_F32, PAL_SHAPE(1, COLUMNS));
        size_t found = 0;
        for (int k = 0; k < PAL_SPLITS; k++) {
            const pal_dataset *d = data.part[k];
            for (uint32_t i = 0; d && i < d->count; i++) {
                pal_error err = {0};
                char place[64];
                const uint64_t row = palt__row_of(d, i);
                if (row != bad[0] && row != bad[1]) continue;
                found++;
                snprintf(place, sizeof place, "sample %llu, element 2 (from 0) is %s", (unsigned long long)row,
                         row % 2 ? "nan" : "-inf");
                ck_assert_int_eq(pal_dataset_batch(d, &i, 1, x), PAL_ERR_FORMAT);
                ck_assert_int_eq(pal_dataset_gather(d, &i, 1, x, &err), PAL_ERR_FORMAT);
                ck_assert_msg(strstr(err.text, place) && strstr(err.text, ": fill it in or remove"), "%s", err.text);
            }
        }
        ck_assert_uint_eq(found, 2);
        pal_tensor_free(x);
        pal_data_free(&data);
    }
    pal_error err = {0};
    const pal_data_source from = {.struct_size = sizeof from, .path = sparse("small.npy", 60000, 10, bad, 0, NULL)};
    const uint64_t small[] = {4321};
    pal_data data;
    ck_assert_msg(!pal_data_open(context, &from, 1, &data, &err), "%s", err.text);
    pal_data_free(&data);
    sparse("small.npy", 60000, 10, small, 1, no_number);
    ck_assert_int_eq(pal_data_open(context, &from, 1, &data, &err), PAL_ERR_FORMAT);
    ck_assert_msg(strstr(err.text, "sample 4321, element 2"), "%s", err.text);
}
END_TEST

/* A file that option test names stays in its file as well. */
START_TEST(other_stays_mapped)
{
    const uint64_t some[] = {0, 3, 16777000};
    const char *train = sparse("train.npy", 100, WIDE, some, 2, number_of_row);
    const char *test = sparse("test.npy", MANY, WIDE, some, 3, number_of_row);
    const pal_setting list[] = {{"scale", "none"}, {"test", test}};
    const pal_data_options options = {.given = list, .n = 2};
    const pal_data_source from = {.struct_size = sizeof from, .path = train, .options = &options};
    pal_data data;
    pal_error err = {0};
    memory.largest = 0;
    ck_assert_msg(!pal_data_open(context, &from, (1U << PAL_SPLITS) - 1, &data, &err), "%s", err.text);
    ck_assert_uint_lt(memory.largest, 1 << 20);
    ck_assert_ptr_null(data.part[PAL_SPLIT_TRAIN]->store);
    ck_assert_ptr_nonnull(data.part[PAL_SPLIT_TEST]->store);
    pal_tensor *x = pal_tensor_new(context, PAL_F32, PAL_SHAPE(1, WIDE));
    const uint32_t row = 16777000;
    ck_assert_int_eq(pal_dataset_batch(data.part[PAL_SPLIT_TEST], &row, 1, x), PAL_OK);
    ck_assert(pal_tensor_get(x, 1) == (double)number_of_row(row, 1));
    pal_tensor_free(x);
    pal_data_free(&data);
}
END_TEST

/* The rows that are looked at are different ones, in their order, and never too many. */
START_TEST(rows_looked_at)
{
    static const struct {
        size_t n, columns;
        bool images;
    } of[] = {{10, 4, false},         {1 << 20, 64, false},    {3000000, 16, false},
              {100000000, 16, false}, {100000000, 700, false}, {UINT32_MAX, 1, false},
              {5000000, 3072, false}, {5000000, 3072, true},   {50, 1 << 28, true}};
    for (size_t k = 0; k < sizeof of / sizeof *of; k++) {
        const size_t seen = palt__scale_rows(of[k].n, of[k].columns, of[k].images);
        ck_assert(seen <= of[k].n && seen <= 1 << 20 && seen > 0);
        if (seen > 1024) ck_assert_uint_le(seen * of[k].columns, of[k].images ? 1 << 26 : 1 << 28);
        for (size_t i = 0, last = 0; i < seen; i++) {
            const size_t row = palt__scale_row(i, seen, of[k].n);
            if (row >= of[k].n || (i && row <= last)) ck_abort_msg("%zu: %zu after %zu", k, row, last);
            last = row;
        }
    }
}
END_TEST

Suite *large_suite(void)
{
    Suite *suite = suite_create("large");
    add_case(suite, "rule", NULL, NULL,
             TESTS(rule_is_bijection, rule_is_bijection_of_many, rule_is_even, orders, rows_looked_at));
    in_own_folder(add_case(suite, "files", set_up, tear_down,
                           TESTS(whole_in_order, drawn_by_rule, not_finite, other_stays_mapped)));
    return suite;
}
