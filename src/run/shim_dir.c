#include "run/shim_dir.h"
#include "run/proc_tree.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define LOCK_TRIES 100 /* 10 ms apart: who asks whether the shim lives holds the lock for a moment */
#define RESULT_MAX 1024

static const char *const outcome_names[] = {
    [RUN_EXITED] = "exited", [RUN_SIGNALED] = "signaled", [RUN_START_FAILED] = "start_failed"};

static void pause_ms(int ms)
{
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    (void)nanosleep(&pause, NULL);
}

int shim_dir_open(const char *path, struct shim_dir *ret)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    *ret = (struct shim_dir){.fd = fd, .lock_fd = -1};
    return 0;
}

static int write_and_sync(int fd, const char *text, size_t n)
{
    ssize_t written = write(fd, text, n);
    if (written < 0)
        return -errno;
    if ((size_t)written < n)
        return -ENOSPC;
    return fsync(fd) < 0 ? -errno : 0;
}

/* Synced, so that a power cut neither starts a run again nor loses its end. */
static int write_file(const struct shim_dir *d, const char *name, const char *text, size_t n,
                      unsigned int flags)
{
    char temporary[32];
    (void)snprintf(temporary, sizeof(temporary), "%s.new", name);
    int fd = openat(d->fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int r = write_and_sync(fd, text, n);
    if (close(fd) < 0 && r == 0)
        r = -errno;
    if (r == 0 && renameat2(d->fd, temporary, d->fd, name, flags) < 0)
        r = -errno;
    if (r == -EINVAL && flags) /* a file system without it; the lock keeps others away as well */
        r = renameat(d->fd, temporary, d->fd, name) < 0 ? -errno : 0;
    if (r)
        (void)unlinkat(d->fd, temporary, 0);
    else
        (void)fsync(d->fd);
    return r;
}

static bool has_file(const struct shim_dir *d, const char *name)
{
    return faccessat(d->fd, name, F_OK, 0) == 0;
}

static int take_lock(struct shim_dir *d)
{
    d->lock_fd = openat(d->fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (d->lock_fd < 0)
        return -errno;
    for (int i = 0; flock(d->lock_fd, LOCK_EX | LOCK_NB) < 0; i++) {
        if (errno != EWOULDBLOCK)
            return -errno;
        if (i == LOCK_TRIES || has_file(d, "shim"))
            return SHIM_DIR_E_TAKEN;
        pause_ms(10);
    }
    return 0;
}

static void read_boot_id(char *ret, size_t size)
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, ret, size - 1);
    if (fd >= 0)
        (void)close(fd);
    ret[n < 0 ? 0 : n] = '\0';
    ret[strcspn(ret, "\n")] = '\0';
}

int shim_dir_take(struct shim_dir *d)
{
    char boot_id[40], line[128];
    int r = take_lock(d);
    if (r)
        return r;
    if (has_file(d, "shim") || has_file(d, "result"))
        return SHIM_DIR_E_TAKEN;
    read_boot_id(boot_id, sizeof(boot_id));
    int n = snprintf(line, sizeof(line), "%d %" PRId64 " %s\n", (int)getpid(), proc_start_ticks(getpid()),
                     boot_id[0] ? boot_id : "-");
    r = write_file(d, "shim", line, (size_t)n, RENAME_NOREPLACE);
    return r == -EEXIST ? SHIM_DIR_E_TAKEN : r;
}

int shim_dir_write_agent(const struct shim_dir *d, const struct run_process *agent)
{
    char line[512];
    int n = snprintf(line, sizeof(line), "%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %s\n", agent->pid,
                     agent->start_ticks, agent->pgid, agent->started_at_us,
                     agent->cgroup[0] ? agent->cgroup : "-");
    return write_file(d, "agent", line, (size_t)n, 0);
}

static int format_result(const struct run_result *r, char text[RESULT_MAX])
{
    return snprintf(text, RESULT_MAX,
                    "version 1\noutcome %s\nexit_code %d\nsignal %d\ncause %s\nstart_errno %d\n"
                    "started_at_us %" PRId64 "\nended_at_us %" PRId64 "\nuser_us %" PRId64
                    "\nsystem_us %" PRId64 "\nmax_rss_bytes %" PRId64 "\noutput_bytes %" PRId64
                    "\noutput_dropped_bytes %" PRId64 "\nkilled %" PRId64 "\n",
                    outcome_names[r->outcome], r->exit_code, r->signal, r->cause, r->start_errno,
                    r->started_at_us, r->ended_at_us, r->user_us, r->system_us, r->max_rss_bytes,
                    r->output_bytes, r->output_dropped_bytes, r->killed);
}

int shim_dir_write_result(const struct shim_dir *d, const struct run_result *result)
{
    char text[RESULT_MAX];
    size_t n = (size_t)format_result(result, text);
    for (;;) {
        int r = write_file(d, "result", text, n, 0);
        if (r == 0 || r == -ENOENT || r == -ESTALE)
            return r;
        pause_ms(1000);
    }
}
