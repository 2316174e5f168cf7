/* test_rundir_damaged.c - tests the files of a run that are no files, that are too large, damaged or cut. */
#include "tests/train/rundir.h"

Suite *rundir_damaged_suite(void);

static const char *const names[] = {"run.json", "metrics.jsonl"};

static const char *file_of(int which)
{
    static char name[64];
    snprintf(name, sizeof name, "run/%s", names[which]);
    unlink(path_of(name));
    return name;
}

START_TEST(what_is_no_file_is_refused)
{
    char text[128];
    pal_rundir *dir = new_run("run");
    write_epoch(dir, 1);
    pal_rundir_free(dir);
    snprintf(text, sizeof text, "run/%s: not a regular file: restore it", names[_i]);
    const char *name = file_of(_i);
    ck_assert(!mkfifo(path_of(name), 0600));
    refused_to_open(PAL_ERR_FORMAT, text);
    ck_assert(!unlink(path_of(name)) && !symlink("/dev/zero", path_of(name)));
    refused_to_open(PAL_ERR_FORMAT, text);
    ck_assert(!unlink(path_of(name)) && !mkdir(path_of(name), 0777));
    refused_to_open(PAL_ERR_FORMAT, text);
    ck_assert(!rmdir(path_of(name)) && !symlink(names[_i], path_of(name))); /* a link to itself */
    refused_to_open(PAL_ERR_IO, "cannot read: ");
}
END_TEST

/* A file of holes costs nothing to make; it is not read. */
START_TEST(what_is_too_large_is_refused)
{
    static const off_t sizes[] = {(1 << 24) + 1, (1 << 28) + 1};
    pal_rundir_free(new_run("run"));
    write_text(file_of(_i), "{}");
    char name[64];
    snprintf(name, sizeof name, "run/%s", names[_i]);
    ck_assert(!truncate(path_of(name), sizes[_i]));
    refused_to_open(PAL_ERR_FORMAT, "more than any run writes: restore it");
}
END_TEST

#define START "{\"model\": \"basic\", \"status\": \"interrupted\""
START_TEST(what_is_damaged_is_told_with_a_remedy)
{
    static const struct {
        int which;
        const char *text, *saying;
    } cases[] = {
        {0, "", "run/run.json:1: "},
        {0, "{\"command\": \"two\\nlines\",\n \"model\"", "run/run.json:2: "},
        {0, "{\"model\": \"basic\"", "restore it from a copy of the run"},
        {0, "{}", "model or status is missing: restore it from a copy of the run"},
        {0, START ", \"batch\": -1}", "run/run.json: batch is a number that no run has: restore it"},
        {0, START ", \"epochs\": 9223372036854775807}", "run/run.json: epochs is a number that no run has"},
        {0, START ", \"schedule\": {\"total\": -1}}", "run/run.json: schedule.total is a number"},
        {0, START ", \"lanes\": 4294967296}", "run/run.json: lanes is a number"},
        {0, START ", \"extensions\": [3]}", "run/run.json: extensions is a number"},
        {0, START ", \"extensions\": [{\"after\": -1, \"from\": 1, \"to\": 2}]}", "run/run.json: extensions is"},
        {0, START ", \"extensions\": [{\"after\": 1, \"from\": 2, \"to\": 0}]}", "run/run.json: extensions is"},
        {1, "{\"epoch\":1,\"step\":4}\nx\n", "run/metrics.jsonl:2: not a JSON object: restore the file"},
        {1, "{\"epoch\":1,\"step\":4}\n[1]\n", "run/metrics.jsonl:2: not a JSON object: restore the file"},
        {1, "{\"epoch\":1,\"step\":4}\n[1]", "run/metrics.jsonl:2: not a JSON object: restore the file"},
        {1, "\n", "run/metrics.jsonl:1: not a JSON object"},
        {1, "{\"epoch\":1,\"step\":4}\n{\"epoch\":1,\"step\":8}\n", "run/metrics.jsonl:2: its epoch or its step"},
        {1, "{\"epoch\":1,\"step\":4}\n{\"epoch\":2,\"step\":3}\n", "run/metrics.jsonl:2: its epoch or its step"},
        {1, "{\"step\":4}\n",
         "run/metrics.jsonl:1: its epoch or its step is missing or out of order: restore the file"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mkdir(path_of("run"), 0777);
        write_text("run/run.json", START "}");
        write_text(file_of(cases[i].which), cases[i].text);
        refused_to_open(PAL_ERR_FORMAT, cases[i].saying);
    }
}
END_TEST

/* A checkpoint that is whole, but whose state no run has. */
START_TEST(a_state_that_no_run_has)
{
    static const struct {
        const char *name, *other; /* what is malformed; the name under which it is saved */
        double step, loss;
    } rows[] = {
        {"train/step", "train/steps", 4, 0},  {"train/step", "train/step", NAN, 0},
        {"train/step", "train/step", -1, 0},  {"train/step", "train/step", 1.5, 0},
        {"train/step", "train/step", 1e6, 0}, {"train/loss", "train/step", 4, INFINITY},
        {"adam/", "train/step", 6, 0},
    };
    pal_error err = {0};
    pal_train_result result;
    pal_dataset *data = data_of(SAMPLES, "data");
    pal_tensor *step = pal_tensor_new(context, PAL_F64, PAL_SCALAR),
               *loss = pal_tensor_new(context, PAL_F64, PAL_SCALAR);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pal_model *model = model_of();
        empty_folder();
        pal_rundir_free(new_run("run"));
        pal_tensor_set(step, 0, rows[i].step);
        pal_tensor_set(loss, 0, rows[i].loss);
        const pal_named_tensor more[] = {{rows[i].other, step}, {"train/loss", loss}};
        ck_assert_msg(!pal_model_save(model, path_of("run/checkpoint.safetensors"), more, 2, &err), "%s", err.text);
        write_text("run/metrics.jsonl", "{\"epoch\":1,\"step\":4}\n");
        pal_rundir *dir = pal_rundir_resume(path_of("run"), &err);
        ck_assert_msg(dir != NULL, "%s", err.text);
        const pal_optimizer_options adam = {.struct_size = sizeof adam, .name = "adam"};
        const pal_train_options o = {.struct_size = sizeof o,
                                     .epochs = 4,
                                     .batch = 10,
                                     .seed = 3,
                                     .optimizer = &adam,
                                     .folder = dir,
                                     .resume = true};
        ck_assert_int_eq(pal_train(model, data, &o, &result, &err), PAL_ERR_FORMAT);
        ck_assert_msg(strstr(err.text, "run/checkpoint.safetensors: cannot resume: ") &&
                          strstr(err.text, rows[i].name) &&
                          strstr(err.text, " is missing or invalid: restore the file from a copy of the run"),
                      "%zu: %s", i, err.text);
        pal_rundir_free(dir);
        pal_model_free(model);
    }
    pal_tensor_free(step);
    pal_tensor_free(loss);
    pal_dataset_free(data);
}
END_TEST

/* A checkpoint of a model of another size. */
START_TEST(weights_of_another_size)
{
    pal_error err = {0};
    pal_train_result result;
    const pal_setting hidden = {"hidden", "3"};
    pal_dataset *data = data_of(SAMPLES, "data");
    pal_model *model = model_of(), *other = pal_model_new(context, pal_variant_find("basic"), &hidden, 1,
                                                          PAL_SHAPE(FEATURES), PAL_F32, 7, &err);
    pal_rundir *dir = new_run("run");
    const pal_epoch epoch = epoch_of(1);
    ck_assert(!pal_rundir_add(dir, &epoch, &err) && !pal_rundir_save(dir, other, NULL, 4, 0, &err));
    pal_rundir_free(dir);
    dir = pal_rundir_resume(path_of("run"), &err);
    ck_assert_msg(dir != NULL, "%s", err.text);
    const pal_train_options o = {
        .struct_size = sizeof o, .epochs = 4, .batch = 10, .seed = 3, .folder = dir, .resume = true};
    ck_assert_int_eq(pal_train(model, data, &o, &result, &err), PAL_ERR_FORMAT);
    ck_assert_msg(strstr(err.text, "cannot resume: encoder/W is missing or invalid: restore") ||
                      strstr(err.text, "cannot resume: encoder/b is missing or invalid: restore"),
                  "%s", err.text);
    pal_rundir_free(dir);
    pal_model_free(model);
    pal_model_free(other);
    pal_dataset_free(data);
}
END_TEST

/* The last line of a process that was killed is ignored, whatever it is; the next line takes its place. */
START_TEST(a_line_that_was_cut_is_replaced)
{
    static const char line[] = "{\"epoch\":1,\"step\":4,\"phase\":\"a\"}";
    for (size_t cut = 0; cut < sizeof line; cut++) {
        char text[256];
        pal_error err = {0};
        mkdir(path_of("run"), 0777);
        write_text("run/run.json", START "}");
        snprintf(text, sizeof text, "%s\n{\"epoch\":2,\"step\":8%.*s", line, (int)cut, "}                           ");
        write_text("run/metrics.jsonl", text);
        write_text("run/checkpoint.safetensors", "");
        pal_rundir *dir = pal_rundir_resume(path_of("run"), &err);
        ck_assert_msg(dir != NULL, "%s", err.text);
        ck_assert_uint_eq(pal_rundir_epoch_count(dir), cut ? 2 : 1);
        const pal_epoch next = epoch_of(3);
        ck_assert(!pal_rundir_add(dir, &next, &err));
        pal_rundir_free(dir);
        dir = pal_rundir_open(path_of("run"), &err);
        ck_assert_msg(dir != NULL, "%s", err.text);
        ck_assert_uint_eq(pal_rundir_epoch_count(dir), cut ? 3 : 2);
        pal_rundir_free(dir);
    }
}
END_TEST

/* A number of epochs that was damaged in a run with an extension, which is extended again. */
START_TEST(a_run_without_epochs_is_not_extended)
{
    pal_error err = {0};
    pal_train_result result;
    mkdir(path_of("run"), 0777);
    write_text("run/run.json", "{\"model\": \"basic\", \"status\": \"done\", \"train_samples\": 45, "
                               "\"extensions\": [{\"after\": 2, \"from\": 2, \"to\": 3}]}");
    write_text("run/checkpoint.safetensors", "");
    pal_rundir *dir = pal_rundir_extend(path_of("run"), &err);
    ck_assert_msg(dir != NULL, "%s", err.text);
    pal_model *model = model_of();
    pal_dataset *data = data_of(SAMPLES, "data");
    const pal_train_options o = {
        .struct_size = sizeof o, .epochs = 4, .batch = 10, .folder = dir, .resume = true, .extend = "c"};
    ck_assert_int_eq(pal_train(model, data, &o, &result, &err), PAL_ERR_FORMAT);
    ck_assert_ptr_nonnull(strstr(err.text, "run.json: the number of epochs is missing or invalid"));
    pal_model_free(model);
    pal_dataset_free(data);
    pal_rundir_free(dir);
}
END_TEST

Suite *rundir_damaged_suite(void)
{
    Suite *suite = suite_create("rundir_damaged");
    TCase *files = in_own_folder(
        add_case(suite, "files", set_up, tear_down,
                 TESTS(what_is_damaged_is_told_with_a_remedy, a_run_without_epochs_is_not_extended,
                       a_state_that_no_run_has, weights_of_another_size, a_line_that_was_cut_is_replaced)));
    tcase_add_loop_test(files, what_is_no_file_is_refused, 0, 2);
    tcase_add_loop_test(files, what_is_too_large_is_refused, 0, 2);
    return suite;
}
