/* target_metrics.c - metrics.jsonl. What is accepted has as many epochs as lines, and complete lines before a line that
 * was cut are the same epochs. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/run_folder.h"

static const char info[] = "{\"model\":\"basic\",\"status\":\"done\"}";

static void run(const uint8_t *data, size_t size)
{
    pal_rundir *dir = fuzz_run_open(info, sizeof info - 1, data, size);
    if (!dir) return;
    const size_t n = pal_rundir_epoch_count(dir);
    size_t lines = 0;
    const uint8_t *end = memchr(data, 0, size); /* a NUL ends the text */
    const size_t length = end ? (size_t)(end - data) : size;
    for (size_t i = 0; i < length; i++) lines += data[i] == '\n';
    fuzz_require(n == lines || n == lines + 1, "%zu epochs in %zu lines", n, lines);
    for (size_t i = 0; i < n; i++) {
        const pal_epoch *e = pal_rundir_epoch(dir, i);
        fuzz_require(e && e->n_terms <= PAL_TERMS, "an epoch has too many terms");
        fuzz_require(memchr(e->phase, 0, sizeof e->phase), "the name of a phase does not end");
        for (size_t k = 0; k < e->n_terms; k++)
            fuzz_require(memchr(e->terms[k].name, 0, sizeof e->terms[k].name), "the name of a term does not end");
        fuzz_require(!isinf(e->train_loss) && !isinf(e->test_loss), "a number that is not finite");
    }
    fuzz_require(!pal_rundir_epoch(dir, n), "an epoch too many");
    pal_rundir_free(dir);
}

/* clang-format off */
static const char *const names[] = {
    "epoch", "step", "train_loss", "test_loss", "squared_error", "squared_error_corrupted", "baseline", "explained",
    "learning_rate", "seconds", "phase", "error", "stopped", "terms", "reconstruction", "divergence", NULL,
};
static const char *const values[] = {"encoder", "head", "a name that has more letters than the room for it", "", NULL};
static const char *const words[] = {
    "{", "}", "\n", "\"epoch\":1", "\"terms\":{", "null", "1e999", "\\u0000", "\"phase\":\"", "{}\n", "[]\n", "\r\n",
    NULL,
};
static const char *const lines[] = {
    "{\"epoch\":1,\"step\":10,\"train_loss\":0.5,\"test_loss\":0.25,\"learning_rate\":0.001,\"seconds\":1.5}\n",
    "{\"epoch\":2,\"step\":20,\"train_loss\":null,\"phase\":\"head\",\"error\":0.1,\"terms\":{\"reconstruction\":0.1,\"b\":2}}\n",
    "{}\n", "{\"epoch\":3",
};
/* clang-format on */

/* A line is changed, comes twice, or is new. */
static void change(fuzz_bytes *b, uint64_t *rng)
{
    uint8_t room[4096];
    size_t from = fuzz_below(rng, b->size + 1);
    while (from && b->data[from - 1] != '\n') from--;
    const uint8_t *end = memchr(b->data + from, '\n', b->size - from);
    fuzz_bytes line = {.data = room, .size = end ? (size_t)(end - b->data) - from : b->size - from, .room = 2048};
    if (line.size > line.room || fuzz_chance(rng, 3)) { /* the next epoch, or a line out of order */
        char text[512];
        int epoch = 1;
        for (size_t i = 0; i < b->size; i++) epoch += b->data[i] == '\n';
        snprintf(text, sizeof text, "{\"epoch\":%d,\"step\":%d%s", epoch, 10 * epoch,
                 strchr(lines[fuzz_below(rng, 2)] + strlen("{\"epoch\":1,"), ','));
        if (fuzz_chance(rng, 6)) snprintf(text, sizeof text, "%s", lines[fuzz_below(rng, 4)]);
        fuzz_splice(b, fuzz_chance(rng, 6) ? from : b->size, 0, text, strlen(text));
        return;
    }
    const size_t before = line.size;
    memcpy(room, b->data + from, before);
    if (!fuzz_json_change_text(&line, JSON_COMPACT, names, values, rng)) fuzz_change_bytes(&line, words, rng);
    fuzz_splice(b, from, fuzz_chance(rng, 4) ? 0 : before, room, line.size);
}

static void seeds(fuzz_seeds *to)
{
    char text[1024] = "";
    for (size_t i = 0; i < 4; i++) {
        fuzz_seed_text(to, lines[i]);
        strcat(text, lines[i]);
        fuzz_seed_text(to, text);
    }
    fuzz_seed_text(to, "");
}

const fuzz_target target_metrics = {.name = "metrics",
                                    .summary = "metrics.jsonl",
                                    .words = words,
                                    .most = 4096,
                                    .base = 1 << 17,
                                    .factor = 512, /* an epoch is a struct of fixed size; the shortest line is {} */
                                    .seeds = seeds,
                                    .run = run,
                                    .change = change};
