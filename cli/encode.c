/* encode.c - palindrome encode and decode, and reconstruct with two files: converts one array to another.
 *
 * Arrays of samples have the shape [n, features] or [n, sample...], arrays of codes [n, code]. The input is read as a
 * whole and checked before anything is written. Bytes in samples are pixels and count as value / 255, as in data sets.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/data.h"

typedef struct kind {
    const char *name, *rows; /* rows: what the elements of an input row are */
    bool from_code, to_code;
    pal_status (*call)(const pal_model *model, pal_workspace *w, const float *in, size_t n, float *out);
} kind;

static const kind kinds[] = {
    [PAL_CLI_ENCODE] = {"encode", "features", false, true, pal_encode},
    [PAL_CLI_DECODE] = {"decode", "code values", true, false, pal_decode},
    [PAL_CLI_RECONSTRUCT] = {"reconstruct", "features", false, false, pal_reconstruct},
};

typedef struct conversion {
    const kind *kind;
    const pal_cli_args *args;
    pal_cli_run run;
    pal_workspace *w;
    pal_dataset *data;    /* that `in` has the features of; NULL: it was read as an array */
    pal_tensor *in, *out; /* rows of f32 */
} conversion;

/* ---- File names ----------------------------------------------------------------------------------------------- */

/* Whether OUT, or standard input, is text. The name of OUT ends in .npy or .csv (check_words). */
static bool is_csv(const pal_cli_args *args, const char *path)
{
    const char *format = pal_cli_given(args, "format");
    if (!strcmp(path, "-")) return !format || strcmp(format, "npy") != 0;
    return path[strlen(path) - 1] == 'v';
}

static int check_words(const kind *k, const pal_cli_args *args)
{
    const char *in = args->words[1], *out = args->words[2];
    const size_t n = strlen(out);
    const bool folder = strcmp(in, "-") != 0 && pal_cli_is_folder(in);
    if (strcmp(out, "-") != 0 && (n < 5 || (strcmp(out + n - 4, ".npy") != 0 && strcmp(out + n - 4, ".csv") != 0)))
        return pal_cli_say(PAL_CLI_WRONG,
                           "%s: not an array file: choose a name ending in .npy or .csv, or - for standard output",
                           out);
    if (pal_cli_is_folder(out)) return pal_cli_say(PAL_CLI_WRONG, "%s is a folder: choose a file as OUT", out);
    if (pal_cli_is_same(in, out))
        return pal_cli_say(PAL_CLI_WRONG, "%s is the input and would be overwritten: choose another OUT", out);
    if (folder && k->from_code)
        return pal_cli_say(PAL_CLI_WRONG, "%s is a folder: give codes as a .npy or .csv file, or - for standard input",
                           in);
    if (!folder && pal_cli_given(args, "split"))
        return pal_cli_say(PAL_CLI_WRONG,
                           "--split is for the folder of a data set, and %s is not a folder: leave it out", in);
    if (pal_cli_given(args, "format") && strcmp(in, "-") != 0 && strcmp(out, "-") != 0)
        return pal_cli_say(PAL_CLI_WRONG,
                           "--format is for standard input and output, but IN and OUT are files, whose names tell "
                           "their format: leave it out, or give - for one of them");
    if (args->n_variant)
        return pal_cli_say(PAL_CLI_WRONG, "--%s has no effect with IN, which is reconstructed as it is: leave it out",
                           args->variant[0].name);
    return PAL_CLI_GO_ON;
}

/* ---- Reading -------------------------------------------------------------------------------------------------- */

/* Codes with the names of their samples, as encode writes them. Further columns have no names here, so they are read in
 * their order. */
static pal_dataset *open_codes(const conversion *c, const char *path, pal_error *err)
{
    static const pal_setting id = {"id", "id"};
    const pal_data_options options = {.given = &id, .n = 1, .former = 1};
    const int64_t k = pal_workspace_code(c->w);
    pal_column *columns = calloc((size_t)k, sizeof *columns);
    for (int64_t j = 0; columns && j < k; j++) columns[j] = (pal_column){.kind = PAL_COLUMN_NUMBER, .scale = 1};
    pal_schema *s = columns ? pal_schema_new(&(pal_schema){.columns = columns, .n_columns = k}, err) : NULL;
    const pal_data_source from = {
        .struct_size = sizeof from, .path = path, .options = &options, .schema = s, .whole = true};
    pal_data data = {0};
    if (s)
        pal_data_open(c->run.context, &from, 1U << PAL_SPLIT_TEST, &data, err);
    else if (!columns)
        pal_error_set(err, PAL_ERR_MEMORY, "out of memory");
    pal_schema_free(s);
    free(columns);
    return data.part[PAL_SPLIT_TEST];
}

/* Whether the run's samples have names, which encode writes beside the codes. */
static bool names_samples(const conversion *c)
{
    const pal_run_info *info = pal_rundir_info(c->run.dir);
    for (size_t i = 0; i < info->n_data_options; i++)
        if (!strcmp(info->data_options[i].name, "id")) return true;
    return false;
}

/* Whether IN is read as data sets are: a folder, several arrays in a file, or the rows of a table. */
static bool is_data(const conversion *c, const char *path)
{
    if (c->kind->from_code)
        return names_samples(c) && (strcmp(path, "-") != 0 ? !strstr(path, ".np") : is_csv(c->args, path));
    return pal_model_schema(c->run.model) || strstr(path, ".npz") ||
           (strcmp(path, "-") != 0 && pal_cli_is_folder(path));
}

static pal_tensor *read_data(conversion *c, const char *path, pal_error *err)
{
    const bool npy = !strcmp(path, "-") && !is_csv(c->args, path);
    pal_dataset *data = c->data =
        c->kind->from_code ? open_codes(c, path, err) : pal_cli_open_samples(&c->run, path, npy, err);
    if (!data) return NULL;
    if (c->kind->from_code && data->known) {
        pal_error_set(err, PAL_ERR_FORMAT, "%s: a number of a code is missing: fill it in, or remove its line", path);
        return NULL;
    }
    pal_shape shape = {.rank = data->sample.rank + 1, .dim = {data->count}};
    for (int32_t a = 0; a < data->sample.rank; a++) shape.dim[a + 1] = data->sample.dim[a];
    pal_tensor *x = pal_tensor_new(c->run.context, PAL_F32, shape);
    uint32_t *rows = malloc((size_t)data->count * sizeof *rows);
    for (int64_t i = 0; rows && i < data->count; i++) rows[i] = (uint32_t)i;
    const pal_status status = x && rows ? pal_dataset_gather(data, rows, (size_t)data->count, x, err)
                                        : pal_error_set(err, PAL_ERR_MEMORY, "%s: out of memory", path);
    free(rows);
    if (!status) return x;
    pal_tensor_free(x);
    return NULL;
}

/* Converts `from` to f32 and frees it, unless it is f32 already. NULL: out of memory. */
static pal_tensor *as_f32(pal_tensor *from, bool pixels)
{
    if (from->dtype == PAL_F32) return from;
    pal_tensor *to = pal_tensor_new(from->context, PAL_F32, from->shape);
    const float scale = from->dtype == PAL_U8 && pixels ? 255.0F : 1.0F; /* dividing rounds correctly */
    for (size_t i = 0; to && i < pal_tensor_count(from); i++)
        ((float *)to->data)[i] = (float)pal_tensor_get(from, i) / scale;
    pal_tensor_free(from);
    return to;
}

static int check_shape(const conversion *c, const char *name)
{
    const int64_t width =
        c->kind->from_code ? pal_workspace_code(c->w) : pal_shape_count(pal_model_sample(c->run.model));
    pal_shape row = c->in->shape;
    char text[96];
    if (row.rank) memmove(row.dim, row.dim + 1, (size_t)--row.rank * sizeof *row.dim);
    if (c->in->shape.rank >= 2 && pal_shape_count(row) == width) return PAL_CLI_GO_ON;
    return pal_cli_say(PAL_CLI_WRONG,
                       "%s: the array is %s, but %s, a run of %s, takes rows of %lld %s: give an array [N,%lld]", name,
                       pal_shape_text(c->in->shape, text, sizeof text), pal_rundir_path(c->run.dir),
                       pal_model_variant(c->run.model)->name, (long long)width, c->kind->rows, (long long)width);
}

static int check_finite(const conversion *c, const char *name)
{
    const float *x = c->in->data;
    const size_t width = pal_tensor_count(c->in) / (size_t)(c->in->shape.dim[0] ? c->in->shape.dim[0] : 1);
    for (size_t i = 0; i < pal_tensor_count(c->in); i++)
        if (!isfinite(x[i]))
            return pal_cli_say(PAL_CLI_FAILED, "%s: row %zu, element %zu (from 0) is not a finite number", name,
                               i / width, i % width);
    return PAL_CLI_GO_ON;
}

/* Values are checked before their conversion, which would make a great one infinite. */
static int read_rows(conversion *c)
{
    const char *path = c->args->words[1], *name = strcmp(path, "-") != 0 ? path : "standard input";
    pal_error err = {0};
    if (is_data(c, path))
        c->in = read_data(c, path, &err);
    else if (!strcmp(path, "-"))
        c->in = (is_csv(c->args, path) ? pal_csv_read : pal_npy_read)(c->run.context, path, &err);
    else
        c->in = pal_array_read(c->run.context, path, &err);
    if (!c->in) return pal_cli_say_error(&err);
    const int status = check_shape(c, name);
    if (status != PAL_CLI_GO_ON) return status;
    if (!c->kind->from_code && pal_samples_check(c->run.model, c->in, name, &err)) return pal_cli_say_error(&err);
    c->in = as_f32(c->in, !c->kind->from_code);
    return c->in ? check_finite(c, name) : pal_cli_say(PAL_CLI_FAILED, "out of memory");
}

/* ---- Writing -------------------------------------------------------------------------------------------------- */

static pal_shape out_shape(const conversion *c)
{
    pal_shape sample = pal_model_sample(c->run.model);
    pal_shape shape = {.rank = 1, .dim = {c->in->shape.dim[0]}};
    if (c->kind->to_code || sample.rank + 1 > PAL_MAX_RANK) {
        shape.dim[shape.rank++] = c->kind->to_code ? pal_workspace_code(c->w) : pal_shape_count(sample);
        return shape;
    }
    for (int32_t a = 0; a < sample.rank; a++) shape.dim[shape.rank++] = sample.dim[a];
    return shape;
}

/* Samples as rows of the model's table: numbers in their own units, categories as their words. In a .npy file a
 * category is the number of its level. */
static pal_status write_table(conversion *c, const char *path, pal_error *err)
{
    const pal_schema *s = pal_model_schema(c->run.model);
    const size_t n = (size_t)c->out->shape.dim[0], f = (size_t)s->features;
    pal_tensor *rows = pal_tensor_new(c->run.context, PAL_F64, PAL_SHAPE((int64_t)n, s->n_columns));
    double *spread = malloc(f * sizeof *spread);
    pal_status status = rows && spread ? PAL_OK : pal_error_set(err, PAL_ERR_MEMORY, "out of memory");
    for (size_t i = 0; i < n && !status; i++) {
        for (size_t j = 0; j < f; j++) spread[j] = (double)((const float *)c->out->data)[i * f + j];
        pal_schema_undo(s, spread, 1, (double *)rows->data + i * (size_t)s->n_columns);
    }
    const char *const *ids = c->data ? (const char *const *)c->data->ids : NULL;
    if (!status)
        status = is_csv(c->args, path)
                     ? pal_table_write_named(path, s, rows->data, n, ids,
                                             pal_cli_data_id(c->args, pal_rundir_info(c->run.dir)), err)
                     : pal_npy_write(rows, path, err);
    free(spread);
    pal_tensor_free(c->out);
    c->out = rows;
    return status;
}

/* Whether codes get the names of their samples, in a first column. */
static bool names_codes(const conversion *c)
{
    return c->kind->to_code && c->data && c->data->ids && is_csv(c->args, c->args->words[2]);
}

static pal_status write_codes(const conversion *c, const char *path, pal_error *err)
{
    const size_t k = (size_t)pal_workspace_code(c->w), n = (size_t)c->out->shape.dim[0];
    pal_column *columns = calloc(k, sizeof *columns);
    char(*names)[24] = calloc(k, sizeof *names);
    double *rows = malloc(n * k * sizeof *rows);
    pal_schema *s = NULL;
    for (size_t j = 0; columns && names && j < k; j++) {
        snprintf(names[j], sizeof names[j], "code %zu", j + 1);
        columns[j] = (pal_column){.name = names[j], .kind = PAL_COLUMN_NUMBER, .scale = 1};
    }
    for (size_t i = 0; rows && i < n * k; i++) rows[i] = (double)((const float *)c->out->data)[i];
    pal_status status = columns && names && rows ? PAL_OK : pal_error_set(err, PAL_ERR_MEMORY, "out of memory");
    if (!status && !(s = pal_schema_new(&(pal_schema){.columns = columns, .n_columns = (int64_t)k}, err)))
        status = err->status;
    if (!status) status = pal_table_write(path, s, rows, n, (const char *const *)c->data->ids, err);
    pal_schema_free(s);
    free(rows);
    free(names);
    free(columns);
    return status;
}

static int convert(conversion *c)
{
    const char *path = c->args->words[2];
    char shape[96];
    pal_error err = {0};
    c->out = pal_tensor_new(c->run.context, PAL_F32, out_shape(c));
    if (!c->out) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    if (c->kind->call(c->run.model, c->w, c->in->data, (size_t)c->in->shape.dim[0], c->out->data))
        return pal_cli_say(PAL_CLI_FAILED, "%s", pal_workspace_error(c->w));
    const bool table = pal_model_schema(c->run.model) && !c->kind->to_code;
    const pal_status status = table ? write_table(c, path, &err)
                              : names_codes(c)
                                  ? write_codes(c, path, &err)
                                  : (is_csv(c->args, path) ? pal_csv_write : pal_npy_write)(c->out, path, &err);
    if (status) return pal_cli_say_error(&err);
    if (strcmp(path, "-") != 0) pal_cli_print("%s %s\n", path, pal_shape_text(c->out->shape, shape, sizeof shape));
    return PAL_CLI_DONE;
}

static int make_workspace(conversion *c)
{
    pal_error err = {0};
    const int64_t lanes = pal_rundir_info(c->run.dir)->lanes;
    pal_context_options own = {.struct_size = sizeof own,
                               .threads = pal_context_threads(c->run.context),
                               .unpinned = true,
                               .isa = pal_context_isa(c->run.context),
                               .subnormals = pal_context_subnormals(c->run.context)};
    pal_workspace_options o = {.struct_size = sizeof o,
                               .batch = 128,
                               .lanes = lanes > 0 ? (unsigned)lanes : 0,
                               .context = &own,
                               .features = true};
    c->w = pal_workspace_new(c->run.model, &o, &err);
    return c->w ? PAL_CLI_GO_ON : pal_cli_say_error(&err);
}

int pal_cli_convert(pal_cli_conversion which, const pal_cli_args *args)
{
    conversion c = {.kind = &kinds[which], .args = args};
    int status = check_words(c.kind, args);
    if (status != PAL_CLI_GO_ON) return status;
    pal_cli_signals_end(args->words[args->n_words - 1]);
    status = pal_cli_open(args, 0, &c.run);
    if (status == PAL_CLI_GO_ON) status = make_workspace(&c);
    if (status == PAL_CLI_GO_ON) status = read_rows(&c);
    if (status == PAL_CLI_GO_ON) status = convert(&c);
    pal_dataset_free(c.data);
    pal_tensor_free(c.in);
    pal_tensor_free(c.out);
    pal_workspace_free(c.w);
    pal_cli_close(&c.run);
    return status;
}

/* ---- The verbs ------------------------------------------------------------------------------------------------ */

#define NO_WORDS "arguments missing: give the run, the input and the output: RUN IN OUT"

static const pal_cli_row encode_rows[] = {PAL_CLI_FORMAT,  PAL_CLI_SPLIT,    PAL_CLI_WHICH,
                                          PAL_CLI_THREADS, PAL_CLI_PORTABLE, PAL_CLI_END};
const pal_cli_spec pal_cli_encode_spec = {
    .data = true,
    .words = "RUN IN OUT",
    .summary =
        "Convert samples to codes. IN: a .npy or .csv file with one sample per row, - for standard input, or the "
        "folder of a data set. OUT: a .npy or .csv file, or - for standard output. Bytes in IN are pixels: a "
        "byte counts as its value / 255.",
    .rows = encode_rows,
    .least = 3,
    .most = 3,
    .missing = NO_WORDS,
};

static const pal_cli_row decode_rows[] = {PAL_CLI_FORMAT, PAL_CLI_WHICH, PAL_CLI_THREADS, PAL_CLI_PORTABLE,
                                          PAL_CLI_END};
const pal_cli_spec pal_cli_decode_spec = {
    .words = "RUN IN OUT",
    .summary =
        "Convert codes to samples: the means that the decoder computes. IN: a .npy or .csv file with one code per "
        "row, or - for standard input. OUT: a .npy file of samples in their own shape, a .csv file with one "
        "sample per row, or - for standard output.",
    .rows = decode_rows,
    .least = 3,
    .most = 3,
    .missing = NO_WORDS,
};

static int run(pal_cli_conversion which, const pal_cli_spec *spec, int argc, char **argv)
{
    pal_cli_args args;
    int status = pal_cli_parse(spec, argc, argv, &args);
    return status == PAL_CLI_GO_ON ? pal_cli_convert(which, &args) : status;
}

int pal_cli_encode(int argc, char **argv) { return run(PAL_CLI_ENCODE, &pal_cli_encode_spec, argc, argv); }
int pal_cli_decode(int argc, char **argv) { return run(PAL_CLI_DECODE, &pal_cli_decode_spec, argc, argv); }
