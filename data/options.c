/* options.c - what a user says about data: the table of options.def, and the values that were given. */
#include "data/internal.h"

#include <stdlib.h>
#include <string.h>

#define DATA_OPTION(name, choices, argument, help) {name, choices, argument, help},
static const pal_data_option table[] = {
#include "data/options.def"
};
#undef DATA_OPTION

const pal_data_option *pal_data_option_at(size_t i) { return i < sizeof table / sizeof *table ? &table[i] : NULL; }

const pal_data_option *pal_data_option_find(const char *name)
{
    for (size_t i = 0; i < sizeof table / sizeof *table && name; i++)
        if (!strcmp(table[i].name, name)) return &table[i];
    return NULL;
}

const char *palt__data_option(const pal_data_options *options, const char *name)
{
    for (size_t i = options ? options->n : 0; i-- > 0;)
        if (!strcmp(options->given[i].name, name)) return options->given[i].value;
    return NULL;
}

bool palt__data_option_former(const pal_data_options *options, const char *name)
{
    for (size_t i = options ? options->n : 0; i-- > 0;)
        if (!strcmp(options->given[i].name, name)) return i < options->former;
    return false;
}

bool palt__data_option_lists(const pal_data_options *options, const char *name, const char *column, int64_t number)
{
    const char *list = palt__data_option(options, name);
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)number);
    while (list && *list) {
        const size_t length = strcspn(list, ",");
        if (column && strlen(column) == length && !strncmp(list, column, length)) return true;
        if (strlen(text) == length && !strncmp(list, text, length)) return true;
        list += length + (list[length] == ',');
    }
    return false;
}
