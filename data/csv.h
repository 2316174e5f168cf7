/* csv.h - shared by the files that read text tables: csv.c, csv_field.c, csv_layout.c, csv_doubt.c. */
#ifndef PAL_DATA_CSV_H
#define PAL_DATA_CSV_H

#include "data/internal.h"

typedef struct palt__csv_line {
    const char *text, *end; /* text NULL: there is no such line. *end is a NUL */
    int64_t number;         /* from 1 */
} palt__csv_line;

typedef struct palt__csv_style {
    char separator; /* , ; | or a tab; a space: any number of spaces and tabs */
    char padding;   /* what else than spaces may surround a field: a tab, or a space where tabs separate */
} palt__csv_style;

static inline const char *palt__csv_skip(palt__csv_style style, const char *at)
{
    while (*at == ' ' || *at == style.padding) at++;
    return at;
}

/* The separator that follows a field which ends at `at`, or the end of the line. NULL: something else follows. */
static inline const char *palt__csv_end(palt__csv_style style, const char *at, const char *end)
{
    if (*at == style.separator && style.separator != ' ') return at;
    const char *next = palt__csv_skip(style, at);
    if (next == end || *next == style.separator) return next;
    return style.separator == ' ' && next > at ? next - 1 : NULL;
}

/* ---- csv_text.c: lines without cells ------------------------------------------------------------------------- */

/* Refuses a file whose first line shows that it is no text, and skips a byte order mark. */
pal_status palt__csv_begin(palt__csv_line *line, const char *path, pal_error *err);
/* Takes the next line, empty or not; of the first one, what palt__csv_begin skips is left out. text NULL: the end. */
pal_status palt__csv_next(palt__lines *lines, const char *path, palt__csv_line *line, pal_error *err);
/* Whether a line says nothing but blanks and separators. separator 0: it is not known yet. */
bool palt__csv_is_empty(palt__csv_line line, char separator);
/* Whether a line before the first row is a comment, which is counted, or the line sep=; in which a workbook states the
 * separator, which is kept. */
bool palt__csv_is_lead(palt__csv_line line, char *separator, int64_t *comments);

/* ---- csv_field.c: the fields of a line, and why one is not a number ------------------------------------------- */

typedef struct palt__csv_field {
    const char *begin, *end;  /* without quotes, and without blanks at either end */
    const char *left, *right; /* quoted: with the blanks that are inside the quotes */
    bool quoted, open;        /* open: its quote does not close in this line */
} palt__csv_field;

/* What a field is. All but NUMBER and RANGE are refused in a row; the rows of the table in csv_field.c say how. */
typedef enum palt__csv_kind {
    PALT__NUMBER,
    PALT__RANGE,    /* a number that f32 cannot hold */
    PALT__EMPTY,    /* nothing */
    PALT__MISSING,  /* NA, nan, ?, ... */
    PALT__INFINITE, /* inf */
    PALT__TRUTH,    /* true, false */
    PALT__GROUPS,   /* 1,234.5 or 1 234 */
    PALT__COMMA,    /* 1,5 */
    PALT__DATE,     /* 2020-01-31, 12:30 */
    PALT__SIGN,     /* $5, 5 % */
    PALT__ODD,      /* something else with digits and without letters */
    PALT__TEXT,     /* letters: in the first line, the name of a column */
    PALT__WORDS,    /* text in a line without numbers; only palt__csv_row finds it */
    PALT__NUL,      /* a byte 0 */
    PALT__OPEN,     /* a quote that does not close */
    PALT__NOT_UTF8, /* only the reader of tables finds this one and the next */
    PALT__CLOSED,   /* more text after the closing quote */
    PALT__KIND_COUNT
} palt__csv_kind;

/* Takes the next field. *at is the start of the line at first, and NULL after its last field; then returns false. */
bool palt__csv_take(palt__csv_style style, const char **at, const char *end, palt__csv_field *field);
/* Takes the field of this column, from 1. false: the line has fewer fields. */
bool palt__csv_nth(palt__csv_style style, palt__csv_line line, int64_t column, palt__csv_field *field);
int64_t palt__csv_count(palt__csv_style style, palt__csv_line line);
/* The name of the separator: "commas". */
const char *palt__csv_separator(palt__csv_style style);
/* Whether a text begins with what spreadsheets show for an error, such as #N/A or #DIV/0!. */
bool palt__csv_is_error(const char *text);
/* Reads the whole field as a number, with `point` as its decimal mark. */
bool palt__csv_value(palt__csv_field field, char point, locale_t plain, double *value);
palt__csv_kind palt__csv_classify(palt__csv_field field, locale_t plain);
/* What a field of this kind is and what to do: "is empty: fill it in or remove the row". */
const char *palt__csv_remedy(palt__csv_kind kind);
/* Refuses a field, in one line that names file, line, column, content and remedy. `more`: appended. */
pal_status palt__csv_refuse(const char *path, int64_t line, int64_t column, palt__csv_field field, palt__csv_kind kind,
                            const char *more, pal_error *err);

/* ---- csv_layout.c: what the first two lines say about the file ------------------------------------------------ */

typedef struct palt__csv_layout {
    palt__csv_style style;
    bool header;     /* the first line names the columns */
    bool index;      /* column 1 has no name: it must count, and is left out */
    bool trailing;   /* a separator ends each line; nothing follows it */
    bool fewer;      /* the header has one name less than there are columns */
    int64_t columns; /* numbers in a row, with the index */
} palt__csv_layout;

/* first: the first line with content; second: the next one, if there is one. separator: as the file itself states it
 * (sep=;), or 0. */
pal_status palt__csv_find_layout(palt__csv_line first, palt__csv_line second, char separator, const char *path,
                                 locale_t plain, palt__csv_layout *out, pal_error *err);

/* ---- csv_doubt.c: commas that may be part of a number ---------------------------------------------------------- */

typedef struct palt__csv_doubt {
    uint64_t groups; /* bit k: in every line, columns k + 1 and k + 2 look like one number, such as 1,234.5 */
    bool halves;     /* in every line, each pair of columns looks like one number, such as 1,5 */
    char shown[PALT__SHOWN_SIZE]; /* such a pair, in the first line that was weighed */
    int64_t line;                 /* its number; 0: no line was weighed */
} palt__csv_doubt;

/* The doubts before the first row: none unless commas separate. */
palt__csv_doubt palt__csv_doubts(const palt__csv_layout *layout);
/* Refuses a table all of whose lines leave a doubt of groups. */
pal_status palt__csv_check_doubt(const palt__csv_doubt *doubt, const char *path, pal_error *err);
/* Keeps the doubts that this row leaves. */
void palt__csv_weigh(palt__csv_doubt *doubt, const palt__csv_layout *layout, palt__csv_line row);

/* ---- csv_row.c: the rows ----------------------------------------------------------------------------------------- */

typedef struct palt__csv_reading { /* state of reading one file */
    palt__source source;
    palt__lines lines;
    locale_t plain;
    pal_context *context;
    palt__csv_layout layout;
    palt__csv_doubt doubt;
    char separator;                   /* as the line sep=; states it; 0: it does not */
    char *kept;                       /* a copy of the first line with content */
    palt__csv_line first;             /* that line */
    int64_t comments;                 /* lines that begin with #, before the first line */
    int64_t empty, empties, unfilled; /* the last lines, if empty: number of the first; how many; with separators */
    char point;                       /* the decimal mark; 0: no number had one yet */
    int64_t point_line;
    double last;                 /* the last number of column 1 */
    bool counting;               /* column 1 is no index, but counts in every row */
    int64_t rounded, large_line; /* whole numbers that float32 does not hold; the line of the first */
    char large[32];              /* that number */
    float *values;
    size_t count, capacity;
    int64_t rows;
    pal_error *err;
} palt__csv_reading;

/* Reads a line as a row and appends its numbers to the values. */
pal_status palt__csv_row(palt__csv_reading *r, palt__csv_line line);

#endif
