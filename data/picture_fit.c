/* picture_fit.c - brings a picture to a size, one axis after the other: the average over the area that a new pixel
 * covers where it shrinks, and linear between the centres of the old pixels where it grows. */
#include "data/pictures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Where new pixel i of an axis comes from: the old pixels first[i] ..., with the weights at[i] ... at[i + 1]. */
typedef struct taps {
    size_t *first, *at;
    float *weight;
} taps;

static void taps_free(taps *t)
{
    free(t->first);
    free(t->at);
    free(t->weight);
}

/* The axis has `in` pixels, of which those from `begin` on, `span` of them, become `out` pixels. */
static bool taps_make(taps *t, size_t in, double begin, double span, size_t out)
{
    const double step = span / (double)out;
    const size_t most = step > 1 ? (size_t)step + 3 : 2;
    size_t used = 0;
    *t = (taps){malloc(out * sizeof *t->first), malloc((out + 1) * sizeof *t->at), malloc(out * most * sizeof(float))};
    if (!t->first || !t->at || !t->weight) {
        taps_free(t);
        return false;
    }
    for (size_t i = 0; i < out; i++) {
        t->at[i] = used;
        if (step > 1) {
            const double low = begin + (double)i * step, high = fmin(low + step, (double)in);
            size_t k = (size_t)low;
            t->first[i] = k;
            for (; k < in && (double)k < high; k++)
                t->weight[used++] = (float)((fmin(high, (double)k + 1) - fmax(low, (double)k)) / (high - low));
        } else {
            const double last = (double)in - 1, centre = begin + ((double)i + 0.5) * step - 0.5;
            const double inside = fmin(fmax(centre, 0), last), k = fmin(floor(inside), fmax(last - 1, 0));
            t->first[i] = (size_t)k;
            t->weight[used++] = (float)(1 - (inside - k));
            if (in > 1) t->weight[used++] = (float)(inside - k);
        }
    }
    t->at[out] = used;
    return true;
}

/* A part of a picture, from where it begins in the old pixels, to a part of the result. */
typedef struct part {
    double top, left, tall, wide;      /* old pixels */
    size_t down, right, height, width; /* new pixels */
} part;

static part place(const palt__picture *from, palt__fit fit, size_t height, size_t width)
{
    const double h = (double)from->height, w = (double)from->width;
    const double down = (double)height / h, right = (double)width / w; /* the scales that fill both sides */
    part p = {0, 0, h, w, 0, 0, height, width};
    if (fit == PALT__FIT_CROP && down > right) {
        p.wide = fmin(w, (double)width / down);
        p.left = (w - p.wide) / 2;
    } else if (fit == PALT__FIT_CROP) {
        p.tall = fmin(h, (double)height / right);
        p.top = (h - p.tall) / 2;
    } else if (fit == PALT__FIT_PAD && down > right) {
        p.height = (size_t)fmin((double)height, fmax(1, round(h * right)));
        p.down = (height - p.height) / 2;
    } else if (fit == PALT__FIT_PAD) {
        p.width = (size_t)fmin((double)width, fmax(1, round(w * down)));
        p.right = (width - p.width) / 2;
    }
    return p;
}

/* Every old row becomes one of the new width: [old height, channels, width]. */
static void narrow(const palt__picture *from, const taps *t, size_t width, float *to)
{
    const size_t channels = from->channels;
    for (size_t y = 0; y < from->height; y++)
        for (size_t c = 0; c < channels; c++)
            for (size_t x = 0; x < width; x++) {
                const uint8_t *at = from->pixels + (y * from->width + t->first[x]) * channels + c;
                float sum = 0;
                for (size_t k = t->at[x]; k < t->at[x + 1]; k++, at += channels) sum += t->weight[k] * *at;
                *to++ = sum;
            }
}

static pal_status resize(const palt__picture *from, const part *p, size_t height, size_t width, uint8_t *to)
{
    taps across, down;
    if (!taps_make(&across, from->width, p->left, p->wide, p->width)) return PAL_ERR_MEMORY;
    const bool good = taps_make(&down, from->height, p->top, p->tall, p->height);
    const size_t line = from->channels * p->width;
    float *rows = good ? malloc((from->height + 1) * line * sizeof *rows) : NULL, *sum = rows;
    if (rows) {
        sum += from->height * line;
        narrow(from, &across, p->width, rows);
        for (size_t y = 0; y < p->height; y++) {
            memset(sum, 0, line * sizeof *sum);
            for (size_t k = down.at[y]; k < down.at[y + 1]; k++)
                for (size_t i = 0; i < line; i++)
                    sum[i] += down.weight[k] * rows[(down.first[y] + k - down.at[y]) * line + i];
            for (size_t c = 0; c < from->channels; c++)
                for (size_t x = 0; x < p->width; x++)
                    to[(c * height + p->down + y) * width + p->right + x] =
                        (uint8_t)fminf(255, sum[c * p->width + x] + 0.5f);
        }
    }
    free(rows);
    if (good) taps_free(&down);
    taps_free(&across);
    return rows ? PAL_OK : PAL_ERR_MEMORY;
}

pal_status palt__picture_fit(const palt__picture *from, palt__fit fit, size_t height, size_t width, uint8_t *to)
{
    const size_t n = height * width, channels = from->channels;
    if (from->height != height || from->width != width) {
        const part p = place(from, fit, height, width);
        return resize(from, &p, height, width, to);
    }
    for (size_t c = 0; c < channels; c++)
        for (size_t i = 0; i < n; i++) to[c * n + i] = from->pixels[i * channels + c];
    return PAL_OK;
}
