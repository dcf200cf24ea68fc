#include "transcripts/home_tree.h"

#include "base/buf.h"
#include "base/map.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DEPTH_MAX 32
#define OPEN_TRIES 8

const char *const home_refusal_names[HOME_REFUSALS] = {"link", "special", "foreign", "too_large", "too_many"};

/* Where each agent CLI keeps its transcripts. */
static const char *const places[] = {".claude/projects", ".config/claude/projects", ".codex/sessions",
                                     ".codex/archived_sessions", ".gemini/tmp"};

/* -- opening below the home -- */

/* One component after the other, none of them a link. */
static int open_without_links(int dir, const char *path, int flags)
{
    struct str rest = str_of(path), part;
    int fd = dir;
    while (str_split(&rest, '/', &part)) {
        CLEANUP(freep) char *name = str_dup(part);
        bool last = rest.p == NULL;
        int next = openat(fd, name, O_NOFOLLOW | O_CLOEXEC | (last ? flags : O_DIRECTORY | O_PATH));
        int rc = next < 0 ? -errno : 0;
        if (fd != dir)
            (void)close(fd);
        if (rc != 0)
            return rc;
        fd = next;
    }
    return fd;
}

/* Never waits, whatever the name leads to: a pipe without a writer opens at once. */
static int open_below(int dir, const char *path, int more)
{
    int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | more;
    struct open_how how = {.flags = (uint64_t)flags, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    long fd = -1;
    for (int i = 0; i < OPEN_TRIES; i++) {
        fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));
        if (fd >= 0 || errno != EAGAIN) /* somebody renames while it looks */
            break;
    }
    if (fd >= 0)
        return (int)fd;
    return errno == ENOSYS ? open_without_links(dir, path, flags) : -errno;
}

/* -- what may be read -- */

static bool is_transcript(const char *name)
{
    struct str s = str_of(name);
    return str_ends_with(s, STR(".jsonl")) || str_ends_with(s, STR(".jsonl.zst"));
}

static bool refuse(struct home_tree *t, enum home_refusal why)
{
    t->refused[why]++;
    return false;
}

static bool may_read(struct home_tree *t, const struct stat *st)
{
    if (!S_ISREG(st->st_mode))
        return refuse(t, HOME_REFUSED_SPECIAL);
    if (st->st_uid != t->owner && st->st_nlink > 1)
        return refuse(t, HOME_REFUSED_FOREIGN);
    return st->st_size <= t->max_bytes || refuse(t, HOME_REFUSED_LARGE);
}

static struct home_file facts_of(const struct stat *st)
{
    return (struct home_file){.device = (int64_t)st->st_dev,
                              .inode = (int64_t)st->st_ino,
                              .size = st->st_size,
                              .mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec};
}

/* A name that is gone, or was never there, is no finding. */
static void cannot(struct home_tree *t, const char *path, int rc)
{
    if (rc == -EXDEV || rc == -ELOOP)
        t->refused[HOME_REFUSED_LINK]++;
    if (rc == -EXDEV || rc == -ELOOP || rc == -ENOENT || rc == -ENOTDIR)
        return;
    t->unreadable++;
    if (!t->first_unreadable)
        t->first_unreadable = xstrdup(path);
}

/* -- the walk -- */

struct walk {
    struct home_tree *tree;
    struct map seen; /* device and inode of directories and files */
    struct buf path;
};

static bool is_new(struct walk *w, const struct stat *st)
{
    const uint64_t key[2] = {(uint64_t)st->st_dev, (uint64_t)st->st_ino};
    if (w->seen.count >= HOME_TREE_ENTRIES_MAX)
        return refuse(w->tree, HOME_REFUSED_MANY);
    return map_put(&w->seen, (struct str){(const char *)key, sizeof(key)}, w) == NULL;
}

static void add_file(struct walk *w, const struct stat *st)
{
    struct home_tree *t = w->tree;
    if (!may_read(t, st) || !is_new(w, st))
        return;
    if (t->count == t->capacity) {
        t->capacity = MAX(64, 2 * t->capacity);
        t->files = xrealloc(t->files, t->capacity * sizeof(*t->files));
    }
    struct home_file *f = &t->files[t->count++];
    *f = facts_of(st);
    f->path = xstrdup(w->path.p);
}

static void walk_directory(struct walk *w, int fd, int depth);

/* By the descriptor alone, so that what was looked at is what is taken. */
static void visit(struct walk *w, const struct dirent *entry, int depth)
{
    if (entry->d_type == DT_REG && !is_transcript(entry->d_name))
        return;
    int fd = open_below(w->tree->fd, w->path.p, 0);
    struct stat st;
    if (fd < 0) {
        if (fd != -ENXIO) /* a socket of some program */
            cannot(w->tree, w->path.p, fd);
        return;
    }
    bool known = fstat(fd, &st) == 0;
    if (known && S_ISDIR(st.st_mode) && depth < DEPTH_MAX && is_new(w, &st)) {
        walk_directory(w, fd, depth + 1);
        return;
    }
    if (known && !S_ISDIR(st.st_mode) && is_transcript(entry->d_name))
        add_file(w, &st);
    (void)close(fd);
}

static int real_entries(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

/* In order of names, so that of several names of a thing the same one is taken each time.  Takes fd. */
static void walk_directory(struct walk *w, int fd, int depth)
{
    struct dirent **entries;
    size_t length = w->path.n;
    int count = scandirat(fd, ".", &entries, real_entries, alphasort);
    if (count < 0)
        cannot(w->tree, w->path.p, -errno);
    (void)close(fd);
    for (int i = 0; i < count; i++) {
        buf_printf(&w->path, "/%s", entries[i]->d_name);
        visit(w, entries[i], depth);
        w->path.n = length;
        w->path.p[length] = '\0';
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

static void walk_place(struct walk *w, const char *place)
{
    struct stat st;
    buf_clear(&w->path);
    buf_add_text(&w->path, place);
    int fd = open_below(w->tree->fd, place, O_DIRECTORY);
    if (fd < 0) {
        cannot(w->tree, place, fd);
        return;
    }
    if (fstat(fd, &st) == 0 && is_new(w, &st))
        walk_directory(w, fd, 0);
    else
        (void)close(fd);
}

static int by_path(const void *a, const void *b)
{
    const struct home_file *x = a, *y = b;
    return strcmp(x->path, y->path);
}

int home_tree_open(struct home_tree *t, const char *home, int64_t max_bytes)
{
    struct stat st;
    *t = (struct home_tree){.max_bytes = max_bytes};
    t->fd = open(home, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (t->fd < 0 || fstat(t->fd, &st) != 0)
        return -errno;
    t->owner = st.st_uid;
    struct walk w = {.tree = t, .path = BUF_INIT};
    map_init(&w.seen);
    for (size_t i = 0; i < COUNT_OF(places); i++)
        walk_place(&w, places[i]);
    if (t->count)
        qsort(t->files, t->count, sizeof(*t->files), by_path);
    map_deinit(&w.seen);
    buf_deinit(&w.path);
    return 0;
}

void home_tree_deinit(struct home_tree *t)
{
    for (size_t i = 0; i < t->count; i++)
        free(t->files[i].path);
    free(t->files);
    free(t->first_unreadable);
    if (t->fd >= 0)
        (void)close(t->fd);
    *t = (struct home_tree){.fd = -1};
}

int home_tree_open_file(struct home_tree *t, const struct home_file *f, struct home_file *ret_now)
{
    struct stat st;
    int fd = open_below(t->fd, f->path, 0);
    if (fd < 0) {
        cannot(t, f->path, fd);
        return fd;
    }
    if (fstat(fd, &st) != 0 || !may_read(t, &st)) {
        (void)close(fd);
        return -EPERM;
    }
    *ret_now = facts_of(&st);
    return fd;
}
