/* graph_label.c - the label of a drawn entry: its name, its formula if that is short, with constants in place, and the
 * names of outputs. Labels use the HTML-like syntax of the dot language.
 *
 * Invariant: a label is well-formed, whatever bytes a name contains. Markup is escaped, and bytes that are not UTF-8 or
 * not printable are shown by their numbers, as in messages (pal_text_clean). */
#include "autograd/text/internal.h"

#include <ctype.h>
#include <limits.h>
#include <math.h>
#include <string.h>

enum { LONGEST_FORMULA = 16 };

/* ---- Text ----------------------------------------------------------------------------------------------------- */

/* A text of more than 4096 bytes is cut. */
void pal__print_html(FILE *f, const char *text)
{
    static const struct {
        char letter;
        const char *entity;
    } marks[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}};
    char clean[4097];
    pal_text_clean(clean, sizeof clean, text, strlen(text));
    for (const char *p = clean; *p; p++) {
        size_t i = 0;
        while (i < 4 && marks[i].letter != *p) i++;
        if (i < 4)
            fputs(marks[i].entity, f);
        else
            fputc(*p, f);
    }
}

void pal__draw_value(FILE *f, double value)
{
    if (isinf(value))
        fputs(value < 0 ? "-&#8734;" : "&#8734;", f);
    else
        fprintf(f, "%.6g", value);
}

/* ---- Formulas ------------------------------------------------------------------------------------------------- */

bool pal__constant_value(const pal_tape *t, uint32_t id, double *value)
{
    while (pal__at(t, id)->op == &pal__op_broadcast_to) id = pal__arg(t, id, 0);
    *value = pal__at(t, id)->params->r[0];
    return pal__at(t, id)->op->op_class == PAL_CLASS_CONSTANT;
}

/* The operand that a word of a formula means; -1: not an operand. */
static int operand_of(const pal_op *op, const char *word, size_t length)
{
    static const char *const letters[] = {"", "x", "ab", "cab"}; /* by the number of operands; A and B are matrices */
    const char letter = *word == 'A' || *word == 'B' ? (char)(*word + 'a' - 'A') : *word;
    const char *at = length == 1 && op->arity >= 0 && op->arity <= 3 ? strchr(letters[op->arity], letter) : NULL;
    return at ? (int)(at - letters[op->arity]) : -1;
}

static size_t word_length(const char *p)
{
    size_t n = 0;
    while (isalnum((unsigned char)p[n]) || p[n] == '_') n++;
    return n;
}

bool pal__short_formula(const pal_op *op)
{
    const char *f = op->formula;
    return f && f[0] && f[1] && strlen(f) <= LONGEST_FORMULA;
}

bool pal__label_folds(const pal_tape *t, uint32_t id, uint32_t operand)
{
    const pal_op *op = pal__at(t, id)->op;
    if (op->op_class != PAL_CLASS_ELEMENTWISE || !pal__short_formula(op)) return false;
    for (const char *p = op->formula; *p;) {
        size_t n = word_length(p);
        if (n && operand_of(op, p, n) == (int)operand) return true;
        p += n ? n : 1;
        if (p[-1] == '^') p += (*p == '-') + word_length(p + (*p == '-')); /* exponents are printed unchanged */
    }
    return false;
}

/* Prints the exponent in "x^2" or "e^-x" as a superscript. Returns the text after it. */
static const char *exponent(FILE *f, const char *p)
{
    size_t n = (size_t)(*p == '-');
    n += word_length(p + n);
    fprintf(f, "<SUP>%.*s</SUP>", (int)n, p);
    return p + n;
}

void pal__draw_formula(FILE *f, const pal__drawing *d, uint32_t id)
{
    const pal_tape *t = d->graph.tape;
    const pal__entry *e = pal__at(t, id);
    const char *text = e->op->formula, *equals = strstr(text, " = ");
    const int first =
        e->op->capabilities & PAL_TRANSPOSES ? (int)e->n - 2 : INT_MAX; /* first operand that may be transposed */
    for (const char *p = equals ? equals + 3 : text; *p;) {
        size_t n = word_length(p);
        int k = n ? operand_of(e->op, p, n) : -1;
        double value;
        bool constant = k >= 0 && d->folded[e->first + (uint32_t)k];
        if (constant) pal__constant_value(t, pal__arg(t, id, (uint32_t)k), &value);
        /* Two adjacent operands mean a product. If one is shown as a number, print a multiplication sign. */
        bool side = k == 0 && p[n] == ' ' && word_length(p + n + 1) == 1 && !p[n + 2];
        if (constant)
            pal__draw_value(f, value);
        else if (n)
            fprintf(f, "%.*s", (int)n, p);
        if (k >= first && e->params->i[k - first] == 1) fputs("&#7488;", f);
        if (side) {
            bool next = e->n > 1 && d->folded[e->first + 1];
            fputs(constant || next ? " &#215; " : " ", f);
        }
        p += n + side;
        if (n) continue;
        char one[2] = {*p++, 0};
        if (*one == '^')
            p = exponent(f, p);
        else
            pal__print_html(f, one);
    }
}

/* ---- Figures -------------------------------------------------------------------------------------------------- */

bool pal__draw_shape(FILE *f, const pal_tape *t, uint32_t id)
{
    const pal__entry *e = pal__at(t, id);
    for (int a = 0; a < e->shape->rank; a++) fprintf(f, "%s%lld", a ? "&#215;" : "", (long long)e->shape->dim[a]);
    if (e->dtype != t->real) fprintf(f, "%s%s", e->shape->rank ? " " : "", pal_dtype_name((pal_dtype)e->dtype));
    return e->shape->rank || e->dtype != t->real;
}

static void print_scaled(FILE *f, double value, const char *unit)
{
    fprintf(f, value < 9.95 ? "%.1f %s" : "%.0f %s", value, unit);
}

void pal__draw_bytes(FILE *f, size_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes / 1024;
    size_t i = 0;
    for (; i < 3 && value >= 1023.5; i++) value /= 1024;
    if (bytes < 1024)
        fprintf(f, "%zu B", bytes);
    else
        print_scaled(f, value, units[i]);
}

void pal__draw_seconds(FILE *f, double seconds)
{
    if (seconds < 0.9995e-3)
        print_scaled(f, 1e6 * seconds, "&#181;s");
    else if (seconds < 0.9995)
        print_scaled(f, 1e3 * seconds, "ms");
    else
        print_scaled(f, seconds, "s");
}

/* The time of a region includes that of its body: a node that shows both counts only the region. */
static double seconds_of(const pal__drawing *d, uint32_t node)
{
    double sum = 0;
    for (uint32_t id = 1; id < d->n && d->seconds; id++) {
        uint32_t region = pal__at(d->graph.tape, id)->region;
        if (d->node[id] == node && (node < d->n || !region || d->node[d->owner[region]] != node)) sum += d->seconds[id];
    }
    return sum;
}

#define SMALL "<BR/><FONT POINT-SIZE=\"9\" COLOR=\"#444444\">"

/* Prints "#### 120 us, 34 %"; the length of the bar shows the share of the total time. */
static void print_time(FILE *f, const pal__drawing *d, uint32_t node)
{
    double seconds = seconds_of(d, node), share = d->total > 0 ? seconds / d->total : 0;
    if (seconds <= 0) return;
    fputs("<BR/><FONT POINT-SIZE=\"9\" COLOR=\"#c0392b\">", f);
    for (int i = 0; i < 12 * share - 0.5; i++) fputs("&#9608;", f);
    fputs(share > 0.5 / 12 ? " " : "", f);
    pal__draw_seconds(f, seconds);
    if (share >= 0.005) fprintf(f, " &#183; %.0f %%", 100 * share);
    fputs("</FONT>", f);
}

/* ---- Labels --------------------------------------------------------------------------------------------------- */

static const char *output_name(const pal__drawing *d, size_t i, uint32_t node)
{
    const char *name = d->options.names && d->node[d->graph.outputs[i]] == node ? d->options.names[i] : NULL;
    return name && *name ? name : NULL;
}

/* If one node is several outputs, only the first names are printed, because the others are of the same kind. */
static void output_names(FILE *f, const pal__drawing *d, uint32_t node)
{
    enum { MOST = 3 };
    size_t n = 0;
    for (size_t i = 0; i < d->graph.n_outputs; i++) {
        const char *name = output_name(d, i, node);
        if (!name || ++n > MOST) continue;
        fputs("<BR/><FONT POINT-SIZE=\"10\"><B>", f);
        pal__print_html(f, name);
        fputs("</B></FONT>", f);
    }
    if (n > MOST) fprintf(f, "<BR/>&#8230; %zu more", n - MOST);
}

static void print_bold(FILE *f, const char *text)
{
    fputs("<B>", f);
    pal__print_html(f, text);
    fputs("</B>", f);
}

/* "e ~ N(0,1)": its symbol, and below it the distribution. */
static void noise_label(FILE *f, const char *formula)
{
    char symbol[16];
    const char *of = strstr(formula, " ~ ");
    snprintf(symbol, sizeof symbol, "%.*s", of ? (int)(of - formula) : 8, formula);
    print_bold(f, symbol);
    if (!of) return;
    fputs(SMALL, f);
    pal__print_html(f, of + 3);
    fputs("</FONT>", f);
}

static void entry_label(FILE *f, const pal__drawing *d, uint32_t id)
{
    const pal_tape *t = d->graph.tape;
    const pal__entry *e = pal__at(t, id);
    bool named = e->params->name && *e->params->name;
    bool boxed = named && d->box[id] && !d->boxes[d->box[id]].owner; /* its box shows the rest of the name */
    const char *target = d->look[id] == PAL__LOOK_EFFECT ? pal__at(t, pal__arg(t, id, 0))->params->name : NULL;
    if (d->look[id] == PAL__LOOK_NOISE && d->options.level == PAL_GRAPH_LAYERS) {
        noise_label(f, e->op->formula);
        return;
    }
    print_bold(f, boxed ? pal__last_name(e->params->name) : named ? e->params->name : e->op->name);
    if (d->number[id] && d->number[id] != PAL__NONE) fprintf(f, " #%u", d->number[id]);
    if (!e->body && !target && !pal__short_formula(e->op)) return;
    fputs(SMALL, f);
    if (e->body)
        fprintf(f, "&#931; of %lld terms", (long long)e->params->i[0]);
    else if (target)
        pal__print_html(f, target);
    else if (named)
        pal__print_html(f, e->op->formula);
    else
        pal__draw_formula(f, d, id);
    fputs("</FONT>", f);
}

void pal__print_alike(FILE *f, const pal__drawing *d, uint32_t box)
{
    const pal__box *b = &d->boxes[box];
    if (b->alike < 2) return;
    fputs(" &#8230; ", f);
    pal__print_html(f, pal__last_name(d->boxes[b->last].path));
    fprintf(f, " &#183; %u&#215;", b->alike);
}

/* The last of the entries that `id` stands for: boxes are numbered in the order in which they are found. */
static uint32_t last_alike(const pal__drawing *d, uint32_t id)
{
    uint32_t last = id;
    for (uint32_t k = 1; k < d->n; k++)
        if (d->same[k] == id && d->box[k] > d->box[last]) last = k;
    return last;
}

/* The label of a closed box: its name, its number of operations and its leaves. */
static void group_label(FILE *f, const pal__drawing *d, uint32_t node)
{
    uint32_t box = node - (uint32_t)d->n, operations = 0;
    const bool block = d->boxes[box].block;
    if (block)
        pal__draw_block_name(f, d, box);
    else
        print_bold(f, pal__last_name(d->boxes[box].path));
    if (!block) pal__print_alike(f, d, box);
    if (!block && d->number[node]) fprintf(f, " #%u", d->number[node]);
    for (uint32_t id = 1; id < d->n && !block; id++)
        operations += d->node[id] == node && d->same[id] == id && d->look[id] != PAL__LOOK_INDEX &&
                      d->look[id] != PAL__LOOK_PARAMETER && d->look[id] != PAL__LOOK_INPUT;
    if (!block) fprintf(f, SMALL "%u operation%s</FONT>", operations, operations == 1 ? "" : "s");
    if (block && d->boxes[box].alike < 2) {
        pal__draw_block_reads(f, d, box);
        return;
    }
    for (uint32_t id = 1; id < d->n; id++) {
        if (d->node[id] != node || d->same[id] != id || !pal__at(d->graph.tape, id)->tensor) continue;
        const char *name = pal__at(d->graph.tape, id)->params->name;
        fputs("<BR/><FONT POINT-SIZE=\"9\" COLOR=\"#7d6b00\">", f);
        pal__print_html(f, pal__last_name(name));
        fputs(" ", f);
        pal__draw_shape(f, d->graph.tape, id);
        uint32_t last = last_alike(d, id);
        if (!pal_shape_equal(*pal__at(d->graph.tape, last)->shape, *pal__at(d->graph.tape, id)->shape)) {
            fputs(" &#8230; ", f);
            pal__draw_shape(f, d->graph.tape, last);
        }
        fputs("</FONT>", f);
    }
}

static void constant_label(FILE *f, const pal__drawing *d, uint32_t node)
{
    double value;
    pal__constant_value(d->graph.tape, node, &value);
    pal__draw_value(f, value);
}

static void print_size(FILE *f, const pal__drawing *d, uint32_t node)
{
    size_t bytes = 0;
    for (uint32_t id = 1; id < d->n; id++)
        if (d->node[id] == node && d->look[id] != PAL__LOOK_EFFECT) bytes += pal__entry_bytes(d->graph.tape, id);
    if (!bytes) return;
    fputs(SMALL, f);
    pal__draw_bytes(f, bytes);
    fputs("</FONT>", f);
}

void pal__draw_label(FILE *f, const pal__drawing *d, uint32_t node)
{
    fputc('<', f);
    if (node >= d->n)
        group_label(f, d, node);
    else if (d->look[node] == PAL__LOOK_CONSTANT)
        constant_label(f, d, node);
    else if (d->look[node] == PAL__LOOK_INDEX)
        fputs("<I>k</I>", f);
    else
        entry_label(f, d, node);
    if (d->options.sizes && (node >= d->n || d->look[node] != PAL__LOOK_INDEX)) print_size(f, d, node);
    print_time(f, d, node);
    output_names(f, d, node);
    fputc('>', f);
}
