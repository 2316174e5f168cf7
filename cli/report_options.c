/* report_options.c - the options of a run with those given marked, what it was computed with, and how to repeat it. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/report.h"

enum { TEXT = 512, WORD = 256 };

/* ---- Options -------------------------------------------------------------------------------------------------- */

/* Whether the command of the run has this option, under any of its names. */
static bool is_given(const char *command, const pal_cli_table *table, const char *name)
{
    char word[WORD];
    for (const char *at = command ? command : ""; *at;) {
        const size_t n = pal_cli_shell_word(at);
        const pal_cli_entry *entry = NULL;
        snprintf(word, sizeof word, "%.*s", (int)(n < WORD ? n : WORD - 1), at);
        word[strcspn(word, "=")] = 0;
        if (!strncmp(word, "--", 2)) entry = pal_cli_entry_find(table, word + 2);
        if ((entry && !strcmp(entry->option->name, name)) || (!strncmp(word, "--", 2) && !strcmp(word + 2, name)))
            return true;
        at += n + (at[n] == ' ');
    }
    return false;
}

/* A setting that changes nothing with the other ones, such as --sigma without --corruption gaussian. */
static bool is_idle(const pal__reported *of, const json_t *fact)
{
    pal_error err = {0};
    const char *group = json_string_value(json_object_get(fact, "of"));
    const pal_setting setting = {json_string_value(json_object_get(fact, "name")),
                                 json_string_value(json_array_get(json_object_get(fact, "values"), 0))};
    return group && !strcmp(group, "settings") && setting.value && *setting.value &&
           pal_model_check_given(of->run->model, &setting, 1, &err);
}

static void write_option(pal__report *r, const pal__reported *of, const pal_cli_table *table, const json_t *fact)
{
    pal_html *h = &r->html;
    char text[TEXT], help[PAL_CLI_DOC] = "";
    const char *name = json_string_value(json_object_get(fact, "name"));
    const pal_cli_entry *entry = pal_cli_entry_find(table, name);
    const bool idle = is_idle(of, fact);
    if (entry) pal_cli_entry_help(table, entry, help, sizeof help);
    pal_html_open_class(h, "tr", idle ? "idle" : NULL);
    pal_html_open(h, "th");
    pal_html_attribute(h, "scope", "row");
    pal_html_text(h, "%s", name);
    if (is_given(of->info->command, table, name)) pal_html_element(h, "span", "given", "given");
    pal_html_close(h);
    pal_html_element(h, "td", NULL, "%s",
                     pal_cli_compare_text(json_array_get(json_object_get(fact, "values"), 0), text, sizeof text));
    pal_html_element(h, "td", "soft", "%s%s%s", idle ? "No effect here" : "", idle && *help ? ": " : "", help);
    pal_html_close(h);
}

int pal__report_options(pal__report *r, const pal__reported *of)
{
    json_t *facts = pal_cli_compare_facts((pal_rundir *const[]){of->dir}, 1);
    pal_cli_table *table = malloc(sizeof *table);
    if (!facts || !table) {
        json_decref(facts);
        free(table);
        return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    }
    pal_cli_table_fill(table, &pal_cli_train_spec, pal_model_variant(of->run->model));
    pal__report_table(r,
                      "All options that the run records. Those that were given on the command line are marked; the "
                      "others are defaults, of the model or of the data.",
                      "wide", "option", "value", "meaning", NULL);
    for (size_t i = 0; i < json_array_size(facts); i++) {
        const json_t *fact = json_array_get(facts, i);
        const char *about = json_string_value(json_object_get(fact, "about"));
        const char *group = json_string_value(json_object_get(fact, "of"));
        if (group && !strcmp(group, "fingerprint")) continue; /* of the data, which are no option: see below */
        if (!strcmp(about, pal_cli_compare_about(COMPARE_ASKED))) write_option(r, of, table, fact);
    }
    pal_html_close(&r->html);
    pal_html_close(&r->html);
    json_decref(facts);
    free(table);
    return PAL_CLI_GO_ON;
}

/* ---- Environment ---------------------------------------------------------------------------------------------- */

static void fact(pal_html *h, const char *name, const char *value)
{
    if (!value || !*value) return;
    pal_html_element(h, "dt", NULL, "%s", name);
    pal_html_element(h, "dd", NULL, "%s", value);
}

int pal__report_environment(pal__report *r, const pal__reported *of)
{
    const pal_run_info *info = of->info;
    pal_html *h = &r->html;
    char text[TEXT], a[64];
    pal_html_open_class(h, "dl", "facts");
    fact(h, "palindrome", info->version);
    fact(h, "instructions", info->isa);
    fact(h, "matrix products", info->blas);
    fact(h, "C library", info->libc);
    fact(h, "subnormal numbers", info->subnormals);
    snprintf(text, sizeof text, "%lld, in %lld lanes, which order the sums", (long long)info->threads,
             (long long)info->lanes);
    fact(h, "threads", text);
    fact(h, "portable", info->portable ? "yes: any x86-64 processor gives the same bits" : NULL);
    fact(h, "status", info->status);
    fact(h, "started", info->started);
    fact(h, "finished", info->finished);
    if (info->result.seconds > 0) {
        snprintf(text, sizeof text, "%s of training", pal_cli_time(info->result.seconds, a, sizeof a));
        fact(h, "time", text);
    }
    if (info->result.samples_per_second > 0)
        fact(h, "samples a second", pal_cli_count(info->result.samples_per_second, text, sizeof text));
    fact(h, "changed on resume", info->changed);
    static const char *const hashed[] = {"training samples", "their labels", "test samples", "their labels"};
    for (size_t i = 0; i < PAL_FINGERPRINT; i++) {
        snprintf(text, sizeof text, "%s %s", hashed[i], info->fingerprint[i] ? info->fingerprint[i] : "");
        fact(h, "hash of", info->fingerprint[i] ? text : NULL);
    }
    pal_html_close(h);
    return PAL_CLI_GO_ON;
}

/* ---- Commands ------------------------------------------------------------------------------------------------- */

static void command(pal__report *r, const char *verb, const char *path)
{
    char text[2 * PAL_CLI_PATH];
    pal_html_open(&r->html, "pre");
    pal_html_element(&r->html, "code", NULL, "%s", pal_cli_command(text, sizeof text, verb, path));
    pal_html_close(&r->html);
}

/* The command of the run begins as this program was started. */
static void training(pal__report *r, const pal__reported *of)
{
    const char *words = of->info->command ? of->info->command : "";
    const size_t own = pal_cli_shell_word(program_invocation_name);
    pal_html_open(&r->html, "pre");
    pal_html_element(&r->html, "code", NULL, "%.*s%s", (int)own, program_invocation_name,
                     words + pal_cli_shell_word(words));
    pal_html_close(&r->html);
}

int pal__report_repeat(pal__report *r, const pal__reported *unused)
{
    (void)unused;
    static const char *const verbs[] = {"evaluate", "run-info", "report"};
    pal_html *h = &r->html;
    pal_html_element(h, "p", NULL,
                     "Training again, where it was started. The same version, data, instructions, matrix products and "
                     "lanes give the same bits; other ones give the same figures but for rounding.");
    for (size_t i = 0; i < r->n; i++) {
        if (r->n > 1) pal_html_element(h, "h3", NULL, "%s", r->of[i].name);
        training(r, &r->of[i]);
        for (size_t k = 0; k < r->of[i].info->n_extensions; k++) {
            pal_html_open(h, "pre");
            pal_html_element(h, "code", NULL, "%s",
                             r->of[i].info->extensions[k].command ? r->of[i].info->extensions[k].command : "");
            pal_html_close(h);
        }
    }
    pal_html_element(h, "p", NULL, r->n == 1 ? "The figures, the record of the run, and this page:" : "This page:");
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs && r->n == 1; i++)
        command(r, verbs[i], pal_rundir_path(r->of[0].dir));
    if (r->n == 1) return PAL_CLI_GO_ON;
    char text[PAL_CLI_WORDS * 128 + PAL_CLI_PATH];
    pal_cli_command(text, sizeof text, "report", pal_rundir_path(r->of[0].dir));
    for (size_t i = 1; i < r->n; i++) pal_cli_quote_path(text, sizeof text, pal_rundir_path(r->of[i].dir));
    pal_html_open(h, "pre");
    pal_html_element(h, "code", NULL, "%s", text);
    pal_html_close(h);
    return PAL_CLI_GO_ON;
}
