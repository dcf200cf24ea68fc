/* liveness.h -- from evidence over time to a verdict with a named cause (spec 00 Liveness).
 *
 * A live process proves nothing and silence alone never proves death, so no verdict but dead and zombie
 * follows from one signal: each rule of liveness.c names the two or more that it needs.  What is not known is
 * unknown, and no rule takes it for zero.  Quiet is counted in observed time: a gap between two samples that
 * is longer than a few intervals (suspend, a stalled observer, a clock that jumped) counts as one interval,
 * and time in which the process was stopped by a signal does not count at all.  History is bounded.  Pure. */
#pragma once
#include "base/str.h"

enum verdict {
    VERDICT_STARTING,
    VERDICT_WORKING,
    VERDICT_TOOL_RUNNING,
    VERDICT_WAITING_PERMISSION,
    VERDICT_WAITING_INPUT,
    VERDICT_RATE_LIMITED,
    VERDICT_API_RETRYING,
    VERDICT_HUNG_STREAM,
    VERDICT_HUNG_STDIN,
    VERDICT_LOOPING,
    VERDICT_IDLE,
    VERDICT_DONE,
    VERDICT_ORPHAN,
    VERDICT_ZOMBIE,
    VERDICT_DEAD,
    VERDICT_UNKNOWN,
};
#define VERDICT_COUNT 16
const char *verdict_name(enum verdict v);

enum liveness_process { PROCESS_UNSEEN, PROCESS_ALIVE, PROCESS_ZOMBIE, PROCESS_GONE };
enum liveness_stdin { STDIN_UNKNOWN, STDIN_NULL, STDIN_FILE, STDIN_TERMINAL, STDIN_PIPE, STDIN_SOCKET };
enum liveness_turn { /* by transcript, hook or the CLI's own registry */
                     TURN_UNKNOWN,
                     TURN_NONE,       /* none has begun */
                     TURN_OPEN,       /* the model is asked */
                     TURN_TOOL,       /* a tool was called and has not answered */
                     TURN_PERMISSION, /* somebody is asked whether it may */
                     TURN_ENDED,
};
enum liveness_report { REPORT_NONE, REPORT_WORKING, REPORT_IDLE, REPORT_WAITING, REPORT_STUCK };

struct liveness_sample { /* numbers: -1 is unknown */
    int64_t now_us;      /* the observer's monotonic clock */
    int64_t at;          /* the same instant, epoch µs; shown, never subtracted */
    enum liveness_process process;
    char state;                                      /* of the agent's first thread: R S D Z T … */
    bool has_ended;                                  /* its end is known and orderly: result, SessionEnd */
    bool is_orphaned;                                /* whoever started it is gone */
    bool terminal_gone;                              /* the terminal that it had is gone */
    int64_t age_us;                                  /* of the process */
    int64_t cpu_ticks, io_bytes;                     /* of the tree */
    int64_t tools;                                   /* processes below it that are not the CLI itself */
    char tool[16];                                   /* name of one of them */
    int64_t established, close_wait, received_bytes; /* sockets to others than its own tree */
    int64_t last_receive_us;                         /* since data last came, by the kernel */
    int64_t local_port;                              /* of the newest of them */
    enum liveness_stdin stdin_kind;
    int stdin_held;     /* somebody has the other end of that pipe open: 1, 0, -1 */
    bool reads_stdin;   /* a thread of it waits in a read of a pipe or terminal */
    bool is_foreground; /* its group has the terminal */
    enum liveness_turn turn;
    int64_t transcript_bytes;
    int64_t same_calls;    /* identical tool calls in a row, up to the last record */
    bool retries;          /* the last record or hook is a retry of a request */
    bool is_limited;       /* … is a limit that was reached */
    int64_t limited_until; /* epoch µs, 0 unknown */
    enum liveness_report report;
    int64_t report_age_us;
    char reason[80]; /* of the report */
};
void liveness_sample_init(struct liveness_sample *s); /* everything unknown */

struct liveness_policy {
    int64_t interval_us; /* between samples */
    int64_t hung_us;     /* quiet of an open turn's socket that no working model shows */
    int64_t close_wait_us;
    int64_t stdin_us, start_us, report_us; /* report_us: for how long a report is believed */
    int64_t loop_calls;
    int64_t busy_ticks_per_s; /* of CPU; a spinner takes half of it */
};
extern const struct liveness_policy liveness_policy_default;

#define LIVENESS_CAUSE_MAX 200
#define LIVENESS_HISTORY 8
struct liveness_verdict {
    enum verdict verdict;
    int64_t since, until;           /* epoch µs; until 0: unknown */
    char cause[LIVENESS_CAUSE_MAX]; /* one sentence with the figures */
};
struct liveness { /* zeroed: nothing was observed yet */
    struct liveness_verdict now;
    struct liveness_verdict before[LIVENESS_HISTORY]; /* newest first */
    size_t before_count;
    int64_t observed_us, samples; /* credited time since the first sample */
    int64_t cpu_quiet_us, received_quiet_us, transcript_quiet_us, stopped_us;
    int64_t busy_us;     /* for so long it was busy since anything came in, grew or ran below it */
    int64_t credited_us; /* left out of the present silence of the socket */
    bool new_port;       /* a request of the open turn went out on another connection */
    struct liveness_sample last;
};
/* True when the verdict is another one than before. */
bool liveness_observe(struct liveness *l, const struct liveness_policy *policy,
                      const struct liveness_sample *s);
/* Worth a person's look: hung, looping, orphan, zombie, dead. */
bool verdict_is_trouble(enum verdict v);
/* Whose move it is: "person", "provider", "tool", "input" (who holds its standard input), "parent" (who has
 * to wait for a zombie); NULL: nobody's, or not known. */
const char *verdict_waits_for(enum verdict v);
