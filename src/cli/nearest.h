/* nearest.h -- the name that was probably meant.  Any thread. */
#pragma once
#include "base/base.h"

/* The name with the fewest edits, at most two and fewer than its length; NULL when none is that near.
 * next(arg, i) is the i-th name, NULL at the end. */
const char *nearest_name(const char *word, const char *(*next)(const void *arg, size_t i), const void *arg);
