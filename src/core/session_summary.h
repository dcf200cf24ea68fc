/* session_summary.h -- what happened in a session, counted (spec 60 U7).
 *
 * Fed with the turns of one session in order.  A prompt is what a person wrote: neither a tool's result nor a
 * line that the CLI made, nor what a subagent was told; a line of several blocks is one.  A tool's error is
 * known from its result, however late that comes.  Active time leaves out gaps of more than ten minutes; wall
 * time does not.  A subagent's tools count with the rest.  The same turns give the same rows, sorted by kind
 * and name.  When it happened is kept by quarters of an hour, of which any day of any zone is made.  What
 * each turn that has a key (turn_key.h) added is told too, so that it can be left out where another session
 * has that turn; what a fork of Codex writes again counts nothing.  Pure. */
#pragma once
#include "base/pack.h"
#include "core/turn.h"

#define SESSION_GAP_US ((int64_t)600 * 1000 * 1000)
#define SESSION_EVENTS_MAX 1000 /* names of one session; uses of others are counted in `dropped` */

#define SESSION_SLOT_US ((int64_t)900 * 1000 * 1000) /* every zone's offset is a multiple of it */
#define SESSION_SLOTS_MAX 20000 /* of one session; what falls outside of them is counted in `dropped` */

enum session_event_kind {
    EVENT_TOOL,     /* of the CLI itself, by its name */
    EVENT_MCP,      /* mcp__SERVER__TOOL */
    EVENT_SUBAGENT, /* by its type, else by the tool's name */
    EVENT_SKILL,
    EVENT_COMMAND, /* /NAME, without the stroke */
};
#define SESSION_EVENT_KINDS 5
extern const char *const session_event_kind_names[SESSION_EVENT_KINDS];

struct session_event {
    enum session_event_kind kind;
    struct str name;
    int64_t uses, errors;
    int number; /* what a fact calls it */
};

struct session_slot { /* a quarter of an hour in which something happened */
    int64_t start_us; /* epoch */
    int64_t prompts, answers, uses, errors, active_us;
};

enum session_fact_kind { FACT_TIME /* no more than that */, FACT_PROMPT, FACT_ANSWER, FACT_USE, FACT_ERROR };
struct session_fact {
    uint64_t key, alias; /* of its turn; alias 0: none */
    int64_t at_us;       /* 0: not told, nor by a turn before */
    int32_t active_us;   /* that ended then */
    int16_t event;       /* number of a use's or an error's; -1: none */
    uint8_t kind;        /* enum session_fact_kind */
};

struct session_summary_result {
    struct session_event *events; /* valid until the next turn */
    size_t count;
    struct session_slot *slots; /* in order of time; as long as the events.  A turn that tells no time
                                   belongs to the one before it */
    size_t slot_count;
    struct session_fact *facts; /* in order, as long as the events: of the turns since new or load */
    size_t fact_count;
    bool is_continued; /* by load: there are facts that were told before */
    int64_t uses[SESSION_EVENT_KINDS], errors[SESSION_EVENT_KINDS];
    int64_t prompts, answers; /* answers: messages, of however many blocks */
    int64_t errors_unmatched; /* results that failed and whose use was not seen */
    int64_t dropped;
    int64_t first_us, last_us, active_us, wall_us; /* 0: no turn told a time */
};

struct session_summary;
struct session_summary *session_summary_new(void);
struct session_summary *session_summary_free(struct session_summary *s); /* NULL ok; returns NULL */
void session_summary_turn(struct session_summary *s, const struct turn *turn);
void session_summary_result(struct session_summary *s, struct session_summary_result *ret);
/* Puts it aside, to go on with later turns of the session; load: into a new one, false when that is not what
 * save wrote, and it is of no use any more. */
void session_summary_save(const struct session_summary *s, struct buf *out);
MUST_CHECK bool session_summary_load(struct session_summary *s, struct unpack *u);
/* What it has counted is what is left of a copy of its result
 * (session_leave_out.h). */
void session_summary_set(struct session_summary *s, const struct session_summary_result *left);
