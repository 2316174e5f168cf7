/* train_rows.c - the options of training, for train and sweep; and which of them have an effect together. */
#include <string.h>

#include "cli/processes.h"

#define MINIMISERS "lbfgs|cg-pr|cg-hs|cg-dy|newton-cg|hessian-free"

/* clang-format off */
const pal_cli_row pal_cli_train_rows[] = {
    {{"out", PAL_OPTION_ENUM, "", 0, 0, NULL, "run folder to make (default: runs/MODEL-NNN)"}, "RUN", NULL, 'o'},
    PAL_CLI_ENUM("resume", "", NULL, "RUN", "continue this run; give no MODEL; --epochs N trains it longer"),
    PAL_CLI_ENUM("like", "", NULL, "RUN",
                 "train as this run was: its model, data and options, from its run.json, where they are not given here"),
    PAL_CLI_ENUM("config", "", NULL, "FILE", "the same, from a file in the form of run.json, or of a part of it"),
    PAL_CLI_DATA,
    PAL_CLI_INT("limit", "", 1, 4294967295, "N", "train on the first N training samples only"),
    PAL_CLI_ENUM("from", "", NULL, "RUN", "start with the weights of another run that have the same name and size"),
    {{"batch", PAL_OPTION_INT, "", 1, 1048576, NULL,
      "samples per step (default: 128; with fewer than 1,024 samples, a power of two, at most an eighth of them; for kfac 1,024 or all, for a minimiser 1,000)"},
     "N", "batch-size", 0},
    PAL_CLI_INT("accumulate", "1", 1, 1048576, "N",
                "batches per step: one update with the mean of their gradients, in the memory of one batch"),
    PAL_CLI_INT("shards", "", 1, PAL_SHARDS_MOST, "N",
                "equal parts of a batch, which the processes that mpirun starts share; results depend on N, and not on the "
                "number of processes, which is N at most (default: that number, 1 without mpirun)"),
    PAL_CLI_INT("epochs", "", 1, 1000000, "N",
                "passes through the training samples (default: 15, or as many as make 2,000 steps; for a minimiser 200, or 50 if it multiplies with the curvature)"),
    PAL_CLI_INT("seed", "1", 0, PAL_CLI_SEED_MOST, "N", "seed of initial weights, order of samples and noise"),
    PAL_CLI_INT("test-every", "1", 1, 1000000, "N", "epochs between two measurements of the test samples"),
    PAL_CLI_INT("patience", "0", 0, 1000000, "N",
                "end training, or a phase of it, when N measurements in a row have not lowered the measured loss, and keep the "
                "best model; 0: off"),
    PAL_CLI_REAL("min-improvement", "0", 0, 0.999999, "X",
                 "for --patience, a lower loss counts if it is lower by this share, such as 0.001"),
    PAL_CLI_FLAG("keep-best", "also keep the model of the epoch with the lowest measured loss, in best.safetensors, as "
                              "--patience does"),
    PAL_CLI_ENUM("time", "", NULL, "TIME",
                 "end training after this time, such as 90s, 10m or 1h30m, at the end of a step; over all parts of a resumed "
                 "run. A schedule with a length keeps that of all epochs"),
    PAL_CLI_THREADS,
    PAL_CLI_INT("lanes", "", 1, 1024, "N",
                "parts into which matrix products are split; for equal lanes, results do not depend on --threads "
                "(default: the number of processors; 1 with several --shards)"),
    PAL_CLI_FLAG("portable", "train so that any x86-64 processor gives the same bits; slower, with one lane unless "
                             "--lanes says otherwise"),
    PAL_CLI_ENUM("optimizer", "adam",
                 "gd|sgd|momentum|nesterov|rmsprop|adam|adamw|adagrad|amsgrad|radam|lion|schedule-free|muon|soap|kfac|" MINIMISERS, "NAME",
                 "update rule; the default gd of a model becomes adam where gd would hardly learn. From lbfgs on: a "
                 "minimiser of the loss over all samples, of which an epoch is an iteration, and --batch the samples "
                 "that are computed at once"),
    PAL_CLI_REAL("gradient-tolerance", "1e-6", 0, 1e300, "X",
                 "training ends when no element of the gradient is larger"),
    PAL_CLI_INT("pairs", "10", 1, 1000, "N", "pairs of steps and gradients that lbfgs keeps"),
    PAL_CLI_INT("restart", "0", 0, 1000000, "N",
                "iterations between two restarts along the gradient; 0: only those that the formula asks for"),
    PAL_CLI_INT("products", "250", 1, 1000000, "N", "most products with the curvature in an iteration"),
    PAL_CLI_INT("curvature-samples", "", 0, 4294967295, "N",
                "samples of these products, others in each iteration; 0: all (default: 5,000, or all of fewer)"),
    PAL_CLI_INT("fixed-batch", "0", 0, 4294967295, "N",
                "samples that the loss of an iteration is over, in turns; 0: all"),
    PAL_CLI_INT("fixed-for", "3", 1, 1000000, "N", "iterations on a fixed batch"),
    PAL_CLI_ENUM("noise", "fresh", "fresh|frozen", "NAME",
                 "noise of a loss that draws some; frozen: each sample keeps its own, as a minimiser needs it"),
    {{"learning-rate", PAL_OPTION_REAL, "", 1e-12, 1e6, NULL,
      "step size (default: by optimizer, model and data, such as 0.001 for adam and 0.1 for gd; the run says which)"}, "X", "lr", 0},
    PAL_CLI_ENUM("schedule", "constant", "constant|step|cosine|polynomial|one-cycle|plateau", "NAME",
                 "schedule of the learning rate; plateau: it falls when the measured loss, that of the test samples, does not"),
    PAL_CLI_INT("warmup", "0", 0, 1e12, "STEPS", "steps over which the learning rate rises from 0"),
    PAL_CLI_REAL("final-rate", "0", 0, 1e6, "X", "learning rate at the end of the schedule; the least of a plateau"),
    PAL_CLI_REAL("decay-factor", "0.1", 1e-6, 1, "X", "factor of a step of the schedule"),
    PAL_CLI_INT("decay-every", "10", 1, 1000000, "N", "epochs between steps of the schedule"),
    PAL_CLI_REAL("power", "1", 1e-3, 1e3, "X", "exponent of the share of the steps that is left"),
    PAL_CLI_REAL("rise", "0.3", 1e-6, 1, "X", "share of the steps in which the learning rate rises, from a 25th"),
    PAL_CLI_INT("plateau-patience", "5", 1, 1000000, "N",
                "measurements without a lower loss, by a ten thousandth, that a plateau waits for before the learning rate falls"),
    PAL_CLI_REAL("momentum", "", 0, 1, "X", "momentum; of --momentum-schedule sutskever, the greatest (default: 0.9; for muon 0.95)"),
    PAL_CLI_ENUM("momentum-schedule", "constant", "constant|sutskever", "NAME",
                 "sutskever: it rises from 0.5, and its distance from 1 halves each time the steps double"),
    PAL_CLI_REAL("rms-decay", "0.99", 0, 1, "X", "decay rate of the mean square (PyTorch: alpha, Keras: rho)"),
    PAL_CLI_REAL("beta1", "", 0, 1, "X", "decay rate of the mean gradient (default: 0.9; for soap 0.95)"),
    PAL_CLI_REAL("beta2", "", 0, 1, "X", "decay rate of the mean square, for lion of the mean gradient (default: 0.999; for lion 0.99, for soap 0.95)"),
    PAL_CLI_REAL("epsilon", "1e-8", 1e-30, 1, "X", "term added to the divisor"),
    PAL_CLI_REAL("weight-decay", "", 0, 1e6, "X", "decoupled weight decay (default: 0; for adamw, muon and soap 0.01)"),
    PAL_CLI_REAL("damping", "", 1e-12, 1e12, "X",
                 "damping of the curvature at the start; training then adapts it (default: 1; for kfac 0.01)"),
    PAL_CLI_FLAG("spare-biases", "no weight decay of biases"),
    PAL_CLI_ENUM("layer-rates", "", NULL, "NAME=X,...",
                 "factors of the learning rate for the parameters whose names begin so, such as encoder=0.1; 0: they stay"),
    PAL_CLI_ENUM("elementwise", "", NULL, "NAME,...",
                 "parameters whose names begin so are not updated as matrices, but as biases are, such as encoder/W"),
    PAL_CLI_INT("precondition-every", "10", 1, 1000000, "N", "steps between two refreshes of the bases of soap"),
    PAL_CLI_INT("max-dimension", "10000", 1, 32000, "N", "a longer side of a matrix has no basis in soap"),
    PAL_CLI_ENUM("average", "none", "none|exponential|equal", "NAME",
                 "evaluate and save an average of the weights over the steps; equal: over the ends of the last epochs"),
    PAL_CLI_REAL("average-decay", "0.999", 0, 1, "X", "decay rate of the average"),
    PAL_CLI_INT("average-start", "", 0, 1000000, "N", "epochs before the average begins (default: three quarters of them)"),
    PAL_CLI_REAL("clip", "", 0, 1e12, "X",
                 "largest norm of the gradient; 0: no limit (default: 0; where a sigma is learnt 1)"),
    PAL_CLI_FLAG("check-nan", "look for the operation that makes the first NaN; slow, and the last bits may differ"),
    PAL_CLI_FLAG("gradient-sizes", "measure the size of the gradient of each parameter, for metrics.jsonl and "
                                   "`palindrome gradients`; steps take about a fifth longer"),
    PAL_CLI_FLAG("profile", "print the time of each operation of a step, and what the machine could do"),
    {{"quiet", PAL_OPTION_BOOL, "", 0, 0, NULL, "print neither progress nor the table"}, NULL, NULL, 'q'},
    PAL_CLI_JSON,
    PAL_CLI_END,
};

/* A closed form has neither steps nor initial weights. */
#define NOT_SOLVED(option) {option, "solve", "!svd"}
const pal_need pal_cli_train_needs[] = {
    NOT_SOLVED("batch"), NOT_SOLVED("accumulate"), NOT_SOLVED("shards"), NOT_SOLVED("epochs"), NOT_SOLVED("seed"), NOT_SOLVED("seeds"), NOT_SOLVED("from"),
    NOT_SOLVED("test-every"), NOT_SOLVED("optimizer"), NOT_SOLVED("learning-rate"), NOT_SOLVED("schedule"),
    NOT_SOLVED("warmup"), NOT_SOLVED("final-rate"), NOT_SOLVED("decay-factor"), NOT_SOLVED("decay-every"),
    NOT_SOLVED("power"), NOT_SOLVED("rise"), NOT_SOLVED("plateau-patience"), NOT_SOLVED("patience"), NOT_SOLVED("min-improvement"),
    NOT_SOLVED("keep-best"), NOT_SOLVED("time"), NOT_SOLVED("momentum-schedule"),
    NOT_SOLVED("momentum"), NOT_SOLVED("rms-decay"), NOT_SOLVED("beta1"), NOT_SOLVED("beta2"), NOT_SOLVED("epsilon"),
    NOT_SOLVED("weight-decay"), NOT_SOLVED("damping"), NOT_SOLVED("spare-biases"), NOT_SOLVED("layer-rates"), NOT_SOLVED("elementwise"),
    NOT_SOLVED("precondition-every"), NOT_SOLVED("max-dimension"),
    NOT_SOLVED("average"), NOT_SOLVED("average-decay"), NOT_SOLVED("average-start"), NOT_SOLVED("clip"), NOT_SOLVED("check-nan"),
    NOT_SOLVED("profile"), NOT_SOLVED("gradient-sizes"), NOT_SOLVED("gradient-tolerance"), NOT_SOLVED("pairs"), NOT_SOLVED("restart"),
    NOT_SOLVED("products"), NOT_SOLVED("curvature-samples"), NOT_SOLVED("fixed-batch"), NOT_SOLVED("fixed-for"), NOT_SOLVED("noise"),
    {"momentum",     "optimizer", "momentum|nesterov|muon"},
    {"elementwise",  "optimizer", "muon|soap"},
    {"precondition-every", "optimizer", "soap"},
    {"max-dimension", "optimizer", "soap"},
    {"rms-decay",    "optimizer", "rmsprop"},
    {"beta1",        "optimizer", "adam|adamw|amsgrad|radam|lion|schedule-free|muon|soap"},
    {"beta2",        "optimizer", "adam|adamw|amsgrad|radam|lion|schedule-free|muon|soap"},
    {"epsilon",      "optimizer", "rmsprop|adam|adamw|adagrad|amsgrad|radam|schedule-free|muon|soap"},
    {"momentum-schedule", "optimizer", "momentum|nesterov"},
    {"average",       "optimizer", "!schedule-free"},
    {"average-decay", "average",   "exponential"},
    {"average-start", "average",   "equal"},
    {"spare-biases", "weight-decay", NULL},
    {"spare-biases", "weight-decay", "!0"},
    {"final-rate",   "schedule",  "cosine|polynomial|one-cycle|plateau"},
    {"decay-factor", "schedule",  "step|plateau"},
    {"decay-every",  "schedule",  "step"},
    {"power",        "schedule",  "polynomial"},
    {"rise",         "schedule",  "one-cycle"},
    {"plateau-patience", "schedule", "plateau"},
    {"min-improvement", "patience", "!0"},
    {"learning-rate", "optimizer", "!" MINIMISERS}, {"schedule", "optimizer", "!" MINIMISERS},
    {"warmup",       "optimizer", "!" MINIMISERS}, {"clip", "optimizer", "!kfac|" MINIMISERS},
    {"average",      "optimizer", "!" MINIMISERS}, {"weight-decay", "optimizer", "!" MINIMISERS},
    {"layer-rates",  "optimizer", "!" MINIMISERS}, {"accumulate", "optimizer", "!" MINIMISERS},
    {"gradient-tolerance", "optimizer", MINIMISERS}, {"noise", "optimizer", MINIMISERS},
    {"fixed-batch",  "optimizer", MINIMISERS}, {"fixed-for", "fixed-batch", "!0"},
    {"pairs",        "optimizer", "lbfgs"},
    {"restart",      "optimizer", "cg-pr|cg-hs|cg-dy"},
    {"products",     "optimizer", "newton-cg|hessian-free"},
    {"curvature-samples", "optimizer", "newton-cg|hessian-free"},
    {"damping",      "optimizer", "hessian-free|kfac"},
    {"profile",      "quiet",     "!"},
    {"profile",      "accumulate", "1"},
    {0},
};
/* clang-format on */

int64_t pal_cli_shards(const pal_cli_args *args)
{
    return pal_cli_int(args, "shards", args->alone ? 1 : pal_cli_process_count());
}

const pal_communicator *pal_cli_trainers(const pal_cli_args *args)
{
    return args->alone ? NULL : pal_cli_communicator();
}

int64_t pal_cli_default_lanes(const pal_cli_args *args)
{
    return pal_cli_flag(args, "portable") || pal_cli_shards(args) > 1 ? 1 : (int64_t)pal_cli_processors();
}

int64_t pal_cli_whole_shards(int64_t batch, int64_t shards)
{
    return batch > shards ? batch / shards * shards : shards;
}

const char *pal_cli_train_value(const pal_cli_args *args, const pal_variant *variant, const char *name)
{
    const pal_option *own = pal_variant_option_find(variant, name);
    for (size_t i = 0; own && i < args->n_variant; i++)
        if (!strcmp(args->variant[i].name, name)) return args->variant[i].value;
    const char *value = own ? own->value : pal_cli_given(args, name);
    for (const pal_setting *s = variant->training; !value && s && s->name; s++)
        if (!strcmp(s->name, name)) value = s->value;
    for (const pal_cli_row *r = pal_cli_train_rows; !value && r->option.name; r++)
        if (!strcmp(r->option.name, name)) value = r->option.value;
    return value;
}
