/* compare_why.c - why the results of runs differ, as far as their facts tell it: in one sentence.
 *
 * Whatever was asked for comes first: other settings need no other reason. Then the epochs that are done, the version,
 * and last what the rounding depends on. */
#include <string.h>

#include "cli/compare.h"

enum { TEXT = 400, WORD = 160, SHOWN = 3 };

/* The values that differ from each other: "1 and 2", "8, 16 and 32". */
static const char *list(const json_t *values, char *out, size_t size)
{
    size_t at = 0, n = 0, done = 0;
    json_t *each = json_array();
    for (size_t i = 0; i < json_array_size(values); i++) {
        bool seen = false;
        for (size_t k = 0; k < i; k++) seen |= json_equal(json_array_get(values, i), json_array_get(values, k));
        if (!seen) json_array_append(each, json_array_get(values, i));
    }
    *out = 0;
    for (n = json_array_size(each); done < n && at < size; done++) {
        char text[WORD];
        pal_cli_compare_text(json_array_get(each, done), text, sizeof text);
        at += (size_t)snprintf(out + at, size - at, "%s%s", !done ? "" : done + 1 < n ? ", " : " and ", text);
    }
    json_decref(each);
    return out;
}

/* The first facts that were asked for and differ: "hidden 8 and 16, seed 1 and 2". */
static bool asked(const json_t *facts, char *out, size_t size)
{
    size_t found = 0;
    *out = 0;
    for (size_t i = 0; i < json_array_size(facts); i++) {
        const json_t *fact = json_array_get(facts, i);
        const char *about = json_string_value(json_object_get(fact, "about"));
        char values[TEXT], text[2 * TEXT];
        if (strcmp(about, pal_cli_compare_about(COMPARE_ASKED)) != 0) continue;
        if (json_is_true(json_object_get(fact, "equal")) || ++found > SHOWN) continue;
        snprintf(text, sizeof text, "%s %s", json_string_value(json_object_get(fact, "name")),
                 list(json_object_get(fact, "values"), values, sizeof values));
        pal_cli_append(out, size, ", ", text);
    }
    if (found > SHOWN) {
        char more[64];
        snprintf(more, sizeof more, "and %zu more", found - SHOWN);
        pal_cli_append(out, size, " ", more);
    }
    return found;
}

/* "OpenBLAS 0.3.21 Haswell, pthread" -> "OpenBLAS 0.3.21" and "Haswell". A BLAS of another name is a name alone. */
static void split(const json_t *blas, char *release, char *kernels, size_t size)
{
    char text[WORD], *space;
    pal_cli_compare_text(blas, text, sizeof text);
    text[strcspn(text, ",")] = 0;
    space = strncmp(text, "OpenBLAS ", 9) ? NULL : strrchr(text, ' ');
    snprintf(kernels, size, "%s", space ? space + 1 : "");
    if (space) *space = 0;
    snprintf(release, size, "%s", text);
}

/* Two releases or two kinds of kernels: the first run's and the first that differs from it. Whether --portable is a
 * remedy. */
static bool products(const json_t *blas, char *out, size_t size)
{
    char release[2][WORD], kernels[2][WORD];
    split(json_array_get(blas, 0), release[0], kernels[0], WORD);
    for (size_t i = 1; i < json_array_size(blas); i++) {
        split(json_array_get(blas, i), release[1], kernels[1], WORD);
        if (strcmp(release[0], release[1]) != 0 || strcmp(kernels[0], kernels[1]) != 0) break;
    }
    const bool releases = strcmp(release[0], release[1]) != 0, differ = strcmp(kernels[0], kernels[1]) != 0;
    if (releases)
        snprintf(out, size, "the products were computed by %s and by %s", release[0], release[1]);
    else if (differ)
        snprintf(out, size, "the products were computed by other kernels (%s and %s)", kernels[0], kernels[1]);
    else /* the builds serial, pthread and OpenMP */
        snprintf(out, size, "the products were computed by two builds of %s", release[0]);
    return !releases && differ;
}

/* Facts of the machine, the likeliest cause first. */
static const struct {
    const char *name, *what; /* with one %s for the values */
    bool portable;           /* --portable is a remedy */
} causes[] = {
    {"lanes", "the products were cut into %s lanes", true},
    {"instructions", "the other operations were computed with other instructions (%s)", true},
    {"version", "they were trained by versions %s of the program", false},
    {"C library", "they were trained with other C libraries (%s)", false},
    {"subnormals", "subnormal numbers were %s", false},
    {"changed", "a run was resumed on another machine (%s)", false},
};

/* Whether one run has done more epochs, of those that were planned for both. */
static bool unfinished(const json_t *results, char *out, size_t size)
{
    for (size_t i = 0; i < json_array_size(results); i++) {
        const json_t *epochs = json_object_get(json_object_get(json_array_get(results, i), "metrics"), "epochs");
        const json_int_t a = json_integer_value(json_array_get(epochs, 0)),
                         b = json_integer_value(json_array_get(epochs, 1));
        if (a == b) continue;
        snprintf(out, size,
                 "They differ because %lld and %lld epochs are done: `palindrome train --resume RUN` goes on.",
                 (long long)a, (long long)b);
        return true;
    }
    return false;
}

/* Whether all runs are portable. */
static bool all_portable(const json_t *facts)
{
    for (size_t i = 0; i < json_array_size(facts); i++) {
        const json_t *fact = json_array_get(facts, i), *values = json_object_get(fact, "values");
        if (!strcmp(json_string_value(json_object_get(fact, "name")), "portable"))
            return json_is_true(json_object_get(fact, "equal")) && json_is_true(json_array_get(values, 0));
    }
    return false;
}

/* What the rounding depends on and differs; false: nothing. */
static bool rounding(const json_t *facts, char *out, size_t size, bool *portable)
{
    char text[2 * TEXT], values[TEXT];
    const json_t *blas = pal_cli_compare_differing(facts, "products");
    *out = 0;
    *portable = blas && products(blas, out, size);
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++) {
        const json_t *differing = pal_cli_compare_differing(facts, causes[i].name);
        if (!differing) continue;
        const char *mark = strstr(causes[i].what, "%s");
        snprintf(text, sizeof text, "%.*s%s%s", (int)(mark - causes[i].what), causes[i].what,
                 list(differing, values, sizeof values), mark + 2);
        pal_cli_append(out, size, ", and ", text);
        *portable |= causes[i].portable;
    }
    return *out;
}

const char *pal_cli_compare_why(const json_t *facts, const json_t *results, char *out, size_t size)
{
    char text[2 * TEXT];
    bool portable;
    const json_t *data = pal_cli_compare_differing(facts, "data");
    if (asked(facts, text, sizeof text))
        snprintf(out, size, "They differ because they were trained differently: %s.", text);
    else if (unfinished(results, out, size))
        return out;
    else if (rounding(facts, text, sizeof text, &portable))
        snprintf(out, size, "They differ because %s%s.", text,
                 portable && !all_portable(facts) ? ": train both with --portable for equal bits" : "");
    else
        snprintf(out, size, "Nothing that the runs record explains it: %s may have changed, or the program.",
                 data ? "the data are at other places and" : "the data");
    return out;
}
