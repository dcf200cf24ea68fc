/* home_tree.h -- the transcripts in somebody else's home (spec 60 T11).
 *
 * That home is hostile ground: its owner may put a symbolic link, a pipe or a hard link where a transcript is
 * expected, and change it between two looks.  So nothing is opened by a path from the root: every name is
 * resolved below the home's own descriptor by openat2(RESOLVE_BENEATH), which follows a link only as long as
 * it stays inside; where the kernel lacks that, no link is followed at all.  A regular file counts, unless it
 * is larger than the bound, or belongs to somebody else and has a second name.  Directories and files that
 * several names lead to are taken once.  Blocks.  One thread. */
#pragma once
#include "base/str.h"

#include <sys/stat.h>

#define HOME_TREE_ENTRIES_MAX ((size_t)200000) /* directories and files of one home */

enum home_refusal {
    HOME_REFUSED_LINK,    /* it leads out of the home */
    HOME_REFUSED_SPECIAL, /* no regular file */
    HOME_REFUSED_FOREIGN, /* another user's file, with a second name elsewhere */
    HOME_REFUSED_LARGE,
    HOME_REFUSED_MANY, /* beyond HOME_TREE_ENTRIES_MAX */
};
#define HOME_REFUSALS 5
extern const char *const home_refusal_names[HOME_REFUSALS];

struct home_file {
    char *path; /* below the home; owned */
    int64_t device, inode, size, mtime_ns;
};

struct home_tree {
    int fd; /* of the home */
    uid_t owner;
    int64_t max_bytes;       /* of one file */
    struct home_file *files; /* sorted by path; owned */
    size_t count, capacity;
    int64_t refused[HOME_REFUSALS];
    int64_t unreadable;     /* directories and files */
    char *first_unreadable; /* path below the home, NULL for none; owned */
};

/* Lists what is there.  -errno when the home itself cannot be opened: -ENOTDIR for what is no directory, or a
 * symbolic link to one.  Deinit in both cases. */
MUST_CHECK int home_tree_open(struct home_tree *t, const char *home, int64_t max_bytes);
void home_tree_deinit(struct home_tree *t);
/* A listed file, looked at again: a descriptor to read from and what it is now.  -errno, or -EPERM with
 * `refused` counted when it is not what may be read. */
MUST_CHECK int home_tree_open_file(struct home_tree *t, const struct home_file *f, struct home_file *ret_now);
