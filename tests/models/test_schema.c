/* test_schema.c - tests the schema of a table: rows to features and back, its text, a model that keeps it, output
 * mixed, and losses of known features only. */
#include <locale.h>
#include <math.h>
#include <unistd.h>

#include "tests/models/recorded.h"

Suite *schema_suite(void);

static const char *const words[] = {"no", "yes"}, *const cities[] = {"Bonn", "Oslo", "Rome"},
                         *const species[] = {"a", "\"b\"\n"};
static const pal_column columns[] = {
    {.name = "age", .kind = PAL_COLUMN_NUMBER, .offset = 40.1, .scale = 1.0 / 3},
    {.name = "smokes", .kind = PAL_COLUMN_TRUTH, .scale = 1, .levels = words, .n_levels = 2},
    {.name = "city", .kind = PAL_COLUMN_CATEGORY, .scale = 1, .levels = cities, .n_levels = 3},
    {.name = "share", .kind = PAL_COLUMN_NUMBER, .offset = -1, .scale = 2, .cut = true},
};
enum { COLUMNS = 4, FEATURES = 6 };
static const pal_schema given = {.columns = columns,
                                 .n_columns = COLUMNS,
                                 .scaling = "standard",
                                 .label = "species",
                                 .classes = species,
                                 .n_classes = 2};

static pal_schema *table(void)
{
    pal_schema *s = pal_schema_new(&given, NULL);
    ck_assert_ptr_nonnull(s);
    return s;
}

/* Each kind of column has its features; a missing cell, an unknown level and an infinite number have none. */
START_TEST(rows_become_features)
{
    pal_schema *s = table();
    ck_assert(s->features == FEATURES && s->first[2] == 2 && s->first[4] == 6);
    const double rows[3][COLUMNS] = {{41.1, 1, 2, 0}, {NAN, 0, 3, -5}, {INFINITY, 0.5, 0, 7}};
    const double want[3][FEATURES] = {{3, 1, 0, 0, 1, 0.5}, {0, 0, 0, 0, 0, 0}, {0, 0, 1, 0, 0, 1}};
    const double is_known[3][FEATURES] = {{1, 1, 1, 1, 1, 1}, {0, 1, 0, 0, 0, 1}, {0, 0, 1, 1, 1, 1}};
    double x[3][FEATURES], known[3][FEATURES], back[COLUMNS];
    float y[3][FEATURES], known_f32[3][FEATURES];
    ck_assert_int_eq(pal_schema_apply_f64(s, rows[0], 3, x[0], known[0]), 4);
    ck_assert_int_eq(pal_schema_apply(s, rows[0], 3, y[0], known_f32[0]), 4);
    ck_assert_int_eq(pal_schema_apply(s, rows[0], 3, y[0], NULL), 4);
    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < FEATURES; j++) {
            ck_assert_double_eq_tol(x[i][j], want[i][j], 1e-12);
            ck_assert(y[i][j] == (float)x[i][j]);
            ck_assert(known[i][j] == is_known[i][j] && known_f32[i][j] == (float)is_known[i][j]);
        }
    const double features[] = {3, 0.7, 0.2, 0.5, 0.3, 0.25};
    pal_schema_undo(s, features, 1, back);
    ck_assert_double_eq_tol(back[0], 41.1, 1e-12);
    ck_assert(back[1] == 1 && back[2] == 1 && back[3] == -0.5);
    pal_schema_free(s);
}
END_TEST

/* The text has everything, in any locale; a text that is not understood is refused. */
START_TEST(text_is_read_back)
{
    pal_schema *s = table();
    static const char *const locales[] = {"C", "de_DE.UTF-8"};
    for (size_t i = 0; i < 2; i++) {
        setlocale(LC_ALL, locales[i]); /* a locale that is not installed changes nothing */
        char *text = pal_schema_text(s);
        ck_assert_ptr_nonnull(text);
        pal_schema *again = pal_schema_parse(text, "here", NULL);
        ck_assert(again && pal_schema_equal(s, again));
        pal_schema_free(again);
        free(text);
    }
    setlocale(LC_ALL, "C");
    static const struct {
        const char *text, *says;
    } bad[] = {{"", "damaged"},
               {"{}", "1 to"},
               {"{\"columns\":[{\"offset\":0,\"scale\":0}]}", "scale finite and positive"},
               {"{\"columns\":[{\"levels\":[]}]}", "1 to 65536 levels"},
               {"{\"columns\":[{\"truth\":[\"a\"]}]}", "two words"},
               {"{\"columns\":[{\"levels\":[\"a\"],\"scale\":2}]}", "only numbers are scaled"},
               {"{\"columns\":[{\"weight\":1}]}", "unknown key of a column"},
               {"{\"columns\":[{\"offset\":1e999}]}", "too large"},
               {"{\"rows\":1}", "unknown key"},
               {"{\"columns\":[{\"offset\":0,\"scale\":1}]} x", "after the end"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        pal_error err = {0};
        ck_assert_ptr_null(pal_schema_parse(bad[i].text, "here", &err));
        ck_assert_msg(err.status == PAL_ERR_FORMAT && strstr(err.text, bad[i].says), "%s", err.text);
    }
    pal_schema_free(s);
}
END_TEST

START_TEST(columns_are_found)
{
    pal_schema *s = table();
    char name[32];
    ck_assert_int_eq(pal_schema_find(s, "city"), 2);
    ck_assert_int_eq(pal_schema_find(s, "3"), -1); /* its columns have names */
    ck_assert_int_eq(pal_schema_find(s, "none"), -1);
    ck_assert_int_eq(pal_schema_find(NULL, "city"), -1);
    ck_assert_str_eq(pal_schema_name(s, 2, name, sizeof name), "city");
    ck_assert_str_eq(pal_schema_feature(s, s->first[2] + 2, name, sizeof name), "city=Rome");
    const pal_column plain[] = {{.scale = 1}, {.scale = 1}};
    pal_schema *unnamed = pal_schema_new(&(pal_schema){.columns = plain, .n_columns = 2}, NULL);
    ck_assert_int_eq(pal_schema_find(unnamed, "2"), 1);
    ck_assert_int_eq(pal_schema_find(unnamed, "0"), -1);
    ck_assert_int_eq(pal_schema_find(unnamed, ""), -1);
    ck_assert_str_eq(pal_schema_name(unnamed, 1, name, sizeof name), "column 2");
    ck_assert_str_eq(pal_schema_feature(unnamed, 1, name, sizeof name), "column 2");
    ck_assert_str_eq(pal_schema_feature(NULL, 1, name, sizeof name), "column 2");
    ck_assert(!pal_schema_equal(s, unnamed) && !pal_schema_equal(s, NULL) && pal_schema_equal(NULL, NULL));
    pal_schema_free(unnamed);
    pal_schema_free(s);
    pal_schema_free(NULL);
    pal_error err = {0};
    ck_assert_ptr_null(pal_schema_new(NULL, &err));
    ck_assert_ptr_null(pal_schema_new(&(pal_schema){.columns = plain, .n_columns = 0}, &err));
    ck_assert_ptr_null(
        pal_schema_new(&(pal_schema){.columns = &(pal_column){.name = "\xff", .scale = 1}, .n_columns = 1}, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "UTF-8"));
}
END_TEST

static pal_model *model_for(const pal_setting *settings, size_t n, pal_dtype dtype)
{
    pal_error err = {0};
    pal_schema *s = table();
    pal_model *m = pal_model_new_for(c, pal_variant_find("basic"), settings, n, s, PAL_SHAPE(FEATURES), dtype, 1, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    pal_schema_free(s);
    return m;
}

static const pal_setting mixed[] = {{"output", "mixed"}, {"hidden", "3"}, {"output-sigma", "0.5"}};

/* A saved model has its schema, and takes and returns rows: those of the features that the schema makes of them. */
START_TEST(model_keeps_it)
{
    char path[] = "/tmp/palindrome-schema-XXXXXX";
    close(mkstemp(path));
    pal_model *m = model_for(mixed, 3, PAL_F32);
    ck_assert_int_eq(pal_model_save(m, path, NULL, 0, NULL), PAL_OK);
    pal_model *opened = pal_model_open(c, path, NULL);
    unlink(path);
    ck_assert(opened && pal_schema_equal(pal_model_schema(m), pal_model_schema(opened)));
    pal_workspace_options by_features = {.struct_size = sizeof by_features, .features = true};
    pal_workspace *rows = pal_workspace_new(opened, NULL, NULL), *plain = pal_workspace_new(opened, &by_features, NULL);
    ck_assert(pal_workspace_row(rows) == COLUMNS && pal_workspace_row(plain) == FEATURES);
    const float in[2][COLUMNS] = {{41, 1, 2, 0}, {NAN, 0, 0, 3}};
    double wide[2][COLUMNS], spread[FEATURES], cells[COLUMNS];
    float x[2][FEATURES], h[2][3], h_plain[2][3], y[2][FEATURES], out[2][COLUMNS];
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < COLUMNS; j++) wide[i][j] = (double)in[i][j];
    pal_schema_apply(pal_model_schema(m), wide[0], 2, x[0], NULL);
    ck_assert(!pal_encode(opened, rows, in[0], 2, h[0]) && !pal_encode(opened, plain, x[0], 2, h_plain[0]));
    ck_assert_int_eq(memcmp(h, h_plain, sizeof h), 0);
    ck_assert(!pal_decode(opened, rows, h[0], 2, out[0]) && !pal_decode(opened, plain, h[0], 2, y[0]));
    for (size_t i = 0; i < 2; i++) {
        for (size_t j = 0; j < FEATURES; j++) spread[j] = (double)y[i][j];
        pal_schema_undo(pal_model_schema(m), spread, 1, cells);
        for (size_t j = 0; j < COLUMNS; j++) ck_assert(out[i][j] == (float)cells[j]);
    }
    float again[2][COLUMNS];
    ck_assert(!pal_reconstruct(opened, rows, in[0], 2, again[0]));
    ck_assert_int_eq(memcmp(out, again, sizeof out), 0);
    pal_workspace_free(rows);
    pal_workspace_free(plain);
    pal_model_free(opened);
    pal_model_free(m);
    pal_error err = {0};
    pal_schema *s = table();
    ck_assert_ptr_null(pal_model_new_for(c, pal_variant_find("basic"), NULL, 0, s, PAL_SHAPE(5), PAL_F32, 1, &err));
    ck_assert_int_eq(err.status, PAL_ERR_SHAPE);
    ck_assert_ptr_null(pal_model_new(c, pal_variant_find("basic"), mixed, 3, PAL_SHAPE(6), PAL_F32, 1, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "output mixed needs a table"));
    pal_schema_free(s);
}
END_TEST

static pal_tensor *decoded, *known;
static pal_var nll_of(pal_model *m, pal_var x) { return pal_nll(m, pal_leaf(x.tape, decoded, "decoded"), x); }
static pal_var mean_of(pal_model *m, pal_var x) { return pal_output_mean(m, pal_leaf(x.tape, decoded, "decoded")); }
static pal_var known_nll_of(pal_model *m, pal_var x)
{
    pal_model_know(m, pal_leaf(x.tape, known, "known"));
    return nll_of(m, x);
}

/* -ln p of column j, by the formulas. */
static double column_nll(const double *a, const double *x, int64_t first, pal_column_kind kind)
{
    if (kind == PAL_COLUMN_NUMBER)
        return 2 * (x[first] - a[first]) * (x[first] - a[first]) + log(0.5) + 0.5 * log(2 * M_PI);
    if (kind == PAL_COLUMN_TRUTH) return log(1 + exp(a[first])) - x[first] * a[first];
    double sum = 0, of = 0;
    for (int64_t k = 0; k < 3; k++) {
        sum += exp(a[first + k]);
        of += x[first + k] * a[first + k];
    }
    return log(sum) - of;
}

/* Output mixed is the sum of the likelihoods of the columns; of the known ones, if some are missing. */
START_TEST(mixed_is_its_formula)
{
    enum { N = 2 };
    pal_model *m = model_for(mixed, 3, PAL_F64);
    const pal_schema *s = pal_model_schema(m);
    decoded = random_tensor(c, PAL_F64, PAL_SHAPE(N, FEATURES), -2, 2, "decoded");
    pal_tensor *x = pal_tensor_new(c, PAL_F64, PAL_SHAPE(N, FEATURES));
    known = pal_tensor_new(c, PAL_F64, PAL_SHAPE(N, FEATURES));
    const double rows[N][COLUMNS] = {{40, 1, 0, 0.5}, {NAN, 1, NAN, 0.25}};
    ck_assert_int_eq(pal_schema_apply_f64(s, rows[0], N, x->data, known->data), 2);
    double all = 0, some = 0;
    for (size_t i = 0; i < N; i++)
        for (int64_t j = 0; j < COLUMNS; j++) {
            const double *a = (double *)decoded->data + i * FEATURES, *y = (double *)x->data + i * FEATURES;
            double one = column_nll(a, y, s->first[j], columns[j].kind);
            some += isnan(rows[i][j]) ? 0 : one / N;
            if (isnan(rows[i][j]) && columns[j].kind == PAL_COLUMN_CATEGORY) one = 0; /* no level has a term */
            all += one / N;
        }
    values v = run(m, x, PAL_TRAIN, nll_of), w = run(m, x, PAL_TRAIN, known_nll_of), y = run(m, x, PAL_TRAIN, mean_of);
    ck_assert_double_eq_tol(pal_tensor_get(v.value[0], 0), all, 1e-12);
    ck_assert_double_eq_tol(pal_tensor_get(w.value[0], 0), some, 1e-12);
    const double *a = decoded->data;
    const double total = exp(a[2]) + exp(a[3]) + exp(a[4]);
    const double mean[FEATURES] = {a[0], 1 / (1 + exp(-a[1])), exp(a[2]) / total, exp(a[3]) / total, exp(a[4]) / total,
                                   a[5]};
    for (size_t j = 0; j < FEATURES; j++) ck_assert_double_eq_tol(pal_tensor_get(y.value[0], j), mean[j], 1e-12);
    free_values(&v);
    free_values(&w);
    free_values(&y);
    pal_tensor_free(x);
    pal_tensor_free(known);
    pal_tensor_free(decoded);
    pal_model_free(m);
}
END_TEST

/* The bias of the output starts where a code that says nothing gives the mean of each column. */
START_TEST(mixed_starts_at_the_mean)
{
    pal_model *m = model_for((pal_setting[]){{"output", "mixed"}, {"hidden", "3"}, {"tied", "no"}}, 3, PAL_F64);
    const double mean[FEATURES] = {0.3, 0.25, 0.5, 0.25, 0.25, -1};
    ck_assert_int_eq(pal_output_start(m, mean, 96, NULL), PAL_OK);
    const pal_tensor *b = pal_model_parameter_find(m, "decoder/b");
    const double share[3] = {49.0 / 99, 25.0 / 99, 25.0 / 99};
    ck_assert_double_eq_tol(pal_tensor_get(b, 0), 0.3, 1e-12);
    ck_assert_double_eq_tol(pal_tensor_get(b, 1), log(25.0 / 73), 1e-12);
    for (size_t k = 0; k < 3; k++) ck_assert_double_eq_tol(pal_tensor_get(b, 2 + k), log(share[k]), 1e-12);
    ck_assert_double_eq_tol(pal_tensor_get(b, 5), -1, 1e-12);
    pal_model_free(m);
}
END_TEST

Suite *schema_suite(void)
{
    Suite *suite = suite_create("schema");
    add_case(suite, "schema", set_up, tear_down,
             TESTS(rows_become_features, text_is_read_back, columns_are_found, model_keeps_it, mixed_is_its_formula,
                   mixed_starts_at_the_mean));
    return suite;
}
