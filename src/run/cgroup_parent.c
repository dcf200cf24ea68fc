#include "run/cgroup.h"
#include "run/rundir.h"

#include <linux/magic.h>
#include <stdio.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

/* "0::/path" is the line of version 2; the others belong to version 1. */
static bool own_path(char *ret, size_t size)
{
    FILE *f = fopen("/proc/self/cgroup", "re");
    char line[CGROUP_PATH_MAX];
    bool found = false;
    while (f && !found && fgets(line, sizeof(line), f)) {
        line[strcspn(line, "\n")] = '\0';
        found = strncmp(line, "0::/", 4) == 0;
    }
    if (f)
        (void)fclose(f);
    if (found)
        (void)snprintf(ret, size, "%s", strcmp(line, "0::/") == 0 ? "" : line + 3);
    return found;
}

static bool is_version_2(const char *mount)
{
    struct statfs fs;
    return statfs(mount, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

/* systemd is the only one to change what it has not delegated, and marks what it has. */
static bool is_ours(const char *path)
{
    char value[8] = "";
    if (access("/run/systemd/system", F_OK) != 0)
        return true;
    return (getxattr(path, "user.delegate", value, sizeof(value) - 1) > 0 ||
            getxattr(path, "trusted.delegate", value, sizeof(value) - 1) > 0) &&
           value[0] == '1';
}

void cgroup_find_parent(char ret_path[CGROUP_PATH_MAX])
{
    static const char *const mounts[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
    char own[CGROUP_PATH_MAX], path[2 * CGROUP_PATH_MAX], procs[2 * CGROUP_PATH_MAX + 16];
    ret_path[0] = '\0';
    for (size_t i = 0; i < COUNT_OF(mounts); i++) {
        if (!is_version_2(mounts[i]) || !own_path(own, sizeof(own)))
            continue;
        (void)snprintf(path, sizeof(path), "%s%s", mounts[i], own);
        (void)snprintf(procs, sizeof(procs), "%s/cgroup.procs", path);
        /* The name of a run's cgroup must fit behind it. */
        if (strlen(path) + sizeof("/" RUN_CGROUP_PREFIX) + RUNDIR_KEY_LEN <= CGROUP_PATH_MAX &&
            access(path, W_OK) == 0 && access(procs, W_OK) == 0 && is_ours(path))
            (void)snprintf(ret_path, CGROUP_PATH_MAX, "%.*s", CGROUP_PATH_MAX - 1, path);
        return;
    }
}
