/* blocks.c - the blocks of layers: how a drawing writes them (pal_block_begin).
 *
 * In: the name under which a layer requests its parameters. Out: symbols as in the lectures: encoder/k computes h_k
 * from h_(k-1), the first one from x, or from x~ if it is given the corrupted input; decoder/k computes a
 * reconstruction of h_(k-1) from one of h_k, and the last one, a. A network of one layer has no numbers, and a random
 * code is z. Other layers have h and x. Nothing but drawings depends on this. */
#include "models/internal.h"

#include <stdio.h>
#include <string.h>

typedef struct symbol {
    char text[16];
} symbol;

/* The letter with k as a subscript; k < 0: without. */
static symbol subscript(const char *letter, long k)
{
    symbol s;
    char digits[8];
    snprintf(s.text, sizeof s.text, "%s", letter);
    if (k < 0) return s;
    snprintf(digits, sizeof digits, "%ld", k % 1000);
    for (const char *p = digits; *p; p++) {
        const size_t n = strlen(s.text);
        snprintf(s.text + n, sizeof s.text - n, "\xe2\x82%c", 0x80 + (*p - '0'));
    }
    return s;
}

/* The number after the last slash; -1: none. */
static long number_of(const char *name)
{
    const char *slash = strrchr(name, '/');
    long k = 0;
    if (!slash || !slash[1]) return -1;
    for (const char *p = slash + 1; *p; p++) {
        if (*p < '0' || *p > '9' || k > 99) return -1;
        k = 10 * k + (*p - '0');
    }
    return k;
}

void pal__layer_begin(pal_model *m, pal_var x, const char *name, const char *formula)
{
    const long k = number_of(name);
    const bool encodes = !strncmp(name, "encoder", 7), decodes = !strncmp(name, "decoder", 7);
    const bool random = m->variant && m->variant->posterior;
    const bool follows = decodes && m->layer.decodes && m->layer.k == k + 1;
    symbol in = subscript("h", -1), out = subscript("h", -1);
    const bool corrupted = m->corrupted.of.tape && m->corrupted.value.id == x.id && m->corrupted.of.id != x.id;
    if (encodes) in = k > 1 ? subscript("h", k - 1) : subscript(corrupted ? "x\u0303" : "x", -1);
    if (decodes && random && !follows) in = subscript("z", -1);
    if (decodes && *m->layer.symbol && (follows || (!random && !m->layer.decodes)))
        snprintf(in.text, sizeof in.text, "%s", m->layer.symbol);
    if (encodes && k > 0) out = subscript("h", k);
    if (decodes) out = k > 1 ? subscript("h\u0302", k - 1) : subscript("a", -1);
    m->layer.decodes = decodes;
    m->layer.k = k;
    const symbol w = subscript("W", k), b = subscript("b", k);
    char text[160];
    size_t n = 0;
    for (const char *p = formula; *p && n + 20 < sizeof text; p++) {
        const char one[2] = {*p, 0};
        const bool first = p == formula && ((encodes && !random) || (decodes && k > 1)); /* also without activation */
        const char *piece = first ? out.text : *p == 'x' ? in.text : *p == 'W' ? w.text : *p == 'b' ? b.text : one;
        n += (size_t)snprintf(text + n, sizeof text - n, "%s", piece);
    }
    text[n] = 0;
    snprintf(m->layer.symbol, sizeof m->layer.symbol, "%s", out.text);
    pal_block_begin(m->tape, name, text);
}

pal_var pal__layer_end(pal_model *m, pal_var y)
{
    m->layer.value = y;
    pal_block_end(m->tape);
    return y;
}

void pal__activation_begin(pal_model *m, pal_var a, const char *activation)
{
    char text[64];
    const bool of_layer = pal_ok(a) && m->layer.value.id == a.id;
    snprintf(text, sizeof text, "%s = %s(@)", of_layer ? m->layer.symbol : "h", activation);
    pal_block_again(pal_ok(a) ? a : (pal_var){.tape = m->tape}, activation, text);
}
