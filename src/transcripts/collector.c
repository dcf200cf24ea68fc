#include "transcripts/collector.h"

#include "base/hash.h"
#include "io/file.h"
#include "transcripts/collected_index.h"

#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <unistd.h>

#define CHUNK_BYTES ((size_t)256 << 10)
#define INDEX_BYTES_MAX ((size_t)256 << 20)
#define TEMPORARY_MAX 40

struct run {
    const struct collector_config *config;
    struct collector_result *result;
    char *chunk;
    bool full; /* the disk takes no more */
};

struct place { /* a user's directory of the data root */
    int fd;
    char *path;
    struct collected_index index;
    struct collector_user *user;
};

static bool is_over(const struct run *r)
{
    return r->full || (r->config->is_stopping && r->config->is_stopping(r->config->arg));
}

static void problem(struct collector_user *user, const char *what, const char *path, int rc)
{
    struct buf text = BUF_INIT;
    if (user->problem)
        return;
    buf_printf(&text, "%s %s: %s", path, what, strerror(-rc));
    user->problem = buf_take(&text);
}

/* -- one file -- */

static int write_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, p, n);
        if (done < 0 && errno != EINTR)
            return -errno;
        if (done > 0) {
            p += done;
            n -= (size_t)done;
        }
    }
    return 0;
}

/* At most `size` bytes: what is appended meanwhile comes next time. */
static int copy_bytes(struct run *r, int from, int to, int64_t size, int64_t *ret_copied)
{
    int64_t copied = 0;
    while (copied < size) {
        ssize_t n = read(from, r->chunk, (size_t)MIN((int64_t)CHUNK_BYTES, size - copied));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break; /* it was cut meanwhile, and is found changed next time */
        int rc = write_all(to, r->chunk, (size_t)n);
        if (rc != 0)
            return rc;
        copied += n;
        if (is_over(r))
            return -ECANCELED;
    }
    *ret_copied = copied;
    return 0;
}

static int copy_into(struct run *r, struct place *p, int from, const struct home_file *now, const char *name,
                     int64_t *ret_copied)
{
    char temporary[TEMPORARY_MAX] = FILE_TEMPORARY;
    hash_random_hex(12, temporary + strlen(temporary));
    int to = openat(p->fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (to < 0)
        return -errno;
    const struct timespec time = {.tv_sec = now->mtime_ns / 1000000000,
                                  .tv_nsec = now->mtime_ns % 1000000000};
    int rc = copy_bytes(r, from, to, now->size, ret_copied);
    if (rc == 0 && futimens(to, (const struct timespec[]){time, time}) != 0)
        rc = -errno;
    if (close(to) != 0 && rc == 0)
        rc = -errno;
    if (rc == 0 && renameat(p->fd, temporary, p->fd, name) != 0)
        rc = -errno;
    if (rc != 0)
        (void)unlinkat(p->fd, temporary, 0);
    return rc;
}

static bool is_unchanged(const struct place *p, const struct collected *c, const struct home_file *f)
{
    struct stat st;
    return c->size == f->size && c->mtime_ns == f->mtime_ns && c->device == f->device &&
           c->inode == f->inode && fstatat(p->fd, c->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG(st.st_mode) && st.st_size == c->copied;
}

static void remember(struct collected *c, const struct home_file *f, int64_t copied)
{
    c->device = f->device;
    c->inode = f->inode;
    c->size = f->size;
    c->mtime_ns = f->mtime_ns;
    c->copied = copied;
}

static void collect_file(struct run *r, struct home_tree *tree, struct place *p, const struct home_file *f,
                         struct collected *c)
{
    struct home_file now;
    int64_t copied = 0;
    int fd = home_tree_open_file(tree, f, &now);
    if (fd < 0)
        return; /* counted there */
    int rc = copy_into(r, p, fd, &now, c->name, &copied);
    (void)close(fd);
    r->full |= rc == -ENOSPC || rc == -EDQUOT || rc == -EROFS;
    if (rc != 0) {
        p->user->failed += rc != -ECANCELED;
        problem(p->user, "cannot be copied", f->path, rc);
        return;
    }
    remember(c, &now, copied);
    p->user->copied++;
    p->user->bytes += copied;
}

/* -- one home -- */

static void remove_temporaries(const struct place *p)
{
    int fd = openat(p->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir)
        return;
    for (const struct dirent *entry; (entry = readdir(dir));)
        if (strncmp(entry->d_name, FILE_TEMPORARY, strlen(FILE_TEMPORARY)) == 0)
            (void)unlinkat(p->fd, entry->d_name, 0);
    (void)closedir(dir);
}

static int open_place(const struct run *r, struct place *p)
{
    struct buf path = BUF_INIT, text = BUF_INIT;
    buf_printf(&path, "%s/%s", r->config->data_root, p->user->user);
    p->path = buf_take(&path);
    collected_index_init(&p->index);
    p->fd = -1;
    if (mkdir(p->path, 0700) != 0 && errno != EEXIST)
        return -errno;
    p->fd = open(p->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (p->fd < 0)
        return -errno;
    remove_temporaries(p);
    buf_printf(&path, "%s/%s", p->path, INDEX_NAME);
    if (file_read_small(path.p, INDEX_BYTES_MAX, &text) == 0)
        collected_index_read(&p->index, buf_str(&text));
    buf_deinit(&text);
    buf_deinit(&path);
    return 0;
}

static void close_place(struct place *p)
{
    if (p->fd >= 0)
        (void)close(p->fd);
    free(p->path);
    collected_index_deinit(&p->index);
}

static int save_index(const struct place *p)
{
    struct buf path = BUF_INIT, text = BUF_INIT;
    buf_printf(&path, "%s/%s", p->path, INDEX_NAME);
    collected_index_write(&p->index, &text);
    int rc = file_write_atomic(path.p, buf_str(&text), 0600, false);
    buf_deinit(&path);
    buf_deinit(&text);
    return rc;
}

struct pair {
    const struct home_file *file;
    struct collected *item;
};

/* Those to copy.  Their names are taken in the index first: whatever a crash leaves belongs to somebody. */
static size_t changed_files(struct place *p, const struct home_tree *tree, struct pair *ret)
{
    size_t count = 0;
    struct buf source = BUF_INIT;
    for (size_t i = 0; i < tree->count; i++) {
        buf_clear(&source);
        buf_printf(&source, "%s/%s", p->user->home, tree->files[i].path);
        struct collected *c = collected_index_of(&p->index, source.p);
        if (!is_unchanged(p, c, &tree->files[i]))
            ret[count++] = (struct pair){&tree->files[i], c};
    }
    buf_deinit(&source);
    return count;
}

static void collect_into(struct run *r, struct home_tree *tree, struct place *p)
{
    struct pair *changed = xcalloc(tree->count + 1, sizeof(*changed));
    size_t count = changed_files(p, tree, changed);
    int rc = count ? save_index(p) : 0;
    p->user->unchanged += (int64_t)(tree->count - count);
    for (size_t i = 0; rc == 0 && i < count && !is_over(r); i++)
        collect_file(r, tree, p, changed[i].file, changed[i].item);
    if (rc == 0 && count)
        rc = save_index(p);
    if (rc != 0)
        problem(p->user, "cannot be written", p->path, rc);
    r->full |= rc == -ENOSPC || rc == -EDQUOT || rc == -EROFS;
    free(changed);
}

static void take_findings(struct collector_user *user, const struct home_tree *tree)
{
    for (size_t i = 0; i < HOME_REFUSALS; i++)
        user->refused[i] = tree->refused[i];
    user->unreadable = tree->unreadable;
    if (tree->first_unreadable)
        problem(user, "cannot be read", tree->first_unreadable, -EACCES);
}

static void collect_home(struct run *r, struct collector_user *user)
{
    struct home_tree tree;
    struct place place = {.user = user};
    int rc = home_tree_open(&tree, user->home, r->config->max_file_bytes);
    if (rc != 0) {
        r->result->unreadable_homes++;
        problem(user, "cannot be read", user->home, rc);
    }
    user->scanned = (int64_t)tree.count;
    if (rc == 0 && tree.count > 0) {
        rc = open_place(r, &place);
        if (rc == 0)
            collect_into(r, &tree, &place);
        else
            problem(user, "cannot be opened", place.path, rc);
        close_place(&place);
    }
    take_findings(user, &tree);
    home_tree_deinit(&tree);
}

static bool has_anything(const struct collector_user *u)
{
    int64_t refused = 0;
    for (size_t i = 0; i < HOME_REFUSALS; i++)
        refused += u->refused[i];
    return u->scanned || u->unreadable || u->problem || refused;
}

static void free_user(struct collector_user *u)
{
    free(u->user);
    free(u->home);
    free(u->problem);
}

static void keep_user(struct collector_result *r, const struct collector_user *user)
{
    if (r->count == r->capacity) {
        r->capacity = MAX(16, 2 * r->capacity);
        r->users = xrealloc(r->users, r->capacity * sizeof(*r->users));
    }
    r->users[r->count++] = *user;
}

/* -- the homes -- */

static bool is_same_directory(const char *a, const char *b)
{
    struct stat x, y;
    return a && stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static bool is_home(const struct run *r, const char *path)
{
    struct stat st;
    const char *name = strrchr(path, '/');
    name = name ? name + 1 : path;
    return name[0] && name[0] != '.' && lstat(path, &st) == 0 && S_ISDIR(st.st_mode) &&
           !is_same_directory(r->config->own_home, path);
}

static void collect_path(struct run *r, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!is_home(r, path))
        return;
    struct collector_user user = {.user = xstrdup(slash ? slash + 1 : path), .home = xstrdup(path)};
    r->result->homes++;
    collect_home(r, &user);
    if (has_anything(&user))
        keep_user(r->result, &user);
    else
        free_user(&user);
}

static void collect_pattern(struct run *r, const char *pattern)
{
    struct buf plain = BUF_INIT;
    glob_t found;
    buf_add_text(&plain, pattern);
    while (plain.n > 1 && plain.p[plain.n - 1] == '/')
        plain.p[--plain.n] = '\0';
    if (glob(plain.p, 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc && !is_over(r); i++)
            collect_path(r, found.gl_pathv[i]);
        globfree(&found);
    }
    buf_deinit(&plain);
}

int collector_run(const struct collector_config *config, struct collector_result *ret, struct err *e)
{
    struct run r = {.config = config, .result = ret};
    *ret = (struct collector_result){.count = 0};
    int rc = file_mkdirs(config->data_root, 0700);
    if (rc == 0 && access(config->data_root, W_OK | X_OK) != 0)
        rc = -errno;
    if (rc != 0)
        return err_set(e, ERR_INTERNAL, rc,
                       "%s cannot be written: %s; set sessions.data_root to a place that can",
                       config->data_root, strerror(-rc));
    r.chunk = xcalloc(1, CHUNK_BYTES);
    for (size_t i = 0; config->homes && config->homes[i] && !is_over(&r); i++)
        if (config->homes[i][0])
            collect_pattern(&r, config->homes[i]);
    ret->stopped = is_over(&r);
    free(r.chunk);
    return 0;
}

void collector_result_deinit(struct collector_result *r)
{
    for (size_t i = 0; i < r->count; i++)
        free_user(&r->users[i]);
    free(r->users);
    *r = (struct collector_result){.count = 0};
}
