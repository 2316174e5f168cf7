/* output_mixed.c - the output recipe `mixed`: each column of a table has the likelihood of its kind.
 *
 *   number    normal with mean a, as output gaussian (options output-sigma and sigma-of)
 *   truth     Bernoulli with logit a
 *   category  categorical with one logit for each level, over the features of the column
 *
 * So -ln p(x | a) is the sum over columns, and the decoder returns one number per feature. Features of one kind that
 * stand side by side are one run, which is computed at once; each category is a run of its own. The results of all runs
 * are put side by side again: [n, features]. */
#include "models/likelihood.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct run {
    pal_column_kind kind;
    int64_t first, features;
} run;

/* The run that begins at this column; *column becomes the next one. */
static run run_at(const pal_schema *s, int64_t *column)
{
    const int64_t from = *column;
    const pal_column_kind kind = s->columns[from].kind;
    do ++*column;
    while (kind != PAL_COLUMN_CATEGORY && *column < s->n_columns && s->columns[*column].kind == kind);
    return (run){kind, s->first[from], s->first[*column] - s->first[from]};
}

/* The columns of a run in x [n,d]; of a single number, [] or [1], that serves all, x itself. */
static pal_var part_of(pal_var x, run r)
{
    const pal_shape s = pal_shape_of(x);
    const int axis = s.rank - 1;
    if (!pal_ok(x) || axis < 0 || s.dim[axis] == 1) return x;
    int64_t start[2] = {0, 0}, size[2] = {s.dim[0], 0}, step[2] = {1, 1};
    start[axis] = r.first;
    size[axis] = r.features;
    return pal_slice(x, start, size, step);
}

typedef pal_var (*run_fn)(pal_model *m, pal_column_kind kind, const char *stream, pal_var a, pal_var x, pal_var log_v);

/* Calls fn for each run and puts the results side by side. x: id 0 if fn takes none. */
static pal_var by_runs(pal_model *m, run_fn fn, const char *stream, pal_var a, pal_var x)
{
    const pal_schema *s = m->schema;
    const pal_var log_v = pal__log_variance(m);
    pal_var *parts = calloc((size_t)s->n_columns, sizeof *parts), all;
    if (!parts) return pal_tape_fail(m->tape, PAL_ERR_MEMORY, "output mixed: out of memory");
    size_t n = 0;
    for (int64_t column = 0; column < s->n_columns; n++) {
        char own[96] = "";
        if (stream) snprintf(own, sizeof own, "%s/%zu", stream, n);
        const run r = run_at(s, &column);
        parts[n] = fn(m, r.kind, own, part_of(a, r), x.id ? part_of(x, r) : x, part_of(log_v, r));
    }
    all = n == 1 ? parts[0] : pal_concat(parts, n, 1);
    free(parts);
    return all;
}

static pal_var nll_of(pal_model *m, pal_column_kind kind, const char *stream, pal_var a, pal_var x, pal_var log_v)
{
    (void)m, (void)stream;
    if (kind == PAL_COLUMN_NUMBER) return pal_neg(pal_normal_log_density(x, a, log_v));
    return kind == PAL_COLUMN_TRUTH ? pal_bernoulli_cross_entropy(a, x) : pal_neg(pal_mul(x, pal_log_softmax(a, 1)));
}

static pal_var draw_of(pal_model *m, pal_column_kind kind, const char *stream, pal_var a, pal_var x, pal_var log_v)
{
    (void)x;
    if (kind == PAL_COLUMN_NUMBER) return pal_sample_normal(stream, a, log_v);
    if (kind == PAL_COLUMN_TRUTH) return pal_sample_bernoulli(stream, a);
    return pal_one_hot(pal_sample_categorical(stream, a), pal_shape_of(a).dim[1], m->dtype);
}

/* KL(p(. | a) || p(. | x)): both are parameters. That of a category is spread over its levels. */
static pal_var apart_of(pal_model *m, pal_column_kind kind, const char *stream, pal_var a, pal_var x, pal_var log_v)
{
    (void)m, (void)stream;
    if (kind == PAL_COLUMN_NUMBER) return pal_normal_kl(a, log_v, x, log_v);
    if (kind == PAL_COLUMN_TRUTH) return pal_bernoulli_kl(a, x);
    return pal_mul(pal_softmax(a, 1), pal_sub(pal_log_softmax(a, 1), pal_log_softmax(x, 1)));
}

static pal_var mean_of(pal_model *m, pal_column_kind kind, const char *stream, pal_var a, pal_var x, pal_var log_v)
{
    (void)m, (void)stream, (void)x, (void)log_v;
    if (kind == PAL_COLUMN_NUMBER) return a;
    return kind == PAL_COLUMN_TRUTH ? pal_sigmoid(a) : pal_softmax(a, 1);
}

static pal_var nll(pal_model *m, pal_var a, pal_var x) { return by_runs(m, nll_of, NULL, a, x); }
static pal_var draw(pal_model *m, const char *stream, pal_var a)
{
    return by_runs(m, draw_of, stream, a, (pal_var){0});
}
static pal_var apart(pal_model *m, pal_var from, pal_var to) { return by_runs(m, apart_of, NULL, from, to); }

pal_var pal__mixed_mean(pal_model *m, pal_var a) { return by_runs(m, mean_of, NULL, a, (pal_var){0}); }

const pal__likelihood_kind pal__mixed_likelihood = {nll, draw, apart};

const char *pal__mixed_activation(const pal_schema *s, int64_t feature, int64_t *choices)
{
    static const char *const links[PAL_COLUMN_KINDS] = {"linear", "sigmoid", "softmax"};
    int64_t i = 0;
    while (i + 1 < s->n_columns && s->first[i + 1] <= feature) i++;
    *choices = s->columns[i].kind == PAL_COLUMN_CATEGORY ? s->columns[i].n_levels : 1;
    return links[s->columns[i].kind];
}
