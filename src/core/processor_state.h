/* processor_state.h -- what a processor has made of a session's file, and what is to be done with it now
 * (spec 60 T2, T7, T8).
 *
 * A file is done until it or the rules change.  Different means changed, never newer.  What failed is tried
 * again after a while, and set apart after PROCESSOR_ATTEMPTS_MAX times until it changes or an operator asks.
 * The order: what waits longest first, users taking turns; then what other rules are to read again; last what
 * has failed. Pure: the caller passes `now`. */
#pragma once
#include "base/str.h"

#define PROCESSOR_ATTEMPTS_MAX 5
#define PROCESSOR_RETRY_BASE_US (INT64_C(60) * 1000000)
#define PROCESSOR_RETRY_CAP_US (INT64_C(3600) * 1000000)

enum processor_status { PROCESSOR_DONE, PROCESSOR_FAILED, PROCESSOR_QUARANTINED };
#define PROCESSOR_STATUSES 3
extern const char *const processor_status_names[PROCESSOR_STATUSES];

struct file_look { /* what stat(2) says */
    int64_t device, inode, size, mtime_ns, ctime_ns;
};
bool file_look_equal(const struct file_look *a, const struct file_look *b);

struct processor_state {
    const char *session_file;
    struct file_look
        look; /* as processed, or as it failed; all -1: not known, of a store that was brought along */
    int64_t read_bytes; /* behind the last whole line */
    int64_t tail_hash;  /* of the bytes before that; the bits of an unsigned one */
    int64_t version;    /* of the processor */
    enum processor_status status;
    int64_t attempts;      /* failures since the last success */
    int64_t next_retry_us; /* of a failed one */
    int64_t processed_us;  /* 0: never */
    int64_t items;
    const char *last_error; /* NULL: none */
};

enum processor_need {
    NEED_NONE,
    NEED_FIRST,   /* never seen, or changed */
    NEED_VERSION, /* done by other rules */
    NEED_RETRY,   /* failed, and its time has come */
    NEED_LATER,   /* failed, and it has not */
    NEED_OPERATOR /* quarantined */
};
/* `state` NULL: never seen. */
enum processor_need processor_need(const struct processor_state *state, const struct file_look *now,
                                   int64_t version, int64_t now_us);
bool processor_need_is_due(enum processor_need need); /* to be read now */

/* Whether it may be the file that was done, with more behind it: then only that needs to be read. */
bool processor_may_have_grown(const struct processor_state *state, const struct file_look *now,
                              int64_t version);

/* Before a file is read: the figures of the last success, and how often this same file has failed. */
struct processor_state processor_state_begin(const char *session_file, const struct file_look *now,
                                             int64_t version, const struct processor_state *before);
/* After a success.  read_bytes and tail_hash are the caller's to fill. */
void processor_state_done(struct processor_state *state, int64_t items, int64_t now_us);
/* After a failure: one more attempt, when to try again, or set apart. */
void processor_state_fail(struct processor_state *state, int64_t now_us);

struct processor_candidate {
    enum processor_need need; /* one that is due */
    struct str user;          /* whose turn it is: a user, a project */
    int64_t waiting_since_us;
    size_t index; /* the caller's */
};
void processor_order(struct processor_candidate *candidates, size_t count);
