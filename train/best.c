/* best.c - best.safetensors: the model of a run after its best epoch, beside the last one in the checkpoint.
 *
 * It has no state of training, because no training goes on from it; a new run may begin with its weights. */
#include <math.h>

#include "train/rundir.h"

static const char epoch_name[] = "best/epoch", loss_name[] = "best/loss";

pal_status palt__rundir_save_best(pal_rundir *dir, const pal_model *model, int64_t epoch, double loss, pal_error *err)
{
    if (dir->reads) return PAL_OK;
    pal_context *context = pal_model_context(model);
    pal_tensor *number = pal_tensor_new(context, PAL_F64, PAL_SHAPE(1));
    pal_tensor *value = pal_tensor_new(context, PAL_F64, PAL_SHAPE(1));
    pal_status status = number && value ? PAL_OK : palt__no_memory(err);
    if (!status) {
        pal_error own = {0};
        pal_tensor_set(number, 0, (double)epoch);
        pal_tensor_set(value, 0, loss);
        const pal_named_tensor more[] = {{epoch_name, number}, {loss_name, value}};
        status = pal_model_save_at(model, dir->folder.descriptor, PALT__BEST, more, 2, &own);
        if (status) palt__folder_blame(&dir->folder, &own, err);
    }
    pal_tensor_free(value);
    pal_tensor_free(number);
    return status;
}

bool pal_rundir_has_best(const pal_rundir *dir) { return palt__folder_has(&dir->folder, PALT__BEST); }

static double number_of(const pal_safetensors *file, const char *name)
{
    const pal_tensor *t = pal_safetensors_find(file, name);
    return t && pal_tensor_count(t) == 1 ? pal_tensor_get(t, 0) : (double)NAN;
}

/* An epoch that no run has counts as unknown, 0. */
static pal_status read_numbers(const pal_rundir *dir, pal_context *context, int64_t *epoch, double *loss,
                               pal_error *err)
{
    pal_safetensors *file = pal_safetensors_open_at(context, dir->folder.descriptor, PALT__BEST, err);
    if (!file) return PAL_ERR_IO;
    const double number = number_of(file, epoch_name);
    if (epoch) *epoch = number >= 1 && number < 0x1p53 ? (int64_t)number : 0;
    if (loss) *loss = number_of(file, loss_name);
    pal_safetensors_free(file);
    return PAL_OK;
}

pal_model *pal_rundir_model_best(const pal_rundir *dir, pal_context *context, int64_t *epoch, double *loss,
                                 pal_error *err)
{
    pal_error own = {0};
    if (!pal_rundir_has_best(dir)) {
        pal_error_set(err, PAL_ERR_IO,
                      "%s has no " PALT__BEST ": only a run with --patience or --keep-best has one, once an epoch is "
                      "measured: use its last checkpoint",
                      palt__short_path(dir->folder.path));
        return NULL;
    }
    pal_model *model = pal_model_open_at(context, dir->folder.descriptor, PALT__BEST, &own);
    if (model && (epoch || loss) && read_numbers(dir, context, epoch, loss, &own)) {
        pal_model_free(model);
        model = NULL;
    }
    if (!model) palt__folder_blame(&dir->folder, &own, err);
    return model;
}
