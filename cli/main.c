/* main.c - the program `palindrome`: finds the verb, loads the models of one's own, runs the verb. */
#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/processes.h"
#include "cli/restart.h"
#include "cli/source.h"
#include "ops/ops.h"

/* Moves the values of --load from the command line to `files`, and takes --trust. `words` receives the other arguments.
 * They can be anywhere before "--". Returns PAL_CLI_GO_ON or the exit status. */
static int split(int argc, char **argv, char **words, int *n, char **files, int *n_files)
{
    static const char option[] = "--load";
    static char none[] = "";
    const size_t length = sizeof option - 1;
    *n = *n_files = 0;
    for (int i = 0; i < argc; i++) {
        char *value = NULL;
        if (!strcmp(argv[i], "--")) {
            while (i < argc) words[(*n)++] = argv[i++];
        } else if (!strcmp(argv[i], "--trust")) {
            pal_cli_source_trust();
        } else if (!strncmp(argv[i], "--load=", length + 1)) {
            value = argv[i] + length + 1;
        } else if (!strcmp(argv[i], option)) {
            value = i + 1 < argc ? argv[++i] : none;
        } else {
            words[(*n)++] = argv[i];
        }
        if (value && !*value)
            return pal_cli_say(PAL_CLI_WRONG, "--load needs a value: the file name of a shared object");
        if (value) files[(*n_files)++] = value;
    }
    words[*n] = NULL;
    return PAL_CLI_GO_ON;
}

/* The verbs, then the models, then the operations: what `palindrome help` knows. A pal_cli_nearest's function. */
static const char *known(size_t i, const void *verbs_only)
{
    size_t n = 0, models = 0;
    while (pal_cli_verb_at(n)) n++;
    if (i < n || verbs_only) return pal_cli_verb_name(i, NULL);
    while (pal_variant_at(models)) models++;
    if (i < n + models) return pal_variant_at(i - n)->name;
    const pal_op *op = pal_op_at(i - n - models);
    return op ? op->name : NULL;
}

static int unknown(const char *word, bool verbs_only)
{
    const char *nearest = pal_cli_nearest(word, known, verbs_only ? word : NULL);
    const char *kind = word[0] == '-' ? "option" : verbs_only ? "verb" : "verb, model or operation";
    if (verbs_only && (pal_variant_find(word) || pal_cli_is_source(word)))
        return pal_cli_say(PAL_CLI_WRONG, "%s is a model, not a verb: `palindrome train %s` trains it", word, word);
    if (verbs_only && pal_op_find(word))
        return pal_cli_say(PAL_CLI_WRONG, "%s is an operation, not a verb: `palindrome ops %s` describes it", word,
                           word);
    if (nearest) return pal_cli_say(PAL_CLI_WRONG, "unknown %s %s: did you mean %s?", kind, word, nearest);
    return pal_cli_say(PAL_CLI_WRONG, "unknown %s %s: `palindrome --help` lists the verbs", kind, word);
}

static int run_verb(const pal_cli_verb *verb, int argc, char **argv)
{
    char name[64];
    snprintf(name, sizeof name, "palindrome %s", verb->name);
    argv[0] = name;
    return verb->run(argc, argv);
}

/* palindrome help VERB [MODEL], help MODEL, help OPERATION. words: what follows "help"; there is room for one more. */
static int help(int n, char **words)
{
    if (!n || !strcmp(words[0], "help")) {
        pal_cli_print_verbs();
        return PAL_CLI_DONE;
    }
    const pal_cli_verb *verb = pal_cli_verb_find(words[0]);
    if (verb) {
        words[n] = (char[]){"--help"};
        return run_verb(verb, n + 1, words);
    }
    const bool model = pal_cli_model_find(words[0]) != NULL;
    if (!model && !pal_op_find(words[0])) return unknown(words[0], false);
    memmove(words + 1, words, (size_t)n * sizeof *words);
    return run_verb(pal_cli_verb_find(model ? "models" : "ops"), n + 1, words);
}

static int run(int n, char **words)
{
    if (n < 2) return pal_cli_say(PAL_CLI_WRONG, "no verb given: `palindrome --help` lists them");
    const char *word = words[1];
    if (!strcmp(word, "help") || !strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "-?"))
        return help(n - 2, words + 2);
    const pal_cli_verb *verb = pal_cli_verb_find(word);
    if (verb) return run_verb(verb, n - 1, words + 1);
    const bool version = !strcmp(word, "--version") || !strcmp(word, "-V"), manual = !strcmp(word, "--manual");
    if (!version && !manual) return unknown(word, true);
    if (n > 2) return pal_cli_say(PAL_CLI_WRONG, "unexpected argument %s after %s", words[2], word);
    if (version) return pal_cli_print_version();
    pal_cli_print_manual();
    return PAL_CLI_DONE;
}

/* Stores how a command of this program begins: its name as it was typed, and its --load options (command.c). */
static int remember(const char *name, char **files, int n, char *out, size_t size)
{
    *out = 0;
    pal_cli_quote(out, size, name);
    program_invocation_name = out;
    int status = PAL_CLI_GO_ON;
    for (int i = 0; i < n && status == PAL_CLI_GO_ON; i++) {
        status = pal_cli_load(files[i]);
        pal_cli_quote(out, size, "--load");
        pal_cli_quote(out, size, files[i]);
    }
    return status;
}

static int start(int argc, char **argv)
{
    char **words = calloc(2 * (size_t)argc + 4, sizeof *words), begin[8192];
    if (!words) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    char **files = words + argc + 3;
    int n, n_files, status = split(argc, argv, words, &n, files, &n_files);
    const pal_cli_verb *verb = status == PAL_CLI_GO_ON && n > 1 ? pal_cli_verb_find(words[1]) : NULL;
    const int several = pal_cli_processes_check(verb);
    if (verb && verb->computes && several == PAL_CLI_GO_ON) pal_cli_take_kernels(argv);
    if (status == PAL_CLI_GO_ON) status = several;
    if (status == PAL_CLI_GO_ON) status = remember(argc ? argv[0] : "palindrome", files, n_files, begin, sizeof begin);
    if (status == PAL_CLI_GO_ON) status = pal_cli_load_sources(n, words);
    if (status == PAL_CLI_GO_ON) status = run(n, words);
    status = pal_cli_processes_end(status);
    program_invocation_name = program_invocation_short_name;
    free(words);
    return status;
}

int main(int argc, char **argv)
{
    pal_cli_begin_process();
    pal_cli_processes_begin(argc, argv);
    pal_cli_streams();
    pal_cli_json_set_up();
    setlocale(LC_CTYPE, ""); /* for the progress bar; numbers keep the C locale */
    int status = start(argc, argv);
    if ((fflush(stdout) || ferror(stdout)) && !status)
        status = pal_cli_say(PAL_CLI_FAILED, "cannot write to standard output: %s", strerror(errno));
    return pal_cli_end_process(status);
}
