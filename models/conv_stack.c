/* conv_stack.c - the encoder of strided convolutions and the decoder that undoes it, by the shared options and
 * `channels`, `kernel`, `stride`, `hidden`.
 *
 * Between layers values are images [n,channels,height,width]; samples, codes and what the decoder says are rows. */
#include "models/internal.h"

#include <stdio.h>

typedef struct stack {
    size_t n, layers; /* convolutions; and all, with the affine one */
    int64_t kernel, stride, hidden;
    pal_image_size size[PAL_OPTION_LIST + 1]; /* of the samples, and of each convolution's maps */
} stack;

static stack stack_of(pal_model *m)
{
    int64_t channels[PAL_OPTION_LIST];
    stack s = {.n = pal_option_sizes(m, "channels", channels),
               .kernel = pal_option_int(m, "kernel"),
               .stride = pal_option_int(m, "stride"),
               .hidden = pal_option_int(m, "hidden")};
    s.layers = s.n + (s.hidden > 0);
    if (!s.n)
        pal_tape_fail(m->tape, PAL_ERR_ARGUMENT,
                      "channels: none are given: choose the number of maps of each convolution, such as 16,32");
    pal_model_image(m, m->variant->name, &s.size[0]);
    for (size_t k = 1; k <= s.n; k++)
        s.size[k] = (pal_image_size){channels[k - 1], pal_convolved(s.size[k - 1].height, s.kernel, s.stride),
                                     pal_convolved(s.size[k - 1].width, s.kernel, s.stride)};
    return s;
}

typedef struct layer_name {
    char text[32];
} layer_name;

/* "encoder/K" and "decoder/K", which undoes it. */
static layer_name name_of(const char *side, size_t k)
{
    layer_name name;
    snprintf(name.text, sizeof name.text, "%s/%zu", side, k);
    return name;
}

/* The value of layer k of the encoder, or what the decoder makes of it, under activation and dropout. */
static pal_var activated(pal_model *m, const stack *s, const char *layer, size_t k, pal_var a)
{
    pal__entered entered = pal__enter(m, layer);
    const char *activation = k == s->layers ? pal_code_activation(m) : pal_option_enum(m, "activation");
    pal_var h = pal__drop(m, pal_activate(m, a, activation), k, s->layers);
    pal__leave(m, entered);
    return h;
}

static int64_t count(pal_image_size s) { return s.channels * s.height * s.width; }
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
        h = pal_conv(m, name.text, h, s.size[k].channels, s.kernel, s.stride);
        h = activated(m, &s, name.text, k, h);
    }
    h = pal_reshape(h, PAL_SHAPE(-1, count(s.size[s.n])));
    if (s.layers > s.n) {
        const layer_name name = name_of("encoder", s.layers);
        h = activated(m, &s, name.text, s.layers, pal_dense(m, name.text, h, s.hidden));
    }
    pal__leave(m, outer);
    return h;
}

/* From the code to the last maps. */
static pal_var to_maps(pal_model *m, const stack *s, bool tied, pal_var h)
{
    const layer_name name = name_of("decoder", s->layers), encoder = name_of("encoder", s->layers);
    if (s->layers == s->n) return images(h, s->size[s->n]);
    pal_var a = tied ? pal_dense_tied(m, name.text, h, encoder.text) : pal_dense(m, name.text, h, count(s->size[s->n]));
    return images(activated(m, s, name.text, s->n, a), s->size[s->n]);
}

/* A recipe of several numbers a feature has them side by side; the last layer gives them as so many images. */
static pal_var output_rows(pal_model *m, pal_var a, int64_t numbers)
{
    const int64_t features = pal_model_features(m);
    pal_var side_by_side = pal_transpose(pal_reshape(a, PAL_SHAPE(-1, numbers, features)));
    return pal_reshape(side_by_side, PAL_SHAPE(-1, features * numbers));
}

pal_var pal_decode_conv(pal_model *m, pal_var h)
{
    const stack s = stack_of(m);
    const bool tied = pal_option_bool(m, "tied");
    const int64_t numbers = tied ? 1 : pal_output_numbers(m) / pal_model_features(m);
    pal__entered outer = pal__enter(m, "decoder");
    h = to_maps(m, &s, tied, h);
    for (size_t k = s.n; k >= 1; k--) {
        const layer_name name = name_of("decoder", k), encoder = name_of("encoder", k);
        pal_image_size size = s.size[k - 1];
        if (k == 1) size.channels *= numbers;
        h = pal_conv_back(m, name.text, h, size, s.kernel, s.stride, tied ? encoder.text : NULL);
        if (k > 1) h = activated(m, &s, name.text, k - 1, h);
    }
    pal__leave(m, outer);
    return output_rows(m, h, numbers);
}
