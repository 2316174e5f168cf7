/* test_drawn_variants.c - every variant at every level and order: each entry is shown exactly once,
 * and at the same place of a page as of dot's drawing. */
#include "autograd/text/page.h"
#include "tests/models/small_models.h"

#include <math.h>

Suite *drawn_variants_suite(void);

enum { MOST = 64 };

typedef struct drawn {
    pal_tape *tape;
    pal_tensor *batch, *labels;
    pal_var outputs[MOST], leaves[MOST];
    size_t n_outputs, n;
} drawn;

static drawn record(pal_model *m, int order)
{
    drawn d = {.tape = pal_tape_new(c, PAL_F32), .n = pal_model_parameter_count(m)};
    ck_assert_uint_lt(d.n, MOST);
    d.batch = pal_tensor_new(c, PAL_F32, PAL_SHAPE(3, pal_shape_count(pal_model_sample(m))));
    if (pal_model_classes(m)) d.labels = pal_tensor_new(c, PAL_F32, PAL_SHAPE(3, pal_model_classes(m)));
    pal_model_begin(m, d.tape, PAL_TRAIN);
    pal_batch given = {.inputs = pal_leaf(d.tape, d.batch, "x")};
    if (d.labels) given.labels = pal_leaf(d.tape, d.labels, "y");
    pal_var loss = pal_model_loss(m, &given);
    pal_model_leaves(m, d.tape, d.leaves);
    pal_model_end(m);
    d.outputs[d.n_outputs++] = loss;
    for (int i = 0; i < order; i++) {
        pal_var sum = loss;
        pal_block_begin(d.tape, "squared gradient", NULL);
        for (size_t k = 0; i && k < d.n; k++) {
            const pal_var squares = pal_sum_squares(d.outputs[1 + k]);
            sum = k ? pal_add(sum, squares) : squares;
        }
        pal_block_end(d.tape);
        pal_grad(sum, d.leaves, d.n, d.outputs + 1);
        d.n_outputs = 1 + d.n;
    }
    ck_assert_tape_ok(d.tape);
    return d;
}

static void drop(drawn *d)
{
    pal_tape_free(d->tape);
    pal_tensor_free(d->batch);
    pal_tensor_free(d->labels);
}

/* Whether the constant is in a label, beside a reader, or within the node of a reader. */
static bool constant_is_shown(const pal__drawing *d, uint32_t id)
{
    const pal_tape *t = d->graph.tape;
    double value;
    for (uint32_t k = id + 1; k < d->n; k++)
        for (uint32_t i = 0; i < pal__at(t, k)->n; i++) {
            if (pal__arg(t, k, i) != id) continue;
            if (d->folded[pal__at(t, k)->first + i] || d->node[k] >= d->n) return true;
            if (pal__constant_value(t, k, &value) && constant_is_shown(d, k)) return true;
            for (size_t w = 0; w < d->n_wires; w++)
                if (d->wires[w].constant && d->wires[w].reader == k && d->wires[w].operand == i) return true;
        }
    return false;
}

/* A node for itself, the node of a box that is closed, or a part of an edge: one of them. */
static void check_each(const pal__drawing *d, const char *name)
{
    const pal_tape *t = d->graph.tape;
    double value;
    for (uint32_t id = 1; id < d->n; id++) {
        const bool node = d->node[id] == id, closed = d->node[id] > d->n, edge = d->through[id] != 0;
        const bool constant = pal__constant_value(t, id, &value) && !d->node[id];
        ck_assert_msg(node + closed + edge + constant == 1, "%s: %%%u %s is shown %d times", name, id,
                      pal__at(t, id)->op->name, node + closed + edge + constant);
        if (constant) ck_assert_msg(constant_is_shown(d, id), "%s: %%%u %s", name, id, pal__at(t, id)->op->name);
        if (closed) ck_assert(d->boxes[d->node[id] - d->n].closed);
        if (!edge) continue;
        const uint32_t root = pal__draw_root(d, id);
        bool read = false;
        for (size_t w = 0; w < d->n_wires && !read; w++) read = d->wires[w].from == d->node[root];
        for (uint32_t k = id + 1; k < d->n && !read; k++) /* its readers may be implied by their block */
            for (uint32_t i = 0; i < pal__at(t, k)->n; i++) read |= pal__arg(t, k, i) == id && d->node[k] >= d->n;
        ck_assert_msg(d->node[root] && read, "%s: no edge shows %%%u %s", name, id, pal__at(t, id)->op->name);
    }
}

/* The node that shows an entry on a page as it opens: the entry, or a box that stands for it; 0: none. */
static uint32_t on_page(const pal__page *page, uint32_t id)
{
    const uint32_t item = page->placed.item[page->d->node[id]];
    return item ? page->placed.node[page->placed.place.items[item].shown] : 0;
}

/* A page whose scopes are open shows what dot's drawing shows: blocks are closed boxes, and all else is the same. What
 * is plumbing in a block is a part of an edge when the block is open; so is the shape. */
static void check_page(const pal__drawing *dot, const drawn *r, const pal_graph_options *o, const char *name)
{
    pal__drawing d;
    const bool layers = o->level == PAL_GRAPH_LAYERS;
    pal__page page = {.d = &d, .layers = layers ? dot : NULL};
    ck_assert(pal__drawing_open_blocks(&d, r->tape, r->outputs, r->n_outputs, o));
    d.options.depth = 128; /* all scopes are open; blocks are not scopes */
    ck_assert(pal__place_drawing(&d, pal__page_size, &page, &page.placed) && pal__place_order(&page.placed.place));
    ck_assert(pal__page_close_boxes(&d, &page.placed) && pal__place_move(&page.placed.place));
    ck_assert_uint_eq(d.n, dot->n);
    ck_assert_uint_eq(d.n_boxes, dot->n_boxes);
    size_t blocks = 0;
    for (uint32_t id = 1; id < d.n; id++) {
        const bool hidden = d.through[id] && dot->node[id] >= dot->n;
        if (hidden) continue;
        ck_assert_msg(on_page(&page, id) == dot->node[id], "%s: %%%u %s: %u on the page, %u in dot's drawing", name, id,
                      pal__at(d.graph.tape, id)->op->name, on_page(&page, id), dot->node[id]);
        blocks += dot->node[id] >= dot->n;
    }
    ck_assert_int_eq(blocks > 0, layers);
    pal__placed_free(&page.placed);
    pal__drawing_close(&d, c);
}

/* Whether they have more in common than an edge. */
static bool meet(const pal_graph_item *a, const pal_graph_item *b)
{
    return fmin(a->x + a->width, b->x + b->width) - fmax(a->x, b->x) > 0.01 &&
           fmin(a->y + a->height, b->y + b->height) - fmax(a->y, b->y) > 0.01;
}

/* Whether the curve runs through the item. */
static bool strikes(const pal_graph_curve *line, const pal_graph_item *i)
{
    for (size_t k = 3; k < line->n_points; k += 3)
        for (int step = 0; step <= 16; step++) {
            const pal_graph_point *p = &line->points[k - 3];
            const double t = step / 16.0, u = 1 - t;
            const double x = u * u * u * p[0].x + 3 * u * u * t * p[1].x + 3 * u * t * t * p[2].x + t * t * t * p[3].x;
            const double y = u * u * u * p[0].y + 3 * u * u * t * p[1].y + 3 * u * t * t * p[2].y + t * t * t * p[3].y;
            const double across = fmin(x - i->x, i->x + i->width - x), along = fmin(y - i->y, i->y + i->height - y);
            if (across > 0.01 && along > 0.01) return true; /* a line ends at the edge */
        }
    return false;
}

/* In a drawing with places, no line strikes through a label or a node, and no two of these meet. */
static void check_places(const drawn *r, const pal_graph_options *o, const char *name)
{
    pal_graph_drawn *d = pal_graph_draw(r->tape, r->outputs, r->n_outputs, o, NULL);
    size_t labels = 0;
    ck_assert_msg(d, "%s: %s", name, pal_tape_error(r->tape));
    for (size_t i = 0; i < d->n_items; i++) {
        const pal_graph_item *a = &d->items[i];
        labels += a->look == PAL_GRAPH_LABEL;
        if (a->look == PAL_GRAPH_SCOPE || a->look == PAL_GRAPH_BODY) continue;
        ck_assert(a->x >= 0 && a->x + a->width <= d->width + 0.01 && a->y >= 0 && a->y + a->height <= d->height + 0.01);
        for (size_t k = 0; k < i; k++)
            if (d->items[k].look != PAL_GRAPH_SCOPE && d->items[k].look != PAL_GRAPH_BODY)
                ck_assert_msg(!meet(a, &d->items[k]), "%s, direction %d: %s meets %s", name, o->direction,
                              a->runs->text, d->items[k].runs->text);
        for (size_t k = 0; k < d->n_curves; k++)
            if (!d->curves[k].kept)
                ck_assert_msg(!strikes(&d->curves[k], a), "%s: a line through %s", name, a->runs->text);
    }
    ck_assert_uint_gt(labels, 1);
    pal_graph_drawn_free(d);
}

START_TEST(each_entry_is_shown_once)
{
    const pal_variant *variant = pal_variant_at((size_t)_i);
    pal_model *m = make_named(variant->name, PAL_F32);
    for (int order = 0; order < 3; order++) {
        drawn r = record(m, order);
        for (int bits = 0; bits < 4; bits++) {
            pal__drawing d;
            char name[96];
            pal_graph_options o = {.struct_size = sizeof o,
                                   .parameters = r.leaves,
                                   .n_parameters = r.n,
                                   .plumbing = bits & 1,
                                   .level = bits & 2 ? PAL_GRAPH_LAYERS : PAL_GRAPH_OPERATIONS};
            snprintf(name, sizeof name, "%s, order %d, options %d", variant->name, order, bits);
            ck_assert_msg(pal__drawing_open(&d, r.tape, r.outputs, r.n_outputs, &o), "%s", pal_tape_error(r.tape));
            check_each(&d, name);
            check_page(&d, &r, &o, name);
            for (int right = 0; right < 2 && !o.plumbing && (o.level == PAL_GRAPH_LAYERS || order < 2); right++) {
                o.direction = right ? PAL_GRAPH_RIGHT : PAL_GRAPH_DOWN;
                check_places(&r, &o, name);
            }
            size_t nodes = 0;
            for (uint32_t id = 1; id < d.n; id++) nodes += d.node[id] == id;
            if (bits == 2) ck_assert_msg(nodes <= 20, "%s: %zu nodes that are no blocks", name, nodes);
            pal__drawing_close(&d, c);
        }
        drop(&r);
    }
    pal_model_free(m);
}
END_TEST

Suite *drawn_variants_suite(void)
{
    Suite *s = suite_create("drawn_variants");
    TCase *all = add_case(s, "variants", set_up, tear_down, TESTS(NULL));
    int variants = 0;
    while (pal_variant_at((size_t)variants)) variants++;
    tcase_add_loop_test(all, each_entry_is_shown_once, 0, variants);
    return s;
}
