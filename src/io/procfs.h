/* procfs.h -- processes and their trees from /proc, cheaply.
 *
 * A scanner keeps the stat file of every process it has seen open and reads it again with pread: half the
 * price of opening it, and a reused pid cannot be mistaken (the read fails with ESRCH once the process is
 * gone).  Identity is (pid, start_ticks).  Its own worker thread, one scanner per thread.  It knows
 * processes, not agents. */
#pragma once
#include "base/proc_stat.h"
#include "base/str.h"

struct procfs;
struct procfs *procfs_new(const char *root); /* "/proc"; tests give their own */
struct procfs *procfs_free(struct procfs *p);

struct procfs_process {
    int64_t pid, ppid, start_ticks;
    char state;
    int64_t utime, stime, cutime, cstime; /* ticks */
    int64_t minflt, majflt;               /* page faults so far */
    int64_t vsize_bytes, rss_pages;
    int64_t threads;
    int64_t pgrp, tty_nr, tpgid; /* tty_nr 0, tpgid -1: none */
    char comm[16];
    size_t first_child, next_sibling; /* indices, PROCFS_NONE at the end; by parent chain */
};
#define PROCFS_NONE SIZE_MAX

/* Reads all processes once.  -errno when the root itself cannot be listed; a single process that cannot be
 * read or parsed is left out and counted in *ret_errors (gone meanwhile is no error).  After a failure the
 * processes are those of the scan before.  Zombies are among them; children that end during the scan count
 * once, in their parent. */
MUST_CHECK int procfs_scan(struct procfs *p, int64_t *ret_errors);
size_t procfs_count(const struct procfs *p);
const struct procfs_process *procfs_at(const struct procfs *p, size_t i);
const struct procfs_process *procfs_find(const struct procfs *p, int64_t pid); /* NULL when absent */

/* Sum over a process tree (spec 30 M10).  The root is the agent; with `shim` >= 0 the tree is everything
 * below the shim, the shim's own ticks left out, and the ticks it reaped for orphans counted.  CPU is the sum
 * over live members of utime + stime + cutime + cstime: a waited-for child counts exactly once, in its
 * parent.
 * False when the agent is not alive (a zombie is not) or its start_ticks differ (M9): nothing is written
 * then. */
struct procfs_tree {
    int64_t cpu_ticks, rss_bytes, processes, threads;
};
bool procfs_tree(const struct procfs *p, int64_t pid, int64_t start_ticks, int64_t shim_pid,
                 int64_t shim_start_ticks, struct procfs_tree *ret);
/* Indices of the live members of that same tree, at most `max` of them, the agent among the first; returns
 * how many there are in all, 0 when the agent is not alive. */
size_t procfs_tree_members(const struct procfs *p, int64_t pid, int64_t start_ticks, int64_t shim_pid,
                           int64_t shim_start_ticks, size_t *ret, size_t max);
bool procfs_is_alive(const struct procfs_process *process); /* a zombie is not */
int64_t procfs_parent(const char *root, int64_t pid);       /* 0 when there is no such process */
/* start_ticks of a live process, or -1. */
int64_t procfs_start_ticks(const char *root, int64_t pid);
