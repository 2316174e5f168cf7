/* explain_formula.c - the formula of each value, and which values have a line of their own.
 *
 * In: the page with its suggestions. Out: by value, in the order of the tape: what its line says (whole), and how its
 * readers write it (formula), which is its name if it has a line, and else the whole. So nothing is recursive, and a
 * formula is never longer than the bound below allows for its operands.
 *
 * A value has a line if it is noise, an effect or a region, if a name asks for it, if several values read it, unless it
 * is as short as a name, or if its formula is long. */
#include "autograd/text/explain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/text/internal.h"

enum { SHORT = 8, MEDIUM = 24, LONG = 44 };

typedef struct writer { /* text and LaTeX are written at once */
    pal__page *page;
    uint32_t id;
    FILE *text, *tex;
} writer;

uint32_t pal__columns(const char *s)
{
    uint32_t n = 0;
    for (; *s; s++) {
        const unsigned char c = (unsigned char)*s;
        if (c == 0xcc && (unsigned char)s[1] == 0x82) { /* a hat takes no column */
            s++;
            continue;
        }
        n += (c & 0xc0) != 0x80;
    }
    return n;
}

/* ---- Numbers -------------------------------------------------------------------------------------------------- */

/* The shortest digits that give the number in its type. */
static void print_number(char *out, size_t size, double value, pal_dtype dtype)
{
    const bool single = dtype == PAL_F32; /* the tape has only this many digits */
    if (isnan(value) || isinf(value)) {
        snprintf(out, size, "%s", isnan(value) ? "NaN" : value > 0 ? "∞" : "−∞");
        return;
    }
    if (value == rint(value) && fabs(value) < 1e9)
        snprintf(out, size, "%.0f", value);
    else
        for (int digits = 1; digits <= 17; digits++) {
            snprintf(out, size, "%.*g", digits, value);
            const double back = strtod(out, NULL);
            if (back == value || (single && (float)back == (float)value)) break;
        }
    if (*out == '-') {
        char copy[32];
        snprintf(copy, sizeof copy, "%.30s", out + 1);
        snprintf(out, size, "−%s", copy);
    }
}

static void put_number(const writer *w, double value, pal_dtype dtype)
{
    char digits[64];
    print_number(digits, sizeof digits, value, dtype);
    fputs(digits, w->text);
    const bool negative = !strncmp(digits, "−", strlen("−"));
    const char *s = negative ? digits + strlen("−") : digits, *e = strchr(s, 'e');
    fputs(negative ? "-" : "", w->tex);
    if (!strcmp(s, "∞"))
        fputs("\\infty", w->tex);
    else if (!strcmp(s, "NaN"))
        fputs("\\mathrm{NaN}", w->tex);
    else if (e)
        fprintf(w->tex, "%.*s \\cdot 10^{%d}", (int)(e - s), s, atoi(e + 1));
    else
        fputs(s, w->tex);
}

/* The m of a denominator n / m, which is written as a factor m before n: 2 a / n; 0: the denominator is no such part.
 */
static int part_of_samples(const pal__page *p, double value)
{
    for (int m = 2; m <= 8; m *= 2)
        if (p->o.samples >= 16 && value > 4 && value * m == (double)p->o.samples) return m;
    return 0;
}

/* A denominator: n, or a multiple or a part of it. False: it is another number. */
static bool put_samples(const writer *w, double value)
{
    const double n = (double)w->page->o.samples;
    const double times = part_of_samples(w->page, value) ? 1 : n > 0 ? value / n : 0;
    if (!(times >= 1 && times <= 1000 && times == floor(times))) return false;
    if (times == 1) {
        fputc('n', w->text);
        fputc('n', w->tex);
    } else {
        fprintf(w->text, "(%g·n)", times);
        fprintf(w->tex, "(%g\\,n)", times);
    }
    return true;
}

/* The reciprocal of a multiple of n, with a sign. False: it is another number. */
static bool put_share(const writer *w, double value)
{
    const double n = (double)w->page->o.samples, whole = rint(1 / fabs(value));
    if (n < 4 || !(fabs(value) > 0 && fabs(value) < 1) || (float)(1 / whole) != (float)fabs(value) ||
        fmod(whole, n) != 0 || whole > 1000 * n)
        return false;
    fputs(value < 0 ? "−1 / " : "1 / ", w->text);
    fputs(value < 0 ? "-1 \\,/\\, " : "1 \\,/\\, ", w->tex);
    return put_samples(w, whole);
}

/* ---- Templates ------------------------------------------------------------------------------------------------ */

static void bracketed(FILE *f, const char *s, bool brackets, bool tex)
{
    fprintf(f, "%s%s%s", !brackets ? "" : tex ? "\\left(" : "(", s, !brackets ? "" : tex ? "\\right)" : ")");
}

static void put_operand(const writer *w, FILE *f, uint32_t k, int least, bool denominator, bool transposed)
{
    const pal__page *p = w->page;
    const uint32_t id = pal__arg(p->tape, w->id, k);
    const pal__entry *e = pal__at(p->tape, id);
    const pal__formula *o = &p->formula[id];
    const bool tex = f == w->tex;
    if (denominator && e->op->op_class == PAL_CLASS_CONSTANT) {
        FILE *sink = NULL;
        writer only = {w->page, w->id, tex ? sink : f, tex ? f : sink};
        char *nothing = NULL;
        size_t size = 0;
        sink = open_memstream(&nothing, &size);
        if (!sink) w->page->failed = true;
        if (!sink) return;
        if (tex)
            only.text = sink;
        else
            only.tex = sink;
        const bool done = put_samples(&only, e->params->r[0]);
        fclose(sink);
        free(nothing);
        if (done) return;
    }
    const bool bracket = o->binds < (transposed ? PAL_BINDS_POSTFIX : least) ||
                         (k && least && o->binds == PAL_BINDS_SUM && !strncmp(o->text, "−", strlen("−")));
    if (tex && transposed) fputc('{', f);
    bracketed(f, tex ? o->tex : o->text, bracket, tex);
    if (transposed) fputs(tex ? "}^{\\top}" : "ᵀ", f);
}

static int least_of(char c)
{
    return c == '+'               ? PAL_BINDS_SUM
           : c == '*'             ? PAL_BINDS_TIMES
           : c == '.' || c == '/' ? PAL_BINDS_PRODUCT
           : c == '^'             ? PAL_BINDS_POSTFIX
                                  : PAL_BINDS_COMPARE;
}

static void put_below(FILE *f, const char *s) /* digits and plus below the line */
{
    for (; *s; s++)
        if (*s == '+')
            fputs("₊", f);
        else if (*s >= '0' && *s <= '9')
            fprintf(f, "\xe2\x82%c", 0x80 + *s - '0');
}

static void put_template(const writer *w, FILE *f, const char *s, const char *params)
{
    const pal__entry *e = pal__at(w->page->tape, w->id);
    char digits[64];
    const uint32_t below = strstr(s, "%2/") && e->n == 2 ? pal__arg(w->page->tape, w->id, 1) : 0;
    const int part = below && pal__at(w->page->tape, below)->op->op_class == PAL_CLASS_CONSTANT
                         ? part_of_samples(w->page, pal__at(w->page->tape, below)->params->r[0])
                         : 0;
    if (part) fprintf(f, f == w->tex ? "%d \\, " : "%d · ", part);
    for (; *s; s++) {
        if (*s != '%') {
            fputc(*s, f);
            continue;
        }
        const char what = *++s;
        if (what == 'p')
            for (const char *c = params; *c; c += strncmp(c, "×", 2) || f != w->tex ? 1 : 2)
                if (f == w->tex && !strncmp(c, "×", 2))
                    fputs("\\times ", f);
                else
                    fputc(*c, f);
        else if (what == '_')
            put_below(f, params);
        else if (what == 'i')
            fprintf(f, "%lld", (long long)e->params->i[0]);
        else if (what == 'r' || what == 's') {
            print_number(digits, sizeof digits, e->params->r[what == 's'], PAL_F64);
            fputs(digits, f);
        } else {
            const uint32_t k = (uint32_t)(what - '1');
            const char next = s[1];
            const bool product = next == '\'' || (next == ',' && s[2] >= '0' && s[2] <= '9');
            if (product) {
                const bool flag = e->params->i[s[2] - '0'] != 0;
                put_operand(w, f, k, next == ',' ? PAL_BINDS_POSTFIX : PAL_BINDS_PRODUCT, false, flag);
                s += 2;
            } else {
                const int least = least_of(next);
                put_operand(w, f, k, least, next == '/', false);
                if (least) s++;
            }
        }
    }
}

/* name(a, b; 1, 2): right for every operation. */
static void put_call(const writer *w, FILE *f)
{
    const pal_tape *t = w->page->tape;
    const pal__entry *e = pal__at(t, w->id);
    const bool tex = f == w->tex;
    char digits[64];
    fputs(tex ? "\\operatorname{" : "", f);
    for (const char *s = e->op->name; *s; s++) fprintf(f, tex && *s == '_' ? "\\_" : "%c", *s);
    fputs(tex ? "}\\left(" : "(", f);
    for (uint32_t k = 0; k < e->n; k++) {
        if (k) fputs(", ", f);
        put_operand(w, f, k, PAL_BINDS_COMPARE, false, false);
    }
    const int ints = pal__n_ints(e->op), reals = pal__n_reals(e->op);
    for (int i = 0; i < ints; i++) fprintf(f, "%s%lld", i ? ", " : "; ", (long long)e->params->i[i]);
    for (int i = 0; i < reals; i++) {
        print_number(digits, sizeof digits, e->params->r[i], PAL_F64);
        fprintf(f, "%s%s", i || ints ? ", " : "; ", !strcmp(digits, "∞") && tex ? "\\infty" : digits);
    }
    fputs(tex ? "\\right)" : ")", f);
}

/* ---- One value ------------------------------------------------------------------------------------------------ */

/* A sum over all elements of something whose sum has a notation of its own: the sum of squares is ‖a‖². */
static const char *summed(const pal__page *p, uint32_t id)
{
    const pal__entry *e = pal__at(p->tape, id);
    if (e->op != &pal__op_sum_to || e->shape->rank) return NULL;
    const uint32_t of = pal__arg(p->tape, id, 0);
    const pal_notation *n = p->line[of] ? NULL : pal__notation(p, of);
    return n ? n->summed : NULL;
}

static void put_region(const writer *w)
{
    const pal__entry *e = pal__at(w->page->tape, w->id);
    const pal__formula *body = &w->page->formula[e->body];
    const char *k = w->page->name[e->index];
    fprintf(w->text, "Σ%s(%s)", k, body->text);
    fprintf(w->tex, "\\sum_{%s}\\left(%s\\right)", pal__explain_tex_name(w->page, k), body->tex);
}

static int put_whole(writer *w)
{
    pal__page *p = w->page;
    const pal__entry *e = pal__at(p->tape, w->id);
    if (e->op->op_class == PAL_CLASS_CONSTANT) {
        if (put_share(w, e->params->r[0])) return e->params->r[0] < 0 ? PAL_BINDS_SUM : PAL_BINDS_TIMES;
        put_number(w, e->params->r[0], (pal_dtype)e->dtype);
        return signbit(e->params->r[0]) && !isnan(e->params->r[0]) ? PAL_BINDS_SUM : PAL_BINDS_ATOM;
    }
    if (e->body) {
        put_region(w);
        return PAL_BINDS_ATOM;
    }
    if (e->op->op_class == PAL_CLASS_EFFECT) {
        put_operand(w, w->text, 1, PAL_BINDS_COMPARE, false, false);
        put_operand(w, w->tex, 1, PAL_BINDS_COMPARE, false, false);
        return PAL_BINDS_COMPARE;
    }
    const char *sum = summed(p, w->id), *bar = sum ? strchr(sum, '|') : NULL;
    if (bar) {
        const uint32_t square = pal__arg(p->tape, w->id, 0);
        char text[64];
        snprintf(text, sizeof text, "%.*s", (int)(bar - sum), sum);
        writer of = {p, square, w->text, w->tex};
        put_template(&of, w->text, text, "");
        put_template(&of, w->tex, bar + 1, "");
        return PAL_BINDS_ATOM;
    }
    const pal_notation *n = pal__notation(p, w->id);
    if (!n) {
        put_call(w, w->text);
        put_call(w, w->tex);
        return PAL_BINDS_ATOM;
    }
    pal_var in[8];
    for (uint32_t k = 0; k < e->n && k < 8; k++) in[k] = pal__var(p->tape, pal__arg(p->tape, w->id, k));
    const pal_rule rule = {.tape = p->tape, .op = e->op, .params = e->params, .in = in, .n = e->n};
    const bool other = n->otherwise && n->otherwise(&rule);
    const char *text = other ? n->other_text : n->text, *tex = other ? n->other_tex : n->tex;
    char params[160] = "";
    if (n->params && e->n)
        n->params(e->params, *pal__at(p->tape, pal__arg(p->tape, w->id, 0))->shape, *e->shape, params, sizeof params);
    put_template(w, w->text, text, params);
    put_template(w, w->tex, tex ? tex : text, params);
    if (e->op == &pal__op_copy) return p->formula[pal__arg(p->tape, w->id, 0)].binds;
    return (int)(other ? n->other_binds : n->binds);
}

static pal__formula whole_of(pal__page *p, uint32_t id)
{
    char *text = NULL, *tex = NULL;
    size_t text_size = 0, tex_size = 0;
    pal__formula f = {"", "", 0, PAL_BINDS_ATOM};
    writer w = {p, id, open_memstream(&text, &text_size), open_memstream(&tex, &tex_size)};
    if (w.text && w.tex) f.binds = (uint8_t)put_whole(&w);
    if (!w.text || !w.tex) p->failed = true;
    if (w.text && fclose(w.text)) p->failed = true;
    if (w.tex && fclose(w.tex)) p->failed = true;
    p->failed |= !text || !tex; /* closing makes the text shorter, which needs memory, too, and is no error of fclose */
    if (!p->failed) {
        f.text = pal__keep_text(p, text, text_size);
        f.tex = pal__keep_text(p, tex, tex_size);
        f.width = pal__columns(f.text);
    }
    free(text);
    free(tex);
    return f;
}

static bool repeats(const pal__page *p,
                    uint32_t id) /* a constant that fills a shape: a matrix product needs the shape */
{
    const pal__entry *e = pal__at(p->tape, id);
    return e->op->op_class == PAL_CLASS_CONSTANT && (e->shape->rank || !pal_dtype_real((pal_dtype)e->dtype));
}

static bool has_line(const pal__page *p, uint32_t id)
{
    const pal__entry *e = pal__at(p->tape, id);
    if (p->line[id] || e->body || e->op->op_class == PAL_CLASS_EFFECT || e->op->op_class == PAL_CLASS_RANDOM ||
        repeats(p, id))
        return true;
    if (e->op->op_class == PAL_CLASS_CONSTANT) return false;
    for (size_t i = 0; i < p->n_outputs; i++)
        if (p->graph.outputs[i] == id) return true;
    const uint32_t width = p->whole[id].width;
    if (p->live[id] == 1 || width > LONG) return width > LONG;
    const pal_notation *n = pal__notation(p, id);
    return (p->letter[id] ? *p->letter[id] : n && n->letter != NULL) ||
           (width > SHORT && (width > MEDIUM || !pal__explain_small(p->tape, p->live, id)));
}

void pal__explain_formulas(pal__page *p)
{
    for (uint32_t id = 1; id < p->n && !p->failed; id++) {
        const pal__entry *e = pal__at(p->tape, id);
        if (!p->live[id]) continue;
        const bool named = e->op->op_class == PAL_CLASS_LEAF || e->op == &pal__op_index;
        if (!named) p->whole[id] = whole_of(p, id);
        const bool moved = pal__explain_reshapes(p, id);
        const uint32_t of = e->n ? pal__arg(p->tape, id, 0) : 0;
        if (moved && pal__at(p->tape, of)->op->op_class == PAL_CLASS_RANDOM && p->shape[of] == p->shape[id] &&
            !p->line[id]) { /* noise that is only reshaped */
            p->whole[id] = p->formula[of];
            p->line[id] = false;
        } else {
            p->line[id] = !named && has_line(p, id);
            if (moved && p->line[id]) p->whole[id] = p->formula[of]; /* its entry tells the shape */
        }
        p->formula[id] = p->whole[id];
        if (e->op->op_class == PAL_CLASS_EFFECT) continue;
        if (!named && !p->line[id]) continue;
        const char *name = pal__explain_name(p, id);
        p->formula[id] = (pal__formula){name, pal__explain_tex_name(p, name), pal__columns(name), PAL_BINDS_ATOM};
    }
}
