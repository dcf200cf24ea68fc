#include "transcripts/line_reader.h"

#include "base/hash.h"

#include <fcntl.h>
#include <unistd.h>
#include <zstd.h>

struct place {
    int64_t offset;
    char tail[LINE_READER_TAIL]; /* the bytes before it */
    size_t tail_bytes;
};

struct line_reader {
    int fd;
    size_t line_max;
    char *data; /* owned; [start, end) is not handed out yet, [scanned, end) not looked through */
    size_t capacity, start, end, scanned;
    bool at_end, skipping, tail_done;
    int64_t skipped, expected_end;   /* expected_end: of the file; -1 when nothing is expected */
    struct place at, before_skipped; /* before_skipped: where a line begins that is being skipped */
    ZSTD_DStream *zstd;              /* owned; NULL for a plain file */
    char *packed;                    /* owned */
    ZSTD_inBuffer input;
    bool frame_open;
};

bool line_reader_is_compressed(const char *path)
{
    return str_ends_with(str_of(path), STR(".zst"));
}

struct line_reader *line_reader_free(struct line_reader *r)
{
    if (!r)
        return NULL;
    closep(&r->fd);
    (void)ZSTD_freeDStream(r->zstd);
    free(r->packed);
    free(r->data);
    free(r);
    return NULL;
}

static void remember_tail(struct place *at, const char *p, size_t n)
{
    if (n >= LINE_READER_TAIL) {
        memcpy(at->tail, p + n - LINE_READER_TAIL, LINE_READER_TAIL);
        at->tail_bytes = LINE_READER_TAIL;
        return;
    }
    size_t keep = MIN(at->tail_bytes, LINE_READER_TAIL - n);
    memmove(at->tail, at->tail + at->tail_bytes - keep, keep);
    memcpy(at->tail + keep, p, n);
    at->tail_bytes = keep + n;
}

static ssize_t read_at(int fd, char *p, size_t n, off_t at)
{
    size_t got = 0;
    while (got < n) {
        ssize_t k = pread(fd, p + got, n - got, at + (off_t)got);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return -errno;
        if (k == 0)
            break;
        got += (size_t)k;
    }
    return (ssize_t)got;
}

static int start_at(struct line_reader *r, int64_t offset)
{
    size_t n = (size_t)MIN(offset, (int64_t)LINE_READER_TAIL);
    ssize_t got = read_at(r->fd, r->at.tail, n, offset - (off_t)n);
    if (got < 0)
        return (int)got;
    r->at.tail_bytes = (size_t)got;
    r->at.offset = offset;
    return lseek(r->fd, offset, SEEK_SET) < 0 ? -errno : 0;
}

static void unpack_start(struct line_reader *r)
{
    r->zstd = ZSTD_createDStream();
    assert(r->zstd);
    (void)ZSTD_DCtx_setParameter(r->zstd, ZSTD_d_windowLogMax, 27);
    r->packed = xcalloc(1, ZSTD_DStreamInSize());
    r->input = (ZSTD_inBuffer){r->packed, 0, 0};
}

int line_reader_open(const char *path, int64_t offset, size_t line_max, struct line_reader **ret)
{
    struct line_reader *r = xnew(struct line_reader);
    r->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    int rc = r->fd < 0 ? -errno : 0;
    r->expected_end = -1;
    r->line_max = line_max ? line_max : LINE_READER_LINE_MAX;
    r->capacity = LINE_READER_BUFFER;
    r->data = malloc(r->capacity);
    assert(r->data);
    if (rc == 0 && line_reader_is_compressed(path))
        unpack_start(r);
    else if (rc == 0 && offset > 0)
        rc = start_at(r, offset);
    if (rc != 0) {
        (void)line_reader_free(r);
        return rc;
    }
    *ret = r;
    return 0;
}

void line_reader_expect_end(struct line_reader *r, int64_t size)
{
    r->expected_end = r->zstd ? -1 : size;
}

static ssize_t read_plain(struct line_reader *r, char *p, size_t n)
{
    ssize_t got;
    do
        got = read(r->fd, p, n);
    while (got < 0 && errno == EINTR);
    return got < 0 ? -errno : got;
}

static ssize_t read_packed(struct line_reader *r, char *p, size_t n)
{
    ZSTD_outBuffer out = {p, n, 0};
    while (out.pos == 0) {
        bool drained = r->input.pos == r->input.size;
        if (drained) {
            ssize_t got = read_plain(r, r->packed, ZSTD_DStreamInSize());
            if (got < 0)
                return got;
            r->input = (ZSTD_inBuffer){r->packed, (size_t)got, 0};
        }
        size_t hint = ZSTD_decompressStream(r->zstd, &out, &r->input);
        if (ZSTD_isError(hint))
            return -EBADMSG;
        if (out.pos == 0 && drained && r->input.size == 0)
            return r->frame_open ? -EBADMSG : 0;
        r->frame_open = hint != 0;
    }
    return (ssize_t)out.pos;
}

static void make_room(struct line_reader *r)
{
    if (r->start > 0) {
        memmove(r->data, r->data + r->start, r->end - r->start);
        r->scanned -= r->start;
        r->end -= r->start;
        r->start = 0;
    }
    if (r->end < r->capacity)
        return;
    r->capacity *= 2;
    r->data = xrealloc(r->data, r->capacity);
}

/* A buffer that a long line has blown up is given back once it is empty. */
static void shrink(struct line_reader *r)
{
    if (r->capacity <= LINE_READER_BUFFER || r->end - r->start > LINE_READER_BUFFER / 2)
        return;
    make_room(r);
    r->capacity = LINE_READER_BUFFER;
    r->data = xrealloc(r->data, r->capacity);
}

static int fill(struct line_reader *r)
{
    make_room(r);
    size_t room = r->capacity - r->end;
    ssize_t got = r->zstd ? read_packed(r, r->data + r->end, room) : read_plain(r, r->data + r->end, room);
    if (got < 0)
        return (int)got;
    r->end += (size_t)got;
    r->at_end = got == 0 || r->at.offset + (int64_t)(r->end - r->start) == r->expected_end;
    return 0;
}

static void consume(struct line_reader *r, size_t n)
{
    remember_tail(&r->at, r->data + r->start, n);
    r->at.offset += (int64_t)n;
    r->start += n;
    r->scanned = MAX(r->scanned, r->start);
}

/* The rest of a line that is too long: dropped up to its line feed. */
static bool drop_long_line(struct line_reader *r)
{
    const char *feed = memchr(r->data + r->start, '\n', r->end - r->start);
    size_t n = feed ? (size_t)(feed + 1 - (r->data + r->start)) : r->end - r->start;
    consume(r, n);
    r->skipping = feed == NULL;
    r->skipped += feed != NULL;
    r->scanned = r->start;
    return feed != NULL;
}

/* Whole lines, when there are any. */
static bool take_lines(struct line_reader *r, struct line_run *ret)
{
    const char *fresh = r->data + r->scanned;
    const char *feed = r->end > r->scanned ? memrchr(fresh, '\n', r->end - r->scanned) : NULL;
    r->scanned = r->end;
    if (!feed)
        return false;
    size_t n = (size_t)(feed + 1 - (r->data + r->start));
    *ret = (struct line_run){.bytes = {r->data + r->start, n}};
    consume(r, n);
    return true;
}

int line_reader_next(struct line_reader *r, struct line_run *ret)
{
    for (;;) {
        if (r->skipping && r->end > r->start && !drop_long_line(r))
            r->start = r->end = r->scanned = 0;
        if (!r->skipping && take_lines(r, ret))
            return 1;
        if (!r->skipping && r->end - r->start > r->line_max) {
            r->skipping = true;
            r->before_skipped = r->at;
            continue;
        }
        if (r->at_end)
            break;
        shrink(r);
        int rc = fill(r);
        if (rc != 0)
            return rc;
    }
    if (r->tail_done || r->skipping || r->end == r->start)
        return 0;
    r->tail_done = true;
    *ret = (struct line_run){{r->data + r->start, r->end - r->start}, true};
    return 1;
}

/* A long line that has not ended waits as any other does. */
static const struct place *place_of(const struct line_reader *r)
{
    return r->skipping ? &r->before_skipped : &r->at;
}

int64_t line_reader_offset(const struct line_reader *r)
{
    return place_of(r)->offset;
}

int64_t line_reader_skipped(const struct line_reader *r)
{
    return r->skipped;
}

uint64_t line_reader_tail_hash(const struct line_reader *r)
{
    const struct place *at = place_of(r);
    return hash_xx((struct str){at->tail, at->tail_bytes});
}

bool line_reader_tail_matches(const char *path, int64_t offset, uint64_t hash)
{
    char tail[LINE_READER_TAIL];
    size_t n = (size_t)MIN(offset, (int64_t)LINE_READER_TAIL);
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return false;
    return read_at(fd, tail, n, offset - (off_t)n) == (ssize_t)n && hash_xx((struct str){tail, n}) == hash;
}
