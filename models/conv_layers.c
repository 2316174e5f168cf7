/* conv_layers.c - samples as images, and layers of strided and of transposed convolutions with parameters.
 *
 * With (k - 1) / 2 zeros at each edge, an odd kernel gives a value for every stride-th pixel, starting at the first.
 * The filters of every layer are [out,in,k,k]. A transposed convolution receives the size of its result: the pixels
 * that the stride left over at the end of the image become its output padding. If it is tied, it uses the filters of
 * the convolution that it mirrors. */
#include "models/internal.h"

bool pal_model_image(pal_model *m, const char *what, pal_image_size *image)
{
    char shape[96];
    const pal_shape s = m->sample;
    if (s.rank == 2 || s.rank == 3) {
        *image = (pal_image_size){s.rank == 3 ? s.dim[0] : 1, s.dim[s.rank - 2], s.dim[s.rank - 1]};
        return true;
    }
    pal_tape_refuse(m->tape,
                    "%s needs images, but a sample is %s: choose data whose samples are [height,width] or "
                    "[channels,height,width]",
                    what, pal_shape_text(s, shape, sizeof shape));
    return false;
}

static int64_t padding(int64_t kernel) { return (kernel - 1) / 2; }
/* The largest offset of a window, relative to the first window. Negative: the window does not fit. */
static int64_t room(int64_t size, int64_t kernel) { return size + 2 * padding(kernel) - kernel; }

static pal_conv2d_options window(int64_t kernel, int64_t stride)
{
    return (pal_conv2d_options){.struct_size = sizeof(pal_conv2d_options),
                                .stride = {stride, stride},
                                .padding = {padding(kernel), padding(kernel)}};
}

int64_t pal_convolved(int64_t size, int64_t kernel, int64_t stride)
{
    return room(size, kernel) < 0 ? 0 : room(size, kernel) / stride + 1;
}

/* The part of `size` that the size of the convolved map does not determine. */
static int64_t left_over(int64_t size, int64_t kernel, int64_t stride)
{
    return room(size, kernel) < 0 || stride < 1 ? 0 : room(size, kernel) % stride;
}

/* Whether x are images and the window is valid; if not, a failure on the tape. */
static bool fits(const pal_model *m, const char *name, pal_var x, int64_t kernel, int64_t stride)
{
    char shape[96];
    const pal_shape s = pal_shape_of(x);
    if (!pal_ok(x))
        pal_tape_fail(m->tape, PAL_ERR_TAPE, "%s: the operand is a bad handle", name);
    else if (s.rank != 4 || kernel < 1 || stride < 1)
        pal_tape_fail(m->tape, PAL_ERR_SHAPE, "%s: expects images [n,channels,height,width], not %s, and a window",
                      name, pal_shape_text(s, shape, sizeof shape));
    else
        return true;
    return false;
}

/* y + b, where the bias b has one number per map. */
static pal_var biased(pal_model *m, const char *name, pal_var y)
{
    char bias[PAL__NAME];
    if (!pal_ok(y) || !pal__parameter_name(m, name, "b", bias)) return (pal_var){.tape = m->tape};
    const int64_t maps = pal_shape_of(y).dim[1];
    return pal_add(y, pal_reshape(pal_parameter(m, bias, PAL_SHAPE(maps), PAL_INIT_ZERO), PAL_SHAPE(maps, 1, 1)));
}

pal_var pal_conv(pal_model *m, const char *name, pal_var x, int64_t units, int64_t kernel, int64_t stride)
{
    char weight[PAL__NAME];
    const pal_conv2d_options o = window(kernel, stride);
    const pal_shape s = pal_shape_of(x);
    if (!fits(m, name, x, kernel, stride) || !pal__parameter_name(m, name, "W", weight))
        return (pal_var){.tape = m->tape};
    if (room(s.dim[2], kernel) < 0 || room(s.dim[3], kernel) < 0)
        return pal_tape_refuse(
            m->tape,
            "%s: a window of %lld does not fit into maps of %lld by %lld: choose fewer --channels, or a "
            "smaller --kernel or --stride",
            name, (long long)kernel, (long long)s.dim[2], (long long)s.dim[3]);
    pal__layer_begin(m, x, name, "a = W ∗ x + b");
    pal__entered entered = pal__enter(m, name);
    pal_var w = pal_parameter(m, weight, PAL_SHAPE(units, s.dim[1], kernel, kernel), pal_model_init(m));
    pal_var y = biased(m, name, pal_conv2d(x, w, &o));
    pal__leave(m, entered);
    return pal__layer_end(m, y);
}

pal_var pal_conv_back(pal_model *m, const char *name, pal_var y, pal_image_size image, int64_t kernel, int64_t stride,
                      const char *to)
{
    char weight[PAL__NAME];
    pal_conv2d_options o = window(kernel, stride);
    o.output_padding[0] = left_over(image.height, kernel, stride);
    o.output_padding[1] = left_over(image.width, kernel, stride);
    if (!fits(m, name, y, kernel, stride) || !pal__parameter_name(m, to ? to : name, "W", weight))
        return (pal_var){.tape = m->tape};
    const int64_t maps = pal_shape_of(y).dim[1], channels = image.channels;
    const pal_shape own = PAL_SHAPE(channels, maps, kernel, kernel), tied = PAL_SHAPE(maps, channels, kernel, kernel);
    pal__layer_begin(m, y, name, "a = Wᵀ ∗ x + b");
    pal__entered entered = pal__enter(m, name);
    pal_var w = pal_parameter(m, weight, to ? tied : own, pal_model_init(m));
    if (!to) w = pal_permute(w, (int[]){1, 0, 2, 3});
    pal_var x = biased(m, name, pal_conv_transpose2d(y, w, &o));
    pal__leave(m, entered);
    return pal__layer_end(m, x);
}
