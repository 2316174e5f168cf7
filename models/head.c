/* head.c - a classifier on the code: one softmax layer, p(y | h) = softmax(h U + d), and its loss. */
#include "models/likelihood.h"

pal_var pal__head(pal_model *m, pal_var x)
{
    return pal_dense(m, "head", pal_encode_layers(m, x), pal_model_classes(m));
}

pal_var pal__head_loss(pal_model *m, pal_var x, pal_var labels)
{
    if (!labels.id) return pal_tape_fail(m->tape, PAL_ERR_ARGUMENT, "%s: no labels are given", m->variant->name);
    const pal_var scores = pal__head(m, x);
    pal_block_begin(m->tape, "labels", "−log p(y | h)\np = softmax(a)");
    const pal_var term = pal_mean_over_samples(pal__take_likelihood(m, &pal__class_likelihood, scores, labels));
    pal_block_end(m->tape);
    return pal_model_note(m, "classification", pal_model_match(m, scores, term));
}
