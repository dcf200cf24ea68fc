/* line_reader.h -- the bytes of a transcript as runs of whole lines, in constant memory (spec 60 T1, T2, T3).
 *
 * Reads a plain file from an offset, or a .zst file from its start, and hands out slices of its buffer that
 * end with a line feed, as large as they come, so that a search may run over many lines at once.  A line
 * longer than the limit is skipped and counted.  The unterminated end is handed out last, marked: it is not
 * consumed. Read with read(2), never mapped: a file that is cut while it is read must not kill the reader.
 * One thread. */
#pragma once
#include "base/err.h"
#include "base/str.h"

#define LINE_READER_BUFFER ((size_t)256 * 1024)
#define LINE_READER_LINE_MAX ((size_t)8 * 1024 * 1024)
#define LINE_READER_TAIL                                                                                     \
    1024 /* bytes before the offset that tell whether a file was appended to or replaced */

struct line_reader;
/* 0, or -errno.  `line_max` 0: LINE_READER_LINE_MAX. */
MUST_CHECK int line_reader_open(const char *path, int64_t offset, size_t line_max, struct line_reader **ret);
struct line_reader *line_reader_free(struct line_reader *r); /* NULL ok; returns NULL */
DEFINE_CLEANUP(struct line_reader *, line_reader_free)

/* Of a plain file that has, or had, this many bytes: where they end reading ends, without asking whether
 * there is more by now.  What is read beyond, as it grew meanwhile, is handed out all the same. */
void line_reader_expect_end(struct line_reader *r, int64_t size);

struct line_run {
    struct str bytes;     /* whole lines with their line feeds; valid until the next call */
    bool is_unterminated; /* the end of the file instead: a line without line feed */
};
/* 1: *ret is filled; 0: the end; -errno, and -EBADMSG for a .zst file that cannot be decompressed. */
MUST_CHECK int line_reader_next(struct line_reader *r, struct line_run *ret);

int64_t line_reader_offset(const struct line_reader *r);  /* behind the last whole line, read or skipped */
int64_t line_reader_skipped(const struct line_reader *r); /* whole lines over the limit */
/* Of the bytes before the offset, LINE_READER_TAIL of them at most. */
uint64_t line_reader_tail_hash(const struct line_reader *r);
/* The same for a file, read afresh.  False when it is shorter, or cannot be read. */
bool line_reader_tail_matches(const char *path, int64_t offset, uint64_t hash);
bool line_reader_is_compressed(const char *path);
