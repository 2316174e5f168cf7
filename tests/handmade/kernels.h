/* kernels.h - hand-written functions with backward passes, for both types: it is included once with R float and once
 * with R double. `user` points to a number: 0 is the right backward pass, others are mistakes in it. F(name) is the
 * name of a function for this type. Every function adds to its gradient or writes it as its row in the zoo says. */

#define IN(k)   ((const R *)c->in[k])
#define OUT(k)  ((R *)c->out[k])
#define SEED(k) ((const R *)c->seed[k])
#define GRAD(k) ((R *)c->gradient[k])
#define BUG     (*(const int *)c->user)
#define CALL    const pal_function_call *c

/* ---- linear: x [5,6], W [6,4], b [4] -> y [5,4] ------------------------------------------------------------------ */

static int F(linear)(CALL)
{
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < 4; j++) {
            R sum = IN(2)[j];
            for (int k = 0; k < 6; k++) sum += IN(0)[i * 6 + k] * IN(1)[k * 4 + j];
            OUT(0)[i * 4 + j] = sum;
        }
    return 0;
}

static int F(linear_back)(CALL)
{
    const R *x = IN(0), *w = IN(1), *s = SEED(0);
    R *dx = GRAD(0), *dw = GRAD(1), *db = GRAD(2);
    const int bug = BUG;
    memset(dx, 0, 30 * sizeof(R)), memset(dw, 0, 24 * sizeof(R)), memset(db, 0, 4 * sizeof(R));
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < 4; j++) {
            const R d = s[i * 4 + j];
            for (int k = 0; k < 6 - (bug == 3); k++) dx[i * 6 + k] += (bug == 1 ? -d : d) * w[k * 4 + j];
            for (int k = 0; k < 6; k++) {
                R *to = bug == 2 ? &dw[j * 6 + k] : &dw[k * 4 + j];
                *to = (bug == 4 ? 0 : *to) + x[i * 6 + k] * d;
            }
            db[j] = (bug == 5 ? 0 : db[j]) + d / (bug == 6 ? 5 : 1);
        }
    if (bug == 7) dw[23] = 0;
    if (bug == 8)
        for (int j = 0; j < 3; j++) { /* the bias of the neighbour */
            const R t = db[j];
            db[j] = db[j + 1];
            db[j + 1] = t;
        }
    return 0;
}

/* ---- square: x [4,4], W [4,4] -> x W ----------------------------------------------------------------------------- */

static int F(square)(CALL)
{
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) {
            R sum = 0;
            for (int k = 0; k < 4; k++) sum += IN(0)[i * 4 + k] * IN(1)[k * 4 + j];
            OUT(0)[i * 4 + j] = sum;
        }
    return 0;
}

static int F(square_back)(CALL)
{
    const R *s = SEED(0), *x = IN(0), *w = IN(1);
    R *dx = GRAD(0), *dw = GRAD(1);
    const int bug = BUG;
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 4; k++) {
            R a = 0, b = 0;
            for (int j = 0; j < 4; j++) {
                a += s[i * 4 + j] * (bug == 1 ? w[j * 4 + k] : w[k * 4 + j]); /* 1: with W instead of its transpose */
                b += x[j * 4 + i] * s[j * 4 + k];
            }
            dx[bug == 3 ? (3 - i) * 4 + k : i * 4 + k] = a;
            dw[bug == 2 ? k * 4 + i : bug == 4 ? i * 4 + (k + 1) % 4 : i * 4 + k] = b;
        }
    return 0;
}

/* ---- layer norm: x [5,8], gain [8], bias [8] --------------------------------------------------------------------- */

static int F(norm)(CALL)
{
    R *saved = c->saved; /* mean and 1 / deviation of each row */
    for (int i = 0; i < 5; i++) {
        const R *x = IN(0) + i * 8;
        R mean = 0, var = 0;
        for (int k = 0; k < 8; k++) mean += x[k] / 8;
        for (int k = 0; k < 8; k++) var += (x[k] - mean) * (x[k] - mean) / 8;
        const R r = 1 / SQRT(var + (R)1e-2);
        for (int k = 0; k < 8; k++) OUT(0)[i * 8 + k] = (x[k] - mean) * r * IN(1)[k] + IN(2)[k];
        saved[2 * i] = mean;
        saved[2 * i + 1] = r;
        if (BUG == 5) saved[2 * i + 1] = 1 / SQRT(var);
    }
    return 0;
}

static int F(norm_back)(CALL)
{
    const R *saved = c->saved, *gain = IN(1);
    const int bug = BUG;
    memset(GRAD(1), 0, 8 * sizeof(R)), memset(GRAD(2), 0, 8 * sizeof(R));
    for (int i = 0; i < 5; i++) {
        const R *x = IN(0) + i * 8, *s = SEED(0) + i * 8, mean = saved[bug == 4 ? 0 : 2 * i], r = saved[2 * i + 1];
        R first = 0, second = 0;
        for (int k = 0; k < 8; k++) {
            const R hat = (x[k] - mean) * r, d = s[k] * gain[k];
            first += d / (bug == 6 ? 7 : 8);
            second += d * hat / 8;
            GRAD(1)[k] += bug == 3 ? s[k] * x[k] : s[k] * hat;
            GRAD(2)[k] += s[k];
        }
        for (int k = 0; k < 8; k++) {
            const R hat = (x[k] - mean) * r, d = bug == 7 ? s[k] : s[k] * gain[k];
            GRAD(0)[i * 8 + k] = r * (d - (bug == 1 ? 0 : first) - (bug == 2 ? 0 : hat * second));
        }
    }
    return 0;
}

/* ---- softmax: x [5,7] by rows ------------------------------------------------------------------------------------ */

static int F(softmax)(CALL)
{
    for (int i = 0; i < 5; i++) {
        const R *x = IN(0) + i * 7;
        R most = x[0], sum = 0;
        for (int k = 1; k < 7; k++) most = x[k] > most ? x[k] : most;
        for (int k = 0; k < 7; k++) sum += OUT(0)[i * 7 + k] = EXP(x[k] - most);
        for (int k = 0; k < 7; k++) OUT(0)[i * 7 + k] /= sum;
    }
    return 0;
}

static int F(softmax_back)(CALL)
{
    const int bug = BUG;
    for (int i = 0; i < 5; i++) {
        const R *p = OUT(0) + i * 7, *s = SEED(0) + i * 7;
        R sum = 0;
        for (int k = 0; k < 7; k++) sum += bug == 2 ? SEED(0)[i * 7] * p[k] : s[k] * p[k];
        for (int k = 0; k < 7; k++) GRAD(0)[i * 7 + k] = p[k] * (bug == 1 ? s[k] * (1 - p[k]) : s[k] - sum);
        if (bug == 3) GRAD(0)[i * 7 + 6] = p[6] * s[6];
    }
    return 0;
}

/* ---- causal attention: q, k, v [6,4] ----------------------------------------------------------------------------- */

static int F(attention)(CALL)
{
    R *p = c->saved; /* [6,6] */
    for (int i = 0; i < 6; i++) {
        R sum = 0;
        for (int j = 0; j < 6; j++) {
            R dot = 0;
            for (int a = 0; a < 4; a++) dot += IN(0)[i * 4 + a] * IN(1)[j * 4 + a];
            sum += p[i * 6 + j] = j <= i ? EXP(dot / 2) : 0;
        }
        for (int j = 0; j < 6; j++) p[i * 6 + j] /= sum;
        for (int a = 0; a < 4; a++) {
            R y = 0;
            for (int j = 0; j <= i; j++) y += p[i * 6 + j] * IN(2)[j * 4 + a];
            OUT(0)[i * 4 + a] = y;
        }
    }
    return 0;
}

static int F(attention_back)(CALL)
{
    const R *p = c->saved, *s = SEED(0);
    const int bug = BUG;
    R *dq = GRAD(bug == 4 ? 1 : 0), *dk = GRAD(bug == 4 ? 0 : 1), *dv = GRAD(2);
    memset(dq, 0, 24 * sizeof(R)), memset(dk, 0, 24 * sizeof(R)), memset(dv, 0, 24 * sizeof(R));
    for (int i = 0; i < 6; i++) {
        R dp[6] = {0}, sum = 0;
        for (int j = 0; j <= i; j++)
            for (int a = 0; a < 4; a++) {
                dp[j] += s[i * 4 + a] * IN(2)[j * 4 + a];
                dv[j * 4 + a] += (bug == 5 ? p[j * 6 + i] : p[i * 6 + j]) * s[i * 4 + a];
            }
        for (int j = 0; j <= i; j++) sum += dp[j] * p[i * 6 + j];
        for (int j = 0; j < (bug == 2 ? i : i + 1); j++) {
            const R d = p[i * 6 + j] * (dp[j] - (bug == 3 ? 0 : sum)) * (bug == 1 ? 1 : (R)0.5);
            for (int a = 0; a < 4; a++) {
                dq[i * 4 + a] += d * IN(1)[j * 4 + a];
                dk[j * 4 + a] += d * IN(0)[i * 4 + a];
            }
        }
    }
    return 0;
}

/* ---- convolution: x [2,7,7], w [3,2,3,3], b [3], stride 2, padding 1 -> [3,4,4] ---------------------------------- */

static int F(conv)(CALL)
{
    for (int o = 0; o < 3; o++)
        for (int i = 0; i < 4; i++)
            for (int j = 0; j < 4; j++) {
                R sum = IN(2)[o];
                for (int q = 0; q < 2; q++)
                    for (int a = 0; a < 3; a++)
                        for (int b = 0; b < 3; b++) {
                            const int y = 2 * i + a - 1, x = 2 * j + b - 1;
                            if (y < 0 || y > 6 || x < 0 || x > 6) continue;
                            sum += IN(0)[(q * 7 + y) * 7 + x] * IN(1)[((o * 2 + q) * 3 + a) * 3 + b];
                        }
                OUT(0)[(o * 4 + i) * 4 + j] = sum;
            }
    return 0;
}

static int F(conv_back)(CALL)
{
    const int bug = BUG;
    R *dx = GRAD(0), *dw = GRAD(1), *db = GRAD(2);
    for (int o = 0; o < 3; o++)
        for (int i = 0; i < 4; i++)
            for (int j = 0; j < 4; j++) {
                const R s = SEED(0)[(o * 4 + i) * 4 + j];
                db[o] += s / (bug == 6 ? 16 : 1);
                for (int q = 0; q < 2; q++)
                    for (int a = 0; a < 3; a++)
                        for (int b = 0; b < 3; b++) {
                            const int pad = bug == 2 ? 0 : 1, y = (bug == 1 ? 1 : 2) * i + a - pad, x = 2 * j + b - pad;
                            if (y < 0 || y > 6 - (bug == 5) || x < 0 || x > 6) continue;
                            const int at = ((o * 2 + q) * 3 + a) * 3 + b;
                            const int turned = ((o * 2 + q) * 3 + 2 - a) * 3 + 2 - b;
                            dx[(q * 7 + y) * 7 + x] += s * IN(1)[bug == 3 ? turned : at];
                            dw[bug == 4 ? ((o * 2 + q) * 3 + b) * 3 + a : at] += s * IN(0)[(q * 7 + y) * 7 + x];
                        }
            }
    return 0;
}

/* ---- elementwise: x [48] ----------------------------------------------------------------------------------------- */

static int F(gelu)(CALL)
{
    for (int i = 0; i < 48; i++) {
        const R x = IN(0)[i], t = TANH((R)0.7978845608 * (x + (R)0.044715 * x * x * x));
        OUT(0)[i] = x * (1 + t) / 2;
    }
    return 0;
}
static int F(gelu_back)(CALL)
{
    const int bug = BUG;
    for (int i = 0; i < 48; i++) {
        const R x = IN(0)[i], t = TANH((R)0.7978845608 * (x + (R)0.044715 * x * x * x));
        const R inner = (R)0.7978845608 * (1 + (bug == 1 ? 1 : 3) * (R)0.044715 * x * x);
        const R d = (1 + t) / 2 + (bug == 2 ? 0 : x * (1 - t * t) * inner / 2);
        GRAD(0)[i] = SEED(0)[i] * d;
    }
    return 0;
}

/* leaky relu with slope 0.1 */
static int F(leaky)(CALL)
{
    for (int i = 0; i < 48; i++) OUT(0)[i] = IN(0)[i] > 0 ? IN(0)[i] : IN(0)[i] / 10;
    return 0;
}
static int F(leaky_back)(CALL)
{
    const int bug = BUG;
    for (int i = 0; i < 48; i++) {
        const bool up = bug == 2 ? IN(0)[i] > (R)0.25 : IN(0)[i] > 0;
        GRAD(0)[i] = SEED(0)[i] * (up ? 1 : bug == 1 ? 0 : bug == 3 ? (R)-0.1 : (R)0.1);
    }
    return 0;
}

/* log(1 + x), x^2, x^3, 1/x, sqrt, exp, sin: one after another */
static int F(powers)(CALL)
{
    for (int i = 0; i < 42; i++) {
        const R x = IN(0)[i];
        const R y[] = {LOG1P(x), x * x, x * x * x, 1 / x, SQRT(x), EXP(-x), SIN(x)};
        OUT(0)[i] = y[i / 6];
    }
    return 0;
}
static int F(powers_back)(CALL)
{
    const int bug = BUG;
    for (int i = 0; i < 42; i++) {
        const R x = IN(0)[i];
        const R d[] = {bug == 1 ? 1 / x : 1 / (1 + x),     (bug == 2 ? 1 : 2) * x,
                       (bug == 3 ? 2 : 3) * x * x,         (bug == 4 ? 1 : -1) / (x * x),
                       1 / ((bug == 5 ? 1 : 2) * SQRT(x)), -EXP(bug == 6 ? x : -x),
                       bug == 7 ? SIN(x) : COS(x)};
        GRAD(0)[i] = SEED(0)[i] * d[i / 6];
    }
    return 0;
}

#include "tests/handmade/kernels_picking.h"

#undef IN
#undef OUT
#undef SEED
#undef GRAD
#undef BUG
#undef CALL
