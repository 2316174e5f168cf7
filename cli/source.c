/* source.c - variants from files of C code: which words are such files, and loading what was compiled of them.
 *
 * In: the words of the command line. Out: registered variants, and a list of which word stands for which of them. The
 * list is that of the process, as the registry of the variants is. A word of a file is found on the command line alone:
 * a file of --config or of a run cannot name code. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/source.h"

static pal_cli_source **sources; /* each stays where it is until the end of the process: others point into it */
static size_t n_sources;

/* ---- Words ---------------------------------------------------------------------------------------------------- */

/* Where the name of FILE.c:NAME begins; the end of the word if there is none. NULL: this is no file of C code. */
static const char *name_of(const char *word)
{
    const size_t length = strlen(word);
    const char *colon = strrchr(word, ':');
    if (length > 2 && !strcmp(word + length - 2, ".c")) return word + length;
    return colon && colon > word + 2 && !strncmp(colon - 2, ".c", 2) && colon[1] && !strchr(colon, '/') ? colon + 1
                                                                                                        : NULL;
}

bool pal_cli_is_source(const char *word) { return word[0] != '-' && name_of(word) != NULL; }

static pal_cli_source *find(const char *word)
{
    for (size_t i = 0; i < n_sources; i++)
        if (!strcmp(sources[i]->word, word)) return sources[i];
    return NULL;
}

const pal_variant *pal_cli_model_find(const char *word)
{
    const pal_cli_source *s = word ? find(word) : NULL;
    return s ? s->variant : pal_variant_find(word);
}

const pal_cli_source *pal_cli_source_of(const pal_variant *variant)
{
    for (size_t i = 0; i < n_sources; i++)
        for (size_t k = 0; k < sources[i]->n; k++)
            if (pal_variant_at(sources[i]->first + k) == variant) return sources[i];
    return NULL;
}

const char *pal_cli_model_word(const pal_variant *variant)
{
    for (size_t i = 0; i < n_sources; i++)
        if (sources[i]->variant == variant) return sources[i]->word;
    return variant->name;
}

/* ---- Files ---------------------------------------------------------------------------------------------------- */

/* The next `size` bytes and a zero. NULL: see errno, which is EIO if there are fewer. */
static char *read_all(int descriptor, size_t size)
{
    char *text = malloc(size + 1);
    for (size_t at = 0; text && at < size;) {
        const ssize_t got = read(descriptor, text + at, size - at);
        if (got > 0) at += (size_t)got;
        if (got > 0 || (got < 0 && errno == EINTR)) continue;
        const int error = got < 0 ? errno : EIO;
        free(text);
        text = NULL;
        errno = error;
    }
    if (text) text[size] = 0;
    return text;
}

char *pal_cli_source_read(const char *path, int *status)
{
    struct stat is;
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    const char *why = NULL;
    char *text = NULL;
    int ends = PAL_CLI_WRONG;
    if (descriptor < 0 || fstat(descriptor, &is)) {
        why = errno == ENOENT ? "no such file: give the path of a file of C code, or write one: `palindrome new mine`"
                              : strerror(errno);
    } else if (!S_ISREG(is.st_mode) || is.st_size > PAL_SOURCE_MOST) {
        why = "not a file of C code of at most 1 MiB";
    } else if (!(text = read_all(descriptor, (size_t)is.st_size))) {
        why = strerror(errno);
        ends = PAL_CLI_FAILED;
    } else if (strlen(text) != (size_t)is.st_size) {
        why = "not a file of C code: it has a zero byte";
    }
    if (descriptor >= 0) close(descriptor);
    if (!why) return text;
    free(text);
    if (status) *status = pal_cli_say(ends, "%s: %s", path, why);
    return NULL;
}

/* ---- Loading -------------------------------------------------------------------------------------------------- */

static size_t registered(void)
{
    size_t n = 0;
    while (pal_variant_at(n)) n++;
    return n;
}

/* "first, second": the names that the file has registered. */
static const char *names(const pal_cli_source *s, char *out, size_t size)
{
    *out = 0;
    for (size_t k = 0; k < s->n; k++) pal_cli_append(out, size, ", ", pal_variant_at(s->first + k)->name);
    return out;
}

/* Chooses the variant that the word names. */
static int choose(pal_cli_source *s, const char *name)
{
    char list[512];
    if (s->n == 0)
        return pal_cli_say(PAL_CLI_WRONG,
                           "%s: registers no variant: end the file with PAL_VARIANT_FILE(NAME), NAME that of its const "
                           "pal_variant",
                           s->word);
    for (size_t k = 0; k < s->n; k++) {
        const pal_variant *v = pal_variant_at(s->first + k);
        if (name ? !strcmp(v->name, name) : s->n == 1) s->variant = v;
    }
    if (s->variant) return PAL_CLI_GO_ON;
    if (name)
        return pal_cli_say(PAL_CLI_WRONG, "%s: no variant of this file is called %s, but %s", s->word, name,
                           names(s, list, sizeof list));
    return pal_cli_say(PAL_CLI_WRONG, "%s has several variants, %s: write which one, as %s:%s", s->word,
                       names(s, list, sizeof list), s->word, pal_variant_at(s->first)->name);
}

/* Finds the object, or makes it if no earlier process has. Where there is no compiler any more, that of another one
 * will do. */
static int find_object(const pal_cli_source *s, pal_cli_cache *cache, char object[PATH_MAX])
{
    char key[PAL_SHA256_TEXT], by[PAL_SHA256_TEXT];
    int status = pal_cli_source_key(s->hash, key) ? pal_cli_cache_open(cache, s->word, false) : PAL_CLI_FAILED;
    if (status != PAL_CLI_GO_ON) return status;
    pal_cli_compiler *compiler = pal_cli_compiler_find(NULL);
    if (!compiler) {
        if (pal_cli_cache_object(cache, key, NULL, object)) return PAL_CLI_GO_ON;
        compiler = pal_cli_compiler_find(s->word);
        if (!compiler) return PAL_CLI_FAILED;
    }
    if (!pal_cli_compiler_key(compiler, by)) {
        status = PAL_CLI_FAILED;
    } else if (!pal_cli_cache_object(cache, key, by, object)) {
        status = pal_cli_cache_open(cache, s->word, true);
        if (status == PAL_CLI_GO_ON) pal_cli_cache_object(cache, key, by, object); /* its path */
        if (status == PAL_CLI_GO_ON) status = pal_cli_compile(compiler, cache, s, object, false);
    }
    pal_cli_compiler_free(compiler);
    return status;
}

static int load(pal_cli_source *s)
{
    pal_cli_cache cache = {.temporary = false};
    char object[PATH_MAX];
    int status = find_object(s, &cache, object);
    if (status == PAL_CLI_GO_ON) {
        pal_cli_cache_note(&cache, s->hash);
        s->first = registered();
        pal_cli_source_guard(s->word);
        status = pal_cli_load_object(object, s->word);
        pal_cli_source_guard(NULL);
        s->n = registered() - s->first;
    }
    if (cache.temporary) unlink(object);
    pal_cli_cache_close(&cache);
    return status;
}

/* Another word for a text that is loaded already: the variants are the same. */
static const pal_cli_source *same_text(const char *hash)
{
    for (size_t i = 0; i < n_sources; i++)
        if (!strcmp(sources[i]->hash, hash)) return sources[i];
    return NULL;
}

static void free_source(pal_cli_source *s)
{
    if (!s) return;
    free(s->word);
    free(s->file);
    free(s->text);
    free(s);
}

/* The next one of the list, which still ends before it. NULL: out of memory, which was printed. */
static pal_cli_source *new_source(const char *word, const char *file, const char *text)
{
    pal_cli_source **more = realloc(sources, (n_sources + 1) * sizeof(pal_cli_source *));
    pal_cli_source *s = calloc(1, sizeof *s);
    if (more) sources = more;
    if (s) *s = (pal_cli_source){.word = strdup(word), .file = strdup(file), .text = strdup(text)};
    if (more && s && s->word && s->file && s->text) return sources[n_sources] = s;
    free_source(s);
    pal_cli_say(PAL_CLI_FAILED, "out of memory");
    return NULL;
}

int pal_cli_source_add(const char *word, const char *file, const char *text, const char *name)
{
    pal_cli_source *s = new_source(word, file, text);
    int status = PAL_CLI_GO_ON;
    if (!s) return PAL_CLI_FAILED;
    pal_sha256(text, strlen(text), s->hash);
    const pal_cli_source *same = same_text(s->hash);
    s->first = same ? same->first : 0;
    s->n = same ? same->n : 0;
    if (!same) status = load(s);
    if (status == PAL_CLI_GO_ON) status = choose(s, name);
    if (status == PAL_CLI_GO_ON)
        n_sources++;
    else
        free_source(s);
    return status;
}

/* The path from the root. A path that cannot be resolved is put behind that of the working folder. */
static const char *from_root(const char *path, char out[PATH_MAX])
{
    if (realpath(path, out)) return out;
    if (*path == '/' || !getcwd(out, PATH_MAX)) return path;
    const size_t length = strlen(out);
    while (!strncmp(path, "./", 2)) path += 2;
    return snprintf(out + length, PATH_MAX - length, "/%s", path) < (int)(PATH_MAX - length) ? out : path;
}

int pal_cli_source_load(const char *word)
{
    char path[PATH_MAX], whole[PATH_MAX];
    const char *name = name_of(word);
    if (find(word)) return PAL_CLI_GO_ON;
    snprintf(path, sizeof path, "%.*s", (int)(name - word) - (*name != 0), word);
    int status;
    char *text = pal_cli_source_read(path, &status);
    if (!text) return status;
    status = pal_cli_source_add(word, from_root(path, whole), text, *name ? name : NULL);
    free(text);
    return status;
}
