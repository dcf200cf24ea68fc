#include "io/git_place.h"

#include "base/buf.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define SMALL_BYTES 4096
#define PACKED_REFS_BYTES ((size_t)8 << 20)
#define HEAD_DIGITS 12

/* The first `max` bytes of a regular file. */
static bool read_part(const char *path, size_t max, struct buf *ret)
{
    struct stat st;
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY);
    buf_clear(ret);
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return false;
    size_t room = MIN((size_t)st.st_size, max);
    buf_reserve(ret, room + 1);
    while (ret->n < room) {
        ssize_t n = read(fd, ret->p + ret->n, room - ret->n);
        if (n < 0)
            return false;
        if (n == 0)
            break;
        ret->n += (size_t)n;
    }
    ret->p[ret->n] = '\0';
    return true;
}

static bool read_text(const char *directory, const char *name, struct buf *ret)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof(path), "%s/%s", directory, name);
    if (n < 0 || (size_t)n >= sizeof(path) || !read_part(path, SMALL_BYTES, ret))
        return false;
    return memchr(ret->p, '\0', ret->n) == NULL;
}

/* `path` as it is meant from `base`. */
static bool resolve(const char *base, struct str path, char ret[PATH_MAX])
{
    bool is_absolute = path.n > 0 && path.p[0] == '/';
    size_t base_n = is_absolute ? 0 : strlen(base);
    size_t at = is_absolute ? 0 : base_n + 1;
    if (path.n == 0 || at + path.n >= PATH_MAX)
        return false;
    memcpy(ret, base, base_n);
    if (!is_absolute)
        ret[base_n] = '/';
    memcpy(ret + at, path.p, path.n);
    ret[at + path.n] = '\0';
    return true;
}

/* Where HEAD is: .git itself, or what the file of that name in a linked worktree says. */
static bool find_git_folder(const char *top, char ret[PATH_MAX])
{
    struct buf text = BUF_INIT;
    struct stat st;
    bool found = resolve(top, STR(".git"), ret) && stat(ret, &st) == 0;
    if (found && !S_ISDIR(st.st_mode)) {
        struct str line = STR("");
        found = read_text(top, ".git", &text) && str_starts_with(buf_str(&text), STR("gitdir: "));
        if (found)
            line = str_trim((struct str){text.p + 8, text.n - 8});
        found = found && resolve(top, line, ret);
    }
    buf_deinit(&text);
    return found;
}

/* Where the refs are: of a linked worktree, in the repository that it is linked to. */
static void find_common_folder(const char *folder, char ret[PATH_MAX])
{
    struct buf text = BUF_INIT;
    if (!read_text(folder, "commondir", &text) || !resolve(folder, str_trim(buf_str(&text)), ret))
        (void)snprintf(ret, PATH_MAX, "%s", folder);
    buf_deinit(&text);
}

static bool is_id(struct str text)
{
    for (size_t i = 0; i < text.n; i++)
        if (!((text.p[i] >= '0' && text.p[i] <= '9') || (text.p[i] >= 'a' && text.p[i] <= 'f')))
            return false;
    return text.n == 40 || text.n == 64;
}

static void set_head(struct git_place *p, struct str id)
{
    if (is_id(id))
        (void)snprintf(p->head, sizeof(p->head), "%.*s", HEAD_DIGITS, id.p);
}

/* Lines of packed-refs are "ID REF"; others begin with '#' or '^'. */
static void find_packed(const char *common, struct str ref, struct git_place *p)
{
    char path[PATH_MAX];
    struct buf text = BUF_INIT;
    struct str rest, line;
    int n = snprintf(path, sizeof(path), "%s/packed-refs", common);
    if (n > 0 && (size_t)n < sizeof(path) && read_part(path, PACKED_REFS_BYTES, &text)) {
        rest = buf_str(&text);
        while (!p->head[0] && str_split(&rest, '\n', &line))
            if (line.n > ref.n && line.p[line.n - ref.n - 1] == ' ' && str_ends_with(line, ref))
                set_head(p, (struct str){line.p, line.n - ref.n - 1});
    }
    buf_deinit(&text);
}

static void find_commit(const char *folder, struct str ref, struct git_place *p)
{
    char common[PATH_MAX], name[512];
    struct buf text = BUF_INIT;
    find_common_folder(folder, common);
    (void)snprintf(name, sizeof(name), "%.*s", STR_ARG(ref));
    if (read_text(common, name, &text))
        set_head(p, str_trim(buf_str(&text)));
    else
        find_packed(common, ref, p);
    buf_deinit(&text);
}

/* "ref: refs/heads/NAME", or the id of a commit.  A ref that leads out of the repository is none. */
static bool read_head(const char *folder, struct git_place *p)
{
    struct buf text = BUF_INIT;
    bool found = read_text(folder, "HEAD", &text);
    struct str head = str_trim(buf_str(&text)), prefix = STR("ref: refs/heads/");
    if (found && str_starts_with(head, prefix)) {
        struct str name = {head.p + prefix.n, head.n - prefix.n};
        bool is_name = name.n > 0 && name.p[0] != '.' && name.n < sizeof(p->branch) &&
                       !memmem(name.p, name.n, "..", 2) && !memchr(name.p, '\n', name.n);
        if (is_name) {
            (void)snprintf(p->branch, sizeof(p->branch), "%.*s", STR_ARG(name));
            find_commit(folder, (struct str){head.p + 5, head.n - 5}, p);
        }
    } else if (found) {
        set_head(p, head);
    }
    buf_deinit(&text);
    return found;
}

bool git_place_read(const char *top, struct git_place *ret)
{
    char folder[PATH_MAX];
    struct git_place p = {0};
    *ret = p;
    if (strlen(top) >= sizeof(p.worktree) || !find_git_folder(top, folder) || !read_head(folder, &p))
        return false;
    (void)snprintf(p.worktree, sizeof(p.worktree), "%s", top);
    *ret = p;
    return true;
}
