/* price_table.c -- published prices, one row per model and date, sorted by model and then by date.
 *
 * The figures are those of @pydantic/genai-prices 0.1.8, which names the vendors' pages for each.  Set by
 * hand: the long-context price of claude-sonnet-4, the claude-mythos models (sold like claude-fable), the
 * threshold 272000 of the GPT models where the package says 271999, and the -codex names, which are sold like
 * their base model. */
#include "core/price.h"

#define USD(per_million_tokens) ((int64_t)((per_million_tokens)*1e6 + 0.5))
#define NOT_SOLD (-1)

/* model, from, {input, output, cache read, cache write 5 min, cache write 1 h}, long above, {the same} */
/* clang-format off */
static const struct price table[] = {
    {"claude-3-5-haiku", 0, {USD(0.8), USD(4), USD(0.08), USD(1), USD(1.6)}},
    {"claude-3-5-sonnet", 0, {USD(3), USD(15), USD(0.3), USD(3.75), USD(6)}},
    {"claude-3-7-sonnet", 0, {USD(3), USD(15), USD(0.3), USD(3.75), USD(6)}},
    {"claude-3-haiku", 0, {USD(0.25), USD(1.25), USD(0.03), USD(0.3), USD(0.5)}},
    {"claude-3-opus", 0, {USD(15), USD(75), USD(1.5), USD(18.75), USD(30)}},
    {"claude-3-sonnet", 0, {USD(3), USD(15), USD(0.3), USD(3.75), USD(6)}},
    {"claude-fable-5", 0, {USD(10), USD(50), USD(1), USD(12.5), USD(20)}},
    {"claude-fable-5-1", 0, {USD(10), USD(50), USD(0.25), USD(12.5), USD(20)}},
    {"claude-haiku-4-5", 0, {USD(1), USD(5), USD(0.1), USD(1.25), USD(2)}},
    {"claude-mythos-5", 0, {USD(10), USD(50), USD(1), USD(12.5), USD(20)}},
    {"claude-mythos-5-1", 0, {USD(10), USD(50), USD(0.25), USD(12.5), USD(20)}},
    {"claude-opus-4", 0, {USD(15), USD(75), USD(1.5), USD(18.75), USD(30)}},
    {"claude-opus-4-1", 0, {USD(15), USD(75), USD(1.5), USD(18.75), USD(30)}},
    {"claude-opus-4-5", 0, {USD(5), USD(25), USD(0.5), USD(6.25), USD(10)}},
    {"claude-opus-4-6", 0, {USD(5), USD(25), USD(0.5), USD(6.25), USD(10)}, 200000, {USD(10), USD(37.5), USD(1), USD(12.5), USD(20)}},
    {"claude-opus-4-6", INT64_C(1773360000000000) /* 2026-03-13 */, {USD(5), USD(25), USD(0.5), USD(6.25), USD(10)}},
    {"claude-opus-4-7", 0, {USD(5), USD(25), USD(0.5), USD(6.25), USD(10)}},
    {"claude-opus-4-8", 0, {USD(5), USD(25), USD(0.5), USD(6.25), USD(10)}},
    {"claude-opus-5", 0, {USD(5), USD(25), USD(0.5), USD(6.25), USD(10)}},
    {"claude-opus-5-5", 0, {USD(4), USD(20), USD(0.2), USD(5), USD(8)}},
    {"claude-sonnet-4", 0, {USD(3), USD(15), USD(0.3), USD(3.75), USD(6)}, 200000, {USD(6), USD(22.5), USD(0.6), USD(7.5), USD(12)}},
    {"claude-sonnet-4-5", 0, {USD(3), USD(15), USD(0.3), USD(3.75), USD(6)}, 200000, {USD(6), USD(22.5), USD(0.6), USD(7.5), USD(12)}},
    {"claude-sonnet-4-6", 0, {USD(3), USD(15), USD(0.3), USD(3.75), USD(6)}, 200000, {USD(6), USD(22.5), USD(0.6), USD(7.5), USD(12)}},
    {"claude-sonnet-4-6", INT64_C(1773360000000000) /* 2026-03-13 */, {USD(3), USD(15), USD(0.3), USD(3.75), USD(6)}},
    {"claude-sonnet-5", 0, {USD(2), USD(10), USD(0.2), USD(2.5), USD(4)}},
    {"codex-mini", 0, {USD(1.5), USD(6), USD(0.375), NOT_SOLD, NOT_SOLD}},
    {"gemini-2.0-flash", 0, {USD(0.1), USD(0.4), USD(0.025), NOT_SOLD, NOT_SOLD}},
    {"gemini-2.0-flash-lite", 0, {USD(0.075), USD(0.3), NOT_SOLD, NOT_SOLD, NOT_SOLD}},
    {"gemini-2.5-flash", 0, {USD(0.3), USD(2.5), USD(0.03), NOT_SOLD, NOT_SOLD}},
    {"gemini-2.5-flash-lite", 0, {USD(0.1), USD(0.4), USD(0.01), NOT_SOLD, NOT_SOLD}},
    {"gemini-2.5-pro", 0, {USD(1.25), USD(10), USD(0.125), NOT_SOLD, NOT_SOLD}, 200000, {USD(2.5), USD(15), USD(0.25), NOT_SOLD, NOT_SOLD}},
    {"gemini-3-flash-preview", 0, {USD(0.5), USD(3), USD(0.05), NOT_SOLD, NOT_SOLD}},
    {"gemini-3-pro-preview", 0, {USD(2), USD(12), USD(0.2), NOT_SOLD, NOT_SOLD}, 200000, {USD(4), USD(18), USD(0.4), NOT_SOLD, NOT_SOLD}},
    {"gemini-3.1-flash-lite", 0, {USD(0.25), USD(1.5), USD(0.025), NOT_SOLD, NOT_SOLD}},
    {"gemini-3.1-pro-preview", 0, {USD(2), USD(12), USD(0.2), NOT_SOLD, NOT_SOLD}, 200000, {USD(4), USD(18), USD(0.4), NOT_SOLD, NOT_SOLD}},
    {"gemini-3.5-flash", 0, {USD(1.5), USD(9), USD(0.15), NOT_SOLD, NOT_SOLD}},
    {"gemini-3.5-flash-lite", 0, {USD(0.3), USD(2.5), USD(0.03), NOT_SOLD, NOT_SOLD}},
    {"gemini-3.6-flash", 0, {USD(0.75), USD(3.75), USD(0.075), NOT_SOLD, NOT_SOLD}},
    {"gemini-3.6-flash", INT64_C(1798761600000000) /* 2027-01-01 */, {USD(1.5), USD(7.5), USD(0.15), NOT_SOLD, NOT_SOLD}},
    {"gemini-3.7-flash", 0, {USD(0.75), USD(3.75), USD(0.075), NOT_SOLD, NOT_SOLD}},
    {"gemini-3.7-flash", INT64_C(1798761600000000) /* 2027-01-01 */, {USD(1.5), USD(7.5), USD(0.15), NOT_SOLD, NOT_SOLD}},
    {"gemini-3.8-flash", 0, {USD(0.75), USD(3.75), USD(0.075), NOT_SOLD, NOT_SOLD}},
    {"gemini-3.8-flash", INT64_C(1798761600000000) /* 2027-01-01 */, {USD(1.5), USD(7.5), USD(0.15), NOT_SOLD, NOT_SOLD}},
    {"gpt-4.1", 0, {USD(2), USD(8), USD(0.5), NOT_SOLD, NOT_SOLD}},
    {"gpt-4.1-mini", 0, {USD(0.4), USD(1.6), USD(0.1), NOT_SOLD, NOT_SOLD}},
    {"gpt-4.1-nano", 0, {USD(0.1), USD(0.4), USD(0.025), NOT_SOLD, NOT_SOLD}},
    {"gpt-5", 0, {USD(1.25), USD(10), USD(0.125), NOT_SOLD, NOT_SOLD}},
    {"gpt-5-codex", 0, {USD(1.25), USD(10), USD(0.125), NOT_SOLD, NOT_SOLD}},
    {"gpt-5-mini", 0, {USD(0.25), USD(2), USD(0.025), NOT_SOLD, NOT_SOLD}},
    {"gpt-5-nano", 0, {USD(0.05), USD(0.4), USD(0.005), NOT_SOLD, NOT_SOLD}},
    {"gpt-5-pro", 0, {USD(15), USD(120), NOT_SOLD, NOT_SOLD, NOT_SOLD}},
    {"gpt-5.1", 0, {USD(1.25), USD(10), USD(0.125), NOT_SOLD, NOT_SOLD}},
    {"gpt-5.1-codex", 0, {USD(1.25), USD(10), USD(0.125), NOT_SOLD, NOT_SOLD}},
    {"gpt-5.1-codex-max", 0, {USD(1.25), USD(10), USD(0.125), NOT_SOLD, NOT_SOLD}},
    {"gpt-5.1-codex-mini", 0, {USD(0.25), USD(2), USD(0.025), NOT_SOLD, NOT_SOLD}},
    {"gpt-5.2", 0, {USD(1.75), USD(14), USD(0.175), NOT_SOLD, NOT_SOLD}},
    {"gpt-5.2-codex", 0, {USD(1.75), USD(14), USD(0.175), NOT_SOLD, NOT_SOLD}},
    {"gpt-5.2-pro", 0, {USD(21), USD(168), NOT_SOLD, NOT_SOLD, NOT_SOLD}},
    {"gpt-5.3", 0, {USD(1.75), USD(14), USD(0.175), NOT_SOLD, NOT_SOLD}},
    {"gpt-5.3-codex", 0, {USD(1.75), USD(14), USD(0.175), NOT_SOLD, NOT_SOLD}},
    {"gpt-5.4", 0, {USD(2.5), USD(15), USD(0.25), NOT_SOLD, NOT_SOLD}, 272000, {USD(5), USD(22.5), USD(0.5), NOT_SOLD, NOT_SOLD}},
    {"gpt-5.4-mini", 0, {USD(0.75), USD(4.5), USD(0.075), NOT_SOLD, NOT_SOLD}},
    {"gpt-5.4-nano", 0, {USD(0.2), USD(1.25), USD(0.02), NOT_SOLD, NOT_SOLD}},
    {"gpt-5.4-pro", 0, {USD(30), USD(180), NOT_SOLD, NOT_SOLD, NOT_SOLD}, 272000, {USD(60), USD(270), NOT_SOLD, NOT_SOLD, NOT_SOLD}},
    {"gpt-5.5", 0, {USD(5), USD(30), USD(0.5), NOT_SOLD, NOT_SOLD}, 272000, {USD(10), USD(45), USD(1), NOT_SOLD, NOT_SOLD}},
    {"gpt-5.5-pro", 0, {USD(30), USD(180), NOT_SOLD, NOT_SOLD, NOT_SOLD}, 272000, {USD(60), USD(270), NOT_SOLD, NOT_SOLD, NOT_SOLD}},
    {"gpt-5.6-luna", 0, {USD(1), USD(6), USD(0.1), USD(1.25), NOT_SOLD}, 272000, {USD(2), USD(9), USD(0.2), USD(2.5), NOT_SOLD}},
    {"gpt-5.6-luna", INT64_C(1785369600000000) /* 2026-07-30 */, {USD(0.2), USD(1.2), USD(0.02), USD(0.25), NOT_SOLD}, 272000, {USD(0.4), USD(1.8), USD(0.04), USD(0.5), NOT_SOLD}},
    {"gpt-5.6-sol", 0, {USD(5), USD(30), USD(0.5), USD(6.25), NOT_SOLD}, 272000, {USD(10), USD(45), USD(1), USD(12.5), NOT_SOLD}},
    {"gpt-5.6-sol", INT64_C(1787270400000000) /* 2026-08-21 */, {USD(4), USD(20), USD(0.4), USD(5), NOT_SOLD}, 272000, {USD(8), USD(30), USD(0.8), USD(10), NOT_SOLD}},
    {"gpt-5.6-terra", 0, {USD(2.5), USD(15), USD(0.25), USD(3.125), NOT_SOLD}, 272000, {USD(5), USD(22.5), USD(0.5), USD(6.25), NOT_SOLD}},
    {"gpt-5.6-terra", INT64_C(1785369600000000) /* 2026-07-30 */, {USD(2), USD(12), USD(0.2), USD(2.5), NOT_SOLD}, 272000, {USD(4), USD(18), USD(0.4), USD(5), NOT_SOLD}},
    {"gpt-6-astra", 0, {USD(10), USD(50), USD(1), USD(12.5), NOT_SOLD}, 272000, {USD(20), USD(75), USD(2), USD(25), NOT_SOLD}},
    {"gpt-6-luna", 0, {USD(0.1), USD(0.5), USD(0.01), USD(0.125), NOT_SOLD}, 272000, {USD(0.2), USD(0.75), USD(0.02), USD(0.25), NOT_SOLD}},
    {"gpt-6-sol", 0, {USD(2), USD(10), USD(0.2), USD(2.5), NOT_SOLD}, 272000, {USD(4), USD(15), USD(0.4), USD(5), NOT_SOLD}},
    {"o3", 0, {USD(10), USD(40), USD(0.5), NOT_SOLD, NOT_SOLD}},
    {"o3", INT64_C(1749513600000000) /* 2025-06-10 */, {USD(2), USD(8), USD(0.5), NOT_SOLD, NOT_SOLD}},
    {"o3-mini", 0, {USD(1.1), USD(4.4), USD(0.55), NOT_SOLD, NOT_SOLD}},
    {"o3-pro", 0, {USD(20), USD(80), NOT_SOLD, NOT_SOLD, NOT_SOLD}},
    {"o4-mini", 0, {USD(1.1), USD(4.4), USD(0.275), NOT_SOLD, NOT_SOLD}},
};
/* clang-format on */

size_t price_count(void)
{
    return COUNT_OF(table);
}

const struct price *price_at(size_t i)
{
    assert(i < COUNT_OF(table));
    return &table[i];
}
