/* drawn_words.c - a label of the dot language as runs of letters.
 *
 * In: what graph_label.c prints: text with entities, and the marks B, I, SUP, BR and FONT POINT-SIZE. Out: runs, in
 * place. A mark that is not known is left out, and so are the brackets around a label. */
#include "autograd/text/drawn.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { SIZE = 11 };

typedef struct state {
    double size;
    bool bold, italic, raised;
} state;

static bool is_mark(const char *at, const char *name)
{
    const size_t n = strlen(name);
    return !strncasecmp(at, name, n) && strchr(" />", at[n]);
}

static void take_mark(state *s, const char *at)
{
    const bool ends = *at == '/';
    at += ends;
    if (is_mark(at, "B")) s->bold = !ends;
    if (is_mark(at, "I")) s->italic = !ends;
    if (is_mark(at, "SUP")) s->raised = !ends;
    if (!is_mark(at, "FONT")) return;
    const char *close = strchr(at, '>'), *size = strstr(at, "POINT-SIZE=\"");
    s->size = !ends && size && size < close ? strtod(size + strlen("POINT-SIZE=\""), NULL) : SIZE;
}

static char *put_utf8(char *to, unsigned long c)
{
    if (c < 0x80) return *to++ = (char)c, to;
    if (c < 0x800) {
        *to++ = (char)(0xc0 | c >> 6);
    } else {
        if (c < 0x10000) {
            *to++ = (char)(0xe0 | c >> 12);
        } else {
            *to++ = (char)(0xf0 | (c >> 18 & 7));
            *to++ = (char)(0x80 | (c >> 12 & 63));
        }
        *to++ = (char)(0x80 | (c >> 6 & 63));
    }
    *to++ = (char)(0x80 | (c & 63));
    return to;
}

/* Reads an entity at *at, which is '&', and prints its character: never longer than the entity. */
static char *take_entity(char *to, const char **at)
{
    static const struct {
        const char *name;
        char letter;
    } names[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strncmp(*at, names[i].name, strlen(names[i].name))) {
            *at += strlen(names[i].name);
            return put_utf8(to, (unsigned char)names[i].letter);
        }
    char *end = NULL;
    const unsigned long c = (*at)[1] == '#' ? strtoul(*at + 2, &end, 10) : 0;
    if (end && *end == ';' && c >= ' ' && c < 0x110000) {
        *at = end + 1;
        return put_utf8(to, c);
    }
    ++*at;
    return put_utf8(to, '&');
}

static bool add(pal__words *w, const state *s, const char *text)
{
    if (!pal__grow(w->context, (void **)&w->runs, w->n, &w->cap, sizeof *w->runs)) return false;
    w->runs[w->n++] =
        (pal_graph_run){.text = text, .size = s->size, .bold = s->bold, .italic = s->italic, .raised = s->raised};
    return true;
}

void pal__words_plain(char *text)
{
    char *to = text;
    for (const char *at = text; *at;)
        if (*at == '&')
            to = take_entity(to, &at);
        else
            *to++ = *at++;
    *to = 0;
}

/* The text of a run never needs more room than its marks had, so it is written over the label. */
bool pal__words_read(pal__words *w, char *label)
{
    const size_t first = w->n;
    state s = {.size = SIZE};
    const char *at = label;
    char *to = label, *begin = label;
    while (*at) {
        const bool bracket = *at == '>' || (*at == '<' && at[1] != '/' && !isalpha((unsigned char)at[1]));
        if (bracket) { /* around dot's label; in its text they are entities */
            at++;
        } else if (*at == '<') {
            const char *mark = at + 1, *close = strchr(at, '>');
            const bool line = is_mark(mark, "BR");
            if (!close) break;
            at = close + 1;
            if (to > begin) {
                *to++ = 0; /* the mark has at least two letters */
                if (!add(w, &s, begin)) return false;
                begin = to;
            }
            if (line && w->n > first) w->runs[w->n - 1].ends = true;
            take_mark(&s, mark);
        } else if (*at == '&') {
            to = take_entity(to, &at);
        } else {
            *to++ = *at++;
        }
    }
    *to = 0;
    if (to > begin && !add(w, &s, begin)) return false;
    if (w->n > first) w->runs[w->n - 1].ends = true;
    return true;
}

void pal__words_size(const pal_graph_run *runs, size_t n, pal__drawn_width *width, double *w, double *h)
{
    double line = 0, high = 0;
    *w = *h = 0;
    for (size_t i = 0; i < n; i++) {
        line += width(runs[i].text, runs[i].bold) * runs[i].size * (runs[i].raised ? 0.7 : 1);
        if (runs[i].size > high) high = runs[i].size;
        if (!runs[i].ends) continue;
        if (line > *w) *w = line;
        *h += pal__words_leading(high);
        line = high = 0;
    }
}
