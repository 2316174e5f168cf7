/* detect.h - shared by the files of the detector. */
#ifndef PAL_ANALYSIS_DETECT_H
#define PAL_ANALYSIS_DETECT_H

#include "analysis/internal.h"

/* ---- detect_codes.c: how far a code is from those of the training samples --------------------------------------- */

typedef struct palt__codes palt__codes;

/* program computes the codes of a batch of rows x. The codes of all samples of the data give mean and covariance. */
pal_status palt__codes_measure(pal_program *program, pal_tensor *x, const pal_dataset *data, double shrink,
                               pal_context *context, palt__codes **out, pal_error *err);
void palt__codes_free(palt__codes *codes);
/* The squared Mahalanobis distance of a code h [k]; h becomes S^-1 (h - m). */
double palt__codes_distance(const palt__codes *codes, double *h);
const double *palt__codes_inputs(const palt__codes *codes); /* the mean of the samples, [features] */
double palt__codes_ridge(const palt__codes *codes);

#endif
