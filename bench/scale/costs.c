/* costs.c - the measured costs of the workloads as a text: written by bench_scale --measure, read by the model and the
 * simulation.
 *
 * A line is a word and its numbers. Seconds and bytes. The messages of a size follow it, in the order of the model's
 * parameters; the last one is the loss.
 *
 *     sum 5e-11
 *     workload tied 128 0.0004          name, batch, update
 *     rows 8 0.00021 0.00004            rows, forward and backward, between two looks
 *     message 802816 0.0002             bytes, ready */
#include "bench/scale/scale.h"

#include <string.h>

void costs_write_head(FILE *out, double sum) { fprintf(out, "sum %.4g\n", sum); }

void costs_write(FILE *out, const costs *c)
{
    fprintf(out, "workload %s %.0f %.4g\n", c->name, c->batch, c->update);
    for (size_t i = 0; i < c->n_sizes; i++) {
        fprintf(out, "rows %.0f %.4g %.4g\n", c->sizes[i].rows, c->sizes[i].compute, c->sizes[i].look);
        for (size_t k = 0; k < c->n_messages; k++)
            fprintf(out, "message %.0f %.4g\n", c->sizes[i].messages[k].bytes, c->sizes[i].messages[k].ready);
    }
    fflush(out);
}

/* Where the next message goes; what is read belongs to the last workload and its last size. */
static bool read_line(const char *line, machine *m, size_t *at)
{
    double a, b, look = 0;
    costs *c = m->n ? &m->workloads[m->n - 1] : NULL, next = {0};
    sized *s = c && c->n_sizes ? &c->sizes[c->n_sizes - 1] : NULL;
    if (*line == '#' || *line == '\n') return true;
    if (sscanf(line, "sum %lf", &m->sum) == 1) return true;
    if (sscanf(line, "workload %31s %lf %lf", next.name, &next.batch, &next.update) == 3) {
        if (m->n == MOST_COSTS) return false;
        m->workloads[m->n++] = next;
        return true;
    }
    if (c && sscanf(line, "rows %lf %lf %lf", &a, &b, &look) >= 2) {
        if (c->n_sizes == MOST_SIZES || (s && a <= s->rows)) return false;
        c->sizes[c->n_sizes++] = (sized){.rows = a, .compute = b, .look = look};
        *at = 0;
        return true;
    }
    if (s && sscanf(line, "message %lf %lf", &a, &b) == 2) {
        if (*at == MOST_MESSAGES) return false;
        s->messages[(*at)++] = (message){a, b};
        if (*at > c->n_messages) c->n_messages = *at;
        return true;
    }
    return false;
}

bool costs_read(const char *path, machine *out)
{
    FILE *in = fopen(path, "r");
    if (!in)
        return fprintf(stderr, "bench_scale: %s: there is no such file; bench_scale --measure writes one\n", path),
               false;
    char line[256];
    size_t at = 0;
    int number = 0;
    bool good = true;
    *out = (machine){0};
    while (good && fgets(line, sizeof line, in)) {
        number++;
        good = read_line(line, out, &at);
    }
    fclose(in);
    for (size_t i = 0; good && i < out->n; i++) good = out->workloads[i].n_sizes >= 2 && out->workloads[i].n_messages;
    if (!good || !out->n)
        fprintf(stderr, "bench_scale: %s: line %d: not what bench_scale --measure writes\n", path, number);
    return good && out->n;
}

static double on_line(double x, double x0, double y0, double x1, double y1)
{
    return y0 + (y1 - y0) * (x - x0) / (x1 - x0);
}

void costs_at(const costs *c, double rows, sized *out)
{
    size_t i = 1;
    while (i + 1 < c->n_sizes && c->sizes[i].rows < rows) i++;
    const sized *a = &c->sizes[i - 1], *b = &c->sizes[i];
    *out = (sized){.rows = rows, .compute = on_line(rows, a->rows, a->compute, b->rows, b->compute)};
    out->look = on_line(rows, a->rows, a->look, b->rows, b->look);
    for (size_t k = 0; k < c->n_messages; k++) {
        const double ready = on_line(rows, a->rows, a->messages[k].ready, b->rows, b->messages[k].ready);
        out->messages[k].bytes = a->messages[k].bytes;
        out->messages[k].ready = ready < 0 ? 0 : ready > out->compute ? out->compute : ready;
    }
}

double costs_bytes(const costs *c)
{
    double bytes = 0;
    for (size_t k = 0; k < c->n_messages; k++) bytes += c->sizes[0].messages[k].bytes;
    return bytes;
}
