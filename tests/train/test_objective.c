/* test_objective.c - the loss over a data set as a function: its gradient by differences and sample by sample, products
 * with its curvature by differences and by explicit matrices, chunks of any size, labels, noise, and what is refused.
 */
#include "tests/failing.h"
#include "tests/train/objectives.h"

Suite *objective_suite(void);

static double dot(const pal_slab *a, const pal_slab *b)
{
    double sum = 0;
    for (size_t i = 0; i < pal_tensor_count(a->all); i++) sum += pal_tensor_get(a->all, i) * pal_tensor_get(b->all, i);
    return sum;
}

static void check_same(const pal_slab *a, const pal_slab *b, double tolerance, const char *what)
{
    const double size = sqrt(dot(a, a)) + 1e-12;
    for (size_t i = 0; i < pal_tensor_count(a->all); i++)
        ck_assert_msg(fabs(pal_tensor_get(a->all, i) - pal_tensor_get(b->all, i)) <= tolerance * size,
                      "%s: element %zu: %.12g, not %.12g", what, i, pal_tensor_get(a->all, i),
                      pal_tensor_get(b->all, i));
}

/* Slopes of the value, and of the gradient, along a direction. */
static void check_derivatives(pal_data_objective *o, const char *what)
{
    const double h = 1e-5;
    const pal_objective *f = pal_data_objective_get(o);
    pal_slab *g = slab_like(f->x), *v = slab_like(f->x), *up = slab_like(f->x), *down = slab_like(f->x),
             *product = slab_like(f->x);
    value_at(f, g);
    randomise(v, 1, "v");
    ck_assert_int_eq(f->hessian(v, product, f->user), PAL_OK);
    add(f->x, v, h);
    const double above = value_at(f, up);
    ck_assert_double_eq_tol(above, value_at(f, NULL), 1e-14 * fabs(above));
    add(f->x, v, -2 * h);
    const double below = value_at(f, down), slope = (above - below) / (2 * h), is = dot(g, v);
    add(f->x, v, h);
    ck_assert_msg(fabs(slope - is) <= 1e-6 * (1 + fabs(is)), "%s: slope %.10g, by differences %.10g", what, is, slope);
    add(up, down, -1);
    for (size_t i = 0; i < pal_tensor_count(up->all); i++)
        pal_tensor_set(up->all, i, pal_tensor_get(up->all, i) / (2 * h));
    check_same(product, up, 2e-6, what);
    pal_slab *const slabs[] = {g, v, up, down, product};
    for (int i = 0; i < 5; i++) pal_slab_free(slabs[i]);
}

START_TEST(gradient_and_hessian_are_derivatives)
{
    pal_dataset *data = few(FEW);
    for (size_t i = 0; pal_variant_at(i); i++) {
        const char *name = pal_variant_at(i)->name;
        pal_model *m = model_of(name, NULL, 0, PAL_F64);
        pal_phase phase;
        for (size_t k = 0; pal_model_phase(m, k, 1, &phase); k++) {
            pal_data_objective *o = objective_of(m, data, &phase, 5);
            /* k-sparse chooses units, and a rectifier has a kink: the directions of this test meet none. */
            check_derivatives(o, name);
            pal_data_objective_free(o);
        }
        pal_data_objective *o = objective_of(m, data, NULL, 5);
        check_derivatives(o, name);
        pal_data_objective_free(o);
        pal_model_free(m);
    }
    pal_dataset_free(data);
}
END_TEST

/* The sizes of the chunks do not matter, single samples included, unless a term is a mean over the batch. */
START_TEST(chunks_of_any_size_agree)
{
    static const int64_t sizes[] = {1, 5, 6, FEW, 100};
    pal_dataset *data = few(FEW);
    const pal_setting joint[] = {{"training", "joint"}, {"labels", "5"}}, sparse[] = {{"rho", "0.3"}},
                      two[] = {{"training", "alternate"}, {"labels", "7"}}, l2[] = {{"l2", "0.1"}, {"l1", "0.01"}};
    const struct {
        const char *variant;
        const pal_setting *more;
        size_t n;
    } cases[] = {{"basic", l2, 2},         {"denoising", NULL, 0},        {"contractive", NULL, 0},
                 {"variational", NULL, 0}, {"semi-supervised", joint, 2}, {"semi-supervised", two, 2},
                 {"k-sparse", NULL, 0},    {"stacked", NULL, 0},          {"convolutional", NULL, 0},
                 {"sparse", sparse, 0}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        pal_model *m = model_of(cases[c].variant, cases[c].more, cases[c].n, PAL_F64);
        const bool pooled = pal_model_variant(m)->pooled != NULL;
        pal_phase phase;
        for (size_t k = 0; pal_model_phase(m, k, 1, &phase); k++) {
            pal_slab *first[4] = {0};
            double value = 0;
            for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
                pal_data_objective *o = objective_of(m, data, &phase, sizes[s]);
                const pal_objective *f = pal_data_objective_get(o);
                pal_slab *g = slab_like(f->x), *v = slab_like(f->x), *hv = slab_like(f->x), *gv = slab_like(f->x);
                const double is = value_at(f, g);
                randomise(v, 1, "v");
                ck_assert_int_eq(f->hessian(v, hv, f->user), PAL_OK);
                ck_assert_ptr_nonnull(f->gauss_newton);
                ck_assert_int_eq(f->gauss_newton(v, gv, f->user), PAL_OK);
                ck_assert_double_ge(dot(v, gv), 0);
                if (s) {
                    const bool same = fabs(is - value) <= 1e-12 * fabs(value);
                    ck_assert_msg(same || (pooled && s < 4), "%s, chunks of %ld: %.15g, not %.15g", cases[c].variant,
                                  (long)sizes[s], is, value);
                    if (!pooled) check_same(first[0], g, 1e-11, cases[c].variant);
                    if (!pooled) check_same(first[1], hv, 1e-11, cases[c].variant);
                    if (!pooled) check_same(first[2], gv, 1e-11, cases[c].variant);
                    pal_slab_free(g), pal_slab_free(hv), pal_slab_free(gv);
                } else {
                    first[0] = g, first[1] = hv, first[2] = gv;
                }
                if (!s || pooled) value = is;
                pal_slab_free(v);
                pal_data_objective_free(o);
            }
            for (int i = 0; i < 3; i++) pal_slab_free(first[i]);
        }
        pal_model_free(m);
    }
    pal_dataset_free(data);
}
END_TEST

/* With all rows in one chunk the labels are not scaled, and the value is the loss of the model on such a batch; l_Y
 * plus alpha l_X, each from an objective of its own. */
START_TEST(two_streams_are_the_sum_of_two_means)
{
    pal_dataset *data = few(FEW);
    const pal_setting joint[] = {{"training", "joint"}, {"labels", "5"}, {"alpha", "0.3"}},
                      turns[] = {{"training", "alternate"}, {"labels", "5"}};
    pal_model *m = model_of("semi-supervised", joint, 3, PAL_F64),
              *other = model_of("semi-supervised", turns, 2, PAL_F64);
    pal_phase phase, unsupervised, head;
    ck_assert(pal_model_phase(m, 0, 1, &phase));
    ck_assert(pal_model_phase(other, 0, 1, &unsupervised) && pal_model_phase(other, 1, 1, &head));
    pal_data_objective *both = objective_of(m, data, &phase, 4), *x = objective_of(other, data, &unsupervised, 4),
                       *y = objective_of(other, data, &head, 4);
    const double l_x = value_at(pal_data_objective_get(x), NULL), l_y = value_at(pal_data_objective_get(y), NULL);
    ck_assert_double_eq_tol(value_at(pal_data_objective_get(both), NULL), l_y + 0.3 * l_x, 1e-12 * (l_x + l_y));
    pal_data_objective_free(y), pal_data_objective_free(x), pal_data_objective_free(both);
    pal_model_free(other), pal_model_free(m);
    pal_dataset_free(data);
}
END_TEST

/* A tied autoencoder with a linear output and squared error, computed here: G = J'J / n, and 2 l2 for the weights. J is
 * by differences. The parts of x are decoder/b, encoder/W and encoder/b. */
enum { HIDDEN = 2, ROWS = FEW * FEATURES };

static void outputs(const pal_slab *x, const double *in, double *out)
{
    const double *c = x->part[0]->data, *w = x->part[1]->data, *b = x->part[2]->data;
    for (int s = 0; s < FEW; s++, in += FEATURES, out += FEATURES) {
        double h[HIDDEN];
        for (int k = 0; k < HIDDEN; k++) {
            double a = b[k];
            for (int i = 0; i < FEATURES; i++) a += in[i] * w[i * HIDDEN + k];
            h[k] = 1 / (1 + exp(-a));
        }
        for (int i = 0; i < FEATURES; i++) {
            out[i] = c[i];
            for (int k = 0; k < HIDDEN; k++) out[i] += h[k] * w[i * HIDDEN + k];
        }
    }
}

static void moved_by(pal_slab *x, const pal_slab *v, const double *in, double *out)
{
    static double up[ROWS], down[ROWS];
    const double step = 1e-5;
    add(x, v, step);
    outputs(x, in, up);
    add(x, v, -2 * step);
    outputs(x, in, down);
    add(x, v, step);
    for (int i = 0; i < ROWS; i++) out[i] = (up[i] - down[i]) / (2 * step);
}

START_TEST(gauss_newton_products_are_those_of_the_matrix)
{
    static double in[ROWS], along[ROWS], row[ROWS];
    const pal_setting more[] = {{"hidden", "2"}, {"output", "squared"}, {"l2", "0.05"}};
    pal_dataset *data = few(FEW);
    pal_model *m = model_of("basic", more, 3, PAL_F64);
    pal_data_objective *o = objective_of(m, data, NULL, 5);
    const pal_objective *f = pal_data_objective_get(o);
    ck_assert_uint_eq(f->x->n, 3);
    ck_assert_int_eq(f->x->part[1]->shape.rank, 2);
    ck_assert_int_eq(f->x->part[2]->shape.dim[0], HIDDEN);
    uint32_t rows[FEW];
    for (uint32_t i = 0; i < FEW; i++) rows[i] = i;
    pal_tensor *batch = pal_tensor_new(context, PAL_F64, PAL_SHAPE(FEW, FEATURES));
    ck_assert_int_eq(pal_dataset_batch(data, rows, FEW, batch), PAL_OK);
    memcpy(in, batch->data, sizeof in);
    pal_slab *v = slab_like(f->x), *product = slab_like(f->x), *want = slab_like(f->x), *unit = slab_like(f->x);
    randomise(v, 1, "v");
    moved_by(f->x, v, in, along);
    for (size_t p = 0; p < 3; p++)
        for (size_t i = 0; i < pal_tensor_count(v->part[p]); i++) {
            pal_tensor_set(unit->part[p], i, 1);
            moved_by(f->x, unit, in, row);
            pal_tensor_set(unit->part[p], i, 0);
            double sum = p == 1 ? 2 * 0.05 * pal_tensor_get(v->part[p], i) : 0;
            for (int k = 0; k < ROWS; k++) sum += row[k] * along[k] / FEW;
            pal_tensor_set(want->part[p], i, sum);
        }
    ck_assert_int_eq(f->gauss_newton(v, product, f->user), PAL_OK);
    check_same(want, product, 1e-8, "G v");
    pal_slab *const slabs[] = {v, product, want, unit};
    for (int i = 0; i < 4; i++) pal_slab_free(slabs[i]);
    pal_tensor_free(batch);
    pal_data_objective_free(o);
    pal_model_free(m);
    pal_dataset_free(data);
}
END_TEST

/* Products of each group of samples; their mean is the product of all. */
START_TEST(groups_of_samples_make_up_the_whole)
{
    pal_dataset *data = few(FEW);
    pal_model *m = model_of("denoising", NULL, 0, PAL_F64);
    pal_error err = {0};
    pal_data_objective *all = objective_of(m, data, NULL, 5);
    const pal_objective *whole = pal_data_objective_get(all);
    const pal_data_objective_options some = {
        .struct_size = sizeof some, .batch = 3, .seed = 5, .lanes = 1, .frozen = true, .curvature_samples = 4};
    pal_data_objective *part = pal_data_objective_new(m, data, &some, &err);
    ck_assert_msg(part != NULL, "%s", err.text);
    const pal_objective *f = pal_data_objective_get(part);
    pal_slab *v = slab_like(f->x), *product = slab_like(f->x), *sum = slab_like(f->x), *want = slab_like(f->x),
             *first = slab_like(f->x);
    randomise(v, 1, "v");
    ck_assert_int_eq(whole->gauss_newton(v, want, whole->user), PAL_OK);
    for (int64_t i = 0; i < 3; i++) {
        pal_data_objective_choose(part, i);
        ck_assert_int_eq(f->gauss_newton(v, product, f->user), PAL_OK);
        add(sum, product, 1.0 / 3);
        if (!i) add(first, product, 1);
    }
    check_same(want, sum, 1e-11, "the mean over the groups");
    pal_data_objective_choose(part, 3);
    ck_assert_int_eq(f->gauss_newton(v, product, f->user), PAL_OK);
    ck_assert_mem_eq(product->all->data, first->all->data, pal_tensor_bytes(first->all));
    ck_assert_double_gt(fabs(dot(first, v) - dot(want, v)), 1e-6); /* another set of samples */
    pal_slab *const slabs[] = {v, product, sum, want, first};
    for (int i = 0; i < 5; i++) pal_slab_free(slabs[i]);
    pal_data_objective_free(part);
    pal_data_objective_free(all);
    pal_model_free(m);
    pal_dataset_free(data);
}
END_TEST

/* Values and gradients of each fixed batch: their means are those of all samples. Products of the groups of a batch
 * make up those of the batch. */
START_TEST(fixed_batches_make_up_the_whole)
{
    pal_dataset *data = few(FEW);
    pal_model *m = model_of("denoising", NULL, 0, PAL_F64);
    pal_error err = {0};
    pal_data_objective *all = objective_of(m, data, NULL, 5);
    const pal_objective *whole = pal_data_objective_get(all);
    pal_data_objective_options some = {
        .struct_size = sizeof some, .batch = 3, .seed = 5, .lanes = 1, .frozen = true, .fixed_batch = 4};
    pal_data_objective *batch = pal_data_objective_new(m, data, &some, &err);
    some.curvature_samples = 2;
    pal_data_objective *part = pal_data_objective_new(m, data, &some, &err);
    ck_assert_msg(batch && part, "%s", err.text);
    const pal_objective *f = pal_data_objective_get(batch), *g = pal_data_objective_get(part);
    pal_slab *v = slab_like(f->x), *one = slab_like(f->x), *want = slab_like(f->x), *sum = slab_like(f->x),
             *product = slab_like(f->x), *sum_of_products = slab_like(f->x);
    double value, mean = 0, wanted, first;
    randomise(v, 1, "v");
    ck_assert_int_eq(whole->evaluate(&wanted, want, whole->user), PAL_OK);
    for (int64_t i = 0; i < 3; i++) {
        pal_data_objective_take(batch, i);
        pal_data_objective_take(part, i + 3);
        ck_assert_int_eq(f->evaluate(&value, one, f->user), PAL_OK);
        mean += value / 3;
        if (!i) first = value;
        add(sum, one, 1.0 / 3);
        ck_assert_int_eq(g->evaluate(&value, product, g->user), PAL_OK); /* of 3 batches, number i + 3 is number i */
        ck_assert_mem_eq(product->all->data, one->all->data, pal_tensor_bytes(one->all));
        memset(sum_of_products->all->data, 0, pal_tensor_bytes(one->all));
        for (int64_t k = 0; k < 2; k++) {
            pal_data_objective_choose(part, 2 * i + k);
            ck_assert_int_eq(g->gauss_newton(v, product, g->user), PAL_OK);
            add(sum_of_products, product, 0.5);
        }
        ck_assert_int_eq(f->gauss_newton(v, product, f->user), PAL_OK);
        check_same(product, sum_of_products, 1e-11, "the mean over the groups of a batch");
    }
    check_same(want, sum, 1e-11, "the mean over the batches");
    ck_assert_double_eq_tol(mean, wanted, 1e-11 * fabs(wanted));
    ck_assert_double_gt(fabs(first - wanted), 1e-6);
    pal_slab *const slabs[] = {v, one, want, sum, product, sum_of_products};
    for (int i = 0; i < 6; i++) pal_slab_free(slabs[i]);
    pal_data_objective_free(part);
    pal_data_objective_free(batch);
    pal_data_objective_free(all);
    pal_model_free(m);
    pal_dataset_free(data);
}
END_TEST

START_TEST(the_diagonal_is_the_mean_of_squared_gradients)
{
    pal_model *m = model_of("basic", NULL, 0, PAL_F64);
    pal_dataset *data = few(FEW);
    pal_data_objective *o = objective_of(m, data, NULL, 5);
    const pal_objective *f = pal_data_objective_get(o);
    pal_slab *diagonal = slab_like(f->x), *want = slab_like(f->x), *g = slab_like(f->x);
    ck_assert_int_eq(f->diagonal(diagonal, f->user), PAL_OK);
    /* The gradient of sample n is n times that of the first n samples less n - 1 times that of one fewer. */
    pal_slab *before = slab_like(f->x);
    for (int64_t n = 1; n <= FEW; n++) {
        pal_dataset *some = few(n);
        pal_data_objective *first = objective_of(m, some, NULL, 100);
        value_at(pal_data_objective_get(first), g);
        for (size_t i = 0; i < pal_tensor_count(g->all); i++) {
            const double sum = (double)n * pal_tensor_get(g->all, i), own = sum - pal_tensor_get(before->all, i);
            pal_tensor_set(before->all, i, sum);
            pal_tensor_set(want->all, i, pal_tensor_get(want->all, i) + own * own / FEW);
        }
        pal_data_objective_free(first);
        pal_dataset_free(some);
    }
    check_same(want, diagonal, 1e-10, "the diagonal");
    pal_slab *const slabs[] = {diagonal, want, g, before};
    for (int i = 0; i < 4; i++) pal_slab_free(slabs[i]);
    pal_data_objective_free(o);
    pal_dataset_free(data);
    pal_model_free(m);
}
END_TEST

/* x is a copy: the model keeps its weights until they are written back. The frozen noise is the same each time. */
START_TEST(the_model_changes_only_when_told)
{
    pal_dataset *data = few(FEW);
    pal_model *m = model_of("denoising", NULL, 0, PAL_F32);
    pal_data_objective *o = objective_of(m, data, NULL, 5);
    const pal_objective *f = pal_data_objective_get(o);
    pal_slab *v = slab_like(f->x);
    const double before = value_at(f, NULL);
    ck_assert_double_eq(value_at(f, NULL), before);
    randomise(v, 0.1, "v");
    add(f->x, v, 1);
    const double after = value_at(f, NULL);
    ck_assert_double_ne(after, before);
    pal_data_objective *same = objective_of(m, data, NULL, 5);
    ck_assert_double_eq(value_at(pal_data_objective_get(same), NULL), before);
    pal_data_objective_free(same);
    pal_data_objective_write(o);
    same = objective_of(m, data, NULL, 5);
    ck_assert_double_eq(value_at(pal_data_objective_get(same), NULL), after);
    pal_data_objective_free(same);
    add(f->x, v, 1);
    pal_data_objective_read(o);
    ck_assert_double_eq(value_at(f, NULL), after);
    pal_slab_free(v);
    pal_data_objective_free(o);
    pal_model_free(m);
    pal_dataset_free(data);
}
END_TEST

static int stop_at(void *user) { return --*(int *)user < 0; }

START_TEST(a_call_stops_between_two_chunks)
{
    pal_dataset *data = few(FEW);
    pal_model *m = model_of("basic", NULL, 0, PAL_F32);
    int left = 2;
    double value;
    pal_error err = {0};
    const pal_data_objective_options o = {.struct_size = sizeof o, .batch = 5, .stop = stop_at, .user = &left};
    pal_data_objective *f = pal_data_objective_new(m, data, &o, &err);
    ck_assert_msg(f != NULL, "%s", err.text);
    const pal_objective *g = pal_data_objective_get(f);
    ck_assert_int_eq(g->evaluate(&value, NULL, g->user), PAL_ERR_STOPPED);
    left = 3;
    ck_assert_int_eq(g->evaluate(&value, NULL, g->user), PAL_OK);
    ck_assert(g->stop(g->user));
    pal_data_objective_free(f);
    pal_model_free(m);
    pal_dataset_free(data);
}
END_TEST

START_TEST(what_cannot_be_minimised_is_refused)
{
    pal_dataset *data = few(FEW);
    const pal_setting warm[] = {{"beta-warm-up", "10"}}, importance[] = {{"estimate", "importance"}, {"l2", "0.1"}};
    const pal_data_objective_options fresh = {.struct_size = sizeof fresh},
                                     frozen = {.struct_size = sizeof frozen, .frozen = true},
                                     negative = {.struct_size = sizeof negative, .batch = -1};
    const struct {
        const char *variant;
        const pal_setting *more;
        size_t n;
        const pal_data_objective_options *o;
        const char *says; /* NULL: it is taken */
    } rows[] = {{"denoising", NULL, 0, &fresh, "draws noise"},      {"denoising", NULL, 0, &frozen, NULL},
                {"variational", NULL, 0, &fresh, "--noise frozen"}, {"variational", warm, 1, &frozen, "warm-up"},
                {"basic", NULL, 0, &negative, "negative"},          {"basic", NULL, 0, &fresh, NULL},
                {"variational", importance, 2, &frozen, NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pal_error err = {0};
        pal_model *m = model_of(rows[i].variant, rows[i].more, rows[i].n, PAL_F32);
        pal_data_objective *f = pal_data_objective_new(m, data, rows[i].o, &err);
        ck_assert_msg(!f == (rows[i].says != NULL), "row %zu: %s", i, err.text);
        if (rows[i].says) ck_assert_msg(strstr(err.text, rows[i].says) != NULL, "%s", err.text);
        /* A mean weight is no function that is convex in the output; l2 alone is no curvature of a model. */
        if (f) ck_assert((pal_data_objective_get(f)->gauss_newton == NULL) == (rows[i].more == importance));
        pal_data_objective_free(f);
        pal_model_free(m);
    }
    pal_dataset_free(data);
}
END_TEST

static pal_dataset *images;
static pal_model *failing_model;
static double right;

static bool evaluate_and_multiply(void *user)
{
    (void)user;
    pal_error err = {0};
    const pal_data_objective_options o = {.struct_size = sizeof o, .batch = 5, .seed = 5, .lanes = 1, .frozen = true};
    pal_phase phase;
    pal_model_phase(failing_model, 0, 1, &phase);
    pal_data_objective_options with = o;
    with.phase = &phase;
    pal_data_objective *f = pal_data_objective_new(failing_model, images, &with, &err);
    if (!f) {
        failing_require(err.status != PAL_OK);
        return false;
    }
    const pal_objective *g = pal_data_objective_get(f);
    pal_shape shapes[8];
    double value = 0;
    for (size_t i = 0; i < g->x->n; i++) shapes[i] = g->x->part[i]->shape;
    pal_slab *out = pal_slab_new(context, PAL_F64, shapes, g->x->n);
    bool good = out && !g->evaluate(&value, out, g->user);
    good = good && !g->gauss_newton(out, out, g->user);
    if (good) failing_require(value == right);
    if (out && !good) failing_require(*pal_data_objective_error(f));
    pal_slab_free(out);
    pal_data_objective_free(f);
    return good;
}

START_TEST(allocations_that_fail_are_reported)
{
    const pal_setting joint[] = {{"hidden", "3"}, {"training", "joint"}, {"labels", "5"}};
    pal_phase phase;
    images = few(FEW);
    failing_model = model_of("semi-supervised", joint, 3, PAL_F64);
    ck_assert(pal_model_phase(failing_model, 0, 1, &phase));
    pal_data_objective *f = objective_of(failing_model, images, &phase, 5);
    pal_slab *g = slab_like(pal_data_objective_get(f)->x);
    right = value_at(pal_data_objective_get(f), g);
    pal_slab_free(g);
    pal_data_objective_free(f);
    ck_assert(failing_each(evaluate_and_multiply, NULL, true) > 50 || !failing_can);
    pal_model_free(failing_model);
    pal_dataset_free(images);
}
END_TEST

/* ---- Shards --------------------------------------------------------------------------------------------------- */

static pal_data_objective *cut_objective(pal_model *m, const pal_dataset *data, const pal_phase *phase, int64_t batch,
                                         int64_t shards)
{
    pal_error err = {0};
    const pal_data_objective_options o = {.struct_size = sizeof o,
                                          .phase = phase,
                                          .batch = batch,
                                          .seed = 5,
                                          .lanes = 1,
                                          .frozen = true,
                                          .shards = shards};
    pal_data_objective *f = pal_data_objective_new(m, data, &o, &err);
    ck_assert_msg(f != NULL, "%s: %s", pal_model_variant(m)->name, err.text);
    return f;
}

/* Gradient, products and diagonal of the function with so many shards, in out[4], and its value. */
static double all_of(pal_data_objective *o, pal_slab *out[4])
{
    const pal_objective *f = pal_data_objective_get(o);
    pal_slab *v = slab_like(f->x);
    for (int i = 0; i < 4; i++) out[i] = slab_like(f->x);
    randomise(v, 1, "v");
    const double value = value_at(f, out[0]);
    ck_assert_double_eq_tol(value, value_at(f, NULL), 1e-13 * fabs(value));
    ck_assert_int_eq(f->hessian(v, out[1], f->user), PAL_OK);
    if (f->gauss_newton) ck_assert_int_eq(f->gauss_newton(v, out[2], f->user), PAL_OK);
    if (f->diagonal) ck_assert_int_eq(f->diagonal(out[3], f->user), PAL_OK);
    pal_slab_free(v);
    return value;
}

static void check_cut(pal_model *m, const pal_dataset *data, const pal_phase *phase, int64_t batch)
{
    pal_slab *whole[4], *cut[4];
    pal_data_objective *a = cut_objective(m, data, phase, batch, 0), *b = cut_objective(m, data, phase, batch, 4);
    const double value = all_of(a, whole);
    ck_assert_double_eq_tol(all_of(b, cut), value, 1e-12 * fabs(value));
    const int same = pal_model_variant(m)->pooled ? 3 : 4; /* of a diagonal, a chunk is one sample of each shard */
    for (int i = 0; i < same; i++) check_same(whole[i], cut[i], 1e-11, pal_model_variant(m)->name);
    for (int i = 0; i < 4; i++) pal_slab_free(whole[i]), pal_slab_free(cut[i]);
    pal_data_objective_free(a);
    pal_data_objective_free(b);
}

/* Chunks are 8 samples, which are cut, and the rest: 4 samples, which are cut; 3, which are not; or a whole chunk of 7,
 * which is not. */
START_TEST(shards_change_nothing_but_rounding)
{
    static const struct {
        int64_t samples, batch;
    } sizes[] = {{12, 8}, {11, 8}, {7, 8}, {5, 4}};
    const pal_setting plain = {"autoencoder", "basic"};
    for (size_t i = 0; pal_variant_at(i); i++) {
        const pal_variant *v = pal_variant_at(i);
        pal_model *m = model_of(v->name, &plain, pal_variant_option_find(v, plain.name) != NULL, PAL_F64);
        pal_phase phase;
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            pal_dataset *data = few(sizes[s].samples);
            for (size_t k = 0; pal_model_phase(m, k, 1, &phase); k++) check_cut(m, data, &phase, sizes[s].batch);
            check_cut(m, data, NULL, sizes[s].batch);
            pal_dataset_free(data);
        }
        pal_model_free(m);
    }
}
END_TEST

START_TEST(shards_that_do_not_fit_are_refused)
{
    static const struct {
        int64_t batch, shards;
        const char *text;
    } rows[] = {{10, 4, "objective: a chunk of 10 samples cannot be cut into 4 equal shards: choose a multiple of 4"},
                {8, -1, "objective: -1 shards: choose 1 to 65536"},
                {8, 65537, "objective: 65537 shards: choose 1 to 65536"},
                {8, 2, "objective: 2 shards for 3 processes: choose 3 or more"}};
    const pal_communicator three = {.struct_size = sizeof three, .size = 3};
    pal_dataset *data = few(FEW);
    pal_model *m = model_of("basic", NULL, 0, PAL_F64);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pal_error err = {0};
        const pal_data_objective_options o = {.struct_size = sizeof o,
                                              .batch = rows[i].batch,
                                              .shards = rows[i].shards,
                                              .communicator = i == 3 ? &three : NULL};
        ck_assert_ptr_null(pal_data_objective_new(m, data, &o, &err));
        ck_assert_str_eq(err.text, rows[i].text);
    }
    pal_model_free(m);
    pal_dataset_free(data);
}
END_TEST

Suite *objective_suite(void)
{
    Suite *suite = suite_create("objective");
    TCase *tests = in_own_folder(tcase_create("objective"));
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, gradient_and_hessian_are_derivatives);
    tcase_add_test(tests, chunks_of_any_size_agree);
    tcase_add_test(tests, two_streams_are_the_sum_of_two_means);
    tcase_add_test(tests, gauss_newton_products_are_those_of_the_matrix);
    tcase_add_test(tests, groups_of_samples_make_up_the_whole);
    tcase_add_test(tests, fixed_batches_make_up_the_whole);
    tcase_add_test(tests, the_diagonal_is_the_mean_of_squared_gradients);
    tcase_add_test(tests, shards_change_nothing_but_rounding);
    tcase_add_test(tests, shards_that_do_not_fit_are_refused);
    tcase_add_test(tests, the_model_changes_only_when_told);
    tcase_add_test(tests, a_call_stops_between_two_chunks);
    tcase_add_test(tests, what_cannot_be_minimised_is_refused);
    tcase_add_test(tests, allocations_that_fail_are_reported);
    suite_add_tcase(suite, tests);
    return suite;
}
