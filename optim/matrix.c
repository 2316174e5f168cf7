/* matrix.c - which parameters are biases, which a rule for matrices updates as matrices, and their rows and columns.
 *
 * A weight of a layer is a matrix whatever its uses: a tied weight is one parameter, and so has one update. The kernel
 * of a convolution, [out, in, h, w], is the matrix [out, in h w] of its product with patches (Jordan et al. 2024). */
#include <string.h>

#include "optim/internal.h"

bool pal__begins(const char *name, const char *prefix, size_t length)
{
    return !strncmp(name, prefix, length) && (!name[length] || name[length] == '/');
}

bool pal__is_bias(const char *name, pal_shape shape)
{
    const char *last = strrchr(name, '/');
    return shape.rank < 2 || !strcmp(last ? last + 1 : name, "b");
}

bool pal__named(const char *prefixes, const char *name)
{
    for (const char *at = prefixes; at && *at;) {
        const size_t length = strcspn(at, ",");
        if (length && pal__begins(name, at, length)) return true;
        at += length + (at[length] == ',');
    }
    return false;
}

bool pal__is_matrix(const pal_optimizer_options *o, const char *name, pal_shape shape)
{
    return !pal__is_bias(name, shape) && !pal__named(o->elementwise, name);
}

void pal__sides(pal_shape shape, int64_t *rows, int64_t *columns)
{
    *rows = shape.rank ? shape.dim[0] : 1;
    *columns = 1;
    for (int i = 1; i < (int)shape.rank; i++) *columns *= shape.dim[i];
}
