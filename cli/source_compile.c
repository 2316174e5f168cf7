/* source_compile.c - compiles the text of a variant into a shared object, with the machine's own compiler.
 *
 * The compiler is $CC, or else the first of cc, gcc and clang that is there; it is started without a shell. It gets the
 * text as a file in a new folder, so that it compiles what was hashed, whatever happens to the user's file meanwhile,
 * and so that a header beside the user's file is not found: a run keeps one file. What the messages call the file is
 * said by a line directive. The object is not linked with libpalindrome: it takes the functions from the program that
 * loads it, or from the library that this program has loaded. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "autograd/file.h"
#include "cli/processes.h"
#include "cli/source.h"

extern char **environ;

enum { WORDS = 32 };
static const char *const flags[] = {"-std=gnu11",
                                    "-O2",
                                    "-fPIC",
                                    "-shared",
                                    "-Wall",
                                    "-Wextra",
                                    "-Wno-unused-parameter",
                                    "-Werror=implicit-function-declaration"};
enum { FLAGS = sizeof flags / sizeof *flags };

struct pal_cli_compiler {
    char *words; /* those of $CC, with zeros between them */
    const char *argv[WORDS];
    size_t n;
    char path[PATH_MAX], headers[PATH_MAX];
};

/* ---- What is there -------------------------------------------------------------------------------------------- */

/* The program as execvp would find it. */
static bool search(const char *name, char out[PATH_MAX])
{
    if (strchr(name, '/')) return snprintf(out, PATH_MAX, "%s", name) < PATH_MAX && !access(out, X_OK);
    const char *path = getenv("PATH");
    for (const char *at = path ? path : "/usr/bin:/bin"; *at;) {
        const size_t length = strcspn(at, ":");
        struct stat is;
        if (length && snprintf(out, PATH_MAX, "%.*s/%s", (int)length, at, name) < PATH_MAX && !access(out, X_OK) &&
            !stat(out, &is) && S_ISREG(is.st_mode))
            return true;
        at += length + (at[length] == ':');
    }
    return false;
}

/* A program in a build folder has a file beside it that names the source folder; an installed one finds the headers by
 * their place relative to its own. */
const char *pal_cli_headers(char out[PATH_MAX])
{
    char self[PATH_MAX], name[PATH_MAX + 64], line[PATH_MAX];
    const ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length <= 0) return NULL;
    self[length] = 0;
    *strrchr(self, '/') = 0;
    snprintf(name, sizeof name, "%s/palindrome.headers", self);
    FILE *file = fopen(name, "re");
    if (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        snprintf(name, sizeof name, "%s", line);
    } else if (*PAL_CLI_INCLUDE == '/') {
        snprintf(name, sizeof name, "%s", PAL_CLI_INCLUDE);
    } else {
        snprintf(name, sizeof name, "%s/%s", self, PAL_CLI_INCLUDE);
    }
    if (file) fclose(file);
    if (!realpath(name, out)) return NULL;
    snprintf(name, sizeof name, "%.4000s/palindrome.h", out);
    return access(name, R_OK) ? NULL : out;
}

/* Splits $CC, such as "ccache gcc", into words. */
static bool take_cc(pal_cli_compiler *c, const char *cc)
{
    char *rest;
    c->words = strdup(cc);
    for (char *w = c->words ? strtok_r(c->words, " \t", &rest) : NULL; w && c->n < WORDS / 2;
         w = strtok_r(NULL, " \t", &rest))
        c->argv[c->n++] = w;
    return c->n && search(c->argv[0], c->path);
}

/* Says why there is no compiler, unless the word is NULL. */
static bool find(pal_cli_compiler *c, const char *word)
{
    static const char *const names[] = {"cc", "gcc", "clang"};
    const char *cc = getenv("CC");
    if (!pal_cli_headers(c->headers)) {
        if (word)
            pal_cli_say(PAL_CLI_FAILED,
                        "%s: the headers of Palindrome are not beside this program: install them with it, or compile "
                        "the file by hand and use --load",
                        word);
        return false;
    }
    if (cc && cc[strspn(cc, " \t")]) {
        const bool there = take_cc(c, cc);
        if (!there && word)
            pal_cli_say(PAL_CLI_FAILED, "%s: CC is %s, which is no program here: set CC to a C compiler, or unset it",
                        word, cc);
        return there;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (search(names[i], c->path)) {
            c->argv[c->n++] = names[i];
            return true;
        }
    if (word)
        pal_cli_say(PAL_CLI_FAILED,
                    "%s: there is no C compiler to compile it: install gcc or clang (Debian: apt-get install gcc), or "
                    "set CC",
                    word);
    return false;
}

pal_cli_compiler *pal_cli_compiler_find(const char *word)
{
    pal_cli_compiler *c = calloc(1, sizeof *c);
    if (c && find(c, word)) return c;
    if (!c && word) pal_cli_say(PAL_CLI_FAILED, "out of memory");
    pal_cli_compiler_free(c);
    return NULL;
}

void pal_cli_compiler_free(pal_cli_compiler *c)
{
    if (c) free(c->words);
    free(c);
}

/* ---- The key -------------------------------------------------------------------------------------------------- */

typedef struct key {
    FILE *to;
    char *text;
    size_t size;
    int error; /* an errno */
    char what[PATH_MAX];
} key;

static void open_key(key *k)
{
    *k = (key){.error = 0};
    k->to = open_memstream(&k->text, &k->size);
}

/* "PATH SIZE TIME" of a file: another compiler, or another build of the library, is another file. */
static void add_file(key *k, const char *path)
{
    struct stat is = {.st_size = 0};
    if (stat(path, &is) && !k->error) {
        k->error = errno;
        snprintf(k->what, sizeof k->what, "%s", path);
    }
    if (k->to)
        fprintf(k->to, "%s %lld %lld.%09ld\n", path, (long long)is.st_size, (long long)is.st_mtim.tv_sec,
                is.st_mtim.tv_nsec);
}

/* The hash of what was printed. A key of a part would be that of another object. */
static bool close_key(key *k, char out[PAL_SHA256_TEXT])
{
    const bool failed = !k->to || ferror(k->to);
    const bool whole = k->to && !fclose(k->to) && !failed && k->text;
    if (!whole)
        pal_cli_say(PAL_CLI_FAILED, "out of memory");
    else if (k->error)
        pal_cli_say(PAL_CLI_FAILED, "%s: %s", k->what, strerror(k->error));
    else
        pal_sha256(k->text, k->size, out);
    free(k->text);
    return whole && !k->error;
}

bool pal_cli_source_key(const char *hash, char out[PAL_SHA256_TEXT])
{
    key k;
    Dl_info library;
    pal_status (*enlist)(const pal_variant *, pal_error *) = pal_variant_register;
    void *address;
    memcpy(&address, &enlist, sizeof address); /* as in plugin.c */
    open_key(&k);
    if (dladdr(address, &library)) add_file(&k, library.dli_fname);
    if (k.to) {
        fprintf(k.to, "%s\npalindrome %s\n", hash, pal_version());
        for (size_t i = 0; i < FLAGS; i++) fprintf(k.to, "%s\n", flags[i]);
    }
    return close_key(&k, out);
}

bool pal_cli_compiler_key(const pal_cli_compiler *c, char out[PAL_SHA256_TEXT])
{
    key k;
    open_key(&k);
    add_file(&k, c->path);
    if (k.to) fprintf(k.to, "headers %s\n", c->headers);
    for (size_t i = 0; i < c->n && k.to; i++) fprintf(k.to, "%s\n", c->argv[i]);
    return close_key(&k, out);
}

/* ---- Compiling ------------------------------------------------------------------------------------------------ */

/* Starts the compiler and waits for it. Returns its exit status; -1: see errno. */
static int start(const char *path, char *const *argv)
{
    pid_t child;
    int is;
    posix_spawn_file_actions_t actions;
    if ((errno = posix_spawn_file_actions_init(&actions))) return -1;
    /* What a compiler prints on standard output belongs to the messages, too. */
    errno = posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    if (!errno && !pal_cli_is_first()) /* process 0 compiles the same text, and shows its messages */
        errno = posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    if (!errno) errno = posix_spawn(&child, path, &actions, NULL, argv, environ);
    const int error = errno;
    posix_spawn_file_actions_destroy(&actions);
    if ((errno = error)) return -1;
    while (waitpid(child, &is, 0) < 0)
        if (errno != EINTR) return -1;
    return WIFEXITED(is) ? WEXITSTATUS(is) : 128 + WTERMSIG(is);
}

static int print_text(FILE *to, void *user)
{
    const pal_cli_source *s = user;
    fputs("# 1 \"", to);
    for (const char *c = s->word; *c; c++) {
        if (strchr("\"\\", *c)) fputc('\\', to);
        if (*c == '\n')
            fputs("\\n", to);
        else
            fputc(*c, to);
    }
    /* The mark that some editors put before UTF-8 is none of the C language behind another line. */
    fprintf(to, "\"\n%s", s->text + (strncmp(s->text, "\xef\xbb\xbf", 3) ? 0 : 3));
    return 0;
}

static int write_text(int descriptor, void *user) { return pal_write_printed(descriptor, print_text, user); }

/* The first file that the text includes, beside the headers of the system and of Palindrome: in the list of -MMD, which
 * is "variant: FILE FILE". "": none. */
static const char *included(const char *list, const char *text, char out[PATH_MAX])
{
    char line[2 * PATH_MAX] = "";
    *out = 0;
    FILE *file = fopen(list, "re");
    size_t n = file ? fread(line, 1, sizeof line - 1, file) : 0;
    if (file) fclose(file);
    line[n] = 0;
    for (char *rest, *w = strtok_r(line, " \n\\", &rest); w; w = strtok_r(NULL, " \n\\", &rest))
        if (strcmp(w, "variant:") != 0 && strcmp(w, text) != 0 && !*out) snprintf(out, PATH_MAX, "%s", w);
    return out;
}

typedef struct place { /* the folder of one compilation */
    char folder[PATH_MAX], text[PATH_MAX + 16], list[PATH_MAX + 16], object[PATH_MAX + 16];
} place;

/* "ccache gcc -m32" */
static const char *name_of(const pal_cli_compiler *c, char out[512])
{
    *out = 0;
    for (size_t i = 0; i < c->n; i++) pal_cli_append(out, 512, " ", c->argv[i]);
    return out;
}

static int compile_in(const pal_cli_compiler *c, const place *p, const pal_cli_source *s, const char *to, bool strict)
{
    const char *argv[WORDS + FLAGS + 24];
    char other[PATH_MAX], name[512];
    size_t n = 0;
    pal_error err = {0};
    if (pal_file_write(p->text, write_text, (void *)(uintptr_t)s, &err)) return pal_cli_say_error(&err);
    for (size_t i = 0; i < c->n; i++) argv[n++] = c->argv[i];
    for (size_t i = 0; i < FLAGS; i++) argv[n++] = flags[i];
    if (strict) argv[n++] = "-Werror";
    const char *const rest[] = {
        "-isystem", c->headers, "-MMD", "-MF", p->list, "-MT", "variant",
        "-o",       p->object,  "-x",   "c",   p->text, "-lm"}; /* -x: CC may be a compiler of C++ */
    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++) argv[n++] = rest[i];
    argv[n] = NULL;
    fflush(stdout);
    const int status = start(c->path, (char *const *)(uintptr_t)argv);
    if (status < 0)
        return pal_cli_say(PAL_CLI_FAILED, "%s: cannot start the compiler %s: %s", s->word, c->path, strerror(errno));
    if (status && strict) return PAL_CLI_FAILED;
    if (status)
        return pal_cli_say(PAL_CLI_WRONG, "%s does not compile: mend what %s says above and run this again%s", s->word,
                           name_of(c, name),
                           strstr(s->text, "#include \"") ? "; a variant is one file, without headers of its own" : "");
    if (access(p->object, F_OK))
        return pal_cli_say(PAL_CLI_FAILED, "%s: %s made no object: set CC to a C compiler, or unset it", s->word,
                           name_of(c, name));
    if (*included(p->list, p->text, other))
        return pal_cli_say(PAL_CLI_WRONG,
                           "%s includes %s, but a variant is one file, which a run can keep: put the lines into it, or "
                           "compile an object by hand and use --load",
                           s->word, other);
    if (chmod(p->object, 0600) || rename(p->object, to))
        return pal_cli_say(PAL_CLI_FAILED, "%s: cannot write %s: %s", s->word, to, strerror(errno));
    return PAL_CLI_GO_ON;
}

int pal_cli_compile(const pal_cli_compiler *c, const pal_cli_cache *cache, const pal_cli_source *s, const char *to,
                    bool strict)
{
    place p;
    snprintf(p.folder, sizeof p.folder, "%s/" PAL_CLI_WORK "XXXXXX", cache->folder);
    if (!mkdtemp(p.folder))
        return pal_cli_say(PAL_CLI_FAILED, "%s: cannot make %s: %s", s->word, p.folder, strerror(errno));
    snprintf(p.text, sizeof p.text, "%s/variant.c", p.folder);
    snprintf(p.list, sizeof p.list, "%s/list", p.folder);
    snprintf(p.object, sizeof p.object, "%s/object", p.folder);
    const int status = compile_in(c, &p, s, to, strict);
    unlink(p.text);
    unlink(p.list);
    unlink(p.object);
    rmdir(p.folder);
    return status;
}
