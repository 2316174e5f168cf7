/* graph.c - palindrome graph: draws the tape of a model.
 *
 * The model is recorded with a small batch. Nothing is run unless --time is given, so its values take no memory
 * (pal_context_options.dry). graph_dot.c makes the picture; graph_plan.c prints how the tape is compiled. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "ops/ops.h"

/* clang-format off */
static const pal_cli_row rows[] = {
    PAL_CLI_INT("order", "0", 0, 2, "N", "0: the loss; 1: the loss and its gradient; 2: the gradient of |gradient|^2"),
    {{"batch", PAL_OPTION_INT, "32", 1, 4096, NULL, "samples in the batch that is drawn"}, "N", "batch-size", 0},
    PAL_CLI_INT("depth", "", 1, 128, "N", "draw each scope that is nested deeper than N as one node"),
    PAL_CLI_FLAG("fold", "draw equal scopes, such as repeated layers, only once"),
    PAL_CLI_ENUM("kept", "", "lines|numbers", "HOW", "how to mark values that a later pass reads again"),
    PAL_CLI_FLAG("sizes", "print the size of each value in bytes"),
    PAL_CLI_FLAG("time", "run it on random data and print the time of each operation"),
    PAL_CLI_ENUM("plan", "", PAL_CLI_PASSES, "PASS",
                 "do not draw; print what a pass of the compiler is given and what it makes, or the result of all passes"),
    PAL_CLI_ENUM("title", "", NULL, "TEXT", "title of the drawing (default: the model and what is drawn)"),
    PAL_CLI_FLAG("no-legend", "leave out the legend of the colours"),
    PAL_CLI_OUT("FILE.html, FILE.dot, FILE.svg or FILE.png (default: dot's language on standard output)"),
    PAL_CLI_MEMORY,
    PAL_CLI_END,
};
#define NOT_PLANNED(option) {option, "plan", "!"}
static const pal_need needs[] = {
    {"kept", "order", "1|2"}, NOT_PLANNED("depth"), NOT_PLANNED("fold"), NOT_PLANNED("kept"), NOT_PLANNED("sizes"),
    NOT_PLANNED("time"), NOT_PLANNED("title"), NOT_PLANNED("no-legend"), NOT_PLANNED("out"), {0}};
/* clang-format on */
const pal_cli_spec pal_cli_graph_spec = {
    .words = "MODEL",
    .summary = "Draw the computation graph of a model: its loss, the gradient of the loss, or second derivatives. With "
               "--plan, print how it is compiled.",
    .rows = rows,
    .needs = needs,
    .least = 1,
    .most = 1,
    .missing = "no model given: `palindrome models` lists them",
    .variants = true,
};

/* ---- Recording ------------------------------------------------------------------------------------------------ */

#define UNASKED ((size_t)1 << 30) /* bytes that are taken without --max-memory */

typedef struct recording {
    pal_context *context;
    pal_model *model;
    pal_tensor *batch, *classes; /* x; and y, if the loss takes labels */
    pal_tape *tape;
    pal_var *leaves, *outputs; /* outputs: the loss, if it is drawn, and the gradient of each leaf */
    char (*labels)[128];
    const char **names;
    size_t n, n_outputs;
    pal_program *times; /* the program that --time has run, else NULL */
    double seconds;     /* the time of one run */
} recording;

static void close_recording(recording *r)
{
    pal_program_free(r->times);
    pal_tape_free(r->tape);
    pal_tensor_free(r->batch);
    pal_tensor_free(r->classes);
    pal_model_free(r->model);
    pal_context_free(r->context);
    free(r->leaves);
    free(r->outputs);
    free(r->labels);
    free((void *)r->names);
}

static int say_tape(const recording *r)
{
    const char *why = pal_tape_error(r->tape);
    return pal_cli_say(PAL_CLI_FAILED, "graph: %s", why ? why : "out of memory");
}

/* |gradient|^2, in a scope of its own, because it belongs to no layer. */
static pal_var contraction(const recording *r, const pal_var *gradients)
{
    pal_scope_begin(r->tape, "squared gradient");
    pal_var sum = {.tape = r->tape};
    for (size_t i = 0; i < r->n; i++) {
        pal_var squares = pal_sum_squares(gradients[i]);
        sum = i ? pal_add(sum, squares) : squares;
    }
    pal_scope_end(r->tape);
    return sum;
}

static void label(recording *r, const char *of, pal_var output, size_t parameter)
{
    const char *name = of;
    if (parameter < r->n) {
        const char *p = "";
        pal_model_parameter(r->model, parameter, &p);
        snprintf(r->labels[parameter], sizeof r->labels[parameter], "d %s / d %s", of, p);
        name = r->labels[parameter];
    }
    r->names[r->n_outputs] = name;
    r->outputs[r->n_outputs++] = output;
}

static int record(recording *r, int64_t batch, int64_t order)
{
    r->n = pal_model_parameter_count(r->model);
    r->tape = pal_tape_new(r->context, pal_model_dtype(r->model));
    r->batch = pal_tensor_new(r->context, PAL_F32, PAL_SHAPE(batch, pal_shape_count(pal_model_sample(r->model))));
    const int64_t classes = pal_model_classes(r->model);
    if (classes) r->classes = pal_tensor_new(r->context, PAL_F32, PAL_SHAPE(batch, classes));
    r->leaves = calloc(r->n + 1, sizeof *r->leaves);
    r->outputs = calloc(r->n + 1, sizeof *r->outputs);
    r->labels = calloc(r->n + 1, sizeof *r->labels);
    r->names = calloc(r->n + 1, sizeof *r->names);
    pal_var *gradients = calloc(r->n + 1, sizeof *gradients);
    if (!r->tape || !r->batch || (classes && !r->classes) || !r->leaves || !r->outputs || !r->labels || !r->names ||
        !gradients) {
        free(gradients);
        return pal_cli_say(PAL_CLI_FAILED, "graph: out of memory");
    }
    pal_model_begin(r->model, r->tape, PAL_TRAIN);
    pal_batch given = {.inputs = pal_leaf(r->tape, r->batch, "x")};
    if (classes) given.labels = pal_leaf(r->tape, r->classes, "y");
    pal_var loss = pal_model_loss(r->model, &given);
    pal_model_leaves(r->model, r->tape, r->leaves);
    pal_model_end(r->model);
    if (order >= 1) pal_grad(loss, r->leaves, r->n, gradients);
    if (order == 2) pal_grad(contraction(r, gradients), r->leaves, r->n, gradients);
    if (order <= 1) label(r, "loss", loss, r->n);
    for (size_t i = 0; i < r->n && order; i++) label(r, order == 1 ? "loss" : "|g|²", gradients[i], i);
    free(gradients);
    return pal_tape_error(r->tape) ? say_tape(r) : PAL_CLI_GO_ON;
}

/* dry: values take no memory, and nothing can be run. */
static int open_recording(recording *r, const pal_cli_args *args, const pal_variant *variant, size_t most, bool dry)
{
    pal_error err = {0};
    const pal_context_options o = {
        .struct_size = sizeof o, .threads = 1, .unpinned = true, .max_memory = most, .dry = dry};
    r->context = pal_context_new(&o);
    if (!r->context) return pal_cli_say(PAL_CLI_FAILED, "graph: out of memory");
    r->model = pal_model_new(r->context, variant, args->variant, args->n_variant, PAL_SHAPE(28, 28), PAL_F32, 1, &err);
    if (r->model) pal_model_check_given(r->model, args->variant, args->n_variant, &err);
    if (err.status) return pal_cli_say_error(&err);
    const int status = pal_cli_check_effects(
        &(pal_cli_effects){PAL_CLI_GRAPH, r->model, NULL, args->variant, args->n_variant, args->n_variant, 1});
    if (status != PAL_CLI_GO_ON) return status;
    return record(r, pal_cli_int(args, "batch", 32), pal_cli_int(args, "order", 0));
}

/* ---- Timing --------------------------------------------------------------------------------------------------- */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static const pal_compile_options unfused = {.struct_size = sizeof unfused, .passes = PAL_PASS_NONE, .profile = true};

/* What --time takes is known before any of it is: from the same graph in a dry context. Without --max-memory, a verb
 * that draws takes no gigabytes. */
static int check_memory(const pal_cli_args *args, const pal_variant *variant, size_t limit)
{
    recording r = {0};
    char takes[32], allowed[32];
    size_t peak = 0;
    const bool given = pal_cli_given(args, "max-memory") != NULL;
    int status = open_recording(&r, args, variant, 0, true);
    if (status == PAL_CLI_GO_ON) r.times = pal_compile(r.tape, r.outputs, r.n_outputs, &unfused);
    if (status == PAL_CLI_GO_ON && !r.times) status = say_tape(&r);
    pal_context_memory(r.context, &peak);
    close_recording(&r);
    if (status != PAL_CLI_GO_ON) return status;
    if (!given && (!limit || limit > UNASKED)) limit = UNASKED;
    if (peak <= limit || !limit) return PAL_CLI_GO_ON;
    pal_cli_size(peak, takes, sizeof takes);
    if (given)
        return pal_cli_say(PAL_CLI_WRONG,
                           "graph: --time needs %s of memory, but --max-memory allows %s: raise it, or "
                           "leave out --time",
                           takes, pal_cli_size(limit, allowed, sizeof allowed));
    return pal_cli_say(PAL_CLI_WRONG, "graph: --time needs %s of memory: give --max-memory %zuG, or leave out --time",
                       takes, (peak >> 30) + 1);
}

/* Runs without fusion, so that every operation is a separate step; on random inputs, for half a second or 100 runs. */
static int measure(recording *r)
{
    enum { MOST_RUNS = 100 };
    for (size_t i = 0; i < pal_tensor_count(r->batch); i++) {
        double u;
        pal_noise_uniform((pal_noise){.seed = 1}, "graph", i, 1, &u);
        pal_tensor_set(r->batch, i, u);
    }
    r->times = pal_compile(r->tape, r->outputs, r->n_outputs, &unfused);
    if (!r->times) return say_tape(r);
    double began = now(), seconds = 0;
    int runs = 0;
    for (; runs < MOST_RUNS && seconds < 0.5; runs++, seconds = now() - began)
        if (pal_run(r->times)) return pal_cli_say(PAL_CLI_FAILED, "graph: %s", pal_program_error(r->times));
    r->seconds = seconds / runs;
    return PAL_CLI_GO_ON;
}

/* ---- The verb ------------------------------------------------------------------------------------------------- */

static const char *type_of(const char *path)
{
    static const char *const types[] = {"html", "dot", "svg", "png"};
    const char *end = strrchr(path, '.');
    if (!end || end == path || end[-1] == '/') return NULL; /* an ending alone is no name */
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (!strcasecmp(end + 1, types[i])) return types[i];
    return NULL;
}

/* Without Graphviz: writes the input of dot next to where the picture would be, but never overwrites a file. */
static int write_input(const recording *r, const pal_graph_options *options, const char *path)
{
    char instead[4096];
    pal_error err = {0};
    int length = snprintf(instead, sizeof instead, "%.*s.dot", (int)(strrchr(path, '.') - path), path);
    bool fits = length > 0 && (size_t)length < sizeof instead && access(instead, F_OK);
    if (fits && pal_graph_write(r->tape, r->outputs, r->n_outputs, options, instead, &err))
        return pal_cli_say(PAL_CLI_FAILED, "%s", err.text);
    return fits ? pal_cli_say(PAL_CLI_FAILED,
                              "graph: dot is not installed (apt-get install graphviz): wrote %s instead", instead)
                : pal_cli_say(PAL_CLI_FAILED,
                              "graph: dot is not installed: apt-get install graphviz, or use -o FILE.dot");
}

static int print_drawing(const recording *r, const pal_graph_options *options, const char *path, const char *type)
{
    pal_error err = {0};
    if (type && (!strcmp(type, "dot") || !strcmp(type, "html"))) {
        if (!pal_graph_write(r->tape, r->outputs, r->n_outputs, options, path, &err)) return PAL_CLI_DONE;
        return pal_cli_say(PAL_CLI_FAILED, "%s", err.text);
    }
    char *text = pal_graph_text(r->tape, r->outputs, r->n_outputs, options);
    if (!text) return say_tape(r);
    int status = PAL_CLI_DONE;
    if (type)
        status = pal_cli_draw_dot(path, type, text);
    else if (fputs(text, stdout) < 0 || fflush(stdout))
        status = pal_cli_say(PAL_CLI_FAILED, "graph: standard output: %s", strerror(errno));
    pal_text_free(r->context, text);
    return status == PAL_CLI_NO_DOT ? write_input(r, options, path) : status;
}

static const char *title_of(const recording *r, const pal_cli_args *args, char *out, size_t size)
{
    static const char *const what[] = {"loss", "loss and gradient", "gradient of the squared gradient"};
    const char *given = pal_cli_given(args, "title");
    const char *unit = r->seconds < 0.9995e-3 ? "µs" : r->seconds < 0.9995 ? "ms" : "s";
    double value = r->seconds * (r->seconds < 0.9995e-3 ? 1e6 : r->seconds < 0.9995 ? 1e3 : 1);
    int n = given
                ? snprintf(out, size, "%s", given)
                : snprintf(out, size, "%s: %s", pal_model_variant(r->model)->name, what[pal_cli_int(args, "order", 0)]);
    if (r->times && n > 0 && (size_t)n < size)
        snprintf(out + n, size - (size_t)n, " (unfused, one thread: %.*f %s per run)", value < 9.95, value, unit);
    return out;
}

static int show(const recording *r, const pal_cli_args *args, const char *path, const char *type)
{
    char title[1024];
    const char *kept = pal_cli_given(args, "kept");
    pal_graph_options options = {.struct_size = sizeof options,
                                 .title = title_of(r, args, title, sizeof title),
                                 .names = r->names,
                                 .parameters = r->leaves,
                                 .n_parameters = r->n,
                                 .no_legend = pal_cli_flag(args, "no-legend"),
                                 .fold = pal_cli_flag(args, "fold"),
                                 .depth = (unsigned)pal_cli_int(args, "depth", 0),
                                 .sizes = pal_cli_flag(args, "sizes"),
                                 .kept = !kept                    ? PAL_GRAPH_KEPT_AUTO
                                         : !strcmp(kept, "lines") ? PAL_GRAPH_KEPT_LINES
                                                                  : PAL_GRAPH_KEPT_NUMBERS,
                                 .times = r->times};
    return print_drawing(r, &options, path, type);
}

int pal_cli_graph(int argc, char **argv)
{
    pal_cli_args args;
    int status = pal_cli_parse(&pal_cli_graph_spec, argc, argv, &args);
    if (status != PAL_CLI_GO_ON) return status;
    const pal_variant *variant = pal_cli_variant(args.words[0], &status);
    if (!variant) return status;
    status = pal_cli_check_settings(variant, args.variant, args.n_variant);
    if (status != PAL_CLI_GO_ON) return status;
    const char *path = pal_cli_given(&args, "out"), *type = path ? type_of(path) : NULL;
    bool to_file = path && strcmp(path, "-");
    if (to_file && !type)
        return pal_cli_say(PAL_CLI_WRONG, "graph: -o %s: choose a name that ends in .html, .dot, .svg or .png", path);
    if (to_file) pal_cli_signals_end(path);
    recording r = {0};
    size_t limit = 0;
    const bool timed = pal_cli_flag(&args, "time");
    status = pal_cli_memory_limit(&args, &limit);
    if (status == PAL_CLI_GO_ON && timed) status = check_memory(&args, variant, limit);
    if (!timed && !pal_cli_given(&args, "max-memory")) limit = 0; /* drawing takes no memory for values */
    if (status == PAL_CLI_GO_ON) status = open_recording(&r, &args, variant, limit, !timed);
    if (status == PAL_CLI_GO_ON && timed) status = measure(&r);
    const char *plan = pal_cli_given(&args, "plan");
    if (status == PAL_CLI_GO_ON && plan) status = pal_cli_print_plan(r.tape, r.outputs, r.n_outputs, plan);
    if (status == PAL_CLI_GO_ON) status = show(&r, &args, path, type);
    close_recording(&r);
    return status;
}
