/* registry.c - the list of all operations: what tests loop over, what `palindrome ops` prints. */
#include "ops/internal.h"

#include <string.h>

#define FAMILY(name) &pal__family_##name,
static const pal__family *const families[] = {PAL__EACH_FAMILY(FAMILY)};

const pal_op *pal_op_at(size_t i)
{
    for (size_t f = 0; f < PAL_COUNT(families); f++) {
        if (i < families[f]->n) return families[f]->ops[i];
        i -= families[f]->n;
    }
    return NULL;
}

const pal_op *pal_op_find(const char *name)
{
    for (size_t i = 0; pal_op_at(i); i++)
        if (name && !strcmp(pal_op_at(i)->name, name)) return pal_op_at(i);
    return NULL;
}
