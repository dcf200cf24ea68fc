/* collection.h -- what one snapshot of /metrics knows: data to render, and nothing that moves (spec 30).
 *
 * Three parts, each filled by the thread that may look at its source and not touched after: memory (loop
 * thread), rows (the store's reader thread, one read transaction, M12), figures (the /proc worker).  A source
 * that fails is noted and leaves the others alone (M5); collection_degraded tells what that costs.  A part
 * that did not come in time is NULL. Rendering reads a collection and changes nothing, so two threads may do
 * it at once. */
#pragma once
#include "io/http_server.h"
#include "io/procfs.h"
#include "node/metrics_inputs.h"
#include "store/snapshot.h"
#include "store/store.h"
#include "store/totals.h"

enum collection_source {
    SOURCE_TOTALS,
    SOURCE_TASKS,
    SOURCE_RUNNING,
    SOURCE_OLDEST,
    SOURCE_QUEUE,
    SOURCE_LIVE_RUNS,
    SOURCE_PROC,
};
#define SOURCE_COUNT 7
/* A section of the snapshot, and the sources whose failure makes it take its default; in the order of the
 * JSON. */
enum collection_section {
    SECTION_STAGES,
    SECTION_COUNTS,
    SECTION_RETRIES,
    SECTION_BREAKER,
    SECTION_MAX_CONCURRENCY,
    SECTION_POLL_INTERVAL,
    SECTION_OLDEST_QUEUED,
    SECTION_AGENTS,
    SECTION_PROCESSES,
    SECTION_COST_RUNNING,
    SECTION_COST_AGGREGATE,
};
#define SECTION_COUNT 11
const char *collection_section_name(enum collection_section section); /* as `degraded` lists it */

struct collection_memory { /* what this process has in its memory */
    struct arena arena;
    bool queue_started, queue_failed, live_failed; /* queue valid when started and not failed */
    struct metrics_queue queue;
    struct metrics_live_run *live; /* ascending by run_id */
    size_t live_count;
    struct metrics_worker *workers; /* in the order of the roll call */
    size_t worker_count;
    int64_t telemetry_lag_us; /* -1: nothing is reported */
    bool has_cost_sums;
    struct metrics_cost_sums cost_sums;
    struct http_stat *http; /* strings are the route table's */
    size_t http_count;
    unsigned http_connections;
    struct store_stats store;
};

struct collection_rows { /* what the store has */
    struct arena arena;
    int64_t now_us; /* the wall clock in the read transaction: generated_at (M3) */
    struct snapshot_task *tasks;
    struct snapshot_running *running; /* ascending by job_id */
    struct totals_row *totals;
    size_t task_count, running_count, total_count;
    int64_t oldest_queued_at; /* epoch µs, 0: nothing is queued */
    bool failed[SOURCE_COUNT];
    struct err errors[SOURCE_COUNT]; /* why, where failed */
};

struct collection_figures { /* what /proc says of each running agent */
    struct arena arena;
    bool failed;
    int error;                  /* errno, when failed */
    struct collection_process { /* as many as rows.running, in its order */
        bool alive;             /* else nothing below is known (M8, M9) */
        int64_t start_ticks;
        struct procfs_tree tree;
    } * processes;
};

struct collection {
    unsigned references;
    int64_t started_us; /* the wall clock at its start, for when the store says nothing */
    struct collection_memory memory;
    struct collection_rows *rows;       /* NULL: the store did not answer */
    struct collection_figures *figures; /* NULL: /proc did not answer */
};

/* A collection is shared by the service and by work in flight; the last to let go frees it.  Loop thread. */
struct collection *collection_new(void);
struct collection *collection_ref(struct collection *c);
struct collection *collection_unref(struct collection *c); /* returns NULL */

/* Loop thread.  queue_seen: the queue has been there before, so that its absence is a failure and not M7. */
void collection_read_memory(struct collection *c, const struct metrics_inputs *inputs, bool *queue_seen,
                            const struct http_server *http, const struct store *store);
/* Store reader thread, in its transaction.  Never fails as a whole. */
struct collection_rows *collection_rows_new(void);
struct collection_rows *collection_rows_free(struct collection_rows *r);
void collection_read_rows(struct collection_rows *rows, struct db *db);
/* Worker thread.  rows NULL: no agents are known, and nothing is read. */
struct collection_figures *collection_read_figures(const struct collection_rows *rows, struct procfs *procfs);
struct collection_figures *collection_figures_free(struct collection_figures *f);

/* Whether a section takes its default because a source failed, and why: for the log. */
bool collection_degraded(const struct collection *c, const struct collection_figures *figures,
                         enum collection_section section, const char **ret_why);
int64_t collection_now_us(const struct collection *c);
/* Tokens and cost of a running job so far: the live figures, else its row's (M11). */
const struct usage *collection_usage(const struct collection *c, const struct snapshot_running *running);
/* 0 when absent. */
int64_t collection_total(const struct collection *c, const char *name, const char *label);
