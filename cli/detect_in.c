/* detect_in.c - the samples of `palindrome detect` and their labels. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/detect.h"

typedef pal_cli_detect_job job;

/* ---- Samples -------------------------------------------------------------------------------------------------- */

static bool is_folder(const char *path)
{
    struct stat info;
    return !stat(path, &info) && S_ISDIR(info.st_mode);
}

int pal_cli_detect_open(job *j)
{
    char is[96], was[96];
    pal_error err = {0};
    const int64_t limit = pal_cli_int(&j->args, "limit", 0);
    if (!j->in) return pal_cli_open_data(&j->args, &j->run);
    const bool piped = !strcmp(j->in, "-");
    if ((piped || !is_folder(j->in)) && pal_cli_given(&j->args, "split"))
        return pal_cli_say(PAL_CLI_WRONG,
                           "--split is for the folder of a data set, and %s is not a folder: leave it out", j->in);
    pal_dataset *data = j->run.data = pal_cli_open_samples(&j->run, j->in, piped, &err);
    if (!data) return pal_cli_say_error(&err);
    if (data->features != (int64_t)j->features)
        return pal_cli_say(PAL_CLI_WRONG, "%s: its samples are %s, but %s takes %s: give samples of %zu features",
                           piped ? "standard input" : j->in, pal_shape_text(data->sample, is, sizeof is),
                           pal_rundir_path(j->run.dir), pal_shape_text(pal_model_sample(j->run.model), was, sizeof was),
                           j->features);
    if (pal_data_check(j->run.model, data, &err)) return pal_cli_say_error(&err);
    if (limit && pal_dataset_limit(data, limit)) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    return PAL_CLI_GO_ON;
}

/* ---- Labels --------------------------------------------------------------------------------------------------- */

enum { CLASSES = 256 };

static bool is_text(const char *name, const char *text, size_t length)
{
    return name && strlen(name) == length && !strncmp(name, text, length);
}

/* The number of a class that is given by name or else by number, since names may be numbers; -1: there is no such
 * class. */
static int class_of(const pal_dataset *data, const char *text, size_t length)
{
    char number[16];
    for (int i = 0; i < data->classes; i++)
        if (is_text(pal_dataset_class_name(data, i), text, length)) return i;
    for (int i = 0; i < data->classes; i++) {
        snprintf(number, sizeof number, "%d", i);
        if (is_text(number, text, length)) return i;
    }
    return -1;
}

static int take_classes(const pal_dataset *data, const char *option, const char *list, bool set[CLASSES])
{
    for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        const size_t length = strcspn(at, ",");
        const int class = class_of(data, at, length);
        if (class < 0)
            return pal_cli_say(PAL_CLI_WRONG, "--%s %s: %s has no class %.*s: choose among 0 to %d", option, list,
                               data->name, (int)length, at, data->classes - 1);
        set[class] = true;
    }
    return PAL_CLI_GO_ON;
}

int pal_cli_detect_labels(job *j)
{
    const pal_dataset *data = j->run.data;
    const char *normal = pal_cli_given(&j->args, "normal"), *odd = pal_cli_given(&j->args, "odd");
    bool set[CLASSES] = {false};
    if (!data->labels) {
        snprintf(j->odd_how, sizeof j->odd_how, "%.64s has no labels", data->name);
        if (!normal && !odd) return PAL_CLI_GO_ON;
        return pal_cli_say(PAL_CLI_WRONG, "--%s names classes, but %s", normal ? "normal" : "odd", j->odd_how);
    }
    if (!normal && !odd && data->classes != 2) {
        snprintf(j->odd_how, sizeof j->odd_how, "name the classes that are not odd with --normal CLASS,...");
        return PAL_CLI_GO_ON;
    }
    const char *first = pal_dataset_class_name(data, 0), *list = odd ? odd : normal ? normal : first ? first : "0";
    set[0] = !odd && !normal;
    const int status = set[0] ? PAL_CLI_GO_ON : take_classes(data, odd ? "odd" : "normal", list, set);
    if (status != PAL_CLI_GO_ON) return status;
    j->odd = malloc((size_t)data->count);
    if (!j->odd) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    for (int64_t i = 0; i < data->count; i++)
        j->odd[i] = set[((const uint8_t *)data->labels->data)[i]] == (odd != NULL);
    snprintf(j->odd_how, sizeof j->odd_how, odd ? "odd: class %.150s" : "odd: all but class %.150s", list);
    return PAL_CLI_GO_ON;
}
