/* report_page.c - the frame of a report: its head, the contents, and a section for each row of a table. */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/report.h"

/* clang-format off */
static const pal__section of_one[] = {
    {"model",           "What it is",           pal__report_model, NULL},
    {"figures",         "Figures",              pal__report_figures, NULL},
    {"curves",          "Training",             pal__report_curves, NULL},
    {"reconstructions", "Reconstructions",      pal__report_reconstructions, NULL},
    {"features",        "Features",             pal__report_features,  pal__report_profile},
    {"filters",         "Filters",              pal__report_filters, NULL},
    {"codes",           "Codes",                pal__report_codes, NULL},
    {"draws",           "Samples of the model", pal__report_draws,     pal__report_random},
    {"worst",           "Worst samples",        pal__report_worst, NULL},
    {"graph",           "Graph of the loss",    pal__report_graph, NULL},
    {"options",         "Options",              pal__report_options, NULL},
    {"environment",     "Environment",          pal__report_environment, NULL},
    {"repeat",          "How to repeat it",     pal__report_repeat, NULL},
    {0},
}, of_several[] = {
    {"figures",         "Figures side by side", pal__report_side_by_side, NULL},
    {"curves",          "Training",             pal__report_curves, NULL},
    {"differences",     "What differs",         pal__report_differences, NULL},
    {"reconstructions", "Reconstructions",      pal__report_reconstructions, NULL},
    {"codes",           "Codes",                pal__report_codes, NULL},
    {"runs",            "The runs",             pal__report_each, NULL},
    {"repeat",          "How to repeat it",     pal__report_repeat, NULL},
    {0},
};
/* clang-format on */

/* ---- The page ------------------------------------------------------------------------------------------------- */

static void write_title(const pal__report *r, char *out, size_t size)
{
    char data[256];
    const char *path = r->of[0].info->data;
    bool alike = true, same = true;
    for (size_t i = 1; i < r->n; i++) {
        const char *other = r->of[i].info->data;
        alike &= !strcmp(r->of[0].info->model, r->of[i].info->model);
        same &= !strcmp(path ? path : "", other ? other : "");
    }
    pal_dataset_name_of(path ? path : PAL_DATA_DEFAULT, data, sizeof data);
    if (r->title)
        snprintf(out, size, "%s", r->title);
    else if (r->n == 1)
        snprintf(out, size, "%s on %s", r->of[0].info->model, data);
    else
        snprintf(out, size, "%zu runs%s%s%s%s", r->n, alike ? " of " : "", alike ? r->of[0].info->model : "",
                 same ? " on " : "", same ? data : "");
}

static void write_head(pal_html *h, const char *title)
{
    pal_html_constant(h, "<!DOCTYPE html>\n");
    pal_html_open(h, "html");
    pal_html_attribute(h, "lang", "en");
    pal_html_open(h, "head");
    pal_html_open(h, "meta");
    pal_html_attribute(h, "charset", "utf-8");
    pal_html_close(h);
    /* A browser that obeys this loads nothing from anywhere, whatever the page contains. */
    pal_html_open(h, "meta");
    pal_html_attribute(h, "http-equiv", "Content-Security-Policy");
    pal_html_attribute(h, "content", "default-src 'none'; img-src data:; style-src 'unsafe-inline'");
    pal_html_close(h);
    static const char *const named[][2] = {{"viewport", "width=device-width, initial-scale=1"},
                                           {"color-scheme", "light dark"},
                                           {"generator", "palindrome report"}};
    for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
        pal_html_open(h, "meta");
        pal_html_attribute(h, "name", "%s", named[i][0]);
        pal_html_attribute(h, "content", "%s", named[i][1]);
        pal_html_close(h);
    }
    pal_html_element(h, "title", NULL, "%s", title);
    pal_html_open(h, "style");
    for (size_t i = 0; pal__report_style[i]; i++) pal_html_constant(h, pal__report_style[i]);
    pal_html_close(h);
    pal_html_close(h);
}

static bool is_in(const pal__section *section, const pal__report *r)
{
    return !section->fits || section->fits(&r->of[0]);
}

static void write_contents(const pal__report *r, pal_html *h, const pal__section *sections)
{
    pal_html_open(h, "nav");
    pal_html_attribute(h, "aria-label", "Contents");
    pal_html_open(h, "ul");
    for (size_t i = 0; sections[i].id; i++) {
        if (!is_in(&sections[i], r)) continue;
        pal_html_open(h, "li");
        pal_html_open(h, "a");
        pal_html_attribute(h, "href", "#%s", sections[i].id);
        pal_html_text(h, "%s", sections[i].title);
        pal_html_close(h);
        pal_html_close(h);
    }
    pal_html_close(h);
    pal_html_close(h);
}

static void write_header(pal__report *r, const char *title)
{
    pal_html *h = &r->html;
    char trained[1200];
    pal_html_open(h, "header");
    pal_html_element(h, "p", "kind", r->n == 1 ? "Report of a run" : "Report of %zu runs", r->n);
    pal_html_element(h, "h1", NULL, "%s", title);
    if (r->n == 1)
        pal_html_element(h, "p", "lead", "%s, %s.", r->of[0].run->described,
                         pal_cli_trained(r->runs->run, r->n, trained, sizeof trained));
    else
        pal_html_element(h, "p", "lead", "%s.", pal_cli_trained(r->runs->run, r->n, trained, sizeof trained));
    if (r->n == 1) pal__report_tiles(r, &r->of[0]);
    pal_html_close(h);
}

int pal__report_write(pal__report *r)
{
    pal_html *h = &r->html;
    char title[1024];
    const pal__section *sections = r->n == 1 ? of_one : of_several;
    int status = PAL_CLI_GO_ON;
    write_title(r, title, sizeof title);
    write_head(h, title);
    pal_html_open(h, "body");
    write_contents(r, h, sections);
    pal_html_open(h, "main");
    write_header(r, title);
    for (size_t i = 0; sections[i].id && status == PAL_CLI_GO_ON; i++) {
        if (!is_in(&sections[i], r)) continue;
        pal_html_open(h, "section");
        pal_html_attribute(h, "id", "%s", sections[i].id);
        pal_html_element(h, "h2", NULL, "%s", sections[i].title);
        status = sections[i].write(r, &r->of[0]);
        pal_html_close(h);
        if (pal_cli_signal()) return PAL_CLI_SIGNAL + pal_cli_signal();
    }
    return status;
}
