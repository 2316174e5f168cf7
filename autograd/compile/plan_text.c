/* plan_text.c - a plan prints itself, as far as the passes have filled it in: one line per group, with the operations
 * that it fuses and the places of its results; a loop that takes the result of a product stands behind it. Groups are
 * in the order of the schedule once there is one. */
#include "autograd/compile/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kinds[] = {
    [PAL__GROUP_LOOP] = "loop", [PAL__GROUP_KERNEL] = "kernel", [PAL__GROUP_REGION] = "region"};

static void print_home(FILE *f, const pal__plan *p, uint32_t id)
{
    if (p->target[id]) fprintf(f, " -> %s", pal__at(p->tape, pal__arg(p->tape, p->target[id], 0))->params->name);
    if (p->home[id] != PAL__ARENA) return; /* nothing is placed yet, or the value is in a register alone */
    fprintf(f, " -> arena+%zu", p->offset[id]);
}

/* What a group computes, and the sums that it makes on its way. */
static void print_group(FILE *f, const pal__plan *p, uint32_t g)
{
    const pal__group *group = &p->groups[g];
    fprintf(f, "%-6s", kinds[group->kind]);
    for (size_t m = 0; m < group->n_members; m++) {
        uint32_t id = group->members[m];
        fprintf(f, "%s%%%u %s", m ? ", " : " ", id, pal__at(p->tape, id)->op->name);
        print_home(f, p, id);
    }
    for (uint32_t s = p->sums ? p->sums[g] : 0; s; s = p->sums[s - 1]) {
        const uint32_t id = p->groups[s - 1].members[0];
        fprintf(f, "; %%%u %s", id, pal__at(p->tape, id)->op->name);
        print_home(f, p, id);
    }
    if (!p->fed || !p->fed[g]) fputc('\n', f);
}

char *pal__plan_text(const pal__plan *p)
{
    pal__text text;
    if (!pal__text_open(&text, p->context)) return NULL;
    FILE *f = text.file;
    for (size_t i = 0; i < p->n_order; i++) {
        print_group(f, p, p->order[i]);
        if (!p->fed || !p->fed[p->order[i]]) continue;
        fputs(", then ", f);
        print_group(f, p, p->fed[p->order[i]] - 1);
    }
    for (uint32_t g = 0; !p->n_order && g < p->n_groups; g++)
        if (!p->groups[g].dead) print_group(f, p, g);
    if (p->arena) fprintf(f, "arena of %zu bytes\n", p->arena);
    return pal__text_close(&text);
}
