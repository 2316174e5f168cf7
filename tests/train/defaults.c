/* defaults.c - every variant learns at its defaults, and at the defaults that follow each of its options.
 *
 *     defaults quick|each|pairs [VARIANT]
 *
 * It trains every variant, and that of README.md, on 5,000 images and on three small tables. each: one option at a
 * time differs from its default (optimiser, activation, output, depth, convolutions), on each data, and a training
 * stops as soon as it has learned. A model with phases has small layers there on a table, and few epochs on images,
 * because its phases take long. quick: a sample of these, every variant with its defaults on each data, and every value
 * of an option with a third of the variants, each with one of the data, in turn. pairs: every pair of values occurs,
 * and every training runs to its end. Optimiser, rate, batch and epochs are those of pal_train_defaults_of. The squared
 * error of the test samples must be below that of the mean sample by the factor BOUND; the table that is printed has
 * the factor of each training. What a model refuses, or cannot learn, must be in the list below with its reason. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "train/internal.h"

#define BOUND 0.98
enum { IMAGES = 5000, TESTED = 1000, LEVELS = 15, FACTORS = 5, SETTINGS = 16, EPOCHS_QUICK = 3 };

pal_status palindrome_register(pal_error *err); /* examples/variant.c */

/* ---- Combinations --------------------------------------------------------------------------------------------- */

typedef struct factor { /* level 0: not given; a level is "option value;option value" */
    const char *levels[LEVELS];
} factor;

/* clang-format off */
static const factor factors[FACTORS] = {
    {{"", "optimizer gd", "optimizer momentum", "optimizer nesterov", "optimizer rmsprop", "optimizer adam",
      "optimizer adamw", "optimizer adagrad", "optimizer amsgrad", "optimizer radam", "optimizer lion", "optimizer muon", "optimizer soap",
      "optimizer schedule-free", "optimizer kfac"}},
    {{"", "activation sigmoid", "activation tanh", "activation relu", "activation linear", "activation softplus"}},
    {{"", "output bernoulli", "output squared", "output gaussian;sigma-of one", "output categorical;bins 8;tied no",
      "output normal;tied no", "output normal-full;tied no"}},
    {{"", "layers 32", "layers 64,32", "layers 64,48,32"}},
    {{"", "channels 8", "channels 8,8"}},
};

/* What is refused, or not learned, and why: the reason is part of the message. "": any. */
static const struct {
    const char *variant, *data, *setting, *reason;
} refused[] = {
#include "tests/train/defaults_refused.def"
};
/* clang-format on */

typedef struct choice {
    size_t level[FACTORS];
} choice;

typedef struct settings { /* the settings of a choice, for one variant */
    char room[256], text[256];
    pal_setting list[SETTINGS];
    size_t n;
    const char *optimizer;
} settings;

static void settle(const pal_variant *variant, const choice *c, settings *s)
{
    *s = (settings){.n = 0};
    char *at = s->room;
    for (size_t f = 0; f < FACTORS; f++) {
        const char *level = factors[f].levels[c->level[f]];
        at += 1 + snprintf(at, 64, "%s", level);
        if (*level) snprintf(s->text + strlen(s->text), 80, "%s%s", *s->text ? ";" : "", level);
    }
    at = s->room;
    for (size_t f = 0; f < FACTORS; f++) {
        char *next = at + strlen(at) + 1, *rest = NULL;
        for (char *one = strtok_r(at, ";", &rest); one; one = strtok_r(NULL, ";", &rest)) {
            char *value = strchr(one, ' ');
            *value++ = 0;
            if (!strcmp(one, "optimizer"))
                s->optimizer = value;
            else if (pal_variant_option_find(variant, one))
                s->list[s->n++] = (pal_setting){one, value};
        }
        at = next;
    }
}

/* Whether the variant has the option of this level, with this value among its choices. A full covariance of images is
 * left out: of 784 features it is refused, and of fewer it takes minutes. */
static bool has_level(const pal_variant *variant, const pal_dataset *data, size_t f, size_t k)
{
    const char *level = factors[f].levels[k];
    if (!level || !*level) return level != NULL;
    if (data->features > 100 && strstr(level, "normal-full")) return false;
    char name[32], value[32];
    if (sscanf(level, "%31[^ ] %31[^;]", name, value) != 2) return false;
    if (!strcmp(name, "optimizer")) return true;
    const pal_option *o = pal_variant_option_find(variant, name);
    return o && (!o->choices || pal_choices_have(o->choices, value));
}

/* ---- Data ----------------------------------------------------------------------------------------------------- */

typedef struct table {
    const char *name, *options; /* options that every model needs for these data, unless others are given */
    int rows, columns, kind;
} table;

enum { SURVEY, SENSORS, MEASUREMENTS };
static const table tables[] = {
    {"survey", "", 200, 12, SURVEY},                           /* answers 0 or 1 of three groups of people */
    {"sensors", "", 150, 4, SENSORS},                          /* from 0 to 1, mostly in a plane */
    {"measurements", "output squared", 400, 13, MEASUREMENTS}, /* standardised, mostly in four dimensions */
};
enum { TABLES = sizeof tables / sizeof *tables };

static double uniform(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(*state >> 11) / 9007199254740992.0;
}

static double normal(uint64_t *state) { return sqrt(-2 * log(1 - uniform(state))) * cos(2 * M_PI * uniform(state)); }

static void write_table(pal_context *context, const table *t, const char *path)
{
    const int dimensions = t->kind == MEASUREMENTS ? 4 : 2;
    uint64_t state = 17;
    double of[4][16];
    for (int d = 0; d < 4; d++)
        for (int j = 0; j < t->columns; j++) of[d][j] = normal(&state);
    pal_tensor *x = pal_tensor_new(context, PAL_F32, PAL_SHAPE(t->rows, t->columns));
    for (int i = 0; i < t->rows; i++) {
        double factor[4];
        for (int d = 0; d < 4; d++) factor[d] = normal(&state);
        const int group = (int)(3 * uniform(&state));
        for (int j = 0; j < t->columns; j++) {
            double v = 0;
            for (int d = 0; d < dimensions; d++) v += factor[d] * of[d][j];
            if (t->kind == SURVEY) v = uniform(&state) < ((j + group) % 3 ? 0.1 : 0.9);
            if (t->kind == SENSORS) v = fmin(1, fmax(0, 0.5 + 0.25 * v + 0.02 * normal(&state)));
            if (t->kind == MEASUREMENTS) v = (v + 0.3 * normal(&state)) / 2;
            ((float *)x->data)[i * t->columns + j] = (float)v;
        }
    }
    pal_error err = {0};
    if (pal_npy_write(x, path, &err)) fprintf(stderr, "%s\n", err.text), exit(1);
    pal_tensor_free(x);
}

/* ---- Images: Fashion-MNIST, every four pixels averaged, as a folder of IDX files ------------------------------- */

static void put(FILE *f, uint32_t v)
{
    for (int shift = 24; shift >= 0; shift -= 8) putc((int)(v >> shift & 255), f);
}

static void write_images(pal_context *context, const char *folder, pal_split split, int64_t most, const char *name)
{
    enum { SIDE = 28 };
    char path[256];
    pal_error err = {0};
    pal_dataset *data = pal_dataset_open(context, PAL_DATA_DEFAULT, split, &err);
    if (!data || pal_dataset_limit(data, most)) fprintf(stderr, "%s\n", err.text), exit(1);
    for (int labels = 0; labels < 2; labels++) {
        snprintf(path, sizeof path, "%s/%s-%s-ubyte", folder, name, labels ? "labels-idx1" : "images-idx3");
        FILE *f = fopen(path, "wb");
        if (!f) perror(path), exit(1);
        put(f, labels ? 0x801 : 0x803);
        put(f, (uint32_t)data->count);
        for (int axis = 0; axis < 2 && !labels; axis++) put(f, SIDE / 2);
        const uint8_t *pixel = data->inputs->data, *label = data->labels->data;
        for (int64_t i = 0; i < data->count && labels; i++) putc(label[i], f);
        for (int64_t i = 0; i < data->count * SIDE && !labels; i += 2)
            for (int64_t k = i * SIDE; k < (i + 1) * SIDE; k += 2)
                putc((pixel[k] + pixel[k + 1] + pixel[k + SIDE] + pixel[k + SIDE + 1]) / 4, f);
        if (fclose(f)) perror(path), exit(1);
    }
    pal_dataset_free(data);
}

typedef struct source {
    pal_context *context;
    const char *name, *options;
    pal_dataset *train, *test;
} source;

static bool open_source(pal_context *context, source *s, const char *path, int64_t most, pal_error *err)
{
    s->context = context;
    s->train = pal_dataset_open(context, path, PAL_SPLIT_TRAIN, err);
    s->test = s->train ? pal_dataset_open(context, path, PAL_SPLIT_TEST, err) : NULL;
    return s->test && !pal_dataset_limit(s->train, most) && !pal_dataset_limit(s->test, TESTED);
}

/* ---- Training ------------------------------------------------------------------------------------------------- */

typedef struct outcome {
    double ratio; /* squared error over that of the mean sample; NAN: none */
    pal_train_defaults how;
    int64_t steps;
    pal_error err;
} outcome;

static int stop_if_learned(const pal_progress *p, void *user)
{
    const double *baseline = user;
    return p->epoch >= EPOCHS_QUICK && p->squared_error < 0.9 * BOUND * *baseline;
}

static outcome train(const pal_variant *variant, const source *data, const settings *s, bool quick)
{
    outcome out = {.ratio = (double)NAN};
    pal_setting all[SETTINGS + 2 + PAL_TRAIN_SETTINGS];
    size_t n = s->n;
    memcpy(all, s->list, n * sizeof *all);
    const bool is_table = data->train->sample.rank == 1;
    if (quick && variant->phase && is_table && !strstr(s->text, "layers ")) all[n++] = (pal_setting){"layers", "48,32"};
    pal_train_settings follow;
    if (pal_train_settings_of(variant, data->train, all, n, &follow, &out.err)) return out;
    for (size_t i = 0; i < follow.n; i++) all[n++] = follow.list[i];
    if (*data->options && !strstr(s->text, "output ") && strcmp(variant->name, "linear") != 0)
        all[n++] = (pal_setting){"output", "squared"};
    pal_model *model = pal_model_new(data->context, variant, all, n, data->train->sample, PAL_F32, 1, &out.err);
    double baseline = 0;
    if (model && !pal_model_check_given(model, all, s->n, &out.err) &&
        !pal_baseline(data->train, data->test, 1, &baseline, &out.err) &&
        !pal_train_defaults_of(model, data->train, s->optimizer, 0, &out.how, &out.err)) {
        const pal_optimizer_options optimizer = {
            .struct_size = sizeof optimizer, .name = out.how.optimizer, .clip_norm = out.how.clip};
        const pal_schedule schedule = {.name = "constant", .learning_rate = out.how.learning_rate};
        pal_train_result result = {0};
        const pal_train_options o = {.struct_size = sizeof o,
                                     .test = data->test,
                                     .epochs = quick && variant->phase && !is_table ? EPOCHS_QUICK : out.how.epochs,
                                     .batch = out.how.batch,
                                     .seed = 1,
                                     .lanes = 1,
                                     .optimizer = &optimizer,
                                     .schedule = &schedule,
                                     .test_every = quick ? 1 : out.how.epochs,
                                     .progress = quick ? stop_if_learned : NULL,
                                     .user = &baseline};
        if (pal_train(model, data->train, &o, &result, &out.err) == PAL_ERR_STOPPED) out.err = (pal_error){0};
        out.steps = result.steps;
        if (!out.err.status) out.ratio = result.squared_error / baseline;
    }
    pal_model_free(model);
    return out;
}

/* ---- The suite ------------------------------------------------------------------------------------------------ */

/* Whether the text of a combination has all parts of "a&b". */
static bool has_parts(const char *text, const char *parts)
{
    char room[128], *rest = NULL;
    snprintf(room, sizeof room, "%s", parts);
    for (char *one = strtok_r(room, "&", &rest); one; one = strtok_r(NULL, "&", &rest))
        if (!strstr(text, one)) return false;
    return true;
}

static const char *reason_of(const pal_variant *variant, const source *data, const settings *s, const char *said)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if ((!*refused[i].variant || !strcmp(refused[i].variant, variant->name)) &&
            (!*refused[i].data || !strcmp(refused[i].data, data->name)) && has_parts(s->text, refused[i].setting) &&
            (!said || strstr(said, refused[i].reason)))
            return refused[i].reason;
    return NULL;
}

static int try(const pal_variant *variant, const source *data, const choice *c, bool quick)
{
    settings s;
    settle(variant, c, &s);
    const outcome out = train(variant, data, &s, quick);
    const bool learned = out.ratio < BOUND;
    const char *reason = learned ? NULL : reason_of(variant, data, &s, out.err.status ? out.err.text : NULL);
    printf("%-19s %-13s %-60s ", variant->name, data->name, s.text);
    if (out.err.status)
        printf("%s%s\n", reason ? "refused: " : "FAIL: ", out.err.text);
    else
        printf("%-8s %6.3g %5lld steps %6.3f%s%s\n", out.how.optimizer, out.how.learning_rate, (long long)out.steps,
               out.ratio,
               learned  ? ""
               : reason ? ", as expected: "
                        : " FAIL",
               reason ? reason : "");
    fflush(stdout);
    return !learned && !reason;
}

/* v: the number of the variant. With `sampled`, the value of an option is tried by every third variant, with one of the
 * data that it fits: variants and data take turns. */
static int one_at_a_time(const pal_variant *variant, size_t v, const source *data, bool sampled)
{
    int failed = 0;
    for (size_t d = 0; d < 1 + TABLES; d++) failed += try(variant, &data[d], &(choice){{0}}, true);
    size_t turn = v;
    for (size_t f = 0; f < FACTORS; f++)
        for (size_t k = 1; k < LEVELS && factors[f].levels[k]; k++, turn++) {
            choice c = {{0}};
            if (sampled && (v + k) % 3) continue;
            c.level[f] = k;
            bool tried = false;
            for (size_t i = 0; i < 1 + TABLES && !(sampled && tried); i++) {
                const source *one = &data[(turn + i) % (1 + TABLES)];
                if (!has_level(variant, one->train, f, k)) continue;
                failed += try(variant, one, &c, true);
                tried = true;
            }
        }
    return failed;
}

/* ---- All pairs: of values of two options, and of a value and the data ----------------------------------------- */

enum { ALL = FACTORS + 1 }; /* the data count as a factor, too */

/* Draws a value of each factor, and data. False: the variant has no such value, or not on these data. */
static bool draw(const pal_variant *variant, const source *data, uint64_t *state, size_t level[ALL])
{
    for (size_t f = 0; f < ALL; f++) level[f] = (size_t)((f < FACTORS ? LEVELS : 1 + TABLES) * uniform(state));
    for (size_t f = 0; f < FACTORS; f++)
        if (!has_level(variant, data[level[FACTORS]].train, f, level[f])) return false;
    return true;
}

/* The pairs of a combination that have not occurred; with keep they then have. */
static int mark(bool seen[ALL][LEVELS][ALL][LEVELS], const size_t level[ALL], bool keep)
{
    int fresh = 0;
    for (size_t f = 0; f < ALL; f++)
        for (size_t g = 0; g < f; g++) {
            bool *one = &seen[f][level[f]][g][level[g]];
            fresh += !*one;
            if (keep) *one = true;
        }
    return fresh;
}

/* Takes the combination with most new pairs among many that are drawn, until none of them has a new pair. */
static int all_pairs(const pal_variant *variant, const source *data)
{
    static bool seen[ALL][LEVELS][ALL][LEVELS];
    memset(seen, 0, sizeof seen);
    int failed = 0;
    for (uint64_t state = 1;;) {
        size_t best[ALL], level[ALL];
        int most = 0;
        for (int i = 0; i < 100000; i++) {
            const int fresh = draw(variant, data, &state, level) ? mark(seen, level, false) : 0;
            if (fresh > most) most = fresh, memcpy(best, level, sizeof best);
        }
        if (!most) return failed;
        mark(seen, best, true);
        choice c;
        memcpy(c.level, best, sizeof c.level);
        failed += try(variant, &data[best[FACTORS]], &c, false);
    }
}

int main(int argc, char **argv)
{
    const char *const mode = argc < 2 ? "" : argv[1];
    if (strcmp(mode, "quick") != 0 && strcmp(mode, "each") != 0 && strcmp(mode, "pairs") != 0)
        return fprintf(stderr, "usage: defaults quick|each|pairs [VARIANT]\n"), 2;
    pal_error err = {0};
    pal_context *context = pal_context_new(
        &(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = 1, .unpinned = true});
    source data[1 + TABLES] = {{.name = "images", .options = ""}};
    char folder[] = "/tmp/palindrome-images-XXXXXX", command[64];
    if (!mkdtemp(folder)) return perror(folder), 1;
    write_images(context, folder, PAL_SPLIT_TRAIN, IMAGES, "train");
    write_images(context, folder, PAL_SPLIT_TEST, TESTED, "t10k");
    bool good = open_source(context, &data[0], folder, IMAGES, &err);
    snprintf(command, sizeof command, "rm -r %s", folder);
    if (system(command)) return 1;
    for (size_t i = 0; i < TABLES && good; i++) {
        char path[] = "/tmp/palindrome-table-XXXXXX.npy";
        const int file = mkstemps(path, 4);
        if (file < 0) return perror(path), 1;
        close(file);
        write_table(context, &tables[i], path);
        data[1 + i] = (source){.name = tables[i].name, .options = tables[i].options};
        good = open_source(context, &data[1 + i], path, tables[i].rows, &err);
        unlink(path);
    }
    if (!good) return fprintf(stderr, "%s\n", err.text), 1;
    if (palindrome_register(&err)) return fprintf(stderr, "%s\n", err.text), 1;
    int failed = 0;
    const pal_variant *variant;
    for (size_t v = 0; (variant = pal_variant_at(v)); v++)
        if (argc < 3 || !strcmp(argv[2], variant->name)) {
            failed += !strcmp(mode, "pairs") ? all_pairs(variant, data)
                                             : one_at_a_time(variant, v, data, strcmp(mode, "each") != 0);
        }
    for (size_t d = 0; d < 1 + TABLES; d++) pal_dataset_free(data[d].train), pal_dataset_free(data[d].test);
    pal_context_free(context);
    printf("%d combinations failed\n", failed);
    return failed > 0;
}
