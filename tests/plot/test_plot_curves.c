/* test_plot_curves.c - tests curves: the picture in each format, its numbers, and errors. */
#include <math.h>

#include "tests/files.h"
#include "tests/plot/pictures.h"
#include "tests/plot/svg.h"

Suite *plot_curves_suite(void);

static char path[PATH_ROOM], drawing[PATH_ROOM];

static void name_picture(void)
{
    strcpy(path, path_of(PICTURE));
    strcpy(drawing, path_of("picture.svg"));
}

static const double epochs[] = {1, 2, 3}, falling[] = {3, 2.5, 0.1}, rare[] = {4, NAN, 1}, negative[] = {1, 0, -1};
static const pal_colour blue = {15, 95, 168}, red = {209, 73, 91};
static const char *const endings[] = {".png", ".svg", ".pdf"};

static pal_curves curves_of(const pal_series *series, size_t count)
{
    return (pal_curves){
        .struct_size = sizeof(pal_curves), .x = epochs, .count = 3, .series = series, .series_count = count};
}

static void write_curves(const pal_curves *curves, const char *to)
{
    pal_error error = {PAL_OK, ""};
    ck_assert_msg(pal_curves_write(curves, to, &error) == PAL_OK, "%s", error.text);
}

/* No program is needed, and nothing is written but the picture. The curves are where the numbers are. */
START_TEST(curves_are_where_their_numbers_are)
{
    const pal_series series[] = {{"train_loss", falling}, {"test loss", rare}};
    pal_curves curves = curves_of(series, 2);
    palt__point p[16], two, three;
    curves.title = "it's `quoted` & <small>, 100 %";
    char *before = getenv("PATH") ? strdup(getenv("PATH")) : NULL;
    setenv("PATH", "", 1);
    write_curves(&curves, drawing);
    if (before != NULL) setenv("PATH", before, 1);
    free(before);
    ck_assert_int_eq(count_files(), 1);
    svg_read(drawing);
    ck_assert_ptr_null(strstr(svg, "<text"));
    static const char *const texts[] = {"it's `quoted` & <small>, 100 %", "train_loss", "test loss", "epoch", "loss"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) ck_assert_msg(svg_says(texts[i]), "no %s", texts[i]);
    ck_assert(!svg_says("train loss") && !svg_says("-"));
    svg_check_margins(20);

    const svg_shape *line = svg_find(false, blue, 2.4, 1); /* 0 is the sample in the legend */
    ck_assert_ptr_nonnull(line);
    ck_assert_int_eq(svg_points(line->d, true, p), 3);
    ck_assert_double_eq_tol(p[1].x - p[0].x, p[2].x - p[1].x, 0.02);
    ck_assert_double_eq_tol((p[2].y - p[1].y) / (p[1].y - p[0].y), (2.5 - 0.1) / (3 - 2.5), 1e-3);
    /* A tick is at its number: the labels 2 and 3 are as far apart as these values. */
    ck_assert(svg_text("2", &two) && svg_text("3", &three));
    const double unit = (p[1].y - p[0].y) / (3 - 2.5);
    if (fabs(two.x - three.x) < 10) ck_assert_double_eq_tol((two.y - three.y) / unit, 1, 1e-3);
    line = svg_find(false, red, 2.4, 1);
    ck_assert_ptr_nonnull(line);
    ck_assert_int_eq(svg_points(line->d, true, p), 2); /* one value is not finite */
    ck_assert_double_eq_tol((p[1].y - p[0].y) / unit, 3, 1e-3);
    ck_assert_int_eq(svg_number_of(false, blue, 10), 3 + 1); /* one dot per value, and one in the legend */
    ck_assert_int_eq(svg_number_of(true, red, 0), 2 + 1);    /* squares */
}
END_TEST

START_TEST(numbers_are_written_if_asked_for)
{
    const pal_series series[] = {{"train_loss", falling}, {"test, \"rare\"", rare}};
    pal_curves curves = curves_of(series, 2);
    curves.csv = true;
    for (size_t i = 0; i < 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "numbers%s", endings[i]);
        empty_folder();
        write_curves(&curves, path_of(name));
        ck_assert_int_eq(count_files(), 2);
        assert_text(path_of("numbers.csv"),
                    "epoch,train_loss,\"test, \"\"rare\"\"\"\n1,3,4\n2,2.5,\n3,0.10000000000000001,1\n");
    }
}
END_TEST

/* Runs of unequal length in one picture: each series has points of its own, and each point a line of numbers. */
START_TEST(series_may_have_points_of_their_own)
{
    static const double early[] = {1, 10}, late[] = {0.1, 1, 100, NAN}, y[] = {3, 2}, z[] = {4, 3, 2, 1};
    const double *const xs[] = {early, late};
    const size_t counts[] = {2, 4};
    const pal_series series[] = {{"short", y}, {"long", z}};
    palt__point p[16], q[16];
    for (int log = 0; log < 2; log++) {
        pal_curves curves = curves_of(series, 2);
        curves.x = NULL;
        curves.count = 77; /* not used */
        curves.own_x = xs;
        curves.own_count = counts;
        curves.log_x = log;
        curves.csv = !log;
        empty_folder();
        write_curves(&curves, drawing);
        svg_read(drawing);
        const svg_shape *line = svg_find(false, blue, 2.4, 1);
        ck_assert_ptr_nonnull(line);
        ck_assert_int_eq(svg_points(line->d, true, p), 2);
        line = svg_find(false, red, 2.4, 1);
        ck_assert_ptr_nonnull(line);
        ck_assert_int_eq(svg_points(line->d, true, q), 3); /* one x is not finite */
        ck_assert_double_eq_tol(p[0].x, q[1].x, 0.02);
        const double share = (p[1].x - q[0].x) / (q[2].x - q[0].x);
        ck_assert_double_eq_tol(share, log ? 2.0 / 3 : 9.9 / 99.9, 1e-3);
        if (!log)
            assert_text(path_of("picture.csv"), "series,epoch,loss\nshort,1,3\nshort,10,2\n"
                                                "long,0.10000000000000001,4\nlong,1,3\nlong,100,2\nlong,,1\n");
    }
}
END_TEST

/* Two pictures of the same numbers are equal, also after another one was drawn. */
START_TEST(pictures_are_equal_byte_for_byte)
{
    const pal_series series[] = {{"train_loss", falling}, {"test_loss", rare}};
    const pal_curves curves = curves_of(series, 2), other = curves_of(series, 1);
    for (size_t i = 0; i < 3; i++) {
        char first[16], second[16];
        snprintf(first, sizeof first, "a%s", endings[i]);
        snprintf(second, sizeof second, "b%s", endings[i]);
        write_curves(&curves, path_of(first));
        if (i == 2) usleep(1100000); /* a date in the PDF would be in seconds */
        for (int k = 0; k < 12; k++) write_curves(&other, drawing);
        write_curves(&curves, path_of(second));
        assert_same_files(path_of(first), path_of(second));
    }
}
END_TEST

/* A full disk leaves the old picture, or none, and no temporary file. */
START_TEST(a_picture_is_whole_or_not_there)
{
    const pal_series series = {"loss", falling};
    pal_curves curves = curves_of(&series, 1);
    curves.csv = true;
    for (size_t i = 0; i < 3; i++)
        for (int old = 0; old < 2; old++) {
            char name[16];
            snprintf(name, sizeof name, "full%s", endings[i]);
            empty_folder();
            if (old) write_text(name, "old");
            pal_error error = {PAL_OK, ""};
            const char *to = path_of(name);
            const struct rlimit before = fill_disk(1000);
            const pal_status status = pal_curves_write(&curves, to, &error);
            make_room(before);
            ck_assert_int_eq(status, PAL_ERR_IO);
            ck_assert_ptr_nonnull(strstr(error.text, name));
            ck_assert_int_eq(count_files(), old);
            if (old) assert_text(to, "old");
        }
}
END_TEST

/* No line is longer than the picture is wide, and the lines together are the title. */
START_TEST(long_titles_are_wrapped)
{
    const pal_series series = {"loss", falling};
    pal_curves curves = curves_of(&series, 1);
    static const char title[] = "denoising, layers 40,30, activation tanh, output squared, corruption salt-and-pepper, "
                                "salt .1: 10,000 test samples of fashion-mnist";
    curves.title = title;
    write_curves(&curves, drawing);
    svg_read(drawing);
    svg_check_margins(20);
    ck_assert(!svg_says(title));
    int lines = 0;
    char rest[sizeof title];
    strcpy(rest, title);
    for (char *from = rest; *from != '\0'; lines++) { /* take the longest line that is drawn */
        char *end = from + strlen(from);
        while (end > from && !svg_says(from)) {
            while (--end > from && *end != ' ') continue;
            *end = '\0';
        }
        ck_assert_msg(end > from, "a part of the title is not drawn");
        const size_t at = (size_t)(end - rest);
        strcpy(rest, title);
        from = rest + at + (title[at] == ' ');
    }
    ck_assert_int_ge(lines, 2);
}
END_TEST

/* Curves of classes have the colours of the classes. */
START_TEST(curves_of_classes)
{
    double ranks[12], y[12];
    for (int i = 0; i < 12; i++)
        ranks[i] = i + 1, y[i] = 30 + 10 * (i % 2); /* points on one straight line would be merged */
    const pal_series series[] = {{"all", y}, {"3", y}, {"7", y}};
    const int classes[] = {-1, 3, 7}, wrong[] = {-1, 3, PAL_POINTS_CLASSES};
    pal_curves curves = curves_of(series, 3);
    pal_error error = {PAL_OK, ""};
    palt__point p[16], first;
    curves.x = ranks;
    curves.count = 12;
    curves.classes = classes;
    write_curves(&curves, drawing);
    svg_read(drawing);
    const svg_shape *all = svg_find(false, (pal_colour){0, 0, 0}, 5, 1); /* thicker than a class */
    ck_assert_ptr_nonnull(all);
    ck_assert_int_eq(svg_points(all->d, true, p), 12);
    ck_assert_int_eq(svg_number_of(false, (pal_colour){221, 170, 51}, 2), 2); /* as in a scatter plot; and the legend */
    ck_assert_int_eq(svg_number_of(false, (pal_colour){119, 119, 34}, 2), 2);
    ck_assert(svg_text("all", NULL) && svg_text("1", &first)); /* the first rank has a label, below its point */
    ck_assert_double_eq_tol(first.x, p[0].x, 12);
    curves.classes = wrong;
    ck_assert_int_eq(pal_curves_write(&curves, path, &error), PAL_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(error.text, "class 10"));
}
END_TEST

/* Equal distances of a logarithmic axis are equal ratios. */
START_TEST(a_logarithmic_axis)
{
    const double y[] = {1000, 10, 100};
    const pal_series series = {"value", y};
    pal_curves curves = curves_of(&series, 1);
    palt__point p[16], at[3];
    curves.log_y = true;
    write_curves(&curves, drawing);
    svg_read(drawing);
    const svg_shape *line = svg_find(false, blue, 2.4, 1);
    ck_assert(line != NULL && svg_points(line->d, true, p) == 3);
    ck_assert_double_eq_tol(p[1].y - p[0].y, 2 * (p[1].y - p[2].y), 0.02);
    ck_assert(svg_text("1000", &at[0]) && svg_text("10", &at[1]) && svg_text("100", &at[2]));
    for (int i = 0; i < 2; i++) ck_assert_double_eq_tol(at[i + 1].y - at[i].y, p[i + 1].y - p[i].y, 0.05);

    const double near[] = {1000, 1004, 1009}; /* no power of ten, or just one, in the range: other round numbers */
    curves.series = &(pal_series){"value", near};
    write_curves(&curves, drawing);
    svg_read(drawing);
    ck_assert(svg_says("1004") && svg_says("1006"));
}
END_TEST

/* Every range of numbers has ticks, at least two of them on each axis, whose labels do not overlap. */
START_TEST(any_range_has_ticks)
{
    static const double ends[][2] = {{0, 1},          {-1, 1},        {1, 1},         {0, 0},        {1e-300, 2e-300},
                                     {-1e308, 1e308}, {1e9, 1e9 + 1}, {1, 1 + 1e-12}, {0.1, 123456}, {-5, -4.99},
                                     {1e-320, 1},     {1, 1e300},     {3, 3.3},       {7, 200},      {1e15, 3e15}};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        for (int way = 0; way < 3; way++) {
            const bool log = way == 2;
            palt__extent e = PALT__NOTHING;
            palt__axis a;
            if (log && ends[i][0] <= 0) continue;
            palt__extent_take(&e, ends[i][0]);
            palt__extent_take(&e, ends[i][1]);
            palt__axis_make(&a, e, log, way == 1, 640);
            ck_assert_msg(a.count >= 1 && a.count <= 30, "%g to %g: %d ticks", ends[i][0], ends[i][1], a.count);
            ck_assert(palt__axis_share(&a, ends[i][0]) <= palt__axis_share(&a, ends[i][1]));
            for (int k = 0; k < a.count; k++) {
                ck_assert(a.ticks[k].at >= 0 && a.ticks[k].at <= 1);
                const double side = way == 1 ? palt__letters_width(a.ticks[k].label, strlen(a.ticks[k].label), 14) : 14;
                if (k > 0) ck_assert_double_ge((a.ticks[k].at - a.ticks[k - 1].at) * 640, side / 2 + 14);
                if (k > 0) ck_assert_str_ne(a.ticks[k].label, a.ticks[k - 1].label);
            }
        }
}
END_TEST

/* Every format, also with one point and with a logarithmic axis. */
START_TEST(curves_in_every_format)
{
    static const char *const starts[] = {"\x89PNG", "<?xml", "%PDF"};
    const pal_series series[] = {{"train_loss", falling}, {"test_loss", rare}, {"it's", negative}};
    pal_curves curves = curves_of(series, 3);
    for (int i = 0; i < 12; i++) { /* plain, one point, logarithmic, one point logarithmic */
        char name[16], text[8] = "";
        snprintf(name, sizeof name, i % 2 ? "|id>x;%s" : "plain%s", endings[i / 4]); /* no name runs a command */
        empty_folder();
        curves.series_count = i / 2 % 2 == 0 ? 3 : 2;
        curves.count = i % 2 == 0 ? 3 : 1;
        curves.log_y = i / 2 % 2;
        write_curves(&curves, path_of(name));
        ck_assert_int_eq(count_files(), 1);
        read_file(path_of(name), text, sizeof text - 1);
        ck_assert_int_eq(strncmp(text, starts[i / 4], strlen(starts[i / 4])), 0);
        if (i / 4 > 0) continue;
        pal_image *image = pal_image_read(path_of(name), NULL);
        ck_assert_ptr_nonnull(image);
        ck_assert_int_eq(image->width, 1280);
        pal_image_free(image);
    }
}
END_TEST

/* A legend that is too long for the picture says how many entries are missing. */
START_TEST(a_long_legend_is_cut)
{
    static char names[200][160];
    static pal_series series[200];
    for (int i = 0; i < 200; i++) {
        snprintf(names[i], sizeof names[i], "run %d%s", i,
                 i == 1 ? " of a name that is much too long for a legend" : "");
        series[i] = (pal_series){names[i], falling};
    }
    const pal_curves curves = curves_of(series, 200);
    write_curves(&curves, drawing);
    svg_read(drawing);
    svg_check_margins(20);
    int last = 0;
    while (last == 1 || svg_says(names[last])) last++;
    ck_assert(last > 10 && last < 30);
    snprintf(names[199], sizeof names[199], "and %d more", 200 - last);
    ck_assert(svg_says(names[199]));
}
END_TEST

/* A missing value interrupts the line only if that is asked for. */
START_TEST(a_line_may_have_a_gap)
{
    static const double y[] = {1, 2, NAN, 3, 2}, x[] = {1, 2, 3, 4, 5};
    const pal_series series[] = {{"one", y}};
    int pieces[2] = {0};
    for (int gaps = 0; gaps < 2; gaps++) {
        pal_curves curves = curves_of(series, 1);
        curves.x = x;
        curves.count = 5;
        curves.gaps = gaps;
        write_curves(&curves, drawing);
        svg_read(drawing);
        const svg_shape *line = svg_find(false, blue, 2.4, 1);
        ck_assert_ptr_nonnull(line);
        for (const char *at = line->d; (at = strchr(at, 'M')); at++) pieces[gaps]++;
    }
    ck_assert_int_eq(pieces[1], pieces[0] + 1);
}
END_TEST

/* Panels have the same axes: a value is at the same height in both. Shades give the colours, from blue to red. */
START_TEST(panels_have_the_same_axes)
{
    static const double higher[] = {30, 25, 0.1}, shades[] = {0, 1};
    const pal_series low[] = {{"one", falling}, {"two", rare}}, high[] = {{"one", higher}, {"two", rare}};
    pal_curves left = curves_of(low, 2), right = curves_of(high, 2);
    const pal_curves *both[] = {&left, &right};
    pal_error error = {PAL_OK, ""};
    left.title = "left", right.title = "right";
    left.shades = right.shades = shades;
    left.csv = true;
    ck_assert_msg(!pal_curves_panels_write(both, 2, "all", drawing, &error), "%s", error.text);
    svg_read(drawing);
    ck_assert(svg_says("all") && svg_says("left") && svg_says("right") && svg_says("one") && svg_says("two"));
    palt__point a[16], b[16];
    const pal_colour first = pal_colour_shade(0), last = pal_colour_shade(1);
    ck_assert(first.blue > first.red && last.red > last.blue);
    const svg_shape *line = svg_find(false, last, 2.4, 0); /* after the panels comes the legend */
    for (int panel = 0; panel < 2; panel++) {
        line = svg_find(false, last, 2.4, panel);
        ck_assert_ptr_nonnull(line);
        ck_assert_int_eq(svg_points(line->d, true, panel ? b : a), 2);
    }
    ck_assert_double_gt(b[0].x, a[0].x + 400);
    ck_assert_double_eq_tol(b[0].y, a[0].y, 0.02);
    ck_assert_double_eq_tol(b[1].y, a[1].y, 0.02);
    ck_assert_ptr_nonnull(svg_find(false, first, 2.4, 1));
    char text[1024];
    read_file(path_of("picture.csv"), text, sizeof text);
    ck_assert_msg(!strncmp(text, "panel,epoch,one,two\nleft,1,3,4\nleft,2,2.5,\n", 43), "%s", text);
    ck_assert_ptr_nonnull(strstr(text, "\nright,1,30,4\n"));

    /* One panel is the picture of the curves alone. */
    static char one[1 << 16], plain[1 << 16];
    write_curves(&left, drawing);
    const size_t size = read_file(drawing, plain, sizeof plain);
    ck_assert_int_eq(pal_curves_panels_write(both, 1, NULL, drawing, &error), PAL_OK);
    ck_assert_uint_eq(read_file(drawing, one, sizeof one), size);
    ck_assert(size < sizeof one && !memcmp(one, plain, size));

    empty_folder();
    static const int classes[] = {0, 1};
    ck_assert_int_eq(pal_curves_panels_write(both, 0, "all", path, NULL), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_curves_panels_write(NULL, 1, "all", path, NULL), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_curves_panels_write(both, 17, "all", path, NULL), PAL_ERR_ARGUMENT);
    right.series_count = 1;
    ck_assert_int_eq(pal_curves_panels_write(both, 2, "all", path, &error), PAL_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(error.text, "panel 1 has other series than the first"));
    left.classes = classes;
    ck_assert_int_eq(pal_curves_write(&left, path, &error), PAL_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(error.text, "classes and shades"));
    ck_assert_int_eq(count_files(), 0);
    assert_colour(pal_colour_shade(NAN), PAL_COLOUR_NONFINITE);
    assert_colour(pal_colour_shade(-1), first);
    assert_colour(pal_colour_shade(2), last);
}
END_TEST

START_TEST(curves_that_cannot_be_are_refused)
{
    const double none[] = {NAN, INFINITY, NAN};
    const pal_series nameless[] = {{NULL, falling}}, empty[] = {{"a", NULL}}, lost[] = {{"a", none}};
    const pal_series good[] = {{"a", falling}}, signs[] = {{"signed", negative}};
    pal_curves cases[] = {curves_of(good, 0), curves_of(NULL, 1), curves_of(nameless, 1), curves_of(empty, 1),
                          curves_of(lost, 1), curves_of(good, 1), curves_of(signs, 1),    curves_of(good, 1),
                          curves_of(good, 1), curves_of(good, 1), curves_of(good, 1),     curves_of(good, 1)};
    const double *const xs[] = {negative}, *const none_of[] = {NULL};
    const size_t counts[] = {3};
    cases[5].count = 0;
    cases[6].log_y = true;
    cases[7].struct_size = 1;
    cases[8].x = NULL;
    cases[9].own_x = xs; /* without the numbers of points */
    cases[10].own_x = none_of;
    cases[10].own_count = counts;
    cases[11].own_x = xs;
    cases[11].own_count = counts;
    cases[11].log_x = true;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pal_error error = {PAL_OK, ""};
        ck_assert_int_eq(pal_curves_write(&cases[i], path, &error), PAL_ERR_ARGUMENT);
        ck_assert_ptr_nonnull(strstr(error.text, path));
    }
    pal_curves fine = curves_of(good, 1);
    pal_error error = {PAL_OK, ""};
    ck_assert_int_eq(pal_curves_write(&fine, path_of("no-such-folder/picture.png"), &error), PAL_ERR_IO);
    ck_assert_ptr_nonnull(strstr(error.text, "no-such-folder"));
    ck_assert_int_eq(pal_curves_write(&fine, "", NULL), PAL_ERR_ARGUMENT);
    static const char *const names[] = {"picture", "picture.jpg", ".png", "png", "picture.png.dat", "picture.png/"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        ck_assert_int_eq(pal_curves_write(&fine, path_of(names[i]), &error), PAL_ERR_ARGUMENT);
        ck_assert_msg(i == 5 || strstr(error.text, ".png, .svg or .pdf"), "%s", error.text);
        ck_assert_ptr_null(strchr(error.text, '\n'));
    }
    ck_assert_int_eq(count_files(), 0);
}
END_TEST

Suite *plot_curves_suite(void)
{
    Suite *suite = suite_create("plot_curves");
    in_own_folder(add_case(suite, "curves", name_picture, NULL,
                           TESTS(curves_are_where_their_numbers_are, numbers_are_written_if_asked_for,
                                 series_may_have_points_of_their_own, pictures_are_equal_byte_for_byte,
                                 a_picture_is_whole_or_not_there, long_titles_are_wrapped, curves_of_classes,
                                 a_logarithmic_axis, any_range_has_ticks, curves_in_every_format, a_long_legend_is_cut,
                                 panels_have_the_same_axes, a_line_may_have_a_gap, curves_that_cannot_be_are_refused)));
    return suite;
}
