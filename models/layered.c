/* layered.c - the encoder of affine layers and the decoder that mirrors it, as the shared options define them. */
#include "models/internal.h"

#include <stdio.h>
#include <string.h>

enum { NAME = PAL__NAME, SIDES = PAL_OPTION_LIST + 1 };

/* A variant may lack the options that only an encoder of several layers needs. */
static bool has(const pal_model *m, const char *option) { return pal_model_setting(m, option) != NULL; }
static bool tied(const pal_model *m) { return has(m, "tied") && pal_option_bool(m, "tied"); }

/* Sizes of the input and of the encoder's layers. Returns the number of layers. */
static size_t encoder_sizes(const pal_model *m, int64_t size[SIDES])
{
    size_t n = has(m, "layers") ? pal_option_sizes(m, "layers", size + 1) : 0;
    size[0] = pal_model_features(m);
    if (!n) size[++n] = pal_option_int(m, "hidden");
    return n;
}

char *pal__layer_name(const char *side, size_t k, size_t layers, char out[NAME])
{
    if (layers == 1)
        snprintf(out, NAME, "%s", side);
    else
        snprintf(out, NAME, "%s/%zu", side, k);
    return out;
}

void pal_code_bias_from(pal_model *m, double value)
{
    char name[NAME];
    int64_t size[SIDES];
    const size_t n = encoder_sizes(m, size);
    strcat(pal__layer_name("encoder", n, n, name), "/b");
    pal_parameter_filled(m, name, PAL_SHAPE(size[n]), value);
}

const char *pal_code_activation(const pal_model *m)
{
    const char *own = has(m, "code-activation") ? pal_option_enum(m, "code-activation") : "same";
    return strcmp(own, "same") ? own : pal_option_enum(m, "activation");
}

size_t pal_encoder_layers(const pal_model *m)
{
    int64_t size[SIDES];
    return encoder_sizes(m, size);
}

static const char *activation(const pal_model *m, size_t k, size_t layers)
{
    return k == layers ? pal_code_activation(m) : pal_option_enum(m, "activation");
}

/* Encoder layer k without its activation. The code of a variant with a posterior has none: it is parameters. */
static pal_var affine(pal_model *m, const char *name, pal_var h, size_t k, size_t n, int64_t units)
{
    const pal_shape s = pal_shape_of(h), weight = PAL_SHAPE(s.rank == 2 ? s.dim[1] : 1, units);
    const bool linear = k == n && m->variant->posterior;
    if (s.rank == 2) pal_layer_start(m, name, &weight, units, linear ? "linear" : activation(m, k, n));
    return pal_dense(m, name, h, units);
}

pal_var pal_encode_layer(pal_model *m, pal_var h, size_t k)
{
    char name[NAME];
    int64_t size[SIDES];
    const size_t n = encoder_sizes(m, size);
    pal_var a = affine(m, pal__layer_name("encoder", k, n, name), h, k, n, size[k]);
    return pal_activate(m, a, activation(m, k, n));
}

/* Layer k of a decoder with n layers, which mirror layers of these sizes. transposed: it uses the encoder's weights. */
static pal_var decode_layer(pal_model *m, pal_var h, size_t k, size_t n, const int64_t *size, bool transposed)
{
    char name[NAME], encoder[NAME];
    const int64_t units = k > 1 ? size[k - 1] : transposed ? size[0] : pal_output_numbers(m);
    pal__layer_name("decoder", k, n, name);
    if (k == 1) pal__output_bias(m, name, units, PAL_INIT_OUTPUT);
    const pal_shape s = pal_shape_of(h), weight = PAL_SHAPE(s.rank == 2 ? s.dim[1] : 1, units);
    if (k > 1 && s.rank == 2)
        pal_layer_start(m, name, transposed ? NULL : &weight, units, pal_option_enum(m, "activation"));
    if (transposed) return pal_dense_tied(m, name, h, pal__layer_name("encoder", k, n, encoder));
    return pal_dense(m, name, h, units);
}

pal_var pal_decode_layer(pal_model *m, pal_var h, size_t k)
{
    int64_t size[SIDES];
    const size_t n = encoder_sizes(m, size);
    return decode_layer(m, h, k, n, size, tied(m));
}

pal_var pal__decode_layer_transposed(pal_model *m, pal_var h, size_t k)
{
    int64_t size[SIDES];
    const size_t n = encoder_sizes(m, size);
    return decode_layer(m, h, k, n, size, true);
}

/* units: columns of the result, including those of the code. */
static pal_var encode(pal_model *m, pal_var x, int64_t units)
{
    char name[NAME];
    int64_t size[SIDES];
    const size_t n = encoder_sizes(m, size);
    pal_var h = pal__drop(m, x, 0, n);
    for (size_t k = 1; k <= n; k++) {
        pal_var a = affine(m, pal__layer_name("encoder", k, n, name), h, k, n, size[k]);
        if (k == n) return pal__with_scales(m, "encoder/scale", a, h, units - size[n]);
        pal__entered entered = pal__enter(m, name);
        h = pal__drop(m, pal_activate(m, a, pal_option_enum(m, "activation")), k, n);
        pal__leave(m, entered);
    }
    return h;
}

pal_var pal_encode_layers_to(pal_model *m, pal_var x, int64_t units)
{
    if (pal__is_shared(&m->encoded, x) && x.id) return m->encoded.value;
    pal__entered entered = pal__enter(m, "encoder");
    m->encoded = (pal__shared){x, encode(m, x, units)};
    pal__leave(m, entered);
    return m->encoded.value;
}

pal_var pal_encode_layers_linear(pal_model *m, pal_var x) { return pal_encode_layers_to(m, x, 0); }

pal_var pal_code_activate(pal_model *m, pal_var a)
{
    int64_t size[SIDES];
    const size_t n = encoder_sizes(m, size);
    pal__entered entered = pal__enter(m, "encoder");
    pal_var h = pal__drop(m, pal_activate(m, a, pal_code_activation(m)), n, n);
    pal__leave(m, entered);
    return h;
}

pal_var pal_encode_layers(pal_model *m, pal_var x) { return pal_code_activate(m, pal_encode_layers_linear(m, x)); }

/* Sizes of the decoder's layers, in the order of the encoder: layer k mirrors encoder layer k. Returns
 * the number of layers. If the options do not fit together: 0, and a failure on the tape. */
static size_t decoder_sizes(const pal_model *m, int64_t size[SIDES])
{
    int64_t given[PAL_OPTION_LIST], mirrored[SIDES];
    const size_t n = encoder_sizes(m, mirrored),
                 own = has(m, "decoder-layers") ? pal_option_sizes(m, "decoder-layers", given) : 0;
    memcpy(size, mirrored, sizeof mirrored);
    if (!own) return n;
    bool mirror = own + 1 == n;
    for (size_t k = 1; k <= own; k++) {
        size[k] = given[own - k];
        mirror = mirror && size[k] == mirrored[k];
    }
    size[own + 1] = mirrored[n];
    double rate[PAL_OPTION_LIST];
    if (!mirror && pal_option_reals(m, "dropout", rate) > 1) {
        pal_tape_refuse(m->tape,
                        "dropout: a list of rates needs a decoder that mirrors the encoder: give one rate, or leave "
                        "out --decoder-layers");
        return 0;
    }
    if (mirror || !tied(m)) return own + 1;
    pal_tape_refuse(m->tape,
                    "decoder-layers %s do not mirror the encoder, as tied weights require: give --tied no, or leave "
                    "out --decoder-layers",
                    pal_model_setting(m, "decoder-layers"));
    return 0;
}

pal_var pal_decode_layers(pal_model *m, pal_var h)
{
    char name[NAME];
    int64_t size[SIDES];
    const size_t n = decoder_sizes(m, size);
    pal_var a = {.tape = m->tape};
    pal__entered outer = pal__enter(m, "decoder");
    for (size_t k = n; k >= 1; k--) {
        a = decode_layer(m, h, k, n, size, tied(m));
        if (k == 1) break;
        pal__entered entered = pal__enter(m, pal__layer_name("decoder", k, n, name));
        h = pal__drop(m, pal_activate(m, a, pal_option_enum(m, "activation")), k - 1, n);
        pal__leave(m, entered);
    }
    pal__leave(m, outer);
    return a;
}
