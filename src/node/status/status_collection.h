/* status_collection.h -- one session, looked at once: who its agents are, what each takes, how each is (spec
 * 70 A2, A3).
 *
 * The session comes from the fleet on the loop thread; one scan of /proc finds every agent's tree; the slow
 * files of each are read by the pool under the deadline.  Whoever was not read by then has `is_late`.  A
 * collection is one moment and is not changed once its `done` was called.  Loop thread; the pool's threads
 * see only their own agent. */
#pragma once
#include "io/proc_sampler.h"
#include "node/status/pool.h"
#include "node/status_inputs.h"

enum status_strategy { STATUS_FAST, STATUS_DETAILED, STATUS_COMPREHENSIVE };
#define STATUS_MEMBERS_MAX 256 /* processes of one agent that are read one by one; counted beyond */
#define STATUS_ISSUES_MAX 8
#define STATUS_ISSUE_BYTES 160

struct collected_agent {       /* -1 is unknown */
    struct status_agent agent; /* status, is_accessible and error as they turned out */
    struct pool_piece piece;
    /* from the scan */
    int64_t *pids;
    size_t pid_count, member_count;
    int64_t cpu_ticks, threads, resident_bytes, zombies, uninterruptible;
    uint64_t memory_mark; /* another one whenever the tree's memory may be another */
    /* from an earlier collection that saw the same mark */
    int64_t known_memory_bytes; /* -1: to be read */
    /* from the pool; copied to what is shown once the piece is done */
    int64_t memory_bytes, file_descriptors, fullest_fd_percent, fullest_fd_pid;
    int64_t memory_at;                /* epoch µs, when memory_bytes was so */
    bool is_proportional;             /* memory_bytes is; else resident */
    char failure[STATUS_ISSUE_BYTES]; /* the collector's own; "" for none */
    int64_t took_us;
    /* what is shown */
    bool is_late;
    double cpu_percent; /* negative: unknown */
    char issues[STATUS_ISSUES_MAX][STATUS_ISSUE_BYTES];
    size_t issue_count;
    char error[STATUS_ISSUE_BYTES];
};

struct status_collection {
    struct arena arena;
    struct status_session session;
    struct collected_agent *agents;
    enum status_strategy strategy;
    bool with_metrics, with_health;
    bool failed; /* as a whole: `failure` says why (A10) */
    char failure[160];
    int64_t scan_us, scan_at;         /* of the scan: monotonic, and epoch µs */
    int64_t started_us;               /* monotonic */
    int64_t duration_us, finished_at; /* epoch µs */
    int64_t memory_limit_bytes;
    int references; /* loop thread */

    struct proc_sampler_job scan;
    struct pool *pool;
    int64_t deadline_us;
    void (*collect)(struct collected_agent *agent, bool with_health);
    void (*scanned)(struct status_collection *c, void *arg);
    void (*done)(struct status_collection *c, void *arg);
    void *arg;
};

struct status_collection_settings {
    struct proc_sampler *sampler;
    struct pool *pool;
    int64_t deadline_us;
    /* Pool thread: reads one agent's slow files; status_collection_read_agent but for tests. */
    void (*collect)(struct collected_agent *agent, bool with_health);
    /* Loop thread, after the scan: sets known_memory_bytes and memory_at of those whose memory_mark is an
     * earlier one. */
    void (*scanned)(struct status_collection *c, void *arg);
};
struct status_collection *status_collection_new(enum status_strategy strategy, bool with_metrics,
                                                bool with_health);
/* `done` once, on the loop thread, at once where nothing has to be read. */
void status_collection_start(struct status_collection *c, const struct status_collection_settings *settings,
                             void (*done)(struct status_collection *c, void *arg), void *arg);
struct status_collection *status_collection_ref(struct status_collection *c);
void status_collection_unref(struct status_collection *c);
void status_collection_read_agent(struct collected_agent *agent, bool with_health);
