/* like.c - train --like RUN and --config FILE: options from a run.json, or from a file of that form.
 *
 * Every value comes from the file, also one that is a default, so that a version with other defaults trains the same. A
 * value that the command line gives comes first. What has no effect beside it is left out, and with another optimizer
 * or schedule, so are the options of the one in the file. The command in the new run.json has all options of its own:
 * it can be repeated without the other run. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/data.h"
#include "cli/like.h"
#include "cli/source.h"
#include "train/internal.h"

typedef struct pal_cli_like like;

/* ---- Values --------------------------------------------------------------------------------------------------- */

/* A number, a text, or a boolean as yes or no. NULL: it has no value, such as null. */
static const char *text_of(like *k, json_t *value)
{
    char text[64] = "";
    if (!value || json_is_null(value) || json_is_object(value) || json_is_array(value) ||
        k->n_texts == PAL_CLI_LIKE_TEXTS)
        return NULL;
    if (json_is_boolean(value)) snprintf(text, sizeof text, "%s", json_is_true(value) ? "yes" : "no");
    if (json_is_integer(value)) snprintf(text, sizeof text, "%lld", (long long)json_integer_value(value));
    if (json_is_real(value)) palt__real_text(json_real_value(value), text, sizeof text);
    char *copy = strdup(json_is_string(value) ? json_string_value(value) : text);
    if (copy && json_is_string(value)) pal_text_unescape(copy);
    if (copy) k->texts[k->n_texts++] = copy;
    return copy;
}

static double number(const like *k, const char *key)
{
    const json_t *value = pal_cli_like_find(k->file, key);
    return json_is_number(value) ? json_number_value(value) : 0;
}

/* Steps as epochs of the run, as a text; NULL: the file does not say how many steps an epoch has. */
static const char *epochs_of(like *k, double steps, double less)
{
    const double batch = number(k, "batch"), parts = fmax(number(k, "accumulate"), 1),
                 all = floor(number(k, "train_samples"));
    const double each = batch >= 1 ? floor(floor(all / batch) / parts) : 0;
    if (!(each >= 1) || floor(steps / each) * each != steps) return NULL;
    json_t *value = json_integer((json_int_t)(steps / each - less));
    const char *text = text_of(k, value);
    json_decref(value);
    return text;
}

/* The value of the option; NULL: there is none to give. */
static const char *value_of(like *k, const pal_cli_like_row *row)
{
    json_t *value = pal_cli_like_find(k->file, row->key);
    const double n = json_is_number(value) ? json_number_value(value) : (double)NAN;
    if (!value || json_is_null(value)) return k->run ? row->missing : NULL;
    if (row->kind == LIKE_FLAG) return json_is_true(value) ? "yes" : NULL;
    if (row->kind == LIKE_FROZEN) return json_is_true(value) ? "frozen" : "fresh";
    if (row->kind == LIKE_EPOCHS || row->kind == LIKE_EPOCHS_1)
        return n > 0 ? epochs_of(k, n, row->kind == LIKE_EPOCHS_1) : NULL;
    if (row->kind != LIKE_VALUE && n == 0) return NULL;
    if (row->kind == LIKE_SIGNED && n < 0) return "0";
    return text_of(k, value);
}

/* ---- Taking them ---------------------------------------------------------------------------------------------- */

static bool has(const pal_setting *list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(list[i].name, name)) return true;
    return false;
}

static const pal_option *option_of_train(const char *name)
{
    const pal_cli_row *const tables[] = {pal_cli_train_rows, pal_cli_data_rows};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        for (const pal_cli_row *r = tables[i]; r->option.name; r++)
            if (!strcmp(r->option.name, name)) return &r->option;
    return NULL;
}

static int refuse_value(const like *k, const pal_error *err)
{
    return pal_cli_say(PAL_CLI_WRONG, "%s%s: %s", k->path, k->run ? "/run.json" : "", err->text);
}

/* Whether the value fits the option; an option of any text takes all but an empty one. */
static bool fits(const pal_option *option, const char *value, pal_error *err)
{
    const bool any = option->type == PAL_OPTION_ENUM && !option->choices;
    if (any)
        return *value ||
               !pal_error_set(err, PAL_ERR_ARGUMENT, "%s is empty: give a value, or leave it out", option->name);
    return !pal_option_check(option, value, err);
}

/* The settings of the model. classes follows the labels of other data. */
static int take_settings(pal_cli_job *j, const char *model)
{
    like *k = j->like;
    pal_cli_args *a = &j->args;
    const char *name;
    json_t *value, *settings = json_object_get(k->file, "settings");
    const bool other = model && pal_variant_find(model) != j->variant;
    json_object_foreach(settings, name, value)
    {
        const pal_option *option = pal_variant_option_find(j->variant, name);
        pal_error err = {0};
        const char *text = text_of(k, value);
        if (json_is_object(value) || json_is_array(value))
            return pal_cli_say(PAL_CLI_WRONG, "%s: %s is to be a number or a text", k->path, name);
        if (!text || (!*text && option && !*option->value) || has(a->variant, k->own_settings, name)) continue;
        if (!strcmp(name, "classes") && pal_cli_given(a, "data")) continue;
        if (other && (!option || pal_option_check(option, text, &err))) {
            pal_cli_append(k->left_out, sizeof k->left_out, ", ", name);
            continue;
        }
        const pal_setting one = {option ? option->name : name, text};
        if (!option) return pal_cli_check_settings(j->variant, &one, 1);
        if (pal_option_check(option, text, &err)) return refuse_value(k, &err);
        if (a->n_variant < PAL_CLI_SETTINGS) a->variant[a->n_variant++] = one;
    }
    return PAL_CLI_GO_ON;
}

static int take_option(pal_cli_job *j, const char *name, const char *value)
{
    pal_cli_args *a = &j->args;
    pal_error err = {0};
    const pal_option *option = option_of_train(name);
    if (!value || !option || has(a->given, a->n_given, name)) return PAL_CLI_GO_ON;
    if (option->type != PAL_OPTION_BOOL && !fits(option, value, &err)) return refuse_value(j->like, &err);
    if (a->n_given < PAL_CLI_SETTINGS) a->given[a->n_given++] = (pal_setting){option->name, value};
    return PAL_CLI_GO_ON;
}

/* Whether another optimizer or schedule than that of the file is given. */
static bool replaced(const pal_cli_job *j, const char *group)
{
    char key[32];
    snprintf(key, sizeof key, "%s.name", group);
    const char *given = NULL, *was = json_string_value(pal_cli_like_find(j->like->file, key));
    for (size_t i = 0; i < j->like->own_options; i++)
        if (!strcmp(j->args.given[i].name, group)) given = j->args.given[i].value;
    return given && (!was || strcmp(given, was) != 0);
}

static int take_options(pal_cli_job *j)
{
    like *k = j->like;
    int status = PAL_CLI_GO_ON;
    const bool optimizer = replaced(j, "optimizer"), schedule = replaced(j, "schedule");
    for (const pal_cli_like_row *r = pal_cli_like_rows; r->key && status == PAL_CLI_GO_ON; r++) {
        const bool lost = r->group && (!strcmp(r->group, "optimizer") ? optimizer : schedule);
        if (r->option && !lost) status = take_option(j, r->option, value_of(k, r));
    }
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(k->file, "data_options"), name, value)
    {
        if (status == PAL_CLI_GO_ON && !option_of_train(name) && !k->run)
            status = pal_cli_say(PAL_CLI_WRONG, "%s: data_options.%s is no option of train", k->path, name);
        if (status == PAL_CLI_GO_ON) status = take_option(j, name, text_of(k, value));
    }
    return status;
}

/* Leaves out what was taken and has no effect beside the rest. What remains is checked again, for an option may have
 * needed one that is gone. Only what another given option makes idle is worth a word. */
static void drop_idle(pal_cli_job *j)
{
    pal_cli_args *a = &j->args;
    for (size_t i = j->like->own_options; i < a->n_given;) {
        const char *name = a->given[i].name;
        pal_cli_args one = {.spec = a->spec, .n_given = 1, .given = {{name, a->given[i].value}}};
        if (pal_cli_needs_met(pal_cli_train_needs, &one, pal_cli_job_value, j)) {
            i++;
            continue;
        }
        memmove(&a->given[i], &a->given[i + 1], (a->n_given - i - 1) * sizeof *a->given);
        a->n_given--;
        i = j->like->own_options;
    }
}

/* Reads the arguments once more, with the model of the file as their word. */
static int parse_with_model(pal_cli_job *j, int argc, char **argv, const char *model)
{
    char **words = calloc((size_t)argc + 2, sizeof *words);
    if (!words) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    words[0] = argv[0];
    words[1] = (char *)(uintptr_t)model;
    memcpy(words + 2, argv + 1, (size_t)(argc - 1) * sizeof *words);
    const int status = pal_cli_parse(&pal_cli_train_spec, argc + 1, words, &j->args);
    free(words);
    return status;
}

static int take(pal_cli_job *j, int argc, char **argv)
{
    like *k = j->like;
    int status = pal_cli_like_open(k);
    if (status != PAL_CLI_GO_ON) return status;
    const char *model = json_string_value(json_object_get(k->file, "model"));
    if (!j->args.n_words && !model)
        return pal_cli_say(PAL_CLI_WRONG, "%s names no model: give it as a word, or as \"model\" in the file", k->path);
    if (!j->args.n_words) status = parse_with_model(j, argc, argv, model);
    if (status == PAL_CLI_GO_ON) j->variant = pal_cli_variant(j->args.words[0], &status);
    if (status != PAL_CLI_GO_ON) return status;
    k->own_settings = j->args.n_variant;
    k->own_options = j->args.n_given;
    status = take_settings(j, model);
    if (status == PAL_CLI_GO_ON) status = take_options(j);
    if (status == PAL_CLI_GO_ON) drop_idle(j);
    return status;
}

int pal_cli_like_take(pal_cli_job *j, int argc, char **argv)
{
    const char *run = pal_cli_given(&j->args, "like"), *file = pal_cli_given(&j->args, "config");
    if ((!run && !file) || pal_cli_given(&j->args, "resume")) return PAL_CLI_GO_ON; /* --resume refuses them */
    if (run && file) return pal_cli_say(PAL_CLI_WRONG, "--config has no effect with --like: leave out one of them");
    j->like = calloc(1, sizeof *j->like);
    if (!j->like) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    j->like->run = run != NULL;
    j->like->path = run ? run : file;
    return take(j, argc, argv);
}

size_t pal_cli_like_given(const pal_cli_job *j) { return j->like ? j->like->own_settings : j->args.n_variant; }

/* ---- When the model is made ----------------------------------------------------------------------------------- */

/* Warns if what the run began with has changed, as far as it was taken. */
static void warn(const pal_cli_job *j)
{
    const like *k = j->like;
    const pal_run_info *info = k->dir ? pal_rundir_info(k->dir) : NULL;
    bool other = false;
    for (size_t i = 0; i < k->own_options; i++) {
        const char *name = j->args.given[i].name;
        other |= pal_choices_have("data|limit", name) || pal_data_option_find(name);
    }
    const char *changed = info && !other ? pal_run_data_changed(info, j->train, j->test) : NULL;
    if (changed)
        pal_cli_say(PAL_CLI_GO_ON, "warning: the %s of %s have changed since %s was trained: the new run differs",
                    changed, j->data, k->path);
    if (info && info->from_weights && *j->from_weights && strcmp(info->from_weights, j->from_weights) != 0)
        pal_cli_say(PAL_CLI_GO_ON, "warning: the weights of %s have changed since %s began with them", j->from,
                    k->path);
}

static void add_to_command(pal_cli_job *j, const pal_setting *s, bool flag)
{
    char option[96];
    snprintf(option, sizeof option, "--%s", s->name);
    pal_cli_quote(j->command, sizeof j->command, option);
    if (!flag) pal_cli_quote(j->command, sizeof j->command, s->value);
}

/* The settings that have an effect, as train checks it. One that is left out may give an effect to those before it. */
static size_t find_settings(const pal_cli_job *j, pal_setting *out)
{
    size_t n = j->args.n_variant;
    memcpy(out, j->args.variant, n * sizeof *out);
    for (size_t i = n; i-- > 0;) {
        pal_error err = {0};
        const pal_cli_effects effects = {.kind = PAL_CLI_TRAINING,
                                         .model = j->model,
                                         .settings = out,
                                         .n = n,
                                         .given = n,
                                         .seed = (uint64_t)j->info.seed};
        if (!pal_model_check_given(j->model, &out[i], 1, &err) && pal_cli_has_effect(&effects, i)) continue;
        memmove(&out[i], &out[i + 1], (n - i - 1) * sizeof *out);
        n--;
    }
    return n;
}

/* The command without --like: the settings that have an effect, and all options. */
static void write_command(pal_cli_job *j)
{
    pal_setting settings[PAL_CLI_SETTINGS];
    const size_t n = find_settings(j, settings);
    const pal_cli_args *a = &j->args;
    snprintf(j->command, sizeof j->command, "palindrome%s train", pal_cli_loads());
    pal_cli_quote(j->command, sizeof j->command, pal_cli_model_word(j->variant));
    for (size_t i = 0; i < n; i++) add_to_command(j, &settings[i], false);
    for (size_t i = 0; i < a->n_given; i++) {
        const pal_option *option = option_of_train(a->given[i].name);
        if (strcmp(a->given[i].name, "like") && strcmp(a->given[i].name, "config"))
            add_to_command(j, &a->given[i], option && option->type == PAL_OPTION_BOOL);
    }
}

void pal_cli_like_tell(pal_cli_job *j)
{
    like *k = j->like;
    char here[512] = "";
    if (!k) return;
    warn(j);
    write_command(j);
    for (size_t i = 0; i < k->own_settings; i++) pal_cli_append(here, sizeof here, ", ", j->args.variant[i].name);
    for (size_t i = 0; i < k->own_options; i++)
        if (!pal_choices_have("like|config|out|quiet|json|threads|max-memory", j->args.given[i].name))
            pal_cli_append(here, sizeof here, ", ", j->args.given[i].name);
    if (pal_cli_flag(&j->args, "quiet")) return;
    pal_cli_say(PAL_CLI_GO_ON, "%s %s: %s, with %zu settings and %zu options from there%s%s%s%s",
                k->run ? "like" : "as in", k->path, j->variant->name, j->args.n_variant - k->own_settings,
                j->args.n_given - k->own_options, *here ? "; given here: " : "", here,
                *k->left_out ? "; this model has no " : "", k->left_out);
}

void pal_cli_like_free(pal_cli_job *j)
{
    like *k = j->like;
    if (!k) return;
    while (k->n_texts) free(k->texts[--k->n_texts]);
    json_decref(k->file);
    pal_rundir_free(k->dir);
    free(k);
    j->like = NULL;
}
