#include "core/usage_event.h"

const char *const usage_count_names[USAGE_COUNTS] = {
    "input_tokens",      "output_tokens",    "cache_write_5m_tokens", "cache_write_1h_tokens",
    "cache_read_tokens", "reasoning_tokens", "web_searches"};

int64_t usage_event_input_side(const int64_t counts[USAGE_COUNTS])
{
    return counts[COUNT_INPUT] + counts[COUNT_CACHE_WRITE_5M] + counts[COUNT_CACHE_WRITE_1H] +
           counts[COUNT_CACHE_READ];
}

int64_t usage_event_tokens(const int64_t counts[USAGE_COUNTS])
{
    return usage_event_input_side(counts) + counts[COUNT_OUTPUT];
}

unsigned usage_event_size_flags(const int64_t counts[USAGE_COUNTS])
{
    int64_t side = usage_event_input_side(counts);
    return (side > 200000 ? USAGE_OVER_200K : 0U) | (side > 272000 ? USAGE_OVER_272K : 0U);
}

static int compare_i64(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

int usage_telling_compare(const struct usage_telling *a, const struct usage_telling *b)
{
    int order = compare_i64(usage_event_tokens(a->counts), usage_event_tokens(b->counts));
    if (order == 0)
        order = compare_i64(b->flags & USAGE_SIDECHAIN, a->flags & USAGE_SIDECHAIN);
    if (order == 0)
        order = compare_i64(b->at_us, a->at_us);
    if (order == 0)
        order = compare_i64(a->is_home, b->is_home);
    for (int k = 0; order == 0 && k < USAGE_COUNTS; k++)
        order = compare_i64(a->counts[k], b->counts[k]);
    if (order == 0)
        order = compare_i64(a->flags, b->flags);
    if (order == 0)
        order = (b->origin > a->origin) - (b->origin < a->origin);
    return order;
}
