/* target_run.c - run.json. What is accepted has the same fields after writing and reading it again. */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/run_folder.h"
#include "train/internal.h"

static void run(const uint8_t *data, size_t size)
{
    pal_rundir *dir = fuzz_run_open(data, size, NULL, 0);
    if (!dir) return;
    const pal_run_info *info = pal_rundir_info(dir);
    fuzz_require(info->model && info->status, "a description without model or status was accepted");
    json_t *first = palt__info_write(info);
    char *text = first ? palt__json_text(first, JSON_INDENT(2)) : NULL;
    fuzz_require(text, "a description that was read cannot be written");
    json_decref(first);
    first = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    free(text);
    pal_run_info again = {0};
    fuzz_require(first && palt__info_read(first, &again), "a description that was written cannot be read");
    json_t *second = palt__info_write(&again);
    fuzz_require(second && json_equal(first, second), "the fields differ");
    palt__info_clear(&again);
    json_decref(first);
    json_decref(second);
    pal_rundir_free(dir);
}

/* clang-format off */
static const char *const names[] = {
    "version", "command", "status", "error", "started", "finished", "model", "settings", "data", "data_note", "limit",
    "hold_out", "from", "train_samples", "test_samples", "batch", "epochs", "seed", "test_every", "optimizer", "name",
    "momentum", "alpha", "beta1", "epsilon", "schedule", "rates", "average", "accumulate", "power", "patience",
    "min_improvement", "keep_best", "time_limit", "ended", "best_epoch",
    "learning_rate", "every", "warmup", "total", "lanes", "threads",
    "isa", "blas", "subnormals", "result", "planned_epochs", "steps", "train_loss", "resumed", "changed", "extensions",
    "after", "to", "hidden", "tied", "layers", "lambda", NULL,
};
static const char *const values[] = {
    "basic", "variational", "done", "running", "interrupted", "failed", "adam", "sgd", "constant", "step", "cosine",
    "avx2", "kept", "flushed", "yes", "no", "64", "0.1", "1e400", "-0", "\033[31m", "\xc3\xa9", "nothing", "", NULL,
};
static const char *const words[] = {
    "{", "}", "[", "]", "\"", ":", ",", "null", "true", "1e999", "\\u0000", "\\ud834\\udd1e", "\"model\":\"basic\"",
    "\"status\":\"done\"", "\"settings\":{", "\"extensions\":[{", "-0.0", "1E400", NULL,
};
/* clang-format on */

static void change(fuzz_bytes *b, uint64_t *rng)
{
    if (!fuzz_json_change_text(b, fuzz_chance(rng, 2) ? JSON_COMPACT : JSON_INDENT(2), names, values, rng))
        fuzz_change_bytes(b, words, rng);
}

static void seeds(fuzz_seeds *to)
{
    const pal_variant *variant;
    fuzz_seed_text(to, "{\"model\":\"basic\",\"status\":\"done\"}");
    for (size_t i = 0; (variant = pal_variant_at(i)); i++) {
        pal_setting settings[64];
        const pal_option *o;
        size_t n = 0;
        for (size_t k = 0; n < (i ? 6 : 64) && (o = pal_variant_option(variant, k + i)); k++)
            settings[n++] = (pal_setting){o->name, o->value};
        pal_extension longer = {.command = "palindrome resume run --epochs 5", .after = 2, .from = 2, .to = 5};
        pal_run_info info = {.version = "0.1.0",
                             .command = "palindrome train basic",
                             .status = i % 2 ? "done" : "running",
                             .started = "2020-01-31T12:00:00Z",
                             .model = variant->name,
                             .settings = settings,
                             .n_settings = n,
                             .data = "data.csv",
                             .train_samples = 100,
                             .batch = 10,
                             .epochs = 5,
                             .optimizer = {.struct_size = sizeof info.optimizer, .name = "adam", .beta1 = 0.9},
                             .schedule = {.name = "cosine", .learning_rate = 0.001, .total = 50},
                             .isa = "avx2",
                             .subnormals = "kept",
                             .result = palt__no_result,
                             .extensions = &longer,
                             .n_extensions = i % 2};
        json_t *object = palt__info_write(&info);
        char *text = object ? palt__json_text(object, i % 3 ? JSON_COMPACT : JSON_INDENT(2)) : NULL;
        fuzz_require(text, "no seed");
        fuzz_seed_text(to, text);
        free(text);
        json_decref(object);
    }
}

const fuzz_target target_run = {.name = "run",
                                .summary = "run.json",
                                .words = words,
                                .most = 8192,
                                .base = 1 << 17,
                                .factor = 256,
                                .seeds = seeds,
                                .run = run,
                                .change = change};
