/* gnuplot.c - has gnuplot draw a script, if there is a gnuplot.
 *
 * No shell is involved. gnuplot runs in the script's folder, so that a script names its files without a path and works
 * wherever the folder is moved; it reads no settings of the user's, and draws into the temporary file of file.c, which
 * is renamed when it has succeeded.
 */
#include "plot/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

void pal__gnuplot_quote(FILE *stream, const char *text)
{
    putc('\'', stream);
    for (; *text != '\0'; text++) {
        if (*text == '\'') putc('\'', stream);
        putc((unsigned char)*text < 32 ? ' ' : *text, stream);
    }
    putc('\'', stream);
}

/* "output='name'" for gnuplot's -e; the caller frees it. */
static char *output_setting(const char *name)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    if (stream == NULL) return NULL;
    fputs("output=", stream);
    pal__gnuplot_quote(stream, name);
    if (fclose(stream) == 0) return text;
    free(text);
    return NULL;
}

/* The error number of starting a program; its exit status (or -1) is in *status if that is 0. */
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
    /* A host that ignores its children's ends has none to tell: the picture will show. */
    *status = ended < 0 ? 0 : WIFEXITED(outcome) ? WEXITSTATUS(outcome) : -1;
    return 0;
}

/* folder and name are the two parts of the script's path; output is the picture's name as seen from that folder. */
static pal_status draw(const char *folder, const char *name, const char *output, bool *drawn, pal_error *error)
{
    char *setting = output_setting(output), *script = pal__join("./", name, (char *)NULL);
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

pal_status pal__gnuplot_run(const char *script, const char *path, bool *drawn, pal_error *error)
{
    const char *name = pal__last_part(script);
    struct stat picture;
    pal__file file;
    *drawn = false;
    pal_status status = pal__file_begin(&file, path, error);
    if (status != PAL_OK) return status;
    char *folder = name == script ? strdup("./") : strndup(script, (size_t)(name - script));
    if (folder == NULL)
        status = pal_error_set(error, PAL_ERR_MEMORY, "%s: no memory", path);
    else if (file.temporary == NULL)
        status = pal_error_set(error, PAL_ERR_ARGUMENT, "%s: not a regular file", path);
    else /* a temporary name that is relative lies in the script's folder, as path does */
        status = draw(folder, name, file.temporary[0] == '/' ? file.temporary : pal__last_part(file.temporary), drawn,
                      error);
    if (status == PAL_OK && *drawn && (fstat(fileno(file.stream), &picture) != 0 || picture.st_size == 0))
        status = pal_error_set(error, PAL_ERR_IO, "%s: gnuplot drew nothing", path);
    free(folder);
    if (status == PAL_OK && !*drawn) {
        pal__file_end(&file, PAL_ERR_STOPPED, NULL); /* leaves what was there */
        return PAL_OK;
    }
    status = pal__file_end(&file, status, error);
    *drawn = status == PAL_OK;
    return status;
}
