/* turns_internal.h -- what turn_reader.c and the parsers of the formats share. */
#pragma once
#include "core/codex_replay.h"
#include "transcripts/json_scan.h"
#include "transcripts/turn_reader.h"

struct turn_session { /* what earlier lines of the file said and later ones leave out */
    char *id, *cwd, *branch, *model;
    struct codex_replay replay;
};

struct turns {           /* of one line */
    struct arena *arena; /* reset before each line */
    struct turn *p;      /* owned by the reader */
    size_t count, capacity;
    struct turn common;           /* what the line says of all its turns */
    struct turn_session *session; /* of the file */
    bool is_bad_time;             /* the line has a timestamp that is none */
    bool is_interrupted;          /* a result of the line says that it was */
};

/* A format's parser: the object at the start of `text`; *ret_end is behind it. */
typedef enum json_outcome (*turns_parser)(struct turns *t, struct str text, const char **ret_end);
enum json_outcome turns_claude(struct turns *t, struct str text, const char **ret_end);
enum json_outcome turns_codex(struct turns *t, struct str text, const char **ret_end);
enum json_outcome turns_gemini(struct turns *t, struct str text, const char **ret_end);

/* A new turn with what is common to the line. */
struct turn *turns_add(struct turns *t, enum turn_kind kind);
/* The decoded text of a string in the arena; empty for anything else.  NULL `cut`: TURN_TEXT_MAX holds too.
 */
struct str turns_text(struct turns *t, const struct json_value *v, bool *cut);
void turns_set_text(struct turns *t, struct turn *turn, const struct json_value *v);
/* The texts of an array of blocks {"type":…,"text":…}, one below the other, or a string as it is. */
void turns_set_blocks(struct turns *t, struct turn *turn, const struct json_value *v);
/* From a tool's input, an object: the command of a shell, and the file that it names. */
void turns_set_input(struct turns *t, struct turn *turn, const struct json_value *input);
void turns_set_time(struct turns *t, const struct json_value *v);
void turns_keep(char **to, struct str s); /* of the session: a copy when there is one */
/* "Exit code 1", "Exit Code: 0", "Process exited with code 2" in the first or the last lines; false: none. */
bool turns_exit_code(struct str text, int *ret);

/* -- commands in the background (turns_background.c) -- */

void turns_background_use(struct turns *t, struct turn *use); /* which command it asks for, if any */
void turns_background_runs(struct turn *result, struct str id);
void turns_background_started(struct turn *result);                 /* by what Claude Code's shell says */
void turns_background_answer(struct turns *t, struct turn *result); /* to such a use, in Claude Code */
bool turns_background_notice(struct turn *turn); /* false: a prompt or a note as any other */
void turns_background_codex(struct turn *result);
void turns_background_gemini(struct turn *result);
void turns_background_list(struct turns *t, struct str text); /* Gemini CLI's: a note for each that ended */
