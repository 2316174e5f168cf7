/* image.c - an image in memory.
 *
 * Invariant: width and height are 1 to PALT__IMAGE_SIDE, and their product is at most PALT__IMAGE_PIXELS. Positions and
 * sizes inside an image therefore never overflow. Every drawing function uses clip() or checks the bounds itself.
 */
#include "plot/internal.h"

#include <stdlib.h>
#include <string.h>

pal_status palt__image_check(int64_t width, int64_t height, pal_error *error)
{
    const bool empty = width <= 0 || height <= 0;
    if (!empty && width <= PALT__IMAGE_SIDE && height <= PALT__IMAGE_SIDE && width * height <= PALT__IMAGE_PIXELS)
        return PAL_OK;
    return pal_error_set(error, PAL_ERR_ARGUMENT, "image: %lld x %lld pixels is %s", (long long)width,
                         (long long)height, empty ? "empty" : "too large");
}

pal_image *pal_image_new(int64_t width, int64_t height, pal_error *error)
{
    if (palt__image_check(width, height, error) != PAL_OK) return NULL;
    size_t bytes = (size_t)(width * height) * 3;
    pal_image *image = malloc(sizeof *image);
    uint8_t *pixels = malloc(bytes);
    if (image == NULL || pixels == NULL) {
        free(image);
        free(pixels);
        pal_error_set(error, PAL_ERR_MEMORY, "image: no memory for %lld x %lld pixels", (long long)width,
                      (long long)height);
        return NULL;
    }
    memset(pixels, 255, bytes);
    *image = (pal_image){.pixels = pixels, .width = (int32_t)width, .height = (int32_t)height};
    return image;
}

void pal_image_free(pal_image *image)
{
    if (image == NULL) return;
    free(image->pixels);
    free(image);
}

uint8_t *palt__pixel(const pal_image *image, int64_t x, int64_t y)
{
    return image->pixels + (size_t)(y * image->width + x) * 3;
}

/* Cuts [*start, *start + *length) down to [0, limit). Returns false if nothing is left. */
static bool clip(int64_t *start, int64_t *length, int64_t limit)
{
    int64_t end;
    if (*length <= 0 || *start >= limit) return false;
    if (__builtin_add_overflow(*start, *length, &end) || end > limit) end = limit;
    if (end <= 0) return false;
    if (*start < 0) *start = 0;
    *length = end - *start;
    return true;
}

void pal_image_rect(pal_image *image, int64_t x, int64_t y, int64_t width, int64_t height, pal_colour colour)
{
    if (!clip(&x, &width, image->width) || !clip(&y, &height, image->height)) return;
    for (int64_t row = y; row < y + height; row++) {
        uint8_t *pixel = palt__pixel(image, x, row);
        for (int64_t i = 0; i < width; i++, pixel += 3) {
            pixel[0] = colour.red;
            pixel[1] = colour.green;
            pixel[2] = colour.blue;
        }
    }
}

void pal_image_fill(pal_image *image, pal_colour colour)
{
    pal_image_rect(image, 0, 0, image->width, image->height, colour);
}

void pal_image_blit(pal_image *to, const pal_image *from, int64_t x, int64_t y)
{
    int64_t left = x, top = y, width = from->width, height = from->height;
    if (!clip(&left, &width, to->width) || !clip(&top, &height, to->height)) return;
    for (int64_t row = 0; row < height; row++)
        memcpy(palt__pixel(to, left, top + row), palt__pixel(from, left - x, top - y + row), (size_t)width * 3);
}

pal_colour pal_image_get(const pal_image *image, int64_t x, int64_t y)
{
    if (x < 0 || y < 0 || x >= image->width || y >= image->height) return (pal_colour){0, 0, 0};
    const uint8_t *pixel = palt__pixel(image, x, y);
    return (pal_colour){pixel[0], pixel[1], pixel[2]};
}
