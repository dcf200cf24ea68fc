/* store_vfs.h -- a disk that fails on demand: SQLite's own, with the Nth write or fsync going wrong (spec 99
 * Faults).
 *
 * The test arms a fault, the store's threads meet it; the counters are atomic for that.  A write that fails
 * for lack of space has written its first half, as a real one may. */
#pragma once
#include <sqlite3.h>
#include <stdatomic.h>

enum vfs_fault { VFS_WRITE_FULL, VFS_WRITE_EIO, VFS_SYNC_EIO, VFS_FAULT_COUNT };

static struct {
    sqlite3_vfs vfs;
    sqlite3_vfs *real;
    atomic_int armed; /* enum vfs_fault, -1 none */
    atomic_long countdown;
    atomic_bool stays; /* goes on failing after the Nth */
    atomic_long fired;
} vfs_shim;

struct vfs_file {
    sqlite3_file base;
    sqlite3_file *real; /* behind this struct, in the same allocation */
};

static inline void vfs_arm(enum vfs_fault fault, long nth, bool stays)
{
    vfs_shim.countdown = nth;
    vfs_shim.stays = stays;
    vfs_shim.fired = 0;
    vfs_shim.armed = fault;
}

static inline void vfs_disarm(void)
{
    vfs_shim.armed = -1;
}

static inline bool vfs_fails(enum vfs_fault fault)
{
    if (vfs_shim.armed != (int)fault)
        return false;
    long left = atomic_fetch_sub(&vfs_shim.countdown, 1) - 1;
    if (left > 0 || (left < 0 && !vfs_shim.stays))
        return false;
    (void)atomic_fetch_add(&vfs_shim.fired, 1);
    return true;
}

static inline sqlite3_file *vfs_real(sqlite3_file *file)
{
    return ((struct vfs_file *)(void *)file)->real;
}

static int vfs_write(sqlite3_file *file, const void *p, int n, sqlite3_int64 offset)
{
    sqlite3_file *real = vfs_real(file);
    if (vfs_fails(VFS_WRITE_EIO))
        return SQLITE_IOERR_WRITE;
    if (vfs_fails(VFS_WRITE_FULL)) {
        (void)real->pMethods->xWrite(real, p, n / 2, offset);
        return SQLITE_FULL;
    }
    return real->pMethods->xWrite(real, p, n, offset);
}

static int vfs_sync(sqlite3_file *file, int flags)
{
    if (vfs_fails(VFS_SYNC_EIO))
        return SQLITE_IOERR_FSYNC;
    return vfs_real(file)->pMethods->xSync(vfs_real(file), flags);
}

#define VFS_PASS(name, parameters, ...)                                                                      \
    static int vfs_##name parameters                                                                         \
    {                                                                                                        \
        sqlite3_file *real = vfs_real(file);                                                                 \
        return real->pMethods->name(real, ##__VA_ARGS__);                                                    \
    }
VFS_PASS(xClose, (sqlite3_file * file))
VFS_PASS(xRead, (sqlite3_file * file, void *p, int n, sqlite3_int64 offset), p, n, offset)
VFS_PASS(xTruncate, (sqlite3_file * file, sqlite3_int64 size), size)
VFS_PASS(xFileSize, (sqlite3_file * file, sqlite3_int64 *size), size)
VFS_PASS(xLock, (sqlite3_file * file, int level), level)
VFS_PASS(xUnlock, (sqlite3_file * file, int level), level)
VFS_PASS(xCheckReservedLock, (sqlite3_file * file, int *ret), ret)
VFS_PASS(xFileControl, (sqlite3_file * file, int op, void *arg), op, arg)
VFS_PASS(xSectorSize, (sqlite3_file * file))
VFS_PASS(xDeviceCharacteristics, (sqlite3_file * file))
VFS_PASS(xShmMap, (sqlite3_file * file, int page, int size, int extend, void volatile **ret), page, size,
         extend, ret)
VFS_PASS(xShmLock, (sqlite3_file * file, int offset, int n, int flags), offset, n, flags)
VFS_PASS(xShmUnmap, (sqlite3_file * file, int delete), delete)

static void vfs_xShmBarrier(sqlite3_file *file)
{
    vfs_real(file)->pMethods->xShmBarrier(vfs_real(file));
}

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
    static const sqlite3_io_methods methods = {
        .iVersion = 2,
        .xClose = vfs_xClose,
        .xRead = vfs_xRead,
        .xWrite = vfs_write,
        .xTruncate = vfs_xTruncate,
        .xSync = vfs_sync,
        .xFileSize = vfs_xFileSize,
        .xLock = vfs_xLock,
        .xUnlock = vfs_xUnlock,
        .xCheckReservedLock = vfs_xCheckReservedLock,
        .xFileControl = vfs_xFileControl,
        .xSectorSize = vfs_xSectorSize,
        .xDeviceCharacteristics = vfs_xDeviceCharacteristics,
        .xShmMap = vfs_xShmMap,
        .xShmLock = vfs_xShmLock,
        .xShmBarrier = vfs_xShmBarrier,
        .xShmUnmap = vfs_xShmUnmap,
    };
    (void)vfs;
    struct vfs_file *f = (struct vfs_file *)(void *)file;
    f->real = (sqlite3_file *)(void *)(f + 1);
    int rc = vfs_shim.real->xOpen(vfs_shim.real, name, f->real, flags, ret_flags);
    f->base.pMethods = rc == SQLITE_OK ? &methods : NULL;
    return rc;
}

/* From now on every database of this process is on the disk that fails. */
static inline void vfs_install(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS,
                         0); /* as the store does, which cannot any more after this */
    vfs_shim.real = sqlite3_vfs_find(NULL);
    vfs_shim.vfs = *vfs_shim.real;
    vfs_shim.vfs.zName = "muster-faults";
    vfs_shim.vfs.szOsFile = (int)sizeof(struct vfs_file) + vfs_shim.real->szOsFile;
    vfs_shim.vfs.xOpen = vfs_open;
    vfs_shim.vfs.pNext = NULL;
    vfs_disarm();
    (void)sqlite3_vfs_register(&vfs_shim.vfs, 1);
}
