/* ellipse.c - ellipses of covariance matrices, as polygons in the coordinates of the data: in the picture the units of
 * the two axes have different lengths. */
#include "plot/internal.h"

#include <math.h>

void pal_ellipse_axes(const pal_ellipse *e, double radii[2], double *angle)
{
    const double half = (e->xx - e->yy) / 2, middle = (e->xx + e->yy) / 2, away = hypot(half, e->xy);
    radii[0] = sqrt(fmax(middle + away, 0));
    radii[1] = sqrt(fmax(middle - away, 0)); /* rounding may give a negative number if the covariance is singular */
    *angle = away > 0 ? atan2(e->xy, half) / 2 : 0;
}

bool palt__ellipse_drawable(const pal_ellipse *e)
{
    return isfinite(e->x) && isfinite(e->y) && isfinite(e->xx) && isfinite(e->xy) && isfinite(e->yy);
}

void palt__ellipse_corners(const pal_ellipse *e, double deviations, palt__point out[PALT__ELLIPSE_CORNERS])
{
    double radii[2], angle;
    pal_ellipse_axes(e, radii, &angle);
    const double c = cos(angle), s = sin(angle);
    for (int i = 0; i < PALT__ELLIPSE_CORNERS; i++) {
        const double turn = 2 * M_PI * i / PALT__ELLIPSE_CORNERS;
        const double along = deviations * radii[0] * cos(turn), across = deviations * radii[1] * sin(turn);
        out[i] = (palt__point){e->x + c * along - s * across, e->y + s * along + c * across};
    }
}
