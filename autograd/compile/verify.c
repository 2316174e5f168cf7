/* verify.c - the grammar of a tape, as tables of rules that can be executed.
 *
 * In: a tape. Out: NULL, or the message of the first rule that an entry breaks. It runs after every pass in debug
 * builds, on every text that is read back (text/parse.c), and in tests.
 *
 * Four tables: rules for every entry; what each class of operations takes and gives; rules for some classes only; rules
 * for a tape that becomes a program, which hold after materialise. Rules are tried in order, and a rule may rely on
 * those before it. tests/autograd/test_verify.c has, for each rule, a damaged tape that breaks this rule first.
 *
 * Why tables: the grammar can be read from top to bottom, and the test can loop over it. Why not assertions inside the
 * passes: a tape from a text is checked by the same rules, and a failure names the rule instead of ending the program.
 */
#include "autograd/compile/internal.h"

#include <stddef.h>
#include <string.h>

typedef struct subject { /* one entry */
    const pal_tape *t;
    uint32_t id;
    const pal__entry *e;
    bool *starved;           /* set where there was no memory to ask with */
    pal__table *met;         /* the entries so far that must be the only ones of their kind */
    const pal__views *views; /* of a tape that becomes a program */
} subject;
typedef bool (*holds)(const subject *s);

#define IS(CLASS) (1u << PAL_CLASS_##CLASS)
enum { ALL = (1u << PAL_CLASS_COUNT) - 1, MANY = INT32_MAX };

static uint32_t arg(const subject *s, uint32_t i) { return pal__arg(s->t, s->id, i); }
static const pal__entry *in(const subject *s, uint32_t i) { return pal__at(s->t, arg(s, i)); }

/* ---- Every entry ---------------------------------------------------------------------------------------------- */

static bool has_op(const subject *s)
{
    return s->e->op && s->e->op->name && (unsigned)s->e->op->op_class < PAL_CLASS_COUNT;
}

static bool has_type(const subject *s) { return pal_dtype_size((pal_dtype)s->e->dtype) != 0; }

static bool has_shape(const subject *s)
{
    pal_shape clean = pal__shape_clean(*s->e->shape);
    return pal_shape_count(*s->e->shape) >= 0 && !memcmp(clean.dim, s->e->shape->dim, sizeof clean.dim);
}

static bool has_scope(const subject *s) { return s->e->scope < s->t->n_scopes; }

static bool has_operands(const subject *s) { return (size_t)s->e->first + s->e->n <= s->t->n_operands; }

static bool operands_precede(const subject *s)
{
    for (uint32_t i = 0; i < s->e->n; i++)
        if (!arg(s, i) || arg(s, i) >= s->id) return false;
    return true;
}

static bool region_precedes(const subject *s)
{
    return !s->e->region || (s->e->region < s->id && pal__at(s->t, s->e->region)->op == &pal__op_index);
}

static bool operands_readable(const subject *s)
{
    for (uint32_t i = 0; i < s->e->n; i++)
        if (!pal__readable(s->t, s->e->region, arg(s, i))) return false;
    return true;
}

static bool fits_arity(const subject *s) { return s->e->op->arity < 0 || s->e->n == (uint32_t)s->e->op->arity; }

/* What text leaves out could not be read back. */
static bool params_declared(const subject *s)
{
    static const double zero;
    for (int i = s->e->op->n_ints; i < PAL_PARAM_INTS; i++)
        if (s->e->params->i[i]) return false;
    for (int i = s->e->op->n_reals; i < 2; i++)
        if (memcmp(&s->e->params->r[i], &zero, sizeof zero) != 0) return false;
    return true;
}

static bool body_owned(const subject *s)
{
    return s->e->op->op_class == PAL_CLASS_REGION ? s->e->body && s->e->index : !s->e->body && !s->e->index;
}

/* ---- Classes: what each takes and gives ----------------------------------------------------------------------- */

typedef enum taken { ANY, REAL, INDICES } taken;
/* Type and shape are free; as the shape rule says; the same with the type of the operand, with the shape to which the
 * operands broadcast, or with a real type that the parameters say. */
typedef enum given { FREE, RULED, KEPT, JOINED, SAID } given;

static bool takes(const subject *s, taken what)
{
    for (uint32_t i = 0; i < s->e->n && what != ANY; i++)
        if (what == REAL ? !pal_dtype_real((pal_dtype)in(s, i)->dtype) : in(s, i)->op != &pal__op_index) return false;
    return true;
}

/* What the shape rule says now is what was recorded. */
static bool as_ruled(const subject *s)
{
    pal__types types;
    *s->starved = !pal__types_of(s->t, pal__operands(s->t, s->e), s->e->n, &types);
    if (*s->starved) return false;
    pal_infer r = {.n = s->e->n, .shapes = types.shapes, .dtypes = types.dtypes, .params = s->e->params};
    bool ok = s->e->op->infer && s->e->op->infer(&r) && pal_shape_equal(r.shape, *s->e->shape) &&
              r.dtype == (pal_dtype)s->e->dtype;
    pal__types_free(s->t, &types);
    return ok;
}

static bool as_joined(const subject *s)
{
    pal_shape joined = PAL_SCALAR;
    for (uint32_t i = 0; i < s->e->n; i++)
        if (!pal_shape_broadcast(joined, *in(s, i)->shape, &joined)) return false;
    return pal_shape_equal(joined, *s->e->shape) && as_ruled(s);
}

static bool gives(const subject *s, given what)
{
    if (what == FREE) return true;
    if (what == KEPT && s->e->dtype != in(s, 0)->dtype) return false;
    if (what == SAID && !pal_dtype_real((pal_dtype)s->e->dtype)) return false;
    return what == JOINED ? as_joined(s) : as_ruled(s);
}

static const struct {
    unsigned classes;
    uint32_t least, most; /* operands */
    taken taken;
    given given;
    const char *message;
} classes[] = {
    {IS(LEAF), 0, 0, ANY, FREE, "a leaf with operands"},
    {IS(CONSTANT), 0, 0, ANY, RULED, "a constant with operands, or whose type or shape is not that of its parameters"},
    {IS(ELEMENTWISE), 1, 3, ANY, JOINED,
     "an elementwise operation whose 1 to 3 operands do not broadcast to its shape"},
    {IS(RANDOM), 0, MANY, INDICES, SAID, "noise that is not real, or that reads a value that is not an index"},
    {IS(MOVEMENT), 1, 1, ANY, KEPT, "a movement that has not one operand, or that changes the type"},
    {IS(REDUCTION), 1, MANY, ANY, RULED, "a reduction whose operands do not fit its shape rule"},
    {IS(PRODUCT), 2, MANY, REAL, RULED, "a product whose operands do not fit its shape rule"},
    {IS(INDEX), 1, MANY, ANY, RULED, "an indexing operation whose operands do not fit its shape rule"},
    {IS(EFFECT), 2, 2, ANY, RULED, "an effect whose value does not fit its leaf"},
    {IS(OPAQUE), 0, MANY, ANY, RULED, "an operation whose operands do not fit its shape rule"},
};

/* ---- Particulars of some classes ------------------------------------------------------------------------------ */

static bool leaf_stored(const subject *s)
{
    return s->e->op != &pal__op_leaf ||
           (s->e->tensor && s->e->tensor->dtype == (pal_dtype)s->e->dtype && s->e->params->name &&
            pal_shape_equal(pal__leaf_shape(s->t, s->e->tensor, s->e->rows), *s->e->shape) && !s->e->region);
}

/* Whether no entry before this one with the same operation has the same key. */
static bool unique(const subject *s, bool (*same)(const pal_tape *t, uint32_t a, uint32_t b), uint64_t key)
{
    size_t at;
    const uint64_t hash = pal__mix((uintptr_t)s->e->op, key);
    for (uint32_t id = pal__table_first(s->met, hash, &at); id; id = pal__table_next(s->met, hash, &at))
        if (pal__at(s->t, id)->op == s->e->op && same(s->t, id, s->id)) return false;
    *s->starved = !pal__table_add(s->t->context, s->met, hash, s->id);
    return !*s->starved;
}

static bool same_tensor(const pal_tape *t, uint32_t a, uint32_t b)
{
    return pal__at(t, a)->tensor == pal__at(t, b)->tensor;
}
static bool same_leaf(const pal_tape *t, uint32_t a, uint32_t b) { return pal__arg(t, a, 0) == pal__arg(t, b, 0); }

static bool leaf_unique(const subject *s)
{
    return s->e->op != &pal__op_leaf || unique(s, same_tensor, (uintptr_t)s->e->tensor);
}

static bool index_counts(const subject *s)
{
    if (s->e->op != &pal__op_index) return true;
    const int64_t depth = 1 + (s->e->region ? pal__at(s->t, s->e->region)->params->i[0] : 0);
    return s->e->dtype == PAL_I32 && !s->e->shape->rank && s->e->params->i[0] == depth;
}

static bool noise_named(const subject *s) { return s->e->params->name != NULL; }
static bool has_view(const subject *s) { return s->e->op->view != NULL; }
static bool has_kernel(const subject *s) { return s->e->op->run != NULL; }

static bool has_tile(const subject *s)
{
    uint8_t key = s->e->op->op_class == PAL_CLASS_RANDOM ? s->e->dtype : in(s, s->e->n - 1)->dtype;
    return s->e->op->tile[PAL_ISA_BASELINE][key] != NULL;
}

static bool body_inside(const subject *s)
{
    return s->e->index < s->id && s->e->body < s->id && pal__at(s->t, s->e->index)->op == &pal__op_index &&
           pal__at(s->t, s->e->index)->region == s->e->region && pal__at(s->t, s->e->body)->region == s->e->index;
}

/* A term has storage of its own. */
static bool body_copied(const subject *s) { return pal__at(s->t, s->e->body)->op == &pal__op_copy; }

static bool body_summed(const subject *s)
{
    const pal__entry *body = pal__at(s->t, s->e->body);
    return s->e->params->i[0] >= 1 && s->e->params->i[0] <= INT32_MAX && pal_dtype_real((pal_dtype)s->e->dtype) &&
           body->dtype == s->e->dtype && pal_shape_equal(*body->shape, *s->e->shape);
}

static bool captures_complete(const subject *s)
{
    uint32_t *ids;
    size_t n;
    if (!pal__captures((pal_tape *)s->t, s->e->index, s->e->body, &ids, &n)) return !(*s->starved = true);
    bool same = n == s->e->n && (!n || !memcmp(ids, pal__operands(s->t, s->e), n * sizeof *ids));
    pal__free(s->t->context, ids);
    return same;
}

static bool effect_on_leaf(const subject *s) { return in(s, 0)->op == &pal__op_leaf && !s->e->region; }

static bool effect_unique(const subject *s) { return unique(s, same_leaf, arg(s, 0)); }

/* Sums over shards go on while other steps run, which steps of a region do not. */
static bool sum_outside(const subject *s)
{
    const pal_op *op = s->e->op;
    return !s->e->region || (op != &pal__op_all_sum && op != &pal__op_all_max && op != &pal__op_all_sum_start &&
                             op != &pal__op_all_sum_wait);
}

static bool hash_fits(const subject *s) { return s->e->hash == pal__hash_of(s->t, s->id); }

enum { KERNELS = IS(REDUCTION) | IS(PRODUCT) | IS(INDEX) | IS(OPAQUE) };

/* clang-format off */
static const struct rule {
    unsigned classes;
    holds holds; /* NULL: never */
    const char *message;
} every[] = {
    {ALL,                     has_op,            "an entry without an operation"},
    {ALL,                     has_type,          "an entry without an element type"},
    {ALL,                     has_shape,         "an entry without a shape"},
    {ALL,                     has_scope,         "an entry without a scope"},
    {ALL,                     has_operands,      "operands that are not in the tape's list"},
    {ALL,                     operands_precede,  "an operand that does not come before its reader"},
    {ALL,                     region_precedes,   "an entry of a region that has not begun"},
    {ALL,                     operands_readable, "an operand inside a region that has ended"},
    {IS(COMPOSITE),           NULL,              "a composite, which must be recorded as its parts"},
    {ALL & ~IS(LEAF),         fits_arity,        "a wrong number of operands"},
    {ALL,                     params_declared,   "a parameter that its operation does not declare"},
    {ALL,                     body_owned,        "a body or an index on an operation that is not a region, or none on one that is"},
}, particular[] = {
    {IS(LEAF),                leaf_stored,       "a leaf without a tensor"},
    {IS(LEAF),                leaf_unique,       "a second leaf for one tensor"},
    {IS(LEAF),                index_counts,      "an index whose number is not the depth of its region"},
    {IS(RANDOM),              noise_named,       "noise without the name of a stream"},
    {IS(ELEMENTWISE) | IS(RANDOM), has_tile,     "an operation without a kernel for its type"},
    {IS(MOVEMENT),            has_view,          "a movement without a view"},
    {KERNELS,                 has_kernel,        "an operation without a kernel"},
    {IS(REGION),              body_inside,       "a body that is not inside its region"},
    {IS(REGION),              body_copied,       "a body whose value has no storage of its own"},
    {IS(REGION),              body_summed,       "a body whose type or shape is not that of its sum"},
    {IS(REGION),              captures_complete, "a region whose operands are not what its body reads"},
    {IS(EFFECT),              effect_on_leaf,    "an effect on a value that is not a leaf"},
    {IS(EFFECT),              effect_unique,     "a leaf that two effects write"},
    {IS(OPAQUE),              sum_outside,       "a sum over the shards of a batch inside a region"},
    {ALL,                     hash_fits,         "a hash that does not belong to its entry"},
};
/* clang-format on */

/* ---- Programs ------------------------------------------------------------------------------------------------- */

static bool no_placeholder(const subject *s) { return s->e->op != &pal__op_placeholder; }

/* A kernel takes contiguous elements from memory. */
static bool operands_stored(const subject *s)
{
    for (uint32_t i = 0; i < s->e->n; i++)
        if (!pal__has_storage(s->views, arg(s, i))) return false;
    return true;
}

static bool effect_computed(const subject *s) { return pal__computed(s->views, arg(s, 1)); }

static const struct rule program[] = {
    {IS(LEAF), no_placeholder, "a placeholder in a program"},
    {KERNELS, operands_stored, "an operand of a kernel that is not contiguous in memory"},
    {IS(EFFECT), effect_computed, "an effect whose value no step computes"},
};

/* ---- Asking --------------------------------------------------------------------------------------------------- */

static const char no_memory[] = "out of memory";
#define COUNT(table) (sizeof(table) / sizeof *(table))

static const char *ask(const struct rule *rules, size_t n, const pal_tape *t, uint32_t id, pal__table *met,
                       const pal__views *views)
{
    bool starved = false;
    subject s = {t, id, pal__at(t, id), &starved, met, views};
    for (size_t r = 0; r < n; r++) /* the first row makes sure that there is a class */
        if ((rules[r].classes == ALL || rules[r].classes >> s.e->op->op_class & 1) &&
            (!rules[r].holds || !rules[r].holds(&s)))
            return starved ? no_memory : rules[r].message;
    return NULL;
}

static const char *ask_class(const pal_tape *t, uint32_t id)
{
    bool starved = false;
    subject s = {t, id, pal__at(t, id), &starved, NULL, NULL};
    for (size_t r = 0; r < COUNT(classes); r++)
        if (classes[r].classes >> s.e->op->op_class & 1 &&
            (s.e->n < classes[r].least || s.e->n > classes[r].most || !takes(&s, classes[r].taken) ||
             !gives(&s, classes[r].given)))
            return starved ? no_memory : classes[r].message;
    return NULL;
}

static const char bad_output[] = "an output that no step computes";

const char *pal__verify_message(size_t i)
{
    if (i < COUNT(every)) return every[i].message;
    i -= COUNT(every);
    if (i < COUNT(classes)) return classes[i].message;
    i -= COUNT(classes);
    if (i < COUNT(particular)) return particular[i].message;
    i -= COUNT(particular);
    if (i < COUNT(program)) return program[i].message;
    return i == COUNT(program) ? bad_output : NULL;
}

pal_status pal__verify_status(const char *wrong) { return wrong == no_memory ? PAL_ERR_MEMORY : PAL_ERR_TAPE; }

const char *pal__verify(const pal_tape *t)
{
    const char *wrong = NULL;
    pal__table met = {0};
    for (uint32_t id = 1; id < t->n_entries && !wrong; id++) {
        wrong = ask(every, COUNT(every), t, id, &met, NULL);
        if (!wrong) wrong = ask_class(t, id);
        if (!wrong) wrong = ask(particular, COUNT(particular), t, id, &met, NULL);
    }
    pal__table_free(t->context, &met);
    return wrong;
}

const char *pal__verify_program(const pal_tape *t, const uint32_t *outputs, size_t n)
{
    const char *wrong = pal__verify(t);
    pal__views views = {.tape = t};
    if (!wrong && !pal__views_reach(&views, (uint32_t)t->n_entries - 1)) wrong = no_memory;
    for (uint32_t id = 1; id < t->n_entries && !wrong; id++) wrong = ask(program, COUNT(program), t, id, NULL, &views);
    for (size_t i = 0; i < n && !wrong; i++)
        if (!outputs[i] || outputs[i] >= t->n_entries || !pal__outside(t, outputs[i]) ||
            (pal__at(t, outputs[i])->op->op_class != PAL_CLASS_EFFECT && !pal__computed(&views, outputs[i])))
            wrong = bad_output;
    pal__views_free(&views);
    return wrong;
}
