/* source.h - a variant that is a file of C code: what the files source*.c share, and what the verbs ask of them.
 *
 * A word such as ./absolute.c, or ./two.c:second, names a model wherever a model's name goes. Before the verb reads its
 * arguments, the file is compiled into an object (source_compile.c), which is kept in a folder of the user
 * (source_cache.c) and loaded (source.c). A run keeps the text of the file; whoever opens the run gets the model from
 * there (source_run.c), if the user has compiled this text before, or says --trust. */
#ifndef PAL_CLI_SOURCE_H
#define PAL_CLI_SOURCE_H

#include <limits.h>

#include "cli/cli.h"

typedef struct pal_cli_source { /* one word, and the variant that it names */
    const pal_variant *variant;
    char *word; /* as it was typed; of a run, the path of its variant.c */
    char *file; /* where it came from, from the root if that is known */
    char *text;
    char hash[PAL_SHA256_TEXT];
    size_t first, n; /* the variants that the file has registered, by pal_variant_at */
} pal_cli_source;

/* ---- source.c ------------------------------------------------------------------------------------------------- */

bool pal_cli_is_source(const char *word); /* "FILE.c" or "FILE.c:NAME" */
/* Compiles and loads what the word names. PAL_CLI_GO_ON, or the exit status with the error printed; so for all below
 * that return int. */
int pal_cli_source_load(const char *word);
/* The variant that the word names, or that has this name; NULL: none. */
const pal_variant *pal_cli_model_find(const char *word);
/* How a command line names this variant: the word with which it came, or its name. */
const char *pal_cli_model_word(const pal_variant *variant);
const pal_cli_source *pal_cli_source_of(const pal_variant *variant); /* NULL: it is of the library, or of --load */
/* Compiles and loads a text. name: the one to use of several variants, or NULL. The texts are copied. */
int pal_cli_source_add(const char *word, const char *file, const char *text, const char *name);
/* The contents of a file of C code, which the caller frees; NULL: the error is printed, with *status, unless
 * status is NULL. */
char *pal_cli_source_read(const char *path, int *status);

/* source_guard.c: from now on, a crash is told with this word, and so is an end of the program until word is NULL. */
void pal_cli_source_guard(const char *word);

/* source_words.c: each word that names a model by its file. words: the verb is words[1]. */
int pal_cli_load_sources(int n, char **words);

/* ---- source_run.c: the file that a run keeps --------------------------------------------------------------------- */

/* Loads the model of a run from the run's own file, if it has one and no model of this name is here. */
int pal_cli_source_of_run(const pal_rundir *dir);
/* The same for a path, before the options are read; one that is no run, or cannot be opened, is left to the verb. */
int pal_cli_source_of_folder(const char *path);
/* Says in one line if the file that the run was trained with has changed since, or is gone. */
void pal_cli_source_tell(const pal_rundir *dir);
void pal_cli_source_trust(void); /* --trust was given */

/* ---- source_cache.c: compiled objects, and the hashes of the texts that the user has compiled -------------------- */

enum { PAL_CLI_CACHE_PATH = 3072 }; /* so that a name fits behind it in PATH_MAX */
#define PAL_CLI_WORK    "work-"     /* begins the name of the folder of a compilation */
#define PAL_CLI_CHECKED "checked-"  /* begins the name of an object that is compiled to be removed */
typedef struct pal_cli_cache {
    char folder[PAL_CLI_CACHE_PATH];
    bool temporary; /* for this process alone */
} pal_cli_cache;

/* Finds the folder and makes it, or else a temporary one, with a warning that names `word`. to_write: it must be
 * possible to write into it; what killed compilations left there is removed. */
int pal_cli_cache_open(pal_cli_cache *cache, const char *word, bool to_write);
void pal_cli_cache_close(const pal_cli_cache *cache); /* removes a temporary folder that is empty */
/* The path of the object of these keys. true: it is there, and nobody but the user can have written it. compiler NULL:
 * that of any compiler. */
bool pal_cli_cache_object(const pal_cli_cache *cache, const char *source, const char *compiler, char path[PATH_MAX]);
/* Whether the user has compiled the text with this hash, and the note of it. */
bool pal_cli_cache_knows(const char *hash);
void pal_cli_cache_note(const pal_cli_cache *cache, const char *hash);

/* ---- source_compile.c ----------------------------------------------------------------------------------------- */

typedef struct pal_cli_compiler pal_cli_compiler;

/* Finds the compiler and the headers. word: for the message if they are not there; NULL: no message. */
pal_cli_compiler *pal_cli_compiler_find(const char *word);
void pal_cli_compiler_free(pal_cli_compiler *compiler);
const char *pal_cli_headers(char out[PATH_MAX]); /* the folder of palindrome.h; NULL: it is not there */
/* What an object depends on: the text, by its hash, library and flags; and the compiler, its words and headers. false:
 * out of memory, which was printed. */
bool pal_cli_source_key(const char *hash, char key[PAL_SHA256_TEXT]);
bool pal_cli_compiler_key(const pal_cli_compiler *compiler, char key[PAL_SHA256_TEXT]);
/* Compiles the text into the object `to`, which is replaced as a whole. The messages of the compiler go to standard
 * error. word, file: what they call the text. strict: a warning is an error, too. */
int pal_cli_compile(const pal_cli_compiler *compiler, const pal_cli_cache *cache, const pal_cli_source *source,
                    const char *to, bool strict);

#endif
