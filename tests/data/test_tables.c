/* test_tables.c - tests text tables of every kind that programs write: headers, separators, line ends, indices, missing
 * and odd fields. Each is read right, or refused in one line with line, column and remedy; no row is lost or invented,
 * and what was decided is in the note. */
#include "tests/data/arrays.h"

Suite *tables_suite(void);

enum { MOST = 8 };

/* A table, the numbers that it has, and what the note must contain. */
typedef struct table {
    const char *text;
    int64_t rows, columns;
    float values[MOST];
    const char *note;
} table;

static void check_table(const table *t, const char *path)
{
    pal_error err = {0};
    pal_note note = {"old"};
    pal_tensor *x = pal_array_read_noted(context, path, &note, &err);
    ck_assert_msg(x != NULL, "%s", err.text);
    ck_assert_msg(pal_shape_equal(x->shape, PAL_SHAPE(t->rows, t->columns)), "%s: %lld rows, %lld columns", t->text,
                  (long long)x->shape.dim[0], (long long)x->shape.dim[1]);
    for (int64_t i = 0; i < t->rows * t->columns; i++)
        ck_assert_msg(((float *)x->data)[i] == t->values[i], "%s: number %lld is %g", t->text, (long long)i,
                      (double)((float *)x->data)[i]);
    ck_assert_msg(strstr(note.text, t->note) && !strstr(note.text, "old"), "%s: no \"%s\" in: %s", t->text, t->note,
                  note.text);
    pal_tensor_free(x);
}

#define NAMED    "line 1 names the columns"
#define BARE     "no header line"
#define INDEX    "column 1 left out: it has no name and counts"
#define TRAILING "the separator at the end of each line left out"
#define SAMPLE   "line 1 is read as a sample: if it names the columns, remove it"

static const table good[] = {
    /* the first line: a header or a sample */
    {"a,b\n1,2\n3,4\n", 2, 2, {1, 2, 3, 4}, NAMED},
    {"1.0,2\n3,4\n", 2, 2, {1, 2, 3, 4}, BARE},
    {"a,b\n1,16777216\n2,16777217\n3,16777219\n",
     3,
     2,
     {1, 16777216, 2, 16777216, 3, 16777220},
     "2 whole numbers beyond 2^24, which float32 rounds, so that different ones may become equal (16777217 in line 3)"},
    {"a\n1\n2\n", 2, 1, {1, 2}, NAMED},
    {"1\n2\n", 2, 1, {1, 2}, BARE},
    {"1", 1, 1, {1}, BARE},
    {"\"5.1\",3.5\n4.9,3.0\n", 2, 2, {5.1F, 3.5F, 4.9F, 3}, BARE},
    {"\"5.1\",\"3.5\"\n\" 4.9 \",\"3.0\"\n", 2, 2, {5.1F, 3.5F, 4.9F, 3}, BARE},
    {"\"a, b\",\"c \"\"d\"\"\"\n1,2\n", 1, 2, {1, 2}, NAMED},
    {"\xef\xbb\xbf\"a, b\",c\n1,2\n", 1, 2, {1, 2}, NAMED},
    {"\xef\xbb\xbf"
     "1.5,2\n3,4\n",
     2,
     2,
     {1.5F, 2, 3, 4},
     BARE},
    {"sepal length (cm)\n5\n", 1, 1, {5}, NAMED},
    {"channel 1\n5\n6\n", 2, 1, {5, 6}, NAMED},
    {"Na,Mg\n1,2\n", 1, 2, {1, 2}, NAMED},
    {"a,,NA\n1,2,3\n", 1, 3, {1, 2, 3}, NAMED},
    {"1st,2nd\n5,6\n", 1, 2, {5, 6}, NAMED},
    {"\xe9\x9d\xa2,\xc3\xa4\n5,6\n", 1, 2, {5, 6}, NAMED},
    {"2019,2020,2021\n0.5,1,2\n", 2, 3, {2019, 2020, 2021, 0.5F, 1, 2}, SAMPLE},
    {"0,1,2\n0.5,1,2\n", 2, 3, {0, 1, 2, 0.5F, 1, 2}, SAMPLE},
    {"# by hand\n#x y\n1.5 2\n3 4\n", 2, 2, {1.5F, 2, 3, 4}, "2 comment lines left out; " BARE},
    {"# by hand\na,b\n1,2\n", 1, 2, {1, 2}, "1 comment line left out; line 2 names the columns"},
    /* an index */
    {",x,y\n0,5,6\n1,7,8\n", 2, 2, {5, 6, 7, 8}, NAMED "; " INDEX},
    {",x\n1,5\n2,7\n3,8\n", 3, 1, {5, 7, 8}, INDEX},
    {"\"\",\"x\"\n\"1\",5\n\"2\",7\n", 2, 1, {5, 7}, INDEX},
    {"\"x\",\"y\"\n\"1\",5,6\n\"2\",7,8\n", 2, 2, {5, 6, 7, 8}, INDEX},
    {"x y\n17 5 6\n18 7 8\n", 2, 2, {5, 6, 7, 8}, INDEX},
    {"Unnamed: 0,x\n100,5\n101,7\n", 2, 1, {5, 7}, INDEX},
    {",0,1\n0,5,6\n1,7,8\n", 2, 2, {5, 6, 7, 8}, INDEX},
    {",2019,2020\n0,5,6\n1,7,8\n", 2, 2, {5, 6, 7, 8}, INDEX},
    {",a,2020\n0,5,6\n1,7,8\n", 2, 2, {5, 6, 7, 8}, INDEX},
    {"\"\",\"2019\"\n\"1\",5\n\"2\",7\n", 2, 1, {5, 7}, INDEX},
    {"x,y\n0,5\n1,6\n", 2, 2, {0, 5, 1, 6}, NAMED},
    {"id,y\n1,5\n2,6\n3,7\n4,8\n", 4, 2, {1, 5, 2, 6, 3, 7, 4, 8}, "column 1 counts: if it is an index, remove it"},
    {"0,5.5\n1,6\n2,7\n3,8\n", 4, 2, {0, 5.5F, 1, 6, 2, 7, 3, 8}, "column 1 counts: if it is an index, remove it"},
    {"2019\n163.5\n", 2, 1, {2019, 163.5F}, SAMPLE},
    {"2019,2020\n5,7\n", 2, 2, {2019, 2020, 5, 7}, SAMPLE},
    /* separators and decimal marks */
    {"a;b\n1;2\n3;4\n", 2, 2, {1, 2, 3, 4}, NAMED "; semicolons separate"},
    {"1,5;2,5\n3;-4,25e1\n", 2, 2, {1.5F, 2.5F, 3, -42.5F}, "semicolons separate; decimal commas"},
    {"1.5;2\n3;4\n", 2, 2, {1.5F, 2, 3, 4}, "semicolons separate"},
    {"\"1,5\";\"2\"\n3;\"4,5\"\n", 2, 2, {1.5F, 2, 3, 4.5F}, "decimal commas"},
    {"1;2\n3;4,0\n", 2, 2, {1, 2, 3, 4}, "decimal commas"},
    {"12345678901234567890,5;0,000000000000000000000001\n", 1, 2, {12345678901234567890.0F, 1e-24F}, "decimal commas"},
    {"a b\tc\n1\t 2\n", 1, 2, {1, 2}, "tabs separate"},
    {"a|b\n1|2\n", 1, 2, {1, 2}, "vertical bars separate"},
    {"  1.5   2 3\n 4\t5  6 \n", 2, 3, {1.5F, 2, 3, 4, 5, 6}, "blanks separate"},
    {"1.5, 2\n3 ,4\n", 2, 2, {1.5F, 2, 3, 4}, BARE},
    {"sep=;\na;b\n1;2\n", 1, 2, {1, 2}, "line 2 names the columns; semicolons separate"},
    {"1,5\n2,5\n", 2, 2, {1, 5, 2, 5}, "\"1,5\" in line 1 is read as two columns: if it is a decimal comma"},
    {"5,1,3,5\n4,9,3,0\n", 2, 4, {5, 1, 3, 5, 4, 9, 3, 0}, "\"5,1\" in line 1 is read as two columns"},
    {"a,b,c\n1,234.5,2\n1,300.1,3\n", 2, 3, {1, 234.5F, 2, 1, 300.1F, 3}, NAMED},
    {"1,234.5,2\n1,30.1,3\n", 2, 3, {1, 234.5F, 2, 1, 30.1F, 3}, BARE},
    {"0,234\n0,567\n", 2, 2, {0, 234, 0, 567}, BARE},
    /* separators at the ends of lines */
    {"a,b\n1,2,\n3,4,\n", 2, 2, {1, 2, 3, 4}, NAMED "; " TRAILING},
    {"a,b,\n1,2,\n3,4, \n", 2, 2, {1, 2, 3, 4}, TRAILING},
    {"1;2;\n3;4;\n", 2, 2, {1, 2, 3, 4}, TRAILING},
    {"a,b\n1,2\n,\n,,\n\n", 1, 2, {1, 2}, "2 lines without values at the end left out"},
    {"a,b\n1,2\n \n\t\n\n", 1, 2, {1, 2}, NAMED},
    /* line ends */
    {"a,b\r1,2\r3,4\r", 2, 2, {1, 2, 3, 4}, NAMED},
    {"a,b\r1,2\r3,4", 2, 2, {1, 2, 3, 4}, NAMED},
    {"a,b\r\n1,2\r\n3,4\r\n\r\n", 2, 2, {1, 2, 3, 4}, NAMED},
    {"a,b\r\r\n1,2\r\r\n3,4\r\r\n", 2, 2, {1, 2, 3, 4}, NAMED},
    {"a,b\r1,2\n3,4\r\n", 2, 2, {1, 2, 3, 4}, NAMED},
};
enum { GOOD = sizeof good / sizeof *good };

START_TEST(tables_read)
{
    for (size_t i = 0; i < GOOD; i++) check_table(good + i, write_text("x.csv", good[i].text));
}
END_TEST

#define LETTER "if this line names the columns, begin each name with a letter"

static const struct {
    const char *text, *needle;
} bad[] = {
    /* the first line is a row like any other if it has no name */
    {"NA,3.5,1.4\n4.9,3.0,1.4\n", "line 1, column 1: \"NA\" is a missing value: fill it in or remove the row"},
    {",3.5,1.4\n4.9,3.0,1.4\n", "line 1, column 1: \"\" is empty: fill it in or remove the row"},
    {"?,3.5\n4.9,3.0\n", "line 1, column 1: \"?\" is a missing value"},
    {"inf,3.5\n4.9,3.0\n", "line 1, column 1: \"inf\" is not a finite number: cap it"},
    {"#N/A,3.5\n4.9,3.0\n", "line 1, column 1: \"#N/A\" is a missing value"},
    {"$5.1,3.5\n4.9,3.0\n",
     "line 1, column 1: \"$5.1\" has a sign that is no part of a number: remove the sign; " LETTER},
    {"2020-01-01,1\n2020-01-02,2\n", "line 1, column 1: \"2020-01-01\" is a date or a time: write a number"},
    {"True,1\nFalse,2\n", "line 1, column 1: \"True\" is a truth value: write 1 for true"},
    {"0-10,10-20\n1,2\n", "line 1, column 1: \"0-10\" is not a decimal number: write one"},
    {"NA,nan\n1,2\n", "line 1, column 1: \"NA\""},
    {"1,NA\n3,4\n", "line 1, column 2: \"NA\""},
    {"x,3.5\n4.9,3.0\n", "line 1, column 1: the text \"x\", but column 2 has the number \"3.5\": if the line names the "
                         "columns, begin each name with a letter; if it is a sample, write a number for the text"},
    {"id,2019\n1,0.5\n", "begin each name with a letter"},
    {"country,2019\nFrance,0.5\n",
     "line 2, column 1: \"France\" is text, and only numbers are read: remove the column"},
    {"a,b\n", "has no rows"},
    {"a,b", "has no rows"},
    {"# only this\n", "has no rows"},
    {"sep=,\n", "has no rows"},
    {"\"a\nb\",c\n1,2\n", "line 1, column 1: \"\"a\" opens a quote that does not close in this line"},
    /* an index that is none */
    {",x\n5,1\n7,2\n",
     "line 3, column 1: 7 follows 5 in a column without a name in line 1: name the column if it is a"},
    {",x\n0,1\n1,2\n1,3\n", "line 4, column 1: 1 follows 1"},
    {",x\n0.5,1\n1.5,2\n", "line 2, column 1: 0.5 in a column without a name"},
    {",x\nFrance,1\n", "line 2, column 1: \"France\" is text"},
    {"Unnamed: 0\n1\n2\n", "its one column has no name in line 1, so it is an index"},
    {",3.5\n0,3.25\n1,5\n", "line 1, column 1: \"\" is empty: fill it in or remove the row; " LETTER},
    {",3,5\n4,5,6\n5,7,8\n", "line 1, column 1: \"\" is empty"},
    {",3,5\n0,5,6\n0,7,8\n", "line 3, column 1: 0 follows 0"},
    {"x,y\n0,5,6\n1,7,8\n", "line 2 has 3 columns, expected 2 as in line 1"},
    /* fields */
    {"a,b\n1,\"2,5\"\n", "line 2, column 2: \"2,5\" has a decimal comma, which is read only where semicolons separate"},
    {"a,b\n1,\"1,234\"\n", "line 2, column 2: \"1,234\" has marks between its digits: write only a decimal point"},
    {"a,b\n1,\"1,234,567.8\"\n", "line 2, column 2: \"1,234,567.8\" has marks"},
    {"a,b\n1,1 234\n", "line 2, column 2: \"1 234\" has marks"},
    {"a,b\n1,1'234\n", "line 2, column 2: \"1'234\" has marks"},
    {"a;b\n1.234,5;1\n", "line 2, column 1: \"1.234,5\" has marks"},
    {"a\tb\n1,5\t2,5\n", "line 2, column 1: \"1,5\" has a decimal comma"},
    {"1,5;2\n1.5;2\n",
     "line 2, column 1: \"1.5\" has a decimal point, but line 1 has decimal commas: write all numbers"},
    {"1;1.5\n2;1,5\n", "line 2, column 2: \"1,5\" has a decimal comma, but line 1 has decimal points"},
    {"a,b\n1,5%\n", "line 2, column 2: \"5%\" has a sign"},
    {"a,b\n1,\xe2\x82\xac 5\n", "line 2, column 2: \"\xe2\x82\xac 5\" has a sign"},
    {"a,b\n1,12:30\n", "line 2, column 2: \"12:30\" is a date or a time"},
    {"a,b\n1,31.1.2020\n", "line 2, column 2: \"31.1.2020\" is a date"},
    {"a,b\n1,1/31/20\n", "line 2, column 2: \"1/31/20\" is a date"},
    {"a,b\n1,#DIV/0!\n", "line 2, column 2: \"#DIV/0!\" is a missing value"},
    {"a,b\n1,None\n", "line 2, column 2: \"None\" is a missing value"},
    {"a,b\n1,-Infinity\n", "line 2, column 2: \"-Infinity\" is not a finite number"},
    {"a,b\n1,1e999\n",
     "line 2, column 2: \"1e999\" is outside the range of f32, which ends at 3.4e38: scale the column"},
    {"a,b\n1,\"1e39\"\n", "line 2, column 2: \"1e39\" is outside the range of f32"},
    {"a,b\n1,\xe2\x88\x92"
     "5\n",
     "line 2, column 2: \"\xe2\x88\x92"
     "5\" is not a decimal number"},
    {"a,b\n1,setosa\n", "line 2, column 2: \"setosa\" is text, and only numbers are read: remove the column, or write"},
    {"a,b\n1,M\xc3\xbcller\n", "line 2, column 2: \"M\xc3\xbcller\" is text"},
    {"a,b\n1,\xc2\x9b"
     "5x\n",
     "line 2, column 2: \"\\u009b5x\""}, /* no control character is shown */
    {"a,b\n1,\"5\"x\n", "line 2, column 2: \"\"5\"x\" is text"},
    {"a,b\n1,\"2\n3,4\n", "line 2, column 2: \"\"2\" opens a quote"},
    {"a,b\n1,2\n#3,4\n", "line 3, column 1: \"#3\""},
    {"a;b\n1,5;setosa\n", "line 2, column 2: \"setosa\" is text, and only numbers are read"},
    {"a,b\ncm,kg\n1,2\n", "line 2, column 1: \"cm\" is text in a line without numbers: remove the line"},
    {"a,b\n1,2\n# end\n", "line 3, column 1: \"# end\" is text in a line without numbers: remove the line"},
    /* lines and columns */
    {"1,234.5,2\n1,300.1,3\n",
     "line 1, column 1: \"1,234.5\" may be two columns or, as in every line, one number with a "
     "thousands separator: write it without, as in 1234.5, or add a first line that names"},
    {"7,12,345\n8,67,890\n", "line 1, column 2: \"12,345\" may be two columns"},
    {"x\n1,5\n2,5\n", "line 2 has 2 columns, expected 1 as in line 1: give each column one name there, or remove what "
                      "is too much, such as a comma inside a number (write 1.5"},
    {"a report\na,b\n1,2\n", "line 2 has 2 columns, expected 1 as in line 1: give each column one name there"},
    {"a,b\n1\n", "line 2 has 1 columns, expected 2 as in line 1: give each column one name there, or fill in what is "
                 "missing, or remove the row"},
    {"a,b\n1,2,\n3,4,5\n", "line 3 has 3 columns, expected 2 as in line 1: remove what is too much, such as a comma"},
    {"a b\n1 2\n3\n", "line 3 has 1 columns between blanks, expected 2 as in line 1: fill in what is missing"},
    {"1,2,\n3,4,5\n", "line 1, column 3: \"\" is empty"},
    {"a,b,c\n1,2,\n3,4,\n", "line 2, column 3: \"\" is empty"},
    {"a,b\n1,2\n\n3,4\n", "line 3 is empty, expected a row of numbers: remove the line"},
    {"a,b\n1,2\n,\n3,4\n", "line 3 is empty"},
    {"\na,b\n1,2\n", "line 1 is empty"},
    {",,\n1,2,3\n", "line 1 has separators and nothing between them: name the columns there"},
    {"\xff\xfe"
     "a",
     "is text in UTF-16: convert it with iconv -f UTF-16 -t UTF-8"},
    {"\xfe\xff", "is text in UTF-16"},
    {"PK\3\4", "is a zip archive, perhaps a workbook, expected text: save its sheet as CSV"},
    {"\x93NUMPY", "is a .npy file: give it a name ending in .npy"},
};
enum { BAD = sizeof bad / sizeof *bad };

START_TEST(tables_refused)
{
    for (size_t i = 0; i < BAD; i++)
        check_refused(pal_csv_read, write_text("x.csv", bad[i].text), PAL_ERR_FORMAT, bad[i].needle);
    check_refused(pal_csv_read,
                  write_file("x.csv",
                             "a\0,\0b\0\r\0\n\0"
                             "1\0,\0"
                             "2\0",
                             16),
                  PAL_ERR_FORMAT,
                  "line 1, column 1: \"a\\x00\" has a NUL byte: if the file is text in UTF-16, convert it with iconv");
    check_refused(pal_csv_read, write_file("x.csv", "1,2\n\0,3\n", 8), PAL_ERR_FORMAT,
                  "line 2, column 1: \"\\x00\" has a NUL");
}
END_TEST

/* The same table by any name; other formats are refused with what to do. */
START_TEST(tables_by_name)
{
    static const char *const names[] = {"x.csv", "x.tsv", "x.txt", "x.dat", "x.data", "X.CSV", "x.Txt"};
    static const struct {
        const char *name, *needle;
    } others[] = {{"x.npz", "save one of its arrays with numpy.save"},
                  {"x.xlsx", "save its sheet as CSV"},
                  {"x.parquet", "to_csv"},
                  {"x.mat", "writematrix"},
                  {"x.csv.xz", "unpack it"},
                  {"train-images-idx3-ubyte", "give the folder with the four IDX files"},
                  {"x", ".npy or .csv, or text ending in .tsv"},
                  {"x.doc", ".npy or .csv, or text ending in .tsv"}};
    const table t = {"1.5 2\n3 4\n", 2, 2, {1.5F, 2, 3, 4}, "blanks separate"};
    char name[64];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        check_table(&t, write_text(names[i], t.text));
        char packed[16];
        snprintf(packed, sizeof packed, "%s.gz", names[i]);
        check_table(&t, write_gz(packed, t.text, strlen(t.text)));
        ck_assert_str_eq(pal_dataset_name_of(path_of(packed), name, sizeof name), names[i][0] == 'X' ? "X" : "x");
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        check_refused(pal_array_read, write_text(others[i].name, t.text), PAL_ERR_ARGUMENT, others[i].needle);
    pal_tensor *tensor = make_tensor(PAL_F32, PAL_SHAPE(2, 2));
    ck_assert_int_eq(pal_array_write(tensor, path_of("x.txt"), NULL), PAL_ERR_ARGUMENT);
    pal_tensor_free(tensor);
}
END_TEST

/* Lines end anywhere in the buffers of the reader, by each of the three ends; each number is read once. */
START_TEST(line_ends_at_any_place)
{
    static const char *const ends[] = {"\n", "\r", "\r\n", "\r\r\n"};
    enum { ROWS = 70000 };
    char *text = malloc(12 * ROWS), *at;
    for (size_t shift = 0; shift < 5; shift++) {
        at = text;
        memset(at, '1', shift + 1);
        at += shift + 1;
        for (int i = 0; i < ROWS; i++) at += sprintf(at, "%s%d", ends[_i], i);
        pal_tensor *x =
            check_read(pal_csv_read, write_file("x.csv", text, (size_t)(at - text)), PAL_F32, PAL_SHAPE(ROWS + 1, 1));
        for (int i = 0; i < ROWS; i++) ck_assert(((float *)x->data)[i + 1] == (float)i);
        pal_tensor_free(x);
    }
    free(text);
}
END_TEST

/* The note is part of a data set and of its selections; a failed read leaves no note. */
START_TEST(notes_of_data_sets)
{
    const char *path = write_text("x.csv", ",a,b\n0,1,2\n1,3,4\n2,5,6\n");
    pal_dataset *set = pal_dataset_open(context, path, PAL_SPLIT_TEST, NULL);
    ck_assert_ptr_nonnull(set);
    ck_assert_str_eq(set->note.text, NAMED " (if it is a row: --header no); " INDEX
                                           ", so it is an index; 2 columns of numbers; 1 test sample drawn by seed 1; "
                                           "numbers scaled: none");
    ck_assert(set->features == 2 && set->count == 1);
    pal_dataset *part = pal_dataset_select(set, (uint32_t[]){0}, 1, NULL);
    ck_assert_str_eq(part->note.text, set->note.text);
    pal_dataset_free(part);
    pal_dataset_free(set);
    pal_note note = {"old"};
    ck_assert_ptr_null(pal_array_read_noted(context, write_text("x.csv", "a\nb\n"), &note, NULL));
    ck_assert_str_eq(note.text, "old");
}
END_TEST

Suite *tables_suite(void)
{
    Suite *suite = suite_create("tables");
    TCase *tests = in_own_folder(add_case(suite, "tables", set_up, tear_down,
                                          TESTS(tables_read, tables_refused, tables_by_name, notes_of_data_sets)));
    tcase_add_loop_test(tests, line_ends_at_any_place, 0, 4);
    return suite;
}
