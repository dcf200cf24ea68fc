#include "core/task_means.h"

#define US_PER_CENTI_MS 10

static struct task_mean *row_of(struct task_mean *rows, size_t *count, const char *name)
{
    for (size_t i = 0; i < *count; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    rows[*count] = (struct task_mean){.name = name};
    return &rows[(*count)++];
}

static struct task_mean *gather(const struct task_group *groups, size_t count, bool by_type, struct arena *a,
                                size_t *ret_count)
{
    struct task_mean *rows = arena_alloc(a, MAX(count, 1) * sizeof(*rows));
    *ret_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct task_mean *row = row_of(rows, ret_count, by_type ? groups[i].type : groups[i].status);
        row->count += groups[i].count;
        row->measured += groups[i].measured;
        row->duration_us += groups[i].duration_us;
    }
    return rows;
}

struct task_mean *task_means_by_status(const struct task_group *groups, size_t count, struct arena *a,
                                       size_t *ret_count)
{
    return gather(groups, count, false, a, ret_count);
}

struct task_mean *task_means_by_type(const struct task_group *groups, size_t count, struct arena *a,
                                     size_t *ret_count)
{
    return gather(groups, count, true, a, ret_count);
}

int64_t task_mean_centi_ms(const struct task_mean *m)
{
    int64_t whole = m->measured * US_PER_CENTI_MS;
    return m->measured ? (m->duration_us + whole / 2) / whole : 0;
}
