/* knowledge_source.h -- the text that durable facts are looked for in (spec 60 V2): what a person and an
 * agent said in a session, or the notes beside it.
 *
 * Of a session only prompts of people and answers count, without subagents, thinking and tools.  The text is
 * bounded: the end of it is kept.  Notes are CLAUDE.local.md and AGENTS.md in the working directories that
 * the session names; a name in a transcript is foreign, so of another user's only notes that everybody may
 * read are.  Blocks.  One thread. */
#pragma once
#include "transcripts/file_walk.h"
#include "base/buf.h"

#define KNOWLEDGE_NOTES_BYTES_MAX ((size_t)64 << 10)
#define KNOWLEDGE_DIRECTORIES_MAX 4 /* of one session */

struct knowledge_source {
    struct buf text;
    char session_id[80]; /* "" when the session does not tell */
    bool is_cut;
    char *directories[KNOWLEDGE_DIRECTORIES_MAX]; /* owned; NULL behind the last */
};
/* 0, or -errno.  Deinit in both cases. */
MUST_CHECK int knowledge_source_session(struct knowledge_source *s, const char *path,
                                        enum transcript_format format, size_t max_bytes);
/* -EACCES for what may not be read, -ENOENT where there is none. */
MUST_CHECK int knowledge_source_notes(struct knowledge_source *s, const char *path, bool is_own);
void knowledge_source_deinit(struct knowledge_source *s);
extern const char *const knowledge_notes_names[]; /* ends with NULL */
bool knowledge_is_notes(const char *path);
