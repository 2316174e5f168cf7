/* names.c - the class names of well-known data sets. */
#include <ctype.h>
#include <string.h>

#include "data/data.h"

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
