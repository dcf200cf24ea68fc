/* processor.h -- what reads sessions: a file of C and a row in one table (spec 60 T6).
 *
 * A processor is given the turns of one session after the other, says what it found, and later writes that to
 * the store.  Who runs it, when, what is retried and what is set apart is not its business
 * (node/pipeline.h).  All but `put` are called on the thread of the run, `put` on the store's. */
#pragma once
#include "base/arena.h"
#include "store/db.h"
#include "transcripts/turn_reader.h"

struct processor_session { /* whose turns they are */
    const char *session_file;
    enum transcript_format format;
    int64_t now_us; /* of the run */
};

struct processor {
    const char *name;
    int64_t version; /* of its rules: another one reads all sessions again */
    const char *cadence_variable;
    int64_t cadence_s;
    void *(*begin)(void);
    void (*turn)(void *state, const struct turn *turn);
    /* What is to be stored of it, in the arena, and of how many items that is. */
    void *(*found)(void *state, const struct processor_session *s, struct arena *a, int64_t *ret_items);
    void (*end)(void *state);
    int (*put)(struct db *db, const void *found, struct err *e); /* replaces what there was of this session */
};

extern const struct processor processor_usage, processor_verification;
extern const struct processor *const processors[]; /* those that muster brings, NULL-terminated */
#define PROCESSORS 2

/* Asked between lines: true ends the reading, -ECANCELED. */
typedef bool (*processor_stops)(void *arg);

/* Reads a file: 0 and the facts of it; or -errno, with the reason in `e`. */
MUST_CHECK int processor_read(const struct processor *p, void *state, const char *path,
                              enum transcript_format format, processor_stops stops, void *arg,
                              struct turn_reader_facts *ret, struct err *e);
