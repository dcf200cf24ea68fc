#include "io/procfs.h"

#include "io/proc_reader.h"

#include <fcntl.h>
#include <unistd.h>

#define SETTLE_ROUNDS 4

struct entry {
    struct procfs_process process;
    int64_t reaped_before; /* cutime + cstime at the scan before; 0 when it was not there */
    size_t parent;         /* index or PROCFS_NONE */
    int fd;                /* the reader's, kept between scans, or -1 */
    bool known;            /* `process` holds a reading */
};

struct entries {
    struct entry *at; /* ascending by pid */
    size_t count, capacity;
};

struct procfs {
    struct proc_reader reader;
    struct entries now;
    struct entries spare; /* memory for the next scan */
    int64_t *bereaved;    /* pids of processes that lost a child after they may have been read */
    size_t bereaved_count, bereaved_capacity;
};

struct procfs *procfs_new(const char *root)
{
    struct procfs *p = xnew(struct procfs);
    proc_reader_init(&p->reader, root);
    return p;
}

struct procfs *procfs_free(struct procfs *p)
{
    if (!p)
        return NULL;
    for (size_t i = 0; i < p->now.count; i++)
        proc_reader_close(&p->reader, &p->now.at[i].fd);
    proc_reader_deinit(&p->reader);
    free(p->now.at);
    free(p->spare.at);
    free(p->bereaved);
    free(p);
    return NULL;
}

static void add_bereaved(struct procfs *p, int64_t pid)
{
    if (p->bereaved_count == p->bereaved_capacity) {
        p->bereaved_capacity = p->bereaved_capacity ? 2 * p->bereaved_capacity : 64;
        p->bereaved = xrealloc(p->bereaved, p->bereaved_capacity * sizeof(*p->bereaved));
    }
    p->bereaved[p->bereaved_count++] = pid;
}

static void add_entry(struct entries *l, struct entry e)
{
    if (l->count == l->capacity) {
        l->capacity = l->capacity ? 2 * l->capacity : 256;
        l->at = xrealloc(l->at, l->capacity * sizeof(*l->at));
    }
    l->at[l->count++] = e;
}

/* Leaves the links as they are. */
static void set_process(struct procfs_process *p, const struct proc_stat *s)
{
    *p = (struct procfs_process){
        .pid = s->pid,
        .ppid = s->ppid,
        .start_ticks = s->starttime,
        .state = s->state,
        .utime = s->utime,
        .stime = s->stime,
        .cutime = s->cutime,
        .cstime = s->cstime,
        .minflt = s->minflt,
        .majflt = s->majflt,
        .vsize_bytes = s->vsize,
        .rss_pages = s->rss,
        .threads = s->num_threads,
        .pgrp = s->pgrp,
        .tty_nr = s->tty_nr,
        .tpgid = s->tpgid,
        .first_child = p->first_child,
        .next_sibling = p->next_sibling,
    };
    memcpy(p->comm, s->comm, MIN(s->comm_n, sizeof(p->comm) - 1));
}

static int64_t reaped_ticks(const struct entry *e)
{
    return e->process.cutime + e->process.cstime;
}

/* Brings an entry up to date; what cannot be read leaves it as it is.  Whoever had this pid before and is no
 * more has been waited for, so the parent's line has to be one that was read after that. */
static enum reading refresh(struct procfs *p, struct entry *e)
{
    struct proc_stat s;
    enum reading reading = proc_reader_read(&p->reader, e->process.pid, &e->fd, &s);
    if (reading == READING_BAD)
        return reading;
    bool same = e->known && reading == READING_OK && s.starttime == e->process.start_ticks;
    if (e->known && !same)
        add_bereaved(p, e->process.ppid);
    if (!same)
        e->reaped_before = 0;
    e->known = reading == READING_OK;
    if (e->known)
        set_process(&e->process, &s);
    return reading;
}

/* Reads every listed process.  Both lists ascend, so those that are known are met on the way. */
static int64_t read_all(struct procfs *p)
{
    struct entries before = p->now;
    size_t old = 0;
    int64_t errors = 0;
    p->now = (struct entries){.at = p->spare.at, .capacity = p->spare.capacity};
    for (size_t i = 0; i < p->reader.count; i++) {
        int64_t pid = p->reader.pids[i];
        struct entry e = {.process = {.pid = pid}, .fd = -1};
        for (; old < before.count && before.at[old].process.pid < pid; old++)
            proc_reader_close(&p->reader, &before.at[old].fd);
        if (old < before.count && before.at[old].process.pid == pid) {
            e = before.at[old++];
            e.reaped_before = reaped_ticks(&e);
        }
        enum reading reading = refresh(p, &e);
        if (reading == READING_OK)
            add_entry(&p->now, e);
        else
            proc_reader_close(&p->reader, &e.fd);
        errors += reading == READING_BAD;
    }
    for (; old < before.count; old++)
        proc_reader_close(&p->reader, &before.at[old].fd);
    p->spare = before;
    return errors;
}

static size_t index_of(const struct procfs *p, int64_t pid)
{
    size_t low = 0, high = p->now.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (p->now.at[middle].process.pid < pid)
            low = middle + 1;
        else
            high = middle;
    }
    return low < p->now.count && p->now.at[low].process.pid == pid ? low : PROCFS_NONE;
}

/* Lines read at different moments may tell of a circle, when a pid is reused meanwhile; no walk may hang on
 * it. */
static bool is_in_a_circle(const struct procfs *p, size_t i)
{
    size_t up = p->now.at[i].parent;
    for (size_t steps = 0; up != PROCFS_NONE && up != i && steps < p->now.count; steps++)
        up = p->now.at[up].parent;
    return up == i;
}

static void link_children(struct procfs *p)
{
    struct entry *at = p->now.at;
    for (size_t i = 0; i < p->now.count; i++) {
        at[i].parent = index_of(p, at[i].process.ppid);
        at[i].process.first_child = at[i].process.next_sibling = PROCFS_NONE;
    }
    /* Every circle has a link to a pid that is not lower, and there are few such links. */
    for (size_t i = 0; i < p->now.count; i++)
        if (at[i].parent != PROCFS_NONE && at[i].parent >= i && is_in_a_circle(p, i))
            at[i].parent = PROCFS_NONE;
    for (size_t i = p->now.count; i-- > 0;) {
        if (at[i].parent == PROCFS_NONE)
            continue;
        struct procfs_process *parent = &at[at[i].parent].process;
        at[i].process.next_sibling = parent->first_child;
        parent->first_child = i;
    }
}

static int64_t ticks_of(const struct procfs_process *process)
{
    return process->utime + process->stime + process->cutime + process->cstime;
}

/* Whether an entry may be out of date in a way that matters: the parent may have waited for it between the
 * reading of the two (then its ticks would count twice), or it has been given to another parent. */
static bool is_doubtful(const struct procfs *p, const struct entry *e)
{
    if (e->parent == PROCFS_NONE)
        return e->process.ppid != 0;
    const struct entry *parent = &p->now.at[e->parent];
    int64_t reaped = reaped_ticks(parent) - parent->reaped_before;
    int64_t ticks = ticks_of(&e->process);
    return ticks > 0 && ticks <= reaped;
}

static void drop_gone(struct procfs *p)
{
    size_t kept = 0;
    for (size_t i = 0; i < p->now.count; i++) {
        if (p->now.at[i].known)
            p->now.at[kept++] = p->now.at[i];
        else
            proc_reader_close(&p->reader, &p->now.at[i].fd);
    }
    p->now.count = kept;
}

static void refresh_bereaved(struct procfs *p)
{
    size_t count = p->bereaved_count;
    for (size_t i = 0; i < count; i++) {
        size_t at = index_of(p, p->bereaved[i]);
        if (at != PROCFS_NONE && p->now.at[at].known)
            (void)refresh(p, &p->now.at[at]);
    }
    memmove(p->bereaved, p->bereaved + count, (p->bereaved_count - count) * sizeof(*p->bereaved));
    p->bereaved_count -= count;
}

/* One round towards lines that agree with each other; true when the tree changed by it.  A scan takes
 * milliseconds, the children of a compile end all the time, and who takes differences must not see the ticks
 * of a tree go back. */
static bool settle(struct procfs *p)
{
    bool changed = p->bereaved_count > 0;
    if (changed)
        refresh_bereaved(p);
    for (size_t i = 0; i < p->now.count; i++) {
        struct entry *e = &p->now.at[i];
        int64_t ppid = e->process.ppid;
        if (e->known && is_doubtful(p, e) && refresh(p, e) != READING_BAD)
            changed |= !e->known || e->process.ppid != ppid;
    }
    if (changed) {
        drop_gone(p);
        link_children(p);
    }
    return changed;
}

int procfs_scan(struct procfs *p, int64_t *ret_errors)
{
    int rc = proc_reader_list(&p->reader);
    if (rc < 0)
        return rc;
    p->bereaved_count = 0;
    int64_t errors = read_all(p);
    link_children(p);
    for (int round = 0; round < SETTLE_ROUNDS && settle(p); round++)
        ;
    *ret_errors = errors;
    return 0;
}

size_t procfs_count(const struct procfs *p)
{
    return p->now.count;
}

const struct procfs_process *procfs_at(const struct procfs *p, size_t i)
{
    assert(i < p->now.count);
    return &p->now.at[i].process;
}

const struct procfs_process *procfs_find(const struct procfs *p, int64_t pid)
{
    size_t i = index_of(p, pid);
    return i == PROCFS_NONE ? NULL : &p->now.at[i].process;
}

/* A process whose first thread has ended says Z while its other threads go on. */
static bool is_alive(char state, int64_t threads)
{
    return (state != 'Z' && state != 'X' && state != 'x') || threads > 1;
}

static size_t find_live(const struct procfs *p, int64_t pid, int64_t start_ticks)
{
    size_t i = index_of(p, pid);
    if (i == PROCFS_NONE)
        return i;
    const struct procfs_process *process = &p->now.at[i].process;
    return process->start_ticks == start_ticks && is_alive(process->state, process->threads) ? i
                                                                                             : PROCFS_NONE;
}

static bool is_below(const struct procfs *p, size_t i, size_t ancestor)
{
    do
        i = p->now.at[i].parent;
    while (i != PROCFS_NONE && i != ancestor);
    return i == ancestor;
}

/* The process after `i` in a walk of everything below `top`, parents first. */
static size_t walk_next(const struct procfs *p, size_t i, size_t top)
{
    if (p->now.at[i].process.first_child != PROCFS_NONE)
        return p->now.at[i].process.first_child;
    while (i != top && p->now.at[i].process.next_sibling == PROCFS_NONE)
        i = p->now.at[i].parent;
    return i == top ? PROCFS_NONE : p->now.at[i].process.next_sibling;
}

/* A zombie holds ticks that its parent does not have yet, and nothing else. */
static void tree_add(struct procfs_tree *tree, const struct procfs_process *process)
{
    tree->cpu_ticks += ticks_of(process);
    if (!is_alive(process->state, process->threads))
        return;
    tree->rss_bytes += MAX(process->rss_pages, 0) * sysconf(_SC_PAGESIZE);
    tree->processes++;
    tree->threads += process->threads;
}

/* What everything of a tree is below: the shim, else the agent itself.  A shim that died has left its orphans
 * to others: then the agent's own tree is what can be known. */
static size_t top_of(const struct procfs *p, size_t agent, int64_t shim_pid, int64_t shim_start_ticks)
{
    size_t shim = shim_pid < 0 ? PROCFS_NONE : find_live(p, shim_pid, shim_start_ticks);
    return shim != PROCFS_NONE && is_below(p, agent, shim) ? shim : agent;
}

bool procfs_tree(const struct procfs *p, int64_t pid, int64_t start_ticks, int64_t shim_pid,
                 int64_t shim_start_ticks, struct procfs_tree *ret)
{
    struct procfs_tree tree = {0};
    size_t agent = find_live(p, pid, start_ticks);
    if (agent == PROCFS_NONE)
        return false;
    size_t top = top_of(p, agent, shim_pid, shim_start_ticks);
    if (top == agent)
        tree_add(&tree, &p->now.at[agent].process);
    else
        tree.cpu_ticks = reaped_ticks(&p->now.at[top]);
    for (size_t i = walk_next(p, top, top); i != PROCFS_NONE; i = walk_next(p, i, top))
        tree_add(&tree, &p->now.at[i].process);
    *ret = tree;
    return true;
}

bool procfs_is_alive(const struct procfs_process *process)
{
    return is_alive(process->state, process->threads);
}

size_t procfs_tree_members(const struct procfs *p, int64_t pid, int64_t start_ticks, int64_t shim_pid,
                           int64_t shim_start_ticks, size_t *ret, size_t max)
{
    size_t agent = find_live(p, pid, start_ticks), count = 0;
    if (agent == PROCFS_NONE)
        return 0;
    size_t top = top_of(p, agent, shim_pid, shim_start_ticks);
    size_t first = top == agent ? agent : walk_next(p, top, top);
    for (size_t i = first; i != PROCFS_NONE; i = walk_next(p, i, top)) {
        if (!procfs_is_alive(&p->now.at[i].process))
            continue;
        if (count < max)
            ret[count] = i;
        count++;
    }
    return count;
}

static bool read_stat(const char *root, int64_t pid, struct proc_stat *ret)
{
    char path[PATH_MAX], line[2048];
    int length = snprintf(path, sizeof(path), "%s/%lld/stat", root, (long long)pid);
    if (length < 0 || (size_t)length >= sizeof(path))
        return false;
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, line, sizeof(line));
    bool ok = n > 0 && parse_proc_stat(line, (size_t)n, ret) && ret->pid == pid;
    ret->comm = NULL; /* of this function's own line */
    return ok;
}

int64_t procfs_parent(const char *root, int64_t pid)
{
    struct proc_stat s;
    return read_stat(root, pid, &s) ? s.ppid : 0;
}

int64_t procfs_start_ticks(const char *root, int64_t pid)
{
    struct proc_stat s;
    return read_stat(root, pid, &s) && is_alive(s.state, s.num_threads) ? s.starttime : -1;
}
