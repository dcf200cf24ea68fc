/* proc_tree.h -- every process of the machine at one moment, and which of them belong to a run.
 *
 * A table read from /proc in one pass, sorted by pid.  The caller marks the first ones that belong,
 * proc_tree_spread adds everything below them.  A signal goes through a pidfd after the start time was
 * compared again, so that a pid that has been given to somebody else meanwhile is never hit.  The table is a
 * moment that has passed: whoever must be sure that nothing is left looks again until two looks in a row are
 * empty.
 *
 * On libc alone, because muster-shim is built with this file too.  It does not decide who belongs.  Any
 * thread, one table at a time. */
#pragma once
#include "base/base.h"

#include <sys/types.h>

#define PROC_MARK_MAX 128 /* bytes of NAME=VALUE that proc_entry_has_mark can look for */

struct proc_entry {
    int32_t pid, ppid, pgrp, session;
    int64_t start_ticks; /* since boot */
    bool is_gone;        /* a zombie with no thread left: nothing to signal */
    bool belongs;
};

struct proc_tree {
    struct proc_entry *entries; /* ascending by pid; kernel threads are left out */
    size_t count, capacity;
};

/* Replaces what the table held.  -errno when /proc cannot be read. */
MUST_CHECK int proc_tree_scan(struct proc_tree *t);
void proc_tree_deinit(struct proc_tree *t);
struct proc_entry *proc_tree_find(const struct proc_tree *t, int64_t pid); /* NULL when there is none */
void proc_tree_spread(struct proc_tree *t); /* whatever has a parent that belongs, belongs */

/* True when the environment with which it was executed holds `mark`, a whole NAME=VALUE.  False when it
 * cannot be read, as with another user's. */
bool proc_entry_has_mark(const struct proc_entry *p, const char *mark);
/* 0, or -ESRCH when that process is gone, or -errno.  *ret_pidfd (NULL ok) is a pidfd to wait on, or -1. */
MUST_CHECK int proc_entry_signal(const struct proc_entry *p, int signal, int *ret_pidfd);

/* 0 when there is no such process. */
int64_t proc_start_ticks(pid_t pid);
/* The process of that pid and start time exists and is no zombie. */
bool proc_is_alive(int64_t pid, int64_t start_ticks);
