/* shards.c - a training loop whose batches are cut into shards, which several processes compute together. Here they are
 * threads; with MPI, pal_mpi_open gives the communicator. The loss has the same bits for any number of them.
 *
 * Against a loop of one process (training.c) there are three lines more: pal_tape_share says what a shard is,
 * pal_leaf_rows is the leaf of the batch, and pal_all_mean_grad gives the gradients of all shards. Their loss is that
 * of pal_all_mean. Compile with cc shards.c $(pkg-config --cflags --libs palindrome) -pthread */
#include <palindrome.h>
#include <pthread.h>
#include <stdio.h>

enum { SHARDS = 8, ROWS = 8, D = 30, STEPS = 300, MOST = 4 }; /* 8 shards of 8 rows */

/* The rows of this process: samples are blocks of equal bits. */
static pal_tensor *rows_of(pal_context *context, int64_t first, int64_t local)
{
    pal_tensor *data = pal_tensor_new(context, PAL_F32, PAL_SHAPE(local * ROWS, D));
    for (size_t i = 0; i < (size_t)(local * ROWS * D); i++)
        pal_tensor_set(data, i, ((size_t)(first * ROWS) + i / D) >> (i % D / 5) & 1);
    return data;
}

static int train(pal_communicator *c)
{
    pal_error err = {0};
    int64_t first, local;
    pal_context *context =
        pal_context_new(&(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = 1});
    const pal_setting settings[] = {{"hidden", "8"}, {"activation", "tanh"}};
    pal_model *model = pal_model_new(context, pal_variant_find("basic"), settings, 2, PAL_SHAPE(D), PAL_F32, 1, &err);
    if (!model) return fprintf(stderr, "%s\n", err.text), 1;
    pal_shards_of(SHARDS, c->size, c->rank, &first, &local);
    pal_tensor *data = rows_of(context, first, local), *tensors[8];
    const char *names[8];
    const size_t n = pal_model_parameter_count(model);
    for (size_t i = 0; i < n; i++) tensors[i] = pal_model_parameter(model, i, &names[i]);
    pal_optimizer *adam = pal_optimizer_new(
        context, &(pal_optimizer_options){.struct_size = sizeof(pal_optimizer_options), .name = "adam"}, tensors, names,
        n, &err);

    pal_tape *tape = pal_tape_new(context, PAL_F32);
    pal_tape_share(tape, &(pal_shards){sizeof(pal_shards), SHARDS, ROWS, c}); /* 1 */
    pal_var weights[8], gradients[8];
    pal_model_begin(model, tape, PAL_TRAIN);
    pal_var loss = pal_model_loss(model, &(pal_batch){.inputs = pal_leaf_rows(tape, data, "x")}); /* 2 */
    pal_model_leaves(model, tape, weights);
    pal_all_mean_grad(loss, weights, n, gradients); /* 3 */
    loss = pal_all_mean(loss);
    pal_optimizer_record(adam, tape, weights, gradients, n);
    pal_model_end(model);

    pal_program *step = pal_compile(
        tape, &loss, 1, &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .effects = true});
    if (!step) fprintf(stderr, "%s\n", pal_tape_error(tape));
    int failed = !step;
    for (int i = 1; i <= STEPS && !failed; i++) {
        pal_optimizer_set_step(adam, (uint64_t)i, 0.02);
        failed = pal_run(step) != PAL_OK;
        if (failed) fprintf(stderr, "%s\n", pal_program_error(step));
        if (!failed && !c->rank && (i == 1 || i == STEPS))
            printf("%d process%s: step %3d  loss %.9g\n", c->size, c->size > 1 ? "es" : "", i,
                   pal_tensor_get(pal_output(step, 0), 0));
    }

    pal_program_free(step);
    pal_optimizer_free(adam);
    pal_tape_free(tape);
    pal_tensor_free(data);
    pal_model_free(model);
    pal_context_free(context);
    return failed;
}

static void *process(void *user)
{
    pal_communicator *c = user;
    const int failed = train(c);
    pal_communicator_close(c, failed); /* so that the others do not wait for this one */
    return failed ? user : NULL;
}

int main(void)
{
    int failed = 0;
    for (int n = 1; n <= MOST; n *= 2) {
        pal_communicator *c[MOST];
        pthread_t thread[MOST];
        pal_error err = {0};
        void *result;
        if (pal_communicator_threads(n, c, &err)) return fprintf(stderr, "%s\n", err.text), 1;
        for (int i = 0; i < n; i++)
            if (pthread_create(&thread[i], NULL, process, c[i])) return fprintf(stderr, "no thread\n"), 1;
        for (int i = 0; i < n; i++) {
            pthread_join(thread[i], &result);
            failed |= result != NULL;
        }
    }
    return failed;
}
