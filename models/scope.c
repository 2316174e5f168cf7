/* scope.c - used while a model is recorded: scopes that nest by name, and the terms of the loss that have names. */
#include "models/internal.h"

#include <stdlib.h>
#include <string.h>

pal__entered pal__enter(pal_model *m, const char *scope)
{
    pal__entered entered = {.before = m->scope, .opened = !m->scope || strcmp(m->scope, scope) != 0};
    if (entered.opened) {
        const size_t outer = m->scope ? strlen(m->scope) : 0;
        const bool nested = outer && !strncmp(m->scope, scope, outer) && scope[outer] == '/';
        pal_scope_begin(m->tape, nested ? scope + outer + 1 : scope);
        m->scope = scope;
    }
    return entered;
}

void pal__leave(pal_model *m, pal__entered entered)
{
    if (!entered.opened) return;
    pal_scope_end(m->tape);
    m->scope = entered.before;
}

/* ---- Terms by name -------------------------------------------------------------------------------------------- */

/* Keeps the term by itself, because the sum of two terms of one name is no part of the loss. */
static bool keep(pal_model *m, size_t note, pal_var term)
{
    if (m->n_noted == m->cap_noted) {
        const size_t cap = m->cap_noted * 2 + 4;
        struct pal__noted *grown = realloc(m->noted, cap * sizeof *grown);
        if (!grown) return false;
        m->noted = grown;
        m->cap_noted = cap;
    }
    m->noted[m->n_noted++] = (struct pal__noted){note, term};
    return true;
}

pal_var pal_model_note(pal_model *m, const char *name, pal_var term)
{
    size_t i = 0;
    if (!m->tape) return pal_tape_fail(term.tape, PAL_ERR_ARGUMENT, "note: outside of begin and end");
    if (!pal_ok(term)) return term;
    if (!name || !*name || pal_shape_of(term).rank)
        return pal_tape_fail(m->tape, PAL_ERR_ARGUMENT, "note: needs a name and a scalar");
    while (i < m->n_notes && strcmp(m->notes[i].name, name) != 0) i++;
    if (i == PAL_MODEL_NOTES)
        return pal_tape_fail(m->tape, PAL_ERR_ARGUMENT, "note: %s: a loss has at most %d named terms", name,
                             PAL_MODEL_NOTES);
    if (!keep(m, i, term)) return pal_tape_fail(m->tape, PAL_ERR_MEMORY, "note: out of memory");
    m->notes[i] = (struct pal__note){name, i < m->n_notes ? pal_add(m->notes[i].term, term) : term};
    m->n_notes += i == m->n_notes;
    return term;
}

size_t pal_model_note_count(const pal_model *m) { return m->n_notes; }

pal_var pal_model_note_at(const pal_model *m, size_t i, const char **name)
{
    if (i >= m->n_notes) return (pal_var){0};
    if (name) *name = m->notes[i].name;
    return m->notes[i].term;
}

pal_var pal_model_note_share(pal_model *m, pal_var loss, size_t i)
{
    pal_var sum = {0};
    if (!pal_ok(loss)) return loss;
    for (size_t k = 0; k < m->n_noted; k++) {
        pal_var weight;
        if (m->noted[k].note != i) continue;
        if (pal_grad(loss, &m->noted[k].term, 1, &weight)) return (pal_var){.tape = loss.tape};
        const pal_var share = pal_mul(m->noted[k].term, weight);
        sum = sum.tape ? pal_add(sum, share) : share;
    }
    return sum;
}
