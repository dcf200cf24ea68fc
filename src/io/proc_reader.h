/* proc_reader.h -- lists /proc and reads stat lines from it, with the files kept open.
 *
 * Reading a kept file again costs half of opening it, and fails with ESRCH once its process has ended.  A
 * quarter of the files that this program may have open are kept at most (there are several scanners); beyond
 * that each reading opens and closes. Belongs to procfs.c, which keeps the fds; it compares nothing with what
 * was read before.  One thread at a time. */
#pragma once
#include "base/base.h"
#include "base/proc_stat.h"

struct proc_reader {
    char *root;
    int root_fd;     /* -1 until the root could be opened */
    char *listing;   /* what getdents64 fills */
    char line[2048]; /* the last one read: 52 numbers of at most 20 digits, a name of at most 64 bytes */
    int64_t *pids;   /* ascending, of the last proc_reader_list */
    size_t count, capacity; /* of pids */
    size_t kept, kept_max;  /* files open, and how many may be */
};

enum reading {
    READING_OK,
    READING_GONE, /* there is no such process any more, or its parent has just waited for it */
    READING_BAD,  /* cannot be read, or is no stat line of this pid */
};

void proc_reader_init(struct proc_reader *r, const char *root);
void proc_reader_deinit(struct proc_reader *r);
/* -errno when the root cannot be listed. */
MUST_CHECK int proc_reader_list(struct proc_reader *r);
/* *fd is -1 or what an earlier call for this pid left there.  *ret is written only with READING_OK; its comm
 * lives until the next call. */
enum reading proc_reader_read(struct proc_reader *r, int64_t pid, int *fd, struct proc_stat *ret);
void proc_reader_close(struct proc_reader *r, int *fd); /* -1 is fine, and left there */
