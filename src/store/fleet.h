/* fleet.h -- rows of sessions and of agents that were registered over the API (spec 70 "Agents come from").
 *
 * What is stored is what its owner said: name, session, process, last status, last heartbeat.  Whether it is
 * true now is worked out by the node.  Agents of runs and those that were discovered have no row.  Store
 * threads only. */
#pragma once
#include "core/agent_status.h"
#include "store/db.h"

struct stored_session {
    const char *id, *name; /* name NULL: nobody has named it */
    int64_t created_at;
};
struct stored_agent {
    int64_t id;
    const char *name, *session_id;
    enum agent_status status;
    int64_t process_id, start_ticks; /* 0: unknown */
    const char *specialization, *server, *terminal;
    int64_t period_us;                /* 0: none was promised */
    int64_t created_at, heartbeat_at; /* heartbeat_at 0: none yet */
};
enum { FLEET_E_ABSENT = 1, FLEET_E_EXISTS };

/* FLEET_E_EXISTS when a session of this id has a name; one without gets it. */
MUST_CHECK int session_insert(struct db *db, const struct stored_session *s, int64_t now_us, struct err *e);
/* Makes its session too when there is none. */
MUST_CHECK int agent_insert(struct db *db, const struct stored_agent *a, int64_t now_us, int64_t *ret_id,
                            struct err *e);
/* A heartbeat: what is 0 or NULL stays as it is, and status does unless has_status.  FLEET_E_ABSENT. */
MUST_CHECK int agent_update(struct db *db, const struct stored_agent *a, bool has_status, struct err *e);
MUST_CHECK int agent_delete(struct db *db, int64_t id, struct err *e); /* FLEET_E_ABSENT */
MUST_CHECK int session_list(struct db *db, struct arena *a, struct stored_session **ret, size_t *ret_count,
                            struct err *e);
MUST_CHECK int agent_list(struct db *db, struct arena *a, struct stored_agent **ret, size_t *ret_count,
                          struct err *e);
