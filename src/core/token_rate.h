/* token_rate.h -- how fast an agent uses tokens right now, from totals that somebody notes now and then.
 *
 * The rate is taken from a total that is one to two minutes old, so that a turn's burst does not make it jump
 * and what happened an hour ago does not count.  Until ten seconds are known it is unknown.  A total that
 * shrinks (another transcript, another process) begins anew.  Pure; the caller passes the monotonic time. */
#pragma once
#include "base/str.h"

struct token_mark {
    int64_t at_us, tokens;
};
struct token_rate { /* zeroed: nothing is known */
    struct token_mark older, newer, last;
    bool known;
};
void token_rate_note(struct token_rate *r, int64_t now_us, int64_t tokens);
double token_rate_per_minute(const struct token_rate *r, int64_t now_us); /* -1: unknown */
