/* table.h - a text table as it is in its file: columns with names, each of one kind. table.c reads it, table_write.c
 * writes one. */
#ifndef PAL_DATA_TABLE_H
#define PAL_DATA_TABLE_H

#include "data/internal.h"

typedef enum palt__cells { PALT__CELLS_NUMBER, PALT__CELLS_TRUTH, PALT__CELLS_TEXT } palt__cells;

typedef struct palt__table_column {
    char *name;     /* UTF-8; NULL: the table has no header */
    int64_t number; /* in the file, from 1; it counts columns that were left out */
    palt__cells kind;
    double *value;   /* [rows]; NUMBER: the number; TRUTH: 0 or 1; TEXT: an index of levels. NAN: missing */
    char **levels;   /* TRUTH: the words of 0 and 1 as first spelled; TEXT: the different cells, sorted */
    size_t n_levels; /* sorted by value if all levels are numbers, else by their bytes */
    int64_t missing; /* cells */
} palt__table_column;

typedef struct palt__table {
    palt__table_column *columns; /* without the index that pandas and R write, and without ignored ones */
    size_t n_columns;
    int64_t rows;
    bool header;
} palt__table;

/* Reads a whole table. options: header, separator, ignore, category, date; and label and id, whose columns are read as
 * TEXT whatever they contain. note: what was decided; may be NULL. NULL: see err.
 *
 * The columns that options name are there: palt__table_find finds that of the label. A column whose cells are all
 * missing is of kind NUMBER. The index that is left out is kept if an option names it by its number. */
palt__table *palt__table_read(pal_context *context, const char *path, const pal_data_options *options, pal_note *note,
                              pal_error *err);
void palt__table_free(palt__table *table);
/* The column of this name, or else of this number in the file. -1: none. */
int64_t palt__table_find(const palt__table *table, const char *column);

#endif
