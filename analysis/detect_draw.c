/* detect_draw.c - the picture of a detection: recall over the share of normal samples that are flagged (ROC), and
 * precision over recall, as two plots side by side; and the numbers, in one table with the thresholds.
 *
 * A step of the curves is drawn as a straight line. Of many steps every k-th is drawn, about POINTS in all. The table
 * has all of them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/internal.h"

enum { POINTS = 2000, TITLE = 128 };

static int print(FILE *to, void *user)
{
    const pal_detection_curve *c = user;
    fputs("threshold,false_rate,recall,precision\n", to);
    for (size_t i = 0; i < c->points; i++)
        if (isinf(c->threshold[i])) /* as in every table of numbers here, what is not finite is empty */
            fprintf(to, ",%.17g,%.17g,%.17g\n", c->false_rate[i], c->recall[i], c->precision[i]);
        else
            fprintf(to, "%.17g,%.17g,%.17g,%.17g\n", c->threshold[i], c->false_rate[i], c->recall[i], c->precision[i]);
    return 0;
}

static int write_table(int descriptor, void *user) { return pal_write_printed(descriptor, print, user); }

/* NAME.csv, next to the picture NAME.png. */
static pal_status write_numbers(pal_detection_curve *curve, const char *path, pal_error *err)
{
    const char *dot = strrchr(path, '.');
    const size_t length = dot ? (size_t)(dot - path) : strlen(path);
    char *name = malloc(length + sizeof ".csv");
    if (!name) return palt__no_memory(err);
    memcpy(name, path, length);
    memcpy(name + length, ".csv", sizeof ".csv");
    const pal_status status = pal_file_write(name, write_table, curve, err);
    free(name);
    return status;
}

/* Thins the points of a curve, in place. The first and the last stay. */
static void thin(pal_detection_curve *c)
{
    const size_t every = (c->points + POINTS - 1) / POINTS;
    size_t kept = 0;
    for (size_t i = 0; i < c->points; i++) {
        if (i % every && i + 1 < c->points) continue;
        c->threshold[kept] = c->threshold[i];
        c->recall[kept] = c->recall[i];
        c->false_rate[kept] = c->false_rate[i];
        c->precision[kept++] = c->precision[i];
    }
    c->points = kept;
}

typedef struct plot {
    const double *x[2];
    size_t count[2];
    pal_series series[2]; /* the curve, and what a guess would give */
    pal_curves curves;
    char title[TITLE];
} plot;

static const double ends[2] = {0, 1};

static void set_up(plot *p, const double *x, const double *y, size_t n, const double guess[2])
{
    p->x[0] = x, p->x[1] = ends;
    p->count[0] = n, p->count[1] = 2;
    p->series[0] = (pal_series){.name = "scores", .y = y};
    p->series[1] = (pal_series){.name = "a guess", .y = guess};
    p->curves = (pal_curves){.struct_size = sizeof p->curves,
                             .title = p->title,
                             .series = p->series,
                             .series_count = 2,
                             .own_x = p->x,
                             .own_count = p->count};
}

pal_status pal_detection_write(const double *score, const uint8_t *odd, size_t n, const pal_detection_picture *options,
                               const char *path, pal_error *err)
{
    pal_detection_picture o = {0};
    pal_detection figures;
    pal_detection_curve curve;
    if (pal_options_read(&o, options, sizeof o, sizeof o, "detection", err)) return PAL_ERR_ARGUMENT;
    pal_status status = pal_detection_of(score, odd, n, 0, &figures, err);
    if (!status) status = pal_detection_curve_of(score, odd, n, &curve, err);
    if (status) return status;
    if (o.csv) status = write_numbers(&curve, path, err);
    thin(&curve);
    const double share = (double)figures.odd / (double)n, level[2] = {share, share};
    plot roc, precision;
    snprintf(roc.title, sizeof roc.title, "ROC: area %.4f", figures.auroc);
    snprintf(precision.title, sizeof precision.title, "average precision %.4f", figures.average_precision);
    set_up(&roc, curve.false_rate, curve.recall, curve.points, ends);
    set_up(&precision, curve.recall, curve.precision, curve.points, level);
    roc.curves.x_label = "share of normal samples that are flagged";
    roc.curves.y_label = "recall";
    precision.curves.x_label = "recall";
    precision.curves.y_label = "precision";
    const pal_curves *const both[] = {&roc.curves, &precision.curves};
    if (!status) status = pal_curves_panels_write(both, 2, o.title, path, err);
    pal_detection_curve_free(&curve);
    return status;
}
