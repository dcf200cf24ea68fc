#include "run/proc_tree.h"
#include "base/proc_stat.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <unistd.h>

#define STAT_LINE_MAX 1024 /* 52 numbers of at most 20 digits and a name */
#define KTHREADD_PID 2

static ssize_t read_file(int proc_fd, int64_t pid, const char *name, char *p, size_t size)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "%s%lld/%s", proc_fd == AT_FDCWD ? "/proc/" : "", (long long)pid,
                   name);
    int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t n = read(fd, p, size);
    (void)close(fd);
    return n;
}

static bool read_entry(int proc_fd, int64_t pid, struct proc_entry *ret)
{
    char line[STAT_LINE_MAX];
    struct proc_stat s;
    ssize_t n = read_file(proc_fd, pid, "stat", line, sizeof(line));
    if (n <= 0 || !parse_proc_stat(line, (size_t)n, &s))
        return false;
    /* The state is the first thread's: a process whose main thread has left and whose others run shows Z as
     * well. */
    bool is_zombie = s.state == 'Z' && s.num_threads <= 1;
    *ret = (struct proc_entry){.pid = (int32_t)s.pid,
                               .ppid = (int32_t)s.ppid,
                               .pgrp = (int32_t)s.pgrp,
                               .session = (int32_t)s.session,
                               .start_ticks = s.starttime,
                               .is_gone = is_zombie || s.state == 'X' || s.state == 'x'};
    return true;
}

static int add_entry(struct proc_tree *t, const struct proc_entry *p)
{
    if (t->count == t->capacity) {
        size_t capacity = t->capacity ? 2 * t->capacity : 256;
        struct proc_entry *entries = realloc(t->entries, capacity * sizeof(*entries));
        if (!entries)
            return -ENOMEM;
        t->entries = entries;
        t->capacity = capacity;
    }
    t->entries[t->count++] = *p;
    return 0;
}

static int compare_pid(const void *a, const void *b)
{
    int32_t x = ((const struct proc_entry *)a)->pid, y = ((const struct proc_entry *)b)->pid;
    return (x > y) - (x < y);
}

static int scan_directory(struct proc_tree *t, DIR *dir)
{
    for (;;) {
        errno = 0;
        struct dirent *d = readdir(dir);
        if (!d)
            return -errno;
        struct proc_entry p;
        char *end;
        long pid = strtol(d->d_name, &end, 10);
        if (end == d->d_name || *end || !read_entry(dirfd(dir), pid, &p))
            continue;
        if (p.pid == KTHREADD_PID || p.ppid == KTHREADD_PID)
            continue;
        int r = add_entry(t, &p);
        if (r)
            return r;
    }
}

int proc_tree_scan(struct proc_tree *t)
{
    t->count = 0;
    DIR *dir = opendir("/proc");
    if (!dir)
        return -errno;
    int r = scan_directory(t, dir);
    (void)closedir(dir);
    if (r == 0 && t->count > 0)
        qsort(t->entries, t->count, sizeof(*t->entries), compare_pid);
    return r;
}

void proc_tree_deinit(struct proc_tree *t)
{
    free(t->entries);
    *t = (struct proc_tree){0};
}

struct proc_entry *proc_tree_find(const struct proc_tree *t, int64_t pid)
{
    if (t->count == 0 || pid <= 0 || pid > INT32_MAX)
        return NULL;
    const struct proc_entry wanted = {.pid = (int32_t)pid};
    return bsearch(&wanted, t->entries, t->count, sizeof(wanted), compare_pid);
}

void proc_tree_spread(struct proc_tree *t)
{
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t i = 0; i < t->count; i++) {
            struct proc_entry *p = &t->entries[i];
            const struct proc_entry *parent = p->belongs ? NULL : proc_tree_find(t, p->ppid);
            if (parent && parent->belongs)
                changed = p->belongs = true;
        }
    }
}

/* Looks for `mark` between NULs in a stream that is read in pieces: what could be its beginning is carried
 * over. */
static bool stream_has_mark(int fd, const char *mark)
{
    char piece[4096];
    size_t mark_n = strlen(mark) + 1, kept = 1; /* with the NUL that ends it, and one that stands before it */
    piece[0] = '\0';
    for (;;) {
        ssize_t got = read(fd, piece + kept, sizeof(piece) - kept);
        if (got <= 0)
            return false;
        size_t n = kept + (size_t)got;
        for (const char *at = piece; (at = memchr(at, '\0', (size_t)(piece + n - at))); at++)
            if ((size_t)(piece + n - at) > mark_n && memcmp(at + 1, mark, mark_n) == 0)
                return true;
        kept = MIN(n, mark_n);
        memmove(piece, piece + n - kept, kept);
    }
}

bool proc_entry_has_mark(const struct proc_entry *p, const char *mark)
{
    char path[64];
    assert(strlen(mark) < PROC_MARK_MAX);
    (void)snprintf(path, sizeof(path), "/proc/%d/environ", (int)p->pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool found = stream_has_mark(fd, mark);
    (void)close(fd);
    return found;
}

int proc_entry_signal(const struct proc_entry *p, int signal, int *ret_pidfd)
{
    int pidfd = pidfd_open(p->pid, 0);
    if (pidfd < 0 && errno != ENOSYS)
        return -errno;
    /* The pidfd holds on to one process; only now does comparing tell whether it is the right one. */
    int r = proc_start_ticks(p->pid) != p->start_ticks ? -ESRCH : 0;
    if (r == 0 && (pidfd >= 0 ? pidfd_send_signal(pidfd, signal, NULL, 0) : kill(p->pid, signal)) < 0)
        r = -errno;
    if (ret_pidfd && r == 0)
        *ret_pidfd = pidfd;
    else if (pidfd >= 0)
        (void)close(pidfd);
    return r;
}

int64_t proc_start_ticks(pid_t pid)
{
    struct proc_entry p;
    return read_entry(AT_FDCWD, pid, &p) ? p.start_ticks : 0;
}

bool proc_is_alive(int64_t pid, int64_t start_ticks)
{
    struct proc_entry p;
    return pid > 0 && read_entry(AT_FDCWD, pid, &p) && p.start_ticks == start_ticks && !p.is_gone;
}
