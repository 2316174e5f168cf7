/* batch.c - where the matrices of a batch are, if the leading axes of operands broadcast.
 *
 * In: the axes of a batch, the shape of an operand whose last two axes are a matrix, the number of an item. Out: which
 * of the operand's matrices belongs to this item. */
#include "ops/internal.h"

size_t pal__batch_item(const pal_shape *batch, const pal_shape *operand, size_t i)
{
    size_t offset = 0, step = 1;
    for (int a = batch->rank - 1, o = operand->rank - 3; a >= 0; a--, o--) {
        size_t at = i % (size_t)batch->dim[a];
        i /= (size_t)batch->dim[a];
        if (o < 0) continue;
        offset += operand->dim[o] == 1 ? 0 : at * step;
        step *= (size_t)operand->dim[o];
    }
    return offset;
}
