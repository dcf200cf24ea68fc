/* file.h -- small files, read whole and replaced whole.
 *
 * A reader of a file that file_write_atomic replaces sees the old bytes or the new ones, never a mixture and
 * never nothing: the bytes go into a temporary file of the same directory, which then takes the name.  A
 * crash may leave that temporary file behind; its name starts with FILE_TEMPORARY, and whoever owns the
 * directory removes such files. Blocks, so not for the loop thread where a disk may be slow.  Follows no
 * format and locks nothing.  Any thread. */
#pragma once
#include "base/buf.h"

#include <sys/types.h>

#define FILE_TEMPORARY ".tmp-"

/* Adds the whole file to *ret, which is as before on failure.  -EFBIG when it has more than max_bytes.  Files
 * of /proc and /sys too, whose size says 0. */
MUST_CHECK int file_read_small(const char *path, size_t max_bytes, struct buf *ret);

/* Replaces or creates `path`, with exactly this mode whatever the umask; a symbolic link is replaced, not
 * followed. Durable: file and name survive a power cut once this has returned 0.  When the very last step of
 * that fails, the error is returned although the new bytes are in place; after any other failure the old ones
 * are. */
MUST_CHECK int file_write_atomic(const char *path, struct str bytes, mode_t mode, bool durable);

/* mkdir -p: directories that exist stay as they are, new ones get mode & ~umask.  -ENOTDIR when a file is in
 * the way. */
MUST_CHECK int file_mkdirs(const char *path, mode_t mode);

/* Something has this name; false also when that cannot be known, and for a symbolic link to nothing. */
bool file_exists(const char *path);

/* Whether all that happens on that file system happens on this host, and shows in the times of directories:
 * not so what a network, a program or a foreign format keeps.  By statfs(2) or fstatfs(2). */
bool file_system_is_local(const char *path);
bool file_system_is_local_at(int fd);
