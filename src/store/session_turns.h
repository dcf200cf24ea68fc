/* session_turns.h -- which session has a turn: the first in which it was seen (spec 60 U7).
 *
 * Turns and sessions by hashes (core/turn_key.h).  Store threads only. */
#pragma once
#include "store/db.h"

struct session_turn {
    int64_t turn_key, session_key;
};
/* Those of the turns that another session has, in order of their keys.  Sorts `keys`. */
MUST_CHECK int session_turns_of_others(struct db *db, int64_t session_key, int64_t *keys, size_t count,
                                       struct arena *a, struct session_turn **ret, size_t *ret_count,
                                       struct err *e);
/* A turn that a session has stays with it.  Sorts `turns`. */
MUST_CHECK int session_turns_put(struct db *db, struct session_turn *turns, size_t count, struct err *e);
