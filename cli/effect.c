/* effect.c - whether an option of a model changes what a verb computes, and whether a seed does.
 *
 * What a verb computes is recorded on a tape and printed as text. An option is without effect if the text is the same
 * with and without it; an option with choices, if the text is the same with all of them. Training also depends on its
 * phases and on the initial weights. So this holds for models outside the library, too. A corruption that returns its
 * input on the tape of an evaluation does nothing in any verb: that is said, because pictures and figures look right.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "ops/ops.h"

enum { ROWS = 3, OUTPUTS = 8 };

/* Records the model's outputs of this kind for a batch x. Returns how many there are. */
static size_t record(pal_model *m, pal_var x, pal_cli_effect kind, const pal_phase *phase, pal_var out[OUTPUTS])
{
    size_t n = 0;
    const pal_batch batch = {.inputs = x, .labels = pal_model_labels(m, ROWS), .phase = phase};
    if (kind != PAL_CLI_IMAGES) out[n++] = pal_model_loss(m, &batch);
    if (kind == PAL_CLI_GRAPH || kind == PAL_CLI_TRAINING) return n;
    out[n] = pal_model_corrupt(m, x);
    out[n + 1] = pal_model_reconstruct(m, out[n]);
    n += 2;
    if (kind == PAL_CLI_IMAGES) return n;
    const pal_var pooled = pal_model_pooled(m, &batch);
    if (pooled.id) out[n++] = pal_model_of_pooled(m, pal_mean(pooled, 1u << 0, false));
    if (pal_model_bound(m, &out[n], &out[n + 1])) n += 2;
    return n;
}

/* The text of the tape, which the caller frees by pal_text_free. NULL: it cannot be recorded. */
static char *recorded(pal_model *m, pal_cli_effect kind, const pal_phase *phase)
{
    pal_context *context = pal_model_context(m);
    pal_tape *tape = pal_tape_new(context, pal_model_dtype(m));
    pal_tensor *rows = pal_tensor_new(context, PAL_F32, PAL_SHAPE(ROWS, pal_shape_count(pal_model_sample(m))));
    pal_var out[OUTPUTS];
    char *text = NULL;
    if (tape && rows) {
        pal_model_begin(m, tape, kind == PAL_CLI_GRAPH || kind == PAL_CLI_TRAINING ? PAL_TRAIN : PAL_EVALUATE);
        const size_t n = record(m, pal_leaf(tape, rows, "x"), kind, phase, out);
        pal_model_end(m);
        if (!pal_tape_error(tape)) text = pal_tape_text(tape, out, n);
    }
    pal_tape_free(tape);
    pal_tensor_free(rows);
    return text;
}

static bool same_record(pal_model *a, pal_model *b, pal_cli_effect kind, const pal_phase *of_a, const pal_phase *of_b)
{
    char *x = recorded(a, kind, of_a), *y = recorded(b, kind, of_b);
    const bool same = x && y && !strcmp(x, y);
    pal_text_free(pal_model_context(a), x);
    pal_text_free(pal_model_context(b), y);
    return same;
}

/* Whether both have the same phases of training, and the same initial weights. */
static bool same_training(pal_model *a, pal_model *b)
{
    enum { EPOCHS = 7 };
    for (size_t i = 0;; i++) {
        pal_phase p, q;
        const bool more = pal_model_phase(a, i, EPOCHS, &p);
        if (more != pal_model_phase(b, i, EPOCHS, &q)) return false;
        if (!more) break;
        const char *of_p = p.optimizer ? p.optimizer : "", *of_q = q.optimizer ? q.optimizer : "";
        if (strcmp(p.name, q.name) != 0 || p.epochs != q.epochs || strcmp(of_p, of_q) != 0 || p.stream != q.stream ||
            p.learning_rate != q.learning_rate || !same_record(a, b, PAL_CLI_TRAINING, &p, &q))
            return false;
    }
    for (size_t i = 0; i < pal_model_parameter_count(a); i++) { /* equal tapes have equal parameters */
        const char *name;
        const pal_tensor *x = pal_model_parameter(a, i, &name), *y = pal_model_parameter_find(b, name);
        if (!y || pal_tensor_bytes(x) != pal_tensor_bytes(y) || memcmp(x->data, y->data, pal_tensor_bytes(x)) != 0)
            return false;
    }
    return true;
}

static bool same_effect(pal_model *a, pal_model *b, pal_cli_effect kind)
{
    if (!same_record(a, b, kind == PAL_CLI_TRAINING ? PAL_CLI_FIGURES : kind, NULL, NULL)) return false;
    return kind != PAL_CLI_TRAINING || same_training(a, b);
}

static bool draws(pal_model *m, pal_cli_effect kind)
{
    char *text = recorded(m, kind, NULL), name[64];
    bool random = !text; /* not known: it may draw */
    for (const char *at = text; at && !random && (at = strstr(at, " = "));) {
        at += 3;
        snprintf(name, sizeof name, "%.*s", (int)strcspn(at, " \n"), at);
        random = pal_op_find(name) && pal_op_find(name)->op_class == PAL_CLASS_RANDOM;
    }
    pal_text_free(pal_model_context(m), text);
    return random;
}

/* The model with setting i at another value, or at its default if value is NULL. NULL: there is no such model. */
static pal_model *with_other(const pal_cli_effects *e, size_t i, const char *value)
{
    pal_setting others[PAL_CLI_SETTINGS + 1];
    size_t n = 0;
    for (size_t k = 0; k < e->n && n < PAL_CLI_SETTINGS; k++)
        if (k != i) others[n++] = e->settings[k];
    if (value) others[n++] = (pal_setting){e->settings[i].name, value};
    if (e->trained) return pal_model_override(e->trained, others, n, NULL);
    return pal_model_new_for(pal_model_context(e->model), pal_model_variant(e->model), others, n,
                             pal_model_schema(e->model), pal_model_sample(e->model), pal_model_dtype(e->model), e->seed,
                             NULL);
}

/* Whether the model computes the same with another value of setting i. */
static bool is_idle(const pal_cli_effects *e, size_t i, const char *value)
{
    pal_model *other = with_other(e, i, value);
    const bool same = other && same_effect(other, e->model, e->kind);
    pal_model_free(other);
    return same;
}

/* Of a number, its default and a neighbour are tried: a neighbour that is refused shows that the number matters. */
static bool is_idle_with_all(const pal_cli_effects *e, size_t i, const pal_option *option)
{
    char choice[64];
    if (option->type == PAL_OPTION_INT) {
        const long long value = strtoll(e->settings[i].value, NULL, 10);
        snprintf(choice, sizeof choice, "%lld", value + ((double)value < option->high ? 1 : -1));
        return is_idle(e, i, NULL) && is_idle(e, i, choice);
    }
    if (option->type != PAL_OPTION_ENUM || !option->choices) return is_idle(e, i, NULL);
    for (const char *at = option->choices; *at; at += *at == '|') {
        const size_t length = strcspn(at, "|");
        snprintf(choice, sizeof choice, "%.*s", (int)length, at);
        if (strcmp(choice, e->settings[i].value) != 0 && !is_idle(e, i, choice)) return false;
        at += length;
    }
    return true;
}

bool pal_cli_has_effect(const pal_cli_effects *e, size_t i)
{
    static const char beyond[] =
        "solve|labels|labelled-batch|output-bias"; /* options that act on training from outside */
    const char *name = e->settings[i].name;
    const pal_option *option = pal_variant_option_find(pal_model_variant(e->model), name);
    const char *usual = e->trained ? pal_model_setting(e->trained, name) : option->value;
    if (pal_option_equal(option, usual, e->settings[i].value)) return true;
    if (e->kind == PAL_CLI_TRAINING && pal_choices_have(beyond, name)) return true;
    return !is_idle_with_all(e, i, option);
}

int pal_cli_check_effects(const pal_cli_effects *e)
{
    static const char *const why[] = {
        [PAL_CLI_FIGURES] = "it changes training, but no figure of a trained model",
        [PAL_CLI_IMAGES] = "it changes neither the inputs nor their reconstructions",
        [PAL_CLI_GRAPH] = "it changes nothing that is recorded",
        [PAL_CLI_TRAINING] = "with the other settings it changes nothing",
    };
    for (size_t i = 0; i < e->given; i++)
        if (!pal_cli_has_effect(e, i))
            return pal_cli_say(PAL_CLI_WRONG, "--%s has no effect here, %s: leave it out", e->settings[i].name,
                               why[e->kind]);
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

/* Whether the samples as the model corrupts them in this mode are another value on the tape. */
static bool corrupts(pal_model *m, pal_mode mode)
{
    pal_context *context = pal_model_context(m);
    pal_tape *tape = pal_tape_new(context, pal_model_dtype(m));
    pal_tensor *rows = pal_tensor_new(context, PAL_F32, PAL_SHAPE(ROWS, pal_model_features(m)));
    bool changed = false;
    if (tape && rows) {
        pal_model_begin(m, tape, mode);
        const pal_var x = pal_model_target(m, pal_leaf(tape, rows, "x"));
        changed = pal_model_corrupt(m, x).id != x.id;
        pal_model_end(m);
        changed &= !pal_tape_status(tape);
    }
    pal_tape_free(tape);
    pal_tensor_free(rows);
    return changed;
}

void pal_cli_warn_idle_corruption(pal_model *m)
{
    const pal_variant *variant = pal_model_variant(m);
    if (variant->corrupt && corrupts(m, PAL_TRAIN) && !corrupts(m, PAL_EVALUATE))
        pal_cli_say(PAL_CLI_GO_ON,
                    "warning: .corrupt of %s changes the samples in training only: what is shown of corrupted samples "
                    "equals that of clean ones; let it not ask for pal_model_mode",
                    variant->name);
}
