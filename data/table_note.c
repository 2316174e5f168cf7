/* table_note.c - says what was decided when a table was read, so that nothing is guessed in silence. */
#include "data/table_parts.h"

static const char *plural(int64_t n) { return n == 1 ? "" : "s"; }

static void note_lines(const palt__reading *r, pal_note *note)
{
    const palt__table_layout *l = &r->layout;
    const long long line = (long long)r->first_line;
    if (r->comments) palt__note_add(note, "%lld comment line%s left out", (long long)r->comments, plural(r->comments));
    if (l->header)
        palt__note_add(note, "line %lld names the columns%s", line,
                       l->told      ? " (--header yes)"
                       : l->counted ? " 0, 1, 2, ... (if it is a row: --header no)"
                                    : " (if it is a row: --header no)");
    else
        palt__note_add(note, "no header line%s", l->told ? " (--header no)" : " (if line 1 is one: --header yes)");
    if (l->shaky) palt__note_add(note, "line %lld is read as a sample, although its numbers may be names", line);
}

/* The columns of each kind. */
static void note_kinds(const palt__table *table, pal_note *note)
{
    static const char *const kinds[] = {"numbers", "truths", "texts"};
    char text[160] = "";
    size_t used = 0;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        int64_t n = 0;
        for (size_t i = 0; i < table->n_columns; i++) n += (size_t)table->columns[i].kind == k;
        if (!n) continue;
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%lld%s of %s", used ? ", " : "", (long long)n,
                                 used     ? ""
                                 : n == 1 ? " column"
                                          : " columns",
                                 kinds[k]);
    }
    palt__note_add(note, "%s", text);
}

static void note_cells(const palt__table *table, pal_note *note)
{
    int64_t cells = 0, columns = 0, empty = 0;
    for (size_t i = 0; i < table->n_columns; i++) {
        cells += table->columns[i].missing;
        columns += table->columns[i].missing > 0;
        empty += table->columns[i].missing == table->rows;
    }
    if (cells)
        palt__note_add(note, "%lld cell%s missing in %lld column%s", (long long)cells, plural(cells),
                       (long long)columns, plural(columns));
    if (empty) palt__note_add(note, "%lld column%s without any value", (long long)empty, plural(empty));
}

void palt__table_note(const palt__reading *r, const palt__table *table, pal_note *note)
{
    enum { COUNTED = 4 }; /* fewer rows may count by chance */
    const palt__table_layout *l = &r->layout;
    note_lines(r, note);
    if (l->style.separator != ',') palt__note_add(note, "%s separate", palt__csv_separator(l->style));
    if (r->point == ',') palt__note_add(note, "decimal commas");
    if (r->index) palt__note_add(note, "column 1 left out: it has no name and counts, so it is an index");
    if (r->named) palt__note_add(note, "column 1 left out: it has no name and names the rows (to use it: --id 1)");
    if (l->trailing) palt__note_add(note, "the separator at the end of each line left out");
    if (r->unfilled)
        palt__note_add(note, "%lld line%s without values at the end left out", (long long)r->unfilled,
                       plural(r->unfilled));
    if (r->renamed)
        palt__note_add(note, "%lld column%s numbered, since another has the same name", (long long)r->renamed,
                       plural(r->renamed));
    note_kinds(table, note);
    note_cells(table, note);
    if (r->doubt.halves)
        palt__note_add(note, "\"%s\" in line %lld is read as two columns: if it is a decimal comma, write a point",
                       r->doubt.shown, (long long)r->doubt.line);
    const palt__table_column *first = table->columns;
    bool counts = first->number == 1 && first->kind == PALT__CELLS_NUMBER && table->rows >= COUNTED;
    for (int64_t i = 1; i < table->rows && counts; i++) counts = first->value[i] == first->value[i - 1] + 1;
    if (counts) palt__note_add(note, "column 1 counts: if it is an index, say --ignore 1");
}
