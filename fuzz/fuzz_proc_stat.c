/* fuzz_proc_stat.c -- parse_proc_stat over any bytes: it stays inside the line, and parse(print(x)) == x. */
#include "base/proc_stat.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t print_line(const struct proc_stat *s, char *line, size_t capacity)
{
    int head = snprintf(line, capacity, "%" PRId64 " (", s->pid);
    memcpy(line + head, s->comm, s->comm_n);
    size_t at = (size_t)head + s->comm_n;
    int tail =
        snprintf(line + at, capacity - at,
                 ") %c %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " 9 %" PRId64 " 11 %" PRId64
                 " 13 %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " 18 19 %" PRId64 " 21 %" PRId64
                 " %" PRId64 " %" PRId64 " 25\n",
                 s->state, s->ppid, s->pgrp, s->session, s->tty_nr, s->tpgid, s->minflt, s->majflt, s->utime,
                 s->stime, s->cutime, s->cstime, s->num_threads, s->starttime, s->vsize, s->rss);
    return at + (size_t)tail;
}

/* Everything but the pointer, which is another line's. */
static bool same(struct proc_stat a, struct proc_stat b)
{
    return a.comm_n == b.comm_n && memcmp(a.comm, b.comm, a.comm_n) == 0 && a.pid == b.pid &&
           a.state == b.state && a.ppid == b.ppid && a.pgrp == b.pgrp && a.session == b.session &&
           a.tty_nr == b.tty_nr && a.tpgid == b.tpgid && a.minflt == b.minflt && a.majflt == b.majflt &&
           a.utime == b.utime && a.stime == b.stime && a.cutime == b.cutime && a.cstime == b.cstime &&
           a.num_threads == b.num_threads && a.starttime == b.starttime && a.vsize == b.vsize &&
           a.rss == b.rss;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct proc_stat first, second;
    if (!parse_proc_stat((const char *)data, size, &first))
        return 0;
    size_t capacity = first.comm_n + 1024;
    char *line = malloc(capacity);
    if (!line)
        abort();
    size_t n = print_line(&first, line, capacity);
    if (!parse_proc_stat(line, n, &second) || !same(first, second))
        abort();
    free(line);
    return 0;
}
