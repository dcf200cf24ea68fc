#include "transcripts/file_walk.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/pages.h"
#include "io/file.h"
#include "transcripts/dir_listings.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#define DEPTH_MAX 128

const char *const transcript_format_names[TRANSCRIPT_FORMAT_COUNT] = {"claude", "codex", "gemini"};

/* Paths lie in blocks: thousands of small allocations cost more than the walk.  The first is small, for those
 * who have few. */
struct file_walk_paths {
    struct file_walk_paths *next;
    size_t used, bytes; /* with this header */
    char text[];
};
#define FILES_FEW ((size_t)128)
#define FILES_MANY ((size_t)8192)
#define PATHS_FIRST_BYTES ((size_t)64 * 1024)
#define PATHS_BYTES ((size_t)1024 * 1024)

void file_walk_deinit(struct file_walk *w)
{
    while (w->paths) {
        struct file_walk_paths *next = w->paths->next;
        pages_free(w->paths, w->paths->bytes);
        w->paths = next;
    }
    pages_free(w->files, w->capacity * sizeof(w->files[0]));
    *w = (struct file_walk){0};
}

static char *keep_path(struct file_walk *w, struct str path)
{
    struct file_walk_paths *block = w->paths;
    if (!block || block->bytes - block->used <= path.n) {
        size_t bytes = MAX(block ? PATHS_BYTES : PATHS_FIRST_BYTES, sizeof(*block) + path.n + 1);
        block = pages_grow(NULL, 0, bytes);
        *block = (struct file_walk_paths){.next = w->paths, .used = sizeof(*block), .bytes = bytes};
        w->paths = block;
    }
    char *kept = (char *)block + block->used;
    memcpy(kept, path.p, path.n + 1);
    block->used += path.n + 1;
    return kept;
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

static struct file_walk_entry *new_entry(struct file_walk *w)
{
    if (w->count == w->capacity) {
        size_t item = sizeof(w->files[0]);
        size_t capacity = w->capacity ? MAX(FILES_MANY, 2 * w->capacity) : FILES_FEW;
        w->files = pages_grow(w->files, w->capacity * item, capacity * item);
        w->capacity = capacity;
    }
    return &w->files[w->count++];
}

void file_walk_copy(const struct file_walk *from, struct file_walk *ret)
{
    *ret = (struct file_walk){.unreadable = from->unreadable};
    for (size_t i = 0; i < from->count; i++) {
        struct file_walk_entry *f = new_entry(ret);
        *f = from->files[i];
        f->path = keep_path(ret, str_of(f->path));
    }
}

static void add_file(struct file_walk *w, const struct buf *path, size_t root_bytes,
                     enum transcript_format format, bool is_link, const struct stat *st)
{
    struct file_walk_entry *f = new_entry(w);
    *f = (struct file_walk_entry){.path = keep_path(w, buf_str(path)),
                                  .name_offset = (uint32_t)root_bytes + 1,
                                  .format = format,
                                  .has_other_names = is_link};
    take_stat(f, st);
}

bool file_walk_is_transcript(const char *path)
{
    struct str s = str_of(path);
    return str_ends_with(s, STR(".jsonl")) || str_ends_with(s, STR(".jsonl.zst"));
}

static bool is_transcript(const struct file_walk *w, const char *name)
{
    bool is_packed = str_ends_with(str_of(name), STR(".zst"));
    bool is_nameless = strcmp(name, ".jsonl") == 0; /* to ccusage a name without an ending */
    return file_walk_is_transcript(name) && !(w->ignores_packed && is_packed) &&
           !(w->ignores_links && is_nameless);
}

/* -- one directory -- */

/* A name and what the directory says it is, as a character: in a listing each is that character, the name and
 * a NUL. */
enum name_kind { KIND_FILE = 'f', KIND_DIRECTORY = 'd', KIND_LINK = 'l', KIND_UNKNOWN = '?' };

struct place { /* a directory that the walk is in */
    const struct place *above;
    dev_t device;
    ino_t inode;
};

struct walker {
    struct file_walk *walk;
    enum transcript_format format;
    int root;        /* everything is looked up below it */
    struct buf path; /* of what is looked at */
    size_t root_bytes;
    char entries[32 * 1024] __attribute__((aligned(8)));
};

static bool is_loop(const struct place *above, const struct stat *st)
{
    for (; above; above = above->above)
        if (above->device == st->st_dev && above->inode == st->st_ino)
            return true;
    return false;
}

static const char *below_root(const struct walker *k)
{
    return k->path.n > k->root_bytes ? k->path.p + k->root_bytes + 1 : ".";
}

static char kind_of(const struct dirent64 *entry)
{
    static const char kinds[] = {
        [DT_REG] = KIND_FILE, [DT_DIR] = KIND_DIRECTORY, [DT_LNK] = KIND_LINK, [DT_UNKNOWN] = KIND_UNKNOWN};
    char kind = entry->d_type < sizeof(kinds) ? kinds[entry->d_type] : '\0';
    struct str name = str_of(entry->d_name);
    bool is_dots = str_equal(name, STR(".")) || str_equal(name, STR(".."));
    bool is_other = kind == KIND_FILE && !file_walk_is_transcript(entry->d_name);
    return is_dots || is_other ? '\0' : kind;
}

static int read_entries(struct walker *k, int fd, struct buf *names)
{
    for (;;) {
        ssize_t n = getdents64(fd, k->entries, sizeof(k->entries));
        if (n <= 0)
            return n < 0 ? -errno : 0;
        for (ssize_t at = 0; at < n;) {
            const struct dirent64 *entry = (const void *)(k->entries + at);
            char kind = kind_of(entry);
            if (kind) {
                buf_add_char(names, kind);
                buf_add(names, entry->d_name, strlen(entry->d_name) + 1);
            }
            at += entry->d_reclen;
        }
    }
}

/* As whole paths are ordered, where what is below a directory stands for it. */
static int by_name(const void *a, const void *b)
{
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;
    size_t i = 1;
    while (x[i] && x[i] == y[i])
        i++;
    int p = x[i] ? (unsigned char)x[i] : x[0] == KIND_DIRECTORY ? '/' : 0;
    int q = y[i] ? (unsigned char)y[i] : y[0] == KIND_DIRECTORY ? '/' : 0;
    return p - q;
}

static void sort_names(struct buf *names)
{
    size_t count = 0, i = 0;
    for (const char *p = names->p; p < names->p + names->n; p += strlen(p) + 1)
        count++;
    const char **order = xcalloc(count + 1, sizeof(*order));
    for (const char *p = names->p; p < names->p + names->n; p += strlen(p) + 1)
        order[i++] = p;
    qsort(order, count, sizeof(*order), by_name);
    struct buf sorted = BUF_INIT;
    for (i = 0; i < count; i++)
        buf_add(&sorted, order[i], strlen(order[i]) + 1);
    free(order);
    buf_deinit(names);
    *names = sorted;
}

static struct dir_state state_of(const struct stat *st)
{
    return (struct dir_state){(int64_t)st->st_dev, (int64_t)st->st_ino, nanoseconds(st->st_mtim),
                              nanoseconds(st->st_ctim)};
}

static int read_directory(struct walker *k, struct stat *ret_state, struct buf *names)
{
    int64_t now_ns = k->walk->now_ns ? k->walk->now_ns : clock_wall_us() * 1000;
    CLEANUP(closep) int fd = openat(k->root, below_root(k), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, ret_state) != 0)
        return -errno;
    int rc = read_entries(k, fd, names);
    sort_names(names);
    struct dir_state state = state_of(ret_state);
    if (rc == 0 && k->walk->remembered && file_system_is_local_at(fd))
        dir_listings_put(k->walk->remembered, &state, now_ns, buf_str(names));
    return rc;
}

static bool is_remembered(const struct walker *k, const struct stat *st, struct str *ret_names)
{
    struct dir_state state = state_of(st);
    return k->walk->remembered && dir_listings_find(k->walk->remembered, &state, ret_names);
}

/* -- the tree -- */

static void enter(struct walker *k, const struct place *above, int depth, const struct stat *known);

/* What is at k->path. */
static void look(struct walker *k, const struct place *here, int depth, char kind, bool is_file)
{
    struct stat st;
    struct file_walk *w = k->walk;
    bool is_link = kind == KIND_LINK || kind == KIND_UNKNOWN;
    bool is_there = fstatat(k->root, below_root(k), &st, 0) == 0, is_dir = is_there && S_ISDIR(st.st_mode);
    if (is_there && S_ISREG(st.st_mode) && is_file) {
        add_file(w, &k->path, k->root_bytes, k->format, is_link, &st);
        return;
    }
    if (w->visit && (is_link || is_dir))
        w->visit(w->visit_arg, k->path.p, is_link, is_there ? &st : NULL);
    if (is_dir)
        enter(k, here, depth + 1, &st);
}

static void visit(struct walker *k, const struct place *here, int depth, char kind, const char *name)
{
    size_t length = k->path.n;
    bool is_file = is_transcript(k->walk, name);
    if ((kind == KIND_FILE && !is_file) || (kind == KIND_LINK && k->walk->ignores_links))
        return;
    buf_add_char(&k->path, '/');
    buf_add_text(&k->path, name);
    if (kind == KIND_DIRECTORY && !k->walk->remembered && !k->walk->visit)
        enter(k, here, depth + 1, NULL); /* whose state is of no interest before it is open */
    else
        look(k, here, depth, kind, is_file);
    k->path.n = length;
    k->path.p[length] = '\0';
}

/* The directory at k->path; `known` when it was looked at already. */
static void enter(struct walker *k, const struct place *above, int depth, const struct stat *known)
{
    struct stat st;
    struct str names;
    CLEANUP(buf_deinit) struct buf own = BUF_INIT;
    if (depth > DEPTH_MAX || (known && is_loop(above, known)))
        return;
    if (!known || !is_remembered(k, known, &names)) {
        int rc = read_directory(k, &st, &own);
        k->walk->unreadable += rc != 0 && rc != -ENOENT;
        names = buf_str(&own);
        if (!known && is_loop(above, &st)) /* below a link that leads up */
            return;
        known = &st;
    }
    struct place here = {above, known->st_dev, known->st_ino};
    for (const char *p = names.p, *end = p + names.n; p < end; p += strlen(p) + 1)
        visit(k, &here, depth, p[0], p + 1);
}

void file_walk_root(struct file_walk *w, const char *root, enum transcript_format format)
{
    struct walker k = {.walk = w, .format = format, .path = BUF_INIT};
    buf_add_text(&k.path, root);
    while (k.path.n > 1 && k.path.p[k.path.n - 1] == '/')
        k.path.p[--k.path.n] = '\0';
    k.root_bytes = k.path.n;
    k.root = open(k.path.p, O_PATH | O_CLOEXEC);
    struct stat st;
    bool is_there = k.root >= 0 && fstat(k.root, &st) == 0, is_dir = is_there && S_ISDIR(st.st_mode);
    if (w->visit)
        w->visit(w->visit_arg, k.path.p, true, is_there ? &st : NULL);
    w->roots += is_dir;
    w->unreadable += is_there && !is_dir;
    if (is_dir)
        enter(&k, NULL, 0, &st);
    closep(&k.root);
    buf_deinit(&k.path);
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

static bool is_sorted(const struct file_walk *w)
{
    for (size_t i = 1; i < w->count; i++)
        if (by_path(&w->files[i - 1], &w->files[i]) > 0)
            return false;
    return true;
}

/* Of several names of one file the smallest stays, which in path order comes first. */
static void drop_other_names(struct file_walk *w)
{
    size_t mask = 15;
    while (mask < 2 * w->count)
        mask = 2 * mask + 1;
    uint32_t *slots = xcalloc(mask + 1, sizeof(*slots)); /* number + 1 */
    for (size_t i = 0; i < w->count; i++) {
        struct file_walk_entry *f = &w->files[i], *first = NULL;
        uint64_t mixed = ((uint64_t)f->inode ^ (uint64_t)f->device << 40) * UINT64_C(0x9e3779b97f4a7c15);
        size_t slot = (size_t)(mixed >> 32) & mask;
        for (; slots[slot]; slot = (slot + 1) & mask) {
            first = &w->files[slots[slot] - 1];
            if (first->device == f->device && first->inode == f->inode)
                break;
        }
        if (slots[slot])
            f->path = NULL;
        else
            slots[slot] = (uint32_t)i + 1;
    }
    free(slots);
}

/* A root that was named twice. */
static void drop_same_paths(struct file_walk *w)
{
    for (size_t i = w->count; i-- > 1;)
        if (strcmp(w->files[i].path, w->files[i - 1].path) == 0)
            w->files[i].path = NULL;
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
                w->files[i].path = NULL;
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
    if (!is_sorted(w))
        qsort(w->files, w->count, sizeof(w->files[0]), by_path);
    if (w->ignores_links)
        drop_same_paths(w);
    else
        drop_other_names(w);
    drop_packed_twins(w);
    compact(w);
}
