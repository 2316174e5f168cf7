/* test_rundir.c - tests the folder of a run: its lock, a folder that is renamed, one that a killed process left, files
 * that are no files, damaged ones, texts that are not UTF-8, folders and disks that cannot be written. */
#include <math.h>
#include <jansson.h>
#include <sys/wait.h>

#include "tests/train/runs.h"

Suite *rundir_suite(void);

static const pal_run_info plain = {.version = "1", .command = "c", .model = "basic", .data = "d", .epochs = 4};

static pal_rundir *new_run(const char *name)
{
    pal_error err = {0};
    pal_rundir *dir = pal_rundir_new(path_of(name), &plain, &err);
    ck_assert_msg(dir != NULL, "%s", err.text);
    return dir;
}

static pal_model *model_of(void)
{
    pal_error err = {0};
    const pal_setting hidden = {"hidden", "2"};
    pal_model *model =
        pal_model_new(context, pal_variant_find("basic"), &hidden, 1, PAL_SHAPE(FEATURES), PAL_F32, 7, &err);
    ck_assert_msg(model != NULL, "%s", err.text);
    return model;
}

static pal_epoch epoch_of(int64_t epoch) { return (pal_epoch){.epoch = epoch, .step = 4 * epoch, .error = NAN}; }

/* What pal_train does with a folder: a line, a checkpoint, and the result. */
static void write_epoch(pal_rundir *dir, int64_t number)
{
    pal_error err = {0};
    pal_model *model = model_of();
    const pal_epoch epoch = epoch_of(number);
    const pal_train_result result = {.epochs = number, .steps = 4 * number};
    ck_assert_msg(!pal_rundir_add(dir, &epoch, &err), "%s", err.text);
    ck_assert_msg(!pal_rundir_save(dir, model, NULL, 4 * number, 0, &err), "%s", err.text);
    ck_assert_msg(!pal_rundir_finish(dir, "interrupted", NULL, &result, &err), "%s", err.text);
    pal_model_free(model);
}

static void refused_to_resume(const char *name, pal_status status, const char *saying)
{
    pal_error err = {0};
    pal_rundir *dir = pal_rundir_resume(path_of(name), &err);
    ck_assert_msg(!dir, "%s is resumed", name);
    ck_assert_msg(err.status == status && strstr(err.text, saying), "%d: %s", err.status, err.text);
}

/* ---- The lock ------------------------------------------------------------------------------------------------- */

/* Descriptor 0 is a descriptor like any other: a process without standard input may get it for its folder. */
START_TEST(the_lock_holds_without_standard_input)
{
    const int input = dup(0);
    close(0);
    pal_rundir *dir = new_run("run");
    refused_to_resume("run", PAL_ERR_ARGUMENT, "is being trained by another process: wait");
    pal_rundir_free(dir);
    pal_error err = {0};
    dir = pal_rundir_resume(path_of("run"), &err);
    ck_assert_msg(dir != NULL, "%s", err.text);
    refused_to_resume("run", PAL_ERR_ARGUMENT, "another process");
    ck_assert_ptr_null(pal_rundir_new(path_of("run"), &plain, &err));
    pal_rundir_free(dir);
    if (input >= 0) dup2(input, 0);
}
END_TEST

/* Of many processes that resume a run at once, one gets it. */
START_TEST(one_of_many_resumes)
{
    enum { MANY = 12 };
    int go[2], got[2], winners = 0;
    pid_t child[MANY];
    pal_rundir_free(new_run("run"));
    ck_assert(!pipe(go) && !pipe(got));
    for (int i = 0; i < MANY; i++) {
        child[i] = fork();
        if (child[i]) continue;
        char byte;
        pal_error err = {0};
        close(go[1]);
        if (read(go[0], &byte, 1)) _exit(2); /* all begin when the pipe is closed */
        const bool mine = pal_rundir_resume(path_of("run"), &err) != NULL;
        if (write(got[1], mine ? "y" : "n", 1) != 1) _exit(2);
        pause();
    }
    close(go[1]);
    for (int i = 0; i < MANY; i++) {
        char answer;
        ck_assert_int_eq(read(got[0], &answer, 1), 1);
        winners += answer == 'y';
    }
    for (int i = 0; i < MANY; i++) {
        kill(child[i], SIGKILL);
        waitpid(child[i], NULL, 0);
    }
    ck_assert_int_eq(winners, 1);
}
END_TEST

/* ---- A folder that is renamed --------------------------------------------------------------------------------- */

/* A run goes on in its own folder when that is renamed, and does not touch another one that gets its name. */
START_TEST(a_renamed_folder_keeps_its_run)
{
    char now[4096];
    pal_error err = {0};
    pal_rundir *first = new_run("run");
    write_epoch(first, 1);
    ck_assert_ptr_null(pal_rundir_moved(first, now, sizeof now));
    ck_assert(!rename(path_of("run"), path_of("old")));
    pal_rundir *second = new_run("run");
    static char before[ROOM], after[ROOM];
    const size_t size = read_file(path_of("run/run.json"), before, ROOM);
    write_epoch(first, 2);
    ck_assert_uint_eq(read_file(path_of("run/run.json"), after, ROOM), size);
    ck_assert_mem_eq(before, after, size);
    ck_assert(access(path_of("run/metrics.jsonl"), F_OK) && access(path_of("run/checkpoint.safetensors"), F_OK));
    ck_assert_str_eq(pal_rundir_moved(first, now, sizeof now), path_of("old"));
    ck_assert_ptr_null(pal_rundir_moved(second, now, sizeof now));
    pal_model *model = pal_rundir_model(first, context, &err); /* of its own folder, too */
    ck_assert_msg(model != NULL, "%s", err.text);
    pal_model_free(model);
    ck_assert_ptr_null(pal_rundir_model(second, context, &err));
    pal_rundir_free(first);
    pal_rundir_free(second);
    pal_rundir *found = pal_rundir_open(path_of("old"), &err);
    ck_assert_msg(found != NULL, "%s", err.text);
    ck_assert_uint_eq(pal_rundir_epoch_count(found), 2);
    ck_assert_int_eq(pal_rundir_info(found)->result.epochs, 2);
    pal_rundir_free(found);
}
END_TEST

/* A run whose folder is removed fails, and makes no other. */
START_TEST(a_removed_folder_is_told)
{
    char now[4096];
    pal_error err = {0};
    pal_rundir *dir = new_run("run");
    ck_assert(!unlink(path_of("run/run.json")) && !rmdir(path_of("run")));
    const pal_epoch epoch = epoch_of(1);
    ck_assert_int_eq(pal_rundir_add(dir, &epoch, &err), PAL_ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.text, "run/metrics.jsonl: "));
    ck_assert_str_eq(pal_rundir_moved(dir, now, sizeof now), "");
    pal_rundir_free(dir);
    ck_assert_int_eq(count_files(), 0);
}
END_TEST

/* ---- A process that was killed when it began ------------------------------------------------------------------ */

/* It leaves an empty folder, or one with a temporary file. Such a folder is taken. */
START_TEST(a_half_made_folder_is_taken)
{
    pal_error err = {0};
    mkdir(path_of("half"), 0777);
    write_text("half/run.json.123-0.part", "{");
    refused_to_resume("half", PAL_ERR_IO, "is not the folder of a run: run.json is missing");
    pal_rundir_free(new_run("half"));
    ck_assert(access(path_of("half/run.json.123-0.part"), F_OK) != 0);
    mkdir(path_of("full"), 0777);
    write_text("full/run.json.123-0.part", "{");
    write_text("full/mine.part", "precious");
    ck_assert_ptr_null(pal_rundir_new(path_of("full"), &plain, &err));
    ck_assert_int_eq(err.status, PAL_ERR_EXISTS);
    ck_assert(!access(path_of("full/run.json.123-0.part"), F_OK) && !access(path_of("full/mine.part"), F_OK));
}
END_TEST

/* The same for numbered folders; one that is in use is left alone, although it is empty. */
START_TEST(numbered_folders_are_free_empty_or_skipped)
{
    pal_error err = {0};
    ck_assert(!chdir(folder));
    static const char *const expected[] = {"runs/basic-001", "runs/basic-003", "runs/basic-004", "runs/basic-005"};
    pal_rundir *dir[4];
    ck_assert(!mkdir("runs", 0777) && !mkdir("runs/basic-002", 0777) && !mkdir("runs/basic-003", 0777));
    write_text("runs/basic-002/file", "precious");
    for (int i = 0; i < 4; i++) {
        dir[i] = pal_rundir_new(NULL, &plain, &err);
        ck_assert_msg(dir[i] != NULL, "%s", err.text);
        ck_assert_str_eq(pal_rundir_path(dir[i]), expected[i]);
        if (i == 2) ck_assert(!unlink("runs/basic-004/run.json")); /* empty, but locked */
    }
    for (int i = 0; i < 4; i++) pal_rundir_free(dir[i]);
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

/* A run that cannot be written leaves no folder that it made. */
START_TEST(a_run_that_cannot_begin_leaves_nothing)
{
    pal_error err = {0};
    mkdir(path_of("mine"), 0777);
    const struct rlimit before = fill_disk(0);
    pal_rundir *made = pal_rundir_new(path_of("new"), &plain, &err);
    pal_rundir *given = pal_rundir_new(path_of("mine"), &plain, NULL);
    make_room(before);
    ck_assert(!made && !given);
    ck_assert_int_eq(err.status, PAL_ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.text, "new/run.json: "));
    ck_assert(access(path_of("new"), F_OK) != 0);
    ck_assert(!rmdir(path_of("mine"))); /* is still there, and empty */
}
END_TEST

/* ---- Files that are no files, and damaged ones ---------------------------------------------------------------- */

static const char *const names[] = {"run.json", "metrics.jsonl"};

static const char *file_of(int which)
{
    static char name[64];
    snprintf(name, sizeof name, "run/%s", names[which]);
    unlink(path_of(name));
    return name;
}

static void refused_to_open(pal_status status, const char *saying)
{
    pal_error err = {0};
    ck_assert_ptr_null(pal_rundir_open(path_of("run"), &err));
    ck_assert_msg(err.status == status && strstr(err.text, saying), "%d: %s", err.status, err.text);
    refused_to_resume("run", status, saying);
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

/* ---- Texts of any bytes --------------------------------------------------------------------------------------- */

START_TEST(bytes_are_escaped_and_come_back)
{
    static const struct {
        const char *bytes, *text;
    } cases[] = {
        {"", ""},
        {"plain/path", "plain/path"},
        {"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"},
        {"caf\xe9", "caf\\xE9"},
        {"\\xE9", "\\x5CxE9"},
        {"\\\xe9x", "\\\\xE9x"},
        {"back\\slash\n\"quoted\"", "back\\slash\n\"quoted\""},
        {"\xc3", "\\xC3"},
        {"\xc0\x80", "\\xC0\\x80"},
        {"\xed\xa0\x80", "\\xED\\xA0\\x80"},
        {"\xf4\x90\x80\x80", "\\xF4\\x90\\x80\\x80"},
        {"\xe0\x80\x80\xf0\x80\x80\x80\xff", "\\xE0\\x80\\x80\\xF0\\x80\\x80\\x80\\xFF"},
    };
    char text[64];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_uint_eq(pal_text_escape(cases[i].bytes, text, sizeof text), strlen(cases[i].text));
        ck_assert_str_eq(text, cases[i].text);
        pal_text_unescape(text);
        ck_assert_str_eq(text, cases[i].bytes);
    }
    static const char *const kept[] = {"\\x0", "\\xe9", "\\x", "\\x00", "\\xG0", "x41"}; /* are no escapes */
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        strcpy(text, kept[i]);
        pal_text_unescape(text);
        ck_assert_str_eq(text, kept[i]);
    }
    ck_assert_uint_eq(pal_text_escape("a\xff"
                                      "b",
                                      NULL, 0),
                      6);
    for (size_t size = 1; size < 8; size++) { /* truncated between characters */
        static const char *const cut[] = {"", "a", "a", "a", "a", "a\\xFF", "a\\xFFb"};
        ck_assert_uint_eq(pal_text_escape("a\xff"
                                          "b",
                                          text, size),
                          6);
        ck_assert_str_eq(text, cut[size - 1]);
    }
}
END_TEST

/* All texts of up to four bytes from these: each comes back, and JSON takes each. */
START_TEST(every_text_comes_back)
{
    static const char alphabet[] = "\\x4E9\xc3\xa9\xe2\x82\xf0\xed\xff";
    const size_t n = sizeof alphabet - 1;
    for (size_t number = 0; number < n * n * n * n; number++) {
        char bytes[5], text[32];
        for (size_t i = 0, rest = number; i < 4; i++, rest /= n) bytes[i] = alphabet[rest % n];
        bytes[4] = 0;
        ck_assert_uint_lt(pal_text_escape(bytes, text, sizeof text), sizeof text);
        json_t *value = json_string(text);
        ck_assert_ptr_nonnull(value);
        json_decref(value);
        pal_text_unescape(text);
        ck_assert_str_eq(text, bytes);
    }
}
END_TEST

/* A folder, a data path, a command, an error, a setting and a phase of any bytes. */
START_TEST(a_run_has_texts_of_any_bytes)
{
    static const char odd[] = "caf\xe9 \\xE9 \"q\" \\ \n\t\x01\x7f \xc3\xa9";
    pal_error err = {0};
    const pal_setting setting = {"hidden", odd};
    pal_run_info info = plain;
    info.command = info.data = info.data_note = info.from = odd;
    info.settings = &setting;
    info.n_settings = 1;
    pal_rundir *dir = pal_rundir_new(path_of("caf\xe9 \"\\xE9\n"), &info, &err);
    ck_assert_msg(dir != NULL, "%s", err.text);
    pal_epoch epoch = epoch_of(1);
    strcpy(epoch.phase, "phas\xe9");
    epoch.n_terms = 1;
    memset(epoch.terms[0].name, 0xe9, sizeof epoch.terms[0].name - 1);
    ck_assert_msg(!pal_rundir_add(dir, &epoch, &err), "%s", err.text);
    ck_assert(!pal_rundir_finish(dir, "failed", odd, &(pal_train_result){0}, &err));
    ck_assert_str_eq(pal_rundir_info(dir)->command, odd);
    json_t *json = json_loads(pal_rundir_text(dir), 0, NULL);
    ck_assert_str_eq(json_string_value(json_object_get(json, "data")),
                     "caf\\xE9 \\x5CxE9 \"q\" \\ \n\t\x01\x7f \xc3\xa9");
    json_decref(json);
    pal_rundir_free(dir);
    dir = pal_rundir_open(path_of("caf\xe9 \"\\xE9\n"), &err);
    ck_assert_msg(dir != NULL, "%s", err.text);
    const pal_run_info *read = pal_rundir_info(dir);
    const char *const texts[] = {read->command, read->data,  read->data_note,
                                 read->from,    read->error, read->settings->value};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) ck_assert_str_eq(texts[i], odd);
    ck_assert_str_eq(pal_rundir_epoch(dir, 0)->phase, "phas\xe9");
    ck_assert_str_eq(pal_rundir_epoch(dir, 0)->terms[0].name, epoch.terms[0].name);
    pal_rundir_free(dir);
}
END_TEST

/* ---- What cannot be written ----------------------------------------------------------------------------------- */

/* Root may write anywhere, so these tests are another user's. */
static void as_nobody(void)
{
    if (geteuid()) return;
    ck_assert(!chmod(folder, 0777) && !seteuid(65534));
}

/* What runs at the end of the process, such as the search for leaks, needs the rights that it had. */
static void tear_down_as_before(void)
{
    ck_assert(getuid() == geteuid() || !seteuid(getuid()));
    tear_down();
}

START_TEST(a_read_only_folder_is_told)
{
    pal_error err = {0};
    as_nobody();
    pal_rundir *dir = new_run("run");
    write_epoch(dir, 1);
    pal_rundir_free(dir);
    ck_assert(!chmod(path_of("run"), 0555));
    static char before[ROOM], after[ROOM];
    const size_t size = read_file(path_of("run/run.json"), before, ROOM);
    dir = pal_rundir_resume(path_of("run"), &err); /* nothing is written before pal_train */
    ck_assert_msg(dir != NULL, "%s", err.text);
    pal_dataset *data = data_of(SAMPLES, "data");
    pal_model *model = model_of();
    pal_train_result result;
    const pal_train_options o = {
        .struct_size = sizeof o, .epochs = 4, .batch = 10, .seed = 3, .folder = dir, .resume = true};
    ck_assert_int_eq(pal_train(model, data, &o, &result, &err), PAL_ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.text, "run/run.json: cannot write: Permission denied"));
    ck_assert_uint_eq(read_file(path_of("run/run.json"), after, ROOM), size);
    ck_assert_mem_eq(before, after, size);
    pal_model_free(model);
    pal_dataset_free(data);
    pal_rundir_free(dir);
    ck_assert(!mkdir(path_of("empty"), 0555));
    ck_assert_ptr_null(pal_rundir_new(path_of("empty"), &plain, &err));
    ck_assert_msg(err.status == PAL_ERR_IO && strstr(err.text, "cannot write into the folder: Permission denied"), "%s",
                  err.text);
    ck_assert_ptr_null(pal_rundir_new(path_of("empty/run"), &plain, &err));
    ck_assert_msg(strstr(err.text, "cannot create the folder: Permission denied"), "%s", err.text);
    ck_assert(!chmod(path_of("run"), 0) && !chmod(path_of("empty"), 0));
    refused_to_resume("run", PAL_ERR_IO, "cannot open the folder: Permission denied");
    ck_assert_ptr_null(pal_rundir_new(path_of("empty"), &plain, &err));
    ck_assert_int_eq(err.status, PAL_ERR_IO);
    ck_assert(!chmod(path_of("run"), 0777) && !chmod(path_of("empty"), 0777));
}
END_TEST

/* A file that may not be read, in a folder that may. */
START_TEST(an_unreadable_file_is_told)
{
    as_nobody();
    pal_rundir *dir = new_run("run");
    write_epoch(dir, 1);
    pal_rundir_free(dir);
    for (int i = 0; i < 2; i++) {
        char name[64];
        snprintf(name, sizeof name, "run/%s", names[i]);
        ck_assert(!chmod(path_of(name), 0));
        refused_to_open(PAL_ERR_IO, "cannot read: Permission denied");
        ck_assert(!chmod(path_of(name), 0666));
    }
}
END_TEST

/* A disk that is full when a run ends leaves what was saved, and no temporary file. */
START_TEST(a_full_disk_at_the_end_loses_nothing)
{
    pal_error of_line = {0}, of_save = {0}, of_end = {0};
    pal_rundir *dir = new_run("run");
    write_epoch(dir, 1);
    pal_model *model = model_of();
    const pal_epoch second = epoch_of(2);
    const pal_train_result result = {.epochs = 2, .steps = 8};
    static char before[3][ROOM], after[ROOM];
    static const char *const files[] = {"run/run.json", "run/metrics.jsonl", "run/checkpoint.safetensors"};
    size_t size[3];
    for (int i = 0; i < 3; i++) size[i] = read_file(path_of(files[i]), before[i], ROOM);
    const struct rlimit room = fill_disk(10);
    pal_rundir_add(dir, &second, &of_line);
    pal_rundir_save(dir, model, NULL, 8, 0, &of_save);
    pal_rundir_finish(dir, "done", NULL, &result, &of_end);
    make_room(room);
    ck_assert_msg(of_line.status == PAL_ERR_IO && strstr(of_line.text, "run/metrics.jsonl: "), "%s", of_line.text);
    ck_assert_msg(of_save.status == PAL_ERR_IO && strstr(of_save.text, "run/checkpoint.safetensors: "), "%s",
                  of_save.text);
    ck_assert_msg(of_end.status == PAL_ERR_IO && strstr(of_end.text, "run/run.json: "), "%s", of_end.text);
    for (int i = 0; i < 3; i++) {
        ck_assert_uint_eq(read_file(path_of(files[i]), after, ROOM), size[i]);
        ck_assert_mem_eq(before[i], after, size[i]);
    }
    pal_model_free(model);
    pal_rundir_free(dir);
    for (int i = 0; i < 3; i++) ck_assert(!unlink(path_of(files[i])));
    ck_assert_msg(!rmdir(path_of("run")), "a temporary file is left");
}
END_TEST

static struct rlimit room_before;

/* The disk is full from the second epoch on, which is saved by then; or from then on the run is to stop. */
static int fill_at_the_end(const pal_progress *p, void *user)
{
    if (p->epoch < 2 || !p->finished) return 0;
    room_before = fill_disk(0);
    return *(const int *)user;
}

/* A run of two epochs that ends, or is stopped after two of four, when the disk is full: its checkpoint is complete, so
 * it can be resumed. */
START_TEST(a_run_ends_on_a_full_disk)
{
    int stop = _i;
    pal_error err = {0};
    pal_rundir *dir = new_run("run");
    pal_dataset *data = data_of(SAMPLES, "data");
    pal_model *model = model_of();
    pal_train_result result;
    pal_train_options o = {.struct_size = sizeof o,
                           .epochs = stop ? 4 : 2,
                           .batch = 10,
                           .seed = 3,
                           .folder = dir,
                           .progress = fill_at_the_end,
                           .user = &stop};
    const pal_status status = pal_train(model, data, &o, &result, &err);
    make_room(room_before);
    ck_assert_int_eq(status, PAL_ERR_IO);
    ck_assert_msg(
        strstr(err.text, stop ? "stopped after step 8, which is saved, but " : "ended with step 8, which is "), "%s",
        err.text);
    ck_assert_msg(strstr(err.text, "run/run.json: ") && strstr(err.text, ": resume the run"), "%s", err.text);
    pal_rundir_free(dir);
    dir = pal_rundir_resume(path_of("run"), &err);
    ck_assert_msg(dir != NULL, "%s", err.text);
    ck_assert_str_eq(pal_rundir_info(dir)->status, "running");
    o.folder = dir;
    o.progress = NULL;
    o.resume = true;
    ck_assert_msg(!pal_train(model, data, &o, &result, &err), "%s", err.text);
    ck_assert_int_eq(result.epochs, o.epochs);
    ck_assert_str_eq(pal_rundir_info(dir)->status, "done");
    pal_model_free(model);
    pal_dataset_free(data);
    pal_rundir_free(dir);
}
END_TEST

/* ---- Memory that runs out -------------------------------------------------------------------------------------- */

static long left; /* requests of jansson until one fails */

static void *fail_in_turn(size_t size) { return left-- == 0 ? NULL : malloc(size); }

/* Each request of jansson fails in turn: a function says that memory ran out, or does all of its work. */
START_TEST(memory_that_runs_out_is_told)
{
    bool failed = true;
    pal_run_info info = plain;
    const pal_setting setting = {"hidden", "caf\xe9"};
    info.command = info.data = "caf\xe9";
    info.settings = &setting;
    info.n_settings = 1;
    pal_epoch epoch = epoch_of(1);
    strcpy(epoch.phase, "phas\xe9");
    epoch.n_terms = 1;
    strcpy(epoch.terms[0].name, "term");
    for (long n = 0; failed; n++) {
        pal_error err = {0};
        ck_assert_int_lt(n, 4000);
        json_set_alloc_funcs(fail_in_turn, free);
        left = n;
        pal_rundir *dir = pal_rundir_new(path_of("run"), &info, &err), *read = NULL;
        pal_status status = dir ? pal_rundir_add(dir, &epoch, &err) : err.status;
        if (!status) status = pal_rundir_finish(dir, "done", NULL, &(pal_train_result){.epochs = 1}, &err);
        if (!status) read = pal_rundir_open(path_of("run"), &err);
        failed = left < 0;
        json_set_alloc_funcs(malloc, free);
        ck_assert_msg(failed ? err.status == PAL_ERR_MEMORY : !err.status, "request %ld: %s", n, err.text);
        ck_assert(failed == !read);
        if (read) ck_assert_str_eq(pal_rundir_info(read)->settings->value, "caf\xe9");
        if (read) ck_assert_str_eq(pal_rundir_epoch(read, 0)->phase, "phas\xe9");
        pal_rundir_free(read);
        pal_rundir_free(dir);
        empty_folder();
    }
}
END_TEST

/* ---- Whether the data are the same ---------------------------------------------------------------------------- */

static pal_dataset *rows_of(const pal_dataset *from, int64_t n)
{
    pal_error err = {0};
    uint32_t rows[SAMPLES];
    for (uint32_t i = 0; i < SAMPLES; i++) rows[i] = i;
    pal_dataset *out = pal_dataset_select(from, rows, (size_t)n, &err);
    ck_assert_msg(out != NULL, "%s", err.text);
    return out;
}

/* Every value, the shape and the number of samples count; the path does not. More samples than the run took are no
 * change, as their first ones are its own. */
START_TEST(a_fingerprint_sees_every_change)
{
    pal_dataset *data = data_of(SAMPLES, "data"), *same = rows_of(data, data->count);
    pal_dataset *fewer = rows_of(data, 40), *test = data_of(30, "test");
    pal_fingerprint print, of_fewer;
    pal_run_info info = plain;
    ck_assert(!pal_run_has_fingerprint(&info));
    ck_assert_ptr_null(pal_run_data_changed(&info, data, test));
    pal_fingerprint_of(fewer, test, &of_fewer);
    pal_fingerprint_of(data, test, &print);
    ck_assert_str_ne(print.text[0], of_fewer.text[0]);
    ck_assert(*print.text[2] && !*print.text[1] && !*print.text[3]);
    for (int i = 0; i < PAL_FINGERPRINT; i += 2) info.fingerprint[i] = print.text[i];
    info.train_samples = data->count;
    info.test_samples = test->count;
    ck_assert(pal_run_has_fingerprint(&info));
    ck_assert_ptr_null(pal_run_data_changed(&info, same, test));
    ck_assert_ptr_null(pal_run_data_changed(&info, NULL, test));
    ck_assert_ptr_null(pal_run_data_changed(&info, same, NULL));
    ck_assert_str_eq(pal_run_data_changed(&info, fewer, test), "training samples");
    ck_assert_str_eq(pal_run_data_changed(&info, same, fewer), "test samples");
    float *value = same->inputs->data;
    for (int64_t i = 0; i < same->count * FEATURES; i++) {
        const float before = value[i];
        value[i] = nextafterf(before, 2);
        ck_assert_str_eq(pal_run_data_changed(&info, same, test), "training samples");
        value[i] = before;
    }
    ck_assert_ptr_null(pal_run_data_changed(&info, same, test));
    same->inputs->shape = PAL_SHAPE(same->count, 3, FEATURES / 3);
    ck_assert_str_eq(pal_run_data_changed(&info, same, test), "training samples");
    same->inputs->shape = PAL_SHAPE(same->count, FEATURES);
    same->labels = pal_tensor_new(context, PAL_U8, PAL_SHAPE(same->count));
    ck_assert_str_eq(pal_run_data_changed(&info, same, test), "training labels");
    info.train_samples = fewer->count;
    info.fingerprint[0] = of_fewer.text[0];
    ck_assert_ptr_null(pal_run_data_changed(&info, data, test));
    info.train_samples = 0; /* a damaged run.json */
    ck_assert_str_eq(pal_run_data_changed(&info, data, test), "training samples");
    info.fingerprint[0] = "md5:0"; /* of a version to come */
    ck_assert(!pal_run_has_fingerprint(&info));
    ck_assert_ptr_null(pal_run_data_changed(&info, fewer, test));
    pal_dataset_free(data);
    pal_dataset_free(same);
    pal_dataset_free(fewer);
    pal_dataset_free(test);
}
END_TEST

/* A run with a fingerprint goes on with its own data only, which may be at another path. */
START_TEST(a_run_goes_on_with_its_own_data)
{
    pal_error err = {0};
    pal_dataset *data = data_of(SAMPLES, "data"), *other = data_of(SAMPLES, "other");
    pal_fingerprint print;
    pal_fingerprint_of(data, NULL, &print);
    pal_run_info info = plain;
    info.fingerprint[0] = print.text[0];
    info.train_samples = data->count;
    pal_rundir *dir = pal_rundir_new(path_of("run"), &info, &err);
    ck_assert_msg(dir != NULL, "%s", err.text);
    write_epoch(dir, 1);
    pal_rundir_free(dir);
    dir = pal_rundir_resume(path_of("run"), &err);
    ck_assert_msg(dir != NULL, "%s", err.text);
    ck_assert_str_eq(pal_rundir_info(dir)->fingerprint[0], print.text[0]);
    pal_model *model = model_of();
    pal_train_result result;
    const pal_train_options o = {
        .struct_size = sizeof o, .epochs = 4, .batch = 10, .seed = 3, .folder = dir, .resume = true};
    ck_assert_int_eq(pal_train(model, other, &o, &result, &err), PAL_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.text, "d: its training samples are not those that the run started with: restore"));
    ck_assert_str_eq(pal_rundir_info(dir)->status, "interrupted");
    ck_assert(!pal_rundir_set_data(dir, "nowhere", &err) && !pal_rundir_set_data(dir, "new\xe9", &err));
    ck_assert_msg(!pal_train(model, data, &o, &result, &err), "%s", err.text);
    pal_rundir_free(dir);
    dir = pal_rundir_open(path_of("run"), &err);
    ck_assert_str_eq(pal_rundir_info(dir)->data, "new\xe9");
    ck_assert_str_eq(pal_rundir_info(dir)->fingerprint[0], print.text[0]);
    ck_assert_ptr_null(pal_rundir_info(dir)->fingerprint[2]);
    pal_rundir_free(dir);
    pal_model_free(model);
    pal_dataset_free(data);
    pal_dataset_free(other);
}
END_TEST

Suite *rundir_suite(void)
{
    Suite *suite = suite_create("rundir");
    in_own_folder(
        add_case(suite, "folder", set_up, tear_down_as_before,
                 TESTS(the_lock_holds_without_standard_input, one_of_many_resumes, a_renamed_folder_keeps_its_run,
                       a_removed_folder_is_told, a_half_made_folder_is_taken,
                       numbered_folders_are_free_empty_or_skipped, a_run_that_cannot_begin_leaves_nothing,
                       a_read_only_folder_is_told, an_unreadable_file_is_told, a_full_disk_at_the_end_loses_nothing)));
    TCase *files =
        in_own_folder(add_case(suite, "files", set_up, tear_down,
                               TESTS(memory_that_runs_out_is_told, what_is_damaged_is_told_with_a_remedy,
                                     a_run_without_epochs_is_not_extended, a_line_that_was_cut_is_replaced)));
    tcase_add_loop_test(files, what_is_no_file_is_refused, 0, 2);
    tcase_add_loop_test(files, what_is_too_large_is_refused, 0, 2);
    tcase_add_loop_test(files, a_run_ends_on_a_full_disk, 0, 2);
    in_own_folder(add_case(suite, "data", set_up, tear_down,
                           TESTS(a_fingerprint_sees_every_change, a_run_goes_on_with_its_own_data)));
    in_own_folder(
        add_case(suite, "texts", set_up, tear_down,
                 TESTS(bytes_are_escaped_and_come_back, every_text_comes_back, a_run_has_texts_of_any_bytes)));
    return suite;
}
