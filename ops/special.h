/* special.h - the logarithm of the gamma function and its derivatives, in double; floats are computed in double too. */
#ifndef PAL_OPS_SPECIAL_H
#define PAL_OPS_SPECIAL_H

#define PAL__POLYGAMMA_ORDERS 1000 /* the maximum of order */

double pal__lgamma(double x); /* ln |gamma(x)| */
double pal__digamma(double x);
double pal__polygamma(double order, double x); /* order: an integer, 0 or more */

#endif
