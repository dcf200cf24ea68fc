#include "run/cgroup.h"
#include "run/rundir.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 16

void cgroup_make(const char *parent, const char *key, char ret_path[CGROUP_PATH_MAX])
{
    int n = snprintf(ret_path, CGROUP_PATH_MAX, "%s/" RUN_CGROUP_PREFIX "%s", parent, key);
    if (n >= CGROUP_PATH_MAX || (mkdir(ret_path, 0755) < 0 && errno != EEXIST))
        ret_path[0] = '\0';
}

static int open_file(const char *path, const char *name, int flags)
{
    char file[CGROUP_PATH_MAX + 32];
    if (!path[0])
        return -1;
    (void)snprintf(file, sizeof(file), "%s/%s", path, name);
    return open(file, flags | O_CLOEXEC);
}

bool cgroup_is_populated(const char *path)
{
    char text[256] = "";
    int fd = open_file(path, "cgroup.events", O_RDONLY);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, sizeof(text) - 1);
    (void)close(fd);
    return n > 0 && strstr(text, "populated 1");
}

void cgroup_kill(const char *path)
{
    int fd = open_file(path, "cgroup.kill", O_WRONLY);
    if (fd < 0)
        return;
    (void)!write(fd, "1", 1);
    (void)close(fd);
}

/* A cgroup's files cannot be unlinked and go with it; only directories count. */
static void remove_below(int parent_fd, const char *name, int depth)
{
    if (unlinkat(parent_fd, name, AT_REMOVEDIR) == 0 || depth == DEPTH_MAX)
        return;
    int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir)
        return;
    for (struct dirent *d; (d = readdir(dir));)
        if (d->d_type == DT_DIR && strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
            remove_below(fd, d->d_name, depth + 1);
    (void)closedir(dir);
    (void)unlinkat(parent_fd, name, AT_REMOVEDIR);
}

void cgroup_remove(const char *path)
{
    if (path[0])
        remove_below(AT_FDCWD, path, 0);
}
