/* cases.c - the commands that faults are injected into, and the small data and runs that they work on. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <zlib.h>

#include "faults.h"

enum { SIDE = 8, PIXELS = SIDE * SIDE, TRAIN = 32, TEST = 16, ROWS = 32, COLUMNS = 4 };

const struct faults_case faults_cases[] = {
#define SETUP(...)
#define CASE(name, command, ...)  {false, name, command, __VA_ARGS__},
#define WHOLE(name, command, ...) {true, name, command, __VA_ARGS__},
#include "cases.def"
#undef SETUP
#undef CASE
#undef WHOLE
};
const size_t faults_n_cases = sizeof faults_cases / sizeof *faults_cases;

static const struct {
    const char *what, *command;
} setups[] = {
#define SETUP(what, command) {what, command},
#define CASE(...)
#define WHOLE(...)
#include "cases.def"
#undef SETUP
#undef CASE
#undef WHOLE
};

/* ---- Data ----------------------------------------------------------------------------------------------------- */

static void put(const struct faults_place *place, const char *name, const void *bytes, size_t size)
{
    char path[2048];
    snprintf(path, sizeof path, "%s/%s", place->work, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file)) faults_die(path);
}

static void put_packed(const struct faults_place *place, const char *name, const void *bytes, unsigned size)
{
    char path[2048];
    snprintf(path, sizeof path, "%s/%s", place->work, name);
    gzFile file = gzopen(path, "wb9");
    if (!file || gzwrite(file, bytes, size) != (int)size || gzclose(file)) faults_die(path);
}

/* Image i has a bright bar in a row or in a column. */
static unsigned char pixel(int i, int y, int x)
{
    return (unsigned char)((i % 2 ? x : y) == i / 2 % SIDE ? 200 + i * 7 % 56 : 0);
}

static void put_set(const struct faults_place *place, const char *folder, const char *set, unsigned char n)
{
    unsigned char images[16 + TRAIN * PIXELS] = {0, 0, 8, 3, 0, 0, 0, n, 0, 0, 0, SIDE, 0, 0, 0, SIDE};
    unsigned char labels[8 + TRAIN] = {0, 0, 8, 1, 0, 0, 0, n};
    char name[256];
    for (int i = 0; i < n; i++) {
        labels[8 + i] = (unsigned char)(i % 4);
        for (int p = 0; p < PIXELS; p++) images[16 + i * PIXELS + p] = pixel(i, p / SIDE, p % SIDE);
    }
    const bool packs = !strcmp(folder, "packed");
    snprintf(name, sizeof name, "%s/%s-images-idx3-ubyte%s", folder, set, packs ? ".gz" : "");
    if (packs)
        put_packed(place, name, images, (unsigned)(16 + n * PIXELS));
    else
        put(place, name, images, (size_t)(16 + n * PIXELS));
    snprintf(name, sizeof name, "%s/%s-labels-idx1-ubyte", folder, set);
    put(place, name, labels, 8 + n);
}

static void put_npy(const struct faults_place *place, const char *name, const char *type, int rows, int columns,
                    const void *data, size_t size)
{
    enum { HEAD = 128 };
    char *all = faults_more(NULL, HEAD + size);
    memset(all, ' ', HEAD);
    memcpy(all, "\x93NUMPY\x01\x00\x76\x00", 10);
    const int n = snprintf(all + 10, HEAD - 10, "{'descr': '%s', 'fortran_order': False, 'shape': (%d, %d), }", type,
                           rows, columns);
    all[10 + n] = ' ';
    all[HEAD - 1] = '\n';
    memcpy(all + HEAD, data, size);
    put(place, name, all, HEAD + size);
    free(all);
}

static void put_tables(const struct faults_place *place)
{
    char text[8192];
    double rows[ROWS * COLUMNS];
    unsigned char images[TEST * PIXELS];
    size_t at = 0;
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < COLUMNS; j++) {
            rows[i * COLUMNS + j] = (double)((i * (j + 3) + i / 3) % 16) / 16;
            at += (size_t)snprintf(text + at, sizeof text - at, "%g%c", rows[i * COLUMNS + j],
                                   j + 1 < COLUMNS ? ',' : '\n');
        }
    put(place, "rows.csv", text, at);
    put_npy(place, "rows.npy", "<f8", ROWS, COLUMNS, rows, sizeof rows);
    for (int i = 0; i < TEST * PIXELS; i++) images[i] = pixel(i / PIXELS, i % PIXELS / SIDE, i % SIDE);
    put_npy(place, "images.npy", "|u1", TEST, PIXELS, images, sizeof images);
    at = 0;
    for (int i = 0; i < 4 * PIXELS; i++)
        at +=
            (size_t)snprintf(text + at, sizeof text - at, "%g%c", images[i] ? 1.0 : 0.0, (i + 1) % PIXELS ? ',' : '\n');
    put(place, "images.csv", text, at);
    for (size_t i = 0; i + 1 < at; i++) /* each first cell of a line after the first one is missing */
        if (text[i] == '\n') text[i + 1] = ' ';
    put(place, "holes.csv", text, at);
    put(place, "old.dot", "old\n", 4);
    put(place, "old.png", "old\n", 4);
}

/* ---- Runs ----------------------------------------------------------------------------------------------------- */

static void make_run(const struct faults_place *place, const char *what, const char *command)
{
    enum { SECOND_SAVE = 6 }; /* run.json; then for each epoch the checkpoint and the metrics */
    const bool cut = !strcmp(what, "cut");
    const struct faults_plan plan = {.kind = cut ? FAULTS_RENAME : -1, .at = SECOND_SAVE, .error = FAULTS_KILL};
    struct faults_end end;
    size_t size;
    faults_launch(place, command, &plan, &end);
    if (cut ? WIFSIGNALED(end.status) : WIFEXITED(end.status) && !WEXITSTATUS(end.status)) return;
    char *err = faults_read(place->err, &size);
    fprintf(stderr, "faults: status %#x of palindrome %s\n%s", (unsigned)end.status, command, err);
    exit(3);
}

void faults_put_data(const struct faults_place *place)
{
    static const char *const folders[] = {"data", "packed"};
    char name[2048];
    for (size_t i = 0; i < 2; i++) {
        snprintf(name, sizeof name, "%s/%s", place->work, folders[i]);
        if (mkdir(name, 0777)) faults_die(name);
        put_set(place, folders[i], "train", TRAIN);
        put_set(place, folders[i], "t10k", TEST);
    }
    put_tables(place);
}

/* The run that is cut keeps what the kill left: a temporary file, which the next training removes. */
void faults_prepare(const struct faults_place *place)
{
    faults_put_data(place);
    for (size_t i = 0; i < sizeof setups / sizeof *setups; i++) make_run(place, setups[i].what, setups[i].command);
}
