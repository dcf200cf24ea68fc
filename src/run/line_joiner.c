#include "run/line_joiner.h"

#include "run/rundir.h"

void line_joiner_init(struct line_joiner *j)
{
    *j = (struct line_joiner){.line = BUF_INIT};
}

void line_joiner_deinit(struct line_joiner *j)
{
    buf_deinit(&j->line);
}

void line_joiner_add(struct line_joiner *j, struct str piece)
{
    size_t room = OUTPUT_LINE_MAX + 1 - j->line.n;
    size_t kept = MIN(piece.n, room);
    buf_add(&j->line, piece.p, kept);
    j->dropped_bytes += (int64_t)(piece.n - kept);
}

struct str line_joiner_line(const struct line_joiner *j)
{
    return buf_str(&j->line);
}

void line_joiner_next(struct line_joiner *j)
{
    buf_clear(&j->line);
}

bool line_joiner_feed(struct line_joiner *j, struct str *bytes)
{
    const char *end = bytes->n ? memchr(bytes->p, '\n', bytes->n) : NULL;
    size_t n = end ? (size_t)(end - bytes->p) : bytes->n;
    line_joiner_add(j, (struct str){bytes->p, n});
    size_t taken = n + (end ? 1 : 0);
    *bytes = (struct str){bytes->p + taken, bytes->n - taken};
    return end != NULL;
}
