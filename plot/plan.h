/* plan.h - what the files that draw a compiled program share: plan.c lays it out and draws it, plan_text.c has its
 * words, plan_legend.c its legend. */
#ifndef PAL_PLOT_PLAN_H
#define PAL_PLOT_PLAN_H

#include "autograd/operation.h"
#include "plot/internal.h"

/* plan_legend.c: what a step is, for its colour. */
typedef enum palt__plan_look {
    PALT__PLAN_PRODUCT,
    PALT__PLAN_CONVOLUTION,
    PALT__PLAN_LOOP,
    PALT__PLAN_REDUCTION,
    PALT__PLAN_REGION,
    PALT__PLAN_COPY,
    PALT__PLAN_OTHER,
    PALT__PLAN_LOOKS
} palt__plan_look;
palt__plan_look palt__plan_look_of(const pal_plan_step *step);
extern const pal_colour palt__plan_looks[PALT__PLAN_LOOKS];
typedef struct palt__plan_colours { /* of a value, by its order of derivative; the last: memory of one step alone */
    pal_colour fill, line;
} palt__plan_colours;
const palt__plan_colours *palt__plan_colours_of(const pal_plan_place *place);
enum { PALT__PLAN_ENTRIES = PALT__PLAN_LOOKS + 6 };
/* Fills in the entries of the legend for what occurs; returns how many there are. seconds: of each step, or NULL. */
size_t palt__plan_legend(const pal_plan *plan, const double *seconds, palt__entry *entries);

/* plan_text.c */
enum { PALT__PLAN_TEXTS = 4 };
/* seconds: written after `before`; NULL: no time. */
void palt__plan_step_text(const pal_plan_step *step, const double *seconds, const char *before, char *out, size_t size);
void palt__plan_place_text(const pal_plan_drawing *d, const pal_plan_place *place, int less, char *out, size_t size);
const char *palt__plan_time(double seconds, char *out, size_t size);
const char *palt__plan_bytes(size_t bytes, char *out, size_t size);
const char *palt__plan_unit(double bytes, double *unit); /* its name; *unit: bytes in it */

#endif
