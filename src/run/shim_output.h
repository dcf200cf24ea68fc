/* shim_output.h -- what the agent writes, stamped and kept within bounds.
 *
 * Bytes of two streams become the lines of DIR/output that rundir.h describes.  A line waits until it is
 * whole, so that the streams never mix inside one; what does not fit the small buffer waits in a memfd, which
 * is not our private memory.  A line longer than the limit becomes parts P P … F, to be joined by the reader.
 * Files are rotated at half of the bound.  A write that fails (ENOSPC, EIO) never stops the run: the file is
 * cut back to whole lines and the bytes count as dropped.  It does not read from the pipes.  One thread. */
#pragma once
#include "run/rundir.h"

#define SHIM_LINE_BYTES ((size_t)16 << 10)
#define SHIM_BATCH_BYTES ((size_t)32 << 10)

struct shim_line { /* of one stream, not yet terminated */
    char name;     /* o or e */
    size_t n;      /* in `bytes` */
    int spill_fd;  /* memfd with what came before `bytes`, or -1 */
    size_t spilled;
    char bytes[SHIM_LINE_BYTES];
};

struct shim_output {
    int dir_fd, fd; /* fd -1: could not be opened yet */
    int64_t half;   /* bytes of one file before it is rotated */
    int64_t size;   /* bytes in the present file */
    size_t line_max;
    bool is_torn;                                   /* the file ends inside of a line */
    int64_t total_bytes;                            /* that the agent wrote, LFs included */
    int64_t kept_bytes, kept_old_bytes, batch_kept; /* of these: in output, in output.1, in `batch` */
    struct shim_line lines[2];                      /* stdout, stderr */
    size_t batch_n;
    char batch[SHIM_BATCH_BYTES];
};

void shim_output_init(struct shim_output *o, int dir_fd, int64_t max_bytes);
void shim_output_feed(struct shim_output *o, int stream, const char *p,
                      size_t n); /* stream 0 stdout, 1 stderr */
void shim_output_flush(
    struct shim_output *o); /* whole lines to the file; call when there is nothing to read */
void shim_output_deinit(struct shim_output *o); /* what is unterminated too; the counters stay */
int64_t shim_output_dropped_bytes(const struct shim_output *o);
