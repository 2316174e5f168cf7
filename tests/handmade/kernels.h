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

/* ---- maximum over pairs: x [6,8] -> [6,4] ------------------------------------------------------------------------ */

static int F(pool)(CALL)
{
    for (int i = 0; i < 24; i++) OUT(0)[i] = IN(0)[2 * i] > IN(0)[2 * i + 1] ? IN(0)[2 * i] : IN(0)[2 * i + 1];
    return 0;
}
static int F(pool_back)(CALL)
{
    const int bug = BUG;
    for (int i = 0; i < 24; i++) {
        const bool first = (IN(0)[2 * i] > IN(0)[2 * i + 1]) != (bug == 1);
        GRAD(0)[2 * i] = first || bug == 2 ? SEED(0)[i] : 0;
        GRAD(0)[2 * i + 1] = !first || bug == 2 ? SEED(0)[i] : 0;
        if (bug == 3) GRAD(0)[2 * i] = SEED(0)[i], GRAD(0)[2 * i + 1] = 0;
    }
    return 0;
}

/* ---- the largest of 6: ties, x = 1 1 0 1 0 0 --------------------------------------------------------------------- */

static int F(ties)(CALL)
{
    R most = IN(0)[0];
    for (int i = 1; i < 6; i++) most = IN(0)[i] > most ? IN(0)[i] : most;
    OUT(0)[0] = most;
    return 0;
}
static int F(ties_back)(CALL)
{
    const int bug = BUG;
    R most = IN(0)[0];
    int first = 0;
    for (int i = 1; i < 6; i++)
        if (IN(0)[i] > most) most = IN(0)[i], first = i;
    for (int i = 0; i < 6; i++) GRAD(0)[i] = (bug == 1 ? IN(0)[i] == most : i == first) ? SEED(0)[0] : 0;
    if (bug == 2) GRAD(0)[0] = 0, GRAD(0)[2] = SEED(0)[0];
    return 0;
}

/* ---- dropout: x [40], keeps 3 of 4 ------------------------------------------------------------------------------- */

static bool F(kept)(uint64_t draw, int i)
{
    uint64_t z = (draw + 1) * 0x9e3779b97f4a7c15u + (uint64_t)i * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 30)) * 0x94d049bb133111ebu;
    return (z >> 40) % 4 != 0;
}
static int F(dropout)(CALL)
{
    for (int i = 0; i < 40; i++) OUT(0)[i] = F(kept)(c->draw, i) ? IN(0)[i] / (R)0.75 : 0;
    return 0;
}
static int F(dropout_back)(CALL)
{
    const int bug = BUG;
    for (int i = 0; i < 40; i++)
        GRAD(0)[i] = F(kept)(c->draw + (bug == 1), i) ? SEED(0)[i] / (bug == 2 ? 1 : (R)0.75) : 0;
    return 0;
}

/* ---- cross-entropy: logits [6,5], labels i32 [6] -> mean --------------------------------------------------------- */

static int F(entropy)(CALL)
{
    const int32_t *label = c->in[1];
    R sum = 0;
    for (int i = 0; i < 6; i++) {
        const R *x = IN(0) + i * 5;
        R most = x[0], all = 0;
        for (int k = 1; k < 5; k++) most = x[k] > most ? x[k] : most;
        for (int k = 0; k < 5; k++) all += EXP(x[k] - most);
        sum += LOG(all) + most - x[label[i]];
    }
    OUT(0)[0] = sum / 6;
    return 0;
}
static int F(entropy_back)(CALL)
{
    const int32_t *label = c->in[1];
    const int bug = BUG;
    for (int i = 0; i < 6; i++) {
        const R *x = IN(0) + i * 5;
        R most = x[0], all = 0;
        for (int k = 1; k < 5; k++) most = x[k] > most ? x[k] : most;
        for (int k = 0; k < 5; k++) all += EXP(x[k] - most);
        for (int k = 0; k < 5; k++) {
            const R one = bug == 2 ? 0 : k == (label[i] + (bug == 3)) % 5 ? 1 : 0;
            GRAD(0)[i * 5 + k] = SEED(0)[0] * (EXP(x[k] - most) / all - one) / (bug == 1 ? 1 : 6);
        }
    }
    return 0;
}

/* ---- table look-up: rows of x [5,3] by ids, some twice ----------------------------------------------------------- */

static const int F(ids)[] = {1, 4, 1, 0, 3, 1, 0};
static int F(lookup)(CALL)
{
    for (int i = 0; i < 7; i++)
        for (int k = 0; k < 3; k++) OUT(0)[i * 3 + k] = IN(0)[F(ids)[i] * 3 + k];
    return 0;
}
static int F(lookup_back)(CALL)
{
    const int bug = BUG;
    if (bug != 2) memset(GRAD(0), 0, 15 * sizeof(R));
    for (int i = 0; i < 7; i++)
        for (int k = 0; k < 3; k++) {
            R *to = &GRAD(0)[F(ids)[i] * 3 + k];
            *to = (bug == 1 ? 0 : *to) + SEED(0)[i * 3 + k];
        }
    return 0;
}

/* ---- recurrent: h_t = tanh(a x_t + U h_(t-1)), x [6,3], U [3,3], a [3] ------------------------------------------- */

static int F(recurrent)(CALL)
{
    for (int t = 0; t < 6; t++)
        for (int i = 0; i < 3; i++) {
            R z = IN(2)[i] * IN(0)[t * 3 + i];
            for (int j = 0; j < 3 && t; j++) z += IN(1)[i * 3 + j] * OUT(0)[(t - 1) * 3 + j];
            OUT(0)[t * 3 + i] = TANH(z);
        }
    return 0;
}
static int F(recurrent_back)(CALL)
{
    const int bug = BUG;
    const R *h = OUT(0);
    R carry[3] = {0};
    for (int t = 5; t >= 0; t--) {
        R dz[3], before[3] = {0};
        for (int i = 0; i < 3; i++) {
            const R d = SEED(0)[t * 3 + i] + (bug == 1 ? 0 : carry[i]);
            dz[i] = d * (bug == 2 ? 1 - h[t * 3 + i] : 1 - h[t * 3 + i] * h[t * 3 + i]);
            GRAD(0)[t * 3 + i] += dz[i] * IN(2)[i];
            GRAD(2)[i] += dz[i] * IN(0)[t * 3 + i];
        }
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3 && t; j++) {
                GRAD(1)[i * 3 + j] += dz[i] * h[(bug == 3 ? t : t - 1) * 3 + j];
                before[j] += dz[i] * (bug == 4 ? IN(1)[j * 3 + i] : IN(1)[i * 3 + j]);
            }
        memcpy(carry, before, sizeof carry);
    }
    return 0;
}

/* ---- running sums: x [4,9] along rows ---------------------------------------------------------------------------- */

static int F(running)(CALL)
{
    for (int i = 0; i < 4; i++) {
        R sum = 0;
        for (int k = 0; k < 9; k++) OUT(0)[i * 9 + k] = sum += IN(0)[i * 9 + k] * IN(0)[i * 9 + k];
    }
    return 0;
}
static int F(running_back)(CALL)
{
    const int bug = BUG;
    for (int i = 0; i < 4; i++) {
        R sum = 0;
        for (int k = 8; k >= 0; k--) {
            const int at = bug == 1 ? 8 - k : k;
            if (bug != 2) sum += SEED(0)[i * 9 + at];
            GRAD(0)[i * 9 + at] = 2 * IN(0)[i * 9 + at] * sum;
            if (bug == 2) sum += SEED(0)[i * 9 + at];
        }
    }
    return 0;
}

/* ---- rows times numbers: x [6,6] times s [6], by rows ------------------------------------------------------------ */

static int F(spread)(CALL)
{
    for (int i = 0; i < 36; i++) OUT(0)[i] = IN(0)[i] * IN(1)[i / 6];
    return 0;
}
static int F(spread_back)(CALL)
{
    const int bug = BUG;
    memset(GRAD(1), 0, 6 * sizeof(R));
    for (int i = 0; i < 36; i++) {
        GRAD(0)[i] = SEED(0)[i] * IN(1)[bug == 1 ? i % 6 : i / 6];
        GRAD(1)[bug == 2 ? i % 6 : i / 6] += SEED(0)[i] * IN(0)[i];
    }
    for (int i = 0; i < 6 && bug == 3; i++) GRAD(1)[i] /= 6;
    if (bug == 4)
        for (int i = 1; i < 6; i++) GRAD(1)[0] += GRAD(1)[i];
    for (int i = 1; i < 6 && bug == 4; i++) GRAD(1)[i] = GRAD(1)[0];
    return 0;
}

/* ---- sum of squares of x [30], with its own gradient; and Hessian's product of a chain --------------------------- */

static int F(quadratic)(CALL)
{
    R sum = 0;
    for (int i = 0; i < 30; i++) sum += IN(0)[i] * IN(0)[i] * (R)(i + 1) / 8;
    OUT(0)[0] = sum;
    for (int i = 0; i < 30 && c->gradient[0]; i++) {
        const R d = IN(0)[i] * (R)(i + 1) / (BUG == 1 ? 8 : 4);
        GRAD(0)[i] = (BUG == 2 ? GRAD(0)[i] : 0) + d;
    }
    return 0;
}

static int F(chain)(CALL) /* sum of (x_(i+1) - x_i^2)^2: Rosenbrock's */
{
    R sum = 0;
    for (int i = 0; i < 11; i++) {
        const R e = IN(0)[i + 1] - IN(0)[i] * IN(0)[i];
        sum += e * e + (1 - IN(0)[i]) * (1 - IN(0)[i]) / 16;
    }
    OUT(0)[0] = sum;
    return 0;
}
static int F(chain_back)(CALL)
{
    const R *x = IN(0), s = SEED(0)[0];
    memset(GRAD(0), 0, 12 * sizeof(R));
    for (int i = 0; i < 11; i++) {
        const R e = x[i + 1] - x[i] * x[i];
        GRAD(0)[i + 1] += 2 * e * s;
        GRAD(0)[i] += (-4 * e * x[i] - (1 - x[i]) / 8) * s;
    }
    return 0;
}
static int F(chain_product)(CALL)
{
    const R *x = IN(0), *v = c->direction[0], s = SEED(0)[0];
    const int bug = BUG;
    R *h = c->product[0];
    memset(h, 0, 12 * sizeof(R));
    for (int i = 0; i < 11; i++) {
        h[i] += s * ((12 * x[i] * x[i] - (bug == 1 ? 0 : 4 * x[i + 1]) + (R)0.125) * v[i] - 4 * x[i] * v[i + 1]);
        h[i + 1] += s * (2 * v[i + 1] - (bug == 2 ? 0 : 4 * x[i] * v[i]));
    }
    for (int i = 0; i < 12 && bug == 3; i++) h[i] = -h[i];
    return 0;
}

/* ---- promises: y = x^3, x [12] ----------------------------------------------------------------------------------- */

static int F(cubes)(CALL)
{
    static R first[12];
    static int calls;
    R *saved = c->saved;
    for (int i = 0; i < 12; i++) {
        OUT(0)[i] = IN(0)[i] * IN(0)[i] * IN(0)[i];
        if (BUG == 1 && calls < 2) first[i] = IN(0)[i]; /* saved in the first calls alone */
        if (BUG == 2 && calls) saved[i] = first[i];     /* one call late */
        if (BUG == 2) first[i] = IN(0)[i];
        if (BUG == 1) saved[i] = first[i];
        if (BUG != 1 && BUG != 2 && BUG != 3) saved[i] = IN(0)[i]; /* 3: it does not save */
    }
    calls++;
    if (BUG == 0) calls = 0;
    if (BUG == 4) saved[12] = 1;
    if (BUG == 5) OUT(0)[12] = 0;
    if (BUG == 6) ((R *)c->in[0])[0] = 0;
    if (BUG == 7) OUT(0)[5] += (R)(calls % 2);
    return 0;
}
static int F(cubes_back)(CALL)
{
    static int calls;
    const R *x = c->saved;
    const int bug = BUG;
    calls++;
    for (int i = 0; i < 12; i++)
        if (bug != 8 || i != 7) GRAD(0)[i] = (bug == 9 ? GRAD(0)[i] : 0) + SEED(0)[i] * 3 * x[i] * x[i];
    if (bug == 10) GRAD(0)[-1] = 0;
    if (bug == 11) ((R *)c->seed[0])[2] = 0;
    if (bug == 12) GRAD(0)[4] *= (R)(1 + calls % 3);
    if (bug == 13) return 7;
    if (bug == 14) GRAD(0)[3] = NAN;
    return 0;
}

#undef IN
#undef OUT
#undef SEED
#undef GRAD
#undef BUG
#undef CALL
