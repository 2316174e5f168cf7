/* test_windows.c - tests series: windows against the rows that they are made of, with labels, names and columns; in
 * memory and in mapped files. */
#include "data/internal.h"
#include "tests/data/npy_bytes.h"

Suite *windows_suite(void);

static palt__raw raw;
static pal_note note;

static pal_status windows(const char *window, const char *stride, pal_error *err)
{
    pal_setting given[2];
    size_t n = 0;
    if (window) given[n++] = (pal_setting){.name = "window", .value = window};
    if (stride) given[n++] = (pal_setting){.name = "window-stride", .value = stride};
    note = (pal_note){""};
    return palt__raw_windows(&raw, &(pal_data_options){.given = given, .n = n}, &note, err);
}

static void make(int64_t rows, int64_t features, bool labels)
{
    raw = (palt__raw){.values = pal_tensor_new(context, PAL_F64, PAL_SHAPE(rows, features))};
    for (int64_t i = 0; i < rows * features; i++) ((double *)raw.values->data)[i] = (double)i;
    if (!labels) return;
    raw.labels = pal_tensor_new(context, PAL_U8, PAL_SHAPE(rows));
    raw.ids = calloc((size_t)rows, sizeof *raw.ids);
    for (int64_t i = 0; i < rows; i++) {
        char id[16];
        ((uint8_t *)raw.labels->data)[i] = (uint8_t)i;
        snprintf(id, sizeof id, "row %d", (int)i);
        raw.ids[i] = strdup(id);
    }
}

/* Every number of rows, window and stride up to 9. */
START_TEST(every_window)
{
    for (int64_t rows = 1; rows < 10; rows++)
        for (int64_t window = 1; window <= rows; window++)
            for (int64_t stride = 0; stride < 10; stride++)
                for (int64_t d = 1; d < 3; d++) {
                    char w[8], s[8], id[16];
                    pal_error err = {0};
                    make(rows, d, true);
                    snprintf(w, sizeof w, "%d", (int)window);
                    snprintf(s, sizeof s, "%d", (int)stride);
                    ck_assert_msg(windows(w, stride ? s : NULL, &err) == PAL_OK, "%s", err.text);
                    const int64_t step = stride ? stride : window;
                    int64_t count = 0;
                    for (int64_t begin = 0; begin + window <= rows; begin += step, count++) {
                        const double *x = (const double *)raw.values->data + count * window * d;
                        for (int64_t i = 0; i < window * d; i++) ck_assert(x[i] == (double)(begin * d + i));
                        const int64_t last = begin + window - 1;
                        ck_assert_int_eq(((uint8_t *)raw.labels->data)[count], (int)last);
                        snprintf(id, sizeof id, "row %d", (int)last);
                        ck_assert_str_eq(raw.ids[count], id);
                    }
                    ck_assert(pal_shape_equal(raw.values->shape,
                                              d == 1 ? PAL_SHAPE(count, window) : PAL_SHAPE(count, window, d)));
                    ck_assert_int_eq(raw.labels->shape.dim[0], count);
                    const int64_t left = rows - ((count - 1) * step + window);
                    ck_assert(!strstr(note.text, "left out") == (left == 0));
                    palt__raw_free(&raw);
                }
}
END_TEST

START_TEST(refused_windows)
{
    static const struct {
        const char *window, *stride, *needle;
    } rows[] = {{"7", NULL, "--window 7: there are only 6 rows"},
                {"0", NULL, "--window 0: expected a number"},
                {"-1", NULL, "expected a number"},
                {"2x", NULL, "expected a number"},
                {"", NULL, "expected a number"},
                {"2", "0", "--window-stride 0: expected a number"},
                {"99999999999999999999", NULL, "expected"},
                {NULL, "3", "--window-stride 3 needs --window"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pal_error err = {0};
        make(6, 2, true);
        const pal_tensor *values = raw.values;
        ck_assert_int_eq(windows(rows[i].window, rows[i].stride, &err), PAL_ERR_ARGUMENT);
        ck_assert_msg(strstr(err.text, rows[i].needle) != NULL, "%s", err.text);
        ck_assert(raw.values == values && raw.ids && raw.labels);
        palt__raw_free(&raw);
    }
    make(6, 2, false);
    const pal_tensor *values = raw.values;
    ck_assert_int_eq(windows(NULL, NULL, NULL), PAL_OK);
    ck_assert(raw.values == values && !*note.text);
    palt__raw_free(&raw);
}
END_TEST

START_TEST(of_a_table)
{
    const char *const levels[] = {"no", "yes"};
    pal_column columns[] = {{.name = "load", .kind = PAL_COLUMN_NUMBER, .offset = 1, .scale = 2},
                            {.name = "open", .kind = PAL_COLUMN_TRUTH, .scale = 1, .levels = levels, .n_levels = 2}};
    pal_error err = {0};
    for (int category = 0; category < 2; category++) {
        make(6, 2, false);
        if (category) columns[1].kind = PAL_COLUMN_CATEGORY;
        raw.schema = pal_schema_new(&(pal_schema){.columns = columns, .n_columns = 2}, &err);
        ck_assert_msg(raw.schema != NULL, "%s", err.text);
        if (category) {
            ck_assert_int_eq(windows("3", NULL, &err), PAL_ERR_ARGUMENT);
            ck_assert_str_eq(err.text, "--window: open is a category, and a series is of numbers: give --ignore open");
            ck_assert_int_eq(raw.schema->n_columns, 2);
        } else {
            ck_assert_msg(windows("3", NULL, &err) == PAL_OK, "%s", err.text);
            ck_assert_int_eq(raw.schema->n_columns, 6);
            ck_assert_str_eq(raw.schema->columns[0].name, "load[1]");
            ck_assert_str_eq(raw.schema->columns[4].name, "load[3]");
            ck_assert_int_eq(raw.schema->columns[5].kind, PAL_COLUMN_TRUTH);
            ck_assert_str_eq(raw.schema->columns[5].levels[1], "yes");
            ck_assert(raw.schema->columns[4].offset == 1 && raw.schema->columns[4].scale == 2);
        }
        palt__raw_free(&raw);
    }
}
END_TEST

/* Windows beside each other stay in the file; others are copied, and the file is closed. */
START_TEST(of_a_mapped_file)
{
    enum { ROWS = 1 << 18 };
    double *data = malloc(8 * ROWS);
    for (size_t i = 0; i < ROWS; i++) data[i] = (double)i;
    const char *path = put_npy("x.npy", "<f8", "(262144, 1)", data, 8 * ROWS);
    for (int beside = 0; beside < 2; beside++) {
        ck_assert_int_eq(palt__raw_array(&raw, context, path, NULL, NULL, NULL), PAL_OK);
        ck_assert_ptr_nonnull(raw.map);
        ck_assert_int_eq(windows("1000", beside ? NULL : "500", NULL), PAL_OK);
        ck_assert_int_eq(!raw.map, !beside);
        const int64_t n = beside ? 262 : 523, step = beside ? 1000 : 500;
        ck_assert(pal_shape_equal(raw.values->shape, PAL_SHAPE(n, 1000)));
        for (int64_t i = 0; i < n * 1000; i++)
            ck_assert(((double *)raw.values->data)[i] == (double)(i / 1000 * step + i % 1000));
        palt__raw_want(&raw, (uint32_t[]){261, 0}, 2);
        palt__raw_free(&raw);
    }
    free(data);
}
END_TEST

START_TEST(no_memory)
{
    for (long k = 0; k < 4; k++) {
        make(6, 2, true);
        const long held = memory.held;
        const pal_tensor *values = raw.values;
        memory.left = k;
        const pal_status status = windows("3", "1", NULL);
        memory.left = LONG_MAX;
        ck_assert_int_eq(status, PAL_ERR_MEMORY);
        ck_assert(raw.values == values);
        ck_assert_int_eq(memory.held, held);
        palt__raw_free(&raw);
    }
}
END_TEST

Suite *windows_suite(void)
{
    Suite *suite = suite_create("windows");
    in_own_folder(add_case(suite, "windows", set_up, tear_down,
                           TESTS(every_window, refused_windows, of_a_table, of_a_mapped_file, no_memory)));
    return suite;
}
