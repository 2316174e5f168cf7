/* json.c - JSON documents on standard output, whole or not at all.
 *
 * The verbs build values with jansson and do not look whether memory ran out. The program therefore gives jansson an
 * allocator that remembers a failure, and looks at it before a document is printed. A library must not do that, since
 * the allocator belongs to the whole process. */
#include <math.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "train/json_text.h"

static bool out_of_memory;

static void *allocate(size_t size)
{
    void *block = malloc(size);
    if (!block) out_of_memory = true;
    return block;
}

void pal_cli_json_set_up(void) { json_set_alloc_funcs(allocate, free); }

bool pal_cli_json_lost(void) { return out_of_memory; }

/* jansson escapes what JSON demands. A terminal obeys more than that: DEL, and the controls beyond ASCII. Outside texts
 * JSON has none of them. */
static void print_text(const char *text)
{
    for (size_t n; *text; text += n) {
        char shown[16] = "\\u007f";
        for (n = 0; text[n] && (unsigned char)text[n] < 127; n++) continue;
        fwrite(text, 1, n, stdout);
        if (n) continue;
        for (n = 1; ((unsigned char)text[n] & 0xC0) == 0x80; n++) continue;
        if (*text != 127) pal_text_clean(shown, sizeof shown, text, n);
        fputs(shown, stdout);
    }
    putchar('\n');
}

void pal_cli_print_json(json_t *value)
{
    char *text = value ? palt__json_dump(value, JSON_INDENT(2) | JSON_REAL_PRECISION(10)) : NULL;
    if (!text || out_of_memory)
        exit(pal_cli_say(PAL_CLI_FAILED, value || out_of_memory
                                             ? "out of memory: nothing is printed"
                                             : "cannot print as JSON: a name is not text in UTF-8: rename it"));
    print_text(text);
    free(text);
    json_decref(value);
}

json_t *pal_cli_text(const char *bytes)
{
    if (!bytes) return json_null();
    char text[4 * PAL_CLI_PATH];
    pal_text_escape(bytes, text, sizeof text);
    return json_string(text);
}

json_t *pal_cli_number(double value) { return isfinite(value) ? json_real(value) : json_null(); }

json_t *pal_cli_numbers(const double *values, int64_t n)
{
    json_t *out = json_array();
    for (int64_t i = 0; i < n; i++) json_array_append_new(out, pal_cli_number(values[i]));
    return out;
}
