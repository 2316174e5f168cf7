/* conv_stack.c - an encoder of strided convolutions followed by affine layers, and the decoder that mirrors it. The
 * options are `channels`, `kernel`, `stride` and `layers`; if `hidden` is 0, there are no affine layers.
 *
 * Between convolutions, values are images [n,channels,height,width]. Samples, codes and the output are rows. */
#include "models/internal.h"

#include <stdio.h>

typedef struct stack {
    size_t n, layers; /* number of convolutions; number of all layers */
    int64_t kernel, stride;
    pal_image_size size[PAL_OPTION_LIST + 1]; /* of the samples, then of the maps of each convolution */
    int64_t units[PAL_OPTION_LIST + 1];       /* of the last maps, then of each affine layer */
} stack;

static int64_t count(pal_image_size s) { return s.channels * s.height * s.width; }

static stack stack_of(pal_model *m)
{
    int64_t channels[PAL_OPTION_LIST];
    stack s = {.n = pal_option_sizes(m, "channels", channels),
               .kernel = pal_option_int(m, "kernel"),
               .stride = pal_option_int(m, "stride")};
    s.layers = s.n;
    if (!s.n)
        pal_tape_refuse(m->tape, "channels: not given: choose the number of maps of each convolution, such as 16,32");
    pal_model_image(m, "a convolution", &s.size[0]);
    for (size_t k = 1; k <= s.n; k++)
        s.size[k] = (pal_image_size){channels[k - 1], pal_convolved(s.size[k - 1].height, s.kernel, s.stride),
                                     pal_convolved(s.size[k - 1].width, s.kernel, s.stride)};
    s.units[0] = count(s.size[s.n]);
    const int64_t hidden = pal_option_int(m, "hidden");
    s.layers += hidden ? pal_option_sizes(m, "layers", s.units + 1) : 0;
    if (hidden && s.layers == s.n) s.units[++s.layers - s.n] = hidden;
    return s;
}

typedef struct layer_name {
    char text[32];
} layer_name;

/* "encoder/K", or "decoder/K", which mirrors it. */
static layer_name name_of(const char *side, size_t k)
{
    layer_name name;
    snprintf(name.text, sizeof name.text, "%s/%zu", side, k);
    return name;
}

/* That of the output of encoder layer k, and of the decoder's reconstruction of it. */
static const char *activation(const pal_model *m, const stack *s, size_t k)
{
    return k == s->layers ? pal_code_activation(m) : pal_option_enum(m, "activation");
}

/* Activation and dropout, applied to a: the output of encoder layer k, or the decoder's reconstruction of it. */
static pal_var activated(pal_model *m, const stack *s, const char *layer, size_t k, pal_var a)
{
    pal__entered entered = pal__enter(m, layer);
    pal_var h = pal__drop(m, pal_activate(m, a, activation(m, s, k)), k, s->layers);
    pal__leave(m, entered);
    return h;
}

static pal_var images(pal_var rows, pal_image_size s)
{
    return pal_reshape(rows, PAL_SHAPE(-1, s.channels, s.height, s.width));
}

pal_var pal_encode_conv(pal_model *m, pal_var x)
{
    const stack s = stack_of(m);
    pal__entered outer = pal__enter(m, "encoder");
    pal_var h = images(pal__drop(m, x, 0, s.layers), s.size[0]);
    for (size_t k = 1; k <= s.n; k++) {
        const layer_name name = name_of("encoder", k);
        const pal_shape filters = PAL_SHAPE(s.size[k].channels, s.size[k - 1].channels, s.kernel, s.kernel);
        pal_layer_start(m, name.text, &filters, s.size[k].channels, activation(m, &s, k));
        h = pal_conv(m, name.text, h, s.size[k].channels, s.kernel, s.stride);
        h = activated(m, &s, name.text, k, h);
    }
    h = pal_reshape(h, PAL_SHAPE(-1, s.units[0]));
    for (size_t k = s.n + 1; k <= s.layers; k++) {
        const layer_name name = name_of("encoder", k);
        const pal_shape weight = PAL_SHAPE(s.units[k - s.n - 1], s.units[k - s.n]);
        pal_layer_start(m, name.text, &weight, s.units[k - s.n], activation(m, &s, k));
        h = activated(m, &s, name.text, k, pal_dense(m, name.text, h, s.units[k - s.n]));
    }
    pal__leave(m, outer);
    return h;
}

/* The last layer returns one image per number of the recipe. Puts the numbers in the order that the recipe expects. */
static pal_var output_rows(pal_model *m, pal_var a, int64_t numbers, bool beside)
{
    const int64_t features = pal_model_features(m);
    if (!beside) return pal_reshape(a, PAL_SHAPE(-1, features * numbers));
    pal_var side_by_side = pal_transpose(pal_reshape(a, PAL_SHAPE(-1, numbers, features)));
    return pal_reshape(side_by_side, PAL_SHAPE(-1, features * numbers));
}

pal_var pal_decode_conv(pal_model *m, pal_var h)
{
    const stack s = stack_of(m);
    const bool tied = pal_option_bool(m, "tied");
    bool beside = true;
    const int64_t numbers = tied ? 1 : pal__output_maps(m, &beside);
    if (!numbers) return (pal_var){.tape = m->tape};
    pal__entered outer = pal__enter(m, "decoder");
    for (size_t k = s.layers; k > s.n; k--) {
        const layer_name name = name_of("decoder", k), encoder = name_of("encoder", k);
        const pal_shape weight = PAL_SHAPE(s.units[k - s.n], s.units[k - s.n - 1]);
        pal_layer_start(m, name.text, tied ? NULL : &weight, s.units[k - s.n - 1], activation(m, &s, k - 1));
        h = tied ? pal_dense_tied(m, name.text, h, encoder.text) : pal_dense(m, name.text, h, s.units[k - s.n - 1]);
        h = activated(m, &s, name.text, k - 1, h);
    }
    h = images(h, s.size[s.n]);
    for (size_t k = s.n; k >= 1; k--) {
        const layer_name name = name_of("decoder", k), encoder = name_of("encoder", k);
        pal_image_size size = s.size[k - 1];
        const pal_shape filters = PAL_SHAPE(size.channels, s.size[k].channels, s.kernel, s.kernel);
        if (k == 1) pal__output_bias(m, name.text, size.channels *= numbers, PAL_INIT_OUTPUT_MAPS);
        if (k > 1) pal_layer_start(m, name.text, tied ? NULL : &filters, size.channels, activation(m, &s, k - 1));
        h = pal_conv_back(m, name.text, h, size, s.kernel, s.stride, tied ? encoder.text : NULL);
        if (k > 1) h = activated(m, &s, name.text, k - 1, h);
    }
    pal__leave(m, outer);
    return output_rows(m, h, numbers, beside);
}
