#include "core/token_rate.h"

#include "base/clock.h"

#define WINDOW_US (60 * USEC_PER_SEC)
#define KNOWN_AFTER_US (10 * USEC_PER_SEC)

void token_rate_note(struct token_rate *r, int64_t now_us, int64_t tokens)
{
    struct token_mark now = {now_us, tokens};
    if (!r->known || tokens < r->last.tokens)
        *r = (struct token_rate){now, now, now, true};
    r->last = now;
    if (now_us - r->newer.at_us < WINDOW_US)
        return;
    r->older = r->newer;
    r->newer = now;
}

double token_rate_per_minute(const struct token_rate *r, int64_t now_us)
{
    int64_t span_us = now_us - r->older.at_us;
    if (!r->known || span_us < KNOWN_AFTER_US)
        return -1;
    return (double)(r->last.tokens - r->older.tokens) * 60 * USEC_PER_SEC / (double)span_us;
}
