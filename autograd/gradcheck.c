/* gradcheck.c - see gradcheck.h. The value y is contracted with a seeded seed s: on the tape by the vjp, on the host
 * for the differences of f = <s, y>. At second order the function is the gradient itself, and the analytic derivative
 * along d is the sum of the vjps of its parts with d's parts as seeds: no operation is needed that the engine does not
 * own. */
#include "autograd/gradcheck.h"

#include "autograd/internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { DIRECTIONS = 3, MAX_DECISIONS = 4096 };

typedef struct check {
    pal_context *context;
    pal_gradcheck_options o;
    pal_gradcheck_report *r;
    pal_tensor *const *inputs;
    size_t n, total; /* inputs; their elements in all */
    pal_tape *tape;
    pal_tensor **owned; /* s, the second seed, then a direction for each input */
    size_t n_owned;
    pal_var *at; /* n each: the inputs, their gradients, derivatives of those, outputs; then decisions */
    pal_var y;
    pal_program *function; /* what is differenced, then every decision */
    pal_program *gradient; /* its analytic derivative */
    size_t n_outputs, n_decisions;
    double *scratch; /* total x 8 */
    uint8_t *below;  /* decisions at x - h */
} check;

const char *pal_verdict_text(pal_verdict v)
{
    static const char *const texts[] = {"pass", "fail", "kink", "error"};
    return (unsigned)v < 4 ? texts[v] : "?";
}

static bool fail(check *c, const char *text)
{
    c->r->verdict = PAL_CHECK_ERROR;
    snprintf(c->r->message, sizeof c->r->message, "%s", text ? text : "out of memory");
    return false;
}

/* ---- Recording ----------------------------------------------------------------------------------------------------
 */

/* A leaf of seeded numbers with magnitude in [0.5, 1.5): no term of a contraction is nearly lost. */
static pal_var seed_leaf(check *c, pal_shape shape, const char *stream)
{
    pal_tensor *t = pal_tensor_new(c->context, PAL_F64, shape);
    if (!t) return pal_tape_fail(c->tape, PAL_ERR_MEMORY, "out of memory");
    c->owned[c->n_owned++] = t;
    double *x = t->data;
    pal_noise_uniform((pal_noise){.seed = c->o.seed}, stream, 0, pal_tensor_count(t), x);
    for (size_t i = 0; i < pal_tensor_count(t); i++) x[i] = x[i] < 0.5 ? -0.5 - 2 * x[i] : 2 * x[i] - 0.5;
    return pal_leaf(c->tape, t, stream);
}

/* Every comparison that decides between smooth pieces, but for those inside regions, which cannot be looked at. */
static size_t find_decisions(check *c, pal_var *found, size_t most)
{
    pal_tape *t = c->tape;
    size_t n = 0;
    for (uint32_t id = 1, end = (uint32_t)t->n_entries; id < end && n < most; id++) {
        const pal__entry *e = pal__at(t, id);
        if (!e->op->decision || e->region || e->n > 3) continue;
        pal_var in[3];
        for (uint32_t k = 0; k < e->n; k++) in[k] = pal__var(t, pal__arg(t, id, k));
        pal_params params = e->params;
        pal_rule rule = {.tape = t, .op = e->op, .params = &params, .in = in, .n = e->n, .out = pal__var(t, id)};
        pal_var d = rule.op->decision(&rule);
        if (pal__live(d) && pal_dtype_of(d) == PAL_BOOL) found[n++] = d;
    }
    return n;
}

static pal_program *compile(check *c, const pal_var *outputs, size_t n)
{
    pal_program *p = pal_compile(c->tape, outputs, n, NULL);
    if (!p) fail(c, pal_tape_error(c->tape));
    return p;
}

/* Records y and its gradient; at second order also the derivative of the gradient along a direction. */
static bool record(check *c, pal_build build, const void *user)
{
    pal_tape *t = c->tape;
    size_t n = c->n;
    for (size_t i = 0; i < n; i++) {
        char name[32];
        snprintf(name, sizeof name, "input%zu", i);
        c->at[i] = pal_leaf(t, c->inputs[i], name);
    }
    c->y = build(t, c->at, user);
    if (!pal__live(c->y) || t->status != PAL_OK)
        return fail(c, pal_tape_error(t) ? pal_tape_error(t) : "build gave a bad handle");
    if (pal_dtype_of(c->y) != PAL_F64) return fail(c, "the value is not float64");
    pal_var s = seed_leaf(c, pal_shape_of(c->y), "check:seed"), *g = c->at + n;
    if (pal_vjp(c->y, s, c->at, n, g) != PAL_OK) return fail(c, pal_tape_error(t));
    pal_var *out = g + n, *part = out + n, *decisions = part + n;
    bool first = c->o.order == 1;
    for (size_t i = 0; i < n && !first; i++) {
        char name[64];
        snprintf(name, sizeof name, "check:direction%zu", i);
        pal_var d = seed_leaf(c, pal_shape_of(c->at[i]), name);
        if (pal_vjp(g[i], d, c->at, n, part) != PAL_OK) return fail(c, pal_tape_error(t));
        for (size_t k = 0; k < n; k++) out[k] = i ? pal_add(out[k], part[k]) : part[k];
    }
    c->n_decisions = find_decisions(c, decisions, MAX_DECISIONS);
    c->n_outputs = first ? 1 : n;
    /* The function's outputs stand right before the decisions. */
    pal_var *outputs = decisions - c->n_outputs;
    c->gradient = compile(c, first ? g : out, n);
    if (!c->gradient) return false;
    memcpy(outputs, first ? &c->y : g, c->n_outputs * sizeof *outputs);
    c->function = compile(c, outputs, c->n_outputs + c->n_decisions);
    return c->function != NULL;
}

/* ---- Differences --------------------------------------------------------------------------------------------------
 */

static bool run(check *c, pal_program *p) { return pal_run(p) == PAL_OK || fail(c, pal_program_error(p)); }

static double *element(const check *c, size_t i)
{
    size_t input = 0;
    while (i >= pal_tensor_count(c->inputs[input])) i -= pal_tensor_count(c->inputs[input++]);
    return (double *)c->inputs[input]->data + i;
}

/* Copies the first n outputs, one after another. */
static void copy_outputs(const pal_program *p, size_t n, double *out)
{
    for (size_t i = 0; i < n; i++) {
        const pal_tensor *t = pal_output(p, i);
        memcpy(out, t->data, pal_tensor_bytes(t));
        out += pal_tensor_count(t);
    }
}

static bool decisions_equal(check *c, bool keep)
{
    uint8_t *at = c->below;
    bool equal = true;
    for (size_t i = 0; i < c->n_decisions; i++) {
        const pal_tensor *t = pal_output(c->function, c->n_outputs + i);
        if (keep)
            memcpy(at, t->data, pal_tensor_bytes(t));
        else
            equal &= !memcmp(at, t->data, pal_tensor_bytes(t));
        at += pal_tensor_bytes(t);
    }
    return equal;
}

/* <s, y> with s the seed and y the function's first output. */
static double contract(const check *c)
{
    const double *s = c->owned[0]->data, *y = pal_output(c->function, 0)->data;
    long double sum = 0;
    for (size_t i = 0; i < pal_tensor_count(c->owned[0]); i++) sum += (long double)s[i] * (long double)y[i];
    return (double)sum;
}

/* Three levels of h, h/2, h/4, each with an error in even powers of h. */
static double richardson(double a, double b, double c, double *rate)
{
    double ab = (4 * b - a) / 3, bc = (4 * c - b) / 3;
    double exact = (16 * bc - ab) / 15, coarse = fabs(a - b), fine = fabs(b - c), noise = 1e-11 * (fabs(exact) + 1e-3);
    *rate = fine > noise ? log2(coarse / fine) : NAN;
    return exact;
}

static void judge(check *c, size_t i, double analytic, double numeric, double largest, double rate)
{
    double scale = fmax(fmax(fabs(analytic), fabs(numeric)), largest);
    double error = analytic == numeric ? 0 : fabs(analytic - numeric) / scale;
    c->r->checked++;
    if (!(error > c->r->error) && c->r->checked > 1 && error == error) return;
    c->r->error = error == error ? error : INFINITY;
    c->r->analytic = analytic;
    c->r->numeric = numeric;
    c->r->rate = rate;
    c->r->input = 0;
    while (i >= pal_tensor_count(c->inputs[c->r->input])) i -= pal_tensor_count(c->inputs[c->r->input++]);
    c->r->element = i;
}

static double largest_of(const double *x, size_t n)
{
    double m = 0;
    for (size_t i = 0; i < n; i++) m = fmax(m, fabs(x[i]));
    return m;
}

static bool first_order(check *c)
{
    double *g = c->scratch;
    if (!run(c, c->gradient) || !run(c, c->function)) return false;
    copy_outputs(c->gradient, c->n, g);
    const pal_tensor *y = pal_output(c->function, 0);
    double largest = fmax(1e-3 * largest_of(g, c->total), 1e-6 * largest_of(y->data, pal_tensor_count(y)));
    for (size_t input = 0, first = 0; input < c->n; first += pal_tensor_count(c->inputs[input++])) {
        size_t count = pal_tensor_count(c->inputs[input]), take = count < c->o.max_elements ? count : c->o.max_elements;
        for (size_t k = 0; k < take; k++) {
            uint32_t word;
            pal_noise_words((pal_noise){.seed = c->o.seed}, "check:sample", input << 32 | k, 1, &word);
            size_t i = first + (take == count ? k : (k * count + word % count) / take % count);
            double *x = element(c, i), saved = *x, d[3];
            bool kink = false;
            for (int level = 0; level < 3; level++) {
                double h = c->o.step / (1 << level), below;
                *x = saved - h;
                if (!run(c, c->function)) return false;
                below = contract(c);
                if (!level) decisions_equal(c, true);
                *x = saved + h;
                if (!run(c, c->function)) return false;
                if (!level) kink = !decisions_equal(c, false);
                d[level] = (contract(c) - below) / (2 * h);
            }
            *x = saved;
            double rate, numeric = richardson(d[0], d[1], d[2], &rate);
            if (kink)
                c->r->kinks++;
            else
                judge(c, i, g[i], numeric, largest, rate);
        }
    }
    return true;
}

/* The inputs become saved + step * direction. */
static void move(check *c, const double *saved, double step)
{
    for (size_t input = 0; input < c->n; input++) {
        double *x = c->inputs[input]->data;
        const double *d = c->owned[1 + input]->data;
        for (size_t i = 0; i < pal_tensor_count(c->inputs[input]); i++) x[i] = *saved++ + step * d[i];
    }
}

static bool second_order(check *c)
{
    double *analytic = c->scratch, *saved = analytic + c->total, *below = saved + c->total, *d = below + c->total,
           *plain = d + 3 * c->total;
    for (size_t i = 0; i < c->total; i++) saved[i] = *element(c, i);
    for (int direction = 0; direction < DIRECTIONS; direction++) {
        char stream[64];
        for (size_t input = 0; input < c->n; input++) {
            snprintf(stream, sizeof stream, "check:%d/%zu", direction, input);
            pal_noise_normal((pal_noise){.seed = c->o.seed}, stream, 0, pal_tensor_count(c->owned[1 + input]),
                             c->owned[1 + input]->data);
        }
        /* A step of unit length moves each element by about step, as at first order, whatever their number. */
        move(c, saved, 0);
        if (!run(c, c->gradient) || !run(c, c->function)) return false;
        copy_outputs(c->gradient, c->n, analytic);
        copy_outputs(c->function, c->n, plain);
        bool kink = false;
        for (int level = 0; level < 3; level++) {
            double h = 0.25 * c->o.step / (1 << level);
            move(c, saved, -h);
            bool ok = run(c, c->function);
            copy_outputs(c->function, c->n, below);
            if (!level) decisions_equal(c, true);
            move(c, saved, h);
            ok = ok && run(c, c->function);
            if (!level) kink = !decisions_equal(c, false);
            double *to = d + (size_t)level * c->total;
            copy_outputs(c->function, c->n, to);
            for (size_t i = 0; i < c->total; i++) to[i] = (to[i] - below[i]) / (2 * h);
            if (!ok) {
                move(c, saved, 0);
                return false;
            }
        }
        move(c, saved, 0);
        if (kink) {
            c->r->kinks += c->total;
            continue;
        }
        double largest = fmax(1e-3 * largest_of(analytic, c->total), 1e-6 * largest_of(plain, c->total));
        for (size_t i = 0; i < c->total; i++) {
            double rate, numeric = richardson(d[i], d[c->total + i], d[2 * c->total + i], &rate);
            judge(c, i, analytic[i], numeric, largest, rate);
        }
    }
    return true;
}

/* vjp(2 s + 3 u) = 2 vjp(s) + 3 vjp(u) for a second seed u. */
static bool linear_in_seed(check *c)
{
    pal_tensor *s = c->owned[0];
    size_t n = pal_tensor_count(s);
    double *parts[3] = {c->scratch, c->scratch + c->total, c->scratch + 2 * c->total};
    double *keep = pal__alloc(c->context, (n + 1) * 2 * sizeof *keep), *x = s->data;
    if (!keep) return fail(c, NULL);
    double *u = keep + n;
    memcpy(keep, x, n * sizeof *keep);
    pal_noise_normal((pal_noise){.seed = c->o.seed}, "check:linear", 0, n, u);
    bool ok = true;
    for (int part = 0; part < 3 && ok; part++) {
        for (size_t i = 0; i < n; i++) x[i] = part == 0 ? keep[i] : part == 1 ? u[i] : 2 * keep[i] + 3 * u[i];
        ok = run(c, c->gradient);
        if (ok) copy_outputs(c->gradient, c->n, parts[part]);
    }
    memcpy(x, keep, n * sizeof *keep);
    double scale = largest_of(parts[2], c->total) + largest_of(parts[0], c->total);
    for (size_t i = 0; i < c->total && ok; i++) {
        double e = fabs(parts[2][i] - 2 * parts[0][i] - 3 * parts[1][i]);
        if (e > 0) c->r->linearity = fmax(c->r->linearity, e / scale);
    }
    pal__free(c->context, keep);
    return ok;
}

/* ---- The checks ---------------------------------------------------------------------------------------------------
 */

static bool prepare(check *c)
{
    for (size_t i = 0; i < c->n; i++) {
        if (!c->inputs[i] || c->inputs[i]->dtype != PAL_F64) return fail(c, "the inputs are to be float64 tensors");
        c->total += pal_tensor_count(c->inputs[i]);
    }
    c->tape = pal_tape_new(c->context, PAL_F64);
    c->owned = pal__alloc(c->context, (c->n + 2) * sizeof *c->owned);
    c->at = pal__alloc(c->context, (4 * c->n + MAX_DECISIONS) * sizeof *c->at);
    c->scratch = pal__alloc(c->context, (c->total + 1) * 8 * sizeof *c->scratch);
    return (c->tape && c->owned && c->at && c->scratch) || fail(c, NULL);
}

static bool keep_decisions(check *c)
{
    size_t bytes = 0;
    for (size_t i = 0; i < c->n_decisions; i++) bytes += pal_tensor_bytes(pal_output(c->function, c->n_outputs + i));
    c->below = pal__alloc(c->context, bytes);
    return c->below || fail(c, NULL);
}

pal_status pal_gradcheck(pal_context *context, const char *name, pal_build build, const void *user,
                         pal_tensor *const *inputs, size_t n, const pal_gradcheck_options *options,
                         pal_gradcheck_report *report)
{
    if (!report) return PAL_ERR_ARGUMENT;
    *report = (pal_gradcheck_report){
        .verdict = PAL_CHECK_ERROR, .message = "a context, a build function and inputs are wanted", .rate = NAN};
    if (!context || !build || !inputs || !n) return PAL_ERR_ARGUMENT;
    if (options && (!options->struct_size || options->order < 0 || options->order > 2)) {
        snprintf(report->message, sizeof report->message,
                 "the options' struct_size is not set, or the order is not 1 or 2");
        return PAL_ERR_ARGUMENT;
    }
    check c = {.context = context, .r = report, .inputs = inputs, .n = n};
    if (options) memcpy(&c.o, options, options->struct_size < sizeof c.o ? options->struct_size : sizeof c.o);
    c.o.order = c.o.order == 2 ? 2 : 1;
    if (!c.o.max_elements) c.o.max_elements = 200;
    if (!(c.o.step > 0)) c.o.step = 0x1p-5;
    if (!(c.o.tolerance > 0)) c.o.tolerance = c.o.order == 1 ? 1e-7 : 1e-6;
    *report = (pal_gradcheck_report){.order = c.o.order, .tolerance = c.o.tolerance, .step = c.o.step, .rate = NAN};
    snprintf(report->name, sizeof report->name, "%s", name ? name : "");
    bool ok = prepare(&c) && record(&c, build, user) && keep_decisions(&c);
    if (ok) ok = c.o.order == 1 ? first_order(&c) && linear_in_seed(&c) : second_order(&c);
    if (ok) {
        bool good = report->error <= report->tolerance && report->linearity <= 1e-11;
        report->verdict = !good ? PAL_CHECK_FAIL : report->checked || !report->kinks ? PAL_CHECK_PASS : PAL_CHECK_KINK;
    }
    pal_program_free(c.function);
    pal_program_free(c.gradient);
    pal_tape_free(c.tape);
    for (size_t i = 0; i < c.n_owned; i++) pal_tensor_free(c.owned[i]);
    void *arrays[] = {c.owned, c.at, c.scratch, c.below};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) pal__free(context, arrays[i]);
    return ok ? PAL_OK : PAL_ERR_ARGUMENT;
}
