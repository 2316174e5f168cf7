/* test_plot_graph.c - tests the drawing of a tape that needs no Graphviz: words, colours, formats, refusals. */
#include "tests/autograd/graph_models.h"
#include "tests/files.h"
#include "tests/plot/pictures.h"
#include "tests/plot/svg.h"

Suite *plot_graph_suite(void);

static drawn_model m;

static void set_up_model(void)
{
    set_up();
    draw_contractive(&m, context, true);
}

static void tear_down_model(void)
{
    drawn_free(&m);
    tear_down();
}

static pal_graph_options options_of(void)
{
    return (pal_graph_options){.struct_size = sizeof(pal_graph_options),
                               .title = "a graph",
                               .parameters = m.leaves + 1,
                               .n_parameters = m.n - 1};
}

START_TEST(a_graph_has_its_words_and_colours)
{
    static const pal_colour forward = {220, 235, 249}, adjoint = {248, 207, 142}, parameter = {255, 243, 168};
    pal_error error = {PAL_OK, ""};
    char first[PATH_ROOM];
    const pal_graph_options o = options_of();
    const pal_var outputs[] = {m.loss, m.gradients[1]};
    strcpy(first, path_of("graph.svg"));
    ck_assert_msg(pal_graph_picture_write(m.tape, outputs, 2, &o, first, &error) == PAL_OK, "%s", error.text);
    svg_read(first);
    svg_check_margins(10);
    static const char *const texts[] = {"a graph", "matmul", "sigmoid", "encoder", "W", "parameter", "region", "A B"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) ck_assert_msg(svg_says(texts[i]), "no %s", texts[i]);
    ck_assert_int_gt(svg_number_of(true, forward, 0), 8);
    ck_assert_int_gt(svg_number_of(true, adjoint, 0), 8);
    ck_assert_int_eq(svg_number_of(true, parameter, 0), 3 + 1); /* one in the legend */
    ck_assert_int_eq(pal_graph_picture_write(m.tape, outputs, 2, &o, path_of("again.svg"), &error), PAL_OK);
    char second[PATH_ROOM];
    strcpy(second, path_of("again.svg"));
    assert_same_files(first, second);
    static const char *const others[] = {"graph.pdf", "graph.png"};
    for (size_t i = 0; i < 2; i++)
        ck_assert_int_eq(pal_graph_picture_write(m.tape, outputs, 2, &o, path_of(others[i]), &error), PAL_OK);
    ck_assert_int_eq(count_files(), 4);
}
END_TEST

START_TEST(a_graph_that_cannot_be_drawn)
{
    pal_error error = {PAL_OK, ""};
    const pal_graph_options o = options_of();
    ck_assert_int_eq(pal_graph_picture_write(m.tape, &m.loss, 1, &o, path_of("graph.dot"), &error), PAL_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(error.text, ".png, .svg or .pdf"));
    ck_assert_int_eq(pal_graph_picture_write(NULL, &m.loss, 1, &o, path_of("graph.svg"), &error), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_graph_picture_write(m.tape, &m.loss, 1, &o, path_of("no/graph.svg"), &error), PAL_ERR_IO);
    const pal_var bad = {0};
    ck_assert_int_ne(pal_graph_picture_write(m.tape, &bad, 1, &o, path_of("graph.svg"), &error), PAL_OK);
    ck_assert_int_eq(count_files(), 0);
}
END_TEST

Suite *plot_graph_suite(void)
{
    Suite *suite = suite_create("plot_graph");
    in_own_folder(add_case(suite, "graphs", set_up_model, tear_down_model,
                           TESTS(a_graph_has_its_words_and_colours, a_graph_that_cannot_be_drawn)));
    return suite;
}
