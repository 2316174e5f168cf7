/* one_class.c - one-class detection: an autoencoder that was trained on one class reconstructs other classes worse.
 *
 * For each class of a labelled data set, this program trains an autoencoder on the samples of the class, scores every
 * test sample by ||x - x^||^2, and prints the area under the ROC curve. The area is the probability that a sample of
 * another class has a greater score than a sample of the class. Compile and use it with
 *     cc one_class.c -o one_class $(pkg-config --cflags --libs palindrome-tools)
 *     ./one_class linear
 *     ./one_class convolutional --data FOLDER --epochs 5 --seed 2 --hidden 16
 *
 * An option --NAME that is neither --data nor in the table `numbers` is an option of the model; `palindrome models
 * MODEL` lists them. Every option takes a value, so options that are switches take yes or no. */
#define _POSIX_C_SOURCE 200809L /* isatty */
#include <math.h>
#include <palindrome.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <analysis/analysis.h>
#include <train/train.h>
#include <unistd.h>

enum { EPOCHS, BATCH, SEED, LIMIT, THREADS, NUMBERS, SETTINGS = 64 };

static const struct {
    const char *name;
    long long value, low, high;
} numbers[NUMBERS] = {
    /* clang-format off */
    {"epochs",  10, 1, 1000000},
    {"batch",   32, 1, 1048576},
    {"seed",    1,  0, 1LL << 53},
    {"limit",   0,  1, 4294967295}, /* training samples of each class; not given: all */
    {"threads", 1,  1, 1024},
    /* clang-format on */
};

static const struct { /* default settings of a model in this program */
    const char *model;
    pal_setting setting;
} recipes[] = {
    /* clang-format off */
    {"linear",        {"hidden",   "32"}},
    {"linear",        {"solve",    "svd"}},
    {"convolutional", {"channels", "8,16"}},
    /* clang-format on */
};

typedef struct job {
    const pal_variant *variant;
    const char *data; /* NULL: the default folder */
    long long number[NUMBERS];
    pal_setting settings[SETTINGS]; /* the recipe's, then the given ones, which take precedence */
    size_t n, recipe;
    pal_context *context;
    pal_dataset *train, *test;
    uint32_t *rows;
    pal_tensor *x, *y;           /* the test samples, and their reconstructions */
    double *negative, *positive; /* scores of the class itself, and of the other classes */
    int class, done;
    double sum; /* of the areas of the finished classes */
    pal_error err;
} job;

static bool refuse(job *j, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(j->err.text, sizeof j->err.text, format, list);
    va_end(list);
    return false;
}

static bool set(job *j, const char *name, const char *value)
{
    if (!strcmp(name, "data")) return j->data = value, true;
    for (int i = 0; i < NUMBERS; i++) {
        if (strcmp(name, numbers[i].name) != 0) continue;
        char *end;
        j->number[i] = strtoll(value, &end, 10);
        if (end != value && !*end && j->number[i] >= numbers[i].low && j->number[i] <= numbers[i].high) return true;
        return refuse(j, "--%s %s: choose a whole number from %lld to %lld", name, value, numbers[i].low,
                      numbers[i].high);
    }
    if (j->n == SETTINGS) return refuse(j, "--%s: too many options", name);
    return j->settings[j->n++] = (pal_setting){name, value}, true;
}

static bool parse(job *j, int argc, char **argv)
{
    if (argc < 2 || argv[1][0] == '-') return refuse(j, "usage: one_class MODEL [--data FOLDER] [--NAME VALUE]...");
    j->variant = pal_variant_find(argv[1]);
    if (!j->variant) return refuse(j, "%s: no such model: choose linear, convolutional, basic, ...", argv[1]);
    for (int i = 0; i < NUMBERS; i++) j->number[i] = numbers[i].value;
    for (size_t i = 0; i < sizeof recipes / sizeof *recipes; i++)
        if (!strcmp(recipes[i].model, j->variant->name)) j->settings[j->n++] = recipes[i].setting;
    j->recipe = j->n;
    for (int i = 2; i < argc; i += 2) {
        if (strncmp(argv[i], "--", 2) != 0 || i + 1 == argc) return refuse(j, "%s: write --NAME VALUE", argv[i]);
        if (!set(j, argv[i] + 2, argv[i + 1])) return false;
    }
    return true;
}

static bool open_data(job *j)
{
    j->context = pal_context_new(&(pal_context_options){
        .struct_size = sizeof(pal_context_options), .threads = (unsigned)j->number[THREADS], .unpinned = true});
    if (!j->context) return refuse(j, "out of memory, or cannot start threads");
    j->train = pal_dataset_open(j->context, j->data, PAL_SPLIT_TRAIN, &j->err);
    j->test = j->train ? pal_dataset_open(j->context, j->data, PAL_SPLIT_TEST, &j->err) : NULL;
    if (!j->test) return false;
    const size_t n = (size_t)j->test->count;
    if (!j->test->labels) return refuse(j, "%s: has no labels: choose a folder of IDX files", j->test->name);
    if (!pal_shape_equal(j->train->sample, j->test->sample))
        return refuse(j, "%s: training and test samples have different shapes", j->test->name);
    j->rows = malloc((n + (size_t)j->train->count) * sizeof *j->rows);
    j->negative = malloc(n * sizeof *j->negative);
    j->positive = malloc(n * sizeof *j->positive);
    j->x = pal_tensor_new(j->context, PAL_F32, PAL_SHAPE(j->test->count, j->test->features));
    j->y = pal_tensor_new(j->context, PAL_F32, PAL_SHAPE(j->test->count, j->test->features));
    if (!j->rows || !j->negative || !j->positive || !j->x || !j->y) return refuse(j, "out of memory");
    for (size_t i = 0; i < n; i++) j->rows[i] = (uint32_t)i;
    return !pal_dataset_batch(j->test, j->rows, n, j->x);
}

/* Writes the indices of the samples of the class, at most limit (0: all), to rows; returns how many. */
static size_t find(const pal_dataset *data, int class, size_t limit, uint32_t *rows)
{
    const uint8_t *label = data->labels->data;
    size_t n = 0;
    for (uint32_t i = 0; i < data->count && (n < limit || !limit); i++)
        if (label[i] == class) rows[n++] = i;
    return n;
}

static int progress(const pal_progress *p, void *user)
{
    const job *j = user;
    fprintf(stderr, "\r\033[Kclass %d of %d, epoch %lld of %lld", j->class + 1, j->test->classes, (long long)p->epoch,
            (long long)p->epochs);
    return 0;
}

static bool train(job *j, pal_model *model, const pal_dataset *one)
{
    const pal_optimizer_options adam = {.struct_size = sizeof adam, .name = "adam"};
    const pal_schedule schedule = {.name = "cosine", .learning_rate = 1e-3};
    const bool terminal = isatty(STDERR_FILENO);
    pal_train_result result;
    pal_status status = pal_model_check_given(model, j->settings + j->recipe, j->n - j->recipe, &j->err);
    if (status) return false;
    status = pal_train(model, one,
                       &(pal_train_options){.struct_size = sizeof(pal_train_options),
                                            .epochs = j->number[EPOCHS],
                                            .batch = j->number[BATCH] < one->count ? j->number[BATCH] : one->count,
                                            .seed = (uint64_t)j->number[SEED],
                                            .optimizer = &adam,
                                            .schedule = &schedule,
                                            .progress = terminal ? progress : NULL,
                                            .user = j},
                       &result, &j->err);
    if (terminal) fprintf(stderr, "\r\033[K");
    return !status;
}

/* The area under the ROC curve of a trained model in *auc, and the number of test samples of the class in *own. */
static bool detect(job *j, const pal_model *model, size_t *own, double *auc)
{
    const size_t count = (size_t)j->test->count, d = (size_t)j->test->features;
    const uint8_t *label = j->test->labels->data;
    const float *x = j->x->data, *y = j->y->data;
    pal_workspace *workspace = pal_workspace_new(model, NULL, &j->err);
    if (!workspace) return false;
    const pal_status status = pal_reconstruct(model, workspace, x, count, j->y->data);
    if (status) refuse(j, "%s", pal_workspace_error(workspace));
    pal_workspace_free(workspace);
    size_t others = *own = 0;
    for (size_t i = 0; i < count && !status; i++) {
        double score = 0;
        for (size_t k = i * d; k < i * d + d; k++) score += ((double)x[k] - y[k]) * ((double)x[k] - y[k]);
        *(label[i] == j->class ? &j->negative[(*own)++] : &j->positive[others++]) = score;
    }
    *auc = pal_auc(j->negative, *own, j->positive, others);
    return !status;
}

/* Trains and tests one class, and prints its line of the table. Skips a class without training or test samples, and one
 * that has all test samples. */
static bool run_class(job *j)
{
    const size_t tested = find(j->test, j->class, 0, j->rows);
    const size_t n = find(j->train, j->class, (size_t)j->number[LIMIT], j->rows);
    if (!n || !tested || tested == (size_t)j->test->count) return true;
    size_t own = 0;
    double auc = 0;
    pal_dataset *one = pal_dataset_select(j->train, j->rows, n, &j->err);
    pal_model *model = one ? pal_model_new(j->context, j->variant, j->settings, j->n, one->sample, PAL_F32,
                                           (uint64_t)j->number[SEED], &j->err)
                           : NULL;
    const bool good = model && train(j, model, one) && detect(j, model, &own, &auc);
    pal_model_free(model);
    pal_dataset_free(one);
    if (!good) return false;
    const char *name = pal_dataset_class_name(j->test, j->class);
    char number[16];
    snprintf(number, sizeof number, "%d", j->class);
    if (!j->done++) printf("class         trained on  its own   others      AUC\n");
    printf("%-12s %11zu %8zu %8zu %8.4f\n", name ? name : number, n, own, (size_t)j->test->count - own, auc);
    fflush(stdout);
    j->sum += auc;
    return true;
}

int main(int argc, char **argv)
{
    static job j;
    bool good = parse(&j, argc, argv) && open_data(&j);
    for (; good && j.class < j.test->classes; j.class ++) good = run_class(&j);
    if (good && !j.done) good = refuse(&j, "%s: needs at least two classes", j.test->name);
    if (good) printf("mean %45.4f\n", j.sum / j.done);
    if (!good) fprintf(stderr, "one_class: %s\n", j.err.text);
    pal_tensor_free(j.x);
    pal_tensor_free(j.y);
    pal_dataset_free(j.test);
    pal_dataset_free(j.train);
    pal_context_free(j.context);
    return free(j.rows), free(j.negative), free(j.positive), good ? EXIT_SUCCESS : 2;
}
