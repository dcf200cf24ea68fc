#include "io/proc_reader.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#define LISTING_BYTES ((size_t)128 << 10) /* 4,000 processes in one getdents64 */

void proc_reader_init(struct proc_reader *r, const char *root)
{
    *r = (struct proc_reader){
        .root = xstrdup(root),
        .root_fd = -1,
        .listing = xcalloc(1, LISTING_BYTES),
    };
}

void proc_reader_deinit(struct proc_reader *r)
{
    assert(r->kept == 0);
    closep(&r->root_fd);
    free(r->pids);
    free(r->listing);
    free(r->root);
}

/* A pid, or -1 for the other names in /proc. */
static int64_t pid_of_name(const char *name)
{
    int64_t pid = 0;
    size_t n = 0;
    for (; name[n] >= '0' && name[n] <= '9' && n < 10; n++)
        pid = pid * 10 + (name[n] - '0');
    return n > 0 && name[n] == '\0' && name[0] != '0' ? pid : -1;
}

static void add_pid(struct proc_reader *r, int64_t pid)
{
    if (r->count == r->capacity) {
        r->capacity = r->capacity ? 2 * r->capacity : 256;
        r->pids = xrealloc(r->pids, r->capacity * sizeof(*r->pids));
    }
    r->pids[r->count++] = pid;
}

static void add_names(struct proc_reader *r, size_t n)
{
    for (size_t at = 0; at < n;) {
        const struct dirent64 *d = (const void *)(r->listing + at);
        int64_t pid = pid_of_name(d->d_name);
        if (pid > 0)
            add_pid(r, pid);
        at += d->d_reclen;
    }
}

static int pid_compare(const void *a, const void *b)
{
    int64_t x, y;
    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return (x > y) - (x < y);
}

/* The kernel lists pids in ascending order; the directory of a test does not. */
static void sort_pids(struct proc_reader *r)
{
    for (size_t i = 1; i < r->count; i++) {
        if (r->pids[i - 1] > r->pids[i]) {
            qsort(r->pids, r->count, sizeof(*r->pids), pid_compare);
            return;
        }
    }
}

/* Read anew for each listing: a program raises its limit when it likes. */
static size_t kept_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 0;
    return limit.rlim_cur == RLIM_INFINITY ? SIZE_MAX : (size_t)limit.rlim_cur / 4;
}

int proc_reader_list(struct proc_reader *r)
{
    ssize_t n;
    if (r->root_fd < 0)
        r->root_fd = open(r->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (r->root_fd < 0 || lseek(r->root_fd, 0, SEEK_SET) < 0)
        return -errno;
    r->count = 0;
    r->kept_max = kept_limit();
    while ((n = getdents64(r->root_fd, r->listing, LISTING_BYTES)) > 0)
        add_names(r, (size_t)n);
    if (n < 0)
        return -errno;
    sort_pids(r);
    return 0;
}

void proc_reader_close(struct proc_reader *r, int *fd)
{
    if (*fd < 0)
        return;
    closep(fd);
    r->kept--;
}

static enum reading reading_of_errno(int error)
{
    return error == ESRCH || error == ENOENT ? READING_GONE : READING_BAD;
}

/* Keeps the file when there is room. */
static enum reading open_line(struct proc_reader *r, int64_t pid, int *ret_fd, ssize_t *ret_n)
{
    char path[32];
    (void)snprintf(path, sizeof(path), "%lld/stat", (long long)pid);
    int fd = openat(r->root_fd, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return reading_of_errno(errno);
    ssize_t n = pread(fd, r->line, sizeof(r->line), 0);
    int error = errno;
    if (n >= 0 && r->kept < r->kept_max) {
        *ret_fd = fd;
        r->kept++;
    } else {
        closep(&fd);
    }
    if (n < 0)
        return reading_of_errno(error);
    *ret_n = n;
    return READING_OK;
}

enum reading proc_reader_read(struct proc_reader *r, int64_t pid, int *fd, struct proc_stat *ret)
{
    struct proc_stat s;
    ssize_t n = -1;
    if (*fd >= 0) {
        n = pread(*fd, r->line, sizeof(r->line), 0);
        /* That process has ended.  Its pid is listed, so it may be another's by now. */
        if (n < 0)
            proc_reader_close(r, fd);
    }
    if (n < 0) {
        enum reading reading = open_line(r, pid, fd, &n);
        if (reading != READING_OK)
            return reading;
    }
    if (!parse_proc_stat(r->line, (size_t)n, &s) || s.pid != pid)
        return READING_BAD;
    /* Between the parent's wait and the end of the entry the state is X, and the ticks are in the parent. */
    if (s.state == 'X' || s.state == 'x')
        return READING_GONE;
    *ret = s;
    return READING_OK;
}
