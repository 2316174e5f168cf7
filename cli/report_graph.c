/* report_graph.c - the graph of the loss in a report: the drawing of `palindrome graph`, folded to one level of scopes,
 * by Graphviz if it is there. It is embedded as an image, so that nothing in it can act on the page. */
#include <stdlib.h>
#include <string.h>

#include "cli/report.h"
#include "plot/plot.h"

enum { BATCH = 32 };

typedef struct recording {
    pal_context *context; /* dry: values take no memory */
    pal_model *model;
    pal_tape *tape;
    pal_tensor *batch, *classes;
    pal_var *leaves;
    pal_var loss;
} recording;

static void close_recording(recording *c)
{
    pal_tape_free(c->tape);
    pal_tensor_free(c->batch);
    pal_tensor_free(c->classes);
    free(c->leaves);
    pal_model_free(c->model);
    pal_context_free(c->context);
}

/* A model like that of the run, without its weights. */
static bool record(recording *c, const pal__reported *of, pal_error *err)
{
    const pal_model *like = of->run->model;
    const pal_context_options o = {.struct_size = sizeof o, .threads = 1, .unpinned = true, .dry = true};
    c->context = pal_context_new(&o);
    if (c->context)
        c->model = pal_model_new_for(c->context, pal_model_variant(like), of->info->settings, of->info->n_settings,
                                     pal_model_schema(like), pal_model_sample(like), pal_model_dtype(like), 1, err);
    if (!c->model) return false;
    const int64_t classes = pal_model_classes(c->model);
    c->tape = pal_tape_new(c->context, pal_model_dtype(c->model));
    c->batch = pal_tensor_new(c->context, PAL_F32, PAL_SHAPE(BATCH, pal_model_features(c->model)));
    if (classes) c->classes = pal_tensor_new(c->context, PAL_F32, PAL_SHAPE(BATCH, classes));
    c->leaves = calloc(pal_model_parameter_count(c->model) + 1, sizeof *c->leaves);
    if (!c->tape || !c->batch || !c->leaves || (classes && !c->classes)) return false;
    pal_model_begin(c->model, c->tape, PAL_TRAIN);
    pal_batch given = {.inputs = pal_leaf(c->tape, c->batch, "x")};
    if (classes) given.labels = pal_leaf(c->tape, c->classes, "y");
    c->loss = pal_model_loss(c->model, &given);
    pal_model_leaves(c->model, c->tape, c->leaves);
    pal_model_end(c->model);
    if (!pal_tape_error(c->tape)) return true;
    pal_error_set(err, pal_tape_status(c->tape), "%s", pal_tape_error(c->tape));
    return false;
}

static int draw(pal__report *r, const recording *c)
{
    char path[128];
    const char *const names[] = {"loss"};
    const pal_graph_options options = {.struct_size = sizeof options,
                                       .names = names,
                                       .parameters = c->leaves,
                                       .n_parameters = pal_model_parameter_count(c->model),
                                       .no_legend = true,
                                       .fold = true,
                                       .depth = 1};
    char *text = pal_graph_text(c->tape, &c->loss, 1, &options);
    if (!text) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    int status = pal_cli_draw_dot(pal__report_file(r, "picture.svg", path, sizeof path), "svg", text);
    pal_text_free(c->context, text);
    if (status == PAL_CLI_NO_DOT) {
        pal_error err = {0};
        if (pal_graph_picture_write(c->tape, &c->loss, 1, &options, path, &err))
            return pal_cli_say(PAL_CLI_FAILED, "%s", err.text);
        status = PAL_CLI_DONE;
    }
    if (status != PAL_CLI_DONE) return status; /* the error is printed */
    return pal__report_picture(r, "picture.svg", "The operations of the loss and how values pass between them",
                               "What one step of training computes before its gradient, for a batch of 32 samples, "
                               "from the inputs to the loss. Each box is a part of the model with the number of "
                               "its operations; the numbers on the lines are the shapes of the values. "
                               "The verb graph draws it in full, with the gradient.");
}

int pal__report_graph(pal__report *r, const pal__reported *of)
{
    pal_error err = {0};
    recording c = {0};
    int status;
    if (record(&c, of, &err))
        status = draw(r, &c);
    else if (err.status && err.status != PAL_ERR_MEMORY)
        status = pal__report_refused(r, "the graph", &err);
    else
        status = pal_cli_say(PAL_CLI_FAILED, "out of memory");
    close_recording(&c);
    return status;
}
