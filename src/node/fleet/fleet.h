/* fleet.h -- all agents that this node knows, whoever started them, and the sessions that they form (spec 70,
 * 20 Q16).
 *
 * Three origins: `run` (the queue's live runs), `discovered` (found in /proc by the matchers of
 * core/agent_matcher.h) and `registered` (POST /api/v1/agents, kept in the store).  Everything here is
 * memory: an API write is stored first and told here after its commit.  A status is worked out, never set:
 * from what the owner said, its heartbeats, its process and, where muster itself looks, the verdict of
 * core/liveness.h.  Each change is an event, and drops what was cached of its session.
 *
 * Heartbeats are awaited in observed time: a stalled or suspended node charges nobody.  Loop thread. */
#pragma once
#include "core/agent_matcher.h"
#include "core/liveness.h"
#include "core/session_health.h"
#include "io/git_place.h"
#include "io/git_status.h"
#include "core/usage.h"
#include "io/proc_sampler.h"
#include "node/events.h"
#include "node/fleet_inputs.h"
#include "node/status_inputs.h"
#include "store/fleet.h"
#include "store/store.h"

struct fleet;
struct fleet_config {
    bool discovers;
    int64_t interval_us; /* of the look at /proc */
    int64_t hung_us;
    const char *const *matchers; /* further ones, NULL-terminated or NULL */
};
struct fleet *fleet_new(uv_loop_t *loop, struct store *store, struct events *events,
                        struct proc_sampler *sampler, const struct fleet_config *config,
                        const struct fleet_inputs *inputs);
/* Reads the store, then calls `ready` and begins to look. */
void fleet_start(struct fleet *f, void (*ready)(void *arg, const struct err *e), void *arg);
void fleet_reload(struct fleet *f, const struct fleet_config *config);
void fleet_stop(struct fleet *f);
struct fleet *fleet_free(struct fleet *f); /* after the sampler */
/* Told whenever an agent of a session has changed its status, come or gone. */
void fleet_on_change(struct fleet *f, void (*changed)(void *arg, const char *session_id), void *arg);

/* -- after the commit of an API write -- */
void fleet_put_session(struct fleet *f, const struct stored_session *s);
bool fleet_is_full(const struct fleet *f); /* takes no further agent */
/* Returns the agent's id in the API, valid as long as the agent is; NULL when the fleet is full. */
const char *fleet_put_agent(struct fleet *f, const struct stored_agent *a);
/* A heartbeat: the parts that are set in `a` (see agent_update). */
void fleet_heard(struct fleet *f, const struct stored_agent *a, bool has_status);
void fleet_remove_agent(struct fleet *f, int64_t row_id);
/* An agent's own word (`muster report`, hooks); false when there is no such agent. */
struct fleet_word {
    enum liveness_report report;
    const char *reason;      /* NULL none */
    enum liveness_turn turn; /* TURN_UNKNOWN: says nothing about it */
    bool ended, limited, retries;
    int64_t limited_until;            /* epoch µs, 0 unknown */
    const char *session, *transcript; /* NULL unknown */
};
bool fleet_word(struct fleet *f, const char *id, const struct fleet_word *word);
/* The agent that this process is, or is below of; NULL when none is known. */
const char *fleet_agent_of_process(struct fleet *f, int64_t pid);

/* -- views; texts are valid until the loop's next turn -- */
enum fleet_origin { FLEET_RUN, FLEET_DISCOVERED, FLEET_REGISTERED };
const char *fleet_origin_name(enum fleet_origin origin);
struct fleet_git { /* what an agent that has ended left in its working tree */
    struct git_place place;
    struct git_counts counts;
    int64_t read_at; /* epoch µs; 0: being counted */
};
struct fleet_agent_view {
    const char *id, *name, *vendor, *session_id, *specialization, *server, *terminal, *cwd, *repo,
        *transcript, *error, *agent_session; /* NULL unknown */
    enum fleet_origin origin;
    enum agent_status status;
    bool is_accessible;
    int64_t row_id, run_id, task_id;                                              /* 0: none */
    int64_t pid, start_ticks, period_us, created_at, last_activity, heartbeat_at; /* 0: unknown */
    const struct liveness *liveness;       /* NULL: not looked at yet */
    const struct fleet_git *git;           /* NULL: it lives, or worked in no repository */
    const char *model;                     /* NULL unknown */
    struct usage usage;                    /* so far; nothing known of one that is no run */
    double cpu_percent, tokens_per_minute; /* of one core, since the look before; -1 unknown */
    int64_t memory_bytes;                  /* resident, of its tree; -1 unknown */
};
void fleet_each(struct fleet *f, void (*each)(void *arg, const struct fleet_agent_view *view), void *arg);
bool fleet_find(struct fleet *f, const char *id, struct fleet_agent_view *ret);
struct fleet_session_view {
    const char *id, *name;
    int64_t created_at;
    struct session_counts counts;
    int64_t last_activity; /* 0: unknown */
};
/* All sessions from one pass over the agents (A12), ascending by id; the array is in the arena. */
void fleet_sessions(struct fleet *f, struct arena *a, struct fleet_session_view **ret, size_t *ret_count);
bool fleet_has_named_session(const struct fleet *f, struct str id);
struct status_inputs fleet_status_inputs(struct fleet *f);
