/* transcript_tail.h -- what the end of an agent's transcript says about its present turn.
 *
 * Evidence for the verdict, and nothing else: tokens, cost and content are the transcripts' own reader's. The
 * end of the file is read forwards, record by record; a first line that is cut is skipped, as is whatever is
 * no record of that CLI.  No text of a prompt or an answer is kept.  Any thread. */
#pragma once
#include "base/buf.h"
#include "core/liveness.h"

struct transcript_tail {
    enum liveness_turn turn;  /* TURN_UNKNOWN: no record said */
    int64_t same_calls;       /* identical tool calls in a row */
    bool retries, is_limited; /* the last record that matters is one of these */
    int64_t limited_until;    /* epoch µs, 0 unknown */
};
/* "claude", "codex", "gemini"; false for other CLIs, whose transcripts are not read. */
bool transcript_tail_knows(const char *vendor);
void transcript_tail_parse(const char *vendor, struct str tail, struct transcript_tail *ret);

/* Claude's registry of sessions, sessions/PID.json: who it is and what it waits for. */
struct claude_session {
    char id[80], cwd[512];
    int64_t start_ticks;     /* -1 unknown */
    enum liveness_turn turn; /* TURN_OPEN for busy, TURN_PERMISSION, TURN_ENDED for idle */
};
bool claude_session_parse(struct str json, struct claude_session *ret);
/* The folder of a working directory's transcripts: every byte that is no letter or digit becomes '-'. */
void claude_project_folder(const char *cwd, struct buf *out);
