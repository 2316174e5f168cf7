/* report_parts.c - what the sections of a report are made of: a line that says what is left out, tables, figures, bars.
 */
#include <math.h>
#include <stdarg.h>

#include "cli/report.h"

void pal__report_without(pal__report *r, const char *format, ...)
{
    char text[2 * PAL__WHY];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    pal_html_element(&r->html, "p", "without", "Left out: %s.", text);
}

void pal__report_table(pal__report *r, const char *caption, const char *of_class, ...)
{
    pal_html *h = &r->html;
    const char *name;
    va_list list;
    pal_html_open_class(h, "div", of_class);
    pal_html_open(h, "table");
    if (caption) pal_html_element(h, "caption", NULL, "%s", caption);
    pal_html_open(h, "tr");
    va_start(list, of_class);
    while ((name = va_arg(list, const char *))) {
        pal_html_open_class(h, "th", *name == '#' ? "number" : NULL);
        pal_html_attribute(h, "scope", "col");
        pal_html_text(h, "%s", name + (*name == '#'));
        pal_html_close(h);
    }
    va_end(list);
    pal_html_close(h);
}

/* A cell with a figure: the rounded value for people, and the digits of --json for programs. */
void pal__report_number(pal__report *r, const char *name, double value, int digits, bool best)
{
    char text[64] = "–";
    pal_html *h = &r->html;
    if (isfinite(value) && digits)
        pal_cli_figure(value, digits, text, sizeof text);
    else if (isfinite(value))
        pal_cli_count(value, text, sizeof text);
    pal_html_open_class(h, "td", best ? "number best" : "number");
    if (isfinite(value)) {
        pal_html_open(h, "data");
        if (name) pal_html_attribute(h, "id", "%s", name);
        pal_html_attribute(h, "value", "%.10g", value);
    }
    pal_html_text(h, "%s", text);
    if (isfinite(value)) pal_html_close(h);
    if (best) pal_html_element(h, "span", "mark", " best");
    pal_html_close(h);
}

void pal__report_bar(pal__report *r, double share)
{
    pal_html *h = &r->html;
    const double shown = share >= 0 && share <= 1 ? share : share > 1 ? 1 : 0;
    pal_html_open_class(h, "div", "bar");
    pal_html_attribute(h, "aria-hidden", "true");
    pal_html_open(h, "div");
    pal_html_attribute(h, "style", "width:%.2f%%", 100 * shown);
    pal_html_close(h);
    pal_html_close(h);
}
