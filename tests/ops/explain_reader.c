/* explain_reader.c - reads the text of pal_explain: the list of names, and each line in turn. Noise comes from the
 * host's generator. Noise inside of a region cannot be made on the host; such a page is skipped. */
#include "tests/ops/explain_rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double plus(double a, double b) { return a + b; }

const read_line *explain_line(const explain_reader *r, const char *name)
{
    for (size_t i = r->n; i--;)
        if (!strcmp(r->line[i].name, name)) return &r->line[i];
    return NULL;
}

static const struct read_entry *entry(const explain_reader *r, const char *name)
{
    for (size_t i = 0; i < r->n_entries; i++)
        if (!strcmp(r->entry[i].name, name)) return &r->entry[i];
    return NULL;
}

static void store(explain_reader *r, const char *name, long number, read_value v)
{
    const struct read_entry *e = entry(r, name);
    if (e) v = rd_shaped(r, v, e->shape);
    for (int d = 0; e && d < PAL_DTYPE_COUNT; d++) /* the words begin with a type, unless it is a real one */
        if (!strncmp(e->words, pal_dtype_name((pal_dtype)d), strlen(pal_dtype_name((pal_dtype)d))))
            v.dtype = (pal_dtype)d;
    if (*r->why) return;
    read_line *line = NULL;
    for (size_t i = r->n; i-- && number;) /* the line of a region comes again for each term */
        if (!strcmp(r->line[i].name, name)) line = &r->line[i];
    if (!line && r->n + 1 == sizeof r->line / sizeof *r->line) {
        rd_fail(r, "too many lines");
        return;
    }
    if (!line) line = &r->line[r->n++];
    snprintf(line->name, sizeof line->name, "%s", name);
    line->number = number;
    line->value = v;
}

/* The entries after "where": leaves get their numbers, n its value. */
static void read_entries(explain_reader *r, const char *s)
{
    char name[200];
    while (*s) {
        s += strspn(s, " \n");
        if (!*s) return;
        const size_t n = rd_name(s, name, sizeof name);
        const size_t line = strcspn(s, "\n");
        r->s = s + n + strspn(s + n, " ");
        if (*r->s == '=') {
            read_value v = rd_make(r, PAL_SCALAR, PAL_F64);
            v.at[0] = strtod(r->s + 1, NULL);
            store(r, name, 0, v);
        } else {
            struct read_entry *e = &r->entry[r->n_entries++];
            snprintf(e->name, sizeof e->name, "%s", name);
            e->shape = rd_shape(r);
            r->s += strspn(r->s, " ");
            if (r->s > s + line) r->s = s + line;
            snprintf(e->words, sizeof e->words, "%.*s", (int)(s + line - r->s), r->s);
            const char *kind = strstr(e->words, "input "), *own = strstr(e->words, "parameter ");
            const char *path = kind ? strchr(kind, ' ') : own ? strchr(own, ' ') : NULL;
            const pal_tensor *t = path ? r->leaf(path + 1, r->user) : NULL;
            if (path && !t) rd_fail(r, "no leaf is called%s", path);
            if (t) {
                read_value v = rd_make(r, t->shape, pal_dtype_real(t->dtype) ? PAL_F64 : t->dtype);
                for (size_t i = 0; i < rd_count(v); i++) v.at[i] = pal_tensor_get(t, i);
                store(r, name, 0, v);
            }
        }
        if (*r->why) return;
        s += line;
    }
}

static read_value noise(explain_reader *r, const char *name, bool inside)
{
    const struct read_entry *e = entry(r, name);
    if (inside) r->skipped = true; /* each term has noise of its own, which the host cannot make */
    if (inside) return rd_fail(r, "noise inside of a region");
    if (!e || strncmp(e->words, "noise ", 6)) return rd_fail(r, "%s has no stream", name);
    read_value v = rd_make(r, e->shape, PAL_F64);
    if (rd_take(r, "N(0, 1)"))
        pal_noise_normal(r->noise, e->words + 6, 0, rd_count(v), v.at);
    else if (rd_take(r, "U[0, 1)"))
        pal_noise_uniform(r->noise, e->words + 6, 0, rd_count(v), v.at);
    else if (r->plain && (rd_next(r, "normal(") || rd_next(r, "uniform("))) {
        (rd_next(r, "normal(") ? pal_noise_normal : pal_noise_uniform)(r->noise, e->words + 6, 0, rd_count(v), v.at);
        r->s += strlen(r->s);
    } else
        return rd_fail(r, "another noise");
    return v;
}

typedef struct region {
    const char *from, *to; /* its lines */
    char index[200];
    int64_t terms;
} region;

static void read_lines(explain_reader *r, const char *s, const char *end, size_t indent);

static void read_region_sum(explain_reader *r, const region *g, size_t indent)
{
    /* r->s is behind "Σk(": the formula is read once for each term. */
    const char *begin = r->s, *after = begin;
    read_value total = {0};
    for (int64_t k = 0; k < g->terms && !*r->why; k++) {
        read_value index = rd_make(r, PAL_SCALAR, PAL_I32);
        index.at[0] = (double)k;
        store(r, g->index, -1, index);
        read_lines(r, g->from, g->to, indent + 4);
        r->s = begin;
        const read_value term = rd_formula(r);
        total = k ? rd_combine(r, total, term, plus, false) : term;
        after = r->s;
    }
    r->s = after;
    rd_need(r, ")");
    if (!*r->why) {
        r->line[r->n] = (read_line){.value = total};
        snprintf(r->line[r->n].name, sizeof r->line[r->n].name, "Σ");
    }
}

static void read_lines(explain_reader *r, const char *s, const char *end, size_t indent)
{
    region g = {0};
    while (s < end && !*r->why) {
        size_t margin = strspn(s, " ");
        const char *line = s + margin, *next = s;
        /* Columns after the margin of the region: 0 a number, 7 a line without one, 10 the rest of a line. */
        do {
            next += strcspn(next, "\n");
            next += *next == '\n';
        } while (next < end && strspn(next, " ") == indent + 10);
        if (*line == '\n' || !*line) {
            s = next;
            continue;
        }
        if (!strncmp(line, "for ", 4) && margin == indent + 7) { /* everything that is indented further belongs to it */
            char *digits;
            const size_t n = rd_name(line + 4, g.index, sizeof g.index);
            g.terms = strtoll(strstr(line + 4 + n, "… ") + strlen("… "), &digits, 10) + 1;
            g.from = s + strcspn(s, "\n") + 1;
            g.to = g.from;
            while (g.to < end && *g.to != '\n' && strspn(g.to, " ") != indent && strspn(g.to, " ") != indent + 7)
                g.to += strcspn(g.to, "\n") + 1;
            s = g.to;
            continue;
        }
        char copy[20000];
        snprintf(copy, sizeof copy, "%.*s", (int)(next - line), line);
        for (char *c = copy; *c; c++)
            if (*c == '\n') *c = ' ';
        for (size_t n = strlen(copy); n && copy[n - 1] == ' ';) copy[--n] = 0;
        r->s = copy;
        long number = 0;
        if (rd_take(r, "(%")) {
            char *after;
            number = strtol(r->s, &after, 10);
            r->s = after;
            rd_need(r, ")");
        }
        char name[200];
        rd_next(r, "");
        r->s += rd_name(r->s, name, sizeof name);
        if (rd_take(r, "~")) {
            store(r, name, number, noise(r, name, indent > 0));
        } else if (rd_next(r, "←") || rd_next(r, "=")) {
            if (rd_take(r, "←"))
                snprintf(name + strlen(name), sizeof name - strlen(name), "←"); /* the leaf stays as it was */
            rd_take(r, "=");
            char sum_sign[220];
            snprintf(sum_sign, sizeof sum_sign, "Σ%s(", g.index);
            if (g.terms && rd_next(r, sum_sign)) {
                rd_take(r, sum_sign);
                read_region_sum(r, &g, indent);
                if (!*r->why) store(r, name, number, r->line[r->n].value);
                g = (region){0};
            } else {
                store(r, name, number, rd_formula(r));
            }
        } else {
            rd_fail(r, "a line without =");
        }
        if (!*r->why && (rd_next(r, ""), *r->s)) rd_fail(r, "%s: more than a formula", name);
        r->s = "";
        s = next;
    }
}

bool explain_read(explain_reader *r, const char *page)
{
    const char *where = strstr(page, "\nwhere\n"), *begin = strstr(page, "\n\n");
    if (!where || !begin) return rd_fail(r, "no page"), false;
    read_entries(r, where + 7);
    if (!*r->why) read_lines(r, begin + 2, where, 0);
    return !*r->why;
}

void explain_reader_free(explain_reader *r)
{
    for (size_t i = 0; i < r->n_blocks; i++) free(r->block[i]);
    r->n_blocks = 0;
}
