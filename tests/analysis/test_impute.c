/* test_impute.c - tests filling in the cells of a table: known cells stay, missing ones get what a model of known
 * weights makes of the known ones, and the figures are those that can be computed by hand. */
#include <math.h>

#include "analysis/analysis.h"
#include "tests/models/recorded.h"
#include "train/train.h"

Suite *impute_suite(void);

/* ---- Numbers, a linear model ---------------------------------------------------------------------------------- */

enum { D = 6, N = 7, CODE = 2 };

static const double span[CODE][D] = {{0.5, 0.5, 0.5, 0.5, 0, 0}, {0.5, -0.5, 0, 0, 0.5, -0.5}};
static double rows[N * D], out[N * D];

/* Row i misses other cells than the others: none in row 0, and one to three in the others. */
static bool is_missing(size_t i, size_t j) { return i && ((j + i) % 6 == 0 || (i > 2 && (j * i) % 5 == 1)); }

static void with_rows(void)
{
    set_up();
    pal_tensor *all = random_tensor(c, PAL_F64, PAL_SHAPE(N, D), -1, 1, "rows");
    for (size_t i = 0; i < N * D; i++)
        rows[i] = is_missing(i / D, i % D) ? (double)NAN : pal_tensor_get(all, i) + 1.0 / 3;
    pal_tensor_free(all);
}

static void zero(pal_model *m)
{
    for (size_t i = 0; i < pal_model_parameter_count(m); i++) {
        pal_tensor *t = pal_model_parameter(m, i, NULL);
        memset(t->data, 0, pal_tensor_bytes(t));
    }
}

/* Its reconstruction is the projection onto the span. */
static pal_model *projection(void)
{
    const pal_setting linear[] = {
        {"hidden", "2"}, {"activation", "linear"}, {"output", "squared"}, {"tied", "yes"}, {NULL, NULL}};
    pal_model *m = model_of("basic", linear, PAL_SHAPE(D));
    zero(m);
    pal_tensor *w = pal_model_parameter_find(m, "encoder/W");
    for (size_t i = 0; i < D; i++)
        for (size_t j = 0; j < CODE; j++) pal_tensor_set(w, i * CODE + j, span[j][i]);
    return m;
}

/* Solves a v = b for n unknowns by elimination; a and b are destroyed. */
static void solve(double a[D][D], double *b, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        size_t p = k;
        for (size_t i = k; i < n; i++) p = fabs(a[i][k]) > fabs(a[p][k]) ? i : p;
        for (size_t j = 0; j < n; j++) {
            const double t = a[k][j];
            a[k][j] = a[p][j];
            a[p][j] = t;
        }
        const double t = b[k];
        b[k] = b[p];
        b[p] = t;
        for (size_t i = 0; i < n; i++) {
            const double q = i == k ? 0 : a[i][k] / a[k][k];
            for (size_t j = 0; j < n; j++) a[i][j] -= q * a[k][j];
            b[i] -= q * b[k];
        }
    }
    for (size_t k = 0; k < n; k++) b[k] /= a[k][k];
}

/* The row with the same known cells that is nearest to the span: (I - P) restricted to the missing cells. */
static void nearest(const double *row, double *whole)
{
    double a[D][D], b[D];
    size_t at[D], n = 0;
    for (size_t j = 0; j < D; j++)
        if (isnan(row[j])) at[n++] = j;
    for (size_t i = 0; i < n; i++) {
        b[i] = 0;
        for (size_t k = 0, u = 0; k < D; k++) {
            const double q = (at[i] == k) - span[0][at[i]] * span[0][k] - span[1][at[i]] * span[1][k];
            if (isnan(row[k]))
                a[i][u++] = q;
            else
                b[i] -= q * row[k];
        }
    }
    solve(a, b, n);
    memcpy(whole, row, D * sizeof *whole);
    for (size_t i = 0; i < n; i++) whole[at[i]] = b[i];
}

/* The point of the span that is nearest to the known cells. */
static void fitted(const double *row, double *whole)
{
    double a[D][D] = {{0}}, v[CODE] = {0};
    for (size_t j = 0; j < D; j++)
        for (size_t p = 0; p < CODE && !isnan(row[j]); p++) {
            v[p] += span[p][j] * row[j];
            for (size_t q = 0; q < CODE; q++) a[p][q] += span[p][j] * span[q][j];
        }
    solve(a, v, CODE);
    for (size_t j = 0; j < D; j++) whole[j] = isnan(row[j]) ? span[0][j] * v[0] + span[1][j] * v[1] : row[j];
}

static int64_t impute(pal_model *m, pal_infill_options o)
{
    pal_error err = {0};
    int64_t filled = -1;
    o.struct_size = sizeof o;
    ck_assert_msg(!pal_impute(m, rows, N, &o, out, &filled, &err), "%s", err.text);
    return filled;
}

static void close_to(void (*want)(const double *row, double *whole), double tolerance)
{
    for (size_t i = 0; i < N; i++) {
        double whole[D];
        want(rows + i * D, whole);
        for (size_t j = 0; j < D; j++) {
            ck_assert_double_eq_tol(out[i * D + j], whole[j], tolerance);
            if (!is_missing(i, j)) ck_assert_mem_eq(&out[i * D + j], &rows[i * D + j], sizeof *out);
        }
    }
}

START_TEST(clamp_ends_at_the_point_nearest_to_the_plane)
{
    pal_model *m = projection();
    int64_t missing = 0;
    for (size_t i = 0; i < N * D; i++) missing += is_missing(i / D, i % D);
    ck_assert_int_gt(missing, N);
    ck_assert_int_eq(impute(m, (pal_infill_options){.method = PAL_INFILL_CLAMP, .steps = 2000}), missing);
    close_to(nearest, 1e-5);
    impute(m, (pal_infill_options){.method = PAL_INFILL_CLAMP, .steps = 2000, .batch = 2});
    close_to(nearest, 1e-5);
    pal_model_free(m);
}
END_TEST

START_TEST(a_code_is_fitted_to_the_known_cells_of_its_row)
{
    pal_model *m = projection();
    impute(m, (pal_infill_options){.method = PAL_INFILL_CODE, .steps = 3000});
    close_to(fitted, 1e-4);
    pal_model_free(m);
}
END_TEST

/* A row is filled in as it would be alone, by a mask of all samples. */
START_TEST(each_row_is_as_if_it_were_alone)
{
    for (int method = 0; method < PAL_INFILL_METHODS; method++) {
        const pal_infill_options o = {.struct_size = sizeof o, .method = (pal_infill_method)method, .steps = 5};
        pal_model *m = model_of("denoising", (pal_setting[]){{"hidden", "3"}, {NULL, NULL}}, PAL_SHAPE(D));
        for (size_t i = 0; i < N * D; i++) rows[i] = fabs(rows[i]) / 2;
        impute(m, o);
        for (size_t i = 0; i < N; i++) {
            float x[D];
            uint8_t missing[D];
            pal_error err = {0};
            for (size_t j = 0; j < D; j++) {
                missing[j] = isnan(rows[i * D + j]) ? 1 : 0;
                x[j] = (float)rows[i * D + j];
            }
            ck_assert_int_eq(pal_infill(m, x, missing, 1, &o, x, &err), PAL_OK);
            for (size_t j = 0; j < D; j++) ck_assert_double_eq_tol(out[i * D + j], (double)x[j], 1e-6);
        }
        pal_model_free(m);
    }
}
END_TEST

START_TEST(wrong_use_of_impute_is_told)
{
    pal_error err = {0};
    pal_model *m = projection();
    const pal_infill_options odd = {.struct_size = sizeof odd, .method = PAL_INFILL_METHODS};
    ck_assert_int_eq(pal_impute(m, rows, N, &odd, out, NULL, &err), PAL_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.text, "unknown method 3"));
    ck_assert_int_eq(pal_impute(m, NULL, N, NULL, out, NULL, &err), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_impute(m, rows, N, NULL, NULL, NULL, &err), PAL_ERR_ARGUMENT);
    int64_t filled = -1;
    ck_assert_msg(!pal_impute(m, NULL, 0, NULL, NULL, &filled, &err), "%s", err.text);
    ck_assert_int_eq(filled, 0);
    pal_model_free(m);
}
END_TEST

/* ---- A table of several kinds, a model that always answers the same -------------------------------------------- */

static const char *const words[] = {"no", "yes"}, *const cities[] = {"Bonn", "Oslo", "Rome"};
static const pal_column columns[] = {
    {.name = "age", .kind = PAL_COLUMN_NUMBER, .offset = 40, .scale = 0.1},
    {.name = "smokes", .kind = PAL_COLUMN_TRUTH, .scale = 1, .levels = words, .n_levels = 2},
    {.name = "city", .kind = PAL_COLUMN_CATEGORY, .scale = 1, .levels = cities, .n_levels = 3},
    {.name = "size", .kind = PAL_COLUMN_NUMBER, .offset = -1, .scale = 2},
};
enum { COLUMNS = 4, FEATURES = 6 };
static const pal_schema schema = {.columns = columns, .n_columns = COLUMNS};

/* The model's answer in features: age 40.05, smokes yes, Oslo, size 2. */
static const double answer[FEATURES] = {0.5, 0.75, 0.25, 0.5, 0.25, 1.5};
static const double answer_cells[COLUMNS] = {40.05, 1, 1, 2};

static pal_model *constant(const double *bias)
{
    pal_error err = {0};
    const pal_setting settings[] = {{"hidden", "2"}, {"output", "squared"}};
    pal_schema *s = pal_schema_new(&schema, &err);
    pal_model *m =
        pal_model_new_for(c, pal_variant_find("basic"), settings, 2, s, PAL_SHAPE(FEATURES), PAL_F64, 1, &err);
    pal_schema_free(s);
    ck_assert_msg(m != NULL, "%s", err.text);
    zero(m);
    pal_tensor *b = pal_model_parameter_find(m, "decoder/b");
    for (size_t j = 0; j < FEATURES; j++) pal_tensor_set(b, j, bias[j]);
    return m;
}

START_TEST(missing_cells_get_the_units_of_their_columns)
{
    const double table[5][COLUMNS] = {{0.1 + 0.2, 0, 2, 1e15 + 1}, /* no float32 holds these */
                                      {NAN, 0, 2, 3},
                                      {39, NAN, NAN, -0.1},
                                      {41, 1, 7, NAN}, /* there is no level 7 */
                                      {NAN, NAN, NAN, NAN}};
    double filled[5][COLUMNS];
    pal_model *m = constant(answer);
    pal_error err = {0};
    for (int method = 0; method < PAL_INFILL_METHODS; method++) {
        const pal_infill_options o = {.struct_size = sizeof o, .method = (pal_infill_method)method, .steps = 3};
        int64_t missing = 0;
        ck_assert_int_eq(pal_impute(m, table[0], 5, &o, filled[0], &missing, &err), PAL_OK);
        ck_assert_int_eq(missing, 9);
        for (size_t i = 0; i < 5; i++)
            for (size_t j = 0; j < COLUMNS; j++)
                if (isnan(table[i][j]) || table[i][j] == 7)
                    ck_assert_double_eq_tol(filled[i][j], answer_cells[j], 1e-6);
                else
                    ck_assert_mem_eq(&filled[i][j], &table[i][j], sizeof filled[i][j]);
    }
    pal_model_free(m);
}
END_TEST

/* ---- Figures -------------------------------------------------------------------------------------------------- */

enum { ROWS = 40 };

/* Rows of the table, some cells missing, as a data set. */
static pal_dataset *table_set(double *cells)
{
    pal_dataset *set = calloc(1, sizeof *set);
    ck_assert_ptr_nonnull(set);
    *set = (pal_dataset){.sample = PAL_SHAPE(FEATURES), .count = ROWS, .features = FEATURES, .scale = 1, .name = "t"};
    set->inputs = pal_tensor_new(c, PAL_F32, PAL_SHAPE(ROWS, FEATURES));
    set->known = pal_tensor_new(c, PAL_U8, PAL_SHAPE(ROWS, FEATURES));
    float known[ROWS * FEATURES];
    for (size_t i = 0; i < ROWS; i++) {
        double *row = cells + i * COLUMNS;
        row[0] = i % 5 == 1 ? (double)NAN : 39 + (double)(i % 7) / 10;
        row[1] = i % 3 > 0;
        row[2] = i % 11 == 1 ? (double)NAN : (double)(i % 4 > 1 ? 1 : i % 3);
        row[3] = (double)(i * i % 13);
    }
    pal_schema *s = pal_schema_new(&schema, NULL);
    pal_schema_apply(s, cells, ROWS, set->inputs->data, known);
    pal_schema_free(s);
    for (size_t i = 0; i < ROWS * FEATURES; i++) ((uint8_t *)set->known->data)[i] = known[i] > 0;
    return set;
}

/* A model that always answers with the training mean has the errors of the reference, whatever is removed. */
START_TEST(a_model_that_knows_the_mean_is_the_reference)
{
    double cells[ROWS * COLUMNS], mean[FEATURES];
    pal_error err = {0};
    pal_dataset *set = table_set(cells);
    ck_assert_int_eq(pal_dataset_mean(set, PAL_F64, mean, &err), PAL_OK);
    pal_model *m = constant(mean);
    size_t known = 0;
    for (size_t i = 0; i < ROWS * COLUMNS; i++) known += !isnan(cells[i]);
    pal_impute_options o = {.struct_size = sizeof o,
                            .infill = {.struct_size = sizeof o.infill},
                            .methods = 1U << PAL_INFILL_ONCE,
                            .remove = 0.2,
                            .seed = 3};
    pal_impute_figures f;
    pal_impute_error each[COLUMNS];
    ck_assert_msg(!pal_impute_measure(m, set, set, &o, &f, each, &err), "%s", err.text);
    ck_assert(f.samples == ROWS && f.known == (int64_t)known && f.removed == (int64_t)round(0.2 * (double)known));
    ck_assert_int_eq(f.numbers.cells + f.words.cells, f.removed);
    ck_assert(each[0].cells + each[3].cells == f.numbers.cells && each[1].cells + each[2].cells == f.words.cells);
    for (size_t j = 0; j < COLUMNS; j++) {
        ck_assert_int_gt(each[j].cells, 0);
        ck_assert_double_eq_tol(each[j].method[PAL_INFILL_ONCE], each[j].reference, 1e-6);
        ck_assert(isnan(each[j].method[PAL_INFILL_CLAMP]) && isnan(each[j].method[PAL_INFILL_CODE]));
    }
    ck_assert_double_eq_tol(f.numbers.method[PAL_INFILL_ONCE], f.numbers.reference, 1e-6);
    const double squares = (double)each[0].cells * each[0].reference * each[0].reference +
                           (double)each[3].cells * each[3].reference * each[3].reference;
    ck_assert_double_eq_tol(f.numbers.reference, sqrt(squares / (double)f.numbers.cells), 1e-9);
    pal_model_free(m);
    pal_dataset_free(set);
}
END_TEST

/* If all but one cell is removed, the reference is the deviation from the mean over the known cells, and the share of
 * cells that are not the most frequent level, up to the cell that is left. */
START_TEST(the_reference_is_the_mean_of_training)
{
    double cells[ROWS * COLUMNS], mean[COLUMNS] = {0}, deviation[COLUMNS] = {0};
    size_t n[COLUMNS] = {0}, wrong[COLUMNS] = {0};
    pal_error err = {0};
    pal_dataset *set = table_set(cells);
    pal_model *m = constant(answer);
    for (size_t i = 0; i < ROWS * COLUMNS; i++) {
        n[i % COLUMNS] += !isnan(cells[i]);
        if (!isnan(cells[i])) mean[i % COLUMNS] += cells[i];
    }
    for (size_t i = 0; i < ROWS * COLUMNS; i++) {
        const size_t j = i % COLUMNS;
        if (isnan(cells[i])) continue;
        const double e = (cells[i] - mean[j] / (double)n[j]) / columns[j].scale;
        deviation[j] += e * e;
        wrong[j] += cells[i] != 1; /* most smoke, most live in Oslo */
    }
    const size_t known = n[0] + n[1] + n[2] + n[3];
    pal_impute_options o = {.struct_size = sizeof o,
                            .infill = {.struct_size = sizeof o.infill, .steps = 1},
                            .remove = ((double)known - 1) / (double)known};
    pal_impute_error each[COLUMNS];
    pal_impute_figures f;
    ck_assert_msg(!pal_impute_measure(m, set, set, &o, &f, each, &err), "%s", err.text);
    ck_assert_int_eq(f.removed, (int64_t)known - 1);
    for (size_t j = 0; j < COLUMNS; j++) {
        const bool number = !columns[j].n_levels;
        ck_assert(each[j].cells == (int64_t)n[j] || each[j].cells == (int64_t)n[j] - 1);
        if (each[j].cells != (int64_t)n[j]) continue;
        const double want = number ? sqrt(deviation[j] / (double)n[j]) : (double)wrong[j] / (double)n[j];
        ck_assert_double_eq_tol(each[j].reference, want, 1e-5);
        if (!number) ck_assert_double_eq(each[j].method[PAL_INFILL_ONCE], each[j].reference);
    }
    o.remove = 1;
    ck_assert_int_eq(pal_impute_measure(m, set, set, &o, &f, NULL, &err), PAL_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.text, "choose a share between 0 and 1"));
    o.remove = (double)NAN;
    ck_assert_int_eq(pal_impute_measure(m, set, set, &o, &f, NULL, &err), PAL_ERR_ARGUMENT);
    o.remove = 0.9999;
    ck_assert_int_eq(pal_impute_measure(m, set, set, &o, &f, NULL, &err), PAL_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.text, "at least one must remain"));
    pal_model_free(m);
    pal_dataset_free(set);
}
END_TEST

Suite *impute_suite(void)
{
    Suite *s = suite_create("impute");
    add_case(s, "rows", with_rows, tear_down,
             TESTS(clamp_ends_at_the_point_nearest_to_the_plane, a_code_is_fitted_to_the_known_cells_of_its_row,
                   each_row_is_as_if_it_were_alone, wrong_use_of_impute_is_told));
    add_case(s, "tables", set_up, tear_down,
             TESTS(missing_cells_get_the_units_of_their_columns, a_model_that_knows_the_mean_is_the_reference,
                   the_reference_is_the_mean_of_training));
    return s;
}
