/* data.c - the options about data (data/options.def): as rows of a verb's table, and as they were given.
 *
 * A training keeps what it was given in run.json. A verb that works on a run reads data with these options, and what it
 * is given itself takes precedence: a file of another separator can be evaluated. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/data.h"

#define DATA_OPTION(name, choices, argument, help) PAL_CLI_ENUM(name, "", choices, argument, help),
const pal_cli_row pal_cli_data_rows[] = {
#include "data/options.def"
    PAL_CLI_END,
};
#undef DATA_OPTION

/* What only training decides: a trained model has its scaling, and its run has its split. */
const char pal_cli_data_training[] = "scale|test|validation|split-seed|only";

static void put(pal_cli_data *d, const char *name, const char *value)
{
    if (d->options.n == PAL_CLI_DATA_OPTIONS) return;
    d->list[d->options.n++] = (pal_setting){name, value};
    d->options.given = d->list;
}

void pal_cli_data_choose(pal_cli_data *d, const char *name, const char *value)
{
    for (size_t i = 0; i < d->options.n; i++)
        if (!strcmp(d->list[i].name, name)) return;
    put(d, name, value);
}

void pal_cli_data_take(pal_cli_data *d, const pal_cli_args *args)
{
    for (size_t i = 0; i < args->n_given; i++)
        if (pal_data_option_find(args->given[i].name)) put(d, args->given[i].name, args->given[i].value);
}

void pal_cli_data_of_run(pal_cli_data *d, const pal_run_info *info, const pal_model *model, bool own)
{
    for (size_t i = 0; i < info->n_data_options; i++) {
        const char *name = info->data_options[i].name;
        if (own || !pal_choices_have(pal_cli_data_training, name)) put(d, name, info->data_options[i].value);
    }
    d->options.former = own ? 0 : d->options.n;
    if (model && !pal_model_schema(model)) put(d, "scale", "none"); /* it was trained on numbers as they are */
}

const char *pal_cli_data_id(const pal_cli_args *args, const pal_run_info *info)
{
    const char *name = pal_cli_given(args, "id");
    for (size_t i = 0; i < info->n_data_options && !name; i++)
        if (!strcmp(info->data_options[i].name, "id")) name = info->data_options[i].value;
    return name && name[strspn(name, "0123456789")] ? name : NULL;
}

/* ---- What was read ---------------------------------------------------------------------------------------------- */

enum { CLASSES_NAMED = 6 };

static void add(char *out, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void add(char *out, size_t size, const char *format, ...)
{
    const size_t used = strlen(out);
    va_list args;
    va_start(args, format);
    if (used + 1 < size) vsnprintf(out + used, size - used, format, args);
    va_end(args);
}

/* "4 features", "images of 28 x 28, bytes divided by 255" */
static void add_sample(const pal_dataset *d, char *out, size_t size)
{
    const pal_shape s = d->sample;
    const char *type = d->inputs->dtype == PAL_U8 && !*d->note.text ? ", bytes divided by 255" : "";
    if (s.rank == 2) {
        add(out, size, "samples of %lld x %lld%s", (long long)s.dim[0], (long long)s.dim[1], type);
    } else if (s.rank == 3) {
        add(out, size, "images of %lld x %lld with %lld channel%s%s", (long long)s.dim[1], (long long)s.dim[2],
            (long long)s.dim[0], s.dim[0] == 1 ? "" : "s", type);
    } else {
        add(out, size, "%lld feature%s%s", (long long)d->features, d->features == 1 ? "" : "s", type);
        if (d->schema && d->schema->n_columns != d->features)
            add(out, size, " of %lld columns", (long long)d->schema->n_columns);
    }
}

static void add_labels(const pal_dataset *d, char *out, size_t size)
{
    if (!d->labels) return;
    add(out, size, "; %d classes", d->classes);
    for (int k = 0; k < d->classes && d->classes <= CLASSES_NAMED && pal_dataset_class_name(d, k); k++)
        add(out, size, "%s%.32s", k ? ", " : ": ", pal_dataset_class_name(d, k));
}

enum { MANY = 1 << 20 }; /* samples, of which fewer tell as much */

const char *pal_cli_data_words(const pal_dataset *train, const pal_dataset *measured, bool validated, char *out,
                               size_t size)
{
    char a[32], b[32];
    snprintf(out, size, "%s sample%s to train, %s %s; ", pal_cli_count((double)train->count, a, sizeof a),
             train->count == 1 ? "" : "s", pal_cli_count((double)measured->count, b, sizeof b),
             validated ? "for validation" : "to test");
    add_sample(train, out, size);
    add_labels(train, out, size);
    if (*train->note.text) add(out, size, "; %s", train->note.text);
    if (measured->count > MANY)
        add(out, size, "; %s samples are measured after each epoch, and --%s 10000 would do", b,
            validated ? "validation" : "test");
    return out;
}
