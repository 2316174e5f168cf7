/* csv_write.c - writes comma-separated numbers. */
#include "data/internal.h"

#include <errno.h>
#include <math.h>

enum { BUFFER = 1 << 16, VALUE_MAX = 32 };

/* Significant digits that distinguish all values of a type; 0: the type cannot be written. */
static const int significant[PAL_DTYPE_COUNT] = {
    [PAL_F32] = 9, [PAL_F64] = 17, [PAL_I32] = 10, [PAL_U8] = 3, [PAL_BOOL] = 1};

/* Whether x and the next number, without their comma in between, could be one number such as 1,234.5. */
static bool looks_like_groups(double x, double next)
{
    return x == trunc(x) && fabs(x) >= 1 && fabs(x) < 1000 && next >= 100 && next < 1000;
}

/* If every row had two columns that could be one number, pal_csv_read would refuse the file. So in the first row such a
 * number is written as 1.0. */
static int write_values(int descriptor, const pal_tensor *tensor, size_t columns)
{
    char buffer[BUFFER];
    size_t used = 0;
    const int digits = significant[tensor->dtype];
    const size_t count = pal_tensor_count(tensor);
    for (size_t i = 0, column = 0; i < count; i++) {
        const char end = ++column == columns ? '\n' : ',';
        const double value = pal_tensor_get(tensor, i);
        const bool split = i + 1 < columns && looks_like_groups(value, pal_tensor_get(tensor, i + 1));
        const int n = snprintf(buffer + used, VALUE_MAX, "%.*g%s%c", digits, value, split ? ".0" : "", end);
        used += (size_t)n; /* at most 25 bytes: 17 digits, sign, point, exponent and end */
        if (end == '\n') column = 0;
        if (used <= BUFFER - VALUE_MAX) continue;
        const int why = pal_write_all(descriptor, buffer, used);
        if (why) return why;
        used = 0;
    }
    return pal_write_all(descriptor, buffer, used);
}

/* printf uses the locale of the thread, in which the decimal point may be a comma. */
static int write_table(int descriptor, void *user)
{
    const pal_tensor *tensor = user;
    const size_t rows = tensor->shape.rank > 0 ? (size_t)tensor->shape.dim[0] : 1;
    const locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!plain) return ENOMEM;
    const locale_t before = uselocale(plain);
    const int why = write_values(descriptor, tensor, rows ? pal_tensor_count(tensor) / rows : 0);
    uselocale(before);
    freelocale(plain);
    return why;
}

pal_status pal_csv_write(const pal_tensor *tensor, const char *path, pal_error *err)
{
    if (!tensor) return pal_error_set(err, PAL_ERR_ARGUMENT, "no tensor to write");
    if ((unsigned)tensor->dtype >= PAL_DTYPE_COUNT || !significant[tensor->dtype])
        return pal_error_set(err, PAL_ERR_TYPE, "numbers of type %s cannot be written as text",
                             pal_dtype_name(tensor->dtype));
    return palt__sink(path, write_table, (void *)(uintptr_t)tensor, err);
}
