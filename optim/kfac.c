/* kfac.c - the states of K-FAC, and what the host does between two runs.
 *
 * In: the factors that the program of the last step wrote. Out: their damped inverses, which the next program reads,
 * and the scalars of the step. The damping lambda of the quadratic model follows how well it predicted the loss.
 *
 * Damping of a block (Martens and Grosse 2015, section 6.3): (A + pi gamma I)^-1 and (G + gamma / pi I)^-1, where pi is
 * the root of the mean diagonal element of A over that of G, and gamma the root of lambda. That is their section 6.6
 * without its search: gamma starts there. The inverses are computed anew after each of the first three steps, and then
 * every 20 steps, from Cholesky factors on one thread. The bits of a resumed run need the inverses as states, since the
 * factors have moved on since then.
 *
 * Damping of the model (section 6.5): every 5 steps, the change of the loss over the change that the model promised is
 * rho. Above 3/4 lambda falls by (19/20)^5, below 1/4 it rises by as much. A step after which the loss of its own batch
 * is greater, or NaN, is taken back (back.c), and lambda rises four times: where the loss has terms that the Fisher
 * matrix does not have, the rule of the paper is too slow to save the run. Where the promise is below the rounding of
 * the loss, rho says nothing, and lambda stays: it would otherwise rise without end, and no step would ever be long
 * enough again to be judged. */
#include "optim/kfac.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/machine/internal.h"
#include "optim/lapack.h"

enum { INVERT_EVERY = 20, INVERT_FIRST = 3, ADAPT_EVERY = 5, ROUNDING = 8, TRIES = 6 };
static const double keep_most = 0.95, adapt = 0.77378093749999999 /* (19/20)^5 */, rise = 4, lambda_least = 1e-12;

/* Adam's rate, of what is in no block, at a learning rate of 1. */
static const double rest_rate = 1e-3;

/* ---- States --------------------------------------------------------------------------------------------------- */

/* A new tensor with the name "kfac/KIND/NAME", or "kfac/KIND" if the name is "", which is a state. NULL: out of memory.
 */
static pal_tensor *add_state(pal__kfac *k, const char *kind, const char *name, pal_dtype dtype, pal_shape shape)
{
    if (k->n_states == k->cap_states) {
        const size_t cap = k->cap_states ? 2 * k->cap_states : 32;
        pal__kfac_state *more = realloc(k->state, cap * sizeof *more);
        if (!more) return NULL;
        k->state = more;
        k->cap_states = cap;
    }
    pal__kfac_state *s = &k->state[k->n_states];
    const size_t size = strlen("kfac/") + strlen(kind) + 1 + strlen(name) + 1;
    *s = (pal__kfac_state){pal_tensor_new(k->context, dtype, shape), malloc(size)};
    if (!s->tensor || !s->name) {
        pal_tensor_free(s->tensor);
        free(s->name);
        return NULL;
    }
    snprintf(s->name, size, "kfac/%s%s%s", kind, *name ? "/" : "", name);
    k->n_states++;
    return s->tensor;
}

pal__kfac *pal__kfac_new(pal_context *context, const pal_optimizer_options *options, pal_tensor *const *parameters,
                         const char *const *names, size_t n)
{
    static const char *const numbers[PAL__KFAC_NUMBERS] = {"damping", "promised"};
    pal__kfac *k = calloc(1, sizeof *k);
    if (!k) return NULL;
    k->context = context;
    k->options = *options;
    k->dtype = n ? parameters[0]->dtype : PAL_F32;
    k->names = calloc(n + 1, sizeof *k->names);
    k->moment = calloc(n + 1, sizeof *k->moment);
    bool good = k->names && k->moment;
    for (; good && k->n < n; k->n++) good = (k->names[k->n] = strdup(names[k->n])) != NULL;
    for (int s = 0; good && s < PAL__KFAC_SCALARS; s++)
        good = (k->scalar[s] = pal_tensor_new(context, k->dtype, PAL_SCALAR)) != NULL;
    for (int i = 0; good && i < PAL__KFAC_NUMBERS; i++)
        good = (k->number[i] = add_state(k, numbers[i], "", PAL_F64, PAL_SCALAR)) != NULL;
    if (good) return k;
    pal__kfac_free(k);
    return NULL;
}

void pal__kfac_free(pal__kfac *k)
{
    if (!k) return;
    for (size_t i = 0; i < k->n_states; i++) {
        pal_tensor_free(k->state[i].tensor);
        free(k->state[i].name);
    }
    for (size_t i = 0; k->names && i < k->n; i++) free(k->names[i]);
    for (int s = 0; s < PAL__KFAC_SCALARS; s++) pal_tensor_free(k->scalar[s]);
    free(k->state);
    free(k->block);
    free(k->moment);
    free(k->names);
    free(k);
}

static bool make(pal__kfac *k, const pal__layers *layers, const pal_var *parameters)
{
    static const char *const factors[2] = {"rows", "columns"}, *const inverses[2] = {"rows-inverse", "columns-inverse"};
    static const char *const moments[PAL__KFAC_MOMENTS] = {"step", "mean", "square"};
    bool good = (k->block = calloc(layers->n_blocks + 1, sizeof *k->block)) != NULL;
    for (size_t i = 0; good && i < layers->n_blocks; i++) {
        pal__kfac_block *b = &k->block[k->n_blocks++];
        b->of = layers->block[i];
        for (int side = 0; good && side < 2; side++) {
            const pal_shape shape = PAL_SHAPE(b->of.size[side], b->of.size[side]);
            const char *name = k->names[b->of.weight];
            b->factor[side] = add_state(k, factors[side], name, k->dtype, shape);
            b->inverse[side] = add_state(k, inverses[side], name, k->dtype, shape);
            good = b->factor[side] && b->inverse[side];
        }
    }
    for (size_t i = 0; good && i < k->n; i++)
        for (int m = 0; good && m < PAL__KFAC_MOMENTS; m++) {
            if ((m == PAL__KFAC_STEP) != !layers->left[i]) continue;
            k->moment[i][m] = add_state(k, moments[m], k->names[i], k->dtype, pal_shape_of(parameters[i]));
            good = k->moment[i][m] != NULL;
        }
    return good;
}

static bool is_same(const pal__block *a, const pal__block *b)
{
    return a->weight == b->weight && a->bias == b->bias && a->size[0] == b->size[0] && a->size[1] == b->size[1] &&
           a->turned == b->turned && a->side == b->side;
}

pal_status pal__kfac_make(pal__kfac *k, pal_tape *tape, const pal__layers *layers, const pal_var *parameters)
{
    if (!k->made) {
        k->made = make(k, layers, parameters);
        if (!k->made) pal_tape_fail(tape, PAL_ERR_MEMORY, "kfac: out of memory for the factors");
        return pal_tape_status(tape);
    }
    bool same = k->n_blocks == layers->n_blocks;
    for (size_t i = 0; same && i < k->n_blocks; i++) {
        same = is_same(&k->block[i].of, &layers->block[i]);
        k->block[i].of = layers->block[i];
    }
    if (!same) pal_tape_fail(tape, PAL_ERR_ARGUMENT, "kfac: the loss has other layers than when it was first recorded");
    return pal_tape_status(tape);
}

/* ---- Inverses ------------------------------------------------------------------------------------------------- */

static double *number(pal__kfac *k, pal__kfac_number which) { return k->number[which]->data; }

static double mean_diagonal(const pal_tensor *a)
{
    const size_t n = (size_t)a->shape.dim[0];
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += pal_tensor_get(a, i * n + i);
    return n ? sum / (double)n : 0;
}

static pal_status invert(const pal__kfac *k, const pal__kfac_block *b, double gamma, pal_error *err)
{
    const double mean[2] = {mean_diagonal(b->factor[0]), mean_diagonal(b->factor[1])};
    const double pi = mean[0] > 0 && mean[1] > 0 ? sqrt(mean[0] / mean[1]) : 1;
    for (int side = 0; side < 2; side++) {
        const pal_tensor *from = b->factor[side], *to = b->inverse[side];
        const size_t n = (size_t)from->shape.dim[0];
        pal_error own = {0};
        memcpy(to->data, from->data, pal_tensor_bytes(from));
        for (size_t i = 0; i < n; i++)
            pal_tensor_set(b->inverse[side], i * n + i,
                           pal_tensor_get(from, i * n + i) + (side ? gamma / pi : gamma * pi));
        if (pal__inverse(k->context, k->dtype, n, to->data, &own))
            return pal_error_set(err, own.status, "kfac: the %s of %s: %s", side ? "gradients" : "activations",
                                 k->names[b->of.weight], own.text);
    }
    return PAL_OK;
}

/* With little damping rounding may make a factor indefinite. Then the damping rises, and all inverses are those of one
 * damping. A factor that is not finite stays so, and ends it. */
static pal_status invert_all(pal__kfac *k, pal_error *err)
{
    double *lambda = number(k, PAL__KFAC_LAMBDA);
    const double before = *lambda;
    pal_status status = PAL_ERR_NUMERIC;
    for (int tries = 0; status == PAL_ERR_NUMERIC && tries < TRIES; tries++) {
        pal_error own = {0};
        if (tries) *lambda *= 100;
        status = PAL_OK;
        for (size_t i = 0; !status && i < k->n_blocks; i++) status = invert(k, &k->block[i], sqrt(*lambda), &own);
        if (status && err) *err = own;
    }
    if (status) *lambda = before;
    return status;
}

static bool is_due(uint64_t step)
{
    const uint64_t done = step - 1;
    return done && (done <= INVERT_FIRST || done % INVERT_EVERY == 0);
}

/* ---- A step --------------------------------------------------------------------------------------------------- */

static void start(pal__kfac *k)
{
    for (size_t i = 0; i < k->n_states; i++) memset(k->state[i].tensor->data, 0, pal_tensor_bytes(k->state[i].tensor));
    *number(k, PAL__KFAC_LAMBDA) = k->options.damping;
}

pal_status pal__kfac_prepare(pal__kfac *k, uint64_t step, pal_error *err)
{
    if (k->context->options.dry) return PAL_OK;
    if (step <= 1) {
        step = 1;
        start(k);
    }
    pal_status status = PAL_OK;
    if (is_due(step)) status = invert_all(k, err);
    const double t = (double)step, root = sqrt(1 - pow(k->options.beta2, t));
    pal_tensor_set(k->scalar[PAL__KFAC_KEEP], 0, fmin(1 - 1 / t, keep_most));
    pal_tensor_set(k->scalar[PAL__KFAC_DAMPING], 0, *number(k, PAL__KFAC_LAMBDA));
    pal_tensor_set(k->scalar[PAL__KFAC_RATE], 0, rest_rate * root / (1 - pow(k->options.beta1, t)));
    pal_tensor_set(k->scalar[PAL__KFAC_EPSILON], 0, k->options.epsilon * root);
    return status;
}

bool pal__kfac_compare(pal__kfac *k, uint64_t step, double before, double after)
{
    const double promised = *number(k, PAL__KFAC_MODEL), rho = (after - before) / promised;
    double *lambda = number(k, PAL__KFAC_LAMBDA);
    const double hidden = ROUNDING * (k->dtype == PAL_F32 ? FLT_EPSILON : DBL_EPSILON) * fabs(before);
    if (promised == 0) return true;                                            /* nothing moved */
    if (fabs(promised) < hidden && fabs(after - before) < hidden) return true; /* no more than rounding */
    if (!(after <= before)) {
        *lambda *= rise;
        return false;
    }
    if (step % ADAPT_EVERY) return true;
    if (rho > 0.75)
        *lambda = fmax(*lambda * adapt, lambda_least);
    else if (!(rho >= 0.25))
        *lambda /= adapt;
    return true;
}
