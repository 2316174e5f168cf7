/* registry.c - the list of all operations. Tests loop over it, and `palindrome ops` prints it. */
#include "ops/internal.h"

#include <string.h>

#define FAMILY(name) {#name, &pal__family_##name},
static const struct {
    const char *name;
    const pal__family *family;
} families[] = {PAL__EACH_FAMILY(FAMILY)};

/* Returns the family of operation *i and changes *i to its index in that family. PAL_COUNT(families): out of range. */
static size_t find(size_t *i)
{
    size_t f = 0;
    for (; f < PAL_COUNT(families) && *i >= families[f].family->n; f++) *i -= families[f].family->n;
    return f;
}

const pal_op *pal_op_at(size_t i)
{
    size_t f = find(&i);
    return f < PAL_COUNT(families) ? families[f].family->ops[i] : NULL;
}

const char *pal_op_family(size_t i)
{
    size_t f = find(&i);
    return f < PAL_COUNT(families) ? families[f].name : NULL;
}

const pal_op *pal_op_find(const char *name)
{
    for (size_t i = 0; pal_op_at(i); i++)
        if (name && !strcmp(pal_op_at(i)->name, name)) return pal_op_at(i);
    return NULL;
}
