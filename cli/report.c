/* report.c - palindrome report: writes one page about a run, or about several, that a browser shows without a network.
 *
 * The page has what the other verbs print and draw. What cannot be computed is left out, with a line that says why. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "autograd/file.h"
#include "cli/report.h"

enum { MOST = 16 }; /* panels of a scatter plot */

/* clang-format off */
static const pal_cli_row rows[] = {
    PAL_CLI_OUT("the page, .html (default: RUN/report.html; of several runs, report-of-all.html in the last)"),
    PAL_CLI_ENUM("title", "", NULL, "TEXT", "heading of the page (default: the model and the data)"),
    PAL_CLI_DATA,
    PAL_CLI_SPLIT,
    PAL_CLI_WHICH,
    PAL_CLI_INT("samples", "10", 1, 256, "N", "samples in the pictures and tables"),
    PAL_CLI_NOISE_SEED,
    PAL_CLI_THREADS,
    PAL_CLI_PORTABLE,
    PAL_CLI_END,
};
/* clang-format on */
const pal_cli_spec pal_cli_report_spec = {
    .words = "RUN [RUN...]",
    .summary =
        "Write one page about a run: what it is, its figures, curves, reconstructions, filters, codes, worst samples, "
        "graph, options, and how to repeat it. The page is one file without a script, which needs no network. Of "
        "several runs, up to 16, the figures are side by side and the curves in one chart. An older page of that name "
        "is replaced. What cannot be computed is left out, and the page says why.",
    .rows = rows,
    .least = 1,
    .most = MOST,
    .missing = PAL_CLI_NO_RUN,
    .effect = PAL_CLI_FIGURES,
};

int pal__report_check(const pal_cli_args *args)
{
    static const char *const endings[] = {".html", ".htm"};
    const char *path = pal_cli_given(args, "out");
    const size_t length = path ? strlen(path) : 0;
    struct stat info;
    bool named = !path;
    if (path && !stat(path, &info) && S_ISDIR(info.st_mode))
        return pal_cli_say(PAL_CLI_WRONG, "--out %s: this is a folder: name a file in it, such as %s%sreport.html",
                           path, path, length && path[length - 1] == '/' ? "" : "/");
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        const size_t n = strlen(endings[i]);
        named |= length > n && path[length - n - 1] != '/' && !strcasecmp(path + length - n, endings[i]);
    }
    return named ? PAL_CLI_GO_ON
                 : pal_cli_say(PAL_CLI_WRONG, "--out %s: not a page: choose a name that ends in .html", path);
}

/* ---- The folder for pictures ---------------------------------------------------------------------------------- */

static int make_folder(pal__report *r)
{
    const char *within = getenv("TMPDIR");
    const int n = snprintf(r->folder, sizeof r->folder, "%s/palindrome-XXXXXX", within && *within ? within : "/tmp");
    if (n >= (int)sizeof r->folder) snprintf(r->folder, sizeof r->folder, "/tmp/palindrome-XXXXXX");
    if (mkdtemp(r->folder)) return PAL_CLI_GO_ON;
    *r->folder = 0;
    return pal_cli_say(PAL_CLI_FAILED, "report: no folder for temporary pictures can be made in %s: set TMPDIR",
                       within && *within ? within : "/tmp");
}

static void remove_folder(const pal__report *r)
{
    DIR *folder = *r->folder ? opendir(r->folder) : NULL;
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            unlinkat(dirfd(folder), entry->d_name, 0);
    if (folder) closedir(folder);
    if (*r->folder) rmdir(r->folder);
}

/* ---- The file ------------------------------------------------------------------------------------------------- */

typedef struct document {
    const char *text;
    size_t size;
} document;

static int write_document(int descriptor, void *user)
{
    const document *d = user;
    return pal_write_all(descriptor, d->text, d->size);
}

static int save(pal__report *r)
{
    pal_error err = {0};
    document d = {0};
    char *text = pal_html_end(&r->html, &d.size);
    r->html.to = NULL;
    d.text = text;
    const bool lost = !text || pal_cli_json_lost();
    if (!lost) pal_file_write(r->path, write_document, &d, &err);
    free(text);
    if (lost) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    return err.status ? pal_cli_say_error(&err) : PAL_CLI_GO_ON;
}

int pal__report_runs(const pal_cli_args *args, pal_cli_runs *runs, const char *path, char *written, size_t size)
{
    pal__report r;
    pal_cli_signals_catch();
    int status = pal__report_open(args, runs, &r);
    if (path)
        snprintf(r.path, sizeof r.path, "%s", path);
    else
        pal_rundir_file(runs->run[runs->n - 1].dir, runs->n > 1 ? "report-of-all.html" : "report.html", r.path,
                        sizeof r.path);
    if (status == PAL_CLI_GO_ON) status = make_folder(&r);
    if (status == PAL_CLI_GO_ON) status = pal__report_write(&r);
    remove_folder(&r);
    if (status == PAL_CLI_GO_ON) status = save(&r);
    pal_cli_signals_release();
    if (status == PAL_CLI_SIGNAL + pal_cli_signal() && pal_cli_signal())
        pal_cli_say(PAL_CLI_GO_ON, "stopped: no page was written");
    snprintf(written, size, "%s", r.path);
    pal__report_close(&r);
    return status;
}

static int act(const pal_cli_args *args, pal_cli_runs *runs)
{
    char path[PAL_CLI_PATH];
    bool drawn = false; /* samples for the baseline */
    for (size_t i = 0; i < runs->n; i++) {
        const pal_run_info *info = pal_rundir_info(runs->run[i].dir);
        drawn |= info->train_samples > PAL_BASELINE_ROWS || info->test_samples > PAL_BASELINE_ROWS;
    }
    int status = drawn ? PAL_CLI_GO_ON : pal_cli_check_seed(args, runs->run, runs->n);
    if (status == PAL_CLI_GO_ON) status = pal__report_runs(args, runs, pal_cli_given(args, "out"), path, sizeof path);
    if (status != PAL_CLI_GO_ON) return status;
    pal_cli_print("%s\n", path);
    return PAL_CLI_DONE;
}

int pal_cli_report(int argc, char **argv)
{
    return pal_cli_about_all(&(pal_cli_about_runs){&pal_cli_report_spec, pal__report_check, false, act}, argc, argv);
}
