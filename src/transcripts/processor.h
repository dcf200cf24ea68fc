/* processor.h -- what reads sessions: a file of C and a row in one table (spec 60 T2, T6).
 *
 * A processor is given the turns of one session after the other, says what it found, and later writes that to
 * the store.  Who runs it, when, what is retried and what is set apart is not its business
 * (node/pipeline.h).  What it knows of a session can be put aside, so that a file that has only grown is read
 * on from where it was, with the same end as if all of it were read.  All but `put` are called on the thread
 * of the run, `put` on the store's. */
#pragma once
#include "base/arena.h"
#include "store/db.h"
#include "transcripts/turn_reader.h"

#define PROCESSOR_CHECKPOINT_MAX ((size_t)512 * 1024) /* bytes; a session that needs more is read anew */

struct processor_session { /* whose turns they are */
    const char *session_file;
    enum transcript_format format;
    int64_t now_us; /* of the run */
};

struct processor {
    const char *name;
    int64_t version; /* of its rules, and of what it puts aside: another one reads all sessions again */
    const char *cadence_variable;
    int64_t cadence_s;
    void *(*begin)(void);
    void (*turn)(void *state, const struct turn *turn);
    void (*save)(const void *state, struct buf *out);
    bool (*load)(void *state, struct unpack *u); /* into a new one; false: that is not what `save` wrote */
    /* What is to be stored of it, in the arena, and of how many items that is. */
    void *(*found)(void *state, const struct processor_session *s, struct arena *a, int64_t *ret_items);
    void (*end)(void *state);
    /* Replaces what there was of this session.  `aside` is what `save` wrote, which this may change to fit
     * what it stores, or empty when nothing fits: the next reading begins at the start. */
    int (*put)(struct db *db, void *found, struct buf *aside, struct err *e);
};

extern const struct processor processor_usage, processor_verification;
extern const struct processor *const processors[]; /* those that muster brings, NULL-terminated */
#define PROCESSORS 2

/* Asked between lines: true ends the reading, -ECANCELED. */
typedef bool (*processor_stops)(void *arg);

struct processor_input {
    const char *path;
    enum transcript_format format;
    struct str checkpoint; /* of an earlier reading; empty, or not of this file as it is: from its start */
    processor_stops stops;
    void *stops_arg;
};
struct processor_reading {
    void *state;         /* of the processor, which ends it */
    int64_t from_offset; /* where it began: 0, or where the checkpoint was */
    struct turn_reader_facts facts;
    struct buf checkpoint; /* to go on from here; empty when that is not possible */
    size_t aside_at;       /* where in it the processor's own part begins */
};
/* Reads a file: 0; or -errno, with the reason in `e`. *ret is filled in any case. */
MUST_CHECK int processor_read(const struct processor *p, const struct processor_input *in,
                              struct processor_reading *ret, struct err *e);
/* Stores what was found; *checkpoint, of its reading, is to be stored after it, and may be empty. */
MUST_CHECK int processor_put(const struct processor *p, struct db *db, void *found, struct buf *checkpoint,
                             size_t aside_at, struct err *e);
/* Empties a checkpoint that is too large, or no text that the store can keep. */
void processor_checkpoint_check(struct buf *checkpoint);
void processor_reading_deinit(const struct processor *p, struct processor_reading *r);
