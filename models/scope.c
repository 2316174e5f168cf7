/* scope.c - used while a model is recorded: scopes that nest by name, and the terms of the loss that have names. */
#include "models/internal.h"

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
