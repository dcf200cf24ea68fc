#include "run/rundir.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/parse.h"
#include "run/record.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX_BYTES                                                                                       \
    ((off_t)16 << 20) /* of a spec; the kernel takes no larger argv and environment than 6 MiB */

void run_spec_deinit(struct run_spec *s)
{
    char *const texts[] = {s->agent, s->origin, s->workdir, s->stdin_path, s->cgroup,
                           s->task,  s->repo,   s->model,   s->effort};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        free(texts[i]);
    free_list(s->args);
    free_list(s->env);
    *s = (struct run_spec){0};
}

void rundir_new_key(char ret[RUNDIR_KEY_LEN + 1])
{
    hash_random_hex(RUNDIR_KEY_LEN / 2, ret);
}

bool rundir_key_valid(struct str key)
{
    for (size_t i = 0; i < key.n; i++)
        if (!memchr("0123456789abcdef", key.p[i], 16))
            return false;
    return key.n == RUNDIR_KEY_LEN;
}

/* --- files --- */

static int open_dir(const char *runs_dir, const char *key)
{
    struct buf path = BUF_INIT;
    if (!rundir_key_valid(str_of(key)))
        return -EINVAL;
    buf_printf(&path, "%s/%s", runs_dir, key);
    int fd = open(path.p, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int r = fd < 0 ? -errno : fd;
    buf_deinit(&path);
    return r;
}

static int open_file(const char *runs_dir, const char *key, const char *name, int flags)
{
    CLEANUP(closep) int dir_fd = open_dir(runs_dir, key);
    if (dir_fd < 0)
        return dir_fd;
    int fd = openat(dir_fd, name, flags | O_CLOEXEC, 0600);
    return fd < 0 ? -errno : fd;
}

static int read_all(int fd, struct buf *out)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX_BYTES)
        return -EFBIG;
    for (;;) {
        buf_reserve(out, 4096);
        ssize_t n = read(fd, out->p + out->n, 4096);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n == 0)
            return 0;
        out->n += n > 0 ? (size_t)n : 0;
        if (out->n > (size_t)FILE_MAX_BYTES)
            return -EFBIG;
    }
}

/* RUNDIR_E_ABSENT when there is no such file, or no such run. */
static int read_file(const char *runs_dir, const char *key, const char *name, struct buf *out)
{
    CLEANUP(closep) int fd = open_file(runs_dir, key, name, O_RDONLY);
    if (fd == -ENOENT)
        return RUNDIR_E_ABSENT;
    return fd < 0 ? fd : read_all(fd, out);
}

static int write_whole(int fd, struct str text)
{
    while (text.n > 0) {
        ssize_t n = write(fd, text.p, text.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        text.p += n;
        text.n -= (size_t)n;
    }
    return 0;
}

static int write_spec(int dir_fd, struct str text)
{
    CLEANUP(closep) int fd = openat(dir_fd, "spec.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int r = write_whole(fd, text);
    if (r == 0 && renameat(dir_fd, "spec.new", dir_fd, "spec") < 0)
        r = -errno;
    return r;
}

int rundir_create(const char *runs_dir, const struct run_spec *spec, struct err *e)
{
    struct buf text = BUF_INIT, path = BUF_INIT;
    assert(rundir_key_valid(str_of(spec->key)) && spec->args && spec->args[0]);
    buf_printf(&path, "%s/%s", runs_dir, spec->key);
    int r = mkdir(path.p, 0700) < 0 ? -errno : 0;
    if (r) {
        (void)err_set(e, ERR_INTERNAL, r, "cannot make %s: %s", path.p, strerror(-r));
        buf_deinit(&path);
        return r;
    }
    record_print_spec(spec, &text);
    int dir_fd = open_dir(runs_dir, spec->key);
    r = dir_fd < 0 ? dir_fd : write_spec(dir_fd, buf_str(&text));
    if (r) {
        (void)err_set(e, r == -ENOSPC ? ERR_STORAGE_FULL : ERR_INTERNAL, r, "cannot write %s/spec: %s",
                      path.p, strerror(-r));
        (void)!rundir_remove(runs_dir, spec->key);
    }
    closep(&dir_fd);
    buf_deinit(&text);
    buf_deinit(&path);
    return r;
}

static int report_read(int r, const char *runs_dir, const char *key, const char *name, struct err *e)
{
    if (r == RUNDIR_E_CORRUPT)
        return err_set(e, ERR_INTERNAL, r, "%s/%s/%s is not a file of a run", runs_dir, key, name);
    if (r < 0)
        return err_set(e, ERR_INTERNAL, r, "cannot read %s/%s/%s: %s", runs_dir, key, name, strerror(-r));
    return r;
}

int rundir_read_spec(const char *runs_dir, const char *key, struct run_spec *ret, struct err *e)
{
    struct buf text = BUF_INIT;
    int r = read_file(runs_dir, key, "spec", &text);
    if (r == 0 && !record_parse_spec(buf_str(&text), ret))
        r = RUNDIR_E_CORRUPT;
    buf_deinit(&text);
    return report_read(r, runs_dir, key, "spec", e);
}

int rundir_read_result(const char *runs_dir, const char *key, struct run_result *ret, struct err *e)
{
    struct buf text = BUF_INIT;
    int r = read_file(runs_dir, key, "result", &text);
    if (r == 0 && !record_parse_result(buf_str(&text), ret))
        r = RUNDIR_E_CORRUPT;
    buf_deinit(&text);
    return report_read(r, runs_dir, key, "result", e);
}

int rundir_read_process(const char *runs_dir, const char *key, const char *file, struct run_process *ret)
{
    struct buf text = BUF_INIT;
    bool is_shim = strcmp(file, "shim") == 0;
    assert(is_shim || strcmp(file, "agent") == 0);
    int r = read_file(runs_dir, key, file, &text);
    if (r == 0 && !(is_shim ? record_parse_shim : record_parse_agent)(buf_str(&text), ret))
        r = RUNDIR_E_CORRUPT;
    buf_deinit(&text);
    return r;
}

/* By trying: a shim that begins at this very moment tries again when it meets us. */
bool rundir_is_locked(const char *runs_dir, const char *key)
{
    CLEANUP(closep) int fd = open_file(runs_dir, key, "lock", O_RDONLY);
    return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

int rundir_mark_booked(const char *runs_dir, const char *key)
{
    int fd = open_file(runs_dir, key, "booked", O_WRONLY | O_CREAT);
    if (fd < 0)
        return fd;
    (void)close(fd);
    return 0;
}

bool rundir_is_booked(const char *runs_dir, const char *key)
{
    CLEANUP(closep) int dir_fd = open_dir(runs_dir, key);
    return dir_fd >= 0 && faccessat(dir_fd, "booked", F_OK, 0) == 0;
}

static int remove_entry(int dir_fd, const char *name)
{
    return unlinkat(dir_fd, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

static int remove_entries(int dir_fd)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir)
        return -errno;
    int r = 0;
    for (struct dirent *d; r == 0 && (d = readdir(dir));)
        if (d->d_type != DT_DIR && strcmp(d->d_name, "spec") != 0 && strcmp(d->d_name, "booked") != 0)
            r = remove_entry(dir_fd, d->d_name);
    (void)closedir(dir);
    return r;
}

/* `booked` goes last: until then whoever is interrupted, or looks, still sees a run that is done with. */
int rundir_remove(const char *runs_dir, const char *key)
{
    struct buf path = BUF_INIT;
    int dir_fd = open_dir(runs_dir, key);
    if (dir_fd < 0)
        return dir_fd;
    int r = remove_entries(dir_fd);
    if (r == 0)
        r = remove_entry(dir_fd, "spec");
    if (r == 0)
        r = remove_entry(dir_fd, "booked");
    closep(&dir_fd);
    buf_printf(&path, "%s/%s", runs_dir, key);
    if (r == 0 && rmdir(path.p) < 0)
        r = -errno;
    buf_deinit(&path);
    return r;
}

static bool take_mark(struct str *rest, char first, char second, bool *ret_is_second)
{
    if (rest->n < 2 || (rest->p[0] != first && rest->p[0] != second) || rest->p[1] != ' ')
        return false;
    *ret_is_second = rest->p[0] == second;
    rest->p += 2;
    rest->n -= 2;
    return true;
}

bool rundir_parse_output(struct str line, struct run_output_line *ret)
{
    struct run_output_line l = {0};
    struct str stamp, rest = line;
    if (!str_split(&rest, ' ', &stamp) || !parse_i64_in(stamp, 0, INT64_MAX, &l.at_us) ||
        !take_mark(&rest, 'o', 'e', &l.is_stderr) || !take_mark(&rest, 'F', 'P', &l.is_partial))
        return false;
    if (memchr(rest.p, '\n', rest.n))
        return false;
    l.text = rest;
    *ret = l;
    return true;
}
