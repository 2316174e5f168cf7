/* cost.c - how many operations a product takes, for who compares its time with what the machine can do.
 *
 * In: an operation with the shapes of its operands and of its result. Out: two for each multiply-add. What is no
 * product counts 0: its time follows the memory that it moves, or functions whose number of instructions is not a fact
 * of the operation. */
#include <string.h>

#include "ops/ops.h"
#include "ops/product.h"

static double count(pal_shape s) { return (double)pal_shape_count(s); }

double pal_op_flops(const pal_op *op, const pal_params *params, const pal_shape *in, size_t n, pal_shape out)
{
    if (!op || !params || !in || n < 2 || op->op_class != PAL_CLASS_PRODUCT) return 0;
    if (op->capabilities & PAL_TRANSPOSES) { /* pairs op(A) [.., m, k] and op(B) [.., k, n], behind C or not */
        double k = 0;
        if (n / 2 > PAL__PRODUCT_TERMS) return 0;
        for (size_t t = 0; t < n / 2; t++) {
            const pal_shape a = in[n % 2 + 2 * t];
            if (a.rank >= 2) k += (double)a.dim[a.rank - (pal__product_params(params, n / 2, t).i[0] ? 2 : 1)];
        }
        return 2 * count(out) * k;
    }
    /* Convolutions: each position of each map of the results y takes the weights w of that map once. */
    pal_shape y = out, w = in[1];
    if (!strcmp(op->name, "conv2d_to_input")) y = in[0];
    if (!strcmp(op->name, "conv2d_to_weights")) y = in[1], w = out;
    return w.rank && w.dim[0] ? 2 * count(y) * count(w) / (double)w.dim[0] : 0;
}
