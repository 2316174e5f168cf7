/* page_label.c - the text of a page: the lines of its nodes, their sizes, and strings of JSON. The labels of the dot
 * language have the formulas; here they become plain text. */
#include "autograd/text/page.h"

#include <stdlib.h>
#include <string.h>

/* ---- Plain text ----------------------------------------------------------------------------------------------- */

static size_t put(char *out, size_t n, const char *text)
{
    for (; *text && n + 1 < PAL__PAGE_LINE; text++) out[n++] = *text;
    return n;
}

/* A letter of an exponent as a raised one, where there is such a character. */
static const char *raised(char letter)
{
    static const char *const digits[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    if (letter >= '0' && letter <= '9') return digits[letter - '0'];
    return letter == '-' ? "⁻" : letter == 'x' ? "ˣ" : letter == 'a' ? "ᵃ" : letter == 'b' ? "ᵇ" : NULL;
}

static size_t put_code(char *out, size_t n, unsigned long code)
{
    char bytes[5] = {0};
    if (code < 0x80) {
        bytes[0] = (char)code;
    } else if (code < 0x800) {
        bytes[0] = (char)(0xc0 | code >> 6);
        bytes[1] = (char)(0x80 | (code & 0x3f));
    } else {
        bytes[0] = (char)(0xe0 | code >> 12);
        bytes[1] = (char)(0x80 | (code >> 6 & 0x3f));
        bytes[2] = (char)(0x80 | (code & 0x3f));
    }
    return put(out, n, bytes);
}

/* The character that an entity stands for. Returns the text after it. */
static const char *entity(const char *at, char *out, size_t *n)
{
    static const struct {
        const char *name, *text;
    } named[] = {{"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}};
    for (size_t i = 0; i < sizeof named / sizeof *named; i++)
        if (!strncmp(at, named[i].name, strlen(named[i].name))) {
            *n = put(out, *n, named[i].text);
            return at + strlen(named[i].name);
        }
    char *end = NULL;
    unsigned long code = at[1] == '#' ? strtoul(at + 2, &end, 10) : 0;
    if (!code || *end != ';') {
        *n = put(out, *n, "&");
        return at + 1;
    }
    *n = put_code(out, *n, code);
    return end + 1;
}

static void plain(const char *html, char out[PAL__PAGE_LINE])
{
    size_t n = 0;
    bool up = false;
    for (const char *at = html; *at;) {
        const char *end = *at == '<' ? strchr(at, '>') : NULL;
        if (end) {
            if (!strncmp(at, "<BR", 3)) n = put(out, n, "\n");
            up = !strncmp(at, "<SUP>", 5) || (up && strncmp(at, "</SUP>", 6));
            at = end + 1;
        } else if (*at == '&') {
            at = entity(at, out, &n);
        } else {
            const char one[2] = {*at++, 0};
            const char *high = up ? raised(*one) : NULL;
            n = put(out, n, high ? high : one);
        }
    }
    out[n] = 0;
    while (n && ((unsigned char)out[n - 1] & 0xc0) == 0x80) n--; /* a character that was cut */
    const unsigned char lead = n ? (unsigned char)out[n - 1] : 0;
    const size_t takes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    if (lead >= 0xc0 && strlen(out) - (n - 1) < takes) out[n - 1] = 0;
}

void pal__page_plain(const pal__drawing *d, uint32_t node, pal__page_print print, char out[PAL__PAGE_LINE])
{
    char html[8 * PAL__PAGE_LINE] = "";
    FILE *f = fmemopen(html, sizeof html - 1, "w");
    *out = 0;
    if (!f) return;
    print(f, d, node);
    fclose(f);
    plain(html, out);
}

void pal__print_json(FILE *f, const char *text)
{
    char clean[4097];
    pal_text_clean(clean, sizeof clean, text, strlen(text));
    fputc('"', f);
    for (const char *p = clean; *p; p++)
        if (strchr("\"\\<>&'", *p) || (unsigned char)*p < 0x20 || *p == 0x7f)
            fprintf(f, "\\u%04x", (unsigned)(unsigned char)*p);
        else
            fputc(*p, f);
    fputc('"', f);
}

/* ---- Labels --------------------------------------------------------------------------------------------------- */

static void print_name(FILE *f, const pal__drawing *d, uint32_t id)
{
    const pal__entry *e = pal__at(d->graph.tape, id);
    const char *name = e->params->name;
    const bool named = name && *name;
    pal__print_html(f, !named ? e->op->name : d->box[id] ? pal__last_name(name) : name);
}

static void print_sub(FILE *f, const pal__drawing *d, uint32_t id)
{
    const pal_tape *t = d->graph.tape;
    const pal__entry *e = pal__at(t, id);
    const char *target = d->look[id] == PAL__LOOK_EFFECT ? pal__at(t, pal__arg(t, id, 0))->params->name : NULL;
    bool formula = pal__short_formula(e->op) && !(e->params->name && *e->params->name);
    if (e->body)
        fprintf(f, "&#931; of %lld terms", (long long)e->params->i[0]);
    else if (target)
        pal__print_html(f, target);
    else if (formula)
        pal__draw_formula(f, d, id);
    for (uint32_t i = 0; i < e->n && !e->body && d->look[id] != PAL__LOOK_EFFECT; i++) {
        double value;
        if (d->folded[e->first + i] || !pal__constant_value(t, pal__arg(t, id, i), &value)) continue;
        fputs(formula ? " &#183; constant " : "constant ", f);
        pal__draw_value(f, value);
        formula = true;
    }
    if (!e->shape->rank && e->dtype == t->real) return;
    if (e->body || target || formula) fputs(" &#183; ", f);
    pal__draw_shape(f, t, id);
}

static void print_title(FILE *f, const pal__drawing *d, uint32_t node)
{
    const pal__box *b = &d->boxes[node - d->n];
    if (b->owner)
        fprintf(f, "for each k in 0 &#8230; %lld", (long long)pal__at(d->graph.tape, b->owner)->params->i[0] - 1);
    else
        pal__print_html(f, pal__last_name(b->path));
    pal__print_alike(f, d, node - (uint32_t)d->n);
}

/* As dot has it: name, formula and parameters. */
static void print_block(FILE *f, const pal__drawing *layers, uint32_t node)
{
    pal__draw_block_name(f, layers, node - (uint32_t)layers->n);
    pal__draw_block_reads(f, layers, node - (uint32_t)layers->n);
}

/* A long line is cut in the drawing, not in the list of facts. */
static void shorten(char text[PAL__PAGE_LINE])
{
    enum { LONGEST = 34 };
    char out[PAL__PAGE_LINE];
    size_t letters = 0, n = 0;
    for (const char *p = text; *p; p++) {
        const bool begins = ((unsigned char)*p & 0xc0) != 0x80;
        if (*p == '\n')
            letters = 0;
        else if (begins)
            letters++;
        if (letters == LONGEST && begins) n = put(out, n, "…");
        if (letters < LONGEST) n = put(out, n, (const char[]){*p, 0});
    }
    out[n] = 0;
    memcpy(text, out, n + 1);
}

static bool is_block(const pal__page *page, uint32_t node)
{
    return page->layers && node >= page->layers->n && page->layers->boxes[node - page->layers->n].block;
}

/* The first line is the name. A line of nothing but a space is room for a hat, which a page does not need. */
static void block_label(const pal__page *page, uint32_t node, pal__page_label *label)
{
    static const char space[] = "\n\u00a0\n";
    char text[PAL__PAGE_LINE];
    pal__page_plain(page->layers, node, print_block, text);
    for (char *at; (at = strstr(text, space));) memmove(at, at + sizeof space - 2, strlen(at + sizeof space - 2) + 1);
    const size_t name = strcspn(text, "\n");
    snprintf(label->name, sizeof label->name, "%.*s", (int)name, text);
    snprintf(label->sub, sizeof label->sub, "%s", text + name + (text[name] != 0));
}

void pal__page_label_of(const pal__page *page, uint32_t node, pal__page_label *label)
{
    const pal__drawing *d = page->d;
    *label = (pal__page_label){0};
    if (is_block(page, node)) {
        block_label(page, node, label);
    } else if (node >= d->n) {
        pal__page_plain(d, node, print_title, label->name);
    } else if (d->look[node] == PAL__LOOK_INDEX) {
        snprintf(label->name, sizeof label->name, "k");
    } else {
        pal__page_plain(d, node, print_name, label->name);
        pal__page_plain(d, node, print_sub, label->sub);
    }
    shorten(label->name);
    shorten(label->sub);
}

void pal__page_size(const pal__drawing *d, uint32_t node, double *w, double *h, void *page)
{
    pal__page_label label;
    pal__page_label_of(page, node, &label);
    if (node >= d->n && !*label.sub) snprintf(label.sub, sizeof label.sub, "00000 nodes");
    *w = 12 * pal__place_text(label.name, true) + (node >= d->n ? 14 : 0);
    *h = *label.sub ? 24 : 26;
    for (char *line = label.sub; *line; *h += 14) {
        const size_t length = strcspn(line, "\n");
        const bool more = line[length] != 0;
        line[length] = 0;
        const double sub = 10 * pal__place_text(line, false);
        if (sub > *w) *w = sub;
        line += length + more;
    }
    *w += 20;
}
