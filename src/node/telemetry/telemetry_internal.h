/* telemetry_internal.h -- the parts of the sender, for its own files only.
 *
 *   telemetry.c   configuration, the timer, life, the view
 *   step.c        one turn on the store: cut what is due, take what is to be sent; book an answer
 *   send.c        one report over HTTP, and what its answer means
 *   export.c      what a person asks: the next body, the windows, a signed file */
#pragma once
#include "core/window.h"
#include "io/http_client.h"
#include "node/telemetry/payload.h"
#include "node/telemetry/telemetry.h"

#define TELEMETRY_MISSING_MAX 100 /* window numbers that an answer may ask for again */
#define TELEMETRY_ID_MAX 128

struct telemetry {
    uv_loop_t *loop;
    struct store *store;
    const struct config *config;
    struct http_client *client; /* NULL: off, or stopped */
    uv_timer_t *timer;          /* NULL: off, or stopped */
    char *url, *place, *why_off, *last_error;
    char host[256], platform[512], process[33];
    char instance_id[TELEMETRY_ID_MAX], epoch[64];
    struct window_rules rules;
    int64_t started_us; /* monotonic */
    bool licence_only, on, stopped, clear_text_said, fault_said, hub_takes_gzip;
    enum telemetry_state state;
    int64_t failures;                   /* in a row */
    int operations;                     /* posted to the store and not back */
    int64_t last_look_us;               /* monotonic */
    struct telemetry_position position; /* as of the last look */
    struct {
        int64_t id, window_no, start_us, end_us, refusals;
        char epoch[64];
        bool under_way;
    } sent;
};

struct telemetry_answer {
    enum window_outcome outcome;
    int status;
    int64_t retry_after_us; /* -1: not said */
    int64_t missing[TELEMETRY_MISSING_MAX];
    size_t missing_count;
    bool names_window, takes_gzip;
    char error[200]; /* "" when there is none */
};

/* step.c */
void telemetry_step(struct telemetry *t);
void telemetry_book(struct telemetry *t, const struct telemetry_answer *answer);
/* Store thread: cuts every window that is due. */
struct telemetry_cutting { /* copied, so that the store thread looks at no state of the loop's */
    struct window_rules rules;
    char instance_id[TELEMETRY_ID_MAX], given_id[TELEMETRY_ID_MAX], epoch[64];
    struct payload_head head;
    const char *place;
    bool at_once; /* an export: also what is not due */
};
void telemetry_cutting_of(struct telemetry *t, struct telemetry_cutting *ret);
MUST_CHECK int telemetry_cut_due(struct telemetry_cutting *c, struct db *db, int64_t now_us,
                                 struct store *store, struct telemetry_position *ret, struct err *e);
/* The body that would be cut now. */
MUST_CHECK int telemetry_next_body(struct telemetry_cutting *c, struct db *db, int64_t now_us,
                                   struct buf *out, struct err *e);

/* send.c */
void telemetry_send(struct telemetry *t, struct str payload);
/* telemetry.c */
void telemetry_after(struct telemetry *t, int64_t delay_us);
void telemetry_answered(struct telemetry *t, const struct telemetry_answer *answer);
