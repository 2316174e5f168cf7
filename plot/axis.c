/* axis.c - the range of an axis, and its ticks: round numbers, whose labels keep apart. */
#include "plot/internal.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { LABEL = 14, GAP = 16 }; /* height of the labels, and the least space between two, in pixels */

void palt__extent_take(palt__extent *e, double value)
{
    e->low = fmin(e->low, value);
    e->high = fmax(e->high, value);
    e->whole &= value == floor(value);
}

double palt__axis_share(const palt__axis *a, double value)
{
    const double share = ((a->log ? log10(value) : value) - a->low) / (a->high - a->low);
    return fmin(fmax(share, 0), 1);
}

static void add_tick(palt__axis *a, double value)
{
    if (a->count == PALT__TICKS) return;
    a->ticks[a->count].at = palt__axis_share(a, value);
    snprintf(a->ticks[a->count++].label, sizeof a->ticks->label, "%.12g", value == 0 ? 0.0 : value);
}

/* 1, 2 or 5 times a power of ten: the first that is at least `least`. */
static double round_step(double least)
{
    const double power = pow(10, floor(log10(least)));
    for (int m = 1; m < 10; m = m == 1 ? 2 : 5 * m / 2)
        if (m * power >= least * (1 - 1e-9)) return m * power;
    return 10 * power;
}

static void add_multiples(palt__axis *a, double low, double high, double step)
{
    const double first = ceil(low / step - 1e-9), last = floor(high / step + 1e-9);
    a->count = 0;
    for (double k = first; k <= last && k - first < PALT__TICKS; k++) add_tick(a, k * step);
}

/* The powers of ten, every `step`-th one; between them 2 to 9 times the power, if each power has a label. */
static void add_powers(palt__axis *a, int step)
{
    a->count = a->minor_count = 0;
    for (double k = ceil(a->low / step - 1e-9) * step; k <= a->high + 1e-9; k += step) add_tick(a, pow(10, k));
    for (double k = floor(a->low); k <= a->high && step == 1; k++)
        for (int m = 2; m < 10; m++) {
            const double at = (k + log10(m) - a->low) / (a->high - a->low);
            if (at > 0 && at < 1 && a->minor_count < PALT__TICKS) a->minor[a->minor_count++] = at;
        }
}

static double side_of(const palt__axis *a, int tick)
{
    return a->across ? palt__letters_width(a->ticks[tick].label, strlen(a->ticks[tick].label), LABEL) : LABEL;
}

static bool fits(const palt__axis *a, int tick, int next)
{
    return (a->ticks[next].at - a->ticks[tick].at) * a->pixels >= (side_of(a, tick) + side_of(a, next)) / 2 + GAP;
}

static bool all_fit(const palt__axis *a)
{
    for (int i = 0; i + 1 < a->count; i++)
        if (!fits(a, i, i + 1)) return false;
    return true;
}

/* The first value of whole numbers has a label too, such as epoch 1 before 5, 10, 15. */
static void add_first(palt__axis *a, double value)
{
    if (a->count == PALT__TICKS) return;
    memmove(a->ticks + 1, a->ticks, (size_t)a->count * sizeof *a->ticks);
    const int count = a->count + 1;
    a->count = 0;
    add_tick(a, value);
    a->count = count;
    if (!fits(a, 0, 1)) {
        a->count--;
        memmove(a->ticks, a->ticks + 1, (size_t)a->count * sizeof *a->ticks);
    }
}

static void widen(palt__axis *a, double before, double after)
{
    const double span = a->high - a->low;
    a->low -= before * span;
    a->high += after * span;
}

/* A range of less than 1.3 powers of ten may contain only one; it gets round numbers at equal distances. */
static void make_log(palt__axis *a, palt__extent e)
{
    const double low = log10(e.low), high = log10(e.high), aside = high - low < 1e-9 ? 0.5 : 0;
    a->log = true;
    a->low = low - aside;
    a->high = high + aside;
    widen(a, 0.05, 0.05);
    if (a->high - a->low >= 1.3) {
        for (int step = 1; a->count == 0 || !all_fit(a); step++) add_powers(a, step);
        return;
    }
    const double from = pow(10, a->low), to = pow(10, a->high);
    for (double n = a->pixels / 55; n >= 1 && (a->count == 0 || !all_fit(a)); n *= 0.8)
        add_multiples(a, from, to, round_step((to - from) / n));
}

/* A range without width gets one. One that is too large for a difference is cut; nothing near its ends is visible. */
static void make_linear(palt__axis *a, palt__extent e)
{
    const double most = DBL_MAX / 4, low = fmax(e.low, -most), high = fmin(e.high, most);
    const double least = 1e-9 * fmax(fabs(low), fabs(high));
    const bool flat = !(high - low > least), first = a->across && e.whole && high - low >= 10;
    const double aside = fmax(e.whole ? 1 : 0.1 * fabs(low), fmax(least, e.whole || low == 0 ? 1 : 0));
    a->low = flat ? low - aside : low;
    a->high = flat ? high + aside : high;
    if (!flat || !e.whole) widen(a, first ? 0 : a->across ? 0.02 : 0.05, a->across ? 0.02 : 0.05);
    for (double n = a->pixels / (a->across ? 90 : 55); n >= 1 && (a->count == 0 || !all_fit(a)); n *= 0.8) {
        const double step = round_step((a->high - a->low) / n);
        add_multiples(a, a->low, a->high, a->across && e.whole ? fmax(step, 1) : step);
    }
    if (first && a->count > 0 && a->ticks[0].at > 0) add_first(a, low);
}

void palt__axis_make(palt__axis *a, palt__extent e, bool log, bool across, double pixels)
{
    *a = (palt__axis){.across = across, .pixels = pixels};
    (log ? make_log : make_linear)(a, e);
}
