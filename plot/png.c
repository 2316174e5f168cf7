/* png.c - reads and writes images as PNG files, with the simplified interface of libpng (which needs no longjmp). */
#include "plot/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <png.h>
#include <string.h>
#include <unistd.h>

static int print_png(FILE *to, void *user)
{
    const pal_image *image = user;
    png_image png = {.version = PNG_IMAGE_VERSION,
                     .width = (png_uint_32)image->width,
                     .height = (png_uint_32)image->height,
                     .format = PNG_FORMAT_RGB};
    errno = 0; /* libpng says only that it failed */
    const bool good = png_image_write_to_stdio(&png, to, 0, image->pixels, 0, NULL);
    const int why = errno ? errno : EIO;
    png_image_free(&png);
    return good ? 0 : why;
}

static int write_png(int descriptor, void *user) { return pal_write_printed(descriptor, print_png, user); }

pal_status pal_image_write(const pal_image *image, const char *path, pal_error *error)
{
    return pal_file_write(path, write_png, (void *)(uintptr_t)image, error);
}

/* The stream must be at the start of the file; it stays open. */
static pal_image *read_stream(FILE *stream, const char *path, pal_error *error)
{
    png_image png = {.version = PNG_IMAGE_VERSION};
    const png_color white = {255, 255, 255};
    pal_image *image = NULL;
    if (png_image_begin_read_from_stdio(&png, stream)) {
        pal_error why = {PAL_OK, ""};
        png.format = PNG_FORMAT_RGB;
        image = pal_image_new(png.width, png.height, &why);
        if (image == NULL) {
            pal_error_set(error, why.status, "%s: %s", path, why.text);
            png_image_free(&png);
            return NULL;
        }
        if (png_image_finish_read(&png, &white, image->pixels, 0, NULL)) return image;
    }
    pal_error_set(error, PAL_ERR_FORMAT, "%s: not a readable PNG picture: %s", path, png.message);
    png_image_free(&png);
    pal_image_free(image);
    return NULL;
}

/* A stream that reads, also if a signal comes between. It owns the descriptor. */
static ssize_t take(void *user, char *to, size_t size)
{
    return TEMP_FAILURE_RETRY(read((int)(intptr_t)user, to, size));
}

static int leave(void *user) { return close((int)(intptr_t)user); }

static FILE *open_stream(const char *path)
{
    const cookie_io_functions_t functions = {.read = take, .close = leave};
    const int descriptor = (int)TEMP_FAILURE_RETRY(open(path, O_RDONLY | O_CLOEXEC));
    FILE *stream = descriptor < 0 ? NULL : fopencookie((void *)(intptr_t)descriptor, "r", functions);
    if (descriptor >= 0 && stream == NULL) close(descriptor);
    return stream;
}

pal_image *pal_image_read(const char *path, pal_error *error)
{
    FILE *stream = path == NULL ? NULL : open_stream(path);
    if (stream == NULL) {
        pal_error_set(error, PAL_ERR_IO, "%s: cannot read: %s", path == NULL ? "(no path)" : path,
                      path == NULL ? "no name" : strerror(errno));
        return NULL;
    }
    pal_image *image = read_stream(stream, path, error);
    fclose(stream);
    return image;
}
