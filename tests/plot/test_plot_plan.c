/* test_plot_plan.c - tests the picture of a compiled program: columns, rectangles of the arena, words, refusals. */
#include <math.h>

#include "autograd/operation.h"
#include "tests/files.h"
#include "tests/plot/pictures.h"
#include "tests/plot/svg.h"

Suite *plot_plan_suite(void);

static const pal_op product = {.name = "matmul", .op_class = PAL_CLASS_PRODUCT},
                    convolution = {.name = "conv2d", .op_class = PAL_CLASS_PRODUCT},
                    exponential = {.name = "exp", .op_class = PAL_CLASS_ELEMENTWISE},
                    sum = {.name = "sum_to", .op_class = PAL_CLASS_REDUCTION},
                    region = {.name = "map_sum", .op_class = PAL_CLASS_REGION};
static const pal_op *const ops[] = {&product, &exponential, &exponential, &sum, &region, &convolution};
static const pal_colour forward = {220, 235, 249}, adjoint = {248, 207, 142}, alone = {232, 232, 232},
                        blue = {15, 95, 168}, green = {46, 139, 87};

/* The second value is written over the first; the third is an output; the fourth is memory of a step. */
static const pal_plan_step steps[] = {
    {.kind = PAL_PLAN_KERNEL, .ops = ops, .n_own = 1, .scope = "encoder/fc"},
    {.kind = PAL_PLAN_LOOP, .ops = ops + 1, .n_own = 2, .n_sums = 1, .scope = "encoder"},
    {.kind = PAL_PLAN_REGION, .ops = ops + 4, .n_own = 1, .scope = "", .order = 1, .terms = 32, .n_body = 14},
    {.kind = PAL_PLAN_KERNEL, .ops = ops + 5, .n_own = 1, .scope = ""}};
static const pal_plan_place places[] = {
    {.op = &product, .number = 3, .offset = 0, .bytes = 4096, .first = 0, .last = 1},
    {.op = &exponential, .number = 5, .order = 1, .offset = 0, .bytes = 4096, .first = 1, .last = 3, .over = 1},
    {.op = &sum, .number = 6, .offset = 4096, .bytes = 2048, .first = 1, .last = 3, .output = 1},
    {.offset = 6144, .bytes = 2048, .first = 2, .last = 2}};
static const pal_plan plan = {
    .steps = steps, .n_steps = 4, .places = places, .n_places = 4, .arena = 8192, .least = 8192, .ops = ops};

static char drawing[PATH_ROOM];

static pal_plan_drawing drawing_of(const pal_plan *of)
{
    static const char *const outputs[] = {"loss"};
    return (pal_plan_drawing){
        .struct_size = sizeof(pal_plan_drawing), .title = "a plan", .plan = of, .outputs = outputs, .output_count = 1};
}

static void write_plan(const pal_plan_drawing *d)
{
    pal_error error = {PAL_OK, ""};
    strcpy(drawing, path_of("plan.svg"));
    ck_assert_msg(pal_plan_write(d, drawing, &error) == PAL_OK, "%s", error.text);
    svg_read(drawing);
    svg_check_margins(18);
}

typedef struct area {
    double left, top, right, bottom;
} area;

static area area_of(const svg_shape *shape)
{
    palt__point p[SVG_ENDS] = {{0}};
    ck_assert_ptr_nonnull(shape);
    const int n = svg_points(shape->d, true, p);
    area a = {p[0].x, p[0].y, p[0].x, p[0].y};
    for (int i = 1; i < n; i++)
        a = (area){fmin(a.left, p[i].x), fmin(a.top, p[i].y), fmax(a.right, p[i].x), fmax(a.bottom, p[i].y)};
    return a;
}

START_TEST(values_are_where_and_when_they_are)
{
    const pal_plan_drawing d = drawing_of(&plan);
    write_plan(&d);
    const area first = area_of(svg_find(true, forward, 0, 0)), over = area_of(svg_find(true, adjoint, 0, 0)),
               total = area_of(svg_find(true, forward, 0, 1)), step = area_of(svg_find(true, alone, 0, 0)),
               column = area_of(svg_find(true, blue, 0, 0));
    const double wide = column.right - column.left + 2, high = first.bottom - first.top;
    ck_assert_double_eq_tol(first.right - first.left, 1.5 * wide, 0.1); /* until it is written over */
    ck_assert_double_eq_tol(over.left, first.right, 0.02);
    ck_assert_double_eq_tol(over.right - over.left, 2.5 * wide, 0.1);
    ck_assert_double_eq_tol(over.top, first.top, 0.02);
    ck_assert_double_eq_tol(total.bottom, first.top, 0.02);
    ck_assert_double_eq_tol(total.bottom - total.top, high / 2, 0.02);
    ck_assert_double_eq_tol(total.left, column.left - 1 + wide, 0.1);
    ck_assert_double_eq_tol(step.bottom, total.top, 0.02);
    ck_assert_double_eq_tol(step.right - step.left, wide, 0.1);
    static const char *const texts[] = {"a plan",
                                        "matmul",
                                        "exp x2; sum_to",
                                        "map_sum: 32 x 14 steps",
                                        "conv2d",
                                        "encoder",
                                        "%6 loss  2 KiB",
                                        "%5 exp  4 KiB",
                                        "arena, KiB",
                                        "step",
                                        "8",
                                        "written in place",
                                        "product (1)",
                                        "convolution (1)",
                                        "region (1)",
                                        "output",
                                        "memory of a step"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) ck_assert_msg(svg_says(texts[i]), "no %s", texts[i]);
    ck_assert(svg_says("4 steps. The arena has 8 KiB; the most that is in use at one step is 8 KiB, so no arrangement "
                       "needs less."));
}
END_TEST

START_TEST(steps_may_be_as_wide_as_their_times)
{
    static const double seconds[] = {1e-3, 3e-3, 0, 4e-3};
    pal_plan_drawing d = drawing_of(&plan);
    d.seconds = seconds;
    d.no_legend = true;
    write_plan(&d);
    const area a = area_of(svg_find(true, blue, 0, 0)), b = area_of(svg_find(true, green, 0, 0));
    ck_assert_double_eq_tol((b.right - b.left + 2) / (a.right - a.left + 2), 3, 0.02);
    ck_assert(svg_says("1 ms") && svg_says("time, ms") && !svg_says("step") && !svg_says("product (1)"));
    static const double nothing[4] = {0};
    d.seconds = nothing; /* as if there were no times */
    write_plan(&d);
    ck_assert(svg_says("step"));
}
END_TEST

/* Columns without room for words have none; the picture stays below a size, and says what it leaves out. */
START_TEST(a_long_program_is_a_shape)
{
    enum { MANY = 3000 };
    static pal_plan_step many[MANY];
    static pal_plan_place values[MANY];
    for (size_t i = 0; i < MANY; i++) {
        many[i] = steps[i % 2];
        values[i] = (pal_plan_place){.op = &product, .number = (uint32_t)i, .bytes = i % 10 ? 64 : 1 << 20, .first = i};
        values[i].offset = i % 10 ? 1 << 20 : 0;
        values[i].last = i + 5 < MANY ? i + 5 : MANY - 1;
    }
    const pal_plan all = {
        .steps = many, .n_steps = MANY, .places = values, .n_places = MANY, .arena = (1 << 20) + 64, .least = 1 << 20};
    const pal_plan_drawing d = drawing_of(&all);
    write_plan(&d);
    ck_assert(!svg_says("matmul"));
    ck_assert(svg_says("3000 steps. The arena has 1.0 MiB; the most that is in use at one step is 1 MiB (dashed). 2700 "
                       "small values are too thin to see."));
    double width, height;
    ck_assert_int_eq(sscanf(strstr(svg, "viewBox=\"0 0 "), "viewBox=\"0 0 %lf %lf\"", &width, &height), 2);
    ck_assert(width < 3000 && height < 1000);
}
END_TEST

START_TEST(a_plan_of_nothing_is_drawn)
{
    const pal_plan none = {0};
    pal_plan_drawing d = drawing_of(&none);
    d.title = NULL;
    write_plan(&d);
    ck_assert(svg_says("0 steps. The arena has 0 bytes; the most that is in use at one step is 0 bytes, so no "
                       "arrangement needs less."));
}
END_TEST

START_TEST(a_wrong_plan_is_refused)
{
    pal_plan_step step = steps[0];
    pal_plan_place place = places[0];
    const pal_plan wrong = {
        .steps = &step, .n_steps = 1, .places = &place, .n_places = 1, .arena = 4096, .least = 4096};
    pal_plan_drawing d = drawing_of(&wrong);
    pal_error error = {PAL_OK, ""};
    const char *path = path_of("plan.svg");
    ck_assert_int_eq(pal_plan_write(&d, path, &error), PAL_ERR_ARGUMENT); /* its place ends at step 1 */
    ck_assert_ptr_nonnull(strstr(error.text, "a step that is none"));
    place.last = 0;
    place.offset = 64;
    ck_assert_int_eq(pal_plan_write(&d, path, &error), PAL_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(error.text, "outside the arena"));
    place.offset = 0;
    step.n_own = 0;
    ck_assert_int_eq(pal_plan_write(&d, path, &error), PAL_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(error.text, "no operation"));
    step.n_own = 1;
    d.seconds = (const double[]){NAN};
    ck_assert_int_eq(pal_plan_write(&d, path, &error), PAL_ERR_ARGUMENT);
    d.seconds = NULL;
    ck_assert_int_eq(pal_plan_write(&d, path_of("plan.dot"), &error), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_plan_write(NULL, path, &error), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(count_files(), 0);
    ck_assert_int_eq(pal_plan_write(&d, path, &error), PAL_OK);
}
END_TEST

Suite *plot_plan_suite(void)
{
    Suite *suite = suite_create("plot_plan");
    in_own_folder(add_case(suite, "plans", set_up, tear_down,
                           TESTS(values_are_where_and_when_they_are, steps_may_be_as_wide_as_their_times,
                                 a_long_program_is_a_shape, a_plan_of_nothing_is_drawn, a_wrong_plan_is_refused)));
    return suite;
}
