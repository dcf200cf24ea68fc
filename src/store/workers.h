/* workers.h -- the rows of the roll call as they survive the node (spec 40 W9).  Store threads only.
 *
 * What a row knows are ages on the observer's clock, which dies with the process.  So a row is saved with its
 * instants shifted to "now is 0", beside the wall clock, the boot clock and the boot's id at that moment:
 * whoever loads it works out how long that was ago, by the boot clock when it is the same boot and by the
 * wall clock when it is not.  Only rows whose names are asked for are used; others stay for the day they are
 * configured again. */
#pragma once
#include "core/worker_status.h"
#include "store/db.h"

struct worker_saved {
    const char *name;
    struct worker_row row; /* instants relative to the moment of saving: at most 0 */
    struct str extra;
    bool truncated;
    int64_t wall_us, boot_us;
    const char *boot_id;
};
MUST_CHECK int worker_save(struct db *db, const struct worker_saved *w, struct err *e);
MUST_CHECK int worker_list(struct db *db, struct arena *a, struct worker_saved **ret, size_t *ret_count,
                           struct err *e);
