#include "core/codex_replay.h"

#define PAUSE_US INT64_C(1000000)
#define UUID_BYTES 36
#define MILLISECOND_US 1000

static int digit(char c)
{
    const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* The time that a UUID of version 7 begins with; false for any other text. */
static bool time_of(struct str uuid, int64_t *ret_us)
{
    int64_t ms = 0;
    if (uuid.n != UUID_BYTES || uuid.p[14] != '7')
        return false;
    for (size_t i = 0; i < 13; i++) {
        if (i == 8)
            continue; /* the dash */
        int value = digit(uuid.p[i]);
        if (value < 0)
            return false;
        ms = ms * 16 + value;
    }
    *ret_us = ms * MILLISECOND_US;
    return true;
}

void codex_replay_begin(struct codex_replay *r, struct str id, bool has_parent, int64_t at_us)
{
    *r = (struct codex_replay){.phase = has_parent ? CODEX_REPLAY_MAYBE : CODEX_REPLAY_NONE};
    if (!time_of(id, &r->forked_us))
        r->forked_us = MAX(at_us, 0);
    r->last_us = r->forked_us;
}

void codex_replay_meta(struct codex_replay *r, bool is_own_id)
{
    if (is_own_id)
        r->phase = CODEX_REPLAY_NONE;
    else if (r->phase == CODEX_REPLAY_MAYBE)
        r->phase = CODEX_REPLAY_BURST;
}

void codex_replay_turn(struct codex_replay *r, struct str turn_id)
{
    int64_t begun_us;
    if (r->phase != CODEX_REPLAY_NONE && time_of(turn_id, &begun_us))
        r->phase = begun_us >= r->forked_us ? CODEX_REPLAY_NONE : CODEX_REPLAY_TURNS;
}

bool codex_replay_line(struct codex_replay *r, int64_t at_us)
{
    bool is_older = at_us > 0 && at_us < r->forked_us;
    if (r->phase == CODEX_REPLAY_MAYBE && is_older)
        r->phase = CODEX_REPLAY_BURST;
    if (r->phase == CODEX_REPLAY_BURST && !is_older && at_us > 0) {
        if (at_us - r->last_us > PAUSE_US)
            r->phase = CODEX_REPLAY_NONE;
        r->last_us = at_us;
    }
    return r->phase == CODEX_REPLAY_BURST || r->phase == CODEX_REPLAY_TURNS;
}
