#include "io/dir_watch.h"

#include "base/map.h"

#include <sys/inotify.h>
#include <unistd.h>

#define EVENTS                                                                                               \
    (IN_MODIFY | IN_ATTRIB | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF |          \
     IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK)
#define READ_BYTES ((size_t)64 * 1024)

struct watched {
    int64_t wd;
    char *path;     /* owned */
    unsigned round; /* in which it was added last */
    bool has_other_path;
};

struct dir_watch {
    int fd;
    unsigned round;
    struct map by_wd; /* struct watched, owned */
    char *events;     /* owned */
};

struct dir_watch *dir_watch_new(void)
{
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd < 0)
        return NULL;
    struct dir_watch *w = xnew(struct dir_watch);
    w->fd = fd;
    w->events = xcalloc(1, READ_BYTES);
    map_init(&w->by_wd);
    return w;
}

static void forget(struct dir_watch *w, struct watched *d)
{
    (void)map_remove(&w->by_wd, map_key_i64(&d->wd));
    free(d->path);
    free(d);
}

struct dir_watch *dir_watch_free(struct dir_watch *w)
{
    struct str key;
    void *d;
    if (!w)
        return NULL;
    for (size_t at = 0; map_next(&w->by_wd, &at, &key, &d);)
        forget(w, d);
    map_deinit(&w->by_wd);
    closep(&w->fd);
    free(w->events);
    free(w);
    return NULL;
}

void dir_watch_begin(struct dir_watch *w)
{
    w->round++;
}

int dir_watch_add(struct dir_watch *w, const char *path)
{
    int64_t wd = inotify_add_watch(w->fd, path, EVENTS);
    if (wd < 0)
        return -errno;
    struct watched *d = map_get(&w->by_wd, map_key_i64(&wd));
    if (!d) {
        d = xnew(struct watched);
        *d = (struct watched){.wd = wd, .path = xstrdup(path)};
        (void)map_put(&w->by_wd, map_key_i64(&d->wd), d);
    } else if (d->round != w->round) {
        free(d->path);
        d->path = xstrdup(path);
        d->has_other_path = false;
    } else if (strcmp(d->path, path) != 0) {
        d->has_other_path = true;
    }
    d->round = w->round;
    return 0;
}

void dir_watch_end(struct dir_watch *w)
{
    struct str key;
    void *value;
    for (size_t at = 0; map_next(&w->by_wd, &at, &key, &value);) {
        struct watched *d = value;
        if (d->round == w->round)
            continue;
        (void)inotify_rm_watch(w->fd, (int)d->wd);
        forget(w, d);
    }
}

static void tell(struct dir_watch *w, const struct inotify_event *e, dir_change_fn on_change, void *arg)
{
    int64_t wd = e->wd;
    struct watched *d = map_get(&w->by_wd, map_key_i64(&wd));
    if (!d && !(e->mask & IN_Q_OVERFLOW))
        return; /* of one that is not watched any more */
    bool is_whole_dir = e->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED);
    if (!d || d->has_other_path || is_whole_dir || e->len == 0)
        on_change(arg, DIR_CHANGE_LOST, NULL, NULL);
    else if (e->mask & (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ISDIR))
        on_change(arg, DIR_CHANGE_NAMES, d->path, e->name);
    else
        on_change(arg, DIR_CHANGE_FILE, d->path, e->name);
    if (d && (e->mask & IN_IGNORED))
        forget(w, d);
}

void dir_watch_read(struct dir_watch *w, dir_change_fn on_change, void *arg)
{
    ssize_t n;
    while ((n = read(w->fd, w->events, READ_BYTES)) > 0 || (n < 0 && errno == EINTR))
        for (ssize_t at = 0; at < n;) {
            const struct inotify_event *e = (const void *)(w->events + at);
            tell(w, e, on_change, arg);
            at += (ssize_t)(sizeof(*e) + e->len);
        }
}

size_t dir_watch_count(const struct dir_watch *w)
{
    return w->by_wd.count;
}
