/* raw.c - samples as a file has them, before they are split and scaled. */
#include "data/internal.h"

#include <stdlib.h>
#include <sys/mman.h>

static void free_list(char **list, size_t n)
{
    for (size_t i = 0; list && i < n; i++) free(list[i]);
    free(list);
}

void palt__raw_free(palt__raw *raw)
{
    const size_t n = raw->values && raw->values->shape.rank ? (size_t)raw->values->shape.dim[0] : 0;
    pal_schema_free(raw->schema);
    free_list(raw->classes, raw->n_classes);
    free_list(raw->ids, n);
    pal_tensor_free(raw->labels);
    pal_tensor_free(raw->values);
    if (raw->map) munmap(raw->map, raw->map_bytes);
    *raw = (palt__raw){0};
}
