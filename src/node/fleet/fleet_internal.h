/* fleet_internal.h -- the parts of the fleet service, for its own files only.
 *
 *   fleet.c      life of the service, sessions, views
 *   agents.c     the agents in memory: come, heard of, gone; their status
 *   look.c       the look at /proc every few seconds: who runs, and the evidence of each
 *   evidence.c   the evidence of one agent from its process tree; sampler thread
 *   leavings.c   what an agent that has ended left uncommitted */
#pragma once
#include "base/clock.h"
#include "base/map.h"
#include "core/token_rate.h"
#include "node/fleet/fleet.h"

#define FLEET_AGENTS_MAX 100000
#define FLEET_PULSE_MS 500
#define FLEET_PERIODS 3 /* of silence, until an agent is not accessible (spec 70) */
#define FLEET_PERIOD_DEFAULT_US (60 * USEC_PER_SEC)
#define FLEET_PULSE_CREDIT_US (2 * USEC_PER_SEC) /* a longer gap between pulses is the node's own */

#define FLEET_GONE_US                                                                                        \
    (INT64_C(900) * USEC_PER_SEC) /* for how long a discovered one is shown after its end                    \
                                   */

/* Where an agent's files are; "" unknown. */
struct agent_place {
    char home[256], config[256], transcript[512];
};

struct fleet_session {
    char *id, *name;
    int64_t created_at;
    bool is_stored;      /* else it lasts as long as its agents do */
    size_t agents, view; /* view: its index in the list that is being made */
};

struct fleet_agent {
    struct fleet *fleet;
    char *id;
    enum fleet_origin origin;
    int64_t row_id, run_id, task_id;
    char *name, *vendor, *specialization, *server, *terminal, *cwd, *repo, *transcript, *agent_session,
        *model;
    struct fleet_session *session; /* NULL: none */
    enum agent_status said;
    int64_t pid, start_ticks, shim_pid, shim_start_ticks; /* 0: unknown; shim -1: none */
    bool is_remote;                                       /* of another server: its pid says nothing here */
    bool is_gone;                                         /* its process is */
    struct exit_watch *exit_watch;                        /* on its pidfd; NULL: not watched */
    int64_t created_at, heartbeat_at, active_at;          /* epoch µs */
    int64_t period_us, heard_us;                          /* heard_us: observed time */
    enum agent_status shown;
    bool was_accessible, is_new;
    char error[160];        /* why it is failed or not accessible; "" for nothing */
    struct fleet_word word; /* its last own word, without the texts */
    int64_t word_us;        /* monotonic; 0: none */
    char *reason;           /* of that word */
    struct agent_place place;
    int64_t first_parent;      /* 0: not seen yet */
    int64_t gone_us;           /* monotonic, when that was seen; 0: it lives */
    struct leavings *leavings; /* NULL: it lives, or worked in no repository */
    struct liveness liveness;
    double cpu_percent;   /* -1 unknown */
    int64_t memory_bytes; /* -1 unknown */
    struct usage usage;   /* of a run, so far */
    struct token_rate token_rate;
    uint64_t seen, seen_run; /* number of the look, and of the list of runs, that it was in last */
};

struct exit_watch;
struct fleet_look;
struct look_memory;
struct fleet {
    uv_loop_t *loop;
    struct store *store;
    struct events *events;
    struct proc_sampler *sampler;
    struct fleet_config config;
    struct fleet_inputs inputs;
    char hostname[64];
    struct map agents;          /* id -> struct fleet_agent */
    struct fleet_agent **order; /* as they came */
    size_t count, capacity;
    struct map sessions; /* id -> struct fleet_session */
    uv_timer_t pulse, look_timer;
    int64_t observed_us, pulse_us; /* observed time, and when (monotonic) it was advanced last */
    struct fleet_look *look;       /* under way */
    uint64_t look_count, run_mark;
    struct look_memory *memory;              /* the sampler thread's */
    struct leavings *waiting, **waiting_end; /* for git, oldest first */
    int git_count;                           /* that run */
    void (*changed)(void *arg, const char *session_id);
    void *changed_arg;
    void (*ready)(void *arg, const struct err *e);
    void *ready_arg;
    bool stopping;
    int open_timers; /* while it is being freed */
};

/* agents.c */
struct fleet_agent *agent_new(struct fleet *f, enum fleet_origin origin, const char *id, const char *name);
void agent_remove(struct fleet_agent *a); /* and frees it */
struct fleet_agent *agent_find(struct fleet *f, const char *id);
void agent_set_session(struct fleet_agent *a, const char *session_id);
void agent_set_process(struct fleet_agent *a, int64_t pid, int64_t start_ticks);
void agent_set_text(char **member, const char *text); /* NULL leaves it */
int64_t fleet_observed_us(const struct fleet *f);
/* Works its status out; an edge is published. */
void agent_refresh(struct fleet_agent *a);
void agent_view(struct fleet_agent *a, struct fleet_agent_view *ret);
void fleet_sync_runs(struct fleet *f);
void fleet_publish_verdict(const struct fleet_agent *a);

/* fleet.c */
struct fleet_session *session_make(struct fleet *f, const char *id);
void session_let_go(struct fleet *f, struct fleet_session *s);

/* leavings.c */
void leavings_begin(struct fleet_agent *a, const struct git_place *place);
void leavings_drop(struct fleet_agent *a);
const struct fleet_git *leavings_view(const struct leavings *l); /* NULL is fine */

/* look.c */
void look_start(struct fleet *f); /* also with another interval */
void look_now(struct fleet *f);   /* one more, as soon as possible */
void look_free_memory(struct fleet *f);

/* The sampler thread's memory of every process: which of them are agent CLIs. */
struct look_memory;
/* "" for none. */
const char *look_vendor(const struct look_memory *m, int64_t pid);

/* evidence.c: sampler thread */
struct evidence { /* of one agent; plain memory, no pointer */
    struct liveness_sample sample;
    struct agent_place place;
    char cwd[512], repo[512], terminal[64], agent_session[80], vendor[24];
    int64_t parent;
    struct git_place git; /* of one that has ended */
    int64_t memory_bytes; /* -1 unknown */
};
struct evidence_request {
    int64_t pid, start_ticks, shim_pid, shim_start_ticks, first_parent; /* first_parent 0: not known yet */
    struct agent_place place;
    char vendor[24], agent_session[80]; /* as they were seen before; "" unknown */
    char repo[512];                     /* to be read once the process has ended; "" none, or it was */
};
struct evidence_sockets;
struct evidence_sockets *evidence_sockets_new(void); /* all TCP sockets that the kernel tells of */
struct evidence_sockets *evidence_sockets_free(struct evidence_sockets *s);
void evidence_read(const struct evidence_request *r, struct procfs *p, const struct look_memory *memory,
                   const struct evidence_sockets *sockets, struct evidence *ret);
