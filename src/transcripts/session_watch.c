#include "transcripts/session_watch.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "io/counters.h"
#include "io/dir_watch.h"
#include "io/file.h"
#include "transcripts/session_file.h"

#include <pthread.h>
#include <stdio.h>

struct anchor {            /* of file_walk_visit */
    char *path;            /* owned */
    int64_t device, inode; /* -1: nowhere */
};

struct session_watch {
    pthread_mutex_t lock;   /* over all below */
    char **roots;           /* owned; NULL-terminated */
    struct dir_watch *dirs; /* owned; NULL: every look is a walk */
    struct file_walk list;
    bool *is_dirty;         /* owned; a file was written since */
    struct map by_path;     /* number in the list + 1 */
    struct anchor *anchors; /* owned */
    size_t anchor_count;
    int64_t local_device; /* that was seen to be local last, or -1 */
    bool must_walk;
    int64_t walked_us;
    struct session_watch_facts facts;
};

/* -- where the kernel is no help -- */

static void give_up(struct session_watch *w, const char *why, const char *path)
{
    if (!w->dirs)
        return;
    w->dirs = dir_watch_free(w->dirs);
    (void)snprintf(w->facts.why_not, sizeof(w->facts.why_not), "%s: %.100s", why, path);
    log_info("sessions", "session files are looked for by walking", LOG_TEXT("why", why),
             LOG_TEXT("directory", path));
}

static bool is_local(struct session_watch *w, const char *path, const struct stat *st)
{
    if ((int64_t)st->st_dev == w->local_device)
        return true;
    if (!file_system_is_local(path))
        return false;
    w->local_device = (int64_t)st->st_dev;
    return true;
}

/* -- a walk -- */

static void add_anchor(struct session_watch *w, const char *path, const struct stat *st)
{
    w->anchors = xrealloc(w->anchors, (w->anchor_count + 1) * sizeof(*w->anchors));
    w->anchors[w->anchor_count++] =
        (struct anchor){xstrdup(path), st ? (int64_t)st->st_dev : -1, st ? (int64_t)st->st_ino : -1};
}

/* Before the directory is listed: what happens from then on is told. */
static void visit(void *arg, const char *path, bool is_anchor, const struct stat *st)
{
    struct session_watch *w = arg;
    if (is_anchor)
        add_anchor(w, path, st);
    if (!st || !w->dirs)
        return;
    if (!is_local(w, path, st)) {
        give_up(w, "other hosts may write there", path);
        return;
    }
    int rc = dir_watch_add(w->dirs, path);
    if (rc == -ENOSPC || rc == -ENOMEM)
        give_up(w, "fs.inotify.max_user_watches is too low", path);
}

static void forget_list(struct session_watch *w)
{
    for (size_t i = 0; i < w->anchor_count; i++)
        free(w->anchors[i].path);
    w->anchor_count = 0;
    file_walk_deinit(&w->list);
    free(w->is_dirty);
    w->is_dirty = NULL;
    map_deinit(&w->by_path);
    map_init(&w->by_path);
}

static void walk(struct session_watch *w)
{
    forget_list(w);
    w->facts.walks++;
    counter_add(COUNTER_TRANSCRIPT_WALKS, 1);
    w->must_walk = false;
    w->walked_us = clock_monotonic_us();
    if (w->dirs)
        dir_watch_begin(w->dirs);
    w->list = (struct file_walk){.visit = visit, .visit_arg = w};
    session_files_walk(&w->list, w->roots);
    if (w->dirs)
        dir_watch_end(w->dirs);
    w->is_dirty = xcalloc(w->list.count + 1, sizeof(*w->is_dirty));
    for (size_t i = 0; i < w->list.count; i++)
        (void)map_put(&w->by_path, str_of(w->list.files[i].path), (void *)(i + 1));
}

/* -- what has changed -- */

/* Other files come and go in the same directories, but a link may lead to more, and be one of ours. */
static bool may_be_of_us(const char *path)
{
    struct stat st;
    return file_walk_is_transcript(path) || lstat(path, &st) != 0 || !S_ISREG(st.st_mode) || st.st_nlink > 1;
}

static void on_change(void *arg, enum dir_change change, const char *dir, const char *name)
{
    struct session_watch *w = arg;
    if (change == DIR_CHANGE_LOST)
        w->must_walk = true;
    if (w->must_walk)
        return;
    struct buf path = BUF_INIT;
    buf_printf(&path, "%s/%s", dir, name);
    size_t number = (size_t)map_get(&w->by_path, buf_str(&path));
    if (number > 0 && change == DIR_CHANGE_FILE)
        w->is_dirty[number - 1] = true;
    else if (number > 0 || may_be_of_us(path.p))
        w->must_walk = true;
    buf_deinit(&path);
}

static bool anchors_stand(const struct session_watch *w)
{
    for (size_t i = 0; i < w->anchor_count; i++) {
        const struct anchor *r = &w->anchors[i];
        struct stat st;
        bool is_there = stat(r->path, &st) == 0;
        if (is_there != (r->inode >= 0) ||
            (is_there && ((int64_t)st.st_dev != r->device || (int64_t)st.st_ino != r->inode)))
            return false;
    }
    return true;
}

/* Those that were written, and those that may have been by a name that nobody watches.  False: walk. */
static bool freshen(struct session_watch *w)
{
    for (size_t i = 0; i < w->list.count; i++) {
        struct file_walk_entry *f = &w->list.files[i];
        if ((w->is_dirty[i] || f->has_other_names) && !file_walk_look_again(f))
            return false;
        w->is_dirty[i] = false;
    }
    return true;
}

static void look(struct session_watch *w)
{
    w->facts.looks++;
    if (w->dirs)
        dir_watch_read(w->dirs, on_change, w);
    bool is_old = clock_monotonic_us() - w->walked_us > SESSION_WATCH_WALK_US;
    if (!w->dirs || w->must_walk || is_old || !anchors_stand(w) || !freshen(w))
        walk(w);
}

/* -- for the caller -- */

void session_watch_files(struct session_watch *w, struct file_walk *ret)
{
    pthread_mutex_lock(&w->lock);
    look(w);
    file_walk_copy(&w->list, ret);
    pthread_mutex_unlock(&w->lock);
}

void session_watch_facts(struct session_watch *w, struct session_watch_facts *ret)
{
    pthread_mutex_lock(&w->lock);
    *ret = w->facts;
    ret->directories = w->dirs ? dir_watch_count(w->dirs) : 0;
    pthread_mutex_unlock(&w->lock);
}

struct session_watch *session_watch_new(char *const *roots)
{
    struct session_watch *w = xnew(struct session_watch);
    *w = (struct session_watch){
        .roots = xstrdup_list(roots), .dirs = dir_watch_new(), .local_device = -1, .must_walk = true};
    pthread_mutex_init(&w->lock, NULL);
    map_init(&w->by_path);
    if (!w->dirs)
        (void)snprintf(w->facts.why_not, sizeof(w->facts.why_not), "inotify: %s", strerror(errno));
    return w;
}

struct session_watch *session_watch_free(struct session_watch *w)
{
    if (!w)
        return NULL;
    forget_list(w);
    map_deinit(&w->by_path);
    free(w->anchors);
    free_list(w->roots);
    (void)dir_watch_free(w->dirs);
    pthread_mutex_destroy(&w->lock);
    free(w);
    return NULL;
}
