/* status_inputs.h -- what the session status takes from the fleet's memory, as functions.
 *
 * The seam between two services that never include each other: the fleet fills it, node.c hands it over, the
 * status service calls it on the loop thread. */
#pragma once
#include "base/arena.h"
#include "core/agent_status.h"

struct status_agent { /* texts in the arena that is given; NULL is unknown */
    const char *id, *name, *session_id, *specialization, *terminal, *server;
    enum agent_status status;
    bool is_accessible;
    const char *error;                  /* why it is failed or not accessible */
    const char *trouble;                /* its verdict's cause, when the verdict is one to worry about */
    int64_t created_at, last_activity;  /* epoch µs */
    int64_t process_id;                 /* as it was told; 0 unknown */
    int64_t pid, start_ticks;           /* of a live process of this host, to be looked at; 0: none */
    int64_t shim_pid, shim_start_ticks; /* -1: none */
};
struct status_session {
    const char *id, *name;
    struct status_agent *agents;
    size_t count;
};
struct status_inputs {
    /* False when there is no such session. */
    bool (*session)(void *context, struct str id, struct arena *a, struct status_session *ret);
    void *context;
};
