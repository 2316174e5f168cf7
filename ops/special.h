/* special.h - the gamma function's logarithm and its derivatives, in doubles; floats are computed through them. */
#ifndef PAL_OPS_SPECIAL_H
#define PAL_OPS_SPECIAL_H

#define PAL__POLYGAMMA_ORDERS 1000 /* the highest order */

double pal__lgamma(double x); /* ln |gamma(x)| */
double pal__digamma(double x);
double pal__polygamma(double order, double x); /* order: an integer from 0 */

#endif
