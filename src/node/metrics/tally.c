#include "node/metrics/tally.h"

void tally_init(struct tally *t, struct arena *a, int64_t max)
{
    *t = (struct tally){.arena = a, .max = (size_t)MAX(max, 0)};
    map_init(&t->by_label);
    t->tail = &t->first;
}

void tally_deinit(struct tally *t)
{
    map_deinit(&t->by_label);
}

static struct tally_row *new_row(struct tally *t, struct str label)
{
    struct tally_row *row = arena_alloc(t->arena, sizeof(*row));
    row->label = label;
    *t->tail = row;
    t->tail = &row->next;
    t->count++;
    (void)map_put(&t->by_label, label, row);
    return row;
}

void tally_add(struct tally *t, const char *label, int column, int64_t value)
{
    struct tally_row *row = map_get(&t->by_label, str_of(label));
    if (!row && t->count >= t->max) {
        label = "other";
        row = map_get(&t->by_label, str_of(label));
    }
    if (!row)
        row = new_row(t, str_of(label));
    if (__builtin_add_overflow(row->sums[column], value, &row->sums[column]))
        row->sums[column] = INT64_MAX;
}
