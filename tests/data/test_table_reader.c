/* test_table_reader.c - tests text tables with numbers, truths and texts, as spreadsheets, pandas and R write them:
 * each is read right, or refused in one line with line, column and remedy; what was decided is in the note. */
#include "tests/data/tables.h"

Suite *table_reader_suite(void);

#define HEADER "line 1 names the columns"
#define BARE   "no header line"

typedef struct row {
    const char *text, *options, *table, *note; /* table: see table_text */
} row;

static const row good[] = {
    /* the first line against the columns below it */
    {"a,b\n1,2\n3,4\n", NULL, "a:n b:n|1 2|3 4", HEADER " (if it is a row: --header no); 2 columns of numbers"},
    {",3.5,1.4\n4.9,3.0,1.5\n", NULL, ":n :n :n|? 3.5 1.3999999999999999|4.9000000000000004 3 1.5",
     BARE " (if line 1 is one: --header yes); 3 columns of numbers; 1 cell missing in 1 column"},
    {"NA,3.5\n4.5,3.0\n", NULL, ":n :n|? 3.5|4.5 3", "1 cell missing"},
    {"\"5.5\",3.5\n4.5,3.0\n", NULL, ":n :n|5.5 3.5|4.5 3", BARE},
    {"5.5,red\n4.5,blue\n3.5,red\n", NULL, ":n :w|5.5 red|4.5 blue|3.5 red", BARE},
    {"x,colour\n4.5,blue\n3.5,red\n", NULL, "x:n colour:w|4.5 blue|3.5 red", HEADER},
    {"size,colour\nL,red\nM,red\nL,blue\n", NULL, "size:w colour:w|L red|M red|L blue", HEADER},
    {"L,red\nM,red\nL,blue\n", NULL, ":w :w|L red|M red|L blue", BARE},
    {"L,red\nM,blue\nS,green\n", "header=yes", "L:w red:w|M blue|S green", HEADER " (--header yes)"},
    {"L,red\nM,blue\nS,green\n", "header=no", ":w :w|L red|M blue|S green", BARE " (--header no)"},
    {"size,colour\nM,blue\nS,green\n", "label=colour", "size:w colour:w|M blue|S green", HEADER},
    {"year,2019\n1,0.5\n", "header=yes", "year:n 2019:n|1 0.5", HEADER},
    {"2019,2020\n5,7\n6,8\n", NULL, ":n :n|2019 2020|5 7|6 8", "line 1 is read as a sample, although"},
    {"0,1,2,3\n.5,1,7,2\n.5,2,9,3\n", NULL, "0:n 1:n 2:n 3:n|0.5 1 7 2|0.5 2 9 3", "names the columns 0, 1, 2, ..."},
    {"0,1,2,target\n.5,1,7,a\n.5,2,9,a\n", "header=yes", "0:n 1:n 2:n target:w|0.5 1 7 a|0.5 2 9 a", HEADER},
    {"0,1,2,3\n4,5,6,7\n8,9,10,11\n", NULL, ":n :n :n :n|0 1 2 3|4 5 6 7|8 9 10 11", "read as a sample"},
    {"when,ok\n2020-01-02,yes\n", "date=when", "when:n ok:t|18263 yes", HEADER},
    {"ok\nTRUE\nFALSE\n", NULL, "ok:t|TRUE|FALSE", "1 column of truths"},
    {"a,b\n1,\n2,\n", NULL, "a:n b:n|1 ?|2 ?", "2 cells missing in 1 column; 1 column without any value"},
    /* separators, decimal commas, quotes, line ends */
    {"a;b;c\n5,1;3,5;x\n4;2;y\n", NULL, "a:n b:n c:w|5.0999999999999996 3.5 x|4 2 y",
     "semicolons separate; decimal commas"},
    {"a\tb\n1,5\tx y\n2,5\t\n", NULL, "a:n b:w|1.5 x y|2.5 ?", "tabs separate; decimal commas"},
    {"a|b\n1|x\n2|\n", NULL, "a:n b:w|1 x|2 ?", "vertical bars separate"},
    {"a  b\n1 \"x y\"\n 2 z\n", NULL, "a:n b:w|1 x y|2 z", "blanks separate"},
    {"sep=;\na;b\n1;2,5\n", NULL, "a:n b:n|1 2.5", "line 2 names the columns"},
    {"a b,c d\nu v,3\nu v,4\n", "separator=comma", "a b:w c d:n|u v 3|u v 4", NULL},
    {"a,b\n\"x, \"\"y\"\"\",1\n\"two\nlines\",2\n\" z \",3\n", NULL, "a:w b:n|x, \"y\" 1|two\nlines 2| z  3", NULL},
    {"\"a\nb\",c\n1,2\n", NULL, "a b:n c:n|1 2", HEADER},
    {"\"a\",\"b\"\r\n\"1\",\"x\"\r\n\"\",\"y\"\r\n", NULL, "a:n b:w|1 x|? y", NULL},
    {"a,b\r1,x\r2,y\r", NULL, "a:n b:w|1 x|2 y", NULL},
    {"\xef\xbb\xbf"
     "a,b\n1,x\n",
     NULL, "a:n b:w|1 x", HEADER},
    {"# by hand\na,b\n1,x\n", NULL, "a:n b:w|1 x", "1 comment line left out; line 2 names the columns"},
    {"a,b\n1,x,\n2,y,\n", NULL, "a:n b:w|1 x|2 y", "the separator at the end of each line left out"},
    {"a,b\n1,x\n,\n2,y\n,\n\n", NULL, "a:n b:w|1 x|? ?|2 y", "1 line without values at the end left out"},
    {"a,b\n,\n1,x\n", NULL, "a:n b:w|? ?|1 x", "2 cells missing"},
    {"a\n1\n\"\"\n2\n", NULL, "a:n|1|?|2", "1 cell missing"},
    {"text\n\"a;b\"\n\"c;d\"\n\"a;b\"\n", NULL, "text:w|a;b|c;d|a;b", NULL},
    /* an index */
    {",x,y\n0,5,a\n1,7,b\n", NULL, "x:n y:w|5 a|7 b", "column 1 left out: it has no name and counts"},
    {"\"\",\"x\"\n\"Mazda RX4\",5\n\"Fiat\",7\n", NULL, "x:n|5|7", "left out: it has no name and names the rows"},
    {"\"x\" \"y\"\n\"1\" 5 a\n\"2\" 7 b\n", NULL, "x:n y:w|5 a|7 b", "column 1 left out"},
    {",x\n0,5\n1,7\n", "id=1", ":w x:n|0 5|1 7", NULL},
    {",x\n3,5\n1,7\n", "ignore=1", "x:n|5|7", NULL},
    {"n,x\n1,5\n2,7\n3,5\n4,9\n", NULL, "n:n x:n|1 5|2 7|3 5|4 9",
     "column 1 counts: if it is an index, say --ignore 1"},
    /* missing cells */
    {"a,b\n1,x\n?,NA\nNaN,None\nnull,-\n#N/A,N/A\nn/a,NULL\n2,x\n", NULL, "a:n b:w|1 x|? ?|? ?|? ?|? ?|? ?|2 x",
     "10 cells missing in 2 columns"},
    {"a,b\nnone,none\n.,some\n1,none\n", NULL, "a:n b:w|? none|? some|1 none", "2 cells missing in 1 column"},
    {"a,b\n1,#nature\n2,#NAME?\n", NULL, "a:n b:w|1 #nature|2 ?", "1 cell missing"},
    {"a,b\n1,Na\n2,Cl\n", NULL, "a:n b:w|1 Na|2 Cl", NULL},
    /* what the options say of columns */
    {"a,b,c\n1,10,x\n2,9,7\n3,10,y\n", "label=b ignore=c", "a:n b:w|1 10|2 9|3 10", "1 column of numbers, 1 of texts"},
    {"a,b\n1,x\n2,3\n", "category=b", "a:n b:w|1 x|2 3", NULL},
    {"a,b\n1,x\n2,3\n", "category=2", "a:n b:w|1 x|2 3", NULL},
    {"a,b\n1,007\n2,7\n", "id=b", "a:n b:w|1 007|2 7", NULL},
    {"a,b\n1,true\n2,false\n", "category=b", "a:n b:w|1 true|2 false", NULL},
    {"2,b\n1,x\n2,y\n", "ignore=2 header=yes", "b:w|x|y", NULL}, /* the name 2, not the second column */
    {"a,a,a\n1,2,3\n", NULL, "a:n a.1:n a.2:n|1 2 3", "2 columns numbered, since another has the same name"},
    {"a,,c\n1,2,3\n", NULL, "a:n column 2:n c:n|1 2 3", HEADER},
    /* dates */
    {"d\n1970-01-01\n1969-12-31\n2000-02-29\n\n", "date=d", "d:n|0|-1|11016", NULL},
    {"d\n1970-01-02T12:00\n1970-01-02 06:00:00Z\n1970-01-01T23:00:00.000-01:00\nNaT\n", "date=d", "d:n|1.5|1.25|1|?",
     NULL},
    /* numbers keep 53 bits */
    {"x\n0.1\n1e300\n9007199254740993\n123456789012345678901234567890\n", NULL,
     "x:n|0.10000000000000001|1.0000000000000001e+300|9007199254740992|1.2345678901234568e+29", NULL},
};
enum { GOOD = sizeof good / sizeof *good };

START_TEST(reads)
{
    for (size_t i = 0; i < GOOD; i++) {
        char text[2048];
        pal_note note = {""};
        for (int packed = 0; packed < 2; packed++) {
            const char *path =
                packed ? write_gz("x.csv", good[i].text, strlen(good[i].text)) : write_text("x.csv", good[i].text);
            palt__table *table = read_table(path, good[i].options, &note);
            ck_assert_str_eq(table_text(table, text, sizeof text), good[i].table);
            ck_assert_msg(!good[i].note || strstr(note.text, good[i].note), "%s: no \"%s\" in: %s", good[i].text,
                          good[i].note, note.text);
            palt__table_free(table);
        }
    }
}
END_TEST

static const row bad[] = {
    /* table: what the message must have */
    {"", NULL, "has no rows", NULL},
    {"a,b\n", NULL, "has no rows", NULL},
    {"# only\n", NULL, "has no rows", NULL},
    /* whether the first line is a header */
    {"x,3.5\n4.5,3.5\n", NULL,
     "line 1: whether it names the columns is not clear (\"x\" in column 1 may be a name, \"3.5\" in column 2 a cell): "
     "say --header yes or --header no",
     NULL},
    {"year,2019\n1,0.5\n2,0.25\n", NULL, "say --header yes or --header no", NULL},
    {"country,2019,2020\nFrance,0.5,0.25\nSpain,0.5,0.75\n", NULL, "say --header yes or --header no", NULL},
    {"0,1,2\n5,162,60\n2,110,60\n", NULL, "(\"0\" in column 1 may be a name or a cell): say --header yes or", NULL},
    {"L,red\nM,blue\nS,green\n", NULL, "\"L\" in column 1 may be a name or a cell): say --header yes", NULL},
    {"5.5,red\n", NULL, "say --header yes or --header no", NULL},
    {"2020-01-01,2020-02-01\n1,2\n3,4\n", NULL, "say --header yes or --header no", NULL},
    /* numbers and texts in a column */
    {"a,b\n1,2\n2,x\n", NULL,
     "line 3, column 2 (b): \"x\" is text, but line 2 has the number 2: mend the cell, or say --category b (its cells "
     "are words) or --ignore b",
     NULL},
    {"a,b\n1,x\n2,7\n", NULL, "line 2, column 2 (b): \"x\" is text, but line 3 has the number 7: mend the cell", NULL},
    {"$5.1,3.5\n4.9,3.0\n", NULL,
     "line 1, column 1: \"$5.1\" has a sign that is no part of a number, but line 2 has the number 4.9: remove the "
     "sign",
     NULL},
    {"a,b b\n1,true\n2,1\n", NULL,
     "column 2 (b b): \"true\" is a truth value, but line 3 has the number 1: write 1 for "
     "true and 0 for false, or say --category 2",
     NULL},
    {"a\n1\n0x10\n", NULL, "line 3, column 1 (a): \"0x10\" is text", NULL},
    {"a,b\n1,2\n2,1 234\n", NULL, "\"1 234\" has marks between its digits, but line 2 has", NULL},
    /* texts that are none */
    {"a,b\n1,2020-01-01\n2,2020-01-02\n", NULL,
     "line 2, column 2 (b): \"2020-01-01\" is a date or a time that is not read: say --date b to read it as days, "
     "--ignore b, or --category b",
     NULL},
    {"a,b\n1,31.1.2020\n2,30.1.2020\n", NULL, "is a date or a time that is not read: say --ignore b, or", NULL},
    {"a,b\n1,31.1.2020\n", "date=b", "\"31.1.2020\" is not a date: write it as 2020-01-31, or with a time", NULL},
    {"a\n2020-02-30\n", "date=a", "\"2020-02-30\" is not a date", NULL},
    {"a\n2020-01-01T24:00\n", "date=a", "is not a date", NULL},
    {"a,b\n1,5%\n2,6%\n", NULL, "\"5%\" has a sign that is no part of a number: remove the sign, or say --ignore b",
     NULL},
    {"a,b\n1,\"1,5\"\n2,\"2,5\"\n", NULL, "\"1,5\" has a decimal comma, which is not read where commas separate", NULL},
    {"a,b\n1,\"1,234\"\n2,\"2,345\"\n", NULL, "\"1,234\" has marks between its digits", NULL},
    /* numbers */
    {"a,b\n1,2\n2,inf\n", NULL, "line 3, column 2 (b): \"inf\" is not a finite number: cap it, leave the cell empty",
     NULL},
    {"a,b\n1,2\n2,-Infinity\n", NULL, "line 3, column 2 (b): \"-Infinity\" is not a finite number", NULL},
    {"a\n1\n1e999\n", NULL, "line 3, column 1 (a): \"inf\" is outside the range of numbers", NULL},
    {"a;b\n1,5;2\n1.5;2\n", NULL, "line 3, column 1 (a): \"1.5\" has a decimal point, but line 2 has decimal commas",
     NULL},
    {"a;b\n1.5;2\n1,5;2\n", NULL, "line 3, column 1 (a): \"1,5\" has a decimal comma, but line 2 has decimal points",
     NULL},
    {"1,234.5,2\n1,300.1,3\n", NULL, "line 1, column 1: \"1,234.5\" may be two columns or", NULL},
    /* options */
    {"width,height\n1,2\n", "label=widht",
     "--label widht: there is no such column among 2: the names most like it are width, height; or give the number",
     NULL},
    {"a,b\n1,2\n", "ignore=b,3", "--ignore 3: there is no such column among 2", NULL},
    {"1,2\n3,4\n", "label=b", "--label b: the table has no line with names: give the number of the column, from 1 to 2",
     NULL},
    {"1,2\n3,4\n", "label=0", "the table has no line with names", NULL},
    {"a,b\n1,2\n", "ignore=a,b", "all its columns are left out", NULL},
    /* an index that is none */
    {",x\n5,1\n7,2\n", NULL, "column 1 has no name in line 1, and it does not count: name it if it is a feature, else",
     NULL},
    {"Unnamed: 0\n1\n2\n", NULL, "its one column has no name in line 1, so it is an index", NULL},
    /* lines */
    {"a,b\n1,2\n3\n", NULL, "line 3 has 1 columns, expected 2 as in line 1: fill in what is missing, or remove the row",
     NULL},
    {"a,b\n1,x\n3,y,z\n", NULL, "line 3 has 3 columns, expected 2 as in line 1: remove what is too much", NULL},
    {"a,b\n1,2\n# end\n", NULL, "line 3 has 1 columns, expected 2", NULL},
    {"a,b\n1,2\n\n3,4\n", NULL, "line 3 is empty, expected a row: remove the line", NULL},
    {"a,b\n1,\"x\n2,y\n", NULL, "line 2, column 2 (b): \"\"x", NULL},
    {"a,b\n1,\"x\n2,y\n", NULL, "opens a quote that does not close: remove the quote, or write one at the end", NULL},
    {"a,b\n1,\"x\"y\n", NULL, "\"\"x\"y\" goes on after its closing quote: write two quotes for one", NULL},
    {"a,b\n1,caf\xe9\n", NULL, "line 2, column 2 (b): ", NULL},
    {"a,b\n1,caf\xe9\n", NULL, "is not UTF-8: convert the file with iconv -f WINDOWS-1252 -t UTF-8", NULL},
    {"a,caf\xe9\n1,2\n", NULL, "line 1, column 2: ", NULL},
    {"\xff\xfe"
     "a",
     NULL, "is text in UTF-16", NULL},
    {"PK\3\4", NULL, "is a zip archive", NULL},
};
enum { BAD = sizeof bad / sizeof *bad };

START_TEST(refuses)
{
    for (size_t i = 0; i < BAD; i++) {
        const bool argument =
            strstr(bad[i].table, "there is no such") || strstr(bad[i].table, "has no line with names");
        check_table_refused(write_text("x.csv", bad[i].text), bad[i].options,
                            argument ? PAL_ERR_ARGUMENT : PAL_ERR_FORMAT, bad[i].table);
    }
    check_table_refused(write_file("x.csv", "a,b\n1,x\0\n", 9), NULL, PAL_ERR_FORMAT,
                        "line 2, column 2 (b): \"x\\x00\" has a NUL");
    check_table_refused(write_file("x.csv", "a,b\n1,-\0\0\0\n", 11), NULL, PAL_ERR_FORMAT, "has a NUL");
    check_table_refused(write_file("x.csv", "a,b\n1,\0\n", 8), NULL, PAL_ERR_FORMAT, "has a NUL");
    check_table_refused(write_file("x.csv", "a,\0\n1,2\n", 8), NULL, PAL_ERR_FORMAT,
                        "line 1, column 2: \"\\x00\" has a NUL");
    check_table_refused(path_of("absent.csv"), NULL, PAL_ERR_IO, "No such file");
}
END_TEST

/* 150 lines are 150 rows, whatever the first has: a missing cell, a quote. */
START_TEST(keeps_the_first_line)
{
    static const char *const firsts[] = {"NA", "", "\"5.1\"", "?", "nan", "5.1"};
    for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++) {
        char text[8192];
        size_t used = (size_t)sprintf(text, "%s,3.5,1.4,0.2\n", firsts[i]);
        for (int k = 1; k < 150; k++)
            used += (size_t)sprintf(text + used, "%d.%d,%d.5,1.%d,0.2\n", 4 + k % 3, k % 10, k % 4, k % 7);
        palt__table *table = read_table(write_text("x.csv", text), NULL, NULL);
        ck_assert(table->rows == 150 && table->n_columns == 4 && !table->header);
        ck_assert(table->columns[1].value[0] == 3.5);
        palt__table_free(table);
    }
}
END_TEST

/* As many texts as rows name the rows, from 21 rows on. */
START_TEST(refuses_names)
{
    char text[2048];
    size_t used = (size_t)sprintf(text, "who,x\n");
    for (int i = 0; i < 20; i++) used += (size_t)sprintf(text + used, "p%d,%d\n", i, i % 3);
    palt__table *table = read_table(write_text("x.csv", text), NULL, NULL);
    ck_assert_uint_eq(table->columns[0].n_levels, 20);
    palt__table_free(table);
    sprintf(text + used, "p20,0\n");
    check_table_refused(write_text("x.csv", text), NULL, PAL_ERR_FORMAT,
                        "column 1 (who) has another text in each of 21 rows, so it is no feature: say --id who if it "
                        "names the rows, --ignore who, or --category who");
    static const char *const options[] = {"id=who", "category=who", "label=who"};
    for (size_t i = 0; i < 3; i++) {
        table = read_table(path_of("x.csv"), options[i], NULL);
        ck_assert_uint_eq(table->columns[0].n_levels, 21);
        palt__table_free(table);
    }
    sprintf(text + used, "p1,0\n");
    table = read_table(write_text("x.csv", text), NULL, NULL);
    ck_assert_uint_eq(table->columns[0].n_levels, 20);
    palt__table_free(table);
}
END_TEST

/* The levels are sorted by value if all are numbers, else by their bytes; truths are false and true as first spelled.
 */
START_TEST(sorts_levels)
{
    static const struct {
        const char *text;
        const char *levels[4];
    } rows[] = {{"l,x\n10,1\n9,2\n-1,2\n10,1\n", {"-1", "9", "10"}},
                {"l,x\n10,1\n9,2\nx,2\n", {"10", "9", "x"}},
                {"l,x\nb,1\na,2\nB,2\n", {"B", "a", "b"}},
                {"l,x\n1.0,1\n1,2\n,2\n", {"1", "1.0"}},
                {"l;x\n1,5;1\n0,25;2\n", {"0,25", "1,5"}}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        palt__table *table = read_table(write_text("x.csv", rows[i].text), "label=l", NULL);
        const palt__table_column *c = table->columns + palt__table_find(table, "l");
        size_t n = 0;
        for (; rows[i].levels[n]; n++) ck_assert_str_eq(c->levels[n], rows[i].levels[n]);
        ck_assert_uint_eq(c->n_levels, n);
        palt__table_free(table);
    }
    static const char *const truths[][3] = {{"t,x\nTRUE,1\nfalse,2\nTrue,2\n", "false", "TRUE"},
                                            {"t,x\nYes,1\nYes,2\n", "No", "Yes"},
                                            {"t,x\nNO,1\nNO,2\n", "NO", "YES"}};
    for (size_t i = 0; i < 3; i++) {
        palt__table *table = read_table(write_text("x.csv", truths[i][0]), NULL, NULL);
        ck_assert_int_eq(table->columns[0].kind, PALT__CELLS_TRUTH);
        ck_assert_str_eq(table->columns[0].levels[0], truths[i][1]);
        ck_assert_str_eq(table->columns[0].levels[1], truths[i][2]);
        palt__table_free(table);
    }
}
END_TEST

START_TEST(finds_columns)
{
    palt__table *table = read_table(write_text("x.csv", ",a,3,c\n0,1,2,3\n1,4,5,7\n"), "ignore=a header=yes", NULL);
    ck_assert_int_eq(palt__table_find(table, "3"), 0); /* the name comes first */
    ck_assert_int_eq(palt__table_find(table, "4"), 1);
    ck_assert_int_eq(palt__table_find(table, "c"), 1);
    ck_assert_int_eq(palt__table_find(table, "a"), -1);
    ck_assert_int_eq(palt__table_find(table, "2"), -1);
    palt__table_free(table);
}
END_TEST

/* Texts with line ends, at any place of the reader's buffers. */
START_TEST(long_texts)
{
    enum { ROWS = 9000 };
    char *text = malloc(ROWS * 80), *at = text;
    at += sprintf(at, "n,t\n");
    for (int i = 0; i < ROWS; i++)
        at += sprintf(at, "%d,\"first %d\r\n\r\nthen \"\"%*d\"\"\n\"\r\n", i, i % 7, i % 41, i % 7);
    palt__table *table = read_table(write_file("x.csv", text, (size_t)(at - text)), NULL, NULL);
    ck_assert_int_eq(table->rows, ROWS);
    for (int i = 0; i < ROWS; i++) {
        char expected[128];
        sprintf(expected, "first %d\r\n\r\nthen \"%*d\"\n", i % 7, i % 41, i % 7);
        ck_assert(table->columns[0].value[i] == i);
        ck_assert_str_eq(table->columns[1].levels[(size_t)table->columns[1].value[i]], expected);
    }
    palt__table_free(table);
    free(text);
}
END_TEST

Suite *table_reader_suite(void)
{
    Suite *suite = suite_create("table_reader");
    in_own_folder(
        add_case(suite, "table_reader", set_up, tear_down,
                 TESTS(reads, refuses, keeps_the_first_line, refuses_names, sorts_levels, finds_columns, long_texts)));
    return suite;
}
