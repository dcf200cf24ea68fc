/* agents.h -- what must survive about an agent profile and the queue: breaker, pauses (spec 20 Q7, Q8).
 * Store threads only. */
#pragma once
#include "core/breaker.h"
#include "store/db.h"

MUST_CHECK int agent_breaker_save(struct db *db, const char *agent, const struct breaker *b, struct err *e);
struct agent_row {
    const char *agent;
    struct breaker breaker;
};
MUST_CHECK int agent_breakers(struct db *db, struct arena *a, struct agent_row **ret, size_t *ret_count,
                              struct err *e);

/* scope: "all" or "agent:NAME" */
MUST_CHECK int pause_set(struct db *db, const char *scope, bool paused, const char *actor, const char *reason,
                         int64_t now_us, struct err *e);
struct pause_row {
    const char *scope, *actor, *reason;
    int64_t at;
};
MUST_CHECK int pause_list(struct db *db, struct arena *a, struct pause_row **ret, size_t *ret_count,
                          struct err *e);
