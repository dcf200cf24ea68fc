#include "run/shim_tree.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

void shim_tree_init(struct shim_tree *t, const char *mark, const char *cgroup_parent, const char *key)
{
    *t = (struct shim_tree){.shim = getpid(), .since_ticks = proc_start_ticks(getpid())};
    (void)snprintf(t->mark, sizeof(t->mark), "%s", mark);
    if (cgroup_parent && cgroup_parent[0])
        cgroup_make(cgroup_parent, key, t->cgroup);
}

void shim_tree_drop_cgroup(struct shim_tree *t)
{
    cgroup_remove(t->cgroup);
    t->cgroup[0] = '\0';
}

static void find_members(const struct shim_tree *t, struct proc_tree *all, bool with_strays)
{
    struct proc_entry *self = proc_tree_find(all, t->shim);
    if (self)
        self->belongs = true;
    proc_tree_spread(all);
    for (size_t i = 0; with_strays && i < all->count; i++) {
        struct proc_entry *p = &all->entries[i];
        if (!p->belongs && !p->is_gone && p->start_ticks >= t->since_ticks)
            p->belongs = proc_entry_has_mark(p, t->mark);
    }
    proc_tree_spread(all);
    if (self)
        self->belongs = false;
}

static void count_once(struct shim_tree *t, const struct proc_entry *p)
{
    if (p->pid == t->agent)
        return;
    for (size_t i = 0; i < MIN(t->seen_count, (size_t)SHIM_TREE_SEEN); i++)
        if (t->seen[i].pid == p->pid && t->seen[i].start_ticks == p->start_ticks)
            return;
    size_t slot = t->seen_count++ % SHIM_TREE_SEEN;
    t->seen[slot].pid = p->pid;
    t->seen[slot].start_ticks = p->start_ticks;
    t->killed++;
}

/* A group is ours as a whole when its leader is, or when its session is not the shim's: sessions below the
 * shim were all begun there.  Foreign ones could only be in the session that `muster run` shares with a
 * shell. */
static bool group_is_ours(const struct proc_tree *all, const struct proc_entry *p,
                          const struct proc_entry *self)
{
    const struct proc_entry *leader = proc_tree_find(all, p->pgrp);
    if (p->pgrp <= 1 || (self && p->pgrp == self->pgrp))
        return false;
    return (leader && leader->belongs) || (self && p->session != self->session);
}

static void signal_one(const struct shim_tree *t, const struct proc_entry *p, int signal, bool whole_group)
{
    /* A child of ours keeps its pid until we wait for it, so nothing needs to be compared. */
    int r = p->ppid == t->shim ? kill(p->pid, signal) : proc_entry_signal(p, signal, NULL);
    if (r == 0 && whole_group)
        (void)kill(-p->pgrp, signal);
    if (signal == SIGTERM)
        (void)!proc_entry_signal(p, SIGCONT, NULL); /* who is stopped cannot end */
}

static int64_t signal_members(struct shim_tree *t, const struct proc_tree *all, int signal)
{
    int64_t live = 0;
    const struct proc_entry *self = proc_tree_find(all, t->shim);
    for (size_t i = 0; i < all->count; i++) {
        const struct proc_entry *p = &all->entries[i];
        if (!p->belongs || p->is_gone)
            continue;
        live++;
        if (!signal)
            continue;
        count_once(t, p);
        signal_one(t, p, signal, signal == SIGKILL && group_is_ours(all, p, self));
    }
    return live;
}

int64_t shim_tree_pass(struct shim_tree *t, int signal, bool with_strays)
{
    struct proc_tree all = {0};
    int64_t live = 0;
    int r = proc_tree_scan(&all);
    if (r == 0) {
        find_members(t, &all, with_strays);
        live = signal_members(t, &all, signal);
    } else if (r != -ENOENT) { /* a machine without /proc has none to find */
        live = 1;
    }
    proc_tree_deinit(&all);
    if (signal == SIGKILL)
        cgroup_kill(t->cgroup);
    return live + cgroup_is_populated(t->cgroup);
}

static void kill_child(struct shim_tree *t, pid_t pid)
{
    const struct proc_entry child = {.pid = pid, .start_ticks = proc_start_ticks(pid)};
    bool was_alive = proc_is_alive(pid, child.start_ticks);
    if (kill(pid, SIGKILL) == 0 && was_alive)
        count_once(t, &child);
}

bool shim_tree_kill_children(struct shim_tree *t)
{
    char path[64], text[2048];
    (void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)t->shim);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, sizeof(text) - 1);
    (void)close(fd);
    if (n <= 0)
        return false;
    text[n] = '\0';
    for (char *at = text, *end; (end = strchr(at, ' '));
         at = end + 1) /* a number that the buffer cut has none */
        kill_child(t, (pid_t)strtol(at, NULL, 10));
    return true;
}
