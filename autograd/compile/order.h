/* order.h - the order of groups that fuse.c keeps while it merges them (order.c). */
#ifndef PAL_COMPILE_ORDER_H
#define PAL_COMPILE_ORDER_H

#include "autograd/compile/internal.h"

typedef struct pal__position { /* of a group in the order */
    uint64_t label;            /* a later group has a higher one */
    uint32_t before, after;    /* neighbours in the order; PAL__NONE: none */
    uint32_t readers;          /* how often other groups read what it computes */
    uint32_t seen;             /* the last search that came here */
} pal__position;

typedef struct pal__order {
    pal__plan *plan;
    pal__position *at; /* by group, with room for `room` groups */
    size_t room;
    uint32_t first, last, searches;
    size_t store;      /* steps that searches may take beyond those that are free */
    pal__heap queue;   /* of a search: groups to look at, those that run first at the front */
    pal__keyed *found; /* by a search: groups with their labels */
    size_t n_found, cap_found;
    bool starved; /* there was no memory */
} pal__order;

bool pal__order_begin(pal__order *order, pal__plan *plan, size_t room); /* false: no memory */
void pal__order_end(pal__order *order);
/* Adds a new group behind all others; it reads only what groups before it compute. */
void pal__order_add(pal__order *order, uint32_t group);
void pal__order_remove(pal__order *order, uint32_t group);
void pal__order_to_end(pal__order *order, uint32_t group); /* a group that nobody must run after */
/* Whether group b, which reads values of group a, may become a part of it: no group must run between the two. If so,
 * the order has a place for both, which a gets, and b is out of the order. */
bool pal__order_merge(pal__order *order, uint32_t a, uint32_t b);
/* Whether all these groups may run before `group`: none of them needs it. If so, they stand before it in the order. */
bool pal__order_all_before(pal__order *order, const uint32_t *groups, size_t n, uint32_t group);

#endif
