/* tikz_text.c - texts for TeX: what is special is escaped, and letters outside ASCII become commands, so that pdflatex
 * takes the file without packages for fonts. A letter that is not known is a question mark in a box. */
#include "autograd/text/drawn.h"

#include <string.h>

/* In the order of the letters. Those for maths stand between $. */
static const struct {
    const char *letter, *tex;
} letters[] = {
    {"\\", "\\textbackslash{}"},
    {"{", "\\{"},
    {"}", "\\}"},
    {"$", "\\$"},
    {"&", "\\&"},
    {"#", "\\#"},
    {"%", "\\%"},
    {"_", "\\_"},
    {"^", "\\textasciicircum{}"},
    {"~", "$\\sim$"},
    {"<", "$<$"},
    {">", "$>$"},
    {"|", "$|$"},
    {"\"", "\\textquotedbl{}"},
    {"*", "$*$"},
    {"\u00a0", "~"},
    {"\u00b1", "$\\pm$"},
    {"\u00b2", "$^2$"},
    {"\u00b3", "$^3$"},
    {"\u00b5", "$\\mu$"},
    {"\u00b7", "$\\cdot$"},
    {"\u00b9", "$^1$"},
    {"\u00bd", "$\\frac12$"},
    {"\u00d7", "$\\times$"},
    {"\u0302", "\\^{}"},
    {"\u0303", "\\~{}"},
    {"\u0393", "$\\Gamma$"},
    {"\u0394", "$\\Delta$"},
    {"\u0398", "$\\Theta$"},
    {"\u039b", "$\\Lambda$"},
    {"\u03a0", "$\\Pi$"},
    {"\u03a3", "$\\Sigma$"},
    {"\u03a6", "$\\Phi$"},
    {"\u03a8", "$\\Psi$"},
    {"\u03a9", "$\\Omega$"},
    {"\u03b1", "$\\alpha$"},
    {"\u03b2", "$\\beta$"},
    {"\u03b3", "$\\gamma$"},
    {"\u03b4", "$\\delta$"},
    {"\u03b5", "$\\varepsilon$"},
    {"\u03b6", "$\\zeta$"},
    {"\u03b7", "$\\eta$"},
    {"\u03b8", "$\\theta$"},
    {"\u03ba", "$\\kappa$"},
    {"\u03bb", "$\\lambda$"},
    {"\u03bc", "$\\mu$"},
    {"\u03bd", "$\\nu$"},
    {"\u03be", "$\\xi$"},
    {"\u03c0", "$\\pi$"},
    {"\u03c1", "$\\rho$"},
    {"\u03c3", "$\\sigma$"},
    {"\u03c4", "$\\tau$"},
    {"\u03c6", "$\\varphi$"},
    {"\u03c7", "$\\chi$"},
    {"\u03c8", "$\\psi$"},
    {"\u03c9", "$\\omega$"},
    {"\u1d40", "$^{\\mathsf T}$"},
    {"\u2013", "--"},
    {"\u2014", "---"},
    {"\u2016", "$\\|$"},
    {"\u2018", "`"},
    {"\u2019", "'"},
    {"\u2026", "\\dots{}"},
    {"\u2032", "$'$"},
    {"\u207b", "$^-$"},
    {"\u2080", "$_0$"},
    {"\u2081", "$_1$"},
    {"\u2082", "$_2$"},
    {"\u2083", "$_3$"},
    {"\u2084", "$_4$"},
    {"\u2085", "$_5$"},
    {"\u2086", "$_6$"},
    {"\u2087", "$_7$"},
    {"\u2088", "$_8$"},
    {"\u2089", "$_9$"},
    {"\u2190", "$\\leftarrow$"},
    {"\u2192", "$\\rightarrow$"},
    {"\u2202", "$\\partial$"},
    {"\u2207", "$\\nabla$"},
    {"\u2208", "$\\in$"},
    {"\u220f", "$\\prod$"},
    {"\u2211", "$\\sum$"},
    {"\u2212", "$-$"},
    {"\u2217", "$*$"},
    {"\u2218", "$\\circ$"},
    {"\u221a", "$\\surd$"},
    {"\u221e", "$\\infty$"},
    {"\u2225", "$\\|$"},
    {"\u2248", "$\\approx$"},
    {"\u2264", "$\\le$"},
    {"\u2265", "$\\ge$"},
    {"\u2299", "$\\odot$"},
    {"\u2588", "\\rule{4pt}{5pt}"},
};

/* Prints the first character of the text. Returns its bytes. */
static size_t print_letter(FILE *f, const char *text)
{
    size_t n = 1;
    while ((text[n] & 0xc0) == 0x80) n++;
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
        if (strlen(letters[i].letter) == n && !memcmp(text, letters[i].letter, n)) {
            fputs(letters[i].tex, f);
            return n;
        }
    if (n == 1 && (unsigned char)*text >= ' ' && (unsigned char)*text < 0x7f)
        fputc(*text, f);
    else
        fputs("\\fbox{?}", f);
    return n;
}

void pal__tikz_text(FILE *f, const char *text)
{
    static const struct {
        const char *bytes, *tex;
    } over[] = {{"\u0302", "hat"}, {"\u0303", "tilde"}};
    while (*text) {
        size_t n = 1;
        while ((text[n] & 0xc0) == 0x80) n++;
        size_t k = 0;
        while (k < 2 && strncmp(text + n, over[k].bytes, strlen(over[k].bytes)) != 0) k++;
        if (k < 2) fprintf(f, "$\\%s{\\textrm{", over[k].tex);
        text += print_letter(f, text);
        if (k == 2) continue;
        fputs("}}$", f);
        text += strlen(over[k].bytes);
    }
}

void pal__tikz_runs(FILE *f, const pal_graph_run *runs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const pal_graph_run *r = &runs[i];
        const char *size = r->size < 8.5 ? "\\graphtiny" : r->size < 10.5 ? "\\graphsmall" : "\\graphfont";
        fprintf(f, "{%s%s%s ", size, r->bold ? "\\bfseries" : "", r->italic ? "\\itshape" : "");
        if (r->raised) fputs("\\textsuperscript{", f);
        if (*r->text == ' ') fputc('\\', f); /* TeX skips a blank after a command */
        pal__tikz_text(f, r->text);
        fputs(r->raised ? "}}" : "}", f);
        if (r->ends && i + 1 < n) fputs("\\\\", f);
    }
}
