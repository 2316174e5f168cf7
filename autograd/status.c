/* status.c - statuses and the one-line error of functions outside a tape. */
#include "autograd/internal.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const texts[] = {
#define PAL_ROW(name, text) [PAL_##name] = text,
    PAL_STATUS_MAP(PAL_ROW)
#undef PAL_ROW
};

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
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    return status;
}
