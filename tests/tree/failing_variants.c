/* failing_variants.c - variants that fail, for failing_variants.sh. One of them is registered: the one that the
 * environment variable FAILING names. */
#include <palindrome.h>

#include <stdlib.h>
#include <string.h>

static pal_var good(pal_model *m, const pal_batch *b)
{
    return pal_nll(m, pal_decode_layers(m, pal_encode_layers(m, b->inputs)), b->inputs);
}

/* ---- Losses --------------------------------------------------------------------------------------------------- */

static pal_var no_handle(pal_model *m, const pal_batch *b)
{
    (void)good(m, b);
    return (pal_var){0};
}

static pal_var each_sample(pal_model *m, const pal_batch *b)
{
    pal_var h = pal_encode_layers(m, b->inputs), a = pal_decode_layers(m, h);
    return pal_sum(pal_square(pal_sub(pal_sigmoid(a), b->inputs)), 2, false);
}

static pal_var in_double(pal_model *m, const pal_batch *b) { return pal_cast(good(m, b), PAL_F64); }
static pal_var whole_number(pal_model *m, const pal_batch *b) { return pal_cast(good(m, b), PAL_I32); }
static pal_var wrong_shape(pal_model *m, const pal_batch *b)
{
    return pal_add(good(m, b), pal_matmul(b->inputs, b->inputs));
}

/* ---- Encoders and decoders ------------------------------------------------------------------------------------ */

static pal_var nothing(pal_model *m, pal_var x)
{
    (void)m, (void)x;
    return (pal_var){0};
}

static pal_var one_column(pal_model *m, pal_var h) { return pal_sum(pal_decode_layers(m, h), 2, true); }

static const char long_name[] =
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
    "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc";

typedef pal_var (*loss_fn)(pal_model *, const pal_batch *);
typedef pal_var (*map_fn)(pal_model *, pal_var);

static pal_variant variant;
static void settle(const char *name, loss_fn loss, map_fn encode, map_fn decode)
{
    variant = (pal_variant){.struct_size = sizeof variant,
                            .name = name,
                            .summary = "it fails",
                            .encode = encode,
                            .decode = decode,
                            .loss = loss};
}

static const struct {
    const char *id, *name;
    loss_fn loss;
    map_fn encode, decode;
} table[] = {{"good", "good", good, pal_encode_layers, pal_decode_layers},
             {"no-handle", "no-handle", no_handle, pal_encode_layers, pal_decode_layers},
             {"each-sample", "each-sample", each_sample, pal_encode_layers, pal_decode_layers},
             {"in-double", "in-double", in_double, pal_encode_layers, pal_decode_layers},
             {"whole-number", "whole-number", whole_number, pal_encode_layers, pal_decode_layers},
             {"wrong-shape", "wrong-shape", wrong_shape, pal_encode_layers, pal_decode_layers},
             {"no-code", "no-code", good, nothing, pal_decode_layers},
             {"no-output", "no-output", good, pal_encode_layers, nothing},
             {"one-column", "one-column", good, pal_encode_layers, one_column},
             {"no-loss", "no-loss", NULL, pal_encode_layers, pal_decode_layers},
             {"no-encoder", "no-encoder", good, NULL, pal_decode_layers},
             {"no-decoder", "no-decoder", good, pal_encode_layers, NULL},
             {"no-name", NULL, good, pal_encode_layers, pal_decode_layers},
             {"empty-name", "", good, pal_encode_layers, pal_decode_layers},
             {"blank", "a name", good, pal_encode_layers, pal_decode_layers},
             {"slash", "../name", good, pal_encode_layers, pal_decode_layers},
             {"upper", "Name", good, pal_encode_layers, pal_decode_layers},
             {"line", "a\nb", good, pal_encode_layers, pal_decode_layers},
             {"long-name", long_name, good, pal_encode_layers, pal_decode_layers},
             {"taken", "basic", good, pal_encode_layers, pal_decode_layers},
             {"taken-alias", "dae", good, pal_encode_layers, pal_decode_layers}};

pal_status palindrome_register(pal_error *err)
{
    const char *id = getenv("FAILING");
    if (!id) return PAL_ERR_ARGUMENT; /* without a text */
    settle("good", good, pal_encode_layers, pal_decode_layers);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (!strcmp(table[i].id, id)) settle(table[i].name, table[i].loss, table[i].encode, table[i].decode);
    if (!strcmp(id, "none")) return pal_variant_register(NULL, err);
    if (!strcmp(id, "no-size")) variant.struct_size = 0;
    if (!strcmp(id, "no-summary")) variant.summary = NULL;
    static const pal_setting misspelt[] = {{"optimiser", "adam"}, {0}}, mistaken[] = {{"learning-rate", "fast"}, {0}};
    if (!strcmp(id, "misspelt")) variant.training = misspelt;
    if (!strcmp(id, "mistaken")) variant.training = mistaken;
    if (!strcmp(id, "twice")) pal_variant_register(&variant, err);
    return pal_variant_register(&variant, err);
}
