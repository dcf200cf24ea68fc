/* state_file.h -- what the scheduler knows, on the disk (spec 50 S9).
 *
 * JSON in DIR/state.json; with many jobs in 256 files by the hash of the name, so that a change costs a few
 * kilobytes.  Each is replaced whole: temporary file, fsync, rename.  A file that cannot be read is set aside
 * (NAME.corrupt-SECONDS), reported, and treated as empty.
 *
 * Before a firing is sent its intent is written ahead, into the page cache: after a kill the same instant is
 * fired under the same key, and none is lost between two decisions.  That goes into a file of its own beside
 * the durable one (state.ahead.json), so that a firing never waits for an fsync; every file carries a
 * sequence number, and what the later one says of a job counts.  After a power cut an instant is worked out
 * again, which gives the same one.
 *
 * Writing is the business of two workers; loop thread. */
#pragma once
#include "base/json.h"

#include <jansson.h>
#include <uv.h>

struct state_file;
struct state_file_ops {
    /* One job's value, as an object. */
    void (*render)(void *arg, size_t job, struct json_writer *w);
    const char *(*name)(void *arg, size_t job);
    /* That job's value at load; called for every name that is found. */
    void (*found)(void *arg, struct str name, const json_t *value);
    /* A file was set aside, or cannot be written; `what` says which and why. */
    void (*trouble)(void *arg, const char *what);
};

struct state_file *state_file_new(uv_loop_t *loop, const char *directory, const struct state_file_ops *ops,
                                  void *arg);
/* Reads all there is.  0, or -errno when the directory cannot be made. */
MUST_CHECK int state_file_load(struct state_file *s);
/* The jobs are these from now on; all of it is written again. */
void state_file_set_jobs(struct state_file *s, size_t count);
void state_file_touch(struct state_file *s, size_t job); /* to be written durably */
/* To be written ahead; on_written comes once that is done or has failed. */
void state_file_ahead(struct state_file *s, size_t job, void (*on_written)(void *arg, size_t job), void *arg);
/* Starts what touch and ahead have asked for: at the end of a turn, so that all of one instant is one write.
 */
void state_file_flush(struct state_file *s);
void state_file_finish(struct state_file *s); /* flushes and waits; every on_written has come */
/* Writes what is left, blocking. */
struct state_file *state_file_free(struct state_file *s);

/* One file's text: calls `found` (NULL ok) per job; false when it is no such file. */
MUST_CHECK bool state_file_parse(struct str text,
                                 void (*found)(void *arg, struct str name, const json_t *value), void *arg,
                                 int64_t *ret_sequence);
