/* scheduler_internal.h -- the parts of the scheduler, for its own files only.
 *
 *   scheduler.c       start, signals, reload, stop
 *   slots.c           a job's state, its rows for the ledger, and both as JSON
 *   clock.c           the timer, which also wakes when the clock was set
 *   report.c          tells the node, and hears from it what to pause and what to run
 *   beat.c            the heartbeat
 *   firing.c, state_file.c, job_table.c  have headers of their own */
#pragma once
#include "base/map.h"
#include "scheduler/firing.h"
#include "scheduler/job_table.h"
#include "scheduler/state_file.h"

struct ledger_row { /* spec 50 S15, on its way to the node */
    struct schedule_row instant;
    const char *trigger;         /* "schedule" or "manual" */
    int64_t at_us;               /* when it should have fired, jitter included */
    struct firing_result result; /* of one that was fired, or refused */
    bool has_result;
};

#define SLOT_ROWS_MAX                                                                                        \
    5000 /* kept while the node does not take them; then the oldest are dropped and counted */

struct scheduler;
struct fired { /* one firing that was sent; it finds its job by name, since a reload may move that */
    struct fired *next, *previous;
    struct scheduler *scheduler;
    struct firing *firing;
    char name[SCHEDULE_NAME_MAX + 1];
};

struct slot {                              /* one job; same index as in the table and the engine */
    struct fired *fired;                   /* NULL: none in flight, or it is still being written ahead */
    struct ledger_row *rows;               /* owned; the oldest first */
    size_t row_count, rows_sent;           /* rows_sent: in the report under way */
    char *last_status, *last_error;        /* NULL: never */
    int64_t last_end_us, last_duration_us; /* valid with last_status */
    int64_t fire_due_us, fire_at_us;       /* of the firing in flight */
    bool manual, changed;                  /* changed: to be reported */
};

struct reporter;
struct beater;
struct scheduler {
    uv_loop_t loop;
    char *config_path, *instance;
    struct config *config;
    struct job_table table;
    struct slot *slots;
    struct schedule_engine *engine;
    struct state_file *state;
    struct http_client *client;
    struct reporter *reporter;
    struct beater *beater; /* NULL: no bus is known */
    struct map by_name;    /* job name to index + 1 */
    struct map restored;   /* while loading: name to struct restored */
    struct firing_target target;
    struct fired *fired; /* all that are under way, those of jobs that a reload took away too */
    int timer_fd;
    uv_poll_t timer;
    uv_signal_t on_term, on_int, on_hup;
    uv_timer_t stop_timer, watchdog;
    int64_t rows_dropped, state_errors; /* counted since the last report that was taken */
    bool stopping, beater_ended;
    int64_t stop_deadline_us; /* monotonic, while stopping */
    int exit_code;
};

/* scheduler.c */
void scheduler_turn(struct scheduler *s, bool clock_set); /* decides what is due, writes, sets the timer */
void scheduler_run_now(struct scheduler *s, struct str name, int64_t at_us);
void scheduler_pause(struct scheduler *s, size_t job, bool paused);
MUST_CHECK bool scheduler_find(const struct scheduler *s, struct str name, size_t *ret_job);

/* slots.c */
extern const struct schedule_engine_ops slots_engine_ops;
extern const struct state_file_ops slots_state_ops;
struct schedule_state *slots_take_states(struct scheduler *s); /* from what was loaded; the caller frees */
void slots_add_row(struct scheduler *s, size_t job, const struct ledger_row *row);
void slots_forget_fired(struct fired *f);
void slots_forget_restored(struct scheduler *s);
void slots_free(struct slot *slots, size_t count);
void slots_drop_sent(struct scheduler *s, size_t job); /* the node has them */
void slots_put_report(struct scheduler *s, size_t job, struct json_writer *w);
void slots_put_rows(struct scheduler *s, size_t job, struct json_writer *w, size_t max);
void slots_move(struct slot *to, struct slot *from);

/* clock.c */
MUST_CHECK int clock_start(struct scheduler *s);
void clock_set_wake(struct scheduler *s, int64_t wake_us);
void clock_stop(struct scheduler *s);

/* beat.c */
void beat_start(struct scheduler *s);
void beat_stop(struct scheduler *s); /* then beater_ended, soon */

/* report.c */
struct reporter *reporter_new(struct scheduler *s);
void reporter_changed(struct reporter *r, size_t job); /* its state or rows are new */
void reporter_all_changed(struct reporter *r);         /* after a start or a reload */
void reporter_stop(struct reporter *r);                /* sends what is left, once */
bool reporter_is_idle(const struct reporter *r);
struct reporter *reporter_free(struct reporter *r);
