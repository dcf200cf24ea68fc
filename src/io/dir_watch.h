/* dir_watch.h -- what has changed in directories, as inotify(7) tells it.
 *
 * A directory is watched by one path; of a change one is told whether names came or went, or a file's bytes
 * or facts.  What the kernel could not tell (its queue was full, a directory is gone, one directory has two
 * paths) is told as LOST: look for yourself.  A watch says nothing of what other hosts do to a file system,
 * nor of a file that is written by a name in a directory that is not watched.  Never blocks.  One thread at a
 * time. */
#pragma once
#include "base/str.h"

enum dir_change {
    DIR_CHANGE_FILE,  /* a file has other bytes or facts */
    DIR_CHANGE_NAMES, /* a name is new, gone or another one's; or a directory's facts are others */
    DIR_CHANGE_LOST,  /* anything may have changed anywhere; dir is NULL */
};
typedef void (*dir_change_fn)(void *arg, enum dir_change change, const char *dir, const char *name);

struct dir_watch;
struct dir_watch *dir_watch_new(void);                 /* NULL: errno says why there is none */
struct dir_watch *dir_watch_free(struct dir_watch *w); /* NULL ok; returns NULL */

/* A round: what is not added again between these two is not watched any more. */
void dir_watch_begin(struct dir_watch *w);
/* 0, or -errno: -ENOSPC and -ENOMEM: the kernel's limit; -EACCES, -ENOENT, -ENOTDIR, -ELOOP: not this one. */
MUST_CHECK int dir_watch_add(struct dir_watch *w, const char *path);
void dir_watch_end(struct dir_watch *w);

/* All that has happened since the last call. */
void dir_watch_read(struct dir_watch *w, dir_change_fn on_change, void *arg);
size_t dir_watch_count(const struct dir_watch *w); /* directories */
