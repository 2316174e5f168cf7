/* check.c - palindrome check: what a variant must pass before one believes its results, a verdict a line.
 *
 * A note is no failure: it says what a variant lacks, or does not do. A failure says what to look at, and the exit
 * status is 1. The derivatives are those of `palindrome gradcheck`, and at the ends of the variant's own numbers, too.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/check.h"
#include "cli/gradcheck.h"
#include "cli/source.h"

/* clang-format off */
static const pal_cli_row rows[] = {
    PAL_CLI_INT("seed", "1", 0, 1e15, "N", "seed of inputs, weights and noise"),
    PAL_CLI_JSON,
    PAL_CLI_THREADS,
    PAL_CLI_END,
};
/* clang-format on */
const pal_cli_spec pal_cli_check_spec = {
    .words = "MODEL",
    .summary =
        "Check a variant, such as ./mine.c: that it compiles without warnings, its derivatives to second order, "
        "shapes of batches and inputs, that equal runs give equal bits, that it can be saved, and that it learns.",
    .rows = rows,
    .least = 1,
    .most = 1,
    .missing = "no model given: name a file such as ./mine.c, or a model (`palindrome models` lists them)",
};

static const char *const words[] = {[PAL_CLI_PASS] = "pass", [PAL_CLI_NOTE] = "note", [PAL_CLI_FAIL] = "FAIL"};

static void print_line(const pal_cli_finding *f)
{
    char line[64];
    snprintf(line, sizeof line, "%s  %s", words[f->verdict], f->name);
    pal_cli_hang(line, 28, pal_cli_width(), f->text);
    fflush(stdout);
}

void pal_cli_find(pal_cli_checking *c, const char *name, pal_cli_verdict verdict, const char *format, ...)
{
    va_list args;
    if (c->n == PAL_CLI_FINDINGS) return;
    pal_cli_finding *f = &c->findings[c->n++];
    *f = (pal_cli_finding){.name = name, .verdict = verdict};
    va_start(args, format);
    vsnprintf(f->text, sizeof f->text, format, args);
    va_end(args);
    if (!pal_cli_flag(c->args, "json")) print_line(f);
}

/* ---- The file, and what it says about itself ------------------------------------------------------------------ */

/* Compiles the file anew: an object of the cache shows no warnings. */
static void check_file(pal_cli_checking *c)
{
    const pal_cli_source *s = pal_cli_source_of(c->variant);
    pal_cli_cache cache;
    char object[PATH_MAX];
    if (!s) return;
    pal_cli_compiler *compiler = pal_cli_compiler_find(s->word);
    if (!compiler) return;
    if (pal_cli_cache_open(&cache, s->word, true) == PAL_CLI_GO_ON) {
        snprintf(object, sizeof object, "%s/" PAL_CLI_CHECKED "%ld.so", cache.folder, (long)getpid());
        if (pal_cli_compile(compiler, &cache, s, object, true) == PAL_CLI_GO_ON)
            pal_cli_find(c, "compiles", PAL_CLI_PASS, "without warnings");
        else
            pal_cli_find(c, "compiles", PAL_CLI_FAIL, "with warnings: mend what the compiler says above");
        unlink(object);
        pal_cli_cache_close(&cache);
    }
    pal_cli_compiler_free(compiler);
}

static void check_description(pal_cli_checking *c)
{
    const pal_variant *v = c->variant;
    char missing[128] = "";
    if (!v->formula) pal_cli_append(missing, sizeof missing, ", ", ".formula");
    if (!v->source) pal_cli_append(missing, sizeof missing, ", ", ".source");
    if (v->summary && !*v->summary) pal_cli_append(missing, sizeof missing, ", ", ".summary");
    for (const pal_option *o = v->options; o && o->name; o++)
        if (o->type != PAL_OPTION_NONE && (!o->help || !*o->help)) {
            pal_cli_append(missing, sizeof missing, ", ", "the help of ");
            strncat(missing, o->name, sizeof missing - strlen(missing) - 1);
        }
    if (*missing)
        pal_cli_find(c, "description", PAL_CLI_NOTE, "lacks %s: `palindrome models %s` shows what is there", missing,
                     c->word);
    else
        pal_cli_find(c, "description", PAL_CLI_PASS, "summary, formula, source and options");
}

/* ---- Derivatives ---------------------------------------------------------------------------------------------- */

static void check_order(pal_cli_checking *c, const pal__checks *all, int order)
{
    static const char *const names[] = {"", "first derivatives", "second derivatives"};
    const pal__result *bad = NULL;
    size_t n = 0, failed = 0;
    for (size_t i = 0; i < all->n; i++) {
        const pal__result *r = &all->results[i];
        if (r->report.order != order) continue;
        n++;
        if (r->report.verdict == PAL_CHECK_PASS || r->report.verdict == PAL_CHECK_KINK) continue;
        failed++;
        if (!bad) bad = r;
    }
    if (!bad && n)
        pal_cli_find(c, names[order], PAL_CLI_PASS,
                     "%zu settings: the defaults, each choice, the ends of the numbers, within %d", n,
                     PAL_CLI_FARTHEST);
    else if (bad && bad->report.verdict == PAL_CHECK_ERROR)
        pal_cli_find(c, names[order], PAL_CLI_FAIL, "%zu of %zu settings cannot be computed, first %s: %s", failed, n,
                     *bad->report.label ? bad->report.label : "the defaults", bad->report.message);
    else if (bad)
        pal_cli_find(
            c, names[order], PAL_CLI_FAIL,
            "%zu of %zu settings, first %s: %s: %s: look for a pal_stop_gradient, a kink, or a root or logarithm "
            "near 0; `palindrome gradcheck %s` lists all",
            failed, n, *bad->report.label ? bad->report.label : "the defaults", bad->where, bad->report.message,
            c->word);
}

static void check_derivatives(pal_cli_checking *c)
{
    pal_cli_progress progress;
    pal__checks all = {.first = 1, .last = 2, .seed = c->seed, .ends = true, .progress = &progress};
    all.context = pal_context_new(
        &(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = 1, .unpinned = true});
    pal_cli_progress_start(&progress, false, pal_cli_flag(c->args, "json"));
    if (all.context) pal_cli_gradcheck_variant(&all, c->variant);
    if (!all.context || all.no_memory) {
        pal_cli_find(c, "derivatives", PAL_CLI_FAIL, "%s", *all.why ? all.why : "out of memory");
    } else {
        check_order(c, &all, 1);
        check_order(c, &all, 2);
    }
    free(all.results);
    pal_context_free(all.context);
}

/* ---- The verb ------------------------------------------------------------------------------------------------- */

static void print_json(const pal_cli_checking *c, bool passed)
{
    json_t *all = json_array();
    for (size_t i = 0; i < c->n; i++) {
        const pal_cli_finding *f = &c->findings[i];
        json_t *one = json_object();
        json_object_set_new(one, "name", pal_cli_text(f->name));
        json_object_set_new(one, "verdict", pal_cli_text(f->verdict == PAL_CLI_FAIL ? "fail" : words[f->verdict]));
        json_object_set_new(one, "text", pal_cli_text(f->text));
        json_array_append_new(all, one);
    }
    json_t *document = json_object();
    json_object_set_new(document, "model", pal_cli_text(c->variant->name));
    json_object_set_new(document, "passed", json_boolean(passed));
    json_object_set_new(document, "checks", all);
    pal_cli_print_json(document);
}

static int run(pal_cli_checking *c)
{
    size_t failed = 0;
    check_file(c);
    check_description(c);
    check_derivatives(c);
    pal_cli_check_shapes(c);
    pal_cli_check_recording(c);
    pal_cli_check_training(c);
    for (size_t i = 0; i < c->n; i++) failed += c->findings[i].verdict == PAL_CLI_FAIL;
    if (pal_cli_flag(c->args, "json"))
        print_json(c, !failed);
    else if (!failed)
        printf("all %zu checks passed\n", c->n);
    if (!failed) return PAL_CLI_DONE;
    fflush(stdout);
    return pal_cli_say(PAL_CLI_FAILED, "%s: %zu of %zu checks failed", c->word, failed, c->n);
}

int pal_cli_check(int argc, char **argv)
{
    pal_cli_args args;
    int status = pal_cli_parse(&pal_cli_check_spec, argc, argv, &args);
    if (status != PAL_CLI_GO_ON) return status;
    pal_cli_checking *c = calloc(1, sizeof *c);
    if (!c) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    c->args = &args;
    c->seed = (uint64_t)pal_cli_int(&args, "seed", 1);
    c->variant = pal_cli_variant(args.words[0], &status);
    if (c->variant) c->word = pal_cli_model_word(c->variant);
    if (c->variant) c->context = pal_cli_context(&args, NULL, &status);
    if (c->context) status = run(c);
    pal_context_free(c->context);
    free(c);
    return status;
}
