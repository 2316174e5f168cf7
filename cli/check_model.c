/* check_model.c - records a variant at several sizes of batch and input, and twice the same.
 *
 * In: a variant. Out: findings. The models are as small as those of gradcheck. A code must have as many rows as the
 * batch, and as many columns whatever the batch; a reconstruction must have the shape of the samples; a loss must be
 * one finite number. An input that is no image may be refused, which is a note. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/check.h"
#include "cli/gradcheck.h"

enum { WHY = 400 };

static pal_model *make(const pal_cli_checking *c, pal_shape sample, char why[WHY])
{
    pal_setting settings[PAL_CLI_TINY];
    const size_t n = pal_cli_tiny_settings(c->context, c->variant, settings);
    pal_error err = {0};
    pal_model *m = pal_model_new(c->context, c->variant, settings, n, sample, PAL_F32, c->seed, &err);
    if (!m) snprintf(why, WHY, "%.390s", err.text);
    return m;
}

/* Compares what the program computed with what it must be: why, or "". */
static void compare(const pal_program *p, const pal_model *m, int64_t rows, char why[WHY])
{
    const pal_shape h = pal_output(p, 1)->shape, r = pal_output(p, 2)->shape;
    char text[96];
    for (size_t i = 0; i < 4; i += 3) {
        if (!isfinite(pal_tensor_get(pal_output(p, i), 0)))
            snprintf(why, WHY, "the loss is %g at the initial weights: look for a logarithm, root or quotient of 0",
                     pal_tensor_get(pal_output(p, i), 0));
    }
    if (h.rank != 2 || h.dim[0] != rows)
        snprintf(why, WHY, "the code of %lld samples has the shape %s, not a row for each: look at .encode",
                 (long long)rows, pal_shape_text(h, text, sizeof text));
    else if (r.rank != 2 || r.dim[0] != rows || r.dim[1] != pal_model_features(m))
        snprintf(why, WHY, "the reconstruction of %lld samples has the shape %s: look at .decode", (long long)rows,
                 pal_shape_text(r, text, sizeof text));
}

/* Records loss, code, reconstruction and the loss of an evaluation, and runs them. *why "": all is as it must be. */
static void try_batch(const pal_cli_checking *c, pal_model *m, int64_t rows, char why[WHY])
{
    pal_tape *tape = pal_tape_new(c->context, PAL_F32);
    pal_tensor *x = pal_tensor_new(c->context, PAL_F32, PAL_SHAPE(rows, pal_model_features(m)));
    *why = 0;
    if (!tape || !x) {
        snprintf(why, WHY, "out of memory");
    } else {
        for (size_t i = 0; i < pal_tensor_count(x); i++) pal_tensor_set(x, i, (double)(i * 7919 % 1000) / 1000);
        const pal_var leaf = pal_leaf(tape, x, "x");
        pal_var out[4];
        for (int evaluates = 0; evaluates < 2; evaluates++) {
            pal_model_begin(m, tape, evaluates ? PAL_EVALUATE : PAL_TRAIN);
            const pal_batch batch = {.inputs = leaf, .labels = pal_model_labels(m, rows)};
            out[3 * evaluates] = pal_model_loss(m, &batch);
            if (evaluates) out[1] = pal_model_encode(m, leaf);
            if (evaluates) out[2] = pal_model_reconstruct(m, leaf);
            pal_model_end(m);
        }
        pal_program *p = pal_compile(tape, out, 4, NULL);
        if (!p)
            snprintf(why, WHY, "%.390s", pal_tape_error(tape));
        else if (pal_run(p))
            snprintf(why, WHY, "%.390s", pal_program_error(p));
        else
            compare(p, m, rows, why);
        pal_program_free(p);
    }
    pal_tensor_free(x);
    pal_tape_free(tape);
}

void pal_cli_check_shapes(pal_cli_checking *c)
{
    static const int64_t batches[] = {1, 2, 7};
    static const struct {
        const char *name;
        pal_shape sample;
        bool image; /* every variant must take it */
    } inputs[] = {{"images 5 x 6", {.rank = 2, .dim = {5, 6}}, true},
                  {"images 28 x 28", {.rank = 2, .dim = {28, 28}}, true},
                  {"colour 3 x 8 x 8", {.rank = 3, .dim = {3, 8, 8}}, false},
                  {"rows of 12", {.rank = 1, .dim = {12}}, false}};
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
        char why[WHY] = "";
        int64_t rows = 0;
        pal_model *m = make(c, inputs[i].sample, why);
        for (size_t b = 0; m && !*why && b < sizeof batches / sizeof *batches; b++)
            try_batch(c, m, rows = batches[b], why);
        pal_model_free(m);
        if (!*why)
            pal_cli_find(c, inputs[i].name, PAL_CLI_PASS, "batches of 1, 2 and 7");
        else if (rows)
            pal_cli_find(c, inputs[i].name, PAL_CLI_FAIL, "a batch of %lld: %s", (long long)rows, why);
        else
            pal_cli_find(c, inputs[i].name, inputs[i].image ? PAL_CLI_FAIL : PAL_CLI_NOTE, "not taken: %s", why);
    }
}

/* The tape of the loss and its gradient, as text, which pal_text_free frees. */
static char *record(const pal_cli_checking *c, char why[WHY])
{
    enum { ROWS = 3, MOST = 64 };
    pal_model *m = make(c, PAL_SHAPE(5, 6), why);
    pal_tape *tape = pal_tape_new(c->context, PAL_F32);
    pal_tensor *x = pal_tensor_new(c->context, PAL_F32, PAL_SHAPE(ROWS, 30));
    char *text = NULL;
    if (m && tape && x) {
        pal_model_begin(m, tape, PAL_TRAIN);
        const pal_var leaf = pal_leaf(tape, x, "x");
        const pal_var loss = pal_model_loss(m, &(pal_batch){.inputs = leaf, .labels = pal_model_labels(m, ROWS)});
        pal_model_end(m);
        text = pal_tape_text(tape, &loss, 1);
        if (!text) snprintf(why, WHY, "%.390s", pal_tape_error(tape));
    }
    pal_tensor_free(x);
    pal_tape_free(tape);
    pal_model_free(m);
    return text;
}

void pal_cli_check_recording(pal_cli_checking *c)
{
    char why[WHY] = "out of memory";
    char *a = record(c, why), *b = a ? record(c, why) : NULL;
    if (!b)
        pal_cli_find(c, "recording", PAL_CLI_FAIL, "%s", why);
    else if (strcmp(a, b) != 0)
        pal_cli_find(
            c, "recording", PAL_CLI_FAIL,
            "two recordings give two tapes: the file keeps a value between them: look for a static variable, or "
            "rand()");
    else
        pal_cli_find(c, "recording", PAL_CLI_PASS, "two recordings give the same tape");
    if (a) pal_text_free(c->context, a);
    if (b) pal_text_free(c->context, b);
}
