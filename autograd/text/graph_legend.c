/* graph_legend.c - the head of a drawing: its title, and a legend of the styles that occur in it. */
#include "autograd/text/internal.h"

#include <string.h>

typedef struct seen {
    bool order[3], look[PAL__LOOK_COUNT], closed, output, number;
} seen;

static seen look_around(const pal__drawing *d)
{
    seen s = {.output = d->graph.n_outputs > 0};
    for (uint32_t id = 1; id < d->n; id++) {
        if (!d->node[id]) continue;
        uint8_t order = pal__draw_order(d, d->node[id]);
        pal__look look = (pal__look)d->look[id];
        s.closed |= d->node[id] >= d->n;
        if (look == PAL__LOOK_OPERATION || look == PAL__LOOK_REGION) s.order[order < 2 ? order : 2] = true;
        if (d->node[id] < d->n) s.look[look] = true;
    }
    for (size_t i = 0; i < d->n + d->n_boxes; i++) s.number |= d->number[i] && d->number[i] != PAL__NONE;
    for (size_t i = 0; i < d->n_wires; i++) s.look[PAL__LOOK_CONSTANT] |= d->wires[i].constant;
    return s;
}

static void cell(FILE *f, const pal__drawing *d, pal__look look, uint8_t order, const char *style, const char *text)
{
    fputs("<TD BORDER=\"1\" BGCOLOR=\"", f);
    pal__draw_fill(f, d, look, order);
    fprintf(f, "\" COLOR=\"%s\"%s><FONT POINT-SIZE=\"9\">%s</FONT></TD>", pal__draw_line(look, order), style, text);
}

static void plain_cell(FILE *f, int border, const char *style, const char *text)
{
    fprintf(f, "<TD BORDER=\"%d\" COLOR=\"#333333\"%s><FONT POINT-SIZE=\"9\" COLOR=\"#333333\">%s</FONT></TD>", border,
            style, text);
}

static void print_cells(FILE *f, const pal__drawing *d, const seen *s)
{
    static const char *const styles[3] = {" STYLE=\"ROUNDED\"", " STYLE=\"DASHED\"", " STYLE=\"ROUNDED\""};
    static const struct {
        pal__look look;
        const char *text;
    } leaves[] = {{PAL__LOOK_PARAMETER, "parameter"},
                  {PAL__LOOK_INPUT, "input"},
                  {PAL__LOOK_NOISE, "noise"},
                  {PAL__LOOK_EFFECT, "effect"}};
    for (uint8_t o = 0; o < 3; o++)
        if (s->order[o]) cell(f, d, PAL__LOOK_OPERATION, o, styles[o], pal__draw_style(o)->title);
    for (size_t i = 0; i < sizeof leaves / sizeof *leaves; i++)
        if (s->look[leaves[i].look]) cell(f, d, leaves[i].look, 0, "", leaves[i].text);
    if (s->look[PAL__LOOK_CONSTANT]) plain_cell(f, 0, "", "0.5 constant");
    if (s->look[PAL__LOOK_REGION]) plain_cell(f, 1, " STYLE=\"DASHED\"", "region");
    if (s->output) plain_cell(f, 2, "", "output");
    if (s->number) plain_cell(f, 0, "", "#1 read again by a later pass");
    if (d->seconds) plain_cell(f, 0, "", "<FONT COLOR=\"#c0392b\">&#9608;&#9608;</FONT> share of the time");
}

void pal__draw_legend(FILE *f, const pal__drawing *d)
{
    bool title = d->options.title && *d->options.title;
    if (!title && d->options.no_legend) return;
    fputs("  label=<<TABLE BORDER=\"0\" CELLSPACING=\"0\">", f);
    if (title) {
        fputs("<TR><TD><FONT POINT-SIZE=\"18\"><B>", f);
        pal__print_html(f, d->options.title);
        fputs("</B></FONT></TD></TR>", f);
    }
    if (!d->options.no_legend) {
        seen s = look_around(d);
        fputs("<TR><TD><TABLE BORDER=\"0\" CELLBORDER=\"1\" CELLSPACING=\"5\" CELLPADDING=\"2\"><TR>", f);
        print_cells(f, d, &s);
        fputs("<TD BORDER=\"0\"></TD></TR></TABLE></TD></TR>", f);
    }
    fputs("</TABLE>>;\n", f);
}
