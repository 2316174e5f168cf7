/* graph_label.c - what is written on a drawn entry: its name, its formula where that is short, constants in their
 * places, and the names of outputs. Everything goes out as the HTML-like labels of the dot language.
 *
 * Invariant: whatever bytes a name has, the label is well-formed: markup is escaped, and what is not UTF-8 or not
 * printable becomes a question mark. */
#include "autograd/graph_internal.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

enum { LONGEST_FORMULA = 16 };

/* ---- Text ------------------------------------------------------------------------------------------------------ */

/* Bytes of the UTF-8 sequence at p; 0: none, or not printable. */
static int utf8_length(const unsigned char *p)
{
    if (*p < 0x80) return *p >= ' ' && *p != 0x7f;
    int n = *p >= 0xf0 && *p < 0xf5 ? 4 : *p >= 0xe0 && *p < 0xf0 ? 3 : *p >= 0xc2 && *p < 0xe0 ? 2 : 0;
    for (int i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    if (n == 2 && *p == 0xc2 && p[1] < 0xa0) return 0;                                    /* C1 controls */
    if (n == 3 && ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f))) return 0; /* overlong, surrogates */
    if (n == 3 && *p == 0xef && p[1] == 0xbf && p[2] > 0xbd) return 0;                    /* no characters */
    if (n == 4 && ((*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f))) return 0;
    return n;
}

void pal__print_html(FILE *f, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p;) {
        int n = utf8_length(p);
        if (*p == '&')
            fputs("&amp;", f);
        else if (*p == '<')
            fputs("&lt;", f);
        else if (*p == '>')
            fputs("&gt;", f);
        else if (*p == '"')
            fputs("&quot;", f);
        else if (n)
            fwrite(p, 1, (size_t)n, f);
        else
            fputc('?', f);
        p += n ? n : 1;
    }
}

void pal__draw_value(FILE *f, double value)
{
    if (isinf(value))
        fputs(value < 0 ? "-&#8734;" : "&#8734;", f);
    else
        fprintf(f, "%.6g", value);
}

/* ---- Formulas -------------------------------------------------------------------------------------------------- */

bool pal__constant_value(const pal_tape *t, uint32_t id, double *value)
{
    while (pal__at(t, id)->op == &pal__op_broadcast_to) id = pal__arg(t, id, 0);
    *value = pal__at(t, id)->params.r[0];
    return pal__at(t, id)->op->op_class == PAL_CLASS_CONSTANT;
}

/* Which operand a formula's letter stands for; -1: none. */
static int operand_of(const pal_op *op, const char *word, size_t length)
{
    if (length != 1) return -1;
    switch (*word) {
    case 'x':
        return op->arity == 1 ? 0 : -1;
    case 'c':
        return op->arity == 3 ? 0 : -1;
    case 'a':
    case 'A':
        return op->arity == 2 ? 0 : op->arity == 3 ? 1 : -1;
    case 'b':
    case 'B':
        return op->arity == 2 ? 1 : op->arity == 3 ? 2 : -1;
    default:
        return -1;
    }
}

static size_t word_length(const char *p)
{
    size_t n = 0;
    while (isalnum((unsigned char)p[n]) || p[n] == '_') n++;
    return n;
}

static bool short_formula(const pal_op *op)
{
    const char *f = op->formula;
    return f && f[0] && f[1] && strlen(f) <= LONGEST_FORMULA;
}

bool pal__label_folds(const pal_tape *t, uint32_t id, uint32_t operand)
{
    const pal_op *op = pal__at(t, id)->op;
    if (op->op_class != PAL_CLASS_ELEMENTWISE || !short_formula(op)) return false;
    for (const char *p = op->formula; *p;) {
        size_t n = word_length(p);
        if (n && operand_of(op, p, n) == (int)operand) return true;
        p += n ? n : 1;
        if (p[-1] == '^') p += (*p == '-') + word_length(p + (*p == '-')); /* exponents are printed as they are */
    }
    return false;
}

/* "x^2" and "e^-x": what stands above the line. */
static const char *exponent(FILE *f, const char *p)
{
    size_t n = (size_t)(*p == '-');
    n += word_length(p + n);
    fprintf(f, "<SUP>%.*s</SUP>", (int)n, p);
    return p + n;
}

static void formula(FILE *f, const pal__drawing *d, uint32_t id)
{
    const pal_tape *t = d->graph.tape;
    const pal__entry *e = pal__at(t, id);
    const char *text = e->op->formula, *equals = strstr(text, " = ");
    bool product = e->op->op_class == PAL_CLASS_PRODUCT && e->op->n_ints == 2;
    for (const char *p = equals ? equals + 3 : text; *p;) {
        size_t n = word_length(p);
        int k = n ? operand_of(e->op, p, n) : -1;
        double value;
        bool constant =
            k >= 0 && d->folded[e->first + (uint32_t)k] && pal__constant_value(t, pal__arg(t, id, (uint32_t)k), &value);
        /* Side by side means times; with a number there the sign is wanted. */
        bool side = k == 0 && p[n] == ' ' && word_length(p + n + 1) == 1 && !p[n + 2];
        if (constant)
            pal__draw_value(f, value);
        else if (n)
            fprintf(f, "%.*s", (int)n, p);
        if (product && k >= 0 && e->params.i[k] == 1) fputs("&#7488;", f);
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

/* ---- Labels ---------------------------------------------------------------------------------------------------- */

#define SMALL "<BR/><FONT POINT-SIZE=\"9\" COLOR=\"#444444\">"

static void output_names(FILE *f, const pal__drawing *d, uint32_t id)
{
    if (!d->options.names) return;
    for (size_t i = 0; i < d->graph.n_outputs; i++)
        if (d->graph.outputs[i] == id && d->options.names[i] && *d->options.names[i]) {
            fputs("<BR/><B>", f);
            pal__print_html(f, d->options.names[i]);
            fputs("</B>", f);
        }
}

void pal__draw_label(FILE *f, const pal__drawing *d, uint32_t id)
{
    const pal_tape *t = d->graph.tape;
    const pal__entry *e = pal__at(t, id);
    double value;
    fputc('<', f);
    if (d->look[id] == PAL__LOOK_CONSTANT && pal__constant_value(t, id, &value)) {
        pal__draw_value(f, value);
    } else if (d->look[id] == PAL__LOOK_INDEX) {
        fputs("<I>k</I>", f);
    } else if (e->params.name && *e->params.name) {
        fputs("<B>", f);
        pal__print_html(f, e->params.name);
        fputs("</B>", f);
        if (short_formula(e->op)) {
            fputs(SMALL, f);
            pal__print_html(f, e->op->formula);
            fputs("</FONT>", f);
        }
    } else {
        fputs("<B>", f);
        pal__print_html(f, e->op->name);
        fputs("</B>", f);
        if (e->body) {
            fprintf(f, SMALL "&#931; of %lld terms</FONT>", (long long)e->params.i[0]);
        } else if (d->look[id] == PAL__LOOK_EFFECT && e->n && pal__at(t, pal__arg(t, id, 0))->params.name) {
            fputs(SMALL, f);
            pal__print_html(f, pal__at(t, pal__arg(t, id, 0))->params.name);
            fputs("</FONT>", f);
        } else if (short_formula(e->op)) {
            fputs(SMALL, f);
            formula(f, d, id);
            fputs("</FONT>", f);
        }
    }
    output_names(f, d, id);
    fputc('>', f);
}
