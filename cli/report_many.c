/* report_many.c - what a report says of several runs only: the options that differ, and each run in short. */
#include <stdlib.h>
#include <string.h>

#include "cli/report.h"

enum { TEXT = 512 };

static void list_equal(pal__report *r, const json_t *facts)
{
    char equal[4096] = "";
    for (size_t i = 0; i < json_array_size(facts); i++) {
        const json_t *fact = json_array_get(facts, i);
        const char *of = json_string_value(json_object_get(fact, "of"));
        if (json_is_true(json_object_get(fact, "equal")) && !of)
            pal_cli_append(equal, sizeof equal, ", ", json_string_value(json_object_get(fact, "name")));
    }
    if (*equal) pal_html_element(&r->html, "p", NULL, "Equal: %s, and all options that are not in the table.", equal);
}

int pal__report_differences(pal__report *r, const pal__reported *unused)
{
    (void)unused;
    pal_rundir *dirs[PAL_CLI_WORDS];
    pal_html *h = &r->html;
    char text[TEXT];
    size_t differ = 0;
    for (size_t i = 0; i < r->n; i++) dirs[i] = r->of[i].dir;
    json_t *facts = pal_cli_compare_facts(dirs, r->n);
    if (!facts) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    for (size_t i = 0; i < json_array_size(facts); i++)
        differ += !json_is_true(json_object_get(json_array_get(facts, i), "equal"));
    if (!differ) pal_html_element(h, "p", NULL, "Nothing that the runs record.");
    if (differ) {
        pal_html_open_class(h, "div", "wide");
        pal_html_open(h, "table");
        pal_html_element(
            h, "caption", NULL,
            "Options and circumstances that are not the same in all runs. A model that lacks an option has none.");
        pal_html_open(h, "tr");
        pal_html_element(h, "th", NULL, "option");
        for (size_t i = 0; i < r->n; i++) {
            pal_html_open(h, "th");
            pal_html_attribute(h, "scope", "col");
            pal_html_text(h, "%s", r->of[i].name);
            pal_html_close(h);
        }
        pal_html_close(h);
        for (size_t i = 0; i < json_array_size(facts); i++) {
            const json_t *fact = json_array_get(facts, i), *values = json_object_get(fact, "values");
            if (json_is_true(json_object_get(fact, "equal"))) continue;
            pal_html_open(h, "tr");
            pal_html_open(h, "th");
            pal_html_attribute(h, "scope", "row");
            pal_html_text(h, "%s", json_string_value(json_object_get(fact, "name")));
            pal_html_close(h);
            for (size_t k = 0; k < r->n; k++)
                pal_html_element(h, "td", NULL, "%s",
                                 pal_cli_compare_text(json_array_get(values, k), text, sizeof text));
            pal_html_close(h);
        }
        pal_html_close(h);
        pal_html_close(h);
    }
    list_equal(r, facts);
    json_decref(facts);
    return PAL_CLI_GO_ON;
}

int pal__report_each(pal__report *r, const pal__reported *unused)
{
    (void)unused;
    pal_html *h = &r->html;
    for (size_t i = 0; i < r->n; i++) {
        const pal__reported *of = &r->of[i];
        const pal_variant *variant = pal_model_variant(of->run->model);
        pal_html_open_class(h, "div", "run");
        pal_html_element(h, "h3", NULL, "%s", of->name);
        pal_html_element(h, "p", NULL, "%s: %s. %s: %s.", pal_rundir_path(of->dir), of->run->described, variant->name,
                         variant->summary);
        pal__report_tiles(r, of);
        if (!of->data) pal__report_without(r, "there are no samples to measure: %s", of->why_no_data);
        pal_html_close(h);
    }
    return PAL_CLI_GO_ON;
}
