/* like_file.c - reads a run.json, or a file of that form, for train --like and --config. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/like.h"
#include "train/json_text.h"

enum { MOST = 1 << 24 /* bytes of a file */ };
typedef struct pal_cli_like like;

static int read_file(const char *path, char **text, size_t *size)
{
    struct stat info;
    FILE *file = fopen(path, "re");
    if (!file) return pal_cli_say(PAL_CLI_WRONG, "--config %s: %s", path, strerror(errno));
    const bool good = !fstat(fileno(file), &info) && S_ISREG(info.st_mode) && info.st_size <= MOST;
    *text = good ? malloc((size_t)info.st_size + 1) : NULL;
    *size = *text ? fread(*text, 1, (size_t)info.st_size, file) : 0;
    fclose(file);
    if (!good) return pal_cli_say(PAL_CLI_WRONG, "--config %s: no regular file of at most 16 MiB", path);
    return *text ? PAL_CLI_GO_ON : pal_cli_say(PAL_CLI_FAILED, "out of memory");
}

static int parse(like *k, const char *text, size_t size)
{
    const char *wrong;
    int line;
    k->file = palt__json_load(text, size, &line, &wrong);
    if (!k->file && !wrong) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    if (!k->file) return pal_cli_say(PAL_CLI_WRONG, "%s:%d: %.160s", k->path, line, wrong);
    if (json_is_object(k->file)) return PAL_CLI_GO_ON;
    return pal_cli_say(PAL_CLI_WRONG, "%s: no JSON object: give a file in the form of run.json", k->path);
}

static int open_file(like *k)
{
    pal_error err = {0};
    char *text = NULL;
    size_t size = 0;
    if (k->run) {
        k->dir = pal_rundir_open_model(k->path, &err);
        if (!k->dir) return pal_cli_say_error(&err);
        text = (char *)(uintptr_t)pal_rundir_text(k->dir);
        return parse(k, text, strlen(text));
    }
    int status = read_file(k->path, &text, &size);
    if (status == PAL_CLI_GO_ON) status = parse(k, text, size);
    free(text);
    return status;
}

/* Each value has the type that its key needs. null: it has none. */
static int check_types(const like *k)
{
    for (const pal_cli_like_row *r = pal_cli_like_rows; r->key; r++) {
        const json_t *value = pal_cli_like_find(k->file, r->key);
        const char *needs = NULL;
        if (!value || json_is_null(value) || r->kind == LIKE_IGNORED) continue;
        if (r->kind == LIKE_GROUP)
            needs = json_is_object(value) ? NULL : "an object, such as {\"hidden\": 32}";
        else if (r->kind == LIKE_FLAG || r->kind == LIKE_FROZEN)
            needs = json_is_boolean(value) ? NULL : "true or false";
        else if (json_is_object(value) || json_is_array(value))
            needs = "a number or a text";
        if (needs) return pal_cli_say(PAL_CLI_WRONG, "%s: %s is to be %s", k->path, r->key, needs);
    }
    return PAL_CLI_GO_ON;
}

/* A later version may write more keys into a run.json; in a file of the user's own such a key is a slip. */
static int check_keys(const like *k)
{
    char key[160], known[200] = "";
    const char *nearest;
    if (!pal_cli_like_unknown(k->file, key, sizeof key, &nearest)) return PAL_CLI_GO_ON;
    if (*nearest) snprintf(known, sizeof known, ": did you mean %s?", nearest);
    if (!k->run) return pal_cli_say(PAL_CLI_WRONG, "%s: unknown key %s%s", k->path, key, known);
    return pal_cli_say(PAL_CLI_GO_ON, "warning: %s/run.json has keys that this version does not know, such as %s",
                       k->path, key);
}

int pal_cli_like_open(like *k)
{
    int status = open_file(k);
    if (status == PAL_CLI_GO_ON) status = check_keys(k);
    return status == PAL_CLI_GO_ON ? check_types(k) : status;
}
