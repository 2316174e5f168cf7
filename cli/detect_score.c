/* detect_score.c - the detector of `palindrome detect`, the scores of its samples, and the threshold.
 *
 * Samples of a file or of the run's data are scored first, so that the threshold may depend on their scores. Rows from
 * standard input are scored, compared and written as they come, so their threshold must be known before. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/detect.h"

enum { AT_ONCE = 1024 };

typedef pal_cli_detect_job job;

/* ---- The detector --------------------------------------------------------------------------------------------- */

/* An option of one score alone. */
static int check_score(const job *j)
{
    static const struct {
        const char *option;
        pal_score of;
    } owned[] = {{"shrink", PAL_SCORE_LATENT}, {"draws", PAL_SCORE_BOUND}, {"seed", PAL_SCORE_BOUND}};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        if (pal_cli_given(&j->args, owned[i].option) && j->score != owned[i].of)
            return pal_cli_say(PAL_CLI_WRONG, "--%s has an effect only with --score %s, not %s: leave it out",
                               owned[i].option, pal_score_name(owned[i].of), pal_score_name(j->score));
    return PAL_CLI_GO_ON;
}

int pal_cli_detect_make(job *j)
{
    pal_error err = {0};
    const char *given = pal_cli_given(&j->args, "score"), *shrink = pal_cli_given(&j->args, "shrink");
    const int64_t lanes = pal_rundir_info(j->run.dir)->lanes;
    j->score = given ? pal_score_find(given) : pal_score_of(j->run.model);
    const int status = check_score(j);
    if (status != PAL_CLI_GO_ON) return status;
    if (j->score == PAL_SCORE_LATENT && !(j->train = pal_cli_open_own(&j->run, PAL_SPLIT_TRAIN, &err)))
        return pal_cli_say(PAL_CLI_FAILED,
                           "--score latent needs the codes of the training samples, which cannot be read: %s: choose "
                           "--score squared-error",
                           err.text);
    j->detector = pal_detector_new(j->run.model,
                                   &(pal_detect_options){.struct_size = sizeof(pal_detect_options),
                                                         .score = j->score,
                                                         .train = j->train,
                                                         .shrink = shrink ? strtod(shrink, NULL) : 0.5,
                                                         .draws = pal_cli_int(&j->args, "draws", 100),
                                                         .seed = (uint64_t)pal_cli_int(&j->args, "seed", 1),
                                                         .lanes = lanes > 0 ? (unsigned)lanes : 0},
                                   &err);
    return j->detector ? PAL_CLI_GO_ON : pal_cli_say_error(&err);
}

/* ---- Scores --------------------------------------------------------------------------------------------------- */

static void keep_worst(job *j, int64_t sample, double score, const uint32_t *which, const double *part)
{
    size_t place = j->n_worst;
    while (place && score > j->worst[place - 1].score) place--;
    if (place >= j->worst_most) return;
    /* The room of the sample that leaves, or the next free one. */
    const bool full = j->n_worst == j->worst_most;
    const size_t k = j->guilty, at = j->n_worst * k;
    uint32_t *own_which = full ? (uint32_t *)j->worst[j->n_worst - 1].which : j->worst_which + at;
    double *own_part = full ? (double *)j->worst[j->n_worst - 1].part : j->worst_part + at;
    if (!full) j->n_worst++;
    memmove(j->worst + place + 1, j->worst + place, (j->n_worst - 1 - place) * sizeof *j->worst);
    memcpy(own_which, which, k * sizeof *which);
    memcpy(own_part, part, k * sizeof *part);
    j->worst[place] = (pal_cli_odd){sample, score, own_which, own_part};
}

/* Scores n rows, the first of which has this number. parts has room for them. */
static int score_rows(job *j, const float *x, const float *known, size_t n, int64_t first, double *parts,
                      pal_cli_found *out)
{
    pal_error err = {0};
    const pal_detect_rows of = {.x = x, .known = known, .n = n, .first = (uint64_t)first};
    if (pal_detector_rows(j->detector, &of, out->score, j->guilty ? parts : NULL, &err)) return pal_cli_say_error(&err);
    for (size_t i = 0; i < n; i++) {
        uint32_t *which = out->which + i * j->guilty;
        double *part = out->part + i * j->guilty;
        const double *own = parts + i * j->features;
        if (j->guilty) pal_guilty(own, j->features, j->guilty, which);
        for (size_t k = 0; k < j->guilty; k++) part[k] = own[which[k]];
        keep_worst(j, first + (int64_t)i, out->score[i], which, part);
    }
    out->n = n;
    return PAL_CLI_GO_ON;
}

static bool make_room(const job *j, size_t n, pal_cli_found *out)
{
    out->score = malloc((n + 1) * sizeof *out->score);
    out->which = malloc((n * j->guilty + 1) * sizeof *out->which);
    out->part = malloc((n * j->guilty + 1) * sizeof *out->part);
    return out->score && out->which && out->part;
}

static void free_room(pal_cli_found *found)
{
    free(found->score);
    free(found->which);
    free(found->part);
}

static int score_data(job *j)
{
    const pal_dataset *data = j->run.data;
    pal_error err = {0};
    if (pal_data_check(j->run.model, data, &err)) return pal_cli_say_error(&err);
    uint32_t which[AT_ONCE];
    float *x = malloc(AT_ONCE * j->features * sizeof *x);
    float *known = malloc(AT_ONCE * j->features * sizeof *known);
    double *parts = malloc(AT_ONCE * j->features * sizeof *parts);
    int status = make_room(j, (size_t)data->count, &j->all) && x && known && parts
                     ? PAL_CLI_GO_ON
                     : pal_cli_say(PAL_CLI_FAILED, "out of memory");
    for (int64_t i = 0; i < data->count && status == PAL_CLI_GO_ON; i += AT_ONCE) {
        const int64_t n = data->count - i < AT_ONCE ? data->count - i : AT_ONCE;
        pal_tensor to = {
            .context = j->run.context, .dtype = PAL_F32, .shape = PAL_SHAPE(n, (int64_t)j->features), .data = x};
        for (int64_t k = 0; k < n; k++) which[k] = (uint32_t)(i + k);
        pal_cli_found part = {.score = j->all.score + i,
                              .which = j->all.which + (size_t)i * j->guilty,
                              .part = j->all.part + (size_t)i * j->guilty};
        if (pal_dataset_gather(data, which, (size_t)n, &to, &err)) {
            status = pal_cli_say_error(&err);
            break;
        }
        to.data = known;
        status = !data->known || !pal_dataset_known(data, which, (size_t)n, &to)
                     ? score_rows(j, x, data->known ? known : NULL, (size_t)n, i, parts, &part)
                     : pal_cli_say(PAL_CLI_FAILED, "out of memory");
    }
    free(x);
    free(known);
    free(parts);
    j->samples = data->count;
    j->all.n = (size_t)data->count;
    return status;
}

/* ---- Thresholds ----------------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *words;
} splits[PAL_SPLITS] = {[PAL_SPLIT_TRAIN] = {"train", "training"},
                        [PAL_SPLIT_TEST] = {"test", "test"},
                        [PAL_SPLIT_VALIDATION] = {"validation", "validation"}};

/* Whose scores give the threshold. The scored samples themselves would be flagged in a fixed share. */
static pal_split calibrated_by(const job *j)
{
    const char *given = pal_cli_given(&j->args, "calibrate"), *split = pal_cli_given(&j->args, "split");
    const bool own = !j->in && !pal_cli_given(&j->args, "data");
    for (int k = 0; given && k < PAL_SPLITS; k++)
        if (!strcmp(given, splits[k].name)) return (pal_split)k;
    if (pal_rundir_info(j->run.dir)->validation_samples && !(own && split && !strcmp(split, "validation")))
        return PAL_SPLIT_VALIDATION;
    return own && (!split || !strcmp(split, "test")) ? PAL_SPLIT_TRAIN : PAL_SPLIT_TEST;
}

/* The quantile of the scores of one part of the run's data. */
static int calibrate(job *j, double q)
{
    const pal_split by = calibrated_by(j);
    const bool train = by == PAL_SPLIT_TRAIN;
    pal_error err = {0};
    pal_dataset *data = train && j->train ? j->train : pal_cli_open_own(&j->run, by, &err);
    if (!data)
        return pal_cli_say(PAL_CLI_FAILED,
                           "--quantile needs the data of the run, which cannot be read: %s: give "
                           "--threshold X",
                           err.text);
    double *score = malloc((size_t)data->count * sizeof *score);
    if (!score) pal_error_set(&err, PAL_ERR_MEMORY, "out of memory");
    if (score) pal_detector_data(j->detector, data, score, NULL, NULL, &err);
    if (!err.status) j->threshold = pal_score_quantile(score, (size_t)data->count, q);
    snprintf(j->how, sizeof j->how, "quantile %g of the scores of %lld %s samples", q, (long long)data->count,
             splits[by].words);
    free(score);
    if (data != j->train) pal_dataset_free(data);
    return err.status ? pal_cli_say_error(&err) : PAL_CLI_GO_ON;
}

static int contaminate(job *j, double share)
{
    double *copy = malloc((j->all.n + 1) * sizeof *copy);
    if (!copy) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    memcpy(copy, j->all.score, j->all.n * sizeof *copy);
    j->threshold = pal_score_quantile(copy, j->all.n, 1 - share);
    free(copy);
    snprintf(j->how, sizeof j->how, "quantile %g of these scores, for a contamination of %g", 1 - share, share);
    return PAL_CLI_GO_ON;
}

static int find_best(job *j)
{
    pal_error err = {0};
    if (!j->odd)
        return pal_cli_say(PAL_CLI_WRONG, "--best-f1 needs labels that say which samples are odd: %s", j->odd_how);
    if (pal_best_f1(j->all.score, j->odd, j->all.n, &j->threshold, &err)) return pal_cli_say_error(&err);
    snprintf(j->how, sizeof j->how, "the best F1 by the labels of these samples");
    return PAL_CLI_GO_ON;
}

static int find_threshold(job *j)
{
    const char *threshold = pal_cli_given(&j->args, "threshold"), *quantile = pal_cli_given(&j->args, "quantile"),
               *share = pal_cli_given(&j->args, "contamination");
    if (share) return contaminate(j, strtod(share, NULL));
    if (pal_cli_flag(&j->args, "best-f1")) return find_best(j);
    if (!threshold) return calibrate(j, quantile ? strtod(quantile, NULL) : 0.99);
    j->threshold = strtod(threshold, NULL);
    snprintf(j->how, sizeof j->how, "as given");
    return PAL_CLI_GO_ON;
}

/* ---- Samples at once, and rows as they come ------------------------------------------------------------------- */

int pal_cli_detect_data(job *j)
{
    pal_error err = {0};
    int status = pal_cli_detect_labels(j);
    if (status == PAL_CLI_GO_ON) status = score_data(j);
    if (status == PAL_CLI_GO_ON) status = find_threshold(j);
    if (status != PAL_CLI_GO_ON) return status;
    for (size_t i = 0; i < j->all.n; i++) j->flagged += j->all.score[i] > j->threshold;
    if (j->odd && pal_detection_of(j->all.score, j->odd, j->all.n, j->threshold, &j->figures, &err))
        return pal_cli_say_error(&err);
    return j->out ? pal_cli_detect_write(j) : PAL_CLI_GO_ON;
}

typedef struct streaming {
    job *j;
    int status;
} streaming;

static int stream(FILE *to, void *user)
{
    streaming *s = user;
    job *j = s->j;
    enum { ROWS = 128 };
    pal_cli_stream *in = pal_cli_stream_new(pal_model_schema(j->run.model), j->features);
    pal_cli_found found = {0};
    float *x = malloc(ROWS * j->features * sizeof *x), *known = malloc(ROWS * j->features * sizeof *known);
    double *parts = malloc(ROWS * j->features * sizeof *parts);
    if (!make_room(j, ROWS, &found) || !in || !x || !known || !parts)
        s->status = pal_cli_say(PAL_CLI_FAILED, "out of memory");
    if (to && s->status == PAL_CLI_GO_ON) pal_cli_detect_head(j, to);
    for (size_t n = 1; n && s->status == PAL_CLI_GO_ON;) {
        s->status = pal_cli_stream_take(in, ROWS, x, known, &n);
        if (!n || s->status != PAL_CLI_GO_ON) break;
        s->status = score_rows(j, x, known, n, j->samples, parts, &found);
        if (s->status != PAL_CLI_GO_ON) break;
        for (size_t i = 0; i < n; i++) j->flagged += found.score[i] > j->threshold;
        if (to) pal_cli_detect_rows(j, &found, j->samples, to);
        if (to && fflush(to)) break;
        j->samples += (int64_t)n;
    }
    if (s->status == PAL_CLI_GO_ON && !j->samples) s->status = pal_cli_say(PAL_CLI_FAILED, "standard input: no rows");
    pal_cli_stream_free(in);
    free_room(&found);
    free(x);
    free(known);
    free(parts);
    return s->status == PAL_CLI_GO_ON ? 0 : ECANCELED;
}

static int write_stream(int descriptor, void *user) { return pal_write_printed(descriptor, stream, user); }

int pal_cli_detect_stream(job *j)
{
    pal_error err = {0};
    streaming s = {j, find_threshold(j)};
    if (s.status != PAL_CLI_GO_ON) return s.status;
    if (!j->out || !strcmp(j->out, "-"))
        stream(j->out ? stdout : NULL, &s);
    else if (pal_file_write(j->out, write_stream, &s, &err) && s.status == PAL_CLI_GO_ON)
        return pal_cli_say_error(&err);
    return s.status;
}
