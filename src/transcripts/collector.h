/* collector.h -- copies the transcripts of other users into the data root (spec 60 T11).
 *
 * DATA_ROOT/USER/NAME.jsonl, USER being the name of the home's directory.  A copy is made beside its name
 * and renamed into place, so whoever reads a data root sees a whole file or none.  What has not changed since
 * is not read; what has, is copied again whole.  A file that grows meanwhile is copied as long as it was when
 * it was opened, and is found changed the next time.  Nothing is synced: after a power cut the sizes tell
 * which copies to make again.  Files that vanish from a home keep their copy.
 *
 * What may be read in a home is home_tree.h's business.  Blocks; one run at a time per data root. */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "transcripts/home_tree.h"

struct collector_config {
    const char *const *homes; /* glob patterns of directories, NULL-terminated */
    const char *own_home;     /* is left out; NULL for none */
    const char *data_root;
    int64_t max_file_bytes;
    bool (*is_stopping)(void *arg); /* asked between pieces; NULL: never */
    void *arg;
};

struct collector_user {
    char *user, *home;                                 /* owned */
    int64_t scanned, copied, unchanged, failed, bytes; /* files but the last */
    int64_t refused[HOME_REFUSALS];
    int64_t unreadable;
    char *problem; /* the first that came up, NULL for none; owned */
};

struct collector_result {
    struct collector_user *users; /* those with anything to tell; owned */
    size_t count, capacity;
    int64_t homes; /* that the patterns matched */
    int64_t unreadable_homes;
    bool stopped; /* before the end: by is_stopping, or by a disk that takes no more */
};

/* 0, or -errno with the reason when nothing could be done at all.  What happens to one home or file is in the
 * result.  Deinit in both cases. */
MUST_CHECK int collector_run(const struct collector_config *config, struct collector_result *ret,
                             struct err *e);
void collector_result_deinit(struct collector_result *r);
