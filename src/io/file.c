#include "io/file.h"

#include "base/hash.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define CHUNK_BYTES ((size_t)16 << 10)

int file_read_small(const char *path, size_t max_bytes, struct buf *ret)
{
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    CLEANUP(buf_deinit) struct buf bytes = BUF_INIT;
    if (fd < 0)
        return -errno;
    for (;;) {
        buf_reserve(&bytes, CHUNK_BYTES);
        ssize_t n = read(fd, bytes.p + bytes.n, CHUNK_BYTES);
        if (n == 0)
            break;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        bytes.n += (size_t)n;
        if (bytes.n > max_bytes)
            return -EFBIG;
    }
    buf_add(ret, bytes.p, bytes.n);
    return 0;
}

static int write_all(int fd, struct str bytes)
{
    while (bytes.n > 0) {
        ssize_t n = write(fd, bytes.p, bytes.n);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0)
            bytes = (struct str){bytes.p + n, bytes.n - (size_t)n};
    }
    return 0;
}

/* By fchmod, because the umask cuts the mode of open; and before the bytes come, so that a failure has
 * written none. */
static int fill(int fd, struct str bytes, mode_t mode, bool durable)
{
    if (fchmod(fd, mode) < 0)
        return -errno;
    int rc = write_all(fd, bytes);
    if (rc == 0 && durable && fsync(fd) < 0)
        rc = -errno;
    return rc;
}

static int write_temporary(int dir, const char *name, struct str bytes, mode_t mode, bool durable)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int rc = fill(fd, bytes, mode, durable);
    if (close(fd) < 0 && rc == 0) /* where a file system on the net says that it is full */
        rc = -errno;
    if (rc < 0)
        (void)unlinkat(dir, name, 0);
    return rc;
}

/* The directory that holds `path`, and *ret_name, which points into it. */
static int open_parent(const char *path, const char **ret_name)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    if (name[0] == '\0')
        return path[0] == '\0' ? -ENOENT : -EISDIR;
    char *parent = slash == path ? xstrdup("/")
                   : slash       ? xstrndup(path, (size_t)(slash - path))
                                 : xstrdup(".");
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 ? -errno : fd;
    free(parent);
    if (rc >= 0)
        *ret_name = name;
    return rc;
}

int file_write_atomic(const char *path, struct str bytes, mode_t mode, bool durable)
{
    char temporary[sizeof(FILE_TEMPORARY) + 32] = FILE_TEMPORARY;
    const char *name = NULL;
    CLEANUP(closep) int dir = open_parent(path, &name);
    if (dir < 0)
        return dir;
    hash_random_hex(16, temporary + strlen(FILE_TEMPORARY));
    int rc = write_temporary(dir, temporary, bytes, mode, durable);
    if (rc < 0)
        return rc;
    if (renameat(dir, temporary, dir, name) < 0) {
        rc = -errno;
        (void)unlinkat(dir, temporary, 0);
        return rc;
    }
    return durable && fsync(dir) < 0 ? -errno : 0;
}

static int make_directory(const char *path, mode_t mode)
{
    struct stat st;
    if (mkdir(path, mode) == 0)
        return 0;
    int error = errno;
    /* Not only for EEXIST: on a read-only or foreign file system mkdir may refuse before it looks. */
    if (stat(path, &st) < 0)
        return -error;
    return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int file_mkdirs(const char *path, mode_t mode)
{
    CLEANUP(freep) char *prefix = xstrdup(path);
    int rc = 0;
    if (prefix[0] == '\0')
        return -ENOENT;
    for (char *at = prefix + 1; rc == 0; at++) {
        if (*at != '/' && *at != '\0')
            continue;
        char separator = *at;
        *at = '\0';
        rc = make_directory(prefix, mode);
        *at = separator;
        if (separator == '\0')
            break;
    }
    return rc;
}

bool file_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

static bool is_local(const struct statfs *fs)
{
    static const uint64_t local[] = {
        EXT4_SUPER_MAGIC,    XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC,     F2FS_SUPER_MAGIC,
        TMPFS_MAGIC,         RAMFS_MAGIC,     OVERLAYFS_SUPER_MAGIC, UINT64_C(0x2fc12fc1) /* ZFS */,
        UINT64_C(0xca451a4e) /* bcachefs */};
    for (size_t i = 0; i < COUNT_OF(local); i++)
        if ((uint64_t)fs->f_type == local[i])
            return true;
    return false;
}

bool file_system_is_local(const char *path)
{
    struct statfs fs;
    return statfs(path, &fs) == 0 && is_local(&fs);
}

bool file_system_is_local_at(int fd)
{
    struct statfs fs;
    return fstatfs(fd, &fs) == 0 && is_local(&fs);
}
