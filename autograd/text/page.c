/* page.c - writes the page of a drawing: head, controls, the legend and the data. The picture is placed by
 * page_place.js and drawn by page.js. */
#include "autograd/text/page.h"

#include <string.h>

/* ---- Style ---------------------------------------------------------------------------------------------------- */

static void print_colours(FILE *f, const pal__drawing *d)
{
    for (uint8_t o = 0; o < 3; o++) {
        fprintf(f, ".order%d{--fill:", o);
        pal__draw_fill(f, d, PAL__LOOK_OPERATION, o);
        fprintf(f, ";--base:%s;--tint:%s}\n", pal__draw_line(PAL__LOOK_OPERATION, o), pal__draw_style(o)->box);
    }
    for (pal__look look = PAL__LOOK_PARAMETER; look < PAL__LOOK_COUNT; look++) {
        if (look == PAL__LOOK_REGION || look == PAL__LOOK_CONSTANT) continue;
        fprintf(f, ".look%d{--fill:", look);
        pal__draw_fill(f, d, look, 0);
        fprintf(f, ";--base:%s}\n", pal__draw_line(look, 0));
    }
}

/* ---- The page ------------------------------------------------------------------------------------------------- */

static void print_legend(FILE *f, const pal__drawing *d)
{
    static const struct {
        pal__look look;
        uint8_t order;
        const char *text;
    } words[] = {{PAL__LOOK_OPERATION, 0, "forward"},
                 {PAL__LOOK_OPERATION, 1, "adjoint"},
                 {PAL__LOOK_OPERATION, 2, "double backward"},
                 {PAL__LOOK_PARAMETER, 0, "parameter"},
                 {PAL__LOOK_INPUT, 0, "input"},
                 {PAL__LOOK_NOISE, 0, "noise"},
                 {PAL__LOOK_EFFECT, 0, "effect"}};
    if (d->options.no_legend) return;
    fputs("<div id=\"legend\">", f);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        bool seen = false;
        for (uint32_t id = 1; id < d->n && !seen; id++) {
            const uint8_t order = pal__at(d->graph.tape, id)->order;
            seen = d->node[id] && d->look[id] == words[i].look &&
                   (words[i].look != PAL__LOOK_OPERATION || (order < 2 ? order : 2) == words[i].order);
        }
        if (seen) fprintf(f, "<span class=\"order%d look%d\">%s</span>", words[i].order, words[i].look, words[i].text);
    }
    fputs("</div>\n", f);
}

static void print_controls(FILE *f, const char *title)
{
    fputs("<header><h1>", f);
    pal__print_html(f, title);
    fputs("</h1>\n"
          "<div class=\"group\"><input type=\"search\" id=\"search\" placeholder=\"operation, scope or %number\" "
          "aria-label=\"Search\"><span id=\"found\" role=\"status\"></span></div>\n"
          "<div class=\"group\"><button id=\"out\" aria-label=\"Zoom out\">&#8722;</button><button id=\"in\" "
          "aria-label=\"Zoom in\">+</button><button id=\"fit\">Fit</button><button "
          "id=\"layers\">Layers</button><button id=\"open\">Open all</button><button "
          "id=\"close\">Close all</button></div>\n"
          "<div id=\"passes\"></div>\n"
          "<label><input type=\"checkbox\" id=\"kept\"> values read again</label>\n"
          "<label>Path of <select id=\"weight\"><option value=\"0\">no weight</option></select></label>\n"
          "<span id=\"count\"></span></header>\n",
          f);
}

static void print_picture(FILE *f)
{
    fputs("<main><svg id=\"picture\" role=\"group\" aria-label=\"Computation graph\" tabindex=\"0\"><defs>", f);
    for (int o = 0; o < 3; o++)
        fprintf(
            f,
            "<marker id=\"arrow%d\" class=\"order%d\" viewBox=\"0 0 8 8\" refX=\"7.5\" refY=\"4\" markerWidth=\"7\" "
            "markerHeight=\"7\" markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path d=\"M0 0.8L8 4L0 "
            "7.2z\"/></marker>",
            o, o);
    fputs("</defs><g id=\"scene\"></g></svg></main>\n", f);
}

static void print_page(FILE *f, const pal__page *page)
{
    const pal__drawing *d = page->d;
    const char *title = d->options.title && *d->options.title ? d->options.title : "Computation graph";
    fputs(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
        "script-src 'unsafe-inline'\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"generator\" content=\"palindrome graph\">\n"
        "<title>",
        f);
    pal__print_html(f, title);
    fputs("</title>\n<style>\n", f);
    print_colours(f, d);
    fprintf(f, "%s</style></head>\n<body>\n", pal__page_css);
    print_controls(f, title);
    print_picture(f);
    fputs("<aside><h2 id=\"what\"></h2><dl id=\"facts\"></dl>\n", f);
    print_legend(f, d);
    fputs("<p>Drag to move, turn the wheel to zoom, click a scope or a layer to open or close it. The forward pass "
          "reads down, the "
          "adjoint beside it reads up. Keys: arrows, +, -, 0 for all, Tab and Enter.</p></aside>\n"
          "<noscript>This page draws with a script.</noscript>\n<script type=\"application/json\" id=\"data\">\n",
          f);
    pal__page_data(f, page);
    fprintf(f, "</script>\n<script>\n%s</script>\n<script>\n%s</script>\n</body></html>\n", pal__page_place_js,
            pal__page_js);
}

/* A page has all boxes. Those that the options close are closed when it opens. */
static char *text_of(pal__page *page, pal__drawing *d, unsigned depth)
{
    pal__text text;
    pal_context *c = d->graph.tape->context;
    if (!pal__text_open(&text, c)) return NULL;
    d->options.depth = depth;
    page->d = d;
    if (pal__place_drawing(d, pal__page_size, page, &page->placed) && pal__place_order(&page->placed.place) &&
        pal__page_close_boxes(d, &page->placed))
        print_page(text.file, page);
    else
        text.failed = true;
    pal__placed_free(&page->placed);
    return pal__text_close(&text);
}

char *pal__page_text(pal_tape *t, const pal_var *outputs, size_t n, const pal_graph_options *options)
{
    pal__drawing d, layers;
    pal__page page = {.layers = NULL};
    pal_graph_options whole = {0};
    if (!t || !pal_tape_options(t, &whole, options, sizeof whole, sizeof whole, "graph")) return NULL;
    const unsigned depth = whole.depth;
    whole.struct_size = sizeof whole;
    whole.depth = 0;
    if (whole.level == PAL_GRAPH_LAYERS) {
        if (!pal__drawing_open(&layers, t, outputs, n, &whole)) return NULL;
        page.layers = &layers;
    }
    char *kept = NULL;
    if (pal__drawing_open_blocks(&d, t, outputs, n, &whole)) {
        kept = text_of(&page, &d, depth);
        if (!kept) pal__out_of_memory(t, "graph");
        pal__drawing_close(&d, t->context);
    }
    if (page.layers) pal__drawing_close(&layers, t->context);
    return kept;
}
