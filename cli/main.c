/* main.c - the program `palindrome`: the table of its verbs. */
#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

/* clang-format off */
static const pal_cli_verb verbs[] = {
    {"models",      "list the autoencoders and their options",                    pal_cli_models,      false},
    {"ops",         "list the operations that models are made of",                pal_cli_ops,         false},
    {"train",       "train a model and save it in a run folder",                  pal_cli_train,       true},
    {"evaluate",    "print the loss and other figures on the test samples",       pal_cli_evaluate,    true},
    {"classify",    "classify samples by the head, the codes or the pixels",      pal_cli_classify,    true},
    {"reconstruct", "draw samples and their reconstructions, or convert arrays",  pal_cli_reconstruct, true},
    {"denoise",     "denoise samples, draw the result and print the errors",      pal_cli_denoise,     true},
    {"infill",      "fill in missing pixels, draw the result, print the errors",  pal_cli_infill,      true},
    {"interpolate", "draw blends of samples, computed through the code",          pal_cli_interpolate, true},
    {"sample",      "draw what codes from the prior decode to",                   pal_cli_sample,      true},
    {"encode",      "convert an array of samples to an array of codes",           pal_cli_encode,      true},
    {"decode",      "convert an array of codes to an array of samples",           pal_cli_decode,      true},
    {"filters",     "draw what the units of a layer respond to",                  pal_cli_filters,     true},
    {"scatter",     "draw samples in the plane of the code, coloured by class",   pal_cli_scatter,     true},
    {"geometry",    "measure and draw the Jacobian of the encoder",               pal_cli_geometry,    true},
    {"sweep",       "train with several settings and seeds, and compare",         pal_cli_sweep,       true},
    {"gradcheck",   "check the derivatives of operations and models",             pal_cli_gradcheck,   true},
    {"graph",       "draw what a model computes, forward and backward",           pal_cli_graph,       true},
    {"run-info",    "show how a run was made and how it went",                    pal_cli_run_info,    false},
};
/* clang-format on */
enum { VERBS = sizeof verbs / sizeof *verbs };

static const char *verb_name(size_t i, const void *user)
{
    (void)user;
    return i < VERBS ? verbs[i].name : NULL;
}

static int print_help(void)
{
    puts("Usage: palindrome [--load FILE] VERB [OPTION...]\n"
         "Train and study autoencoders, on a framework for reverse-mode automatic differentiation.\n");
    for (size_t i = 0; i < VERBS; i++) printf("  %-12s  %s\n", verbs[i].name, verbs[i].summary);
    puts("\n  palindrome VERB --help        show the options of a verb\n"
         "  palindrome --load FILE VERB   add the models of a shared object (see examples/variant.c)\n"
         "  palindrome --version          show the version, the instruction set and the BLAS\n\n"
         "To begin:  palindrome train denoising");
    return PAL_CLI_DONE;
}

static int run(int argc, char **argv)
{
    char **const all = argv;
    for (; argc >= 2 && !strcmp(argv[1], "--load"); argc -= 2, argv += 2) {
        if (argc < 3) return pal_cli_say(PAL_CLI_WRONG, "--load needs a value: the file name of a shared object");
        int status = pal_cli_load(argv[2]);
        if (status != PAL_CLI_GO_ON) return status;
    }
    if (argc < 2) return pal_cli_say(PAL_CLI_WRONG, "no verb given: `palindrome --help` lists them");
    const char *word = argv[1];
    if (!strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "-?")) return print_help();
    if (!strcmp(word, "--version") || !strcmp(word, "-V")) return pal_cli_print_version();
    if (!strcmp(word, "help") && argc == 2) return print_help();
    for (size_t i = 0; i < VERBS; i++) {
        if (strcmp(word, verbs[i].name)) continue;
        if (verbs[i].computes) pal_cli_set_up(all);
        char name[64];
        snprintf(name, sizeof name, "palindrome %s", word);
        argv[1] = name;
        return verbs[i].run(argc - 1, argv + 1);
    }
    const char *nearest = pal_cli_nearest(word, verb_name, NULL);
    const char *kind = word[0] == '-' ? "option" : "verb";
    if (nearest) return pal_cli_say(PAL_CLI_WRONG, "unknown %s %s: did you mean %s?", kind, word, nearest);
    return pal_cli_say(PAL_CLI_WRONG, "unknown %s %s: `palindrome --help` lists the verbs", kind, word);
}

int main(int argc, char **argv)
{
    setlocale(LC_CTYPE, ""); /* for the progress bar; numbers keep the C locale */
    int status = run(argc, argv);
    if ((fflush(stdout) || ferror(stdout)) && !status)
        status = pal_cli_say(PAL_CLI_FAILED, "cannot write to standard output: %s", strerror(errno));
    return status;
}
