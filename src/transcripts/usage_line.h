/* usage_line.h -- what a line of a transcript says about usage (spec 60 T4, U1, U3).
 *
 * One function per format takes the object of a line apart, once it has been scanned; none of them keeps
 * text.  Strings of the event are slices of the line, as they stand there: ids and names of models need no
 * escapes.  Pure.  Any thread. */
#pragma once
#include "core/codex_usage.h"
#include "transcripts/json_scan.h"

enum usage_line_outcome {
    USAGE_LINE_NONE, /* says nothing about usage */
    USAGE_LINE_EVENT,
    USAGE_LINE_BAD_TIME, /* it does, but when is not told: counted and skipped */
    USAGE_LINE_BAD_COUNT,
};

/* -- Claude Code -- */
enum claude_slot {
    CLAUDE_TIMESTAMP,
    CLAUDE_REQUEST_ID,
    CLAUDE_SESSION_ID,
    CLAUDE_SESSION_ID_OLD, /* "session_id" */
    CLAUDE_SIDECHAIN,
    CLAUDE_CWD,
    CLAUDE_BRANCH,
    CLAUDE_UUID,
    CLAUDE_VERSION,
    CLAUDE_COST,
    CLAUDE_API_ERROR,
    CLAUDE_MESSAGE_ID,
    CLAUDE_MODEL,
    CLAUDE_USAGE,
    CLAUDE_INPUT,
    CLAUDE_OUTPUT,
    CLAUDE_CACHE_WRITE,
    CLAUDE_CACHE_READ,
    CLAUDE_WRITE_DETAIL,
    CLAUDE_WRITE_5M,
    CLAUDE_WRITE_1H,
    CLAUDE_THINKING,
    CLAUDE_SEARCHES,
    CLAUDE_TIER,
    CLAUDE_GEO,
    CLAUDE_SPEED,
    CLAUDE_ITERATIONS,
    CLAUDE_CONTENT,
    CLAUDE_DATA, /* "data": an older way to tell of a subagent; its "message" is scanned by itself */
    CLAUDE_SLOTS
};
extern const struct json_path claude_paths[];
enum usage_line_outcome claude_usage(const struct json_value v[CLAUDE_SLOTS], struct usage_event *ret);
/* The line inside "data"."message" of an agent_progress line; false when there is none. */
bool claude_inner_line(const struct json_value v[CLAUDE_SLOTS], struct str *ret);

/* -- Codex: codex_usage.h says what the counts mean -- */
enum codex_line_kind {
    CODEX_OTHER,
    CODEX_META,
    CODEX_CONTEXT,
    CODEX_TIER,
    CODEX_REPORT,
    CODEX_BAD_TIME,
    CODEX_BAD_COUNT
};
struct codex_line {
    enum codex_line_kind kind;
    int64_t at_us;
    struct str id, parent, cwd, branch; /* CODEX_META */
    struct str model;                   /* CODEX_CONTEXT; and of a report that names one */
    enum codex_tier tier;               /* CODEX_TIER */
    struct codex_report report;         /* CODEX_REPORT */
};
#define CODEX_SLOTS 48 /* no fewer than codex_line.c numbers */
extern const struct json_path codex_paths[];
bool codex_line_may_count(struct str line); /* a quick look, never wrongly no */
/* JSON_WHOLE, or why the line is none. */
enum json_outcome codex_line_read(struct str line, struct codex_line *ret, struct json_scan *scan);

/* -- Gemini CLI -- */
enum gemini_slot {
    GEMINI_ID,
    GEMINI_TIMESTAMP,
    GEMINI_TYPE,
    GEMINI_MODEL,
    GEMINI_SESSION,
    GEMINI_TOKENS,
    GEMINI_INPUT,
    GEMINI_OUTPUT,
    GEMINI_CACHED,
    GEMINI_THOUGHTS,
    GEMINI_TOOL,
    GEMINI_SET_MESSAGES, /* "$set"."messages": earlier records again */
    GEMINI_SLOTS
};
extern const struct json_path gemini_paths[];
enum usage_line_outcome gemini_usage(const struct json_value v[GEMINI_SLOTS], struct usage_event *ret);
