/* processor_checkpoints.h -- where processors of transcripts go on in files that grow (spec 60 T2).
 *
 * A checkpoint is the text that transcripts/processor.h made.  It is kept for as long as the file may be
 * expected to grow; without it the file is read from its start.  Store threads only. */
#pragma once
#include "base/arena.h"
#include "store/db.h"

#define PROCESSOR_CHECKPOINT_KEEP_US (INT64_C(7) * 24 * 3600 * 1000000) /* since it was put */

/* Empty: there is none. */
MUST_CHECK int processor_checkpoint_get(struct db *db, const char *processor, const char *session_file,
                                        struct arena *a, struct str *ret, struct err *e);
/* An empty one takes away what there was. */
MUST_CHECK int processor_checkpoint_put(struct db *db, const char *processor, const char *session_file,
                                        struct str checkpoint, int64_t now_us, struct err *e);
/* Takes away what is older. */
MUST_CHECK int processor_checkpoints_sweep(struct db *db, int64_t before_us, struct err *e);
