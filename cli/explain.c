/* explain.c - palindrome explain: the loss of a model and its gradient, as mathematics.
 *
 * The model is recorded as `graph` records it (graph_record.c); pal_explain writes it. Here are the names of the
 * lectures: in a decoder, weights and biases are V and c, units g, what goes into them a. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "autograd/file.h"
#include "cli/graph_record.h"
#include "ops/notation.h"

/* clang-format off */
static const pal_cli_row rows[] = {
    PAL_CLI_INT("order", "1", 0, 2, "N", "0: the loss; 1: the loss and its gradient; 2: the gradient of |gradient|^2"),
    {{"batch", PAL_OPTION_INT, "120", 1, 4096, NULL, "samples in the batch, n in the formulas"}, "N", "batch-size", 0},
    PAL_CLI_INT("width", "100", 40, 1000, "N", "columns of the text"),
    PAL_CLI_FLAG("tex", "print LaTeX instead of text"),
    PAL_CLI_FLAG("recorded", "show the tape as it was recorded, without simplifying it"),
    PAL_CLI_OUT("FILE.tex or FILE.txt (default: text on standard output)"),
    PAL_CLI_MEMORY,
    PAL_CLI_END,
};
/* clang-format on */
const pal_cli_spec pal_cli_explain_spec = {
    .words = "MODEL",
    .summary = "Write what a model computes as mathematics: its loss, the gradient of the loss, or second derivatives. "
               "Each line has the number of its operation in the tape.",
    .rows = rows,
    .least = 1,
    .most = 1,
    .missing = "no model given: `palindrome models` lists them",
    .variants = true,
};

static const pal_explain_scope scopes[] = {
    {"loss", NULL}, {"encoder", NULL}, {"decoder", "z a h g W V b c"}, {"squared gradient", NULL}};

/* The batch is a number whose reciprocal is no short decimal, so that 1 / n is no setting of a model. */
static bool ends_in(const char *path, const char *ending)
{
    const size_t n = strlen(path), m = strlen(ending);
    return n > m && path[n - m - 1] != '/' && !strcasecmp(path + n - m, ending);
}

static int write_text(int descriptor, void *text) { return pal_write_all(descriptor, text, strlen(text)); }

static int print_text(const pal_cli_recording *r, const char *text, const char *path)
{
    pal_error err = {0};
    if (!text) return pal_cli_recording_say(r);
    if (path && strcmp(path, "-"))
        return pal_file_write(path, write_text, (void *)text, &err) ? pal_cli_say_error(&err) : PAL_CLI_DONE;
    pal_cli_put(stdout, text, strlen(text));
    if (!fflush(stdout)) return PAL_CLI_DONE;
    return pal_cli_say(PAL_CLI_FAILED, "explain: standard output: %s", strerror(errno));
}

static int show(const pal_cli_recording *r, const pal_cli_args *args, const char *path, bool tex)
{
    static const char *const what[] = {"loss", "loss and gradient", "gradient of the squared gradient S"};
    const int64_t order = pal_cli_int(args, "order", 1);
    pal_explain_value values[3] = {{r->loss, "loss", "δ"}};
    size_t n_values = 1;
    if (order == 2) values[n_values++] = (pal_explain_value){r->squares, "S", "η"};
    if (r->corrupted.tape) values[n_values++] = (pal_explain_value){r->corrupted, "x̃", NULL};
    pal_var *outputs = calloc(r->n_outputs + 1, sizeof *outputs); /* at order 2 also S itself */
    pal_var *by = calloc(r->n_outputs + 1, sizeof *by);
    char title[256];
    size_t n = 0;
    if (!outputs || !by) {
        free(outputs);
        free(by);
        return pal_cli_say(PAL_CLI_FAILED, "explain: out of memory");
    }
    for (size_t i = 0; i < r->n_outputs; i++) outputs[n++] = r->outputs[i];
    if (order == 2) outputs[n++] = r->squares; /* the last: so the numbers are those of graph --order 2 */
    for (size_t i = 0; i < r->n && order; i++) by[i + (order == 1)] = r->leaves[i]; /* at order 1 after the loss */
    snprintf(title, sizeof title, "%s: %s", pal_model_variant(r->model)->name, what[order]);
    const pal_explain_options o = {.struct_size = sizeof o,
                                   .form = tex ? PAL_EXPLAIN_TEX : PAL_EXPLAIN_TEXT,
                                   .title = title,
                                   .by = by,
                                   .parameters = r->leaves,
                                   .n_parameters = r->n,
                                   .values = values,
                                   .n_values = n_values,
                                   .scopes = scopes,
                                   .n_scopes = sizeof scopes / sizeof *scopes,
                                   .samples = pal_cli_int(args, "batch", 120),
                                   .width = (unsigned)pal_cli_int(args, "width", 100),
                                   .recorded = pal_cli_flag(args, "recorded"),
                                   .notation = pal_op_notation};
    char *text = pal_explain(r->tape, outputs, n, &o);
    const int status = print_text(r, text, path);
    pal_text_free(r->context, text);
    free(outputs);
    free(by);
    return status;
}

int pal_cli_explain(int argc, char **argv)
{
    pal_cli_args args;
    int status = pal_cli_parse(&pal_cli_explain_spec, argc, argv, &args);
    if (status != PAL_CLI_GO_ON) return status;
    const pal_variant *variant = pal_cli_variant(args.words[0], &status);
    if (!variant) return status;
    status = pal_cli_check_settings(variant, args.variant, args.n_variant);
    if (status != PAL_CLI_GO_ON) return status;
    const char *path = pal_cli_given(&args, "out");
    const bool to_file = path && strcmp(path, "-"), is_tex = to_file && ends_in(path, ".tex");
    if (to_file && !is_tex && !ends_in(path, ".txt"))
        return pal_cli_say(PAL_CLI_WRONG, "explain: -o %s: choose a name that ends in .tex or .txt", path);
    if (to_file) pal_cli_signals_end(path);
    pal_cli_recording r = {0};
    size_t limit = 0;
    status = pal_cli_memory_limit(&args, &limit);
    if (!pal_cli_given(&args, "max-memory")) limit = 0; /* recording takes no memory for values */
    if (status == PAL_CLI_GO_ON)
        status = pal_cli_recording_open(&r, "explain", &args, variant, pal_cli_int(&args, "batch", 120),
                                        pal_cli_int(&args, "order", 1), limit, true);
    if (status == PAL_CLI_GO_ON) status = show(&r, &args, path, is_tex || pal_cli_flag(&args, "tex"));
    pal_cli_recording_close(&r);
    return status;
}
