/* sweep.c - runs a model at several settings and seeds, and compares the results.
 *
 * The runs of one seed share everything that the seed determines: initial weights, the order of the samples, the noise.
 * So two settings are compared seed by seed. The standard error is that of the paired differences, which is smaller
 * than that of either mean. Seeds are the outer loop, so that a stopped sweep has compared complete seeds. */
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/internal.h"

struct pal_sweep {
    size_t n_axes, rows, seeds, n_figures, done;
    char **names;   /* [n_axes] */
    char **values;  /* [rows, n_axes] */
    char **figures; /* [n_figures] */
    double *found;  /* [rows, seeds, n_figures]; NAN: not run, or unknown */
};

size_t pal_sweep_rows(const pal_sweep *s) { return s->rows; }
size_t pal_sweep_done(const pal_sweep *s) { return s->done; }
size_t pal_sweep_seeds(const pal_sweep *s) { return s->seeds; }

const char *pal_sweep_setting(const pal_sweep *s, size_t row, size_t axis)
{
    return row < s->rows && axis < s->n_axes ? s->values[row * s->n_axes + axis] : NULL;
}

double pal_sweep_found(const pal_sweep *s, size_t row, size_t seed, size_t figure)
{
    bool is = row < s->rows && seed < s->seeds && figure < s->n_figures;
    return is ? s->found[(row * s->seeds + seed) * s->n_figures + figure] : (double)NAN;
}

/* ---- Mean and standard error ---------------------------------------------------------------------------------- */

/* Mean and standard error of a figure of a row (paired: of its difference from row 0) over the seeds that have it. */
static int64_t summarise(const pal_sweep *s, size_t row, size_t figure, bool paired, double *mean, double *error)
{
    double sum = 0, squares = 0;
    int64_t n = 0;
    for (int pass = 0; pass < 2; pass++)
        for (size_t k = 0; k < s->seeds; k++) {
            double value = pal_sweep_found(s, row, k, figure) - (paired ? pal_sweep_found(s, 0, k, figure) : 0);
            if (!isfinite(value)) continue;
            if (pass == 0) {
                sum += value;
                n++;
            } else {
                squares += (value - sum / (double)n) * (value - sum / (double)n);
            }
        }
    *mean = n ? sum / (double)n : (double)NAN;
    *error = n > 1 ? sqrt(squares / (double)(n - 1) / (double)n) : (double)NAN;
    return n;
}

pal_sweep_summary pal_sweep_of(const pal_sweep *s, size_t row, size_t figure)
{
    pal_sweep_summary out;
    out.seeds = summarise(s, row, figure, false, &out.mean, &out.error);
    summarise(s, row, figure, true, &out.difference, &out.difference_error);
    return out;
}

/* ---- The table as a file -------------------------------------------------------------------------------------- */

static void put_text(FILE *to, const char *text)
{
    bool plain = !text[strcspn(text, ",\"\n")];
    if (plain) {
        fputs(text, to);
        return;
    }
    putc('"', to);
    for (; *text; text++) fputs(*text == '"' ? "\"\"" : (char[]){*text, 0}, to);
    putc('"', to);
}

static void put_number(FILE *to, double value)
{
    char text[64] = "";
    if (isfinite(value)) palt__real_text(value, text, sizeof text);
    fprintf(to, ",%s", text);
}

static bool known(const pal_sweep *s, size_t figure)
{
    for (size_t row = 0; row < s->rows; row++)
        if (pal_sweep_of(s, row, figure).seeds) return true;
    return false;
}

static int put_table(FILE *to, void *user)
{
    const pal_sweep *s = user;
    for (size_t a = 0; a < s->n_axes; a++) fprintf(to, "%s%s", a ? "," : "", s->names[a]);
    fputs(",seeds", to);
    for (size_t f = 0; f < s->n_figures; f++)
        if (known(s, f))
            fprintf(to, ",%s,%s_error,%s_difference,%s_difference_error", s->figures[f], s->figures[f], s->figures[f],
                    s->figures[f]);
    putc('\n', to);
    for (size_t row = 0; row < s->rows; row++) {
        int64_t seeds = 0;
        for (size_t f = 0; f < s->n_figures; f++)
            if (pal_sweep_of(s, row, f).seeds > seeds) seeds = pal_sweep_of(s, row, f).seeds;
        for (size_t a = 0; a < s->n_axes; a++) {
            if (a) putc(',', to);
            put_text(to, pal_sweep_setting(s, row, a));
        }
        fprintf(to, ",%lld", (long long)seeds);
        for (size_t f = 0; f < s->n_figures; f++) {
            pal_sweep_summary m = pal_sweep_of(s, row, f);
            const double values[] = {m.mean, m.error, m.difference, m.difference_error};
            for (size_t i = 0; known(s, f) && i < sizeof values / sizeof *values; i++) put_number(to, values[i]);
        }
        putc('\n', to);
    }
    return 0;
}

static int write_table(int descriptor, void *user) { return pal_write_printed(descriptor, put_table, user); }

pal_status pal_sweep_write(const pal_sweep *s, const char *path, pal_error *err)
{
    return pal_file_replace(AT_FDCWD, path, write_table, (void *)(uintptr_t)s, err);
}

/* ---- Running -------------------------------------------------------------------------------------------------- */

static pal_status check(const pal_sweep_options *o, pal_error *err)
{
    if (!o->run || !o->n_axes || o->n_axes > PAL_SWEEP_AXES || !o->n_figures || o->seeds < 1)
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "sweep: needs 1 to %d options, at least one seed and one figure, and a function",
                             PAL_SWEEP_AXES);
    double runs = (double)o->seeds;
    for (size_t a = 0; a < o->n_axes; a++) {
        if (!o->axes[a].count) return pal_error_set(err, PAL_ERR_ARGUMENT, "sweep: %s has no value", o->axes[a].name);
        runs *= (double)o->axes[a].count;
    }
    if (runs > PAL_SWEEP_RUNS)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "sweep: %.0f runs are too many: choose at most %d", runs,
                             PAL_SWEEP_RUNS);
    return PAL_OK;
}

/* Returns NULL, or a list whose last element is NULL, if out of memory. */
static char **copies(const char *const *list, size_t n)
{
    char **out = calloc(n + 1, sizeof *out);
    for (size_t i = 0; out && i < n; i++)
        if (!(out[i] = strdup(list[i]))) return out;
    return out;
}

static bool fill(pal_sweep *s, const pal_sweep_options *o)
{
    const char *names[PAL_SWEEP_AXES], **values = NULL;
    s->n_axes = o->n_axes;
    s->n_figures = o->n_figures;
    s->seeds = (size_t)o->seeds;
    s->rows = 1;
    for (size_t a = 0; a < o->n_axes; a++) {
        names[a] = o->axes[a].name;
        s->rows *= o->axes[a].count;
    }
    size_t all = s->rows * s->n_axes, numbers = s->rows * s->seeds * s->n_figures;
    values = calloc(all, sizeof *values);
    for (size_t row = 0; values && row < s->rows; row++)
        for (size_t a = s->n_axes, rest = row; a-- > 0; rest /= o->axes[a].count) /* the last option changes fastest */
            values[row * s->n_axes + a] = o->axes[a].values[rest % o->axes[a].count];
    s->names = copies(names, s->n_axes);
    s->values = values ? copies(values, all) : NULL;
    s->figures = copies(o->figures, s->n_figures);
    s->found = malloc(numbers * sizeof *s->found);
    free(values);
    for (size_t i = 0; s->found && i < numbers; i++) s->found[i] = NAN;
    return s->names && s->names[s->n_axes - 1] && s->values && s->values[all - 1] && s->figures &&
           s->figures[s->n_figures - 1] && s->found;
}

pal_sweep *pal_sweep_new(const pal_sweep_options *given, pal_error *err)
{
    pal_sweep_options o = {0};
    if (pal_options_read(&o, given, sizeof o, sizeof o, "sweep", err)) return NULL;
    if (check(&o, err)) return NULL;
    pal_sweep *s = calloc(1, sizeof *s);
    if (!s || !fill(s, &o)) {
        palt__no_memory(err);
        pal_sweep_free(s);
        return NULL;
    }
    for (size_t k = 0; k < s->seeds; k++)
        for (size_t row = 0; row < s->rows; row++) {
            pal_setting settings[PAL_SWEEP_AXES];
            for (size_t a = 0; a < s->n_axes; a++)
                settings[a] = (pal_setting){s->names[a], pal_sweep_setting(s, row, a)};
            pal_sweep_run run = {.settings = settings,
                                 .n_settings = s->n_axes,
                                 .row = row,
                                 .seed = o.seed + k,
                                 .number = s->done + 1,
                                 .runs = s->rows * s->seeds,
                                 .figures = s->found + (row * s->seeds + k) * s->n_figures};
            if (o.run(&run, o.user, err)) return s;
            s->done++;
        }
    return s;
}

static void free_all(char **list, size_t n)
{
    for (size_t i = 0; list && i < n; i++) free(list[i]);
    free(list);
}

void pal_sweep_free(pal_sweep *s)
{
    if (!s) return;
    free_all(s->values, s->rows * s->n_axes);
    free_all(s->figures, s->n_figures);
    free_all(s->names, s->n_axes);
    free(s->found);
    free(s);
}
