/* tally.h -- sums by a label whose number of values is bounded (spec 30 OpenMetrics).
 *
 * The first `max` values that are met have a row each, the rest share the row "other".  Rows keep the order
 * in which they were met.  One thread at a time. */
#pragma once
#include "base/arena.h"
#include "base/map.h"

#define TALLY_COLUMNS 5

struct tally_row {
    struct str label; /* as given; the caller keeps it alive */
    int64_t sums[TALLY_COLUMNS];
    struct tally_row *next;
};
struct tally {
    struct arena *arena; /* not owned; holds the rows */
    struct map by_label;
    struct tally_row *first, **tail;
    size_t count, max;
};
void tally_init(struct tally *t, struct arena *a, int64_t max);
void tally_deinit(struct tally *t);
/* Saturates. */
void tally_add(struct tally *t, const char *label, int column, int64_t value);
