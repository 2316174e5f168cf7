/* plan_legend.c - the colours in the picture of a compiled program, and what they mean: kinds of steps, orders of
 * derivative of values. */
#include "plot/plan.h"

#include <string.h>

const pal_colour palt__plan_looks[PALT__PLAN_LOOKS] = {
    [PALT__PLAN_PRODUCT] = {15, 95, 168}, [PALT__PLAN_CONVOLUTION] = {106, 76, 147},
    [PALT__PLAN_LOOP] = {46, 139, 87},    [PALT__PLAN_REDUCTION] = {224, 159, 62},
    [PALT__PLAN_REGION] = {209, 73, 91},  [PALT__PLAN_COPY] = {150, 150, 150},
    [PALT__PLAN_OTHER] = {86, 180, 233},
};

static const char *const names[PALT__PLAN_LOOKS] = {
    [PALT__PLAN_PRODUCT] = "product",     [PALT__PLAN_CONVOLUTION] = "convolution", [PALT__PLAN_LOOP] = "fused loop",
    [PALT__PLAN_REDUCTION] = "reduction", [PALT__PLAN_REGION] = "region",           [PALT__PLAN_COPY] = "copy",
    [PALT__PLAN_OTHER] = "other kernel",
};

palt__plan_look palt__plan_look_of(const pal_plan_step *s)
{
    if (s->kind == PAL_PLAN_LOOP)
        return s->n_own + s->n_sums == 1 && !strcmp(s->ops[0]->name, "copy") ? PALT__PLAN_COPY : PALT__PLAN_LOOP;
    if (s->kind == PAL_PLAN_REGION) return PALT__PLAN_REGION;
    switch (s->ops[0]->op_class) {
    case PAL_CLASS_PRODUCT:
        return strncmp(s->ops[0]->name, "conv", 4) ? PALT__PLAN_PRODUCT : PALT__PLAN_CONVOLUTION;
    case PAL_CLASS_REDUCTION:
        return PALT__PLAN_REDUCTION;
    case PAL_CLASS_MOVEMENT:
    case PAL_CLASS_CONSTANT:
        return PALT__PLAN_COPY;
    default:
        return PALT__PLAN_OTHER;
    }
}

enum { ORDERS = 3, SCRATCH = ORDERS };
/* As in the drawings of graphs (autograd/text/graph.c). */
static const palt__plan_colours orders[] = {{{220, 235, 249}, {47, 93, 134}},
                                            {{248, 207, 142}, {164, 99, 10}},
                                            {{191, 159, 217}, {95, 48, 133}},
                                            {{232, 232, 232}, {120, 120, 120}}};
static const char *const titles[] = {"forward value", "adjoint", "double backward", "memory of a step"};

static size_t order_of(const pal_plan_place *p) { return !p->op ? SCRATCH : p->order < ORDERS ? p->order : ORDERS - 1; }

const palt__plan_colours *palt__plan_colours_of(const pal_plan_place *p) { return &orders[order_of(p)]; }

static void add(palt__entry *entries, size_t *n, const char *text, pal_colour colour, int marker, double size)
{
    palt__entry *e = &entries[(*n)++];
    *e = (palt__entry){.look = {.pen = {.colour = colour}, .marker = marker, .size = size}};
    snprintf(e->text, sizeof e->text, "%s", text);
}

static void add_kinds(const pal_plan *p, const double *seconds, palt__entry *entries, size_t *n)
{
    size_t count[PALT__PLAN_LOOKS] = {0};
    double time[PALT__PLAN_LOOKS] = {0}, total = 0;
    char text[64];
    for (size_t i = 0; i < p->n_steps; i++) {
        const palt__plan_look look = palt__plan_look_of(&p->steps[i]);
        count[look]++;
        if (seconds) time[look] += seconds[i], total += seconds[i];
    }
    for (int k = 0; k < PALT__PLAN_LOOKS; k++) {
        if (!count[k]) continue;
        if (total > 0)
            snprintf(text, sizeof text, "%s (%zu): %.0f %%", names[k], count[k], 100 * time[k] / total);
        else
            snprintf(text, sizeof text, "%s (%zu)", names[k], count[k]);
        add(entries, n, text, palt__plan_looks[k], 2, 9);
    }
}

size_t palt__plan_legend(const pal_plan *p, const double *seconds, palt__entry *entries)
{
    bool found[ORDERS + 1] = {false}, output = false, over = false;
    size_t n = 0;
    add_kinds(p, seconds, entries, &n);
    for (size_t i = 0; i < p->n_places; i++) {
        found[order_of(&p->places[i])] = true;
        output |= p->places[i].output > 0;
        over |= p->places[i].over > 0;
    }
    for (int k = 0; k <= ORDERS; k++)
        if (found[k]) add(entries, &n, titles[k], orders[k].fill, 2, 9);
    if (output) add(entries, &n, "output", PALT__INK, 8, 8);
    if (over) add(entries, &n, "written in place", PALT__INK, 5, 5);
    return n;
}
