/* source_cache.c - a folder of the user for compiled variants, and the record of the texts that the user has compiled.
 *
 * $XDG_CACHE_HOME/palindrome/variants, or ~/.cache/palindrome/variants, has KEY-KEY.so for each object and HASH.known
 * for each text: the second key is that of the compiler. Only the owner may have written either, and the folder itself:
 * what others can write is not taken, for an object is loaded into this process, and a HASH.known lets the code of a
 * run folder be compiled. A folder that cannot be used is replaced by a temporary one, which is removed when the object
 * is loaded. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/source.h"

/* Whether only this user can have written what is there. */
static bool is_own(const char *path, mode_t kind)
{
    struct stat is;
    return !lstat(path, &is) && (is.st_mode & S_IFMT) == kind && is.st_uid == geteuid() && !(is.st_mode & 022);
}

static bool is_folder(const char *path)
{
    struct stat is;
    return !lstat(path, &is) && S_ISDIR(is.st_mode);
}

/* The path of the folder, which may not exist. false: the environment names none. */
static bool locate(char out[PAL_CLI_CACHE_PATH])
{
    const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME"), *below = "";
    if (!base || *base != '/') {
        base = home;
        below = "/.cache";
    }
    return base && *base == '/' &&
           snprintf(out, PAL_CLI_CACHE_PATH, "%s%s/palindrome/variants", base, below) < PAL_CLI_CACHE_PATH;
}

/* Makes the folder and its parents. Returns 0, or an errno. */
static int make(const char *path)
{
    char part[PAL_CLI_CACHE_PATH];
    for (const char *slash = path; (slash = strchr(slash + 1, '/'));) {
        snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
        const int error = mkdir(part, 0700) ? errno : 0;
        if (error && error != EEXIST && access(part, F_OK)) return error;
    }
    return mkdir(path, 0700) && errno != EEXIST ? errno : 0;
}

static int use_temporary(pal_cli_cache *cache, const char *word, const char *why)
{
    const char *base = getenv("TMPDIR");
    cache->temporary = true;
    snprintf(cache->folder, sizeof cache->folder, "%.2900s/palindrome-XXXXXX", base && *base == '/' ? base : "/tmp");
    if (!mkdtemp(cache->folder))
        return pal_cli_say(PAL_CLI_FAILED, "%s: cannot make %s: %s: set TMPDIR to a folder that can be written", word,
                           cache->folder, strerror(errno));
    return pal_cli_say(PAL_CLI_GO_ON, "warning: %s is compiled for this command only: %s", word, why);
}

/* ---- What a killed compilation left ----------------------------------------------------------------------------- */

enum { OLD = 3600 }; /* seconds: no compilation takes so long */

static bool begins(const char *name, const char *with) { return !strncmp(name, with, strlen(with)); }

/* Removes a folder of files. A link, or a folder in it, stays, and so does it. */
static void remove_work(int above, const char *name)
{
    const int descriptor = openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *files = descriptor >= 0 ? fdopendir(descriptor) : NULL;
    if (!files && descriptor >= 0) close(descriptor);
    if (!files) return;
    for (const struct dirent *e; (e = readdir(files));)
        if (*e->d_name != '.') unlinkat(descriptor, e->d_name, 0);
    closedir(files);
    unlinkat(above, name, AT_REMOVEDIR);
}

/* Removes folders and objects that this user's compilations began more than an hour ago and did not remove. */
static void remove_old(const char *folder)
{
    const int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *entries = descriptor >= 0 ? fdopendir(descriptor) : NULL;
    const time_t now = time(NULL);
    if (!entries && descriptor >= 0) close(descriptor);
    if (!entries) return;
    for (const struct dirent *e; (e = readdir(entries));) {
        struct stat is;
        const bool work = begins(e->d_name, PAL_CLI_WORK), checked = begins(e->d_name, PAL_CLI_CHECKED);
        if ((!work && !checked) || fstatat(descriptor, e->d_name, &is, AT_SYMLINK_NOFOLLOW) || is.st_uid != geteuid() ||
            is.st_mtime > now - OLD)
            continue;
        if (work && S_ISDIR(is.st_mode)) remove_work(descriptor, e->d_name);
        if (checked && S_ISREG(is.st_mode)) unlinkat(descriptor, e->d_name, 0);
    }
    closedir(entries);
}

/* ---- The interface ----------------------------------------------------------------------------------------------- */

int pal_cli_cache_open(pal_cli_cache *cache, const char *word, bool to_write)
{
    char why[PAL_CLI_CACHE_PATH + 256];
    *cache = (pal_cli_cache){.temporary = false};
    if (!locate(cache->folder)) {
        if (to_write) return use_temporary(cache, word, "set HOME or XDG_CACHE_HOME, so that the result can be kept");
        *cache->folder = 0;
        return PAL_CLI_GO_ON;
    }
    if (!to_write) return PAL_CLI_GO_ON;
    const int error = make(cache->folder);
    if (!error && is_own(cache->folder, S_IFDIR) && !access(cache->folder, W_OK | X_OK)) {
        remove_old(cache->folder);
        return PAL_CLI_GO_ON;
    }
    snprintf(why, sizeof why, "%.3000s%s %s: make it writable for you alone, or set XDG_CACHE_HOME", cache->folder,
             error ? ":" : "",
             error                                ? strerror(error)
             : !is_folder(cache->folder)          ? "is no folder, or a link to one"
             : access(cache->folder, W_OK | X_OK) ? "cannot be written"
                                                  : "is open to others, or theirs");
    return use_temporary(cache, word, why);
}

void pal_cli_cache_close(const pal_cli_cache *cache)
{
    if (cache->temporary) rmdir(cache->folder);
}

/* The first object whose name begins so. */
static bool find_object(const char *folder, const char *beginning, char path[PATH_MAX])
{
    DIR *entries = opendir(folder);
    bool found = false;
    if (!entries) return false;
    for (const struct dirent *e; !found && (e = readdir(entries));) {
        if (!begins(e->d_name, beginning)) continue;
        snprintf(path, PATH_MAX, "%s/%s", folder, e->d_name);
        found = is_own(path, S_IFREG);
    }
    closedir(entries);
    return found;
}

bool pal_cli_cache_object(const pal_cli_cache *cache, const char *source, const char *compiler, char path[PATH_MAX])
{
    char beginning[PAL_SHA256_TEXT + 1];
    const bool mine = *cache->folder && is_own(cache->folder, S_IFDIR);
    snprintf(path, PATH_MAX, "%s/%s-%s.so", cache->folder, source, compiler ? compiler : "");
    snprintf(beginning, sizeof beginning, "%s-", source);
    return mine && (compiler ? is_own(path, S_IFREG) : find_object(cache->folder, beginning, path));
}

bool pal_cli_cache_knows(const char *hash)
{
    char folder[PAL_CLI_CACHE_PATH], path[PATH_MAX];
    if (!locate(folder)) return false;
    snprintf(path, sizeof path, "%s/%s.known", folder, hash);
    return is_own(folder, S_IFDIR) && is_own(path, S_IFREG);
}

void pal_cli_cache_note(const pal_cli_cache *cache, const char *hash)
{
    char path[PATH_MAX];
    if (cache->temporary || !*cache->folder) return;
    snprintf(path, sizeof path, "%s/%s.known", cache->folder, hash);
    const int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (descriptor >= 0) close(descriptor);
}
