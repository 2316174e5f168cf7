/* dropout.c - option `dropout`, at one place of a network and for one value.
 *
 * A place is a layer of the encoder or of the decoder. A loss may use the encoder for several inputs, such as the
 * labelled and the other samples of a semi-supervised step. Each input has its own mask: the first draws from the
 * stream "dropout" of its place, the next from "dropout-2", and so on. The same value has the same mask, however often
 * it is used. */
#include "models/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One rate for the output of every layer, or a list: the rate of the input, then of each layer of the encoder. With a
 * list, the decoder must mirror the encoder, because its layers take the rates of the layers that they mirror. */
static bool rate_of(pal_model *m, size_t k, size_t layers, double *rate)
{
    double given[PAL_OPTION_LIST];
    const size_t n = pal_option_reals(m, "dropout", given);
    if (n != 1 && n != layers + 1) {
        pal_tape_refuse(m->tape, "dropout: %zu rates: give one for all layers, or %zu: for the input and each layer", n,
                        layers + 1);
        return false;
    }
    *rate = n > 1 ? given[k] : k ? given[0] : 0;
    return true;
}

/* Dropouts between begin and end that are at the place of `now`; *again is the one of the same value, if any. */
static size_t earlier(const pal_model *m, const pal__dropped *now, const pal__dropped **again)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n_dropped; i++) {
        const pal__dropped *d = &m->dropped[i];
        if (d->input != now->input || strcmp(d->scope, now->scope) != 0) continue;
        if (pal__is_shared(&d->mask, now->mask.of)) *again = d;
        n++;
    }
    return n;
}

static bool keep(pal_model *m, const pal__dropped *now)
{
    if (m->n_dropped == m->cap_dropped) {
        const size_t cap = m->cap_dropped * 2 + 8;
        pal__dropped *grown = realloc(m->dropped, cap * sizeof *grown);
        if (!grown) {
            pal_tape_fail(m->tape, PAL_ERR_MEMORY, "dropout: out of memory");
            return false;
        }
        m->dropped = grown;
        m->cap_dropped = cap;
    }
    m->dropped[m->n_dropped++] = *now;
    return true;
}

pal_var pal__drop(pal_model *m, pal_var h, size_t k, size_t layers)
{
    pal__dropped now = {.input = !k, .mask = {.of = h}};
    const pal__dropped *again = NULL;
    char stream[40];
    double rate;
    if (!rate_of(m, k, layers, &rate)) return (pal_var){.tape = m->tape};
    if (m->mode != PAL_TRAIN || rate == 0 || !pal_ok(h)) return h;
    snprintf(now.scope, sizeof now.scope, "%s", m->scope ? m->scope : "");
    const size_t before = earlier(m, &now, &again);
    if (again) return again->mask.value;
    const int end = snprintf(stream, sizeof stream, "%s", now.input ? "dropout-input" : "dropout");
    if (before) snprintf(stream + end, sizeof stream - (size_t)end, "-%zu", before + 1);
    pal_block_begin(m->tape, "dropout", "h · mask / (1 − p)");
    now.mask.value = pal_dropout(stream, h, rate);
    pal_block_end(m->tape);
    return keep(m, &now) ? now.mask.value : (pal_var){.tape = m->tape};
}
