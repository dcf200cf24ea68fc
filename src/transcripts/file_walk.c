#include "transcripts/file_walk.h"

#include "base/buf.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#define DEPTH_MAX 128

const char *const transcript_format_names[TRANSCRIPT_FORMAT_COUNT] = {"claude", "codex", "gemini"};

void file_walk_deinit(struct file_walk *w)
{
    for (size_t i = 0; i < w->count; i++)
        free(w->files[i].path);
    free(w->files);
    *w = (struct file_walk){0};
}

static int64_t nanoseconds(struct timespec t)
{
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void take_stat(struct file_walk_entry *f, const struct stat *st)
{
    f->device = (int64_t)st->st_dev;
    f->inode = (int64_t)st->st_ino;
    f->size = st->st_size;
    f->mtime_ns = nanoseconds(st->st_mtim);
    f->ctime_ns = nanoseconds(st->st_ctim);
    f->has_other_names = f->has_other_names || st->st_nlink > 1;
}

bool file_walk_look_again(struct file_walk_entry *f)
{
    struct stat st;
    if (stat(f->path, &st) != 0 || !S_ISREG(st.st_mode) || (int64_t)st.st_dev != f->device ||
        (int64_t)st.st_ino != f->inode)
        return false;
    take_stat(f, &st);
    return true;
}

static void add_file(struct file_walk *w, const char *path, size_t root_bytes, enum transcript_format format,
                     bool is_link, const struct stat *st)
{
    if (w->count == w->capacity) {
        w->capacity = MAX(64, w->capacity * 2);
        w->files = xrealloc(w->files, w->capacity * sizeof(w->files[0]));
    }
    struct file_walk_entry *f = &w->files[w->count++];
    *f = (struct file_walk_entry){.path = xstrdup(path),
                                  .name_offset = (uint32_t)root_bytes + 1,
                                  .format = format,
                                  .has_other_names = is_link};
    take_stat(f, st);
}

static bool is_transcript(const struct file_walk *w, const char *name)
{
    struct str s = str_of(name);
    if (w->ignores_links && str_equal(s, STR(".jsonl")))
        return false; /* to ccusage a name without an ending */
    return str_ends_with(s, STR(".jsonl")) || (!w->ignores_packed && str_ends_with(s, STR(".jsonl.zst")));
}

bool file_walk_is_transcript(const char *path)
{
    struct str s = str_of(path);
    return str_ends_with(s, STR(".jsonl")) || str_ends_with(s, STR(".jsonl.zst"));
}

struct walk_place {
    const struct walk_place *above;
    dev_t device;
    ino_t inode;
};

static bool is_loop(const struct walk_place *above, const struct stat *st)
{
    for (; above; above = above->above)
        if (above->device == st->st_dev && above->inode == st->st_ino)
            return true;
    return false;
}

static void walk(struct file_walk *w, struct buf *path, size_t root_bytes, enum transcript_format format,
                 const struct walk_place *above, int depth);

static void visit(struct file_walk *w, struct buf *path, size_t root_bytes, enum transcript_format format,
                  const struct walk_place *above, int depth, const struct dirent *entry)
{
    size_t length = path->n;
    buf_add_char(path, '/');
    buf_add_text(path, entry->d_name);
    struct stat st;
    bool is_link = entry->d_type != DT_REG && entry->d_type != DT_DIR;
    bool wanted = (entry->d_type != DT_REG || is_transcript(w, entry->d_name)) &&
                  !(entry->d_type == DT_LNK && w->ignores_links);
    bool is_there = wanted && stat(path->p, &st) == 0;
    bool is_file = is_there && S_ISREG(st.st_mode) && is_transcript(w, entry->d_name);
    if (w->visit && wanted && !is_file && (is_link || S_ISDIR(st.st_mode)))
        w->visit(w->visit_arg, path->p, is_link, is_there ? &st : NULL);
    if (is_file) {
        add_file(w, path->p, root_bytes, format, is_link, &st);
    } else if (is_there && S_ISDIR(st.st_mode) && depth < DEPTH_MAX && !is_loop(above, &st)) {
        struct walk_place here = {above, st.st_dev, st.st_ino};
        walk(w, path, root_bytes, format, &here, depth + 1);
    }
    path->n = length;
    path->p[length] = '\0';
}

static void walk(struct file_walk *w, struct buf *path, size_t root_bytes, enum transcript_format format,
                 const struct walk_place *above, int depth)
{
    DIR *dir = opendir(path->p);
    if (!dir) {
        w->unreadable += errno != ENOENT;
        return;
    }
    for (const struct dirent *entry; (entry = readdir(dir));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            visit(w, path, root_bytes, format, above, depth, entry);
    (void)closedir(dir);
}

void file_walk_root(struct file_walk *w, const char *root, enum transcript_format format)
{
    struct buf path = BUF_INIT;
    buf_add_text(&path, root);
    while (path.n > 1 && path.p[path.n - 1] == '/')
        path.p[--path.n] = '\0';
    struct stat st;
    bool is_there = stat(path.p, &st) == 0 && S_ISDIR(st.st_mode);
    if (w->visit)
        w->visit(w->visit_arg, path.p, true, is_there ? &st : NULL);
    if (is_there) {
        w->roots++;
        struct walk_place top = {NULL, st.st_dev, st.st_ino};
        walk(w, &path, path.n, format, &top, 0);
    }
    buf_deinit(&path);
}

static void walk_below(struct file_walk *w, const char *home, const char *below,
                       enum transcript_format format)
{
    struct buf root = BUF_INIT;
    buf_printf(&root, "%s/%s", home, below);
    file_walk_root(w, root.p, format);
    buf_deinit(&root);
}

/* One of several names with commas between, "~/" for the home directory; false at the end. */
static bool next_home(struct str *rest, const char *home, char **ret)
{
    struct str part;
    while (str_split(rest, ',', &part)) {
        part = str_trim(part);
        bool tilde = home && str_starts_with(part, STR("~/"));
        struct buf path = BUF_INIT;
        if (tilde)
            buf_add_text(&path, home);
        for (size_t i = tilde; i < part.n; i++) {
            bool stays = part.p[i] == '.' && i > 0 && part.p[i - 1] == '/' &&
                         (i + 1 == part.n || part.p[i + 1] == '/');
            if (!stays && !(part.p[i] == '/' && path.n > 0 && path.p[path.n - 1] == '/'))
                buf_add_char(&path, part.p[i]);
        }
        while (path.n > 1 && path.p[path.n - 1] == '/')
            path.p[--path.n] = '\0';
        *ret = path.n ? buf_take(&path) : NULL;
        buf_deinit(&path);
        if (*ret)
            return true;
    }
    return false;
}

static bool is_directory(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* $CLAUDE_CONFIG_DIR names the folders that hold "projects", or that itself; without it there are two places.
 */
static void walk_claude(struct file_walk *w, const char *(*lookup)(const char *name), const char *home)
{
    const char *configured = lookup("CLAUDE_CONFIG_DIR"), *config = lookup("XDG_CONFIG_HOME");
    struct str rest = str_of(configured);
    if (!str_empty(str_trim(rest))) {
        for (char *dir; next_home(&rest, home, &dir); free(dir)) {
            if (str_ends_with(str_of(dir), STR("/projects")) && is_directory(dir))
                file_walk_root(w, dir, TRANSCRIPT_CLAUDE);
            else
                walk_below(w, dir, "projects", TRANSCRIPT_CLAUDE);
        }
        return;
    }
    if (config && config[0] == '/')
        walk_below(w, config, "claude/projects", TRANSCRIPT_CLAUDE);
    else if (home && home[0])
        walk_below(w, home, ".config/claude/projects", TRANSCRIPT_CLAUDE);
    if (home && home[0])
        walk_below(w, home, ".claude/projects", TRANSCRIPT_CLAUDE);
}

/* ccusage looks into the folder itself where it has neither. */
static void walk_codex_home(struct file_walk *w, const char *dir)
{
    size_t before = w->roots;
    walk_below(w, dir, "sessions", TRANSCRIPT_CODEX);
    walk_below(w, dir, "archived_sessions", TRANSCRIPT_CODEX);
    if (w->ignores_links && w->roots == before)
        file_walk_root(w, dir, TRANSCRIPT_CODEX);
}

static void walk_codex(struct file_walk *w, const char *configured, const char *home)
{
    struct str rest = str_of(configured);
    struct buf dir = BUF_INIT;
    if (configured && configured[0]) {
        for (char *one; next_home(&rest, home, &one); free(one))
            walk_codex_home(w, one);
    } else if (home && home[0]) {
        buf_printf(&dir, "%s/.codex", home);
        walk_codex_home(w, dir.p);
    }
    buf_deinit(&dir);
}

void file_walk_homes(struct file_walk *w, const char *(*lookup)(const char *name), unsigned with)
{
    const char *home = lookup("HOME");
    if (with & (1U << TRANSCRIPT_CLAUDE))
        walk_claude(w, lookup, home);
    if (with & (1U << TRANSCRIPT_CODEX))
        walk_codex(w, lookup("CODEX_HOME"), home);
    if (with & (1U << TRANSCRIPT_GEMINI) && home && home[0])
        walk_below(w, home, ".gemini/tmp", TRANSCRIPT_GEMINI);
}

static int by_path(const void *a, const void *b)
{
    const struct file_walk_entry *x = a, *y = b;
    return strcmp(x->path, y->path);
}

static int by_inode(const void *a, const void *b)
{
    const struct file_walk_entry *const *x = a, *const *y = b;
    if ((*x)->device != (*y)->device)
        return (*x)->device < (*y)->device ? -1 : 1;
    if ((*x)->inode != (*y)->inode)
        return (*x)->inode < (*y)->inode ? -1 : 1;
    return strcmp((*x)->path, (*y)->path);
}

static void drop(struct file_walk_entry *f)
{
    free(f->path);
    f->path = NULL;
}

/* Of several names of one file the smallest stays. */
static void drop_other_names(struct file_walk *w)
{
    const struct file_walk_entry **order = xcalloc(w->count, sizeof(*order));
    for (size_t i = 0; i < w->count; i++)
        order[i] = &w->files[i];
    qsort(order, w->count, sizeof(*order), by_inode);
    size_t first = 0;
    for (size_t i = 1; i < w->count; i++) {
        if (order[i]->device == order[first]->device && order[i]->inode == order[first]->inode)
            drop(&w->files[order[i] - w->files]);
        else
            first = i;
    }
    free(order);
}

/* A root that was named twice. */
static void drop_same_paths(struct file_walk *w)
{
    for (size_t i = w->count; i-- > 1;)
        if (strcmp(w->files[i].path, w->files[i - 1].path) == 0)
            drop(&w->files[i]);
}

/* In path order X.jsonl comes right before X.jsonl.zst, but for names that go on with what sorts before
 * ".zst". */
static void drop_packed_twins(struct file_walk *w)
{
    for (size_t i = 0; i < w->count; i++) {
        if (!w->files[i].path || !str_ends_with(str_of(w->files[i].path), STR(".zst")))
            continue;
        CLEANUP(freep) char *plain = xstrndup(w->files[i].path, strlen(w->files[i].path) - 4);
        for (size_t k = i; k-- > 0;) {
            if (!w->files[k].path)
                continue;
            int order = strcmp(w->files[k].path, plain);
            if (order == 0)
                drop(&w->files[i]);
            if (order <= 0)
                break;
        }
    }
}

static void compact(struct file_walk *w)
{
    size_t kept = 0;
    for (size_t i = 0; i < w->count; i++)
        if (w->files[i].path)
            w->files[kept++] = w->files[i];
    w->count = kept;
}

void file_walk_finish(struct file_walk *w)
{
    if (w->count == 0)
        return;
    qsort(w->files, w->count, sizeof(w->files[0]), by_path);
    if (w->ignores_links)
        drop_same_paths(w);
    else
        drop_other_names(w);
    drop_packed_twins(w);
    compact(w);
}
