/* table_parts.h - shared by the files that read a text table into columns: table.c and table_*.c. What they take from
 * the reader of numbers is in csv.h: the lines, the fields, what a field is, and the doubts about commas. */
#ifndef PAL_DATA_TABLE_PARTS_H
#define PAL_DATA_TABLE_PARTS_H

#include "data/csv.h"
#include "data/table.h"

/* ---- table_words.c: different texts, numbered in the order in which they come -------------------------------------
 */

typedef struct palt__word {
    size_t at, size; /* in bytes; a NUL follows it there */
    uint64_t hash;
    int64_t line; /* where it was first */
} palt__word;

typedef struct palt__words {
    char *bytes;
    size_t used, room;
    palt__word *word;
    size_t n, capacity;
    uint32_t *slot; /* 1 + the number of a word; 0: free */
    size_t slots;
} palt__words;

void palt__words_free(palt__words *words);
/* -1: it is not there. */
int64_t palt__words_find(const palt__words *words, const char *text, size_t size);
/* The number of this text, which is new if it is the old n. -1: out of memory. */
int64_t palt__words_take(palt__words *words, const char *text, size_t size, int64_t line);
uint64_t palt__words_hash(const char *text, size_t size);

/* ---- table_date.c -------------------------------------------------------------------------------------------------
 */

/* Reads 2020-01-31, or 2020-01-31T12:30:59.5Z, as days since 1970-01-01 in UTC. */
bool palt__date_parse(const char *text, const char *end, double *days);

/* ---- Columns while they are read -----------------------------------------------------------------------------------
 */

typedef enum palt__role { /* what the options say of a column; rows of the table in table_names.c */
                          PALT__ROLE_NONE,
                          PALT__ROLE_IGNORE,
                          PALT__ROLE_CATEGORY,
                          PALT__ROLE_DATE,
                          PALT__ROLE_LABEL,
                          PALT__ROLE_ID,
                          PALT__ROLES
} palt__role;

typedef enum palt__state {                    /* what the cells so far are */
                           PALT__STATE_EMPTY, /* missing */
                           PALT__STATE_VAGUE, /* words that are missing cells among numbers and words among words, such
                                                 as "none" */
                           PALT__STATE_NUMBERS,
                           PALT__STATE_WORDS
} palt__state;

typedef struct palt__building { /* a column that is being read */
    char *name;                 /* NULL: it has none */
    palt__role role;
    palt__state state;
    double *value; /* [capacity of the reading]; the last few rows are in its block */
    palt__words words;
    int64_t missing, number_line; /* number_line: of the first number */
    double number;                /* that number */
} palt__building;

/* ---- table_layout.c, table_header.c: what the first rows say ----------------------------------------------------- */

enum { PALT__SAMPLE_ROWS = 120 };

typedef struct palt__table_layout {
    palt__csv_style style;
    bool header;     /* the first line names the columns */
    bool told;       /* an option says so, or that it does not */
    bool shaky;      /* it is read as a row of numbers, but may be names */
    bool counted;    /* its names are 0, 1, 2, ... */
    bool trailing;   /* a separator ends each line; nothing follows it */
    bool fewer;      /* the header lacks the name of the first column */
    int64_t columns; /* of a row, without what follows a trailing separator */
} palt__table_layout;

typedef struct palt__sample { /* the beginning of the file */
    char *text, *copy;        /* the second is used up by each look at it */
    size_t size;
    bool whole; /* it is the whole file */
    const char *path;
    locale_t plain;
    const pal_data_options *options;
    pal_error *err;
} palt__sample;

/* The first lines with content that are no comments, up to PALT__SAMPLE_ROWS, as this style has them: a line end in
 * quotes does not end one. They are valid until the next call. *separator: as sep=; states it. */
size_t palt__sample_read(const palt__sample *sample, palt__csv_style style, palt__csv_line records[PALT__SAMPLE_ROWS],
                         char *separator);

/* Takes the next field of a line, which is extended if there is a line end in quotes. *at as in palt__csv_take.
 * field->open remains if the file ends before the quote closes. */
pal_status palt__table_field(palt__lines *lines, palt__csv_line *line, palt__csv_style style, const char **at,
                             palt__csv_field *field, bool *more, pal_error *err);

/* style, columns, header: everything but what only the whole file can tell. */
pal_status palt__table_find_layout(const palt__sample *sample, palt__table_layout *out);
/* Decides out->header, shaky and counted, when style and columns are known. */
pal_status palt__table_find_header(const palt__sample *sample, const palt__csv_line *records, size_t n,
                                   palt__table_layout *out);

/* ---- table_names.c: names of columns, and what the options say of them ---------------------------------------------
 */

/* Whether an option names a column by this text, and not by a number. */
bool palt__options_name(const pal_data_options *options, const char *text, size_t size);
/* Gives each column its name, if there is a header, and its role. */
typedef struct palt__reading palt__reading;
pal_status palt__table_name_columns(palt__reading *r, palt__csv_line first);
/* What messages call a column: column 3 ("width"), or column 3. Returns out. */
enum { PALT__CALLED_SIZE = 80 };
const char *palt__called(const palt__reading *r, int64_t column, char out[PALT__CALLED_SIZE]);
/* How a remedy names a column: its name, or its number if it has none or one with a comma. */
const char *palt__by_name(const palt__reading *r, int64_t column, char out[PALT__CALLED_SIZE]);

/* ---- The reading ----------------------------------------------------------------------------------------------------
 */

struct palt__reading {
    palt__source source;
    palt__lines lines;
    locale_t plain;
    pal_context *context;
    const pal_data_options *options;
    palt__table_layout layout;
    palt__csv_doubt doubt;
    palt__building *columns;          /* [layout.columns] */
    double *block, *row;              /* the last rows [PALT__BLOCK, layout.columns], and the one that is read */
    int64_t rows, capacity, expected; /* expected: about as many rows as the file may have; 0: not known */
    char separator;                   /* as the line sep=; states it; 0: it does not */
    int64_t first_line;               /* number of the first line with content */
    int64_t comments;                 /* lines before it that begin with # */
    int64_t empty, empties, unfilled; /* lines without a value: the first of the last few; how many; with separators */
    char point;                       /* the decimal mark; 0: no number had one yet */
    int64_t point_line;
    int64_t renamed; /* columns that had the name of another */
    char *scratch;   /* a text without its doubled quotes */
    size_t scratch_size;
    bool index; /* column 1 is left out: it has no name and counts, or names the rows */
    bool named; /* it names the rows */
    pal_error *err;
};

/* table.c: moves the rows of the block to the columns. Writing each cell to its column at once is slow for hundreds of
 * them, whose ends compete for the same lines of the cache. */
enum { PALT__BLOCK = 16 };
void palt__table_flush(palt__reading *r);
/* table_cell.c: reads a field into a cell of r->row. */
pal_status palt__table_cell(palt__reading *r, int64_t line, int64_t column, const palt__csv_field *field);
/* The first number of a column; and of a number with a decimal mark, if that is not known yet. */
pal_status palt__table_number(palt__reading *r, int64_t line, int64_t column, double value);
/* table_column.c: makes the columns of the table of what was read. */
pal_status palt__table_finish(palt__reading *r, palt__table *table);
void palt__table_note(const palt__reading *r, const palt__table *table, pal_note *note);

#endif
