/* pictures.c - a folder of PNG and JPEG files as samples.
 *
 * The first picture that can be read decides size and channels, unless the options do. Then all files are read by as
 * many threads as the context has, each into its own place, so that the result does not depend on their number. Of
 * several files with something wrong the first one in the order of names is reported. */
#include "data/pictures.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_SIDE = 65536, MOST_THREADS = 64, NAMED = 3 };

/* What all pictures become. */
typedef struct form {
    size_t height, width, channels; /* 0: not known yet */
    bool resized, recolored;        /* asked for */
    palt__fit fit;
    bool skip;
} form;

typedef struct result {
    pal_status status;
    bool unlike, clear, turned; /* unlike: of another size, or with other channels, than the first */
    size_t height, width, channels;
    char *why; /* what is wrong with the file; NULL: nothing, or no memory for it */
} result;

typedef struct buffer {
    uint8_t *bytes;
    size_t size, room;
} buffer;

typedef struct job {
    const char *folder;
    const palt__picture_list *list;
    const palt__progress *progress;
    form form;
    uint8_t *to; /* [n, channels, height, width] */
    size_t bytes;
    result *results;
    atomic_size_t next, stop, done; /* files from `stop` on need not be read: that one ends the reading */
} job;

/* ---- Options ---------------------------------------------------------------------------------------------------- */

static pal_status read_size(const char *text, form *out, pal_error *err)
{
    char *end = NULL;
    const long height = *text >= '0' && *text <= '9' ? strtol(text, &end, 10) : 0;
    const bool pair = end && (*end == 'x' || *end == 'X') && end[1] >= '0' && end[1] <= '9';
    const long width = pair ? strtol(end + 1, &end, 10) : height;
    if (!end || *end || height < 1 || width < 1 || height > MOST_SIDE || width > MOST_SIDE)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "--size %s: expected HEIGHTxWIDTH, such as 32x32, from 1 to %d",
                             text, MOST_SIDE);
    out->height = (size_t)height;
    out->width = (size_t)width;
    out->resized = true;
    return PAL_OK;
}

/* The number of a word in a list; -1: it is none of them. */
static int word_of(const char *word, const char *const *words, int n)
{
    while (n-- > 0 && strcmp(word, words[n]) != 0) continue;
    return n;
}

static pal_status read_options(const pal_data_options *options, form *out, pal_error *err)
{
    static const char *const fits[] = {"stretch", "crop", "pad"}, *const colors[] = {"grey", "rgb"};
    const char *size = palt__data_option(options, "size"), *fit = palt__data_option(options, "fit");
    const char *color = palt__data_option(options, "color"), *skip = palt__data_option(options, "skip-bad");
    *out = (form){0};
    if (size && read_size(size, out, err) != PAL_OK) return PAL_ERR_ARGUMENT;
    const int way = fit ? word_of(fit, fits, 3) : PALT__FIT_STRETCH, channels = color ? word_of(color, colors, 2) : 0;
    if (way < 0) return pal_error_set(err, PAL_ERR_ARGUMENT, "--fit %s: expected stretch, crop or pad", fit);
    if (channels < 0) return pal_error_set(err, PAL_ERR_ARGUMENT, "--color %s: expected grey or rgb", color);
    if (fit && !size) return pal_error_set(err, PAL_ERR_ARGUMENT, "--fit %s needs --size HxW", fit);
    out->fit = (palt__fit)way;
    out->recolored = color != NULL;
    if (color) out->channels = channels ? 3 : 1;
    out->skip = skip && strcmp(skip, "yes") == 0;
    return PAL_OK;
}

/* ---- One file --------------------------------------------------------------------------------------------------- */

/* Reads a whole file into the buffer. Returns 0, or an errno. */
static int read_whole(const char *path, buffer *b)
{
    struct stat info;
    const int file = (int)TEMP_FAILURE_RETRY(open(path, O_RDONLY | O_CLOEXEC));
    if (file < 0) return errno;
    int why = fstat(file, &info) != 0 ? errno : S_ISREG(info.st_mode) ? 0 : EINVAL;
    const size_t size = why ? 0 : (size_t)info.st_size;
    if (!why && size > b->room) {
        free(b->bytes);
        b->room = size + size / 2;
        b->bytes = malloc(b->room);
        if (!b->bytes) b->room = 0, why = ENOMEM;
    }
    for (b->size = 0; !why && b->size < size;) {
        const ssize_t n = TEMP_FAILURE_RETRY(read(file, b->bytes + b->size, size - b->size));
        if (n < 0) why = errno;
        if (n <= 0) break;
        b->size += (size_t)n;
    }
    close(file);
    return why;
}

/* Decodes file i; its channels are then those asked for. */
static pal_status load(const job *j, size_t i, buffer *b, palt__picture *picture, result *r)
{
    char *path = NULL, why[PALT__WHY] = "";
    *picture = (palt__picture){0};
    *r = (result){.status = PAL_ERR_MEMORY};
    if (asprintf(&path, "%s/%s", j->folder, j->list->ids[i]) < 0) return PAL_ERR_MEMORY;
    const int error = read_whole(path, b);
    free(path);
    if (error) {
        snprintf(why, sizeof why, "%s", strerror(error));
        r->status = error == ENOMEM ? PAL_ERR_MEMORY : PAL_ERR_IO;
    } else {
        r->status = palt__picture_decode(b->bytes, b->size, picture, why);
    }
    if (r->status == PAL_OK && j->form.recolored) r->status = palt__picture_recolor(picture, j->form.channels);
    if (r->status == PAL_ERR_FORMAT || r->status == PAL_ERR_IO) r->why = strdup(why);
    if (r->status != PAL_OK) {
        free(picture->pixels);
        picture->pixels = NULL;
        return r->status;
    }
    r->height = picture->height;
    r->width = picture->width;
    r->channels = picture->channels;
    r->clear = picture->clear;
    r->turned = picture->orientation > 1;
    return PAL_OK;
}

static void read_one(job *j, size_t i, buffer *b)
{
    palt__picture picture;
    result *r = &j->results[i];
    const form *f = &j->form;
    if (load(j, i, b, &picture, r) == PAL_OK) {
        r->unlike = r->channels != f->channels || (!f->resized && (r->height != f->height || r->width != f->width));
        if (!r->unlike) r->status = palt__picture_fit(&picture, f->fit, f->height, f->width, j->to + i * j->bytes);
        free(picture.pixels);
    }
    const bool skipped = f->skip && (r->status == PAL_ERR_FORMAT || r->status == PAL_ERR_IO);
    if ((r->status == PAL_OK || skipped) && !r->unlike) return;
    size_t stop = atomic_load(&j->stop);
    while (i < stop && !atomic_compare_exchange_weak(&j->stop, &stop, i)) continue;
}

/* ---- All files -------------------------------------------------------------------------------------------------- */

static void report(const job *j, size_t done)
{
    if (j->progress && j->progress->step) j->progress->step((int64_t)done, (int64_t)j->list->n, j->progress->user);
}

static void work(job *j, bool first)
{
    buffer b = {0};
    for (;;) {
        const size_t i = atomic_fetch_add(&j->next, 1);
        if (i >= j->list->n || i > atomic_load(&j->stop)) break;
        read_one(j, i, &b);
        const size_t done = atomic_fetch_add(&j->done, 1) + 1;
        if (first && done < j->list->n) report(j, done);
    }
    free(b.bytes);
}

static void *work_beside(void *user)
{
    work(user, false);
    return NULL;
}

/* Signals are left to the thread that called. */
static void read_all(job *j, unsigned threads)
{
    pthread_t others[MOST_THREADS];
    sigset_t all, before;
    size_t n = 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (n + 1 < threads && n < MOST_THREADS && 16 * n < j->list->n &&
           pthread_create(&others[n], NULL, work_beside, j) == 0)
        n++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    work(j, true);
    while (n > 0) pthread_join(others[--n], NULL);
}

/* The size and the channels of the first picture that can be read, as far as they are not asked for. */
static pal_status find_form(job *j, pal_error *err)
{
    buffer b = {0};
    palt__picture picture;
    result r = {0};
    size_t i = 0;
    pal_status status = PAL_ERR_FORMAT;
    for (; i < j->list->n; i++) {
        free(r.why);
        status = load(j, i, &b, &picture, &r);
        if (status == PAL_OK || status == PAL_ERR_MEMORY || !j->form.skip) break;
    }
    free(b.bytes);
    if (status == PAL_OK) {
        if (!j->form.resized) j->form.height = r.height, j->form.width = r.width;
        j->form.channels = r.channels;
        free(picture.pixels);
        return PAL_OK;
    }
    const char *folder = palt__shown_path(j->folder);
    if (status == PAL_ERR_MEMORY)
        pal_error_set(err, status, "%s: no memory to read its pictures", folder);
    else if (j->form.skip)
        pal_error_set(err, status, "%s: none of its %zu pictures can be read; the last: %s", folder, j->list->n,
                      r.why ? r.why : "?");
    else
        pal_error_set(err, status, "%s/%s: cannot be read: %s: give --skip-bad yes to leave out such files", folder,
                      j->list->ids[i], r.why ? r.why : "?");
    free(r.why);
    return status;
}

static pal_status fail_unlike(const job *j, size_t at, pal_error *err)
{
    const char *const colors[] = {[1] = "grey", [3] = "in colour"};
    const result *r = &j->results[at], *one = NULL;
    const char *folder = palt__shown_path(j->folder);
    size_t i = 0; /* the first that was as it should be */
    while (i < at && (j->results[i].status != PAL_OK || j->results[i].unlike)) i++;
    one = &j->results[i];
    if (one->channels != r->channels)
        return pal_error_set(err, PAL_ERR_FORMAT, "%s: %s is %s and %s is %s: give --color grey or --color rgb", folder,
                             j->list->ids[i], colors[one->channels], j->list->ids[at], colors[r->channels]);
    return pal_error_set(err, PAL_ERR_FORMAT,
                         "%s: %s has the size %zux%zu and %s has %zux%zu: give --size HxW, such as "
                         "--size %zux%zu",
                         folder, j->list->ids[i], one->height, one->width, j->list->ids[at], r->height, r->width,
                         one->height, one->width);
}

static pal_status fail_at(const job *j, size_t at, pal_error *err)
{
    const result *r = &j->results[at];
    const char *folder = palt__shown_path(j->folder);
    if (r->unlike) return fail_unlike(j, at, err);
    if (r->status == PAL_ERR_MEMORY || !r->why)
        return pal_error_set(err, PAL_ERR_MEMORY, "%s: no memory to read its pictures", folder);
    return pal_error_set(err, r->status, "%s/%s: cannot be read: %s: give --skip-bad yes to leave out such files",
                         folder, j->list->ids[at], r->why);
}

/* ---- The samples ------------------------------------------------------------------------------------------------ */

static void note_bad(const job *j, size_t bad, pal_note *note)
{
    char names[256] = "";
    size_t used = 0, named = 0;
    for (size_t i = 0; i < j->list->n && named < NAMED; i++) {
        const result *r = &j->results[i];
        if (r->status == PAL_OK) continue;
        char name[64];
        pal_text_clean(name, sizeof name, j->list->ids[i], strlen(j->list->ids[i]));
        const int n = snprintf(names + used, sizeof names - used, "%s%s", named ? ", " : "", name);
        used += (size_t)n;
        named++;
    }
    palt__note_add(note, "%zu file%s that cannot be read left out: %s%s", bad, bad == 1 ? "" : "s", names,
                   bad > named ? ", ..." : "");
}

static void write_note(const job *j, bool labels, pal_note *note)
{
    static const char *const fits[] = {"stretched", "cropped in the centre", "with black around"};
    const form *f = &j->form;
    const palt__picture_list *list = j->list;
    size_t good = 0, clear = 0, turned = 0, resized = 0;
    for (size_t i = 0; i < list->n; i++) {
        const result *r = &j->results[i];
        good += r->status == PAL_OK;
        clear += r->clear;
        turned += r->turned;
        resized += r->status == PAL_OK && (r->height != f->height || r->width != f->width);
    }
    palt__note_add(note, "%zu picture%s of %zu x %zu, %s, divided by 255", good, good == 1 ? "" : "s", f->height,
                   f->width, f->channels == 1 ? "grey" : "red, green and blue");
    if (resized) palt__note_add(note, "%zu brought to this size, %s", resized, fits[f->fit]);
    if (labels)
        palt__note_add(note, "labels: %zu folders", list->n_classes);
    else if (list->n_classes)
        palt__note_add(note, "no labels, since %zu folders are more than 256", list->n_classes);
    if (good < list->n) note_bad(j, list->n - good, note);
    if (list->others) palt__note_add(note, "%lld other files left out", (long long)list->others);
    if (clear) palt__note_add(note, "%zu with transparent parts, on white", clear);
    if (turned) palt__note_add(note, "%zu turned as their EXIF data say", turned);
}

/* Moves the pictures that could be read together, with their names and labels. Returns how many there are. */
static size_t gather(const job *j, palt__picture_list *list, uint8_t *labels)
{
    size_t good = 0;
    for (size_t i = 0; i < list->n; i++) {
        if (j->results[i].status != PAL_OK) continue;
        if (good < i) {
            memcpy(j->to + good * j->bytes, j->to + i * j->bytes, j->bytes);
            char *id = list->ids[good];
            list->ids[good] = list->ids[i];
            list->ids[i] = id;
        }
        if (labels) labels[good] = (uint8_t)list->class_of[i];
        good++;
    }
    return good;
}

static pal_status fill(palt__raw *raw, pal_context *context, job *j, palt__picture_list *list, pal_note *note,
                       pal_error *err)
{
    const form *f = &j->form;
    const int64_t n = (int64_t)list->n, h = (int64_t)f->height, w = (int64_t)f->width;
    const bool labels = list->n_classes && list->n_classes <= 256;
    j->bytes = f->channels * f->height * f->width;
    pal_status status = palt__check_room(context, (double)n * (double)j->bytes, j->folder, err);
    if (status != PAL_OK) return status;
    raw->values = pal_tensor_new(context, PAL_U8, f->channels == 1 ? PAL_SHAPE(n, h, w) : PAL_SHAPE(n, 3, h, w));
    raw->labels = labels ? pal_tensor_new(context, PAL_U8, PAL_SHAPE(n)) : NULL;
    j->results = calloc(list->n, sizeof *j->results);
    if (!raw->values || (labels && !raw->labels) || !j->results)
        return pal_error_set(err, PAL_ERR_MEMORY, "%s: no memory to read its pictures", palt__shown_path(j->folder));
    j->to = raw->values->data;
    read_all(j, pal_context_threads(context));
    if (j->stop < list->n) return fail_at(j, j->stop, err);
    report(j, list->n);
    write_note(j, labels, note);
    const size_t good = gather(j, list, raw->labels ? raw->labels->data : NULL);
    for (size_t i = good; i < list->n; i++) free(list->ids[i]);
    raw->values->shape.dim[0] = (int64_t)good;
    if (labels) {
        raw->labels->shape.dim[0] = (int64_t)good;
        raw->classes = list->classes;
        raw->n_classes = list->n_classes;
        list->classes = NULL;
    }
    raw->ids = list->ids;
    list->ids = NULL;
    return PAL_OK;
}

pal_status palt__raw_pictures(palt__raw *raw, pal_context *context, const char *path, const pal_data_options *options,
                              const palt__progress *progress, pal_note *note, pal_error *err)
{
    palt__picture_list list;
    job j = {.folder = path, .list = &list, .progress = progress};
    *raw = (palt__raw){0};
    if (!path) return pal_error_set(err, PAL_ERR_ARGUMENT, "no folder of pictures");
    pal_status status = read_options(options, &j.form, err);
    if (status == PAL_OK) status = palt__picture_find(&list, path, err);
    if (status != PAL_OK) return status;
    atomic_init(&j.stop, list.n);
    status = find_form(&j, err);
    if (status == PAL_OK) status = fill(raw, context, &j, &list, note, err);
    for (size_t i = 0; j.results && i < list.n; i++) free(j.results[i].why);
    free(j.results);
    palt__picture_list_free(&list);
    if (status != PAL_OK) palt__raw_free(raw);
    return status;
}
