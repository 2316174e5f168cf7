/* function_stairs.c - functions that are staircases.
 *
 * A table of constants is flat between its steps: its derivative is zero wherever there is one. Who writes a backward
 * pass for it writes the derivative of the smooth function that the table stands for. So the derivatives of narrow
 * windows disagree with the hand-written one, although it is what its author wants: there is nothing to compare. It is
 * recognised by both of its faces. On some wide window, where the steps are small beside the rise, the series agrees
 * with the hand-written derivative; and there are jumps within: differences of f that stay as they are while the
 * distance of the two points goes to zero. */
#include "autograd/check/function.h"

#include <math.h>

static const double widest = 0.98;

/* Halves the interval from 0 to h, and keeps the half in which f rises more beyond the narrow slope. At a jump, the
 * rise does not fall with the width. */
static bool find_jump(pal__fn *c, const pal__fn_line *line, double h, double narrow, double wide, bool *found)
{
    enum { HALVES = 40 };
    double from = 0, to = h, low, high, size;
    *found = false;
    if (!pal__fn_follow(c, line, from, &low, &size) || !pal__fn_follow(c, line, to, &high, &size)) return false;
    const double least = 64 * pal__fn_lattice(c, line);
    for (int i = 0; i < HALVES && fabs(to - from) > least; i++) {
        const double middle = (from + to) / 2;
        double at;
        if (!pal__fn_follow(c, line, middle, &at, &size)) return false;
        const double first = fabs(at - low - narrow * (middle - from)),
                     second = fabs(high - at - narrow * (to - middle));
        if (!isfinite(first) || !isfinite(second)) return true;
        if (first > second)
            to = middle, high = at;
        else
            from = middle, low = at;
    }
    const double rise = fabs(high - low - narrow * (to - from));
    const double smooth = 64 * fabs((wide - narrow) * (to - from)), noise = 64 * fmax(c->noise, c->eps * size);
    *found = rise > smooth && rise > noise;
    return true;
}

/* Whether f is exactly the same in the narrow surroundings of x. */
static bool is_flat(pal__fn *c, const pal__fn_line *line, bool *flat)
{
    enum { POINTS = 5 };
    double first = 0, v, size;
    *flat = true;
    for (int i = 0; i < POINTS && *flat; i++) {
        const double t = 512 * pal__fn_lattice(c, line) * (i - POINTS / 2);
        if (!pal__fn_follow(c, line, t, &v, &size)) return false;
        /* without what pal__fn_follow has subtracted for the rounding of x + t d */
        v = 0;
        for (size_t k = 0; k < c->total_y && !line->weights; k++) v += c->s[k] * c->y[k];
        if (line->weights)
            for (size_t k = 0; k < c->total; k++) v += line->weights[k] * c->t2[k];
        if (!i) first = v;
        *flat = v == first;
    }
    return true;
}

/* It is flat at x, and jumps on both sides: whatever is written, there is nothing to compare with. */
static bool jumps_around(pal__fn *c, const pal__fn_line *line, bool *found)
{
    double from, to, size;
    if (!is_flat(c, line, found)) return false;
    for (int side = -1; side <= 1 && *found; side += 2) {
        if (!pal__fn_follow(c, line, 0, &from, &size) || !pal__fn_follow(c, line, side * widest, &to, &size))
            return false;
        if (!find_jump(c, line, side * widest, 0, (to - from) / widest, found)) return false;
    }
    return true;
}

bool pal__fn_stairs(pal__fn *c, const pal__fn_line *line, const pal__slope *slope, double analytic, bool accused,
                    bool *stairs)
{
    *stairs = false;
    const double step = isfinite(slope->bar) ? slope->step : 0, value = isfinite(slope->bar) ? slope->value : 0;
    double h = widest;
    for (int level = 0; level < 6 && h > 4 * step; level++, h /= 2) {
        pal__slope s;
        double bend, floor;
        if (!pal__fn_window(c, line, h, &s, &bend, &floor)) return false;
        if (!isfinite(s.loose) || s.loose > fabs(analytic - value) / 2) continue;
        if (fabs(s.value - analytic) > s.loose) continue;
        if (!find_jump(c, line, h, value, s.value, stairs)) return false;
        return *stairs || find_jump(c, line, h, 0, s.value, stairs); /* a jump beside x makes the narrow slope wrong */
    }
    return accused || jumps_around(c, line, stairs);
}

/* Rounding may also be a staircase: where x is small, 1 - cos(x) has few values in float32. Between two stairs the
 * function is smooth, and on wide windows it is rough. A function that is rough for another reason changes, on the
 * first window where it is smooth, by as much as its roughness; a staircase changes by less. It has no slope, or one
 * that is rounding and not known well. */
bool pal__fn_rounded_stairs(pal__fn *c, const pal__fn_line *line, pal__slope *slope, bool *stairs)
{
    *stairs = false;
    if (fabs(slope->value) > 50 * slope->bar) return true;
    for (double h = slope->step * 4; h < 1; h *= 4) {
        pal__slope s;
        double bend, floor;
        if (!pal__fn_window(c, line, h, &s, &bend, &floor)) return false;
        slope->rough = fmax(slope->rough, s.rough);
    }
    *stairs = slope->highest < 1.5 * fmax(slope->rough, c->stairs);
    if (*stairs) c->stairs = fmax(c->stairs, slope->rough);
    return true;
}
