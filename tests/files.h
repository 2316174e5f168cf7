/* files.h - a temporary folder for each case of tests, empty before each test, and helpers for files in it. */
#ifndef PAL_TESTS_FILES_H
#define PAL_TESTS_FILES_H

#include <check.h>
#include <dirent.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_ROOM = 128 };

static char folder[] = "/tmp/palindrome-test-XXXXXX";

static inline int remove_inside(const char *path, const struct stat *status, int type, struct FTW *at)
{
    (void)status, (void)type;
    return at->level > 0 ? remove(path) : 0;
}

static inline void empty_folder(void) { ck_assert_int_eq(nftw(folder, remove_inside, 16, FTW_DEPTH | FTW_PHYS), 0); }

static inline void make_folder(void)
{
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static inline void remove_folder(void)
{
    empty_folder();
    ck_assert_int_eq(rmdir(folder), 0);
}

/* Gives the case its folder. It is made and removed outside the tests' processes, so a failing test leaves no files. */
static inline TCase *in_own_folder(TCase *tests)
{
    tcase_add_unchecked_fixture(tests, make_folder, remove_folder);
    tcase_add_checked_fixture(tests, empty_folder, NULL);
    return tests;
}

/* The number of entries in the folder, including hidden ones. */
static inline int count_files(void)
{
    int count = 0;
    DIR *directory = opendir(folder);
    ck_assert_ptr_nonnull(directory);
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(directory);
    return count;
}

/* Returns the path FOLDER/NAME. The string is valid until the eighth call after this one. */
static inline const char *path_of(const char *name)
{
    static char paths[8][PATH_ROOM];
    static unsigned next;
    char *path = paths[next++ % 8];
    ck_assert_int_lt(snprintf(path, PATH_ROOM, "%s/%s", folder, name), PATH_ROOM);
    return path;
}

/* Writes the file NAME in the folder. Returns its path (see path_of). */
static inline const char *write_file(const char *name, const void *bytes, size_t size)
{
    const char *path = path_of(name);
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
    return path;
}

static inline const char *write_text(const char *name, const char *text)
{
    return write_file(name, text, strlen(text));
}

/* Reads at most `room` bytes of the file into out. Returns the number of bytes read. */
static inline size_t read_file(const char *path, void *out, size_t room)
{
    FILE *file = fopen(path, "rb");
    ck_assert_ptr_nonnull(file);
    const size_t size = fread(out, 1, room, file);
    fclose(file);
    return size;
}

static inline void assert_text(const char *path, const char *expected)
{
    char text[256];
    text[read_file(path, text, sizeof text - 1)] = '\0';
    ck_assert_str_eq(text, expected);
}

/* Simulates a full disk by a limit on the size of files. Check writes files too, so assert nothing before make_room.
 * Returns the old limit, which make_room restores. */
static inline struct rlimit fill_disk(rlim_t size)
{
    struct rlimit before;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &(struct rlimit){size, before.rlim_max}) != 0) ck_abort_msg("no limit");
    return before;
}

static inline void make_room(struct rlimit before)
{
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_DFL);
}

#endif
