/* marks.c - a list of entries, each once, that tells the place of an entry at once.
 *
 * In: entries of one tape, one after another. Out: the list in that order, and for any entry its place there, from 1
 * on. So a walk costs what it visits, however long the tape is: the adjoint of one region among a thousand does not
 * look at the other regions.
 *
 * The places stand in one array of the tape. A list that begins while another is in use takes higher numbers, and when
 * it ends it puts back the numbers that it found. Lists end in the opposite order of their beginning, as calls do. */
#include "autograd/internal.h"

#include <string.h>

static bool make_room(pal_tape *t, uint32_t id)
{
    if (id < t->cap_marks) return true;
    const size_t size = 2 * (t->n_entries > id ? t->n_entries : (size_t)id + 1);
    uint32_t *marks = pal__alloc(t->context, size * sizeof *marks);
    if (!marks) return false;
    if (t->marks) memcpy(marks, t->marks, t->cap_marks * sizeof *marks);
    pal__free(t->context, t->marks);
    t->marks = marks;
    t->cap_marks = size;
    return true;
}

pal__marks pal__marks_begin(pal_tape *t) { return (pal__marks){.tape = t, .base = t->marked}; }

uint32_t pal__marks_add(pal__marks *m, uint32_t id)
{
    pal_tape *t = m->tape;
    if (!make_room(t, id) || !pal__grow(t->context, (void **)&m->of, m->n, &m->cap, sizeof *m->of)) return 0;
    m->of[m->n++] = (pal__mark){id, t->marks[id]};
    t->marks[id] = m->base + (uint32_t)m->n;
    t->marked = t->marks[id];
    t->looked++;
    return (uint32_t)m->n;
}

void pal__marks_end(pal__marks *m)
{
    while (m->n--) m->tape->marks[m->of[m->n].id] = m->of[m->n].before;
    m->tape->marked = m->base;
    pal__free(m->tape->context, m->of);
}
