/* dir_listings.h -- what directories hold, remembered from one walk to the next.
 *
 * A known directory costs one stat instead of being opened and read.  A listing belongs to a state of a
 * directory: device, inode and both its times, to the nanosecond.  Every change of names sets these times; so
 * that one cannot hide in the tick of the clock in which the directory was read, only what had been at rest
 * for DIR_LISTINGS_REST_NS by then is remembered.  Which file systems keep such times is the caller's
 * question.
 *
 * One file, replaced whole, with a checksum: anything wrong with it, and nothing is known.  One thread. */
#pragma once
#include "base/err.h"
#include "base/str.h"

#define DIR_LISTINGS_REST_NS INT64_C(2000000000) /* no clock of a file system is coarser */
#define DIR_LISTINGS_BYTES_MAX ((size_t)64 << 20)

struct dir_state {
    int64_t device, inode, mtime_ns, ctime_ns;
};

struct dir_listings;
struct dir_listings *
dir_listings_open(const char *path); /* never fails; NULL: of no file, remembers nothing */
struct dir_listings *dir_listings_free(struct dir_listings *d); /* NULL ok; returns NULL */
DEFINE_CLEANUP(struct dir_listings *, dir_listings_free)

/* `names`: whatever was put; valid as long as *d. */
bool dir_listings_find(struct dir_listings *d, const struct dir_state *state, struct str *ret_names);
/* What was read when the wall clock had said `now_ns`, and the state before that. */
void dir_listings_put(struct dir_listings *d, const struct dir_state *state, int64_t now_ns,
                      struct str names);
/* Writes the file when there is something new.  What was neither found nor put is forgotten then. */
int dir_listings_save(struct dir_listings *d);
