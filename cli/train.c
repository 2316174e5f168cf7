/* train.c - palindrome train: trains a model and saves it in a run folder.
 *
 * All arguments are checked before the folder is made. */
#include <stdlib.h>
#include <string.h>

#include "cli/processes.h"
#include "cli/source.h"
#include "cli/train.h"

const pal_cli_spec pal_cli_train_spec = {
    .data = true,
    .trains = true,
    .words = "MODEL\n--like RUN [MODEL]\n--resume RUN [--epochs N] [--time TIME] [--data PATH]",
    .summary =
        "Train a model and save it in a run folder, or continue an interrupted run. With --epochs, or a longer --time, "
        "--resume trains a run longer, also one that is done. With --data, it takes the same data from another place. "
        "`palindrome models` lists the models.",
    .rows = pal_cli_train_rows,
    .needs = pal_cli_train_needs,
    .most = 1,
    .variants = true,
    .late = true,
    .processes = true,
};

enum { CURVATURE_SAMPLES = 5000 };

static const char *const chosen_names[PAL_CLI_CHOSEN] = {"optimizer", "learning-rate", "batch", "epochs", "clip"};

/* The value as given; what train/defaults.c chooses, once that is known, NULL before; or the default of the variant or
 * of the table. */
static const char *text(const pal_cli_job *j, const char *name)
{
    const char *given = pal_cli_given(&j->args, name);
    for (size_t i = 0; i < PAL_CLI_CHOSEN && !given; i++)
        if (!strcmp(chosen_names[i], name)) return *j->chosen[i] ? j->chosen[i] : NULL;
    return given ? given : pal_cli_train_value(&j->args, j->variant, name);
}

static int64_t whole(const pal_cli_job *j, const char *name) { return strtoll(text(j, name), NULL, 10); }
static double real(const pal_cli_job *j, const char *name) { return strtod(text(j, name), NULL); }
static bool is(const pal_cli_job *j, const char *name, const char *value) { return !strcmp(text(j, name), value); }
/* The value of an option for the optimizer, which reads 0 as its own default, and -1 as 0. */
static double chosen(const pal_cli_job *j, const char *name) { return real(j, name) > 0 ? real(j, name) : -1; }
/* The same, where the table has no default because the optimizer has several. */
static double chosen_or_own(const pal_cli_job *j, const char *name) { return *text(j, name) ? chosen(j, name) : 0; }

/* A minimiser has none of the options of the other optimisers, and they have none of its own. */
static void fill_minimiser(pal_cli_job *j)
{
    const char *samples = text(j, "curvature-samples"), *restart = pal_cli_given(&j->args, "restart"),
               *pairs = pal_cli_given(&j->args, "pairs"), *products = pal_cli_given(&j->args, "products");
    const bool multiplies = pal_choices_have("newton-cg|hessian-free", text(j, "optimizer"));
    const int64_t fixed = whole(j, "fixed-batch"), count = fixed ? fixed : j->train->count;
    const int64_t few = count > CURVATURE_SAMPLES ? CURVATURE_SAMPLES : 0;
    j->info.optimizer =
        (pal_optimizer_options){.struct_size = sizeof j->info.optimizer, .name = j->info.optimizer.name};
    j->info.schedule = (pal_schedule){.name = "constant", .learning_rate = 1};
    j->info.minimise = (pal_train_minimise){
        .gradient = pal_cli_given(&j->args, "gradient-tolerance") ? chosen(j, "gradient-tolerance") : 0,
        .memory = pairs ? whole(j, "pairs") : 0,
        .restart = restart ? whole(j, "restart") : 0,
        .products = products ? whole(j, "products") : 0,
        .damping = pal_cli_given(&j->args, "damping") ? chosen(j, "damping") : 0,
        .curvature_samples = !multiplies ? 0
                             : *samples  ? whole(j, "curvature-samples")
                                         : few,
        .frozen_noise = is(j, "noise", "frozen"),
        .fixed_batch = fixed,
        .fixed_for = fixed ? whole(j, "fixed-for") : 0,
    };
}

static void fill_info(pal_cli_job *j)
{
    const bool portable = pal_cli_flag(&j->args, "portable");
    const int64_t lanes = pal_cli_int(&j->args, "lanes", pal_cli_default_lanes(&j->args));
    const char *optimizer = text(j, "optimizer");
    const bool is_soap = !strcmp(optimizer, "soap");
    const int64_t batch = whole(j, "batch"), parts = whole(j, "accumulate"), steps = j->train->count / batch / parts,
                  shards = pal_cli_shards(&j->args);
    j->info = (pal_run_info){
        .version = pal_version(),
        .command = j->command,
        .model = j->variant->name,
        .data = j->data,
        .data_note = j->words,
        .limit = pal_cli_int(&j->args, "limit", 0),
        .draws = true,
        .data_options = j->options.list,
        .n_data_options = j->options.options.n,
        .validation_samples = j->validated ? j->test->count : 0,
        .from = *j->from ? j->from : NULL,
        .train_samples = j->train->count,
        .test_samples = j->test->count,
        .batch = batch,
        .accumulate = parts > 1 ? parts : 0,
        .epochs = whole(j, "epochs"),
        .seed = whole(j, "seed"),
        .test_every = whole(j, "test-every"),
        .optimizer = {.struct_size = sizeof(pal_optimizer_options),
                      .name = optimizer,
                      .momentum = chosen_or_own(j, "momentum"),
                      .alpha = chosen(j, "rms-decay"),
                      .beta1 = chosen_or_own(j, "beta1"),
                      .beta2 = chosen_or_own(j, "beta2"),
                      .epsilon = real(j, "epsilon"),
                      .damping = !strcmp(optimizer, "kfac") ? real(j, "damping") : 0,
                      .weight_decay = chosen_or_own(j, "weight-decay"),
                      .clip_norm = real(j, "clip"),
                      .momentum_schedule = is(j, "momentum-schedule", "constant") ? NULL : text(j, "momentum-schedule"),
                      .spare_biases = pal_cli_flag(&j->args, "spare-biases"),
                      .rates = pal_cli_given(&j->args, "layer-rates"),
                      .average = is(j, "average", "none") ? NULL : text(j, "average"),
                      .average_decay = is(j, "average", "exponential") ? chosen(j, "average-decay") : 0,
                      .average_start =
                          *text(j, "average-start") ? (uint64_t)((whole(j, "average-start") + 1) * steps) : 0,
                      .elementwise = pal_cli_given(&j->args, "elementwise"),
                      .precondition_every = is_soap ? (uint64_t)whole(j, "precondition-every") : 0,
                      .max_dimension = is_soap ? whole(j, "max-dimension") : 0},
        .schedule = {.name = text(j, "schedule"),
                     .learning_rate = real(j, "learning-rate"),
                     .final_rate = real(j, "final-rate"),
                     .factor = real(j, "decay-factor"),
                     .every = (uint64_t)(whole(j, "decay-every") * (steps > 0 ? steps : 1)),
                     .warmup = (uint64_t)whole(j, "warmup"),
                     .total = (uint64_t)(whole(j, "epochs") * steps),
                     .power = is(j, "schedule", "polynomial") ? real(j, "power") : 0,
                     .rise = is(j, "schedule", "one-cycle") ? real(j, "rise") : 0,
                     .patience = is(j, "schedule", "plateau") ? (uint64_t)whole(j, "plateau-patience") : 0},
        .lanes = lanes,
        .threads = (int64_t)pal_context_threads(j->context),
        .isa = pal_context_isa(j->context),
        .blas = pal_context_blas(j->context),
        .subnormals = pal_context_subnormals(j->context) ? "kept" : "flushed",
        .libc = pal_cli_libc(j->libc, sizeof j->libc),
        .portable = portable,
        .gradient_sizes = pal_cli_flag(&j->args, "gradient-sizes"),
        .patience = whole(j, "patience"),
        .min_improvement = real(j, "min-improvement"),
        .keep_best = pal_cli_flag(&j->args, "keep-best"),
        .time_limit = j->time_limit,
        .shards = shards > 1 ? shards : 0,
    };
    const pal_cli_source *source = pal_cli_source_of(j->variant);
    if (source) {
        j->info.source = source->file;
        j->info.source_hash = source->hash;
        j->info.source_text = source->text;
    }
    if (pal_train_minimises(optimizer)) fill_minimiser(j);
}

/* ---- A new run ------------------------------------------------------------------------------------------------ */

/* Adds the settings that follow the data. */
static int add_settings(pal_cli_job *j)
{
    pal_cli_args *a = &j->args;
    pal_error err = {0};
    if (pal_train_settings_of(j->variant, j->train, a->variant, a->n_variant, &j->settings, &err))
        return pal_cli_say_error(&err);
    for (size_t i = 0; i < j->settings.n && a->n_variant < PAL_CLI_SETTINGS; i++)
        a->variant[a->n_variant++] = j->settings.list[i];
    return PAL_CLI_GO_ON;
}

static int choose(pal_cli_job *j)
{
    pal_train_defaults d;
    pal_error err = {0};
    const char *batch = pal_cli_given(&j->args, "batch"), *optimizer = pal_cli_given(&j->args, "optimizer");
    const int64_t given = batch ? strtoll(batch, NULL, 10) : 0, parts = whole(j, "accumulate");
    pal_status status = pal_train_defaults_of(j->model, j->train, optimizer, given, &d, &err);
    const int64_t shards = pal_cli_shards(&j->args);
    const int64_t size = shards > 1 && !given ? pal_cli_whole_shards(d.batch, shards) : d.batch;
    if (!status && (parts > 1 || size != d.batch)) /* the epochs follow the number of steps */
        status = pal_train_defaults_of(j->model, j->train, optimizer, (given ? given : size) * parts, &d, &err);
    if (status) return pal_cli_say_error(&err);
    snprintf(j->chosen[0], sizeof j->chosen[0], "%s", d.optimizer);
    snprintf(j->chosen[1], sizeof j->chosen[1], "%.2g", d.learning_rate);
    snprintf(j->chosen[2], sizeof j->chosen[2], "%lld", (long long)size);
    snprintf(j->chosen[3], sizeof j->chosen[3], "%lld", (long long)d.epochs);
    snprintf(j->chosen[4], sizeof j->chosen[4], "%g", d.clip);
    return PAL_CLI_GO_ON;
}

/* What training needs, before the model is made. */
static int check_memory(pal_cli_job *j)
{
    return pal_cli_check_new_memory(&j->args, j->variant, j->args.variant, j->args.n_variant, j->train, j->test,
                                    j->memory);
}

/* A pal_cli_value_fn. The decay that is not given is that of the optimizer; NULL: that is not known yet. */
const char *pal_cli_job_value(const char *name, const void *user)
{
    const char *value = text(user, name), *optimizer = text(user, "optimizer");
    if (!value || *value || strcmp(name, "weight-decay") != 0) return value;
    return !optimizer ? NULL : pal_choices_have("adamw|muon|soap", optimizer) ? "0.01" : value;
}

int pal_cli_job_prepare(pal_cli_job *j)
{
    int status = PAL_CLI_GO_ON;
    pal_error err = {0};
    if (pal_cli_given(&j->args, "resume")) return pal_cli_job_resume(j);
    if (!j->args.n_words) return pal_cli_say(PAL_CLI_WRONG, "no model given: `palindrome models` lists them");
    j->variant = pal_cli_variant(j->args.words[0], &status);
    if (!j->variant) return status;
    status = pal_cli_check_settings(j->variant, j->args.variant, j->args.n_variant);
    if (status == PAL_CLI_GO_ON && !j->why) /* a sweep has checked them, for all its runs */
        status = pal_cli_check_needs(pal_cli_train_needs, &j->args, pal_cli_job_value, j);
    if (status == PAL_CLI_GO_ON) status = pal_cli_check_stopping(&j->args, j->variant, &j->time_limit);
    if (status != PAL_CLI_GO_ON) return status;
    j->context = pal_cli_context(&j->args, NULL, &status);
    const char *data = pal_cli_given(&j->args, "data");
    if (j->context)
        status = pal_cli_job_data(j, data ? data : PAL_DATA_DEFAULT, pal_cli_int(&j->args, "limit", 0), false);
    if (status != PAL_CLI_GO_ON) return status;
    const char *from = pal_cli_given(&j->args, "from");
    if (from) pal_cli_full_path(from, j->from);
    const size_t given = pal_cli_like_given(j);
    status = add_settings(j);
    if (status == PAL_CLI_GO_ON) status = check_memory(j);
    if (status != PAL_CLI_GO_ON) return status;
    j->model = pal_model_new_for(j->context, j->variant, j->args.variant, j->args.n_variant, j->train->schema,
                                 j->train->sample, PAL_F32, (uint64_t)whole(j, "seed"), &err);
    if (j->model) pal_model_check_given(j->model, j->args.variant, given, &err);
    if (err.status) return pal_cli_say_error(&err);
    status = choose(j);
    if (status == PAL_CLI_GO_ON && !j->why)
        status = pal_cli_check_needs(pal_cli_train_needs, &j->args, pal_cli_job_value, j);
    if (status != PAL_CLI_GO_ON) return status;
    fill_info(j);
    if (pal_cli_is_solved(j->args.variant, j->args.n_variant)) {
        j->info.batch = 0; /* a closed form takes no steps */
        if (j->train->known)
            pal_cli_say(PAL_CLI_GO_ON,
                        "warning: --solve svd reads a missing cell as the mean of its column: leave it out "
                        "to train on the known cells alone");
    }
    if (!j->why)
        status = pal_cli_check_effects(&(pal_cli_effects){.kind = PAL_CLI_TRAINING,
                                                          .model = j->model,
                                                          .settings = j->args.variant,
                                                          .n = j->args.n_variant,
                                                          .given = given,
                                                          .seed = (uint64_t)j->info.seed});
    if (status == PAL_CLI_GO_ON) status = pal_cli_job_weights(j, j->info.from);
    if (status == PAL_CLI_GO_ON) pal_cli_like_tell(j);
    return status;
}

void pal_cli_job_free(pal_cli_job *j)
{
    pal_cli_like_free(j);
    pal_rundir_free(j->dir);
    pal_model_free(j->model);
    pal_dataset_free(j->test);
    pal_dataset_free(j->train);
    pal_context_free(j->context);
    free(j);
}

int pal_cli_train(int argc, char **argv) { return pal_cli_train_within(argc, argv, NULL); }

int pal_cli_train_within(int argc, char **argv, pal_error *why)
{
    pal_cli_job *j = calloc(1, sizeof *j);
    if (!j) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    j->why = why;
    snprintf(j->command, sizeof j->command, "palindrome%s train", pal_cli_loads());
    for (int i = 1; i < argc; i++) pal_cli_quote(j->command, sizeof j->command, argv[i]);
    int status = pal_cli_parse(&pal_cli_train_spec, argc, argv, &j->args);
    if (status == PAL_CLI_GO_ON) status = pal_cli_like_take(j, argc, argv);
    j->args.alone = why != NULL;
    if (status == PAL_CLI_GO_ON) status = pal_cli_job_prepare(j);
    if (!why) status = pal_cli_processes_agree(status);
    if (status == PAL_CLI_GO_ON) status = pal_cli_job_run(j);
    pal_cli_job_free(j);
    return status;
}
