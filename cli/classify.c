/* classify.c - palindrome classify: the error of the model's own head, and of a linear classifier that is trained with
 * few labels on the codes of a run and on the inputs. */
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/classify.h"

enum { DRAWS = 1000, PATH = 4096 };

/* clang-format off */
static const pal_cli_row rows[] = {
    PAL_CLI_OUT("picture of the confusion matrices, .png, .svg or .pdf (default: RUN/confusion.png)"),
    PAL_CLI_DATA,
    PAL_CLI_SPLIT,
    PAL_CLI_WHICH,
    PAL_CLI_INT("limit", "", 1, 4294967295, "N", "classify only the first N samples"),
    PAL_CLI_ENUM("features", "", "head|codes|inputs|both|all", "NAME",
                 "what to classify with: the model's own head, or a classifier on codes, on the inputs, or on both "
                 "(default: head, or both if there is no head)"),
    PAL_CLI_INT("labels", "", 1, 4294967295, "N",
                "labelled samples to train on, stratified (default: 10000, or all if there are fewer)"),
    PAL_CLI_INT("draws", "1", 1, DRAWS, "N", "how often to draw the labelled samples"),
    PAL_CLI_INT("seed", "1", 0, PAL_CLI_SEED_MOST, "N", "seed of the draws"),
    PAL_CLI_FLAG("confusion", "print the confusion matrices, summed over the draws"),
    PAL_CLI_CSV,
    PAL_CLI_THREADS,
    PAL_CLI_PORTABLE,
    PAL_CLI_JSON,
    PAL_CLI_END,
};
/* clang-format on */
const pal_cli_spec pal_cli_classify_spec = {
    .data = true,
    .halves = true,
    .words = "RUN",
    .summary = "Classify the test samples with the head of the model, if it has one, and with multinomial logistic "
               "regression on the codes of a run and on the inputs themselves. The regression is trained on labelled "
               "training samples; its L2 strength is chosen on held-out ones. Prints the share of test samples that "
               "each gets wrong, and the recall and precision of each class, and draws the confusion matrices.",
    .rows = rows,
    .least = 1,
    .most = 1,
    .missing = PAL_CLI_NO_RUN,
};

const char *const pal_cli_features_names[PAL_CLI_FEATURES] = {
    [PAL_CLI_HEAD] = "head", [PAL_CLI_CODES] = "codes", [PAL_CLI_INPUTS] = "inputs"};

typedef pal_cli_classify_job job;

/* ---- What is wanted ------------------------------------------------------------------------------------------- */

static int choose(job *j)
{
    static const struct {
        const char *name;
        bool wanted[PAL_CLI_FEATURES];
    } choices[] = {{"head", {true, false, false}},
                   {"codes", {false, true, false}},
                   {"inputs", {false, false, true}},
                   {"both", {false, true, true}},
                   {"all", {true, true, true}}};
    static const char *const trained[] = {"labels", "draws", "seed"};
    const bool has = pal_has_head(j->run.model);
    const char *given = pal_cli_given(&j->args, "features"), *name = given ? given : has ? "head" : "both";
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++)
        for (int f = 0; f < PAL_CLI_FEATURES && !strcmp(name, choices[i].name); f++)
            j->answers[f].wanted = choices[i].wanted[f];
    if (j->answers[PAL_CLI_HEAD].wanted && !has)
        return pal_cli_say(PAL_CLI_WRONG,
                           "--features %s: %s has no classification head: choose codes, inputs or both, or a run of "
                           "semi-supervised or of stacked with fine-tuning",
                           name, pal_model_variant(j->run.model)->name);
    j->trains = j->answers[PAL_CLI_CODES].wanted || j->answers[PAL_CLI_INPUTS].wanted;
    for (size_t i = 0; i < sizeof trained / sizeof *trained && !j->trains; i++)
        if (pal_cli_given(&j->args, trained[i]))
            return pal_cli_say(PAL_CLI_WRONG,
                               "--%s has no effect on the head, which is already trained: leave it out, or choose "
                               "--features codes, inputs, both or all",
                               trained[i]);
    return PAL_CLI_GO_ON;
}

/* Checks that the folder of the picture is writable, before anything is trained. */
static int check_folder(const char *path)
{
    char copy[PATH];
    snprintf(copy, sizeof copy, "%s", path);
    const char *folder = dirname(copy);
    if (!access(folder, W_OK | X_OK)) return PAL_CLI_GO_ON;
    return pal_cli_say(PAL_CLI_WRONG, "%s: cannot write in the folder %s: choose another --out", path, folder);
}

static int open_train(job *j)
{
    pal_error err = {0};
    const char *path = pal_cli_given(&j->args, "data");
    j->train = path ? pal_cli_open_training(&j->run, path, &err) : pal_cli_open_own(&j->run, PAL_SPLIT_TRAIN, &err);
    if (!j->train) return pal_cli_say_error(&err);
    j->labels = pal_cli_int(&j->args, "labels", j->train->count < 10000 ? j->train->count : 10000);
    j->draws = pal_cli_int(&j->args, "draws", 1);
    j->seed = pal_cli_int(&j->args, "seed", 1);
    return pal_classify_check(j->train, j->run.data, j->labels, &err) ? pal_cli_say_error(&err) : PAL_CLI_GO_ON;
}

static int open_all(job *j, char path[PATH])
{
    int status = pal_cli_open(&j->args, 0, &j->run);
    if (status == PAL_CLI_GO_ON) status = choose(j);
    if (status != PAL_CLI_GO_ON) return status;
    const char *out = pal_cli_given(&j->args, "out");
    if (out)
        snprintf(path, PATH, "%s", out);
    else
        pal_rundir_file(j->run.dir, "confusion.png", path, PATH);
    status = check_folder(path);
    if (status == PAL_CLI_GO_ON) status = pal_cli_open_data(&j->args, &j->run);
    const char *data = pal_cli_given(&j->args, "data");
    if (status == PAL_CLI_GO_ON)
        status = pal_cli_check_numbers(&j->args, data ? data : pal_rundir_info(j->run.dir)->data);
    if (status == PAL_CLI_GO_ON && j->trains) status = open_train(j);
    if (status != PAL_CLI_GO_ON) return status;
    const int64_t head = j->answers[PAL_CLI_HEAD].wanted ? pal_model_classes(j->run.model) : 0;
    j->classes = j->run.data->classes;
    if (j->train && j->train->classes > j->classes) j->classes = j->train->classes;
    if (head > j->classes) j->classes = head;
    for (int f = 0; f < PAL_CLI_FEATURES; f++) {
        pal_cli_answers *a = &j->answers[f];
        a->draws = f == PAL_CLI_HEAD ? 1 : j->draws;
        a->result = calloc((size_t)a->draws + 1, sizeof *a->result);
        a->confusion = calloc((size_t)(j->classes * j->classes) + 1, sizeof *a->confusion);
        if (!a->result || !a->confusion) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    }
    return PAL_CLI_GO_ON;
}

/* ---- Answers -------------------------------------------------------------------------------------------------- */

static int answer(job *j, int f, int64_t *one)
{
    const int64_t lanes = pal_rundir_info(j->run.dir)->lanes;
    pal_cli_answers *a = &j->answers[f];
    for (int64_t draw = 0; draw < a->draws; draw++) {
        pal_classify_options o = {.struct_size = sizeof o,
                                  .labels = j->labels,
                                  .seed = (uint64_t)j->seed,
                                  .draw = (uint64_t)draw + 1,
                                  .lanes = lanes > 0 ? (unsigned)lanes : 0,
                                  .confusion = one};
        pal_classification *r = &a->result[draw];
        pal_error err = {0};
        if (f == PAL_CLI_HEAD)
            pal_classify_head(j->run.model, j->run.data, &o, r, &err);
        else
            pal_classify(f == PAL_CLI_CODES ? j->run.model : NULL, j->train, j->run.data, &o, r, &err);
        if (err.status) return pal_cli_say_error(&err);
        for (int64_t i = 0; i < r->classes; i++)
            for (int64_t k = 0; k < r->classes; k++) a->confusion[i * j->classes + k] += one[i * r->classes + k];
    }
    return PAL_CLI_GO_ON;
}

static int answer_all(job *j)
{
    int64_t *one = calloc((size_t)(j->classes * j->classes) + 1, sizeof *one);
    int status = one ? PAL_CLI_GO_ON : pal_cli_say(PAL_CLI_FAILED, "out of memory");
    for (int f = 0; f < PAL_CLI_FEATURES && status == PAL_CLI_GO_ON; f++)
        if (j->answers[f].wanted) status = answer(j, f, one);
    free(one);
    return status;
}

int pal_cli_classify(int argc, char **argv)
{
    char path[PATH];
    job *j = calloc(1, sizeof *j);
    if (!j) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    int status = pal_cli_parse(&pal_cli_classify_spec, argc, argv, &j->args);
    if (status == PAL_CLI_GO_ON) status = pal_cli_check_picture(&j->args);
    const bool parsed = status == PAL_CLI_GO_ON;
    const char *out = pal_cli_given(&j->args, "out");
    if (parsed) pal_cli_signals_end(out ? out : j->args.words[0]);
    if (parsed) status = open_all(j, path);
    if (status == PAL_CLI_GO_ON) status = answer_all(j);
    if (status == PAL_CLI_GO_ON) status = pal_cli_classify_report(j, path);
    for (int f = 0; f < PAL_CLI_FEATURES; f++) {
        free(j->answers[f].result);
        free(j->answers[f].confusion);
    }
    pal_dataset_free(j->train);
    if (parsed) pal_cli_close(&j->run);
    free(j);
    return status;
}
