#include "io/counters.h"

#include <stdatomic.h>

const struct counter_row counter_rows[COUNTER_COUNT] = {
#define COUNTER_ROW(id, name, label, value, help) [COUNTER_##id] = {name, label, value, help},
    COUNTER_TABLE(COUNTER_ROW)
#undef COUNTER_ROW
};

static atomic_int_fast64_t values[COUNTER_COUNT];

void counter_add(enum counter_id id, int64_t n)
{
    (void)atomic_fetch_add_explicit(&values[id], n, memory_order_relaxed);
}

int64_t counter_get(enum counter_id id)
{
    return atomic_load_explicit(&values[id], memory_order_relaxed);
}
