/* collected_index.h -- which file of a data root came from which transcript (spec 60 T11).
 *
 * One index per user's directory of the data root, in the file INDEX_NAME there: per collected file its name,
 * where it came from, and what that was like when it was copied.  It keeps a name for one source, so two
 * sessions of one name never overwrite each other; and it tells whether a source has changed since: different
 * is changed, never newer.  A line that cannot be read is forgotten, which costs a copy.  Any thread. */
#pragma once
#include "base/buf.h"
#include "base/map.h"

#define INDEX_NAME ".collected"

struct collected {
    char *name;                            /* in the user's directory; owned */
    char *source;                          /* path of the transcript; owned */
    int64_t device, inode, size, mtime_ns; /* size -1: the name is taken, nothing was copied yet */
    int64_t copied;                        /* bytes of the copy */
};

struct collected_index {
    struct collected **items; /* owned */
    size_t count, capacity;
    struct map by_source, by_name;
};

void collected_index_init(struct collected_index *x);
void collected_index_deinit(struct collected_index *x);
void collected_index_read(struct collected_index *x, struct str text);
void collected_index_write(const struct collected_index *x, struct buf *out);
/* The item of a source; a new one gets the source's file name, or, where somebody else has that, one with a
 * mark made from the whole path. */
struct collected *collected_index_of(struct collected_index *x, const char *source);
