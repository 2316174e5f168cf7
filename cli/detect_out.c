/* detect_out.c - the file OUT of `palindrome detect`: a line per sample with its number, its score, its flag, and the
 * features that contribute most with their contributions. Features of a table with names are named, others numbered; of
 * samples with names, the name comes first. As .npy the same numbers, float64 [N, 3 + 2 K]. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/detect.h"

typedef pal_cli_detect_job job;

bool pal_cli_detect_names(const job *j)
{
    const pal_schema *s = pal_model_schema(j->run.model);
    return s && s->columns[0].name;
}

const char *pal_cli_detect_feature(const job *j, uint32_t feature, char *out, size_t size)
{
    if (pal_cli_detect_names(j)) return pal_schema_feature(pal_model_schema(j->run.model), feature, out, size);
    snprintf(out, size, "%u", (unsigned)feature);
    return out;
}

static void put_text(const char *text, FILE *to)
{
    if (!text[strcspn(text, ",;\"\r\n")]) {
        fputs(text, to);
        return;
    }
    putc('"', to);
    for (; *text; text++) {
        if (*text == '"') putc('"', to);
        putc(*text, to);
    }
    putc('"', to);
}

static const char *const *ids_of(const job *j) { return j->run.data ? (const char *const *)j->run.data->ids : NULL; }

void pal_cli_detect_head(const job *j, FILE *to)
{
    fputs(ids_of(j) ? "id,sample,score,flag" : "sample,score,flag", to);
    for (size_t k = 1; k <= j->guilty; k++) fprintf(to, ",feature_%zu,contribution_%zu", k, k);
    putc('\n', to);
}

void pal_cli_detect_rows(const job *j, const pal_cli_found *found, int64_t first, FILE *to)
{
    char name[PAL_CLI_FEATURE];
    for (size_t i = 0; i < found->n; i++) {
        if (ids_of(j)) {
            put_text(ids_of(j)[(size_t)first + i], to);
            putc(',', to);
        }
        fprintf(to, "%lld,%.9g,%d", (long long)first + (long long)i, found->score[i], found->score[i] > j->threshold);
        for (size_t k = i * j->guilty; k < (i + 1) * j->guilty; k++) {
            putc(',', to);
            put_text(pal_cli_detect_feature(j, found->which[k], name, sizeof name), to);
            fprintf(to, ",%.9g", found->part[k]);
        }
        putc('\n', to);
    }
}

static int print(FILE *to, void *user)
{
    const job *j = user;
    pal_cli_detect_head(j, to);
    pal_cli_detect_rows(j, &j->all, 0, to);
    return 0;
}

static int write_text(int descriptor, void *user) { return pal_write_printed(descriptor, print, user); }

static int write_array(job *j, const char *path)
{
    pal_error err = {0};
    const size_t columns = 3 + 2 * j->guilty;
    pal_tensor *out = pal_tensor_new(j->run.context, PAL_F64, PAL_SHAPE(j->samples, (int64_t)columns));
    if (!out) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    for (size_t i = 0; i < j->all.n; i++) {
        double *row = (double *)out->data + i * columns;
        row[0] = (double)i;
        row[1] = j->all.score[i];
        row[2] = j->all.score[i] > j->threshold;
        for (size_t k = 0; k < j->guilty; k++) {
            row[3 + 2 * k] = (double)j->all.which[i * j->guilty + k];
            row[4 + 2 * k] = j->all.part[i * j->guilty + k];
        }
    }
    const pal_status status = pal_npy_write(out, path, &err);
    pal_tensor_free(out);
    return status ? pal_cli_say_error(&err) : PAL_CLI_GO_ON;
}

int pal_cli_detect_write(job *j)
{
    pal_error err = {0};
    const char *format = pal_cli_given(&j->args, "format");
    const bool piped = !strcmp(j->out, "-");
    if (piped ? format && !strcmp(format, "npy") : j->out[strlen(j->out) - 1] == 'y') return write_array(j, j->out);
    if (piped) return print(stdout, j), PAL_CLI_GO_ON;
    return pal_file_write(j->out, write_text, j, &err) ? pal_cli_say_error(&err) : PAL_CLI_GO_ON;
}
