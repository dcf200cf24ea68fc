#include "io/proc_details.h"

#include "base/parse.h"
#include "io/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES 96
#define SMALL_FILE_BYTES 8192

static void path_of(char path[PATH_BYTES], int64_t pid, const char *name)
{
    (void)snprintf(path, PATH_BYTES, "/proc/%lld/%s", (long long)pid, name);
}

bool proc_file(int64_t pid, const char *name, size_t max, struct buf *ret)
{
    char path[PATH_BYTES];
    path_of(path, pid, name);
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    size_t before = ret->n;
    while (ret->n - before < max) {
        size_t room = MIN(max - (ret->n - before), (size_t)SMALL_FILE_BYTES);
        buf_reserve(ret, room);
        ssize_t n = read(fd, ret->p + ret->n, room);
        if (n <= 0)
            return n == 0;
        ret->n += (size_t)n;
        ret->p[ret->n] = '\0';
    }
    return true;
}

int64_t proc_kv_number(struct str text, const char *name)
{
    struct str line;
    size_t n = strlen(name);
    while (str_split(&text, '\n', &line)) {
        if (line.n <= n || line.p[n] != ':' || memcmp(line.p, name, n) != 0)
            continue;
        struct str value = str_trim((struct str){line.p + n + 1, line.n - n - 1}), digits = value;
        for (digits.n = 0; digits.n < value.n && value.p[digits.n] >= '0' && value.p[digits.n] <= '9';)
            digits.n++;
        int64_t number;
        return parse_i64(digits, &number) ? number : -1;
    }
    return -1;
}

int64_t proc_pss_bytes(int64_t pid)
{
    struct buf text = BUF_INIT;
    int64_t kib =
        proc_file(pid, "smaps_rollup", SMALL_FILE_BYTES, &text) ? proc_kv_number(buf_str(&text), "Pss") : -1;
    buf_deinit(&text);
    return kib < 0 || kib > INT64_MAX / 1024 ? -1 : kib * 1024;
}

static int64_t count_entries(const char *path)
{
    DIR *dir = opendir(path);
    const struct dirent *entry;
    int64_t count = 0;
    if (!dir)
        return -1;
    while ((entry = readdir(dir)))
        count += entry->d_name[0] != '.';
    (void)closedir(dir);
    return count;
}

/* Linux 6.2 and later give the count as the directory's size; before, the size is 0 and entries are counted.
 */
int64_t proc_fd_count(int64_t pid)
{
    char path[PATH_BYTES];
    struct stat st;
    path_of(path, pid, "fd");
    if (stat(path, &st) < 0)
        return -1;
    return st.st_size > 0 ? (int64_t)st.st_size : count_entries(path);
}

int64_t proc_fd_limit(int64_t pid)
{
    struct buf text = BUF_INIT;
    int64_t limit = -1;
    struct str rest, line;
    if (proc_file(pid, "limits", SMALL_FILE_BYTES, &text)) {
        rest = buf_str(&text);
        while (str_split(&rest, '\n', &line)) {
            long long soft;
            char copy[128];
            if (!str_starts_with(line, STR("Max open files")) || line.n >= sizeof(copy))
                continue;
            (void)snprintf(copy, sizeof(copy), "%.*s", STR_ARG(line));
            limit = sscanf(copy, "Max open files %lld", &soft) == 1 ? soft : INT64_MAX;
        }
    }
    buf_deinit(&text);
    return limit;
}

bool proc_command_line(int64_t pid, size_t max, struct buf *ret)
{
    size_t before = ret->n;
    return proc_file(pid, "cmdline", max, ret) && ret->n > before;
}

bool proc_link(int64_t pid, const char *name, struct buf *ret)
{
    char path[PATH_BYTES], target[PATH_MAX];
    path_of(path, pid, name);
    ssize_t n = readlink(path, target, sizeof(target));
    if (n <= 0)
        return false;
    buf_add(ret, target, (size_t)n);
    return true;
}

static int64_t number_in(const char *path)
{
    struct buf text = BUF_INIT;
    int64_t n = -1;
    if (file_read_small(path, 64, &text) == 0)
        (void)parse_i64(str_trim(buf_str(&text)), &n);
    buf_deinit(&text);
    return n;
}

/* Version 2: our group is the "0::" line, and every group above limits it too. */
static int64_t cgroup_limit_bytes(void)
{
    struct buf text = BUF_INIT, path = BUF_INIT;
    int64_t least = -1;
    struct str rest, line;
    if (file_read_small("/proc/self/cgroup", 4096, &text) == 0) {
        rest = buf_str(&text);
        while (str_split(&rest, '\n', &line)) {
            if (!str_starts_with(line, STR("0::")))
                continue;
            struct str group = {line.p + 3, line.n - 3};
            while (group.n > 0) {
                buf_clear(&path);
                buf_printf(&path, "/sys/fs/cgroup%.*s/memory.max", STR_ARG(group));
                int64_t n = number_in(path.p);
                least = n >= 0 && (least < 0 || n < least) ? n : least;
                while (group.n > 0 && group.p[--group.n] != '/')
                    ;
            }
        }
    }
    int64_t version_1 = number_in("/sys/fs/cgroup/memory/memory.limit_in_bytes");
    buf_deinit(&text);
    buf_deinit(&path);
    return least >= 0 ? least : version_1;
}

int64_t proc_memory_limit_bytes(void)
{
    struct buf text = BUF_INIT;
    int64_t kib =
        file_read_small("/proc/meminfo", 16384, &text) == 0 ? proc_kv_number(buf_str(&text), "MemTotal") : -1;
    buf_deinit(&text);
    int64_t total = kib < 0 ? -1 : kib * 1024, cgroup = cgroup_limit_bytes();
    return cgroup > 0 && (total < 0 || cgroup < total) ? cgroup : total;
}
