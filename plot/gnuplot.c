/* gnuplot.c - writes the data and the gnuplot script of a picture, and runs gnuplot if it is installed.
 *
 * NAME.dat and NAME.gnuplot are always written next to NAME.png or NAME.svg. The script uses file names without a
 * folder, so it still works if the folder is moved. Running it by hand in its folder draws the picture again.
 *
 * gnuplot is started without a shell, in the folder of the script, and without reading the user's gnuplot settings. It
 * draws into a temporary file of file.c, which is renamed on success.
 */
#include "plot/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <math.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TITLE_WIDTH = 1000 }; /* pixels, in a picture of 1280; a title is centred above the axes, left of a legend */

static void quote(FILE *stream, const char *text, size_t bytes)
{
    putc('\'', stream);
    for (; bytes > 0; bytes--, text++) {
        if (*text == '\'') putc('\'', stream);
        putc((unsigned char)*text < 32 ? ' ' : *text, stream);
    }
    putc('\'', stream);
}

void palt__gnuplot_quote(FILE *stream, const char *text) { quote(stream, text, strlen(text)); }

/* A heading must be one word: blanks become underscores. */
void palt__gnuplot_heading(FILE *stream, const char *text)
{
    for (; *text != '\0'; text++) putc((unsigned char)*text <= 32 ? '_' : *text, stream);
}

/* Writes enough digits to read the same number again. A number that is not finite becomes gnuplot's missing value. */
void palt__gnuplot_number(FILE *stream, double value, char end)
{
    if (isfinite(value))
        fprintf(stream, "%.17g%c", value, end);
    else
        fprintf(stream, "nan%c", end);
}

void palt__gnuplot_setting(FILE *stream, const char *before, const char *text, const char *after)
{
    fputs(before, stream);
    palt__gnuplot_quote(stream, text);
    fputs(after, stream);
}

static int lines_of(const char *title, int width, int size)
{
    int lines = 0;
    for (; *title != '\0'; lines++) palt__text_wrap(title, (pal_text_style){.height = size}, width, &title);
    return lines;
}

static int size_of(const char *title, int width) { return lines_of(title, width, 20) > 2 ? 15 : 20; }

int palt__gnuplot_title_lines(const char *title, int width) { return lines_of(title, width, size_of(title, width)); }

/* gnuplot cuts a long title at the edges of the picture, so it is wrapped here. A title of more than two lines gets
 * smaller letters. Letters are measured in the font of letters.c, at the height at which it is as wide as the font of
 * gnuplot. */
void palt__gnuplot_title(FILE *stream, const char *before, const char *title, int width)
{
    const int size = size_of(title, width);
    do {
        const char *line = title;
        size_t bytes = palt__text_wrap(line, (pal_text_style){.height = size}, width, &title);
        fputs(before, stream);
        quote(stream, line, bytes);
        before = ".\"\\n\".";
    } while (*title != '\0');
    fprintf(stream, " noenhanced font ',%d'\n", size);
}

void palt__gnuplot_head(FILE *stream, const char *title, const char *x_label, const char *y_label)
{
    if (title != NULL) palt__gnuplot_title(stream, "set title ", title, TITLE_WIDTH);
    palt__gnuplot_setting(stream, "set xlabel ", x_label, " noenhanced\n");
    palt__gnuplot_setting(stream, "set ylabel ", y_label, " noenhanced\n");
    fputs("set border 3 lc rgb '#333333'\n"
          "set tics nomirror out scale 0.6 textcolor rgb '#333333'\n"
          "set grid xtics ytics lc rgb '#dddddd' lt 1 lw 0.5\n"
          "set offsets graph 0.02, graph 0.02, graph 0.05, graph 0.05\n",
          stream);
}

static bool ends_in(const char *path, const char *ending)
{
    size_t length = strlen(path), n = strlen(ending);
    return length > n && strcmp(path + length - n, ending) == 0;
}

/* Writes the output settings, which are the same for every script. */
static void write_terminal(FILE *stream, const char *picture, int width, int height)
{
    fputs("# Draws the picture from the data file in the same folder. Run gnuplot on this file in that folder.\n",
          stream);
    palt__gnuplot_setting(stream, "if (!exists('output')) output = ", picture, "\n");
    if (ends_in(picture, ".svg"))
        fprintf(stream,
                "set terminal svg size %d,%d dynamic font 'Sans,17' linewidth 2 noenhanced background '#ffffff'\n",
                width, height);
    else
        fprintf(stream,
                "if (strstrt(GPVAL_TERMINALS, 'pngcairo')) {\n"
                "    set terminal pngcairo size %d,%d font 'Sans,17' linewidth 2 noenhanced background '#ffffff'\n"
                "} else {\n"
                "    set terminal png size %d,%d large linewidth 2 noenhanced\n"
                "}\n",
                width, height, width, height);
    fputs("set output output\n"
          "set encoding utf8\n"
          "set datafile missing 'nan'\n",
          stream);
}

/* ---- Running gnuplot ------------------------------------------------------------------------------------------ */

/* Returns "output='name'" for the option -e of gnuplot; the caller frees it. */
static char *output_setting(const char *name)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    if (stream == NULL) return NULL;
    fputs("output=", stream);
    palt__gnuplot_quote(stream, name);
    if (fclose(stream) == 0) return text;
    free(text);
    return NULL;
}

/* Runs a program. Returns the error number if it cannot be started, else 0 with its exit status (or -1) in *status. */
static int run(char *const *arguments, const char *folder, int *status)
{
    posix_spawn_file_actions_t actions;
    pid_t child = -1;
    int why = posix_spawn_file_actions_init(&actions);
    if (why != 0) return why;
    why = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (why == 0) why = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    if (why == 0) why = posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    if (why == 0) why = posix_spawn_file_actions_addchdir_np(&actions, folder);
    if (why == 0) why = posix_spawnp(&child, arguments[0], &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (why != 0) return why;
    int outcome = -1;
    pid_t ended;
    do ended = waitpid(child, &outcome, 0);
    while (ended < 0 && errno == EINTR);
    /* If the host program ignores SIGCHLD, no exit status exists; the caller then checks the picture itself. */
    *status = ended < 0 ? 0 : WIFEXITED(outcome) ? WEXITSTATUS(outcome) : -1;
    return 0;
}

/* folder and name are the two parts of the script's path; output is the path of the picture, relative to the folder. */
static pal_status draw(const char *folder, const char *name, const char *output, bool *drawn, pal_error *error)
{
    char *setting = output_setting(output), *script = palt__join("./", name, (char *)NULL);
    int outcome = 0, why = ENOMEM;
    if (setting != NULL && script != NULL) {
        char program[] = "gnuplot", plain[] = "-d", evaluate[] = "-e";
        why = run((char *[]){program, plain, evaluate, setting, script, NULL}, folder, &outcome);
    }
    free(setting);
    free(script);
    *drawn = why == 0 && outcome == 0;
    if (*drawn || why == ENOENT) return PAL_OK;
    if (why == 0) return pal_error_set(error, PAL_ERR_IO, "%s%s: gnuplot failed with status %d", folder, name, outcome);
    return pal_error_set(error, why == ENOMEM ? PAL_ERR_MEMORY : PAL_ERR_IO, "%s%s: cannot run gnuplot: %s", folder,
                         name, strerror(why));
}

/* Runs a script in its folder, with `output` set to a temporary name. On success that file becomes path, which is in
 * the same folder. */
static pal_status run_script(const char *script, const char *path, bool *drawn, pal_error *error)
{
    const char *name = palt__last_part(script);
    struct stat picture;
    palt__file file;
    *drawn = false;
    pal_status status = palt__file_begin(&file, path, error);
    if (status != PAL_OK) return status;
    char *folder = name == script ? strdup("./") : strndup(script, (size_t)(name - script));
    if (folder == NULL)
        status = pal_error_set(error, PAL_ERR_MEMORY, "%s: no memory", path);
    else if (file.temporary == NULL)
        status = pal_error_set(error, PAL_ERR_ARGUMENT, "%s: not a regular file", path);
    else /* a relative temporary name is in the folder of the script, like path */
        status = draw(folder, name, file.temporary[0] == '/' ? file.temporary : palt__last_part(file.temporary), drawn,
                      error);
    if (status == PAL_OK && *drawn && (fstat(fileno(file.stream), &picture) != 0 || picture.st_size == 0))
        status = pal_error_set(error, PAL_ERR_IO, "%s: gnuplot drew nothing", path);
    free(folder);
    if (status == PAL_OK && !*drawn) {
        palt__file_end(&file, PAL_ERR_STOPPED, NULL); /* keeps an existing picture */
        return PAL_OK;
    }
    status = palt__file_end(&file, status, error);
    *drawn = status == PAL_OK;
    return status;
}

/* ---- The files ------------------------------------------------------------------------------------------------ */

typedef struct beside { /* the picture and the files next to it */
    const char *path;
    int width, height;
    char *data, *script;
} beside;

static pal_status write_files(beside to, palt__gnuplot_data_fn data, palt__gnuplot_script_fn script, const void *user,
                              pal_error *error)
{
    palt__file file;
    pal_status status = palt__file_begin(&file, to.data, error);
    if (status != PAL_OK) return status;
    data(file.stream, user);
    status = palt__file_end(&file, PAL_OK, error);
    if (status == PAL_OK) status = palt__file_begin(&file, to.script, error);
    if (status != PAL_OK) return status;
    write_terminal(file.stream, palt__last_part(to.path), to.width, to.height);
    script(file.stream, user, palt__last_part(to.data));
    return palt__file_end(&file, PAL_OK, error);
}

/* Numbers need a decimal point in every locale. Only the locale of this thread is changed, and only while writing. */
static pal_status write_plainly(beside to, palt__gnuplot_data_fn data, palt__gnuplot_script_fn script, const void *user,
                                pal_error *error)
{
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (plain == (locale_t)0) return pal_error_set(error, PAL_ERR_MEMORY, "%s: no memory", to.path);
    locale_t before = uselocale(plain);
    pal_status status = write_files(to, data, script, user, error);
    uselocale(before);
    freelocale(plain);
    return status;
}

pal_status palt__gnuplot_write(const char *path, int width, int height, palt__gnuplot_data_fn data,
                               palt__gnuplot_script_fn script, const void *user, bool *drawn, pal_error *error)
{
    bool done = false;
    pal_status status = PAL_OK;
    size_t length = strlen(path);
    if (ends_in(path, ".png") || ends_in(path, ".svg")) length -= 4;
    char *stem = strndup(path, length);
    beside to = {.path = path, .width = width, .height = height};
    if (stem != NULL) {
        to.data = palt__join(stem, ".dat", (char *)NULL);
        to.script = palt__join(stem, ".gnuplot", (char *)NULL);
    }
    if (to.data == NULL || to.script == NULL)
        status = pal_error_set(error, PAL_ERR_MEMORY, "%s: no memory", path);
    else
        status = write_plainly(to, data, script, user, error);
    if (status == PAL_OK) status = run_script(to.script, path, &done, error);
    free(stem);
    free(to.data);
    free(to.script);
    if (drawn != NULL) *drawn = done;
    return status;
}
