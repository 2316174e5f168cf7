/* test_plot_curves.c - tests curves: the data and the script for gnuplot, the picture if gnuplot is installed, and
 * errors. */
#include <math.h>

#include "tests/files.h"
#include "tests/plot/pictures.h"

Suite *plot_curves_suite(void);

static char path[PATH_ROOM];

static void name_picture(void) { strcpy(path, path_of(PICTURE)); }

static const double epochs[] = {1, 2, 3}, falling[] = {3, 2.5, 0.1}, rare[] = {4, NAN, 1}, negative[] = {1, 0, -1};

static pal_curves curves_of(const pal_series *series, size_t count)
{
    return (pal_curves){
        .struct_size = sizeof(pal_curves), .x = epochs, .count = 3, .series = series, .series_count = count};
}

/* Without gnuplot, the data and the script are written. Titles are quoted for gnuplot. */
START_TEST(curves_write_data_and_script)
{
    char *before = getenv("PATH") ? strdup(getenv("PATH")) : NULL;
    const pal_series series[] = {{"train_loss", falling}, {"test loss", rare}};
    pal_curves curves = curves_of(series, 2);
    bool drawn = true;
    const char *script = path_of("picture.gnuplot");
    curves.title = "it's `quoted`";
    setenv("PATH", folder, 1); /* no gnuplot there */
    ck_assert_int_eq(pal_curves_write(&curves, path, &drawn, NULL), PAL_OK);
    ck_assert(!drawn);
    ck_assert_int_eq(count_files(), 2);
    assert_text(path_of("picture.dat"), "# epoch train_loss test_loss\n1 3 4\n2 2.5 nan\n3 0.10000000000000001 1\n");

    char text[4096] = "";
    text[read_file(script, text, sizeof text - 1)] = '\0';
    ck_assert_ptr_nonnull(strstr(text, "'it''s `quoted`'"));
    ck_assert_ptr_nonnull(strstr(text, "'picture.dat' using 1:3"));
    ck_assert_ptr_null(strstr(text, folder));

    /* If gnuplot fails, the old picture stays. */
    ck_assert_int_eq(chmod(write_text("gnuplot", "#!/bin/sh\nexit 3\n"), 0700), 0);
    write_text(PICTURE, "old");
    pal_error error = {PAL_OK, ""};
    ck_assert_int_eq(pal_curves_write(&curves, path, &drawn, &error), PAL_ERR_IO);
    ck_assert(!drawn);
    ck_assert_ptr_nonnull(strstr(error.text, script));
    ck_assert_ptr_nonnull(strstr(error.text, "status 3"));
    assert_text(path, "old");
    ck_assert_int_eq(count_files(), 4);
    if (before != NULL) setenv("PATH", before, 1);
    free(before);
}
END_TEST

/* The title in the script has the form 'one'."\n".'two', and no line is longer than the limit. */
START_TEST(long_titles_are_wrapped)
{
    const pal_series series = {"loss", falling};
    pal_curves curves = curves_of(&series, 1);
    static const char title[] = "denoising, layers 40,30, activation tanh, output squared, corruption salt-and-pepper, "
                                "salt .1: 10,000 test samples of fashion-mnist";
    char text[4096] = "", joined[sizeof title + 64] = "";
    curves.title = title;
    ck_assert_int_eq(pal_curves_write(&curves, path, NULL, NULL), PAL_OK);
    text[read_file(path_of("picture.gnuplot"), text, sizeof text - 1)] = '\0';
    char *line = strstr(text, "set title '"), *end = strstr(line, " noenhanced");
    ck_assert(line != NULL && end != NULL);
    *end = '\0';
    int lines = 0;
    for (line += strlen("set title "); line != NULL; lines++) {
        char *next = strstr(line, ".\"\\n\".");
        if (next != NULL) *next = '\0';
        ck_assert_uint_lt(strlen(line), 90);
        if (lines > 0) strcat(joined, " ");
        strncat(joined, line + 1, strlen(line) - 2);
        line = next == NULL ? NULL : next + strlen(".\"\\n\".");
    }
    ck_assert_int_ge(lines, 2);
    ck_assert_str_eq(joined, title);
}
END_TEST

/* Curves of classes have the colours of the classes. */
START_TEST(curves_of_classes)
{
    double ranks[12], y[12];
    for (int i = 0; i < 12; i++) ranks[i] = y[i] = i + 1;
    const pal_series series[] = {{"all", y}, {"3", y}, {"7", y}};
    const int classes[] = {-1, 3, 7}, wrong[] = {-1, 3, PAL_POINTS_CLASSES};
    pal_curves curves = curves_of(series, 3);
    pal_error error = {PAL_OK, ""};
    char text[4096] = "";
    curves.x = ranks;
    curves.count = 12;
    curves.classes = classes;
    ck_assert_msg(!pal_curves_write(&curves, path, NULL, &error), "%s", error.text);
    text[read_file(path_of("picture.gnuplot"), text, sizeof text - 1)] = '\0';
    ck_assert_ptr_nonnull(strstr(text, "using 1:2 with lines lc rgb '#000000' lw 3.5 title 'all'"));
    ck_assert_ptr_nonnull(strstr(text, "using 1:3 with linespoints lc rgb '#ddaa33'")); /* as in a scatter plot */
    ck_assert_ptr_nonnull(strstr(text, "using 1:4 with linespoints lc rgb '#777722'"));
    ck_assert_ptr_nonnull(strstr(text, "set xtics add (1)"));
    curves.classes = wrong;
    ck_assert_int_eq(pal_curves_write(&curves, path, NULL, &error), PAL_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(error.text, "class 10"));
}
END_TEST

/* Classes have equal or nearly equal medians. No number may hide another one, and a number that is alone is not
 * moved. */
START_TEST(numbers_of_classes_keep_apart)
{
    enum { CLASSES = 6, N = 3 * CLASSES };
    double x[N], y[N], at[CLASSES][2];
    uint8_t classes[N];
    for (int i = 0; i < N; i++) {
        const int class = i % CLASSES;
        classes[i] = (uint8_t) class;
        x[i] = class == 5 ? 100 : 10 + 0.01 * class * (i % 2);
        y[i] = class == 5 ? -7 : 1;
    }
    pal_points points = {
        .struct_size = sizeof points, .x = x, .y = y, .count = N, .classes = classes, .class_count = CLASSES};
    pal_error error = {PAL_OK, ""};
    char text[4096] = "";
    ck_assert_msg(!pal_points_write(&points, path, NULL, &error), "%s", error.text);
    text[read_file(path_of("picture.gnuplot"), text, sizeof text - 1)] = '\0';
    int n = 0;
    for (const char *line = strstr(text, "set label"); line != NULL; line = strstr(line + 1, "set label"), n++) {
        int class;
        ck_assert_int_eq(sscanf(line, "set label '%d' at %lf, %lf", &class, &at[n][0], &at[n][1]), 3);
        ck_assert_int_eq(class, n);
    }
    ck_assert_int_eq(n, CLASSES);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < i; j++)
            ck_assert(fabs(at[i][0] - at[j][0]) > 0.045 * 90 || fabs(at[i][1] - at[j][1]) > 0.06 * 8);
    ck_assert_double_eq_tol(at[5][0], 100, 1e-9);
    ck_assert_double_eq_tol(at[5][1], -7, 1e-9);
}
END_TEST

/* If gnuplot is installed, it draws the picture, also for one point and with a logarithmic axis. */
START_TEST(gnuplot_draws_curves)
{
    const pal_series series[] = {{"train_loss", falling}, {"test_loss", rare}, {"it's", negative}};
    pal_curves curves = curves_of(series, 3);
    for (int i = 0; i < 4; i++) { /* plain, one point, logarithmic, one point logarithmic */
        pal_error error = {PAL_OK, ""};
        bool drawn = false;
        curves.series_count = i < 2 ? 3 : 2;
        curves.count = i % 2 == 0 ? 3 : 1;
        curves.log_y = i >= 2;
        ck_assert_msg(pal_curves_write(&curves, path, &drawn, &error) == PAL_OK, "%s", error.text);
        ck_assert_int_eq(count_files(), drawn ? 3 : 2);
        if (!drawn) return; /* gnuplot is not installed */
        pal_image *image = pal_image_read(path, NULL);
        ck_assert_ptr_nonnull(image);
        ck_assert_int_ge(image->width, 1000);
        pal_image_free(image);
    }
}
END_TEST

START_TEST(curves_that_cannot_be_are_refused)
{
    const double none[] = {NAN, INFINITY, NAN};
    const pal_series nameless[] = {{NULL, falling}}, empty[] = {{"a", NULL}}, lost[] = {{"a", none}};
    const pal_series good[] = {{"a", falling}}, signs[] = {{"signed", negative}};
    pal_curves cases[] = {curves_of(good, 0),  curves_of(NULL, 1), curves_of(nameless, 1),
                          curves_of(empty, 1), curves_of(lost, 1), curves_of(good, 1),
                          curves_of(signs, 1), curves_of(good, 1), curves_of(good, 1)};
    cases[5].count = 0;
    cases[6].log_y = true;
    cases[7].struct_size = 1;
    cases[8].x = NULL;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pal_error error = {PAL_OK, ""};
        bool drawn = true;
        ck_assert_int_eq(pal_curves_write(&cases[i], path, &drawn, &error), PAL_ERR_ARGUMENT);
        ck_assert_ptr_nonnull(strstr(error.text, path));
        ck_assert(!drawn);
    }
    pal_curves fine = curves_of(good, 1);
    pal_error error = {PAL_OK, ""};
    ck_assert_int_eq(pal_curves_write(&fine, path_of("no-such-folder/picture.png"), NULL, &error), PAL_ERR_IO);
    ck_assert_ptr_nonnull(strstr(error.text, "no-such-folder"));
    ck_assert_int_eq(pal_curves_write(&fine, "", NULL, NULL), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(count_files(), 0);
}
END_TEST

Suite *plot_curves_suite(void)
{
    Suite *suite = suite_create("plot_curves");
    in_own_folder(
        add_case(suite, "curves", name_picture, NULL,
                 TESTS(curves_write_data_and_script, long_titles_are_wrapped, curves_of_classes,
                       numbers_of_classes_keep_apart, gnuplot_draws_curves, curves_that_cannot_be_are_refused)));
    return suite;
}
