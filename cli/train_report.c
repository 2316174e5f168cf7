/* train_report.c - what `palindrome train` prints at the end: the figures, why the training loss is above the test
 * loss, and whether the model has learned anything. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/train.h"

enum { TEXT = 1024 };

int64_t pal_cli_left_out(const pal_run_info *info)
{
    const int64_t parts = info->accumulate > 1 ? info->accumulate : 1;
    if (pal_train_minimises(info->optimizer.name)) return 0;
    return info->batch > 0 ? info->train_samples % (info->batch * parts) : 0;
}

const char *pal_cli_batches(const pal_run_info *info, char *out, size_t size)
{
    const long long batch = (long long)info->batch, parts = (long long)info->accumulate;
    if (parts > 1)
        snprintf(out, size, "batches of %lld x %lld", parts, batch);
    else
        snprintf(out, size, "batches of %lld", batch);
    const size_t used = strlen(out);
    if (info->shards > 1 && used < size) snprintf(out + used, size - used, " in %lld shards", (long long)info->shards);
    return out;
}

void pal_cli_computed(const pal_rundir *dir, int64_t *evaluations, int64_t *products)
{
    const size_t n = pal_rundir_epoch_count(dir);
    *evaluations = *products = 0;
    for (size_t i = 0; i < n; i++) { /* each phase counts anew */
        const pal_epoch *e = pal_rundir_epoch(dir, i), *next = i + 1 < n ? pal_rundir_epoch(dir, i + 1) : NULL;
        if (next && !strcmp(next->phase, e->phase) && next->minimised) continue;
        *evaluations += e->iteration.evaluations;
        *products += e->iteration.products;
    }
}

void pal_cli_train_json(const pal_rundir *dir, const pal_train_result *r, json_t *profile)
{
    const pal_run_info *info = pal_rundir_info(dir);
    json_t *out =
        json_pack("{s:o, s:s, s:s, s:I, s:I, s:o, s:I}", "run", pal_cli_text(pal_rundir_path(dir)), "model",
                  info->model, "status", info->status, "epochs", (json_int_t)r->epochs, "steps", (json_int_t)r->steps,
                  "batch", info->batch > 0 ? json_integer((json_int_t)info->batch) : json_null(), "left_out",
                  (json_int_t)pal_cli_left_out(info));
    const struct {
        const char *name;
        double value;
    } figures[] = {{"train_loss", r->train_loss},
                   {"test_loss", r->test_loss},
                   {"squared_error", r->squared_error},
                   {"squared_error_corrupted", r->squared_error_corrupted},
                   {"baseline", r->baseline},
                   {"explained", r->explained},
                   {"error", r->error},
                   {"seconds", r->seconds},
                   {"samples_per_second", r->samples_per_second}};
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        if ((strcmp(figures[i].name, "squared_error_corrupted") && strcmp(figures[i].name, "error")) ||
            isfinite(figures[i].value))
            json_object_set_new(out, figures[i].name, pal_cli_number(figures[i].value));
    if (r->best_epoch) {
        json_object_set_new(out, "best_epoch", json_integer((json_int_t)r->best_epoch));
        json_object_set_new(out, "best_loss", pal_cli_number(r->best_loss));
    }
    if (r->ended) json_object_set_new(out, "ended", json_string(r->ended));
    const size_t n = pal_rundir_epoch_count(dir);
    const pal_epoch *last = n ? pal_rundir_epoch(dir, n - 1) : NULL;
    if (last && last->minimised) {
        int64_t evaluations, products;
        pal_cli_computed(dir, &evaluations, &products);
        json_object_set_new(out, "evaluations", json_integer((json_int_t)evaluations));
        json_object_set_new(out, "products", json_integer((json_int_t)products));
        json_object_set_new(out, "gradient", pal_cli_number(last->iteration.gradient));
        json_object_set_new(out, "end",
                            json_string(last->end == PAL_MINIMISE_CONVERGED ? "converged"
                                        : last->end == PAL_MINIMISE_FLAT    ? "flat"
                                                                            : "epochs"));
    }
    if (info->data_note) json_object_set_new(out, "data_note", pal_cli_text(info->data_note));
    if (profile) json_object_set_new(out, "profile", profile);
    pal_cli_print_json(out);
}

/* ---- Whether it has learned anything -------------------------------------------------------------------------- */

/* The greatest learning rates that are usual. */
static double usual_rate(const char *optimizer)
{
    static const struct {
        const char *name;
        double rate;
    } others[] = {{"gd", 1}, {"sgd", 1}, {"momentum", 1}, {"nesterov", 1}, {"muon", 0.1}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (!optimizer || !strcmp(optimizer, others[i].name)) return others[i].rate;
    return 0.01;
}

/* Whether the training loss of the last epoch is not below that of the first, of the same phase. */
static bool stands_still(const pal_rundir *dir)
{
    const size_t n = pal_rundir_epoch_count(dir);
    const pal_epoch *last = n ? pal_rundir_epoch(dir, n - 1) : NULL;
    for (size_t i = 0; i + 1 < n; i++)
        if (!strcmp(pal_rundir_epoch(dir, i)->phase, last->phase))
            return !(last->train_loss < pal_rundir_epoch(dir, i)->train_loss);
    return false;
}

/* What can be seen and is most often the cause: data that are not scaled, then the learning rate, then the time. */
static void write_remedy(const pal_rundir *dir, const pal_dataset *data, char *out, size_t size)
{
    const pal_run_info *info = pal_rundir_info(dir);
    const double rate = info->schedule.learning_rate, usual = usual_rate(info->optimizer.name);
    const char *adam = usual >= 1 ? ", or use --optimizer adam" : "";
    double low, high;
    size_t at = 0;
    pal_data_range(data, &low, &high);
    if (fmax(fabs(low), fabs(high)) > PAL_DATA_LARGE)
        at = (size_t)snprintf(out, size, "scale the data, whose values are from %g to %g, or ", low, high);
    if (pal_cli_finds_its_step(info->optimizer.name))
        snprintf(out + at, size - at, "train longer (now --epochs %lld), or use --optimizer adam",
                 (long long)info->epochs);
    else if (rate > usual || stands_still(dir))
        snprintf(out + at, size - at, "lower --learning-rate (now %g)%s", rate, adam);
    else if (rate < usual / 1000)
        snprintf(out + at, size - at, "raise --learning-rate (now %g)", rate);
    else
        snprintf(out + at, size - at, "train longer (now --epochs %lld)%s", (long long)info->epochs, adam);
}

void pal_cli_train_verdict(const pal_rundir *dir, const pal_model *model, const pal_dataset *data,
                           const pal_train_result *r, char *out, size_t size)
{
    char remedy[256];
    *out = 0;
    const bool learned =
        r->explained >= PAL_CLI_LEARNED; /* also by a code that says nothing about these test samples */
    if (r->baseline == 0) {
        snprintf(out, size, "learned nothing: the test samples are all equal to the mean training sample");
    } else if (r->collapsed && !learned) {
        pal_cli_collapse_remedy(model, pal_rundir_info(dir), r->baseline, remedy, sizeof remedy);
        snprintf(out, size, "learned nothing: posterior collapse, the code tells nothing about the sample: %s", remedy);
    } else if (r->explained < PAL_CLI_LEARNED) {
        write_remedy(dir, data, remedy, sizeof remedy);
        snprintf(out, size, "learned nothing: squared error %.4g, and the mean training sample has %.4g: %s",
                 r->squared_error, r->baseline, remedy);
    }
}

/* ---- Why the training loss is above the test loss ------------------------------------------------------------- */

/* Settings that make the loss of a training step greater, or more uneven, than that of the test samples. */
/* clang-format off */
static const struct {
    const char *name;
    bool training_only; /* false: the test loss has it too, but training draws it anew in each step */
} disturbances[] = {
    {"dropout", true}, {"l1", true}, {"l2", true},
    {"masking", false}, {"sigma", false}, {"salt", false}, {"block-size", false},
};
/* clang-format on */

/* Whether the setting is in use: a number above 0, or a list with one; of a corruption, if it is the chosen one. */
static bool is_used(const pal_model *model, const char *name)
{
    const char *value = pal_model_setting(model, name), *kind = pal_corruption_of(name),
               *corruption = pal_model_setting(model, "corruption"), *of = pal_model_setting(model, "autoencoder");
    if (!value || (kind && (!corruption || strcmp(kind, corruption) != 0))) return false;
    if (kind && of && strcmp(of, "denoising") != 0) return false;
    return value[strcspn(value, "123456789")] != 0;
}

/* Prints one line if the training loss is above the test loss and a setting is the reason. */
static void print_reason(const pal_model *model, const pal_train_result *r)
{
    char text[TEXT] = "train loss is above test loss: with ";
    if (!(r->train_loss > r->test_loss)) return;
    for (int training_only = 1; training_only >= 0; training_only--) {
        size_t n = 0;
        for (size_t i = 0; i < sizeof disturbances / sizeof *disturbances; i++) {
            const char *name = disturbances[i].name;
            const size_t at = strlen(text);
            if (disturbances[i].training_only != training_only || !is_used(model, name)) continue;
            snprintf(text + at, sizeof text - at, "%s%s %s", n++ ? ", " : "", name, pal_model_setting(model, name));
        }
        const size_t at = strlen(text);
        if (!n) continue;
        snprintf(text + at, sizeof text - at, "%s",
                 training_only
                     ? ", which the test loss is without"
                     : ", drawn anew in each step, and a mean over the epoch while the weights still improve");
        pal_cli_paragraph(2, "%s", text);
        return;
    }
}

/* ---- The table ------------------------------------------------------------------------------------------------ */

/* Whether the best measured loss is below the last one. The lines that it comes from are rounded. */
static bool has_better(const pal_train_result *r)
{
    return r->best_epoch && r->best_loss < r->test_loss - 1e-9 * fabs(r->test_loss);
}

/* The epoch of the last phase with the least measured loss, if the last loss is greater. */
static void print_best(const pal_train_result *r)
{
    if (has_better(r)) printf("    epoch %-14lld %10.4f  the best\n", (long long)r->best_epoch, r->best_loss);
}

/* The same of the squared error at the best epoch. */
static void print_best_error(const pal_rundir *dir, const pal_train_result *r)
{
    for (size_t i = 0; i < pal_rundir_epoch_count(dir) && has_better(r); i++) {
        const pal_epoch *e = pal_rundir_epoch(dir, i);
        if (e->epoch == r->best_epoch && isfinite(e->squared_error))
            printf("    epoch %-14lld %10.4f\n", (long long)e->epoch, e->squared_error);
    }
}

/* Why training has ended before its last epoch, and which model is kept beside the last one. */
static void print_end(const pal_rundir *dir, const pal_train_result *r)
{
    const pal_run_info *info = pal_rundir_info(dir);
    char limit[32], longer[32], path[8192] = "";
    if (r->ended && !strcmp(r->ended, "time")) {
        pal_cli_quote_path(path, sizeof path, pal_rundir_path(dir));
        pal_cli_paragraph(2,
                          "ended by --time %s in step %lld, with %lld of %lld epochs finished: `palindrome train "
                          "--resume %s --time %s` goes on",
                          pal_cli_duration(info->time_limit, limit, sizeof limit), (long long)r->steps,
                          (long long)r->epochs, (long long)r->planned, path,
                          pal_cli_duration(2 * info->time_limit, longer, sizeof longer));
    } else if (r->ended)
        pal_cli_paragraph(2,
                          "ended by --patience after epoch %lld: %lld measurement%s in a row %s no improvement; the "
                          "best epoch is %lld",
                          (long long)r->epochs, (long long)info->patience, info->patience == 1 ? "" : "s",
                          info->patience == 1 ? "was" : "were", (long long)r->best_epoch);
    if (pal_rundir_has_best(dir) && r->best_epoch)
        pal_cli_paragraph(2, "best.safetensors is the model after epoch %lld%s", (long long)r->best_epoch,
                          info->patience ? ", which the other commands use (--which last: the last one)"
                                         : " (--which best)");
}

/* What a minimiser has computed: "lbfgs, 212 evaluations of all samples, in chunks of 1000". */
static void print_minimiser(const pal_rundir *dir)
{
    char text[TEXT], count[64];
    const pal_run_info *info = pal_rundir_info(dir);
    int64_t evaluations, products;
    pal_cli_computed(dir, &evaluations, &products);
    int used = snprintf(text, sizeof text, "%s, %s evaluations", info->optimizer.name,
                        pal_cli_count((double)evaluations, count, sizeof count));
    if (products)
        used += snprintf(text + used, sizeof text - (size_t)used, ", %s products%s",
                         pal_cli_count((double)products, count, sizeof count),
                         info->minimise.curvature_samples ? " of a part" : "");
    if (info->minimise.fixed_batch)
        used += snprintf(text + used, sizeof text - (size_t)used, ", batches of %s, each for %lld iteration%s",
                         pal_cli_count((double)info->minimise.fixed_batch, count, sizeof count),
                         (long long)info->minimise.fixed_for, info->minimise.fixed_for == 1 ? "" : "s");
    used += snprintf(text + used, sizeof text - (size_t)used, ", chunks of %lld%s", (long long)info->batch,
                     info->minimise.frozen_noise ? ", frozen noise" : "");
    const size_t n = pal_rundir_epoch_count(dir);
    const pal_epoch *last = n ? pal_rundir_epoch(dir, n - 1) : NULL;
    if (last && last->end != PAL_MINIMISE_RUNNING)
        snprintf(text + used, sizeof text - (size_t)used, "; it has ended by itself: %s (%s: %.3g)",
                 last->end == PAL_MINIMISE_CONVERGED ? "converged" : "rounding hides any further decrease",
                 "largest element of the gradient", last->iteration.gradient);
    pal_cli_paragraph(2, "%s", text);
}

/* The size of a batch, and what does not fill one. */
static void print_steps(const pal_rundir *dir)
{
    const pal_run_info *info = pal_rundir_info(dir);
    char text[TEXT], batches[64];
    const long long rest = (long long)pal_cli_left_out(info);
    if (info->batch < 1) return;
    if (pal_train_minimises(info->optimizer.name)) {
        print_minimiser(dir);
        return;
    }
    const int used = snprintf(text, sizeof text, "%s, rate %g, %s", info->optimizer.name, info->schedule.learning_rate,
                              pal_cli_batches(info, batches, sizeof batches));
    if (rest)
        snprintf(text + used, sizeof text - (size_t)used,
                 "; each epoch leaves out the %lld sample%s that fill%s no batch, others each time", rest,
                 rest == 1 ? "" : "s", rest == 1 ? "s" : "");
    pal_cli_paragraph(2, "%s", text);
}

/* What was trained, on what, and how fast. */
static void print_heading(const pal_rundir *dir, const pal_model *model, const pal_dataset *data,
                          const pal_train_result *r)
{
    char text[TEXT], count[64], rate[64], describe[512], weights[64];
    pal_cli_paragraph(2, "%s on %s", pal_cli_describe(model, describe, sizeof describe), data->name);
    const int used = snprintf(text, sizeof text, "%s weights, %s sample%s, %lld epoch%s in %.1f s",
                              pal_cli_count((double)pal_model_weights(model), weights, sizeof weights),
                              pal_cli_count((double)data->count, count, sizeof count), data->count == 1 ? "" : "s",
                              (long long)r->epochs, r->epochs == 1 ? "" : "s", r->seconds);
    if (r->samples_per_second > 0)
        snprintf(text + used, sizeof text - (size_t)used, ", %s samples/s",
                 pal_cli_count(r->samples_per_second, rate, sizeof rate));
    pal_cli_paragraph(2, "%s", text);
    print_steps(dir);
}

static void print_row(const char *name, double value)
{
    char text[64];
    if (isfinite(value)) pal_cli_print("  %-22s %10s\n", name, pal_cli_figure(value, 4, text, sizeof text));
}

/* The parts of the measured loss, as `evaluate` prints them, if it was measured at the end of an epoch. */
static void print_terms(const pal_rundir *dir, double loss)
{
    const size_t n = pal_rundir_epoch_count(dir);
    const pal_epoch *last = n ? pal_rundir_epoch(dir, n - 1) : NULL;
    for (size_t i = 0; last && last->test_loss == loss && i < last->n_terms; i++) {
        char name[2 + sizeof last->terms->name];
        snprintf(name, sizeof name, "  %s", last->terms[i].name);
        print_row(name, last->terms[i].value);
    }
}

void pal_cli_train_table(const pal_rundir *dir, pal_model *model, const pal_dataset *data, const pal_train_result *r,
                         bool learned)
{
    const char *run = pal_rundir_path(dir);
    putchar('\n');
    print_heading(dir, model, data, r);
    putchar('\n');
    print_row("train loss", r->train_loss);
    const pal_run_info *info = pal_rundir_info(dir);
    print_row(info->hold_out             ? "held-out loss"
              : info->validation_samples ? "validation loss"
                                         : "test loss",
              r->test_loss);
    print_terms(dir, r->test_loss);
    print_best(r);
    print_row("squared error", r->squared_error);
    print_best_error(dir, r);
    print_row("  from corrupted input", r->squared_error_corrupted);
    if (isfinite(r->squared_error)) print_row("  of the mean sample", r->baseline);
    if (isfinite(r->explained))
        printf(fabs(r->explained) < 1000 ? "  %-22s %9.1f%%\n" : "  %-22s %9.3g%%\n", "variance explained",
               100 * r->explained);
    if (isfinite(r->error)) printf("  %-22s %9.2f%%\n", "classified wrongly", 100 * r->error);
    print_reason(model, r);
    print_end(dir, r);
    pal_cli_warn_idle_corruption(model);
    pal_cli_print("\n  saved in %s\n", run);
    if (!learned) return;
    const char *const next[] = {"evaluate", "reconstruct",
                                pal_model_classes(model) ? "classify"
                                : pal_model_code(model)  ? "sample"
                                                         : "filters",
                                "gradients"};
    for (size_t i = 0; i < 3U + pal_rundir_info(dir)->gradient_sizes; i++) {
        char command[8192];
        printf(i ? "           " : "  next:    ");
        pal_cli_print_command(11, 11, pal_cli_command(command, sizeof command, next[i], run));
    }
}
