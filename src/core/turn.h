/* turn.h -- one thing that was said or done in a session of an agent CLI, whichever CLI wrote it (spec 60
 * T4).
 *
 * A line of a transcript gives as many turns as it has blocks of content: an answer that was streamed block
 * by block is several turns with one message id.  A tool's call and its result are two turns with one tool
 * id. Processors see these and never the text of a line.  Slices belong to whoever made the turn and live as
 * long as that maker says; empty when the transcript does not tell, as is never made up.  Pure.  Any thread.
 */
#pragma once
#include "base/str.h"

enum turn_kind {
    TURN_PROMPT,   /* what a person, or the program that drives the CLI, wrote */
    TURN_ANSWER,   /* what the model said */
    TURN_THINKING, /* what it thought before, where the transcript keeps that */
    TURN_TOOL_USE,
    TURN_TOOL_RESULT,
    TURN_NOTE, /* what the CLI itself put in: summaries, hooks, interruptions, compaction */
};
#define TURN_KINDS 6

/* What a result, or a note, says of a command that does not keep the agent waiting. */
enum turn_background {
    TURN_FOREGROUND,       /* nothing of that kind */
    TURN_BACKGROUND_RUNS,  /* it runs on; the text is what it has printed */
    TURN_BACKGROUND_ENDED, /* with exit_code; not told: somebody stopped it */
};

enum turn_format { TURN_CLAUDE, TURN_CODEX, TURN_GEMINI };

#define TURN_EXIT_UNKNOWN (-1)
#define TURN_TEXT_MAX ((size_t)256 * 1024) /* bytes of text; what is over is cut, and is_cut says so */

struct turn {
    enum turn_kind kind;
    enum turn_format format;
    int64_t at_us;        /* epoch; 0: not told */
    int64_t line_no;      /* of the file, from 1 */
    int block_no;         /* within its line, from 0: (line_no, block_no) names the turn within its file */
    struct str id;        /* of the line, as the CLI wrote it: uuid */
    struct str origin_id; /* of the line that this one is a copy of, where the CLI says so: forkedFrom */
    struct str message_id, request_id, session_id;
    struct str model;
    struct str cwd, branch;
    bool is_sidechain; /* a subagent's */
    bool is_meta;      /* a prompt that the CLI wrote and no person did */
    bool is_replayed;  /* another session's history, written again at the time of a fork */
    struct str text;   /* decoded UTF-8: of prompt, answer, thinking, note; of a result, the tool's output */
    struct str tool_id, tool_name; /* of a use and of its result (name: when told there) */
    struct str tool_input; /* of a use: as it stands in the transcript; an object, but for odd tools */
    struct str command;    /* of a use of a shell: what it is given; the inside of `bash -lc '…'` */
    struct str path;       /* of a use that names a file: the first */
    bool is_error;         /* of a result: the CLI marked it so */
    int exit_code;         /* of a result that tells it, else TURN_EXIT_UNKNOWN */
    bool is_cut;
    enum turn_background background;
    struct str background_id; /* which one: of what says so, of uses that ask for it and of their results */
};
