/* train_rows.c - the options of training, which sweep has, too; and which of them are of one rule or schedule alone. */
#include <string.h>

#include "cli/cli.h"

#define INT(name, value, low, high, help)                                                                              \
    {                                                                                                                  \
        name, PAL_OPTION_INT, value, low, high, NULL, help                                                             \
    }
#define REAL(name, value, low, high, help)                                                                             \
    {                                                                                                                  \
        name, PAL_OPTION_REAL, value, low, high, NULL, help                                                            \
    }
#define ENUM(name, value, choices, help)                                                                               \
    {                                                                                                                  \
        name, PAL_OPTION_ENUM, value, 0, 0, choices, help                                                              \
    }

const pal_cli_row pal_cli_train_rows[] = {
    {ENUM("out", "", NULL, "the run folder to make (default: runs/MODEL-NNN)"), "RUN", NULL, 'o'},
    {ENUM("resume", "", NULL, "go on with a run that was interrupted, instead of MODEL"), "RUN", NULL, 0},
    PAL_CLI_DATA,
    {INT("limit", "", 1, 4294967295, "only the first N training samples"), "N", NULL, 0},
    {INT("hold-out", "", 1, 4294967295, "measure the last N training samples, untrained, not the test samples"), "N",
     NULL, 0},
    {ENUM("from", "", NULL, "begin with the weights of another run, those of equal name and size"), "RUN", NULL, 0},
    {INT("batch", "128", 1, 1048576, "samples a step"), "N", "batch-size", 0},
    {INT("epochs", "15", 1, 1000000, "passes through the training samples"), "N", NULL, 0},
    {INT("seed", "1", 0, 9007199254740992, "of initial weights, order and noise"), "N", NULL, 0},
    {INT("test-every", "1", 1, 1000000, "epochs between two measurements of the test samples"), "N", NULL, 0},
    PAL_CLI_THREADS,
    {INT("lanes", "", 1, 1024, "parts that products are cut into; fixes the bits (default: the processors)"), "N", NULL,
     0},
    {ENUM("optimizer", "gd", "gd|sgd|momentum|nesterov|rmsprop|adam|adamw", "update rule"), "NAME", NULL, 0},
    {REAL("learning-rate", "0.1", 1e-12, 1e6, "step size"), "X", "lr", 0},
    {ENUM("schedule", "constant", "constant|step|cosine", "of the learning rate"), "NAME", NULL, 0},
    {INT("warmup", "0", 0, 1e12, "steps over which the learning rate rises from 0"), "STEPS", NULL, 0},
    {REAL("final-rate", "0", 0, 1e6, "where the cosine schedule ends"), "X", NULL, 0},
    {REAL("decay-factor", "0.1", 1e-6, 1, "of the step schedule"), "X", NULL, 0},
    {INT("decay-every", "10", 1, 1000000, "epochs between steps of the step schedule"), "N", NULL, 0},
    {REAL("momentum", "0.9", 0, 1, "of momentum and nesterov"), "X", NULL, 0},
    {REAL("alpha", "0.99", 0, 1, "average of squares of rmsprop"), "X", NULL, 0},
    {REAL("beta1", "0.9", 0, 1, "average of gradients of adam"), "X", NULL, 0},
    {REAL("beta2", "0.999", 0, 1, "average of squares of adam"), "X", NULL, 0},
    {REAL("epsilon", "1e-8", 1e-30, 1, "of rmsprop and adam"), "X", NULL, 0},
    {REAL("weight-decay", "", 0, 1e6, "decoupled (default: 0; adamw 0.01)"), "X", NULL, 0},
    {REAL("clip", "0", 0, 1e12, "largest norm of the gradient; 0: any"), "X", NULL, 0},
    {{"quiet", PAL_OPTION_BOOL, "", 0, 0, NULL, "no progress, no table"}, NULL, NULL, 'q'},
    PAL_CLI_JSON,
    {{.name = NULL}, NULL, NULL, 0},
};

static const struct {
    const char *option, *of, *values; /* "a|b" */
} needs[] = {
    {"momentum", "optimizer", "momentum|nesterov"}, {"alpha", "optimizer", "rmsprop"},
    {"beta1", "optimizer", "adam|adamw"},           {"beta2", "optimizer", "adam|adamw"},
    {"epsilon", "optimizer", "rmsprop|adam|adamw"}, {"final-rate", "schedule", "cosine"},
    {"decay-factor", "schedule", "step"},           {"decay-every", "schedule", "step"},
};

int pal_cli_train_check(const pal_cli_args *args, const char *optimizer, const char *schedule)
{
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++) {
        const char *is = strcmp(needs[i].of, "schedule") ? optimizer : schedule;
        if (pal_cli_given(args, needs[i].option) && !pal_choices_have(needs[i].values, is))
            return pal_cli_say(PAL_CLI_WRONG, "--%s is for --%s %s, not %s: give one or the other", needs[i].option,
                               needs[i].of, needs[i].values, is);
    }
    return PAL_CLI_GO_ON;
}
