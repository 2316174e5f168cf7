/* detect_in.c - the samples of `palindrome detect` and their labels, and rows of text from standard input as they come.
 *
 * A line of standard input is a row: numbers that are separated by commas, semicolons, tabs or blanks. A first line
 * with a letter in every field names the columns. Rows are taken as long as more input waits, so that a batch is full
 * where rows come fast, and a row is answered at once where they come slowly. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/detect.h"

typedef pal_cli_detect_job job;

/* ---- Samples -------------------------------------------------------------------------------------------------- */

static bool is_folder(const char *path)
{
    struct stat info;
    return !stat(path, &info) && S_ISDIR(info.st_mode);
}

int pal_cli_detect_open(job *j)
{
    char is[96], was[96];
    pal_error err = {0};
    const int64_t limit = pal_cli_int(&j->args, "limit", 0);
    if (!j->in) return pal_cli_open_data(&j->args, &j->run);
    const bool piped = !strcmp(j->in, "-");
    if ((piped || !is_folder(j->in)) && pal_cli_given(&j->args, "split"))
        return pal_cli_say(PAL_CLI_WRONG,
                           "--split is for the folder of a data set, and %s is not a folder: leave it out", j->in);
    pal_dataset *data = j->run.data = pal_cli_open_samples(&j->run, j->in, piped, &err);
    if (!data) return pal_cli_say_error(&err);
    if (data->features != (int64_t)j->features)
        return pal_cli_say(PAL_CLI_WRONG, "%s: its samples are %s, but %s takes %s: give samples of %zu features",
                           piped ? "standard input" : j->in, pal_shape_text(data->sample, is, sizeof is),
                           pal_rundir_path(j->run.dir), pal_shape_text(pal_model_sample(j->run.model), was, sizeof was),
                           j->features);
    if (pal_data_check(j->run.model, data, &err)) return pal_cli_say_error(&err);
    if (limit && pal_dataset_limit(data, limit)) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    return PAL_CLI_GO_ON;
}

/* ---- Labels --------------------------------------------------------------------------------------------------- */

enum { CLASSES = 256 };

/* The number of a class that is given by number or name; -1: there is no such class. */
static int class_of(const pal_dataset *data, const char *text, size_t length)
{
    for (int i = 0; i < data->classes; i++) {
        char number[16];
        const char *name = pal_dataset_class_name(data, i);
        snprintf(number, sizeof number, "%d", i);
        if ((strlen(number) == length && !strncmp(number, text, length)) ||
            (name && strlen(name) == length && !strncmp(name, text, length)))
            return i;
    }
    return -1;
}

static int take_classes(const pal_dataset *data, const char *option, const char *list, bool set[CLASSES])
{
    for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        const size_t length = strcspn(at, ",");
        const int class = class_of(data, at, length);
        if (class < 0)
            return pal_cli_say(PAL_CLI_WRONG, "--%s %s: %s has no class %.*s: choose among 0 to %d", option, list,
                               data->name, (int)length, at, data->classes - 1);
        set[class] = true;
    }
    return PAL_CLI_GO_ON;
}

int pal_cli_detect_labels(job *j)
{
    const pal_dataset *data = j->run.data;
    const char *normal = pal_cli_given(&j->args, "normal"), *odd = pal_cli_given(&j->args, "odd");
    bool set[CLASSES] = {false};
    if (!data->labels) {
        snprintf(j->odd_how, sizeof j->odd_how, "%.64s has no labels", data->name);
        if (!normal && !odd) return PAL_CLI_GO_ON;
        return pal_cli_say(PAL_CLI_WRONG, "--%s names classes, but %s", normal ? "normal" : "odd", j->odd_how);
    }
    if (!normal && !odd && data->classes != 2) {
        snprintf(j->odd_how, sizeof j->odd_how, "name the classes that are not odd with --normal CLASS,...");
        return PAL_CLI_GO_ON;
    }
    const char *list = odd ? odd : normal ? normal : "0";
    const int status = take_classes(data, odd ? "odd" : "normal", list, set);
    if (status != PAL_CLI_GO_ON) return status;
    j->odd = malloc((size_t)data->count);
    if (!j->odd) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    for (int64_t i = 0; i < data->count; i++)
        j->odd[i] = set[((const uint8_t *)data->labels->data)[i]] == (odd != NULL);
    snprintf(j->odd_how, sizeof j->odd_how, odd ? "odd: class %.150s" : "odd: all but class %.150s", list);
    return PAL_CLI_GO_ON;
}

/* ---- Rows from standard input --------------------------------------------------------------------------------- */

struct pal_cli_stream {
    size_t columns, used, size, at; /* text[at..used) was read and not taken */
    char *text;
    int64_t line;
    char separator; /* 0: not known yet; ' ': blanks or tabs */
    bool ended;
};

pal_cli_stream *pal_cli_stream_new(size_t columns)
{
    pal_cli_stream *s = calloc(1, sizeof *s);
    if (s) s->columns = columns;
    return s;
}

void pal_cli_stream_free(pal_cli_stream *s)
{
    if (s) free(s->text);
    free(s);
}

/* Reads what is there, at least a byte. */
static int fill(pal_cli_stream *s)
{
    if (s->at) memmove(s->text, s->text + s->at, s->used - s->at);
    s->used -= s->at;
    s->at = 0;
    if (s->size - s->used < 4096) {
        const size_t size = s->size ? 2 * s->size : 1 << 16;
        char *text = realloc(s->text, size);
        if (!text) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
        s->text = text;
        s->size = size;
    }
    ssize_t n;
    do n = read(STDIN_FILENO, s->text + s->used, s->size - s->used - 1);
    while (n < 0 && errno == EINTR);
    if (n < 0) return pal_cli_say(PAL_CLI_FAILED, "standard input: %s", strerror(errno));
    s->ended = n == 0;
    s->used += (size_t)n;
    s->text[s->used] = 0;
    return PAL_CLI_GO_ON;
}

/* The next line, with a zero in place of its end. NULL: it is not there yet. */
static char *take_line(pal_cli_stream *s)
{
    if (s->at == s->used) return NULL;
    char *line = s->text + s->at, *end = memchr(line, '\n', s->used - s->at);
    if (!end && !s->ended) return NULL;
    s->at = end ? (size_t)(end - s->text) + 1 : s->used;
    if (!end) end = s->text + s->used;
    *end = 0;
    if (end > line && end[-1] == '\r') end[-1] = 0;
    s->line++;
    return line;
}

static bool is_blank(const char *text) { return !text[strspn(text, " \t")]; }

static const char *skip(const pal_cli_stream *s, const char *at)
{
    return at + strspn(at, s->separator == '\t' ? " " : " \t");
}

static char find_separator(const char *line)
{
    return strchr(line, ',') ? ',' : strchr(line, ';') ? ';' : strchr(line, '\t') ? '\t' : ' ';
}

typedef struct field {
    const char *begin, *end;
    double value; /* NAN: it is no number */
    bool letter;
} field;

/* Takes the field at *at, which becomes that of the next field; NULL: there is none. */
static field take_field(const pal_cli_stream *s, const char **at)
{
    const char *begin = skip(s, *at);
    const char *end = s->separator == ' ' ? begin + strcspn(begin, " \t") : strchr(begin, s->separator);
    if (!end) end = begin + strlen(begin);
    char *after;
    field f = {.begin = begin, .end = end, .value = strtod(begin, &after)};
    if (after == begin || after > end || skip(s, after) < end) f.value = NAN;
    for (const char *c = begin; c < end; c++) f.letter |= isalpha((unsigned char)*c) != 0;
    const char *next = skip(s, end);
    *at = !*next ? NULL : s->separator == ' ' ? next : next + 1;
    return f;
}

/* Whether each field has a letter and is no number: the line names the columns. */
static bool is_header(const pal_cli_stream *s, const char *line)
{
    for (const char *at = line; at;) {
        const field f = take_field(s, &at);
        if (!f.letter || !isnan(f.value)) return false;
    }
    return true;
}

/* A line as a row x [columns]. */
static int take_row(const pal_cli_stream *s, const char *line, float *x)
{
    size_t n = 0;
    for (const char *at = line; at; n++) {
        const field f = take_field(s, &at);
        if (!isfinite((float)f.value))
            return pal_cli_say(
                PAL_CLI_FAILED,
                "standard input: line %lld, column %zu: '%.*s' is not a finite number: give numbers alone",
                (long long)s->line, n + 1, f.end - f.begin > 40 ? 40 : (int)(f.end - f.begin), f.begin);
        if (n < s->columns) x[n] = (float)f.value;
    }
    if (n == s->columns) return PAL_CLI_GO_ON;
    return pal_cli_say(PAL_CLI_FAILED, "standard input: line %lld has %zu columns, but the run takes %zu features",
                       (long long)s->line, n, s->columns);
}

static bool waits(void)
{
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    return poll(&in, 1, 0) > 0;
}

int pal_cli_stream_take(pal_cli_stream *s, size_t most, float *x, size_t *n)
{
    int status = PAL_CLI_GO_ON;
    for (*n = 0; *n < most && status == PAL_CLI_GO_ON;) {
        const char *line = take_line(s);
        if (!line && (s->ended || (*n && !waits()))) break;
        if (!line) {
            status = fill(s);
            continue;
        }
        if (is_blank(line)) continue;
        if (!s->separator) {
            s->separator = find_separator(line);
            if (is_header(s, line)) continue;
        }
        status = take_row(s, line, x + *n * s->columns);
        if (status == PAL_CLI_GO_ON) ++*n;
    }
    return status;
}
