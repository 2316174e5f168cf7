/* kernels_picking.h - the second part of kernels.h, which includes it: functions that pick, draw, look up, run along a
 * sequence or return their own gradient, and those that keep or break a promise. */

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
