/* names.c - the name of a data set, by its path, and the class names of well-known ones. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "data/internal.h"

static const struct {
    const char *data; /* the letters of the data set's name, in lower case */
    int classes;
    const char *names[10];
} known[] = {
    {"fashionmnist",
     10,
     {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"}},
};

/* Compares letters only and ignores case: fashion-mnist, FashionMNIST and fashion_mnist are the same name. */
static bool is_called(const char *name, const char *letters)
{
    for (; *name; name++)
        if (isalpha((unsigned char)*name) && tolower((unsigned char)*name) != *letters++) return false;
    return !*letters;
}

const char *pal_dataset_class_name(const pal_dataset *dataset, int class)
{
    if (dataset->classes_of) return class >= 0 && class < dataset->classes ? dataset->classes_of[class] : NULL;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (class >= 0 && class < known[i].classes && dataset->classes <= known[i].classes &&
            is_called(dataset->name, known[i].data))
            return known[i].names[class];
    return NULL;
}

const char *pal_dataset_name_of(const char *path, char *name, size_t size)
{
    size_t end = strlen(path), begin;
    while (end > 1 && path[end - 1] == '/') end--;
    for (begin = end; begin > 0 && path[begin - 1] != '/';) begin--;
    end = begin + palt__array_stem(path + begin, end - begin);
    snprintf(name, size, "%.*s", (int)(end - begin), path + begin);
    return name;
}
