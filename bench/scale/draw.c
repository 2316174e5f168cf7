/* draw.c - a step of one process as a picture: what the processor does above, what the network does below.
 *
 * Time goes to the right. A message is a bar in a row of its own, so that messages that are on the way at once can be
 * seen: first of gradients, and where the processes divide the update among themselves then of weights. A line goes up
 * from its beginning to the gradient, and to the beginning of the update. */
#include "bench/scale/scale.h"

enum { WIDTH = 1040, LEFT = 96, RIGHT = 24, TOP = 44, BAR = 34, ROW = 20, GAP = 34 };

static const struct {
    const char *name, *fill, *line;
} looks[] = {{"forward", "#dcebf9", "#2b6cb0"}, {"backward", "#fde6cf", "#c05621"},  {"waits", "#f2f2f2", "#a0a0a0"},
             {"update", "#d9f0dc", "#2f855a"},  {"gradients", "#e9dcf7", "#6b46c1"}, {"weights", "#c9ead0", "#2f855a"}};
enum { FORWARD, BACKWARD, WAITS, UPDATE, MESSAGE, WEIGHTS, LOOKS };

static double scale_of(double all) { return (WIDTH - LEFT - RIGHT) / all; }

static void bar(FILE *out, int look, double from, double to, double y, double height)
{
    fprintf(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\" stroke=\"%s\"/>\n", from, y,
            to > from + 1 ? to - from : 1, height, looks[look].fill, looks[look].line);
}

static void upright(FILE *out, double x, double from, double to, const char *colour)
{
    fprintf(out, "<path d=\"M%.1f %.1fV%.1f\" stroke=\"%s\" stroke-dasharray=\"3 3\" fill=\"none\"/>\n", x, from, to,
            colour);
}

static void text(FILE *out, double x, double y, const char *anchor, const char *words)
{
    fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n", x, y, anchor, words);
}

static void legend(FILE *out, double y)
{
    for (int i = 0; i < LOOKS; i++) {
        bar(out, i, LEFT + 110 * i, LEFT + 110 * i + 18, y, 12);
        text(out, LEFT + 110 * i + 24, y + 10, "start", looks[i].name);
    }
}

static void axis(FILE *out, double all, double y)
{
    static const double units[] = {1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2};
    size_t u = 0;
    while (u + 1 < sizeof units / sizeof *units && all / units[u] > 12) u++;
    for (double t = 0; t <= all; t += units[u]) {
        char label[32];
        snprintf(label, sizeof label, "%.4g", 1e3 * t);
        text(out, LEFT + t * scale_of(all), y, "middle", label);
    }
    text(out, LEFT - 12, y, "end", "ms");
}

/* The update that begins next after some time; s->n: there is none. */
static size_t next_update(const schedule *s, double after)
{
    size_t next = s->n;
    for (size_t i = 0; i < s->n; i++)
        if (s->update[i] > after && (next == s->n || s->update[i] < s->update[next])) next = i;
    return next;
}

static void processor(FILE *out, const step_time *t, const schedule *s, double forward)
{
    const double x = scale_of(t->all);
    double done = s->pass;
    bar(out, FORWARD, LEFT, LEFT + forward * x, TOP, BAR);
    bar(out, BACKWARD, LEFT + forward * x, LEFT + s->pass * x, TOP, BAR);
    for (size_t i = next_update(s, 0); i < s->n; i = next_update(s, s->update[i])) {
        if (s->update[i] > done) bar(out, WAITS, LEFT + done * x, LEFT + s->update[i] * x, TOP, BAR);
        bar(out, UPDATE, LEFT + s->update[i] * x, LEFT + s->updated[i] * x, TOP, BAR);
        if (s->updated[i] > done) done = s->updated[i];
    }
    if (t->all > done) bar(out, WAITS, LEFT + done * x, LEFT + t->all * x, TOP, BAR);
}

void draw_step(FILE *out, const costs *c, const network *w, int processes, double rows)
{
    schedule s;
    sized z;
    const step_time t = model_schedule(c, w, processes, rows, &s);
    costs_at(c, rows, &z);
    const double x = scale_of(t.all), top = TOP + BAR + GAP, bottom = top + ROW * (double)s.n;
    char title[160];
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%.0f\" viewBox=\"0 0 %d %.0f\" "
            "font-family=\"Helvetica,Arial,sans-serif\" font-size=\"12\">\n"
            "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
            WIDTH, bottom + 56, WIDTH, bottom + 56);
    snprintf(title, sizeof title, "%s, one of %d processes with %.0f rows each, network %s", c->name, processes, rows,
             w->name);
    fprintf(out, "<g font-size=\"14\">\n");
    text(out, LEFT, 24, "start", title);
    fprintf(out, "</g>\n");
    text(out, LEFT - 12, TOP + BAR / 2 + 4, "end", "processor");
    text(out, LEFT - 12, top + 14, "end", "network");
    /* The loss is the last message, and is ready at the end of the forward pass. */
    processor(out, &t, &s, z.messages[c->n_messages - 1].ready * t.compute / z.compute);
    for (size_t i = 0; i < s.n && processes > 1; i++) {
        const double y = top + ROW * (double)i;
        char label[32];
        upright(out, LEFT + s.begin[i] * x, TOP + BAR, y, looks[BACKWARD].line);
        upright(out, LEFT + s.update[i] * x, TOP + BAR, y, looks[UPDATE].line);
        bar(out, MESSAGE, LEFT + s.begin[i] * x, LEFT + s.end[i] * x, y, ROW - 6);
        if (s.there[i] > s.updated[i]) bar(out, WEIGHTS, LEFT + s.updated[i] * x, LEFT + s.there[i] * x, y, ROW - 6);
        snprintf(label, sizeof label, "%.0f KB", s.buckets[i].bytes / 1024);
        text(out, LEFT + s.begin[i] * x - 6, y + 11, "end", label);
    }
    axis(out, t.all, bottom + 16);
    legend(out, bottom + 34);
    fprintf(out, "</svg>\n");
}
