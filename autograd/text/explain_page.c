/* explain_page.c - the lines of a page, and the list of its names.
 *
 * In: names and formulas. Out: text, or a LaTeX document. A line that is longer than the page is broken before an
 * operator, outside of brackets if there is one. */
#include "autograd/text/explain.h"

#include <string.h>

static const char *const operators[] = {"+ ", "− ", "⊙ ", "· ", "/ ", "if ", "else "};
static const char *const tex_operators[] = {"+ ", "- ", "\\odot ", "\\,/\\, "};

/* ---- Text ----------------------------------------------------------------------------------------------------- */

static bool begins(const char *s, const char *const *with, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strncmp(s, with[i], strlen(with[i]))) return true;
    return false;
}
#define BEGINS(s, list) begins(s, list, sizeof list / sizeof *list)

/* The best place for the end of a row of `room` columns: the last of the least depth. NULL: the rest fits, or there is
 * none. */
static const char *row_end(const char *s, uint32_t room)
{
    const char *best = NULL;
    int depth = 0, best_depth = 1000;
    uint32_t columns = 0;
    for (const char *at = s; *at; at++) {
        depth += *at == '(' || *at == '[';
        depth -= *at == ')' || *at == ']';
        columns += ((unsigned char)*at & 0xc0) != 0x80;
        if (columns > room) return best ? best : NULL;
        if (*at == ' ' && columns > room / 3 && BEGINS(at + 1, operators) && depth <= best_depth) {
            best = at;
            best_depth = depth;
        }
    }
    return NULL;
}

static void put_rows(const pal__page *p, const char *s, uint32_t indent)
{
    const uint32_t room = p->o.width > indent + 20 ? p->o.width - indent : 20;
    for (const char *end; (end = row_end(s, room)); s = end + 1)
        fprintf(p->out, "%.*s\n%*s", (int)(end - s), s, (int)indent, "");
    fprintf(p->out, "%s\n", s);
}

static const char *relation(const pal__page *p, uint32_t id)
{
    const pal_op_class c = pal__at(p->tape, id)->op->op_class;
    return c == PAL_CLASS_RANDOM ? "~" : c == PAL_CLASS_EFFECT ? "←" : "=";
}

/* What a line calls its value: an effect is called as the leaf that it writes. */
static uint32_t subject(const pal__page *p, uint32_t id)
{
    return pal__at(p->tape, id)->op->op_class == PAL_CLASS_EFFECT ? pal__arg(p->tape, id, 0) : id;
}

static uint32_t depth_of(const pal__page *p, uint32_t id)
{
    uint32_t depth = 0;
    for (uint32_t r = pal__at(p->tape, id)->region; r; r = pal__at(p->tape, r)->region) depth++;
    return depth;
}

/* The number of the recorded operation; 0: the value is a part of what became of one, or belongs to no one. */
static uint32_t number_of(const pal__page *p, uint32_t id)
{
    const uint32_t number = pal__at(p->tape, id)->origin;
    return number != PAL__NONE && p->last[number] == id &&
                   pal_shape_count(*pal__at(p->recorded, number)->shape) ==
                       pal_shape_count(*pal__at(p->tape, id)->shape)
               ? number
               : 0;
}

static void put_text_line(const pal__page *p, uint32_t id)
{
    char head[32];
    const uint32_t number = number_of(p, id), indent = 4 * depth_of(p, id);
    const char *name = p->formula[subject(p, id)].text; /* of an effect, the leaf's */
    head[0] = 0;
    if (number) snprintf(head, sizeof head, "(%%%u)", number);
    fprintf(p->out, "%*s%-6s %s %s ", (int)indent, "", head, name, relation(p, id));
    put_rows(p, p->whole[id].text, indent + 10);
}

static void put_shape(FILE *f, const pal_shape *s, bool tex)
{
    if (!s->rank) fputs(tex ? "\\text{scalar}" : "scalar", f);
    for (int a = 0; a < s->rank; a++) fprintf(f, "%s%lld", !a ? "" : tex ? "\\times " : "×", (long long)s->dim[a]);
}

/* ---- LaTeX ---------------------------------------------------------------------------------------------------- */

/* Prints words outside of formulas. They may come from a file: no control remains, nor a line break. */
static void put_words(FILE *f, const char *words, bool tex)
{
    char clean[1024];
    const char *s = clean;
    pal_text_clean(clean, sizeof clean, words, strlen(words));
    if (!tex) {
        fputs(clean, f);
        return;
    }
    for (; *s; s++)
        if (strchr("_&%$#{}", *s))
            fprintf(f, "\\%c", *s);
        else if (strchr("\\^~", *s))
            fprintf(f, "\\char`\\%c{}", *s);
        else if ((unsigned char)*s < 0x80)
            fputc(*s, f);
        else if (!strncmp(s, "∂", 3))
            fputs("$\\partial$", f), s += 2;
}

/* The columns of a formula in LaTeX, about: a command is one letter. */
static uint32_t tex_columns(const char *s, size_t n)
{
    uint32_t columns = 0;
    for (size_t i = 0; i < n; i++)
        if (s[i] == '\\') {
            while (i + 1 < n && ((s[i + 1] | 32) >= 'a' && (s[i + 1] | 32) <= 'z')) i++;
            columns++;
        } else {
            columns += !strchr("{}^_ ", s[i]);
        }
    return columns;
}

static const char *tex_row_end(const char *s, uint32_t room)
{
    const char *best = NULL;
    int depth = 0;
    for (const char *at = s; *at; at++) {
        depth += *at == '{' || !strncmp(at, "\\left", 5) || !strncmp(at, "\\begin", 6);
        depth -= *at == '}' || !strncmp(at, "\\right", 6) || !strncmp(at, "\\end", 4);
        if (*at != ' ' || depth > 0 || !BEGINS(at + 1, tex_operators)) continue;
        if (tex_columns(s, (size_t)(at - s)) > room) return best ? best : at;
        best = at;
    }
    return tex_columns(s, strlen(s)) > room ? best : NULL;
}

static void put_tex_line(const pal__page *p, uint32_t id)
{
    const uint32_t number = number_of(p, id);
    const char *name = p->formula[subject(p, id)].tex, *s = p->whole[id].tex, *sign = relation(p, id);
    if (number) fprintf(p->out, "\\text{\\footnotesize\\color{gray}(\\%%%u)}\\quad ", number);
    fputs("& ", p->out);
    for (uint32_t i = depth_of(p, id); i; i--) fputs("\\qquad ", p->out);
    fprintf(p->out, "%s %s ", name, *sign == '~' ? "\\sim" : *sign == '=' ? "=" : "\\leftarrow");
    for (const char *end; (end = tex_row_end(s, p->o.width * 3 / 4)); s = end + 1)
        fprintf(p->out, "%.*s\\\\\n  & \\qquad ", (int)(end - s), s);
    fprintf(p->out, "%s\\\\\n", s);
}

/* ---- The page ------------------------------------------------------------------------------------------------- */

static void put_loop(const pal__page *p, uint32_t index) /* the head of a region */
{
    const long long last = p->owner[index] ? (long long)pal__at(p->tape, p->owner[index])->params->i[0] - 1 : 0;
    const uint32_t indent = 4 * depth_of(p, index);
    if (p->o.form == PAL_EXPLAIN_TEXT) {
        fprintf(p->out, "%*sfor %s = 0 … %lld:\n", (int)indent + 7, "", p->name[index], last);
        return;
    }
    fputs("& ", p->out);
    for (uint32_t i = 0; i < indent; i += 4) fputs("\\qquad ", p->out);
    fprintf(p->out, "\\text{for } %s = 0, \\dots, %lld:\\\\\n", p->formula[index].tex, last);
}

/* Outputs that have no line under their own name: the value is a leaf, or has another name. */
static void put_output(pal__page *p, size_t i)
{
    const uint32_t id = p->graph.outputs[i];
    const char *given = p->o.names && p->o.names[i] ? pal__explain_clean(p, p->o.names[i]) : NULL;
    if (!given || !strcmp(p->formula[id].text, given)) return;
    if (p->o.form == PAL_EXPLAIN_TEXT)
        fprintf(p->out, "       %s = %s\n", given, p->formula[id].text);
    else
        fprintf(p->out, "& %s = %s\\\\\n", pal__explain_tex_name(p, given), p->formula[id].tex);
}

static bool is_output(const pal__page *p, uint32_t id)
{
    for (size_t i = 0; i < p->n_outputs; i++)
        if (p->graph.outputs[i] == id) return true;
    return false;
}

static void put_what(const pal__page *p, uint32_t id, bool tex)
{
    const pal__entry *e = pal__at(p->tape, id);
    const char *path = e->params->name ? e->params->name : pal__scope_path(p->tape, e->scope);
    FILE *f = p->out;
    if (e->op == &pal__op_index) {
        fputs("number of the term", f);
        return;
    }
    const char *kind = e->op->op_class == PAL_CLASS_LEAF     ? pal__explain_parameter(p, id) ? "parameter" : "input"
                       : e->op->op_class == PAL_CLASS_RANDOM ? "noise"
                                                             : "";
    fputs(kind, f);
    if (p->by[id] && p->letter[id]) {
        fputs("derivative by ", f);
        fprintf(f, tex ? "$%s$" : "%s", tex ? p->formula[p->by[id]].tex : p->formula[p->by[id]].text);
        return;
    }
    if (!*path && !*kind) fputs("a value", f);
    if (*path) {
        fputs(*kind ? " " : "in ", f);
        put_words(f, path, tex);
    }
}

static void put_entry(const pal__page *p, uint32_t id)
{
    const bool tex = p->o.form == PAL_EXPLAIN_TEX;
    const pal__entry *e = pal__at(p->tape, id);
    const char *name = p->formula[id].text;
    if (tex)
        fprintf(p->out, "$%s$ & $", p->formula[id].tex);
    else
        fprintf(p->out, "       %s%*s", name, (int)(pal__columns(name) < 16 ? 17 - pal__columns(name) : 1), "");
    put_shape(p->out, p->shape[id], tex);
    fputs(tex ? "$ & " : "  ", p->out);
    if (!pal_dtype_real((pal_dtype)e->dtype)) fprintf(p->out, "%s ", pal_dtype_name((pal_dtype)e->dtype));
    put_what(p, id, tex);
    fputs(tex ? "\\\\\n" : "\n", p->out);
}

static void put_list(const pal__page *p)
{
    for (uint32_t id = 1; id < p->n; id++)
        if (p->live[id] && p->name[id] && pal__at(p->tape, id)->op->op_class != PAL_CLASS_EFFECT) put_entry(p, id);
    if (!p->o.samples) return;
    if (p->o.form == PAL_EXPLAIN_TEX)
        fprintf(p->out, "$n = %lld$ & & samples\\\\\n", (long long)p->o.samples);
    else
        fprintf(p->out, "       n = %lld  samples\n", (long long)p->o.samples);
}

static const char head[] =
    "\\documentclass[a4paper,9pt]{extarticle}\n\\usepackage[landscape,margin=15mm]{geometry}\n"
    "\\usepackage{amsmath,amssymb,xcolor,longtable}\n\\allowdisplaybreaks\n\\setlength{\\parindent}{0pt}\n"
    "\\begin{document}\n";
static const char rules[] =
    "Functions, powers and $\\odot$ work element by element, and smaller shapes repeat; factors side by side are "
    "products "
    "of matrices. $\\sum_{1}$ sums over axis 1, and axes after a plus stay as axes of length 1. A row of a matrix is a "
    "sample.\n\n";

void pal__explain_page(pal__page *p)
{
    const bool tex = p->o.form == PAL_EXPLAIN_TEX;
    FILE *f = p->out;
    if (tex) fputs(head, f);
    if (p->o.title && *p->o.title) {
        if (tex) {
            fputs("\\section*{", f);
            put_words(f, p->o.title, true);
            fputs("}\n", f);
        } else {
            put_words(f, p->o.title, false);
            fputs("\n\n", f);
        }
    }
    if (tex) fputs("\\begin{align*}\n", f);
    bool after = false; /* an output, which ends a group of lines */
    for (uint32_t id = 1; id < p->n; id++) {
        if (!p->live[id]) continue;
        const bool loop = pal__at(p->tape, id)->op == &pal__op_index, output = !loop && is_output(p, id);
        if (!loop && !p->line[id]) continue;
        if (after && !output) fputs(tex ? "\\\\[-1ex]\n" : "\n", f);
        after = output;
        if (loop) {
            put_loop(p, id);
            continue;
        }
        if (tex)
            put_tex_line(p, id);
        else
            put_text_line(p, id);
    }
    for (size_t i = 0; i < p->n_outputs; i++) put_output(p, i);
    fputs(tex ? "& \\end{align*}\n" : "\nwhere\n", f);
    if (tex) fprintf(f, "%s\\renewcommand{\\arraystretch}{1.5}\n\\begin{longtable}{lll}\n", rules);
    put_list(p);
    if (tex) fputs("\\end{longtable}\n\\end{document}\n", f);
}
