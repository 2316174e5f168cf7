/* status.c - the version, statuses, the error of functions that do not work on a tape, and the check of struct_size. */
#include "autograd/autograd.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const texts[] = {
#define PAL_ROW(name, text) [PAL_##name] = text,
    PAL_STATUS_MAP(PAL_ROW)
#undef PAL_ROW
};

const char *pal_version(void) { return PAL_VERSION; }

const char *pal_status_text(pal_status status)
{
    return (unsigned)status < PAL_STATUS_COUNT ? texts[status] : "unknown status";
}

pal_status pal_error_set(pal_error *err, pal_status status, const char *format, ...)
{
    if (!err) return status;
    va_list args;
    va_start(args, format);
    err->status = status;
    vsnprintf(err->text, sizeof err->text, format ? format : pal_status_text(status), args);
    va_end(args);
    return status;
}

pal_status pal_options_read(void *to, const void *given, size_t size, size_t first, const char *what, pal_error *err)
{
    size_t n = 0;
    char known[64];
    if (!given) return PAL_OK;
    memcpy(&n, given, sizeof n);
    if (n < first || n > size) {
        snprintf(known, sizeof known, first < size ? "from %zu to %zu" : "%zu", first, size);
        return pal_error_set(err, PAL_ERR_ARGUMENT, "%s: struct_size is %zu, not %s: set it to sizeof of the struct",
                             what ? what : "options", n, known);
    }
    if (to) {
        memcpy(to, given, n);
        memcpy(to, &size, sizeof size);
    }
    return PAL_OK;
}
