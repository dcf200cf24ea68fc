/* codex_replay.h -- which lines of a fork's rollout are the history that it begins with (spec 60 U3, U7).
 *
 * A fork of Codex names its parent in its first line; then come the parent's own first line and its history,
 * written again with the time of the fork, or with the times that they had.  The ids of turns are UUIDs that
 * begin with a time and stay as they were: the first one that is not older than the fork is the fork's own,
 * and all from there on.  Where turns tell no such id it is the first line after a pause, and where neither
 * the parent's first line nor an older time nor an older turn is there, nothing was written again: version
 * 0.169 only says where in the parent's file the history ends.  State is carried from line to line.  Pure. */
#pragma once
#include "base/str.h"

enum codex_replay_phase {
    CODEX_REPLAY_NONE, /* no fork, or what comes is its own */
    CODEX_REPLAY_MAYBE,
    CODEX_REPLAY_BURST, /* it is, by the times of lines */
    CODEX_REPLAY_TURNS, /* it is, by the ids of turns */
};
#define CODEX_REPLAY_PHASES 4

struct codex_replay {
    enum codex_replay_phase phase;
    int64_t forked_us, last_us; /* last: of a line of the burst */
};

/* A session_meta: the file's first one, of a session that may have a parent; or a later one. */
void codex_replay_begin(struct codex_replay *r, struct str id, bool has_parent, int64_t at_us);
void codex_replay_meta(struct codex_replay *r, bool is_own_id);
void codex_replay_turn(struct codex_replay *r, struct str turn_id);
/* Whether the line is replayed; called for every line, in order.  at_us 0: it tells no time. */
bool codex_replay_line(struct codex_replay *r, int64_t at_us);
