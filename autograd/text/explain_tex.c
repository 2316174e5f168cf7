/* explain_tex.c - names in LaTeX: "δ_z₁" is \delta_{z_{1}}, "∂loss/∂W" a fraction, "x̂" \hat{x}, "x̃" \tilde{x}, words
 * are upright. */
#include "autograd/text/explain.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *text, *tex;
} accents[] = {{"\xcc\x82", "\\hat"}, {"\xcc\x83", "\\tilde"}, {NULL, NULL}},
  letters[] = {{"α", "\\alpha"},  {"β", "\\beta"},  {"δ", "\\delta"}, {"ε", "\\varepsilon"}, {"η", "\\eta"},
               {"λ", "\\lambda"}, {"μ", "\\mu"},    {"ρ", "\\rho"},   {"σ", "\\sigma"},      {"∂", "\\partial "},
               {"′", "'"},        {"‖", "\\Vert "}, {"²", "^{2}"},    {"∇", "\\nabla "}};

static void put_words(FILE *f, const char *s, size_t n) /* several letters are a word */
{
    size_t word = 0;
    while (word < n && (unsigned char)s[word] < 0x80) word++;
    if (word > 1) {
        fputs("\\mathrm{", f);
        for (size_t i = 0; i < word; i++) fprintf(f, s[i] == '_' ? "\\_" : "%c", s[i]);
        fputc('}', f);
        s += word, n -= word;
    }
    for (size_t i = 0; i < n;) {
        size_t k = 0, used = 1, accent = 0;
        while (accents[accent].text && strncmp(s + i + 1, accents[accent].text, 2)) accent++;
        if (accents[accent].text) {
            fprintf(f, "%s{%c}", accents[accent].tex, s[i]);
            i += 3;
            continue;
        }
        for (; k < sizeof letters / sizeof *letters; k++)
            if (!strncmp(s + i, letters[k].text, strlen(letters[k].text))) break;
        if (k < sizeof letters / sizeof *letters) {
            fputs(letters[k].tex, f);
            used = strlen(letters[k].text);
        } else if (!strncmp(s + i, "\xe2\x82", 2) && i + 2 < n) { /* digits below the line */
            fputs("_{", f);
            for (; i + 2 < n && !strncmp(s + i, "\xe2\x82", 2); i += 3) fputc('0' + (s[i + 2] & 15), f);
            fputc('}', f);
            used = 0;
        } else if ((unsigned char)s[i] < 0x80) {
            fputc(s[i], f);
        }
        i += used;
    }
}

static void put_name(FILE *f, const char *s, size_t n)
{
    const char *slash = memmem(s, n, "/∂", strlen("/∂")), *under = memchr(s, '_', n);
    if (slash) {
        fputs("\\frac{", f);
        put_name(f, s, (size_t)(slash - s));
        fputs("}{", f);
        put_name(f, slash + 1, n - (size_t)(slash - s) - 1);
        fputc('}', f);
    } else if (under && under > s) {
        put_words(f, s, (size_t)(under - s));
        fputs("_{", f);
        put_name(f, under + 1, n - (size_t)(under - s) - 1);
        fputc('}', f);
    } else if (n > 3 && !strncmp(s, "∂", 3)) {
        fputs("\\partial ", f);
        put_name(f, s + 3, n - 3);
    } else {
        put_words(f, s, n);
    }
}

const char *pal__explain_tex_name(pal__page *p, const char *name)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    if (f) put_name(f, name, strlen(name));
    if (!f || fclose(f) || !text) {
        p->failed = true;
        free(text);
        return "";
    }
    const char *kept = pal__keep_text(p, text, size);
    free(text);
    return kept;
}
