/* compare_report.c - what palindrome compare prints for people: the facts, then the results of each pair, then why. */
#include <math.h>
#include <string.h>

#include "cli/compare.h"

enum { TEXT = 400, LINE = 4096, VALUES = 21 /* the column of the values */, SHARE = 7, FIELD = 9 };

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static long long whole(const json_t *object, const char *key)
{
    return (long long)json_integer_value(json_object_get(object, key));
}

static bool is_equal(const json_t *object) { return json_is_true(json_object_get(object, "equal")); }

static void print_row(const char *name, const char *value)
{
    char head[160];
    snprintf(head, sizeof head, "  %s", name);
    pal_cli_hang(head, VALUES, pal_cli_width(), value);
}

/* ---- Facts ---------------------------------------------------------------------------------------------------- */

/* "8 / 16": the values in the order of the runs. */
static void print_fact(const json_t *fact)
{
    char line[LINE] = "", text[TEXT];
    const json_t *values = json_object_get(fact, "values");
    for (size_t i = 0; i < json_array_size(values); i++) {
        pal_cli_compare_text(json_array_get(values, i), text, sizeof text);
        pal_cli_append(line, sizeof line, " / ", text);
    }
    print_row(text_of(fact, "name"), line);
}

/* "optimizer" if all facts of the group are equal, or else "9 of 10 options of the optimizer"; "" if none is. */
static void name_group(const json_t *facts, const char *group, char *out, size_t size)
{
    size_t all = 0, equal = 0;
    for (size_t i = 0; i < json_array_size(facts); i++) {
        const json_t *fact = json_array_get(facts, i);
        if (strcmp(text_of(fact, "of"), group) != 0) continue;
        all++;
        equal += is_equal(fact);
    }
    const char *name = !strcmp(group, "settings") ? "model" : group;
    *out = 0;
    if (equal && equal == all && name == group)
        snprintf(out, size, "%s", name);
    else if (equal && equal == all)
        snprintf(out, size, "%zu options of the %s", equal, name);
    else if (equal)
        snprintf(out, size, "%zu of %zu options of the %s", equal, all, name);
}

/* The names of the facts that are equal; of a group, one name. */
static void list_equal(const json_t *facts, char *out, size_t size)
{
    const char *last = "";
    char text[TEXT];
    for (size_t i = 0; i < json_array_size(facts); i++) {
        const json_t *fact = json_array_get(facts, i);
        const char *group = text_of(fact, "of");
        const bool named = *group && !strcmp(group, last); /* the facts of a group are neighbours */
        last = group;
        if (*group)
            name_group(facts, group, text, sizeof text);
        else
            snprintf(text, sizeof text, "%s", is_equal(fact) ? text_of(fact, "name") : "");
        if (!named) pal_cli_append(out, size, ", ", text);
    }
}

static void print_facts(const json_t *facts)
{
    char equal[LINE] = "";
    size_t differ = 0;
    for (size_t i = 0; i < json_array_size(facts); i++) differ += !is_equal(json_array_get(facts, i));
    list_equal(facts, equal, sizeof equal);
    if (*equal) print_row("equal", equal);
    print_row("different", differ ? "in the order of the runs:" : "nothing that the runs record");
    for (size_t i = 0; i < json_array_size(facts); i++)
        if (!is_equal(json_array_get(facts, i))) print_fact(json_array_get(facts, i));
}

/* ---- Results -------------------------------------------------------------------------------------------------- */

static const char *number(const json_t *value, char *out, size_t size)
{
    if (json_is_number(value))
        snprintf(out, size, "%.10g", json_number_value(value));
    else
        snprintf(out, size, "%s", json_is_string(value) ? json_string_value(value) : "unknown");
    return out;
}

static void print_metrics(const json_t *metrics)
{
    char text[2 * TEXT], a[TEXT], b[TEXT];
    const json_t *found = json_object_get(metrics, "first_difference"), *epochs = json_object_get(metrics, "epochs");
    const json_t *values = json_object_get(found, "values");
    const long long equal = whole(metrics, "equal_epochs"),
                    of_a = (long long)json_integer_value(json_array_get(epochs, 0)),
                    of_b = (long long)json_integer_value(json_array_get(epochs, 1));
    size_t at = 0;
    if (is_equal(metrics))
        at = (size_t)snprintf(text, sizeof text, "%lld of %lld epochs are equal", equal, equal);
    else if (equal)
        at = (size_t)snprintf(text, sizeof text, "equal to epoch %lld; ", equal);
    if (json_is_object(found))
        at += (size_t)snprintf(text + at, sizeof text - at, "first difference in epoch %lld: %s %s and %s",
                               whole(found, "epoch"), text_of(found, "figure"),
                               number(json_array_get(values, 0), a, sizeof a),
                               number(json_array_get(values, 1), b, sizeof b));
    if (of_a != of_b)
        snprintf(text + at, sizeof text - at, "%s%lld and %lld epochs", json_is_object(found) ? "; " : "", of_a, of_b);
    print_row("metrics", text);
}

static void print_small(pal_cli_line *line, const json_t *value, const char *format)
{
    char text[64] = "NaN";
    if (json_is_number(value)) snprintf(text, sizeof text, format, json_number_value(value));
    pal_cli_cell(line, FIELD, 1, text);
}

static void print_heading(int width)
{
    static const char *const names[] = {"differ", "absolute", "relative", "ulps"};
    pal_cli_line line = {.width = pal_cli_width()};
    pal_cli_cell(&line, -width, 2, "largest difference");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) pal_cli_cell(&line, i ? FIELD : SHARE, 1, names[i]);
    pal_cli_end_line(&line);
}

static void print_tensor(const json_t *t, int width)
{
    pal_cli_line line = {.width = pal_cli_width()};
    const json_t *types = json_object_get(t, "types");
    const char *of_a = json_string_value(json_array_get(types, 0)), *of_b = json_string_value(json_array_get(types, 1));
    pal_cli_cell(&line, -width, 2, text_of(t, "name"));
    if (json_object_get(t, "elements")) {
        pal_cli_print_cell(&line, SHARE, 1, "%.3g%%",
                           100.0 * (double)whole(t, "differing") / (double)whole(t, "elements"));
        print_small(&line, json_object_get(t, "absolute"), "%.2g");
        print_small(&line, json_object_get(t, "relative"), "%.2g");
        print_small(&line, json_object_get(t, "places"), "%.4g");
    } else {
        pal_cli_print_cell(&line, 10, 1, "%s / %s", of_a ? of_a : "missing", of_b ? of_b : "missing");
    }
    pal_cli_end_line(&line);
}

/* Prints how many of the weights (or tensors of the state) are equal; returns how many differ. */
static size_t print_counts(const json_t *tensors, bool state, int *width)
{
    size_t all = 0, equal = 0;
    char text[TEXT];
    for (size_t i = 0; i < json_array_size(tensors); i++) {
        const json_t *t = json_array_get(tensors, i);
        const int length = (int)strlen(text_of(t, "name"));
        if (json_is_true(json_object_get(t, "state")) != state) continue;
        if (!is_equal(t) && length > *width) *width = length;
        all++;
        equal += is_equal(t);
    }
    if (!all) return 0;
    snprintf(text, sizeof text, "%zu of %zu tensors are equal, bit for bit", equal, all);
    print_row(state ? "state of training" : "weights", text);
    return all - equal;
}

static void print_weights(const json_t *weights)
{
    enum { NARROWEST = 19, WIDEST = 34 };
    const json_t *tensors = json_object_get(weights, "tensors");
    int width = NARROWEST, unused = 0;
    const size_t differ = print_counts(tensors, false, &width);
    print_counts(tensors, true, &unused);
    if (!differ) return;
    if (width > WIDEST) width = WIDEST;
    putchar('\n');
    print_heading(width);
    for (size_t i = 0; i < json_array_size(tensors); i++) {
        const json_t *t = json_array_get(tensors, i);
        if (!is_equal(t) && !json_is_true(json_object_get(t, "state"))) print_tensor(t, width);
    }
}

void pal_cli_compare_print(const char *const *runs, size_t n, const json_t *facts, const json_t *results,
                           const char *why)
{
    print_facts(facts);
    for (size_t i = 1; i < n; i++) {
        const json_t *result = json_array_get(results, i - 1);
        putchar('\n');
        pal_cli_paragraph(0, "%s and %s: %s\n", runs[0], runs[i], is_equal(result) ? "equal" : "different");
        print_metrics(json_object_get(result, "metrics"));
        print_weights(json_object_get(result, "weights"));
    }
    if (*why) pal_cli_paragraph(0, "\n%s", why);
}
