/* function_steps.c - the derivative of f along a line, with an error bar, from values of f alone.
 *
 * The values at 17 Chebyshev points of a window -h .. h give the coefficients of f's Chebyshev series there. If f is
 * smooth on the window, they fall until they reach a plateau, and the plateau is the rounding of f (Aurentz and
 * Trefethen, Chopping a Chebyshev series, ACM Trans. Math. Software 43, 2017). So the same values give the derivative
 * at 0, what is missing in the series, and the noise. Noise in a derivative is noise / h: so large windows are good in
 * float32, as long as f is smooth there. The ladder of windows begins with the largest and keeps the least bar.
 *
 * A plateau may also be a function that is too rough for the window. So the noise is measured first, on a window of
 * some hundred units in the last place, where nothing but rounding is left beyond the lowest coefficients (More and
 * Wild, Estimating computational noise, SIAM J. Sci. Comput. 33, 2011, use differences of values at equal distances for
 * it; Estimating derivatives of noisy simulations, ACM Trans. Math. Software 38, 2012, choose a step by it). A plateau
 * far above it is no noise.
 *
 * In float32, x + t d is rounded. pal__fn_move tells by how much f changes thereby, and this is subtracted.
 *
 * A kink: the bend (f(h) - 2 f(0) + f(-h)) / h falls with h where f is smooth. Where it does not, the slopes on the two
 * sides differ. */
#include "autograd/check/function.h"

#include <math.h>
#include <string.h>

enum { N = PAL__FN_DEGREE, TAIL = 4, LEVELS = 14, WORSE = 2 };
static const double widest = 0.98, narrower = 0.25;
static const double louder = 4;     /* a plateau so many times the noise is no noise */
static const double settled = 0.05; /* a series has settled if its tail is such a part of it */

static double cosine(int k) { return cos(k * 3.14159265358979323846 / N); }

bool pal__fn_follow(pal__fn *c, const pal__fn_line *line, double t, double *value, double *size)
{
    double correction;
    pal__fn_move(c, line, t, &correction);
    if (!line->weights) {
        if (!pal__fn_value(c, value, size)) return false;
    } else {
        if (!pal__fn_gradient(c, c->t2)) return false;
        double sum = 0, squares = 0;
        for (size_t i = 0; i < c->total; i++) {
            const double term = line->weights[i] * c->t2[i];
            sum += term;
            squares += term * term;
        }
        *value = sum;
        *size = sqrt(squares);
    }
    *value -= correction;
    return true;
}

/* The Chebyshev coefficients of the values at cos(j pi / N). */
static void transform(const double *v, double *coefficient)
{
    double table[2 * N];
    for (int k = 0; k < 2 * N; k++) table[k] = cosine(k);
    for (int k = 0; k <= N; k++) {
        double sum = (v[0] + v[N] * (k % 2 ? -1 : 1)) / 2;
        for (int j = 1; j < N; j++) sum += v[j] * table[j * k % (2 * N)];
        coefficient[k] = sum * (k == 0 || k == N ? 1.0 : 2.0) / N;
    }
}

/* The last coefficient that stands out of the plateau. */
static int chop(const double *coefficient, double plateau)
{
    int k = N;
    while (k > 0 && fabs(coefficient[k]) <= 3 * plateau) k--;
    return k;
}

static double plateau_of(const double *coefficient, double rounding)
{
    double most = rounding;
    for (int k = N - TAIL + 1; k <= N; k++) most = fmax(most, fabs(coefficient[k]));
    /* a longer plateau tells more */
    const int from = chop(coefficient, most) + 1;
    double squares = 0;
    for (int k = from; k <= N; k++) squares += coefficient[k] * coefficient[k];
    return from <= N ? fmax(most, 1.5 * sqrt(squares / (N - from + 1))) : most;
}

/* The size of the second half of the coefficients if it falls no faster than that of a jump, 1 / k. */
static double roughness(const double *coefficient)
{
    double first = 0, second = 0;
    for (int k = 2; k <= N / 2; k++) first += coefficient[k] * coefficient[k];
    for (int k = N / 2 + 1; k <= N; k++) second += coefficient[k] * coefficient[k];
    return second > 0.05 * first ? sqrt(second / (N / 2.0)) : 0;
}

/* The derivative at 0 on the window of half width h. *bend: the distance of the one-sided differences; *floor: what
 * rounding alone makes of it. */
bool pal__fn_window(pal__fn *c, const pal__fn_line *line, double h, pal__slope *out, double *bend, double *floor)
{
    double v[N + 1], coefficient[N + 1], most = 0, size, middle = 0;
    bool finite = true;
    for (int j = 0; j <= N; j++) {
        if (!pal__fn_follow(c, line, j == N / 2 ? 0 : h * cosine(j), &v[j], &size)) return false;
        finite = finite && isfinite(v[j]) && isfinite(size);
        if (!finite) break;
        most = fmax(most, size);
        if (j == N / 2) middle = size;
    }
    *out = (pal__slope){.bar = INFINITY, .loose = INFINITY, .step = h, .size = middle};
    *bend = NAN;
    if (!finite) return true;
    transform(v, coefficient);
    /* A value is rounded at least once: by up to eps, with a standard deviation of eps / sqrt(3). A coefficient has
     * sqrt(2 / N) of it. */
    const double rounding = 0.6 * c->eps * most + (c->f->dtype == PAL_F32 ? 1e-45 : 5e-324);
    double plateau = plateau_of(coefficient, 2 * rounding * sqrt(2.0 / N));
    const int last = chop(coefficient, plateau);
    /* Values that do not change at all tell nothing of a rounding inside the function that is larger than the change.
     */
    if (!last) plateau = fmax(plateau, c->quiet);
    double sum = 0, squares = 0;
    for (int k = 1; k <= last; k += 2) {
        sum += k % 4 == 1 ? k * coefficient[k] : -k * coefficient[k];
        squares += k * k;
    }
    const double noise = fmax(fmax(c->noise, c->quiet), 2 * rounding * sqrt(2.0 / N));
    double highest = 0;
    for (int k = 1; k <= N; k++) highest = fmax(highest, fabs(coefficient[k]));
    out->value = sum / h;
    out->plateau = plateau;
    out->highest = highest;
    const double bar = plateau * (3 * sqrt(squares) + 3 * (last + 2)) / h;
    if (plateau <= settled * highest) out->loose = bar;
    if (plateau <= louder * noise) {
        out->bar = bar;
        if (most > 0) c->r->noise = fmax(c->r->noise, plateau * sqrt(N / 2.0) / most);
    } else {
        if (plateau <= settled * highest) out->bar = 200 * plateau / h;
        out->rough = roughness(coefficient);
    }
    *bend = (v[0] - 2 * v[N / 2] + v[N]) / h;
    *floor = fmax(20 * sqrt(N / 2.0) * noise, 256 * c->eps * most) / h;
    return true;
}

static void sort(double *v, int n)
{
    for (int i = 1; i < n; i++)
        for (int j = i; j > 0 && v[j] < v[j - 1]; j--) {
            const double t = v[j];
            v[j] = v[j - 1];
            v[j - 1] = t;
        }
}

/* The step that moves the elements by about one unit in the last place. */
double pal__fn_lattice(const pal__fn *c, const pal__fn_line *line)
{
    double x = 0, d = 0;
    for (size_t i = 0; i < c->total; i++) {
        if (line->d[i] == 0) continue;
        x = hypot(x, c->x[i]);
        d = hypot(d, line->d[i]);
    }
    return c->eps * (1 + (d > 0 ? x / d : 0));
}

/* The rounding of the number that the line follows, in the unit of a coefficient, to c->noise: from third differences,
 * which have a standard deviation of sqrt(20) times that of the noise. Not the largest are taken, because a kink nearby
 * makes a few of them large. Wider windows show rounding inside the function that is coarser than the narrow ones. */
bool pal__fn_noise(pal__fn *c, const pal__fn_line *line)
{
    enum { SCALES = 3, DIFFERENCES = N - 2, TAKEN = 9 };
    const double scales[2][SCALES] = {{1, 0x1p12, 0x1p24}, {1, 0x1p4, 0x1p6}};
    double v[N + 1], size;
    c->noise = 0;
    for (int scale = 0; scale < SCALES; scale++) {
        const double h = fmin(0.05, 256 * pal__fn_lattice(c, line) * scales[c->f->dtype == PAL_F32][scale]);
        bool finite = true;
        for (int j = 0; j <= N && finite; j++) {
            if (!pal__fn_follow(c, line, h * (2.0 * j / N - 1), &v[j], &size)) return false;
            finite = isfinite(v[j]);
        }
        if (!finite) break;
        for (int j = 0; j < DIFFERENCES; j++) v[j] = fabs((v[j + 3] - v[j]) - 3 * (v[j + 2] - v[j + 1]));
        sort(v, DIFFERENCES);
        c->noise = fmax(c->noise, 2 * v[TAKEN] / sqrt(20) * sqrt(2.0 / N));
    }
    pal__fn_move(c, line, 0, &size);
    return true;
}

/* Whether the bend stays as it is over the three smallest windows where it stands out of the rounding. At a jump it is
 * four times as large on the next window. */
static bool is_kink(const double *bend, const double *floor, int n)
{
    int last = n - 1;
    while (last >= 0 && !(fabs(bend[last]) > floor[last])) last--;
    if (last < 2) return false;
    const double first = bend[last - 1] / bend[last - 2], second = bend[last] / bend[last - 1];
    return (first > 0.6 && first < 1.7 && second > 0.6 && second < 1.7) ||
           (first > 3 && first < 5 && second > 3 && second < 5);
}

bool pal__fn_slope(pal__fn *c, pal__fn_line *line, double enough, double scale, pal__slope *out)
{
    double h = line->start > 0 ? line->start : widest, bend[LEVELS], floor[LEVELS];
    double rough = 0;
    int worse = 0, n = 0;
    *out = (pal__slope){.bar = INFINITY};
    for (int up = 0; up < 2; up++) {
        for (int level = 0; level < LEVELS && worse < WORSE; level++, h *= up ? 1 / narrower : narrower) {
            pal__slope s;
            double b, f = 0;
            if (h > widest * 1.001) break;
            if (!pal__fn_window(c, line, h, &s, &b, &f)) return false;
            if (!up) bend[n] = b, floor[n++] = f;
            rough = fmax(rough, s.rough);
            if (s.bar < out->bar)
                *out = s, worse = 0;
            else if (isfinite(out->bar) && isfinite(s.bar) && s.bar > 2 * out->bar)
                worse++;
            if (out->bar <= enough * fmax(scale, fabs(out->value))) goto found;
        }
        h = line->start / narrower; /* then wider windows than the one it began with */
        worse = line->start > 0 ? 0 : WORSE;
    }
found:
    out->rough = rough;
    out->kink = is_kink(bend, floor, n) && !(out->bar <= 0.01 * fmax(scale, fabs(out->value)));
    if (isfinite(out->bar)) line->start = out->step;
    double none;
    pal__fn_move(c, line, 0, &none);
    return true;
}

/* The hand-written derivative is rounded, too. It is followed along the line on a window so narrow that it hardly
 * changes; what is no smooth series is its rounding. */
bool pal__fn_murmur(pal__fn *c, const pal__fn_line *line, double h, double *bar)
{
    double v[N + 1], coefficient[N + 1], none, most = 0;
    const double narrow = fmin(fmin(widest, 4 * h), fmax(h / 16, 256 * pal__fn_lattice(c, line)));
    *bar = INFINITY;
    for (int j = 0; j <= N; j++) {
        pal__fn_move(c, line, j == N / 2 ? 0 : narrow * cosine(j), &none);
        if (!(line->weights ? pal__fn_product(c, line->weights, 0, c->t2) : pal__fn_gradient(c, c->t2))) return false;
        double sum = 0, squares = 0;
        for (size_t i = 0; i < c->total; i++) {
            const double term = c->t2[i] * line->d[i];
            sum += term;
            squares += term * term;
        }
        v[j] = sum;
        most = fmax(most, sqrt(squares));
    }
    pal__fn_move(c, line, 0, &none);
    for (int j = 0; j <= N; j++)
        if (!isfinite(v[j])) return true;
    transform(v, coefficient);
    const double plateau = plateau_of(coefficient, c->eps * most * sqrt(2.0 / N));
    const int last = chop(coefficient, plateau);
    double at = 0;
    for (int k = 0; k <= last; k += 2) at += k % 4 ? -coefficient[k] : coefficient[k];
    *bar = fabs(v[N / 2] - at) + 3 * plateau * sqrt(last + 1.0);
    return true;
}
