/* distribution_checked.c - the public functions on distributions: they check shapes, then call the kind's function. */
#include "models/distribution.h"

#include <math.h>

double pal_distribution_quantile(const pal_distribution_kind *kind, double u)
{
    return kind && kind->quantile && u > 0 && u < 1 ? kind->quantile(u) : (double)NAN;
}

const pal_distribution_kind *pal_model_code(const pal_model *m)
{
    return pal_distribution_find(pal_model_setting(m, "code"));
}

const char *pal_distribution_name(const pal_distribution_kind *kind) { return kind ? kind->name : NULL; }

pal_units pal_distribution_units(const pal_distribution_kind *kind) { return kind ? kind->units : PAL_UNITS_DEPENDENT; }

int64_t pal_distribution_outputs(const pal_distribution_kind *kind, int64_t k, pal_error *err)
{
    if (!kind || k < 1) {
        pal_error_set(err, PAL_ERR_ARGUMENT, "distribution: needs a kind and at least one number");
        return 0;
    }
    if (k <= kind->most) return kind->outputs(k);
    if (kind->most == PAL__DISTRIBUTION_MOST)
        pal_error_set(err, PAL_ERR_ARGUMENT, "%s: a code has at most %d numbers, not %lld", kind->name,
                      PAL__DISTRIBUTION_MOST, (long long)k);
    else
        pal_error_set(err, PAL_ERR_ARGUMENT,
                      "code %s of %lld units needs %.0f outputs of the encoder, a mean and a triangle: choose --code "
                      "normal (%.0f outputs), or --hidden up to %lld",
                      kind->name, (long long)k, (double)k + (double)k * ((double)k + 1) / 2, 2 * (double)k,
                      (long long)kind->most);
    return 0;
}

/* Whether q has valid rows of parameters. If p is not NULL: also whether p has the same kind and size. */
static bool fits(const char *what, pal_distribution q, const pal_distribution *p)
{
    char shape[96];
    const pal_shape s = pal_shape_of(q.parameters);
    if (!pal_ok(q.parameters) || (p && !pal_ok(p->parameters))) return false;
    const char *name = q.kind ? q.kind->name : "distribution";
    if (!q.kind || q.k < 1 || q.k > q.kind->most || s.rank != 2 || s.dim[1] != q.kind->outputs(q.k)) {
        pal_tape_fail(q.parameters.tape, PAL_ERR_SHAPE, "%s %s: %s are not rows of parameters for %lld numbers", name,
                      what, pal_shape_text(s, shape, sizeof shape), (long long)q.k);
        return false;
    }
    if (!p) return true;
    if (p->kind == q.kind && p->k == q.k && fits(what, *p, NULL)) return true;
    pal_tape_fail(q.parameters.tape, PAL_ERR_ARGUMENT, "%s %s: the two distributions must have the same kind and size",
                  name, what);
    return false;
}

/* Whether z are draws for the rows of q. q may have a single row for all rows of z. With `one`, z may have a single row
 * for all rows of q. */
static bool has_draws(pal_distribution q, pal_var z, bool one)
{
    char shape[96];
    const pal_shape d = pal_shape_of(z);
    if (!fits("log-density", q, NULL) || !pal_ok(z)) return false;
    const int64_t rows = pal_shape_of(q.parameters).dim[0];
    if (d.rank == 3 && d.dim[2] == q.k && (d.dim[0] == rows || rows == 1 || (one && d.dim[0] == 1))) return true;
    pal_tape_fail(q.parameters.tape, PAL_ERR_SHAPE, "%s log-density: expects draws [%lld,S,%lld], not %s", q.kind->name,
                  (long long)rows, (long long)q.k, pal_shape_text(d, shape, sizeof shape));
    return false;
}

static pal_var bad(pal_distribution q) { return (pal_var){.tape = q.parameters.tape}; }

/* Ends the block in which v was recorded. */
static pal_var ended(pal_var v)
{
    pal_block_end(v.tape);
    return v;
}

pal_var pal_distribution_mean(pal_distribution q)
{
    return fits("mean", q, NULL) ? q.kind->mean(q.parameters, q.k) : bad(q);
}

pal_var pal_distribution_sample(pal_distribution q, const char *stream, int64_t samples, double temperature)
{
    if (!fits("sample", q, NULL)) return bad(q);
    if (samples < 1 || !(temperature >= 0))
        return pal_tape_fail(q.parameters.tape, PAL_ERR_ARGUMENT,
                             "%s sample: needs at least 1 draw, not %lld, and a temperature of 0 (exact) or more, not "
                             "%g",
                             q.kind->name, (long long)samples, temperature);
    pal_block_begin(q.parameters.tape, "code", q.kind->drawn);
    return ended(q.kind->sample(stream, q.parameters, q.k, samples, temperature));
}

pal_var pal_distribution_log_density(pal_distribution q, pal_var z)
{
    if (!has_draws(q, z, true)) return bad(q);
    pal_block_begin(q.parameters.tape, "posterior", "log q(z | x)");
    return ended(q.kind->log_density(z, q.parameters, q.k));
}

pal_var pal_distribution_log_prior(pal_distribution q, pal_var z)
{
    if (!has_draws(q, z, false)) return bad(q);
    pal_block_begin(q.parameters.tape, "prior", "log p(z)");
    return ended(q.kind->log_prior(z, q.k));
}

pal_var pal_distribution_entropy(pal_distribution q)
{
    if (!fits("entropy", q, NULL)) return bad(q);
    pal_block_begin(q.parameters.tape, "entropy", "H(q)");
    return ended(q.kind->entropy(q.parameters, q.k));
}

pal_var pal_distribution_kl(pal_distribution q, pal_distribution p)
{
    if (!fits("divergence", q, &p)) return bad(q);
    pal_block_begin(q.parameters.tape, "divergence", "KL(q ‖ p)");
    return ended(q.kind->kl(q.parameters, p.parameters, q.k));
}

pal_var pal_distribution_kl_prior(pal_distribution q)
{
    if (!fits("divergence", q, NULL)) return bad(q);
    pal_block_begin(q.parameters.tape, "divergence", "KL(q ‖ p(z))");
    return ended(q.kind->kl_prior(q.parameters, q.k));
}

pal_var pal_distribution_covariance(pal_distribution q, pal_var axes)
{
    char shape[96];
    const pal_shape s = pal_shape_of(axes);
    if (!fits("covariance", q, NULL) || !pal_ok(axes)) return bad(q);
    if (s.rank != 2 || s.dim[1] != q.k)
        return pal_tape_fail(q.parameters.tape, PAL_ERR_SHAPE, "%s covariance: expects axes [A,%lld], not %s",
                             q.kind->name, (long long)q.k, pal_shape_text(s, shape, sizeof shape));
    return q.kind->covariance(q.parameters, q.k, axes);
}
