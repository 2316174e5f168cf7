/* source_run.c - the model of a run that keeps its own source, RUN/variant.c.
 *
 * The file is code, and whoever made the folder wrote it. It is compiled and loaded only if this user has compiled the
 * same text before, by naming the file, or if --trust is given; the library has checked that it is the text that the
 * run was trained with. Two texts with one model's name cannot be loaded together. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/source.h"

static bool trusted; /* --trust */

void pal_cli_source_trust(void) { trusted = true; }

int pal_cli_source_of_run(const pal_rundir *dir)
{
    const pal_run_info *info = pal_rundir_info(dir);
    char word[PATH_MAX];
    pal_error err = {0};
    char *text;
    if (!info->source_hash) return PAL_CLI_GO_ON;
    const pal_variant *here = pal_variant_find(info->model);
    const pal_cli_source *own = here ? pal_cli_source_of(here) : NULL;
    if (here && (!own || !strcmp(own->hash, info->source_hash))) return PAL_CLI_GO_ON; /* of --load, or the same text */
    pal_rundir_file(dir, "variant.c", word, sizeof word);
    if (own)
        return pal_cli_say(PAL_CLI_FAILED,
                           "%s and %s are two texts of the model %s, of which one process takes one: use them in two "
                           "commands",
                           own->word, word, here->name);
    if (pal_rundir_source(dir, &text, &err)) return pal_cli_say_error(&err);
    int status = PAL_CLI_GO_ON;
    if (!trusted && !pal_cli_cache_knows(info->source_hash))
        status =
            pal_cli_say(PAL_CLI_FAILED,
                        "%s: its model is C code, %s, that you have not compiled before: read it, and if you trust "
                        "it, run this again with --trust",
                        pal_rundir_path(dir), word);
    if (status == PAL_CLI_GO_ON)
        status = pal_cli_source_add(word, info->source ? info->source : word, text, info->model);
    free(text);
    return status;
}

int pal_cli_source_of_folder(const char *path)
{
    char file[PATH_MAX];
    if (snprintf(file, sizeof file, "%s/variant.c", path) >= (int)sizeof file || access(file, F_OK))
        return PAL_CLI_GO_ON;
    pal_error err = {0};
    pal_rundir *dir = pal_rundir_open_model(path, &err);
    if (!dir) return PAL_CLI_GO_ON; /* the verb says why */
    const int status = pal_cli_source_of_run(dir);
    pal_rundir_free(dir);
    return status;
}

void pal_cli_source_tell(const pal_rundir *dir)
{
    const pal_run_info *info = pal_rundir_info(dir);
    char hash[PAL_SHA256_TEXT];
    if (!info->source_hash || !info->source || access(info->source, R_OK)) return;
    char *text = pal_cli_source_read(info->source, NULL);
    if (!text) {
        pal_cli_say(PAL_CLI_GO_ON, "warning: %s cannot be compared with the run's own copy, variant.c", info->source);
        return;
    }
    pal_sha256(text, strlen(text), hash);
    free(text);
    if (strcmp(hash, info->source_hash) != 0)
        pal_cli_say(PAL_CLI_GO_ON,
                    "%s: %s has changed since the run began: the run goes on with its own copy, variant.c",
                    pal_rundir_path(dir), info->source);
}
