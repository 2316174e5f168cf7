/* compare.c - palindrome compare: says what is equal and what differs between runs, and why.
 *
 * As diff and cmp do, it exits with 0 if the results are equal, with 1 if they differ, and with 2 on any error. */
#include "cli/compare.h"
#include "cli/report.h"

static const pal_cli_row rows[] = {
    PAL_CLI_OUT("also write a page about the runs, as report does, .html"),
    PAL_CLI_JSON,
    PAL_CLI_END,
};
const pal_cli_spec pal_cli_compare_spec = {
    .words = "RUN RUN...",
    .summary =
        "Say what is equal and what differs between runs: how they were trained, their metrics, and their weights "
        "bit by bit, with the largest differences: absolute, relative, and in units in the last place (ulps); and why "
        "they differ, where that is known. The first run is compared with each of the "
        "others. Exit status: 0 if metrics and weights are equal, 1 if they differ, 2 on an error.",
    .rows = rows,
    .least = 2,
    .most = PAL_CLI_WORDS,
    .missing = "compare needs two runs or more: name their folders, such as runs/basic-001 runs/basic-002",
};

/* Compares the first run with each of the others. NULL: failed, see err. */
static json_t *compare_all(pal_rundir *const *runs, size_t n, pal_error *err)
{
    const pal_context_options o = {.struct_size = sizeof o, .threads = 1, .unpinned = true};
    pal_context *context = pal_context_new(&o);
    json_t *list = json_array();
    if (!context || !list) pal_error_set(err, PAL_ERR_MEMORY, "out of memory");
    for (size_t i = 1; i < n && !err->status; i++) {
        json_t *one = pal_cli_compare_results(runs[0], runs[i], context, err);
        if (one && json_array_append_new(list, one)) pal_error_set(err, PAL_ERR_MEMORY, "out of memory");
    }
    pal_context_free(context);
    if (!err->status) return list;
    json_decref(list);
    return NULL;
}

static bool all_equal(const json_t *results)
{
    bool equal = true;
    for (size_t i = 0; i < json_array_size(results); i++)
        equal &= json_is_true(json_object_get(json_array_get(results, i), "equal"));
    return equal;
}

/* The path as run.json has paths: what is no text in UTF-8 is escaped. */
static json_t *json_of_path(const char *path)
{
    char text[4 * PAL_CLI_PATH];
    pal_text_escape(path, text, sizeof text);
    return json_string(text);
}

static int report(const pal_cli_args *args, json_t *facts, json_t *results)
{
    char why[1024] = "";
    const bool equal = all_equal(results);
    if (!equal) pal_cli_compare_why(facts, results, why, sizeof why);
    if (pal_cli_flag(args, "json")) {
        json_t *runs = json_array();
        for (size_t i = 0; i < args->n_words; i++) json_array_append_new(runs, json_of_path(args->words[i]));
        pal_cli_print_json(json_pack("{s:o, s:b, s:O, s:O, s:s?}", "runs", runs, "equal", equal, "facts", facts,
                                     "results", results, "why", equal ? NULL : why));
    } else {
        pal_cli_compare_print(args->words, args->n_words, facts, results, why);
    }
    return equal ? PAL_CLI_DONE : PAL_CLI_FAILED;
}

/* The page of --out. Returns status, or that of an error. */
static int write_page(const pal_cli_args *args, int status)
{
    char path[PAL_CLI_PATH];
    pal_cli_runs runs;
    int written = pal_cli_open_all(args, false, &runs);
    if (written == PAL_CLI_GO_ON)
        written = pal__report_runs(args, &runs, pal_cli_given(args, "out"), path, sizeof path);
    pal_cli_close_all(&runs);
    if (written != PAL_CLI_GO_ON) return written == PAL_CLI_FAILED ? PAL_CLI_WRONG : written;
    if (!pal_cli_flag(args, "json")) pal_cli_print("\n%s\n", path);
    return status;
}

int pal_cli_compare(int argc, char **argv)
{
    pal_cli_args args;
    pal_error err = {0};
    pal_rundir *runs[PAL_CLI_WORDS] = {0};
    int status = pal_cli_parse(&pal_cli_compare_spec, argc, argv, &args);
    if (status == PAL_CLI_GO_ON) status = pal__report_check(&args);
    if (status != PAL_CLI_GO_ON) return status;
    for (size_t i = 0; i < args.n_words && !err.status; i++) runs[i] = pal_rundir_open(args.words[i], &err);
    json_t *results = err.status ? NULL : compare_all(runs, args.n_words, &err);
    json_t *facts = results ? pal_cli_compare_facts(runs, args.n_words) : NULL;
    if (results && (!facts || pal_cli_json_lost())) pal_error_set(&err, PAL_ERR_MEMORY, "out of memory");
    status = err.status ? PAL_CLI_WRONG : report(&args, facts, results);
    if (err.status) pal_cli_say_error(&err);
    json_decref(facts);
    json_decref(results);
    for (size_t i = 0; i < args.n_words; i++) pal_rundir_free(runs[i]);
    if (!err.status && pal_cli_given(&args, "out")) status = write_page(&args, status);
    return status;
}
