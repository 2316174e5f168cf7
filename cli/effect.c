/* effect.c - whether an option of a model changes what a verb computes, and whether a seed does.
 *
 * What a verb computes is recorded on a tape and printed as text. An option is without effect if the text is the same
 * with and without it. So this holds for models outside the library, too. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "ops/ops.h"

enum { ROWS = 3, OUTPUTS = 8 };

/* Records the model's outputs of this kind for a batch x. Returns how many there are. */
static size_t record(pal_model *m, pal_var x, pal_cli_effect kind, pal_var out[OUTPUTS])
{
    size_t n = 0;
    const pal_batch batch = {.inputs = x, .labels = pal_model_labels(m, ROWS)};
    if (kind == PAL_CLI_GRAPH || kind == PAL_CLI_FIGURES) out[n++] = pal_model_loss(m, &batch);
    if (kind == PAL_CLI_GRAPH) return n;
    out[n] = pal_model_corrupt(m, x);
    out[n + 1] = pal_model_reconstruct(m, out[n]);
    n += 2;
    if (kind == PAL_CLI_IMAGES) return n;
    const pal_var pooled = pal_model_pooled(m, &batch);
    if (pooled.id) out[n++] = pal_model_of_pooled(m, pal_mean(pooled, 1u << 0, false));
    if (pal_model_bound(m, &out[n], &out[n + 1])) n += 2;
    return n;
}

static char *recorded(pal_model *m, pal_cli_effect kind)
{
    pal_context *context = pal_model_context(m);
    pal_tape *tape = pal_tape_new(context, pal_model_dtype(m));
    pal_tensor *rows = pal_tensor_new(context, PAL_F32, PAL_SHAPE(ROWS, pal_shape_count(pal_model_sample(m))));
    pal_var out[OUTPUTS];
    char *text = NULL;
    if (tape && rows) {
        pal_model_begin(m, tape, kind == PAL_CLI_GRAPH ? PAL_TRAIN : PAL_EVALUATE);
        const size_t n = record(m, pal_leaf(tape, rows, "x"), kind, out);
        pal_model_end(m);
        if (!pal_tape_error(tape)) text = pal_tape_text(tape, out, n);
    }
    pal_tape_free(tape);
    pal_tensor_free(rows);
    return text;
}

static bool same_effect(pal_model *a, pal_model *b, pal_cli_effect kind)
{
    char *x = recorded(a, kind), *y = recorded(b, kind);
    const bool same = x && y && !strcmp(x, y);
    pal_text_free(pal_model_context(a), x);
    pal_text_free(pal_model_context(b), y);
    return same;
}

static bool draws(pal_model *m, pal_cli_effect kind)
{
    char *text = recorded(m, kind), name[64];
    bool random = !text; /* not known: it may draw */
    for (const char *at = text; at && !random && (at = strstr(at, " = "));) {
        at += 3;
        snprintf(name, sizeof name, "%.*s", (int)strcspn(at, " \n"), at);
        random = pal_op_find(name) && pal_op_find(name)->op_class == PAL_CLASS_RANDOM;
    }
    pal_text_free(pal_model_context(m), text);
    return random;
}

int pal_cli_check_effects(pal_cli_effect kind, pal_model *model, const pal_model *trained, const pal_setting *settings,
                          size_t n)
{
    static const char *const why[] = {
        [PAL_CLI_FIGURES] = "it changes training, but no figure of a trained model",
        [PAL_CLI_IMAGES] = "it changes neither the inputs nor their reconstructions",
        [PAL_CLI_GRAPH] = "it changes nothing that is recorded",
    };
    const pal_variant *variant = pal_model_variant(model);
    for (size_t i = 0; i < n; i++) {
        const char *name = settings[i].name;
        const pal_option *option = pal_variant_option_find(variant, name);
        pal_setting others[PAL_CLI_SETTINGS + 1];
        size_t n_others = 0;
        for (size_t k = 0; k < n && n_others < PAL_CLI_SETTINGS; k++)
            if (k != i) others[n_others++] = settings[k];
        if (pal_option_equal(option, trained ? pal_model_setting(trained, name) : option->value, settings[i].value))
            continue;
        pal_model *without = trained ? pal_model_override(trained, others, n_others, NULL)
                                     : pal_model_new(pal_model_context(model), variant, others, n_others,
                                                     pal_model_sample(model), pal_model_dtype(model), 1, NULL);
        const bool same = without && same_effect(without, model, kind);
        pal_model_free(without);
        if (same) return pal_cli_say(PAL_CLI_WRONG, "--%s has no effect here, %s: leave it out", name, why[kind]);
    }
    return PAL_CLI_GO_ON;
}

int pal_cli_check_seed(const pal_cli_args *args, const pal_cli_run *runs, size_t n)
{
    bool random = !pal_cli_given(args, "seed");
    for (size_t i = 0; i < n && !random; i++) random = runs[i].corruptor || draws(runs[i].model, args->spec->effect);
    if (random) return PAL_CLI_GO_ON;
    return pal_cli_say(PAL_CLI_WRONG, "--seed has no effect here, because %s draws no noise: leave it out",
                       pal_model_variant(runs[0].model)->name);
}
