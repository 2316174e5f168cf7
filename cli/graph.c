/* graph.c - palindrome graph: draws the tape of a model.
 *
 * The model is recorded with a small batch. Nothing is run unless --time is given, so its values take no memory
 * (pal_context_options.dry). graph_record.c records it; graph_dot.c makes the picture; graph_plan.c prints how the tape
 * is compiled. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "cli/graph_record.h"
#include "plot/plot.h"

/* clang-format off */
static const pal_cli_row rows[] = {
    PAL_CLI_INT("order", "0", 0, 2, "N", "0: the loss; 1: the loss and its gradient; 2: the gradient of |gradient|^2"),
    {{"batch", PAL_OPTION_INT, "32", 1, 4096, NULL, "samples in the batch that is drawn"}, "N", "batch-size", 0},
    PAL_CLI_INT("depth", "", 1, 128, "N", "draw each scope that is nested deeper than N as one node"),
    PAL_CLI_ENUM("level", "", "layers|operations", "LEVEL",
                 "a node for each layer, likelihood and divergence, with its formula, or one for each operation "
                 "(default: layers; operations if a gradient is drawn and they are at most 60)"),
    PAL_CLI_FLAG("plumbing", "draw reshapes, transposes, broadcasts, sums that undo them, signs and casts as nodes, not as marks on edges"),
    PAL_CLI_ENUM("direction", "", "down|right", "HOW", "in which the forward pass runs (default: down); right fits a slide"),
    PAL_CLI_FLAG("fold", "draw equal scopes, such as repeated layers, only once"),
    PAL_CLI_ENUM("kept", "", "lines|numbers", "HOW", "how to mark values that a later pass reads again"),
    PAL_CLI_FLAG("sizes", "print the size of each value in bytes"),
    PAL_CLI_FLAG("time", "run it on random data and print the time of each operation"),
    PAL_CLI_ENUM("plan", "", PAL_CLI_PASSES, "PASS",
                 "print what a pass of the compiler is given and what it makes, or the result of all; with -o, draw the "
                 "compiled program: its steps in time, and what lies where in memory"),
    PAL_CLI_ENUM("title", "", NULL, "TEXT", "title of the drawing (default: the model and what is drawn)"),
    PAL_CLI_FLAG("no-legend", "leave out the legend of the colours"),
    PAL_CLI_OUT("FILE.svg, .html, .png, .pdf, .tex (TikZ) or .dot (default: dot's language on standard output)"),
    PAL_CLI_MEMORY,
    PAL_CLI_END,
};
#define NOT_PLANNED(option) {option, "plan", "!"}
static const pal_need needs[] = {
    {"kept", "order", "1|2"}, NOT_PLANNED("depth"), NOT_PLANNED("level"), NOT_PLANNED("plumbing"), NOT_PLANNED("direction"),
    NOT_PLANNED("fold"), NOT_PLANNED("kept"), NOT_PLANNED("sizes"), {0}};
/* clang-format on */
const pal_cli_spec pal_cli_graph_spec = {
    .words = "MODEL",
    .summary = "Draw the computation graph of a model: its loss, the gradient of the loss, or second derivatives. With "
               "--plan, print or draw how it is compiled.",
    .rows = rows,
    .needs = needs,
    .least = 1,
    .most = 1,
    .missing = "no model given: `palindrome models` lists them",
    .variants = true,
};

#define UNASKED ((size_t)1 << 30) /* bytes that are taken without --max-memory */

typedef pal_cli_recording recording;

static int say_tape(const recording *r) { return pal_cli_recording_say(r); }

/* ---- Timing --------------------------------------------------------------------------------------------------- */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Without fusion, every operation is a separate step; a plan has the steps of all passes. */
static pal_program *compile_timed(const recording *r, bool planned)
{
    const pal_compile_options o = {
        .struct_size = sizeof o, .passes = planned ? PAL_PASS_ALL : PAL_PASS_NONE, .profile = true};
    return pal_compile(r->tape, r->outputs, r->n_outputs, &o);
}

/* What --time takes is known before any of it is: from the same graph in a dry context. Without --max-memory, a verb
 * that draws takes no gigabytes. */
static int check_memory(const pal_cli_args *args, const pal_variant *variant, size_t limit)
{
    recording r = {0};
    char takes[32], allowed[32];
    size_t peak = 0;
    const bool given = pal_cli_given(args, "max-memory") != NULL;
    int status = pal_cli_recording_open(&r, "graph", args, variant, pal_cli_int(args, "batch", 32),
                                        pal_cli_int(args, "order", 0), 0, true);
    if (status == PAL_CLI_GO_ON) r.times = compile_timed(&r, pal_cli_given(args, "plan"));
    if (status == PAL_CLI_GO_ON && !r.times) status = say_tape(&r);
    pal_context_memory(r.context, &peak);
    pal_cli_recording_close(&r);
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

/* Runs on random inputs, for half a second or 100 runs. */
static int measure(recording *r, bool planned)
{
    enum { MOST_RUNS = 100 };
    for (size_t i = 0; i < pal_tensor_count(r->batch); i++) {
        double u;
        pal_noise_uniform((pal_noise){.seed = 1}, "graph", i, 1, &u);
        pal_tensor_set(r->batch, i, u);
    }
    r->times = compile_timed(r, planned);
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
    static const char *const types[] = {"html", "dot", "svg", "png", "pdf", "tex"};
    const char *end = strrchr(path, '.');
    if (!end || end == path || end[-1] == '/') return NULL; /* an ending alone is no name */
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (!strcasecmp(end + 1, types[i])) return types[i];
    return NULL;
}

static int drawn(pal_status status, const pal_error *err)
{
    return status ? pal_cli_say(PAL_CLI_FAILED, "%s", err->text) : PAL_CLI_DONE;
}

/* Graphviz draws SVG and PNG where it is installed. Elsewhere, and for PDF, plot/ does. */
static int print_drawing(const recording *r, const pal_graph_options *options, const char *path, const char *type)
{
    pal_error err = {0};
    if (type && pal_choices_have("dot|html|tex", type))
        return drawn(pal_graph_write(r->tape, r->outputs, r->n_outputs, options, path, &err), &err);
    int status = PAL_CLI_NO_DOT;
    if (!type || strcmp(type, "pdf")) {
        char *text = pal_graph_text(r->tape, r->outputs, r->n_outputs, options);
        if (!text) return say_tape(r);
        status = PAL_CLI_DONE;
        if (type)
            status = pal_cli_draw_dot(path, type, text);
        else if (fputs(text, stdout) < 0 || fflush(stdout))
            status = pal_cli_say(PAL_CLI_FAILED, "graph: standard output: %s", strerror(errno));
        pal_text_free(r->context, text);
    }
    if (status != PAL_CLI_NO_DOT) return status;
    return drawn(pal_graph_picture_write(r->tape, r->outputs, r->n_outputs, options, path, &err), &err);
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
        snprintf(out + n, size - (size_t)n, " (%sone thread: %.*f %s per run)",
                 pal_cli_given(args, "plan") ? "" : "unfused, ", value < 9.95, value, unit);
    return out;
}

/* A newcomer sees the layers first. A gradient is the chain rule through operations, if they fit a page. */
static pal_graph_level level_of(const recording *r, const pal_cli_args *args)
{
    enum { FIT_A_PAGE = 60 };
    const char *given = pal_cli_given(args, "level");
    if (given) return strcmp(given, "layers") ? PAL_GRAPH_OPERATIONS : PAL_GRAPH_LAYERS;
    return pal_cli_int(args, "order", 0) && pal_tape_length(r->tape) <= FIT_A_PAGE ? PAL_GRAPH_OPERATIONS
                                                                                   : PAL_GRAPH_LAYERS;
}

static int show_plan(const recording *r, const pal_cli_args *args, const char *plan, const char *path)
{
    char title[1024];
    if (!path) return pal_cli_print_plan(r->tape, r->outputs, r->n_outputs, plan);
    return pal_cli_draw_plan(&(pal_cli_plan_picture){.tape = r->tape,
                                                     .outputs = r->outputs,
                                                     .n = r->n_outputs,
                                                     .names = r->names,
                                                     .title = title_of(r, args, title, sizeof title),
                                                     .times = r->times,
                                                     .no_legend = pal_cli_flag(args, "no-legend")},
                             path);
}

/* What belongs to a picture has no effect on the text of a plan. */
static int check_plan(const pal_cli_args *args, const char *plan, const char *path, const char *type)
{
    static const char *const pictured[] = {"time", "title", "no-legend"};
    if (path) return pal_cli_check_plan_picture(plan, path, type);
    for (size_t i = 0; i < sizeof pictured / sizeof *pictured; i++)
        if (pal_cli_given(args, pictured[i]))
            return pal_cli_say(PAL_CLI_WRONG,
                               "graph: --%s has an effect on a plan only if it is drawn: give -o FILE.svg, or leave "
                               "out --%s",
                               pictured[i], pictured[i]);
    return PAL_CLI_GO_ON;
}

/* A page has no sides and no marks of its own choice for values that are read again. */
static int check_page(const pal_cli_args *args)
{
    static const struct {
        const char *option, *instead;
    } fixed[] = {{"direction", "a page reads down"},
                 {"sizes", "it has the bytes of each value in any case"},
                 {"kept", "its reader switches these lines on and off"}};
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if (pal_cli_given(args, fixed[i].option))
            return pal_cli_say(PAL_CLI_WRONG, "graph: --%s has no effect on an .html page: %s: leave out --%s",
                               fixed[i].option, fixed[i].instead, fixed[i].option);
    return PAL_CLI_GO_ON;
}

static int show(const recording *r, const pal_cli_args *args, const char *path, const char *type)
{
    char title[1024];
    const char *kept = pal_cli_given(args, "kept"), *direction = pal_cli_given(args, "direction");
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
                                 .times = r->times,
                                 .plumbing = pal_cli_flag(args, "plumbing"),
                                 .level = level_of(r, args),
                                 .direction =
                                     direction && !strcmp(direction, "right") ? PAL_GRAPH_RIGHT : PAL_GRAPH_DOWN};
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
    const char *plan = pal_cli_given(&args, "plan");
    bool to_file = path && strcmp(path, "-");
    if (plan) status = check_plan(&args, plan, to_file ? path : NULL, type);
    if (!plan && to_file && type && !strcmp(type, "html")) status = check_page(&args);
    if (status != PAL_CLI_GO_ON) return status;
    if (to_file && !type)
        return pal_cli_say(PAL_CLI_WRONG,
                           "graph: -o %s: choose a name that ends in .svg, .html, .png, .pdf, .tex or .dot", path);
    if (to_file) pal_cli_signals_end(path);
    recording r = {0};
    size_t limit = 0;
    const bool timed = pal_cli_flag(&args, "time");
    status = pal_cli_memory_limit(&args, &limit);
    if (status == PAL_CLI_GO_ON && timed) status = check_memory(&args, variant, limit);
    if (!timed && !pal_cli_given(&args, "max-memory")) limit = 0; /* drawing takes no memory for values */
    if (status == PAL_CLI_GO_ON)
        status = pal_cli_recording_open(&r, "graph", &args, variant, pal_cli_int(&args, "batch", 32),
                                        pal_cli_int(&args, "order", 0), limit, !timed);
    if (status == PAL_CLI_GO_ON && timed) status = measure(&r, plan);
    if (status == PAL_CLI_GO_ON && plan) status = show_plan(&r, &args, plan, to_file ? path : NULL);
    if (status == PAL_CLI_GO_ON) status = show(&r, &args, path, type);
    pal_cli_recording_close(&r);
    return status;
}
