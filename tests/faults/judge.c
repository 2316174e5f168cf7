/* judge.c - whether a run with a fault ended well.
 *
 * Well is: the right result, with the output and the files of the run without a fault, or with a warning that says
 * what is left out of them; or a refusal, with an exit status and one line, which warnings may come before, after which
 * everything that existed is as it was. A training that was refused halfway is finished without a fault, and must reach
 * the same checkpoint and the same metrics. */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "faults.h"

enum { PATH = 1024 };

static const char warning[] = "palindrome: warning: ";

#define BAD(...) (snprintf(why, size, __VA_ARGS__), FAULTS_BAD)

static bool below(const char *path, const char *folder)
{
    const size_t n = folder ? strlen(folder) : 0;
    return n && !strncmp(path, folder, n) && (!path[n] || path[n] == '/');
}

/* A cache is no result: with another compiler, because one cannot be examined, another object is right, too. */
static bool is_cached(const char *path) { return below(path, ".cache"); }

static bool is_temporary(const char *path)
{
    const size_t n = strlen(path);
    return n > 5 && !strcmp(path + n - 5, ".part");
}

/* Whether text contains this line. */
static bool has_line(const char *text, const char *line, size_t length)
{
    for (const char *at = text; *at;) {
        const size_t n = strcspn(at, "\n");
        if (n == length && !strncmp(at, line, n)) return true;
        at += n + (at[n] == '\n');
    }
    return false;
}

static bool warns(const char *line) { return !strncmp(line, warning, sizeof warning - 1); }

/* The lines that the run without a fault does not print, without warnings or with them. The first of them is copied to
 * `first`. */
static size_t new_lines(const char *text, const char *usual, bool warnings, char *first, size_t size)
{
    size_t count = 0;
    *first = 0;
    for (const char *at = text; *at;) {
        const size_t n = strcspn(at, "\n");
        if (!has_line(usual, at, n) && (warnings || !warns(at)) && !count++) snprintf(first, size, "%.*s", (int)n, at);
        at += n + (at[n] == '\n');
    }
    return count;
}

/* ---- Folders -------------------------------------------------------------------------------------------------- */

/* The first path that differs, or NULL. A temporary file that an earlier, killed process left may stay, where it cannot
 * be found or removed: the next training removes it. One of this process may stay only where no file can be removed. */
static const char *difference(const struct faults_folder *a, const struct faults_reference *r, bool cannot_remove)
{
    const struct faults_folder *b = &r->after;
    for (int turn = 0; turn < 2; turn++) {
        const struct faults_folder *from = turn ? b : a, *to = turn ? a : b;
        for (size_t i = 0; i < from->n; i++) {
            const struct faults_file *f = &from->files[i];
            const bool is_old = faults_file_equal(f, faults_folder_find(&r->before, f->path));
            if (is_cached(f->path) || (is_temporary(f->path) && (cannot_remove || is_old))) continue;
            if (!faults_file_equal(f, faults_folder_find(to, f->path))) return f->path;
        }
    }
    return NULL;
}

/* What a refusal destroyed or left, or NULL. */
static const char *damage(const struct faults_folder *now, const struct faults_case *c,
                          const struct faults_reference *r, bool cannot_remove, const char **path)
{
    for (size_t i = 0; i < r->before.n; i++) {
        const struct faults_file *old = &r->before.files[i], *f = faults_folder_find(now, *path = old->path);
        if (below(old->path, c->made)) continue;
        if (!f) return "lost";
        if (!faults_file_equal(old, f) && !faults_file_equal(faults_folder_find(&r->after, old->path), f))
            return "changed";
    }
    for (size_t i = 0; i < now->n; i++) {
        const struct faults_file *f = &now->files[i];
        *path = f->path;
        if (faults_folder_find(&r->before, f->path) || is_cached(f->path)) continue;
        if (is_temporary(f->path) && !cannot_remove) return "left";
        if (is_temporary(f->path) || below(f->path, c->made)) continue;
        if (!faults_file_equal(faults_folder_find(&r->after, f->path), f)) return "left, and not whole";
    }
    return NULL;
}

static uint64_t hash_of(const struct faults_folder *folder, const char *made)
{
    uint64_t hash = 14695981039346656037ull;
    for (size_t i = 0; i < folder->n; i++) {
        const struct faults_file *f = &folder->files[i];
        if (!below(f->path, made)) continue;
        for (const char *p = f->path; *p; p++) hash = (hash ^ (unsigned char)*p) * 1099511628211ull;
        for (size_t k = 0; k < f->size; k++) hash = (hash ^ (unsigned char)f->bytes[k]) * 1099511628211ull;
        hash = (hash ^ 0xff) * 1099511628211ull;
    }
    return hash;
}

static const struct faults_file *in(const struct faults_folder *folder, const char *made, const char *name)
{
    char path[PATH];
    snprintf(path, sizeof path, "%s/%s", made, name);
    return faults_folder_find(folder, path);
}

static bool is_done(const struct faults_folder *now, const struct faults_case *c, const struct faults_reference *r)
{
    static const char *const files[] = {"checkpoint.safetensors", "metrics.jsonl"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const struct faults_file *wanted = in(&r->after, c->made, files[i]);
        if (wanted && !faults_file_equal(wanted, in(now, c->made, files[i]))) return false;
    }
    const struct faults_file *info = in(now, c->made, "run.json");
    return info && strstr(info->bytes, "\"status\": \"done\"");
}

/* Finishes what a refused training left. Returns what is wrong, or NULL. */
static const char *finish(const struct faults_place *place, const struct faults_case *c,
                          const struct faults_reference *r, const struct faults_folder *left)
{
    static const struct faults_plan none = {.kind = -1};
    const bool any = in(left, c->made, "run.json") || in(left, c->made, "checkpoint.safetensors") ||
                     in(left, c->made, "metrics.jsonl");
    const bool saved = in(left, c->made, "checkpoint.safetensors");
    const char *const commands[] = {any ? c->follow : c->command, any ? c->again : NULL};
    for (size_t i = 0; i < 2 && commands[i]; i++) {
        struct faults_end end;
        faults_launch(place, commands[i], &none, &end);
        if (end.hung || WIFSIGNALED(end.status)) return "cannot be resumed: a signal ends that";
        if (WEXITSTATUS(end.status)) continue;
        struct faults_folder now = faults_folder_read(place->work);
        const bool good = is_done(&now, c, r);
        faults_folder_free(&now);
        return good ? NULL : "is resumed to another result";
    }
    return saved ? "cannot be resumed" : NULL; /* before the first checkpoint there is nothing to resume */
}

static const char *unfinished(const struct faults_place *place, const struct faults_case *c, struct faults_reference *r,
                              const struct faults_folder *now)
{
    if (!c->made || !c->follow || !faults_folder_find(now, c->made) || is_done(now, c, r)) return NULL;
    const uint64_t hash = hash_of(now, c->made);
    if (hash == hash_of(&r->before, c->made)) return NULL;
    for (size_t i = 0; i < r->n_accepted; i++)
        if (r->accepted[i] == hash) return NULL;
    const char *wrong = finish(place, c, r, now);
    if (wrong) return wrong;
    r->accepted = faults_more(r->accepted, (r->n_accepted + 1) * sizeof *r->accepted);
    r->accepted[r->n_accepted++] = hash;
    return NULL;
}

/* ---- The verdict ---------------------------------------------------------------------------------------------- */

/* Whether warnings, and nothing else, say that something is left out, and old files are as they were. */
static bool is_told(const struct faults_reference *r, const struct faults_folder *now, const char *err)
{
    size_t warnings = 0;
    for (const char *at = err; *at;) {
        const size_t n = strcspn(at, "\n");
        const bool is_new = !has_line(r->err, at, n);
        if (is_new && !warns(at)) return false;
        warnings += is_new;
        at += n + (at[n] == '\n');
    }
    if (!warnings) return false;
    for (size_t i = 0; i < r->before.n; i++)
        if (!faults_file_equal(&r->before.files[i], faults_folder_find(now, r->before.files[i].path))) return false;
    return true;
}

static enum faults_verdict right(const struct faults_reference *r, const struct faults_folder *now, bool cannot_remove,
                                 const char *out, const char *err, bool muted, char *why, size_t size)
{
    char line[512];
    const char *path = difference(now, r, cannot_remove);
    if (is_told(r, now, err)) return FAULTS_RIGHT;
    if (path) return BAD("exit 0, and %s is not that of a run without a fault", path);
    if (strcmp(out, r->out) != 0) return BAD("exit 0, and standard output is not that of a run without a fault");
    const size_t more = new_lines(err, r->err, true, line, sizeof line);
    if (more > 1 || (more && strncmp(line, "palindrome: ", 12) != 0)) return BAD("exit 0, and it says: %s", line);
    if (!muted && new_lines(r->err, err, true, line, sizeof line)) return BAD("exit 0, and it does not say: %s", line);
    return FAULTS_RIGHT;
}

static enum faults_verdict judge(const struct faults_place *place, const struct faults_case *c,
                                 struct faults_reference *r, const struct faults_plan *plan,
                                 const struct faults_end *end, const struct faults_folder *now, const char *out,
                                 const char *err, char *why, size_t size)
{
    char line[512];
    const char *path;
    if (end->hung) return BAD("it hangs");
    if (WIFSIGNALED(end->status)) return BAD("signal %d; it says: %.300s", WTERMSIG(end->status), err);
    const bool cannot_remove = plan->kind == FAULTS_UNLINK;
    if (!WEXITSTATUS(end->status)) return right(r, now, cannot_remove, out, err, end->muted, why, size);
    const size_t lines = new_lines(err, r->err, false, line, sizeof line);
    if (!lines && !end->muted) return BAD("exit %d, and no line", WEXITSTATUS(end->status));
    if (lines > 1) return BAD("exit %d, and %d lines: %s", WEXITSTATUS(end->status), (int)lines, line);
    if (lines && strncmp(line, "palindrome: ", 12) != 0)
        return BAD("exit %d, and a line of another: %s", WEXITSTATUS(end->status), line);
    const char *wrong = damage(now, c, r, cannot_remove, &path);
    if (wrong) return BAD("%s is %s; it says: %s", path, wrong, line);
    wrong = unfinished(place, c, r, now);
    return wrong ? BAD("%s %s; it said: %s", c->made, wrong, line) : FAULTS_REFUSED;
}

/* Libraries that do not look at what malloc answers, or do not tell. Before they are called, Palindrome tries whether
 * there is memory (plot/tiles.c, ops/matmul.c). So they fail only where an allocation of theirs is the first that is
 * refused, alone or with all later ones. A limit of memory is never excused. */
static bool is_excused(const struct faults_plan *plan, const struct faults_end *end)
{
    static const char *const careless[] = {"libcairo.so", "libpixman-1.so", "libopenblas.so"};
    for (size_t i = 0; i < sizeof careless / sizeof *careless && plan->kind != FAULTS_ROOM; i++)
        if (!strncmp(end->caller, careless[i], strlen(careless[i]))) return true;
    return false;
}

enum faults_verdict faults_judge(const struct faults_place *place, const struct faults_case *c,
                                 struct faults_reference *r, const struct faults_plan *plan,
                                 const struct faults_end *end, char *why, size_t size)
{
    size_t n;
    char *out = faults_read(place->out, &n), *err = faults_read(place->err, &n);
    struct faults_folder now = faults_folder_read(place->work);
    *why = 0;
    enum faults_verdict verdict = judge(place, c, r, plan, end, &now, out, err, why, size);
    if (verdict == FAULTS_BAD && is_excused(plan, end)) verdict = FAULTS_EXCUSED;
    for (char *p = why; *p; p++)
        if (*p == '\n') *p = '|';
    faults_folder_free(&now);
    now = faults_folder_read(place->work); /* a resumed run changed it */
    if (!faults_folder_equal(&now, &r->before)) faults_folder_write(place->work, &r->before);
    faults_folder_free(&now);
    free(out);
    free(err);
    return verdict;
}
