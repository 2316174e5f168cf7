/* table_date.c - reads dates as days since 1970-01-01 in UTC: 2020-01-31, and with a time of day 2020-01-31T12:30,
 * 2020-01-31 12:30:59.5, then perhaps Z or an offset such as +02:00. Other orders of day and month are not read, since
 * 1/2/20 is two dates. */
#include <string.h>

#include "data/table_parts.h"

/* Takes exactly n digits. */
static bool take(const char **at, const char *end, int n, int *value)
{
    if (end - *at < n) return false;
    for (*value = 0; n > 0; n--, ++*at) {
        if (**at < '0' || **at > '9') return false;
        *value = *value * 10 + (**at - '0');
    }
    return true;
}

static bool take_mark(const char **at, const char *end, char mark)
{
    const bool there = *at < end && **at == mark;
    *at += there;
    return there;
}

/* Days from 1970-01-01 to a date of the Gregorian calendar. A year begins with March, so that a leap day is its last.
 */
static int64_t days_until(int year, int month, int day)
{
    const int64_t y = year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
    const int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int days_of(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
}

/* hh:mm, then perhaps :ss and decimals. */
static bool take_time(const char **at, const char *end, double *seconds)
{
    int hour, minute, second = 0;
    double part = 0, unit = 1;
    if (!take(at, end, 2, &hour) || !take_mark(at, end, ':') || !take(at, end, 2, &minute)) return false;
    if (take_mark(at, end, ':')) {
        if (!take(at, end, 2, &second)) return false;
        if (take_mark(at, end, '.'))
            for (; *at < end && **at >= '0' && **at <= '9'; ++*at) part += (**at - '0') * (unit /= 10);
    }
    *seconds = hour * 3600.0 + minute * 60.0 + second + part;
    return hour <= 23 && minute <= 59 && second <= 60;
}

static bool take_offset(const char **at, const char *end, double *seconds)
{
    int hour, minute = 0;
    *seconds = 0;
    if (*at == end || take_mark(at, end, 'Z')) return true;
    const bool west = **at == '-';
    if (**at != '+' && !west) return false;
    ++*at;
    if (!take(at, end, 2, &hour)) return false;
    take_mark(at, end, ':');
    if (*at < end && !take(at, end, 2, &minute)) return false;
    *seconds = (west ? -1 : 1) * (hour * 3600.0 + minute * 60.0);
    return hour <= 23 && minute <= 59;
}

bool palt__date_parse(const char *text, const char *end, double *days)
{
    int year, month, day;
    double seconds = 0, offset = 0;
    if (!take(&text, end, 4, &year) || !take_mark(&text, end, '-') || !take(&text, end, 2, &month) ||
        !take_mark(&text, end, '-') || !take(&text, end, 2, &day))
        return false;
    if (month < 1 || month > 12 || day < 1 || day > days_of(year, month)) return false;
    if (take_mark(&text, end, 'T') || take_mark(&text, end, ' ')) {
        if (!take_time(&text, end, &seconds)) return false;
        take_mark(&text, end, ' ');
        if (!take_offset(&text, end, &offset)) return false;
    }
    *days = (double)days_until(year, month, day) + (seconds - offset) / 86400;
    return text == end;
}
