/* number.c - reads decimal numbers.
 *
 * If a double represents the digits exactly, the number is computed directly, which is fast. Otherwise strtod_l of the
 * C library reads it. */
#include "data/internal.h"

#include <stdlib.h>
#include <string.h>

/* The powers of ten that a double represents exactly. */
static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
enum { POWER_MAX = 22, DIGITS_MAX = 18, EXPONENT_MAX = 9999 };

typedef struct digits {
    uint64_t value;
    int count, dropped; /* digits in value, without leading zeros; whether later digits were left out */
} digits;

static const char *take_digits(const char *at, digits *d, const char **begin)
{
    for (*begin = at; *at >= '0' && *at <= '9'; at++) {
        if (d->count == DIGITS_MAX) {
            d->dropped = 1;
            continue;
        }
        d->value = d->value * 10 + (uint64_t)(*at - '0');
        d->count += d->value != 0; /* leading zeros do not count */
    }
    return at;
}

/* Reads the exponent after e; returns its end, or NULL if there are no digits. */
static const char *take_exponent(const char *at, int *exponent)
{
    const bool negative = *at == '-';
    int value = 0;
    at += *at == '-' || *at == '+';
    if (*at < '0' || *at > '9') return NULL;
    for (; *at >= '0' && *at <= '9'; at++)
        if (value < EXPONENT_MAX) value = value * 10 + (*at - '0');
    *exponent = negative ? -value : value;
    return at;
}

/* Reads size bytes that are known to be a number. strtod_l takes a decimal point only. */
static bool read_slowly(const char *text, size_t size, char point, locale_t plain, double *value)
{
    enum { MOST = 1024 };
    char copy[MOST];
    if (point != '.') {
        if (size >= MOST) return false;
        memcpy(copy, text, size);
        copy[size] = '\0';
        char *mark = memchr(copy, point, size);
        if (mark) *mark = '.';
        text = copy;
    }
    *value = strtod_l(text, NULL, plain);
    return true;
}

const char *palt__number_parse(const char *text, char point, locale_t plain, double *value)
{
    const char *at = text, *whole, *part;
    digits d = {0};
    int exponent = 0;
    const bool negative = *at == '-';
    at += *at == '-' || *at == '+';

    at = take_digits(at, &d, &whole);
    ptrdiff_t seen = at - whole, fraction = 0;
    if (*at == point) {
        at = take_digits(at + 1, &d, &part);
        fraction = at - part;
        seen += fraction;
    }
    if (seen == 0) return NULL;
    if (*at == 'e' || *at == 'E') {
        at = take_exponent(at + 1, &exponent);
        if (!at) return NULL;
    }

    /* One operation on two exact doubles rounds only once, so the result is correctly rounded. */
    const int64_t power = (int64_t)exponent - fraction;
    if (!d.dropped && d.value <= UINT64_C(1) << 53 && power >= -POWER_MAX && power <= POWER_MAX) {
        const double whole_value = (double)d.value;
        const double size = power < 0 ? whole_value / powers[-power] : whole_value * powers[power];
        *value = negative ? -size : size;
    } else if (!read_slowly(text, (size_t)(at - text), point, plain, value)) {
        return NULL;
    }
    return at;
}
