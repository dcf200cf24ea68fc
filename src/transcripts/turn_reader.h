/* turn_reader.h -- a transcript as turns, line by line (spec 60 T3, T4).
 *
 * Reads a file from its start, plain or .zst, or goes on where an earlier reading ended, in memory that does
 * not grow with it.  Lines that say nothing give nothing; what cannot be read is counted by reason and passed
 * over.  A tool's result is told the name and the command of its use, where that came shortly before.  The
 * unterminated end of a file that is being written waits: it is not read.  One thread. */
#pragma once
#include "base/pack.h"
#include "core/turn.h"
#include "transcripts/file_walk.h"
#include "transcripts/ledger.h"

struct turn_reader;
/* 0; -EPROTONOSUPPORT: of a TRANSCRIPT_UNKNOWN, no CLI that is known wrote it; or -errno. */
MUST_CHECK int turn_reader_open(const char *path, enum transcript_format format, struct turn_reader **ret);
/* Goes on behind what another one has read and put aside: -ESTALE when the file is not that one grown longer,
 * or `u` not what was put aside.  Not of a .zst file. */
MUST_CHECK int turn_reader_resume(const char *path, struct unpack *u, struct turn_reader **ret);
const char *turn_reader_error(int rc); /* what became of turn_reader_open or _next, in words */
struct turn_reader *turn_reader_free(struct turn_reader *r); /* NULL ok; returns NULL */
DEFINE_CLEANUP(struct turn_reader *, turn_reader_free)

/* 1: the turns of the next line that has any, valid until the next call; 0: the end; -errno, and -EBADMSG for
 * a .zst file that cannot be decompressed. */
MUST_CHECK int turn_reader_next(struct turn_reader *r, const struct turn **ret, size_t *ret_count);

struct turn_reader_facts {
    int64_t lines, offset; /* offset: behind the last whole line */
    uint64_t tail_hash;    /* as line_reader_tail_hash */
    enum transcript_format format;
    int64_t skipped[SKIP_REASONS];
};
void turn_reader_facts(const struct turn_reader *r, struct turn_reader_facts *ret);
/* At the end, for turn_reader_resume: where it stands, and what later lines are told of earlier ones.  False,
 * and nothing is added, where there is no going on: of a .zst file, and before the first whole line. */
MUST_CHECK bool turn_reader_save(const struct turn_reader *r, struct buf *out);
