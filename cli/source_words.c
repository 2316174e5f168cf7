/* source_words.c - finds the words of the command line that are files of C code where a model's name goes.
 *
 * They are compiled and loaded before the verb reads its options, because they bring options along. Only the command
 * line is searched: a file of --config, or a run, cannot name code. */
#include <stdlib.h>
#include <string.h>

#include "cli/source.h"

static bool takes_models(const pal_cli_spec *spec)
{
    return !strncmp(spec->words, "MODEL", 5) || spec == &pal_cli_models_spec || spec == &pal_cli_gradcheck_spec;
}

/* Whether this word is an option whose value is the next word. */
static bool takes_value(const pal_cli_table *table, const char *word)
{
    if (word[0] != '-' || !word[1] || strchr(word, '=')) return false;
    if (word[1] == '-') {
        const pal_cli_entry *e = pal_cli_entry_find(table, word + 2);
        return e && e->argument;
    }
    for (size_t i = 0; i < table->n; i++)
        if (table->entries[i].letter == word[strlen(word) - 1]) return table->entries[i].argument != NULL;
    return false;
}

int pal_cli_load_sources(int n, char **words)
{
    const bool help = n > 2 && !strcmp(words[1], "help");
    const pal_cli_verb *verb = n > 2 && !help ? pal_cli_verb_find(words[1]) : NULL;
    if (!help && (!verb || !takes_models(verb->spec))) return PAL_CLI_GO_ON;
    pal_cli_table *table = calloc(1, sizeof *table);
    if (!table) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    if (verb) pal_cli_table_fill(table, verb->spec, NULL);
    int status = PAL_CLI_GO_ON;
    bool options = true;
    for (int i = 2; i < n && status == PAL_CLI_GO_ON; i++) {
        if (options && i > 2 && takes_value(table, words[i - 1])) continue;
        options = options && strcmp(words[i], "--") != 0;
        if (pal_cli_is_source(words[i])) status = pal_cli_source_load(words[i]);
    }
    free(table);
    return status;
}
