/* conv_layers.c - samples as images, strided convolutions and their transposes over parameters.
 *
 * Filters are [out,in,k,k], with (k - 1) / 2 zeros on every side, so that an odd kernel gives a value for every
 * stride-th pixel. A transposed convolution has its filters in the order of the convolution that it undoes, so that two
 * layers may share them, and is told the size to come back to: what the stride left over at the end of an image is its
 * output padding. */
#include "models/internal.h"

#include <stdio.h>

bool pal_model_image(pal_model *m, const char *what, pal_image_size *image)
{
    char shape[96];
    const pal_shape s = m->sample;
    if (s.rank == 2 || s.rank == 3) {
        *image = (pal_image_size){s.rank == 3 ? s.dim[0] : 1, s.dim[s.rank - 2], s.dim[s.rank - 1]};
        return true;
    }
    pal_tape_fail(m->tape, PAL_ERR_ARGUMENT,
                  "%s wants images, and a sample is %s: choose data whose samples are [height,width] or "
                  "[channels,height,width]",
                  what, pal_shape_text(s, shape, sizeof shape));
    return false;
}
