#include "core/breaker.h"

#include "base/parse.h"

#include <inttypes.h>

static const char *const state_names[] = {
    [BREAKER_CLOSED] = "closed", [BREAKER_HALF_OPEN] = "half_open", [BREAKER_OPEN] = "open"};

void breaker_init(struct breaker *b)
{
    *b = (struct breaker){.state = BREAKER_CLOSED};
}

static int64_t later(int64_t at_us, int64_t by_us)
{
    int64_t sum;
    return __builtin_add_overflow(at_us, MAX(by_us, 0), &sum) ? INT64_MAX : sum;
}

static void open_it(struct breaker *b, const struct breaker_policy *policy, int64_t now_us)
{
    b->state = BREAKER_OPEN;
    b->opened_at_us = now_us;
    b->retry_at_us = later(now_us, policy->open_us);
    b->probing = false;
    b->probe_run_id = 0;
    b->trips++;
}

bool breaker_allows(struct breaker *b, const struct breaker_policy *policy, int64_t now_us)
{
    if (b->state == BREAKER_OPEN) {
        /* The clock has stepped back, or the policy was made shorter: the old instant is too far away. */
        b->retry_at_us = MIN(b->retry_at_us, later(now_us, policy->open_us));
        b->opened_at_us = MIN(b->opened_at_us, now_us);
        if (now_us < b->retry_at_us)
            return false;
        b->state = BREAKER_HALF_OPEN;
        b->retry_at_us = 0;
        b->probing = false;
    }
    return b->state == BREAKER_CLOSED || !b->probing;
}

void breaker_started(struct breaker *b, int64_t run_id)
{
    if (b->state != BREAKER_HALF_OPEN || b->probing)
        return;
    b->probing = true;
    b->probe_run_id = run_id;
}

static bool is_probe(const struct breaker *b, int64_t run_id)
{
    return b->state == BREAKER_HALF_OPEN && b->probing && b->probe_run_id == run_id;
}

bool breaker_succeeded(struct breaker *b, int64_t run_id)
{
    bool closes = is_probe(b, run_id);
    if (b->state != BREAKER_CLOSED && !closes)
        return false;
    int64_t trips = b->trips;
    breaker_init(b);
    b->trips = trips;
    return closes;
}

static void remember_failure(struct breaker *b, int64_t now_us)
{
    /* After a step back the older times lie in the future; they happened no later than now. */
    for (int i = 0; i < b->failure_count; i++)
        b->failure_us[i] = MIN(b->failure_us[i], now_us);
    if (b->failure_count == BREAKER_FAILURES_MAX) {
        memmove(b->failure_us, b->failure_us + 1, sizeof(b->failure_us) - sizeof(b->failure_us[0]));
        b->failure_count--;
    }
    b->failure_us[b->failure_count++] = now_us;
    b->consecutive_failures++;
}

static bool too_many(const struct breaker *b, const struct breaker_policy *policy, int64_t now_us)
{
    int wanted = (int)MIN(MAX(policy->failures, 1), BREAKER_FAILURES_MAX);
    if (b->failure_count < wanted)
        return false;
    return later(b->failure_us[b->failure_count - wanted], policy->window_us) >= now_us;
}

bool breaker_failed(struct breaker *b, const struct breaker_policy *policy, int64_t run_id, int64_t now_us)
{
    bool probe = is_probe(b, run_id);
    remember_failure(b, now_us);
    if (!probe && (b->state != BREAKER_CLOSED || !too_many(b, policy, now_us)))
        return false;
    open_it(b, policy, now_us);
    return true;
}

void breaker_released(struct breaker *b, int64_t run_id)
{
    if (!is_probe(b, run_id))
        return;
    b->probing = false;
    b->probe_run_id = 0;
}

const struct breaker *breaker_worse(const struct breaker *a, const struct breaker *b)
{
    if (a->state != b->state)
        return a->state > b->state ? a : b;
    return b->consecutive_failures > a->consecutive_failures ? b : a;
}

const char *breaker_state_name(enum breaker_state state)
{
    assert(state < COUNT_OF(state_names));
    return state_names[state];
}

bool breaker_state_of(struct str name, enum breaker_state *ret)
{
    for (size_t i = 0; i < COUNT_OF(state_names); i++) {
        if (str_equal(name, str_of(state_names[i]))) {
            *ret = (enum breaker_state)i;
            return true;
        }
    }
    return false;
}

char *breaker_times_format(const struct breaker *b, char text[BREAKER_TIMES_TEXT_MAX])
{
    size_t at = 0;
    text[0] = '\0';
    for (int i = 0; i < b->failure_count; i++)
        at += (size_t)snprintf(text + at, BREAKER_TIMES_TEXT_MAX - at, "%s%" PRId64, i ? "," : "",
                               b->failure_us[i]);
    return text;
}

bool breaker_times_parse(struct str text, struct breaker *ret)
{
    int64_t times[BREAKER_FAILURES_MAX] = {0};
    int count = 0;
    struct str part;
    while (text.n > 0 || (count > 0 && text.p)) {
        if (count == BREAKER_FAILURES_MAX || !str_split(&text, ',', &part) || !parse_i64(part, &times[count]))
            return false;
        count++;
    }
    memcpy(ret->failure_us, times, sizeof(times));
    ret->failure_count = count;
    return true;
}
