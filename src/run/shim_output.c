#include "run/shim_output.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <time.h>
#include <unistd.h>

#define HEADER_MAX 32                /* "EPOCH_US S F " */
#define HALF_MIN_BYTES INT64_C(4096) /* below that a rotation would be all that we do */

void shim_output_init(struct shim_output *o, int dir_fd, int64_t max_bytes)
{
    *o = (struct shim_output){.dir_fd = dir_fd, .fd = -1, .half = MAX(max_bytes / 2, HALF_MIN_BYTES)};
    /* A single line must fit a file, else the bound would be none. */
    o->line_max = MIN(OUTPUT_LINE_MAX, (size_t)o->half - HEADER_MAX - 1);
    for (int i = 0; i < 2; i++) {
        o->lines[i].name = "oe"[i];
        o->lines[i].spill_fd = -1;
    }
}

static bool write_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t r = write(fd, p, n);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return false;
        p += r;
        n -= (size_t)r;
    }
    return true;
}

static bool copy_all(int to, int from, size_t n)
{
    off_t at = 0;
    while ((size_t)at < n) {
        ssize_t r = sendfile(to, from, &at, n - (size_t)at);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return false;
    }
    return true;
}

static bool open_file(struct shim_output *o)
{
    if (o->fd < 0) /* not O_APPEND, which sendfile refuses; nobody else writes */
        o->fd = openat(o->dir_fd, "output", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    return o->fd >= 0;
}

/* After a write of `n` bytes: either all of it counts, or the file ends where it did before. */
static void settle_write(struct shim_output *o, bool ok, int64_t n, int64_t kept)
{
    if (ok) {
        o->size += n;
        o->kept_bytes += kept;
        o->is_torn = false;
    } else if (o->fd >= 0) {
        o->is_torn = ftruncate(o->fd, o->size) != 0 || lseek(o->fd, o->size, SEEK_SET) < 0;
    }
}

static bool mend(struct shim_output *o)
{
    if (!open_file(o))
        return false;
    if (o->is_torn && write_all(o->fd, "\n", 1)) {
        o->is_torn = false;
        o->size = lseek(o->fd, 0, SEEK_END);
    }
    return !o->is_torn;
}

void shim_output_flush(struct shim_output *o)
{
    if (o->batch_n == 0)
        return;
    settle_write(o, mend(o) && write_all(o->fd, o->batch, o->batch_n), (int64_t)o->batch_n, o->batch_kept);
    o->batch_n = 0;
    o->batch_kept = 0;
}

/* When the old file cannot be moved away, the bound wins over the lines. */
static void rotate(struct shim_output *o)
{
    if (o->fd < 0)
        return;
    if (renameat(o->dir_fd, "output", o->dir_fd, "output.1") == 0) {
        (void)close(o->fd);
        o->fd = -1;
        o->kept_old_bytes = o->kept_bytes;
    } else if (ftruncate(o->fd, 0) != 0 || lseek(o->fd, 0, SEEK_SET) < 0) {
        return;
    }
    o->kept_bytes = 0;
    o->size = 0;
    o->is_torn = false;
}

static int format_header(char *header, char stream, char kind)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    long long us = (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000;
    return snprintf(header, HEADER_MAX, "%lld %c %c ", us, stream, kind);
}

static void write_long(struct shim_output *o, const struct shim_line *l, const char *header, size_t header_n,
                       int64_t kept)
{
    bool ok = mend(o) && write_all(o->fd, header, header_n) && copy_all(o->fd, l->spill_fd, l->spilled) &&
              write_all(o->fd, l->bytes, l->n) && write_all(o->fd, "\n", 1);
    settle_write(o, ok, (int64_t)(header_n + l->spilled + l->n + 1), kept);
}

static void batch_line(struct shim_output *o, const struct shim_line *l, const char *header, size_t header_n,
                       int64_t kept)
{
    memcpy(o->batch + o->batch_n, header, header_n);
    memcpy(o->batch + o->batch_n + header_n, l->bytes, l->n);
    o->batch_n += header_n + l->n;
    o->batch[o->batch_n++] = '\n';
    o->batch_kept += kept;
}

static void emit(struct shim_output *o, struct shim_line *l, char kind)
{
    char header[HEADER_MAX];
    size_t header_n = (size_t)format_header(header, l->name, kind);
    size_t needed = header_n + l->spilled + l->n + 1;
    int64_t kept = (int64_t)(l->spilled + l->n) + (kind == 'F');
    bool is_full = o->size + (int64_t)(o->batch_n + needed) > o->half;
    if (is_full || l->spilled > 0 || o->batch_n + needed > sizeof(o->batch))
        shim_output_flush(o);
    if (is_full)
        rotate(o);
    if (l->spilled > 0)
        write_long(o, l, header, header_n, kept);
    else
        batch_line(o, l, header, header_n, kept);
    if (l->spill_fd >= 0)
        (void)close(l->spill_fd);
    l->spill_fd = -1;
    l->spilled = l->n = 0;
}

/* Without a memfd the line is cut into parts early: they join all the same. */
static void make_room(struct shim_output *o, struct shim_line *l)
{
    if (l->spill_fd < 0)
        l->spill_fd = memfd_create("line", MFD_CLOEXEC);
    if (l->spill_fd < 0 || !write_all(l->spill_fd, l->bytes, l->n)) {
        emit(o, l, 'P');
        return;
    }
    l->spilled += l->n;
    l->n = 0;
}

static void add_text(struct shim_output *o, struct shim_line *l, const char *p, size_t n)
{
    while (n > 0) {
        if (l->spilled + l->n == o->line_max)
            emit(o, l, 'P');
        else if (l->n == sizeof(l->bytes))
            make_room(o, l);
        size_t room = MIN(sizeof(l->bytes) - l->n, o->line_max - l->spilled - l->n);
        size_t part = MIN(n, room);
        memcpy(l->bytes + l->n, p, part);
        l->n += part;
        p += part;
        n -= part;
    }
}

void shim_output_feed(struct shim_output *o, int stream, const char *p, size_t n)
{
    struct shim_line *l = &o->lines[stream];
    o->total_bytes += (int64_t)n;
    while (n > 0) {
        const char *lf = memchr(p, '\n', n);
        size_t text_n = lf ? (size_t)(lf - p) : n;
        add_text(o, l, p, text_n);
        if (lf)
            emit(o, l, 'F');
        p += text_n + (lf != NULL);
        n -= text_n + (lf != NULL);
    }
}

void shim_output_deinit(struct shim_output *o)
{
    for (int i = 0; i < 2; i++)
        if (o->lines[i].spilled + o->lines[i].n > 0)
            emit(o, &o->lines[i], 'P');
    shim_output_flush(o);
    if (o->fd >= 0)
        (void)close(o->fd);
    o->fd = -1;
}

int64_t shim_output_dropped_bytes(const struct shim_output *o)
{
    return o->total_bytes - o->kept_bytes - o->kept_old_bytes;
}
