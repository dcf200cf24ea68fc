#include "cli/nearest.h"

#define LONGEST 32
#define EDITS_MAX 2

/* Levenshtein's distance, one row of the table at a time; SIZE_MAX when a word is too long for it. */
static size_t distance(const char *a, const char *b)
{
    size_t row[LONGEST], nb = strlen(b);
    if (nb >= LONGEST || strlen(a) >= LONGEST)
        return SIZE_MAX;
    for (size_t j = 0; j <= nb; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t above = row[j];
            row[j] = MIN(MIN(row[j] + 1, row[j - 1] + 1), diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[nb];
}

const char *nearest_name(const char *word, const char *(*next)(const void *arg, size_t i), const void *arg)
{
    const char *name, *best = NULL;
    size_t least = EDITS_MAX + 1;
    for (size_t i = 0; (name = next(arg, i)); i++) {
        size_t d = distance(word, name);
        if (d < least && d < strlen(name)) {
            least = d;
            best = name;
        }
    }
    return best;
}
