/* target_config.c - files for `train --config`. What is accepted is an object whose keys are known; what is refused
 * gets one line. */
#include <stdlib.h>
#include <string.h>

#include "cli/like.h"
#include "tests/fuzz/fuzz.h"

static void run(const uint8_t *data, size_t size)
{
    pal_cli_like like = {.path = fuzz_put("config.json", data, size)};
    fuzz_printed on_out, on_error;
    fuzz_catch();
    const int status = pal_cli_like_open(&like);
    fuzz_release(&on_out, &on_error);
    if (status == PAL_CLI_GO_ON) {
        char key[160];
        const char *nearest;
        fuzz_accept();
        fuzz_require(!on_out.bytes && !on_error.bytes, "an accepted file printed something");
        fuzz_require(json_is_object(like.file), "no object was accepted");
        fuzz_require(!pal_cli_like_unknown(like.file, key, sizeof key, &nearest), "an unknown key was accepted");
    } else {
        fuzz_require(status == PAL_CLI_WRONG, "the status is %d", status);
        fuzz_refusal(&on_out, &on_error);
    }
    json_decref(like.file);
}

/* clang-format off */
static const char *const words[] = {
    "{", "}", "[", "]", ":", ",", "\"", "null", "true", "false", "0", "-1", "1e308", "1e999", "{}", "\"\"", "\\u0000", "\\ud800",
    "\xff", "\"model\"", "\"optimizer\"", "\"name\"", "\"schedule\"", "\"options\"", "\"epochs\"", "\"adam\"", "\"hidden\"",
    "\x1b[2J", NULL,
};
/* clang-format on */

/* A file with every key that is known, with a value of one type. */
static void seeds(fuzz_seeds *to)
{
    static const char *const values[] = {"1", "\"x\"", "true", "null", "{\"hidden\": 3}", "[1]"};
    for (size_t v = 0; v < sizeof values / sizeof *values; v++)
        for (const pal_cli_like_row *r = pal_cli_like_rows; r->key; r++) {
            char text[512];
            const char *dot = strchr(r->key, '.');
            if (dot)
                snprintf(text, sizeof text, "{\"%.*s\": {\"%s\": %s}}", (int)(dot - r->key), r->key, dot + 1,
                         values[v]);
            else
                snprintf(text, sizeof text, "{\"%s\": %s}", r->key, values[v]);
            fuzz_seed_text(to, text);
        }
    fuzz_seed_text(
        to, "{\"model\": \"basic\", \"options\": {\"hidden\": 4}, \"epochs\": 2, \"optimizer\": {\"name\": \"adam\"}}");
}

const fuzz_target target_config = {.name = "config",
                                   .summary = "files for train --config",
                                   .words = words,
                                   .most = 2048,
                                   .base = 1 << 18,
                                   .factor = 256,
                                   .open = fuzz_catch_open,
                                   .close = fuzz_catch_close,
                                   .seeds = seeds,
                                   .run = run};
