/* tiles.c - draws with cairo on an image in memory, in tiles: an image of cairo has at most 32767 pixels per side. */
#include "plot/internal.h"

#include <cairo.h>

enum { TILE = 4096 };

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

/* Copies the pixels of the tile from the image to cairo, or back. */
static void copy(pal_image *image, cairo_surface_t *surface, palt__box tile, bool back)
{
    unsigned char *bytes = cairo_image_surface_get_data(surface);
    const int64_t stride = cairo_image_surface_get_stride(surface);
    for (int64_t row = 0; row < tile.height; row++) {
        uint32_t *there = (uint32_t *)(void *)(bytes + row * stride);
        uint8_t *here = palt__pixel(image, tile.x, tile.y + row);
        for (int64_t i = 0; i < tile.width; i++, here += 3)
            if (back) {
                here[0] = (uint8_t)(there[i] >> 16);
                here[1] = (uint8_t)(there[i] >> 8);
                here[2] = (uint8_t)there[i];
            } else {
                there[i] = (uint32_t)here[0] << 16 | (uint32_t)here[1] << 8 | here[2];
            }
    }
}

static cairo_status_t draw_tile(pal_image *image, palt__box tile, palt__draw *draw, const void *user)
{
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)tile.width, (int)tile.height);
    cairo_status_t status = cairo_surface_status(surface);
    if (status == CAIRO_STATUS_SUCCESS && !palt__canvas_has_room()) status = CAIRO_STATUS_NO_MEMORY;
    if (status == CAIRO_STATUS_SUCCESS) {
        copy(image, surface, tile, false);
        cairo_surface_mark_dirty(surface);
        cairo_t *canvas = cairo_create(surface);
        cairo_translate(canvas, -(double)tile.x, -(double)tile.y);
        palt__canvas_prepare(canvas);
        draw(canvas, user);
        status = cairo_status(canvas);
        cairo_destroy(canvas);
        cairo_surface_flush(surface);
        copy(image, surface, tile, true);
    }
    cairo_surface_destroy(surface);
    return status;
}

pal_status palt__image_draw(pal_image *image, palt__box box, palt__draw *draw, const void *user, pal_error *error)
{
    for (int64_t y = box.y; y < box.y + box.height; y += TILE)
        for (int64_t x = box.x; x < box.x + box.width; x += TILE) {
            const palt__box tile = {x, y, smaller(TILE, box.x + box.width - x), smaller(TILE, box.y + box.height - y)};
            const cairo_status_t status = draw_tile(image, tile, draw, user);
            if (status != CAIRO_STATUS_SUCCESS)
                return pal_error_set(error, status == CAIRO_STATUS_NO_MEMORY ? PAL_ERR_MEMORY : PAL_ERR_ARGUMENT,
                                     "image: %s", cairo_status_to_string(status));
        }
    return PAL_OK;
}
