/* target_command.c - command lines. A refusal is one line on standard error and nothing on standard output; an accepted
 * line prints nothing.
 *
 * An input is the number of a verb, then its arguments, each ended by a newline. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "tests/fuzz/fuzz.h"

enum { ARGUMENTS = 64 };

static size_t verbs(void)
{
    size_t n = 0;
    while (pal_cli_verb_at(n)) n++;
    return n;
}

static const pal_cli_verb *verb_of(uint8_t number) { return pal_cli_verb_at(number % verbs()); }

static void run(const uint8_t *data, size_t size)
{
    char name[64], *argv[ARGUMENTS + 1] = {name};
    static char text[4096];
    static pal_cli_args args;
    int argc = 1;
    if (!size || size > sizeof text) return;
    const pal_cli_verb *verb = verb_of(data[0]);
    snprintf(name, sizeof name, "palindrome %s", verb->name);
    memcpy(text, data + 1, size - 1);
    text[size - 1] = 0;
    for (char *at = text, *end; *at && argc < ARGUMENTS; at = end) {
        argv[argc++] = at;
        end = at + strcspn(at, "\n");
        if (*end) *end++ = 0;
    }

    fuzz_printed on_out, on_error;
    fuzz_catch();
    const int status = pal_cli_parse(verb->spec, argc, argv, &args);
    fuzz_release(&on_out, &on_error);

    if (status == PAL_CLI_GO_ON) {
        fuzz_accept();
        fuzz_require(!on_error.bytes && !on_out.bytes, "an accepted line printed something");
        fuzz_require(args.n_words >= verb->spec->least && args.n_words <= verb->spec->most, "%zu words", args.n_words);
    } else if (status == PAL_CLI_DONE) {
        fuzz_require(on_out.lines && !on_error.bytes, "help printed nothing");
        fuzz_require(!on_out.odd, "help printed control characters");
    } else {
        fuzz_require(status == PAL_CLI_WRONG, "the status is %d", status);
        fuzz_refusal(&on_out, &on_error);
    }
}

/* clang-format off */
static const char *const words[] = {
    "--", "-", "=", "--help\n", "-h\n", "-o\n", "-q", "--json\n", "basic\n", "variational\n", "convolutional\n",
    "--hidden=4\n", "--latent-dim\n", "--epochs\n", "--optimizer=adam\n", "--schedule=cosine\n", "--seed=1\n", "\n",
    "run\n", "out.png\n", "--no-such\n", "--corruption\n", "masking\n", "--load=x\n", "\033[2J", NULL,
};
/* clang-format on */

/* The options of a verb, with those of a model or of all models. Tables are kept, since they take long to fill. */
static const pal_cli_table *table_of(uint8_t verb, size_t model)
{
    enum { VERBS = 64, MODELS = 32 };
    static pal_cli_table *tables[VERBS][MODELS];
    const size_t v = verb % verbs() % VERBS, m = model % MODELS;
    if (!tables[v][m]) {
        tables[v][m] = malloc(sizeof(pal_cli_table));
        fuzz_require(tables[v][m], "out of memory");
        pal_cli_table_fill(tables[v][m], verb_of(verb)->spec, pal_variant_at(m));
    }
    return tables[v][m];
}

/* An option of the verb or of a model, with a value that may fit. */
static void change(fuzz_bytes *b, uint64_t *rng)
{
    char text[256];
    if (!b->size || fuzz_chance(rng, 6)) {
        b->size = 0;
        fuzz_splice(b, 0, 0, (uint8_t[]){(uint8_t)fuzz_random(rng)}, 1);
    }
    const size_t model = fuzz_below(rng, 32); /* more than there are: then the options of no model */
    const pal_variant *variant = pal_variant_at(model);
    const pal_cli_table *table = table_of(b->data[0], model);
    const pal_cli_entry *e = &table->entries[fuzz_below(rng, table->n)];
    const char *value = fuzz_chance(rng, 2)                     ? fuzz_number(rng)
                        : e->option->value && *e->option->value ? e->option->value
                                                                : "x";
    const char *name = e->alias && fuzz_chance(rng, 3) ? e->alias : e->option->name;
    if (fuzz_chance(rng, 4) && variant)
        snprintf(text, sizeof text, "%s\n", variant->name);
    else if (e->letter && fuzz_chance(rng, 2))
        snprintf(text, sizeof text, "-%c%s%s\n", e->letter, e->argument && fuzz_chance(rng, 2) ? "\n" : "", value);
    else
        snprintf(text, sizeof text, "--%s%s%s\n", name,
                 !e->argument          ? ""
                 : fuzz_chance(rng, 2) ? "="
                                       : "\n",
                 e->argument || fuzz_chance(rng, 5) ? value : "");
    size_t at = 1 + fuzz_below(rng, b->size);
    while (at > 1 && b->data[at - 1] != '\n') at--;
    fuzz_splice(b, at, 0, text, strlen(text));
}

static void seeds(fuzz_seeds *to)
{
    uint64_t rng = 8;
    for (size_t i = 0; pal_cli_verb_at(i); i++)
        for (size_t k = 0; k < 8; k++) {
            uint8_t room[1024] = {(uint8_t)i};
            fuzz_bytes b = {.data = room, .size = 1, .room = sizeof room};
            for (size_t n = 0; n < k; n++) change(&b, &rng);
            fuzz_seed(to, room, b.size);
        }
}

const fuzz_target target_command = {.name = "command",
                                    .summary = "command lines",
                                    .words = words,
                                    .most = 1024,
                                    .base = 1 << 18,
                                    .factor = 64,
                                    .open = fuzz_catch_open,
                                    .close = fuzz_catch_close,
                                    .seeds = seeds,
                                    .run = run,
                                    .change = change};
