/* report_model.c - what a run is: the model in words and as formulas, its source, its sizes, and its data. */
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "cli/report.h"

/* ---- Formulas -------------------------------------------------------------------------------------------------- */

/* clang-format off */
static const struct {
    const char *word, *sign;
} signs[] = {
    {"alpha", "α"}, {"beta", "β"}, {"lambda", "λ"}, {"mu", "μ"}, {"rho", "ρ"}, {"sigma", "σ"}, {"sum", "∑"}, {"dh", "∂h"}, {"dx", "∂x"},
};
/* clang-format on */

static const char *take_name(pal_html *h, const char *at)
{
    char word[64];
    size_t n = 0;
    while (n + 1 < sizeof word && isalpha((unsigned char)at[n])) n++;
    snprintf(word, sizeof word, "%.*s", (int)n, at);
    const char *sign = word;
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (!strcmp(signs[i].word, word)) sign = signs[i].sign;
    const bool tilde = at[n] == '~'; /* x~, a corrupted x; but "x ~ q" has a space before it */
    if (n == 1)
        pal_html_element(h, "var", NULL, "%s%s", sign, tilde ? "\xcc\x83" : "");
    else
        pal_html_text(h, "%s%s", sign, tilde ? "\xcc\x83" : "");
    return at + n + tilde;
}

/* An index or a power: _k, _{k-1}, ^2 */
static const char *take_script(pal_html *h, const char *at)
{
    const char *const element = *at == '_' ? "sub" : "sup";
    const bool braced = at[1] == '{';
    const char *from = at + 1 + braced;
    size_t n = 0;
    while (from[n] && (braced ? from[n] != '}' : isalnum((unsigned char)from[n]))) n++;
    pal_html_open(h, element);
    for (size_t i = 0; i < n; i++) pal_html_text(h, from[i] == '-' ? "−" : "%c", from[i]);
    pal_html_close(h);
    return from + n + (braced && from[n] == '}');
}

static void write_formula(pal_html *h, const char *at)
{
    static const struct {
        const char *from, *to;
    } marks[] = {{"||", "‖"}, {"1/2", "½"}, {"-", "−"}, {"'", "′"}, {"~", "∼"}};
    enum { MARKS = sizeof marks / sizeof *marks };
    pal_html_open_class(h, "div", "formula");
    pal_html_open(h, "div");
    while (*at) {
        size_t m = 0;
        while (m < MARKS && strncmp(at, marks[m].from, strlen(marks[m].from)) != 0) m++;
        if (isalpha((unsigned char)*at)) {
            at = take_name(h, at);
        } else if ((*at == '_' || *at == '^') && at[1]) {
            at = take_script(h, at);
        } else if (*at == ';') { /* each formula has a line */
            at += 1 + strspn(at + 1, " ");
            pal_html_close(h);
            pal_html_open(h, "div");
        } else if (m < MARKS) {
            pal_html_text(h, "%s", marks[m].to);
            at += strlen(marks[m].from);
        } else {
            const size_t n = ((unsigned char)*at & 0x80) ? strcspn(at, " ") : 1;
            pal_html_text(h, "%.*s", (int)n, at);
            at += n;
        }
    }
    pal_html_close(h);
    pal_html_close(h);
}

/* ---- Facts ---------------------------------------------------------------------------------------------------- */

static void fact(pal_html *h, const char *name, const char *value)
{
    if (!value || !*value) return;
    pal_html_element(h, "dt", NULL, "%s", name);
    pal_html_element(h, "dd", NULL, "%s", value);
}

static void write_model(pal_html *h, const pal__reported *of)
{
    static const char *const told[][2] = {{"activation", "s, the nonlinearity"},
                                          {"output", "p(x | a), the output"},
                                          {"corruption", "corruption"},
                                          {"code", "code"},
                                          {"prior", "prior"}};
    const pal_model *model = of->run->model;
    char text[512], count[64], shape[128] = "";
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) fact(h, told[i][1], pal_model_setting(model, told[i][0]));
    const pal_shape sample = pal_model_sample(model);
    for (int a = 0, at = 0; a < sample.rank && at < (int)sizeof shape; a++)
        at += snprintf(shape + at, sizeof shape - (size_t)at, "%s%lld", a ? " × " : "", (long long)sample.dim[a]);
    pal_cli_count((double)pal_model_features(model), count, sizeof count);
    snprintf(text, sizeof text, "%s number%s%s%s", count, pal_model_features(model) == 1 ? "" : "s",
             sample.rank > 1 ? ", " : "", sample.rank > 1 ? shape : "");
    fact(h, "a sample", text);
    if (of->data) {
        snprintf(text, sizeof text, "%s numbers",
                 pal_cli_count((double)of->column.figures.code.units, count, sizeof count));
        fact(h, "its code", text);
    }
    fact(h, "weights", pal_cli_count((double)pal_model_weights(model), text, sizeof text));
}

static void write_data(pal_html *h, const pal__reported *of)
{
    const pal_run_info *info = of->info;
    char text[1200], a[64], b[64];
    fact(h, "data", info->data ? info->data : PAL_DATA_DEFAULT);
    fact(h, "read as", info->data_note);
    snprintf(text, sizeof text, "%s samples to train%s, %s %s", pal_cli_count((double)info->train_samples, a, sizeof a),
             info->limit ? " (of more, by --limit)" : "", pal_cli_count((double)info->test_samples, b, sizeof b),
             info->hold_out             ? "held out from training"
             : info->validation_samples ? "for validation"
                                        : "to test");
    fact(h, "split", text);
    if (!of->data) return;
    snprintf(text, sizeof text, "%s samples of %s%s", pal_cli_count((double)of->data->count, a, sizeof a),
             of->data->name, of->data->labels ? ", with labels" : ", without labels");
    fact(h, "measured here", text);
}

int pal__report_model(pal__report *r, const pal__reported *of)
{
    pal_html *h = &r->html;
    const pal_variant *variant = pal_model_variant(of->run->model);
    pal_html_open(h, "p");
    pal_html_element(h, "strong", NULL, "%s", variant->name);
    pal_html_text(h, ": %s.", variant->summary);
    pal_html_close(h);
    if (variant->formula) write_formula(h, variant->formula);
    if (variant->source) pal_html_element(h, "p", NULL, "Source: %s.", variant->source);
    pal_html_open_class(h, "dl", "facts");
    write_model(h, of);
    write_data(h, of);
    fact(h, "weights from", of->info->from);
    pal_html_close(h);
    return PAL_CLI_GO_ON;
}
