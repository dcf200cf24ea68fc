/* queue_internal.h -- the parts of the queue service, for its own files only.
 *
 *   queue.c      life of the service, slots, pauses, views
 *   claim.c      rounds: who gets the next jobs
 *   live.c       live runs: launch, watch, output, end
 *   book.c       the one operation that ends a run in the store
 *   finish.c     what the end of a job means: breaker, task, next stage
 *   report.c     external workers: heartbeat, complete, fail, expiry
 *   reconcile.c  take-up after a restart, invariants */
#pragma once
#include "base/clock.h"
#include "base/map.h"
#include "io/worker.h"
#include "node/queue/queue.h"
#include "run/launch.h"
#include "run/line_joiner.h"
#include "run/output.h"
#include "store/runs.h"

#define QUEUE_CLAIMED_NO_PID_US (INT64_C(30) * USEC_PER_SEC) /* Q17 */
#define QUEUE_RECONCILE_MS 10000
#define QUEUE_OUTPUT_MS 100               /* output is read at most this often */
#define QUEUE_OUTPUT_TURN_BYTES (1 << 18) /* per run and turn, so that one chatty run holds nobody up */
#define QUEUE_USAGE_SAVE_US (INT64_C(5) * USEC_PER_SEC)
#define QUEUE_RETRY_MS 1000 /* after the store refused, e.g. on a full disk */

/* One per profile of the configuration, in its order. */
struct queue_profile {
    const struct agent_profile *profile;
    struct breaker breaker;
    int64_t running; /* jobs claimed and not ended, the launcher's and external workers' */
    bool paused;
};

enum live_state {
    LIVE_STARTING, /* spawned; the agent's pid is not known yet */
    LIVE_RUNNING,
    LIVE_ENDING,  /* the shim has gone: result read, or the rest of a lost run being killed */
    LIVE_BOOKING, /* with the store */
};

/* A run with a directory, from its launch or take-up until it is booked. */
struct live_run {
    struct queue *queue;
    enum live_state state;
    int64_t run_id, job_id, task_id; /* job_id 0: `muster run` */
    char key[RUNDIR_KEY_LEN + 1];
    char *token;                         /* of the claim; NULL without a job */
    char *agent, *repo, *model;          /* owned; repo and model may be NULL */
    const struct agent_profile *profile; /* NULL when the configuration has none (any more) */
    int64_t started_us;                  /* monotonic, of launch or take-up */
    struct run_process shim, process;    /* zeroed until known */
    struct shim_watch *watch;            /* on the shim, NULL until it is known; live.c */
    uv_fs_event_t dir_watch;
    int handles; /* open uv handles; freed when 0 and `dead` */
    bool watching_dir, dead, cancelled, hard_cancelled, output_dirty;
    bool unbooked;        /* the store refused; book_retry_all tries again */
    bool has_slot;        /* counts among the launcher's */
    const char *released; /* not NULL: the claim is undone, and why (a literal) */
    int spawns;
    char *spawn_error;                   /* why the shim could not be started; NULL when it could */
    int64_t output_offset, output_inode; /* of the file being read */
    struct line_joiner partial[2];       /* stdout, stderr: parts of a line that is not complete yet */
    int64_t partial_at_us[2];
    bool is_over; /* nothing of it is left; booked once its output has been read to the end */
    struct output_parser *parser;
    int64_t usage_saved_us; /* monotonic */
    bool usage_changed;
    struct run_result result;
    bool have_result;
};

struct lease_wait {
    struct lease_wait *next;
    char *worker;
    const char **agents;                /* NULL-terminated, each a profile's own name */
    int64_t max, lease_us, deadline_us; /* monotonic */
    void (*done)(void *arg, const struct job *jobs, size_t count, const struct err *e);
    void *arg;
};

struct queue {
    uv_loop_t *loop;
    struct store *store;
    struct events *events;
    struct queue_config config;
    struct queue_profile *profiles;
    size_t profile_count;
    bool started, stopping, paused_all;

    bool claiming, wake_pending, expiring;
    int64_t last_look_us; /* monotonic: the last round that the store answered, or that had nothing to ask */
    int64_t launcher_running;
    int64_t launch_hold_us;  /* monotonic: the launcher claims nothing before, since this host could not start
                                a run */
    struct map repo_running; /* repo -> (void *)(intptr_t)count, the launcher's */
    struct lease_wait *waits, **waits_end;
    uv_timer_t lease_timer; /* looks for expired leases, each poll interval */
    /* of a store that several nodes share, monotonic: when our own leases were renewed last, when anybody's
     * were looked at last, and until when those of other nodes are let be */
    int64_t lease_renewed_us, leases_seen_us, lease_grace_until_us;
    uv_timer_t due_timer; /* next run_after, end of a wait, or the poll interval */

    struct map live;         /* run_id -> struct live_run */
    struct map live_keys;    /* key -> struct live_run */
    uv_timer_t output_timer; /* armed while a run has unread output */
    uv_timer_t retry_timer;  /* bookings the store refused */
    uv_signal_t child_watch; /* SIGCHLD: reaps shims and adopted orphans */
    struct worker *reaper;   /* kills what lost shims left */

    uv_timer_t reconcile_timer;
    uv_fs_event_t runs_watch; /* of runs_dir: what `muster run` puts there */
    uv_timer_t notice_timer;  /* from its first sign to the look at it */
    bool reconciling, taking_up;
    struct map suspects; /* what the last look saw once */
    struct reconcile_wait *reconcile_waits;
    void (*ready)(void *);
    void *ready_arg;
};

/* queue.c */
struct queue_profile *queue_profile(struct queue *q, const char *agent); /* NULL when unknown */
void queue_slot_taken(struct queue *q, const char *agent, const char *repo, bool launcher, int64_t run_id);
void queue_slot_freed(struct queue *q, const char *agent, const char *repo, bool launcher);
int64_t queue_repo_running(const struct queue *q, const char *repo);
void queue_publish_run(struct queue *q, const struct live_run *run, const struct run *row);

/* claim.c */
void claim_init(struct queue *q);
void claim_start_round(struct queue *q);
void claim_end_waits(struct queue *q); /* answers every waiting worker with nothing */

/* live.c */
struct live_run *live_new(struct queue *q, const char *key, int64_t run_id, int64_t job_id, int64_t task_id,
                          const char *token, const char *agent, const char *repo, const char *model);
void live_launch(struct live_run *run, const struct job *job); /* directory, then shim */
void live_spawn(struct live_run *run);   /* the directory is there; harmless when a shim has it */
void live_take_up(struct live_run *run); /* whatever state the directory is in */
void live_cancel(struct live_run *run, bool hard);
void live_over(struct live_run *run);    /* nothing of it is left: reads the rest of its output, then books */
void live_booked(struct live_run *run);  /* removes it */
void live_unwatch(struct live_run *run); /* closes its handles, touches nothing of the run */
void live_free(struct live_run *run);
void live_read_outputs(uv_timer_t *timer);
void live_on_children(uv_signal_t *watch, int signal);

/* book.c */
void book_run(struct live_run *run);                        /* retried until the store takes it */
void book_release(struct live_run *run, const char *cause); /* nothing was started: the claim is undone */
void book_retry_all(uv_timer_t *timer);

/* finish.c: what ends a job; shared by book.c and report.c.  Store thread. */
struct job_finish {
    int64_t job_id, now_us;
    enum job_event event;
    const char *token, *cause, *error, *agent;
    struct job_timing timing;
    const struct config *config;
    /* after: what happened */
    bool changed; /* false: a stale or late word, recorded and moving nothing */
    struct job_change change;
    int64_t task_id, next_job_id, run_id;
    char from_stage[256],
        to_stage[256]; /* "" when nothing happened to the task; the same when it is blocked */
    bool blocked;
};
MUST_CHECK int finish_job(struct db *db, struct job_finish *f, struct err *e);
void finish_publish(struct queue *q, const struct job_finish *f); /* loop thread, after the commit */
/* The profile's backoff, or the default one when the configuration no longer has it.  Any thread. */
struct job_timing finish_timing(const struct config *config, const char *agent, int64_t now_us, double unit);
enum job_event finish_event_of(enum exit_class class);
/* The breaker's view of an end; true when it must be saved. */
bool finish_breaker(struct queue_profile *p, enum job_event event, int64_t run_id, int64_t now_us);

/* report.c */
/* Whether a job counts among what this node has running; another node's does not. */
bool report_is_ours(const struct queue *q, const struct job *job);
void report_start_expiry(struct queue *q); /* also after the poll interval has changed */

/* reconcile.c */
void reconcile_reap_batch(void *context, struct worker_job *first);
void reconcile_take_up(struct queue *q);
void reconcile_on_timer(uv_timer_t *timer);
void reconcile_end_waits(struct queue *q);
void reconcile_reap_lost(struct live_run *run); /* the shim is gone without a result */
