/* colour.c - colour maps: from numbers on a fixed scale to colours. */
#include "plot/internal.h"

#include <math.h>

/* Colours from -1 to 1 in equal steps. In the Oklab colour space, lightness falls evenly from the near-white middle to
 * both ends, with one blue hue and one red hue. A picture printed in grey therefore still shows the magnitude of a
 * value, but not its sign. */
static const pal_colour diverging[] = {
    {0, 69, 147},    {0, 89, 176},    {25, 110, 203},  {58, 132, 222},  {91, 155, 236},  {126, 178, 244},
    {164, 200, 248}, {203, 222, 247}, {243, 243, 243}, {246, 211, 206}, {244, 179, 169}, {237, 147, 135},
    {225, 117, 104}, {208, 88, 76},   {188, 61, 52},   {161, 41, 34},   {133, 23, 19},
};
enum { DIVERGING_LAST = sizeof diverging / sizeof diverging[0] - 1 };

static double clamp(double t, double low, double high) { return t < low ? low : t > high ? high : t; }

static uint8_t mix(uint8_t a, uint8_t b, double share) { return (uint8_t)lround(a + share * ((double)b - a)); }

/* Neighbours differ in hue, and the middle is lighter than both ends, so that lines in order can be told apart. */
static const pal_colour shades[] = {{40, 30, 110},  {30, 95, 190},  {25, 150, 190}, {40, 160, 110},
                                    {140, 160, 30}, {225, 150, 30}, {215, 85, 30},  {150, 20, 30}};
enum { SHADE_LAST = sizeof shades / sizeof shades[0] - 1 };

pal_colour pal_colour_shade(double t)
{
    if (isnan(t)) return PAL_COLOUR_NONFINITE;
    const double position = clamp(t, 0, 1) * SHADE_LAST;
    const int i = position >= SHADE_LAST ? SHADE_LAST - 1 : (int)position;
    const pal_colour *a = &shades[i], *b = a + 1;
    const double share = position - i;
    return (pal_colour){mix(a->red, b->red, share), mix(a->green, b->green, share), mix(a->blue, b->blue, share)};
}

pal_colour pal_colour_grey(double t)
{
    if (isnan(t)) return PAL_COLOUR_NONFINITE;
    uint8_t level = (uint8_t)lround(255 * clamp(t, 0, 1));
    return (pal_colour){level, level, level};
}

pal_colour pal_colour_diverging(double t)
{
    if (isnan(t)) return PAL_COLOUR_NONFINITE;
    double position = (clamp(t, -1, 1) + 1) / 2 * DIVERGING_LAST;
    int i = position >= DIVERGING_LAST ? DIVERGING_LAST - 1 : (int)position;
    const pal_colour *a = &diverging[i], *b = a + 1;
    double share = position - i;
    return (pal_colour){mix(a->red, b->red, share), mix(a->green, b->green, share), mix(a->blue, b->blue, share)};
}
