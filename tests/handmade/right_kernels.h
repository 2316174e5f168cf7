/* right_kernels.h - right hand-written functions at hard places, for both types: it is included once with R float and
 * once with R double. `user` points to a place: numbers that shift and stretch the function. */
#define IN(k)   ((const R *)c->in[k])
#define OUT(k)  ((R *)c->out[k])
#define SEED(k) ((const R *)c->seed[k])
#define GRAD(k) ((R *)c->gradient[k])
#define PLACE                                                                                                          \
    const place *p = c->user;                                                                                          \
    const R a = (R)p->a;                                                                                               \
    (void)a;                                                                                                           \
    const int n = p->n
#define CALL const pal_function_call *c

/* y = value(x), with its derivative */
#define EACH(name, value, derivative)                                                                                  \
    static int F(name)(CALL)                                                                                           \
    {                                                                                                                  \
        PLACE;                                                                                                         \
        for (int i = 0; i < n; i++) {                                                                                  \
            const R x = IN(0)[i];                                                                                      \
            OUT(0)[i] = (value);                                                                                       \
        }                                                                                                              \
        return 0;                                                                                                      \
    }                                                                                                                  \
    static int F(name##_back)(CALL)                                                                                    \
    {                                                                                                                  \
        PLACE;                                                                                                         \
        for (int i = 0; i < n; i++) {                                                                                  \
            const R x = IN(0)[i];                                                                                      \
            GRAD(0)[i] = SEED(0)[i] * (derivative);                                                                    \
        }                                                                                                              \
        return 0;                                                                                                      \
    }

EACH(reciprocal, a / x, -a / (x * x))
EACH(logarithm, M(log)(x) * a, a / x)
EACH(root, M(sqrt)(x), 1 / (2 * M(sqrt)(x)))
EACH(squares, a *x *x, 2 * a * x)
EACH(exponent, M(exp)(a *x), a *M(exp)(a *x))
EACH(sine, M(sin)(a *x), a *M(cos)(a *x))
EACH(power, M(pow)(x, a), a *M(pow)(x, a - 1))
EACH(small_wave, 1 + a * M(sin)(x), a *M(cos)(x))
EACH(softplus, (x > 0 ? x : 0) + M(log1p)(M(exp)(-M(fabs)(x))), 1 / (1 + M(exp)(-x)))
EACH(sigmoid, 1 / (1 + M(exp)(-x)), M(exp)(-M(fabs)(x)) / ((1 + M(exp)(-M(fabs)(x))) * (1 + M(exp)(-M(fabs)(x)))))
EACH(tanh_own, M(tanh)(x), 1 - M(tanh)(x) * M(tanh)(x))
EACH(silu, x / (1 + M(exp)(-x)), (1 + x * (1 - 1 / (1 + M(exp)(-x)))) / (1 + M(exp)(-x)))
EACH(erf_own, M(erf)(x), (R)1.1283791670955126 * M(exp)(-x * x))
EACH(smooth_abs, M(sqrt)(x *x + a), x / M(sqrt)(x * x + a))
EACH(log1p_own, M(log1p)(x), 1 / (1 + x))
EACH(expm1_own, M(expm1)(x), M(exp)(x))
EACH(hinge, x > a ? x - a : 0, x > a ? 1 : 0)
EACH(clip, x > a ? a : x < -a ? -a : x, x > a || x < -a ? 0 : 1)
EACH(huber, M(fabs)(x) < a ? x * x / 2 : a * (M(fabs)(x) - a / 2), M(fabs)(x) < a ? x : x > 0 ? a : -a)
EACH(seventh, ((((((x - 7) * x + 21) * x - 35) * x + 35) * x - 21) * x + 7) * x - 1,
     ((((((7 * x - 42) * x + 105) * x - 140) * x + 105) * x - 42) * x + 7))
EACH(resonance, 1 / ((x * x - 1) * (x * x - 1) + a),
     -4 * x * (x * x - 1) / (((x * x - 1) * (x * x - 1) + a) * ((x * x - 1) * (x * x - 1) + a)))
EACH(far_offset, (x + a) * (x + a), 2 * (x + a))
EACH(tangent, M(tan)(x), 1 + M(tan)(x) * M(tan)(x))
EACH(arctangent, M(atan)(a *x), a / (1 + a * a * x * x))

/* ---- Sums over n elements ---------------------------------------------------------------------------------------- */

#define TOTAL(name, value, derivative, after)                                                                          \
    static int F(name)(CALL)                                                                                           \
    {                                                                                                                  \
        PLACE;                                                                                                         \
        R sum = 0;                                                                                                     \
        for (int i = 0; i < n; i++) {                                                                                  \
            const R x = IN(0)[i];                                                                                      \
            sum += (value);                                                                                            \
        }                                                                                                              \
        OUT(0)[0] = sum after;                                                                                         \
        return 0;                                                                                                      \
    }                                                                                                                  \
    static int F(name##_back)(CALL)                                                                                    \
    {                                                                                                                  \
        PLACE;                                                                                                         \
        for (int i = 0; i < n; i++) {                                                                                  \
            const R x = IN(0)[i];                                                                                      \
            (void)x;                                                                                                   \
            GRAD(0)[i] = SEED(0)[0] * ((derivative)after);                                                             \
        }                                                                                                              \
        return 0;                                                                                                      \
    }
TOTAL(sum_of, x, 1, )
TOTAL(sum_of_squares, x *x, 2 * x, )
TOTAL(mean_of_waves, M(sin)(a *x), a *M(cos)(a *x), / (R)n)
TOTAL(sum_far, a + x * x, 2 * x, )
TOTAL(sum_alternating, (i % 2 ? a : -a) * (1 + x), (i % 2 ? a : -a), )

static int F(logsumexp)(CALL)
{
    PLACE;
    R most = IN(0)[0], sum = 0;
    for (int i = 1; i < n; i++) most = IN(0)[i] > most ? IN(0)[i] : most;
    for (int i = 0; i < n; i++) sum += M(exp)(IN(0)[i] - most);
    OUT(0)[0] = most + M(log)(sum);
    return 0;
}
static int F(logsumexp_back)(CALL)
{
    PLACE;
    R y = OUT(0)[0];
    for (int i = 0; i < n; i++) GRAD(0)[i] = SEED(0)[0] * M(exp)(IN(0)[i] - y);
    return 0;
}

static int F(length)(CALL) /* the root of the sum of squares */
{
    PLACE;
    R sum = 0;
    for (int i = 0; i < n; i++) sum += IN(0)[i] * IN(0)[i];
    OUT(0)[0] = M(sqrt)(sum);
    return 0;
}
static int F(length_back)(CALL)
{
    PLACE;
    for (int i = 0; i < n; i++) GRAD(0)[i] = SEED(0)[0] * IN(0)[i] / OUT(0)[0];
    return 0;
}

static int F(variance)(CALL) /* as mean of squares minus square of mean: it cancels */
{
    PLACE;
    R sum = 0, squares = 0;
    for (int i = 0; i < n; i++) sum += IN(0)[i], squares += IN(0)[i] * IN(0)[i];
    OUT(0)[0] = squares / (R)n - sum / (R)n * (sum / (R)n);
    return 0;
}
static int F(variance_back)(CALL)
{
    PLACE;
    R sum = 0;
    for (int i = 0; i < n; i++) sum += IN(0)[i];
    for (int i = 0; i < n; i++) GRAD(0)[i] = SEED(0)[0] * (2 * IN(0)[i] / (R)n - 2 * sum / (R)n / (R)n);
    return 0;
}

/* ---- Rows of 8 --------------------------------------------------------------------------------------------------- */

static int F(row_norm)(CALL) /* layer norm with eps a */
{
    PLACE;
    for (int row = 0; row < n; row += 8) {
        R mean = 0, var = 0;
        for (int i = row; i < row + 8; i++) mean += IN(0)[i] / 8;
        for (int i = row; i < row + 8; i++) var += (IN(0)[i] - mean) * (IN(0)[i] - mean) / 8;
        for (int i = row; i < row + 8; i++) OUT(0)[i] = (IN(0)[i] - mean) / M(sqrt)(var + a);
    }
    return 0;
}
static int F(row_norm_back)(CALL)
{
    PLACE;
    for (int row = 0; row < n; row += 8) {
        R mean = 0, var = 0, first = 0, second = 0;
        for (int i = row; i < row + 8; i++) mean += IN(0)[i] / 8;
        for (int i = row; i < row + 8; i++) var += (IN(0)[i] - mean) * (IN(0)[i] - mean) / 8;
        const R r = 1 / M(sqrt)(var + a);
        for (int i = row; i < row + 8; i++) first += SEED(0)[i] / 8, second += SEED(0)[i] * OUT(0)[i] / 8;
        for (int i = row; i < row + 8; i++) GRAD(0)[i] = r * (SEED(0)[i] - first - OUT(0)[i] * second);
    }
    return 0;
}

static int F(row_softmax)(CALL)
{
    PLACE;
    for (int row = 0; row < n; row += 8) {
        R most = IN(0)[row], sum = 0;
        for (int i = row; i < row + 8; i++) most = IN(0)[i] > most ? IN(0)[i] : most;
        for (int i = row; i < row + 8; i++) sum += OUT(0)[i] = M(exp)(IN(0)[i] - most);
        for (int i = row; i < row + 8; i++) OUT(0)[i] /= sum;
    }
    return 0;
}
static int F(row_softmax_back)(CALL)
{
    PLACE;
    for (int row = 0; row < n; row += 8) {
        R sum = 0;
        for (int i = row; i < row + 8; i++) sum += SEED(0)[i] * OUT(0)[i];
        for (int i = row; i < row + 8; i++) GRAD(0)[i] = OUT(0)[i] * (SEED(0)[i] - sum);
    }
    return 0;
}

static int F(row_entropy)(CALL) /* cross-entropy with class 3 */
{
    PLACE;
    R all = 0;
    for (int row = 0; row < n; row += 8) {
        R most = IN(0)[row], sum = 0;
        for (int i = row; i < row + 8; i++) most = IN(0)[i] > most ? IN(0)[i] : most;
        for (int i = row; i < row + 8; i++) sum += M(exp)(IN(0)[i] - most);
        all += most + M(log)(sum) - IN(0)[row + 3];
    }
    OUT(0)[0] = all / (R)(n / 8);
    return 0;
}
static int F(row_entropy_back)(CALL)
{
    PLACE;
    for (int row = 0; row < n; row += 8) {
        R most = IN(0)[row], sum = 0;
        for (int i = row; i < row + 8; i++) most = IN(0)[i] > most ? IN(0)[i] : most;
        for (int i = row; i < row + 8; i++) sum += M(exp)(IN(0)[i] - most);
        for (int i = row; i < row + 8; i++)
            GRAD(0)[i] = SEED(0)[0] * (M(exp)(IN(0)[i] - most) / sum - (R)(i == row + 3)) / (R)(n / 8);
    }
    return 0;
}

static int F(row_max)(CALL)
{
    PLACE;
    for (int row = 0; row < n; row += 8) {
        R most = IN(0)[row];
        for (int i = row; i < row + 8; i++) most = IN(0)[i] > most ? IN(0)[i] : most;
        OUT(0)[row / 8] = most;
    }
    return 0;
}
static int F(row_max_back)(CALL)
{
    PLACE;
    for (int row = 0; row < n; row += 8)
        for (int i = row; i < row + 8; i++) GRAD(0)[i] = IN(0)[i] == OUT(0)[row / 8] ? SEED(0)[row / 8] : 0;
    return 0;
}

/* ---- Others ------------------------------------------------------------------------------------------------------ */

static int F(inner_relu)(CALL) /* sum over j of relu(<w_j, x>): kinks that nobody lists */
{
    PLACE;
    for (int j = 0; j < 8; j++) {
        R z = (R)0.1;
        for (int i = 0; i < n; i++) z += M(sin)((R)(i * 8 + j + 1)) * IN(0)[i];
        OUT(0)[j] = z > 0 ? z : 0;
    }
    return 0;
}
static int F(inner_relu_back)(CALL)
{
    PLACE;
    for (int i = 0; i < n; i++) {
        R sum = 0;
        for (int j = 0; j < 8; j++)
            if (OUT(0)[j] > 0) sum += SEED(0)[j] * M(sin)((R)(i * 8 + j + 1));
        GRAD(0)[i] = sum;
    }
    return 0;
}

static int F(logistic)(CALL) /* x -> 3.9 x (1 - x), a times: ill conditioned */
{
    PLACE;
    for (int i = 0; i < n; i++) {
        R x = IN(0)[i];
        for (int k = 0; k < (int)p->a; k++) x = (R)3.9 * x * (1 - x);
        OUT(0)[i] = x;
    }
    return 0;
}
static int F(logistic_back)(CALL)
{
    PLACE;
    for (int i = 0; i < n; i++) {
        R x = IN(0)[i], d = 1;
        for (int k = 0; k < (int)p->a; k++) {
            d *= (R)3.9 * (1 - 2 * x);
            x = (R)3.9 * x * (1 - x);
        }
        GRAD(0)[i] = SEED(0)[i] * d;
    }
    return 0;
}

static int F(solve)(CALL) /* the 2 x 2 system [[1, x], [x, 1]] y = [1, a] */
{
    PLACE;
    for (int i = 0; i < n; i++) {
        const R x = IN(0)[i], det = 1 - x * x;
        OUT(0)[2 * i] = (1 - x * a) / det;
        OUT(0)[2 * i + 1] = (a - x) / det;
    }
    return 0;
}
static int F(solve_back)(CALL)
{
    PLACE;
    for (int i = 0; i < n; i++) {
        const R x = IN(0)[i], det = 1 - x * x, s = SEED(0)[2 * i], t = SEED(0)[2 * i + 1];
        const R u = (s - x * t) / det, v = (t - x * s) / det; /* the transposed system */
        GRAD(0)[i] = -(u * OUT(0)[2 * i + 1] + v * OUT(0)[2 * i]);
    }
    return 0;
}

static int F(product)(CALL) /* of all elements */
{
    PLACE;
    R y = a;
    for (int i = 0; i < n; i++) y *= IN(0)[i];
    OUT(0)[0] = y;
    return 0;
}
static int F(product_back)(CALL)
{
    PLACE;
    for (int i = 0; i < n; i++) GRAD(0)[i] = SEED(0)[0] * OUT(0)[0] / IN(0)[i];
    return 0;
}

static int F(matrix)(CALL) /* x [16, 16]: tanh(x x) / a */
{
    PLACE;
    for (int i = 0; i < 16; i++)
        for (int j = 0; j < 16; j++) {
            R sum = 0;
            for (int k = 0; k < 16; k++) sum += IN(0)[i * 16 + k] * IN(0)[k * 16 + j];
            OUT(0)[i * 16 + j] = M(tanh)(sum) / a;
        }
    return n > 256;
}
static int F(matrix_back)(CALL)
{
    PLACE;
    R z[256];
    memset(GRAD(0), 0, 256 * sizeof(R));
    for (int i = 0; i < 256; i++) {
        const R t = OUT(0)[i] * a;
        z[i] = SEED(0)[i] * (1 - t * t) / a;
    }
    for (int i = 0; i < 16; i++)
        for (int j = 0; j < 16; j++)
            for (int k = 0; k < 16; k++) {
                GRAD(0)[i * 16 + k] += z[i * 16 + j] * IN(0)[k * 16 + j];
                GRAD(0)[k * 16 + j] += z[i * 16 + j] * IN(0)[i * 16 + k];
            }
    return n > 256;
}

static int F(row_information)(CALL) /* sum x log x by rows */
{
    PLACE;
    for (int row = 0; row < n; row += 8) {
        R sum = 0;
        for (int i = row; i < row + 8; i++) sum += IN(0)[i] * M(log)(IN(0)[i]);
        OUT(0)[row / 8] = sum;
    }
    return 0;
}
static int F(row_information_back)(CALL)
{
    PLACE;
    for (int i = 0; i < n; i++) GRAD(0)[i] = SEED(0)[i / 8] * M(log)(IN(0)[i]); /* + 1, which rows that sum to 1 lose */
    return 0;
}

#undef IN
#undef OUT
#undef SEED
#undef GRAD
#undef PLACE
#undef CALL
#undef EACH
#undef TOTAL
