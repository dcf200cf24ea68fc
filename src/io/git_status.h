/* git_status.h -- how many files of a working tree are not committed, counted by git.
 *
 * The repository is foreign, and its configuration can name programs (fsmonitor, filters, hooks, ssh …).
 * None of them is started: what git status could run is overridden, by the environment, with nothing; what
 * could ask a remote is forbidden every protocol; submodules, which have a configuration of their own, are
 * not entered.  The index is not written.  Root does not look with its own rights: git runs as the owner of
 * the repository.  Time and output are bounded.  What cannot be counted is unknown, with the reason.
 * Loop thread; whoever owns SIGCHLD reaps (io/child.h). */
#pragma once
#include "base/str.h"

#include <uv.h>

#define GIT_STATUS_TIMEOUT_MS (20 * 1000)
#define GIT_STATUS_FILTERS_MAX 256

struct git_counts {
    int64_t modified, untracked; /* -1 unknown; a folder with nothing but untracked files counts once */
    char cause[160];             /* why unknown; "" known */
};
struct git_status;
/* `done` is called once, not from here. */
struct git_status *git_status_start(uv_loop_t *loop, const char *worktree,
                                    void (*done)(void *arg, const struct git_counts *counts), void *arg);
void git_status_cancel(struct git_status *g); /* `done` is not called any more */

/* The entries of `git status --porcelain=v1 -z`, as they come in parts of any size. */
struct git_entries {
    int64_t modified, untracked;
    char code[2];
    int at;    /* bytes of the present entry so far, 3 and more: in its path */
    bool bare; /* the present entry is the old path of a rename */
};
void git_entries_add(struct git_entries *e, struct str part);
