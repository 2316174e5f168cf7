/* sweep_train.c - one training of a sweep: `palindrome train` with one value of each list. */
#include <stdlib.h>
#include <string.h>

#include "cli/sweep.h"

typedef pal_cli_sweep_job job;

bool pal_cli_sweep_is_axis(const job *j, const char *name)
{
    for (size_t a = 0; a < j->n_axes; a++)
        if (!strcmp(j->axes[a].name, name)) return true;
    return false;
}

size_t pal_cli_sweep_settings(const job *j, const pal_setting *chosen, size_t n_chosen, pal_setting *out)
{
    size_t n = 0;
    for (size_t i = 0; i < j->args.n_variant; i++)
        if (!pal_cli_sweep_is_axis(j, j->args.variant[i].name)) out[n++] = j->args.variant[i];
    for (size_t i = 0; i < n_chosen && n < PAL_CLI_SETTINGS; i++)
        if (strcmp(chosen[i].name, "learning-rate") != 0) out[n++] = chosen[i];
    return n;
}

/* Whether an option of training takes no value. */
static bool is_flag(const char *name)
{
    for (const pal_cli_row *r = pal_cli_train_rows; r->option.name; r++)
        if (!strcmp(r->option.name, name)) return !r->argument;
    return false;
}

int pal_cli_sweep_train(const job *j, const pal_sweep_run *run, const char *folder, pal_error *why)
{
    static char head[] = "palindrome train", quiet[] = "--quiet";
    char *words[2 * PAL_CLI_SETTINGS + 8], *made[2 * PAL_CLI_SETTINGS + 8];
    size_t n = 0, n_made = 0;
    pal_setting all[2 * PAL_CLI_SETTINGS];
    for (size_t i = 0; i < j->args.n_given; i++) {
        const char *name = j->args.given[i].name;
        static const char *const own[] = {"out", "seed", "seeds", "quiet", "json"};
        bool is_own = pal_cli_sweep_is_axis(j, name);
        for (size_t k = 0; k < sizeof own / sizeof *own; k++) is_own |= !strcmp(name, own[k]);
        if (!is_own) all[n++] = j->args.given[i];
    }
    n += pal_cli_sweep_settings(j, run->settings, run->n_settings, all + n);
    for (size_t i = 0; i < run->n_settings; i++)
        if (!strcmp(run->settings[i].name, "learning-rate")) all[n++] = run->settings[i];
    char seed[32];
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)run->seed);
    all[n++] = (pal_setting){"seed", seed};
    all[n++] = (pal_setting){"out", folder};
    size_t count = 0;
    words[count++] = head;
    words[count++] = (char *)(uintptr_t)j->args.words[0];
    bool good = true;
    for (size_t i = 0; i < n && count + 2 < sizeof words / sizeof *words && good; i++) {
        good = is_flag(all[i].name) ? asprintf(&made[n_made], "--%s", all[i].name) >= 0
                                    : asprintf(&made[n_made], "--%s=%s", all[i].name, all[i].value) >= 0;
        if (good) words[count++] = made[n_made++];
    }
    words[count++] = quiet;
    words[count] = NULL;
    int status = good ? pal_cli_train_within((int)count, words, why) : pal_cli_say(PAL_CLI_FAILED, "out of memory");
    while (n_made) free(made[--n_made]);
    return status;
}
