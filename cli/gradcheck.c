/* gradcheck.c - palindrome gradcheck: checks the derivatives of the operations, of whole models, and of functions that
 * a loaded object registers.
 *
 * An operation is checked in all its cases. A model is checked with its default settings, and then with each choice of
 * each of its options, at a tiny shape in float64. The function that is checked is its training loss, noise included,
 * by every parameter. The library does the checks and chooses the steps (autograd/gradcheck.h). This file selects them;
 * gradcheck_report.c sorts and prints the results. The exit status is 0 if every check passed or met a kink; a check
 * that could not be decided is reported as that, and the status is 1. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/gradcheck.h"
#include "cli/source.h"
#include "ops/ops.h"

enum { SAMPLES = 3, HEIGHT = PAL_CLI_TINY_HEIGHT, WIDTH = PAL_CLI_TINY_WIDTH };
enum { AT_ONCE = 32 }; /* parameters per check at second order, which needs one vjp for each */

/* clang-format off */
static const pal_cli_row rows[] = {
    PAL_CLI_INT("order", "", 1, 2, "N", "check only derivatives of this order (default: both)"),
    PAL_CLI_INT("seed", "1", 0, 1e15, "N", "seed of inputs, parameters and directions"),
    PAL_CLI_JSON,
    PAL_CLI_FLAG("tap", "print lines of the Test Anything Protocol"),
    PAL_CLI_MEMORY,
    PAL_CLI_END,
};
/* clang-format on */
const pal_cli_spec pal_cli_gradcheck_spec = {
    .words = "[NAME...]",
    .summary = "Check first and second derivatives against finite differences. NAME is an operation, a model, or a "
               "function with a derivative of your own, which an object given with --load registers. The default is "
               "to check these functions, and nothing else; if there are none, all operations and models.",
    .rows = rows,
    .most = PAL_CLI_WORDS,
};

static void run_out(pal__checks *c, const char *why)
{
    if (!c->no_memory) snprintf(c->why, sizeof c->why, "%s", *why ? why : "out of memory");
    c->no_memory = true;
}

static pal__result *add(pal__checks *c)
{
    if (c->n == c->capacity) {
        size_t wanted = c->capacity ? 2 * c->capacity : 256;
        pal__result *moved = realloc(c->results, wanted * sizeof *moved);
        if (!moved) {
            run_out(c, "");
            return NULL;
        }
        c->results = moved;
        c->capacity = wanted;
    }
    c->results[c->n] = (pal__result){0};
    return &c->results[c->n++];
}

/* ---- Operations ----------------------------------------------------------------------------------------------- */

static void check_op(pal__checks *c, const pal_op *op)
{
    for (int order = c->first; order <= c->last; order++)
        for (size_t i = 0, n = pal_gradcheck_op_cases(op); i < n; i++) {
            pal__result *r = add(c);
            if (!r) return;
            const pal_gradcheck_options o = {.struct_size = sizeof o, .order = order, .seed = c->seed};
            if (pal_gradcheck_op(c->context, op, i, &o, &r->report) == PAL_ERR_MEMORY) run_out(c, r->report.message);
            snprintf(r->where, sizeof r->where, "operand %zu %s", r->report.input + 1, r->report.index);
        }
}

static void check_function(pal__checks *c, const pal_function *f)
{
    for (int order = c->first; order <= c->last; order++) {
        pal__result *r = order == 2 && !f->product ? NULL : add(c);
        if (r && pal_cli_gradcheck_function(c, f, order, r) == PAL_ERR_MEMORY) run_out(c, r->report.message);
    }
}

/* ---- Models --------------------------------------------------------------------------------------------------- */

typedef struct subject {
    pal_model *model;
    pal_tensor *batch;
    const pal_phase *phase; /* the phase of training whose loss is checked; NULL: the loss of the whole model */
} subject;

static pal_var build(pal_tape *tape, const pal_var *inputs, const void *user)
{
    const subject *s = user;
    (void)inputs; /* unused: the model records the same tensors as leaves */
    pal_var x = pal_leaf(tape, s->batch, "check:x");
    pal_model_begin(s->model, tape, PAL_TRAIN);
    pal_var loss = pal_model_loss(
        s->model,
        &(pal_batch){.inputs = x, .labels = pal_model_labels(s->model, pal_shape_of(x).dim[0]), .phase = s->phase});
    pal_model_end(s->model);
    return loss;
}

static double larger(double a, double b) { return isnan(a) || b > a ? b : a; }
static double smaller(double a, double b) { return isnan(a) || b < a ? b : a; }

/* Merges a part into the report of a check: keeps the worse value of each field. */
static void merge(pal_gradcheck_report *into, const pal_gradcheck_report *part)
{
    static const int severity[] = {[PAL_CHECK_PASS] = 1,
                                   [PAL_CHECK_KINK] = 0,
                                   [PAL_CHECK_UNDECIDED] = 2,
                                   [PAL_CHECK_FAIL] = 3,
                                   [PAL_CHECK_ERROR] = 4};
    pal_gradcheck_report first = *into;
    int a = severity[into->verdict], b = severity[part->verdict];
    if (b > a || (b == a && !(part->error <= into->error))) *into = *part;
    into->checked = first.checked + part->checked;
    into->kinks = first.kinks + part->kinks;
    into->undecided = first.undecided + part->undecided;
    into->slope1 = smaller(first.slope1, part->slope1);
    into->slope2 = smaller(first.slope2, part->slope2);
    into->symmetry = larger(first.symmetry, part->symmetry);
    into->duality = larger(first.duality, part->duality);
    into->linearity = larger(first.linearity, part->linearity);
}

static void check_subject(pal__checks *c, const subject *s, const char *name, const char *label, int order)
{
    size_t n = 0, all = pal_model_parameter_count(s->model);
    pal__result *r = add(c);
    pal_tensor **parameters = calloc(all + 1, sizeof *parameters);
    const char **names = calloc(all + 1, sizeof *names);
    if (!r || !parameters || !names) {
        run_out(c, "");
        free(parameters);
        free(names);
        return;
    }
    for (size_t i = 0; i < all; i++) { /* parameters that a phase does not train may have no gradient */
        parameters[n] = pal_model_parameter(s->model, i, &names[n]);
        n += !s->phase || pal_phase_moves(s->model, s->phase, names[n]);
    }
    const size_t step = order == 1 ? n : AT_ONCE;
    for (size_t at = 0; at < n; at += step) {
        pal_gradcheck_report part;
        size_t some = n - at < step ? n - at : step;
        pal_gradcheck_options o = {.struct_size = sizeof o, .order = order, .seed = c->seed};
        pal_status status = pal_gradcheck(c->context, name, build, s, parameters + at, some, &o, &part);
        if (status != PAL_OK) part.verdict = PAL_CHECK_ERROR;
        if (status == PAL_ERR_MEMORY) run_out(c, part.message);
        part.input += at;
        if (at)
            merge(&r->report, &part);
        else
            r->report = part;
    }
    snprintf(r->where, sizeof r->where, "%.100s %s", r->report.input < n ? names[r->report.input] : "",
             r->report.index);
    r->kind = PAL__MODEL;
    snprintf(r->report.label, sizeof r->report.label, "%s%s%s", label, s->phase && *label ? ", " : "",
             s->phase ? s->phase->name : "");
    free(parameters);
    free(names);
}

static pal_tensor *seeded(pal_context *context, pal_shape shape, uint64_t seed)
{
    pal_tensor *t = pal_tensor_new(context, PAL_F64, shape);
    if (t) pal_noise_uniform((pal_noise){.seed = seed}, "check:x", 0, pal_tensor_count(t), t->data);
    return t;
}

/* Records a model that cannot be made as a result. */
static void report_error(pal__checks *c, const char *name, const char *label, const pal_error *err)
{
    pal__result *r = add(c);
    if (!r) return;
    r->kind = PAL__MODEL;
    r->report = (pal_gradcheck_report){.verdict = PAL_CHECK_ERROR,
                                       .order = c->first,
                                       .slope1 = NAN,
                                       .slope2 = NAN,
                                       .symmetry = NAN,
                                       .duality = NAN,
                                       .linearity = NAN,
                                       .rate = NAN,
                                       .bar = NAN,
                                       .low = NAN,
                                       .high = NAN};
    snprintf(r->report.name, sizeof r->report.name, "%s", name);
    snprintf(r->report.label, sizeof r->report.label, "%s", label);
    snprintf(r->report.message, sizeof r->report.message, "%.390s", err->text);
}

typedef struct trial {
    const pal_variant *variant;
    const pal_setting *settings;
    size_t n;
    const char *label;
    bool may_refuse;
} trial;
enum { REFUSED = -1, WHOLE = -1, PHASES = 1000 /* more than there are */ };

/* Finds the next phase, from *at on, that has a loss of its own. false: there is no such phase. */
static bool find_phase(const pal_model *m, int *at, pal_phase *phase)
{
    for (; pal_model_phase(m, (size_t)*at, 1, phase); ++*at)
        if (phase->loss) return true;
    return false;
}

/* Checks one order of the loss of the whole model (at = WHOLE), or of the next phase from `at` on. If the check meets a
 * kink, it is repeated at other weights and inputs. Returns the phase to continue with, 0 or more; or REFUSED if the
 * model does not accept the settings together. */
static int check_order(pal__checks *c, const trial *t, int order, int at)
{
    enum { DRAWS = 8, APART = 101 };
    for (uint64_t draw = 0; draw < DRAWS; draw++) {
        const uint64_t seed = c->seed + APART * draw;
        pal_error err = {0};
        pal_phase phase;
        subject s = {.model = pal_model_new(c->context, t->variant, t->settings, t->n, PAL_SHAPE(HEIGHT, WIDTH),
                                            PAL_F64, seed, &err),
                     .batch = seeded(c->context, PAL_SHAPE(SAMPLES, HEIGHT * WIDTH), seed)};
        const bool refused = !s.model && t->may_refuse && err.status == PAL_ERR_ARGUMENT;
        const bool over = s.model && at != WHOLE && !find_phase(s.model, &at, &phase);
        s.phase = at == WHOLE ? NULL : &phase;
        if (s.model && s.batch && !over)
            check_subject(c, &s, t->variant->name, t->label, order);
        else if (!s.batch || err.status == PAL_ERR_MEMORY)
            run_out(c, err.text);
        else if (!refused && !over)
            report_error(c, t->variant->name, t->label, &err);
        pal_tensor_free(s.batch);
        pal_model_free(s.model);
        if (refused) return REFUSED;
        if (over || err.status || c->no_memory) return PHASES;
        if (c->results[c->n - 1].report.verdict != PAL_CHECK_KINK || draw + 1 == DRAWS) break;
        c->n--;
    }
    return at + 1;
}

/* Draws the progress. false: the settings are only counted, or a signal has come. */
static bool step(pal__checks *c)
{
    if (!c->progress) return true;
    if (c->done < 0) {
        c->all++;
        return false;
    }
    return !pal_cli_progress_count(c->progress, "settings", c->done++, c->all);
}

/* Keeps the names of the settings, as far as there is room. */
static void name_refused(pal__checks *c, const char *variant, const char *label)
{
    char one[160];
    const size_t used = strlen(c->not_accepted), room = sizeof c->not_accepted - used - sizeof ", ...";
    const int length = snprintf(one, sizeof one, "%s%.70s (%.70s)", used ? ", " : "", variant, label);
    if (c->refused++ && c->not_accepted[used - 1] == '.') return;
    snprintf(c->not_accepted + used, sizeof c->not_accepted - used, "%s", (size_t)length < room ? one : ", ...");
}

/* changed: the one option that differs from its default, or NULL. */
static void check_settings(pal__checks *c, const pal_variant *v, const pal_setting *changed)
{
    pal_setting settings[PAL_CLI_TINY + 1];
    char label[64] = "";
    if (!step(c)) return;
    size_t n = pal_cli_tiny_settings(c->context, v, settings);
    if (changed) settings[n++] = *changed;
    if (changed) snprintf(label, sizeof label, "%s %s", changed->name, changed->value);
    const trial t = {v, settings, n, label, changed != NULL};
    for (int order = c->first; order <= c->last; order++)
        for (int at = WHOLE; at < PHASES;) {
            at = check_order(c, &t, order, at);
            if (at != REFUSED) continue;
            name_refused(c, v->name, label);
            return;
        }
}

/* Values to try for an option, separated by |: each choice; or, where the default is "off", a number or some layers.
 * NULL: none. */
static const char *others(const pal_option *o)
{
    static const struct {
        pal_option_type type;
        const char *value, *others;
    } off[] = {{PAL_OPTION_REAL, "0", "0.25"}, {PAL_OPTION_REALS, "0", "0.25"}, {PAL_OPTION_SIZES, "", "5|5,4"}};
    if (o->type == PAL_OPTION_BOOL) return "yes|no";
    if (o->type == PAL_OPTION_ENUM) return o->choices;
    for (size_t i = 0; i < sizeof off / sizeof *off; i++)
        if (off[i].type == o->type && !strcmp(off[i].value, o->value)) return off[i].others;
    return NULL;
}

/* The least and the greatest value of a number of the variant's own. A whole number that is large makes a large model;
 * and a weight of a million makes the rounding of its term larger than the other terms. */
static void check_ends(pal__checks *c, const pal_variant *v, const pal_option *o)
{
    enum { LARGE = 16 };
    char value[64];
    const bool whole = o->type == PAL_OPTION_INT;
    if (!whole && o->type != PAL_OPTION_REAL) return;
    const double most = fmax(PAL_CLI_FARTHEST, fabs(strtod(o->value, NULL)));
    const double ends[] = {whole ? o->low : fmax(o->low, -most), whole ? o->high : fmin(o->high, most)};
    for (size_t i = 0; i < 2; i++) {
        snprintf(value, sizeof value, "%.17g", ends[i]);
        if ((!whole || ends[i] <= LARGE) && !pal_option_equal(o, value, o->value))
            check_settings(c, v, &(pal_setting){o->name, value});
    }
}

static void check_all(pal__checks *c, const pal_variant *v)
{
    const pal_option *o;
    for (o = c->ends ? v->options : NULL; o && o->name; o++) check_ends(c, v, o);
    check_settings(c, v, NULL);
    for (o = NULL; (o = pal_variant_option_next(v, o));) {
        const char *choices = others(o);
        for (const char *p = choices; p && *p;) {
            char value[64];
            size_t length = strcspn(p, "|");
            snprintf(value, sizeof value, "%.*s", (int)length, p);
            if (!o->value || strcmp(value, o->value)) check_settings(c, v, &(pal_setting){o->name, value});
            p += length + (p[length] == '|');
        }
    }
}

void pal_cli_gradcheck_variant(pal__checks *c, const pal_variant *v)
{
    c->all = 0;
    c->done = -1;
    if (c->progress) check_all(c, v);
    c->done = 0;
    check_all(c, v);
    if (c->progress) pal_cli_progress_erase(c->progress);
}

/* ---- The verb ------------------------------------------------------------------------------------------------- */

static const char *any_name(size_t i, const void *user)
{
    (void)user;
    size_t ops = 0, models = 0;
    while (pal_op_at(ops)) ops++;
    while (pal_variant_at(models)) models++;
    if (i < ops) return pal_op_at(i)->name;
    if (i < ops + models) return pal_variant_at(i - ops)->name;
    const pal_function *f = pal_function_at(i - ops - models);
    return f ? f->name : NULL;
}

static int check_names(const pal_cli_args *args)
{
    for (size_t i = 0; i < args->n_words; i++) {
        const char *word = args->words[i];
        if (pal_op_find(word) || pal_cli_model_find(word) || pal_cli_gradcheck_find(word)) continue;
        const char *nearest = pal_cli_nearest(word, any_name, NULL);
        return pal_cli_say(
            PAL_CLI_WRONG,
            "no operation or model%s is called %s%s%s%s (`palindrome ops` and `palindrome models` list them)",
            pal_function_at(0) ? " or function" : "", word, nearest ? ": did you mean " : "", nearest ? nearest : "",
            nearest ? "?" : "");
    }
    return PAL_CLI_GO_ON;
}

int pal_cli_gradcheck(int argc, char **argv)
{
    pal_cli_args args;
    int status = pal_cli_parse(&pal_cli_gradcheck_spec, argc, argv, &args);
    size_t most = 0;
    if (status == PAL_CLI_GO_ON) status = check_names(&args);
    const bool json = status == PAL_CLI_GO_ON && pal_cli_flag(&args, "json");
    const bool tap = status == PAL_CLI_GO_ON && pal_cli_flag(&args, "tap");
    if (json && tap)
        status = pal_cli_say(PAL_CLI_WRONG, "gradcheck: --json and --tap are two forms of output: give one");
    if (status == PAL_CLI_GO_ON) status = pal_cli_memory_limit(&args, &most);
    if (status != PAL_CLI_GO_ON) return status;
    int64_t order = pal_cli_int(&args, "order", 0);
    pal__checks c = {
        .first = order == 2 ? 2 : 1, .last = order == 1 ? 1 : 2, .seed = (uint64_t)pal_cli_int(&args, "seed", 1)};
    c.context = pal_context_new(&(pal_context_options){
        .struct_size = sizeof(pal_context_options), .threads = 1, .unpinned = true, .max_memory = most});
    if (!c.context) return pal_cli_say(PAL_CLI_FAILED, "gradcheck: out of memory");
    const bool all = !args.n_words && !pal_function_at(0);
    for (size_t i = 0; all && pal_op_at(i); i++) check_op(&c, pal_op_at(i));
    for (size_t i = 0; all && pal_variant_at(i); i++) pal_cli_gradcheck_variant(&c, pal_variant_at(i));
    for (size_t i = 0; !args.n_words && pal_function_at(i); i++) check_function(&c, pal_function_at(i));
    for (size_t i = 0; i < args.n_words; i++) {
        if (pal_op_find(args.words[i])) check_op(&c, pal_op_find(args.words[i]));
        if (pal_cli_model_find(args.words[i])) pal_cli_gradcheck_variant(&c, pal_cli_model_find(args.words[i]));
        if (pal_cli_gradcheck_find(args.words[i])) check_function(&c, pal_cli_gradcheck_find(args.words[i]));
    }
    status = PAL_CLI_DONE;
    if (c.no_memory) {
        status = pal_cli_say(PAL_CLI_FAILED, "gradcheck: %s", c.why);
    } else if (pal_cli_gradcheck_report(&c, json ? PAL__JSON : tap ? PAL__TAP : PAL__TABLE)) {
        status = PAL_CLI_FAILED;
    }
    free(c.results);
    pal_context_free(c.context);
    return status;
}
