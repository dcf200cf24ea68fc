/* session_file.h -- which files are sessions, and what one is called (spec 60 T1).
 *
 * The name is the path, but that X.jsonl.zst is X.jsonl, and a rollout that Codex has archived the one that
 * it was: what is known of a session stays with it.  One thread. */
#pragma once
#include "base/buf.h"
#include "core/processor_state.h"
#include "transcripts/file_walk.h"

/* All of them: the homes of the agent CLIs as the environment says, and the roots, NULL-terminated or NULL.
 * Below a root each directory is a user's, and the format is TRANSCRIPT_UNKNOWN: a walk opens no file. */
void session_files_walk(struct file_walk *w, char *const *roots);
struct file_look session_file_look(const struct file_walk_entry *f);
void session_file_name(struct str path, struct buf *ret); /* adds */
/* Whose it is: the directory of a project, or of a user. */
struct str session_file_user(const struct file_walk_entry *f);
/* From the first lines of the file; any format where it has none yet.  False when it is of no CLI that is
 * known. */
MUST_CHECK bool session_file_format(const char *path, enum transcript_format *ret);
