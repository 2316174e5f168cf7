/* compare_facts.c - how runs were trained, side by side, from their run.json.
 *
 * A table says how a field is called and what it has to do with the bits. A field that the table does not know, of a
 * later version, is compared under its own name, as something that was asked for. */
#include <string.h>

#include "cli/compare.h"
#include "train/json_text.h"

/* clang-format off */
static const struct row {
    const char *key, *name; /* the key in run.json; the name that is printed */
    pal_cli_bearing bearing;
} table[] = {
    {"model",         "model",            COMPARE_ASKED},
    {"data",          "data",             COMPARE_NONE},
    {"data_note",     "read as",          COMPARE_NONE},
    {"limit",         "limit",            COMPARE_ASKED},
    {"hold_out",      "hold-out",         COMPARE_ASKED},
    {"from",          "weights from",     COMPARE_ASKED},
    {"train_samples", "training samples", COMPARE_ASKED},
    {"test_samples",  "test samples",     COMPARE_ASKED},
    {"batch",         "batch",            COMPARE_ASKED},
    {"epochs",        "epochs",           COMPARE_ASKED},
    {"seed",          "seed",             COMPARE_ASKED},
    {"test_every",    "test-every",       COMPARE_ASKED},
    {"patience",      "patience",         COMPARE_ASKED},
    {"min_improvement", "min-improvement", COMPARE_ASKED},
    {"time_limit",    "time",             COMPARE_ASKED},
    {"keep_best",     "keep-best",        COMPARE_NONE},
    {"version",       "version",          COMPARE_MACHINE},
    {"isa",           "instructions",     COMPARE_MACHINE},
    {"blas",          "products",         COMPARE_MACHINE},
    {"libc",          "C library",        COMPARE_MACHINE},
    {"subnormals",    "subnormals",       COMPARE_MACHINE},
    {"lanes",         "lanes",            COMPARE_MACHINE},
    {"portable",      "portable",         COMPARE_NONE}, /* what it changes is in the rows above */
    {"changed",       "changed",          COMPARE_MACHINE},
    {"threads",       "threads",          COMPARE_NONE},
    {"resumed",       "resumed",          COMPARE_NONE},
};
/* clang-format on */

/* Not facts, but times, outcomes and names: they are compared elsewhere or not at all. */
static const char *const left_out[] = {"command", "status", "error", "started", "finished", "result", "extensions"};

enum { NAME = 128 };

const char *pal_cli_compare_about(pal_cli_bearing bearing)
{
    static const char *const names[] = {"asked", "machine", "nothing"};
    return names[bearing];
}

const char *pal_cli_compare_text(const json_t *value, char *out, size_t size)
{
    const char *text = json_string_value(value);
    if (text)
        snprintf(out, size, "%s", *text ? text : "none");
    else if (json_is_boolean(value))
        snprintf(out, size, "%s", json_is_true(value) ? "yes" : "no");
    else if (json_is_integer(value))
        snprintf(out, size, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        snprintf(out, size, "%.10g", json_real_value(value));
    else
        snprintf(out, size, "%s", value && !json_is_null(value) ? "?" : "none");
    return out;
}

static const struct row *row_of(const char *key)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (!strcmp(table[i].key, key)) return &table[i];
    return NULL;
}

static bool is_left_out(const char *key)
{
    for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
        if (!strcmp(left_out[i], key)) return true;
    return false;
}

/* The value of a key, or of key.inner; a run that lacks it has null. */
static json_t *value_of(const json_t *run, const char *key, const char *inner)
{
    json_t *value = json_object_get(run, key);
    if (inner) value = json_object_get(value, inner);
    return value ? json_incref(value) : json_null();
}

static bool has(const json_t *facts, const char *name)
{
    for (size_t i = 0; i < json_array_size(facts); i++)
        if (!strcmp(json_string_value(json_object_get(json_array_get(facts, i), "name")), name)) return true;
    return false;
}

/* Whether one of the values 0 and i was not recorded, by an older version. It counts as equal. */
static bool unknown(const json_t *values, size_t i, const char *key)
{
    static const char *const later[] = {"fingerprint", "isa", "blas", "libc", "subnormals", "portable"};
    bool is_later = false;
    for (size_t k = 0; k < sizeof later / sizeof *later; k++) is_later |= !strcmp(later[k], key);
    return is_later && (json_is_null(json_array_get(values, 0)) || json_is_null(json_array_get(values, i)));
}

/* key: "seed"; or with `inner` one of a group, such as "settings" and "hidden". */
static void add(json_t *facts, const json_t *runs, const char *name, pal_cli_bearing bearing, const char *key,
                const char *inner)
{
    if (has(facts, name)) return;
    json_t *values = json_array();
    bool equal = true;
    for (size_t i = 0; i < json_array_size(runs); i++) {
        json_array_append_new(values, value_of(json_array_get(runs, i), key, inner));
        equal &= json_equal(json_array_get(values, 0), json_array_get(values, i)) || unknown(values, i, key);
    }
    json_array_append_new(facts, json_pack("{s:s, s:s?, s:s, s:b, s:o}", "name", name, "of", inner ? key : NULL,
                                           "about", pal_cli_compare_about(bearing), "equal", equal, "values", values));
}

/* The facts that this run has; those that an earlier run had are there already. */
static void add_run(json_t *facts, const json_t *runs, json_t *run)
{
    const char *key, *inner;
    json_t *value, *part;
    json_object_foreach(run, key, value)
    {
        const struct row *row = row_of(key);
        if (row || is_left_out(key)) continue; /* the rows of the table are added in its own order */
        if (!json_is_object(value)) add(facts, runs, key, COMPARE_ASKED, key, NULL);
        json_object_foreach(value, inner, part)
        {
            char name[NAME]; /* an option of the model keeps its name */
            if (!strcmp(key, "schedule") && !strcmp(inner, "total")) continue; /* it follows from the epochs */
            if (!strcmp(inner, "name"))
                snprintf(name, sizeof name, "%s", key);
            else if (!strcmp(key, "settings") || !strcmp(inner, "learning_rate"))
                snprintf(name, sizeof name, "%s", inner);
            else
                snprintf(name, sizeof name, "%s %s", key, inner);
            for (char *c = name; *c; c++)
                if (*c == '_') *c = '-';
            add(facts, runs, name, COMPARE_ASKED, key, inner);
        }
    }
}

const json_t *pal_cli_compare_differing(const json_t *facts, const char *name)
{
    for (size_t i = 0; i < json_array_size(facts); i++) {
        const json_t *fact = json_array_get(facts, i);
        if (!strcmp(json_string_value(json_object_get(fact, "name")), name))
            return json_is_true(json_object_get(fact, "equal")) ? NULL : json_object_get(fact, "values");
    }
    return NULL;
}

json_t *pal_cli_compare_facts(pal_rundir *const *dirs, size_t n)
{
    json_t *runs = json_array(), *facts = json_array();
    bool good = runs && facts;
    for (size_t i = 0; i < n && good; i++) {
        const char *text = pal_rundir_text(dirs[i]), *wrong;
        good = !json_array_append_new(runs, palt__json_load(text, strlen(text), NULL, &wrong));
    }
    for (size_t r = 0; r < sizeof table / sizeof *table && good; r++) {
        bool any = false; /* of an older version may lack it */
        for (size_t i = 0; i < n; i++) any |= json_object_get(json_array_get(runs, i), table[r].key) != NULL;
        if (any) add(facts, runs, table[r].name, table[r].bearing, table[r].key, NULL);
        for (size_t i = 0; i < n && !r; i++) add_run(facts, runs, json_array_get(runs, i)); /* after the model */
    }
    json_decref(runs);
    if (good) return facts;
    json_decref(facts);
    return NULL;
}
