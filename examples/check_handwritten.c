/* check_handwritten.c - checks derivatives that were written by hand: a layer norm, causal attention and a convolution
 * in float32, each with its backward pass. Each backward pass also exists with a mistake that people make (`wrong`).
 * The part below "The check" is what a program of yours needs; docs/gradcheck.md explains it. cc check_handwritten.c -o
 * check $(pkg-config --cflags --libs palindrome) -lm && ./check */
#include <autograd/gradcheck_macros.h>
#include <math.h>

/* ---- y = gain * (x - mean) / deviation + bias, for each row ----------------------------------------------------- */

static void layernorm(float *y, float *saved, const float *x, const float *gain, const float *bias, int rows, int n)
{
    for (int r = 0; r < rows; r++) {
        float mean = 0, variance = 0;
        for (int i = 0; i < n; i++) mean += x[r * n + i] / (float)n;
        for (int i = 0; i < n; i++) variance += (x[r * n + i] - mean) * (x[r * n + i] - mean) / (float)n;
        saved[2 * r] = mean;
        saved[2 * r + 1] = 1 / sqrtf(variance + 1e-5f);
        for (int i = 0; i < n; i++) y[r * n + i] = gain[i] * (x[r * n + i] - mean) * saved[2 * r + 1] + bias[i];
    }
}

static void layernorm_backward(float *dx, float *dgain, float *dbias, const float *dy, const float *saved,
                               const float *x, const float *gain, int rows, int n, bool wrong)
{
    for (int r = 0; r < rows; r++) {
        const float scale = saved[2 * r + 1];
        float sum = 0, dot = 0;
        for (int i = 0; i < n; i++) {
            const float normal = (x[r * n + i] - saved[2 * r]) * scale, d = dy[r * n + i];
            sum += gain[i] * d / (float)n;
            dot += gain[i] * d * normal / (float)n;
            dgain[i] = (wrong ? 0 : dgain[i]) + normal * d; /* wrong: only the last row stays */
            dbias[i] += d;
        }
        for (int i = 0; i < n; i++)
            dx[r * n + i] += scale * (gain[i] * dy[r * n + i] - sum - (x[r * n + i] - saved[2 * r]) * scale * dot);
    }
}

/* ---- y[t] = sum over u <= t of softmax(q[t] . k[u] / sqrt(n)) v[u] ----------------------------------------------- */

static void attention(float *y, float *p, const float *q, const float *k, const float *v, int steps, int n)
{
    for (int t = 0; t < steps; t++) {
        float most = -INFINITY, sum = 0;
        for (int u = 0; u <= t; u++) {
            float dot = 0;
            for (int i = 0; i < n; i++) dot += q[t * n + i] * k[u * n + i];
            p[t * steps + u] = dot / sqrtf((float)n);
            most = fmaxf(most, p[t * steps + u]);
        }
        for (int u = 0; u <= t; u++) sum += p[t * steps + u] = expf(p[t * steps + u] - most);
        for (int u = 0; u <= t; u++) p[t * steps + u] /= sum;
        for (int i = 0; i < n; i++) y[t * n + i] = 0;
        for (int u = 0; u <= t; u++)
            for (int i = 0; i < n; i++) y[t * n + i] += p[t * steps + u] * v[u * n + i];
    }
}

static void attention_backward(float *dq, float *dk, float *dv, const float *dy, const float *p, const float *q,
                               const float *k, const float *v, int steps, int n, bool wrong)
{
    const float scale = wrong ? 1 : 1 / sqrtf((float)n); /* wrong: the 1/sqrt(n) of the forward pass is forgotten */
    for (int t = 0; t < steps; t++) {
        float mean = 0;
        for (int u = 0; u <= t; u++)
            for (int i = 0; i < n; i++) mean += p[t * steps + u] * dy[t * n + i] * v[u * n + i];
        for (int u = 0; u <= t; u++) {
            float dp = 0;
            for (int i = 0; i < n; i++) dp += dy[t * n + i] * v[u * n + i];
            const float dot = p[t * steps + u] * (dp - mean) * scale;
            for (int i = 0; i < n; i++) {
                dq[t * n + i] += dot * k[u * n + i];
                dk[u * n + i] += dot * q[t * n + i];
                dv[u * n + i] += p[t * steps + u] * dy[t * n + i];
            }
        }
    }
}

/* ---- y[o][i] = sum over c, j of w[o][c][j] x[c][i + j - TAPS / 2], with zeros beyond both ends ------------------- */

enum { TAPS = 5 };
static void convolution(float *y, const float *x, const float *w, int from, int to, int n)
{
    for (int o = 0; o < to; o++)
        for (int i = 0; i < n; i++) {
            y[o * n + i] = 0;
            for (int c = 0; c < from; c++)
                for (int j = 0; j < TAPS; j++)
                    if (i + j - TAPS / 2 >= 0 && i + j - TAPS / 2 < n)
                        y[o * n + i] += w[(o * from + c) * TAPS + j] * x[c * n + i + j - TAPS / 2];
        }
}

static void convolution_backward(float *dx, float *dw, const float *dy, const float *x, const float *w, int from,
                                 int to, int n, bool wrong)
{
    for (int o = 0; o < to; o++)
        for (int c = 0; c < from; c++)
            for (int j = 0; j < TAPS; j++) {
                const int tap = (o * from + c) * TAPS + (wrong ? TAPS - 1 - j : j); /* wrong: the taps are reversed */
                for (int i = 0; i < n; i++) {
                    if (i + j - TAPS / 2 < 0 || i + j - TAPS / 2 >= n) continue;
                    dx[c * n + i + j - TAPS / 2] += w[(o * from + c) * TAPS + j] * dy[o * n + i];
                    dw[tap] += x[c * n + i + j - TAPS / 2] * dy[o * n + i];
                }
            }
}

/* ---- The check: what goes in, what comes out, how to call it ---------------------------------------------------- */

enum { N = 8, WIDTH = 4, LENGTH = 7 };
PAL_CALL(norm, layernorm(c->out[0], c->saved, c->in[0], c->in[1], c->in[2], 3, N))
PAL_CALL(norm_back, layernorm_backward(c->gradient[0], c->gradient[1], c->gradient[2], c->seed[0], c->saved, c->in[0],
                                       c->in[1], 3, N, c->user))
PAL_CALL(attend, attention(c->out[0], c->saved, c->in[0], c->in[1], c->in[2], 5, WIDTH))
PAL_CALL(attend_back, attention_backward(c->gradient[0], c->gradient[1], c->gradient[2], c->seed[0], c->saved, c->in[0],
                                         c->in[1], c->in[2], 5, WIDTH, c->user))
PAL_CALL(convolve, convolution(c->out[0], c->in[0], c->in[1], 2, 3, LENGTH))
PAL_CALL(convolve_back,
         convolution_backward(c->gradient[0], c->gradient[1], c->seed[0], c->in[0], c->in[1], 2, 3, LENGTH, c->user))
static const pal_array norm_in[] = {PAL_ARRAY_IN("x", -2, 2, 3, N), PAL_ARRAY("gain", N), PAL_ARRAY("bias", N)},
                       norm_out[] = {PAL_ARRAY("y", 3, N)}, attend_out[] = {PAL_ARRAY("y", 5, WIDTH)},
                       attend_in[] = {PAL_ARRAY("q", 5, WIDTH), PAL_ARRAY("k", 5, WIDTH), PAL_ARRAY("v", 5, WIDTH)},
                       convolve_in[] = {PAL_ARRAY("x", 2, LENGTH), PAL_ARRAY("w", 3, 2, TAPS)},
                       convolve_out[] = {PAL_ARRAY("y", 3, LENGTH)};
#define CHECK(name, f, numbers, wrong)                                                                                 \
    {                                                                                                                  \
        PAL_FUNCTION(name, PAL_F32, f##_in, f##_out, f, f##_back), .adds = true, .saved = (numbers) * sizeof(float),   \
                                                                   .user = wrong                                       \
    }
/* clang-format off */
static const pal_function functions[] = {
    CHECK("layernorm", norm, 6, NULL), CHECK("layernorm, wrong", norm, 6, "wrong"),
    CHECK("attention", attend, 25, NULL), CHECK("attention, wrong", attend, 25, "wrong"),
    CHECK("convolution", convolve, 0, NULL), CHECK("convolution, wrong", convolve, 0, "wrong"),
};
/* clang-format on */

int main(void)
{
    pal_function_report r;
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (pal_gradient_check(&functions[i], NULL, &r))
            printf("%-20s right\n", r.name);
        else
            printf("%-20s %s: %s\n", r.name, r.argument, pal_mistake_text(r.mistake)); /* r.message tells all */
}
