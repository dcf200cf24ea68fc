/* schedule_job.h -- a job of the scheduler as the operator wrote it: when, what, and what if not (spec 50).
 *
 * Plain data, made by the configuration's reader or from the table of built-in jobs, and immutable from then
 * on.  Pure, any thread. */
#pragma once
#include "core/profile.h"
#include "core/schedule.h"

enum schedule_catchup { SCHEDULE_CATCHUP_ONCE, SCHEDULE_CATCHUP_NONE, SCHEDULE_CATCHUP_ALL };
enum schedule_overlap { SCHEDULE_OVERLAP_SKIP, SCHEDULE_OVERLAP_QUEUE };

#define SCHEDULE_NAME_MAX 64

struct schedule_retry { /* inside one firing (S8) */
    int64_t max;        /* further requests; 0: none */
    struct backoff_policy backoff;
};

struct schedule_job {
    char *name; /* as schedule_name_is_valid; owned, as all strings here */
    char *when_text, *zone_name;
    struct schedule when;
    const struct timezone *zone; /* lives as long as the program */
    char *method, *path, *body;  /* body NULL: none */
    int64_t timeout_us;          /* of one request; 0 in a block that leaves it out */
    bool anchor_creation;        /* the first fire is one period after the job was first seen (S3) */
    enum schedule_catchup catchup;
    int64_t catchup_window_us;    /* 0: no bound */
    int64_t starting_deadline_us; /* 0: never too late */
    int64_t jitter_us;            /* 0: none; or jitter_percent of the time to the next instant */
    int jitter_percent;           /* 0 to 100 */
    enum schedule_overlap overlap;
    struct schedule_retry retry;
    bool enabled, builtin;
};

/* 1 to 64 of A-Z a-z 0-9 . _ : -, the first a letter or digit: it stands in headers, paths and file names. */
MUST_CHECK bool schedule_name_is_valid(struct str name);
/* "90s" or "10%". */
MUST_CHECK bool schedule_jitter_parse(struct str text, int64_t *ret_us, int *ret_percent);
/* How much later than due this job fires, in [0, jitter): the same every time for one name and instance (S5).
 * `until_next_us` is the time from the due instant to the one behind it, which the delay never reaches. */
int64_t schedule_jitter_us(const struct schedule_job *job, struct str instance, int64_t until_next_us);

MUST_CHECK bool schedule_catchup_of(struct str name, enum schedule_catchup *ret); /* once, none, all */
MUST_CHECK bool schedule_overlap_of(struct str name, enum schedule_overlap *ret); /* skip, queue */
void schedule_job_deinit(struct schedule_job *job);
