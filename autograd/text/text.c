/* text.c - prints a tape as text, one line per operation, in canonical order.
 *
 * Invariant: the text depends only on the recorded structure. Entries are numbered in the order of a walk from the
 * roots, operands from left to right. Roots of the same rank are ordered by their structural hashes. The order of
 * recording, pointers and the locale have no influence. The text is complete: parse.c makes the same tape from it. */
#include "autograd/text/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Names ---------------------------------------------------------------------------------------------------- */

void pal__print_quoted(FILE *f, const char *name)
{
    fputc('"', f);
    for (const unsigned char *p = (const unsigned char *)name; *p; p++) {
        if (*p == '"' || *p == '\\')
            fprintf(f, "\\%c", *p);
        else if (*p < ' ' || *p == 0x7f)
            fprintf(f, "\\%03o", *p);
        else
            fputc(*p, f);
    }
    fputc('"', f);
}

/* ---- Canonical order ------------------------------------------------------------------------------------------ */

/* The order of roots: values before effects, then forward before backward, then by structure. */
static int by_standing(const void *a, const void *b, void *tape)
{
    const uint32_t ids[2] = {*(const uint32_t *)a, *(const uint32_t *)b};
    const pal__entry *x = pal__at(tape, ids[0]), *y = pal__at(tape, ids[1]);
    bool ex = x->op->op_class == PAL_CLASS_EFFECT, ey = y->op->op_class == PAL_CLASS_EFFECT;
    if (ex != ey) return ex - ey;
    if (x->order != y->order) return x->order < y->order ? -1 : 1;
    return pal__compare(tape, ids[0], ids[1]);
}

static size_t find_roots(pal_tape *t, bool *read, uint32_t *roots)
{
    size_t n = 0;
    for (uint32_t id = 1; id < t->n_entries; id++) {
        const pal__entry *e = pal__at(t, id);
        for (uint32_t i = 0; i < e->n; i++) read[pal__arg(t, id, i)] = true;
        read[e->body] = read[e->index] = read[e->region] = true;
    }
    for (uint32_t id = 1; id < t->n_entries; id++)
        if (!pal__at(t, id)->region && (!read[id] || pal__at(t, id)->op->op_class == PAL_CLASS_EFFECT)) roots[n++] = id;
    qsort_r(roots, n, sizeof *roots, by_standing, t);
    return n;
}

bool pal__canonical(pal_tape *t, const pal_var *outputs, size_t n, const char *what, pal__graph *g)
{
    for (size_t i = 0; i < n; i++)
        if (!pal__live(outputs[i]) || outputs[i].tape != t || !pal__outside(t, outputs[i].id)) {
            pal_tape_fail(t, PAL_ERR_TAPE, "%s: output %zu is a bad handle, of another tape or inside a region", what,
                          i + 1);
            return false;
        }
    size_t most = n ? n : t->n_entries;
    uint32_t *roots = pal__alloc(t->context, most * sizeof *roots);
    bool *read = pal__alloc(t->context, t->n_entries * sizeof *read), ok = roots && read;
    if (!ok) pal__out_of_memory(t, what);
    if (ok) {
        for (size_t i = 0; i < n; i++) roots[i] = outputs[i].id;
        ok = pal__rebuild(t, roots, n ? n : find_roots(t, read, roots), false, NULL, NULL, g);
    }
    pal__free(t->context, roots);
    pal__free(t->context, read);
    return ok;
}

/* ---- Lines ---------------------------------------------------------------------------------------------------- */

bool pal__told_ints(const pal_op *op, pal_dtype dtype, pal_shape shape, int64_t *ints)
{
    bool constant = op->op_class == PAL_CLASS_CONSTANT, random = op->op_class == PAL_CLASS_RANDOM;
    if (op->n_ints != PAL_MAX_RANK + 1 + (constant || random)) return false;
    memset(ints, 0, PAL_PARAM_INTS * sizeof *ints);
    if (random) *ints++ = (int64_t)dtype;
    if (constant) ints[PAL_MAX_RANK + 1] = (int64_t)dtype;
    ints[0] = shape.rank;
    for (int a = 0; a < shape.rank && a < PAL_MAX_RANK; a++) ints[1 + a] = shape.dim[a];
    return true;
}

bool pal__shape_only(const pal__entry *e)
{
    int64_t told[PAL_PARAM_INTS];
    return pal__told_ints(e->op, (pal_dtype)e->dtype, *e->shape, told) && !memcmp(told, e->params->i, sizeof told);
}

/* Prints every bit of a double: 17 decimal digits, or the sign and mantissa of a NaN that is not the default NaN. */
static void print_real(FILE *f, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (!isnan(value))
        fprintf(f, "%.17g", value);
    else if (bits == PAL__NAN_BITS)
        fputs("nan", f);
    else
        fprintf(f, "%snan(0x%llx)", bits >> 63 ? "-" : "", (unsigned long long)(bits & PAL__NAN_MANTISSA));
}

static void print_params(FILE *f, const pal__entry *e)
{
    int ints = pal__shape_only(e) ? 0 : pal__n_ints(e->op), reals = pal__n_reals(e->op);
    if (!ints && !reals) return;
    const char *between = " {";
    for (int i = 0; i < ints; i++, between = ",") fprintf(f, "%s%lld", between, (long long)e->params->i[i]);
    for (int i = 0; i < reals; i++, between = ",") {
        fputs(between, f);
        print_real(f, e->params->r[i]);
    }
    fputc('}', f);
}

bool pal__plain(char letter)
{
    return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || (letter >= '0' && letter <= '9') ||
           (letter && strchr("_-+./:#", letter));
}

static void print_scope(FILE *f, const char *path)
{
    const char *p = path;
    while (pal__plain(*p)) p++;
    if (*p)
        pal__print_quoted(f, path);
    else
        fputs(path, f);
}

static void print_line(FILE *f, const pal_tape *t, uint32_t id)
{
    const pal__entry *e = pal__at(t, id);
    char shape[96];
    for (uint32_t r = e->region; r; r = pal__at(t, r)->region) fputs("    ", f);
    fprintf(f, "%%%u = %s %s%s", id, e->op->name, pal_dtype_name((pal_dtype)e->dtype),
            pal_shape_text(*e->shape, shape, sizeof shape));
    for (uint32_t i = 0; i < e->n; i++) fprintf(f, "%s%%%u", i ? ", " : " (", pal__arg(t, id, i));
    if (e->n) fputc(')', f);
    print_params(f, e);
    if (e->body) fprintf(f, " of %%%u by %%%u", e->body, e->index);
    const char *scope = pal__scope_path(t, e->scope);
    if (e->params->name) { /* the full name contains the scope */
        fputc(' ', f);
        pal__print_quoted(f, e->params->name);
        if (e->rows) fputs(" rows", f);
    } else if (*scope) {
        fputs(" in ", f);
        print_scope(f, scope);
    }
    if (e->order) fprintf(f, " order %d", e->order);
    fputc('\n', f);
}

char *pal_tape_text(pal_tape *t, const pal_var *outputs, size_t n)
{
    pal__graph g;
    pal__text text;
    char *kept = NULL;
    if (!t || (n && !outputs) || !pal__canonical(t, outputs, n, "text", &g)) return NULL;
    if (pal__text_open(&text, t->context)) {
        for (uint32_t id = 1; id < g.tape->n_entries; id++) print_line(text.file, g.tape, id);
        for (size_t i = 0; i < g.n_outputs; i++)
            fprintf(text.file, "%s%%%u%s", i ? ", " : "return ", g.outputs[i], i + 1 < g.n_outputs ? "" : "\n");
        kept = pal__text_close(&text);
    }
    if (!kept) pal__out_of_memory(t, "text");
    pal__graph_free(t->context, &g);
    return kept;
}
