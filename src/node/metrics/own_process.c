#include "node/metrics/own_process.h"

#include "base/clock.h"
#include "base/proc_stat.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static int64_t cpu_us(void)
{
    struct rusage u;
    if (getrusage(RUSAGE_SELF, &u) != 0)
        return -1;
    return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * USEC_PER_SEC + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

static int64_t max_fds(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return -1;
    return (int64_t)MIN(limit.rlim_cur, (rlim_t)INT64_MAX);
}

/* Since Linux 6.2 the folder's size is the number; before that it is 0 and has to be counted. */
static int64_t open_fds(int self)
{
    struct stat st;
    if (fstatat(self, "fd", &st, 0) == 0 && st.st_size > 0)
        return (int64_t)st.st_size;
    int fd = openat(self, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        closep(&fd);
        return -1;
    }
    int64_t count = -1; /* the one that reads is not meant */
    for (struct dirent *entry; (entry = readdir(dir));)
        count += entry->d_name[0] != '.';
    (void)closedir(dir);
    return count;
}

static bool read_stat(int self, struct proc_stat *ret)
{
    char line[2048];
    CLEANUP(closep) int fd = openat(self, "stat", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof(line));
    bool ok = n > 0 && parse_proc_stat(line, (size_t)n, ret);
    if (ok)
        ret->comm = NULL;
    return ok;
}

/* Ticks since boot, as a wall time.  A clock that is set moves it, as it does for all who read /proc. */
static int64_t wall_of_ticks(int64_t ticks)
{
    long per_second = sysconf(_SC_CLK_TCK);
    if (per_second <= 0)
        return -1;
    return clock_wall_us() - clock_boot_us() + ticks * (USEC_PER_SEC / per_second);
}

void own_process_read(const char *proc_root, struct own_process *ret)
{
    struct own_process own = {cpu_us(), -1, -1, max_fds(), -1, -1};
    char path[PATH_MAX];
    int length = snprintf(path, sizeof(path), "%s/self", proc_root);
    CLEANUP(closep) int self = -1;
    if (length > 0 && (size_t)length < sizeof(path))
        self = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct proc_stat stat;
    if (self >= 0)
        own.open_fds = open_fds(self);
    if (self >= 0 && read_stat(self, &stat)) {
        own.resident_bytes = stat.rss * sysconf(_SC_PAGESIZE);
        own.threads = stat.num_threads;
        own.start_time_us = wall_of_ticks(stat.starttime);
    }
    *ret = own;
}
