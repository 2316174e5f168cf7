/* graph_times.c - assigns the measured times of a program's steps to the entries of a drawing.
 *
 * A step records the entry of the user's tape that it ends in. An entry of the drawing, which shows a copy of that
 * tape, records the entry that it was copied from. So the two are matched without comparing orders or names. The time
 * of a fused loop belongs to the operation that the loop ends in. */
#include "autograd/compile/internal.h"
#include "autograd/text/internal.h"

typedef struct matching {
    pal__drawing *d;
    const uint32_t *drawn; /* by entry of the user's tape: the entry of the drawing; 0: not drawn */
    size_t n;
    double runs;
} matching;

static void give(const matching *m, const pal__step *steps, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const pal__step *s = &steps[i];
        uint32_t id = s->origin < m->n ? m->drawn[s->origin] : 0;
        if (id) m->d->seconds[id] += s->seconds / m->runs;
        if (s->body) give(m, s->body, s->n_body);
    }
}

bool pal__draw_times(pal__drawing *d)
{
    const pal_program *p = d->options.times;
    const pal_tape *t = d->graph.tape;
    if (!p || !p->n_steps || !p->steps[0].runs) return true;
    size_t n = 0;
    for (uint32_t id = 1; id < d->n; id++)
        if (pal__at(t, id)->origin >= n) n = (size_t)pal__at(t, id)->origin + 1;
    uint32_t *drawn = pal__alloc(t->context, n * sizeof *drawn);
    d->seconds = pal__alloc(t->context, d->n * sizeof *d->seconds);
    if (drawn && d->seconds) {
        for (uint32_t id = 1; id < d->n; id++) drawn[pal__at(t, id)->origin] = id;
        drawn[0] = 0;
        matching m = {d, drawn, n, (double)p->steps[0].runs};
        give(&m, p->steps, p->n_steps);
        for (size_t i = 0; i < p->n_steps; i++) d->total += p->steps[i].seconds / m.runs;
    }
    bool ok = drawn && d->seconds;
    pal__free(t->context, drawn);
    return ok;
}
