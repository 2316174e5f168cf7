/* explain_names.c - names of values.
 *
 * In: the page, arranged. Out: a name for each value that has a line, none twice. In this order: the name that the
 * caller gives it as an output or as a value; of a leaf, the last part of its path; x̂ for that from which the input x
 * is subtracted; "δ_z" for the derivative by z; the letter of its operation, or that which its reader suggests; else v.
 * Components of its scope become indices: "encoder/2/W" is W₂, "loss/encoder/scale" gives z_scale. */
#include "autograd/text/explain.h"

#include <stdlib.h>
#include <string.h>

enum { NAME = 192 };
static const char hat[] = "\xcc\x82", prime[] = "′";

/* ---- Scopes --------------------------------------------------------------------------------------------------- */

static const pal_explain_scope *scope_of(const pal__page *p, const char *component, size_t length)
{
    for (size_t i = 0; i < p->o.n_scopes; i++)
        if (strlen(p->o.scopes[i].component) == length && !strncmp(p->o.scopes[i].component, component, length))
            return &p->o.scopes[i];
    return NULL;
}

/* Replaces the letter by that which the scope has for it: "z a W V" are two pairs. */
static void replace(const char *letters, char *letter)
{
    char from[NAME], to[NAME];
    int used;
    for (const char *at = letters; at && sscanf(at, " %100s %100s%n", from, to, &used) == 2; at += used)
        if (!strcmp(letter, from)) {
            memcpy(letter, to, NAME);
            return;
        }
}

static void append(char *name, const char *more, size_t length)
{
    const size_t at = strlen(name);
    if (at + length < NAME) memcpy(name + at, more, length), name[at + length] = 0;
}

static bool digits(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] < '0' || s[i] > '9') return false;
    return n > 0;
}

/* Appends an index: digits below the line, other letters after an underline. */
static void append_index(char *name, const char *index, size_t n)
{
    if (!digits(index, n)) append(name, "_", 1);
    for (size_t i = 0; i < n; i++) {
        const char below[] = {(char)0xe2, (char)0x82, (char)(0x80 + index[i] - '0')};
        const bool plain = (index[i] >= 'a' && index[i] <= 'z') || (index[i] >= 'A' && index[i] <= 'Z') ||
                           (index[i] >= '0' && index[i] <= '9');
        if (digits(index, n))
            append(name, below, 3);
        else
            append(name, plain ? &index[i] : "_", 1);
    }
}

/* The letter as a path of `length` letters has it: replaced by its scopes, with the last component as an index. */
static void in_scope(const pal__page *p, const char *letter, const char *path, size_t length, char *name)
{
    const char *last = NULL;
    size_t n_last = 0;
    snprintf(name, NAME, "%.100s", letter);
    for (size_t at = 0; at < length;) {
        size_t n = 0;
        while (at + n < length && path[at + n] != '/') n++;
        const pal_explain_scope *s = scope_of(p, path + at, n);
        if (s) replace(s->letters, name);
        last = s || !n ? NULL : path + at;
        n_last = n;
        at += n + 1;
    }
    if (last) append_index(name, last, n_last);
}

/* ---- Names ---------------------------------------------------------------------------------------------------- */

static bool is_index(const pal__page *p, uint32_t id) { return pal__at(p->tape, id)->op == &pal__op_index; }
static bool is_leaf(const pal__page *p, uint32_t id)
{
    return pal__at(p->tape, id)->op->op_class == PAL_CLASS_LEAF && !is_index(p, id);
}

static bool taken(const pal__page *p, const char *name)
{
    if (p->o.samples && !strcmp(name, "n")) return true;
    for (uint32_t id = 1; id < p->n; id++)
        if (p->name[id] && !strcmp(p->name[id], name)) return true;
    for (size_t i = 0; p->o.names && i < p->n_outputs; i++)
        if (p->o.names[i] && !strcmp(p->o.names[i], name)) return true;
    return false;
}

/* A name that nothing has: with primes, or else a number. */
static const char *unique(pal__page *p, const char *base, bool numbered)
{
    char name[NAME];
    for (int k = 1;; k++) {
        snprintf(name, sizeof name, "%.150s", base);
        if (numbered || k > 4) {
            char number[16];
            snprintf(number, sizeof number, "%d", k);
            append_index(name, number, strlen(number));
        } else {
            for (int i = 1; i < k; i++) append(name, prime, sizeof prime - 1);
        }
        if (!taken(p, name)) return pal__keep_text(p, name, strlen(name));
    }
}

const char *pal__explain_clean(pal__page *p, const char *name)
{
    char clean[NAME];
    size_t n = 0;
    for (const char *s = name; *s && n + 1 < sizeof clean; s++)
        if (!strchr(" ()[]{}+*;,=<>~\"%\\$&#^|", *s) && (unsigned char)*s >= ' ' && *s != 0x7f) clean[n++] = *s;
    return pal__keep_text(p, n ? clean : "y", n ? n : 1);
}

static const char *given(pal__page *p, const char *name, bool own)
{
    const char *clean = pal__explain_clean(p, name);
    return own ? clean : unique(p, clean, false);
}

static const char *leaf_name(pal__page *p, uint32_t id)
{
    const pal__entry *e = pal__at(p->tape, id);
    const char *path = e->params->name ? e->params->name : "", *slash = strrchr(path, '/');
    char name[NAME];
    if (!*path) return unique(p, pal__explain_parameter(p, id) ? "w" : "x", true);
    in_scope(p, slash ? slash + 1 : path, path, slash ? (size_t)(slash - path) : 0, name);
    return given(p, name, false);
}

const char *pal__explain_name(pal__page *p, uint32_t id)
{
    const pal__entry *e = pal__at(p->tape, id);
    char name[NAME], letter[NAME];
    if (p->name[id]) return p->name[id];
    for (size_t i = 0; i < p->n_outputs; i++)
        if (p->graph.outputs[i] == id && p->o.names && p->o.names[i] && !is_leaf(p, id))
            return p->name[id] = given(p, p->o.names[i], true);
    for (size_t i = p->n_outputs; i < p->graph.n_outputs; i++)
        if (p->graph.outputs[i] == id && p->root[i].reason == PAL__ROOT_VALUE && p->o.values[p->root[i].value].name)
            return p->name[id] = given(p, p->o.values[p->root[i].value].name, false);
    if (is_index(p, id)) return p->name[id] = unique(p, "k", false);
    if (is_leaf(p, id)) return p->name[id] = leaf_name(p, id);
    if (p->by[id] && is_leaf(p, p->by[id])) {
        snprintf(name, sizeof name, "∂%.80s/∂%.80s", p->letter[id], pal__explain_name(p, p->by[id]));
        return p->name[id] = unique(p, name, false);
    }
    if (p->by[id] && p->line[p->by[id]]) {
        snprintf(name, sizeof name, "%.20s_%.150s", p->letter[id], pal__explain_name(p, p->by[id]));
        return p->name[id] = unique(p, name, false);
    }
    for (size_t i = 0; i < p->n_outputs; i++)
        if (p->graph.outputs[i] == id) return p->name[id] = unique(p, "y", p->n_outputs > 1);
    const pal_notation *notation = pal__notation(p, id);
    const char *own = p->letter[id] && !p->by[id]                          ? p->letter[id]
                      : notation && e->op->op_class != PAL_CLASS_COMPOSITE ? notation->letter
                                                                           : NULL;
    if (!own || !*own || (e->order && (!p->letter[id] || p->by[id]) && e->op->op_class != PAL_CLASS_RANDOM))
        return p->name[id] = unique(p, "v", true);
    snprintf(letter, sizeof letter, "%s", own);
    const char *path = pal__scope_path(p->tape, e->scope);
    in_scope(p, letter, strstr(letter, hat) ? "" : path, strstr(letter, hat) ? 0 : strlen(path), name);
    return p->name[id] = unique(p, name, false);
}

/* ---- What readers and roots suggest --------------------------------------------------------------------------- */

static uint32_t behind(const pal__page *p, uint32_t id) /* the value behind movements that keep all elements */
{
    for (const pal__entry *e = pal__at(p->tape, id);
         e->op->op_class == PAL_CLASS_MOVEMENT && e->n == 1 &&
         pal_shape_count(*e->shape) == pal_shape_count(*pal__at(p->tape, pal__arg(p->tape, id, 0))->shape);
         e = pal__at(p->tape, id))
        id = pal__arg(p->tape, id, 0);
    return id;
}

static void suggest_operand(pal__page *p, uint32_t id, uint32_t k, const char *letter)
{
    const uint32_t of = pal__arg(p->tape, id, k);
    const pal__entry *e = pal__at(p->tape, of);
    if (!letter || p->letter[of] || e->op->op_class == PAL_CLASS_LEAF || e->op->op_class == PAL_CLASS_CONSTANT ||
        is_index(p, of))
        return;
    if (strcmp(letter, "^") != 0) {
        if (!pal__explain_small(p->tape, p->live, of)) p->letter[of] = letter;
        return;
    }
    const uint32_t other = behind(p, pal__arg(p->tape, id, 1 - k));
    char name[NAME];
    if (!is_leaf(p, other) || pal__explain_parameter(p, other) || !pal__at(p->tape, other)->shape->rank) return;
    snprintf(name, sizeof name, "%.100s%s", pal__explain_name(p, other), hat);
    p->letter[of] = pal__keep_text(p, name, strlen(name));
    p->line[of] = true;
}

/* Whether a recorded value is computed from another. */
static bool depends(pal__page *p, uint32_t id, uint32_t on)
{
    const pal_tape *t = p->recorded;
    bool found = false, *reached = pal__alloc(p->tape->context, (id - on + 1) * sizeof *reached);
    p->failed |= !reached;
    if (!reached) return false;
    reached[0] = true;
    for (uint32_t k = on + 1; k <= id; k++)
        for (uint32_t i = 0; i < pal__at(t, k)->n && !reached[k - on]; i++) {
            const uint32_t in = pal__arg(t, k, i);
            reached[k - on] = in >= on && reached[in - on];
        }
    found = reached[id - on];
    pal__free(p->tape->context, reached);
    return found;
}

/* Several recorded values may have become one. The derivative by the first is that by the value of the page if all
 * others are computed from it, as a slice of what was joined is; else it is one summand of several. */
static bool whole(pal__page *p, size_t candidate)
{
    for (size_t i = p->n_outputs; i < p->graph.n_outputs; i++) {
        if (i == candidate || p->root[i].reason != PAL__ROOT_CANDIDATE ||
            p->root[i].value != p->root[candidate].value || p->graph.outputs[i] != p->graph.outputs[candidate])
            continue;
        if (i < candidate || !depends(p, p->recorded_roots[i], p->recorded_roots[candidate])) return false;
    }
    return true;
}

/* For each derivative that the outputs read: by what. The last candidate is the nearest to the scalar: of z = x W + b
 * it is z and not x W. */
static void find_roles(pal__page *p)
{
    for (size_t i = p->n_outputs; i + 1 < p->graph.n_outputs; i++) {
        if (p->root[i].reason != PAL__ROOT_CANDIDATE) continue;
        const uint32_t z = p->graph.outputs[i], d = p->graph.outputs[i + 1];
        const pal__entry *e = pal__at(p->tape, d), *of = pal__at(p->tape, z);
        if (!p->live[z] || !p->live[d] || of->op->op_class == PAL_CLASS_CONSTANT || e->op->op_class == PAL_CLASS_LEAF ||
            e->op->op_class == PAL_CLASS_CONSTANT || z == d || !whole(p, i))
            continue;
        const pal_explain_value *y = &p->o.values[p->root[i].value];
        const bool leaf = of->op->op_class == PAL_CLASS_LEAF;
        if (leaf && !y->name) continue;
        p->by[d] = z;
        p->letter[d] = leaf ? y->name : y->adjoint;
        p->line[d] |= leaf;
    }
}

/* An operand that a template has twice needs a name, unless it is one. */
static void name_repeated(pal__page *p, uint32_t id, const char *text)
{
    const pal__entry *e = pal__at(p->tape, id);
    for (uint32_t k = 0; text && k < e->n && k < 9; k++) {
        const char word[] = {'%', (char)('1' + k), 0}, *first = strstr(text, word);
        const uint32_t of = pal__arg(p->tape, id, k);
        if (first && strstr(first + 1, word) && pal__at(p->tape, of)->op->op_class != PAL_CLASS_CONSTANT)
            p->line[of] = true;
    }
}

/* The sum of a product and a parameter is called as the product. */
static void pass_letter(pal__page *p, uint32_t id)
{
    const pal__entry *e = pal__at(p->tape, id);
    for (uint32_t k = 0; k < 2 && e->n == 2 && e->op->op_class == PAL_CLASS_ELEMENTWISE; k++) {
        const uint32_t product = pal__arg(p->tape, id, k);
        const pal_notation *n = pal__notation(p, product);
        if (n && n->letter && pal__at(p->tape, product)->op->op_class == PAL_CLASS_PRODUCT &&
            pal__explain_parameter(p, pal__arg(p->tape, id, 1 - k))) {
            if (!p->letter[id]) p->letter[id] = n->letter;
            p->letter[product] = ""; /* one of the two has it */
        }
    }
}

/* The outputs that are derivatives, as the caller says, and are not found to be. */
static void take_roles(pal__page *p)
{
    const char *y = p->o.n_values ? p->o.values[p->o.n_values - 1].name : NULL;
    for (size_t i = 0; p->o.by && y && i < p->n_outputs; i++) {
        const pal_tensor *of = pal_leaf_tensor(p->o.by[i]);
        const uint32_t d = p->graph.outputs[i];
        for (uint32_t id = 1; of && id < p->n && !p->by[d]; id++)
            if (pal__at(p->tape, id)->tensor == of && id != d &&
                pal__at(p->tape, d)->op->op_class != PAL_CLASS_CONSTANT) {
                p->by[d] = id;
                p->letter[d] = y;
            }
    }
}

void pal__explain_suggest(pal__page *p)
{
    for (uint32_t id = 1; id < p->n; id++)
        if (p->live[id] && (is_leaf(p, id) || is_index(p, id))) pal__explain_name(p, id);
    for (uint32_t id = 1; id < p->n; id++) /* what an effect writes has a name, which its readers use */
        if (p->live[id] && pal__at(p->tape, id)->op->op_class == PAL_CLASS_EFFECT)
            p->line[pal__arg(p->tape, id, 1)] = true;
    for (int hats = 1; hats >= 0; hats--) /* x̂ before z */
        for (uint32_t id = 1; id < p->n; id++) {
            const pal_notation *n = p->live[id] ? pal__notation(p, id) : NULL;
            if (!n) continue;
            if (n->first && hats == !strcmp(n->first, "^") && pal__at(p->tape, id)->n > 0)
                suggest_operand(p, id, 0, n->first);
            if (n->second && hats == !strcmp(n->second, "^") && pal__at(p->tape, id)->n > 1)
                suggest_operand(p, id, 1, n->second);
        }
    for (uint32_t id = 1; id < p->n; id++) {
        const pal_notation *n = p->live[id] ? pal__notation(p, id) : NULL;
        if (!n) continue;
        pass_letter(p, id);
        name_repeated(p, id, n->text);
    }
    find_roles(p);
    take_roles(p);
    /* A derivative that several values read has a line; then the value by which it is one needs a name, too. */
    for (uint32_t id = 1; id < p->n; id++)
        if (p->by[id] && !is_leaf(p, p->by[id]) && (p->live[id] > 1 || p->line[id]) &&
            !pal__explain_small(p->tape, p->live, id))
            p->line[id] = p->line[p->by[id]] = true;
    for (uint32_t id = 1; id < p->n; id++) {
        const uint32_t noise = pal__at(p->tape, id)->n ? pal__arg(p->tape, id, 0) : 0;
        if (!p->shape[id]) p->shape[id] = pal__at(p->tape, id)->shape;
        if (p->live[id] && p->live[noise] == 1 && pal__at(p->tape, noise)->op->op_class == PAL_CLASS_RANDOM &&
            pal__explain_reshapes(p, id))
            p->shape[noise] = p->shape[id];
    }
}
