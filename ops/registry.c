/* registry.c - the list of all operations: what tests loop over, what `palindrome ops` prints. */
#include "ops/internal.h"

#include <string.h>

static const pal__family *const families[] = {&pal__family_elementwise, &pal__family_shape, &pal__family_index,
                                              &pal__family_linear, &pal__family_random};

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
